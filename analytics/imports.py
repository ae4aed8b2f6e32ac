"""Exports into the store: one file, one transaction; history, rejects and undo."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path

import duckdb
import pandas as pd

from analytics.catalogue import local_folder, store_exists
from analytics.errors import BadInput
from analytics.exports import Export, read_export
from analytics.files import open_documents
from analytics.files.documents import Document
from analytics.merge import ImportResult, merge, refuse_demo, replace_rows
from analytics.presets import Mapping, chosen_mapping, find_mapping, known_columns, read_mapping
from analytics.settings import Settings
from analytics.store import Store, open_store
from analytics.working_folders import WorkingFolder

Report = Callable[[float, str], None]  # share done of all files, name of the file at hand


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
    with store.working_folder("import") as folder:
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
    refuse_demo(store.kind)
    with store.working_folder("import") as folder:
        work = _looked_at(files, folder, preset, mapping, source)
        return _import_all(store, work, folder, keep_text=keep_text, now=now, report=report)


def import_into(
    settings: Settings,
    files: Sequence[Path],
    *,
    preset: str | None = None,
    mapping: Path | None = None,
    source: str | None = None,
    keep_text: bool = False,
    now: datetime,
    report: Report = lambda share, name: None,
) -> list[ImportResult]:
    """As import_files, into the store of `settings`; where there is none, files that are refused leave none behind."""
    if store_exists(settings):
        with closing(open_store(settings)) as store:
            return import_files(
                store,
                files,
                preset=preset,
                mapping=mapping,
                source=source,
                keep_text=keep_text,
                now=now,
                report=report,
            )
    with _vanishing(local_folder(settings) / "staging") as staging, WorkingFolder(staging, "import") as folder:
        work = _looked_at(files, folder, preset, mapping, source)
        # The first file is read against a store to throw away, so that one without a usable row leaves none behind.
        with closing(open_store(replace(settings, store=str(folder / "trial"), data=""))) as trial:
            salt = trial.fact("salt")
            export = _read(trial, *work[0], folder, keep_text, now, _part(report, 0, len(work), work[0][0].name))
        with closing(open_store(settings, salt=salt)) as store:
            refuse_demo(store.kind)
            made_by_us = store.fact("salt") == salt and store.is_empty()
            return _import_all(
                store,
                work,
                folder,
                keep_text=keep_text,
                now=now,
                report=report,
                first=export if made_by_us else None,
            )


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
            "select import_id, file, snapshot_before from imports where undone_at is null "
            "order by import_id desc limit 1"
        ).fetchone()
        if last is None:
            raise BadInput("nothing_to_undo", "There is no import to undo.")
        import_id, file, before = last
        kept = cursor.execute(
            "select count(*) from ducklake_snapshots('lake') where snapshot_id = $before", {"before": before}
        ).fetchone()
        if not kept or not kept[0]:
            raise BadInput(
                "too_late_to_undo",
                "{file} can no longer be undone: the state before it has been cleared away.",
                file=file,
            )
        cursor.execute(
            "create or replace temp table leaving as select * from complaints where last_import = $import_id",
            {"import_id": import_id},
        )
        cursor.execute(
            f"create or replace temp table returning_rows as select * from complaints at (version => {int(before)}) "
            "where (source, id) in (select (source, id) from leaving)"
        )
        replace_rows(cursor, leaving="leaving", arriving="returning_rows")
        cursor.execute("delete from coverage where import_id = $import_id", {"import_id": import_id})
        cursor.execute("delete from rejects where import_id = $import_id", {"import_id": import_id})
        cursor.execute(
            "update imports set undone_at = $now where import_id = $import_id", {"now": now, "import_id": import_id}
        )
        return str(file)

    return store.write(work)


def _looked_at(
    files: Sequence[Path],
    folder: Path,
    preset: str | None,
    mapping: Path | dict[str, str] | None,
    source: str | None,
) -> list[tuple[Document, Mapping]]:
    """Every table of the files and how it is to be read. Raises BadInput when one cannot be."""
    work = []
    for file in files:
        for document in _documents(Path(file), folder):
            chosen = _mapping(document, preset, mapping)
            work.append((document, replace(chosen, source=source) if source else chosen))
    return work


def _import_all(
    store: Store,
    work: Sequence[tuple[Document, Mapping]],
    folder: Path,
    *,
    keep_text: bool,
    now: datetime,
    report: Report,
    first: Export | None = None,
) -> list[ImportResult]:
    """`first`: the first table, where it is read already."""
    results = []
    for place, (document, chosen) in enumerate(work):
        told = _part(report, place, len(work), document.name)
        ready = first if place == 0 else None
        export = ready or _read(store, document, chosen, folder, keep_text, now, told)
        results.append(store.write(partial(merge, export=export, now=now)))
        told(1.0)
    return results


@contextmanager
def _vanishing(folder: Path) -> Iterator[Path]:
    """A folder that goes, with the parents made for it, when the work in it fails and nothing else is in them."""
    made = [place for place in (folder, *folder.parents) if not place.exists()]
    try:
        yield folder
    except BaseException:
        for place in made:
            with suppress(OSError):  # not empty: another process has made the store meanwhile
                place.rmdir()
        raise


def _read(
    store: Store,
    document: Document,
    mapping: Mapping,
    folder: Path,
    keep_text: bool,
    now: datetime,
    report: Callable[[float], None],
) -> Export:
    reader = store.cursor()
    try:
        return read_export(
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
    words = [
        layout.format,
        layout.encoding,
        layout.separator and f"«{layout.separator}»".replace("\t", "tab"),
        layout.sheet,
    ]
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
