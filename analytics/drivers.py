"""Events and weather as regressors: what is known of them at an origin, for each day and place of a panel.

An event is a profile over its window: pieces between 1, 3, 7, 14 days before, while it lasts (with a first day and a
slope of their own), and 1, 3, 6, 12, 24 days after; nothing at both ends. Each piece stands for its type and for
every type above it in the tree, so that a type seen seldom, or never, leans on its parents (hierarchical coding of a
ridge regression). Weather is what complaints are known to follow: snow and rain that linger for days, frost, heat, a
sudden cold, thaw and refreeze, wind.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analytics.event_learning import Kinds

if TYPE_CHECKING:
    from analytics.panel import Panel

BEFORE, AFTER = (1, 3, 7, 14), (1, 3, 6, 12, 24)  # days from the event on which a piece of its profile is highest
SHAPES = (*(f"{day} before" for day in BEFORE), "during", "first day", "later", *(f"{day} after" for day in AFTER))
CORE = ("1 before", "during", "1 after", "3 after")  # of a type alone: enough to keep it out of levels and holidays
WINDOW = (3, 7)  # days before and after, of a type that says nothing
LINGER = (1.0, 3.0, 7.0)  # half-lives in days of what has fallen
NEIGHBOURS = 15  # days of the year on each side that climatology is taken from
YEAR_DAYS = 365
TRUSTED_DAYS = 7  # ahead, up to which a forecast of the weather is taken as it is
PLACES = ("region", "municipality", "topic")  # that an event may name, several by |; empty: all
Shares = Mapping[tuple[str, str], Mapping[str, float]]
MEASURES = ("temperature_c", "rain_mm", "snow_cm", "wind_ms")


@dataclass(frozen=True)
class Known:
    """Regressors of one place: values (days × names).

    `covariance`: of the weather's regressors on days that neither observation nor forecast reaches (`unseen`).
    """

    names: tuple[str, ...]
    groups: tuple[str, ...]
    values: np.ndarray
    unseen: np.ndarray
    covariance: np.ndarray


@dataclass(frozen=True)
class Drivers:
    """Known events and weather (tables as in the store); `windows`: days before and after for types that say so.

    For panels without municipalities, `shares`: of each region and topic the shares of the municipalities; `towns`: the
    counts of those that events name, by which what happened there is told.
    """

    events: pd.DataFrame | None = None
    weather: pd.DataFrame | None = None
    windows: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    shares: Shares = field(default_factory=dict)
    towns: Panel | None = None

    @property
    def any(self) -> bool:
        """Is there anything to know?"""
        return any(table is not None and len(table) for table in (self.events, self.weather))

    def usable_events(self, origin: pd.Timestamp) -> pd.DataFrame:
        """Those known at the origin and not cancelled; days as datetime64, empty texts for all."""
        if self.events is None or not len(self.events):
            none = pd.DataFrame(columns=["id", "type", "starts_on", "ends_on", *PLACES, "strength"])
            return none.astype({"starts_on": "datetime64[us]", "ends_on": "datetime64[us]", "strength": float})
        found = self.events.copy()
        for name in ("starts_on", "ends_on", "known_since"):
            found[name] = pd.to_datetime(found[name]) if name in found else pd.NaT
        found["ends_on"] = found["ends_on"].fillna(found["starts_on"])
        found["known_since"] = found["known_since"].fillna(found["starts_on"])
        for name in PLACES:
            found[name] = found[name].astype("str").where(found[name].notna(), "") if name in found else ""
        found["strength"] = pd.to_numeric(found["strength"], errors="coerce") if "strength" in found else np.nan
        cancelled = (
            found["cancelled"].map(_is_true) if "cancelled" in found else pd.Series(data=False, index=found.index)
        )
        return found[(found["known_since"] <= origin) & ~cancelled.astype(bool)].reset_index(drop=True)

    def places(self) -> list[str]:
        """Places with weather of their own."""
        if self.weather is None or "place" not in self.weather:
            return []
        return sorted(set(self.weather["place"].dropna().astype("str")) - {""})


def _is_true(value: object) -> bool:
    return str(value).strip().lower() in ("true", "1", "yes", "да")


def kinds_of(events: pd.DataFrame) -> list[str]:
    """Every type of these events, and every type above that has more than one of them below it."""
    types = {str(kind) for kind in events["type"].unique()}
    below: dict[str, set[str]] = {}
    for kind in types:
        parts = kind.split(".")
        for depth in range(1, len(parts)):
            below.setdefault(".".join(parts[:depth]), set()).add(kind)
    return sorted(types | {kind for kind, kinds in below.items() if len(kinds) > 1})


@dataclass(frozen=True)
class Trace:
    """What one event leaves in the regressors: from day `start` on, `shape` (days × SHAPES) for each kind of `rows`."""

    start: int
    shape: np.ndarray
    rows: tuple[int, ...]
    slope: float


class EventTraces:
    """The traces of all events on an axis of days, and the regressors of any choice of them."""

    def __init__(self, days: pd.DatetimeIndex, origin: pd.Timestamp, events: pd.DataFrame, drivers: Drivers) -> None:
        self.days = len(days)
        self.windows = drivers.windows
        self.types = events["type"].astype("str").tolist()
        self.kinds = kinds_of(events)
        past = events[events["starts_on"] <= origin]
        strengths = log_strengths(past)
        row = {kind: number for number, kind in enumerate(self.kinds)}
        starts = (events["starts_on"] - days[0]).dt.days.to_numpy()
        ends = (events["ends_on"] - days[0]).dt.days.to_numpy()
        self.traces = []
        for number, kind in enumerate(events["type"].astype("str")):
            start, shape = event_shape(int(starts[number]), int(ends[number]), window(kind, drivers.windows), len(days))
            middle, spread = strengths.get(kind, (0.0, 0.0))
            strength = float(events["strength"].iloc[number])
            slope = 0.0
            if spread > 0 and not np.isnan(strength):
                slope = float(np.clip((np.log1p(max(strength, 0.0)) - middle) / spread, -2.5, 2.5))
            rows = tuple(row[above] for above in upward(kind) if above in row)
            self.traces.append(Trace(start, shape, rows, slope))
        self.kept = self._kept({row[kind] for kind in strengths})

    @property
    def event_kinds(self) -> Kinds:
        """What each regressor stands for."""
        every = [(kind, shape) for kind in range(len(self.kinds)) for shape in range(len(SHAPES))]
        every += [(kind, len(SHAPES)) for kind in range(len(self.kinds))]
        kept = np.array(every, dtype=int).reshape(-1, 2)[self.kept]
        row = {kind: number for number, kind in enumerate(self.kinds)}
        leaves = tuple(sorted(set(self.types)))
        return Kinds(
            kept[:, 0], kept[:, 1], leaves, tuple(tuple(row[up] for up in upward(one) if up in row) for one in leaves)
        )

    @property
    def core(self) -> np.ndarray:
        """Which regressors are the core of a type of its own."""
        kinds = self.event_kinds
        shapes = [SHAPES.index(name) for name in CORE]
        return np.isin(kinds.shape, shapes) & np.isin(kinds.kind, [above[0] for above in kinds.above])

    @cached_property
    def names(self) -> list[str]:
        """Of the regressors."""
        every = [f"{kind} {shape}" for kind in self.kinds for shape in SHAPES] + [f"{k} strength" for k in self.kinds]
        return [name for name, kept in zip(every, self.kept, strict=True) if kept]

    def regressors(self, chosen: Iterable[int], on: np.ndarray | None = None) -> np.ndarray:
        """values (days × names) of these events together; `on`: only these days, in order.

        Events of one type that overlap count once where they are strongest: the greatest of their shapes.
        """
        days = self.days if on is None else len(on)
        values = np.zeros((days, len(self.kinds), len(SHAPES)), dtype=np.float32)
        slope = np.zeros((days, len(self.kinds)), dtype=np.float32)
        for number in chosen:
            trace = self.traces[number]
            inside, shape = _days_inside(trace, on)
            if not len(shape):
                continue
            for at in trace.rows:
                values[inside, at] = np.maximum(values[inside, at], shape)
            if trace.slope:
                slope[inside, trace.rows[0]] += trace.slope * shape.max(axis=1)
        return np.concatenate([values.reshape(days, -1), slope], axis=1)[:, self.kept]

    def days_of(self, chosen: Iterable[int]) -> np.ndarray:
        """The days in the windows of these events, in order."""
        inside = np.zeros(self.days, dtype=bool)
        for number in chosen:
            trace = self.traces[number]
            inside[trace.start : trace.start + len(trace.shape)] = True
        return np.flatnonzero(inside)

    def profile(self, kind: str, lasts: int) -> np.ndarray:
        """Days of the window × regressors of an event of this type alone, of middling strength, that takes so long."""
        before, after = self.window_of(kind)
        _, shape = event_shape(before, before + lasts - 1, (before, after), before + lasts + after)
        values = np.zeros((len(shape), len(self.kinds), len(SHAPES)), dtype=np.float32)
        for above in upward(kind):
            if above in self.kinds:
                values[:, self.kinds.index(above)] = shape
        slope = np.zeros((len(shape), len(self.kinds)), dtype=np.float32)
        return np.concatenate([values.reshape(len(shape), -1), slope], axis=1)[:, self.kept]

    def window_of(self, kind: str) -> tuple[int, int]:
        """Days before and after in which the type may act."""
        return window(kind, self.windows)

    def _kept(self, with_strength: set[int]) -> np.ndarray:
        """Regressors that any event touches: one-day events last no longer, some types have no days before."""
        touched = np.zeros((len(self.kinds), len(SHAPES)), dtype=bool)
        for trace in self.traces:
            touched[list(trace.rows)] |= (trace.shape > 0).any(axis=0) if len(trace.shape) else False
        strong = np.array([number in with_strength for number in range(len(self.kinds))], dtype=bool)
        return np.concatenate([touched.ravel(), strong])


def _days_inside(trace: Trace, on: np.ndarray | None) -> tuple[slice, np.ndarray]:
    """Where a trace lies among the days, and its shape there."""
    last = trace.start + len(trace.shape)
    if on is None:
        return slice(trace.start, last), trace.shape
    inside = slice(*np.searchsorted(on, [trace.start, last]))
    return inside, trace.shape[on[inside] - trace.start]


def upward(kind: str) -> list[str]:
    """The type itself and all above it, the nearest first."""
    parts = kind.split(".")
    return [".".join(parts[:depth]) for depth in range(len(parts), 0, -1)]


def window(kind: str, windows: Mapping[str, tuple[int, int]]) -> tuple[int, int]:
    """Days before and after of a type: its own, else its nearest parent's, else 3 and 7."""
    parts = kind.split(".")
    for depth in range(len(parts), 0, -1):
        if ".".join(parts[:depth]) in windows:
            return windows[".".join(parts[:depth])]
    return WINDOW


def reaches(events: pd.DataFrame, windows: Mapping[str, tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    """Days before and days after of each event."""
    reach = {str(kind): window(str(kind), windows) for kind in events["type"].unique()}
    before, after = (np.array([reach[str(kind)][at] for kind in events["type"]], dtype=int) for at in (0, 1))
    return before, after


def log_strengths(events: pd.DataFrame) -> dict[str, tuple[float, float]]:
    """Of each type the mean and the spread of the logarithm of its strength, where at least two events say it."""
    known = events.dropna(subset=["strength"])
    logs = np.log1p(known["strength"].clip(lower=0)).groupby(known["type"])
    return {str(kind): (float(part.mean()), float(part.std(ddof=0))) for kind, part in logs if len(part) > 1}


def event_shape(start: int, end: int, reach: tuple[int, int], days: int) -> tuple[int, np.ndarray]:
    """The first day of an event's window on the axis, and its days × SHAPES, from 0 to 1."""
    before, after = reach
    first, last = max(start - before, 0), min(end + after, days - 1)
    at = np.arange(first, last + 1)
    since, past = at - start, at - end
    found = np.zeros((len(at), len(SHAPES)), dtype=np.float32)
    lasts = end - start
    lies = dict(zip(SHAPES, found.T, strict=True))
    lies["during"][:] = (since >= 0) & (past <= 0)
    lies["first day"][:] = since == 0
    if lasts > 1:
        lies["later"][:] = np.where(lies["during"], since / lasts, 0)
    for away, knots, name in ((-since, _knots(BEFORE, before), "before"), (past, _knots(AFTER, after), "after")):
        for low, top, high in zip([0, *knots], knots, knots[1:], strict=False):
            lies[f"{top} {name}"][:] = np.interp(away, [low, top, high], [0, 1, 0]) * (away > 0)
    return first, found


def _knots(highest: tuple[int, ...], reach: int) -> list[int]:
    """Where pieces of a profile are highest within the window, and where it is over."""
    return [day for day in highest if day <= reach] + [reach + 1]


# Weather


def weather_regressors(days: pd.DatetimeIndex, origin: pd.Timestamp, table: pd.DataFrame) -> Known:
    """Of one place's weather (day, issued_on, measures), as it is known at the origin.

    Observed days up to the origin; beyond it the newest forecast issued by then; beyond that the mean of the same
    regressors around that day of earlier years, with their covariance.
    """
    table = table.assign(day=pd.to_datetime(table["day"])).reset_index(drop=True)
    issued = pd.to_datetime(table["issued_on"]) if "issued_on" in table else pd.Series(pd.NaT, index=table.index)
    measures = [name for name in MEASURES if name in table and table[name].notna().any()]
    observed = table[issued.isna() & (table["day"] <= origin)].groupby("day")[measures].mean()
    said = table[issued.notna() & (issued <= origin) & (table["day"] > origin)].assign(issued=issued)
    said = said.sort_values("issued").groupby("day")[measures].last()
    first = min(days[0], observed.index.min()) if len(observed) else days[0]
    every = pd.date_range(first, days[-1])
    whole = pd.concat([observed, said]).reindex(every)
    values, names = _features(whole.ffill(limit=2))
    seen = whole.notna().any(axis=1).to_numpy()
    unseen = ~seen & (every > origin)
    values[~seen & (every <= origin)] = np.nan
    filled, covariance = _climatology(values, every, every <= origin, unseen)
    _trust(filled, values, every, origin, seen)
    inside = every >= days[0]
    return Known(names, ("weather",) * len(names), filled[inside], unseen[inside], covariance)


def _trust(
    filled: np.ndarray, values: np.ndarray, days: pd.DatetimeIndex, origin: pd.Timestamp, seen: np.ndarray
) -> None:
    """Forecast days stay within what was ever observed, and far ones are drawn to the mean of the season.

    An effect is not known beyond the weather it was learned from, and a forecast two weeks ahead says half of what it
    seems to.
    """
    past = np.flatnonzero(seen & (days <= origin))
    coming = np.flatnonzero(seen & (days > origin))
    if not len(past) or not len(coming):
        return
    filled[coming] = np.clip(filled[coming], np.nanmin(values[past], axis=0), np.nanmax(values[past], axis=0))
    day_of_year = days.day_of_year.to_numpy()
    for at in coming:
        share = np.clip(1.5 - (days[at] - origin).days / TRUSTED_DAYS / 2, 0.3, 1.0)
        apart = np.abs(day_of_year[past] - day_of_year[at])
        near = past[np.minimum(apart, YEAR_DAYS - apart) <= NEIGHBOURS]
        if share < 1 and len(near):
            filled[at] = share * filled[at] + (1 - share) * np.nanmean(values[near], axis=0)


def _features(weather: pd.DataFrame) -> tuple[np.ndarray, tuple[str, ...]]:
    """What complaints follow, from the daily measures; 0 where a measure is missing."""
    found: dict[str, np.ndarray] = {}
    for name, unit in (("snow_cm", 1.0), ("rain_mm", 5.0)):
        if name in weather:
            fallen = np.nan_to_num(weather[name].to_numpy(float)).clip(min=0) / unit
            found[f"{name} today"] = np.log1p(fallen)
            for half_life in LINGER:
                found[f"{name} lingering {half_life:g}"] = np.log1p(_lingering(fallen, half_life))
    if "temperature_c" in weather:
        degrees = weather["temperature_c"].interpolate(limit_direction="both").fillna(10.0).to_numpy(float)
        before = pd.Series(degrees).shift(1).rolling(3, min_periods=1).mean().bfill().to_numpy()
        found["cold"] = np.clip(18.0 - degrees, 0, None) / 10
        found["frost"] = np.clip(-8.0 - degrees, 0, None) / 10
        found["heat"] = np.clip(degrees - 25.0, 0, None) / 5
        found["sudden cold"] = np.clip(before - degrees - 3.0, 0, None) / 5
        found["thaw"] = ((degrees > 0) & (before < 0)).astype(float)
        found["refreeze"] = ((degrees < 0) & (before > 0)).astype(float)
    if "wind_ms" in weather:
        found["wind"] = np.clip(np.nan_to_num(weather["wind_ms"].to_numpy(float)) - 8.0, 0, None) / 5
    return np.column_stack(list(found.values())) if found else np.zeros((len(weather), 0)), tuple(found)


def _lingering(fallen: np.ndarray, half_life: float) -> np.ndarray:
    """What has fallen and not gone yet, exponentially forgotten."""
    keep = 0.5 ** (1 / half_life)
    found = np.zeros(len(fallen))
    left = 0.0
    for day, amount in enumerate(fallen):
        left = left * keep + amount
        found[day] = left
    return found


def _climatology(
    values: np.ndarray, days: pd.DatetimeIndex, past: np.ndarray, unseen: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Fill days that are not known: from earlier years around the same day; and the covariance of what is left open."""
    known = past & ~np.isnan(values).any(axis=1)
    filled = np.nan_to_num(values)
    if not known.any() or not values.shape[1]:
        return filled, np.zeros((values.shape[1], values.shape[1]))
    day_of_year = days.day_of_year.to_numpy()
    residuals = []
    for position in np.flatnonzero(unseen | (past & ~known)):
        apart = np.abs(day_of_year - day_of_year[position])
        near = known & (np.minimum(apart, YEAR_DAYS - apart) <= NEIGHBOURS)
        near = near if near.any() else known
        filled[position] = values[near].mean(axis=0)
        if unseen[position]:
            residuals.append(np.cov(values[near].T, bias=True).reshape(values.shape[1], -1))
    return filled, np.mean(residuals, axis=0) if residuals else np.zeros((values.shape[1], values.shape[1]))
