"""What a file is by its first bytes, and unpacking gzip and zip within stated limits."""

from __future__ import annotations

import gzip
import os
import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from analytics.documents import new_path, not_a_table
from analytics.errors import BadInput

MOST_UNPACKED = 20 * 1024**3  # bytes, all members of an archive together
MOST_RATIO = 200  # unpacked to packed, once beyond FREE_UNPACKED
FREE_UNPACKED = 100 * 1024**2
MOST_SHEETS_UNPACKED = 4 * 1024**3  # bytes of a workbook: it is read in memory
MOST_SHEET_CELLS = 60_000_000  # rows × columns up to the last cell that is used: 32 bytes each in memory
BLOCK = 1 << 20

PICTURES_AND_OTHERS = (
    (b"%PDF", "PDF document"),
    (b"\x89PNG", "picture"),
    (b"\xff\xd8\xff", "picture"),
    (b"GIF8", "picture"),
    (b"RIFF", "picture or a sound"),
    (b"II*\x00", "picture"),
    (b"MM\x00*", "picture"),
    (b"\x7fELF", "program"),
    (b"SQLite format 3", "database"),
    (b"{\\rtf", "text document"),
    (b"ARROW1", "Arrow file"),
    (b"ORC", "ORC file"),
    (b"Obj\x01", "Avro file"),
)
OTHER_ARCHIVES = (
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"Rar!", "rar"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ", "xz"),
)
ZSTANDARD = b"\x28\xb5\x2f\xfd"
ZIP_STARTS = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
OLE_START = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


@dataclass(frozen=True)
class Unpacked:
    """A file that is no archive (a workbook counts as none), ready to be read."""

    path: Path
    name: str
    """What the user calls it: the file's name, with the member's after a slash."""
    kind: str
    """text | sheets | parquet."""
    member: str | None = None


def unpack(path: Path, staging: Path) -> Iterator[Unpacked]:
    """The file itself, or what is inside its gzip or zip, one after the other; raises BadInput.

    Members that are no data (folders, dot files, __MACOSX) are passed over. Nothing is left in the staging folder of
    an archive that is refused.
    """
    kind = file_kind(path, path.name)
    if kind == "gzip":
        inner = _gunzip(path, staging)
        yield Unpacked(inner, path.name, _inner_kind(inner, path.name))
    elif kind == "zip":
        yield from _unzip(path, staging)
    else:
        yield Unpacked(path, path.name, kind)


def file_kind(path: Path, name: str) -> str:
    """gzip | zip | sheets | parquet | text, by content; raises BadInput for what cannot hold a table."""
    with path.open("rb") as handle:
        head = handle.read(4096)
    if not head.strip(b"\x00 \t\r\n") or head == b"\xef\xbb\xbf":
        _check_not_empty(path, name)
    if head.startswith(b"\x1f\x8b"):
        return "gzip"
    if head.startswith(ZIP_STARTS):
        return "sheets" if _is_workbook(path, name) else "zip"
    if head.startswith(OLE_START):
        _check_ole(path, name)
        return "sheets"
    if head.startswith((b"PAR1", b"PARE")):
        _check_parquet(path, head, name)
        return "parquet"
    _check_not_foreign(head, name)
    return "text"


def _inner_kind(path: Path, name: str) -> str:
    try:
        kind = file_kind(path, name)
    except BadInput:
        path.unlink()
        raise
    if kind in ("gzip", "zip"):
        path.unlink()
        raise BadInput(
            "nested_archive",
            "{file} is an archive inside an archive: unpack it first.",
            file=name,
        )
    return kind


def _check_not_empty(path: Path, name: str) -> None:
    with path.open("rb") as handle:
        while block := handle.read(BLOCK):
            if block.strip(b"\x00 \t\r\n\xef\xbb\xbf"):
                return
    raise BadInput("empty_file", "{file} is empty: export it again.", file=name)


def _check_not_foreign(head: bytes, name: str) -> None:
    for start, kind in PICTURES_AND_OTHERS:
        if head.startswith(start):
            raise not_a_table(name, kind)
    for start, kind in (*OTHER_ARCHIVES, (ZSTANDARD, "zstandard")):
        if head.startswith(start):
            raise BadInput(
                "unknown_archive",
                "{file} is a {kind} archive: unpack it, or pack it as zip.",
                file=name,
                kind=kind,
            )
    if head[257:262] == b"ustar":
        raise BadInput("nested_archive", "{file} is a tar archive: unpack it first.", file=name)
    text = head.removeprefix(b"\xef\xbb\xbf").replace(b"\x00", b"").lstrip().lower()
    if re.match(
        rb"(<!--.*?-->\s*)*<(!doctype html|html|head|body|table|meta|script|div)\b",
        text,
        re.DOTALL,
    ):
        raise BadInput(
            "web_page",
            "{file} is a web page, not an export: often a log-in page saved in its place; export it again.",
            file=name,
        )
    if re.match(rb"<[a-z?!]", text):
        raise not_a_table(name, "XML file")


def encrypted(name: str) -> BadInput:
    """The file asks for a password."""
    return BadInput(
        "encrypted_file",
        "{file} is protected by a password: save it without one.",
        file=name,
    )


def _check_ole(path: Path, name: str) -> None:
    """Old Excel files and encrypted new ones are both OLE containers; stream names in them are UTF-16."""
    with path.open("rb") as handle:
        content = handle.read(256 * 1024**2)
    if "EncryptedPackage".encode("utf-16-le") in content:
        raise encrypted(name)
    if not any(stream.encode("utf-16-le") in content for stream in ("Workbook", "Book")):
        raise not_a_table(name, "document of another program")


def _check_parquet(path: Path, head: bytes, name: str) -> None:
    if head.startswith(b"PARE"):
        raise encrypted(name)
    with path.open("rb") as handle:
        handle.seek(-4, os.SEEK_END)
        if handle.read() != b"PAR1":
            raise _truncated(name)


def _truncated(name: str) -> BadInput:
    return BadInput(
        "truncated_file",
        "{file} is damaged or cut short: copy or export it again.",
        file=name,
    )


def _too_large(name: str) -> BadInput:
    return BadInput(
        "unpacked_too_large",
        "{file} unpacks to more than {gigabytes} GB or {ratio} times its size: unpack it yourself if you trust it.",
        file=name,
        gigabytes=MOST_UNPACKED // 1024**3,
        ratio=MOST_RATIO,
    )


class _Budget:
    """How much an archive has unpacked so far, against the limits."""

    def __init__(self, packed: int, name: str, *, most: int | None = None) -> None:
        self.packed, self.name, self.unpacked = max(packed, 1), name, 0
        self.most = MOST_UNPACKED if most is None else most

    def spend(self, amount: int) -> None:
        self.unpacked += amount
        beyond_ratio = self.unpacked > FREE_UNPACKED and self.unpacked > MOST_RATIO * self.packed
        if self.unpacked > self.most or beyond_ratio:
            raise _too_large(self.name)


def _pour(source: IO[bytes], target: Path, budget: _Budget) -> None:
    """Unpack a stream into a file; a refused one leaves nothing behind."""
    try:
        with target.open("wb") as out:
            while block := source.read(BLOCK):
                budget.spend(len(block))
                out.write(block)
    except (EOFError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile) as error:
        target.unlink()
        raise _truncated(budget.name) from error
    except BaseException:
        target.unlink()
        raise


def _gunzip(path: Path, staging: Path) -> Path:
    target = new_path(staging, ".unpacked")
    with gzip.open(path, "rb") as source:
        _pour(source, target, _Budget(path.stat().st_size, path.name))
    return target


def _open_zip(path: Path, name: str) -> zipfile.ZipFile:
    try:
        archive = zipfile.ZipFile(path)
    except (
        zipfile.BadZipFile,
        ValueError,
        OSError,
        NotImplementedError,
        EOFError,
        IndexError,
    ) as error:
        raise _truncated(name) from error
    if any(member.flag_bits & 0x1 for member in archive.infolist()):
        archive.close()
        raise encrypted(name)
    return archive


def _is_workbook(path: Path, name: str) -> bool:
    with _open_zip(path, name) as archive:
        names = set(archive.namelist())
    if "[Content_Types].xml" in names and any(member.startswith(("word/", "ppt/", "visio/")) for member in names):
        raise not_a_table(name, "document of another program")
    return bool(names & {"xl/workbook.xml", "xl/workbook.bin", "content.xml"})


def _unzip(path: Path, staging: Path) -> Iterator[Unpacked]:
    with _open_zip(path, path.name) as archive:
        members = [member for member in archive.infolist() if _holds_data(member)]
        if not members:
            raise BadInput("empty_file", "{file} is empty: export it again.", file=path.name)
        budget = _Budget(path.stat().st_size, path.name)
        for member in members:
            name = _member_name(member)
            target = new_path(staging, ".unpacked")
            try:
                with archive.open(member) as source:
                    _pour(source, target, budget)
            except (
                zipfile.BadZipFile,
                NotImplementedError,
                RuntimeError,
                OSError,
                EOFError,
            ) as error:
                target.unlink(missing_ok=True)
                raise _truncated(path.name) from error
            full_name = f"{path.name}/{name}"
            yield Unpacked(target, full_name, _inner_kind(target, full_name), name)


def _holds_data(member: zipfile.ZipInfo) -> bool:
    parts = member.filename.split("/")
    return not (member.is_dir() or "__MACOSX" in parts or any(part.startswith(".") for part in parts))


def _member_name(member: zipfile.ZipInfo) -> str:
    """The name as its author saw it: Russian Windows writes cp866, which the zip standard reads as cp437."""
    if member.flag_bits & 0x800:
        return member.filename
    try:
        return member.filename.encode("cp437").decode("cp866")
    except UnicodeError:
        return member.filename


def check_workbook(path: Path, name: str) -> None:
    """Read a zipped workbook through once, before a library does: whole, of bearable size, its sheets not too wide.

    A sheet is held as a full rectangle up to its last used cell, so one cell far out can ask for all memory.
    """
    with path.open("rb") as handle:
        if handle.read(8) == OLE_START:
            return
    budget = _Budget(path.stat().st_size, name, most=MOST_SHEETS_UNPACKED)
    with _open_zip(path, name) as archive:
        for member in archive.infolist():
            try:
                with archive.open(member) as source:
                    _check_extent(source, budget)
            except (
                zipfile.BadZipFile,
                NotImplementedError,
                RuntimeError,
                OSError,
                EOFError,
                zlib.error,
            ) as error:
                raise _truncated(name) from error


def _check_extent(source: IO[bytes], budget: _Budget) -> None:
    last_row, letters, rest = 0, b"A", b""
    while block := source.read(4 * BLOCK):
        budget.spend(len(block))
        for reference in set(re.findall(rb'\br="([A-Z]{1,3})\d', rest + block)):
            letters = max(letters, reference, key=lambda name: (len(name), name))
        rows = re.findall(rb'<(?:\w+:)?row\b[^>]{0,200}?\br="(\d{1,9})"', rest + block)
        last_row = max(last_row, *map(int, rows)) if rows else last_row
        rest = block[-300:]
    columns = 0
    for letter in letters:
        columns = columns * 26 + letter - 64
    if last_row * columns > MOST_SHEET_CELLS:
        raise BadInput(
            "sheet_too_large",
            "A sheet of {file} reaches to row {row}, column {column}: delete the stray cells, or save it as CSV.",
            file=budget.name,
            row=last_row,
            column=letters.decode(),
        )
