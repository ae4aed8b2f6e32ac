"""The forecast of a selection: which series of the ledger it is, and how good its record is."""

from __future__ import annotations

import pandas as pd
import pytest

from analytics.filters import Filters
from analytics.selected_forecast import Series, quality, series_of, usual_on


@pytest.mark.parametrize(
    ("filters", "series"),
    [
        (Filters(), Series("*", "*", own=True)),
        (Filters(regions=("A",)), Series("A", "*", own=True)),
        (Filters(regions=("A",), topic_groups=("G",)), Series("A", "G", own=True)),
        (Filters(regions=("A", "B")), Series("*", "*", own=False)),
        (Filters(regions=("A",), topics=("T",)), Series("A", "*", own=False)),
        (Filters(kinds=("complaint",)), Series("*", "*", own=False)),
    ],
)
def test_a_selection_has_its_own_series_or_the_nearest(filters: Filters, series: Series) -> None:
    assert series_of(filters) == series


@pytest.mark.parametrize(
    ("judged", "skill", "inside", "grade"),
    [
        (10, 0.5, 0.8, "unknown"),
        (100, 0.2, 0.8, "good"),
        (100, 0.05, 0.8, "fair"),
        (100, 0.2, 0.99, "fair"),
        (100, -0.1, 0.8, "poor"),
        (100, 0.2, 0.5, "poor"),
    ],
)
def test_the_badge_follows_its_rule(judged: int, skill: float, inside: float, grade: str) -> None:
    record = pd.DataFrame([{"lead": "all", "forecasts": judged, "skill": skill, "coverage_80": inside}])
    assert quality(record) == grade


def test_usual_is_the_median_of_the_same_weekdays() -> None:
    days = pd.date_range("2026-10-01", periods=28)
    actual = pd.DataFrame({"day": days, "complaints": [10.0 if day.day_of_week == 4 else 1.0 for day in days]})
    assert usual_on(actual, pd.Timestamp("2026-11-06").date()) == 10.0
