"""The store's panel, what is issued from it into the ledger, and the record of what was issued."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import NOW
from making import incidents

from analytics import ledger
from analytics.__main__ import app
from analytics.almanac import Almanac
from analytics.errors import BadInput
from analytics.forecast import forecast as forecast_panel
from analytics.forecast import probability
from analytics.imports import import_files
from analytics.known_drivers import drivers_of_store
from analytics.ledger import issued, issued_municipal, runs
from analytics.maintenance import backup, restore
from analytics.record import record
from analytics.refresh import refresh
from analytics.settings import Settings
from analytics.store import Store, open_store
from analytics.store_almanac import almanac_of
from analytics.store_panel import store_panel

ISSUED = NOW + timedelta(hours=1)
FIRST = date(2025, 8, 1)
DAYS = 300
SILENT = range(200, 204)  # days on which nothing at all was delivered
QUIET_REGION = range(250, 253)  # and some on which one region was not
TOWNS = {
    "Калужская область": ("Боровский район", "Калуга"),
    "Тульская область": ("Тула",),
}


def export(file: Path, days: range = range(DAYS), seed: int = 1) -> Path:
    """Counts with a weekly rhythm in two regions, three towns and two topic groups; suggestions and thanks too."""
    random = np.random.default_rng(seed)
    cells = [
        (number, region, town, group, topic)
        for number in days
        for region, towns in TOWNS.items()
        for town in towns
        for group, topic in (("ЖКХ", "Отопление"), ("Дороги", "Ямы"))
        if number not in SILENT and not (region == "Тульская область" and number in QUIET_REGION)
    ]
    rows = [
        {
            "ID": f"{number}-{town}-{group}-{one}",
            "Дата создания": f"{FIRST + timedelta(days=number):%d.%m.%Y} 10:{one:02}",
            "Регион": region,
            "Муниципалитет": town,
            "Группа тем": group,
            "Тема": topic,
        }
        for number, region, town, group, topic in cells
        for one in range(random.poisson(7 if (FIRST + timedelta(days=number)).weekday() < 5 else 4))
    ]
    return incidents(file, rows)


def import_later(store: Store, folder: Path, days: range, *, now: datetime) -> None:
    """What arrived afterwards."""
    import_files(store, [export(folder / "later.csv", days)], now=now)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store whose export has gaps; nothing is issued from it yet."""
    folder = tmp_path_factory.mktemp("filled")
    with closing(open_store(Settings(store=str(folder / "store"), retry_seconds=60))) as store:
        import_files(store, [export(folder / "export.csv")], now=NOW)
        yield store


def copy_of(store: Store, folder: Path) -> Store:
    """The same in a store of its own."""
    backup(store, folder / "copy.zip")
    settings = Settings(store=str(folder / "copy"), retry_seconds=60)
    restore(settings, folder / "copy.zip")
    return open_store(settings)


# The panel


def test_quiet_days_are_0_and_days_that_did_not_arrive_are_unknown(filled: Store) -> None:
    found = store_panel(filled)
    counts = found.panel.counts
    tula = (found.panel.series["region"] == "Тульская область").to_numpy()
    assert np.isnan(counts[:, list(SILENT)]).all()
    assert np.isnan(counts[tula][:, list(QUIET_REGION)]).all()
    assert not np.isnan(counts[~tula][:, list(QUIET_REGION)]).any()
    assert np.isnan(counts).sum() == 4 * len(SILENT) + 2 * len(QUIET_REGION)
    gaps = found.unloaded.groupby("region")["first_day"].apply(list).to_dict()
    assert gaps["Калужская область"] == [pd.Timestamp(FIRST) + pd.Timedelta(days=200)]
    assert len(gaps["Тульская область"]) == 2


def test_the_panel_holds_what_a_plain_count_holds(filled: Store) -> None:
    for municipalities in (False, True):
        panel = store_panel(filled, municipalities=municipalities).panel
        rows = filled.query("select * from complaints").assign(topic=lambda table: table["topic_group"])
        rows = rows[rows["opened_at"] < panel.days[-1] + pd.Timedelta(days=1)]
        plain = rows.groupby([*panel.keys, rows["opened_at"].dt.normalize()]).size()
        for key, counts in zip(panel.series.itertuples(index=False), panel.counts, strict=True):
            expected = plain[tuple(key)].reindex(panel.days, fill_value=0).to_numpy()
            np.testing.assert_array_equal(np.nan_to_num(counts), expected)


def test_a_day_off_without_complaints_is_no_outage(tmp_path: Path) -> None:
    with closing(open_store(Settings(store=str(tmp_path / "store")))) as store:
        import_files(store, [export(tmp_path / "a.csv")], now=NOW)
        holiday = pd.DataFrame({"day": pd.date_range("2026-02-17", periods=4), "name": "Big Week"})
        found = store_panel(store, almanac=Almanac(days=holiday))  # the days of SILENT
        assert not np.isnan(found.panel.counts[:, list(SILENT)]).any()


def test_regions_that_nothing_arrives_from_any_more_are_left_out(filled: Store, tmp_path: Path) -> None:
    with closing(copy_of(filled, tmp_path)) as store:
        old = incidents(
            tmp_path / "old.csv",
            [
                {"ID": f"old-{n}", "Дата создания": f"{1 + n % 28:02}.09.2025", "Регион": "Омская область"}
                for n in range(90)
            ],
        )
        import_files(store, [old], source="old system", now=NOW)
        found = store_panel(store)
        assert found.ended == ["Омская область"]
        assert "Омская область" not in set(found.panel.series["region"])
        assert found.origin == store_panel(filled).origin


def test_a_short_or_empty_store_says_what_is_missing(store: Store, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no complaints in the store yet"):
        refresh(store, now=NOW)
    import_files(store, [export(tmp_path / "short.csv", range(6))], now=NOW)
    with pytest.raises(BadInput, match="needs 14 days of history, the store has 5"):
        refresh(store, now=NOW)
    assert runs(store).empty


# The ledger


@pytest.fixture(scope="module")
def refreshed(filled: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """The same store after `refresh`."""
    with closing(copy_of(filled, tmp_path_factory.mktemp("refreshed"))) as store:
        shares: list[float] = []
        refresh(store, now=ISSUED, reconstruct=2, report=lambda share, name: shares.append(share))
        assert shares == sorted(shares)
        assert shares[-1] == pytest.approx(1.0)
        yield store


def test_refresh_issues_all_levels_and_the_municipalities_add_up(refreshed: Store) -> None:
    found = issued(refreshed)
    assert found.attrs["origin"] == store_panel(refreshed).origin
    assert set(found["region"]) == {"*", *TOWNS}
    assert set(found["topic"]) == {"*", "ЖКХ", "Дороги"}
    assert len(found) == 9 * ledger.HORIZON
    towns = issued_municipal(refreshed)
    assert len(towns) == 6 * ledger.HORIZON
    keys = ["day", "region", "topic"]
    sums = towns.groupby(keys)["mean"].sum()
    regions = found.set_index(keys)["mean"].loc[sums.index]
    np.testing.assert_allclose(sums, regions, rtol=1e-9)
    assert (towns["0.1"] <= towns["0.9"]).all()


def test_the_ledger_answers_with_the_very_distribution_that_was_issued(filled: Store, refreshed: Store) -> None:
    almanac = almanac_of(filled)
    panel = store_panel(filled, almanac=almanac).panel
    drivers = drivers_of_store(filled, almanac, panel.days)
    fresh = forecast_panel(panel, ledger.HORIZON, almanac=almanac, drivers=drivers)
    kept = issued(refreshed)
    keys = ["day", "region", "topic"]
    fresh_sorted = fresh.sort_values(keys)
    kept_sorted = kept.sort_values(keys)
    pd.testing.assert_frame_equal(
        kept_sorted.reset_index(drop=True), fresh_sorted.reset_index(drop=True), check_dtype=False, check_like=True
    )
    for least in (1, 5, 12, 30):
        expected = probability(fresh_sorted, least)["probability"].to_numpy()
        np.testing.assert_allclose(probability(kept_sorted, least)["probability"], expected, atol=2e-5)


def test_refreshing_twice_changes_nothing_and_a_new_import_issues_anew(refreshed: Store, tmp_path: Path) -> None:
    with closing(copy_of(refreshed, tmp_path)) as store:
        before = store.query("select * from forecast_runs order by run_id")
        again = refresh(store, now=ISSUED + timedelta(hours=1))
        assert [run.rows for run in again] == [0]
        pd.testing.assert_frame_equal(store.query("select * from forecast_runs order by run_id"), before)
        later = NOW + timedelta(days=1)
        import_later(store, tmp_path, range(DAYS, DAYS + 3), now=later)
        newest = refresh(store, now=later + timedelta(hours=1))[0]
        assert newest.rows > 0
        assert newest.origin == FIRST + timedelta(days=DAYS + 1)
        kept = store.query("select * from forecast_runs where run_id < $new order by run_id", new=newest.run_id)
        pd.testing.assert_frame_equal(kept, before)


def test_a_first_refresh_that_was_broken_off_is_made_up_for(filled: Store, tmp_path: Path) -> None:
    class BrokenOffError(Exception):
        pass

    with closing(copy_of(filled, tmp_path)) as store:

        def break_off(share: float, name: str) -> None:
            if len(runs(store)) == 2:
                raise BrokenOffError

        with pytest.raises(BrokenOffError):
            refresh(store, now=ISSUED, municipalities=False, reconstruct=3, report=break_off)
        import_later(store, tmp_path, range(DAYS, DAYS + 3), now=ISSUED)
        done = refresh(store, now=ISSUED, municipalities=False, reconstruct=8)
        assert [run.rows > 0 for run in done] == [True] * 3
        found = runs(store)
        past = found.loc[found["reconstructed"], "origin"].dt.date.tolist()
        assert past == [FIRST + timedelta(days=DAYS - 2 - 15 * back) for back in (1, 2, 3)]
        assert [run.rows for run in refresh(store, now=ISSUED, municipalities=False)] == [0]
        pd.testing.assert_frame_equal(runs(store), found)


def test_what_is_imported_while_forecasts_are_made_makes_them_stale(refreshed: Store, tmp_path: Path) -> None:
    with closing(copy_of(refreshed, tmp_path)) as store:
        import_later(store, tmp_path, range(DAYS - 20, DAYS - 2), now=NOW)

        def meanwhile(share: float, name: str) -> None:
            if len(store.query("select 1 from imports")) == 2:  # of times before that of the refresh
                import_files(store, [export(tmp_path / "late.csv", range(DAYS - 9, DAYS), seed=3)], now=NOW)

        first = refresh(store, now=ISSUED, report=meanwhile)[0]
        second = refresh(store, now=ISSUED)[0]
        assert second.origin == first.origin
        assert second.rows == first.rows > 0
        assert issued(store).attrs["run_id"] == second.run_id
        again = refresh(store, now=ISSUED)[0]
        assert (again.run_id, again.rows, again.municipal_rows) == (second.run_id, 0, 0)


def test_a_slow_refresh_does_not_hide_what_a_quicker_one_knew(refreshed: Store, tmp_path: Path) -> None:
    with closing(copy_of(refreshed, tmp_path)) as store:
        import_later(store, tmp_path, range(DAYS - 20, DAYS - 2), now=NOW)
        quicker: list[ledger.Run] = []

        def meanwhile(share: float, name: str) -> None:
            if len(store.query("select 1 from imports")) == 2:
                import_files(store, [export(tmp_path / "late.csv", range(DAYS - 9, DAYS), seed=3)], now=NOW)
                quicker.extend(refresh(store, now=ISSUED))

        slow = refresh(store, now=ISSUED, report=meanwhile)[0]
        assert quicker[0].rows > 0
        assert (slow.run_id, slow.rows) == (quicker[0].run_id, 0)
        assert issued(store).attrs["run_id"] == quicker[0].run_id


def test_the_municipal_level_goes_after_its_retention_and_the_rest_stays(refreshed: Store, tmp_path: Path) -> None:
    with closing(copy_of(refreshed, tmp_path)) as store:
        old = int(runs(store)["run_id"].max())
        rows = len(store.query("select * from forecasts"))
        later = NOW + timedelta(days=40)
        import_later(store, tmp_path, range(DAYS, DAYS + 40), now=later)
        newest = refresh(store, now=later + timedelta(hours=1))[0]
        assert newest.run_id > old
        assert store.query("select distinct run_id from municipal_forecasts")["run_id"].tolist() == [newest.run_id]
        assert len(store.query("select * from forecasts")) == rows + newest.rows


# The record


def test_the_record_judges_only_what_was_issued_and_has_happened(refreshed: Store, tmp_path: Path) -> None:
    assert record(refreshed)["forecasts"].sum() == 0
    with closing(copy_of(refreshed, tmp_path)) as store:
        import_later(store, tmp_path, range(DAYS, DAYS + 11), now=NOW)
        found = record(store).set_index("lead")
        origin = issued(store).attrs["origin"]
        last = store_panel(store).origin
        come = (last - origin).days
        assert come == 11
        assert found.index.tolist() == ["all", *range(1, come + 1)]
        assert (found.loc[1:, "forecasts"] == 9).all()
        forecast = issued(store)
        counts = store_panel(store).panel
        grand = forecast[
            (forecast["region"] == "*") & (forecast["topic"] == "*") & (forecast["day"] <= pd.Timestamp(last))
        ]
        actual = counts.counts.sum(axis=0)[-come:]
        regions = record(store, "region").set_index("region")
        both = regions.loc[list(TOWNS), "forecasts"].tolist()
        assert both == [3 * come, 3 * come]
        assert regions.index.is_unique
        assert regions.loc[["all", "*"], "forecasts"].tolist() == [9 * come, 3 * come]
        assert (grand["mean"].sum() - actual.sum()) / actual.sum() == pytest.approx(found.loc["all", "bias"], abs=0.1)


def test_on_steady_counts_the_record_is_good(refreshed: Store) -> None:
    found = record(refreshed, reconstructed=True).set_index("lead").loc["all"]
    assert found["forecasts"] > 300
    assert found["skill"] > 0.1
    assert abs(found["bias"]) < 0.05
    assert 0.7 < found["coverage_80"] < 0.9
    assert 0.9 < found["coverage_95"] <= 1.0


# The commands


def test_the_commands_issue_show_and_judge(
    filled: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with closing(copy_of(filled, tmp_path)) as store:
        monkeypatch.setenv("FORERUNNER_STORE", store.settings.store)
        nameless = [{"ID": f"old-{n}", "Дата создания": f"{1 + n % 28:02}.09.2025", "Регион": ""} for n in range(90)]
        import_files(store, [incidents(tmp_path / "old.csv", nameless)], source="old system", now=NOW)
        out = tmp_path / "forecast.parquet"
        app(["forecast", "--out", str(out)], standalone_mode=False)
        table = pd.read_parquet(out)
        pd.testing.assert_frame_equal(table, issued(store), check_dtype=False)
        assert "arrives from there any more: complaints of no stated region\n" in capsys.readouterr().err
        app(["refresh"], standalone_mode=False)
        assert "had been issued already" in capsys.readouterr().err
        app(["record", "--reconstructed", "--json"], standalone_mode=False)
        assert json.loads(capsys.readouterr().out)[0]["lead"] == "all"
        with pytest.raises(BadInput, match="--country go with --panel"):
            app(["forecast", "--country", "RU", "--out", str(out)], standalone_mode=False)


def test_russian_regions_bring_the_russian_calendar_and_a_setting_any_other(filled: Store, tmp_path: Path) -> None:
    assert almanac_of(filled).country == "RU"
    with closing(open_store(Settings(store=filled.settings.store, country="US", subdivision="NY"))) as store:
        assert almanac_of(store) == Almanac("US", "NY")
