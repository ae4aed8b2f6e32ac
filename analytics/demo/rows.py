"""The demo country's complaints one by one: where, when, on what and by whom, drawn from the counts month by month."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analytics.demo.counts import Effect, Floats, Integers
from analytics.demo.draw import NO_OUTAGE, WHOLE_REGION, Channels, Counts
from analytics.demo.places import Places, stream

DAY = 86_400
KINDS = ["complaint", "suggestion", "question", "thanks"]
REPEAT_SHARE = 0.11  # of rows that have a predecessor, these repeat its place, and half of them its sender
REPEAT_DAYS = 30
WITH_PLACE, WITH_SENDER = 0.82, 0.88
SENDER_BITS = 26  # a sender is municipality << SENDER_BITS | number


@dataclass(frozen=True)
class Rows:
    """Complaints ordered by time, as parallel arrays of positions; `opened` in seconds from the first midnight."""

    opened: Integers
    region: Integers
    municipality: Integers
    topic_group: Integers
    topic: Integers
    channel: Integers
    kind: Integers
    spot: Integers  # position in Places.spots; -1: unknown
    sender: Integers  # -1: unknown


@dataclass(frozen=True)
class Topics:
    """All topics in the order of their groups; `seasonal` (seasons, topics) marks those that fade out of season."""

    names: list[str]
    group_of: Integers
    weights: Floats
    seasonal: NDArray[np.bool_]

    @property
    def first(self) -> Integers:
        return np.searchsorted(self.group_of, np.arange(self.group_of[-1] + 2))


SEASONS = ("snow", "heating", "warm")


def build_topics(rows: list[dict[str, str]], groups: list[str], seasons: dict[str, list[str]]) -> Topics:
    """The topics of topics_ru.csv; within a group the first is the commonest."""
    rows = sorted(rows, key=lambda row: groups.index(row["topic_group_ru"]))
    group_of = np.array([groups.index(row["topic_group_ru"]) for row in rows])
    rank = np.arange(len(rows)) - np.searchsorted(group_of, group_of)
    names = [row["topic_ru"] for row in rows]
    seasonal = np.array([[name in seasons[season] for name in names] for season in SEASONS])
    return Topics(names, group_of, 1 / (rank + 1.5), seasonal)


def pick(cumulative: Floats, start: Integers, stop: Integers, uniform: Floats) -> Integers:
    """For each row a position in [start, stop) of one long list, by the weights whose running sum is `cumulative`."""
    before = np.concatenate([[0.0], cumulative])
    low, high = before[start], before[stop]
    return np.clip(np.searchsorted(cumulative, low + uniform * (high - low), side="right"), start, stop - 1)


@dataclass(frozen=True)
class Country:
    """All that the rows are made from; `groups` and `settings` are demo_topic_groups.csv and demo_country.toml."""

    places: Places
    topics: Topics
    effects: list[Effect]
    counts: Counts
    channels: Channels
    shares: Floats  # (topic groups, municipalities), 1 in sum over a region
    groups: list[dict[str, str]]
    settings: dict[str, Any]
    normal_temperature: Floats  # (regions, days)
    weekday: Integers  # of every day, Monday 0
    seed: int

    @property
    def days(self) -> int:
        return len(self.weekday)


class RowMaker:
    """Draws the rows of one stretch of days after the other; it remembers each place's last complaint for repeats."""

    def __init__(self, country: Country) -> None:
        self._country, self._places, self._topics = country, country.places, country.topics
        self._counts, self._channels, self._shares = country.counts, country.channels, country.shares
        self._rng = stream(country.seed, "rows")
        shares = [[float(row[f"{kind}_percent"]) / 100 for kind in KINDS[1:]] for row in country.groups]
        self._not_complaints = np.array(shares).cumsum(axis=1)
        hours = country.settings["hours"]
        self._hours = [np.cumsum([0, *hours[channel["hours"]]]) for channel in country.settings["channels"]]
        self._drift = np.zeros(len(self._places.names))
        population = self._places.population
        expected = self._counts.base.sum() / population.sum() * population
        self._senders = np.maximum(40, expected).astype(np.int64)  # few write often, most once in some years
        keys = len(population) * len(country.groups)
        self._last_opened = np.full(keys, -10 * REPEAT_DAYS * DAY)
        self._last_spot, self._last_sender = np.full(keys, -1), np.full(keys, -1)

    def rows(self, first: int, after: int) -> Rows:
        """The complaints of days first … after - 1; stretches must be asked for in order."""
        region, municipality, group, day, effect = self._expanded(first, after)
        channel = self._channel(region, day)
        opened = day * DAY + self._second_of_day(channel)
        order = np.argsort(opened, kind="stable")
        opened, region, municipality, group, day, effect, channel = (
            column[order] for column in (opened, region, municipality, group, day, effect, channel)
        )
        municipality = self._municipality(region, municipality, group)
        topic = self._topic(region, group, effect, day[len(day) // 2] if len(day) else first)
        kind = self._kind(group, effect)
        spot, sender = self._who_and_where(municipality, group, opened)
        return Rows(opened, region, municipality, group, topic, channel, kind, spot, sender)

    def _expanded(self, first: int, after: int) -> tuple[Integers, ...]:
        """One element a complaint, from the cells of base and extras: region, municipality, group, day, effect."""
        base, extras = self._counts.base[:, :, first:after], self._counts.extras
        cell = np.repeat(np.arange(base.size), base.ravel())
        region, group, day = np.unravel_index(cell, base.shape)
        stretch = slice(*np.searchsorted(extras.day, [first, after]))
        times = np.clip(extras.drawn[stretch], 0, None)
        columns = (extras.region, extras.municipality, extras.topic_group, extras.day, extras.effect)
        unknown = np.full(len(cell), -1)
        usual = (region, unknown, group, day + first, unknown)
        return tuple(
            np.concatenate([of_base, np.repeat(column[stretch], times)])
            for of_base, column in zip(usual, columns, strict=True)
        )

    def _channel(self, region: Integers, day: Integers) -> Integers:
        weights = self._channels.weights
        cumulative = np.cumsum(weights[:, day.min() : day.max() + 1], axis=2) if len(day) else weights[:, :0]
        at = day - day.min() if len(day) else day
        uniform = self._rng.random(len(day)) * cumulative[region, at, -1]
        outage = self._channels.outage[region, day]
        missing = np.flatnonzero((outage != NO_OUTAGE) & (outage != WHOLE_REGION))
        if len(missing):  # the missing channel's stretch is cut out, so nothing can fall into it
            rows = (region[missing], at[missing])
            low = np.where(outage[missing] > 0, cumulative[*rows, outage[missing] - 1], 0.0)
            width = weights[region[missing], day[missing], outage[missing]]
            total = cumulative[*rows, -1]
            squeezed = uniform[missing] * (1 - width / total)
            uniform[missing] = np.where(squeezed >= low, squeezed + width, squeezed)
        channel = np.zeros(len(day), dtype=np.int64)
        for number in range(weights.shape[2] - 1):
            channel += uniform >= cumulative[region, at, number]
        return channel

    def _second_of_day(self, channel: Integers) -> Integers:
        uniform = self._rng.random(len(channel))
        second = np.empty(len(channel))
        for number, cumulative in enumerate(self._hours):
            mine = channel == number
            second[mine] = np.interp(uniform[mine] * cumulative[-1], cumulative, np.arange(25) * 3600.0)
        return np.minimum(second.astype(np.int64), DAY - 1)

    def _municipality(self, region: Integers, municipality: Integers, group: Integers) -> Integers:
        """Of what is counted for whole regions: a municipality by its share, which wanders from month to month."""
        self._drift = 0.85 * self._drift + self._rng.normal(0, 0.1, len(self._drift))
        cumulative = np.cumsum(self._shares * np.exp(self._drift))
        offset = group * self._shares.shape[1]
        first = self._places.first
        drawn = pick(cumulative, offset + first[region], offset + first[region + 1], self._rng.random(len(region)))
        return np.where(municipality < 0, drawn - offset, municipality)

    def _topic(self, region: Integers, group: Integers, effect: Integers, middle: int) -> Integers:
        """By the usual mix of the season, or, for what an event added, one of the event's topics."""
        normal = self._country.normal_temperature[:, middle]
        in_season = np.clip(np.stack([-normal / 4, (11 - normal) / 8, (normal - 7) / 7]), 0, 1)  # in order of SEASONS
        faded = np.where(self._topics.seasonal[None], in_season.T[:, :, None], 1.0).min(axis=1)
        weights = self._topics.weights * np.maximum(faded, 0.004)
        offset, first = region * len(self._topics.names), self._topics.first
        usual = pick(np.cumsum(weights), offset + first[group], offset + first[group + 1], self._rng.random(len(group)))
        topic = usual - offset
        for number in np.unique(effect[effect >= 0]):
            if self._country.effects[number].topics:
                choice = np.array([self._topics.names.index(name) for name in self._country.effects[number].topics])
                mine = np.flatnonzero(effect == number)
                topic[mine] = choice[self._rng.integers(0, len(choice), len(mine))]
        return topic

    def _kind(self, group: Integers, effect: Integers) -> Integers:
        """Position in KINDS; what events add are nearly all complaints."""
        uniform = self._rng.random(len(group)) * np.where(effect >= 0, 3.0, 1.0)
        below = uniform[:, None] < self._not_complaints[group]
        return np.where(below.any(axis=1), 1 + below.argmax(axis=1), 0)

    def _who_and_where(self, municipality: Integers, group: Integers, opened: Integers) -> tuple[Integers, Integers]:
        """Spot and sender of each row; some rows come again from the place, or the sender, of the one before."""
        count = len(opened)
        first = self._places.spots_from
        spot = first[municipality] + (self._rng.random(count) ** 1.3 * np.diff(first)[municipality]).astype(np.int64)
        number = (self._rng.random(count) ** 1.5 * self._senders[municipality]).astype(np.int64)
        sender = (municipality << SENDER_BITS) | number
        key = municipality * self._counts.base.shape[1] + group
        luck = self._rng.random(count)
        order = np.argsort(key, kind="stable")
        spot[order], sender[order] = self._repeated(key[order], opened[order], spot[order], sender[order], luck[order])
        spot[self._rng.random(count) >= WITH_PLACE] = -1
        sender[self._rng.random(count) >= WITH_SENDER] = -1
        return spot, sender

    def _repeated(
        self, key: Integers, opened: Integers, spot: Integers, sender: Integers, luck: Floats
    ) -> tuple[Integers, Integers]:
        """Spots and senders with repeats; rows are ordered by key and time. Remembers the last row of each key."""
        begins = np.concatenate([[True], key[1:] != key[:-1]])[: len(key)]
        before = np.where(begins, self._last_opened[key], np.concatenate([[0], opened[:-1]])[: len(key)])
        again = opened - before <= REPEAT_DAYS * DAY

        def repeated(own: Integers, remembered: Integers, share: float) -> Integers:
            copies = again & (luck < share)
            own = np.where(copies & begins, remembered[key], own)
            return own[np.maximum.accumulate(np.where(copies & ~begins, 0, np.arange(len(key))))]

        spot = repeated(spot, self._last_spot, REPEAT_SHARE)
        sender = repeated(sender, self._last_sender, REPEAT_SHARE / 2)
        ends = np.flatnonzero(np.concatenate([begins[1:], [True]])[: len(key)])
        self._last_opened[key[ends]] = opened[ends]
        self._last_spot[key[ends]], self._last_sender[key[ends]] = spot[ends], sender[ends]
        return spot, sender
