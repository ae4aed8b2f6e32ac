"""Events and weather as regressors: what is known of them at an origin, for each day and place of a panel.

An event is a shape over its window: rising before, its first day, while it lasts, and two stretches after, nothing at
both ends. Each shape stands for its type and for every type above it in the tree, so that a type seen seldom, or
never, leans on its parents (hierarchical coding of a ridge regression). Weather is what complaints are known to follow:
snow and rain that linger for days, frost, heat, a sudden cold, thaw and refreeze, wind.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

SHAPES = ("before", "first_day", "during", "after", "long_after")
WINDOW = (3, 7)  # days before and after, of a type that says nothing
LINGER = (1.0, 3.0, 7.0)  # half-lives in days of what has fallen
NEIGHBOURS = 15  # days of the year on each side that climatology is taken from
NEW_TYPE = 0.7  # standard deviation of the log effect of a type never seen
WORTH = 4.0  # of one event of the type, against that
MEASURES = ("temperature_c", "rain_mm", "snow_cm", "wind_ms")


@dataclass(frozen=True)
class Known:
    """Regressors of one place: values (days × names); doubt: the variance that events add (days), logarithmic.

    `covariance`: of the weather's regressors on days that neither observation nor forecast reaches (`unseen`).
    """

    names: tuple[str, ...]
    groups: tuple[str, ...]
    values: np.ndarray
    doubt: np.ndarray
    unseen: np.ndarray
    covariance: np.ndarray


@dataclass(frozen=True)
class Drivers:
    """Known events and weather (tables as in the store); `windows`: days before and after for types that say so."""

    events: pd.DataFrame | None = None
    weather: pd.DataFrame | None = None
    windows: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def any(self) -> bool:
        """Is there anything to know?"""
        return any(table is not None and len(table) for table in (self.events, self.weather))

    def usable_events(self, origin: pd.Timestamp) -> pd.DataFrame:
        """Those known at the origin and not cancelled; days as datetime64, empty texts for all."""
        if self.events is None or not len(self.events):
            return pd.DataFrame(columns=["id", "type", "starts_on", "ends_on", "region", "topic", "strength"])
        found = self.events.copy()
        for name in ("starts_on", "ends_on", "known_since"):
            found[name] = pd.to_datetime(found[name]) if name in found else pd.NaT
        found["ends_on"] = found["ends_on"].fillna(found["starts_on"])
        found["known_since"] = found["known_since"].fillna(found["starts_on"])
        for name in ("region", "topic"):
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
    """Every type of these events and every type above them."""
    found = {
        ".".join(parts[: n + 1]) for parts in (str(t).split(".") for t in events["type"]) for n in range(len(parts))
    }
    return sorted(found)


def event_regressors(
    days: pd.DatetimeIndex, events: pd.DataFrame, drivers: Drivers, kinds: list[str], strengths: Mapping[str, tuple]
) -> tuple[np.ndarray, np.ndarray]:
    """values (days × kinds × shapes, then days × kinds of strength) and doubt (days) of these events together.

    Events of one type that overlap count once where they are strongest: the greatest of their shapes.
    """
    values = np.zeros((len(days), len(kinds), len(SHAPES)))
    slope = np.zeros((len(days), len(kinds)))
    doubt = np.zeros(len(days))
    row = {kind: number for number, kind in enumerate(kinds)}
    for event in events.itertuples(index=False):
        before, after = window(str(event.type), drivers.windows)
        shape = _shape(days, event.starts_on, event.ends_on, before, after)
        inside = shape.max(axis=1) > 0
        if not inside.any():
            continue
        parts = str(event.type).split(".")
        for depth in range(1, len(parts) + 1):
            at = row[".".join(parts[:depth])]
            values[:, at] = np.maximum(values[:, at], shape)
        middle, spread = strengths.get(str(event.type), (0.0, 0.0))
        if spread > 0 and pd.notna(event.strength):
            size = (np.log1p(max(float(event.strength), 0.0)) - middle) / spread
            slope[:, row[str(event.type)]] += np.clip(size, -2.5, 2.5) * shape.max(axis=1)
        doubt = np.maximum(doubt, _doubt(events, event) * shape.max(axis=1) ** 2)
    return np.concatenate([values.reshape(len(days), -1), slope], axis=1), doubt


def window(kind: str, windows: Mapping[str, tuple[int, int]]) -> tuple[int, int]:
    """Days before and after of a type: its own, else its nearest parent's, else 3 and 7."""
    parts = kind.split(".")
    for depth in range(len(parts), 0, -1):
        if ".".join(parts[:depth]) in windows:
            return windows[".".join(parts[:depth])]
    return WINDOW


def strengths_of(events: pd.DataFrame) -> dict[str, tuple[float, float]]:
    """Of each type the mean and the spread of the logarithm of its strength, where at least two events say it."""
    known = events.dropna(subset=["strength"])
    logs = np.log1p(known["strength"].clip(lower=0)).groupby(known["type"])
    return {str(kind): (float(part.mean()), float(part.std(ddof=0))) for kind, part in logs if len(part) > 1}


def _doubt(events: pd.DataFrame, event: object) -> float:
    """Variance of the log effect of an event's type, less the more of them were seen."""
    seen = int(((events["type"] == event.type) & (events["ends_on"] < event.starts_on)).sum())  # type: ignore[attr-defined]
    return NEW_TYPE**2 / (1 + WORTH * seen)


def _shape(
    days: pd.DatetimeIndex, starts_on: pd.Timestamp, ends_on: pd.Timestamp, before: int, after: int
) -> np.ndarray:
    """Days × SHAPES, from 0 to 1."""
    since, past = (days - starts_on).days.to_numpy(), (days - ends_on).days.to_numpy()
    found = np.zeros((len(days), len(SHAPES)))
    if before:
        found[:, 0] = np.where((since < 0) & (since >= -before), 1 - (-since - 1) / before, 0)
    found[:, 1] = since == 0
    found[:, 2] = (since > 0) & (past <= 0)
    if after:
        third = max(after / 3, 1.0)
        found[:, 3] = np.where(past > 0, np.clip(1 - (past - 1) / (2 * third), 0, 1), 0)
        found[:, 4] = np.where(
            (past > 0) & (past <= after), np.clip(1 - np.abs(past - 2 * third) / (2 * third), 0, 1), 0
        )
    return found


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
    inside = every >= days[0]
    return Known(names, ("weather",) * len(names), filled[inside], np.zeros(len(days)), unseen[inside], covariance)


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
        near = known & (np.minimum(apart, 365 - apart) <= NEIGHBOURS)
        near = near if near.any() else known
        filled[position] = values[near].mean(axis=0)
        if unseen[position]:
            residuals.append(np.cov(values[near].T, bias=True).reshape(values.shape[1], -1))
    return filled, np.mean(residuals, axis=0) if residuals else np.zeros((values.shape[1], values.shape[1]))
