"""Inside the one transaction of an import: what is new, what changed, and the record of it."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import duckdb

from analytics import cube
from analytics.errors import BadInput
from analytics.exports import CONTENT, Export
from analytics.sql import literal

STORED = ("source", "id", *CONTENT, "first_seen_at", "changed_at", "closed_seen_at", "last_import")


@dataclass(frozen=True)
class ImportResult:
    """What came of one file: read = new + updated + unchanged + rejected."""

    file: str
    preset: str | None
    read: int
    new: int
    updated: int
    unchanged: int
    rejected: int
    warnings: int  # rows kept with a value ignored
    notices: list[dict]  # what was not matched: kind, value, rows
    seconds: float
    import_id: int = field(default=0)
    left_out: list[str] = field(default_factory=list)  # columns that were not stored


def merge(cursor: duckdb.DuckDBPyConnection, export: Export, now: datetime) -> ImportResult:
    """The whole import inside a transaction; done again from here if another writer was first."""
    kind = cursor.execute("select value from store_facts where fact = 'kind'").fetchone()
    refuse_demo(kind[0] if kind else "")  # asked again: the demo country may have come since the export was opened
    row = cursor.execute("select coalesce(max(import_id), 0) + 1 from imports").fetchone()
    import_id = row[0] if row else 1
    before = cursor.execute("select id from ducklake_current_snapshot('lake')").fetchone()
    bound = {"source": export.mapping.source, "now": now, "import_id": import_id}
    told = ", ".join(column if column in export.given else f"null::{CONTENT[column]} as {column}" for column in CONTENT)
    cursor.execute(
        f"create or replace temp view arrived as select id, {told} from {literal(export.rows)} where reason is null"
    )
    known = cursor.execute(
        "select count(*) from complaints where source = $source", {"source": bound["source"]}
    ).fetchone()
    new, updated = export.distinct, 0
    fresh = "arrived"
    if known and known[0]:
        held = _held(cursor, bound, few=5 * export.distinct < known[0])
        new, updated = _compare(cursor, bound, export.given, held)
        fresh = "(select * from arrived where id in (select id from new_ids))"
    cursor.execute(f"create or replace temp table facts as select {_bound_facts()}", bound)
    cursor.execute(
        f"""
        create or replace temp view arriving as
        select facts.source, id, {", ".join(CONTENT)}, facts.now as first_seen_at, facts.now as changed_at,
          case when closed_at is not null or status in ('closed', 'declined') then facts.now end as closed_seen_at,
          facts.import_id as last_import
        from (select * replace (coalesce(kind, 'complaint') as kind) from {fresh}), facts
        """
    )
    if updated:
        if new:
            cursor.execute(f"insert into changed ({', '.join(STORED)}) select {', '.join(STORED)} from arriving")
        replace_rows(cursor, leaving="leaving", arriving="changed")
    elif new:
        cursor.execute("create or replace temp view moved as select 1 as sign, * from arriving")
        cursor.execute(f"insert into complaints ({', '.join(STORED)}) select {', '.join(STORED)} from arriving")
        cube.refresh(cursor)
    usable = export.read - len(export.rejected)
    result = ImportResult(
        file=export.file,
        preset=export.mapping.preset,
        read=export.read,
        new=new,
        updated=updated,
        unchanged=usable - new - updated,
        rejected=len(export.rejected),
        warnings=export.warnings,
        notices=export.notices,
        seconds=round(time.monotonic() - export.began, 2),
        import_id=import_id,
        left_out=export.left_out,
    )
    _record(cursor, result, export, now=now, snapshot_before=before[0] if before else 0)
    return result


def refuse_demo(kind: str) -> None:
    """Raise BadInput when the store is of this kind: real complaints never go among invented ones."""
    if kind == "demo":
        raise BadInput(
            "demo_store",
            "This store holds the demo country; real complaints go into a store of their own: "
            "set FORERUNNER_STORE to another folder.",
        )


def _bound_facts() -> str:
    return "$source::varchar as source, $now::timestamp as now, $import_id::bigint as import_id"


def _held(cursor: duckdb.DuckDBPyConnection, bound: dict, *, few: bool) -> str:
    """What is stored of the source, as a relation for SQL; when `few` arrive, only those of them, read once."""
    stored = f"(select * from complaints where source = {literal(bound['source'])})"
    if not few:
        return stored
    cursor.execute(f"create or replace temp table held as from {stored} where id in (select id from arrived)")
    return "held"


def _compare(cursor: duckdb.DuckDBPyConnection, bound: dict, given: list[str], held: str) -> tuple[int, int]:
    """Fill `new_ids`, `leaving` (rows as they were) and `changed` (as they will be); how many are new and changed.

    `held` holds at least the stored rows of the source that arrive again. Rows are first compared by a hash of the
    columns `given` by the export: most are the same. The later import wins, unless both tell when they last changed;
    an empty value never erases a known one.
    """
    contents = f"hash({', '.join(given)})"
    cursor.execute(
        f"""
        create or replace temp table met as
        select arrived.id, stored.id is null as is_new
        from (select id, {contents} as contents from arrived) as arrived
        left join (select id, {contents} as contents from {held}) as stored on arrived.id = stored.id
        where stored.id is null or arrived.contents <> stored.contents
        """
    )
    cursor.execute("create or replace temp table new_ids as select id from met where is_new")
    cursor.execute(
        f"create or replace temp table candidates as from {held} where id in (select id from met where not is_new)"
    )
    newer = "(arrived.export_changed_at >= stored.export_changed_at) is not false"
    merged = ", ".join(
        f"case when {newer} then coalesce(arrived.{c}, stored.{c}) else coalesce(stored.{c}, arrived.{c}) end as {c}"
        for c in CONTENT
    )
    cursor.execute(
        f"""
        create or replace temp table changed as
        with merged as (
          select stored.source, stored.id, {merged}, stored.first_seen_at, $now::timestamp as changed_at,
            stored.closed_seen_at, $import_id::bigint as last_import
          from candidates as stored join arrived on arrived.id = stored.id
        )
        select merged.* replace (
          coalesce(merged.closed_seen_at, case
            when merged.closed_at is not null or merged.status in ('closed', 'declined') then merged.changed_at
          end) as closed_seen_at)
        from merged join candidates as stored on merged.id = stored.id
        where ({", ".join(f"merged.{c}" for c in CONTENT)})
          is distinct from ({", ".join(f"stored.{c}" for c in CONTENT)})
        """,
        {"now": bound["now"], "import_id": bound["import_id"]},
    )
    cursor.execute(
        "create or replace temp table leaving as select * from candidates where id in (select id from changed)"
    )
    counted = cursor.execute("select (select count(*) from new_ids), (select count(*) from changed)").fetchone()
    return counted if counted else (0, 0)


def replace_rows(cursor: duckdb.DuckDBPyConnection, *, leaving: str, arriving: str) -> None:
    """Take the rows of `leaving` out of the store and put those of `arriving` in, the cube included."""
    columns = ", ".join(STORED)
    cursor.execute(
        f"""
        create or replace temp view moved as
        select -1 as sign, {columns} from {leaving} union all select 1 as sign, {columns} from {arriving}
        """
    )
    cursor.execute(
        f"delete from complaints using {leaving} as leaves "
        "where complaints.source = leaves.source and complaints.id = leaves.id"
    )
    cursor.execute(f"insert into complaints ({columns}) select {columns} from {arriving}")
    cube.refresh(cursor)


def _record(
    cursor: duckdb.DuckDBPyConnection, result: ImportResult, export: Export, *, now: datetime, snapshot_before: int
) -> None:
    """The history, the coverage and the rejected rows of an import."""
    cursor.execute(
        """
        insert into imports values ($import_id, $source, $file, $preset, $started_at, $finished_at,
          $read, $new, $updated, $unchanged, $rejected, $warnings, $notices, $left_out, $snapshot_before, null)
        """,
        {
            "import_id": result.import_id,
            "source": export.mapping.source,
            "file": result.file,
            "preset": result.preset,
            "started_at": now,
            "finished_at": now + timedelta(seconds=result.seconds),
            "read": result.read,
            "new": result.new,
            "updated": result.updated,
            "unchanged": result.unchanged,
            "rejected": result.rejected,
            "warnings": result.warnings,
            "notices": json.dumps(result.notices, ensure_ascii=False),
            "left_out": json.dumps(result.left_out, ensure_ascii=False),
            "snapshot_before": snapshot_before,
        },
    )
    # The last day of a file is never trusted: nobody knows at what hour the export was made.
    cursor.execute(
        """
        insert into coverage
        select $import_id, $source, region, min(opened_at)::date, max(opened_at)::date,
          (select max(opened_at)::date - 1 from arrived)
        from arrived group by region
        """,
        {"import_id": result.import_id, "source": export.mapping.source},
    )
    if len(export.rejected):
        rejected = export.rejected
        cursor.register("rejected_rows", rejected)
        cursor.execute(
            "insert into rejects select $import_id, $file, line, reason, fields from rejected_rows",
            {"import_id": result.import_id, "file": result.file},
        )
        cursor.unregister("rejected_rows")
