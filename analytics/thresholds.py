"""From which count on a day, or a week, is a spike: known at the origin and frozen there."""

from __future__ import annotations

import numpy as np

YEAR = 364  # days: whole weeks
HIGH = 0.95  # quantile of the year's days
TIMES_MEDIAN = 1.5
LEAST = 3.0  # complaints: fewer are no spike


def year_thresholds(counts: np.ndarray, days: int = 1) -> np.ndarray:
    """For each row of `counts` (series × days) the least that is a spike.

    The greatest of 3, the 0.95 quantile and 1.5 × the median of the last 364 days, rounded up. `days`: 1 for a day, 7
    for the sum of a week (of weeks that begin on any day). Unknown days are left out; a series with none known gets 3.
    """
    counts = counts[:, -YEAR:].astype(float)
    if days > 1:
        width = min(days, counts.shape[1])
        counts = np.lib.stride_tricks.sliding_window_view(counts, width, axis=1).sum(axis=2)
    known = ~np.isnan(counts).all(axis=1)
    high, middle = np.full(len(counts), LEAST), np.zeros(len(counts))
    if known.any():
        high[known], middle[known] = _quantiles(counts[known], (HIGH, 0.5))
    return np.ceil(np.maximum(np.maximum(high, TIMES_MEDIAN * middle), LEAST) - 1e-9)


def _quantiles(counts: np.ndarray, levels: tuple[float, ...]) -> list[np.ndarray]:
    """Quantiles of the known days of each row, each having some; np.nanquantile says the same, row by row."""
    ordered = np.sort(counts, axis=1)  # nan last
    last = (~np.isnan(counts)).sum(axis=1) - 1
    rows, found = np.arange(len(counts)), []
    for level in levels:
        place = level * last
        low = np.floor(place).astype(int)
        below, above = ordered[rows, low], ordered[rows, np.minimum(low + 1, last)]
        found.append(below + (above - below) * (place - low))
    return found
