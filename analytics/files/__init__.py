"""Reading any export file without losing a row: `open_documents` finds its tables, `Document.stage` stages them."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from analytics.errors import BadInput
from analytics.files.archives import Unpacked, unpack
from analytics.files.documents import BrokenRow, Document, Layout, Staged, library_errors
from analytics.files.encodings import as_utf8
from analytics.files.json_files import looks_like_json, open_json
from analytics.files.parquet_files import open_parquet
from analytics.files.sheets import open_sheets
from analytics.files.text_files import open_text

__all__ = ["BrokenRow", "Document", "Layout", "Staged", "check_file", "open_documents"]

DATA_ENDINGS = (".csv", ".tsv", ".xlsx", ".xlsm", ".xlsb", ".xls", ".ods", ".parquet", ".json", ".jsonl", ".ndjson")
WITHOUT_ROWS = ("no_data", "empty_file")


def open_documents(path: Path, staging: Path, *, known_columns: Collection[str] = ()) -> list[Document]:
    """The tables in a file, found by its content whatever its name; at least one.

    `staging` is a folder for unpacked and transcoded copies, which the caller removes when done. `known_columns` are
    lower-cased column names that help to find the header row and the right sheet. Raises BadInput.
    """
    path, staging, known = Path(path), Path(staging), frozenset(known_columns)
    check_file(path)
    with library_errors(path.name):
        documents: list[Document] = []
        passed_over: list[BadInput] = []
        for unpacked in unpack(path, staging):
            try:
                documents += _open(path, unpacked, staging, known)
            except BadInput as error:
                if not _optional(unpacked, error):
                    raise
                passed_over.append(error)
        if not documents:
            raise passed_over[0]
        return documents


def check_file(path: Path) -> None:
    """Raise BadInput when there is no such file, or it is a folder."""
    if path.is_dir():
        raise BadInput("directory", "{file} is a folder: give the files inside it.", file=path.name or str(path))
    if not path.is_file():
        raise BadInput("missing_file", "{file} does not exist: check the name and the folder.", file=str(path))


def _open(path: Path, unpacked: Unpacked, staging: Path, known: frozenset[str]) -> list[Document]:
    name, member, kind = unpacked.name, unpacked.member, unpacked.kind()
    if kind == "sheets":
        return open_sheets(path, unpacked.path, staging, name=name, member=member, known_columns=known)
    if kind == "parquet":
        return [open_parquet(path, unpacked.path, staging, name=name, member=member)]
    text = as_utf8(unpacked.path, staging, name=name)
    if looks_like_json(text.path):
        return [open_json(path, text, staging, name=name, member=member)]
    return [open_text(path, text, staging, name=name, member=member, known_columns=known)]


def _optional(unpacked: Unpacked, error: BadInput) -> bool:
    """May this member of a zip be passed over? One without rows, and one that is no export by its name."""
    if unpacked.member is None or error.code == "nested_archive":
        return False
    return error.code in WITHOUT_ROWS or not unpacked.member.lower().endswith(DATA_ENDINGS)
