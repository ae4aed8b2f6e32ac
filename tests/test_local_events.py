"""An event that names a municipality acts there, and through the sums on its region; nowhere else."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from conftest import NOW
from test_drivers import DAYS, ORIGIN, STARTS, WINDOWS, event
from test_ledger import export

from analytics.almanac import Almanac
from analytics.drivers import Drivers
from analytics.effects import past_cases
from analytics.event_days import event_days
from analytics.events import import_events
from analytics.forecast import Engine, forecast
from analytics.grounds import lay_grounds
from analytics.imports import import_files
from analytics.kept_grounds import read_grounds
from analytics.municipal_events import municipal_factors
from analytics.panel import Panel, dense_panel
from analytics.quick_rehearsal import play
from analytics.refresh import prepare_rehearsals
from analytics.rehearsal import Rehearsal, in_all, rehearse
from analytics.store import Store
from analytics.why import reasons

PLACES = {"North": ("Alpha", "Beta", "Gamma"), "South": ("Delta", "Epsilon")}
SHARES = {"North": {"Alpha": 0.2, "Beta": 0.3, "Gamma": 0.5}, "South": {"Delta": 0.4, "Epsilon": 0.6}}
BY_TOPIC = {(region, topic): shares for region, shares in SHARES.items() for topic in ("roads", "heat")}
FACTOR = 4.0


def local(start: pd.Timestamp, municipality: str, **given: Any) -> dict[str, Any]:
    region = next(region for region, names in PLACES.items() if municipality in names)
    return event(start, id=f"{municipality} {start}", region=region, municipality=municipality, **given)


PAST = [
    local(DAYS[start + 5 * number], name)
    for number, name in enumerate(("Alpha", "Beta", "Gamma", "Delta", "Epsilon"))
    for start in STARTS
]
NEXT = local(DAYS[-6], "Alpha")


def table(events: list[dict[str, Any]], seed: int = 5) -> pd.DataFrame:
    """Poisson counts of municipalities; an event of topic heat multiplies its municipality's days by four."""
    random = np.random.default_rng(seed)
    rows = []
    for region, shares in SHARES.items():
        for municipality, share in shares.items():
            for topic in ("roads", "heat"):
                mean = 60 * share * np.where(DAYS.day_of_week < 5, 1.0, 0.6)
                for one in events:
                    inside = (one["starts_on"] <= DAYS) & (one["ends_on"] >= DAYS)
                    if topic == "heat" and one["municipality"] == municipality:
                        mean = np.where(inside, mean * FACTOR, mean)
                names = {"region": region, "municipality": municipality, "topic": topic}
                rows.append(pd.DataFrame({"day": DAYS, **names, "complaints": random.poisson(mean)}))
    return pd.concat(rows, ignore_index=True)


NARROW = table([*PAST, NEXT])
WIDE = NARROW.groupby(["day", "region", "topic"], as_index=False)["complaints"].sum()


def known(events: list[dict[str, Any]], **given: Any) -> Drivers:
    return Drivers(pd.DataFrame(events), windows=WINDOWS, **given)


def factors(found: pd.DataFrame, without: pd.DataFrame, **names: str) -> np.ndarray:
    """With over without, on the three days of the event."""
    chosen = found["day"].between(DAYS[-6], DAYS[-4])
    for name, value in names.items():
        chosen &= found[name] == value
    return (found.loc[chosen, "mean"] / without.loc[chosen, "mean"]).to_numpy()


def test_other_municipalities_are_left_as_they_are_and_the_region_is_the_sum() -> None:
    engine = Engine(NARROW, 7, drivers=known([*PAST, NEXT]), end=ORIGIN.date())
    found, without = engine.forecast(), engine.forecast(without=[NEXT["id"]])
    assert np.abs(factors(found, without, municipality="Alpha", topic="heat") / FACTOR - 1).max() < 0.2
    for municipality in ("Beta", "Gamma", "Delta"):
        assert (factors(found, without, municipality=municipality, topic="heat") == 1).all()
    assert (factors(found, without, municipality="Alpha", topic="roads") == 1).all()
    keys = ["day", "region", "topic"]
    own = found[(found[["region", "municipality", "topic"]] != "*").all(axis=1)]
    sums = own.groupby(keys)["mean"].sum()
    region = found[(found["municipality"] == "*") & (found["region"] != "*") & (found["topic"] != "*")]
    np.testing.assert_allclose(region.set_index(keys)["mean"].reindex(sums.index), sums, rtol=1e-6)
    assert found.attrs["notices"] == []


def test_in_a_series_of_the_whole_region_an_event_acts_on_the_municipality_s_share() -> None:
    engine = Engine(WIDE, 7, drivers=known([*PAST, NEXT], shares=BY_TOPIC), end=ORIGIN.date())
    found, without = engine.forecast(), engine.forecast(without=[NEXT["id"]])
    right = 1 + 0.2 * (FACTOR - 1)
    assert np.abs(factors(found, without, region="North", topic="heat") / right - 1).max() < 0.1
    assert (factors(found, without, region="South", topic="heat") == 1).all()
    assert found.attrs["notices"] == []


def test_what_was_learned_of_municipalities_holds_for_a_whole_region_too() -> None:
    whole = event(DAYS[-6], id="whole", region="North", municipality="")
    engine = Engine(WIDE, 7, drivers=known([*PAST, whole], shares=BY_TOPIC), end=ORIGIN.date())
    found = factors(engine.forecast(), engine.forecast(without=["whole"]), region="North", topic="heat")
    assert np.abs(found / FACTOR - 1).max() < 0.3


def test_without_a_known_share_the_whole_region_is_taken_and_this_is_said() -> None:
    engine = Engine(WIDE, 7, drivers=known([*PAST, NEXT]), end=ORIGIN.date())
    found, without = engine.forecast(), engine.forecast(without=[NEXT["id"]])
    assert (factors(found, without, region="North", topic="heat") > 1.1).all()
    (notice,) = found.attrs["notices"]
    assert f"{len(PAST) + 1} events name a municipality" in notice
    assert "the whole region" in notice


def test_a_municipality_without_complaints_changes_nothing_and_this_is_said() -> None:
    stray = event(DAYS[-6], id="stray", region="North", municipality="Omega")
    engine = Engine(NARROW, 7, drivers=known([*PAST, stray]), end=ORIGIN.date())
    found, without = engine.forecast(), engine.forecast(without=["stray"])
    np.testing.assert_array_equal(found["mean"], without["mean"])
    assert "1 events name a municipality of which the panel has no complaints" in found.attrs["notices"][0]


def test_events_of_whole_regions_say_what_they_said_with_an_empty_municipality() -> None:
    plain = [{key: value for key, value in one.items() if key != "municipality"} for one in [*PAST, NEXT]]
    empty = [{**one, "municipality": ""} for one in plain]
    pd.testing.assert_frame_equal(
        forecast(NARROW, 7, drivers=known(plain), end=ORIGIN.date()),
        forecast(NARROW, 7, drivers=known(empty), end=ORIGIN.date()),
    )


@pytest.fixture(scope="module")
def rehearsed() -> Rehearsal:
    return rehearse(pd.DataFrame([NEXT]), NARROW, drivers=known(PAST), end=ORIGIN.date())


def test_a_rehearsal_tells_the_municipality_its_region_and_no_other(rehearsed: Rehearsal) -> None:
    sums = in_all(rehearsed)
    touched = sums[sums["extra"].abs() > 1e-6]
    assert set(touched["municipality"]) == {"Alpha", "*"}
    assert set(touched["region"]) == {"North", "*"}
    alpha = sums[(sums["municipality"] == "Alpha") & (sums["topic"] == "heat")].iloc[0]
    north = sums[(sums["region"] == "North") & (sums["municipality"] == "*") & (sums["topic"] == "heat")].iloc[0]
    assert alpha["extra"] == pytest.approx(north["extra"], rel=1e-3)
    assert alpha["extra_low"] == pytest.approx(north["extra_low"], rel=1e-3)


def test_the_past_cases_are_told_of_their_municipality(rehearsed: Rehearsal) -> None:
    cases = rehearsed.cases
    assert cases["ratio"].between(2.5, 6.0).all()
    assert (cases["municipality"] != "").all()


def test_a_past_case_in_a_municipality_is_told_by_that_municipality_s_complaints() -> None:
    towns = dense_panel(NARROW, ORIGIN.date())
    found = past_cases(WIDE, known(PAST, towns=towns), end=ORIGIN.date())
    assert found["ratio"].between(2.5, 6.0).all()
    pd.testing.assert_frame_equal(found, past_cases(NARROW, known(PAST), end=ORIGIN.date()))
    assert past_cases(WIDE, known(PAST), end=ORIGIN.date())["ratio"].min() < 2  # nothing is known of municipalities
    stray = [{**PAST[0], "municipality": "Omega"}]
    whole = [{**PAST[0], "municipality": ""}]
    lost, region = (past_cases(WIDE, known(one, towns=towns), end=ORIGIN.date()) for one in (stray, whole))
    assert lost["complaints"].tolist() == region["complaints"].tolist()
    events = pd.DataFrame([NEXT]).assign(unit="", title="")
    drivers = known(PAST, shares=BY_TOPIC, towns=towns)
    rehearsed = rehearse(events, WIDE, drivers=drivers, end=ORIGIN.date())
    assert rehearsed.cases["ratio"].between(2.5, 6.0).all()


def test_the_store_s_past_cases_count_the_municipality_that_the_event_names(store: Store, tmp_path: Path) -> None:
    import_files(store, [export(tmp_path / "a.csv", range(120))], now=NOW)
    named = {"id": "1", "type": "utilities.accident", "region": "Калужская область", "topic": "ЖКХ"}
    days = {"starts_on": "2025-10-06", "ends_on": "2025-10-12"}
    import_events(store, pd.DataFrame([{**named, **days, "municipality": "Калуга"}]), now=NOW)
    prepare_rehearsals(store, now=NOW)
    counted = store.query(
        "select sum(complaints) as complaints from daily_counts where municipality = 'Калуга' "
        "and topic_group = 'ЖКХ' and kind = 'complaint' and opened_on between '2025-10-06' and '2025-10-12'"
    )
    grounds = read_grounds(store)
    assert grounds is not None
    case = grounds.cases.set_index("id").loc["1"]  # beside those that follow from rules
    assert case["complaints"] == counted["complaints"].iloc[0] > 0


@pytest.fixture(scope="module")
def wide() -> Panel:
    return dense_panel(WIDE, ORIGIN.date())


def test_on_grounds_laid_before_a_municipality_s_event_does_what_it_does_learned_anew(wide: Panel) -> None:
    drivers = known(PAST, shares=BY_TOPIC)
    slow = rehearse(pd.DataFrame([NEXT]), wide, drivers=drivers, horizon=365).days
    events = pd.DataFrame([NEXT]).assign(unit="", title="")
    quick = play(lay_grounds(wide, drivers, Almanac()), events, [NEXT["id"]], WINDOWS)
    assert quick.shares[NEXT["id"]] == pytest.approx(0.2)
    for region, topic in (("North", "heat"), ("North", "*"), ("South", "heat"), ("*", "*")):
        theirs = slow[(slow["region"] == region) & (slow["topic"] == topic)].set_index("day")
        ours = quick.by_day(region, topic).set_index("day")
        for name in ("with_event", "without_event", "extra", "extra_low", "extra_high"):
            np.testing.assert_allclose(ours[name], theirs.loc[ours.index, name], rtol=2e-3, atol=5e-2)
        for name in ("probability_with", "probability_without"):
            np.testing.assert_allclose(ours[name], theirs.loc[ours.index, name], atol=0.02)
    stray = pd.DataFrame([{**NEXT, "municipality": "Omega"}]).assign(unit="", title="")
    lost = play(lay_grounds(wide, drivers, Almanac()), stray, [NEXT["id"]], WINDOWS)
    assert np.isnan(lost.shares[NEXT["id"]])
    assert lost.by_day("North", "heat")["extra"].sum() > 2 * quick.by_day("North", "heat")["extra"].sum()


def test_days_of_an_event_are_those_of_its_municipality_and_its_totals() -> None:
    names = [("North", "Alpha"), ("North", "Beta"), ("North", "*"), ("South", "Delta")]
    series = pd.DataFrame(names, columns=["region", "municipality"]).assign(topic="heat")
    found = event_days(series, DAYS, Almanac(), known([NEXT]))[:, -6]
    assert found.tolist() == [True, False, True, False]
    alone = series.drop(columns="municipality").iloc[[0, 3]]
    assert event_days(alone, DAYS, Almanac(), known([NEXT]))[:, -6].tolist() == [True, False]


def test_a_signal_s_reason_names_the_municipality_of_its_event() -> None:
    told = [{**one, "title": "No heat"} for one in [*PAST, NEXT]]
    engine = Engine(WIDE, 7, drivers=known(told, shares=BY_TOPIC), end=ORIGIN.date())
    signals = pd.DataFrame({"region": ["North"], "topic": ["heat"], "peak_day": [DAYS[-6]], "usual": [50.0]})
    why = json.loads(reasons(engine, signals)[0])
    assert why["events"] > 1.3
    assert "No heat (Alpha)" in why["events_named"]


def test_municipal_forecasts_take_what_was_learned_of_the_regions(wide: Panel) -> None:
    grounds = lay_grounds(wide, known([*PAST, NEXT], shares=BY_TOPIC), Almanac())
    found = municipal_factors(grounds, 7, WINDOWS)
    assert set(found["topic"]) == {"heat"}
    alone = found[found["day"] >= NEXT["starts_on"]]
    assert set(alone["municipality"]) == {"Alpha"}
    inside = alone[alone["day"].between(DAYS[-6], DAYS[-4])]
    assert len(inside) == 3
    assert inside["factor"].between(2.8, 5.6).all()


def test_a_store_without_a_single_event_has_forecasts_reasons_and_no_factors(wide: Panel) -> None:
    none = known([*PAST]).events.head(0)
    nothing = Drivers(none, windows=WINDOWS)
    grounds = replace(lay_grounds(wide, nothing, Almanac()), events=none)
    assert municipal_factors(grounds, 7, WINDOWS).empty
    engine = Engine(WIDE, 7, drivers=nothing, end=ORIGIN.date())
    signals = pd.DataFrame({"region": ["North"], "topic": ["heat"], "peak_day": [DAYS[-6]], "usual": [50.0]})
    assert json.loads(reasons(engine, signals)[0])["events_named"] == []
