"""Past origins of a panel: what was then known and what came, and what is learned from the difference."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analytics import negative_binomial as counts_of
from analytics.distribution import BUCKETS, buckets_of
from analytics.movements import learn

JUDGED = (1, 2, 4, 6, 8, 10, 12, 14, 15, 18, 21, 24, 27, 35, 49, 63, 77, 91, 112, 140, 168, 182, 224, 273, 322, 364)
ORIGINS, ORIGIN_STEP = 80, 9  # past origins, rotating over the weekdays: two years
FEWEST_DAYS = 14  # known at a past origin
# Days in which the say of what came halves: in how movements last, how far counts spread, and the shape of the spread.
MOVED, SPREAD, SHAPED = 360.0, 60.0, 180.0
DEAD = 0.01  # complaints a day: a level that says nothing of how levels move


@dataclass(frozen=True)
class Time:
    """Positions of the origin and of past origins; days ahead that are judged at these, and that are forecast."""

    origin: int
    past: np.ndarray
    judged: np.ndarray
    ahead: np.ndarray

    @property
    def days(self) -> np.ndarray:
        """Past origins × days judged, as positions."""
        return self.past[:, None] + self.judged

    @property
    def buckets(self) -> np.ndarray:
        """The horizon bucket of each day judged."""
        return buckets_of(self.judged)

    def actual(self, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Counts on the days judged at past origins (series × origins × days); 1 where they are known, else 0."""
        actual = counts[:, np.minimum(self.days, self.origin)].astype(float)
        return np.nan_to_num(actual), ~np.isnan(actual) * (self.days <= self.origin) * 1.0

    def say(self, half_life: float) -> np.ndarray:
        """What the days judged at past origins say (origins × days): the half if they are older by `half_life` days."""
        return np.asarray(0.5 ** (np.maximum(self.origin - self.days, 0) / half_life))


def past_origins(known: int, horizon: int) -> Time:
    """Of a panel of so many known days; the farther ahead, the more past origins."""
    origin = known - 1
    number = ORIGINS + max(horizon - 28, 0) // ORIGIN_STEP
    past = origin - 1 - ORIGIN_STEP * np.arange(number)[::-1]
    judged = np.array([day for day in JUDGED if day <= max(28, horizon)])
    return Time(origin, past[past >= FEWEST_DAYS - 1], judged, np.arange(1, horizon + 1))


def coefficients(
    stacked: list[np.ndarray],
    actual: np.ndarray,
    say: np.ndarray,
    level: np.ndarray,
    log_rhythm: np.ndarray,
    buckets: np.ndarray,
) -> np.ndarray:
    """How movements last: for each horizon bucket (BUCKETS × features) the coefficients of `movements.features`.

    `actual`, spikes and all (only levels are learned without them), `say` (what each says; 0 on unknown days) and
    `log_rhythm`: series × origins × days; `level`: series × origins, its logarithm.
    """
    offset = level[..., None] + log_rhythm
    expected = np.exp(offset)
    squares = (say * (actual - expected) ** 2).sum(axis=(1, 2))
    spread = np.clip(squares / np.maximum((say * expected).sum(axis=(1, 2)), 1e-3), 1.0, 50.0)
    weight = say * ((np.exp(level) > DEAD) / spread[:, None])[..., None]
    found = np.zeros((len(BUCKETS), len(stacked)))
    for bucket, last in enumerate(BUCKETS):
        chosen = np.flatnonzero(buckets == bucket)
        inside = weight[..., chosen] > 0
        if not inside.any():
            # farther than any past origin reaches: as the nearest that is known
            found[bucket] = found[bucket - 1] if bucket else 0.0
            continue
        matrix = np.stack(
            [np.broadcast_to(one if one.shape[-1] == 1 else one[..., chosen], inside.shape)[inside] for one in stacked],
            axis=-1,
        )
        days = last - (BUCKETS[bucket - 1] if bucket else 0)
        worth = weight[..., chosen][inside] * np.sqrt(days) / len(chosen)
        found[bucket] = learn(matrix, actual[..., chosen][inside], offset[..., chosen][inside], worth)
    return found


def priors(actual: np.ndarray, expected: np.ndarray, weight: np.ndarray, buckets: np.ndarray) -> list[np.ndarray]:
    """For each horizon bucket what dispersions are usual; all three series × origins × days."""
    return [
        counts_of.common_prior(_evidence(actual, expected, weight, buckets == bucket)) for bucket in range(len(BUCKETS))
    ]


def dispersions(
    actual: np.ndarray, expected: np.ndarray, weight: np.ndarray, buckets: np.ndarray, prior: list[np.ndarray]
) -> np.ndarray:
    """Series × BUCKETS; farther than any past origin reaches, as the nearest bucket that is known."""
    found = np.empty((len(actual), len(BUCKETS)))
    for bucket in range(len(BUCKETS)):
        inside = buckets == bucket
        if not inside.any() and bucket:
            found[:, bucket] = found[:, bucket - 1]
            continue
        found[:, bucket] = counts_of.dispersions(_evidence(actual, expected, weight, inside), prior[bucket])
    return found


def _evidence(actual: np.ndarray, expected: np.ndarray, weight: np.ndarray, inside: np.ndarray) -> np.ndarray:
    size = len(actual)
    return counts_of.evidence(
        actual[..., inside].reshape(size, -1),
        expected[..., inside].reshape(size, -1),
        weight[..., inside].reshape(size, -1),
    )
