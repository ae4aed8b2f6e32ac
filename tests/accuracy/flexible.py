"""The p-values of farringtonFlexible (R package surveillance 1.20), all series and days of a panel at once.

R takes hours for what this does in minutes: there every day of every series is a model of its own, here the models of
all days are fitted together, as they have one design. The same steps in the same order: a quasi-Poisson regression by
iteratively reweighted least squares with R's start and its rule of convergence, a trend that is left out where it leads
beyond the past, Anscombe residuals, a second fit with large ones down-weighted, the plug-in negative binomial. Where R
has judged (tests.accuracy.outbreaks) its p-values and these are compared on the page.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats
from threadpoolctl import threadpool_limits

YEARS, HALF_WINDOW, PERIODS, LEFT_OUT, YEARLY = 5, 3, 10, 26, 52  # b, w, noPeriods, pastWeeksNotIncluded, freq
OUTLYING = 2.58
TOLERANCE, STEPS, SMALLEST = 1e-8, 25, np.finfo(float).eps  # glm.control and make.link of R
WEEK = 7


def p_values(counts: np.ndarray, days: int, kind: str) -> np.ndarray:
    """Series × the last `days` (whole weeks) of `counts` (series × days); 1 where R gives none.

    `kind`: "weekday" or "week", as in farrington.R.
    """
    if kind == "week":
        whole = np.cumsum(np.pad(counts, ((0, 0), (1, 0))), axis=1)
        counts = whole[:, WEEK:] - whole[:, :-WEEK]
    found = np.empty((len(counts), days))
    for weekday in range(WEEK):
        series = counts[:, (counts.shape[1] - WEEK + weekday) % WEEK :: WEEK]
        with threadpool_limits(1, user_api="blas"):  # small matrices: threads would wait for each other
            found[:, weekday::WEEK] = _of_weeks(series, days // WEEK)
    return found


def _of_weeks(series: np.ndarray, judged: int) -> np.ndarray:
    """Series × the last `judged` weeks."""
    first = YEARS * YEARLY + HALF_WINDOW
    ago = np.arange(first, LEFT_OUT, -1)
    blocks = _blocks(first)[: len(ago)]
    at = np.arange(series.shape[1] - judged, series.shape[1])
    past = series[:, at[:, None] - ago].reshape(-1, len(ago)).astype(float)
    now = series[:, at].ravel()
    mean, spread = _expected(past, blocks, -ago.astype(float))
    with np.errstate(invalid="ignore", divide="ignore"):
        negative_binomial = stats.nbinom.sf(now - 1, mean / (spread - 1), 1 / spread)
    found = np.where(spread > 1, negative_binomial, stats.poisson.sf(now - 1, mean))
    return np.where(np.isnan(mean), 1.0, found).reshape(len(series), judged)


def _blocks(first: int) -> np.ndarray:
    """The seasonal factor of the weeks from `first` ago on: the last is that of the weeks around this one's."""
    since = (np.arange(-first, 0) + HALF_WINDOW) % YEARLY
    around = 2 * HALF_WINDOW + 1
    length, rest = divmod(YEARLY - around, PERIODS - 1)
    lengths = np.full(PERIODS - 1, length) + (np.arange(PERIODS - 1) < rest)
    year = np.concatenate([np.full(around, PERIODS - 1), np.repeat(np.arange(PERIODS - 1), lengths)])
    return year[since]


@dataclass(frozen=True)
class _Fit:
    """Of each model: fitted means, leverages, whether it converged, dispersion (≥ 1), and what it says of today."""

    mean: np.ndarray
    leverage: np.ndarray
    converged: np.ndarray
    spread: np.ndarray
    today: np.ndarray


def _expected(past: np.ndarray, blocks: np.ndarray, time: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of each model the mean of today (nan: none) and the dispersion."""
    mean, spread = _twice(past, blocks, time)
    beyond = ~(mean <= past.max(axis=1))  # also where the fit did not converge
    if beyond.any():
        mean[beyond], spread[beyond] = _twice(past[beyond], blocks, None)
    return mean, spread


def _twice(past: np.ndarray, blocks: np.ndarray, time: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Fitted, reweighted, fitted again: means of today (nan where the first fit did not converge) and dispersions."""
    once = _fit(past, np.ones_like(past), blocks, time)
    away = 1.5 * (past ** (2 / 3) * once.mean ** (-1 / 6) - np.sqrt(once.mean))
    away /= np.sqrt(once.spread[:, None] * (1 - once.leverage))
    weights = np.where(away > OUTLYING, np.maximum(away, OUTLYING) ** -2.0, 1.0)
    weights *= weights.shape[1] / weights.sum(axis=1, keepdims=True)
    again = _fit(past, weights, blocks, time)
    return np.where(once.converged, again.today, np.nan), again.spread


def _fit(came: np.ndarray, prior: np.ndarray, blocks: np.ndarray, time: np.ndarray | None) -> _Fit:
    """Quasi-Poisson regressions of rows of `came` on blocks and, if given, a trend."""
    member = (blocks[:, None] == np.arange(PERIODS)).astype(float)
    when = np.zeros(len(blocks)) if time is None else time
    terms = PERIODS + (time is not None)
    mean = came + 0.1
    log = np.log(mean)
    deviance = _deviance(came, mean, prior)
    working, leverage = np.empty_like(mean), np.empty_like(mean)
    converged, today = np.zeros(len(came), bool), np.empty(len(came))
    for _ in range(STEPS):
        at = np.flatnonzero(~converged)
        if not len(at):
            break
        weight = prior[at] * mean[at]
        response = log[at] + (came[at] - mean[at]) / mean[at]
        whole = weight @ member
        centre, level = (weight * when) @ member / whole, (weight * response) @ member / whole
        apart = when - centre[:, blocks]
        square = (weight * apart**2).sum(axis=1)
        slope = np.zeros(len(at))
        if time is not None:
            slope = (weight * apart * (response - level[:, blocks])).sum(axis=1) / square
        log[at] = level[:, blocks] + slope[:, None] * apart
        mean[at] = np.maximum(np.exp(log[at]), SMALLEST)
        working[at] = weight
        leverage[at] = weight / whole[:, blocks]
        if time is not None:
            leverage[at] += weight * apart**2 / square[:, None]
        today[at] = np.exp(level[:, -1] - slope * centre[:, -1])
        now = _deviance(came[at], mean[at], prior[at])
        converged[at] = np.abs(now - deviance[at]) / (np.abs(now) + 0.1) < TOLERANCE
        deviance[at] = now
    spread = (working * ((came - mean) / mean) ** 2).sum(axis=1) / (came.shape[1] - terms)
    return _Fit(mean, leverage, converged, np.maximum(spread, 1.0), today)


def _deviance(came: np.ndarray, mean: np.ndarray, prior: np.ndarray) -> np.ndarray:
    logs = came * np.log(np.maximum(came, 1e-300) / mean)
    return np.asarray(2 * (prior * (np.where(came > 0, logs, 0.0) - (came - mean))).sum(axis=1))
