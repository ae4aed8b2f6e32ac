"""Keeping a store: compacting it, backing it up, restoring it."""

from __future__ import annotations

import errno
import io
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
from pyarrow import parquet

from analytics import cube
from analytics.errors import BadInput
from analytics.schema import table_names
from analytics.settings import Settings
from analytics.sql import identifier, literal
from analytics.store import SCHEMA_VERSION, Store, open_store, store_exists
from analytics.working_folders import WorkingFolder

FORMAT = "forerunner-backup-1"
LINGER = timedelta(hours=1)  # a file no longer needed may still be read by a query under way
ORPHANS_AFTER = timedelta(days=1)  # files of killed imports; younger ones may belong to an import under way
REWRITE_FROM = 0.1  # share of deleted rows: for fewer, the older version of a file would cost more than it saves
LONGEST_KEPT = 36_500  # days
NO_SNAPSHOT = -1
UNREADABLE = (zipfile.BadZipFile, zlib.error, struct.error)  # what a damaged zip ends in


def compact(store: Store, *, now: datetime) -> dict[str, int]:
    """Merge small files, sum up the cube and drop snapshots that were replaced more than `keep_days` ago.

    `now` is UTC. Answers with the number of files before and after. What each import showed is not lost with the
    snapshots: rows keep first_seen_at, changed_at and closed_seen_at. Queries under way go on undisturbed.
    """
    before = _files(store)
    store.write(cube.sum_up)
    keep_from = now - max(timedelta(days=min(store.settings.keep_days, LONGEST_KEPT)), LINGER)
    with store.turn():  # each step has its own: imports may go between
        store.query("call ducklake_rewrite_data_files('lake', delete_threshold => $share)", share=REWRITE_FROM)
    _merge_files(store)
    for statement, parameters in (
        *_expiry(store, keep_from),
        ("call ducklake_cleanup_old_files('lake', older_than => $moment::timestamptz)", {"moment": now - LINGER}),
        (
            "call ducklake_delete_orphaned_files('lake', older_than => $moment::timestamptz)",
            {"moment": now - ORPHANS_AFTER},
        ),
    ):
        with store.turn():
            store.query(statement, **parameters)
    return {"files_before": before, "files_after": _files(store)}


def _merge_files(store: Store) -> None:
    """One file for many small ones. Readers under way still name those, so they end before it is committed."""
    with ExitStack() as alone:

        def work(cursor: duckdb.DuckDBPyConnection) -> None:
            alone.close()  # an attempt before this one may have failed
            cursor.execute("call ducklake_merge_adjacent_files('lake')").fetchall()
            alone.enter_context(store.without_readers())

        with store.turn():
            store.retried(lambda: store.transaction(work))


def _expiry(store: Store, moment: datetime) -> Iterator[tuple[str, dict[str, Any]]]:
    """The step that drops the snapshots which were replaced before this moment, if there are any.

    Their own age does not tell: after a quiet month the state before today's import is a month old, and a query that
    began before that import still reads it (on SQLite, DuckLake then finds nothing and says nothing).
    """
    found = store.query(
        """
        with replaced as (
          select snapshot_id, lead(snapshot_time) over (order by snapshot_id) as replaced_at
          from ducklake_snapshots('lake')
        )
        select snapshot_id from replaced where replaced_at < $moment::timestamptz order by snapshot_id
        """,
        moment=moment,
    )
    if not found.empty:
        versions = [int(snapshot) for snapshot in found["snapshot_id"]]
        yield "call ducklake_expire_snapshots('lake', versions => $versions)", {"versions": versions}


def backup(store: Store, file: Path) -> int:
    """Write every table of one snapshot into `file` (a zip of Parquet files); the number of complaints in it.

    The file appears whole or not at all. Works for any catalogue, and restores into any. Raises BadInput when `file`
    cannot be written, or its folder does not exist: a mistyped path is not to become a folder.
    """
    try:
        if not file.absolute().parent.is_dir():
            raise FileNotFoundError(errno.ENOENT, "its folder does not exist")
        with WorkingFolder(file.absolute().parent, ".forerunner-backup") as folder, store.reading() as query:
            unfinished = folder / "unfinished.zip"
            with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
                archive.writestr("format", FORMAT)
                for table in query("select table_name from duckdb_tables() where database_name = 'lake'")["table_name"]:
                    part = folder / f"{table}.parquet"
                    query(f"copy {identifier(table)} to {literal(part)}")
                    archive.write(part, part.name)
                    part.unlink()
            rows = int(query("select count(*) from complaints").iloc[0, 0])
            unfinished.replace(file)
        return rows
    except OSError as error:
        raise BadInput(
            "cannot_write",
            "{file} cannot be written ({reason}); name a file in another folder.",
            file=file,
            reason=error.strerror or error,
        ) from error


def restore(settings: Settings, file: Path) -> int:
    """Make the store of `settings` anew from a backup; the number of complaints in it.

    All or nothing. Raises BadInput when there is a store with complaints already, or `file` is not a whole backup of
    this version. Imports of before cannot be undone afterwards: the snapshots are not in the backup.
    """
    if not file.exists():
        raise BadInput("no_such_file", "{file} does not exist; give the file of a backup.", file=file)
    if not file.is_file():
        raise _not_a_backup(file)
    kind = _checked(file)
    if store_exists(settings):
        with closing(open_store(settings)) as store:
            _refuse_used(store, None if store.is_empty() else 1)
    with (
        closing(open_store(settings, kind="demo" if kind == "demo" else "real")) as store,
        store.working_folder("restore") as folder,
        zipfile.ZipFile(file) as archive,
    ):
        archive.extractall(folder)
        try:
            return store.write(lambda cursor: _fill(store, cursor, folder))
        except (duckdb.CatalogException, duckdb.BinderException, duckdb.InvalidInputException) as error:
            raise _not_a_backup(file) from error


def _checked(file: Path) -> str:
    """The kind of the store in the backup, once it has proved whole and of this version."""
    try:
        with zipfile.ZipFile(file) as archive:
            if archive.read("format").decode() != FORMAT or archive.testzip() is not None:
                raise _not_a_backup(file)
            table = pd.read_parquet(io.BytesIO(archive.read("store_facts.parquet")))
            facts = dict(zip(table["fact"], table["value"], strict=True))
            _refuse_other_version(int(facts["schema_version"]))
            for name in table_names():
                with archive.open(f"{name}.parquet") as part:
                    parquet.read_schema(part)
    except BadInput:
        raise
    except (*UNREADABLE, KeyError, ValueError, OSError, EOFError, RuntimeError) as error:
        raise _not_a_backup(file) from error
    return str(facts.get("kind"))


def _refuse_other_version(version: int) -> None:
    if version != SCHEMA_VERSION:
        raise BadInput(
            "backup_of_another_version",
            "The backup has schema {version}, this Forerunner {known}; restore it with the version that made it.",
            version=version,
            known=SCHEMA_VERSION,
        )


def _fill(store: Store, cursor: duckdb.DuckDBPyConnection, folder: Path) -> int:
    _refuse_used(store, cursor.execute("select 1 from complaints limit 1").fetchone())
    for part in sorted(folder.glob("*.parquet")):
        if part.stem != "turnstile":
            cursor.execute(f"delete from {identifier(part.stem)}")
            cursor.execute(f"insert into {identifier(part.stem)} by name select * from {literal(part)}")
    # They count the snapshots of the lake that the backup was made from; nobody must take ours for them.
    cursor.execute("update imports set snapshot_before = $none", {"none": NO_SNAPSHOT})
    cursor.execute("update forecast_runs set snapshot = $none", {"none": NO_SNAPSHOT})
    counted = cursor.execute("select count(*) from complaints").fetchone()
    return counted[0] if counted else 0


def _refuse_used(store: Store, a_complaint: object) -> None:
    if a_complaint is not None:
        raise BadInput(
            "store_in_use", "{store} holds complaints already; restore into an empty store.", store=store.path
        )


def _not_a_backup(file: Path) -> BadInput:
    return BadInput("not_a_backup", "{file} is not a whole backup of Forerunner.", file=file)


def _files(store: Store) -> int:
    return int(store.query("select coalesce(sum(file_count), 0) from ducklake_table_info('lake')").iloc[0, 0])
