"""Weather in the store: import and list."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
import pandas as pd

from analytics.given_names import named_regions
from analytics.naming import read_known
from analytics.store import Store
from analytics.weather.tables import COLUMNS, KEYS, MEASURES, read_weather_file, weather_table

REJECTS_TOLD = 20


@dataclass(frozen=True)
class WeatherImport:
    """What came of one file or table: read = new + updated + unchanged + rejected."""

    file: str
    read: int
    new: int
    updated: int
    unchanged: int  # rows that a later row of the same file repeats included
    rejected: int
    notices: list[dict]  # kind, value, rows
    rejects: list[dict]  # the first rejected rows: line, reason
    seconds: float


@dataclass(frozen=True)
class WeatherPreview:
    """What a file of weather says; nothing is stored."""

    file: str
    weather: pd.DataFrame  # COLUMNS, places as the store names its regions
    rejected: pd.DataFrame  # the columns as given, line, reason
    notices: list[dict]  # kind, value, rows


def preview_weather(store: Store, source: Path) -> WeatherPreview:
    """What importing the file would take. Raises BadInput as `import_weather` does."""
    read = read_weather_file(Path(source))
    weather, notices = _named(store, read.weather)
    return WeatherPreview(Path(source).name, weather, read.rejected, read.notices + notices)


def import_weather(store: Store, source: Path | pd.DataFrame) -> WeatherImport:
    """Put the weather of a file or a table into the store, by day, place and day of issue; again changes nothing.

    Places are named as the store names its regions; an unknown one is kept as given, with a notice. A measure that is
    not given never erases a known one. Raises BadInput for what cannot be read.
    """
    started = time.monotonic()
    read = weather_table(source) if isinstance(source, pd.DataFrame) else read_weather_file(Path(source))
    weather, notices = _named(store, read.weather)
    new, updated = store.write(lambda cursor: keep_weather(cursor, weather))
    told = read.rejected[["line", "reason"]].head(REJECTS_TOLD)
    return WeatherImport(
        file="" if isinstance(source, pd.DataFrame) else Path(source).name,
        read=read.read,
        new=new,
        updated=updated,
        unchanged=read.read - len(read.rejected) - new - updated,
        rejected=len(read.rejected),
        notices=read.notices + notices,
        rejects=[{"line": int(row.line), "reason": str(row.reason)} for row in told.itertuples()],
        seconds=round(time.monotonic() - started, 2),
    )


def keep_weather(cursor: duckdb.DuckDBPyConnection, weather: pd.DataFrame) -> tuple[int, int]:
    """Inside a transaction: how many rows are new and how many have changed."""
    cursor.register("weather_given", weather)
    numbers = ", ".join(f"case when isnan({name}) then null else {name} end as {name}" for name in MEASURES)
    cursor.execute(
        f"""
        create or replace temp table arriving_weather as
        select day::date as day, place, issued_on::date as issued_on, {numbers} from weather_given
        """
    )
    cursor.unregister("weather_given")
    merged = ", ".join(f"coalesce(arrived.{name}, stored.{name}) as {name}" for name in MEASURES)
    same = " and ".join(f"merged.{name} is not distinct from merged.old_{name}" for name in MEASURES)
    old = ", ".join(f"stored.{name} as old_{name}" for name in MEASURES)
    cursor.execute(
        f"""
        create or replace temp table changing_weather as
        with merged as (
          select arrived.day, arrived.place, arrived.issued_on, {merged}, {old}, stored.day is null as is_new
          from arriving_weather as arrived
          left join (select * from weather where day in (select day from arriving_weather)) as stored
            on arrived.day = stored.day and arrived.place = stored.place
              and arrived.issued_on is not distinct from stored.issued_on
        )
        select * from merged where is_new or not ({same})
        """
    )
    counted = cursor.execute("select count(*) filter (is_new), count(*) filter (not is_new) from changing_weather")
    new, updated = counted.fetchone() or (0, 0)
    if updated:
        cursor.execute(
            """
            delete from weather where (day, place, coalesce(issued_on, date '1900-01-01')) in
              (select (day, place, coalesce(issued_on, date '1900-01-01')) from changing_weather where not is_new)
            """
        )
    if new or updated:
        cursor.execute(f"insert into weather by name select {', '.join(COLUMNS)} from changing_weather")
    return new, updated


def list_weather(store: Store, *, known_on: date | None = None) -> pd.DataFrame:
    """The stored weather, as of `check_weather`; with `known_on` only what was observed or issued by that day."""
    found = store.query(
        """
        select * from weather
        where $known_on::date is null or coalesce(issued_on, day) <= $known_on
        order by day, place, issued_on nulls first
        """,
        known_on=known_on,
    )
    for name in ("day", "issued_on"):
        found[name] = found[name].astype("datetime64[us]")
    return found.astype({"place": "str", **dict.fromkeys(MEASURES, "float64")})[list(COLUMNS)]


def _named(store: Store, weather: pd.DataFrame) -> tuple[pd.DataFrame, list[dict]]:
    counted = Counter(weather.loc[weather["place"] != "", "place"])
    if not counted:
        return weather, []
    reader = store.cursor()
    try:
        named, notices = named_regions(read_known(reader), counted)
    finally:
        reader.close()
    renamed = weather.assign(place=weather["place"].map({**named, "": ""}))
    return renamed.drop_duplicates(list(KEYS), keep="last", ignore_index=True), notices
