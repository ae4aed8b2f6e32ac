"""Splitting text into records line by line, so that a broken one never swallows the ones after it."""

from __future__ import annotations

import csv
import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

MOST_LINES = 500  # of one record: beyond it an open quote counts as a mistake
MOST_BYTES = 1 << 20  # of one record
LEAST_COLUMNS_OF_SWALLOWED = 3
NUMBERS = re.compile(rb"\d+")
WORDS = re.compile(rb"[A-Za-z\x80-\xff]+")

csv.field_size_limit(4 * MOST_BYTES)


class Dialect(NamedTuple):
    """How the fields of a line are told apart."""

    separator: str
    quote: str | None


class Record(NamedTuple):
    """One record as found in the file: good when `reason` is empty."""

    line: int
    raw: bytes
    """The physical line, of a good record without quotes the whole record."""
    fields: list[str] | None
    """None: not split yet, for `raw` is good and holds no quote."""
    reason: str = ""

    def cells(self, dialect: Dialect) -> list[str]:
        """The fields, split now if that was not needed before."""
        return self.raw.decode("utf-8").split(dialect.separator) if self.fields is None else self.fields


def read_records(lines: Iterable[bytes], dialect: Dialect, *, columns: int | None, line: int = 1) -> Iterator[Record]:
    """The records of UTF-8 lines, good and broken; blank lines are none.

    `columns` None accepts every number of columns; `line` is the number of the first line. An open quote collects the
    following lines until the record is whole; if that fails, only its first line is broken.
    """
    source = _Lines(lines, line)
    separator = dialect.separator.encode()
    quote = dialect.quote.encode() if dialect.quote else None
    for raw in source:
        number = source.number
        if len(raw) > MOST_BYTES:
            yield Record(number, raw, [], "line_too_long")
        elif quote and quote in raw:
            yield from _quoted(raw, source, dialect, columns)
        elif columns is not None and raw.count(separator) == columns - 1 and b"\r" not in raw[:-2]:
            yield Record(number, raw.rstrip(b"\r\n"), None)
        elif raw.strip():
            for piece in _line_pieces(raw, separator, columns):
                yield _plain(number, piece, dialect, columns)


class _Lines:
    """Physical lines with their numbers, which can be given back."""

    def __init__(self, lines: Iterable[bytes], first: int) -> None:
        self._lines, self._given_back = iter(lines), deque[bytes]()
        self.number = first - 1

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        raw = self._given_back.popleft() if self._given_back else next(self._lines)
        self.number += 1
        return raw

    def give_back(self, taken: Sequence[bytes]) -> None:
        self._given_back.extendleft(reversed(taken))
        self.number -= len(taken)


def _line_pieces(raw: bytes, separator: bytes, columns: int | None) -> list[bytes]:
    """The line, or, where carriage returns inside it end records of the right width, these records."""
    line = raw.rstrip(b"\r\n")
    if b"\r" not in line:
        return [line]
    pieces = [piece for piece in line.split(b"\r") if piece.strip()]
    widths = {piece.count(separator) + 1 for piece in pieces}
    return pieces if widths == {columns} or (columns is None and len(widths) == 1) else [line]


def _plain(number: int, raw: bytes, dialect: Dialect, columns: int | None) -> Record:
    return _checked(number, raw, raw.decode("utf-8").split(dialect.separator), columns)


def _checked(number: int, raw: bytes, fields: list[str], columns: int | None) -> Record:
    """Good if it has the right width, empty cells beyond the header not counted."""
    if columns is not None and len(fields) > columns and not any(field.strip() for field in fields[columns:]):
        fields = fields[:columns]
    wrong = columns is not None and len(fields) != columns
    return Record(number, raw, fields, "wrong_number_of_columns" if wrong else "")


def _quoted(raw: bytes, source: _Lines, dialect: Dialect, columns: int | None) -> Iterator[Record]:
    number = source.number
    whole: Record | None = None
    # Some systems put a space after the separator, before the quote.
    for skip_space in (True, False) if f'{dialect.separator} "'.encode() in raw else (False,):
        fields, taken = _collect(raw, source, dialect, skip_space=skip_space)
        if fields is not None:
            record = _checked(number, raw, fields, columns)
            if not record.reason and not _swallows([raw, *taken], dialect, columns):
                yield record
                return
            whole = whole or (None if taken else record)
        source.give_back(taken)
    loose = _split_loosely(raw, dialect)
    if whole:
        yield whole
    elif loose and not (record := _checked(number, raw, loose, columns)).reason:
        yield record
    else:
        yield Record(number, raw, raw.decode("utf-8").rstrip("\r\n").split(dialect.separator), "broken_quote")


def _collect(raw: bytes, source: _Lines, dialect: Dialect, *, skip_space: bool) -> tuple[list[str] | None, list[bytes]]:
    """The fields of the record that begins with this line, None if it has no end; and the lines taken for it."""
    taken: list[bytes] = []

    def feed() -> Iterator[str]:
        yield raw.decode("utf-8")
        size = len(raw)
        for following in source:
            taken.append(following)
            size += len(following)
            if len(taken) == MOST_LINES or size > MOST_BYTES:
                return
            yield following.decode("utf-8")

    reader = csv.reader(
        feed(), delimiter=dialect.separator, quotechar=dialect.quote, strict=True, skipinitialspace=skip_space
    )
    try:
        return next(reader), taken
    except csv.Error:
        return None, taken


def _swallows(lines: Sequence[bytes], dialect: Dialect, columns: int | None) -> bool:
    """Does a quoted text look like records of the file itself?

    Two lone quotes in the same column of two records enclose what lies between them, by the rules of CSV rightly; but
    a text whose lines are all shaped like records is no text.
    """
    return len(lines) > 1 and looks_like_records(lines, dialect.separator.encode(), columns or 0)


def looks_like_records(lines: Sequence[bytes], separator: bytes, columns: int) -> bool:
    """Is each of these lines shaped like the first one, cell by cell, and of this many cells?

    Equal numbers of separators alone happen in long texts; equal cells with digits (numbers, dates) do not.
    """
    if columns < LEAST_COLUMNS_OF_SWALLOWED or any(line.count(separator) != columns - 1 for line in lines):
        return False
    first = _shapes(lines[0], separator)
    for line in lines[1:]:
        equal = [shape for shape, expected in zip(_shapes(line, separator), first, strict=True) if shape == expected]
        if len(equal) * 2 < columns or not any(b"0" in shape for shape in equal):
            return False
    return True


def _shapes(line: bytes, separator: bytes) -> list[bytes]:
    """The cells with every number as 0 and every word as a."""
    return [WORDS.sub(b"a", NUMBERS.sub(b"0", cell)) for cell in line.rstrip(b"\r\n").split(separator)]


def _split_loosely(raw: bytes, dialect: Dialect) -> list[str] | None:
    """Fields of one line in which quotes stand undoubled inside quotes: only one before a separator closes."""
    quote, separator = re.escape(dialect.quote or '"'), re.escape(dialect.separator)
    text = raw.decode("utf-8").rstrip("\r\n")
    field = re.compile(f"{quote}((?:[^{quote}]|{quote}(?!{separator}|$))*){quote}(?={separator}|$)|([^{separator}]*)")
    fields, position = [], 0
    while True:
        match = field.match(text, position)
        if match is None or (match[1] is None and match[2].startswith(dialect.quote or '"')):
            return None
        fields.append(match[2] if match[1] is None else match[1].replace('""', '"'))
        if match.end() == len(text):
            return fields
        position = match.end() + 1


def join_fields(fields: Sequence[str], dialect: Dialect) -> str:
    """The fields as one line of strict CSV, which `read_records` and DuckDB read back the same."""
    special = (dialect.separator, '"', "\n", "\r")
    if dialect.quote is None:
        return dialect.separator.join(fields).replace("\r", " ")
    return dialect.separator.join(
        '"' + field.replace('"', '""') + '"' if any(sign in field for sign in special) else field for field in fields
    )
