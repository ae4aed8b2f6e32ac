"""What is usual: the average of the weeks before, and how far such periods stray from it. Numbers in, numbers out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

BASE_WEEKS = 8  # the weeks before the period that make the usual
PAST_PERIODS = 26  # earlier periods, a week apart, that show how far the usual is off
FEWEST_PAST_PERIODS = 4
BAND = (0.025, 0.975)  # where 95 of 100 periods lie
NORMAL_97_5 = float(stats.norm.ppf(BAND[1]))


@dataclass(frozen=True)
class Stretch:
    """Days in a row, as positions in a daily series; both ends belong to it."""

    first: int
    last: int

    @property
    def days(self) -> int:
        return self.last - self.first + 1

    def earlier(self, days: int) -> Stretch:
        """The same number of days, so many days earlier."""
        return Stretch(self.first - days, self.last - days)

    def base(self, covered_from: int = 0) -> Stretch | None:
        """The whole weeks just before: 8, or as many as the stretch itself has when these are more.

        Only those after `covered_from` (the position of the first covered day) count; None when these are fewer
        than half of the weeks wanted.
        """
        wanted = max(BASE_WEEKS, -(-self.days // 7))
        weeks = min(wanted, (self.first - covered_from) // 7)
        return Stretch(self.first - 7 * weeks, self.first - 1) if 2 * weeks >= wanted else None


Rule = Callable[[Stretch], float]  # a stretch of days -> a number, nan when unknown


def same_weekdays(series: np.ndarray, stretch: Stretch, base: Stretch) -> float:
    """What as many days with the same weekdays had in the base, on average: the usual of a count."""
    profile = series[base.first : base.last + 1].reshape(-1, 7).mean(axis=0)
    weeks, days = divmod(stretch.days, 7)
    return float(weeks * profile.sum() + profile[:days].sum())


def count_band(value: Rule, usual: Rule, stretch: Stretch) -> tuple[float, float]:
    """The band in which the count of the stretch is expected: quantiles of a negative binomial.

    Its mean is the usual; its dispersion is the mean of (count - usual)² / usual over the periods before, at least
    1 (quasi-Poisson: McCullagh and Nelder 1989, chapter 9; the quantiles as in Noufaily et al. 2013), so slow swings
    of the level widen it as they should. Few periods widen it as Student's t does. Nan when fewer than four.
    """
    middle = usual(stretch)
    past = _past(value, usual, stretch)
    past = past[past[:, 1] > 0]
    if not middle > 0 or len(past) < FEWEST_PAST_PERIODS:
        return np.nan, np.nan
    dispersion = np.mean((past[:, 0] - past[:, 1]) ** 2 / past[:, 1]) * _few(len(past)) ** 2
    return negative_binomial(middle, max(float(dispersion), 1.0), BAND)


def level_band(value: Rule, usual: Rule, stretch: Stretch, *, highest: float = np.inf) -> tuple[float, float]:
    """The band for a share or a stock: the usual, more or less Student's t times how far it was off before."""
    middle = usual(stretch)
    past = _past(value, usual, stretch)
    if np.isnan(middle) or len(past) < FEWEST_PAST_PERIODS:
        return np.nan, np.nan
    off = float(np.sqrt(np.mean((past[:, 0] - past[:, 1]) ** 2))) * NORMAL_97_5 * _few(len(past))
    return max(middle - off, 0.0), min(middle + off, highest)


def negative_binomial(mean: float, dispersion: float, levels: tuple[float, ...]) -> tuple[float, ...]:
    """Quantiles of counts with this mean and the variance dispersion × mean (1: Poisson)."""
    if dispersion <= 1.0 + 1e-9:
        return tuple(float(stats.poisson.ppf(level, mean)) for level in levels)
    size = mean / (dispersion - 1.0)
    return tuple(float(stats.nbinom.ppf(level, size, 1.0 / dispersion)) for level in levels)


def _past(value: Rule, usual: Rule, stretch: Stretch) -> np.ndarray:
    """For each of the earlier periods of which both are known: value, usual."""
    earlier = [stretch.earlier(7 * weeks) for weeks in range(1, PAST_PERIODS + 1)]
    pairs = np.array([(value(past), usual(past)) for past in earlier], dtype=float)
    return pairs[~np.isnan(pairs).any(axis=1)]


def _few(periods: int) -> float:
    """How much wider Student's t is than the normal curve for so many periods."""
    return float(stats.t.ppf(BAND[1], periods)) / NORMAL_97_5


def surely_changed(
    weekly: np.ndarray, now: np.ndarray, usual: np.ndarray, *, days: int, interval: float = 0.8
) -> pd.DataFrame:
    """How sure it is that counts rose or fell: ratio, low, high, probability, score; one row for each unit.

    `weekly`: units × weeks, the counts of the base weeks; `now`: the counts of the period of `days` days; `usual`:
    what the base makes of as many days. Counts are over-dispersed: the variance of a week is m + a·m² (negative
    binomial), a and each unit's own dispersion weighing alike. The logarithm of the ratio is then about t-distributed
    (delta method, half a complaint added to both sides); low and high are its `interval`. As many units are compared
    at once, `probability` is 1 - q, q being the false discovery rate (Benjamini and Hochberg 1995). `score` is what
    the rise or fall is at least, in units of the root of the usual: how sure and how much in one number.
    """
    weeks = weekly.shape[1]
    dispersion = _dispersion(weekly)
    logarithm = np.log((now + 0.5) / (usual + 0.5))
    error = np.sqrt(dispersion * (1.0 / (now + 0.5) + days / (7.0 * weeks) / (usual + 0.5)))
    freedom = 2 * (weeks - 1)
    p = 2.0 * stats.t.sf(np.abs(logarithm) / error, freedom)
    reach = stats.t.ppf(0.5 + interval / 2, freedom) * error
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(usual > 0, now / usual, np.where(now > 0, np.inf, np.nan))
    low, high = np.exp(logarithm - reach), np.exp(logarithm + reach)
    at_least = np.where(logarithm > 0, np.maximum(low - 1.0, 0.0), np.maximum(1.0 - high, 0.0))
    return pd.DataFrame(
        {
            "ratio": ratio,
            "low": low,
            "high": high,
            "probability": 1.0 - stats.false_discovery_control(p) if len(p) else p,
            "score": at_least * np.sqrt(usual + 0.5),
        }
    )


def _dispersion(weekly: np.ndarray) -> np.ndarray:
    """Variance / mean of a week's count for each unit, at least 1: half its own, half that of all units together."""
    mean = weekly.mean(axis=1)
    variance = weekly.var(axis=1, ddof=1)
    squares = float((mean**2).sum())
    shared = max(float((variance - mean).sum()) / squares, 0.0) if squares else 0.0
    own = np.where(mean > 0, variance / np.maximum(mean, 1e-9), 1.0)
    return np.maximum((own + 1.0 + shared * mean) / 2.0, 1.0)
