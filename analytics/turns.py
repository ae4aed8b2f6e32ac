"""Who waits for whom: writers go one at a time, and who takes old files out of a SQLite catalogue lets readers end.

Writers queue so that none has to do its work again because another was quicker. Readers need a lock of their own only
on SQLite: DuckDB scans its tables over further connections, which see more than the reader's own transaction does, and
files merged meanwhile would then look like no files at all.
"""

from __future__ import annotations

import errno
import fcntl
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TextIO

import duckdb

from analytics.errors import BadInput
from analytics.retry import busy, retried

LOOK_EVERY = 0.1  # seconds
GATE_SHUT = 2.0  # seconds at most for which new readers wait for old ones to end
ADVISORY_LOCK = 0x466F7265  # any number, the same for all of us; PostgreSQL keeps such locks for each database apart
READERS, GATE = "readers.lock", "readers.gate"
CATALOGUE = "__ducklake_metadata_lake"  # DuckLake's own name for the catalogue of `lake`


@contextmanager
def turn_of_file(file: Path, *, seconds: float) -> Iterator[None]:
    """Hold the lock of `file`; a death lifts it. Raises BadInput when others have held it for `seconds`.

    On a file system that knows no locks nothing is held; then the turnstile table alone finds who was second.
    """

    with file.open("w") as held:
        _wait(lambda: _locked(held), seconds)
        yield


@contextmanager
def turn_of_database(cursor: duckdb.DuckDBPyConnection, *, seconds: float) -> Iterator[None]:
    """Hold the advisory lock of the catalogue's PostgreSQL in a transaction of its own; a lost connection lifts it."""
    query = f"select * from postgres_query('{CATALOGUE}', 'select pg_try_advisory_xact_lock({ADVISORY_LOCK}) as got')"

    def locked() -> bool:
        row = retried(lambda: _in_transaction(cursor, query), seconds=seconds)
        return bool(row and row[0])

    try:
        _wait(locked, seconds)
        yield
    finally:
        with suppress(duckdb.Error):
            cursor.execute("rollback")
        cursor.close()


@contextmanager
def among_readers(folder: Path) -> Iterator[None]:
    """Be one of the readers of the store in `folder`; a death lifts the lock. Never fails: reading goes on without."""
    with ExitStack() as held:
        with suppress(OSError):
            lock = held.enter_context((folder / READERS).open("a"))
            with (folder / GATE).open("a") as gate:
                fcntl.flock(gate, fcntl.LOCK_SH)
                fcntl.flock(lock, fcntl.LOCK_SH)
        yield


@contextmanager
def without_readers(folder: Path, *, seconds: float) -> Iterator[None]:
    """Be alone with the store in `folder`, its readers having ended; new ones wait outside for at most 2 seconds.

    Raises BadInput when old ones have gone on for `seconds`.
    """
    give_up_at = time.monotonic() + seconds
    with (folder / GATE).open("a") as gate, (folder / READERS).open("a") as lock:
        while True:
            _wait(lambda: _locked(gate), seconds)
            try:
                _wait(lambda: _locked(lock), min(seconds, GATE_SHUT))
                break
            except BadInput:
                if time.monotonic() > give_up_at:
                    raise
                fcntl.flock(gate, fcntl.LOCK_UN)
                time.sleep(GATE_SHUT)  # for those who waited outside
        yield


@contextmanager
def under_way(file: Path) -> Iterator[None]:
    """While inside, `is_under_way(file)` says so; a death ends it. Nobody waits, and the work goes on without locks."""
    with ExitStack() as held:
        with suppress(OSError):
            lock = held.enter_context(file.open("a"))
            fcntl.flock(lock, fcntl.LOCK_SH)
        yield


def is_under_way(file: Path) -> bool:
    """Is another within `under_way(file)`? No, where the file system knows no locks."""
    with suppress(OSError), file.open() as lock:
        return not _locked(lock)
    return False


def _locked(file: TextIO) -> bool:
    """Has the lock been got, or are there none on this file system?"""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in (errno.EWOULDBLOCK, errno.EACCES, errno.EINTR)
    return True


def _in_transaction(cursor: duckdb.DuckDBPyConnection, query: str) -> tuple | None:
    with suppress(duckdb.Error):
        cursor.execute("rollback")
    cursor.execute("begin")
    return cursor.execute(query).fetchone()


def _wait(locked: Callable[[], bool], seconds: float) -> None:
    give_up_at = time.monotonic() + seconds
    while not locked():
        if time.monotonic() > give_up_at:
            raise busy(seconds)
        time.sleep(LOOK_EVERY)
