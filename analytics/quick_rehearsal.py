"""A rehearsal in a moment: with and without events to come, on grounds that were laid before."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from analytics import negative_binomial as counts_of
from analytics.coming import ComingEvents
from analytics.distribution import BUCKETS, LEVELS, VOLUMES, Distribution, calibrated, means_of, spread_out
from analytics.drivers import PLACES
from analytics.errors import BadInput
from analytics.events import several
from analytics.forecast import MOST_DOUBT
from analytics.grounds import Grounds
from analytics.local_events import acting, event_doubts, parts_of
from analytics.panel import TOTAL
from analytics.rehearsal import DEADLINE, answers_a_day, extra_interval, felt_days, shared_by_regions

CONTEXT = 14  # days before the first window that are told too
UNMOVED = 1e-6  # complaints: what differs by less is the same
FEWEST_DAYS = 28
EIGHTY = (0.1, 0.9)


@dataclass(frozen=True, eq=False)
class Played:
    """What events to come would do, day by day.

    `series`: region, topic; own series, then totals with '*'. `with_event`, `without_event` (means), `extra_low`,
    `extra_high` (80 % of the difference), `threshold` (the count that is a spike): series × days. `shapes`: the
    distributions, with and without; `chances`: the probabilities of a spike (series × days), as signals say them.
    `acting`: which days lie in the window of an event played. `shares`: what part of its region's complaints an event
    acts on, by id, where it names municipalities; nan: not known, it is taken to act on the whole region.
    """

    days: pd.DatetimeIndex
    series: pd.DataFrame
    with_event: np.ndarray
    without_event: np.ndarray
    extra_low: np.ndarray
    extra_high: np.ndarray
    shapes: tuple[Distribution, Distribution]
    chances: tuple[np.ndarray, np.ndarray]
    threshold: np.ndarray
    events: pd.DataFrame
    acting: np.ndarray
    shares: dict[str, float]

    def row(self, region: str, topic: str) -> int:
        """The number of a series; that of the nearest total where there is none."""
        for place, what in ((region, topic), (region, TOTAL), (TOTAL, topic), (TOTAL, TOTAL)):
            found = np.flatnonzero((self.series["region"] == place) & (self.series["topic"] == what))
            if len(found):
                return int(found[0])
        raise KeyError((region, topic))

    def by_day(self, region: str = TOTAL, topic: str = TOTAL) -> pd.DataFrame:
        """One series: day, with_event, with_low, with_high, without_event … (80 % of the counts), extra, extra_low,
        extra_high, threshold, probability_with, probability_without (of a spike)."""
        row = self.row(region, topic)
        found = pd.DataFrame({"day": self.days})
        cells = row * len(self.days) + np.arange(len(self.days))
        for name, shape, chance in zip(("with", "without"), self.shapes, self.chances, strict=True):
            part = Distribution(shape.mean[cells], shape.dispersion[cells], shape.cell[cells], shape.calibration)
            levels = np.array([_levels(part, level) for level in EIGHTY]).T
            low_high = counts_of.quantiles(levels, part.mean, part.dispersion)
            found[f"{name}_event"] = getattr(self, f"{name}_event")[row]
            found[f"{name}_low"], found[f"{name}_high"] = low_high.T
            found[f"probability_{name}"] = chance[row]
        found["extra"] = found["with_event"] - found["without_event"]
        found["extra_low"], found["extra_high"] = self.extra_low[row], self.extra_high[row]
        return found.assign(threshold=self.threshold[row])

    def in_all(self, least: float = 0.0, *, sums: bool = True) -> pd.DataFrame:
        """Every series over the days of the windows: region, topic, with_event, without_event, extra, extra_low,
        extra_high, busiest (the day of most extra; of most complaints where nothing changes), probability_with,
        probability_without (of a spike on that day); the greatest extra first.

        Series with less than `least` extra complaints, more or fewer, are left out, and with `sums` false totals over
        a single series that changes.
        """
        extra = self.with_event - self.without_event
        found = self.series.copy()
        for name in ("with_event", "without_event", "extra_low", "extra_high"):
            found[name] = getattr(self, name)[:, self.acting].sum(axis=1)
        found.insert(4, "extra", found["with_event"] - found["without_event"])
        moved = np.where(np.abs(extra).max(axis=1, keepdims=True) > UNMOVED, np.abs(extra), self.with_event)
        busiest = np.where(self.acting, moved, -1.0).argmax(axis=1)
        found["busiest"] = self.days[busiest]
        for name, chance in zip(("with", "without"), self.chances, strict=True):
            found[f"probability_{name}"] = chance[np.arange(len(found)), busiest]
        found = found[(found["extra"].abs() >= least) & (sums | _sums_several(found))]
        return found.sort_values("extra", ascending=False, ignore_index=True)

    def answers_a_day(self, region: str, topic: str, deadline: int = DEADLINE) -> float:
        """How many more answers a day it takes over the busiest stretch to keep the deadline."""
        row = self.row(region, topic)
        return answers_a_day(self.with_event[row] - self.without_event[row], deadline)


def play(
    grounds: Grounds, events: pd.DataFrame, ids: Collection[str], windows: Mapping[str, tuple[int, int]]
) -> Played:
    """The days around the events `ids`, with and without them; `events` (as of `check_events`) are all to come.

    What was known at the origin acts on both sides. Raises BadInput where none of `ids` begins after the origin and
    within a year of it.
    """
    origin = pd.Timestamp(grounds.origin)
    past = grounds.events[grounds.events["starts_on"] <= origin]
    coming = events[(events["starts_on"] > origin) & (~events["cancelled"].astype(bool) | events["id"].isin(ids))]
    every = pd.concat([past, coming], ignore_index=True)
    told = every[every["id"].isin(ids)]
    check_days(told, grounds.origin, len(grounds.days))
    felt = felt_days(told, windows, grounds.days)
    first = max(int(felt.argmax()) - CONTEXT, 0)
    last = min(max(int(np.flatnonzero(felt)[-1]), first + FEWEST_DAYS - 1), len(felt) - 1)
    days = grounds.days[first : last + 1]
    traces = ComingEvents(grounds, days, every, windows)
    near = [number for number, trace in enumerate(traces.traces) if len(trace.shape)]
    played = set(told.index)
    inside = slice(first, last + 1)
    log_mean, weather = grounds.log_mean[:, inside], grounds.weather_doubt[:, inside]
    buckets = np.searchsorted(BUCKETS, np.arange(first + 1, last + 2))
    spread = grounds.dispersion[:, buckets]
    volume = np.searchsorted(VOLUMES, grounds.usual())
    cell = (volume[:, None] * len(BUCKETS) + buckets).ravel()
    least = grounds.threshold[:, inside]
    calm = _with_totals(grounds, means_of(log_mean.astype(float)), weather.astype(float))[0]
    means, doubts, shapes, chances = [], [], [], []
    for chosen in (near, [number for number in near if number not in played]):
        mean, doubt = _with_totals(grounds, *_acting(grounds, traces, every, chosen, log_mean, weather))
        means.append(mean)
        doubts.append(doubt)
        wider = spread_out(spread, mean, calm, doubt)
        shapes.append(Distribution(counts_of.rounded(mean.ravel()), wider.ravel(), cell, grounds.calibration))
        chances.append(_chances(grounds, shapes[-1], least, first))
    low, high = extra_interval(
        means[0], means[1], doubts[0] - doubts[1], grounds.above, shared_by_regions(every, told, origin)
    )
    series = pd.concat([grounds.series, *(level.series for level in grounds.above)], ignore_index=True)
    return Played(
        days,
        series,
        means[0],
        means[1],
        low,
        high,
        (shapes[0], shapes[1]),
        (chances[0], chances[1]),
        least,
        told.reset_index(drop=True),
        felt[inside],
        {str(event.id): _share(grounds, event) for event in told.itertuples(index=False) if event.municipality},
    )


def _share(grounds: Grounds, event: object) -> float:
    """The share of its regions' complaints that an event's municipalities make; nan where none is known."""
    named = [frozenset(several(str(getattr(event, name)))) for name in PLACES]
    regions, towns, topics = named
    usual = pd.Series(grounds.usual()[: len(grounds.series)], pd.MultiIndex.from_frame(grounds.series))
    there = {
        where: sum(shares.get(name, 0.0) for name in towns)
        for where, shares in grounds.of_municipalities.items()
        if (not regions or where[0] in regions) and (not topics or where[1] in topics) and where in usual
    }
    touched = {where: share for where, share in there.items() if regions or share > 0}
    whole = sum(usual[where] for where in touched)
    return sum(usual[where] * share for where, share in touched.items()) / whole if any(touched.values()) else np.nan


def check_days(told: pd.DataFrame, origin: date, reach: int) -> None:
    """Raise BadInput unless there are events and each begins after the origin and within reach of it."""
    ahead = (told["starts_on"] - pd.Timestamp(origin)).dt.days
    if not len(told) or (ahead < 1).any() or (ahead > reach).any():
        raise BadInput(
            "rehearsal_days", "An event to be rehearsed begins after {origin} and within 365 days of it.", origin=origin
        )


def _sums_several(sums: pd.DataFrame) -> pd.Series:
    """Is it no total, or one over several series that change?"""
    changed = sums[(sums["region"] != TOTAL) & (sums["topic"] != TOTAL) & (sums["extra"].abs() > 1e-6)]
    regions, topics = changed["region"].nunique(), changed["topic"].nunique()
    of_topic, of_region = (
        sums[one].map(changed.groupby(one)[other].nunique()).fillna(0)
        for one, other in (("topic", "region"), ("region", "topic"))
    )
    kept = (sums["region"] != TOTAL) | np.where(sums["topic"] == TOTAL, regions > 1, of_topic > 1)
    return kept & ((sums["topic"] != TOTAL) | np.where(sums["region"] == TOTAL, topics > 1, of_region > 1))


def _levels(shape: Distribution, level: float) -> np.ndarray:
    """For each row the level of the uncalibrated distribution that stands for this one."""
    return np.clip(shape.calibration[shape.cell, LEVELS.index(level)], 1e-6, 1 - 1e-6)


def _acting(
    grounds: Grounds,
    traces: ComingEvents,
    events: pd.DataFrame,
    chosen: list[int],
    log_mean: np.ndarray,
    weather: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Means and doubts of the own series (series × days), these events acting."""
    logs, doubt = log_mean.astype(float), weather.astype(float)
    for rows, shares, everywhere, within in acting(grounds.series, events, chosen, grounds.of_municipalities):
        values, effects = traces.regressors(everywhere), grounds.effects[rows]
        parts = parts_of(traces, everywhere, within, shares)
        if parts is not None:
            logs[rows] += parts.effect(effects)
        logs[rows] += effects @ values.T
        doubt[rows] += traces.unseen(everywhere)
        for place, numbers in within.items():
            doubt[rows] += traces.unseen(numbers) * shares[place] ** 2
        if grounds.event_effects:
            days = slice(0, len(values))
            doubt[rows] += event_doubts(grounds.event_effects, values, parts, effects, rows, grounds.topic[rows], days)
    return means_of(logs), np.clip(doubt, 0.0, MOST_DOUBT)


def _with_totals(grounds: Grounds, mean: np.ndarray, doubt: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Causes are common to the series of a total: they do not average out."""
    means, doubts = [mean], [doubt]
    for level in grounds.above:
        means.append(level.total(mean))
        doubts.append((level.total(mean * np.sqrt(doubt)) / np.maximum(means[-1], 1e-9)) ** 2)
    return np.vstack(means), np.vstack(doubts)


def _chances(grounds: Grounds, shape: Distribution, least: np.ndarray, first: int) -> np.ndarray:
    """Series × days, from position `first` of the days ahead on: probabilities of a spike."""
    raw = counts_of.at_most(np.ceil(least.ravel()) - 1.0, shape.mean, shape.dispersion)
    found = (1.0 - calibrated(raw, shape.calibration[shape.cell])).reshape(least.shape)
    own = len(grounds.series)
    if grounds.settled is not None:
        found[:own] = grounds.settled.of(found[:own], first)
    return found
