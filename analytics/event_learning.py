"""What events do, learned from past ones: pooled profiles with empirical-Bayes shrinkage, and how sure they are.

What came in the windows of events is held against what the level, the weekday and the holidays give without them, days
of events having little say in that level. Logarithmic effects on the event's shapes (`drivers.SHAPES`, nothing at both
ends) are fitted by penalised quasi-Poisson regression from wide to narrow: type, type × topic, and the busier series;
each is drawn to the wider one by as much as its kind has been seen to vary (empirical Bayes by EM, Morris 1983; Gelman
and Hill 2007, chapter 12). How far one event lies from others of its type is a random effect, its variance by the
moments of DerSimonian and Laird (1986), drawn to a common one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from analytics.rhythm import overdispersion, smooth

if TYPE_CHECKING:
    from analytics.local_events import Parts

LEVEL_HALF_LIFE = 30.0  # days
SAY_IN_LEVEL = 0.1  # of a day within an event's window, against others
FREEDOM = 0.7  # of a type's effect from its parent's: a prior's standard deviation
NARROWER = (0.5, 0.35)  # of a topic from its type, of a series from its topic, before it is learned
BELIEF = 6.0  # cases' worth of belief in these
EVENT_SPREAD = 0.4  # standard deviation of one event's log effect around its type's, before it is learned
EVENT_BELIEF = 3.0  # events' worth of belief in it
PASSES, ROUNDS, STEPS = 2, 3, 8
MORE_PASSES = 2  # where events act in parts of a region: what they do to it is not linear in the effects
FEW_DAYS, WINDOW_DAYS = 3, 14  # in a row, whose errors are alike; over which a level may be taken wrong
MOST_IN_COMMON, MOST_DRIFT = 100.0, 0.25
FEWEST = 1.0  # complaints expected in the windows, from which a unit learns of its own


@dataclass(frozen=True)
class Kinds:
    """The event columns: the kind and the shape of each, and for every type in the table its own kind and all above."""

    kind: np.ndarray
    shape: np.ndarray
    leaves: tuple[str, ...]
    above: tuple[tuple[int, ...], ...]  # of each leaf: numbers of its kinds, itself first

    @property
    def size(self) -> int:
        """How many columns."""
        return len(self.kind)

    @cached_property
    def of_leaves(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Of each leaf its own columns, and those that add up to them, its own and those above: own × all, 0 or 1."""
        found = []
        for above in self.above:
            own = np.flatnonzero(self.kind == above[0])
            together = np.isin(self.kind, above) & (self.shape == self.shape[own][:, None])
            found.append((own, together.astype(float)))
        return found


@dataclass(frozen=True)
class Happened:
    """Learning series: `counts` (nan unknown), the logarithms of their rhythm without events, their topics.

    `values`: of each distinct calendar the event columns (days × columns); `calendar`: which one each series has;
    `windows`: for each past event its leaf, its days, their heights, the series that it counts for, and the
    municipalities it is confined to in series of whole regions, of which `parts` tells what acts there.
    """

    counts: np.ndarray
    log_rhythm: np.ndarray
    topic: np.ndarray
    values: Sequence[np.ndarray]
    calendar: np.ndarray
    windows: Sequence[tuple[int, np.ndarray, np.ndarray, np.ndarray, frozenset[str]]]
    parts: Sequence[Parts | None] = ()

    @property
    def local(self) -> bool:
        """Do events act in parts of a series?"""
        return any(self.parts)

    def parts_of(self, row: int) -> Parts | None:
        """What acts in parts of this series."""
        return self.parts[self.calendar[row]] if len(self.parts) else None


@dataclass
class EventEffects:
    """Effects (units × columns) of all, of topics and of series, and of each the covariance of every leaf's columns.

    `spread`: leaves × topics, the variance of one event's log effect around its type's; `seen`: how many past events of
    like size those were that it was learned from; `drift`: of each topic the variance of its level's logarithm.
    """

    kinds: Kinds
    whole: np.ndarray
    topics: np.ndarray
    series: dict[int, np.ndarray]
    whole_blocks: list[np.ndarray]
    topic_blocks: list[list[np.ndarray]]
    series_blocks: dict[int, list[np.ndarray]]
    spread: np.ndarray
    seen: np.ndarray
    drift: np.ndarray = field(default_factory=lambda: np.zeros(0))
    unlike: tuple[np.ndarray, np.ndarray] = field(default_factory=lambda: (np.zeros(0), np.zeros(0)))

    def of_rows(self, rows: np.ndarray) -> EventEffects:
        """The same, the series known by the numbers `rows` of those that were learned from."""
        series = {int(rows[at]): one for at, one in self.series.items()}
        blocks = {int(rows[at]): one for at, one in self.series_blocks.items()}
        return replace(self, series=series, series_blocks=blocks)

    def of(self, rows: np.ndarray, topic: np.ndarray) -> np.ndarray:
        """Effects of these series (rows × columns); `topic`: the number of each one's topic."""
        found = self.topics[topic]
        for at, row in enumerate(rows.tolist()):
            if row in self.series:
                found[at] = self.series[row]
        return found

    def doubts(self, values: np.ndarray, rows: np.ndarray, topic: np.ndarray) -> np.ndarray:
        """Variance (rows × days) that events add to the logarithm of these series; `values`: days × columns."""
        found = np.zeros((len(rows), len(values)))
        units = [self.series_blocks.get(row, self.topic_blocks[at]) for row, at in zip(rows, topic, strict=True)]
        for leaf in range(len(self.kinds.leaves)):
            own, _ = self.kinds.of_leaves[leaf]
            if not values[:, own].any():
                continue
            done: dict[int, np.ndarray] = {}
            for at, blocks in enumerate(units):
                if id(blocks) not in done:
                    done[id(blocks)] = self.doubt(leaf, values, blocks, topic[at], one_more=True)
                found[at] += done[id(blocks)]
        return found

    def profile(self, kind: str, values: np.ndarray, topic: int) -> tuple[np.ndarray, np.ndarray]:
        """Log effect of a type on each day (values: days × columns) and its variance; topic -1: all together."""
        leaf = self.kinds.leaves.index(kind)
        effects, blocks = (
            (self.topics[topic], self.topic_blocks[topic]) if topic >= 0 else (self.whole, self.whole_blocks)
        )
        return values @ effects, self.doubt(leaf, values, blocks, topic, one_more=False)

    def doubt(
        self, leaf: int, values: np.ndarray, blocks: list[np.ndarray], topic: int, *, one_more: bool
    ) -> np.ndarray:
        """Variance (days) of the log effect of the leaf's type, or of one more event of it; values: days × columns.

        `topic`: its number, -1: all together. Of the mean effect the doubt is that of the fit, and of so many
        events as were seen, each as far from the others as events of the type are and as a level may be taken wrong.
        """
        own, _ = self.kinds.of_leaves[leaf]
        mine = values[:, own]
        height = np.abs(mine).max(axis=1, initial=0.0)
        at = topic if topic >= 0 else int(self.seen[leaf].argmax())
        spread, seen = self.spread[leaf, at], self.seen[leaf, at]
        drift = self.drift[at] if len(self.drift) else 0.0
        of_mean = np.einsum("ds,st,dt->d", mine, blocks[leaf], mine)
        of_mean += (spread * height**2 + drift * np.minimum(2 * height, 1.0) ** 2) / seen
        return of_mean + one_more * spread * height**2


def learn_events(kinds: Kinds, past: Happened, topics: int, own: np.ndarray) -> EventEffects:
    """Learn from `past`; topics: how many there are; own: numbers of the series of `past` that learn for themselves."""
    learner = _Learner(kinds, past, topics, own)
    for _ in range(MORE_PASSES * past.local):
        learner.level()
        learner.fit(1, narrowest=False)
    for number in range(PASSES):
        learner.level()
        learner.fit(ROUNDS, narrowest=number == PASSES - 1)
    return learner.found


def _in_blocks(came: np.ndarray, said: np.ndarray, length: int) -> tuple[float, float, float]:
    """Over blocks of so many days the sum of squared errors, of what was said, and of its squares."""
    starts = np.arange(0, len(came), length)
    came, said = np.add.reduceat(came, starts), np.add.reduceat(said, starts)
    return float(((came - said) ** 2).sum()), float(said.sum()), float((said**2).sum())


class _Learner:
    def __init__(self, kinds: Kinds, past: Happened, topics: int, own: np.ndarray) -> None:
        self.kinds, self.past, self.number, self.own = kinds, past, topics, own
        known = ~np.isnan(past.counts)
        self.actual = np.where(known, past.counts, 0.0).astype(float)
        self.without = np.where(known, np.exp(past.log_rhythm), 0.0)
        self.inside = [np.flatnonzero((np.abs(one) > 0).any(axis=1)) for one in past.values]
        for at, parts in enumerate(past.parts):
            if parts is not None:
                self.inside[at] = np.union1d(self.inside[at], parts.day)
        self.sparse = [sparse.csr_array(one[days]) for one, days in zip(past.values, self.inside, strict=True)]
        self.effects = np.zeros((len(past.topic), kinds.size))
        self.freedom = np.full(kinds.size, FREEDOM**2)
        self.unlike = [np.full(kinds.size, start**2) for start in NARROWER]

    def level(self) -> None:
        """What would have come without events: level × rhythm on the days of windows, stacked series after series."""
        say = np.ones_like(self.without)
        exposure = self.without.copy()
        for row, at in enumerate(self.past.calendar):
            days = self.inside[at]
            say[row, days] = SAY_IN_LEVEL
            exposure[row, days] *= np.exp(self._log_effect(row))
        level = smooth(self.actual * say, exposure * say, LEVEL_HALF_LIFE)
        self.spread = overdispersion(self.actual, exposure)
        in_common, self.drift = self._errors_in_common(level * exposure)
        self.together = self.spread * in_common[self.past.topic]
        parts, designs = [], []
        for row, at in enumerate(self.past.calendar):
            days = self.inside[at]
            design, beyond = self._linear(row)
            designs.append(design)
            parts.append((self.actual[row, days], (level * self.without)[row, days] * np.exp(beyond)))
        self.rows = np.repeat(np.arange(len(parts)), [len(one) for one, _ in parts])
        self.came = np.concatenate([one for one, _ in parts]) if parts else np.zeros(0)
        self.usual = np.concatenate([one for _, one in parts]) if parts else np.zeros(0)
        self.design = sparse.csr_array(sparse.vstack(designs))

    def _log_effect(self, row: int) -> np.ndarray:
        """Logarithm of what events do to a series on the days of their windows, by the effects as they are now."""
        at, effects = self.past.calendar[row], self.effects[row]
        found, parts = self.sparse[at] @ effects, self.past.parts_of(row)
        return found if parts is None else found + parts.effect(effects[None])[0, self.inside[at]]

    def _linear(self, row: int) -> tuple[sparse.csr_array, np.ndarray]:
        """The series' design near the effects as they are now, and what its logarithm is beyond it."""
        at, parts = self.past.calendar[row], self.past.parts_of(row)
        if parts is None:
            return self.sparse[at], np.zeros(len(self.inside[at]))
        effects = self.effects[row]
        near = sparse.csr_array(self.sparse[at] + parts.slope(effects)[self.inside[at]])
        return near, self._log_effect(row) - near @ effects

    def _errors_in_common(self, expected: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Of each topic: how much more its sum over some days varies than independent series and days would make it,
        and the variance of its logarithm over a whole window beyond that."""
        found, drift = np.ones(self.number), np.zeros(self.number)
        known = ~np.isnan(self.past.counts)
        for topic in np.unique(self.past.topic):
            rows = self.past.topic == topic
            came, said = ((one[rows] * known[rows]).sum(axis=0) for one in (self.actual, expected))
            of_each = (expected[rows] * self.spread[rows, None]).sum() / max(said.sum(), 1e-9)
            squares, whole, _ = _in_blocks(came, said, FEW_DAYS)
            found[topic] = np.clip(squares / max(whole * of_each, 1e-9), 1.0, MOST_IN_COMMON)
            squares, whole, weight = _in_blocks(came, said, WINDOW_DAYS)
            drift[topic] = np.clip((squares - whole * of_each * found[topic]) / max(weight, 1e-9), 0.0, MOST_DRIFT)
        return found, drift

    def fit(self, rounds: int, *, narrowest: bool) -> None:
        """From wide to narrow, single series at last; `rounds` of learning how far units lie apart."""
        kinds, size = self.kinds, self.kinds.size
        whole, spread = self._unit(np.arange(len(self.came)), np.zeros(size), self.freedom, self.together)
        for _ in range(rounds):
            self.freedom = self._variances([(whole, spread)], FREEDOM**2, together=True)
            whole, spread = self._unit(np.arange(len(self.came)), np.zeros(size), self.freedom, self.together, whole)
        topic_of = self.past.topic[self.rows]
        by_topic = [np.flatnonzero(topic_of == number) for number in range(self.number)]
        topics, self.unlike[0] = self._narrow(by_topic, [(whole, spread)] * self.number, 0, self.together, rounds)
        own = self.own if narrowest else self.own[:0]
        first = np.searchsorted(self.rows, np.arange(len(self.past.topic) + 1))
        by_series = [np.arange(first[row], first[row + 1]) for row in own]
        above = [topics[self.past.topic[row]] for row in own]
        series, self.unlike[1] = self._narrow(by_series, above, 1, self.spread, max(rounds - 1, 1))
        mine = dict(zip(own.tolist(), series, strict=True))
        self.effects = np.stack(
            [mine[row][0] if row in mine else topics[t][0] for row, t in enumerate(self.past.topic)]
        )
        fitted = self.usual * np.exp(np.clip(self._driven(), -8, 8))
        between, seen = self._between(fitted)
        self.found = EventEffects(
            kinds,
            whole,
            np.stack([one for one, _ in topics]) if topics else np.zeros((0, size)),
            {row: one for row, (one, _) in mine.items()},
            self._blocks(spread),
            [self._blocks(one) for _, one in topics],
            {row: self._blocks(one) for row, (_, one) in mine.items()},
            between,
            seen,
            self.drift,
            (self.unlike[0], self.unlike[1]),
        )

    def _driven(self) -> np.ndarray:
        cells = np.searchsorted(self.rows, np.arange(len(self.past.topic) + 1))
        return np.concatenate(
            [self.design[cells[row] : cells[row + 1]] @ self.effects[row] for row in range(len(self.past.topic))]
        )

    def _narrow(
        self,
        units: list[np.ndarray],
        above: list[tuple[np.ndarray, np.ndarray]],
        at: int,
        noise: np.ndarray,
        rounds: int,
    ) -> tuple[list[tuple[np.ndarray, np.ndarray]], np.ndarray]:
        """Each unit drawn to the wider one by what its kind has been seen to vary; and with that one's own doubt."""
        variance = self.unlike[at]
        enough = [self.usual[cells].sum() >= FEWEST for cells in units]
        fits: list[tuple[np.ndarray, np.ndarray]] = []
        for _ in range(rounds):
            fits = [
                self._unit(cells if is_enough else cells[:0], wide, variance, noise, last[0])
                for cells, (wide, _), is_enough, last in zip(units, above, enough, fits or above, strict=True)
            ]
            moved = [
                (one - wide, spread)
                for (one, spread), (wide, _), is_enough in zip(fits, above, enough, strict=True)
                if is_enough
            ]
            variance = self._variances(moved, NARROWER[at] ** 2)
        found = []
        for (one, spread), (_, wider) in zip(fits, above, strict=True):
            kept = spread / variance  # spread × the prior's precision: how much of the wider one's doubt remains
            found.append((one, spread + kept @ wider @ kept.T))
        return found, variance

    def _unit(
        self,
        cells: np.ndarray,
        centre: np.ndarray,
        variance: np.ndarray,
        noise: np.ndarray,
        start: np.ndarray | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """The most probable effects of these cells and their covariance, the centre being certain; `start`: a guess."""
        if not len(cells):
            return centre, np.diag(variance)
        design, came, usual = self.design[cells], self.came[cells], self.usual[cells]
        weight = 1 / noise[self.rows[cells]]
        touched = np.flatnonzero(np.bincount(design.indices, minlength=len(centre)))
        design = design[:, touched]
        precision = 1 / variance[touched]
        theta = (centre if start is None else start)[touched].copy()
        curvature = np.diag(precision)
        for _ in range(STEPS):
            mean = weight * usual * np.exp(np.clip(design @ theta, -8, 8))
            curvature = np.asarray((design.T @ (design * mean[:, None])).todense()) + np.diag(precision)
            gradient = design.T @ (weight * came - mean) - precision * (theta - centre[touched])
            step = np.linalg.solve(curvature, gradient)
            theta += step * min(1.0, 1.0 / max(np.abs(step).max(initial=0.0), 1e-9))
            if np.abs(step).max(initial=0.0) < 1e-3:
                break
        effects, spread = centre.copy(), np.diag(variance)
        effects[touched] = theta
        spread[np.ix_(touched, touched)] = np.linalg.inv(curvature)
        return effects, spread

    def _variances(
        self, moved: list[tuple[np.ndarray, np.ndarray]], start: float, *, together: bool = False
    ) -> np.ndarray:
        """How far units lie from the wider one, by kind (or all kinds together): what is expected, given the fits."""
        squares, seen = np.zeros(self.kinds.size), np.zeros(self.kinds.size)
        for one, spread in moved:
            information = np.diag(spread) < 0.9 * start  # others have seen nothing
            squares += np.where(information, one**2 + np.diag(spread), 0.0)
            seen += information
        groups = np.zeros_like(self.kinds.kind) if together else self.kinds.kind
        found = np.empty(self.kinds.size)
        for group in np.unique(groups):
            inside = groups == group
            found[inside] = (BELIEF * start + squares[inside].sum()) / (BELIEF + seen[inside].sum())
        return np.maximum(found, 1e-4)

    def _between(self, fitted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Leaves × topics: the variance of one event's log effect, and how many events of like size were seen."""
        start = np.concatenate([[0], np.cumsum([len(self.inside[at]) for at in self.past.calendar])])
        place = np.full((len(self.past.calendar), self.actual.shape[1]), -1)
        for row, at in enumerate(self.past.calendar):
            place[row, self.inside[at]] = start[row] + np.arange(len(self.inside[at]))
        shape = (len(self.kinds.leaves), self.number)
        excess, weights, sums, squares = (np.zeros(shape) for _ in range(4))
        own_parts = ((row, self.past.parts_of(row)) for row in range(len(self.past.topic)))
        weight_of = {row: parts.weight(self.effects[row]) for row, parts in own_parts if parts}
        for leaf, days, height, rows, places in self.past.windows:
            for topic in np.unique(self.past.topic[rows]):
                same = rows[self.past.topic[rows] == topic]
                cells = place[np.ix_(same, days)]
                high = np.broadcast_to(height, cells.shape)[cells >= 0]
                own = self._own_part(same, places, days, weight_of)[cells >= 0] * high
                cells = cells[cells >= 0]
                expected = own @ fitted[cells]
                if expected <= 0:
                    continue
                sums[leaf, topic] += expected
                squares[leaf, topic] += expected**2
                noise = ((high**2 * fitted[cells]) @ self.together[self.rows[cells]]) / expected**2
                apart = (high @ (self.came[cells] - fitted[cells])) / expected
                weight = 1 / (noise + EVENT_SPREAD**2) ** 2
                excess[leaf, topic] += weight * (apart**2 - noise)
                weights[leaf, topic] += weight
        believed = EVENT_BELIEF / EVENT_SPREAD**4
        common = (believed * EVENT_SPREAD**2 + excess.sum(axis=1)) / (believed + weights.sum(axis=1))
        variance = (believed * np.clip(common, 0.0025, None)[:, None] + excess) / (believed + weights)
        seen = sums**2 / np.maximum(squares, 1e-12)
        return np.clip(np.log1p(np.clip(variance, 0.0025, None)), 0.0025, 1.5), np.maximum(seen, 1.0)

    def _own_part(
        self, rows: np.ndarray, places: frozenset[str], days: np.ndarray, weight_of: dict[int, np.ndarray]
    ) -> np.ndarray:
        """Rows × days: the share of each series in which an event of these municipalities acts; 1 for all of it."""
        found = np.ones((len(rows), len(days)), dtype=np.float32)
        for number, row in enumerate(rows.tolist() if places else ()):
            parts = self.past.parts_of(row)
            if parts is not None and (share := parts.inside(places, weight_of[row], days)).any():
                found[number] = share
        return found

    def _blocks(self, spread: np.ndarray) -> list[np.ndarray]:
        found = []
        for leaf in range(len(self.kinds.leaves)):
            _, together = self.kinds.of_leaves[leaf]
            found.append(together @ spread @ together.T)
        return found
