"""The events that act on the days ahead: those announced, with some taken away or others told besides."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from copy import copy

import numpy as np
import pandas as pd

from analytics.drivers import Drivers, EventTraces, window


class Coming:
    """Events whose windows reach the days ahead, in the regressors that were learned from past ones."""

    def __init__(self, days: pd.DatetimeIndex, events: pd.DataFrame, drivers: Drivers, like: EventTraces) -> None:
        self.days, self.drivers, self.like = days, drivers, like
        after = [pd.Timedelta(days=window(str(kind), drivers.windows)[1]) for kind in events["type"]]
        reaches = (events["ends_on"] + pd.Series(after, index=events.index, dtype="timedelta64[us]")) >= days[0]
        self.events = events[reaches].reset_index(drop=True)
        self.traces = EventTraces(days, days[0], self.events, drivers, like)
        self.hidden = np.zeros(len(self.events), dtype=bool)

    def without(self, ids: Collection[str]) -> Coming:
        """The same, had these events, those that are not over, not been to come."""
        found = copy(self)
        found.hidden = (self.events["id"].isin(list(ids)) & (self.events["ends_on"] >= self.days[0])).to_numpy()
        return found

    def told(self, events: pd.DataFrame) -> Coming:
        """The same, had these events (of types that are known) been announced too."""
        fresh = Drivers(events, windows=self.drivers.windows).usable_events(self.days[0])
        others = self.events[~self.events["id"].isin(fresh["id"])]
        return Coming(self.days, pd.concat([others, fresh], ignore_index=True), self.drivers, self.like)

    def of(self, series: pd.DataFrame) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Regressors (days ahead × columns) with the rows of `series` on which these events act."""
        counts = np.zeros((len(self.events), len(series)), dtype=bool)
        for number in np.flatnonzero(~self.hidden):
            counts[number] = True
            for name in ("region", "topic"):
                wanted = {one.strip() for one in str(self.events[name].iloc[number]).split("|")} - {""}
                if wanted:
                    counts[number] &= series[name].isin(wanted).to_numpy()
        touched = np.flatnonzero(counts.any(axis=0))
        if not len(touched):
            return
        sets, which = np.unique(counts[:, touched], axis=1, return_inverse=True)
        for at in range(sets.shape[1]):
            yield self.traces.regressors(np.flatnonzero(sets[:, at])), touched[which.reshape(-1) == at]
