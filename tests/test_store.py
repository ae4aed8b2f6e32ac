"""The store: made once, opened by many, led forward, refused plainly; what is tried again and what is not."""

from __future__ import annotations

import multiprocessing
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import duckdb
import pandas as pd
import pytest
from conftest import NOW, ROOT
from making import incidents

from analytics import catalogue, schema
from analytics.errors import BadInput
from analytics.imports import import_files
from analytics.own_keeping import own_table
from analytics.retry import is_away, is_busy, retried
from analytics.settings import Settings
from analytics.store import Store, open_store, store_exists
from analytics.working_folders import WorkingFolder

PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["analytics.imports"])


def refused(settings: Settings) -> BadInput:
    with pytest.raises(BadInput) as error:
        open_store(settings)
    assert "\n" not in str(error.value)
    return error.value


# Making and opening


def test_a_store_is_demo_or_real_from_the_beginning_and_for_good(any_settings: Settings, tmp_path: Path) -> None:
    assert not store_exists(any_settings)
    with closing(open_store(any_settings, kind="demo")) as store:
        assert store.kind == "demo"
        salt = store.fact("salt")
    assert store_exists(any_settings)
    with closing(open_store(any_settings, kind="real")) as store:
        assert (store.kind, store.fact("salt")) == ("demo", salt)
        with pytest.raises(BadInput) as error:
            import_files(store, [incidents(tmp_path / "a.csv", [{}])], now=NOW)
        assert error.value.code == "demo_store"
        assert store.is_empty()


def test_an_import_that_began_before_the_demo_country_came_is_refused(store: Store, tmp_path: Path) -> None:
    file = incidents(tmp_path / "a.csv", [{}])

    def demo_comes(share: float, name: str) -> None:
        store.write(lambda cursor: cursor.execute("update store_facts set value = 'demo' where fact = 'kind'"))

    with pytest.raises(BadInput) as error:
        import_files(store, [file], now=NOW, report=demo_comes)
    assert error.value.code == "demo_store"
    assert store.is_empty()


def _open_at_once(settings: Settings, kind: str, start: float, answers: multiprocessing.SimpleQueue) -> None:
    time.sleep(max(0.0, start - time.time()))
    with closing(open_store(settings, kind=kind)) as store:  # type: ignore[arg-type]
        facts = store.query("select * from store_facts")
        regions = int(store.query("select count(*) from regions").iloc[0, 0])
        answers.put((store.kind, store.fact("salt"), len(facts), regions))


def test_processes_that_make_the_same_store_at_once_make_one(any_settings: Settings) -> None:
    answers = PROCESSES.SimpleQueue()
    start = time.time() + 1.5
    makers = [
        PROCESSES.Process(target=_open_at_once, args=(any_settings, kind, start, answers))
        for kind in ("real", "demo", "real", "demo")
    ]
    for maker in makers:
        maker.start()
    found = [answers.get() for _ in makers]
    for maker in makers:
        maker.join()
    assert len(set(found)) == 1
    assert found[0][2:] == (3, 83)


def test_a_store_of_a_relative_path_is_the_same_from_everywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    open_store("store").close()
    monkeypatch.chdir("/")
    with closing(open_store(f"{tmp_path}/store/")) as store:
        assert store.kind == "real"


def test_a_store_may_be_moved_and_copied_as_a_folder(tmp_path: Path) -> None:
    with closing(open_store(tmp_path / "old")) as store:
        import_files(store, [incidents(tmp_path / "a.csv", [{}, {}])], now=NOW)
    shutil.copytree(tmp_path / "old", tmp_path / "copy")
    shutil.move(tmp_path / "old", tmp_path / "new")
    with closing(open_store(tmp_path / "copy")) as copy, closing(open_store(tmp_path / "new")) as new:
        import_files(copy, [incidents(tmp_path / "b.csv", [{"ID": "9"}])], now=NOW)
        assert copy.query("select count(*) from complaints").iloc[0, 0] == 3
        assert new.query("select count(*) from complaints").iloc[0, 0] == 2


def test_files_that_lie_elsewhere_are_named_and_not_started_anew(any_settings: Settings, tmp_path: Path) -> None:
    first = any_settings if any_settings.remote else replace(any_settings, data=str(tmp_path / "data"))
    open_store(first).close()
    error = refused(replace(first, data=str(tmp_path / "other")))
    assert error.code == "data_elsewhere"
    assert str(tmp_path / "data") in str(error)
    if not any_settings.remote:
        assert refused(any_settings).code == "data_elsewhere"


def test_quotes_and_blanks_in_a_path_do_no_harm(tmp_path: Path) -> None:
    with closing(open_store(tmp_path / 'it\'s a "store"; really')) as store:
        import_files(store, [incidents(tmp_path / "it's.csv", [{}])], now=NOW)
        assert not store.is_empty()


# What cannot be opened


def test_a_store_that_is_a_file_or_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    for place in (tmp_path / "file", tmp_path / "file" / "store", Path("/proc/forerunner-store")):
        error = refused(Settings(store=str(place)))
        assert error.code == "store_unreachable"
        assert str(place) in str(error)


def test_a_broken_catalogue_is_refused_and_not_made_anew(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    folder.mkdir()
    (folder / "catalogue.sqlite").write_bytes(b"this is no database" * 1000)
    settings = Settings(store=str(folder))
    assert store_exists(settings)
    assert refused(settings).code == "store_unreachable"
    assert (folder / "catalogue.sqlite").read_bytes().startswith(b"this is no database")


@pytest.mark.parametrize("host", ["127.0.0.1:9", "no-such-host.invalid:5432"])
def test_a_postgresql_that_is_not_there_is_refused_soon_and_without_its_password(tmp_path: Path, host: str) -> None:
    settings = Settings(store=f"postgresql://me:se:cret@{host}/base", data=str(tmp_path / "data"))
    began = time.monotonic()
    error = refused(settings)
    assert time.monotonic() - began < 15
    assert error.code == "store_unreachable"
    assert "cret" not in str(error)
    assert host.split(":", maxsplit=1)[0] in str(error)
    with pytest.raises(BadInput, match="cannot be opened"):
        store_exists(settings)


def test_a_postgresql_that_never_answers_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "CONNECT_SECONDS", 2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        began = time.monotonic()
        error = refused(Settings(store=f"postgresql://me@{address}/base?sslmode=disable", data=str(tmp_path)))
        assert error.code == "store_unreachable"
        assert time.monotonic() - began < 15


def test_a_database_that_is_not_there_is_named(new_database: Callable[[], str], tmp_path: Path) -> None:
    error = refused(Settings(store=f"{new_database()}_missing", data=str(tmp_path)))
    assert "does not exist" in str(error)


def test_a_postgresql_store_needs_a_folder_for_its_files() -> None:
    assert refused(Settings(store="postgresql://me@127.0.0.1:9/base")).code == "no_data_path"


def test_an_impossible_size_of_memory_is_refused(tmp_path: Path) -> None:
    assert refused(Settings(store=str(tmp_path / "store"), memory="plenty")).code == "bad_memory"


# From one schema to the next


@pytest.fixture
def newer_program(monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[int, str]], None]:
    """Let the program know further steps."""

    def know(steps: dict[int, str]) -> None:
        monkeypatch.setattr(schema, "SCHEMA_VERSION", max(steps))
        monkeypatch.setattr(schema, "MIGRATIONS", steps)

    return know


COLUMNS = "select table_name, column_name, data_type from duckdb_columns() where database_name = 'lake' order by all"
NEXT = schema.SCHEMA_VERSION + 1
STEPS = {
    NEXT: "create table notes (value bigint); insert into notes values (2)",
    NEXT + 1: "alter table complaints add column urgency varchar; update notes set value = value * 10 + 3",
}


def test_an_older_store_is_led_forward_step_by_step_and_keeps_its_rows(
    any_settings: Settings, tmp_path: Path, newer_program: Callable[[dict[int, str]], None]
) -> None:
    with closing(open_store(any_settings)) as store:
        import_files(store, [incidents(tmp_path / "a.csv", [{}, {}])], now=NOW)
    newer_program(STEPS)
    for _ in range(2):
        with closing(open_store(any_settings)) as store:
            assert store.fact("schema_version") == str(NEXT + 1)
            assert store.query("select value from notes")["value"].tolist() == [23]
            assert store.query("select id, urgency from complaints where urgency is null").shape == (2, 2)


def test_a_store_of_the_first_version_gets_the_tables_of_today(any_settings: Settings, tmp_path: Path) -> None:
    with closing(open_store(any_settings)) as store:
        import_files(store, [incidents(tmp_path / "a.csv", [{}, {}])], now=NOW)
        shape = store.query(COLUMNS)
        for table in re.findall(r"^create table (\w+)", "\n".join(schema.MIGRATIONS.values()), re.MULTILINE):
            store.write(lambda cursor, table=table: cursor.execute(f"drop table {table}"))
        store.write(lambda cursor: cursor.execute("update store_facts set value = '1' where fact = 'schema_version'"))
    with closing(open_store(any_settings)) as store:
        pd.testing.assert_frame_equal(store.query(COLUMNS), shape)
        assert len(store.query("select * from complaints")) == 2
        assert store.query("select sum(received)::int as n from topic_totals")["n"].tolist() == [2]


def test_thresholds_and_feedback_of_an_older_store_stay_those_of_their_region(any_settings: Settings) -> None:
    with closing(open_store(any_settings)) as store:
        for table in ("own_thresholds", "feedback"):
            store.write(lambda cursor, table=table: cursor.execute(f"alter table {table} drop column municipality"))
        for table in ("topic_totals", "kept_answers"):
            store.write(lambda cursor, table=table: cursor.execute(f"drop table {table}"))
        store.write(lambda cursor: cursor.execute("insert into own_thresholds values ('Тула', 'ЖКХ', 5)"))
        said = "insert into feedback values ('Тула', 'ЖКХ', '2026-11-20', 'useful', 'a', 'b', '2026-11-19')"
        store.write(lambda cursor: cursor.execute(said))
        store.write(lambda cursor: cursor.execute("update store_facts set value = '5' where fact = 'schema_version'"))
    with closing(open_store(any_settings)) as store:
        assert own_table(store, "thresholds").to_numpy().tolist() == [["Тула", "", "ЖКХ", 5]]
        assert store.query("select owner, municipality from feedback").to_numpy().tolist() == [["b", None]]


def test_a_step_that_fails_leaves_the_store_as_it_was_and_can_be_taken_later(
    any_settings: Settings, newer_program: Callable[[dict[int, str]], None]
) -> None:
    open_store(any_settings).close()
    newer_program({**STEPS, NEXT + 1: "update notes set value = 5; select 1 from no_such_table"})
    refused(any_settings)
    newer_program(STEPS)
    with closing(open_store(any_settings)) as store:
        assert store.query("select value from notes")["value"].tolist() == [23]


def test_of_several_that_lead_a_store_forward_at_once_one_does_it(
    any_settings: Settings, newer_program: Callable[[dict[int, str]], None]
) -> None:
    open_store(any_settings).close()
    newer_program(STEPS)
    with ThreadPoolExecutor(4) as pool:
        stores = list(pool.map(open_store, [any_settings] * 4))
    for store in stores:
        assert store.query("select value from notes")["value"].tolist() == [23]
        store.close()


def test_a_newer_store_is_refused_in_one_sentence(any_settings: Settings) -> None:
    with closing(open_store(any_settings)) as store:
        store.write(lambda cursor: cursor.execute("update store_facts set value = '99' where fact = 'schema_version'"))
    error = refused(any_settings)
    assert error.code == "newer_store"
    assert "99" in str(error)


# Transactions


def test_a_failed_write_leaves_nothing_and_is_not_tried_again(any_settings: Settings) -> None:
    attempts = 0

    def work(cursor: duckdb.DuckDBPyConnection) -> None:
        nonlocal attempts
        attempts += 1
        cursor.execute("insert into settings values ('half', 'done')")
        raise ZeroDivisionError

    with closing(open_store(any_settings)) as store:
        with pytest.raises(ZeroDivisionError):
            store.write(work)
        assert attempts == 1
        assert store.setting("half") is None
        store.set_setting("whole", "done")
        assert store.setting("whole") == "done"
        store.set_setting("whole", None)
        assert store.setting("whole") is None


def test_work_that_met_a_conflict_is_done_again_from_clean_temporary_tables(any_settings: Settings) -> None:
    attempts = 0

    def work(cursor: duckdb.DuckDBPyConnection) -> int:
        nonlocal attempts
        attempts += 1
        cursor.execute("create temp table mine as select count(*) as held from settings")
        if attempts == 1:
            other.transaction(disturb)  # one that does not wait for its turn, as on a disk without locks
        cursor.execute("insert into settings select 'held', held::varchar from mine")
        return attempts

    def disturb(cursor: duckdb.DuckDBPyConnection) -> None:
        cursor.execute("update turnstile set passed = passed + 1")
        cursor.execute("insert into settings values ('disturbed', 'yes')")

    with closing(open_store(any_settings)) as store, closing(open_store(any_settings)) as other:
        assert store.write(work) == 2
        assert store.setting("held") == "1"


def test_writers_wait_for_their_turn_and_none_does_its_work_twice(any_settings: Settings) -> None:
    done: list[int] = []

    def write(number: int) -> None:
        def work(cursor: duckdb.DuckDBPyConnection) -> None:
            done.append(number)
            time.sleep(0.15)
            held = cursor.execute("select count(*) from settings").fetchone()
            cursor.execute("insert into settings values ($name, $held)", {"name": str(number), "held": str(held[0])})  # type: ignore[index]

        stores[number % 2].write(work)

    with closing(open_store(any_settings)) as one, closing(open_store(any_settings)) as two:
        stores = (one, two)
        with ThreadPoolExecutor(6) as pool:
            list(pool.map(write, range(6)))
        assert sorted(done) == list(range(6))
        assert sorted(one.query("select value from settings")["value"]) == list("012345")


def test_who_gets_no_turn_is_told_so_in_time(any_settings: Settings) -> None:
    with closing(open_store(any_settings)) as store:
        hasty = open_store(replace(any_settings, retry_seconds=0.5))
        with store.turn(), closing(hasty):
            began = time.monotonic()
            with pytest.raises(BadInput) as error:
                hasty.set_setting("language", "ru")
            assert error.value.code == "store_busy"
            assert time.monotonic() - began < 5
        store.set_setting("language", "en")


def test_queries_of_one_reading_see_one_snapshot(any_settings: Settings) -> None:
    with closing(open_store(any_settings)) as store:
        with store.reading() as query:
            store.set_setting("late", "yes")  # before the first query: the snapshot is that of the beginning
            assert query("select * from settings").empty
            assert query("select * from settings where setting = $name", name="late").empty
        assert store.setting("late") == "yes"


def test_what_a_thread_holds_is_one_snapshot_until_it_writes_itself(any_settings: Settings) -> None:
    with closing(open_store(any_settings)) as store, closing(open_store(any_settings)) as other:
        with store.holding():
            before = store.snapshot()
            other.set_setting("late", "yes")
            assert (store.setting("late"), store.snapshot()) == (None, before)
            with store.reading() as query:
                assert query("select * from settings").empty
            with ThreadPoolExecutor(1) as pool:  # another thread holds nothing
                assert pool.submit(store.setting, "late").result() == "yes"
            store.set_setting("own", "yes")
            assert (store.setting("late"), store.setting("own")) == ("yes", "yes")
            assert store.snapshot() > before
        assert store.setting("late") == "yes"


def test_a_question_that_fails_does_not_spoil_the_next_ones_of_its_thread(any_settings: Settings) -> None:
    with closing(open_store(any_settings)) as store, store.holding():
        with pytest.raises(duckdb.Error):
            store.query("select error('no') from settings union all select error('no')")
        with pytest.raises(duckdb.Error), store.reading() as query:
            query("select error('no')")
        assert store.query("select 1 as one")["one"].tolist() == [1]


def test_each_write_has_a_new_snapshot_number_and_reading_none(any_settings: Settings) -> None:
    with closing(open_store(any_settings)) as store:
        before = store.snapshot()
        store.query("select count(*) from complaints")
        assert store.snapshot() == before
        store.set_setting("language", "ru")
        assert store.snapshot() > before


def test_small_writes_are_kept_in_files_and_not_in_the_catalogue(any_settings: Settings) -> None:
    with closing(open_store(any_settings)) as store:
        for number in range(5):
            store.set_setting("language", str(number))
        tables = store.query("select table_name from duckdb_tables() where database_name = '__ducklake_metadata_lake'")
        assert not [name for name in tables["table_name"] if "inlined_data_tables" not in name and "inlined" in name]


# What is tried again


LOCK_FOR_A_WHILE = """
import sqlite3, sys, time
blocker = sqlite3.connect(sys.argv[1], isolation_level=None)
blocker.execute("begin immediate")
print("locked", flush=True)
time.sleep(float(sys.argv[2]))
"""


@contextmanager
def locked_catalogue(store: Store, seconds: float) -> Iterator[None]:
    """Another program holds SQLite's lock for a while; it must be another process, as within one they do not count."""
    file = Path(store.settings.store) / "catalogue.sqlite"
    command = [sys.executable, "-c", LOCK_FOR_A_WHILE, str(file), str(seconds)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as blocker:
        assert blocker.stdout is not None
        assert blocker.stdout.readline() == "locked\n"
        yield
        blocker.kill()


def test_a_locked_catalogue_is_waited_for(tmp_path: Path) -> None:
    with closing(open_store(Settings(store=str(tmp_path / "store"), retry_seconds=20))) as store:
        with locked_catalogue(store, seconds=6):  # longer than SQLite itself would wait
            began = time.monotonic()
            store.set_setting("language", "ru")
            assert time.monotonic() - began > 5
        assert store.setting("language") == "ru"


def test_a_catalogue_locked_for_too_long_is_said_in_time(tmp_path: Path) -> None:
    with closing(open_store(Settings(store=str(tmp_path / "store"), retry_seconds=1))) as store:
        began = time.monotonic()
        with locked_catalogue(store, seconds=60), pytest.raises(BadInput) as error:
            store.set_setting("language", "ru")
        assert error.value.code == "store_busy"
        assert time.monotonic() - began < 10


@pytest.mark.parametrize(
    "sql",
    [
        "select 'database is locked'::integer",
        "select * from no_such_table -- Transaction conflict - attempting",
        "selec 'deadlock detected'",
        "create table complaints (id varchar)",
        "select * from read_csv('/nowhere/Transaction conflict.csv')",
        "select error('connection refused')::integer from no_such_column",
    ],
)
def test_an_error_that_never_passes_is_raised_at_once(store: Store, sql: str) -> None:
    attempts = 0

    def attempt() -> None:
        nonlocal attempts
        attempts += 1
        store.cursor().execute(sql)

    with pytest.raises(duckdb.Error):
        store.retried(attempt)
    assert attempts == 1


@pytest.mark.parametrize(
    "words",
    [
        "Failed to commit DuckLake transaction.\nFailed to flush changes into DuckLake: database is locked",
        'Transaction conflict - attempting to delete from file with index "11" - but another transaction deleted it',
        'Failed to execute query "COMMIT": ERROR:  could not serialize access due to concurrent update',
        "Failed to commit DuckLake transaction.\nExceeded the maximum retry count of 10",
    ],
)
def test_what_ducklake_says_of_a_busy_catalogue_is_tried_again(words: str) -> None:
    assert is_busy(duckdb.TransactionException(words))
    attempts = 0

    def attempt() -> int:
        nonlocal attempts
        attempts += 1
        if attempts < 4:
            raise duckdb.TransactionException(words)
        return attempts

    assert retried(attempt, seconds=10) == 4


def test_a_long_attempt_that_met_a_conflict_gets_another_though_its_time_is_up() -> None:
    attempts = 0

    def attempt() -> int:
        nonlocal attempts
        attempts += 1
        time.sleep(0.2)
        if attempts == 1:
            raise duckdb.TransactionException("database is locked")
        return attempts

    assert retried(attempt, seconds=0.1) == 2


def test_looking_for_a_store_does_not_lift_the_locks_of_an_open_one(tmp_path: Path) -> None:
    settings = Settings(store=str(tmp_path / "store"), retry_seconds=20)
    with closing(open_store(settings)) as store:
        cursor = store.cursor()
        cursor.execute("begin")
        cursor.execute("select count(*) from regions").fetchall()
        assert store_exists(settings)
        other = "import sys; from analytics.store import open_store; open_store(sys.argv[1]).set_setting('a', '1')"
        subprocess.run([sys.executable, "-c", other, settings.store], check=True, cwd=ROOT)
        # Had the locks gone, the other would have thought itself the last and cleared the log away under us.
        assert Path(settings.store, "catalogue.sqlite-wal").exists()
        assert cursor.execute("select count(*) from settings").fetchone() == (0,)
        cursor.execute("rollback")
        assert store.setting("a") == "1"


def cut_connections(settings: Settings) -> None:
    """As when PostgreSQL is started anew: every connection to the catalogue is lost."""
    name = settings.store.rsplit("/", 1)[1]
    other = duckdb.connect()
    catalogue._load_extensions(other, ["postgres"])
    other.execute(f"attach '{settings.store}' as base (type postgres)")
    other.execute(
        "select * from postgres_query('base', $sql)",
        {
            "sql": "select pg_terminate_backend(pid) from pg_stat_activity "
            f"where datname = '{name}' and pid <> pg_backend_pid()"
        },
    ).fetchall()
    other.close()


@pytest.fixture
def postgres_store(new_database: Callable[[], str], tmp_path: Path) -> Iterator[Store]:
    with closing(open_store(Settings(store=new_database(), data=str(tmp_path / "data"), retry_seconds=20))) as store:
        yield store


def test_a_lost_connection_is_made_anew(postgres_store: Store) -> None:
    store = postgres_store
    with store.reading() as query:
        query("select count(*) from regions")
        cut_connections(store.settings)
    assert store.query("select count(*) from regions").iloc[0, 0] == 83
    cut_connections(store.settings)
    store.set_setting("language", "ru")
    assert store.setting("language") == "ru"


def test_a_connection_lost_amid_a_reading_is_said_in_one_sentence(postgres_store: Store) -> None:
    with pytest.raises(BadInput) as error, postgres_store.reading() as query:
        query("select count(*) from regions")
        cut_connections(postgres_store.settings)
        query("select count(*) from complaints")
    assert error.value.code == "store_unreachable"


def test_a_connection_lost_at_the_last_step_is_not_tried_again(postgres_store: Store) -> None:
    attempts = 0

    def work(cursor: duckdb.DuckDBPyConnection) -> None:
        nonlocal attempts
        attempts += 1
        cursor.execute("insert into settings values ('lost', 'yes')")
        cut_connections(postgres_store.settings)

    with pytest.raises(BadInput) as error:
        postgres_store.write(work)
    assert error.value.code == "store_lost"
    assert attempts == 1
    assert postgres_store.setting("lost") is None
    assert is_away(duckdb.IOException("Unable to connect to Postgres at ..."))


# Folders for the time being


def _spill(settings: Settings, answers: multiprocessing.SimpleQueue) -> None:
    with closing(open_store(settings)) as store:
        cursor = store.cursor()
        cursor.execute(
            "create temp table big as select hash(i) as key, repeat('x', 40) || i as text from range(2000000) r(i)"
        )
        answers.put(
            cursor.execute("select count(*), count(distinct key) from (select * from big order by key)").fetchone()
        )


def test_two_that_run_out_of_memory_at_once_do_not_spoil_each_others_files(tmp_path: Path) -> None:
    settings = Settings(store=str(tmp_path / "store"), memory="120MB", threads=1)
    open_store(settings).close()
    answers = PROCESSES.SimpleQueue()
    processes = [PROCESSES.Process(target=_spill, args=(settings, answers)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0]
    assert [answers.get(), answers.get()] == [(2_000_000, 2_000_000)] * 2
    assert list((tmp_path / "store" / "spill").iterdir()) == []


def _hold_folder(parent: Path, ready: multiprocessing.SimpleQueue) -> None:
    folder = WorkingFolder(parent, "import")
    (folder.path / "half.parquet").write_text("half")
    ready.put(str(folder.path))
    time.sleep(60)


def test_the_folder_of_a_killed_process_is_cleared_away_and_that_of_a_living_one_is_not(tmp_path: Path) -> None:
    ready = PROCESSES.SimpleQueue()
    killed, living = (PROCESSES.Process(target=_hold_folder, args=(tmp_path, ready)) for _ in range(2))
    killed.start()
    left = Path(ready.get())
    living.start()
    held = Path(ready.get())
    killed.kill()
    killed.join()
    assert left.exists()
    with WorkingFolder(tmp_path, "import") as own:
        assert not left.exists()
        assert (held / "half.parquet").exists()
        assert sorted(tmp_path.iterdir()) == sorted([held, own])
    living.kill()
    living.join()


def test_a_closed_store_leaves_no_spill_and_no_staged_files(any_settings: Settings, tmp_path: Path) -> None:
    store = open_store(any_settings)
    import_files(store, [incidents(tmp_path / "a.csv", [{}])], now=NOW)
    assert list(store.staging().iterdir()) == []
    spill = store.staging().parent / "spill"
    assert len(list(spill.iterdir())) == 1
    store.close()
    assert list(spill.iterdir()) == []
    assert spill.is_dir()
