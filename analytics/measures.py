"""What each measure of the Overview is: arithmetic on daily sums and closing delays, over any stretch of days."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
from statsmodels.duration.survfunc import SurvfuncRight

from analytics.queries import MEASURES
from analytics.usual import Stretch, same_weekdays

SPARK_WEEKS = 13
STRAY = 1000  # of so many complaints, one from before the history begins
FEWEST_REPEATS_KNOWN = 0.05  # of the complaints received: below it the repeat share says nothing


class Days:
    """Daily sums (see queries.daily_measures) as a dense calendar; stretches are positions in it.

    `period`: the reader's days. `covered_from`: where the history begins, see `_history_begins`.
    """

    def __init__(self, measures: pd.DataFrame, period: tuple[date, date]) -> None:
        first, last = map(pd.Timestamp, period)
        self.start = min(measures.index[0], first)
        dense = measures.reindex(pd.date_range(self.start, last), fill_value=0)
        self.series = {name: dense[name].to_numpy(dtype=float) for name in MEASURES}
        self.sums = {name: np.concatenate([[0.0], series.cumsum()]) for name, series in self.series.items()}
        self.covered_from = (_history_begins(measures["received"]) - self.start).days
        self.period = Stretch((first - self.start).days, len(dense) - 1)

    def day(self, position: int) -> pd.Timestamp:
        """The day at a position."""
        return self.start + pd.Timedelta(days=position)

    def covers(self, stretch: Stretch) -> bool:
        """Does the store cover all of these days?"""
        return stretch.first >= self.covered_from

    def weeks(self) -> list[Stretch]:
        """The 13 weeks of a sparkline, the last one ending with the period."""
        last = Stretch(self.period.last - 6, self.period.last)
        return [last.earlier(7 * week) for week in reversed(range(SPARK_WEEKS))]

    def total(self, name: str, stretch: Stretch) -> float:
        """The sum of a daily measure."""
        return float(self.sums[name][stretch.last + 1] - self.sums[name][stretch.first])

    def value(self, measure: str, stretch: Stretch) -> float:
        """received, closed, still_open, overdue_share or repeat_share (see overview.tiles); nan when unknown."""
        if measure == "still_open":
            to_date = Stretch(0, stretch.last)
            closed = self.total("closed", to_date) + self.total("closed_undated", to_date)
            return self.total("received", to_date) - closed
        if measure == "overdue_share":
            due = self.total("due", stretch)
            return 1.0 - self.total("due_kept", stretch) / due if due > 0 else np.nan
        if measure == "repeat_share":
            known = self.total("repeat_known", stretch)
            enough = known > 0 and known >= FEWEST_REPEATS_KNOWN * self.total("received", stretch)
            return self.total("repeats", stretch) / known if enough else np.nan
        return self.total(measure, stretch)

    def covered_value(self, measure: str, stretch: Stretch) -> float:
        """The same, nan when the store does not cover these days."""
        return self.value(measure, stretch) if self.covers(stretch) else np.nan

    def usual(self, measure: str, stretch: Stretch) -> float:
        """What the weeks before make of such a stretch; nan when too few of them are covered."""
        base = stretch.base(self.covered_from)
        if base is None:
            return np.nan
        if measure in ("received", "closed"):
            return same_weekdays(self.series[measure], stretch, base)
        if measure == "still_open":
            ends = range(base.first + 6, base.last + 1, 7)
            return float(np.mean([self.value(measure, Stretch(end, end)) for end in ends]))
        return self.value(measure, base)


def _history_begins(received: pd.Series) -> pd.Timestamp:
    """The first day of the month by whose end one complaint in a thousand had come: stray old ones do not count."""
    begun = received.index[received.cumsum() * STRAY >= received.sum()][0]
    month = received.index >= begun.replace(day=1)
    return received.index[month & (received > 0)][0]


class Delays:
    """Closing delays (see queries.delays) by opening day, as positions in the calendar of Days."""

    def __init__(self, delays: pd.DataFrame, start: pd.Timestamp) -> None:
        delays = delays.sort_values("opened_on")
        self.opened = (delays["opened_on"] - start).dt.days.to_numpy()
        self.days = delays["days"].to_numpy()
        self.closed = delays["closed"].to_numpy(dtype=int)
        self.complaints = delays["complaints"].to_numpy()

    def median(self, stretch: Stretch) -> float:
        """Kaplan-Meier median of those opened on these days; nan when not half of them are closed."""
        rows = slice(*np.searchsorted(self.opened, [stretch.first, stretch.last + 1]))
        return kaplan_meier_median(self.days[rows], self.closed[rows], self.complaints[rows])


def kaplan_meier_median(days: np.ndarray, closed: np.ndarray, complaints: np.ndarray) -> float:
    """After how many days half are closed, those not closed being open for longer than `days` (Kaplan, Meier 1958).

    One element for each kind of case, `complaints` saying how many there are; nan when the curve stays above a half.
    """
    if not len(days):
        return np.nan
    return float(SurvfuncRight(days, closed, freq_weights=complaints).quantile(0.5))
