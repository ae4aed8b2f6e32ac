"""Outbreaks of a store: found by a refresh, kept once, told without repetition, late rows allowed for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analytics.__main__ import app
from analytics.almanac import Almanac
from analytics.errors import BadInput
from analytics.imports import import_files
from analytics.outbreak_ledger import arrived, going_on, issue_outbreaks, issued_outbreaks, judge_store, with_totals
from analytics.panel import Panel
from analytics.refresh import refresh
from analytics.store import Store, open_store
from analytics.store_panel import store_panel
from tests.countries import NOW, REGIONS, make_store
from tests.making import incidents

DAYS = pd.date_range("2026-01-01", periods=28)
LATER = NOW + timedelta(hours=1)  # than the import ended
SURGE = (REGIONS[0], "Благоустройство")


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store with a surge in its last week, refreshed."""
    with closing(open_store(make_store(tmp_path_factory.mktemp("outbreaks"), a_day=3, days=300))) as store:
        refresh(store, now=LATER, reconstruct=0, municipalities=False)
        yield store


def test_a_refresh_finds_what_began_and_tells_it_once(stored: Store) -> None:
    """Sixfold since the 13th in one place and topic; its totals are told by it."""
    found = issued_outbreaks(stored)
    assert list(zip(found["region"], found["topic"], strict=True)) == [SURGE]
    told = found.iloc[0]
    assert (told["first_day"].date(), told["last_day"].date()) == (date(2026, 11, 13), date(2026, 11, 19))
    assert told["complaints"] == 7 * 18
    assert told["expected"] == pytest.approx(21, rel=0.1)
    assert told["score"] > 5
    assert told["state"] == "new"
    assert found.attrs["last_day"] == date(2026, 11, 19)


def test_filters_choose_among_outbreaks(stored: Store) -> None:
    assert len(issued_outbreaks(stored, regions=[REGIONS[0]])) == 1
    assert issued_outbreaks(stored, regions=[REGIONS[1]]).empty
    assert issued_outbreaks(stored, topic_groups=["Дороги"]).empty
    assert issued_outbreaks(stored, regions=[REGIONS[1]]).attrs["series"] > 9


def test_a_second_refresh_keeps_nothing_twice(stored: Store) -> None:
    before = stored.query("select * from outbreaks")
    refresh(stored, now=LATER + timedelta(minutes=5), reconstruct=0, municipalities=False)
    pd.testing.assert_frame_equal(stored.query("select * from outbreaks"), before)
    assert len(stored.query("select * from outbreak_runs")) == 1


def test_a_run_from_before_gets_its_outbreaks_with_the_next_refresh(tmp_path: Path) -> None:
    """Forecasts issued by an older version have none; a store without any says so."""
    with closing(open_store(make_store(tmp_path, a_day=2, days=200))) as store:
        assert issued_outbreaks(store).attrs == {}
        refresh(store, now=LATER, reconstruct=0, municipalities=False)
        store.write(lambda cursor: cursor.execute("delete from outbreak_runs"))
        store.write(lambda cursor: cursor.execute("delete from outbreaks"))
        assert issued_outbreaks(store).attrs == {}
        refresh(store, now=LATER, reconstruct=0, municipalities=False)
        assert len(issued_outbreaks(store)) == 1


def test_an_outbreak_that_was_there_the_day_before_is_going_on(stored: Store) -> None:
    """Its state goes by the newest origin before."""
    stored.write(
        lambda cursor: cursor.execute(
            "insert into forecast_runs select 99, origin - 1, issued_at, snapshot, version, horizon, false, method, "
            "unloaded, calibration, null from forecast_runs"
        )
    )
    found = store_panel(stored, end=date(2026, 11, 18))
    assert issue_outbreaks(stored, found, Almanac(), 99, lambda share, name: None) == 1
    newest = issued_outbreaks(stored)
    assert newest.attrs["run_id"] != 99
    assert newest["state"].tolist() == ["going_on"]


def judged(said: np.ndarray) -> tuple[pd.DataFrame, Panel]:
    """Series × days of outbreaks, 10 complaints where 4 are expected, in one region and several topics."""
    counts = np.where(said, 10.0, 4.0).astype(np.float32)
    series = pd.DataFrame({"region": "A", "topic": [f"topic {row}" for row in range(len(said))]})
    table = series.loc[series.index.repeat(len(DAYS))].assign(
        day=np.tile(DAYS, len(said)), expected=4.0, score=np.where(said, 4.5, -9.0).ravel(), outbreak=said.ravel()
    )
    return table, Panel(DAYS, series, counts)


def test_an_outbreak_is_over_after_three_quiet_days_and_weekends_do_not_divide_it() -> None:
    said = np.zeros((4, 28), dtype=bool)
    said[0, [10, 11, 20, 21, 24, 27]] = True  # the two of the eleventh are an outbreak of their own
    said[1, 18:25] = True  # over
    said[2, 25] = True  # goes on
    found = going_on(*judged(said)).set_index("topic")
    assert list(found.index) == ["topic 0", "topic 2"]
    first = found.loc["topic 0"]
    assert (first["first_day"], first["last_day"]) == (DAYS[20], DAYS[27])
    assert first["complaints"] == 4 * 10 + 4 * 4
    assert first["expected"] == 8 * 4
    assert found.loc["topic 2", "complaints"] == 10 + 2 * 4


def test_a_total_is_told_by_the_part_that_makes_it_and_kept_where_none_does() -> None:
    day = DAYS[-1]
    rows = [("*", "roads", 80.0), ("A", "roads", 50.0), ("*", "heat", 80.0), ("B", "heat", 20.0), ("*", "*", 900.0)]
    series = pd.DataFrame(rows, columns=["region", "topic", "excess"])
    table = series.assign(day=day, expected=10.0, score=4.0, outbreak=True)
    counts = (series["excess"] + 10).to_numpy(dtype=np.float32)[:, None]
    found = going_on(table, Panel(DAYS[-1:], series[["region", "topic"]], counts))
    assert set(zip(found["region"], found["topic"], strict=True)) == {
        ("A", "roads"),
        ("*", "heat"),
        ("B", "heat"),
        ("*", "*"),
    }


def test_totals_stand_beside_the_series_but_not_twice_where_there_is_one_region() -> None:
    _, panel = judged(np.zeros((3, 28), dtype=bool))
    whole = with_totals(panel)
    assert whole.series.to_numpy().tolist()[3:] == [["A", "*"]]
    np.testing.assert_array_equal(whole.counts[-1], panel.counts.sum(axis=0))


def test_rows_that_are_still_to_come_are_learned_from_imports_and_lower_what_is_expected(tmp_path: Path) -> None:
    """Two of three complaints of a day come with the import of the next day, the third two days later."""
    with closing(open_store(tmp_path / "store")) as store:
        first = datetime(2026, 8, 1, 9)
        all_days = [first + timedelta(days=number) for number in range(112)]
        known: list[dict[str, str]] = []
        for number, day in enumerate(all_days):
            known += [_row(day, number, place) for place in range(3)]
            if number < 95:
                continue
            on_time = [row for row in known if int(row["late"]) == 0 or row["day"] <= f"{all_days[number - 2]:%Y%m%d}"]
            rows = [{name: value for name, value in row.items() if name not in ("late", "day")} for row in on_time]
            file = incidents(tmp_path / f"export_{number}.csv", rows)
            import_files(store, [file], now=day + timedelta(hours=13))
        shares = arrived(store)
        assert shares is not None
        share = shares.set_index("day")["share"]
        assert share.iloc[-1] == pytest.approx(2 / 3, abs=0.05)
        assert share.iloc[-4] == pytest.approx(1.0)
        found = judge_store(store, Almanac())
        row = found[found["topic"] != "*"].set_index("day")["expected"]
        last = found["day"].max()
        assert row[last] < 0.8 * row[last - pd.Timedelta(days=7)]


def _row(day: datetime, number: int, place: int) -> dict[str, str]:
    return {
        "ID": f"{number}-{place}",
        "Дата создания": f"{day:%d.%m.%Y %H:%M}",
        "Группа тем": "Дороги",
        "Регион": REGIONS[0],
        "late": str(int(place == 2)),
        "day": f"{day:%Y%m%d}",
    }


def test_the_command_tells_and_writes_the_store(
    stored: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORERUNNER_STORE", stored.settings.store)
    app(["outbreaks"], standalone_mode=False)
    told = capsys.readouterr()
    assert SURGE[0] in told.out
    assert "series judged up to 2026-11-19" in told.err
    app(["outbreaks", "--json"], standalone_mode=False)
    assert json.loads(capsys.readouterr().out)[0]["first_day"] == "2026-11-13"
    app(["outbreaks", "--from", "2026-11-10", "--out", str(tmp_path / "out.csv")], standalone_mode=False)
    table = pd.read_csv(tmp_path / "out.csv")
    assert table["day"].min() == "2026-11-10"
    last = table[(table["region"] == SURGE[0]) & (table["topic"] == SURGE[1])].tail(7)
    assert last["outbreak"].all()
    with pytest.raises(BadInput, match="go with --panel"):
        app(["outbreaks", "--country", "RU"], standalone_mode=False)
