"""How many complaints the demo country has: base rates, what events add and take away, and the draws of all of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analytics.demo.calendar import Event
from analytics.demo.places import Places, stream
from analytics.demo.weather import Weather

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
WEEKDAYS = np.array([1.09, 1.05, 1.0, 0.98, 0.92])
DAY_OFF = 0.78  # of a usual Sunday's share on a public holiday
ALL_GROUPS, OWN_GROUP = -1, -2  # in the place of a topic group in Effect
EXTRA_DISPERSION = 5.0  # size of the negative binomial of what events add


@dataclass(frozen=True)
class Extras:
    """What events add (or, on days off and portal outages, take away), one element for each cell, in parallel arrays.

    `municipality` -1 is the whole region; `effect` is the position in `Effects`, -1 for what is taken away; `drawn`
    sums to the complaints that would not be there (or would be) without the event.
    """

    event: Integers
    effect: Integers
    region: Integers
    municipality: Integers
    topic_group: Integers
    day: Integers  # on the axis of the complaints
    expected: Floats
    drawn: Integers


@dataclass(frozen=True)
class Effect:
    """One line of `effects` in demo_events.toml: which group, how much, over which days, and on which topics."""

    type: str
    topic_group: int  # or ALL_GROUPS, or OWN_GROUP of the event
    size: float
    offsets: Integers
    shape: Floats
    topics: tuple[str, ...]


def effects_of(types: dict[str, Any], groups: list[str]) -> list[Effect]:
    """The effects of all types in one list; the profile between its given points is straight."""
    effects = []
    for kind, settings in types.items():
        for given in settings["effects"]:
            days, shares = zip(*given["profile"], strict=True)
            offsets = np.arange(days[0], days[-1] + 1)
            group = {"*": ALL_GROUPS, "own": OWN_GROUP}.get(given["topic_group"])
            group = groups.index(given["topic_group"]) if group is None else group
            shape = np.interp(offsets, days, shares)
            keep = shape > 0
            topics = tuple(given.get("topics", ()))
            effects.append(Effect(kind, group, given["size"], offsets[keep], shape[keep], topics))
    return effects


def base_rates(
    places: Places, groups: list[dict[str, str]], weather: Weather, weekday: Integers, year_day: Integers, seed: int
) -> Floats:
    """Unscaled expected complaints, (regions, topic groups, days), of a country without events.

    People × the group's share × the region's taste, times the week, the yearly curve, winter where it is cold, slow
    trends, level changes, weather-like noise of some weeks and a shock common to a region's day.
    """
    rng = stream(seed, "base rates")

    def column(name: str) -> Floats:
        return np.array([float(row[name]) for row in groups])

    regions, kinds, days = len(places.regions), len(groups), len(weekday)
    people = np.add.reduceat(places.population, places.first[:-1]).astype(float)
    level = np.log(people * rng.lognormal(0, 0.3, regions))[:, None] + np.log(column("share_percent"))
    level = level + rng.normal(0, 0.25, (regions, kinds))
    time = np.arange(days) / 365.25
    growth = column("growth_percent") / 100 + rng.normal(0, 0.07, (regions, kinds))
    logs = level[:, :, None] + growth[:, :, None] * time
    logs += _weekly(column("weekend_ratio"), weekday)[None]
    season = 2 * np.pi * (year_day - column("season_peak_day")[:, None]) / 365.25
    logs += (column("season_amplitude")[:, None] * np.cos(season))[None]
    winter = np.clip((8 - weather.normal) / 30, 0, 1.2)
    logs += column("cold")[None, :, None] * winter[:, None, :]
    logs += _level_changes(regions, kinds, days, rng) + _slow_noise(regions, kinds, days, rng)
    logs += rng.normal(0, 0.07, (regions, 1, days))
    return np.exp(logs)


def _weekly(weekend_ratio: Floats, weekday: Integers) -> Floats:
    week = np.tile(np.append(WEEKDAYS, [1.0, 1.0]), (len(weekend_ratio), 1))
    week[:, 5], week[:, 6] = weekend_ratio**0.9, weekend_ratio**1.1
    return np.log(week)[:, weekday]


def _level_changes(regions: int, kinds: int, days: int, rng: np.random.Generator) -> Floats:
    """Steps that stay: on average one in three years for a topic group of a region, and one for the whole region."""
    total = np.zeros((regions, kinds, days))
    for shape, size in (((regions, kinds), 0.28), ((regions, kinds), 0.28), ((regions, 1), 0.12)):
        happens = rng.random(shape) < 0.5 * days / 1096
        step = np.where(happens, rng.normal(0, size, shape), 0.0)
        since = rng.integers(0, days, shape)
        total += step[:, :, None] * (np.arange(days) >= since[:, :, None])
    return total


def _slow_noise(regions: int, kinds: int, days: int, rng: np.random.Generator) -> Floats:
    """A level that wanders over weeks (first-order autoregression by week, straight lines between)."""
    weeks = days // 7 + 2
    noise = rng.normal(0, 1, (weeks, regions, kinds))
    for week in range(1, weeks):
        noise[week] = 0.85 * noise[week - 1] + np.sqrt(1 - 0.85**2) * noise[week]
    before, weekday = np.divmod(np.arange(days), 7)
    part = (weekday / 7)[:, None, None]
    return np.moveaxis(0.16 * (noise[before] * (1 - part) + noise[before + 1] * part), 0, 2)


def municipality_shares(places: Places, kinds: int, seed: int) -> Floats:
    """(topic groups, municipalities): the share of each municipality in its region's complaints of the group."""
    rng = stream(seed, "municipality shares")
    weights = (
        places.population * rng.lognormal(0, 0.2, len(places.names)) * rng.lognormal(0, 0.3, (kinds, len(places.names)))
    )
    totals = np.add.reduceat(weights, places.first[:-1], axis=1)
    return weights / totals[:, places.region_of]


def kept_on_days_off(
    events: list[Event], groups: list[dict[str, str]], weekday: Integers, first: int
) -> tuple[Floats, Integers]:
    """(topic groups, days) share of a usual day's complaints that come on a day off, and the event of that day (-1)."""
    ratio = np.array([float(row["weekend_ratio"]) for row in groups])
    kept, event_of = np.ones((len(groups), len(weekday))), np.full(len(weekday), -1)
    for number, event in enumerate(events):
        for day in (day - first for day in event.days_off):
            if 0 <= day < len(weekday):
                kept[:, day] = DAY_OFF * (ratio if weekday[day] < 5 else 1.0)
                event_of[day] = number
    return kept, event_of


def expected_extras(
    events: list[Event],
    effects: list[Effect],
    types: dict[str, Any],
    places: Places,
    rates: Floats,
    shares: Floats,
    *,
    first: int,
    seed: int,
) -> Extras:
    """What every event is expected to add to `rates` (regions, topic groups, days from `first` of the axis)."""
    rng = stream(seed, "effects")
    spread = np.array([types[event.type]["spread"] for event in events])
    times = np.exp(spread * rng.standard_normal(len(events))) * [_strength(event, types) for event in events]
    anchor = np.array([event.starts if event.anchor is None else event.anchor for event in events]) - first
    own = np.array([event.topic_group for event in events])
    parts = []
    for number, effect in enumerate(effects):
        happened, region, municipality = _where(events, effect.type, places)
        factor = effect.size * times[happened] * rng.lognormal(0, 0.2, len(happened))
        for group in range(rates.shape[1]) if effect.topic_group == ALL_GROUPS else [effect.topic_group]:
            groups = own[happened] if group == OWN_GROUP else np.full(len(happened), group)
            place = (happened, np.full(len(happened), number), region, municipality, groups)
            parts.append(_cells(place, anchor[happened], factor, effect))
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
    inside = (columns[5] >= 0) & (columns[5] < rates.shape[2])
    event, effect_of, region, municipality, group, day, factor = (column[inside] for column in columns)
    share = np.where(municipality < 0, 1.0, shares[group, municipality])
    expected = factor * share * rates[region, group, day]
    return Extras(event, effect_of, region, municipality, group, day, expected, np.zeros(len(event), dtype=np.int64))


def _strength(event: Event, types: dict[str, Any]) -> float:
    """How strong the event is as a multiple of its type's reference; 1 where the type has none."""
    reference = types[event.type].get("reference")
    return 1.0 if reference is None or event.strength is None else min(4.0, event.strength / reference)


def _where(events: list[Event], kind: str, places: Places) -> tuple[Integers, ...]:
    """Event, region and municipality (-1: all of it) of each place in which events of this type happened."""
    rows: list[tuple[int, int, int]] = []
    for number, event in enumerate(events):
        if event.type != kind or event.cancelled:
            continue
        if event.region < 0:
            rows += [(number, region, -1) for region in range(len(places.regions))]
        elif len(event.municipalities):
            rows += [(number, event.region, int(municipality)) for municipality in event.municipalities]
        else:
            rows.append((number, event.region, -1))
    return tuple(np.array(rows, dtype=np.int64).reshape(-1, 3).T)


def _cells(place: tuple[Integers, ...], anchor: Integers, factor: Floats, effect: Effect) -> tuple[NDArray[Any], ...]:
    """Each place × each day of the profile, as flat columns of the same order as in Extras."""
    columns = [np.repeat(column, len(effect.offsets)) for column in place]
    days = (anchor[:, None] + effect.offsets).ravel()
    return (*columns, days, (factor[:, None] * effect.shape).ravel())


def draw(mean: Floats, size: Floats | float, rng: np.random.Generator) -> Integers:
    """Negative binomial counts with this mean and variance mean + mean² / size."""
    return rng.poisson(mean * rng.gamma(size, 1 / np.broadcast_to(size, mean.shape), mean.shape))
