"""Over-dispersed counts: the negative binomial with variance m + a·m², its dispersion a learned with shrinkage."""

from __future__ import annotations

from functools import cache

import numpy as np
import scipy

GRID = np.geomspace(0.0005, 12.0, 22)  # dispersions that are weighed against each other
FINE = 0.01  # relative step at which means below LARGE are rounded
LARGE = 30.0
EVIDENCE = 60.0  # errors of days in a row are alike: more of them than this say no more
COUNTED, MOST_STEPS = 12.0, 80  # means up to which quantiles are found by counting up, and how far
BLOCK = 1 << 15  # rows at a time: they stay in the processor's cache
LOOKED_UP = 255  # counts up to which a logarithm of the gamma function is looked up


def at_most(counts: np.ndarray, mean: np.ndarray, dispersion: np.ndarray) -> np.ndarray:
    """P(Y ≤ counts)."""
    size = 1.0 / dispersion
    found = scipy.special.betainc(size, np.maximum(counts, 0.0) + 1.0, size / (size + np.maximum(mean, 1e-9)))
    return np.where(counts < 0, 0.0, found)


def rounded(mean: np.ndarray) -> np.ndarray:
    """Small means rounded to 1 %, which no whole count can tell: equal cases are then looked up once."""
    return np.where(mean < LARGE, np.exp(np.round(np.log(np.maximum(mean, 1e-6)) / FINE) * FINE), mean)


def quantiles(levels: np.ndarray, mean: np.ndarray, dispersion: np.ndarray) -> np.ndarray:
    """The least whole count with P(Y ≤ count) ≥ level: `levels` (n × k, or k), `mean` and `dispersion` (n) -> n × k."""
    levels = np.broadcast_to(levels, (len(mean), levels.shape[-1]))
    found = np.empty(levels.shape)
    small = mean <= COUNTED
    for start in range(0, len(mean), BLOCK):
        part = slice(start, start + BLOCK)
        few, many = start + np.flatnonzero(small[part]), start + np.flatnonzero(~small[part])
        left = few[_count_up(levels[few], mean[few], dispersion[few], few, found)]
        rest = np.sort(np.concatenate([many, left]))
        found[rest] = _invert(levels[rest], mean[rest], dispersion[rest])
    return found


def _count_up(
    levels: np.ndarray, mean: np.ndarray, dispersion: np.ndarray, rows: np.ndarray, found: np.ndarray
) -> np.ndarray:
    """Quantiles of small means into `found[rows]`, by adding up P(Y = 0, 1, 2 …); those that need too many are left.

    P(k + 1) = P(k) · (k + size) / (k + 1) · mean / (size + mean).
    """
    order = np.arange(len(rows))
    size = 1.0 / dispersion
    step = mean / (size + mean)
    at = np.exp(-size * np.log1p(mean * dispersion))
    reached = at.copy()
    counts = np.zeros(levels.shape)
    for count in range(MOST_STEPS):
        below = reached[:, None] < levels
        counts += below
        open_rows = below.any(axis=1)
        if not open_rows.all():
            found[rows[order[~open_rows]]] = counts[~open_rows]
            order, size, step, at, reached, counts, levels = (
                one[open_rows] for one in (order, size, step, at, reached, counts, levels)
            )
        if not len(order):
            break
        at = at * (count + size) / (count + 1.0) * step
        reached = reached + at
    return order


def _invert(levels: np.ndarray, mean: np.ndarray, dispersion: np.ndarray) -> np.ndarray:
    """Quantiles of any means: a close guess, and then the least count that holds."""
    cases, which = np.unique(np.column_stack([mean, dispersion, levels]), axis=0, return_inverse=True)
    size = (1.0 / cases[:, 1])[:, None]
    chance = size / (size + cases[:, :1])
    guess = scipy.special.nbdtrik(cases[:, 2:], size, chance)
    guess = np.where(np.isfinite(guess), np.maximum(np.ceil(guess - 1e-9), 0.0), 0.0)
    # nbdtrik is exact to some digits only: step to the least count that holds.
    low = scipy.special.betainc(size, np.maximum(guess - 1.0, 0.0) + 1.0, chance)
    guess = np.where((guess > 0) & (low >= cases[:, 2:]), guess - 1.0, guess)
    guess = np.where(scipy.special.betainc(size, guess + 1.0, chance) < cases[:, 2:], guess + 1.0, guess)
    return guess[which.reshape(-1)]


def evidence(counts: np.ndarray, mean: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Log-likelihood of each dispersion of GRID for each series; all three arguments series × cases.

    Up to what does not depend on the dispersion. log Γ(count + size) - log Γ(size) of small counts is looked up.
    """
    whole = np.minimum(counts, LOOKED_UP).astype(np.intp)
    large = counts > LOOKED_UP
    mean = np.maximum(mean, 1e-9)
    found = np.empty((len(counts), len(GRID)))
    for number, dispersion in enumerate(GRID):
        size = 1.0 / dispersion
        rising = _rising()[number][whole]
        if large.any():
            rising[large] = scipy.special.gammaln(counts[large] + size) - scipy.special.gammaln(size)
        # (size + count) · log(size + mean) as log(1 + mean / size): exact where size is large and the mean small
        odds = (counts + size) * np.log1p(mean * dispersion) + counts * np.log(size)
        found[:, number] = np.einsum("sc,sc->s", weight, rising - odds)
    total = weight.sum(axis=1, keepdims=True)
    return found * np.minimum(1.0, EVIDENCE / np.maximum(total, 1e-9))


def common_prior(found: np.ndarray) -> np.ndarray:
    """Log-prior over GRID that explains `evidence` of all series best (empirical Bayes by EM), kept smooth."""
    vague = np.exp(-0.5 * (np.log(GRID / 0.25) / 1.2) ** 2)
    vague /= vague.sum()
    prior = vague
    for _ in range(20):
        prior = (_weights(found, np.log(prior)).sum(axis=0) + 3.0 * vague) / (len(found) + 3.0)
    return np.log(prior)


def dispersions(found: np.ndarray, prior: np.ndarray) -> np.ndarray:
    """The dispersion of each series: the geometric mean over GRID, weighed by evidence and prior."""
    return np.exp(_weights(found, prior) @ np.log(GRID))


def _weights(found: np.ndarray, prior: np.ndarray) -> np.ndarray:
    shifted = found + prior
    weights = np.exp(shifted - shifted.max(axis=1, keepdims=True))
    return weights / weights.sum(axis=1, keepdims=True)


@cache
def _rising() -> np.ndarray:
    """Dispersions of GRID × counts: log Γ(count + 1 / a) − log Γ(1 / a)."""
    size = 1.0 / GRID[:, None]
    found = scipy.special.gammaln(np.arange(LOOKED_UP + 1.0) + size) - scipy.special.gammaln(size)
    return np.asarray(found)
