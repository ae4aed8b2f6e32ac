"""The national part of the demo country's events: days off, elections, tariffs, the school year, the annual line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta

import holidays
import numpy as np
from numpy.typing import NDArray

NOWHERE_IN_PARTICULAR: NDArray[np.int64] = np.empty(0, dtype=np.int64)
# The show had other months before 2023 or did not take place; an unknown year gets the third Friday of December.
ANNUAL_LINES = {2023: date(2023, 12, 14), 2024: date(2024, 12, 19), 2025: date(2025, 12, 19)}
# From 2026 on the yearly rise is split: the tax on 1 January, the tariffs themselves on 1 October.
TARIFF_RISES = {2023: [], 2024: [(7, 1, 9.8)], 2025: [(7, 1, 11.9)], 2026: [(1, 1, 1.7), (10, 1, 9.9)]}
USUAL_TARIFF_RISES = [(7, 1, 8.0)]


@dataclass(frozen=True)
class Event:
    """One dated happening. Days are positions on the demo's axis of days."""

    type: str
    starts: int
    ends: int
    region: int = -1  # -1: the whole country
    municipalities: NDArray[np.int64] = field(default_factory=lambda: NOWHERE_IN_PARTICULAR)  # none: all
    strength: float | None = None
    title: str | None = None  # None: the type's
    anchor: int | None = None  # the day 0 of the type's profiles; None: the first day
    cancelled: bool = False
    topic_group: int = -1  # of an outbreak
    channel: int = -1  # of a portal outage; -1: all
    days_off: tuple[int, ...] = ()


def national_events(days: list[date]) -> list[Event]:
    """The events of the whole country that touch `days` (consecutive)."""
    position = {day: place for place, day in enumerate(days)}
    years = range(days[0].year, days[-1].year + 1)
    events = [*_holiday_events(days, position)]
    for year in years:
        for month, day, percent in TARIFF_RISES.get(year, USUAL_TARIFF_RISES):
            events += _on(position, "tariff_rise", date(year, month, day), strength=percent)
        events += _on(position, "school_start", date(year, 9, 1))
        events += _on(position, "election", _nth_weekday(year, 9, 6, 2))
        events += _on(position, "annual_line", ANNUAL_LINES.get(year) or _nth_weekday(year, 12, 4, 3))
    return events


def _on(position: dict[date, int], kind: str, day: date, strength: float | None = None) -> list[Event]:
    return [Event(kind, position[day], position[day], strength=strength)] if day in position else []


def _nth_weekday(year: int, month: int, weekday: int, nth: int) -> date:
    first = date(year, month, 1)
    return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (nth - 1))


def _holiday_events(days: list[date], position: dict[date, int]) -> Iterator[Event]:
    """Runs of days without work that hold a public holiday; the May holidays are one event; working Saturdays.

    Where the package knows no transferred days off (years to come), the fixed holidays remain.
    """
    years = range(days[0].year, days[-1].year + 1)
    known = holidays.country_holidays("RU", years=years, language="ru")
    works = np.array([known.is_working_day(day) for day in days])
    named = np.array([day in known for day in days])
    for place, day in enumerate(days):
        if works[place] and day.weekday() >= 5:
            yield Event("working_weekend", place, place)
    for year in years:
        in_may = [position[d] for d in (date(year, 5, 1) + timedelta(n) for n in range(-3, 12)) if d in position]
        off = [place for place in in_may if not works[place]]
        if any(named[place] for place in off):
            yield Event("may_holidays", off[0], off[-1], anchor=off[-1] + 1, days_off=tuple(off))
            named[in_may] = False
    edges = np.flatnonzero(np.diff(np.concatenate([[True], works, [True]]).astype(int)))
    for first, after in zip(edges[0::2], edges[1::2], strict=True):
        if named[first:after].any():
            run = range(int(first), int(after))
            new_year = any(days[place].month == 1 or days[place].timetuple().tm_yday > 360 for place in run)
            titles = [str(known[days[place]]) for place in run if named[place]]
            yield Event(
                "new_year" if new_year else "public_holiday",
                run[0],
                run[-1],
                title=None if new_year else min(titles, key=lambda title: ("перенесено" in title, len(title))),
                anchor=run[-1] + 1,
                days_off=tuple(run),
            )
