"""The chance of a spike, set right by past origins: how often spikes came when so much was said, after such days.

A forecast's levels are learned without spikes, so its probability of one knows little of the last days' own. A ridge
logistic regression for each horizon bucket (Platt 1999, with the forecast's log odds as its offset at first) is
learned at past origins: on the probability that the forecast would have given, on what the last days made of their
weekdays' usual (the series', its topic's, its place's, all), and on how often the series reached the threshold lately.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from analytics import negative_binomial as counts_of
from analytics.distribution import buckets_of, calibrated, cells
from analytics.forecast import Engine
from analytics.thresholds import YEAR, year_thresholds

WEEK = 7
LEARNED = (7, 14, 28)  # the last day of each horizon bucket; farther ahead the last days say nothing
RECENT = (1, 3, 7, 28)  # days summed, of the series itself
USUAL = 91  # days that tell what is usual on a weekday
LATELY = (28, 91)  # days over which spikes are counted
FEWEST_SPIKES = 30  # at past origins; with fewer nothing is learned
PRIOR_SHARE, PRIOR_DAYS = 0.05, 10.0  # of spike days, and how many days' worth of belief in it
RIDGE = 60.0  # precision of each coefficient's prior, of terms with standard deviation 1
NEWTON_STEPS = 60
FARTHEST = 4.0  # standard deviations
ALIKE = 0.5  # neighbouring cases are alike: what one of them is worth
AT_ONCE = 4096  # series


@dataclass(frozen=True)
class Correction:
    """What past origins taught, for each bucket of LEARNED: centre and scale of the terms, their coefficients."""

    centre: np.ndarray
    scale: np.ndarray
    coefficients: np.ndarray

    def said_of(self, terms: np.ndarray, ahead: np.ndarray) -> np.ndarray:
        """What the terms (series × days ahead × terms) add to the log odds: series × days ahead."""
        found = np.empty(terms.shape[:2])
        for number, days in self._buckets(ahead):
            scaled = _scaled(terms[:, days], self.centre[number, 2:], self.scale[number, 2:])
            found[:, days] = self.coefficients[number, 0] + scaled @ self.coefficients[number, 2:]
        return found

    def steepness(self, ahead: np.ndarray) -> np.ndarray:
        """What the forecast's own log odds count for on each of the days ahead."""
        found = np.empty(len(ahead))
        for number, days in self._buckets(ahead):
            found[days] = self.coefficients[number, 1]
        return found

    def _buckets(self, ahead: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
        bucket = np.searchsorted(LEARNED, ahead)
        return ((number, bucket == number) for number in range(len(LEARNED)))


@dataclass(frozen=True)
class Settled:
    """What is to be done with the chances of an origin's days ahead, up to 28: whatever is expected to come.

    `slope` (days) of the forecast's log odds and `offset` (series × days), which what came before the origin decides.
    """

    slope: np.ndarray
    offset: np.ndarray

    def of(self, chance: np.ndarray, first: int = 0) -> np.ndarray:
        """Chances (series × days ahead, from position `first` on) set right; those beyond 28 days stay as they are."""
        days = max(min(len(self.slope) - first, chance.shape[1]), 0)
        found, inside = chance.copy(), slice(first, first + days)
        found[:, :days] = _chance(self.slope[inside] * _log_odds(chance[:, :days]) + self.offset[:, inside])
        return found


def correct(engine: Engine, chance: np.ndarray, least: np.ndarray) -> np.ndarray:
    """`chance` (the panel's own series × days ahead) that a day reaches `least` (series), set right.

    Nothing after the origin is known. With fewer than 30 spikes at past origins, and beyond 28 days, as it was.
    """
    settled = settle(engine, least)
    return chance if settled is None else settled.of(chance)


def settle(engine: Engine, least: np.ndarray) -> Settled | None:
    """How chances that a day of the panel's own series reaches `least` are set right; None: they stay as they are."""
    learned = learn(engine)
    if learned is None:
        return None
    ahead = engine.time.ahead[engine.time.ahead <= LEARNED[-1]]
    offset = np.empty((len(least), len(ahead)))
    relatives = [(engine.upper[at], engine.above[at].member) for at in engine.relatives]
    kin = [_recent(counts, engine.time.origin, (WEEK,))[member] for counts, member in relatives]
    for start in range(0, len(least), AT_ONCE):
        rows = slice(start, start + AT_ONCE)
        terms = _terms(engine.panel.counts[rows], engine.time.origin, least[rows], ahead)
        offset[rows] = learned.said_of(_joined(terms, [one[rows] for one in kin]), ahead)
    return Settled(learned.steepness(ahead), offset)


def learn(engine: Engine) -> Correction | None:
    """From the engine's sample of series and its past origins; None where too little has happened."""
    rows, ahead = engine.sample, engine.time.judged
    old_enough = engine.time.past >= YEAR - 1
    points = engine.time.past[old_enough]
    if not len(points):
        return None
    expected, spreads, calibration = engine.past_said()
    expected = expected[:, old_enough]
    counts = engine.panel.counts[rows]
    relatives = [(engine.upper[at], engine.above[at].member[rows]) for at in engine.relatives]
    cases: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    for number, point in enumerate(points):
        least = year_thresholds(counts[:, : point + 1])
        said = _said(least, expected[:, number], spreads, calibration, ahead)
        terms = _terms(counts, point, least, ahead)
        kin = [_recent(above, point, (WEEK,))[member] for above, member in relatives]
        inside = point + ahead <= engine.time.origin
        came = counts[:, np.minimum(point + ahead, engine.time.origin)]
        came = np.where(inside & ~np.isnan(came), came >= least[:, None], np.nan)
        cases.append((said, _joined(terms, kin), came))
    said, terms, came = (np.concatenate(parts) for parts in zip(*cases, strict=True))
    return _fitted(said, terms, came, np.searchsorted(LEARNED, ahead))


def _fitted(said: np.ndarray, terms: np.ndarray, came: np.ndarray, bucket: np.ndarray) -> Correction | None:
    """`said`, `came` (nan: unknown): cases × days ahead; `terms`: these × terms."""
    centres: list[np.ndarray] = []
    scales: list[np.ndarray] = []
    coefficients: list[np.ndarray] = []
    for number in range(len(LEARNED)):
        days = bucket == number
        known = ~np.isnan(came[:, days])
        happened = came[:, days][known]
        if happened.sum() < FEWEST_SPIKES:
            if not number:
                return None
            for learned in (centres, scales, coefficients):
                learned.append(learned[-1])
            continue
        matrix = _matrix(said[:, days], terms[:, days])[known]
        centre, scale = matrix.mean(axis=0), matrix.std(axis=0) + 1e-9
        centre[:2], scale[:2] = 0.0, 1.0  # the constant and the log odds stay what they are
        centres.append(centre)
        scales.append(scale)
        scaled = _scaled(matrix[:, 2:], centre[2:], scale[2:])
        coefficients.append(_logistic(np.hstack([matrix[:, :2], scaled]), happened))
    return Correction(np.stack(centres), np.stack(scales), np.stack(coefficients))


def _logistic(matrix: np.ndarray, happened: np.ndarray) -> np.ndarray:
    """Coefficients of the ridge logistic regression, drawn to the log odds as they are, by Newton's method."""
    prior = np.zeros(matrix.shape[1])
    prior[1] = 1.0
    precision = np.full(len(prior), RIDGE)
    precision[0] = 0.1
    found = prior.copy()
    for _ in range(NEWTON_STEPS):
        chance = _chance(matrix @ found)
        slope = ALIKE * matrix.T @ (happened - chance) - precision * (found - prior)
        bend = ALIKE * (matrix * (chance * (1 - chance))[:, None]).T @ matrix + np.diag(precision)
        step = np.linalg.solve(bend, slope)
        found = found + step * min(1.0, 1.0 / np.abs(step).max())  # whole steps can go too far where chances are small
        if np.abs(step).max() < 1e-6:
            break
    return found


def _said(
    least: np.ndarray, expected: np.ndarray, spreads: np.ndarray, calibration: np.ndarray, ahead: np.ndarray
) -> np.ndarray:
    """What a past origin would have said: P(count ≥ least), series × days ahead."""
    buckets = buckets_of(ahead)
    cell = cells(expected.mean(axis=1), buckets)
    below = counts_of.at_most(np.broadcast_to(least[:, None] - 1.0, expected.shape), expected, spreads[:, buckets])
    return 1.0 - calibrated(below.ravel(), calibration[cell.ravel()]).reshape(expected.shape)


def _terms(counts: np.ndarray, point: int, least: np.ndarray, ahead: np.ndarray) -> np.ndarray:
    """Series × days ahead × terms of the series itself, from the days up to the `point`."""
    recent = _recent(counts, point, RECENT)
    past = counts[:, max(0, point + 1 - YEAR) : point + 1]
    hits, days = past >= least[:, None], past.shape[1]
    whole = hits.mean(axis=1)
    lately = [
        _log_odds((hits[:, -span:].sum(axis=1) + PRIOR_SHARE * PRIOR_DAYS) / (min(span, days) + PRIOR_DAYS))
        for span in LATELY
    ]
    steady = np.column_stack([recent, *lately])
    same = np.empty((len(counts), WEEK))
    for later in range(1, WEEK + 1):
        alike = hits[:, days - 1 - (-later % WEEK) :: -WEEK]
        same[:, later - 1] = (alike.sum(axis=1) + 0.5 * whole + 0.02) / (alike.shape[1] + 0.52)
    weekday = _log_odds(same)[:, (ahead - 1) % WEEK]
    return np.concatenate([np.repeat(steady[:, None], len(ahead), axis=1), weekday[..., None]], axis=-1)


def _recent(counts: np.ndarray, point: int, spans: tuple[int, ...]) -> np.ndarray:
    """Series × spans: logarithm of the last days' complaints over what is usual on their weekdays."""
    last = counts[:, max(0, point + 1 - USUAL) : point + 1]
    known = ~np.isnan(last)
    values, weekday = np.where(known, last, 0.0), np.arange(last.shape[1]) % WEEK
    same = (weekday[:, None] == np.arange(WEEK)).astype(float)
    usual = (values @ same) / np.maximum(known @ same, 1.0)
    expected = np.where(known, usual[:, weekday], 0.0)
    return np.column_stack(
        [np.log((values[:, -span:].sum(axis=1) + 1.0) / (expected[:, -span:].sum(axis=1) + 1.0)) for span in spans]
    )


def _joined(terms: np.ndarray, kin: list[np.ndarray]) -> np.ndarray:
    """The series' own terms and those of its relatives (series × 1 each), on all days ahead."""
    relatives = np.column_stack(kin)[:, None]
    return np.concatenate([terms, np.broadcast_to(relatives, (*terms.shape[:2], relatives.shape[-1]))], axis=-1)


def _matrix(chance: np.ndarray, terms: np.ndarray) -> np.ndarray:
    odds = _log_odds(chance)[..., None]
    return np.concatenate([np.ones_like(odds), odds, terms], axis=-1)


def _scaled(terms: np.ndarray, centre: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Terms in standard deviations, at most FARTHEST: days stranger than any that taught say no more than these."""
    return np.clip((terms - centre) / scale, -FARTHEST, FARTHEST)


def _log_odds(chance: np.ndarray) -> np.ndarray:
    kept = np.clip(chance, 1e-4, 1 - 1e-4)
    return np.log(kept / (1 - kept))


def _chance(log_odds: np.ndarray) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-np.clip(log_odds, -30.0, 30.0)))
