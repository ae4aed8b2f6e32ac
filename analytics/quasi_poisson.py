"""Poisson regressions of many series at once on the same terms, drawn to zero by a prior; variance as it is found."""

from __future__ import annotations

import numpy as np

STEPS = 25  # of Newton's method at most
SMALLEST_STEP = 1e-4  # the one after it is its square
LARGEST_STEP = 1.5
LOWEST, HIGHEST = -8.0, 12.0  # logarithms of a day's mean
FARTHEST = 20.0  # squared standard deviations that one day adds to the dispersion at most


def fit(
    terms: np.ndarray,
    counts: np.ndarray,
    weights: np.ndarray,
    exposure: np.ndarray,
    spread: np.ndarray,
    start: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Level (series) and coefficients (series × terms) of log mean = level + terms · coefficients + log exposure.

    `terms`: days × terms, `counts` and `weights` (0 = not looked at): series × days, `exposure`: days, `spread`: series
    × terms, standard deviation of each coefficient's normal prior around 0. The level is the logarithm of the weighted
    mean: a constant, if wanted, is among the terms. `start`: coefficients to begin from. Newton's method (iteratively
    reweighted least squares, McCullagh and Nelder 1989); each series until it stands still, whatever the others do.
    """
    series, number = len(counts), terms.shape[1]
    upper = np.triu_indices(number)
    pairs = terms[:, upper[0]] * terms[:, upper[1]]
    whole = np.maximum(weights @ exposure, 1.0)
    level = np.log((counts * weights).sum(axis=1) / whole + 0.01)
    coefficients = np.zeros((series, number)) if start is None else start.copy()
    precision = 1.0 / spread**2
    diagonal = np.arange(number)
    moving = np.arange(series)
    observed = (weights * counts) @ terms
    for _ in range(STEPS):
        mean = weights[moving] * predict(terms, level[moving], coefficients[moving], exposure)
        slope = observed[moving] - mean @ terms - coefficients[moving] * precision[moving]
        bend = np.empty((len(moving), number, number))
        bend[:, upper[0], upper[1]] = bend[:, upper[1], upper[0]] = mean @ pairs
        bend[:, diagonal, diagonal] += precision[moving]
        step = np.linalg.solve(bend, slope[:, :, None])[:, :, 0]
        coefficients[moving] += np.clip(step, -LARGEST_STEP, LARGEST_STEP)
        moving = moving[np.abs(step).max(axis=1) >= SMALLEST_STEP]
        if not len(moving):
            break
    return level, coefficients


def predict(terms: np.ndarray, level: np.ndarray, coefficients: np.ndarray, exposure: np.ndarray) -> np.ndarray:
    """Series × days: the means."""
    logarithm = level[:, None] + coefficients @ terms.T
    np.clip(logarithm, LOWEST, HIGHEST, out=logarithm)
    np.exp(logarithm, out=logarithm)
    logarithm *= exposure
    return logarithm


def dispersion(counts: np.ndarray, mean: np.ndarray, weights: np.ndarray, believed: float = 0.0) -> np.ndarray:
    """Variance over mean of each series, at least 1; `believed`: days' worth of belief in 1."""
    squares = np.minimum((counts - mean) ** 2 / np.maximum(mean, 0.05), FARTHEST)
    return np.maximum(
        ((squares * weights).sum(axis=1) + believed) / np.maximum(weights.sum(axis=1) + believed, 1.0), 1.0
    )
