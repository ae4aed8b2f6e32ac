"""Keeping a store: compacting it, backing it up, restoring it."""

from __future__ import annotations

import os
import tempfile
import zipfile
from datetime import datetime, timedelta
from pathlib import Path

import duckdb

from analytics import cube
from analytics.errors import BadInput
from analytics.settings import Settings
from analytics.store import SCHEMA_VERSION, Store, open_store, store_exists

FORMAT = "forerunner-backup-1"
ORPHANS_AFTER = timedelta(days=1)  # files of killed imports; younger ones may belong to an import under way


def compact(store: Store, *, now: datetime) -> dict[str, int]:
    """Merge small files, sum up the cube and drop snapshots older than the setting `keep_days`.

    `now` is UTC. Answers with the number of files before and after. What each import showed is not lost with the
    snapshots: rows keep first_seen_at, changed_at and closed_seen_at.
    """
    before = _files(store)
    store.write(cube.sum_up)
    cursor = store.cursor()
    keep_from = now - timedelta(days=store.settings.keep_days)
    orphans = now - ORPHANS_AFTER
    for statement, parameters in (
        ("call ducklake_rewrite_data_files('lake')", {}),
        ("call ducklake_merge_adjacent_files('lake')", {}),
        ("call ducklake_expire_snapshots('lake', older_than => $moment::timestamp)", {"moment": keep_from}),
        ("call ducklake_cleanup_old_files('lake', cleanup_all => true)", {}),
        ("call ducklake_delete_orphaned_files('lake', older_than => $moment::timestamp)", {"moment": orphans}),
    ):
        store.retried(
            lambda s=statement, p=parameters: cursor.execute(s, p).fetchall() if p else cursor.execute(s).fetchall()
        )
    cursor.close()
    return {"files_before": before, "files_after": _files(store)}


def backup(store: Store, file: Path) -> int:
    """Write every table of one snapshot into `file` (a zip of Parquet files); the number of complaints in it.

    The file appears whole or not at all. Works for any catalogue, and restores into any.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=file.parent, prefix=".backup-") as folder, store.reading() as query:
        tables = query("select table_name from duckdb_tables() where database_name = 'lake'")["table_name"]
        unfinished = Path(folder) / "unfinished.zip"
        with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
            archive.writestr("format", FORMAT)
            for table in tables:
                part = Path(folder) / f"{table}.parquet"
                query(f"copy {_named(table)} to '{_escaped(part)}'")
                archive.write(part, part.name)
                part.unlink()
        rows = int(query("select count(*) from complaints").iloc[0, 0])
        os.replace(unfinished, file)
    return rows


def restore(settings: Settings, file: Path) -> int:
    """Make the store of `settings` anew from a backup; the number of complaints in it.

    Raises BadInput when there is a store with complaints already, or `file` is not a whole backup.
    """
    if not file.is_file():
        raise BadInput("no_such_file", "{file} does not exist; give the file of a backup.", file=file)
    try:
        archive = zipfile.ZipFile(file)
        whole = archive.read("format").decode() == FORMAT and archive.testzip() is None
    except (zipfile.BadZipFile, KeyError, OSError) as error:
        raise BadInput("not_a_backup", "{file} is not a whole backup of Forerunner.", file=file) from error
    if not whole:
        raise BadInput("not_a_backup", "{file} is not a whole backup of Forerunner.", file=file)
    if store_exists(settings) and not (store := open_store(settings)).is_empty():
        raise BadInput(
            "store_in_use", "{store} holds complaints already; restore into an empty store.", store=store.path
        )
    store = open_store(settings)
    with archive, tempfile.TemporaryDirectory(dir=store.staging()) as folder:
        archive.extractall(folder)
        return store.write(lambda cursor: _fill(cursor, Path(folder)))


def _fill(cursor: duckdb.DuckDBPyConnection, folder: Path) -> int:
    facts = str(folder / "store_facts.parquet").replace("'", "''")
    version = cursor.execute(f"select value::int from '{facts}' where fact = 'schema_version'").fetchone()
    if version is None or version[0] != SCHEMA_VERSION:
        raise BadInput(
            "backup_of_another_version",
            "The backup has schema {version}, this Forerunner {known}; restore it with the version that made it.",
            version=version[0] if version else "?",
            known=SCHEMA_VERSION,
        )
    for part in sorted(folder.glob("*.parquet")):
        table = _named(part.stem)
        if part.stem != "turnstile":
            cursor.execute(f"delete from {table}")
            cursor.execute(f"insert into {table} by name select * from '{_escaped(part)}'")
    counted = cursor.execute("select count(*) from complaints").fetchone()
    return counted[0] if counted else 0


def _files(store: Store) -> int:
    return int(store.query("select coalesce(sum(file_count), 0) from ducklake_table_info('lake')").iloc[0, 0])


def _named(table: str) -> str:
    return '"' + table.replace('"', '""') + '"'


def _escaped(path: Path) -> str:
    return str(path).replace("'", "''")
