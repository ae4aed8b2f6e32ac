"""The queue of writers: one at a time, so that none has to do its work again because another was quicker."""

from __future__ import annotations

import errno
import fcntl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import duckdb

from analytics.retry import busy, retried

LOOK_EVERY = 0.1  # seconds
ADVISORY_LOCK = 0x466F7265  # any number, the same for all of us; PostgreSQL keeps such locks for each database apart
CATALOGUE = "__ducklake_metadata_lake"  # DuckLake's own name for the catalogue of `lake`


@contextmanager
def turn_of_file(file: Path, *, seconds: float) -> Iterator[None]:
    """Hold the lock of `file`; a death lifts it. Raises BadInput when others have held it for `seconds`.

    On a file system that knows no locks nothing is held; then the turnstile table alone finds who was second.
    """

    def locked() -> bool:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            return error.errno not in (errno.EWOULDBLOCK, errno.EACCES, errno.EINTR)
        return True

    with file.open("w") as held:
        _wait(locked, seconds)
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
