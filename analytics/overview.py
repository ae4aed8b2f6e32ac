"""What needs attention this week: the Overview's numbers, computed from the cube."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analytics.errors import BadInput
from analytics.filters import Filters, period
from analytics.loaded import ended_regions, history
from analytics.measures import SPARK_WEEKS, Days, Delays
from analytics.queries import DAY, RECEIVED, Query, daily_measures, delays, smallest
from analytics.usual import Stretch, count_band, level_band, spread, surely_changed

if TYPE_CHECKING:
    from analytics.store import Store

IS_RISING_BAD = {  # the tiles, in their order
    "received": True,
    "closed": False,
    "still_open": True,
    "overdue_share": True,
    "repeat_share": True,
    "days_to_close": True,
}
UNKNOWN = {"overdue_share": "no_deadlines", "repeat_share": "not_known", "days_to_close": "too_early"}
HIGHEST = {"overdue_share": 1.0, "repeat_share": 1.0}
LAST_YEAR_DAYS = 364  # the same weekdays
MOVERS = {  # the name columns
    "region": ["region"],
    "municipality": ["region", "municipality"],
    "topic_group": ["topic_group"],
    "topic": ["topic_group", "topic"],
}
FEWEST_TO_MOVE = 10.0  # complaints, now and usual together, for a topic or place to be compared
SURE_ENOUGH = 0.5  # a mover less sure than this is not shown


def tiles(store: Store, filters: Filters, as_of: date) -> pd.DataFrame:
    """One row for each measure: received, closed, still_open, overdue_share, repeat_share, days_to_close.

    - received: opened in the period. closed: closed in the period, on a known day.
    - still_open: on the last day of the period: all received up to it minus all closed up to it.
    - overdue_share: of the complaints whose deadline fell in the period, the share not closed by the deadline.
    - repeat_share: of those opened in the period for which a repeat would be seen, the share that are repeats.
    - days_to_close: Kaplan-Meier median of those opened in the period, as of the last full day.

    Columns: measure; value (nan: unknown); known; unknown (why: '', 'no_deadlines', 'not_known', 'too_early' when not
    half are closed yet, 'no_complaints', 'after_last_full_day'); usual: what the weeks before make of such a period
    (8 weeks, or as many as the period has when these are more: the same-weekday average, the share of all, the mean
    of the stock at their ends, the median of all); usual_low and usual_high: where 95 of 100 such periods lie, from
    how far the usual was off before; last_year: the same weekdays 364 days earlier; weekly: 13 values, the last week
    ending with the period; is_rising_bad. Shares are 0 to 1. What the store's history does not cover is nan.
    """
    first, last = period(filters, as_of)
    with store.reading() as query:
        measures = daily_measures(query, filters, None, last)
        if last < first or measures.empty:
            return _no_tiles("after_last_full_day" if last < first else "no_complaints")
        covered_from = history(query, filters)["first_day"].min()
        days = Days(measures, (pd.Timestamp(first), pd.Timestamp(last)), covered_from)
        closing = _closing_tile(query, filters, days, as_of)
    return pd.DataFrame([*(_day_tile(measure, days) for measure in IS_RISING_BAD if measure in DAILY), closing])


def days_to_close(store: Store, filters: Filters, as_of: date) -> float:
    """Half of the complaints opened in the period are closed after so many days; nan when not half of them are yet.

    Kaplan-Meier median: those still open on `as_of` count as "longer than so far".
    """
    first, last = period(filters, as_of)
    if last < first:
        return np.nan
    with store.reading() as query:
        found = delays(query, filters, first, last, as_of)
    return Delays(found, pd.Timestamp(first)).median(Stretch(0, (last - first).days))


def movers(store: Store, filters: Filters, as_of: date, by: str, limit: int = 5) -> pd.DataFrame:
    """What rose and what fell most surely against the usual; at most `limit` of each direction, the surest first.

    `by`: topic_group, topic, region or municipality; raises BadInput for anything else. Columns: the name (topic:
    topic_group, topic; municipality: region, municipality), now (complaints of the period), usual (as for the tiles),
    ratio (now / usual, inf when it is new), low and high (80 % interval of the ratio), probability (that it really
    rose or fell), direction ('rising' or 'falling'). Empty when the store covers too little.

    Left out: names not stated, fewer than 10 complaints now and usually together, regions that began to deliver
    within the weeks compared or ended, and whatever is more probably chance than not (see usual.surely_changed).
    """
    if by not in MOVERS:
        raise BadInput(
            "unknown_grouping",
            "Complaints cannot be counted by {name}; choose one of {known}.",
            name=by,
            known=", ".join(MOVERS),
        )
    first, last = period(filters, as_of)
    names = MOVERS[by]
    with store.reading() as query:
        covered = history(query, filters)
        base = _base(first, last, covered["first_day"].min())
        if base is None:
            return _ranked(pd.DataFrame(columns=names), limit)
        weekly = _weekly_counts(query, filters, (base, first, last), names)
        if "region" in names:
            late = set(covered.loc[covered["first_day"] > pd.Timestamp(base), "region"])
            weekly = weekly[~weekly["region"].isin(late | ended_regions(query, filters))]
    return _ranked(_compared(weekly, names, days=(last - first).days + 1, weeks=(first - base).days // 7), limit)
