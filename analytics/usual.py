"""What is usual: the average of the weeks before, and how far such periods stray from it. Numbers in, numbers out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import scipy

BASE_WEEKS = 8  # the weeks before the period that make the usual
PAST_PERIODS = 26  # earlier periods, a week apart, that show how far the usual is off
FEWEST_PAST_PERIODS = 4
BAND = (0.025, 0.975)  # where 95 of 100 periods lie
NORMAL_97_5 = NormalDist().inv_cdf(BAND[1])


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
        wanted = base_weeks(self.days)
        weeks = min(wanted, (self.first - covered_from) // 7)
        return Stretch(self.first - 7 * weeks, self.first - 1) if 2 * weeks >= wanted else None


def base_weeks(days: int) -> int:
    """How many weeks before a period of so many days make its usual: 8, or as many as it has itself."""
    return max(BASE_WEEKS, -(-days // 7))


Rule = Callable[[Stretch], float]  # a stretch of days -> a number, nan when unknown


def same_weekdays(series: np.ndarray, stretch: Stretch, base: Stretch) -> float:
    """What as many days with the same weekdays had in the base, on average: the usual of a count."""
    profile = series[base.first : base.last + 1].reshape(-1, 7).mean(axis=0)
    weeks, days = divmod(stretch.days, 7)
    return float(weeks * profile.sum() + profile[:days].sum())


def past_periods(value: Rule, usual: Rule, stretch: Stretch) -> np.ndarray:
    """The 26 such stretches that lie 1, 2, 3 … weeks earlier: value, usual, where both are known."""
    earlier = [stretch.earlier(7 * weeks) for weeks in range(1, PAST_PERIODS + 1)]
    pairs = np.array([(value(past), usual(past)) for past in earlier], dtype=float)
    return pairs[~np.isnan(pairs).any(axis=1)]


def count_band(usual: float, past: np.ndarray) -> tuple[float, float]:
    """Where 95 of 100 counts lie when so many are usual: negative binomial quantiles; nan when little is known.

    Its mean is the usual; its dispersion is the mean of (value - usual)² / usual over the past periods, at least 1
    (quasi-Poisson: McCullagh and Nelder 1989, chapter 9; the quantiles as in Noufaily et al. 2013), so that slow
    swings of the level widen the band as they should. Few past periods widen it as Student's t does.
    """
    past = past[past[:, 1] > 0]
    if not usual > 0 or len(past) < FEWEST_PAST_PERIODS:
        return np.nan, np.nan
    dispersion = float(np.mean((past[:, 0] - past[:, 1]) ** 2 / past[:, 1])) * _few(len(past)) ** 2
    low, high = negative_binomial(usual, max(dispersion, 1.0), BAND)
    return low, high


def level_band(usual: float, past: np.ndarray, *, highest: float = np.inf) -> tuple[float, float]:
    """The same for a share, a stock or a median: the usual, more or less Student's t times how far it was off."""
    if np.isnan(usual) or len(past) < FEWEST_PAST_PERIODS:
        return np.nan, np.nan
    off = float(np.sqrt(np.mean((past[:, 0] - past[:, 1]) ** 2))) * NORMAL_97_5 * _few(len(past))
    return max(usual - off, 0.0), min(usual + off, highest)


def negative_binomial(mean: float, dispersion: float, levels: tuple[float, ...]) -> tuple[float, ...]:
    """Quantiles of counts with this mean and the variance dispersion × mean (1: Poisson)."""
    if dispersion <= 1.0 + 1e-9:
        return tuple(float(scipy.stats.poisson.ppf(level, mean)) for level in levels)
    size = mean / (dispersion - 1.0)
    return tuple(float(scipy.stats.nbinom.ppf(level, size, 1.0 / dispersion)) for level in levels)


def _few(periods: int) -> float:
    """How much wider Student's t is than the normal curve for so many periods."""
    return float(scipy.stats.t.ppf(BAND[1], periods)) / NORMAL_97_5
