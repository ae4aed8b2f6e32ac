"""What the demo country knows about its events: the list as announced, and the truth of what each of them did."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from analytics.demo.calendar import Event
from analytics.demo.counts import ALL_GROUPS, Effect, Extras
from analytics.demo.draw import Counts
from analytics.demo.events import HIDDEN
from analytics.demo.files import named
from analytics.demo.places import Places

LEAST_EXPECTED = 0.005  # complaints: what is less, and was drawn as none, is not written down


@dataclass(frozen=True)
class Happenings:
    """All events of the axis of days, which starts on `axis_start`, with their ids and what their types mean."""

    events: list[Event]
    ids: list[str]
    types: dict[str, Any]
    effects: list[Effect]
    axis_start: date

    def titles(self) -> list[str]:
        return [event.title or self.types[event.type]["title"] for event in self.events]


def write_truth(
    path: Path, counts: Counts, happenings: Happenings, places: Places, groups: list[str], *, start: date
) -> None:
    """Writes a row for each event, place, topic group and day on which complaints came or stayed away because of it.

    `expected` is the mean, `extra` the number that was drawn: without the event there would be so many fewer (more,
    where it is negative). An empty municipality is the whole region.
    """
    cells = _merged(counts.extras, len(places.names), len(groups), len(happenings.events))
    municipality = cells.municipality
    columns = {
        "event_id": named(cells.event, happenings.ids),
        "type": named(cells.event, [event.type for event in happenings.events]),
        "title": named(cells.event, happenings.titles()),
        "region": named(cells.region, places.regions),
        "municipality": named(municipality, places.names, mask=municipality < 0),
        "topic_group": named(cells.topic_group, groups),
        "day": pa.array(np.datetime64(start, "D") + cells.day, pa.date32()),
        "expected": cells.expected,
        "extra": cells.drawn,
    }
    pq.write_table(pa.table(columns), path, compression="zstd")


def _merged(extras: Extras, municipalities: int, groups: int, events: int) -> Extras:
    """One element for each event, place, group and day, ordered by day and event; cells of no weight are left out."""
    place = np.where(extras.municipality < 0, municipalities + extras.region, extras.municipality)
    places = int(place.max(initial=0)) + 1
    key = ((extras.day * events + extras.event) * places + place) * groups + extras.topic_group
    order = np.argsort(key, kind="stable")
    first = np.flatnonzero(np.diff(key[order], prepend=-1))
    expected, drawn = np.add.reduceat(extras.expected[order], first), np.add.reduceat(extras.drawn[order], first)
    weighty = (drawn != 0) | (np.abs(expected) >= LEAST_EXPECTED)
    columns = {name: column[order[first[weighty]]] for name, column in vars(extras).items()}
    return Extras(**columns | {"expected": expected[weighty], "drawn": drawn[weighty]})


def write_events(path: Path, happenings: Happenings, places: Places, groups: list[str], *, end: date) -> None:
    """Writes the events that were known on `end`, those announced for the weeks after it included."""
    topics = {kind: _topics(happenings.effects, kind, groups) for kind in happenings.types}
    rows = []
    for event, number, title in zip(happenings.events, happenings.ids, happenings.titles(), strict=True):
        known = happenings.axis_start + timedelta(event.starts - happenings.types[event.type]["known_before"])
        if event.type in HIDDEN or known > end:
            continue
        rows.append(
            {
                "id": number,
                "type": event.type,
                "title": title,
                "starts_on": happenings.axis_start + timedelta(event.starts),
                "ends_on": happenings.axis_start + timedelta(event.ends),
                "region": "" if event.region < 0 else places.regions[event.region],
                "municipality": "|".join(places.names[municipality] for municipality in event.municipalities),
                "topic": topics[event.type],
                "strength": event.strength,
                "unit": happenings.types[event.type].get("unit", "") if event.strength is not None else "",
                "known_since": known,
                "source": "demo",
                "cancelled": "true" if event.cancelled else "false",
            }
        )
    pa.csv.write_csv(pa.Table.from_pylist(rows), path)


def _topics(effects: list[Effect], kind: str, groups: list[str]) -> str:
    """The topic groups of a type, several by |; empty: all."""
    touched = [effect.topic_group for effect in effects if effect.type == kind]
    return "" if ALL_GROUPS in touched or not touched else "|".join(dict.fromkeys(groups[group] for group in touched))
