"""The regressors of every series of a panel: its days, and the events and the weather of its place and topic."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from copy import copy
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from analytics.almanac import Almanac, Regressors, regressors
from analytics.drivers import Drivers, EventTraces, weather_regressors
from analytics.event_learning import Happened
from analytics.panel import TOTAL, Panel

ALL = ""


@dataclass(frozen=True)
class TypeInPanel:
    """One event of a type: `values` (days of its window × event regressors)."""

    type: str
    cases: int
    lasts: int
    before: int
    values: np.ndarray


class Calendars:
    """What is known of the days of a panel and of those ahead, from its last day as the origin."""

    def __init__(self, days: pd.DatetimeIndex, almanac: Almanac, drivers: Drivers, panel: Panel) -> None:
        self.days = days
        self.origin = panel.days[-1]
        self.drivers = drivers
        regions = panel.series["region"].unique()
        self.almanac = _aligned(days, almanac, regions)
        self.events = drivers.usable_events(self.origin)
        self.traces = EventTraces(days, self.origin, self.events, drivers) if len(self.events) else None
        self.hidden: frozenset[int] = frozenset()  # numbers of events that are taken not to come
        self.weather = self._weathers(set(drivers.places()) & set(regions))
        self.volume = _volumes(panel)
        self.keys: dict[tuple[str, str], tuple] = {}
        self.place: tuple[str | None, list[int]] = (None, [])
        self.cells: dict[tuple[str, tuple[int, ...]], Regressors] = {}
        self.totals: dict[tuple, Regressors] = {}
        self.named = {
            name: [frozenset(one.strip() for one in str(cell).split("|") if one.strip()) for cell in self.events[name]]
            for name in ("region", "topic")
        }

    def of(self, series: pd.DataFrame) -> Iterator[tuple[Regressors, np.ndarray]]:
        """The regressors, each with the rows of `series` that they hold for."""
        if not self.drivers.any:
            yield from self.of_days(series)
            return
        places: dict[tuple, list[int]] = {}
        for row, (region, topic) in enumerate(zip(series["region"], series["topic"], strict=True)):
            places.setdefault(self._key(region, topic), []).append(row)
        for key, rows in places.items():
            yield self._regressors(key), np.array(rows)

    def types(self) -> Iterator[TypeInPanel]:
        """The types of events that have ended within the panel, as one event of each alone would look."""
        if self.traces is None:
            return
        past = self.events[(self.events["ends_on"] <= self.origin) & (self.events["starts_on"] >= self.days[0])]
        for kind, events in past.groupby("type"):
            lasts = int((events["ends_on"] - events["starts_on"]).dt.days.median()) + 1
            values = self.traces.profile(str(kind), lasts)
            before = self.traces.window_of(str(kind))[0]
            yield TypeInPanel(str(kind), len(events), lasts, before, values)

    @property
    def of_events(self) -> slice:
        """The columns of events among all regressors."""
        base = self.almanac[ALL].values.shape[1]
        return slice(base, base + (int(self.traces.kept.sum()) if self.traces else 0))

    def happened(
        self,
        traces: EventTraces,
        series: pd.DataFrame,
        topic: np.ndarray,
        counts: np.ndarray,
        log_rhythm: np.ndarray,
    ) -> Happened:
        """What came in the windows of past events, of these series; `topic`: the number of each one's topic."""
        number = np.empty(len(series), dtype=int)
        values: list[np.ndarray] = []
        for known, rows in self.of(series):
            number[rows] = len(values)
            values.append(known.values[: counts.shape[1], self.of_events])
        leaf = {kind: at for at, kind in enumerate(traces.event_kinds.leaves)}
        regions, topics = series["region"].to_numpy(), series["topic"].to_numpy()
        windows = []
        for at in np.flatnonzero((self.events["starts_on"] <= self.origin).to_numpy()):
            trace = traces.traces[at]
            days = trace.start + np.arange(len(trace.shape))
            inside = days < counts.shape[1]
            counted = np.ones(len(series), dtype=bool)
            for name, wanted in ((regions, self.named["region"][at]), (topics, self.named["topic"][at])):
                counted &= np.isin(name, list(wanted)) if wanted else True
            if inside.any() and counted.any():
                height = trace.shape.max(axis=1)
                windows.append((leaf[traces.types[at]], days[inside], height[inside], np.flatnonzero(counted)))
        return Happened(counts, log_rhythm, topic, values, number, windows)

    def of_days(self, series: pd.DataFrame) -> Iterator[tuple[Regressors, np.ndarray]]:
        """The same of the days alone, without events and weather: the first columns of the others."""
        own = np.array([region if region in self.almanac else ALL for region in series["region"]])
        for name in np.unique(own):
            yield self.almanac[name], np.flatnonzero(own == name)

    def without(self, ids: Collection[str]) -> Calendars:
        """The same, with the same columns, had these events not been to come."""
        found = copy(self)
        coming = self.events["id"].isin(list(ids)) & (self.events["ends_on"] > self.origin)
        found.hidden = frozenset(np.flatnonzero(coming))
        found.keys, found.cells, found.totals, found.place = {}, {}, {}, (None, [])
        return found

    @property
    def freedom(self) -> np.ndarray:
        """The prior's standard deviation of each effect."""
        return next(iter(self.of(pd.DataFrame({"region": [TOTAL], "topic": [TOTAL]}))))[0].freedom

    def _key(self, region: str, topic: str) -> tuple:
        """What tells the regressors of a series apart: a place and the events that count; of totals, their names."""
        if TOTAL in (region, topic):
            return (region, topic, None)
        if (region, topic) not in self.keys:
            applies = tuple(
                number
                for number in self._of_place(region)
                if not self.named["topic"][number] or topic in self.named["topic"][number]
            )
            place = region if region in self.weather or region in self.almanac else ALL
            self.keys[region, topic] = (place, None, applies)
        return self.keys[region, topic]

    def _of_place(self, region: str) -> list[int]:
        """Numbers of the events that count in a region, remembered for the next topic."""
        if self.place[0] != region:
            found = [n for n, places in enumerate(self.named["region"]) if not places or region in places]
            self.place = (region, [number for number in found if number not in self.hidden])
        return self.place[1]

    def _regressors(self, key: tuple) -> Regressors:
        region, topic, applies = key
        if applies is not None:
            return self._cell(region, applies)
        if key not in self.totals:
            self.totals[key] = self._mixed(region, topic)
        return self.totals[key]

    def _mixed(self, region: str, topic: str) -> Regressors:
        """Of a total: those of its series, each as heavy as its complaints of the last year."""
        inside = self.volume
        if region != TOTAL:
            inside = inside[inside["region"] == region]
        if topic != TOTAL:
            inside = inside[inside["topic"] == topic]
        shares: dict[tuple, float] = {}
        for one, group, volume in inside.itertuples(index=False):
            place, _, events = self._key(one, group)
            shares[(place, events)] = shares.get((place, events), 0.0) + volume
        whole = max(sum(shares.values()), 1e-9)
        parts = [(self._cell(place, events), share / whole) for (place, events), share in shares.items()]
        if len(parts) == 1:
            return parts[0][0]
        mean = {
            name: sum(share * getattr(part, name) for part, share in parts)
            for name in ("values", "unseen", "covariance")
        }
        base = self.almanac.get(region, self.almanac[ALL])
        values = np.asarray(mean.pop("values"))
        values[:, : base.values.shape[1]] = base.values
        return replace(parts[0][0], values=values, off=base.off, **mean)

    def _cell(self, place: str, applies: tuple[int, ...]) -> Regressors:
        """Of one place and these events, remembered."""
        if (place, applies) in self.cells:
            return self.cells[place, applies]
        base = self.almanac.get(place, self.almanac[ALL])
        parts, names, groups = [base.values], list(base.names), list(base.groups)
        if self.traces:
            values = self.traces.regressors(applies)
            parts.append(values)
            names += self.traces.names
            groups += ["event"] * values.shape[1]
        unseen, covariance = np.zeros(len(self.days)), np.zeros((0, 0))
        if self.weather:
            weather = self.weather.get(place, self.weather[ALL])
            parts.append(weather.values)
            names += weather.names
            groups += weather.groups
            unseen, covariance = weather.unseen.astype(float), weather.covariance
        found = Regressors(
            np.hstack(parts).astype(np.float32),
            tuple(names),
            tuple(groups),
            base.off,
            unseen=unseen,
            covariance=covariance,
        )
        self.cells[place, applies] = found
        return found

    def _weathers(self, places: set[str]) -> dict:
        """Of each place with weather of its own, and of the rest ('': everywhere, or the mean of the places)."""
        table = self.drivers.weather
        if table is None or not len(table):
            return {}
        place = table["place"].astype("str").where(table["place"].notna(), ALL) if "place" in table else ALL
        table = table.assign(place=place)
        common = table[table["place"] == ALL]
        found = {ALL: weather_regressors(self.days, self.origin, common if len(common) else table)}
        for name in sorted(places):
            one = weather_regressors(self.days, self.origin, table[table["place"] == name])
            if one.names == found[ALL].names:
                found[name] = one
        return found


def _volumes(panel: Panel) -> pd.DataFrame:
    """region, topic, volume: the complaints of the last year, a little more than none."""
    volume = np.nan_to_num(panel.counts[:, -364:]).sum(axis=1) + 0.01
    return panel.series[["region", "topic"]].assign(volume=volume)


def _aligned(days: pd.DatetimeIndex, almanac: Almanac, regions: np.ndarray) -> dict[str, Regressors]:
    """Regressors of all regions ('') and of those with days of their own, with the same columns."""
    found = {ALL: regressors(days, almanac)}
    for region in almanac.regions:
        if region in regions:
            found[region] = regressors(days, almanac, region)
    groups = {name: group for one in found.values() for name, group in zip(one.names, one.groups, strict=True)}
    names = tuple(groups)
    aligned = {}
    for region, one in found.items():
        values = np.zeros((len(days), len(names)))
        values[:, [names.index(name) for name in one.names]] = one.values
        aligned[region] = Regressors(values, names, tuple(groups.values()), one.off)
    return aligned
