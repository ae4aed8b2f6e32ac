"""The rehearsal in the documentation is what the engine says today."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.accuracy.rehearsal import KIND, PAGE, lines, rehearsed, snowfalls

SHARED = Path(__file__).resolve().parents[2] / "shared"
NUMBER = re.compile(r"[−+]?\d[\d,]*\.?\d*")


@pytest.mark.skipif(not (SHARED / "bench" / "snow").exists(), reason="the panel of the snowy city is not there")
def test_the_page_of_the_rehearsal_is_not_stale() -> None:
    made, kept = "\n".join(lines(rehearsed(SHARED))), PAGE.read_text(encoding="utf-8")
    words = [re.sub(r"\s+", " ", NUMBER.sub("#", text)) for text in (made, kept)]
    assert words[0] == words[1], "run python -m tests.accuracy.rehearsal"
    now, then = (np.array([_value(one) for one in NUMBER.findall(text)]) for text in (made, kept))
    np.testing.assert_allclose(now, then, rtol=0.15, atol=3, err_msg="run python -m tests.accuracy.rehearsal")


def _value(written: str) -> float:
    return float(written.replace("−", "-").replace(",", "").rstrip("."))


def test_days_of_snow_that_lie_close_together_are_one_snowfall() -> None:
    days = pd.date_range("2017-01-01", periods=20)
    snow = np.zeros(20)
    snow[[2, 3, 4]] = 6, 1, 9  # a day of little snow between them
    snow[12] = 5  # too little
    snow[16] = 10
    found = snowfalls(pd.DataFrame({"day": days.astype("str"), "snow_cm": snow}))
    assert found["starts_on"].tolist() == [days[2], days[16]]
    assert found["ends_on"].tolist() == [days[4], days[16]]
    assert found["strength"].tolist() == [16, 10]
    assert (found["type"] == KIND).all()
