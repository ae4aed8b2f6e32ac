"""The usual weather of a day of the year, from what was observed so far."""

from __future__ import annotations

import numpy as np
import pandas as pd

KERNEL_DAYS = 12.0  # standard deviation of the circular Gaussian that smooths over days of the year
OVERALL_WEIGHT = 1.0  # days of the overall mean and variance that are mixed in: all there is of an unseen season
DAYS_OF_YEAR = 366


def climatology(
    history: np.ndarray, history_days: pd.DatetimeIndex, days: pd.DatetimeIndex
) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation by place, day and measure, from places × history days × measures (nan = unknown).

    Moments of each day of the year, smoothed by a circular kernel (as the smoothed climatologies that weather
    forecasts are verified against; Wilks, Statistical Methods in the Atmospheric Sciences, ch. 9). nan where a place
    never had the measure.
    """
    known = ~np.isnan(history)
    filled = np.where(known, history, 0.0)
    weights = _kernel(days)
    count, first, second = (_smoothed(part, history_days, weights) for part in (known, filled, filled**2))
    size = known.sum(axis=1)[:, None]
    with np.errstate(invalid="ignore", divide="ignore"):
        mean_of_all = filled.sum(axis=1)[:, None] / size
        square_of_all = (filled**2).sum(axis=1)[:, None] / size
    mean = (first + OVERALL_WEIGHT * mean_of_all) / (count + OVERALL_WEIGHT)
    square = (second + OVERALL_WEIGHT * square_of_all) / (count + OVERALL_WEIGHT)
    return mean, np.sqrt(np.maximum(square - mean**2, 0))


def _kernel(days: pd.DatetimeIndex) -> np.ndarray:
    """Days × days of the year."""
    apart = np.abs(days.day_of_year.to_numpy()[:, None] - 1 - np.arange(DAYS_OF_YEAR))
    apart = np.minimum(apart, DAYS_OF_YEAR - apart)
    return np.exp(-0.5 * (apart / KERNEL_DAYS) ** 2)


def _smoothed(values: np.ndarray, days: pd.DatetimeIndex, weights: np.ndarray) -> np.ndarray:
    """Sums over the history by day of the year, weighted for each day that is asked for."""
    sums = np.zeros((DAYS_OF_YEAR, len(values), values.shape[-1]))
    np.add.at(sums, days.day_of_year.to_numpy() - 1, values.swapaxes(0, 1).astype(float))
    return (weights @ sums.reshape(DAYS_OF_YEAR, -1)).reshape(len(weights), *sums.shape[1:]).swapaxes(0, 1)
