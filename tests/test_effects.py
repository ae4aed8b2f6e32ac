"""What types of events have been learned to do, and what past events did."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from test_drivers import DAYS, NEXT, ORIGIN, PANEL, PAST, WINDOWS

from analytics.drivers import Drivers
from analytics.effects import PROFILE, learned_effects, past_cases

DRIVERS = Drivers(pd.DataFrame([*PAST, NEXT]), windows=WINDOWS)


@pytest.fixture(scope="module")
def learned() -> pd.DataFrame:
    """Of outages that multiply the heat's complaints by four on three days."""
    return learned_effects(PANEL, DRIVERS, end=ORIGIN.date())


def test_an_effect_is_a_profile_over_the_days_of_its_window(learned: pd.DataFrame) -> None:
    assert list(learned) == PROFILE
    assert set(learned["topic"]) == {"*", "heat", "roads"}
    heat = learned[learned["topic"] == "heat"].set_index("offset")
    assert heat.index.tolist() == list(range(-2, 9))
    assert (heat["lasts"] == 3).all()
    assert (heat["cases"] == len(PAST)).all()
    assert heat.loc[0:2, "factor"].between(3.4, 4.6).all()
    assert (heat.loc[0:2, "0.1"] < 4).all()
    assert (heat.loc[0:2, "0.9"] > 4).all()


def test_what_does_nothing_is_called_so(learned: pd.DataFrame) -> None:
    heat, roads = (learned[learned["topic"] == name].set_index("offset") for name in ("heat", "roads"))
    assert not heat.loc[0:2, "nothing"].any()
    assert roads["nothing"].mean() > 0.7
    assert (learned["nothing"] == ((learned["0.1"] <= 1) & (learned["0.9"] >= 1))).all()


def test_past_events_are_told_with_what_was_usual() -> None:
    found = past_cases(PANEL, DRIVERS, end=ORIGIN.date())
    assert found["id"].tolist() == [one["id"] for one in reversed(PAST)]
    assert found["ratio"].between(3.2, 4.8).all()
    first = PAST[0]
    inside = (PANEL["topic"] == "heat") & PANEL["day"].between(first["starts_on"], first["ends_on"])
    assert found["complaints"].iloc[-1] == PANEL.loc[inside, "complaints"].sum()
    np.testing.assert_allclose(found["ratio"], found["complaints"] / found["usual"])


def test_without_events_there_are_no_effects_and_no_cases() -> None:
    none = Drivers()
    assert learned_effects(PANEL, none, end=ORIGIN.date()).empty
    assert past_cases(PANEL, none, end=DAYS[100].date()).empty
