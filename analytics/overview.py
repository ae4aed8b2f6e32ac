"""What needs attention this week: the Overview's numbers, computed from the cube."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analytics.changes import covered_weeks, ranked_changes
from analytics.errors import BadInput
from analytics.filters import Filters, period
from analytics.loaded import places
from analytics.measures import SPARK_WEEKS, Days, Delays
from analytics.queries import DAY, RECEIVED, Query, daily_measures, delays, smallest
from analytics.usual import Stretch, base_weeks, count_band, level_band, past_periods

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
DAILY = list(IS_RISING_BAD)[:-1]
UNKNOWN = {"overdue_share": "no_deadlines", "repeat_share": "not_known", "days_to_close": "too_early"}
HIGHEST = {"overdue_share": 1.0, "repeat_share": 1.0}
LAST_YEAR_DAYS = 364  # the same weekdays
STRAY = 0.05  # days with a smaller share of the usual hold only stray old complaints
MOVERS = {  # the name columns
    "region": ["region"],
    "municipality": ["region", "municipality"],
    "topic_group": ["topic_group"],
    "topic": ["topic_group", "topic"],
}


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
    how far the usual was off before; previous: as many days just before the period; last_year: the same weekdays 364
    days earlier; weekly: 13 values, the last week ending with the period; is_rising_bad. Shares are 0 to 1. What the
    store's history does not cover is nan.
    """
    first, last = period(filters, as_of)
    with store.reading() as query:
        measures = daily_measures(query, filters, None, last)
        if last < first or not measures["received"].any():
            return _no_tiles("after_last_full_day" if last < first else "no_complaints")
        days = Days(measures, (first, last))
        closing = _closing_tile(query, filters, days, as_of)
    return pd.DataFrame([*(_day_tile(measure, days) for measure in DAILY), closing])


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
    """What rose and what fell against what `filters.compare` says; at most `limit` of each direction.

    The largest sure change comes first.

    `by`: topic_group, topic, region or municipality; raises BadInput for anything else. Columns: the name (topic:
    topic_group, topic; municipality: region, municipality), now (complaints of the period), usual (as for the tiles;
    else the complaints of as many days just before, or of the same weekdays 364 days earlier),
    ratio (now / usual, inf when it is new), low and high (80 % interval of the ratio), probability (that it really
    rose or fell), direction ('rising' or 'falling'). Empty when the store covers too little: `attrs` tells the `weeks`
    that make the usual.

    Left out: names not stated, fewer than 10 complaints now and usually together, regions that began to deliver
    within the weeks compared or ended, and what is more probably chance than not (see changes.surely_changed).
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
    length = (last - first).days + 1
    back = {"previous": length, "last_year": LAST_YEAR_DAYS}.get(filters.compare, 0)
    with store.reading() as query:
        counts = _weekly_counts(query, filters, (first, last), names)
        weeks = covered_weeks(counts, base_weeks(length))
        if "region" in names:
            covered = places(query, filters)
            begun = covered["first_day"] <= pd.Timestamp(first) - pd.Timedelta(days=max(7 * weeks, back))
            counts = counts[counts["region"].isin(covered.loc[begun & covered["active"], "region"])]
        other = _earlier(query, filters, (first, last), names, back) if back else None
    if other is not None:
        if other["complaints"].sum() < STRAY * counts.loc[counts["week"] > 0, "weighted"].sum() / max(weeks, 1):
            weeks = 0  # not loaded then: nothing to compare with
        other = other[other["region"].isin(counts["region"])] if "region" in names else other
    found = ranked_changes(counts, names, days=length, weeks=weeks, limit=limit, other=other)
    found.attrs["weeks"] = weeks
    return found


def _earlier(query: Query, filters: Filters, period: tuple[date, date], names: list[str], back: int) -> pd.DataFrame:
    """names, complaints of the period so many days earlier."""
    first, last = (day - timedelta(days=back) for day in period)
    table, parameters = smallest(filters, first, last, names)
    return query(
        f"select {', '.join(names)}, sum({RECEIVED[table]})::bigint as complaints from {table} group by all",
        **parameters,
    )


def _weekly_counts(query: Query, filters: Filters, period: tuple[date, date], names: list[str]) -> pd.DataFrame:
    """names, week (0: the period), complaints, weighted, for changes.covered_weeks and ranked_changes."""
    first, last = period
    whole_weeks, other_days = divmod(max((last - first).days + 1, 0), 7)
    start = first - timedelta(weeks=base_weeks(7 * whole_weeks + other_days) + 1)
    table, parameters = smallest(filters, start, last, names, received_only=True)
    day, received = DAY[table], RECEIVED[table]
    return query(
        f"""
        select {", ".join(names)}, if({day} >= $period, 0, ($period - {day} + 6) // 7) as week,
          sum({received})::bigint as complaints,
          sum({received} * ($whole_weeks + if(({day} - $start) % 7 < $other_days, 1, 0)))::bigint as weighted
        from {table} group by all
        """,
        period=first,
        start=start,
        whole_weeks=whole_weeks,
        other_days=other_days,
        **parameters,
    )


def _day_tile(measure: str, days: Days) -> dict[str, object]:
    def value(stretch: Stretch) -> float:
        return days.covered_value(measure, stretch)

    def usual(stretch: Stretch) -> float:
        return days.usual(measure, stretch)

    middle, past = usual(days.period), past_periods(value, usual, days.period)
    counted = measure in ("received", "closed")
    band = count_band(middle, past) if counted else level_band(middle, past, highest=HIGHEST.get(measure, np.inf))
    return _tile(
        measure,
        days.value(measure, days.period),
        usual=middle,
        band=band,
        previous=value(days.period.earlier(days.period.days)),
        last_year=value(days.period.earlier(LAST_YEAR_DAYS)),
        weekly=[value(week) for week in days.weeks()],
    )


def _closing_tile(query: Query, filters: Filters, days: Days, as_of: date) -> dict[str, object]:
    """Days to close; its band is made from the medians of the single weeks before."""
    base, last_year = days.period.base(days.covered_from), days.period.earlier(LAST_YEAR_DAYS)
    previous = days.period.earlier(days.period.days)
    wanted = [*days.weeks(), days.period, previous, *([base] if base else [])]
    first = days.day(max(min(stretch.first for stretch in wanted), 0)).date()
    also = (days.day(last_year.first).date(), days.day(last_year.last).date()) if days.covers(last_year) else None
    found = delays(query, filters, first, days.day(days.period.last).date(), as_of, also)
    known = Delays(found, days.start)
    usual, past = np.nan, np.empty((0, 2))
    if base:
        usual = known.median(base)
        weeks = [known.median(Stretch(first, first + 6)) for first in range(base.first, base.last, 7)]
        past = np.array([(week, usual) for week in weeks if not np.isnan(week)]).reshape(-1, 2)
    return _tile(
        "days_to_close",
        known.median(days.period),
        usual=usual,
        band=level_band(usual, past),
        previous=known.median(previous) if days.covers(previous) else np.nan,
        last_year=known.median(last_year) if also else np.nan,
        weekly=[known.median(week) if days.covers(week) else np.nan for week in days.weeks()],
        unknown="" if days.total("received", days.period) else "no_complaints",
    )


def _tile(
    measure: str,
    value: float,
    *,
    usual: float = np.nan,
    band: tuple[float, float] = (np.nan, np.nan),
    previous: float = np.nan,
    last_year: float = np.nan,
    weekly: list[float] | None = None,
    unknown: str = "",
) -> dict[str, object]:
    known = not np.isnan(value)
    return {
        "measure": measure,
        "value": value,
        "known": known,
        "unknown": "" if known else unknown or UNKNOWN[measure],
        "usual": usual,
        "usual_low": band[0],
        "usual_high": band[1],
        "previous": previous,
        "last_year": last_year,
        "weekly": weekly or [np.nan] * SPARK_WEEKS,
        "is_rising_bad": IS_RISING_BAD[measure],
    }


def _no_tiles(unknown: str) -> pd.DataFrame:
    return pd.DataFrame([_tile(measure, np.nan, unknown=unknown) for measure in IS_RISING_BAD])
