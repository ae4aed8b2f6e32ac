"""Small tables of a user's own (events, weather) from any file that the reader of exports can read."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from analytics.errors import BadInput
from analytics.files import open_documents
from analytics.files.documents import Document

DATES = ("%Y-%m-%d", "%d.%m.%Y", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M")
EARLIEST, LATEST = pd.Timestamp("1900-01-01"), pd.Timestamp("2100-12-31")


@dataclass(frozen=True)
class RawTable:
    """Rows as text (empty cells missing), each with the `line` of the file on which it begins."""

    rows: pd.DataFrame
    broken: pd.DataFrame  # line, reason: what could not be split into columns
    given: tuple[str, ...]  # columns that the file has
    left_out: list[str]  # and those that nobody asked for


def read_small_table(path: Path, columns: Sequence[str], needed: Collection[str]) -> RawTable:
    """The asked columns of every table in the file, found by their names whatever the case.

    Raises BadInput when the file cannot be read or a needed column is missing.
    """
    with tempfile.TemporaryDirectory(prefix="forerunner-") as folder:
        documents = open_documents(Path(path), Path(folder), known_columns=frozenset(columns))
        parts = [_part(document, columns, needed) for document in documents]
    return RawTable(
        rows=pd.concat([part.rows for part in parts], ignore_index=True),
        broken=pd.concat([part.broken for part in parts], ignore_index=True),
        given=tuple(dict.fromkeys(name for part in parts for name in part.given)),
        left_out=list(dict.fromkeys(name for part in parts for name in part.left_out)),
    )


def check_columns(given: Collection[str], needed: Collection[str], file: str) -> None:
    """Raise BadInput when a needed column is not given."""
    missing = [name for name in needed if name not in given]
    if missing:
        raise BadInput(
            "table_columns",
            "{file} has no column {missing}; it needs {needed}.",
            file=file,
            missing=", ".join(missing),
            needed=", ".join(needed),
        )


def several(cell: str) -> tuple[str, ...]:
    """The names in a cell, between |; none: all that there are."""
    return tuple(dict.fromkeys(name.strip() for name in cell.split("|") if name.strip()))


def text_of(column: pd.Series) -> pd.Series:
    """Text without blanks at its ends; nothing is an empty text."""
    return column.astype("object").where(column.notna(), "").astype(str).str.strip().astype("object")


def dates_of(column: pd.Series) -> tuple[pd.Series, pd.Series]:
    """Days at midnight (NaT where there is none), and whether something stands there that is no date.

    Read are 2026-01-31 and 31.01.2026, with or without a time of day.
    """
    if pd.api.types.is_datetime64_any_dtype(column):
        days = column.dt.tz_localize(None)
        empty = column.isna()
    else:
        words = text_of(column)
        empty = words == ""
        days = pd.Series(pd.NaT, index=column.index, dtype="datetime64[us]")
        for form in DATES:
            open_ones = days.isna() & ~empty
            if not open_ones.any():
                break
            read = pd.to_datetime(words[open_ones], format=form, errors="coerce").astype("datetime64[us]")
            days.loc[open_ones] = read
    days = days.astype("datetime64[us]").dt.normalize()
    days = days.where((days >= EARLIEST) & (days <= LATEST))
    return days, days.isna() & ~empty


def numbers_of(column: pd.Series) -> tuple[pd.Series, pd.Series]:
    """Numbers (nan where there is none; a decimal comma is read), and whether something stands there that is none."""
    if pd.api.types.is_numeric_dtype(column):
        values, empty = column.astype(float), column.isna()
    else:
        words = text_of(column).str.replace("\u2212", "-", regex=False).str.replace(",", ".", regex=False)
        empty = words == ""
        values = pd.to_numeric(words, errors="coerce").astype(float)
    values = values.where(np.isfinite(values))
    return values, values.isna() & ~empty


def _part(document: Document, columns: Sequence[str], needed: Collection[str]) -> RawTable:
    names = {" ".join(name.split()).lower(): name for name in document.header}
    given = tuple(name for name in columns if name in names)
    check_columns(given, needed, document.name)
    staged = document.stage([names[name] for name in given])
    rows = pd.read_parquet(staged.path).rename(columns={names[name]: name for name in given}).astype("object")
    rows.insert(0, "line", staged.lines(range(1, len(rows) + 1)))
    broken = pd.DataFrame([(row.line, row.reason) for row in staged.broken], columns=["line", "reason"])
    left_out = [name for lowered, name in names.items() if lowered not in columns]
    return RawTable(rows, broken, given, left_out)
