"""How far a forecast was from what happened: scores of single days, and where in the distribution a day fell.

Arrays are series × days, quantiles series × days × 13. A day whose count is unknown (nan) scores nan.
"""

from __future__ import annotations

import numpy as np

from analytics.distribution import LEVELS

SEASON = 7  # days: the seasonal naive forecast that errors are scaled by
EDGES = (*LEVELS[:4], 0.25, *LEVELS[4:9], 0.75, *LEVELS[9:])  # those of the 13 quantiles and of the 50 % interval
INTERVALS = {50: (0.25, 0.75), 80: (0.1, 0.9), 95: (0.025, 0.975)}


def quantile_loss(actual: np.ndarray, quantiles: np.ndarray) -> np.ndarray:
    """Twice the pinball loss, averaged over the 13 levels, in complaints (Koenker and Bassett 1978; GIFT-Eval 2024)."""
    return _pinball(actual, quantiles).mean(axis=-1)


def crps(actual: np.ndarray, quantiles: np.ndarray) -> np.ndarray:
    """Continuous ranked probability score in complaints: the integral of twice the pinball loss over the levels.

    From the 13 quantiles for every method, also where the whole distribution is known: by trapezia, the loss at the
    levels 0 and 1 being 0 (Gneiting and Ranjan 2011). It is close to the exact score, and alike for all.
    """
    levels = np.concatenate([[0.0], LEVELS, [1.0]])
    width = (levels[2:] - levels[:-2]) / 2  # of the trapezia beside each level
    return _pinball(actual, quantiles) @ width


def naive_scales(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean absolute and mean squared error, in sample, of the count of a week before: what MASE and RMSSE divide by.

    `counts`: series × days up to the origin (Hyndman and Koehler 2006; the M5 competition). 0 where nothing is known.
    """
    steps = counts[:, SEASON:] - counts[:, :-SEASON]
    known = ~np.isnan(steps)
    steps, number = np.where(known, steps, 0.0).astype(float), np.maximum(known.sum(axis=1), 1)
    return np.abs(steps).sum(axis=1) / number, (steps**2).sum(axis=1) / number


def transform(below: np.ndarray, at_most: np.ndarray, chance: np.ndarray) -> np.ndarray:
    """Randomised probability integral transform: uniform on 0 … 1 if the forecast distribution is true.

    `below`: P(Y < y), `at_most`: P(Y ≤ y), `chance`: uniform (Czado, Gneiting and Held 2009).
    """
    return below + (at_most - below) * chance


def transform_by_quantiles(actual: np.ndarray, quantiles: np.ndarray, chance: np.ndarray) -> np.ndarray:
    """The same where only quantiles are known: even between the lowest and highest level whose quantile is y.

    Between two quantiles it is linear, beyond the outermost even over what is left. A count of 0 has nothing below it:
    where the lowest quantiles are 0 the transform begins at 0.
    """
    y = actual[..., None]
    levels = np.concatenate([[0.0], LEVELS, [1.0]])
    under, reached = (quantiles < y).sum(axis=-1), (quantiles <= y).sum(axis=-1)
    is_equal = reached > under
    low, high = levels[under], levels[np.minimum(under + 1, len(levels) - 1)]
    inside = (under > 0) & (under < len(LEVELS)) & ~is_equal
    before = np.take_along_axis(quantiles, np.maximum(under - 1, 0)[..., None], axis=-1)[..., 0]
    after = np.take_along_axis(quantiles, np.minimum(under, len(LEVELS) - 1)[..., None], axis=-1)[..., 0]
    share = np.where(inside, (actual - before) / np.where(inside, after - before, 1.0), chance)
    start = np.where((under == 0) & (actual == 0), 0.0, levels[np.minimum(under + 1, len(levels) - 1)])
    found = np.where(is_equal, start + (levels[reached] - start) * chance, low + (high - low) * share)
    return np.where(np.isnan(actual), np.nan, found)


def _pinball(actual: np.ndarray, quantiles: np.ndarray) -> np.ndarray:
    miss = actual[..., None] - quantiles
    levels = np.array(LEVELS)
    return 2.0 * np.maximum(levels * miss, (levels - 1.0) * miss)
