"""Events of a part of a region in series of the whole region: the part's share is multiplied, the rest stays.

Were s the municipality's share of the region's complaints and f what the event does there, the region gets 1 - s + s·f
times as much. So the region's sum is that of its municipalities, also where effects are strong.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from scipy import sparse

from analytics.drivers import PLACES, EventTraces, Shares
from analytics.event_learning import EventEffects
from analytics.panel import TOTAL
from analytics.small_tables import several

STRONGEST = 4.0  # logarithm of what an event is taken to do in a municipality: 55 times


@dataclass(frozen=True, eq=False)
class Parts:
    """What acts in municipalities beyond what acts in their whole region: an entry for each municipality and day.

    `day`: position, in order; `place`: its municipality; `share` of the region's complaints; `rows`: entries × event
    columns, the difference of the municipality's regressors to the region's; `days`: how many the axis has.
    """

    days: int
    day: np.ndarray
    place: np.ndarray
    share: np.ndarray
    rows: sparse.csr_array

    @cached_property
    def mean(self) -> sparse.csr_array:
        """Days × event columns: what effects close to nothing do to the region."""
        return self._summed(self.share)

    def until(self, days: int) -> Parts:
        """The same of the first days alone."""
        kept = int(np.searchsorted(self.day, days))
        return Parts(days, self.day[:kept], self.place[:kept], self.share[:kept], self.rows[:kept])

    def effect(self, effects: np.ndarray) -> np.ndarray:
        """Series × days: logarithm of what the parts do to the region; `effects`: series × event columns."""
        logs = np.clip(self.rows @ effects.T, -STRONGEST, STRONGEST)
        return np.log1p(np.maximum(self._of_days(self.share) @ np.expm1(logs), -0.999)).T

    def weight(self, effects: np.ndarray) -> np.ndarray:
        """Of each entry: the share of the region's complaints of the day that is the municipality's, event included."""
        raised = self.share * np.exp(np.clip(self.rows @ effects, -STRONGEST, STRONGEST))
        whole = 1 + np.bincount(self.day, raised - self.share, self.days)
        return raised / np.maximum(whole, 1e-3)[self.day]

    def slope(self, effects: np.ndarray) -> sparse.csr_array:
        """Days × event columns: what a little more effect than these (columns) would do to the region."""
        return self._summed(self.weight(effects))

    def inside(self, places: frozenset[str], weight: np.ndarray, days: np.ndarray) -> np.ndarray:
        """The weights of these municipalities added up, on these days."""
        named = [self._of_place[name] for name in places if name in self._of_place]
        entries = np.concatenate(named) if named else np.zeros(0, dtype=int)
        return np.bincount(self.day[entries], weight[entries], self.days)[days]

    @cached_property
    def _of_place(self) -> dict[str, np.ndarray]:
        names, number = np.unique(self.place, return_inverse=True)
        return {str(name): np.flatnonzero(number == at) for at, name in enumerate(names)}

    def _of_days(self, weight: np.ndarray) -> sparse.csr_array:
        """Days × entries."""
        first = np.searchsorted(self.day, np.arange(self.days + 1))
        return sparse.csr_array((weight, np.arange(len(weight)), first), (self.days, len(weight)))

    def _summed(self, weight: np.ndarray) -> sparse.csr_array:
        """The entries' rows, so weighed, added up by day."""
        indices, first, target = self._cells
        values = np.bincount(target, self.rows.data * np.repeat(weight, np.diff(self.rows.indptr)), len(indices))
        return sparse.csr_array((values, indices, first), (self.days, self.rows.shape[1]))

    @cached_property
    def _cells(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Of the sum by day the columns and where its rows begin; and which of its cells each value goes into."""
        columns = self.rows.shape[1]
        cell = np.repeat(self.day, np.diff(self.rows.indptr)) * columns + self.rows.indices
        cells, target = np.unique(cell, return_inverse=True)
        first = np.searchsorted(cells, np.arange(self.days + 1) * columns)
        return (cells % columns).astype(np.int32), first.astype(np.int32), target.astype(np.int32)


def parts_of(
    traces: EventTraces, everywhere: Sequence[int], within: Mapping[str, Sequence[int]], shares: Mapping[str, float]
) -> Parts | None:
    """Of the events that act in the whole region, and those that act within municipalities; None where none do.

    `shares`: of the region's complaints, of each municipality named.
    """
    found: list[tuple[np.ndarray, str, sparse.csr_array]] = []
    for place, numbers in within.items():
        days = traces.days_of(numbers)
        if not len(days):
            continue
        apart = traces.regressors([*everywhere, *numbers], days) - traces.regressors(everywhere, days)
        kept = np.flatnonzero(apart.any(axis=1))
        found.append((days[kept], place, sparse.csr_array(apart[kept])))
    if not found:
        return None
    sizes = [len(days) for days, _, _ in found]
    names = [place for _, place, _ in found]
    day = np.concatenate([days for days, _, _ in found])
    order = np.argsort(day, kind="stable")
    return Parts(
        traces.days,
        day[order],
        np.repeat(np.array(names), sizes)[order],
        np.repeat([shares[place] for place in names], sizes)[order],
        sparse.csr_array(sparse.vstack([rows for _, _, rows in found]))[order],
    )


def divided(
    numbers: Iterable[int], named: Sequence[frozenset[str]], shares: Mapping[str, float]
) -> tuple[list[int], dict[str, list[int]]]:
    """Of events that count in a region: those that act in all of it, and those within municipalities.

    `named`: municipalities of each event. One none of whose municipalities has a known share acts in all of the region.
    """
    everywhere: list[int] = []
    within: dict[str, list[int]] = {}
    for number in numbers:
        places = [name for name in named[number] if name in shares]
        for place in places:
            within.setdefault(place, []).append(number)
        if not places:
            everywhere.append(number)
    return everywhere, dict(sorted(within.items()))


def shares_of(table: pd.DataFrame) -> dict[tuple[str, str], dict[str, float]]:
    """`Drivers.shares` of a table: region, topic, municipality, share."""
    found: dict[tuple[str, str], dict[str, float]] = {}
    columns = (table[name].tolist() for name in ("region", "topic", "municipality", "share"))
    for region, topic, municipality, share in zip(*columns, strict=True):
        found.setdefault((region, topic), {})[municipality] = share
    return found


def shares_in(shares: Shares, region: str, topic: str) -> Mapping[str, float]:
    """Of the municipalities of a region in a topic; in all of them ('*') where that is not told."""
    return shares.get((region, topic)) or shares.get((region, TOTAL)) or {}


def acting(
    series: pd.DataFrame, events: pd.DataFrame, chosen: Sequence[int], shares: Shares
) -> Iterator[tuple[np.ndarray, Mapping[str, float], list[int], dict[str, list[int]]]]:
    """Rows of `series` (region, topic) on which the same of the `chosen` events act: rows, shares, what acts in all of
    the region, and what within each municipality."""
    places, towns, topics = (
        {number: frozenset(several(str(events[name].iloc[number]))) for number in chosen} for name in PLACES
    )
    named = [towns.get(number, frozenset()) for number in range(len(events))]
    groups: dict[tuple[tuple[str, str], tuple[int, ...]], list[int]] = {}
    for row, (region, topic) in enumerate(zip(series["region"], series["topic"], strict=True)):
        acts = tuple(
            number
            for number in chosen
            if (not places[number] or region in places[number]) and (not topics[number] or topic in topics[number])
        )
        if acts:
            local = any(towns[number] for number in acts)
            groups.setdefault(((region, topic) if local else ("", ""), acts), []).append(row)
    for (where, acts), rows in groups.items():
        known = shares_in(shares, *where)
        yield np.array(rows), known, *divided(acts, named, known)


def event_doubts(
    learned: EventEffects,
    values: np.ndarray,
    parts: Parts | None,
    effects: np.ndarray,
    rows: np.ndarray,
    topic: np.ndarray,
    days: slice,
) -> np.ndarray:
    """`EventEffects.doubts` of series with these regressors on the `days`, parts allowed for.

    `values`: all days × event columns; `effects`: series × event columns. A region's doubt of a municipality's event is
    the municipality's times its share.
    """
    if parts is None:
        return learned.doubts(values[days], rows, topic)
    found = np.zeros((len(rows), len(values[days])))
    for at in range(len(rows)):
        near = values + parts.slope(effects[at]).toarray()
        found[at] = learned.doubts(near[days], rows[[at]], topic[[at]])[0]
    return found
