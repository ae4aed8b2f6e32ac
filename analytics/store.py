"""The store: a DuckLake of complaint exports that many processes read and write at once."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeVar

import duckdb
import pandas as pd

from analytics.catalogue import attach, local_folder, masked, store_exists, unreachable
from analytics.errors import BadInput
from analytics.remembering import Memory
from analytics.retry import is_away, is_busy, is_made_meanwhile, retried
from analytics.schema import SCHEMA_VERSION, is_ready, prepare
from analytics.settings import Settings
from analytics.turns import among_readers, is_under_way, turn_of_database, turn_of_file, under_way, without_readers
from analytics.working_folders import WorkingFolder

__all__ = ["SCHEMA_VERSION", "Query", "Store", "open_store", "store_exists"]

Result = TypeVar("Result")
Query = Callable[..., pd.DataFrame]


class Held(NamedTuple):
    """A snapshot that a thread asks for some time, and what ends that."""

    query: Query
    end: contextlib.ExitStack


class Store:
    """One lake, open. Every query takes a cursor of its own, so threads may share a Store."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.path = masked(settings.store)  # shown to the user: no password
        self._spill = WorkingFolder(local_folder(settings) / "spill", "store")
        self._connection = attach(settings, spill=self._spill.path)
        self._idle: list[duckdb.DuckDBPyConnection] = []  # cursors for reading: making one costs as much as a question
        self._memory = Memory()
        self._closing = threading.Lock()
        self._thread = threading.local()

    # Reading

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """A connection of its own, in which the lake's tables and macros are named bare."""
        cursor = self._connection.cursor()
        cursor.execute("set search_path = 'lake.main,memory.main'")
        return cursor

    def query(self, sql: str, **parameters: Any) -> pd.DataFrame:
        """The table that `sql` answers with, bound to `$parameters`; asked again while the catalogue is busy."""
        held = self._held()
        if held is not None:
            with contextlib.suppress(duckdb.Error):  # asked again, on a snapshot of its own
                return held.query(sql, **parameters)
            self._let_go()
        with self._undisturbed():
            return self.retried(lambda: self._asked(sql, parameters))

    @contextlib.contextmanager
    def holding(self) -> Iterator[None]:
        """Until then whatever this thread asks is asked of one and the same snapshot, and once.

        To begin a transaction costs as much as a small question. A write of this thread ends it earlier, as does a
        question that fails: what is asked afterwards is asked of the newest snapshot.
        """
        with contextlib.ExitStack() as end:
            held = Held(end.enter_context(self.reading()), end)
            end.callback(setattr, self._thread, "held", None)
            self._thread.held = held
            yield

    @contextlib.contextmanager
    def reading(self) -> Iterator[Query]:
        """Several queries on one and the same snapshot; what was asked of it before is answered from memory."""
        held = self._held()
        if held is not None:
            with self._told_when_away():
                try:
                    yield held.query
                except duckdb.Error:
                    self._let_go()
                    raise
            return
        with self._undisturbed():
            cursor, snapshot = self.retried(self._pinned)
            try:
                with self._told_when_away():
                    yield lambda sql, **parameters: self._memory.answer(
                        snapshot, sql, parameters, lambda: _fetch(cursor, sql, parameters)
                    )
            finally:
                self._put_back(cursor)

    def forget(self) -> None:
        """Answer nothing from memory that was asked until now."""
        self._memory.clear()

    def snapshot(self) -> int:
        """The number of the newest snapshot: a new one with each write, so it is the key of any cache."""
        return int(self.query("select id from ducklake_current_snapshot('lake')").iloc[0, 0])

    # Writing

    def write(self, work: Callable[[duckdb.DuckDBPyConnection], Result]) -> Result:
        """Do `work(cursor)` in one transaction: all of it or nothing, one writer after another.

        Every writer passes the turnstile too, so even where locks do not hold, of two at once one finds a conflict and
        does its work again on what the other left. Raises BadInput when no turn came within `retry_seconds`.
        """

        def once(cursor: duckdb.DuckDBPyConnection) -> Result:
            cursor.execute("update turnstile set passed = passed + 1")
            return work(cursor)

        with self.turn():
            return self.retried(lambda: self.transaction(once))

    @contextlib.contextmanager
    def turn(self) -> Iterator[None]:
        """Be the only writer; wait for it as long as `retry_seconds`, then raise BadInput. Not to be nested."""
        self._let_go()
        seconds = self.settings.retry_seconds
        if self.settings.remote:
            queue = turn_of_database(self._connection.cursor(), seconds=seconds)
        else:
            queue = turn_of_file(Path(self.settings.store) / "writer.lock", seconds=seconds)
        with queue:
            yield

    @contextlib.contextmanager
    def without_readers(self) -> Iterator[None]:
        """Readers have ended and new ones wait; for the moment of a commit that takes old files out of the catalogue.

        Raises BadInput when a reader goes on for `retry_seconds`. PostgreSQL needs no such thing.
        """
        if self.settings.remote:
            yield
        else:
            with without_readers(Path(self.settings.store), seconds=self.settings.retry_seconds):
                yield

    def refreshing(self) -> contextlib.AbstractContextManager[None]:
        """While inside, pages on this machine can say that forecasts are being made; see `is_refreshing`."""
        return under_way(self._refresh_mark())

    def is_refreshing(self) -> bool:
        """Are forecasts of this store being made now, by a process on this machine?"""
        return is_under_way(self._refresh_mark())

    def transaction(self, work: Callable[[duckdb.DuckDBPyConnection], Result]) -> Result:
        """One attempt at `work(cursor)`, all of it or nothing, on a connection of its own: no temporary table is left.

        Raises BadInput when the connection is lost while committing, for then nobody knows whether it was done.
        """
        cursor = self.cursor()
        try:
            cursor.execute("begin")
            result = work(cursor)
            try:
                cursor.execute("commit")
            except duckdb.Error as error:
                if is_busy(error) or not is_away(error):
                    raise
                raise BadInput(
                    "store_lost",
                    "The connection to the store {store} was lost at the last step; see whether it was done.",
                    store=self.path,
                ) from error
            return result
        finally:
            _give_up(cursor)

    def retried(self, attempt: Callable[[], Result]) -> Result:
        """Attempt again while the catalogue is busy."""
        with self._told_when_away():
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

    def facts_and_settings(self) -> tuple[dict[str, str], dict[str, str | None]]:
        """All of both, with one question."""
        found = self.query(
            "select true as is_fact, fact as name, value from store_facts "
            "union all select false, setting, value from settings"
        )
        facts: dict[str, str] = {}
        chosen: dict[str, str | None] = {}
        for is_fact, name, value in zip(found["is_fact"], found["name"], found["value"], strict=True):
            if is_fact:
                facts[name] = value
            else:
                chosen[name] = None if pd.isna(value) else value
        return facts, chosen

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

    # The rest

    def staging(self) -> Path:
        """The folder in which working folders are made."""
        staging = local_folder(self.settings) / "staging"
        staging.mkdir(parents=True, exist_ok=True)
        return staging

    def working_folder(self, purpose: str) -> WorkingFolder:
        """A new folder for files that live only as long as an import; what killed ones left is cleared away first."""
        return WorkingFolder(self.staging(), purpose)

    def close(self) -> None:
        """Let go of the lake."""
        with self._closing:
            while self._idle:
                self._idle.pop().close()
            self._connection.close()
            self._spill.close()

    @contextlib.contextmanager
    def _undisturbed(self) -> Iterator[None]:
        """Be among the readers, once for each thread: a query within a reading must not wait for its own end."""
        if self.settings.remote or getattr(self._thread, "reads", False):
            yield
            return
        self._thread.reads = True
        try:
            with among_readers(Path(self.settings.store)):
                yield
        finally:
            self._thread.reads = False

    def _held(self) -> Held | None:
        """The snapshot that this thread holds."""
        return getattr(self._thread, "held", None)

    def _let_go(self) -> None:
        """End what `holding` began."""
        held = self._held()
        if held is not None:
            held.end.close()

    @contextlib.contextmanager
    def _told_when_away(self) -> Iterator[None]:
        """A catalogue that cannot be reached any more is told as such: BadInput."""
        try:
            yield
        except duckdb.Error as error:
            if is_away(error):
                raise unreachable(self.settings, error) from error
            raise

    def _refresh_mark(self) -> Path:
        return local_folder(self.settings) / "refresh.lock"

    def _pinned(self) -> tuple[duckdb.DuckDBPyConnection, int]:
        """A cursor in a transaction that has seen its snapshot: from now on the catalogue cannot be too busy."""
        cursor = self._reader()
        try:
            cursor.execute("begin")
            found = cursor.execute("select id from ducklake_current_snapshot('lake')").fetchall()
        except BaseException:
            _give_up(cursor)
            raise
        return cursor, int(found[0][0])

    def _reader(self) -> duckdb.DuckDBPyConnection:
        """A cursor for reading, one that was used before where there is one."""
        try:
            return self._idle.pop()
        except IndexError:
            return self.cursor()

    def _asked(self, sql: str, parameters: dict[str, Any]) -> pd.DataFrame:
        cursor = self._reader()
        try:
            answer = _fetch(cursor, sql, parameters)
        except BaseException:
            _give_up(cursor)
            raise
        self._idle.append(cursor)
        return answer

    def _put_back(self, cursor: duckdb.DuckDBPyConnection) -> None:
        """End the transaction and keep the cursor for the next, unless its connection is broken."""
        try:
            cursor.execute("rollback")
        except duckdb.Error:
            cursor.close()
        else:
            self._idle.append(cursor)


def open_store(
    settings: Settings | str | Path, *, kind: Literal["real", "demo"] = "real", salt: str | None = None
) -> Store:
    """The store of these settings (or of a folder or URL); made, and marked as `kind`, when there is none yet.

    `salt`: of the keys of senders in a new store; a random one unless given.

    Raises BadInput when the store is newer than this program or cannot be reached.
    """
    if not isinstance(settings, Settings):
        settings = Settings(store=str(settings))
    try:
        store = retried(lambda: Store(settings), seconds=settings.retry_seconds, passing=_is_passing_while_made)
    except (duckdb.Error, OSError) as error:
        raise unreachable(settings, error) from error
    try:
        if not store.retried(lambda: is_ready(store)):
            with store.turn():
                retried(
                    lambda: prepare(store, kind, salt), seconds=settings.retry_seconds, passing=_is_passing_while_made
                )
    except (duckdb.Error, OSError) as error:
        store.close()
        raise unreachable(settings, error) from error
    except BaseException:
        store.close()
        raise
    return store


def _is_passing_while_made(error: duckdb.Error) -> bool:
    return is_busy(error) or is_made_meanwhile(error)


def _fetch(cursor: duckdb.DuckDBPyConnection, sql: str, parameters: dict[str, Any]) -> pd.DataFrame:
    return cursor.execute(sql, parameters).df() if parameters else cursor.execute(sql).df()


def _give_up(cursor: duckdb.DuckDBPyConnection) -> None:
    """End the transaction, if one is still open, and the connection."""
    with contextlib.suppress(duckdb.Error):
        cursor.execute("rollback")
    cursor.close()
