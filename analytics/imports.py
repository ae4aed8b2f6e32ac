"""Exports into the store: one file, one transaction; history, rejects and undo."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

import duckdb
import pandas as pd

from analytics import cube
from analytics.documents import Document
from analytics.errors import BadInput
from analytics.exports import CONTENT, Export, read_export
from analytics.files import open_documents
from analytics.presets import Mapping, chosen_mapping, find_mapping, known_columns, read_mapping
from analytics.store import Store

Report = Callable[[float, str], None]  # share done of all files, name of the file at hand
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


@dataclass(frozen=True)
class Preview:
    """One table of a file as it would be read, before anything is stored."""

    name: str
    header: list[str]
    rows: list[list[str | None]]  # the first rows, all columns
    layout: str  # in words: csv, utf-8, ";"
    mapping: Mapping | None  # None: nothing could be a date
    problem: BadInput | None
    left_out: list[str]


def propose(store: Store, files: Sequence[Path], *, preset: str | None = None) -> list[Preview]:
    """How these files would be read. Raises BadInput for a file that cannot be read at all."""
    with _folder(store) as folder:
        return [_preview(document, preset) for file in files for document in _documents(file, folder)]


def import_files(
    store: Store,
    files: Sequence[Path],
    *,
    preset: str | None = None,
    mapping: Path | dict[str, str] | None = None,
    source: str | None = None,
    keep_text: bool = False,
    now: datetime,
    report: Report = lambda share, name: None,
) -> list[ImportResult]:
    """Import files, each in a transaction of its own: all of a file or nothing of it.

    `now` is UTC, without a zone. Every file is looked at before the first is stored. Raises BadInput for a file that
    cannot be used, and for a demo store.
    """
    if store.kind == "demo":
        raise BadInput(
            "demo_store",
            "This store holds the demo country; real complaints go into a store of their own: "
            "set FORERUNNER_STORE to another folder.",
        )
    with _folder(store) as folder:
        work = []
        for file in files:
            for document in _documents(Path(file), folder):
                chosen = _mapping(document, preset, mapping)
                work.append((document, replace(chosen, source=source) if source else chosen))
        return [
            _import(store, document, chosen, folder, keep_text, now, _part(report, place, len(work), document.name))
            for place, (document, chosen) in enumerate(work)
        ]


def history(store: Store) -> pd.DataFrame:
    """All imports, the newest first: the columns of the table `imports`."""
    return store.query("select * from imports order by import_id desc")


def rejects(store: Store, import_id: int) -> pd.DataFrame:
    """Rejected rows of an import as a table to be mended and imported again: the export's columns, line, reason."""
    found = store.query(
        "select line, reason, fields from rejects where import_id = $import_id order by line", import_id=import_id
    )
    fields = pd.DataFrame([json.loads(fields) for fields in found["fields"]], index=found.index, dtype="str")
    return fields.assign(line=found["line"], reason=found["reason"])


def undo_last(store: Store, *, now: datetime) -> str:
    """Take back the newest import in force; the name of its file. Raises BadInput when there is none to take back."""

    def work(cursor: duckdb.DuckDBPyConnection) -> str:
        last = cursor.execute(
            "select import_id, file, snapshot_before from imports where undone_at is null order by import_id desc limit 1"
        ).fetchone()
        if last is None:
            raise BadInput("nothing_to_undo", "There is no import to undo.")
        import_id, file, before = last
        kept = cursor.execute(
            "select count(*) from ducklake_snapshots('lake') where snapshot_id = $before", {"before": before}
        ).fetchone()
        if not kept or not kept[0]:
            raise BadInput(
                "too_late_to_undo", "{file} can no longer be undone: the state before it has been cleared away.", file=file
            )
        cursor.execute(
            "create or replace temp table leaving as select * from complaints where last_import = $import_id",
            {"import_id": import_id},
        )
        cursor.execute(
            f"create or replace temp table returning_rows as select * from complaints at (version => {int(before)}) "
            "where (source, id) in (select (source, id) from leaving)"
        )
        _replace(cursor, leaving="leaving", arriving="returning_rows")
        cursor.execute("delete from coverage where import_id = $import_id", {"import_id": import_id})
        cursor.execute("delete from rejects where import_id = $import_id", {"import_id": import_id})
        cursor.execute(
            "update imports set undone_at = $now where import_id = $import_id", {"now": now, "import_id": import_id}
        )
        return str(file)

    return store.write(work)


def _import(
    store: Store,
    document: Document,
    mapping: Mapping,
    folder: Path,
    keep_text: bool,
    now: datetime,
    report: Callable[[float], None],
) -> ImportResult:
    started = time.monotonic()
    reader = store.cursor()
    try:
        export = read_export(
            reader,
            document,
            mapping,
            folder=folder,
            now=now,
            salt=store.fact("salt"),
            time_zone=store.settings.time_zone,
            keep_text=keep_text,
            report=lambda share: report(0.6 * share),
        )
    finally:
        reader.close()
    result = store.write(lambda cursor: _merge(cursor, export, now, started))
    report(1.0)
    return result


def _merge(cursor: duckdb.DuckDBPyConnection, export: Export, now: datetime, started: float) -> ImportResult:
    """The whole import inside a transaction; done again from here if another writer was first."""
    row = cursor.execute("select coalesce(max(import_id), 0) + 1 from imports").fetchone()
    import_id = row[0] if row else 1
    before = cursor.execute("select id from ducklake_current_snapshot('lake')").fetchone()
    bound = {"source": export.mapping.source, "now": now, "import_id": import_id}
    path = str(export.rows).replace("'", "''")
    cursor.execute(f"create or replace temp view arrived as select * from '{path}' where reason is null")
    known = cursor.execute("select count(*) from complaints where source = $source", {"source": bound["source"]}).fetchone()
    new, updated = export.distinct, 0
    if known and known[0]:
        given = [column for column in CONTENT if column in export.given]
        new, updated = _compare(cursor, bound, given)
        _replace(cursor, leaving="leaving", arriving="changed")
        cursor.execute("create or replace temp view fresh as select * from arrived where id in (select id from new_ids)")
    else:
        cursor.execute("create or replace temp view fresh as select * from arrived")
    if new:
        cursor.execute(f"create or replace temp table facts as select {_bound_facts()}", bound)
        cursor.execute(
            f"""
            create or replace temp view arriving as
            select facts.source, id, {", ".join(CONTENT)}, facts.now as first_seen_at, facts.now as changed_at,
              case when closed_at is not null or status in ('closed', 'declined') then facts.now end as closed_seen_at,
              facts.import_id as last_import
            from (select * replace (coalesce(kind, 'complaint') as kind) from fresh), facts
            """
        )
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
        seconds=round(time.monotonic() - started, 2),
        import_id=import_id,
        left_out=export.left_out,
    )
    _record(cursor, result, export, now=now, snapshot_before=before[0] if before else 0)
    return result


def _bound_facts() -> str:
    return "$source::varchar as source, $now::timestamp as now, $import_id::bigint as import_id"


def _compare(cursor: duckdb.DuckDBPyConnection, bound: dict, given: list[str]) -> tuple[int, int]:
    """Fill `new_ids`, `leaving` (rows as they were) and `changed` (as they will be); how many are new and changed.

    Rows are first compared by a hash of the columns `given` by the export: most are the same. The
    later import wins, unless both tell when they last changed; an empty value never erases a known one.
    """
    source = {"source": bound["source"]}
    contents = f"hash({', '.join(given)})"
    cursor.execute(
        f"""
        create or replace temp table met as
        select arrived.id, stored.id is null as is_new
        from (select id, {contents} as contents from arrived) as arrived
        left join (select id, {contents} as contents from complaints where source = $source) as stored
          on arrived.id = stored.id
        where stored.id is null or arrived.contents <> stored.contents
        """,
        source,
    )
    cursor.execute("create or replace temp table new_ids as select id from met where is_new")
    cursor.execute(
        "create or replace temp table candidates as select * from complaints "
        "where source = $source and id in (select id from met where not is_new)",
        source,
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
        where ({", ".join(f"merged.{c}" for c in CONTENT)}) is distinct from ({", ".join(f"stored.{c}" for c in CONTENT)})
        """,
        {"now": bound["now"], "import_id": bound["import_id"]},
    )
    cursor.execute(
        "create or replace temp table leaving as select * from candidates where id in (select id from changed)"
    )
    counted = cursor.execute("select (select count(*) from new_ids), (select count(*) from changed)").fetchone()
    return counted if counted else (0, 0)


def _replace(cursor: duckdb.DuckDBPyConnection, *, leaving: str, arriving: str) -> None:
    """Take the rows of `leaving` out of the store and put those of `arriving` in, the cube included."""
    columns = ", ".join(STORED)
    cursor.execute(
        f"""
        create or replace temp view moved as
        select -1 as sign, {columns} from {leaving} union all select 1 as sign, {columns} from {arriving}
        """
    )
    cursor.execute(f"delete from complaints where (source, id) in (select (source, id) from {leaving})")
    cursor.execute(f"insert into complaints ({columns}) select {columns} from {arriving}")
    cube.refresh(cursor)


def _record(
    cursor: duckdb.DuckDBPyConnection, result: ImportResult, export: Export, *, now: datetime, snapshot_before: int
) -> None:
    """The history, the coverage and the rejected rows of an import."""
    cursor.execute(
        """
        insert into imports values ($import_id, $source, $file, $preset, $started_at, $finished_at, $read, $new, $updated,
          $unchanged, $rejected, $warnings, $notices, $left_out, $snapshot_before, null)
        """,
        {
            "import_id": result.import_id,
            "source": export.mapping.source,
            "file": result.file,
            "preset": result.preset,
            "started_at": now,
            "finished_at": now + pd.Timedelta(seconds=result.seconds).to_pytimedelta(),
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


def _mapping(document: Document, preset: str | None, mapping: Path | dict[str, str] | None) -> Mapping:
    if isinstance(mapping, dict):
        return chosen_mapping(dict(mapping), document.header)
    if mapping is not None:
        return read_mapping(mapping, document.header)
    return find_mapping(document.header, document.sample, preset=preset)


def _preview(document: Document, preset: str | None) -> Preview:
    mapping, problem = None, None
    try:
        mapping = find_mapping(document.header, document.sample, preset=preset)
    except BadInput as error:
        problem = error
    stored = set(mapping.columns.values()) if mapping else set()
    for meaning in ("sender", "text"):
        if mapping and meaning in mapping.columns:
            stored.discard(mapping.columns[meaning])
    layout = document.layout
    words = [layout.format, layout.encoding, layout.separator and f"«{layout.separator}»".replace("\t", "tab"), layout.sheet]
    return Preview(
        name=document.name,
        header=document.header,
        rows=document.sample[:20],
        layout=", ".join(word for word in words if word),
        mapping=mapping,
        problem=problem,
        left_out=[column for column in document.header if column not in stored],
    )


def _documents(file: Path, folder: Path) -> list[Document]:
    return open_documents(file, folder, known_columns=known_columns())


def _part(report: Report, place: int, parts: int, name: str) -> Callable[[float], None]:
    return lambda share: report((place + share) / parts, name)


@contextmanager
def _folder(store: Store) -> Iterator[Path]:
    """A folder for the files of one import; what killed imports left behind is cleared away first."""
    staging = store.staging()
    for left in staging.glob("import-*"):
        process = left.name.split("-")[1]
        if not Path(f"/proc/{process}").exists() and process != str(os.getpid()):
            shutil.rmtree(left, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=f"import-{os.getpid()}-", dir=staging))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
