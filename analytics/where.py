"""Where and when: each place, or place and topic, with its people, its usual and its last year; days; hours; points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analytics import ledger
from analytics.filters import Filters, period
from analytics.loaded import places, usual_day
from analytics.queries import COMPLAINTS, COUNTS, DAY, RECEIVED, Query, daily_counts, smallest
from analytics.usual import base_weeks

if TYPE_CHECKING:
    from analytics.store import Store

LAST_YEAR = 364  # days: the same weekdays
FEWEST = 5.0  # complaints usually, or last year: from fewer no ratio is taken
WITHOUT_TIMES = 0.2  # from this share of rows at exactly midnight on, midnight means that no time is known
YEARS = 3  # of the calendar
CELLS = 110  # of the point density, along the longer side
FINEST = 0.002  # degrees: coordinates are stored no finer
STRAY = 0.001  # share of the points on each side that may lie far off


def compared(store: Store, filters: Filters, as_of: date, by: Sequence[str]) -> pd.DataFrame:
    """The period by `by` (region, municipality, topic_group, topic): one row for each that has anything to tell.

    Columns: `by`; complaints; usual (the same weekdays of 8 weeks before, or of as many as the period has; nan where
    the place was not loaded then); against_usual (ratio); last_year, against_last_year (364 days earlier);
    population (of the region or municipality, nan: unknown), per_1000; due, overdue_share (of what fell due in the
    period). Ratios to fewer than 5 are nan.
    """
    first, last = period(filters, as_of)
    names = list(by)
    with store.reading() as query:
        table = _sums(query, filters, (first, last), names)
        table = table.merge(_due(query, filters, (first, last), names), on=names, how="outer")
        loaded = places(query, filters)
        people = _population(query, names)
    for name in ("complaints", "usual", "last_year", "due", "late"):
        table[name] = table[name].fillna(0.0).astype(float)
    begun = loaded.groupby(loaded["region"].fillna(""))["first_day"].min()
    earliest = pd.Series(begun.min(), index=table.index)
    begun_here = table["region"].map(begun) if "region" in names else earliest
    weeks = base_weeks((last - first).days + 1)
    known = begun_here <= pd.Timestamp(first - timedelta(weeks=weeks))
    table["usual"] = table["usual"].where(known)
    table["last_year"] = table["last_year"].where(begun_here <= pd.Timestamp(first - timedelta(days=LAST_YEAR)))
    for base, ratio in (("usual", "against_usual"), ("last_year", "against_last_year")):
        table[ratio] = (table["complaints"] / table[base]).where(table[base] >= FEWEST)
    table["overdue_share"] = (table["late"] / table["due"]).where(table["due"] > 0)
    table = table.merge(people, on=[name for name in names if name in people], how="left") if len(people) else table
    if "population" not in table:
        table["population"] = np.nan
    table["per_1000"] = 1000 * table["complaints"] / table["population"].where(table["population"] > 0)
    table["complaints"] = table["complaints"].astype("int64")
    return table.drop(columns="late").sort_values(["complaints", *names], ascending=[False, *[True] * len(names)])


def calendar(store: Store, filters: Filters, as_of: date) -> pd.DataFrame:
    """Each day of up to three years that end with `as_of`: day, complaints, usual, against_usual.

    Quiet days are 0. `usual` is the median of the same weekday in the 8 weeks before; ratios to fewer than 5 are nan.
    """
    last = as_of
    begin = date(as_of.year - YEARS + 1, 1, 1)
    wide = Filters(begin - timedelta(weeks=8), last, *(getattr(filters, name) for name in _CHOSEN))
    found = daily_counts(store, wide).set_index("day")["complaints"]
    if found.empty:
        return pd.DataFrame({"day": [], "complaints": [], "usual": [], "against_usual": []})
    days = pd.date_range(begin - timedelta(weeks=8), last)
    counts = found.reindex(days, fill_value=0).astype(float).where(days >= found.index[0])
    usual = usual_day(counts.to_numpy()[None, :])[0]
    table = pd.DataFrame({"day": days[56:], "complaints": counts.to_numpy()[56:], "usual": usual})
    table["against_usual"] = (table["complaints"] / table["usual"]).where(table["usual"] >= FEWEST)
    return table.dropna(subset="complaints").reset_index(drop=True)


def hours(store: Store, filters: Filters, as_of: date) -> pd.DataFrame:
    """weekday (0: Monday), hour, complaints of the period; all 168 of them.

    `attrs`: complaints (of all hours), without_time (rows at exactly midnight, left out when so many are there that
    the export has no times).
    """
    first, last = period(filters, as_of)
    found = store.query(
        f"""
        select isodow(opened_at) - 1 as weekday, hour(opened_at) as hour, count(*)::bigint as complaints,
          count(*) filter (opened_at = opened_at::date)::bigint as midnight
        from {COMPLAINTS} group by all
        """,
        first_day=first,
        last_day=last,
        **filters.parameters(),
    )
    whole, midnight = int(found["complaints"].sum()), int(found["midnight"].sum())
    untold = midnight if midnight > WITHOUT_TIMES * whole else 0
    if untold:
        found["complaints"] -= found["midnight"]
    cells = pd.MultiIndex.from_product([range(7), range(24)], names=["weekday", "hour"])
    table = found.set_index(["weekday", "hour"])["complaints"].reindex(cells, fill_value=0).reset_index()
    table.attrs = {"complaints": whole - untold, "without_time": untold}
    return table


def points(store: Store, filters: Filters, as_of: date) -> pd.DataFrame:
    """longitude, latitude (middle of a cell of a coarse grid), complaints of the period.

    `attrs`: step (degrees of longitude and of latitude), complaints (with coordinates), without_place.
    """
    first, last = period(filters, as_of)
    chosen = {"first_day": first, "last_day": last, **filters.parameters()}
    with store.reading() as query:
        edge = query(
            f"""
            select count(*)::bigint as complaints, count(latitude)::bigint as placed,
              quantile_cont(longitude, $low) as west, quantile_cont(longitude, $high) as east,
              quantile_cont(latitude, $low) as south, quantile_cont(latitude, $high) as north
            from {COMPLAINTS}
            """,
            low=STRAY,
            high=1 - STRAY,
            **chosen,
        ).iloc[0]
        placed = int(edge["placed"])
        if not placed:
            table = pd.DataFrame({"longitude": [], "latitude": [], "complaints": []})
            table.attrs = {"complaints": 0, "without_place": int(edge["complaints"]), "step": (FINEST, FINEST)}
            return table
        narrowing = float(np.cos(np.radians((edge["south"] + edge["north"]) / 2)))
        height = max((edge["east"] - edge["west"]) * narrowing, edge["north"] - edge["south"]) / CELLS
        down = max(float(height), FINEST)
        across = down / max(narrowing, 0.1)
        table = query(
            f"""
            select (floor(longitude / $across) + 0.5) * $across as longitude,
              (floor(latitude / $down) + 0.5) * $down as latitude, count(*)::bigint as complaints
            from {COMPLAINTS} and longitude between $west and $east and latitude between $south and $north
            group by all order by all
            """,
            across=across,
            down=down,
            **{name: float(edge[name]) for name in ("west", "east", "south", "north")},
            **chosen,
        )
    table.attrs = {"complaints": placed, "without_place": int(edge["complaints"]) - placed, "step": (across, down)}
    return table


def ahead(store: Store, filters: Filters, by: str = "region", days: int = 28) -> pd.DataFrame:
    """day, [region], place, complaints, is_forecast: `days` days before and as many after the newest forecast's origin.

    `by`: region, municipality (with its region), topic_group (with its region). What came is counted; what comes is the
    mean as it was issued. The period, topics and channels of the filters are not looked at, for forecasts know neither.
    No rows when nothing was issued.
    """
    names = ["region"] if by == "region" else ["region", by]
    if by == "municipality":
        issued = ledger.issued_municipal(store, regions=filters.regions, topic_groups=filters.topic_groups)
        issued = issued[issued["municipality"].isin(filters.municipalities)] if filters.municipalities else issued
    else:
        whole = ("*",) if by == "region" else ()
        issued = ledger.issued(store, regions=filters.regions, topic_groups=filters.topic_groups or whole)
        issued = issued[(issued["topic"] == "*") == bool(whole and not filters.topic_groups)]
    issued = issued.rename(columns={"topic": "topic_group"})
    issued = issued[~issued[names].isin(["*", ""]).any(axis=1)]
    if issued.empty:
        return pd.DataFrame({"day": [], **{name: [] for name in names}, "complaints": [], "is_forecast": []})
    origin = issued["day"].min().date() - timedelta(days=1)
    past = Filters(origin - timedelta(days=days - 1), origin, filters.regions, filters.municipalities)
    came = daily_counts(store, replace(past, topic_groups=filters.topic_groups), names).dropna(subset=names)
    comes = issued.groupby(["day", *names], as_index=False)["mean"].sum().rename(columns={"mean": "complaints"})
    table = pd.concat([came.assign(is_forecast=False), comes.assign(is_forecast=True)], ignore_index=True)
    return table.astype({"complaints": float})


def has_points(store: Store) -> bool:
    """Has any complaint coordinates?"""
    return bool(store.query("select count(latitude) > 0 as found from complaints")["found"].iloc[0])


def codes(store: Store) -> dict[str, str | None]:
    """region -> code, of the regions that the reference of the store knows."""
    found = store.query("select region, code from regions")
    return dict(zip(found["region"], found["code"], strict=True))


_CHOSEN = ("regions", "municipalities", "topic_groups", "topics", "channels", "kinds")


def _sums(query: Query, filters: Filters, days: tuple[date, date], names: list[str]) -> pd.DataFrame:
    """names, complaints, usual, last_year: of the period, of the weeks before it and of 364 days earlier."""
    first, last = days
    length = (last - first).days + 1
    weeks = base_weeks(length)
    start = min(first - timedelta(weeks=weeks), first - timedelta(days=LAST_YEAR))
    table, parameters = smallest(filters, start, last, names, received_only=True)
    day, received = DAY[table], RECEIVED[table]
    columns = ", ".join(f"coalesce({name}, '') as {name}" for name in names)
    return query(
        f"""
        select {columns},
          coalesce(sum({received}) filter ({day} >= $first), 0)::double as complaints,
          coalesce(sum({received} * ($length // 7 + if(({day} - $base) % 7 < $length % 7, 1, 0)))
            filter ({day} >= $base and {day} < $first), 0) / $weeks as usual,
          coalesce(sum({received}) filter (within({day}, $first - $year, $last - $year)), 0)::double as last_year
        from {table} and ({day} >= $base or within({day}, $first - $year, $last - $year))
        group by all having complaints <> 0 or usual <> 0 or last_year <> 0
        """,
        first=first,
        last=last,
        base=first - timedelta(weeks=weeks),
        weeks=weeks,
        length=length,
        year=LAST_YEAR,
        **parameters,
    )


def _due(query: Query, filters: Filters, days: tuple[date, date], names: list[str]) -> pd.DataFrame:
    """names, due, late: what fell due in the period, and what of it was not closed by then."""
    first, last = days
    table, parameters = smallest(filters, first, last, names)
    columns = ", ".join(f"coalesce({name}, '') as {name}" for name in names)
    if table is COUNTS:
        found = f"sum(complaints) as due, sum(complaints - closed_in_time) as late from {COUNTS}"
        found += " and within(due_on, $first, $last)"
        parameters |= {"first_day": None, "first": first, "last": last}
    else:
        found = f"sum(due) as due, sum(due - due_kept) as late from {table}"
    return query(f"select {columns}, {found} group by all having due <> 0", **parameters).astype(
        {"due": float, "late": float}
    )


def _population(query: Query, names: list[str]) -> pd.DataFrame:
    """region, [municipality,] population; no columns to join where no place is named."""
    if "municipality" in names:
        return query(
            "select region, municipality, max(population)::double as population from municipalities group by all"
        )
    if "region" in names:
        return query("select region, max(population)::double as population from regions group by all")
    return pd.DataFrame()
