"""The tables of a store: made once, led forward from an older version, refused from a newer one."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from typing import Protocol

import duckdb
import pandas as pd

from analytics.catalogue import SQL_FOLDER, statements
from analytics.errors import BadInput
from analytics.settings import ROOT

SCHEMA_VERSION = 7
SCHEMA = (SQL_FOLDER / "schema.sql").read_text(encoding="utf-8")


def _made(*tables: str) -> str:
    """The statements of schema.sql that make these tables."""
    found = (re.search(rf"^create table {table} .*?^\);$", SCHEMA, re.MULTILINE | re.DOTALL) for table in tables)
    return "\n".join(match.group() for match in found if match)


def _widened(table: str, column: str) -> str:
    """The statement that gives a table one more column, unless it was made with it just before."""
    return f"alter table {table} add column if not exists {column};\n"


MIGRATIONS: dict[int, str] = {  # version -> the SQL that leads to it from the version before
    2: _made("forecast_runs", "forecasts", "municipal_forecasts", "signals", "feedback", "events", "weather"),
    3: _made("own_thresholds", "own_days", "shapes"),
    4: _made("rehearsal_grounds"),
    5: _made("forecast_parts", "outbreak_runs", "outbreaks"),
    6: _widened("own_thresholds", "municipality varchar") + _widened("feedback", "municipality varchar"),
    7: _made("topic_totals", "kept_answers")
    + """
insert into topic_totals
select opened_on, topic_group, topic, kind, sum(complaints)::bigint from daily_counts
group by all having sum(complaints) <> 0 order by opened_on;
""",
}


class Lake(Protocol):
    """What is asked of a store here."""

    path: str

    def query(self, sql: str, **parameters: object) -> pd.DataFrame: ...

    def transaction(self, work: Callable[[duckdb.DuckDBPyConnection], object]) -> object: ...


def prepare(store: Lake, kind: str, salt: str | None = None) -> None:
    """Make the tables of a new store, marked as `kind`; lead an older one forward; refuse a newer one.

    A new store gets this salt, or a random one. Raises BadInput for a newer store. Whoever calls it again after it
    failed half-way goes on from there.
    """
    version = _version(store)
    if version is None:
        store.transaction(lambda cursor: _make(cursor, kind, salt or secrets.token_hex(16)))
        return
    if version > SCHEMA_VERSION:
        raise BadInput(
            "newer_store",
            "The store {store} was made by a newer Forerunner (schema {version}, this one knows {known}); update.",
            store=store.path,
            version=version,
            known=SCHEMA_VERSION,
        )
    for step in range(version + 1, SCHEMA_VERSION + 1):
        store.transaction(lambda cursor, step=step: _migrate(cursor, step))  # type: ignore[misc]


def is_ready(store: Lake) -> bool:
    """Has the store the tables of this very version?"""
    return _version(store) == SCHEMA_VERSION


def table_names() -> list[str]:
    """The names of all tables of a store."""
    return re.findall(r"^create table (\w+)", SCHEMA, re.MULTILINE)


def _version(store: Lake) -> int | None:
    tables = store.query("select table_name from duckdb_tables() where database_name = 'lake'")["table_name"]
    if "store_facts" not in set(tables):
        return None
    return int(store.query("select value from store_facts where fact = 'schema_version'").iloc[0, 0])


def _make(cursor: duckdb.DuckDBPyConnection, kind: str, salt: str) -> None:
    for statement in statements(SCHEMA):
        cursor.execute(statement)
    cursor.execute("insert into turnstile values (0)")
    cursor.executemany(
        "insert into store_facts values (?, ?)",
        [("schema_version", str(SCHEMA_VERSION)), ("kind", kind), ("salt", salt)],
    )
    cursor.execute(
        """
        insert into regions
        select name_ru, iso, name_ru, name_en, federal_district_ru, federal_district_en, timezone, population_2020
        from read_csv($file, header = true, all_varchar = false, types = {'okato': 'varchar', 'oktmo': 'varchar'})
        """,
        {"file": str(ROOT / "data" / "reference" / "ru_regions.csv")},
    )


def _migrate(cursor: duckdb.DuckDBPyConnection, step: int) -> None:
    """One step forward, unless another process has just taken it."""
    found = cursor.execute("select value::int from store_facts where fact = 'schema_version'").fetchone()
    if found is None or found[0] >= step:
        return
    for statement in statements(MIGRATIONS[step]):
        cursor.execute(statement)
    cursor.execute("update store_facts set value = $step where fact = 'schema_version'", {"step": str(step)})
