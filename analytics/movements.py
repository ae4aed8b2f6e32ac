"""What the last days, weeks, months and years of a series say about its next weeks.

Levels are exponentially weighted ratios of counts to their rhythm over half-lives from 5 days to 500, each shrunk to
the next longer one, so that a quiet series leans on its long memory (a gamma-Poisson filter). How far the movements
between them last is learned from past origins, over all series at once, by a ridge Poisson regression for each
horizon bucket: this is what pools levels along the hierarchy, and keeps a spike from being chased.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analytics.distribution import means_of
from analytics.rhythm import convolved, smooth

HALF_LIVES = (5, 14, 42, 126, 500)
BASE = 2  # the level that a forecast starts from: 42 days
PRIOR_COUNT = 1.5  # complaints' worth of belief in the next longer level
WEEKDAY_HALF_LIFE, WEEKDAY_PRIOR = 56, 6.0
YEAR, YEARS, YEAR_HALF_LIFE, YEAR_PRIOR = 364, 3, 7, 3.0  # 364 days: the same weekday
RIDGE = 100.0
CLIP = 4.0  # standard deviations above the slow level at which a spike is cut before it enters a level


@dataclass(frozen=True)
class Movements:
    """Of each series at each point (past origins and the origin itself); logarithms.

    base: series × points, the level of 42 days; steps: series × points × 4, from longer to shorter levels;
    weekday: series × points × 7, the recent counts of the weekday 1 … 7 days ahead against their rhythm;
    season: series × points × days ahead, what the same days made of the level in earlier years.
    """

    base: np.ndarray
    steps: np.ndarray
    weekday: np.ndarray
    season: np.ndarray

    def of(self, rows: np.ndarray) -> Movements:
        """These rows only."""
        return Movements(self.base[rows], self.steps[rows], self.weekday[rows], self.season[rows])


def without_spikes(values: np.ndarray, rhythm: np.ndarray) -> np.ndarray:
    """Counts (unknown days 0, their rhythm 0) cut where they lie far above a slow level: spikes are not chased."""
    mean = smooth(values, rhythm, 40, least=0.2) * rhythm
    return np.minimum(values, mean + CLIP * np.sqrt(mean + 0.3 * mean**2) + 2.0)


def look_back(values: np.ndarray, rhythm: np.ndarray, points: np.ndarray, ahead: np.ndarray) -> Movements:
    """Movements of `values` (series × days, without spikes) at `points` (days' positions) for days `ahead` (1 …)."""
    levels = _levels(values, rhythm, points)
    steps = np.stack(
        [
            levels[0] - levels[1],
            levels[1] - levels[2],
            levels[2] - levels[3],
            levels[3] - levels[4],
        ],
        axis=-1,
    )
    return Movements(
        levels[BASE],
        steps,
        _weekdays(values, rhythm, points),
        _seasons(values, rhythm, points, ahead, levels[BASE].shape),
    )


def features(own: Movements, relatives: list[Movements], ahead: np.ndarray) -> list[np.ndarray]:
    """What the regression is given: arrays that broadcast to series × points × days ahead, a constant last.

    `relatives`: of each series its topic's total, its place's total and the grand total, in the same order of rows.
    """
    topic = relatives[0]
    weekday = (ahead - 1) % 7
    found = [step[..., None] for kin in (own, *relatives) for step in np.moveaxis(kin.steps, -1, 0)]
    found += [own.weekday[..., weekday], topic.weekday[..., weekday]]
    found += [kin.season for kin in (own, *relatives)]
    return [*found, np.ones((1, 1, 1))]


def learn(stacked: np.ndarray, values: np.ndarray, offset: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Coefficients of the ridge Poisson regression; `stacked`: rows × features, `offset`: log of what is expected."""
    found = np.zeros(stacked.shape[1])
    if not weight.any():
        return found
    for _ in range(8):
        mean = weight * means_of(stacked @ found + offset)
        gradient = stacked.T @ (weight * values - mean) - RIDGE * found
        curvature = (stacked * mean[:, None]).T @ stacked + RIDGE * np.eye(len(found))
        found += np.linalg.solve(curvature, gradient)
    return found


def _levels(values: np.ndarray, rhythm: np.ndarray, points: np.ndarray, shortest: int = 0) -> np.ndarray:
    """Logarithms of the levels: half-lives (from the one at `shortest` on) × series × points."""
    age = points[None, :] - np.arange(values.shape[1])[:, None]
    found: list[np.ndarray] = []
    longer = None
    for half_life in reversed(HALF_LIVES[shortest:]):
        weight = np.where(age >= 0, 0.5 ** (np.clip(age, 0, 12 * half_life) / half_life), 0.0)
        above, below = values @ weight, rhythm @ weight
        longer = (
            (above + 0.05) / (below + 1.0) if longer is None else (above + PRIOR_COUNT) / (below + PRIOR_COUNT / longer)
        )
        found.append(longer)
    return np.log(np.stack(found[::-1]))


def _weekdays(values: np.ndarray, rhythm: np.ndarray, points: np.ndarray) -> np.ndarray:
    age = points[None, :] - np.arange(values.shape[1])[:, None]
    weight = np.where(age >= 0, 0.5 ** (np.clip(age, 0, 12 * WEEKDAY_HALF_LIFE) / WEEKDAY_HALF_LIFE), 0.0)
    above, below = (
        np.stack([one[:, day::7] @ weight[day::7] for day in range(7)], axis=-1) for one in (values, rhythm)
    )
    same = (points[:, None] + np.arange(1, 8)) % 7  # the weekday 1 … 7 days after each point
    above, below = (np.take_along_axis(one, same[None], axis=-1) for one in (above, below))
    shift = _log_ratio(above.sum(axis=-1), below.sum(axis=-1), WEEKDAY_PRIOR)
    return _log_ratio(above, below, WEEKDAY_PRIOR) - shift[..., None]


def _seasons(
    values: np.ndarray, rhythm: np.ndarray, points: np.ndarray, ahead: np.ndarray, shape: tuple[int, ...]
) -> np.ndarray:
    """Mean over up to three earlier years of the log ratio of a day's smoothed level to the level of its point."""
    total, years = np.zeros((*shape, len(ahead))), np.zeros(len(points))
    reach = int(8 * YEAR_HALF_LIFE)
    kernel = 0.5 ** (np.abs(np.arange(-reach, reach + 1)) / YEAR_HALF_LIFE)
    above, below = convolved(values, kernel), convolved(rhythm, kernel)
    for year in range(1, YEARS + 1):
        past = points - YEAR * year
        known = np.flatnonzero(past >= 120)
        if not len(known):
            continue
        level = _levels(values, rhythm, past[known], BASE)[0][..., None]
        days = np.clip(past[known][:, None] + ahead, 0, values.shape[1] - 1)
        ratio = (above[:, days] + YEAR_PRIOR) / (below[:, days] + YEAR_PRIOR / np.maximum(np.exp(level), 1e-6))
        total[:, known] += np.log(ratio) - level
        years[known] += 1
    return total / np.maximum(years, 1)[:, None]


def _log_ratio(above: np.ndarray, below: np.ndarray, prior: float) -> np.ndarray:
    return np.log((above + prior) / (below + prior))
