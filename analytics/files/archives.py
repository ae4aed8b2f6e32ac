"""Unpacking gzip and zip, and looking into workbooks, within stated limits."""

from __future__ import annotations

import gzip
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from analytics.errors import BadInput
from analytics.files.documents import new_path
from analytics.files.kinds import BLOCK, DAMAGE, OLE_START, empty, file_kind, open_zip, truncated

MOST_UNPACKED = 20 * 1024**3  # bytes, all members of an archive together
MOST_RATIO = 200  # unpacked to packed, once beyond FREE_UNPACKED
FREE_UNPACKED = 100 * 1024**2
MOST_SHEETS_UNPACKED = 4 * 1024**3  # bytes of a workbook: it is read in memory
MOST_SHEET_CELLS = 60_000_000  # rows × columns up to the last cell that is used: 32 bytes each in memory
CELL = re.compile(rb'\br="([A-Z]{1,3})\d')
ROW = re.compile(rb'<(?:\w{1,9}:)?row\b[^>]{0,200}?\br="(\d{1,9})"')


@dataclass(frozen=True)
class Unpacked:
    """A file that is no archive (a workbook counts as none), ready to be read."""

    path: Path
    name: str
    """What the user calls it: the file's name, with the member's after a slash."""
    member: str | None = None

    def kind(self) -> str:
        """text | sheets | parquet; raises BadInput for what cannot hold a table."""
        kind = file_kind(self.path, self.name)
        if kind in ("gzip", "zip"):
            raise BadInput("nested_archive", "{file} is an archive inside an archive: unpack it first.", file=self.name)
        return kind


def unpack(path: Path, staging: Path) -> Iterator[Unpacked]:
    """The file itself, or what is inside its gzip or zip, one after the other; raises BadInput.

    Members that are no data (folders, dot files, __MACOSX) are passed over. Nothing is left in the staging folder of
    an archive that is refused.
    """
    kind = file_kind(path, path.name)
    if kind == "gzip":
        yield Unpacked(_gunzip(path, staging), path.name)
    elif kind == "zip":
        yield from _unzip(path, staging)
    else:
        yield Unpacked(path, path.name)


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


def _pour(source: BinaryIO, target: Path, budget: _Budget) -> None:
    """Unpack a stream into a file; a refused one leaves nothing behind."""
    try:
        with target.open("wb") as out:
            while block := _read(source, BLOCK, budget):
                out.write(block)
    except BaseException:
        target.unlink()
        raise


def _read(source: BinaryIO, size: int, budget: _Budget) -> bytes:
    try:
        block = source.read(size)
    except DAMAGE as error:
        raise truncated(budget.name) from error
    budget.spend(len(block))
    return block


def _gunzip(path: Path, staging: Path) -> Path:
    target = new_path(staging, ".unpacked")
    with gzip.open(path, "rb") as source:
        _pour(cast(BinaryIO, source), target, _Budget(path.stat().st_size, path.name))
    return target


def _unzip(path: Path, staging: Path) -> Iterator[Unpacked]:
    budget = _Budget(path.stat().st_size, path.name)
    with open_zip(path, path.name) as archive:
        members = [member for member in archive.infolist() if _holds_data(member)]
        if not members:
            raise empty(path.name)
        for member in members:
            target = new_path(staging, ".unpacked")
            with _open_member(archive, member, path.name) as source:
                _pour(source, target, budget)
            name = _member_name(member)
            yield Unpacked(target, f"{path.name}/{name}", name)


def _open_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, name: str) -> BinaryIO:
    try:
        return cast(BinaryIO, archive.open(member))
    except DAMAGE as error:
        raise truncated(name) from error


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
    with open_zip(path, name) as archive:
        for member in archive.infolist():
            with _open_member(archive, member, name) as source:
                row, column = _extent(source, budget)
            if row * _column_number(column) > MOST_SHEET_CELLS:
                raise BadInput(
                    "sheet_too_large",
                    "A sheet of {file} reaches to row {row}, column {column}: clear stray cells, or save it as CSV.",
                    file=name,
                    row=row,
                    column=column.decode(),
                )


def _extent(source: BinaryIO, budget: _Budget) -> tuple[int, bytes]:
    """The last row and the last column that a sheet's XML speaks of."""
    last_row, last_column, rest = 0, b"A", b""
    while block := _read(source, 4 * BLOCK, budget):
        text = rest + block
        columns = set(CELL.findall(text))
        last_column = max(last_column, *columns, key=lambda name: (len(name), name)) if columns else last_column
        last_row = max([last_row, *map(int, ROW.findall(text))])
        rest = block[-300:]
    return last_row, last_column


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number
