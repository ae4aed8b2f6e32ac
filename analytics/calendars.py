"""The regressors of every series of a panel: its days, and the events and the weather of its place and topic."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from copy import copy
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from analytics.almanac import Almanac, Regressors, regressors
from analytics.drivers import PLACES, Drivers, EventTraces, weather_regressors
from analytics.event_learning import Happened
from analytics.local_events import Parts, divided, parts_of, shares_in
from analytics.panel import TOTAL, Panel

ALL = ""
MOST_KEPT, MOST_MIXED = 2e9, 4e8  # bytes of regressors that are remembered, of series and of totals
Key = tuple[str, tuple[str, str] | None, tuple[int, ...], str | None]


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
        self.wide = "municipality" in panel.keys
        self.named = {
            name: [frozenset(one.strip() for one in str(cell).split("|") if one.strip()) for cell in self.events[name]]
            for name in PLACES
        }
        self.municipalities = frozenset().union(*self.named["municipality"])  # that events name
        self.volume = self._volumes(panel)
        self.volume_of = dict(list(self.volume.groupby("region")))
        self.keys: dict[tuple[str, str, str], Key] = {}
        self.place: tuple[str | None, list[int]] = (None, [])
        self.cells: dict[tuple[str, tuple[int, ...]], Regressors] = {}
        self.mixed: dict[Key, Regressors] = {}
        self.local: dict[tuple[str, tuple[int, ...], str], tuple[tuple[int, ...], Parts | None]] = {}

    def of(self, series: pd.DataFrame) -> Iterator[tuple[Regressors, np.ndarray]]:
        """The regressors, each with the rows of `series` that they hold for."""
        if not self.drivers.any:
            yield from self.of_days(series)
            return
        municipality = (
            series["municipality"] if "municipality" in series else [TOTAL if self.wide else ALL] * len(series)
        )
        places: dict[tuple, list[int]] = {}
        for row, names in enumerate(zip(series["region"], municipality, series["topic"], strict=True)):
            places.setdefault(self._key(*names), []).append(row)
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
        parts: list[Parts | None] = []
        for known, rows in self.of(series):
            number[rows] = len(values)
            values.append(known.values[: counts.shape[1], self.of_events])
            parts.append(known.parts.until(counts.shape[1]) if known.parts else None)
        leaf = {kind: at for at, kind in enumerate(traces.event_kinds.leaves)}
        names = [(series[name].to_numpy(), self.named[name]) for name in PLACES if name in series]
        masks: dict[tuple[int, frozenset[str]], np.ndarray] = {}
        windows = []
        for at in np.flatnonzero((self.events["starts_on"] <= self.origin).to_numpy()):
            trace = traces.traces[at]
            days = trace.start + np.arange(len(trace.shape))
            inside = days < counts.shape[1]
            counted = np.ones(len(series), dtype=bool)
            for number_of, (name, wanted) in enumerate(names):
                if wanted[at]:
                    key = (number_of, wanted[at])
                    if key not in masks:
                        masks[key] = np.isin(name, list(wanted[at]))
                    counted &= masks[key]
            if inside.any() and counted.any():
                height, rows = trace.shape.max(axis=1)[inside], np.flatnonzero(counted)
                places = self.named["municipality"][at] if not self.wide else frozenset()
                windows.append((leaf[traces.types[at]], days[inside], height, rows, places))
        return Happened(counts, log_rhythm, topic, values, number, windows, parts)

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
        found.keys, found.mixed, found.place = {}, {}, (None, [])  # the cells hold for any choice of events
        return found

    def notices(self) -> list[str]:
        """What had to be supposed, in words: where it cannot be told on which part of a region an event acts."""
        named = [number for number, places in enumerate(self.named["municipality"]) if places]
        if self.wide:
            lost = [n for n in named if not self.named["municipality"][n] & self.known_municipalities]
            words = "{n:,} events name a municipality of which the panel has no complaints: they change nothing."
        else:
            shares = self.drivers.shares
            lost = [n for n in named if not any(self.named["municipality"][n] & set(one) for one in shares.values())]
            words = (
                "{n:,} events name a municipality; the panel has none and its share of the region is not known, so "
                "they are taken to act on the whole region."
            )
        return [words.format(n=len(lost))] if lost else []

    @property
    def freedom(self) -> np.ndarray:
        """The prior's standard deviation of each effect."""
        return next(iter(self.of(pd.DataFrame({"region": [TOTAL], "topic": [TOTAL]}))))[0].freedom

    def _key(self, region: str, municipality: str, topic: str) -> Key:
        """What tells the regressors of a series apart: a place and the events that count; of totals, their names."""
        if municipality not in self.municipalities and municipality != TOTAL:
            municipality = ALL  # one that no event names, like any other
        if (region, municipality, topic) not in self.keys:
            self.keys[region, municipality, topic] = self._new_key(region, municipality, topic)
        return self.keys[region, municipality, topic]

    def _new_key(self, region: str, municipality: str, topic: str) -> Key:
        if TOTAL in (region, topic):
            return region, (municipality, topic), (), None
        of_region = self._of_place(region)
        applies = [n for n in of_region if not self.named["topic"][n] or topic in self.named["topic"][n]]
        local = [n for n in applies if self.named["municipality"][n]]
        if self.wide and local and municipality == TOTAL:
            return region, (municipality, topic), (), None
        if self.wide:
            applies = [n for n in applies if n not in local or municipality in self.named["municipality"][n]]
            local = []
        of_parts = bool(local and shares_in(self.drivers.shares, region, topic))
        alone = region in self.weather or region in self.almanac or of_parts
        return region if alone else ALL, None, tuple(applies), topic if of_parts else None

    def _of_place(self, region: str) -> list[int]:
        """Numbers of the events that count in a region, remembered for the next topic."""
        if self.place[0] != region:
            found = [n for n, places in enumerate(self.named["region"]) if not places or region in places]
            self.place = (region, [number for number in found if number not in self.hidden])
        return self.place[1]

    def _regressors(self, key: Key) -> Regressors:
        region, total, applies, of_topic = key
        if total is None:
            return self._cell(region, applies, of_topic)
        if key not in self.mixed:
            found = self._mixture(region, *total)
            if len(self.mixed) * found.values.nbytes > MOST_MIXED:
                return found
            self.mixed[key] = found
        return self.mixed[key]

    def _mixture(self, region: str, municipality: str, topic: str) -> Regressors:
        """Of a total: its series' regressors, each by its share of the complaints."""
        inside = self.volume if region == TOTAL else self.volume_of[region]
        if municipality != TOTAL:
            inside = inside[inside["municipality"] == municipality]
        if topic != TOTAL:
            inside = inside[inside["topic"] == topic]
        shares: dict[Key, float] = {}
        for *names, volume in inside.itertuples(index=False):
            one = self._key(*names)
            shares[one] = shares.get(one, 0.0) + volume
        whole = max(sum(shares.values()), 1e-9)
        parts = [(self._cell(place, events, of), share / whole) for (place, _, events, of), share in shares.items()]
        if len(parts) == 1 and parts[0][0].parts is None:
            return parts[0][0]
        mean = {
            name: sum(share * getattr(part, name) for part, share in parts)
            for name in ("values", "unseen", "covariance")
        }
        base = self.almanac.get(region, self.almanac[ALL])
        values = np.asarray(mean.pop("values"))
        for part, share in parts:
            if part.parts is not None:
                values[:, self.of_events] += share * part.parts.mean.toarray()
        values[:, : base.values.shape[1]] = base.values
        return replace(parts[0][0], values=values, off=base.off, parts=None, **mean)

    def _cell(self, place: str, applies: tuple[int, ...], topic: str | None) -> Regressors:
        """Of one place and these events, remembered; `topic`: whose shares tell what acts in parts of it."""
        if topic is None:
            return self._whole(place, applies)
        if (place, applies, topic) not in self.local:
            shares = shares_in(self.drivers.shares, place, topic)
            everywhere, within = divided(applies, self.named["municipality"], shares)
            assert self.traces is not None
            self.local[place, applies, topic] = (tuple(everywhere), parts_of(self.traces, everywhere, within, shares))
        whole, parts = self.local[place, applies, topic]
        return replace(self._whole(place, whole), parts=parts)

    def _whole(self, place: str, applies: tuple[int, ...]) -> Regressors:
        """The same of events that act in all of the place."""
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
        if sum(one.values.nbytes for one in self.cells.values()) > MOST_KEPT:
            self.cells.clear()
        self.cells[place, applies] = found
        return found

    def _volumes(self, panel: Panel) -> pd.DataFrame:
        """region, municipality, topic, volume: the complaints of the last year, a little more than none.

        Municipalities that no event names are one.
        """
        volume = np.nan_to_num(panel.counts[:, -364:]).sum(axis=1) + 0.01
        found = panel.series[["region", "topic"]].assign(volume=volume)
        named = panel.series["municipality"] if self.wide else pd.Series(ALL, index=found.index)
        self.known_municipalities = frozenset(named) & self.municipalities
        found.insert(1, "municipality", named.where(named.isin(self.municipalities), ALL).astype(str))
        return found if not self.wide else found.groupby(["region", "municipality", "topic"], as_index=False).sum()

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
