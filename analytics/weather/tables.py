"""The table of weather: from a file, or checked at the door of a function."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from analytics.errors import BadInput
from analytics.small_tables import RawTable, check_columns, dates_of, numbers_of, read_small_table, text_of

MEASURES = ("temperature_c", "rain_mm", "snow_cm", "wind_ms")  # daily mean, sum, fallen that day, mean
KEYS = ("day", "place", "issued_on")
COLUMNS = (*KEYS, *MEASURES)
LIMITS = {"temperature_c": (-90, 60), "rain_mm": (0, 2000), "snow_cm": (0, 1000), "wind_ms": (0, 150)}


@dataclass(frozen=True)
class WeatherFile:
    """What a file or a table says. read = distinct rows + repeated + rejected."""

    weather: pd.DataFrame  # COLUMNS
    rejected: pd.DataFrame  # the columns as given, line, reason
    notices: list[dict]  # kind, value, rows
    read: int
    repeated: int  # rows with the day, place and day of issue of a later row


def read_weather(path: Path) -> tuple[pd.DataFrame, pd.DataFrame, list[dict]]:
    """The weather of a file, its rejected rows (columns as given, line, reason), and notices.

    CSV (any usual encoding and separator), XLSX or Parquet with `day` and at least one of MEASURES, and `place` (empty:
    everywhere) and `issued_on` (empty: observed; else the forecast as issued that day) where there are any. Of rows for
    the same day, place and day of issue the last wins. Raises BadInput when the file cannot be read as such a table.
    """
    read = read_weather_file(path)
    return read.weather, read.rejected, read.notices


def read_weather_file(path: Path) -> WeatherFile:
    """As read_weather, with all that an import needs to know."""
    raw = read_small_table(path, COLUMNS, ("day",))
    _check_measures(raw.given, Path(path).name)
    return _taken(raw)


def weather_table(table: pd.DataFrame) -> WeatherFile:
    """The same of a table that is in memory already; its rows count from 1."""
    check_columns(table.columns, ("day",), "The table of weather")
    given = tuple(name for name in COLUMNS if name in table)
    _check_measures(given, "The table of weather")
    rows = table[list(given)].reset_index(drop=True)
    rows.insert(0, "line", range(1, len(rows) + 1))
    return _taken(RawTable(rows, pd.DataFrame(columns=["line", "reason"]), given, []))


def check_weather(table: pd.DataFrame) -> pd.DataFrame:
    """The weather as every function wants it: COLUMNS, days as timestamps at midnight, `issued_on` NaT = observed.

    Raises BadInput for a missing column and for the first row that cannot be.
    """
    read = weather_table(table)
    if len(read.rejected):
        first = read.rejected.iloc[0]
        raise BadInput(
            "weather_row",
            "Row {row} of the weather cannot be used: {reason}.",
            row=int(first["line"]),
            reason=str(first["reason"]).replace("_", " "),
        )
    return read.weather


def _check_measures(given: tuple[str, ...], file: str) -> None:
    if not set(given) & set(MEASURES):
        raise BadInput(
            "weather_columns", "{file} needs at least one of the columns {known}.", file=file, known=", ".join(MEASURES)
        )


def _taken(raw: RawTable) -> WeatherFile:
    rows, reasons = _checked(raw.rows)
    good = reasons.isna().to_numpy()
    usable = rows[good]
    repeated = usable.duplicated(list(KEYS), keep="last")
    rejected = raw.rows[~good].assign(reason=reasons[~good].to_numpy())
    if len(raw.broken):
        rejected = pd.concat([rejected, raw.broken.reindex(columns=rejected.columns)])
    order = [name for name in rejected.columns if name not in ("line", "reason")]
    notices = [{"kind": "repeated_row", "value": "", "rows": int(repeated.sum())}] if repeated.any() else []
    notices += [{"kind": "column", "value": name, "rows": len(raw.rows)} for name in raw.left_out]
    return WeatherFile(
        weather=usable[~repeated].sort_values(list(KEYS), kind="stable", ignore_index=True),
        rejected=rejected[[*order, "line", "reason"]].sort_values("line", kind="stable", ignore_index=True),
        notices=notices,
        read=len(raw.rows) + len(raw.broken),
        repeated=int(repeated.sum()),
    )


def _checked(raw: pd.DataFrame) -> tuple[pd.DataFrame, pd.Series]:
    """Every row in its types, and the reason of each that cannot be taken."""
    reasons = pd.Series(None, index=raw.index, dtype="object")
    nothing = pd.Series(None, index=raw.index, dtype="object")
    rows = pd.DataFrame(index=raw.index)
    for name in MEASURES:
        rows[name], unreadable = numbers_of(raw[name]) if name in raw else (float("nan"), None)
        if unreadable is not None:
            least, most = LIMITS[name]
            reasons[(rows[name] < least) | (rows[name] > most)] = f"absurd_{name}"
            reasons[unreadable] = f"unreadable_{name}"
    reasons[reasons.isna() & rows[list(MEASURES)].isna().all(axis=1)] = "no_measure"
    rows["place"] = text_of(raw["place"]).astype("str") if "place" in raw else pd.Series("", raw.index, dtype="str")
    rows["issued_on"], unreadable = dates_of(raw.get("issued_on", nothing))
    reasons[unreadable] = "unreadable_issued_on"
    rows["day"], unreadable = dates_of(raw["day"])
    reasons[unreadable] = "unreadable_day"
    reasons[rows["day"].isna() & ~unreadable] = "no_day"
    reasons[reasons.isna() & (rows["issued_on"] > rows["day"])] = "issued_after_its_day"
    return rows[list(COLUMNS)], reasons
