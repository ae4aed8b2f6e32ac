"""Writing Parquet files with DuckDB: a connection of its own, progress, and the expression for a blank cell."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path

import duckdb

MEMORY_LIMIT = "1GB"
LOOK_EVERY = 0.1  # seconds
# What Python's str.strip() takes for white space, for both must call the same cells blank.
WHITE_SPACE = "".join(chr(code) for code in range(0x3001) if chr(code).isspace())


def connect(staging: Path) -> duckdb.DuckDBPyConnection:
    """A DuckDB of its own in memory: damage of a file cannot reach the store's."""
    connection = duckdb.connect(
        config={
            "memory_limit": MEMORY_LIMIT,
            "temp_directory": str(staging),
            "autoinstall_known_extensions": False,
            "preserve_insertion_order": True,
        }
    )
    connection.execute("set enable_progress_bar = true")
    connection.execute("set enable_progress_bar_print = false")
    return connection


def identifier(name: str) -> str:
    """A column name of a file as SQL."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A path or another text as SQL where no parameter can stand."""
    return "'" + text.replace("'", "''") + "'"


def not_blank(column: str) -> str:
    """The column with blank cells as NULL.

    The two comparisons let through at once what begins with a letter; `trim` alone would double the time of staging.
    """
    return f"""case when {column} >= '!' and {column} < chr(127) then {column}
      when {column} >= chr(161) and {column} < chr(5760) then {column}
      when trim({column}, {literal(WHITE_SPACE)}) = '' then null else {column} end"""


def copy_to_parquet(
    connection: duckdb.DuckDBPyConnection,
    query: str,
    parameters: Sequence[object],
    *,
    target: Path,
    report: Callable[[float], None],
) -> int:
    """Write the query's rows to a Parquet file in order; how many they were."""

    def run() -> int:
        sql = f"copy ({query}) to {literal(str(target))} (format parquet)"
        return int(connection.execute(sql, list(parameters)).fetchall()[0][0])

    return with_progress(run, connection, report)


def with_progress(
    work: Callable[[], int], connection: duckdb.DuckDBPyConnection, report: Callable[[float], None]
) -> int:
    """Do the work beside, and report in the caller's thread (a page may only be drawn from its own)."""
    with ThreadPoolExecutor(1) as pool:
        future: Future[int] = pool.submit(work)
        try:
            while not future.done():
                wait([future], timeout=LOOK_EVERY)
                share = connection.query_progress()
                if 0 <= share <= 100:
                    report(share / 100)
        except BaseException:
            connection.interrupt()
            raise
        return future.result()
