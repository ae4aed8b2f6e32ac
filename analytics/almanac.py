"""Weekdays, days off, holidays and month ends as regressors, for any country that the `holidays` package knows."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import holidays
import numpy as np
import pandas as pd

from analytics.errors import BadInput

if TYPE_CHECKING:
    from analytics.local_events import Parts

# How much a logarithmic effect may differ from that of the wider group: a prior's standard deviation.
FREEDOM = {
    "weekday": 0.35,
    "day_off": 0.4,
    "working_weekend": 0.4,
    "before": 0.2,
    "after": 0.3,
    "named": 0.3,
    "month_start": 0.1,
    "month_end": 0.1,
    "event": 0.5,
    "weather": 0.5,
}


@dataclass(frozen=True)
class Almanac:
    """What is known of the days: a country's working calendar and a user's own days (`day, name, [region]`)."""

    country: str | None = None
    subdivision: str | None = None
    days: pd.DataFrame | None = field(default=None, hash=False, compare=False)

    def __post_init__(self) -> None:
        """Refuse a country or subdivision that is not known."""
        if self.subdivision and not self.country:
            raise BadInput(
                "subdivision_alone",
                "{subdivision} is a part of a country: say of which country too.",
                subdivision=self.subdivision,
            )
        self.calendar([2024])

    def calendar(self, years: list[int]) -> holidays.HolidayBase | None:
        """The country's public holidays, transferred days off and working weekends included."""
        if self.country is None:
            return None
        try:
            return holidays.country_holidays(self.country, subdiv=self.subdivision, years=years)
        except NotImplementedError:
            parts = holidays.list_supported_countries().get(self.country)
            known = ", ".join(parts) if parts else "codes of ISO 3166 such as RU, US or DE"
            raise BadInput(
                "unknown_country",
                "The calendar of {country} is not known; known are: {known}.",
                country=" ".join(filter(None, (self.country, self.subdivision))),
                known=known,
            ) from None

    @property
    def version(self) -> str:
        """What tells this calendar from others: country, part, own days; empty without any."""
        return " ".join(filter(None, (self.country, self.subdivision, self.mark)))

    @property
    def mark(self) -> str:
        """What tells a user's own days from others; empty without any."""
        if self.days is None or self.days.empty:
            return ""
        return f"days:{zlib.crc32(self.days.to_csv(index=False).encode()):08x}"

    @property
    def regions(self) -> list[str]:
        """Regions with days of their own."""
        if self.days is None or "region" not in self.days:
            return []
        return sorted(self.days["region"].dropna().unique())


@dataclass(frozen=True)
class Regressors:
    """values: days × regressors; names and groups (keys of FREEDOM) of the regressors, days off.

    unseen: share of days whose weather is climatology; covariance: of the weather's regressors on these; parts: events
    of municipalities in a series of their whole region, which are not among the values.
    """

    values: np.ndarray
    names: tuple[str, ...]
    groups: tuple[str, ...]
    off: np.ndarray
    unseen: np.ndarray | None = None
    covariance: np.ndarray | None = None
    parts: Parts | None = None

    @property
    def freedom(self) -> np.ndarray:
        """The prior's standard deviation of each effect."""
        return np.array([FREEDOM[group] for group in self.groups])


def regressors(days: pd.DatetimeIndex, almanac: Almanac, region: str | None = None) -> Regressors:
    """0/1 regressors of each day, for a region with days of its own if one is named.

    A holiday on a usual day off changes nothing: `day_off` and the holiday's own regressor mark only those that fall on
    a usual working day; `before` and `after` the working days beside them; `working_weekend` a worked day off.
    """
    weekday = days.day_of_week.to_numpy()
    padded = pd.date_range(days[0] - pd.Timedelta(days=1), days[-1] + pd.Timedelta(days=1))
    off, worked, free, names = _days_off(padded, almanac, region)
    inside = slice(1, -1)
    columns = {f"weekday_{number}": ("weekday", weekday == number) for number in range(1, 7)}
    columns["day_off"] = ("day_off", off[inside])
    columns["working_weekend"] = ("working_weekend", worked[inside])
    columns["before"] = ("before", off[2:] & ~free[inside])
    columns["after"] = ("after", off[:-2] & ~free[inside])
    columns["month_start"] = ("month_start", days.day.to_numpy() <= 3)
    columns["month_end"] = ("month_end", days.day.to_numpy() >= days.days_in_month.to_numpy() - 1)
    for name in sorted({name for name in names if name}):
        columns[f"holiday {name}"] = ("named", np.array([found == name for found in names[inside]]) & off[inside])
    kept = {name: pair for name, pair in columns.items() if pair[1].any()}
    return Regressors(
        np.column_stack([marks for _, marks in kept.values()]).astype(float) if kept else np.zeros((len(days), 0)),
        tuple(kept),
        tuple(group for group, _ in kept.values()),
        off[inside],
    )


def read_days(path: Path) -> pd.DataFrame:
    """A user's holidays: a CSV with `day,name[,region]`."""
    try:
        table = pd.read_csv(path, dtype=str)
    except (OSError, UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError):
        raise BadInput("holidays_unreadable", "{file} cannot be read as a CSV of holidays.", file=str(path)) from None
    if not {"day", "name"} <= set(table.columns):
        raise BadInput(
            "holidays_columns", "{file} needs the columns day and name (and may have region).", file=str(path)
        )
    table["day"] = pd.to_datetime(table["day"], format="%Y-%m-%d", errors="coerce")
    if table["day"].isna().any():
        line = int(table["day"].isna().to_numpy().argmax()) + 2
        raise BadInput(
            "holidays_day", "{file}, line {line}: the day must be written as 2026-01-31.", file=str(path), line=line
        )
    return table[[name for name in ("day", "name", "region") if name in table]]


def _days_off(
    days: pd.DatetimeIndex, almanac: Almanac, region: str | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[str | None]]:
    """Days off on a usual working day, usual days off that are worked, all days off, each day's holiday."""
    dates: list[date] = [day.date() for day in days]
    names: list[str | None] = [None] * len(days)
    calendar = almanac.calendar(list(range(days[0].year, days[-1].year + 1)))
    usual = np.isin(days.day_of_week, list(calendar.weekend) if calendar is not None else [5, 6])
    if calendar is None:
        off, worked = np.zeros(len(days), bool), np.zeros(len(days), bool)
    else:
        working = np.array([calendar.is_working_day(day) for day in dates])
        off, worked = ~working & ~usual, usual & working
        names = [_first_name(calendar.get(day)) for day in dates]
    own = almanac.days
    if own is not None:
        if "region" in own:
            own = own[own["region"].isna() | (own["region"] == (region or ""))]
        named = dict(zip(own["day"].dt.date, own["name"], strict=True))
        off = off | (np.array([day in named for day in dates]) & ~usual)
        names = [named.get(day, name) for day, name in zip(dates, names, strict=True)]
    return off, worked, off | (usual & ~worked), names


def _first_name(names: str | None) -> str | None:
    """The holiday's name, without the marks of a transferred or observed day."""
    return names.split(";")[0].split(" (")[0].strip() if names else None
