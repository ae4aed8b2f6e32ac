"""The separator, the quote and the header row of a text file or a sheet, found in its first rows."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import islice
from math import ceil
from statistics import median

from analytics.files.documents import Row, known_hits
from analytics.files.records import Dialect, Record, read_records

SEPARATORS = ("\t", ";", "|", ",")  # the comma last: it is the one that texts are full of
HEADER_WITHIN = 50  # rows
SEVERAL = 3  # records
SCORED_ROWS = 500
FULL_ENOUGH = 0.75  # of the cells that are usually filled
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
    best: tuple[tuple, Found] | None = None
    for separator in SEPARATORS:
        records = _first_records(lines, Dialect(separator, '"'))
        quote = None if _quotes_are_plain_signs(records) else '"'
        if quote is None:
            records = _first_records(lines, Dialect(separator, None))
        scored = _score(records, Dialect(separator, quote), known_columns)
        if scored and (best is None or scored[0] > best[0]):
            best = scored
    return best[1] if best else None


def _first_records(lines: Sequence[bytes], dialect: Dialect) -> list[Record]:
    return list(islice(read_records(lines, dialect, columns=None), SCORED_ROWS))


def _quotes_are_plain_signs(records: Sequence[Record]) -> bool:
    """Do most records that hold a quote, and several, make no sense if it encloses a text?"""
    quoted = sum(1 for record in records if b'"' in record.raw)
    broken = sum(1 for record in records if record.reason == "broken_quote")
    return broken >= SEVERAL and broken * 2 > quoted


def has_columns(lines: Sequence[bytes]) -> bool:
    """Does any separator stand in most of the first lines?"""
    full = [line for line in lines if line.strip()]
    return any(sum(separator.encode() in line for line in full) * 2 > len(full) for separator in SEPARATORS)


def _score(records: Sequence[Record], dialect: Dialect, known: Collection[str]) -> tuple[tuple, Found] | None:
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
    after = records[position + 1].line if position + 1 < len(records) else records[position].line + 1
    found = Found(dialect, header, records[position].line, after)
    share = widths[len(header)] / len(rows)
    return (known_hits(header, known), round(share, 2), len(header)), found


def find_header(rows: Sequence[Sequence[str | None]], known_columns: Collection[str]) -> int | None:
    """Which of the first rows holds the column names; None: no row does.

    The row with the most known names (two at least), else the first that is about as full as the rows of the file are
    (titles are not); if that one looks like data there is none: better refuse a file than lose its first row.
    """
    first = rows[:HEADER_WITHIN]
    hits = [known_hits(row, known_columns) for row in first]
    if hits and max(hits) >= 2:
        return hits.index(max(hits))
    filled = [sum(1 for cell in row if cell and cell.strip()) for row in rows]
    usual = median([count for count in filled if count > 1] or [0])
    enough = max(2, ceil(FULL_ENOUGH * usual))
    position = next((index for index, count in enumerate(filled[:HEADER_WITHIN]) if count >= enough), None)
    return None if position is None or looks_like_data(first[position]) else position


def looks_like_data(row: Sequence[str | None]) -> bool:
    """Are there dates, many numbers or long texts among the cells? Column names are none of these."""
    cells = [cell for cell in row if cell and cell.strip()]
    numbers = sum(1 for cell in cells if NUMBER.fullmatch(cell))
    return numbers * 2 >= len(cells) or any(DATE.match(cell) or len(cell) > LONGEST_NAME for cell in cells)


def blank_to_none(cells: Sequence[str | None]) -> Row:
    """Cells with empty and blank ones as None."""
    return [cell if cell and cell.strip() else None for cell in cells]
