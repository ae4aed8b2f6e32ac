"""Why a spike is probable: the factors of its peak day, and the events that are near."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd

from analytics.drivers import reaches
from analytics.forecast import PARTS, Engine
from analytics.local_events import shares_in

MOST_EVENTS = 3
FELT = 1.05  # factor from which events or weather are named


def reasons(engine: Engine, signals: pd.DataFrame) -> list[str]:
    """Of each signal, as JSON: the factors of its peak day's mean and the titles of the events that act on it.

    Keys: PARTS, where `level` is against the usual (the median of the last year), and `events_named`.
    """
    if signals.empty:
        return []
    parts = engine.parts().set_index(["day", "region", "topic"])
    found = []
    for signal in signals.itertuples(index=False):
        factors = parts.loc[(signal.peak_day, signal.region, signal.topic)]
        told = {name: round(float(factors[name]), 3) for name in PARTS}
        told["level"] = round(float(factors["level"] / max(signal.usual, 0.5)), 3)
        named = _events(engine, signal) if told["events"] >= FELT else []
        found.append(json.dumps({**told, "events_named": named}, ensure_ascii=False))
    return found


def _events(engine: Engine, signal: object) -> list[str]:
    """Titles of the events whose window holds the peak day: those of most of the region first, then the nearest.

    One of a part of the region is told with its municipality.
    """
    events = engine.calendars.events
    windows = engine.calendars.drivers.windows
    peak = signal.peak_day  # type: ignore[attr-defined]
    day = np.timedelta64(1, "D")
    before, after = reaches(events, windows)
    inside = (events["starts_on"].to_numpy() - before * day <= peak) & (
        events["ends_on"].to_numpy() + after * day >= peak
    )
    for name in ("region", "topic"):
        wanted = getattr(signal, name)
        if wanted != "*":
            inside &= np.array([not cell or wanted in cell.split("|") for cell in events[name]], dtype=bool)
    near = events[inside]
    shares = shares_in(engine.calendars.drivers.shares, signal.region, signal.topic)  # type: ignore[attr-defined]
    towns = [[name for name in cell.split("|") if name] for cell in near["municipality"]]
    share = [sum(shares.get(name, 0.0) for name in names) or 1.0 for names in towns]
    titles = (near["title"] if "title" in near else near["type"]).fillna("").replace("", np.nan).fillna(near["type"])
    near = near.assign(apart=(near["starts_on"] - peak).abs(), share=share, told=titles, towns=towns)
    near = near.sort_values(["share", "apart"], ascending=[False, True], kind="stable")
    told = [
        f"{title} ({', '.join(names[:2])})" if names else title
        for title, names in zip(near["told"], near["towns"], strict=True)
    ]
    return list(dict.fromkeys(told))[:MOST_EVENTS]
