"""What a day is expected to bring by the days up to two weeks before it: weekday, season, level, special days.

A quasi-Poisson regression of the past; what stuck out of it is down-weighted and fitted again (Farrington, Andrews,
Beale and Catchpole 1996; Noufaily et al. 2013). It is multiplied by a level that lags two weeks behind, so that an
outbreak does not hide itself, and by what the same day of earlier years made of its own, where that was far off:
holidays that nobody told us of.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import signal

from analytics import quasi_poisson
from analytics.almanac import Almanac, regressors

WEEK, DAYS_OF_YEAR = 7, 365.2425
HARMONICS = 6
SEASONED = 546  # known days from which a season is told from a trend
AT_THE_END = 3  # coefficients' worth of doubt that a trend adds beyond the last day it was fitted on
WEEK_SPREAD, SEASON_SPREAD, TREND_SPREAD = 2.0, 1.0, 0.2  # of logarithms; of the trend by the year
NO_SPREAD = 0.001  # of season and trend where they cannot be told apart: the level follows instead
OUTLYING = 2.58  # standard deviations from which a past day is down-weighted
REFITS = 2
CLOSED = 6.0  # a day of none where so many were expected was a closed one
AFTER_PRIOR = 5.0  # complaints' worth of belief that the day after it is like others
GUARD = 14  # days between the newest day of the level and the day that is judged
LEVEL_HALF_LIFE, UNSEASONED_HALF_LIFE = 28.0, 7.0  # days
LEVEL_PRIOR = 20.0  # complaints' worth of belief in the regression's own level
SPECIAL = 2.5  # standard deviations from which the same day of earlier years says something
SPECIAL_YEARS = 2  # of them at least


@dataclass(frozen=True)
class Days:
    """What is known of the days: terms (days × terms) of the regression, where the trend stands among them last;
    exposure: share of a day's complaints that has arrived; alike: for each kind of year a number of the day in it.
    """

    terms: np.ndarray
    exposure: np.ndarray
    alike: tuple[np.ndarray, ...]

    def between(self, first: int, stop: int, anchor: int) -> Days:
        """Some of the days, the trend counted from the anchor."""
        terms = self.terms[first:stop].copy()
        terms[:, -1] -= self.terms[anchor, -1]
        return Days(terms, self.exposure[first:stop], tuple(numbers[first:stop] for numbers in self.alike))


def known_of(days: pd.DatetimeIndex, almanac: Almanac, completeness: pd.DataFrame | None) -> Days:
    """What is known of `days`; `completeness`: day, share (of its complaints that have arrived)."""
    ordinals = days.map(pd.Timestamp.toordinal).to_numpy()
    kind = np.where(regressors(days, almanac).off, WEEK - 1, days.day_of_week)
    angle = 2 * np.pi * (ordinals / DAYS_OF_YEAR)[:, None] * np.arange(1, HARMONICS + 1)
    trend = np.arange(len(days))[:, None] / DAYS_OF_YEAR
    terms = np.hstack([kind[:, None] == np.arange(WEEK), np.sin(angle), np.cos(angle), trend])
    exposure = np.ones(len(days))
    if completeness is not None:
        share = pd.Series(completeness["share"].to_numpy(float), pd.to_datetime(completeness["day"]))
        exposure = share.reindex(days).fillna(1.0).clip(0.01, 1.0).to_numpy()
    return Days(terms, exposure, (ordinals % (52 * WEEK), days.month.to_numpy() * 31 + days.day.to_numpy()))


def baseline(counts: np.ndarray, given: np.ndarray, days: Days, known: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean (series × days), and which days are usable: given and not closed.

    The regression is that of the first `known` days. Of the days after these, only what lies GUARD days and more before
    a day is looked at for it, and whether the day before it was a closed one.
    """
    seasoned = given[:, :known].sum(axis=1) >= SEASONED
    mean, spread, usable = _regression(counts, given, days, known, seasoned)
    mean = mean * _lagging_level(counts, mean, spread, usable, seasoned)
    return mean * _special_days(counts, mean, spread, usable, days, known), usable


def leverage(known: np.ndarray, window: int) -> tuple[np.ndarray, np.ndarray]:
    """Of `known` days (series): the share of a sum's variance that the fit took from days past, and adds to days ahead.

    A fitted coefficient takes one day's worth of variance from the days it was fitted on, and its error adds as much to
    the days after. In a sum of `window` days those of the season and the trend err together, those of weekdays do not.
    """
    together = np.where(known >= SEASONED, 2 * HARMONICS + 1, 0)
    end = np.where(known >= SEASONED, AT_THE_END, 0)
    past = (window * together + WEEK) / np.maximum(known, 1)
    ahead = (window * (together + end) + WEEK) / np.maximum(known, 1)
    return np.minimum(past, 0.5), np.minimum(ahead, 1.0)


def _regression(
    counts: np.ndarray, given: np.ndarray, days: Days, known: int, seasoned: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """mean (series × days), dispersion (series), and which days are usable."""
    past = slice(0, known)
    prior = np.empty((len(counts), days.terms.shape[1]))
    prior[:, :WEEK] = WEEK_SPREAD
    prior[:, WEEK:-1] = np.where(seasoned, SEASON_SPREAD, NO_SPREAD)[:, None]
    prior[:, -1] = np.where(seasoned, TREND_SPREAD, NO_SPREAD)
    usable, after, weights, coefficients = given, np.zeros_like(given), given.astype(float), None
    for turn in range(1 + REFITS):
        level, coefficients = quasi_poisson.fit(
            days.terms[past], counts[:, past], weights[:, past], days.exposure[past], prior, coefficients
        )
        mean = quasi_poisson.predict(days.terms, level, coefficients, days.exposure)
        spread = quasi_poisson.dispersion(counts[:, past], mean[:, past], weights[:, past])
        if turn < REFITS:
            usable = given & ~((counts == 0) & (mean >= CLOSED))
            after = usable & np.pad(given & ~usable, ((0, 0), (1, 0)))[:, :-1]
            away = (counts - mean) / np.sqrt(spread[:, None] * np.maximum(mean, 0.1))
            weights = (usable & ~after) * np.minimum(1.0, OUTLYING / np.maximum(away, 1e-9)) ** 2
    came, said = ((values * after)[:, past].sum(axis=1) + AFTER_PRIOR for values in (counts, mean))
    return np.where(after, mean * (came / said)[:, None], mean), spread, usable


def _lagging_level(
    counts: np.ndarray, mean: np.ndarray, spread: np.ndarray, usable: np.ndarray, seasoned: np.ndarray
) -> np.ndarray:
    """Series × days: what the weeks up to GUARD days before made of their means; outbreaks in them are cut off."""
    spread = spread[:, None]
    usual = np.minimum(counts, mean + OUTLYING * np.sqrt(spread * mean) + 1.0)
    ratio = np.empty(counts.shape)
    for rows, half_life in ((seasoned, LEVEL_HALF_LIFE), (~seasoned, UNSEASONED_HALF_LIFE)):
        keep = 0.5 ** (1 / half_life)
        came, said = (signal.lfilter([1.0], [1.0, -keep], (one * usable)[rows], axis=1) for one in (usual, mean))
        belief = LEVEL_PRIOR * spread[rows]
        ratio[rows] = (came + belief) / (said + belief)
    return np.pad(ratio, ((0, 0), (GUARD, 0)), constant_values=1.0)[:, :-GUARD]


def _special_days(
    counts: np.ndarray, mean: np.ndarray, spread: np.ndarray, usable: np.ndarray, days: Days, known: int
) -> np.ndarray:
    """Series × days: what the same day of other years made of its means, where that is significant; else 1.

    The same day is the one 52 weeks before or the one of the same date, whichever says more. Only days among the
    first `known` teach, and no day is taught by itself.
    """
    past = usable & (np.arange(counts.shape[1]) < known)
    spread = spread[:, None]
    factor, most = np.ones(counts.shape), np.full(counts.shape, SPECIAL)
    for numbers in days.alike:
        came, said, years = (_of_others(values, numbers) for values in (counts * past, mean * past, past * 1.0))
        away = np.abs(came - said) / np.sqrt(spread * np.maximum(said, 0.1))
        better = (years >= SPECIAL_YEARS) & (away >= most)
        factor = np.where(better, (came + spread) / (said + spread), factor)
        most = np.where(better, away, most)
    return factor


def _of_others(values: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """Series × days: the sum of the other days of the same number."""
    order = np.argsort(numbers, kind="stable")
    first, code = np.unique(numbers[order], return_index=True)[1], np.unique(numbers, return_inverse=True)[1]
    return np.asarray(np.add.reduceat(values[:, order], first, axis=1)[:, code] - values)
