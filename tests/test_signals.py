"""Thresholds, signals within their budget, what people said of them, and how often they came true."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_drivers import DAYS, NEXT, ORIGIN, PANEL, PAST, WINDOWS

from analytics.__main__ import app
from analytics.drivers import Drivers
from analytics.errors import BadInput
from analytics.forecast import Engine
from analytics.panel import Panel
from analytics.refresh import refresh
from analytics.signal_ledger import give_feedback, issued_signals, signal_record
from analytics.signals import find_signals, within_budget, year_thresholds
from analytics.store import Store, open_store
from analytics.why import reasons
from tests.countries import NOW, make_store


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
    found = year_thresholds(panel_of(counts), days)
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
    assert set(found["state"]) == {"new"}
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
    assert "expected to fail" in said.err
    app(["signals", "--json", "--beyond"], standalone_mode=False)
    assert len(json.loads(capsys.readouterr().out)) == len(issued_signals(stored))
