"""What types of events have been learned to do, and what past events did."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from test_drivers import DAYS, NEXT, ORIGIN, PANEL, PAST, REGIONS, WINDOWS, event, table_of

from analytics.almanac import Almanac
from analytics.drivers import Drivers
from analytics.effects import PROFILE, _beside_the_usual, learned_effects, past_cases
from analytics.forecast import forecast

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


def moved_by_weeks(seed: int) -> list[dict]:
    """The past events, each shifted by random weeks to where none was."""
    random = np.random.default_rng(seed)
    free = [day for day in range(20, 660) if min(abs((DAYS[day] - one["starts_on"]).days) for one in PAST) > 12]
    moved = []
    for one in PAST:
        weekday = [day for day in free if (DAYS[day] - one["starts_on"]).days % 7 == 0]
        start = DAYS[int(random.choice(weekday))]
        moved.append({**one, "starts_on": start, "ends_on": start + pd.Timedelta(days=2), "id": f"moved {start}"})
    return moved


def test_events_shifted_by_random_weeks_gain_nothing() -> None:
    """Placebo: on the true dates the error in the window falls by far, on shifted ones it does not."""
    inside = (PANEL["topic"] == "heat") & PANEL["day"].between(NEXT["starts_on"], NEXT["ends_on"])
    actual = PANEL[inside].set_index(["region", "topic", "day"])["complaints"]

    def error(events: list[dict] | None) -> float:
        drivers = Drivers(pd.DataFrame(events), windows=WINDOWS) if events else None
        said = forecast(PANEL, 7, drivers=drivers, end=ORIGIN.date()).set_index(["region", "topic", "day"])["mean"]
        return float((said.loc[actual.index] - actual).abs().sum())

    plain = error(None)
    assert error([*PAST, NEXT]) < 0.3 * plain
    shifted = [error([*moved_by_weeks(seed), NEXT]) for seed in range(3)]
    assert np.mean(shifted) > 0.85 * plain
    learned = learned_effects(PANEL, Drivers(pd.DataFrame(moved_by_weeks(0)), windows=WINDOWS), end=ORIGIN.date())
    heat = learned[(learned["topic"] == "heat") & learned["offset"].between(0, 2)]
    assert (heat["factor"] < 1.5).all()


def test_events_of_two_types_that_overlap_share_what_they_did_together() -> None:
    """Half of the outages come with a protest that does nothing: it must not take a share of what outages do."""
    protests = [event(one["starts_on"], id=f"protest {n}", type="protest") for n, one in enumerate(PAST) if n % 2]
    alone = [event(DAYS[start], id=f"alone {start}", type="protest") for start in (30, 100, 170, 240, 310, 380)]
    drivers = Drivers(pd.DataFrame([*PAST, *protests, *alone, NEXT]), windows={**WINDOWS, "protest": (2, 6)})
    learned = learned_effects(PANEL, drivers, end=ORIGIN.date())
    heat = learned[(learned["topic"] == "heat") & learned["offset"].between(0, 2)].groupby("type")["factor"].mean()
    assert 3.2 < heat["utilities.outage"] < 4.8
    assert heat["protest"] < 1.4


def test_an_event_on_a_holiday_is_not_counted_twice() -> None:
    """Holidays halve the counts, events multiply them by four; on a holiday both do so, not one of them twice."""
    days = pd.date_range(DAYS[0], DAYS[-1])
    off = pd.DatetimeIndex([day for day in days if day.day == 12 and day.day_of_week < 5])
    holidays = pd.DataFrame({"day": off, "name": "local day"})
    starts = [day for number, day in enumerate(off[:-1]) if number % 2 == 0 and day < ORIGIN]
    events = [event(day, ends_on=day, id=f"on {day}") for day in starts]
    events += [event(DAYS[start], ends_on=DAYS[start], id=f"off {start}") for start in (50, 175, 300, 428, 550)]
    panel = table_of(events)
    halved = panel["day"].isin(off)
    panel.loc[halved, "complaints"] = np.random.default_rng(1).binomial(panel.loc[halved, "complaints"], 0.5)
    drivers = Drivers(pd.DataFrame(events), windows={"utilities.outage": (0, 3)})
    learned = learned_effects(panel, drivers, almanac=Almanac(days=holidays), end=ORIGIN.date())
    heat = learned[(learned["topic"] == "heat") & (learned["offset"] == 0)]["factor"].iloc[0]
    assert 3.3 < heat < 4.8


def test_an_event_in_one_region_has_its_whole_effect_there_and_none_elsewhere() -> None:
    local = [{**one, "region": REGIONS[number % 3]} for number, one in enumerate(PAST)]
    coming = {**NEXT, "region": "West"}
    panel = table_of([*local, coming])
    drivers = Drivers(pd.DataFrame([*local, coming]), windows=WINDOWS)
    learned = learned_effects(panel, drivers, end=ORIGIN.date())
    heat = learned[(learned["topic"] == "heat") & learned["offset"].between(0, 2)]
    assert heat["factor"].between(3.2, 4.8).all()
    said = forecast(panel, 7, drivers=drivers, end=ORIGIN.date())
    plain = forecast(panel, 7, end=ORIGIN.date())
    inside = (said["topic"] == "heat") & said["day"].between(NEXT["starts_on"], NEXT["ends_on"])
    ratio = (said["mean"] / plain["mean"])[inside].groupby(said["region"]).mean()
    assert ratio["West"] > 2.8
    assert ratio[["North", "South"]].between(0.8, 1.2).all()


def test_days_of_a_past_event_that_were_not_loaded_are_no_quiet_days() -> None:
    days = pd.date_range("2024-01-01", periods=120)
    counts = np.full(120, 10.0)
    counts[60:62], counts[62:64] = 30.0, np.nan
    came, usual = _beside_the_usual(days, counts, days[60], days[63])
    assert (came, usual) == (60.0, 20.0)
