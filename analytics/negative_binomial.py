"""Over-dispersed counts: the negative binomial with variance m + a·m², its dispersion a learned with shrinkage."""

from __future__ import annotations

import numpy as np
import scipy

GRID = np.geomspace(0.0005, 12.0, 22)  # dispersions that are weighed against each other
FINE = 0.01  # relative step at which means below LARGE are rounded
LARGE = 30.0
EVIDENCE = 60.0  # errors of days in a row are alike: more of them than this say no more


def log_probability(counts: np.ndarray, mean: np.ndarray, dispersion: float) -> np.ndarray:
    """log P(Y = counts)."""
    size = 1.0 / dispersion
    return (
        scipy.special.gammaln(counts + size)
        - scipy.special.gammaln(size)
        - scipy.special.gammaln(counts + 1.0)
        + size * np.log(size / (size + mean))
        + scipy.special.xlogy(counts, np.maximum(mean, 1e-9) / (size + mean))
    )


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
    """Log-likelihood of each dispersion of GRID for each series; all three arguments series × cases."""
    found = np.stack([(weight * log_probability(counts, mean, a)).sum(axis=1) for a in GRID], axis=1)
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
