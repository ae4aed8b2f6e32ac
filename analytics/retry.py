"""Trying again what fails only for the moment, and only that."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable
from typing import TypeVar

import duckdb

from analytics.errors import BadInput

Result = TypeVar("Result")
# The catalogue says "not now": nothing was done, and the same again a little later is right. SQLite: any commit
# between the begin and the commit of another; DuckLake: two changed the same; the rest: PostgreSQL.
BUSY = re.compile(
    r"database (?:table )?is locked|database schema has changed|Transaction conflict - "
    r"|Exceeded the maximum retry count|could not serialize access|deadlock detected",
    re.IGNORECASE,
)
# The catalogue's server is away, but may only start anew.
RESTARTING = re.compile(
    r"connection refused|server closed the connection|terminating connection|could not receive data from server"
    r'|the database system is|Failed to execute query "ROLLBACK": *$',
    re.IGNORECASE,
)
AWAY = re.compile(rf"Unable to connect to Postgres|{RESTARTING.pattern}", re.IGNORECASE)
# Two make the same store at once; asked again, the second finds it made.
MADE_MEANWHILE = re.compile(r"already exists|duplicate key value violates unique constraint", re.IGNORECASE)
# These quote the query or a value, which may hold any of these words.
NEVER = (
    duckdb.BinderException,
    duckdb.CatalogException,
    duckdb.ConstraintException,
    duckdb.ConversionException,
    duckdb.OutOfMemoryException,
    duckdb.ParserException,
    duckdb.SyntaxException,
)
AWAY_SECONDS = 5.0  # for a server that starts anew; a page or a command must not hang on one that is gone
FEWEST_ATTEMPTS = 2  # however long each took
LONGEST_PAUSE = 1.0  # seconds


def is_busy(error: duckdb.Error) -> bool:
    """Does the error say that another was first, so that the same again may do?"""
    return not isinstance(error, NEVER) and BUSY.search(str(error)) is not None


def is_away(error: duckdb.Error) -> bool:
    """Does the error say that the catalogue's server cannot be reached?"""
    return not isinstance(error, NEVER) and AWAY.search(str(error)) is not None


def is_made_meanwhile(error: duckdb.Error) -> bool:
    """Does the error say that another has just made what we wanted to make?"""
    told = isinstance(error, duckdb.CatalogException) or not isinstance(error, NEVER)
    return told and MADE_MEANWHILE.search(str(error)) is not None


def retried(
    attempt: Callable[[], Result],
    *,
    seconds: float,
    passing: Callable[[duckdb.Error], bool] = is_busy,
) -> Result:
    """Attempt again, ever more patiently, while the error is `passing`; for about `seconds`.

    A server that is away gets 5 seconds. Raises BadInput when time is up; any other error at once.
    """
    began = time.monotonic()
    attempts, pause = 0, 0.02
    while True:
        try:
            return attempt()
        except duckdb.Error as error:
            attempts += 1
            away = is_away(error) and RESTARTING.search(str(error)) is not None
            if not away and not passing(error):
                raise
            spent = time.monotonic() - began + pause
            if away and spent > min(seconds, AWAY_SECONDS):
                raise
            if not away and spent > seconds and attempts >= FEWEST_ATTEMPTS:
                raise busy(seconds) from error
            time.sleep(pause * random.uniform(0.5, 1.5))
            pause = min(pause * 1.7, LONGEST_PAUSE)


def busy(seconds: float) -> BadInput:
    """No turn came."""
    return BadInput(
        "store_busy",
        "The store has been busy for {seconds:.0f} seconds; try again when the other imports have ended.",
        seconds=seconds,
    )
