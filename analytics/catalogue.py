"""Attaching the lake: catalogue, files, extensions, keys; where each of them lies."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import duckdb
from duckdb_extensions import import_extension

from analytics.errors import BadInput
from analytics.settings import ROOT, Settings, is_url
from analytics.sql import literal

SQL_FOLDER = Path(__file__).parent
CONNECT_SECONDS = 10  # for a PostgreSQL that answers nothing at all
LOADED_AS = {"sqlite": "sqlite_scanner", "postgres": "postgres_scanner"}
HAS_TABLES = "select 1 from catalogue.ducklake_table where table_name = 'store_facts' and end_snapshot is null"
OTHER_DATA_PATH = re.compile(r'does not match existing data path in the catalog "(?P<path>[^"]*)"')


def attach(settings: Settings, *, spill: Path) -> duckdb.DuckDBPyConnection:
    """A DuckDB with the lake of these settings attached as `lake`, and our macros; an empty lake is made if none is.

    `spill` is a folder for what does not fit in memory; it must be this connection's alone, for two DuckDBs that spill
    into one folder overwrite each other's files and crash.
    """
    connection = _duckdb(settings, spill=spill)
    if settings.remote and not settings.data:
        raise BadInput("no_data_path", "A PostgreSQL store needs FORERUNNER_DATA: the folder for its files.")
    try:
        connection.execute(_attachment(settings))
    except duckdb.Error as error:
        elsewhere = OTHER_DATA_PATH.search(str(error))
        if not elsewhere:
            raise
        if settings.data or not (Path(settings.store) / "files").is_dir():
            raise BadInput(
                "data_elsewhere",
                "The files of the store {store} lie in {there}, not in {here}; set FORERUNNER_DATA to that folder.",
                store=masked(settings.store),
                there=str(Path(elsewhere["path"]).parent) if not is_url(elsewhere["path"]) else elsewhere["path"],
                here=data_folder(settings),
            ) from error
        # The store's folder was moved or copied, its files with it.
        connection.execute(_attachment(settings, "override_data_path true"))
    connection.execute("set search_path = 'memory.main,lake.main'")
    for statement in statements((SQL_FOLDER / "macros.sql").read_text(encoding="utf-8")):
        connection.execute(statement)
    return connection


def store_exists(settings: Settings) -> bool:
    """Is there a store already? Nothing is made. Raises BadInput when a PostgreSQL cannot be reached."""
    if not settings.remote and not _catalogue(settings).is_file():
        return False
    # Not with Python's sqlite3: a second SQLite in a process drops the locks of the first when it closes the file.
    place = _postgres(settings) if settings.remote else str(_catalogue(settings))
    scanner = "postgres" if settings.remote else "sqlite"
    connection = duckdb.connect(config=_offline())
    try:
        _load_extensions(connection, [scanner])
        connection.execute(f"attach {literal(place)} as catalogue (type {scanner})")
        return connection.execute(HAS_TABLES).fetchone() is not None
    except duckdb.CatalogException:
        return False
    except duckdb.Error as error:
        if settings.remote:
            raise unreachable(settings, error) from error
        return True  # something lies there, whatever it is: opening it says what
    finally:
        connection.close()


def unreachable(settings: Settings, error: Exception) -> BadInput:
    """The store cannot be opened, with the reason in a few words and without a password."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    reason = re.sub(r"^.*?((?:connection to server|could not translate host name|FATAL:))", r"\1", lines[0])
    return BadInput(
        "store_unreachable",
        "The store {store} cannot be opened ({reason}); check FORERUNNER_STORE and FORERUNNER_DATA.",
        store=masked(settings.store),
        reason=masked(reason)[:200].rstrip(" :."),
    )


def masked(text: str) -> str:
    """The text without the password of a URL in it."""
    text = re.sub(r"://([^:@/\s]*):[^\s]*@", r"://\1:***@", text)
    return re.sub(r"(password=)[^&\s]*", r"\1***", text, flags=re.IGNORECASE)


def data_folder(settings: Settings) -> str:
    """Where the Parquet files lie: a folder or an s3:// URL."""
    return (settings.data or settings.store).rstrip("/")


def local_folder(settings: Settings) -> Path:
    """A folder on this machine's disk for what is not kept: staged files, spill."""
    if not is_url(data_folder(settings)):
        return Path(data_folder(settings))
    return ROOT / "data" / "working" if settings.remote else Path(settings.store)


def statements(script: str) -> list[str]:
    """The statements of an SQL script."""
    return [statement.query for statement in duckdb.extract_statements(script)]


def _duckdb(settings: Settings, *, spill: Path) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(config=_offline())
    scanner = "postgres" if settings.remote else "sqlite"
    on_s3 = is_url(data_folder(settings))
    _load_extensions(connection, ["ducklake", scanner, *(["httpfs"] if on_s3 else [])])
    connection.execute("set global timezone = 'UTC'")  # else the same file means other times on another machine
    connection.execute(f"set temp_directory = {literal(spill)}")
    try:
        connection.execute(f"set memory_limit = {literal(settings.memory)}")
    except duckdb.Error as error:
        raise BadInput(
            "bad_memory", "The setting memory must be a size such as 2GB, not {value!r}.", value=settings.memory
        ) from error
    if settings.threads:
        connection.execute(f"set threads = {int(settings.threads)}")
    if on_s3:
        connection.execute(_s3_secret(settings))
    return connection


def _attachment(settings: Settings, *options: str) -> str:
    folder = data_folder(settings)
    if settings.remote:
        catalogue = f"ducklake:postgres:{_postgres(settings)}"
    else:
        Path(settings.store).mkdir(parents=True, exist_ok=True)
        catalogue = f"ducklake:sqlite:{_catalogue(settings)}"
        patience = int(1000 * min(5.0, settings.retry_seconds))
        options = (*options, "meta_journal_mode 'WAL'", f"meta_busy_timeout {patience}")
    if not is_url(folder):
        Path(folder).mkdir(parents=True, exist_ok=True)
    # Few rows are not kept in the catalogue itself: DuckLake's own repairs of such rows have shown wrong counts
    # (its issues 1084 and 1406), and it is not faster here.
    options = (*options, "data_inlining_row_limit 0")
    chosen = ", ".join([f"data_path {literal(f'{folder}/files/')}", *options])
    return f"attach {literal(catalogue)} as lake ({chosen})"


def _s3_secret(settings: Settings) -> str:
    given = {
        "key_id": settings.s3_key,
        "secret": settings.s3_secret,
        "region": settings.s3_region,
        "endpoint": re.sub(r"^https?://", "", settings.s3_endpoint),
    }
    options = [f"{name} {literal(value)}" for name, value in given.items() if value]
    if settings.s3_endpoint:  # not Amazon's own: such servers know buckets by path, not by host name
        options += ["url_style 'path'", f"use_ssl {str(not settings.s3_endpoint.startswith('http://')).lower()}"]
    return f"create secret (type s3, {', '.join(options)})"


def _offline() -> dict[str, str | bool | int | float | list[str]]:
    return {"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}


def _load_extensions(connection: duckdb.DuckDBPyConnection, names: list[str]) -> None:
    """Load DuckDB extensions from their wheels, offline; DuckDB wants a copy in a folder that it may write."""
    if os.access(sys.prefix, os.W_OK):
        connection.execute(f"set extension_directory = {literal(Path(sys.prefix) / 'duckdb_extensions')}")
    for name in names:
        import_extension(name, con=connection)
        connection.load_extension(LOADED_AS.get(name, name))


def _postgres(settings: Settings) -> str:
    if "connect_timeout=" in settings.store:
        return settings.store
    return f"{settings.store}{'&' if '?' in settings.store else '?'}connect_timeout={CONNECT_SECONDS}"


def _catalogue(settings: Settings) -> Path:
    return Path(settings.store) / "catalogue.sqlite"
