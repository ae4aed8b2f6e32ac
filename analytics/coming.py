"""Events to come as regressors whose effects were learned before: only their own days are laid out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from analytics.drivers import SHAPES, EventTraces, Trace, event_shape, log_strengths, reaches, upward
from analytics.event_learning import EVENT_SPREAD, FREEDOM
from analytics.grounds import Grounds

NO_KIND = ""  # of a type of which neither it nor anything above it was ever seen: no effect, much doubt
UNSEEN = FREEDOM**2 + EVENT_SPREAD**2  # variance of the log effect of a type that was never seen


class ComingEvents(EventTraces):
    """The traces of `events` on the days ahead of the grounds, with their regressors."""

    def __init__(
        self, grounds: Grounds, days: pd.DatetimeIndex, events: pd.DataFrame, windows: Mapping[str, tuple[int, int]]
    ) -> None:
        self.days, self.windows = len(days), windows
        self.kinds = [*grounds.kinds, NO_KIND]
        shapes = len(grounds.kinds) * len(SHAPES)
        self.kept = np.concatenate([grounds.kept[:shapes], [False] * len(SHAPES), grounds.kept[shapes:], [False]])
        row = {kind: number for number, kind in enumerate(self.kinds)}
        past = grounds.events[grounds.events["starts_on"] <= pd.Timestamp(grounds.origin)]
        strengths = log_strengths(past)
        nothing = Trace(0, np.zeros((0, len(SHAPES)), dtype=np.float32), (row[NO_KIND],), 0.0)
        self.traces = [nothing] * len(events)
        before, after = reaches(events, windows)
        first, last = ((events[name] - days[0]).dt.days.to_numpy() for name in ("starts_on", "ends_on"))
        for number in np.flatnonzero((first - before < len(days)) & (last + after >= 0)):
            kind, strength = str(events["type"].iloc[number]), float(events["strength"].iloc[number])
            reach = int(before[number]), int(after[number])
            start, shape = event_shape(int(first[number]), int(last[number]), reach, len(days))
            middle, spread = strengths.get(kind, (0.0, 0.0))
            slope = 0.0
            if spread > 0 and not np.isnan(strength):
                slope = float(np.clip((np.log1p(max(strength, 0.0)) - middle) / spread, -2.5, 2.5))
            rows = tuple(row[above] for above in upward(kind) if above in row) or (row[NO_KIND],)
            self.traces[number] = Trace(start, shape, rows, slope)
        self.types = events["type"].astype("str").tolist()
        learned = grounds.event_effects
        self.known = set(learned.kinds.leaves) if learned else set()

    def unseen(self, chosen: Iterable[int]) -> np.ndarray:
        """Variance (days) that events of types never seen add to the logarithm of a series."""
        found = np.zeros(self.days)
        for number in chosen:
            trace = self.traces[number]
            if self.types[number] in self.known or not len(trace.shape):
                continue
            inside = slice(trace.start, trace.start + len(trace.shape))
            found[inside] = np.maximum(found[inside], UNSEEN * trace.shape.max(axis=1) ** 2)
        return found
