"""Thresholds, signals within their budget, what people said of them, and how often they came true."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_drivers import DAYS, NEXT, ORIGIN, PANEL, PAST, WINDOWS

from analytics.__main__ import app
from analytics.drivers import Drivers
from analytics.errors import BadInput
from analytics.filters import Filters
from analytics.forecast import Engine, probability
from analytics.imports import import_files
from analytics.ledger import issued, issued_municipal
from analytics.own_keeping import keep_own_table
from analytics.panel import Panel
from analytics.place_days import courses, place_chances
from analytics.queries import daily_counts
from analytics.refresh import refresh
from analytics.signal_days import by_region, over
from analytics.signal_ledger import folded_by_cause, give_feedback, issued_signals
from analytics.signal_record import signal_record
from analytics.signals import _medians, find_signals, within_budget
from analytics.store import Store, open_store
from analytics.thresholds import year_thresholds
from analytics.why import reasons
from tests.countries import NOW, REGIONS, make_store
from tests.making import incidents

TOPIC = "Благоустройство"  # which rises at the end of the stores of these tests


def panel_of(counts: np.ndarray) -> Panel:
    days = pd.date_range("2025-01-01", periods=counts.shape[1])
    series = pd.DataFrame({"region": [f"region {row}" for row in range(len(counts))], "topic": "roads"})
    return Panel(days, series, counts.astype(np.float32))


def slow_threshold(counts: np.ndarray, days: int) -> int:
    """Day by day, as the issue of thresholds is told in words."""
    last = [float(count) for count in counts[-364:]]
    sums = [sum(last[start : start + days]) for start in range(len(last) - days + 1)]
    known = sorted(one for one in sums if not np.isnan(one))
    high, middle = np.quantile(known, 0.95), np.median(known)
    return int(np.ceil(max(3.0, high, 1.5 * middle) - 1e-9))


@given(st.integers(0, 5000), st.sampled_from([1, 7]), st.floats(0.05, 60))
def test_the_threshold_of_the_year_is_what_it_is_said_to_be(seed: int, days: int, mean: float) -> None:
    random = np.random.default_rng(seed)
    counts = random.poisson(mean, (2, 400)).astype(float)
    counts[0, 50:60] = np.nan
    counts[1, 300:305] = np.nan
    found = year_thresholds(counts, days)
    assert found.tolist() == [slow_threshold(row, days) for row in counts]


@pytest.fixture(scope="module")
def engine() -> Engine:
    """A panel with an announced event ahead."""
    drivers = Drivers(pd.DataFrame([*PAST, {**NEXT, "title": "No heat"}]), windows=WINDOWS)
    return Engine(PANEL, 28, drivers=drivers, end=ORIGIN.date())


def test_an_announced_event_becomes_one_signal_a_place_with_its_reason(engine: Engine) -> None:
    signals = find_signals(engine, engine.forecast("all"))
    heat = signals[(signals["topic"] == "heat") & (signals["first_day"] <= DAYS[-4])].set_index("region")
    for region in ("North", "South", "West"):
        signal = heat.loc[region]
        assert signal["first_day"] == DAYS[-6]
        assert signal["last_day"] == DAYS[-4]
        assert signal["probability"] > 0.6
        assert signal["expected"] > 2 * signal["usual"]
        assert signal["within_budget"]
    assert not ((signals["region"] == "North") & (signals["topic"] == "*")).any()  # folded into its topic
    why = [json.loads(text) for text in reasons(engine, signals)]
    first = why[signals.index[(signals["region"] == "North") & (signals["topic"] == "heat")][0]]
    assert first["events"] > 2
    assert first["events_named"] == ["No heat"]


def test_the_order_is_by_score_and_no_region_has_more_than_its_budget_a_week() -> None:
    random = np.random.default_rng(2)
    size = 200
    signals = pd.DataFrame(
        {
            "region": random.choice(["A", "B", "C"], size),
            "topic": [f"topic {number}" for number in range(size)],
            "first_day": pd.Timestamp("2026-01-01"),
            "last_day": pd.Timestamp("2026-01-02"),
            "peak_day": pd.Timestamp("2026-01-01"),
            "threshold": 3,
            "expected": 4.0,
            "usual": 1.0,
            "excess": 3.0,
            "probability": 0.5,
            "severe": 0.1,
            "score": random.random(size),
            "also": "",
            "week": random.integers(0, 4, size),
        }
    )
    weeks = signals.set_index("topic")["week"]
    found = within_budget(signals, 5)
    assert found["score"].is_monotonic_decreasing
    kept = found[found["within_budget"]]
    assert (kept.groupby(["region", kept["topic"].map(weeks)]).size() == 5).all()
    left = found[~found["within_budget"]].copy()
    worst = kept.groupby(["region", kept["topic"].map(weeks)])["score"].min()
    assert all(row.score <= worst[row.region, weeks[row.topic]] for row in left.itertuples())


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store with signals issued, and two reconstructed origins."""
    with closing(open_store(make_store(tmp_path_factory.mktemp("signals"), a_day=3, days=300))) as store:
        refresh(store, now=NOW + timedelta(hours=1), reconstruct=2)
        yield store


def test_issued_signals_are_those_of_the_newest_run_and_filters_choose_among_them(stored: Store) -> None:
    found = issued_signals(stored)
    assert len(found)
    surged = found[(found["region"] == REGIONS[0]) & (found["first_day"] == found["first_day"].min())]
    assert set(surged["state"]) == {"going_on"}  # the days before were at the threshold already
    later = found[found["first_day"] > found["first_day"].min()]
    assert set(later["state"]) <= {"new"}
    region = found["region"].iloc[0]
    assert set(issued_signals(stored, regions=[region])["region"]) == {region}
    assert all(isinstance(why, dict) and "level" in why for why in found["why"])
    assert not found.duplicated(["region", "topic", "first_day"]).any()


def test_feedback_shifts_the_order_but_never_the_probability(stored: Store) -> None:
    before = issued_signals(stored)
    first = before.iloc[0]
    give_feedback(stored, first["region"], first["topic"], first["peak_day"].date(), said="false", now=NOW)
    after = issued_signals(stored).set_index(["region", "topic", "first_day"])
    key = (first["region"], first["topic"], first["first_day"])
    assert after.loc[key, "score"] == pytest.approx(first["score"] / 2)
    assert after.loc[key, "probability"] == first["probability"]
    assert after.loc[key, "said"] == "false"
    with pytest.raises(BadInput, match="useful, false, known"):
        give_feedback(stored, "a", "b", NOW.date(), said="nonsense", now=NOW)


def test_feedback_an_owner_and_a_word_are_of_one_signal_and_the_last_ones_count(stored: Store) -> None:
    stored.write(lambda cursor: cursor.execute("delete from feedback"))
    found = issued_signals(stored)
    last = found.iloc[-1]
    told = (last["region"], last["topic"], last["peak_day"].date())
    give_feedback(stored, *told, said="useful", word="water off", owner="Ivanova", now=NOW)
    give_feedback(stored, *told, said=None, owner="Petrov", now=NOW + timedelta(hours=1))
    give_feedback(stored, *told[:2], told[2] - timedelta(days=120), said="false", now=NOW + timedelta(hours=2))
    after = issued_signals(stored).set_index(["region", "topic", "first_day"])
    row = after.loc[(last["region"], last["topic"], last["first_day"])]
    assert row[["said", "word", "owner"]].tolist() == ["useful", "water off", "Petrov"]
    assert row["score"] == pytest.approx(1.5 * last["score"])  # what was said months ago counts no more
    assert after["owner"].notna().sum() == 1
    give_feedback(stored, *told, said=None, word="", owner="", now=NOW + timedelta(hours=3))
    cleared = issued_signals(stored).set_index(["region", "topic", "first_day"]).loc[row.name]
    assert cleared[["said", "word", "owner"]].tolist() == ["useful", "", ""]


def test_the_budget_of_the_settings_holds_unless_another_is_asked_for(stored: Store) -> None:
    stored.set_setting("budget", "1")
    found = issued_signals(stored)
    inside = found[found["within_budget"].astype(bool)]
    assert (inside.groupby(["region", "week"]).size() == 1).all()
    assert len(found) == len(issued_signals(stored, budget=99))
    assert issued_signals(stored, budget=99)["within_budget"].all()
    stored.set_setting("budget", None)


def test_a_threshold_of_ones_own_takes_the_place_of_ours_with_the_issued_probability(stored: Store) -> None:
    before = issued_signals(stored)
    row = before[before["topic"] != "*"].iloc[0]
    rows = pd.DataFrame({"region": [row["region"], "*"], "topic_group": [row["topic"], "*"], "complaints": [2, 10**6]})
    keep_own_table(stored, "thresholds", rows)
    after = issued_signals(stored)
    own = after[after["kind"] == "own"]
    series = (after["region"] == row["region"]) & (after["topic"] == row["topic"])
    assert set(after.loc[series, "kind"]) == {"own"}
    assert set(own["threshold"]) == {2}  # nobody expects a million
    ahead = issued(stored, regions=[row["region"]], topic_groups=[row["topic"]])
    chances = probability(ahead, 2).set_index("day")["probability"]
    first = own.iloc[0]
    assert chances[first["peak_day"]] == chances[first["first_day"] : first["last_day"]].max() >= 0.25
    assert first["probability"] >= chances[first["peak_day"]] - 1e-12
    keep_own_table(stored, "thresholds", rows.head(0))
    pd.testing.assert_frame_equal(issued_signals(stored), before)


def test_a_municipality_has_signals_by_its_own_threshold_beside_those_of_its_region(stored: Store) -> None:
    before = issued_signals(stored)
    town = issued_municipal(stored, regions=REGIONS[:1])["municipality"].iloc[0]
    rows = pd.DataFrame({"region": REGIONS[0], "municipality": town, "topic_group": [TOPIC, "*"], "complaints": [2, 3]})
    keep_own_table(stored, "thresholds", rows)
    after = issued_signals(stored, budget=99)
    others = after[after["municipality"] == ""].drop(columns="within_budget")
    pd.testing.assert_frame_equal(
        others.reset_index(drop=True), before.drop(columns="within_budget"), check_dtype=False
    )
    own = after[after["municipality"] == town].set_index("topic")
    assert set(own.index) == {TOPIC, "*"}
    assert set(own["kind"]) == {"own"}
    table = issued_municipal(stored, regions=REGIONS[:1], topic_groups=[TOPIC])
    ahead = table[table["municipality"] == town]
    chances = probability(ahead, 2).set_index("day")["probability"]
    for row in own.loc[[TOPIC]].itertuples():
        assert chances[row.peak_day] == chances[row.first_day : row.last_day].max() >= 0.25
    found = courses(stored, after)
    days = found[(found["municipality"] == town) & (found["topic"] == TOPIC)].set_index("day")
    assert days["mean"].dropna().tolist() == ahead["mean"].tolist()
    origin = pd.Timestamp(after.attrs["origin"]).date()
    chosen = Filters(origin - timedelta(days=41), origin, REGIONS[:1], (town,), (TOPIC,))
    assert days["complaints"].sum() == daily_counts(stored, chosen)["complaints"].sum() > 0
    keep_own_table(stored, "thresholds", rows.head(0))
    pd.testing.assert_frame_equal(issued_signals(stored), before)


def test_the_sum_of_a_municipalitys_topics_has_their_mean_and_reaches_more_as_more_is_allowed(stored: Store) -> None:
    table = issued_municipal(stored, regions=REGIONS[:1])
    town = table["municipality"].iloc[0]
    places = pd.DataFrame({"region": REGIONS[0], "municipality": town, "topic": "*", "threshold": [2]})
    found = place_chances(stored, places, None).set_index("day")
    means = table[table["municipality"] == town].groupby("day")["mean"].sum()
    assert found["mean"].tolist() == pytest.approx(means.tolist())
    higher = place_chances(stored, places.assign(threshold=4), None).set_index("day")
    assert (found["probability"] > higher["probability"]).all()
    one = place_chances(stored, places.assign(threshold=1), None).set_index("day")["probability"]
    assert (one - (1 - np.exp(-means))).abs().max() < 0.02  # its counts vary no more than Poisson's
    single = place_chances(stored, places.assign(topic=TOPIC), None).set_index("day")
    assert (found["probability"] >= single["probability"]).all()


def own_of(store: Store) -> pd.DataFrame:
    """The first signal of each place with a threshold of its own for the topic group."""
    found = issued_signals(store, budget=99).query("topic == @TOPIC and kind == 'own'")
    return found.sort_values("first_day").groupby("municipality").first()


def test_what_is_said_of_a_municipality_is_not_said_of_its_region(stored: Store) -> None:
    town = issued_municipal(stored, regions=REGIONS[:1])["municipality"].iloc[0]
    rows = pd.DataFrame({"region": REGIONS[0], "municipality": ["", town], "topic_group": TOPIC, "complaints": 1})
    keep_own_table(stored, "thresholds", rows)
    before = own_of(stored)
    part = before.loc[town]
    give_feedback(
        stored, REGIONS[0], TOPIC, part["peak_day"].date(), municipality=town, said="useful", owner="Ivanova", now=NOW
    )
    after = own_of(stored)
    assert after.loc[town, "owner"] == "Ivanova"
    assert after.loc[town, "score"] == pytest.approx(1.5 * part["score"])
    assert after.loc["", "score"] == pytest.approx(before.loc["", "score"])
    keep_own_table(stored, "thresholds", rows.head(0))


def test_the_days_around_a_signal_are_what_came_and_what_was_issued(stored: Store) -> None:
    signals = issued_signals(stored)
    found = courses(stored, signals)
    origin = pd.Timestamp(signals.attrs["origin"])
    for row in signals.drop_duplicates(["region", "topic"]).itertuples():
        days = found[(found["region"] == row.region) & (found["topic"] == row.topic)].set_index("day")
        assert len(days) == 42 + 28
        chosen = Filters(
            days.index[0].date(),
            origin.date(),
            regions=() if row.region == "*" else (row.region,),
            topic_groups=() if row.topic == "*" else (row.topic,),
        )
        assert days["complaints"].sum() == daily_counts(stored, chosen)["complaints"].sum()
        ahead = issued(stored, regions=[row.region], topic_groups=[row.topic]).set_index("day")
        assert days["mean"].dropna().tolist() == ahead["mean"].tolist()
    matrix = by_region(found)
    assert matrix.shape == (signals["region"].nunique(), 28)
    assert matrix.max(axis=None) <= signals["probability"].max() + 1e-9


def test_signals_of_one_cause_become_one_that_names_the_other_topics() -> None:
    def signal(topic: str, score: float, day: str, events: list[str], region: str = "North") -> dict[str, object]:
        stamp = pd.Timestamp(day)
        return {
            "region": region,
            "topic": topic,
            "first_day": stamp,
            "last_day": stamp + pd.Timedelta(days=1),
            "score": score,
            "also": "",
            "kind": "usual",
            "why": {"events_named": events},
        }

    rows = [
        signal("roads", 3, "2026-12-02", ["Snow"]),
        signal("yards", 5, "2026-12-01", ["Snow", "Holiday"]),
        signal("heat", 4, "2026-12-01", []),
        signal("roads", 2, "2026-12-10", ["Snow"]),
        signal("roads", 1, "2026-12-01", ["Snow"], "South"),
    ]
    found = folded_by_cause(pd.DataFrame(rows))
    assert found[["region", "topic", "also"]].to_numpy().tolist() == [
        ["North", "yards", "roads"],
        ["North", "heat", ""],
        ["North", "roads", ""],
        ["South", "roads", ""],
    ]


def test_signals_whose_days_have_passed_are_over_and_it_is_told_whether_they_came(tmp_path: Path) -> None:
    """The surge of the last week was expected by nobody: a signal put there comes true, one elsewhere does not."""
    with closing(open_store(make_store(tmp_path, a_day=3, days=120))) as store:
        refresh(store, now=NOW, municipalities=False, reconstruct=0)
        store.write(
            lambda cursor: cursor.execute(
                """
                insert into forecast_runs select 99, date '2026-11-10', issued_at, snapshot, version, horizon, false,
                  method, unloaded, calibration, null from forecast_runs;
                insert into signals
                select 99, region, 'Благоустройство', date '2026-11-14', date '2026-11-16', date '2026-11-15', 18, 18,
                  3, 9, 0.5, 0, 1, '', true, '{}'
                from (values ('Калужская область'), ('Тульская область')) as made(region)
                """
            )
        )
        found = over(store, NOW.date() - timedelta(days=2))
        assert found[["region", "most", "came"]].to_numpy().tolist() == [
            ["Калужская область", 18.0, True],
            ["Тульская область", 3.0, False],
        ]
        assert over(store, NOW.date() + timedelta(days=60)).empty


def test_days_that_were_not_loaded_are_no_quiet_days_of_a_signal(tmp_path: Path) -> None:
    """One region's export ends a week before the others: whether its signal of that week came true is not known."""
    late = REGIONS[2]
    with closing(open_store(make_store(tmp_path, a_day=3, days=120, regions=REGIONS[:2]))) as store:
        rows = [
            {"ID": f"{day}-{place}", "Дата создания": f"{day:%d.%m.%Y} 10:00", "Регион": late, "Группа тем": "Дороги"}
            for day in pd.date_range("2026-08-01", "2026-11-13")
            for place in range(9)
        ]
        import_files(store, [incidents(tmp_path / "late.csv", rows)], now=NOW)
        refresh(store, now=NOW, municipalities=False, reconstruct=0)
        store.write(
            lambda cursor: cursor.execute(
                """
                insert into forecast_runs select 99, date '2026-11-10', issued_at, snapshot, version, horizon, false,
                  method, unloaded, calibration, null from forecast_runs;
                insert into signals
                select 99, $late, 'Дороги', day, day + 2, day, 9, 3, 3, 9, 0.5, 0, 1, '', true, '{}'
                from (values (date '2026-11-11'), (date '2026-11-14')) as made(day)
                """,
                {"late": late},
            )
        )
        found = over(store, NOW.date() - timedelta(days=2)).set_index("first_day").sort_index()
        assert found["came"].tolist() == [True, None]
        assert found["most"].iloc[0] == 9
        assert np.isnan(found["most"].iloc[1])
        shown = pd.DataFrame({"region": [late, "*"], "municipality": "", "topic": ["Дороги", "*"], "threshold": 5})
        shown.attrs = {"origin": date(2026, 11, 18), "run_id": 1}
        before = courses(store, shown).query("day <= '2026-11-18'").set_index(["region", "day"])["complaints"]
        assert before[late].isna().sum() == 6
        assert before[late].dropna().eq(9).all()
        assert before["*"].isna().sum() == 6


def test_the_record_counts_a_signal_as_come_when_a_day_reached_its_threshold(stored: Store) -> None:
    stored.write(
        lambda cursor: cursor.execute(
            """
            insert into signals
            select (select max(run_id) from forecast_runs where reconstructed), region, topic_group, day, day, day,
              threshold, 1, 1, 1, probability, 0, 1, '', true, '{}'
            from (values
              ('Калужская область', 'Благоустройство', date '2026-11-17', 18, 0.9),
              ('Калужская область', 'Благоустройство', date '2026-11-16', 19, 0.3),
              ('Тульская область', 'Дороги', date '2026-11-17', 1000, 0.3),
              ('Тульская область', 'Дороги', date '2026-12-24', 1, 0.5)
            ) as made(region, topic_group, day, threshold, probability)
            """
        )
    )
    table, figures = signal_record(stored, reconstructed=True)
    rows = stored.query("select count(*) as rows from signals join forecast_runs using (run_id) where reconstructed")
    assert figures["signals"] <= rows["rows"].iloc[0] - 1  # one has not come yet
    sure = table[table["to"] == 1.0].iloc[0]
    assert sure["came"] > 0
    low = table[table["from"] < 0.26].iloc[0]
    assert low["came"] < 1
    assert signal_record(stored)[1].get("signals", 0) == 0  # of those issued none can be judged


def test_the_command_prints_the_signals(
    stored: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORERUNNER_STORE", stored.settings.store)
    app(["signals"], standalone_mode=False)
    said = capsys.readouterr()
    assert "will not come true" in said.err
    app(["signals", "--json", "--beyond"], standalone_mode=False)
    assert len(json.loads(capsys.readouterr().out)) == len(issued_signals(stored))


def test_the_usual_of_a_series_that_began_late_is_that_of_its_known_days() -> None:
    counts = np.full((2, 400), np.nan)
    counts[0, 320:] = 20.0
    np.testing.assert_array_equal(_medians(counts), [20.0, 0.0])
