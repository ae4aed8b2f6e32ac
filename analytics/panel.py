"""Daily counts as a dense panel: quiet days are 0, unknown days are missing. Table in, table out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import scipy

from analytics.errors import BadInput
from analytics.small_tables import read_small_table

NEEDED = ("day", "region", "topic", "complaints")
LONGEST = pd.Timedelta(days=60 * 366)
TOTAL = "*"  # stands in the place of what was summed
MOST_UNKNOWN = 0.05  # of a total's usual count that may be unknown on a day before the total is


@dataclass(frozen=True)
class Panel:
    """`counts`: series × days, float32, nan = unknown (or not begun); `series`: region, [municipality], topic."""

    days: pd.DatetimeIndex
    series: pd.DataFrame
    counts: np.ndarray
    summed: int = 0  # rows that were added to another of the same day and series
    without_rows: int = 0  # days at the end that no row is of, taken as quiet

    @property
    def keys(self) -> list[str]:
        """The names that tell the series apart."""
        return list(self.series.columns)


@dataclass(frozen=True)
class Level:
    """Totals of one kind: `series` with '*' for what was summed; `member`: the total that each bottom series is in."""

    series: pd.DataFrame
    member: np.ndarray

    def total(self, values: np.ndarray) -> np.ndarray:
        """Sum `values` (bottom series × …) into the totals."""
        flat = values.reshape(len(values), -1)
        return np.asarray(self.matrix @ flat).reshape(len(self.series), *values.shape[1:])

    @property
    def matrix(self) -> scipy.sparse.csr_array:
        """Totals × bottom series, 1 where a series is in the total."""
        ones = np.ones(len(self.member), dtype=np.float32)
        return scipy.sparse.csr_array((ones, (self.member, np.arange(len(self.member)))), (len(self.series), len(ones)))


def read_panel(path: Path) -> pd.DataFrame:
    """The table of a file with `day, region, [municipality], topic, complaints`.

    CSV and Parquet as they are; any other separator, encoding or kind of file by the reader of exports.
    """
    try:
        if path.suffix == ".parquet":
            return pd.read_parquet(path)
        table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")  # names exactly as given
    except FileNotFoundError:
        raise BadInput("panel_missing", "There is no file {file}.", file=str(path)) from None
    except (OSError, ValueError, UnicodeDecodeError, pd.errors.ParserError):
        if path.suffix == ".parquet":
            raise BadInput("panel_unreadable", "{file} cannot be read as a Parquet table.", file=str(path)) from None
        table = pd.DataFrame()
    if not set(NEEDED) & set(table.columns):
        table = _read_otherwise(path)
    if "complaints" in table:
        table["complaints"] = table["complaints"].replace("", None)
    return table


def _read_otherwise(path: Path) -> pd.DataFrame:
    raw = read_small_table(path, (*NEEDED, "municipality"), NEEDED)
    if len(raw.broken):
        first = raw.broken.iloc[0]
        raise BadInput(
            "panel_line", "{file}, line {line}: {reason}.", file=path.name, line=first["line"], reason=first["reason"]
        )
    return raw.rows.drop(columns="line").fillna("")


def dense_panel(table: pd.DataFrame, end: date | None = None) -> Panel:
    """A dense panel of `day, region, [municipality], topic, complaints` up to and with `end` (the last day if None).

    Days without a row between a series' first day and the end are 0; a row with an empty count is unknown; rows of the
    same day and series are summed. Raises BadInput where a column is missing, a day cannot be read, a count is negative
    or fractional, a name is that of totals, the days span more than 60 years, or nothing is known before the end.
    """
    keys = [name for name in ("region", "municipality", "topic") if name in table]
    missing = [name for name in NEEDED if name not in table]
    if missing:
        raise BadInput(
            "panel_columns",
            "The panel has no column {missing}; it needs day, region, topic and complaints.",
            missing=", ".join(missing),
        )
    if not len(table):
        raise BadInput("panel_empty", "The panel has no rows.")
    day = _days(table["day"])
    last = pd.Timestamp(end) if end else day.max()
    known = (day <= last).to_numpy()
    if not known.any():
        raise BadInput("panel_end", "The panel has no day up to {end}.", end=str(last.date()))
    names = table.loc[known, keys].astype("str").fillna("")
    day, counts = day[known], _counts(table.loc[known, "complaints"])
    _refuse_the_unforecastable(names, day.min(), last, counts)
    code, found = _codes(names)
    days = pd.date_range(day.min(), last, freq="D")
    position = (day - days[0]).dt.days.to_numpy()
    cell = code * len(days) + position
    size = len(found) * len(days)
    unknown = np.isnan(counts)
    filled = np.bincount(cell[~unknown], counts[~unknown], minlength=size).astype(np.float32)
    rows = np.bincount(cell, minlength=size)
    filled[np.bincount(cell[unknown], minlength=size) == rows.clip(1)] = np.nan
    filled = filled.reshape(len(found), len(days))
    begun = np.full(len(found), len(days))
    np.minimum.at(begun, code, position)
    filled[np.arange(len(days)) < begun[:, None]] = np.nan
    summed = int(rows.sum() - (rows > 0).sum())
    return Panel(days, found, filled, summed=summed, without_rows=(last - day.max()).days)


def totals(panel: Panel) -> list[Level]:
    """All totals above the panel's series, the widest last: each drops one or more of its keys."""
    if "municipality" in panel.keys:
        kept: Sequence[tuple[str, ...]] = (
            ("region", "municipality"),
            ("region", "topic"),
            ("region",),
            ("topic",),
            (),
        )
    else:
        kept = (("region",), ("topic",), ())
    return [_level(panel.series, names) for names in kept]


def total_counts(level: Level, counts: np.ndarray) -> np.ndarray:
    """The counts of the totals; nan where series that usually make over 5 % of it are unknown, or none has begun."""
    unknown = np.isnan(counts)
    known = level.total(np.where(unknown, 0, counts))
    begun = np.maximum.accumulate(~unknown, axis=1)
    usual = np.nan_to_num(np.where(unknown, 0, counts).sum(axis=1) / np.maximum((~unknown).sum(axis=1), 1))
    lost = level.total((unknown & begun) * usual[:, None].astype(np.float32))
    whole = np.maximum(level.total(begun * usual[:, None].astype(np.float32)), 1e-9)
    none = level.total(begun.astype(np.float32)) == 0
    return np.where(none | (lost > MOST_UNKNOWN * whole), np.nan, known).astype(np.float32)


def _level(series: pd.DataFrame, kept: tuple[str, ...]) -> Level:
    names = series.copy()
    names[[key for key in series.columns if key not in kept]] = TOTAL
    member, found = _codes(names)
    return Level(found, member)


def _codes(names: pd.DataFrame) -> tuple[np.ndarray, pd.DataFrame]:
    """A number for each distinct row of names, in sorted order, and these rows."""
    code = np.zeros(len(names), dtype=np.int64)
    for key in names:
        number, values = pd.factorize(names[key], sort=True)
        code = code * len(values) + number
    _, first, code = np.unique(code, return_index=True, return_inverse=True)
    return code, names.iloc[first].reset_index(drop=True)


def _refuse_the_unforecastable(
    names: pd.DataFrame, first: pd.Timestamp, last: pd.Timestamp, counts: np.ndarray
) -> None:
    for key in names:
        if (names[key] == TOTAL).any():
            raise BadInput(
                "panel_total",
                "The column {column} names a total (*); give only the series, totals are added.",
                column=key,
            )
    if last - first > LONGEST:
        raise BadInput(
            "panel_span",
            "The panel spans {first} to {last}, more than 60 years: one of these days must be a mistake.",
            first=str(first.date()),
            last=str(last.date()),
        )
    if np.isnan(counts).all():
        raise BadInput("panel_unknown", "The panel has no count up to {end}: all are empty.", end=str(last.date()))


def _days(column: pd.Series) -> pd.Series:
    if not pd.api.types.is_datetime64_any_dtype(column):
        try:
            column = pd.to_datetime(column, format="ISO8601")
        except (ValueError, TypeError):
            raise BadInput("panel_days", "The panel's days must be written as 2026-01-31.") from None
    if column.isna().any():
        raise BadInput("panel_days", "The panel's days must be written as 2026-01-31.")
    return column.dt.tz_localize(None).dt.normalize()


def _counts(column: pd.Series) -> np.ndarray:
    counts = pd.to_numeric(column, errors="coerce").to_numpy(dtype=float)
    unreadable = np.isnan(counts) & column.notna().to_numpy()
    wrong = unreadable | (counts < 0) | (counts != np.floor(counts)) & ~np.isnan(counts) | np.isinf(counts)
    if wrong.any():
        value = column.iloc[int(wrong.argmax())]
        raise BadInput("panel_counts", "Complaints are whole counts of 0 or more, not {value}.", value=str(value))
    return counts
