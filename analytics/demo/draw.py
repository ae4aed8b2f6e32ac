"""The draws of the demo country: complaints of usual days and of events, kept apart so that the truth is exact."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from analytics.demo.calendar import Event
from analytics.demo.counts import EXTRA_DISPERSION, Extras, Floats, Integers, draw
from analytics.demo.places import stream

NO_OUTAGE, WHOLE_REGION = -2, -1


@dataclass(frozen=True)
class Counts:
    """`base` (regions, topic groups, days): complaints without what events add, after what days off and outages took.

    `extras`: what events added (drawn > 0) and took away (drawn < 0). All complaints = base + the drawn > 0.
    """

    base: Integers
    extras: Extras


@dataclass(frozen=True)
class Channels:
    """`weights` (regions, days, channels): the volume of each channel, about 1 in sum; outages as (regions, days)."""

    weights: Floats
    outage: Integers  # NO_OUTAGE, WHOLE_REGION or the channel that is missing
    outage_event: Integers

    @property
    def lost(self) -> Floats:
        """(regions, days): the share of complaints that outages take."""
        share = self.weights / self.weights.sum(axis=2, keepdims=True)
        region, day = np.indices(self.outage.shape)
        of_channel = share[region, day, np.clip(self.outage, 0, None)]
        return np.select([self.outage == NO_OUTAGE, self.outage == WHOLE_REGION], [0.0, 1.0], of_channel)


def build_channels(
    settings: list[dict[str, Any]], regions: int, days: int, events: list[Event], *, first: int, seed: int
) -> Channels:
    """Channels grow and shrink, differ by region, and some start late in some regions: then the total rises too."""
    rng = stream(seed, "channels")
    weights = np.empty((regions, days, len(settings)))
    time = np.arange(days) / 365.25
    for number, channel in enumerate(settings):
        late = rng.random(regions) < channel.get("late_start", 0.0)
        start = np.where(late, rng.integers(0, days, regions), -9999)
        ramp = np.clip((np.arange(days) - start[:, None]) / 60, 0, 1)
        taste = channel["share"] * rng.lognormal(0, 0.3, regions)
        weights[:, :, number] = taste[:, None] * np.exp(channel["growth"] * time) * ramp
    outage = np.full((regions, days), NO_OUTAGE)
    outage_event = np.full((regions, days), -1)
    for number, event in enumerate(events):
        if event.type == "portal_outage":
            span = slice(max(0, event.starts - first), max(0, event.ends + 1 - first))
            outage[event.region, span], outage_event[event.region, span] = event.channel, number
    return Channels(weights, outage, outage_event)


def draw_counts(
    rates: Floats,
    extras: Extras,
    *,
    dispersion: Floats,
    kept: Floats,
    day_off_event: Integers,
    channels: Channels,
    complaints: int,
    seed: int,
) -> Counts:
    """Scales `rates` and `extras` so that exactly `complaints` are expected, draws both, and mends the small rest.

    The rest (the difference between what was drawn and `complaints`, well under 1 % of a country of a million) is added
    to or taken from the base at random, so the drawn extras stay what they were.
    """
    rng = stream(seed, "counts")
    lost = channels.lost[:, None, :]
    remaining = rates * kept[None] * (1 - lost)
    scale = complaints / (remaining.sum() + extras.expected.sum())
    base = draw(rates * scale, dispersion[None, :, None], rng)
    after_days_off = base.copy()
    off = np.flatnonzero(day_off_event >= 0)
    after_days_off[:, :, off] = rng.binomial(base[:, :, off], kept[None, :, off])
    came = after_days_off.copy()
    region, day = np.nonzero(channels.outage != NO_OUTAGE)
    came[region, :, day] = rng.binomial(after_days_off[region, :, day], 1 - lost[region, :, day])
    expected = extras.expected * scale
    extras = replace(extras, expected=expected, drawn=draw(expected, EXTRA_DISPERSION, rng))
    taken = [
        _taken(base, after_days_off, rates * scale * (1 - kept[None]), day_off_event[None, :], off),
        _taken(after_days_off, came, rates * scale * kept[None] * lost, channels.outage_event, np.unique(day)),
    ]
    came = _mended(came, remaining, complaints - int(extras.drawn.sum()), rng)
    return Counts(came, _joined([extras, *taken]))


def _taken(before: Integers, after: Integers, expected: Floats, event_of: Integers, days: Integers) -> Extras:
    """What days off or outages took away, for the cells of these days that belong to an event."""
    event_of = np.broadcast_to(event_of, (before.shape[0], before.shape[2]))
    groups = before.shape[1]
    region, which = np.nonzero(event_of[:, days] >= 0)
    day, group = np.repeat(days[which], groups), np.tile(np.arange(groups), len(region))
    region, nothing = np.repeat(region, groups), np.full(len(day), -1)
    drawn = (after - before)[region, group, day]
    return Extras(event_of[region, day], nothing, region, nothing, group, day, -expected[region, group, day], drawn)


def _mended(came: Integers, weights: Floats, wanted: int, rng: np.random.Generator) -> Integers:
    surplus = int(came.sum()) - wanted
    if surplus <= 0:
        return came + rng.multinomial(-surplus, (weights / weights.sum()).ravel()).reshape(came.shape)
    surplus = min(surplus, int(came.sum()))
    return came - rng.multivariate_hypergeometric(came.ravel(), surplus, method="marginals").reshape(came.shape)


def _joined(parts: list[Extras]) -> Extras:
    columns = [np.concatenate(column) for column in zip(*(vars(part).values() for part in parts), strict=True)]
    order = np.argsort(columns[5], kind="stable")
    return Extras(*(column[order] for column in columns))


def without(counts: Counts, events: list[Event], types: Collection[str]) -> Counts:
    """The same country had events of these types left no trace: all other draws are as they were."""
    extras = counts.extras
    gone = np.isin(extras.event, [number for number, event in enumerate(events) if event.type in types])
    base = counts.base.copy()
    taken = gone & (extras.drawn < 0)
    np.add.at(base, (extras.region[taken], extras.topic_group[taken], extras.day[taken]), -extras.drawn[taken])
    return Counts(base, replace(extras, drawn=np.where(gone, 0, extras.drawn)))
