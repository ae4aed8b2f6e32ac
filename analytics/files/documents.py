"""What reading an export file gives: documents, staged rows and the rows that could not be split."""

from __future__ import annotations

import os
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from analytics.errors import BadInput

SAMPLE_ROWS = 1_000
MOST_BROKEN_ROWS = 200_000
MOST_COLUMNS = 5_000

Report = Callable[[float], None]
Row = list[str | None]


@dataclass(frozen=True)
class Layout:
    """How a file was understood."""

    format: str
    """csv | xlsx | parquet | jsonl; tab-separated text is csv, every spreadsheet is xlsx."""
    encoding: str | None = None
    separator: str | None = None
    quote: str | None = None
    header_line: int = 1
    """Line of the text or row of the sheet where the header begins, from 1."""
    sheet: str | None = None
    member: str | None = None
    """Name of the file inside a zip."""


@dataclass(frozen=True)
class BrokenRow:
    """A record that could not be split into the header's columns."""

    line: int
    reason: str
    """wrong_number_of_columns | broken_quote | line_too_long | unreadable_json."""
    fields: tuple[str, ...]


@dataclass
class Staged:
    """The rows of a document as a Parquet file of raw text, in the order of the file.

    `path` holds the asked columns as VARCHAR under their header names; empty and blank cells are NULL. The ordinal of
    a row, its `record`, is not stored: it is `file_row_number + 1`, a column that DuckDB adds to every Parquet file
    (numbering the rows while reading a CSV would halve the speed, for it cannot be done by several threads).
    """

    path: Path
    rows: int
    broken: list[BrokenRow]
    replaced_characters: int
    locate: Callable[[Sequence[int]], list[int]] = field(repr=False)

    def lines(self, records: Sequence[int]) -> list[int]:
        """The line (row of the sheet) on which each of these records begins; records count from 1."""
        return self.locate(records)


class Document(ABC):
    """One table of one file: a CSV, the sheets of a workbook that share a header, or a file inside a zip."""

    file: Path
    name: str
    layout: Layout
    header: list[str]
    sample: list[Row]

    def __init__(self, file: Path, name: str, layout: Layout, *, header: list[str], sample: list[Row]) -> None:
        _check_width(header, name)
        self.file, self.name, self.layout, self.header, self.sample = file, name, layout, header, sample

    def stage(self, columns: Sequence[str], report: Report | None = None) -> Staged:
        """Write the named columns of every readable row to Parquet; the rows read are `rows + len(broken)`.

        `report` is told the share that is done, from 0 to 1. Raises BadInput when the file turns out unreadable.
        """
        unknown = [column for column in columns if column not in self.header]
        if unknown or not columns:
            raise KeyError(f"not columns of {self.name}: {unknown}")
        with library_errors(self.name):
            staged = self._stage(list(columns), report or (lambda share: None))
        if report:
            report(1.0)
        return staged

    @abstractmethod
    def _stage(self, columns: list[str], report: Report) -> Staged: ...


@contextmanager
def library_errors(name: str) -> Iterator[None]:
    """Turn whatever a library raises over a damaged file into BadInput."""
    try:
        yield
    except (BadInput, KeyboardInterrupt, SystemExit, GeneratorExit):
        raise
    except BaseException as error:
        # A panic of a Rust library (calamine) derives from BaseException, so Exception is not enough.
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        raise BadInput(
            "unreadable_file",
            "{file} cannot be read ({reason}): export it again, or save it as CSV.",
            file=name,
            reason=reason,
        ) from error


def unique_header(cells: Sequence[str | None]) -> list[str]:
    """Column names without blanks and twins: 'column 3' for an empty cell, 'name 2' for the second 'name'."""
    names: list[str] = []
    taken = {"file_row_number"}  # the name of the ordinal, see Staged
    for position, cell in enumerate(cells, start=1):
        wanted = " ".join((cell or "").split()) or f"column {position}"
        name, number = wanted, 2
        while name.casefold() in taken:
            name, number = f"{wanted} {number}", number + 1
        taken.add(name.casefold())
        names.append(name)
    return names


def _check_width(header: Sequence[str], name: str) -> None:
    if len(header) < 2:
        raise one_column(name)
    if len(header) > MOST_COLUMNS:
        raise BadInput(
            "too_many_columns",
            "{file} has more than {limit} columns: export it as a plain table.",
            file=name,
            limit=MOST_COLUMNS,
        )


def known_hits(cells: Sequence[str | None], known_columns: Collection[str]) -> int:
    """How many cells are known column names."""
    return sum(1 for cell in cells if cell and " ".join(cell.split()).lower() in known_columns)


def new_path(staging: Path, suffix: str) -> Path:
    """A fresh file name in the staging folder."""
    handle, path = tempfile.mkstemp(dir=staging, suffix=suffix)
    os.close(handle)
    return Path(path)


def check_broken(broken: Collection[BrokenRow], name: str) -> None:
    """Refuse a file of which far too much cannot be split: the list would not fit in memory, nor help anyone."""
    if len(broken) > MOST_BROKEN_ROWS:
        raise BadInput(
            "too_many_broken_rows",
            "More than {limit} rows of {file} do not fit its header: check the separator and the quotes of the export.",
            file=name,
            limit=MOST_BROKEN_ROWS,
        )


def no_header(name: str) -> BadInput:
    """No row of the file looks like column names."""
    return BadInput(
        "no_header", "{file} has no row with column names among its first 50: export it with a header.", file=name
    )


def one_column(name: str) -> BadInput:
    """Nothing can be told from a single column; mostly the separator is an unknown one."""
    return BadInput(
        "one_column",
        "{file} has only one column: export it with a comma, a semicolon or a tab between the columns.",
        file=name,
    )


def no_data(name: str) -> BadInput:
    """The file has column names, but nothing under them."""
    return BadInput("no_data", "{file} has a header but no rows under it: export it again.", file=name)


def not_a_table(name: str, kind: str) -> BadInput:
    """The file is something else, `kind`, under whatever name."""
    return BadInput(
        "not_a_table", "{file} is not a table but a {kind}: export it as CSV or XLSX.", file=name, kind=kind
    )
