"""Events and weather in the forecast: learned from the past, used as known at the origin, never silently ignored."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from analytics.distribution import QUANTILES
from analytics.drivers import Drivers
from analytics.forecast import forecast, parts
from analytics.signals import spikes

DAYS = pd.date_range("2024-01-01", periods=700)
ORIGIN = DAYS[-8]
REGIONS, TOPICS = ("North", "South", "West"), ("roads", "heat")
WINDOWS = {"utilities.outage": (2, 6)}
STARTS = (60, 130, 205, 270, 345, 410, 480, 540, 610)


def event(start: pd.Timestamp, **given: Any) -> dict[str, Any]:
    usual = {
        "id": str(start),
        "type": "utilities.outage",
        "starts_on": start,
        "ends_on": start + pd.Timedelta(days=2),
        "region": "",
        "topic": "heat",
        "strength": np.nan,
        "known_since": start - pd.Timedelta(days=10),
        "cancelled": False,
    }
    return {**usual, **given}


def table_of(events: list[dict[str, Any]], factor: float = 4.0, seed: int = 3) -> pd.DataFrame:
    """Poisson counts with a weekly rhythm; an event of topic heat multiplies its days."""
    random = np.random.default_rng(seed)
    rows = []
    for region in REGIONS:
        for topic in TOPICS:
            mean = 12 * np.where(DAYS.day_of_week < 5, 1.0, 0.6)
            for one in events:
                inside = (one["starts_on"] <= DAYS) & (one["ends_on"] >= DAYS)
                if topic == "heat" and one["region"] in ("", region):
                    mean = np.where(inside, mean * factor, mean)
            rows.append(
                pd.DataFrame({"day": DAYS, "region": region, "topic": topic, "complaints": random.poisson(mean)})
            )
    return pd.concat(rows, ignore_index=True)


PAST = [event(DAYS[start]) for start in STARTS]
NEXT = event(DAYS[-6])
PANEL = table_of([*PAST, NEXT])


def ahead(events: list[dict[str, Any]] | None, **given: Any) -> pd.DataFrame:
    drivers = Drivers(pd.DataFrame(events), windows=WINDOWS) if events else None
    return forecast(PANEL, 7, drivers=drivers, end=ORIGIN.date(), **given)


def mean(found: pd.DataFrame, region: str, topic: str, day: pd.Timestamp) -> float:
    row = found[(found["region"] == region) & (found["topic"] == topic) & (found["day"] == day)]
    return float(row["mean"].iloc[0])


def test_an_announced_event_lifts_its_days_its_topic_and_the_totals_as_it_did_before() -> None:
    told, untold = ahead([*PAST, NEXT]), ahead(PAST)
    day = DAYS[-5]
    for region in REGIONS:
        assert 3.0 < mean(told, region, "heat", day) / mean(untold, region, "heat", day) < 5.0
        assert mean(told, region, "roads", day) == pytest.approx(mean(untold, region, "roads", day), rel=0.1)
        assert mean(told, region, "heat", DAYS[-7]) == pytest.approx(mean(untold, region, "heat", DAYS[-7]), rel=0.25)
    whole = told[(told["region"] == "*") & (told["topic"] == "*") & (told["day"] == day)]
    actual = PANEL[PANEL["day"] == day]["complaints"].sum()
    assert whole["0.025"].iloc[0] <= actual <= whole["0.975"].iloc[0]


def test_the_parts_say_what_is_the_events() -> None:
    found = parts(PANEL, 7, drivers=Drivers(pd.DataFrame([*PAST, NEXT]), windows=WINDOWS), end=ORIGIN.date())
    heat = found[(found["region"] == "North") & (found["topic"] == "heat")].set_index("day")
    assert heat.loc[DAYS[-5], "events"] > 3
    assert heat.loc[DAYS[-7], "weather"] == pytest.approx(1.0)
    product = heat[["level", "weekday", "season", "holiday", "events", "weather", "correction"]].prod(axis=1)
    np.testing.assert_allclose(product, heat["mean"], rtol=1e-6)


@pytest.mark.parametrize(
    "change",
    [{"cancelled": True}, {"cancelled": "true"}, {"known_since": ORIGIN + pd.Timedelta(days=1)}],
    ids=["cancelled", "cancelled in a file", "not known yet"],
)
def test_an_event_cancelled_or_not_known_yet_leaves_no_trace(change: dict[str, Any]) -> None:
    pd.testing.assert_frame_equal(ahead([*PAST, {**NEXT, **change}]), ahead(PAST))


def test_a_moved_event_moves() -> None:
    moved = ahead([*PAST, {**NEXT, "starts_on": DAYS[-3], "ends_on": DAYS[-1]}])
    plain = ahead(PAST)
    assert mean(moved, "North", "heat", DAYS[-2]) > 3 * mean(plain, "North", "heat", DAYS[-2])
    assert mean(moved, "North", "heat", DAYS[-6]) == pytest.approx(mean(plain, "North", "heat", DAYS[-6]), rel=0.1)


def test_an_event_stays_in_its_place() -> None:
    found = ahead([*PAST, {**NEXT, "region": "North|West"}])
    assert mean(found, "North", "heat", DAYS[-5]) > 3 * mean(found, "South", "heat", DAYS[-5])
    assert mean(found, "West", "heat", DAYS[-5]) > 3 * mean(found, "South", "heat", DAYS[-5])


def test_a_type_never_seen_leans_on_its_parent_and_is_doubted_more() -> None:
    known, new = ahead([*PAST, NEXT]), ahead([*PAST, {**NEXT, "type": "utilities.gas"}])
    plain = ahead(PAST)
    assert mean(new, "North", "heat", DAYS[-5]) > 1.3 * mean(plain, "North", "heat", DAYS[-5])
    orphan = ahead([*PAST, {**NEXT, "type": "festival"}])

    def width(found: pd.DataFrame) -> float:
        row = found[(found["region"] == "North") & (found["topic"] == "heat") & (found["day"] == DAYS[-5])]
        return float((row["0.9"] / row["0.5"]).iloc[0])

    assert width(orphan) > 1.2 * width(plain)
    assert width(new) > width(known)


def test_two_events_of_a_type_at_once_do_not_count_twice() -> None:
    once, twice = ahead([*PAST, NEXT]), ahead([*PAST, NEXT, {**NEXT, "id": "again"}])
    np.testing.assert_allclose(twice["mean"], once["mean"])


def test_strength_tells_where_it_is_known() -> None:
    events = [event(DAYS[start], strength=float(1 if number % 2 else 30)) for number, start in enumerate(STARTS)]
    pieces = [(one, 2.0 if one["strength"] == 1 else 6.0) for one in events]
    random = np.random.default_rng(5)
    rows = []
    for region in REGIONS:
        level = np.full(len(DAYS), 12.0)
        for one, factor in pieces:
            level = np.where((one["starts_on"] <= DAYS) & (one["ends_on"] >= DAYS), level * factor, level)
        rows.append(pd.DataFrame({"day": DAYS, "region": region, "topic": "heat", "complaints": random.poisson(level)}))
    panel = pd.concat(rows)

    def said(strength: float) -> float:
        drivers = Drivers(pd.DataFrame([*events, {**NEXT, "strength": strength}]), windows=WINDOWS)
        return mean(forecast(panel, 7, drivers=drivers, end=ORIGIN.date()), "North", "heat", DAYS[-5])

    assert said(30.0) > 1.7 * said(1.0)


def test_events_at_random_weeks_gain_nothing() -> None:
    """Placebo: the same counts without events, told of events that never were."""
    quiet = table_of([])
    random = np.random.default_rng(8)
    gains = []
    for _ in range(4):
        starts = np.sort(random.choice(np.arange(30, 680), 10, replace=False))
        events = [event(DAYS[start]) for start in starts] + [NEXT]
        found = forecast(quiet, 7, drivers=Drivers(pd.DataFrame(events), windows=WINDOWS), end=ORIGIN.date())
        plain = forecast(quiet, 7, end=ORIGIN.date())
        inside = (found["topic"] == "heat") & (found["region"] != "*") & found["day"].between(DAYS[-6], DAYS[-4])
        gains.append(float((found["mean"] / plain["mean"])[inside].mean()))
    assert abs(np.mean(gains) - 1) < 0.06


def test_nothing_after_the_origin_is_learned_from() -> None:
    random = np.random.default_rng(4)
    shuffled = PANEL.copy()
    after = shuffled["day"] > ORIGIN
    shuffled.loc[after, "complaints"] = random.permutation(shuffled.loc[after, "complaints"])
    drivers = Drivers(pd.DataFrame([*PAST, NEXT]), windows=WINDOWS)
    pd.testing.assert_frame_equal(
        forecast(shuffled, 7, drivers=drivers, end=ORIGIN.date()),
        forecast(PANEL, 7, drivers=drivers, end=ORIGIN.date()),
    )


# Weather


def snowy(seed: int = 6) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Snow in winter, and complaints that follow it for two days; the weather is observed every day."""
    random = np.random.default_rng(seed)
    winter = (DAYS.month <= 3) | (DAYS.month == 12)
    fallen = np.where(winter & (random.random(len(DAYS)) < 0.15), random.gamma(2, 6, len(DAYS)), 0.0)
    lying = fallen + np.roll(fallen, 1) / 2
    rows = [
        pd.DataFrame({"day": DAYS, "region": region, "topic": "snow", "complaints": random.poisson(1 + 2.0 * lying)})
        for region in REGIONS
    ]
    return pd.concat(rows, ignore_index=True), pd.DataFrame({"day": DAYS, "place": "", "snow_cm": fallen})


def test_snow_that_is_forecast_brings_its_complaints_and_only_what_was_issued_by_then_is_used() -> None:
    counts, weather = snowy()
    end = pd.Timestamp("2025-02-01")
    observed = weather[weather["day"] <= end].assign(issued_on=pd.NaT)
    coming = pd.DataFrame(
        {"day": pd.date_range("2025-02-02", periods=7), "place": "", "snow_cm": [0, 0, 25, 0, 0, 0, 0]}
    )

    def told(*tables: pd.DataFrame) -> pd.DataFrame:
        drivers = Drivers(weather=pd.concat([observed, *tables]))
        found = forecast(counts, 7, drivers=drivers, end=end.date(), levels="bottom")
        return found[found["region"] == "North"].set_index("day")

    snow, dry = told(coming.assign(issued_on=end)), told(coming.assign(issued_on=end, snow_cm=0.0))
    day = pd.Timestamp("2025-02-04")
    assert snow.loc[day, "mean"] > 5 * dry.loc[day, "mean"]
    assert snow.loc[day - pd.Timedelta(days=1), "mean"] == pytest.approx(dry.loc[day - pd.Timedelta(days=1), "mean"])
    late = coming.assign(issued_on=end + pd.Timedelta(days=1), snow_cm=99.0)
    true_later = weather[weather["day"] > end].assign(issued_on=pd.NaT, snow_cm=99.0)
    pd.testing.assert_frame_equal(told(coming.assign(issued_on=end), late, true_later), snow)


def test_beyond_the_reach_of_the_weather_forecast_winter_is_more_open_than_its_mean() -> None:
    counts, weather = snowy()
    end = pd.Timestamp("2025-02-01")
    drivers = Drivers(weather=weather[weather["day"] <= end].assign(issued_on=pd.NaT))
    known = Drivers(
        weather=pd.concat([drivers.weather, weather[weather["day"] > end].assign(issued_on=end, snow_cm=0.0)])
    )
    options = {"end": end.date(), "levels": "bottom"}
    unseen = forecast(counts, 7, drivers=drivers, **options)  # type: ignore[arg-type]
    dry = forecast(counts, 7, drivers=known, **options)  # type: ignore[arg-type]
    assert (unseen["0.95"] / unseen["0.5"].clip(lower=1)).mean() > 1.3 * (dry["0.95"] / dry["0.5"].clip(lower=1)).mean()


def test_forecasts_with_drivers_are_whole_ordered_and_add_up() -> None:
    found = ahead([*PAST, NEXT])
    values = found[QUANTILES].to_numpy()
    assert (np.diff(values, axis=1) >= 0).all()
    assert (values == np.round(values)).all()
    bottom = found[(found["region"] != "*") & (found["topic"] != "*")].groupby("day")["mean"].sum()
    grand = found[(found["region"] == "*") & (found["topic"] == "*")].set_index("day")["mean"]
    np.testing.assert_allclose(bottom, grand)


def test_an_announced_event_makes_a_spike_probable() -> None:
    told = spikes(PANEL, 7, drivers=Drivers(pd.DataFrame([*PAST, NEXT]), windows=WINDOWS), end=ORIGIN.date())
    untold = spikes(PANEL, 7, end=ORIGIN.date())
    of = (told["topic"] == "heat") & told["day"].between(DAYS[-6], DAYS[-4])
    assert told.loc[of, "probability"].mean() > 0.6
    assert untold.loc[of, "probability"].mean() < 0.25
    pd.testing.assert_series_equal(told["threshold"], untold["threshold"])


def test_without_any_event_the_table_of_events_has_days_to_reckon_with() -> None:
    none = Drivers().usable_events(ORIGIN)
    assert none.empty
    for name in ("starts_on", "ends_on"):
        assert (none[name] - ORIGIN).dt.days.tolist() == []
    assert none["strength"].dtype == float
