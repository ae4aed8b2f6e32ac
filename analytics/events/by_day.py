"""Events day by day: which types begin, and which go on."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd


def events_by_day(events: pd.DataFrame, first: date, last: date) -> pd.DataFrame:
    """day, type, begin, act: how many events of each type begin on each day, and how many it lies in.

    Only days that lie in an event. Cancelled events do not count. Ordered by day; what begins comes first, then the
    seldomest.
    """
    live = events[~events["cancelled"].astype(bool)]
    near = live[(live["ends_on"] >= pd.Timestamp(first)) & (live["starts_on"] <= pd.Timestamp(last))]
    starts = near["starts_on"].clip(lower=pd.Timestamp(first))
    lengths = (near["ends_on"].clip(upper=pd.Timestamp(last)) - starts).dt.days.to_numpy() + 1
    rows = np.repeat(np.arange(len(near)), lengths)
    offset = np.arange(len(rows)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    table = pd.DataFrame(
        {
            "day": starts.to_numpy()[rows] + offset.astype("timedelta64[D]"),
            "type": near["type"].to_numpy()[rows],
            "begin": (near["starts_on"].to_numpy()[rows] == starts.to_numpy()[rows]) & (offset == 0),
        }
    )
    found = table.groupby(["day", "type"], as_index=False).agg(begin=("begin", "sum"), act=("begin", "size"))
    order = found.assign(goes_on=found["begin"] == 0)
    return order.sort_values(["day", "goes_on", "act", "type"], ignore_index=True).drop(columns="goes_on")
