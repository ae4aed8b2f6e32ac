"""The local part of the demo country's events: what the weather brings, what is planned and what just happens."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from analytics.demo.calendar import Event, national_events
from analytics.demo.places import Places, read_settings, stream
from analytics.demo.weather import Weather

HEATING_LIMIT = 8.0  # °C, daily mean, five days running
HIDDEN = {"outbreak", "portal_outage"}  # in the truth, not in the list of events


def build_events(
    places: Places,
    weather: Weather,
    days: list[date],
    *,
    group_shares: NDArray[np.float64],
    channels: list[str],
    seed: int,
) -> list[Event]:
    """Every event that touches the axis of days, ordered by its first day."""
    rng = stream(seed, "events")
    events = national_events(days)
    months = np.array([day.month for day in days])
    flooding = read_settings("demo_country.toml")["flood_regions"]
    for region, iso in enumerate(places.iso):
        here = np.arange(places.first[region], places.first[region + 1])
        events += _snow_and_wind(weather, region, months)
        for year in range(days[0].year, days[-1].year + 1):
            events += _seasons(weather, region, here, _Year(days[0], year, months), rng, floods=iso in flooding)
            events += _planned(here, region, _Year(days[0], year, months), rng)
        events += _unplanned(places, region, here, len(days), rng, group_shares)
        events += _portal_outages(region, len(days), channels, rng)
    touching = [event for event in events if event.ends >= 0 and event.starts < len(days)]
    return sorted(touching, key=lambda event: event.starts)


@dataclass(frozen=True)
class _Year:
    """One year on the axis of days; positions before the axis are negative."""

    axis_start: date
    year: int
    months: NDArray[np.int64]  # of every day of the axis

    def at(self, month: int, day: int) -> int:
        return (date(self.year, month, day) - self.axis_start).days

    def first(self, flags: NDArray[np.bool_], months: range, run: int) -> int | None:
        """The day that ends the first `run` days with the flag in these months; None too if the axis starts later."""
        start, stop = (self.at(months.start, 1), min(self.at(months.stop - 1, 28), len(flags)))
        if start < 0 or stop - start < run:
            return None
        full = np.convolve(flags[start:stop], np.ones(run, dtype=int), "valid") == run
        return start + int(full.argmax()) + run - 1 if full.any() else None


def _runs(flags: NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(int)))
    return ((int(first), int(after)) for first, after in zip(edges[0::2], edges[1::2], strict=True))


def _snow_and_wind(weather: Weather, region: int, months: NDArray[np.int64]) -> Iterator[Event]:
    """Snowfalls, thaws after snow in February and March, and storms, all as the region's weather has them."""
    snow, temperature, wind = (weather.snow[region], weather.temperature[region], weather.wind[region])
    for first, after in _runs(snow >= 3):
        if snow[first:after].sum() >= 9:
            yield Event("snowfall", first, after - 1, region, strength=round(float(snow[first:after].sum()), 1))
    for first, after in _runs(wind >= 14):
        yield Event("storm", first, after - 1, region, strength=round(float(wind[first:after].max()), 1))
    last_thaw = -99
    thaw = np.isin(months, (2, 3)) & (temperature > 0.3)
    for day in 3 + np.flatnonzero(thaw[3:]):
        frost, fallen = temperature[day - 3 : day].mean(), snow[max(0, day - 20) : day].sum()
        if day - last_thaw > 9 and frost < -1 and fallen > 5:
            last_thaw = int(day)
            yield Event("icicles", last_thaw, last_thaw, region, strength=round(float(temperature[day] - frost), 1))


def _seasons(
    weather: Weather, region: int, here: NDArray[np.int64], year: _Year, rng: np.random.Generator, *, floods: bool
) -> Iterator[Event]:
    """Heating on and off, flood, potholes and mowing in one year, each dated by the temperature."""
    cold = weather.temperature[region] < HEATING_LIMIT
    warm = weather.temperature[region]
    for kind, day in (
        ("heating_end", year.first(~cold, range(4, 7), 5)),
        ("heating_start", year.first(cold, range(8, 13), 5)),
    ):
        if day is not None:  # the authorities of a region follow the rule within a week or so, in a few groups
            delay = rng.choice([0, 1, 2, 4, 8], len(here), p=[0.3, 0.3, 0.2, 0.12, 0.08])
            for after in np.unique(delay):
                start = int(day + 1 + after)
                yield Event(kind, start, start, region, here[delay == after])
    thaw = year.first(warm > 2, range(2, 6), 6)
    if thaw is not None:
        yield Event("potholes", thaw, thaw + 44, region)
        if floods and rng.random() < 0.75:
            some = rng.permutation(here)[: max(2, int(len(here) * rng.uniform(0.15, 0.4)))]
            crest = thaw + int(rng.integers(4, 12))
            height = round(80 * float(rng.lognormal(0, 0.35)))
            yield Event("flood", crest, crest + 20, region, np.sort(some), strength=height)
    growing = year.first(warm > 13, range(5, 8), 8)
    if growing is not None:
        yield Event("grass_season", growing, growing + 59, region)


def _planned(here: NDArray[np.int64], region: int, year: _Year, rng: np.random.Generator) -> Iterator[Event]:
    """Hot water shut off in stages of about two weeks, days of the larger cities, changed bus routes."""
    summer = year.at(5, 20)
    stages, shift = rng.integers(0, 5, len(here)), int(rng.integers(0, 6))
    for stage in np.unique(stages):
        length, first = 14 + int(rng.poisson(0.7)), summer + shift + 17 * int(stage)
        yield Event("hot_water_off", first, first + length - 1, region, here[stages == stage], strength=length)
    to_saturday = 5 - date(year.year, 5, 20).weekday()
    for city in here[:6]:  # on the same weekend of summer every year
        day = summer + to_saturday + 7 * (int(city) % 20)
        yield Event("city_day", day, day + 1, region, np.array([city]), cancelled=rng.random() < 0.04)
    for _ in range(int(rng.poisson(1.2))):
        day = year.at(int(rng.integers(1, 13)), int(rng.choice([1, 15])))
        yield Event("route_change", day, day, region, rng.choice(here[:8], 1), cancelled=rng.random() < 0.06)


def _unplanned(
    places: Places,
    region: int,
    here: NDArray[np.int64],
    length: int,
    rng: np.random.Generator,
    group_shares: NDArray[np.float64],
) -> Iterator[Event]:
    """Power cuts and bursts of complaints that nobody announced."""
    years = length / 365
    weights = np.sqrt(places.population[here])
    for _ in range(int(rng.poisson(years * (2 + 0.12 * len(here))))):
        day, hours = (int(rng.integers(0, length)), round(6 * float(rng.lognormal(0, 0.5)), 1))
        where = np.sort(rng.choice(here, int(rng.integers(1, 4)), replace=False, p=weights / weights.sum()))
        yield Event("power_outage", day, day, region, where, strength=hours)
    for _ in range(int(rng.poisson(years * 9))):
        day = int(rng.integers(0, length))
        where = rng.choice(here, 1, p=weights / weights.sum()) if rng.random() < 0.7 else here[:0]
        group = int(rng.choice(len(group_shares), p=np.sqrt(group_shares) / np.sqrt(group_shares).sum()))
        yield Event("outbreak", day, day + 9, region, where, topic_group=group)


def _portal_outages(region: int, length: int, channels: list[str], rng: np.random.Generator) -> Iterator[Event]:
    """Stretches of one to three days on which one channel, or the whole region, sends nothing."""
    for _ in range(int(rng.poisson(length / 365 * 1.8))):
        day, lasts = int(rng.integers(0, length)), int(rng.integers(1, 4))
        channel = int(rng.integers(0, len(channels))) if rng.random() < 0.6 else -1
        title = f"Сбой выгрузки: {channels[channel] if channel >= 0 else 'весь регион'}"
        yield Event("portal_outage", day, day + lasts - 1, region, channel=channel, title=title)
