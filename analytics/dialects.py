"""The separator, the quote and the header row of a text file or a sheet, found in its first rows."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from math import ceil
from statistics import median

from analytics.documents import Row, known_hits
from analytics.records import Dialect, Record, read_records

SEPARATORS = (
    "\t",
    ";",
    "|",
    ",",
)  # the comma last: it is the one that texts are full of
HEADER_WITHIN = 50  # rows
SCORED_ROWS = 500
DATE = re.compile(r"\s*(\d{4}[./-]\d{1,2}[./-]\d{1,2}|\d{1,2}[./-]\d{1,2}[./-]\d{2,4})\b")
NUMBER = re.compile(r"\s*[+-]?\d[\d\s.,]*")
LONGEST_NAME = 300  # characters of a column name


@dataclass(frozen=True)
class Found:
    """A dialect and the header row that it gives."""

    dialect: Dialect
    header: list[str]
    header_line: int
    data_line: int
    """The line after the header."""


def find_dialect(lines: Sequence[bytes], known_columns: Collection[str]) -> Found | None:
    """The dialect under which the first lines agree most on their number of columns; None: there is no header."""
    candidates = [Dialect(separator, '"') for separator in SEPARATORS]
    if any(b'"' in line for line in lines):
        candidates += [Dialect(separator, None) for separator in SEPARATORS]
    best: tuple[tuple, Found] | None = None
    for dialect in candidates:
        scored = _try_dialect(lines, dialect, known_columns)
        if scored and (best is None or scored[0] > best[0]):
            best = scored
    return best[1] if best else None


def _try_dialect(lines: Sequence[bytes], dialect: Dialect, known: Collection[str]) -> tuple[tuple, Found] | None:
    records: list[Record] = []
    for record in read_records(lines, dialect, columns=None):
        records.append(record)
        if len(records) == SCORED_ROWS:
            break
    rows = [[] if record.reason else record.cells(dialect) for record in records]
    widths = Counter(len(row) for row in rows if len(row) > 1)
    if not widths:
        return None
    width = max(widths, key=lambda columns: (widths[columns], columns))
    position = find_header(rows, known)
    if position is None:
        return None
    header = list(rows[position])
    while len(header) > width and not header[-1].strip():
        header.pop()
    after = records[position + 1].line if position + 1 < len(records) else len(lines) + 1
    found = Found(dialect, header, records[position].line, after)
    share = widths[len(header)] / len(rows)
    return (
        known_hits(header, known),
        round(share, 2),
        len(header),
        dialect.quote is not None,
    ), found


def find_header(rows: Sequence[Sequence[str | None]], known_columns: Collection[str]) -> int | None:
    """Which of the first rows holds the column names; None: no row does.

    The row with the most known names (two at least), else the first that is not much emptier than the rows of the
    file (titles are) and does not look like data: better refuse a file than lose its first row.
    """
    first = rows[:HEADER_WITHIN]
    hits = [known_hits(row, known_columns) for row in first]
    if hits and max(hits) >= 2:
        return hits.index(max(hits))
    filled = [sum(1 for cell in row if cell and cell.strip()) for row in rows]
    usual = median([count for count in filled if count > 1] or [0])
    enough = max(2, ceil(usual / 2))
    position = next(
        (index for index, count in enumerate(filled[:HEADER_WITHIN]) if count >= enough),
        None,
    )
    return None if position is None or looks_like_data(first[position]) else position


def looks_like_data(row: Sequence[str | None]) -> bool:
    """Are there dates, many numbers or long texts among the cells? Column names are none of these."""
    cells = [cell for cell in row if cell and cell.strip()]
    numbers = sum(1 for cell in cells if NUMBER.fullmatch(cell))
    return numbers * 2 >= len(cells) or any(DATE.match(cell) or len(cell) > LONGEST_NAME for cell in cells)


def blank_to_none(cells: Sequence[str | None]) -> Row:
    """Cells with empty and blank ones as None."""
    return [cell if cell and cell.strip() else None for cell in cells]
