"""The store: a DuckLake of complaint exports that many processes read and write at once."""

from __future__ import annotations

import contextlib
import os
import random
import re
import secrets
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import duckdb
import pandas as pd
from duckdb_extensions import import_extension

from analytics.errors import BadInput
from analytics.settings import ROOT, Settings

SCHEMA_VERSION = 1
MIGRATIONS: dict[int, str] = {}  # version -> the SQL that leads to it from the version before
SQL_FOLDER = Path(__file__).parent
PASSING = re.compile(  # these say "not now": the same again, a little later, is safe and right
    r"database is locked|transaction conflict|conflict|could not serialize|deadlock detected|already exists"
    r"|connection refused|server closed the connection|database schema has changed",
    re.IGNORECASE,
)
Result = TypeVar("Result")
Query = Callable[..., pd.DataFrame]


class Store:
    """One lake, open. Every query takes a cursor of its own, so threads may share a Store."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.path = re.sub(r":[^:@/]*@", ":***@", settings.store)  # shown to the user: no password
        self._connection = _attach(settings)
        self._closing = threading.Lock()

    # Reading

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """A connection of its own, in which the lake's tables and macros are named bare."""
        cursor = self._connection.cursor()
        cursor.execute("set search_path = 'lake.main,memory.main'")
        return cursor

    def query(self, sql: str, **parameters: Any) -> pd.DataFrame:
        """The table that `sql` answers with, bound to `$parameters`; asked again while the catalogue is busy."""
        return self.retried(lambda: _fetch(self.cursor(), sql, parameters))

    @contextlib.contextmanager
    def reading(self) -> Iterator[Query]:
        """Several queries on one and the same snapshot."""
        cursor = self.cursor()
        self.retried(lambda: cursor.execute("begin"))
        try:
            yield lambda sql, **parameters: _fetch(cursor, sql, parameters)
        finally:
            cursor.execute("rollback")
            cursor.close()

    def snapshot(self) -> int:
        """The number of the newest snapshot: a new one with each write, so it is the key of any cache."""
        return int(self.query("select id from ducklake_current_snapshot('lake')").iloc[0, 0])

    # Writing

    def write(self, work: Callable[[duckdb.DuckDBPyConnection], Result]) -> Result:
        """Do `work(cursor)` in one transaction: all of it or nothing, one writer after another.

        Every writer passes the turnstile, so of two at once one finds a conflict and does its work again
        on what the other left. Raises BadInput when no turn came within `retry_seconds`.
        """

        def once() -> Result:
            cursor = self.cursor()
            try:
                cursor.execute("begin")
                cursor.execute("update turnstile set passed = passed + 1")
                result = work(cursor)
                cursor.execute("commit")
                return result
            except BaseException:
                with contextlib.suppress(duckdb.Error):
                    cursor.execute("rollback")
                raise
            finally:
                cursor.close()

        return self.retried(once)

    def retried(self, attempt: Callable[[], Result]) -> Result:
        """Attempt again while the catalogue is busy."""
        return retried(attempt, seconds=self.settings.retry_seconds)

    # Facts and settings

    @property
    def kind(self) -> str:
        """'demo' or 'real', marked when the store was made."""
        return self.fact("kind")

    def fact(self, name: str) -> str:
        """A fact written when the store was made: schema_version, kind, salt."""
        return str(self.query("select value from store_facts where fact = $name", name=name).iloc[0, 0])

    def is_empty(self) -> bool:
        """Has no import in force put a row here?"""
        return self.query("select 1 from complaints limit 1").empty

    def setting(self, name: str) -> str | None:
        """What the reader set in the dashboard, None if nothing."""
        found = self.query("select value from settings where setting = $name", name=name)
        return None if found.empty or pd.isna(found.iloc[0, 0]) else str(found.iloc[0, 0])

    def set_setting(self, name: str, value: str | None) -> None:
        """Remember `value` (None forgets it)."""

        def work(cursor: duckdb.DuckDBPyConnection) -> None:
            cursor.execute("delete from settings where setting = $name", {"name": name})
            if value is not None:
                cursor.execute("insert into settings values ($name, $value)", {"name": name, "value": value})

        self.write(work)

    def staging(self) -> Path:
        """The folder for files that live only as long as an import."""
        folder = _data_folder(self.settings) if not _is_url(self.settings.data) else ROOT / "data"
        staging = Path(folder) / "staging"
        staging.mkdir(parents=True, exist_ok=True)
        return staging

    def close(self) -> None:
        """Let go of the lake."""
        with self._closing:
            self._connection.close()


def open_store(settings: Settings | str | Path, *, kind: str = "real") -> Store:
    """The store of these settings (or of a folder or URL); made, and marked as `kind`, when there is none yet.

    Raises BadInput when the store is newer than this program or cannot be reached.
    """
    if not isinstance(settings, Settings):
        settings = Settings(store=str(settings))
    try:
        store = retried(lambda: Store(settings), seconds=settings.retry_seconds)
        retried(lambda: _prepare(store, kind), seconds=settings.retry_seconds)
    except (duckdb.Error, OSError) as error:
        raise BadInput(
            "store_unreachable",
            "The store {store} cannot be opened ({reason}); check FORERUNNER_STORE and FORERUNNER_DATA.",
            store=re.sub(r":[^:@/]*@", ":***@", settings.store),
            reason=str(error).splitlines()[0][:200],
        ) from error
    return store


def store_exists(settings: Settings) -> bool:
    """Is there a store already? (A PostgreSQL catalogue is always taken to be there.)"""
    return settings.remote or _catalogue(settings).exists()


def retried(attempt: Callable[[], Result], *, seconds: float) -> Result:
    """Attempt again, ever more patiently, while the error is a passing one; at most for `seconds`."""
    give_up_at = time.monotonic() + seconds
    pause = 0.02
    while True:
        try:
            return attempt()
        except duckdb.Error as error:
            if not PASSING.search(str(error)):
                raise
            if time.monotonic() + pause > give_up_at:
                raise BadInput(
                    "store_busy",
                    "The store has been busy for {seconds:.0f} seconds; try again when the other imports have ended.",
                    seconds=seconds,
                ) from error
            time.sleep(pause * random.uniform(0.5, 1.5))
            pause = min(pause * 1.7, 2.0)


def _attach(settings: Settings) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(
        config={"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}
    )
    scanner = "postgres" if settings.remote else "sqlite"
    _load_extensions(connection, ["ducklake", scanner, *(["httpfs"] if _is_url(settings.data) else [])])
    connection.execute(f"set memory_limit = {_quoted(settings.memory)}")
    if settings.threads:
        connection.execute(f"set threads = {int(settings.threads)}")
    if settings.remote:
        if not settings.data:
            raise BadInput("no_data_path", "A PostgreSQL store needs FORERUNNER_DATA: the folder for its files.")
        catalogue, options = f"ducklake:postgres:{settings.store}", ""
    else:
        Path(settings.store).mkdir(parents=True, exist_ok=True)
        catalogue = f"ducklake:sqlite:{_catalogue(settings)}"
        options = ", meta_journal_mode 'WAL', meta_busy_timeout 5000"
    folder = _data_folder(settings)
    if not _is_url(folder):
        Path(folder).mkdir(parents=True, exist_ok=True)
        connection.execute(f"set temp_directory = {_quoted(str(Path(folder) / 'spill'))}")
    data_path = f"{folder}/files/"
    connection.execute(f"attach {_quoted(catalogue)} as lake (data_path {_quoted(data_path)}{options})")
    macros = SQL_FOLDER / "macros.sql"
    connection.execute("set search_path = 'memory.main,lake.main'")
    if macros.exists():
        for statement in _statements(macros.read_text(encoding="utf-8")):
            connection.execute(statement)
    return connection


def _prepare(store: Store, kind: str) -> None:
    """Make the tables of a new store; lead an older one forward; refuse a newer one."""
    tables = store.query("select table_name from duckdb_tables() where database_name = 'lake'")["table_name"]
    if "store_facts" not in set(tables):
        _make(store, kind)
        return
    version = int(store.fact("schema_version"))
    if version > SCHEMA_VERSION:
        raise BadInput(
            "newer_store",
            "The store {store} was made by a newer Forerunner (schema {version}, this one knows {known}); update.",
            store=store.path,
            version=version,
            known=SCHEMA_VERSION,
        )
    for step in range(version + 1, SCHEMA_VERSION + 1):
        store.write(lambda cursor, step=step: _migrate(cursor, step))


def _make(store: Store, kind: str) -> None:
    cursor = store.cursor()
    try:
        cursor.execute("begin")
        for statement in _statements((SQL_FOLDER / "schema.sql").read_text(encoding="utf-8")):
            cursor.execute(statement)
        cursor.execute("insert into turnstile values (0)")
        cursor.executemany(
            "insert into store_facts values (?, ?)",
            [("schema_version", str(SCHEMA_VERSION)), ("kind", kind), ("salt", secrets.token_hex(16))],
        )
        cursor.execute(
            """
            insert into regions
            select name_ru, iso, name_ru, name_en, federal_district_ru, federal_district_en, timezone, population_2020
            from read_csv($file, header = true, all_varchar = false, types = {'okato': 'varchar', 'oktmo': 'varchar'})
            """,
            {"file": str(ROOT / "data" / "reference" / "ru_regions.csv")},
        )
        cursor.execute("commit")
    except duckdb.Error:
        with contextlib.suppress(duckdb.Error):
            cursor.execute("rollback")
        raise


def _migrate(cursor: duckdb.DuckDBPyConnection, step: int) -> None:
    for statement in _statements(MIGRATIONS[step]):
        cursor.execute(statement)
    cursor.execute("update store_facts set value = $step where fact = 'schema_version'", {"step": str(step)})


def _fetch(cursor: duckdb.DuckDBPyConnection, sql: str, parameters: dict[str, Any]) -> pd.DataFrame:
    return cursor.execute(sql, parameters).df() if parameters else cursor.execute(sql).df()


def _load_extensions(connection: duckdb.DuckDBPyConnection, names: list[str]) -> None:
    """Load DuckDB extensions from their wheels, offline; DuckDB wants a copy in a folder that it may write."""
    if os.access(sys.prefix, os.W_OK):
        connection.execute(f"set extension_directory = {_quoted(str(Path(sys.prefix) / 'duckdb_extensions'))}")
    for name in names:
        import_extension(name, con=connection)
        connection.load_extension({"sqlite": "sqlite_scanner", "postgres": "postgres_scanner"}.get(name, name))


def _statements(script: str) -> list[str]:
    return [statement.query for statement in duckdb.extract_statements(script)]


def _catalogue(settings: Settings) -> Path:
    return Path(settings.store) / "catalogue.sqlite"


def _data_folder(settings: Settings) -> str:
    return (settings.data or settings.store).rstrip("/")


def _is_url(path: str) -> bool:
    return "://" in path


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
