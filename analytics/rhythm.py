"""Effects of weekdays, days off and month ends on counts, fitted to many series at once with a common prior.

A penalised quasi-Poisson regression with a log link (McCullagh and Nelder 1989): the level is a chain of straight
pieces of 30 days whose steps are held small, so that growth and season do not leak into the weekday's effects; the
effects are drawn to those of the wider group (the topic of all regions, then the topic of the region): partial pooling.
"""

from __future__ import annotations

import numpy as np
import scipy

PIECE = 30  # days between the knots of the level
STEP = 0.12  # standard deviation of a level's logarithmic change from knot to knot
LONGEST = 1461  # older days say little about today's weeks
BATCH = 32
NEWTON_STEPS = 8
FEWEST = 100  # complaints below which a series takes its group's effects as they are


def fit_effects(
    counts: np.ndarray,
    regressors: np.ndarray,
    freedom: np.ndarray,
    prior: np.ndarray,
    *,
    scale: float = 1.0,
    offset: np.ndarray | None = None,
) -> np.ndarray:
    """Effects (series × regressors, logarithms) of `counts` (series × days, nan = unknown).

    `prior` (series × regressors): the wider group's effects; `freedom`: how far an effect may lie from it (standard
    deviation), times `scale`. A series with fewer than 100 complaints keeps the prior. `offset` (series × days): the
    logarithm of what is known to multiply the counts already.
    """
    counts, regressors = counts[:, -LONGEST:], regressors[-LONGEST:].astype(float)
    effects = np.array(prior, dtype=float)
    rows = np.flatnonzero(np.nan_to_num(counts).sum(axis=1) >= FEWEST)
    if not regressors.shape[1] or not len(rows):
        return effects
    known = ~np.isnan(counts[rows])
    values = np.where(known, counts[rows], 0.0).astype(float)
    driven = np.zeros_like(values) if offset is None else offset[rows, -LONGEST:]
    knots = _knots(values.shape[1])
    design = np.hstack([knots, regressors])
    products = _products(design)
    penalty = _penalty(knots.shape[1], freedom * scale)
    weight = known / overdispersion(values, known * np.exp(driven))[:, None]
    for start in range(0, len(rows), BATCH):
        batch = slice(start, start + BATCH)
        effects[rows[batch]] = _newton(
            values[batch], weight[batch], design, products, penalty, effects[rows[batch]], driven[batch]
        )
    return effects


def overdispersion(values: np.ndarray, exposure: np.ndarray) -> np.ndarray:
    """Variance over mean around a smooth level (half-life 30 days), from 1 to 50, for each series; 0: unknown."""
    known = exposure > 0
    level = smooth(values, exposure, 30) * exposure
    squares = np.where(known, (values - level) ** 2 / np.maximum(level, 1e-3), 0.0)
    return np.clip(squares.sum(axis=1) / np.maximum(known.sum(axis=1), 1), 1.0, 50.0)


def smooth(values: np.ndarray, exposure: np.ndarray, half_life: float, least: float = 0.0) -> np.ndarray:
    """Two-sided exponentially weighted sum of `values` over that of `exposure`, each day (series × days)."""
    reach = min(int(6 * half_life), values.shape[1])
    kernel = 0.5 ** (np.abs(np.arange(-reach, reach + 1)) / half_life)
    above, below = convolved(values, kernel), convolved(exposure, kernel)
    return (above + least) / (below + max(least, 1e-3))


def convolved(values: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """`values` (series × days, 0 or more) with a kernel around each day, 0 beyond the ends, by Fourier transforms.

    As scipy.signal.fftconvolve in its mode "same"; that module alone takes a second to load.
    """
    days = values.shape[1]
    size = scipy.fft.next_fast_len(days + len(kernel) - 1, real=True)
    spectrum = scipy.fft.rfft(values, size, axis=1) * scipy.fft.rfft(kernel, size)
    whole = scipy.fft.irfft(spectrum, size, axis=1)
    start = (len(kernel) - 1) // 2
    return np.maximum(whole[:, start : start + days], 0.0)


def _knots(days: int) -> np.ndarray:
    """Hat functions (days × knots); the last knot is the last day."""
    pieces = max(int(np.ceil((days - 1) / PIECE)), 1)
    position = (np.arange(days) - (days - 1)) / PIECE + pieces
    return np.maximum(0.0, 1.0 - np.abs(position[:, None] - np.arange(pieces + 1)))


def _penalty(knots: int, freedom: np.ndarray) -> np.ndarray:
    steps = np.diff(np.eye(knots), axis=0) / STEP
    penalty = np.diag(np.concatenate([np.full(knots, 1e-4), freedom**-2.0]))
    penalty[:knots, :knots] += steps.T @ steps
    return penalty


def _products(design: np.ndarray) -> scipy.sparse.csr_array:
    """Pairs of columns × days: their products, of which nearly all are 0; times the weights, all curvatures at once."""
    day, column = np.nonzero(design)
    value = design[day, column]
    inside = np.bincount(day, minlength=len(design))  # columns that are not 0, by day
    first = np.cumsum(inside) - inside
    left = np.repeat(np.arange(len(day)), inside[day])
    right = np.arange(len(left)) - np.repeat(np.cumsum(inside[day]) - inside[day], inside[day]) + first[day[left]]
    pair = column[left] * design.shape[1] + column[right]
    return scipy.sparse.csr_array((value[left] * value[right], (pair, day[left])), (design.shape[1] ** 2, len(design)))


def _newton(
    values: np.ndarray,
    weight: np.ndarray,
    design: np.ndarray,
    products: scipy.sparse.csr_array,
    penalty: np.ndarray,
    prior: np.ndarray,
    driven: np.ndarray,
) -> np.ndarray:
    """The effects where the penalised likelihood is greatest, without the level."""
    effects = prior.shape[1]
    exposure = np.maximum((np.exp(driven) * (weight > 0)).sum(axis=1), 1e-9)
    level = np.log(np.maximum((values * (weight > 0)).sum(axis=1) / exposure, 1e-3))
    centre = np.hstack([np.repeat(level[:, None], design.shape[1] - effects, axis=1), prior])
    theta = centre.copy()
    for _ in range(NEWTON_STEPS):
        mean = weight * np.exp(np.clip(theta @ design.T + driven, -12.0, 14.0))
        gradient = (weight * values - mean) @ design - (theta - centre) @ penalty
        curvature = (products @ mean.T.copy()).T.reshape(len(mean), *penalty.shape) + penalty
        step = np.linalg.solve(curvature, gradient[..., None])[..., 0]
        theta += step * np.minimum(1.0, 2.0 / np.maximum(np.abs(step).max(axis=1, keepdims=True), 1e-9))
        if np.abs(step).max() < 1e-3:
            break
    return theta[:, -effects:]
