"""Where complaints will spike: thresholds frozen at the origin, and the probability that a day reaches them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import numpy as np
import pandas as pd

from analytics.almanac import Almanac
from analytics.drivers import Drivers
from analytics.errors import BadInput
from analytics.forecast import Engine, probability
from analytics.panel import Panel

YEAR = 364  # days: whole weeks
HIGH = 0.95  # quantile of the year's days
TIMES_MEDIAN = 1.5
LEAST = 3.0  # complaints: fewer are no spike
KINDS = ("year", "season")
WEEK = 7
SEASON_LEVEL = "0.95"  # quantile of the series' own forecast
SEASON_DEVIATIONS = 2.0
Report = Callable[[float, str], None]


def year_thresholds(panel: Panel, days: int = 1) -> np.ndarray:
    """For each series the least count that is a spike: max(3, 0.95 quantile, 1.5 × median) of the last 364 days.

    Rounded up. `days`: 1 for a day, 7 for the sum of a week (of weeks that begin on any day). Unknown days are left
    out; a series with none known gets 3.
    """
    counts = panel.counts[:, -YEAR:].astype(float)
    if days > 1:
        width = min(days, counts.shape[1])
        counts = np.lib.stride_tricks.sliding_window_view(counts, width, axis=1).sum(axis=2)
    known = ~np.isnan(counts).all(axis=1)
    high, middle = np.full(len(counts), LEAST), np.zeros(len(counts))
    high[known] = np.nanquantile(counts[known], HIGH, axis=1)
    middle[known] = np.nanmedian(counts[known], axis=1)
    return np.ceil(np.maximum(np.maximum(high, TIMES_MEDIAN * middle), LEAST) - 1e-9)


def spikes(
    panel: pd.DataFrame | Panel,
    horizon: int = 7,
    *,
    threshold: str = "year",
    almanac: Almanac | None = None,
    drivers: Drivers | None = None,
    end: date | None = None,
    report: Report | None = None,
) -> pd.DataFrame:
    """day, region, [municipality], topic, threshold, expected, probability: for each day ahead and series of a panel.

    `expected` is the mean; `probability` that the day's count reaches the threshold, which knows nothing after the
    origin. Threshold "year": see `year_thresholds`; "season": the 0.95 quantile of the series' own forecast (weekday
    and season are in it), at least 3 and at least 2 standard deviations of a Poisson count above the mean. Raises
    BadInput as `forecast.forecast`, and for an unknown threshold.
    """
    if threshold not in KINDS:
        raise BadInput("threshold", "The threshold is {known}, not {given}.", known=" or ".join(KINDS), given=threshold)
    engine = Engine(panel, horizon, almanac=almanac, drivers=drivers, end=end, report=report)
    ahead = engine.forecast("bottom")
    if threshold == "year":
        least = np.repeat(year_thresholds(engine.panel), horizon)
    else:
        usual = ahead["mean"] + SEASON_DEVIATIONS * np.sqrt(ahead["mean"])
        least = np.ceil(np.maximum(np.maximum(ahead[SEASON_LEVEL] + 1, usual), LEAST)).to_numpy()
    found = ahead[["day", *engine.panel.keys]].assign(threshold=least.astype("int64"), expected=ahead["mean"])
    found.attrs = {}
    return found.assign(probability=probability(ahead, least)["probability"])
