"""Outbreaks now: did something unusual start today or in the last days? Judged day by day with only the past known.

Every four weeks, on days that are the same for every panel, what is expected is fitted anew (`baseline`). The last day
and the sums of the last days, a CUSUM of several lengths, are compared with it under a negative binomial. A day alarms
when the greatest of these scores is one that only so many days in a hundred of the series' own past reached, and the
day itself is above what was expected: an outbreak that has ended alarms no more.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import numpy as np
import pandas as pd
from scipy import special
from threadpoolctl import threadpool_limits

from analytics import quasi_poisson
from analytics.almanac import Almanac
from analytics.baseline import Days, baseline, known_of, leverage
from analytics.errors import BadInput
from analytics.panel import Panel, dense_panel

LAST = 28  # days judged unless told otherwise
FEWEST_ALARMS, MOST_ALARMS = 0.0001, 0.2
BLOCK = 28  # days for which a regression is used
PAST = 5 * 364  # days it is fitted on at most
WARM_UP = 56  # known days before anything is said
DISPERSION_PRIOR = 60.0  # days' worth of belief in none
WINDOWS = (1, 3, 7)  # days summed
INDEPENDENT = 1.8  # windows' worth of independent tests
ABOVE = 0.5  # standard deviations that the day itself must be above what was expected
LEAST = 2.0  # complaints on a day of an outbreak
LIMIT_PRIOR = 100.0  # days' worth of belief in the limit of theory
FEWEST_RARE = 10  # days that a limit taken from the past rests on
NEVER = -9.0  # score of a day that cannot alarm
AT_ONCE = 128  # series
DIGITS = 6  # of a score: beyond them it depends on which series are computed together
Report = Callable[[float, str], None]


def outbreaks(
    panel: pd.DataFrame | Panel,
    since: date | None = None,
    *,
    false_alarms: float = 0.02,
    almanac: Almanac | None = None,
    end: date | None = None,
    completeness: pd.DataFrame | None = None,
    report: Report = lambda share, name: None,
) -> pd.DataFrame:
    """day, region, [municipality], topic, expected, score, outbreak: for each day from `since` (28 days) to the last.

    `score`: standard deviations above what was expected, the greatest of the last day and the sums of the last days,
    -9 on a day that is not above it; nan where nothing can be said: in a series' first 8 weeks and on unknown days.
    `outbreak`: unusual, with `false_alarms` (0.0001 to 0.2) as the share of quiet days on which this is wrongly said.
    `completeness`: day, share (of its complaints that have arrived by now), for late rows; `expected` is what would
    have arrived by now. `report` is told the share that is done. Raises BadInput for a share of false alarms that
    cannot be, for a first day after the last, and as `panel.dense_panel`.
    """
    if not FEWEST_ALARMS <= false_alarms <= MOST_ALARMS:
        raise BadInput(
            "false_alarms",
            "The share of false alarms is from {least} to {most}, not {share}.",
            least=FEWEST_ALARMS,
            most=MOST_ALARMS,
            share=false_alarms,
        )
    dense = panel if isinstance(panel, Panel) else dense_panel(panel, end)
    first = max(0, len(dense.days) - LAST) if since is None else int(dense.days.searchsorted(pd.Timestamp(since)))
    if first >= len(dense.days):
        raise BadInput(
            "outbreaks_since",
            "The panel ends on {end}: nothing can be judged from {since} on.",
            end=dense.days[-1].date(),
            since=since,
        )
    expected, score, outbreak = judge(dense, first, false_alarms, almanac or Almanac(), completeness, report)
    at = dense.days[first:]
    table = dense.series.loc[dense.series.index.repeat(len(at))].reset_index(drop=True)
    table.insert(0, "day", np.tile(at.to_numpy(), len(dense.series)))
    return table.assign(expected=expected.ravel(), score=score.ravel(), outbreak=outbreak.ravel())


def judge(
    panel: Panel,
    first: int,
    false_alarms: float,
    almanac: Almanac,
    completeness: pd.DataFrame | None = None,
    report: Report = lambda share, name: None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """expected, score and outbreak (series × days from the `first`), each from the days before it; see `outbreaks`.

    Days after the panel's last are there as unknown ones until a block ends: a block then has the same shape, and so
    the same rounding errors, wherever the panel was cut.
    """
    stop = len(panel.days)
    shape = len(panel.counts), stop - first
    expected, score, outbreak = np.full(shape, np.nan), np.full(shape, np.nan), np.zeros(shape, dtype=bool)
    whole = pd.date_range(panel.days[0], periods=stop + BLOCK)
    days = known_of(whole, almanac, completeness)
    counts = np.pad(panel.counts, ((0, 0), (0, BLOCK)), constant_values=np.nan)
    anchors = _anchors(whole, first, stop)
    parts = [(anchor, row) for anchor in anchors for row in range(0, len(counts), AT_ONCE)]

    def work(part: tuple[int, int]) -> None:
        anchor, row = part
        some, begin = slice(row, row + AT_ONCE), max(0, anchor - PAST)
        inside = slice(begin, anchor + BLOCK)
        mean, found, limit = _block(
            counts[some, inside].astype(float),
            days.between(begin, anchor + BLOCK, anchor),
            anchor - begin,
            false_alarms,
        )
        low, high = max(anchor, first), min(anchor + BLOCK, stop)
        judged, at = slice(low - begin, high - begin), slice(low - first, high - first)
        told = ~np.isnan(found[:, judged])
        expected[some, at] = np.where(told, mean[:, judged], np.nan)
        score[some, at] = found[:, judged]
        outbreak[some, at] = told & (found[:, judged] >= limit[:, None])

    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for number, _ in enumerate(pool.map(work, parts), start=1):
            report(number / len(parts), "")
    return expected, score, outbreak


def _anchors(days: pd.DatetimeIndex, first: int, stop: int) -> list[int]:
    """The first day of each block that has a day to judge and enough days before it."""
    start = first - days[first].toordinal() % BLOCK
    return [anchor for anchor in range(start, stop, BLOCK) if anchor >= WARM_UP]


def _block(
    counts: np.ndarray, days: Days, known: int, false_alarms: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """mean and score (series × days) and limit (series), from the first `known` days; those after are judged by them.

    Of the days after only what lies before a day is looked at for it.
    """
    given = ~np.isnan(counts)
    counts = np.where(given, counts, 0.0)
    mean, usable = baseline(counts, given, days, known)
    score = _scores(counts, mean, usable, known)
    begun = np.cumsum(given, axis=1)
    limit = _limits(score, usable & (begun > WARM_UP), known, false_alarms)
    score[~given | (begun[:, [known - 1]] < WARM_UP)] = np.nan
    return mean, score, limit


def _scores(counts: np.ndarray, mean: np.ndarray, usable: np.ndarray, known: int) -> np.ndarray:
    """Series × days: the greatest normal score of the sums of the last days, where the day itself is above its mean."""
    counts, mean = counts * usable, mean * usable
    past = usable[:, :known].astype(float)
    greatest = np.full(counts.shape, NEVER)
    for window in WINDOWS:
        came, said = (counts, mean) if window == 1 else (_last(counts, window), _last(mean, window))
        spread = quasi_poisson.dispersion(came[:, :known], said[:, :known], past, DISPERSION_PRIOR)
        spread = np.repeat(spread[:, None], came.shape[1], axis=1)
        behind, ahead = leverage(past.sum(axis=1), window)
        spread[:, :known] *= 1 - behind[:, None]
        spread[:, known:] *= 1 + ahead[:, None]
        spread = np.maximum(spread, 1.02)
        if window == 1:
            above = (came - said) >= ABOVE * np.sqrt(spread * np.maximum(said, 1e-3))
            possible = usable & above & (counts >= LEAST)
        found = _normal_score(came[possible], said[possible], spread[possible])
        greatest[possible] = np.maximum(greatest[possible], np.round(found, DIGITS))
    return greatest


def _normal_score(counts: np.ndarray, mean: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """The normal quantile of a count's mid-probability under a negative binomial of this mean and variance / mean."""
    size, chance = np.maximum(mean, 1e-3) / (spread - 1.0), 1.0 / spread
    below = np.where(counts > 0, special.betainc(size, np.maximum(counts, 1.0), chance), 0.0)
    middle = (below + special.betainc(size, counts + 1.0, chance)) / 2
    far = (counts - mean) / np.sqrt(spread * np.maximum(mean, 1e-3))
    return np.where(middle > 1 - 1e-9, np.maximum(far, 6.0), special.ndtri(np.clip(middle, 1e-12, 1 - 1e-9)))


def _last(values: np.ndarray, window: int) -> np.ndarray:
    """Series × days: the sum of the last `window` days."""
    whole = np.cumsum(np.pad(values, ((0, 0), (window, 0))), axis=1)
    return whole[:, window:] - whole[:, :-window]


def _limits(score: np.ndarray, judged: np.ndarray, known: int, false_alarms: float) -> np.ndarray:
    """Series: the score that the share `false_alarms` of the past days reached, drawn to what theory says.

    Where the past has too few days that are so rare, the score of its rarest few is raised as theory says.
    """
    ordered = -np.sort(-np.where(judged, score, -np.inf)[:, :known], axis=1)
    days = judged[:, :known].sum(axis=1)
    share = np.clip(FEWEST_RARE / np.maximum(days, 1), false_alarms, MOST_ALARMS)
    asked = np.full(len(days), false_alarms)
    own = _reached(ordered, days, share) * _theory(asked) / _theory(share)
    sparse = (own < 0) & (share > false_alarms)  # fewer days than that were possible ones at all
    own = np.where(sparse, np.maximum(_reached(ordered, days, asked), _theory(asked)), own)
    return np.asarray((own * days + _theory(asked) * LIMIT_PRIOR) / (days + LIMIT_PRIOR))


def _theory(share: np.ndarray) -> np.ndarray:
    """The score that a share of the days reaches where the distribution is right."""
    return np.asarray(-special.ndtri(share / INDEPENDENT))


def _reached(ordered: np.ndarray, days: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Series: the score that the share of the days reached; 0 where there are none."""
    place = np.maximum(np.ceil(days * share).astype(int) - 1, 0)
    return np.where(days > 0, np.take_along_axis(ordered, place[:, None], axis=1)[:, 0], 0.0)
