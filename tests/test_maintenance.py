"""Keeping a store: a backup holds all of it for any catalogue, and compacting takes away only what nobody needs."""

from __future__ import annotations

import os
import time
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest
from conftest import NOW
from making import assert_cube_agrees, incidents

from analytics import cube
from analytics.errors import BadInput
from analytics.imports import import_files, undo_last
from analytics.maintenance import ORPHANS_AFTER, backup, compact, restore
from analytics.schema import table_names
from analytics.settings import Settings
from analytics.store import Store, open_store, store_exists

LATER, LATEST = NOW + timedelta(days=1), NOW + timedelta(days=2)


@pytest.fixture
def elsewhere(any_settings: Settings, request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Settings]:
    """Settings of a new store on the other catalogue: PostgreSQL for one on SQLite, SQLite for one on PostgreSQL."""
    made = 0

    def new() -> Settings:
        nonlocal made
        made += 1
        if any_settings.remote:
            return Settings(store=str(tmp_path / f"other{made}"), retry_seconds=60)
        new_database: Callable[[], str] = request.getfixturevalue("new_database")
        return Settings(store=new_database(), data=str(tmp_path / f"data{made}"), retry_seconds=60)

    return new


def used(store: Store, folder: Path) -> None:
    """Three imports, one taken back: rows changed and closed later, rejects, notices, a text, a sender, a deadline."""
    rows = [{}, {"Автор": "Пётр", "Тема": "Вода"}, {"Дата создания": "31.02.2026"}, {"Регион": "Тридевятое царство"}]
    first = incidents(folder / "a.csv", rows, extra=["Автор"])
    import_files(store, [first], now=NOW, keep_text=True)
    closed = [{"Итог": "Решено", "Дата закрытия": "05.03.2026 10:00"}, {"Тема": "Вода"}]
    import_files(store, [incidents(folder / "b.csv", closed)], now=LATER)
    import_files(store, [incidents(folder / "c.csv", [{"ID": "taken back"}])], now=LATEST)
    undo_last(store, now=LATEST)
    store.set_setting("home_region", "Калужская область")
    store.write(lambda cursor: cursor.execute("insert into deadlines values ('incident', 'ЖКХ', 3)"))
    store.write(lambda cursor: cursor.execute("insert into municipalities values ('Тульская область', 'Алексин', 1)"))


def contents(store: Store) -> dict[str, pd.DataFrame]:
    """Every table of the store, the rows in an order of their own; but for what counts the lake's own writes."""
    tables = {}
    with store.reading() as query:
        for name in set(table_names()) - {"turnstile"}:
            table = query(f"select * from {name}").drop(columns="snapshot_before", errors="ignore")
            tables[name] = table.sort_values(list(table.columns)).reset_index(drop=True)
    return tables


def assert_same(found: dict[str, pd.DataFrame], wanted: dict[str, pd.DataFrame]) -> None:
    assert set(found) == set(wanted)
    for name, table in wanted.items():
        pd.testing.assert_frame_equal(found[name], table, obj=name)


def refused(settings: Settings, file: Path) -> BadInput:
    with pytest.raises(BadInput) as error:
        restore(settings, file)
    sentence = str(error.value)
    assert sentence.endswith(".") and "\n" not in sentence
    return error.value


# Backup and restore


def test_a_backup_brings_a_store_to_the_other_catalogue_and_back(
    any_settings: Settings, elsewhere: Callable[[], Settings], tmp_path: Path
) -> None:
    with closing(open_store(any_settings)) as store:
        used(store, tmp_path)
        held = contents(store)
        assert backup(store, tmp_path / "there.zip") == len(held["complaints"]) == 3
        assert_same(contents(store), held)
    seen = held["complaints"].set_index("id")
    assert list(seen.loc["ИНЦ-1", ["first_seen_at", "changed_at", "closed_seen_at"]]) == [NOW, LATER, LATER]
    assert seen.loc["ИНЦ-1", "text"] == "звоните …"
    assert pd.notna(seen.loc["ИНЦ-2", "sender_key"])
    there = elsewhere()
    assert restore(there, tmp_path / "there.zip") == 3
    with closing(open_store(there)) as store:
        assert_same(contents(store), held)
        assert_cube_agrees(store)
        backup(store, tmp_path / "back.zip")
    back = Settings(store=str(tmp_path / "back")) if not any_settings.remote else elsewhere()
    assert restore(back, tmp_path / "back.zip") == 3
    with closing(open_store(back)) as store:
        assert_same(contents(store), held)


def test_a_restored_store_goes_on_as_the_old_one_would(
    any_settings: Settings, elsewhere: Callable[[], Settings], tmp_path: Path
) -> None:
    with closing(open_store(any_settings)) as store:
        used(store, tmp_path)
        backup(store, tmp_path / "b.zip")
    there = elsewhere()
    restore(there, tmp_path / "b.zip")
    again = incidents(tmp_path / "a.csv", [{}, {"Автор": "пётр ", "Тема": "Вода"}], extra=["Автор"])
    with closing(open_store(there)) as store:
        held = contents(store)
        with pytest.raises(BadInput) as error:
            undo_last(store, now=LATEST)
        assert error.value.code == "too_late_to_undo"
        assert "b.csv" in str(error.value) and "\n" not in str(error.value)
        assert_same(contents(store), held)
        result = import_files(store, [again], now=LATEST)[0]
        assert (result.new, result.rejected, result.import_id) == (0, 0, 4)
        row = store.query("select * from complaints where id = 'ИНЦ-2'").iloc[0]
        assert row["sender_key"] == held["complaints"].set_index("id").loc["ИНЦ-2", "sender_key"]  # the salt came too
        import_files(store, [incidents(tmp_path / "d.csv", [{"ID": "new"}])], now=LATEST)
        assert undo_last(store, now=LATEST) == "d.csv"
        assert store.query("select count(*) from complaints").iloc[0, 0] == 3
        assert_cube_agrees(store)


def test_a_demo_store_is_restored_as_a_demo_store(tmp_path: Path) -> None:
    with closing(open_store(tmp_path / "demo", kind="demo")) as store:
        backup(store, tmp_path / "b.zip")
    open_store(tmp_path / "real").close()  # empty: what it was marked as is of no account
    for target in ("new", "real"):
        assert restore(Settings(store=str(tmp_path / target)), tmp_path / "b.zip") == 0
        with closing(open_store(tmp_path / target)) as store:
            assert store.kind == "demo"


def test_a_store_with_complaints_is_never_overwritten(any_settings: Settings, tmp_path: Path) -> None:
    with closing(open_store(any_settings)) as store:
        import_files(store, [incidents(tmp_path / "a.csv", [{}])], now=NOW)
        backup(store, tmp_path / "b.zip")
        import_files(store, [incidents(tmp_path / "b.csv", [{"ID": "9"}])], now=NOW)
        held = contents(store)
        assert refused(any_settings, tmp_path / "b.zip").code == "store_in_use"
        assert_same(contents(store), held)


def without(file: Path, member: str, content: bytes | None = None) -> bytes:
    """The backup with this member left out, or replaced by `content`; the sums of the zip are right."""
    changed = file.with_name("changed.zip")
    with zipfile.ZipFile(file) as old, zipfile.ZipFile(changed, "w") as new:
        for name in old.namelist():
            if name != member:
                new.writestr(name, old.read(name))
            elif content is not None:
                new.writestr(name, content)
    return changed.read_bytes()


def test_what_is_no_whole_backup_is_refused_and_leaves_nothing_behind(store: Store, tmp_path: Path) -> None:
    import_files(store, [incidents(tmp_path / "a.csv", [{}] * 50)], now=NOW)
    file = tmp_path / "whole.zip"
    backup(store, file)
    whole = file.read_bytes()
    middle = whole.index(b"complaints.parquet") + 200
    broken = {
        **{f"cut to {share}": whole[: int(share * len(whole))] for share in (0.0, 0.01, 0.4, 0.9, 0.999)},
        "one byte changed": whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :],
        "a table is missing": without(file, "complaints.parquet"),
        "a table is none": without(file, "daily_counts.parquet", b"PAR1 and so on"),
        "no format": without(file, "format"),
        "another format": without(file, "format", b"forerunner-backup-2"),
        "no facts": without(file, "store_facts.parquet"),
        "a text": "ID;Дата создания\n".encode(),
    }
    target = Settings(store=str(tmp_path / "target"))
    for name, content in broken.items():
        (tmp_path / "broken.zip").write_bytes(content)
        assert refused(target, tmp_path / "broken.zip").code == "not_a_backup", name
        assert not store_exists(target) and not Path(target.store).exists(), name
    assert refused(target, tmp_path / "none.zip").code == "no_such_file"
    assert refused(target, tmp_path).code == "not_a_backup"  # a folder is there, but it is none
    assert not Path(target.store).exists()


def test_a_backup_of_another_version_is_refused_by_its_number(store: Store, tmp_path: Path) -> None:
    store.write(lambda cursor: cursor.execute("update store_facts set value = '99' where fact = 'schema_version'"))
    backup(store, tmp_path / "b.zip")
    error = refused(Settings(store=str(tmp_path / "target")), tmp_path / "b.zip")
    assert error.code == "backup_of_another_version" and "99" in str(error)
    assert not (tmp_path / "target").exists()


def test_a_backup_that_cannot_be_written_leaves_the_older_one_and_no_rest(store: Store, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    (tmp_path / "folder").mkdir()
    before = sorted(tmp_path.iterdir())
    for place in (tmp_path / "file" / "b.zip", tmp_path / "folder", tmp_path / "mistyped" / "a" / "b.zip"):
        with pytest.raises(BadInput) as error:
            backup(store, place)
        assert error.value.code == "cannot_write" and str(place) in str(error.value)
    assert sorted(tmp_path.iterdir()) == before
    backup(store, tmp_path / "file")  # an older file of the name is replaced by a whole one
    assert zipfile.is_zipfile(tmp_path / "file")


# Compacting


def clock() -> datetime:
    """The time by which the lake dates its snapshots and files."""
    return datetime.now(UTC).replace(tzinfo=None)


def files_on_disk(settings: Settings) -> set[Path]:
    return set((Path(settings.data or settings.store) / "files").rglob("*.parquet"))


def test_within_the_days_kept_an_import_can_be_undone_after_compacting(any_settings: Settings, tmp_path: Path) -> None:
    with closing(open_store(replace(any_settings, keep_days=10))) as store:
        for number in range(4):
            import_files(store, [incidents(tmp_path / f"{number}.csv", [{"ID": str(number)}, {}])], now=NOW)
        done = compact(store, now=clock() + timedelta(days=9))
        assert done["files_after"] < done["files_before"]
        assert undo_last(store, now=NOW) == "3.csv"
        assert store.query("select count(*) from complaints").iloc[0, 0] == 4
        assert_cube_agrees(store)


def test_an_import_after_a_quiet_time_can_be_undone_though_the_state_before_it_is_old(
    any_settings: Settings, tmp_path: Path
) -> None:
    with closing(open_store(replace(any_settings, keep_days=10))) as store:
        import_files(store, [incidents(tmp_path / "a.csv", [{}])], now=NOW)
        quiet = clock()
        import_files(store, [incidents(tmp_path / "b.csv", [{"Тема": "Вода"}])], now=NOW)
        compact(store, now=quiet + timedelta(days=10))
        assert undo_last(store, now=NOW) == "b.csv"
        assert store.query("select topic from complaints")["topic"].tolist() == ["Отопление"]


def test_beyond_the_days_kept_snapshots_and_files_go_and_what_is_held_stays(
    any_settings: Settings, tmp_path: Path
) -> None:
    with closing(open_store(replace(any_settings, keep_days=10))) as store:
        used(store, tmp_path)
        rows, on_disk = contents(store)["complaints"], files_on_disk(any_settings)
        compact(store, now=clock() + timedelta(days=11))
        pd.testing.assert_frame_equal(contents(store)["complaints"], rows)
        assert_cube_agrees(store)
        assert len(files_on_disk(any_settings)) < len(on_disk) / 2
        assert store.query("select count(*) from ducklake_snapshots('lake')").iloc[0, 0] <= 3
        with pytest.raises(BadInput) as error:
            undo_last(store, now=LATEST)
        assert error.value.code == "too_late_to_undo"
        import_files(store, [incidents(tmp_path / "d.csv", [{"ID": "new"}])], now=LATEST)
        assert undo_last(store, now=LATEST) == "d.csv"


def test_a_reader_under_way_sees_all_of_its_snapshot_and_its_files_go_later(
    any_settings: Settings, tmp_path: Path
) -> None:
    """Nothing is kept of the past, and still nothing is taken from under a query that began before."""
    settings = replace(any_settings, keep_days=0)
    with closing(open_store(settings)) as store, ThreadPoolExecutor(1) as pool:
        for number in range(4):
            import_files(store, [incidents(tmp_path / f"{number}.csv", [{"ID": str(number)}])], now=NOW)
        with store.reading() as query:
            import_files(store, [incidents(tmp_path / "late.csv", [{"ID": "late"}])], now=NOW)
            compacting = pool.submit(compact, store, now=clock())
            wait([compacting], timeout=8)
            assert set(query("select id from complaints")["id"]) == {"0", "1", "2", "3"}
            assert query("select sum(complaints) from daily_counts").iloc[0, 0] == 4
            assert store.query("select count(*) from complaints").iloc[0, 0] == 5  # within the reading, one more
        compacting.result()
        lingering = files_on_disk(any_settings)
        compact(store, now=clock() + timedelta(hours=2))
        assert len(files_on_disk(any_settings)) < len(lingering) / 2
        assert store.query("select count(*) from complaints").iloc[0, 0] == 5
        assert_cube_agrees(store)


def test_a_reader_that_never_ends_keeps_files_from_being_merged_but_stops_no_other_reader(tmp_path: Path) -> None:
    settings = Settings(store=str(tmp_path / "store"), retry_seconds=1)
    with closing(open_store(settings)) as store, ThreadPoolExecutor(1) as pool:
        import_files(store, [incidents(tmp_path / "a.csv", [{}])], now=NOW)
        with store.reading() as query:
            compacting = pool.submit(compact, store, now=clock())
            began = time.monotonic()
            while not compacting.done():
                with closing(open_store(settings)) as other:
                    assert other.query("select count(*) from complaints").iloc[0, 0] == 1
            assert time.monotonic() - began < 30
            with pytest.raises(BadInput) as error:
                compacting.result()
            assert error.value.code == "store_busy"
            assert query("select count(*) from complaints").iloc[0, 0] == 1
        compact(store, now=clock())


def test_files_that_killed_imports_left_go_after_a_day_and_younger_ones_stay(store: Store, tmp_path: Path) -> None:
    import_files(store, [incidents(tmp_path / "a.csv", [{}])], now=NOW)
    place = next(iter(files_on_disk(store.settings))).parent
    old, young = place / "ducklake-old.parquet", place / "ducklake-young.parquet"
    for file, age in ((old, ORPHANS_AFTER + timedelta(hours=1)), (young, ORPHANS_AFTER - timedelta(hours=1))):
        file.write_bytes(b"left by a killed import")
        moment = time.time() - age.total_seconds()
        os.utime(file, (moment, moment))
    compact(store, now=clock())
    assert young.exists() and not old.exists()
    assert store.query("select count(*) from complaints").iloc[0, 0] == 1


def test_compacting_again_changes_nothing(store: Store, tmp_path: Path) -> None:
    used(store, tmp_path)
    compact(store, now=clock())
    held = contents(store)
    done = compact(store, now=clock())
    assert done["files_before"] == done["files_after"]
    assert_same(contents(store), held)


def test_the_cube_in_order_says_the_same_and_is_ordered_again_only_when_much_has_come(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cube, "MANY", 4)
    assert cube.is_in_order(store.query)
    regions = ("Тульская область", "Калужская область")
    days = [f"{day:02d}.{month:02d}.2026 10:00" for month in (9, 1, 5) for day in (3, 2)]
    rows = [{"Дата создания": day, "Регион": region} for day in days for region in regions]
    import_files(store, [incidents(tmp_path / "a.csv", rows)], now=NOW)
    assert not cube.is_in_order(store.query)
    store.write(cube.put_in_order)
    assert cube.is_in_order(store.query)
    assert_cube_agrees(store)
    found = store.query("select opened_on, region from daily_counts")
    quarter = found["opened_on"].dt.quarter
    assert list(zip(quarter, found["region"], strict=True)) == sorted(zip(quarter, found["region"], strict=True))
    import_files(store, [incidents(tmp_path / "b.csv", [{"ID": "ИНЦ-90"}])], now=NOW)
    assert cube.is_in_order(store.query)
    more = [{"ID": f"ИНЦ-{100 + number}"} for number in range(5)]
    import_files(store, [incidents(tmp_path / "c.csv", more)], now=NOW)
    assert not cube.is_in_order(store.query)
    store.write(cube.put_in_order)
    undo_last(store, now=NOW)
    assert_cube_agrees(store)
