"""Which days are days of an event, for each series: a holiday of its region, or an event of its place and topic."""

from __future__ import annotations

import numpy as np
import pandas as pd

from analytics.almanac import Almanac, regressors
from analytics.drivers import PLACES, Drivers
from analytics.panel import TOTAL


def event_days(series: pd.DataFrame, days: pd.DatetimeIndex, almanac: Almanac, drivers: Drivers) -> np.ndarray:
    """Series × days, true on days off that are usually worked and from the first day of an event to its last.

    `series`: region, [municipality], topic; a total ('*') has the event days of everything in it. An event that names
    no place or topic is one of all, one of a municipality is its region's where the series have none. For judging what
    came, so it does not matter when an event was known.
    """
    known = drivers.usable_events(pd.Timestamp.max)
    off = {name: regressors(days, almanac, name or None).off for name in {"", *almanac.regions}}
    anywhere = np.logical_or.reduce(list(off.values()))
    names = {name: series[name].to_numpy() for name in PLACES if name in series}
    found = np.array([anywhere if name == TOTAL else off.get(name, off[""]) for name in names["region"]])
    for event in known.itertuples(index=False):
        lasts = (days >= event.starts_on) & (days <= event.ends_on)
        if lasts.any():
            acts = np.logical_and.reduce([_named(getattr(event, name), of) for name, of in names.items()])
            found |= acts[:, None] & lasts
    return found


def _named(cell: object, names: np.ndarray) -> np.ndarray:
    """Whether each name is one of those in the cell, between |; an empty cell names all."""
    told = [one.strip() for one in str(cell).split("|") if one.strip()]
    return np.isin(names, [*told, TOTAL]) if told else np.ones(len(names), dtype=bool)
