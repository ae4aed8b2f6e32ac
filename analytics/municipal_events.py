"""What the events of municipalities do there, by what the forecast of the regions has learned of them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from analytics.coming import ComingEvents
from analytics.grounds import Grounds
from analytics.local_events import STRONGEST, acting, parts_of

FACTORS = ["day", "region", "municipality", "topic", "factor"]


def municipal_factors(grounds: Grounds, horizon: int, windows: Mapping[str, tuple[int, int]]) -> pd.DataFrame:
    """By how much an event multiplies the complaints of a municipality beyond what acts in its whole region: FACTORS.

    For the first `horizon` days after the origin; municipalities and days without such an event are left out.
    """
    days = grounds.days[:horizon]
    traces = ComingEvents(grounds, days, grounds.events, windows)
    near = [number for number, trace in enumerate(traces.traces) if len(trace.shape)]
    tables = []
    for rows, shares, everywhere, within in acting(grounds.series, grounds.events, near, grounds.of_municipalities):
        parts = parts_of(traces, everywhere, within, shares)
        if parts is None:
            continue
        logs = np.clip(parts.rows @ grounds.effects[rows].T, -STRONGEST, STRONGEST)
        for number, row in enumerate(rows):
            place = {name: grounds.series[name].iloc[row] for name in ("region", "topic")}
            found = {"day": days[parts.day], "municipality": parts.place, "factor": np.exp(logs[:, number])}
            tables.append(pd.DataFrame(found).assign(**place))
    return pd.concat(tables, ignore_index=True)[FACTORS] if tables else pd.DataFrame(columns=FACTORS)
