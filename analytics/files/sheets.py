"""Workbooks: the sheets that hold a table, as text."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any

from python_calamine import CalamineWorkbook, PasswordError, SheetTypeEnum, SheetVisibleEnum

from analytics.files.archives import check_workbook
from analytics.files.dialects import SCORED_ROWS, find_header
from analytics.files.documents import Document, Layout, known_hits, no_data, no_header, unique_header
from analytics.files.kinds import encrypted
from analytics.files.parts import Parts, PartsDocument

EXACT_INTEGERS = 2.0**53
SheetRow = tuple[int, list[str | None]]


@dataclass
class _Table:
    """The rows of all sheets with one and the same header."""

    sheet: str
    hidden: bool
    header_row: int
    header: tuple[str | None, ...]
    parts: Parts


def open_sheets(
    file: Path, path: Path, staging: Path, *, name: str, member: str | None, known_columns: Collection[str]
) -> list[Document]:
    """A document for each table of the workbook; sheets with the same header (Excel splits at a million rows) are one.

    If known columns are found in some sheets the others are passed over; if in none, only hidden sheets are. Raises
    BadInput when no sheet has a header with rows under it.
    """
    check_workbook(path, name)
    tables: dict[tuple[str | None, ...], _Table] = {}
    for sheet, hidden, rows in _sheets(path, name):
        first = list(islice(rows, SCORED_ROWS))
        position = find_header([cells for _, cells in first], known_columns)
        if position is None:
            continue
        header_row, cells = first[position]
        header = _without_empty_end(cells)
        table = tables.setdefault(header, _Table(sheet, hidden, header_row, header, Parts(staging)))
        for row, cells in chain(first[position + 1 :], rows):
            table.parts.add(row, {column: cell for column, cell in enumerate(cells) if cell is not None})
    if not tables:
        raise no_header(name)
    kept = _most_likely([table for table in tables.values() if table.parts.rows], known_columns)
    if not kept:
        raise no_data(name)
    return [_document(table, file, name, member) for table in kept]


def _sheets(path: Path, name: str) -> Iterator[tuple[str, bool, Iterator[SheetRow]]]:
    """Name, hidden or not, and rows of each sheet, one in memory at a time."""
    try:
        workbook = CalamineWorkbook.from_path(str(path))
    except PasswordError as error:
        raise encrypted(name) from error
    for sheet in workbook.sheets_metadata:
        if sheet.typ == SheetTypeEnum.WorkSheet:
            yield (sheet.name, sheet.visible != SheetVisibleEnum.Visible, _rows(workbook, sheet.name))


def _rows(workbook: CalamineWorkbook, sheet: str) -> Iterator[SheetRow]:
    """Row number and cells of every row that is not blank."""
    for number, values in enumerate(workbook.get_sheet_by_name(sheet).iter_rows(), start=1):
        cells = [cell_text(value) for value in values]
        if any(cell is not None for cell in cells):
            yield number, cells


def cell_text(value: Any) -> str | None:
    """A typed cell as text: numbers without '.0', times to the second, nothing for a blank."""
    if isinstance(value, str):
        return value if value.strip() else None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if abs(value) < EXACT_INTEGERS and value.is_integer() else repr(value)
    if isinstance(value, dt.datetime):
        # Excel's days are fractions, so 12:30 may arrive as 12:29:59.999999.
        return f"{(value + dt.timedelta(microseconds=500_000)).replace(microsecond=0):%Y-%m-%d %H:%M:%S}"
    return None if value is None else str(value)


def _without_empty_end(cells: list[str | None]) -> tuple[str | None, ...]:
    last = max(column for column, cell in enumerate(cells) if cell is not None)
    return tuple(cells[: last + 1])


def _most_likely(tables: list[_Table], known_columns: Collection[str]) -> list[_Table]:
    known = [table for table in tables if known_hits(table.header, known_columns) >= 2]
    return known or [table for table in tables if not table.hidden] or tables


def _document(table: _Table, file: Path, name: str, member: str | None) -> Document:
    table.parts.flush()
    width = max(len(table.header), max(table.parts.used) + 1)
    cells = [*table.header, *[None] * (width - len(table.header))]
    kept = [column for column in range(width) if cells[column] is not None or column in table.parts.used]
    names = unique_header(cells)
    return PartsDocument(
        file,
        f"{name} [{table.sheet}]",
        Layout("xlsx", header_line=table.header_row, sheet=table.sheet, member=member),
        header=[names[column] for column in kept],
        positions=kept,
        parts=table.parts,
        broken=[],
    )
