"""Ways to forecast that a backtest sets side by side: the engine, and what a user would take instead of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from analytics import negative_binomial as counts_of
from analytics.almanac import Almanac
from analytics.distribution import LEVELS, QUANTILES, Distribution, calibrated
from analytics.drivers import Drivers
from analytics.forecast import Engine
from analytics.panel import Panel, total_counts, totals

SAME_WEEKDAYS = 13


@dataclass(frozen=True)
class Task:
    """What a method is given at one origin: nothing of it is later than the origin.

    (`drivers` may hold more; of them only what was known at the origin may be used, and the engine uses only that.)

    `series`: the panel's own series, then all totals; `counts`: these × days, nan = unknown.
    """

    panel: Panel
    horizon: int
    almanac: Almanac = field(default_factory=Almanac)
    drivers: Drivers = field(default_factory=Drivers)
    series: pd.DataFrame = field(init=False)
    counts: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        """Add the totals to the panel's own series."""
        above = totals(self.panel)
        counts = [self.panel.counts, *(total_counts(level, self.panel.counts) for level in above)]
        series = pd.concat([self.panel.series, *(level.series for level in above)], ignore_index=True)
        object.__setattr__(self, "series", series)
        object.__setattr__(self, "counts", np.vstack(counts))

    @property
    def origin(self) -> pd.Timestamp:
        """The last day that is known."""
        return self.panel.days[-1]


@dataclass(frozen=True)
class Ahead:
    """What a method says: `values` (series of the task × days ahead × [mean, 13 quantiles]).

    `at_most`: counts (series × days ahead) -> P(Y ≤ counts), where the method knows more than its quantiles.
    """

    values: np.ndarray
    at_most: Callable[[np.ndarray], np.ndarray] | None = None


Method = Callable[[Task], Ahead]


def forerunner(task: Task) -> Ahead:
    """The engine of this product (`analytics.forecast`)."""
    found = Engine(task.panel, task.horizon, almanac=task.almanac, drivers=task.drivers).forecast()
    shape: Distribution = found.attrs["distribution"]

    def at_most(counts: np.ndarray) -> np.ndarray:
        raw = counts_of.at_most(np.floor(counts).ravel(), shape.mean, shape.dispersion)
        return calibrated(raw, shape.calibration[shape.cell]).reshape(counts.shape)

    return Ahead(found[["mean", *QUANTILES]].to_numpy().reshape(-1, task.horizon, 1 + len(LEVELS)), at_most)


def last_13(task: Task) -> Ahead:
    """Mean and quantiles of the last 13 same weekdays that are known at the origin."""
    days = task.counts.shape[1]
    found = np.zeros((len(task.counts), task.horizon, 1 + len(LEVELS)))
    for ahead in range(task.horizon):
        last = days + ahead - 7 * (ahead // 7 + 1)
        same = task.counts[:, last - 7 * np.arange(min(SAME_WEEKDAYS, last // 7 + 1))]
        found[:, ahead, 0], found[:, ahead, 1:] = _known_mean(same), known_quantiles(same)
    return Ahead(found)


def seasonal_naive(task: Task) -> Ahead:
    """The last known count of the same weekday; quantiles from the errors that it would have made in the past."""
    days = task.counts.shape[1]
    filled = _last_known(task.counts)
    found = np.zeros((len(task.counts), task.horizon, 1 + len(LEVELS)))
    for week in range(-(-task.horizon // 7)):
        lag = 7 * (week + 1)
        spread = known_quantiles(task.counts[:, lag:] - filled[:, : days - lag])
        for ahead in range(7 * week, min(7 * week + 7, task.horizon)):
            point = filled[:, days + ahead - lag]
            found[:, ahead, 0], found[:, ahead, 1:] = point, np.maximum(point[:, None] + spread, 0.0)
    return Ahead(found)


def known_quantiles(values: np.ndarray, levels: tuple[float, ...] = LEVELS) -> np.ndarray:
    """Quantiles of the known values of each row, linear between them (rows × levels); 0 where none is known."""
    ordered = np.sort(values, axis=1)  # unknown ones last
    known = (~np.isnan(values)).sum(axis=1)
    position = np.array(levels) * np.maximum(known - 1, 0)[:, None]
    low = position.astype(int)
    high = np.minimum(low + 1, np.maximum(known - 1, 0)[:, None])
    below, above = np.take_along_axis(ordered, low, axis=1), np.take_along_axis(ordered, high, axis=1)
    return np.where(known[:, None] > 0, below + (position - low) * (above - below), 0.0)


def _known_mean(values: np.ndarray) -> np.ndarray:
    known = ~np.isnan(values)
    return np.where(known, values, 0.0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)


def _last_known(counts: np.ndarray) -> np.ndarray:
    """Unknown days take the count of the same weekday before, 0 if there is none."""
    filled = counts.astype(float)
    for day in range(7, counts.shape[1]):
        filled[:, day] = np.where(np.isnan(filled[:, day]), filled[:, day - 7], filled[:, day])
    return np.nan_to_num(filled)


METHODS: dict[str, Method] = {"forerunner": forerunner, "last_13": last_13, "seasonal_naive": seasonal_naive}
