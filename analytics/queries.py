"""One function per question to the store; each answers with a table (days as datetime64)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pandas as pd

from analytics.errors import BadInput
from analytics.filters import COUNTED, Filters, period
from analytics.loaded import LastFullDay, completeness, last_full_day

if TYPE_CHECKING:
    from analytics.store import Store

__all__ = [
    "COUNTED",
    "Filters",
    "LastFullDay",
    "choices",
    "completeness",
    "counts",
    "daily_counts",
    "daily_measures",
    "delays",
    "last_full_day",
    "period",
    "received_and_closed",
    "smallest",
    "span",
]

Query = Callable[..., pd.DataFrame]
AVERAGED = 7  # days: weekends hide the trend
MEASURES = ("received", "closed", "closed_undated", "due", "due_kept", "repeat_known", "repeats")
# The tables of the cube, the smallest first: what each is divided by, its day, and how filters choose from it.
REGIONS = "region_totals where selected_regions($first_day, $last_day, $regions, $kinds)"
TOTALS = "daily_totals where selected_totals($first_day, $last_day, $regions, $topic_groups, $kinds)"
TOPICS = "topic_totals where selected_topics($first_day, $last_day, $topic_groups, $topics, $kinds)"
COUNTS = """daily_counts where selected(
  $first_day, $last_day, $regions, $municipalities, $topic_groups, $topics, $channels, $kinds)"""
COMPLAINTS = COUNTS.replace("daily_counts", "(select *, opened_at::date as opened_on from complaints)")
DAY = {REGIONS: "day", TOTALS: "day", TOPICS: "day", COUNTS: "opened_on"}
RECEIVED = {REGIONS: "received", TOTALS: "received", TOPICS: "received", COUNTS: "complaints"}
FILTERED = {
    "region": "regions",
    "municipality": "municipalities",
    "topic_group": "topic_groups",
    "topic": "topics",
    "channel": "channels",
    "kind": "kinds",
}
CLOSED = "sum(if(closed_on is null, closed_undated, complaints))"
CLOSED_COMPLAINTS = "count(*) filter (closed_at is not null or status in ('closed', 'declined'))"
GROUPINGS = {  # of `counts`: columns, table
    "day": ("opened_on as day", COUNTS),
    "month": ("date_trunc('month', opened_on) as month", COUNTS),
    "region": ("region", COUNTS),
    "municipality": ("region, municipality", COUNTS),
    "topic_group": ("topic_group", COUNTS),
    "topic": ("topic_group, topic", COUNTS),
    "channel": ("channel", COUNTS),
    "kind": ("kind", COUNTS),
    "status": ("status", COMPLAINTS),
    "source": ("source", COMPLAINTS),
}


def choices(store: Store) -> pd.DataFrame:
    """What the reader can choose from: meaning, parent, value, complaints; the most frequent first.

    Meaning is region, municipality (parent: its region), topic_group, topic (parent: its topic group), channel or
    kind; without a parent it is ''. The value '' is "not stated".
    """
    return store.query(
        """
        select meaning, parent, value, sum(complaints)::bigint as complaints from choices
        group by all having sum(complaints) > 0 order by complaints desc, meaning, parent, value
        """
    )


def span(store: Store, filters: Filters) -> tuple[date | None, date | None]:
    """The first and the last day on which a complaint of the selection was opened (the period is not looked at)."""
    return _span(store.query, filters)


def _span(query: Query, filters: Filters) -> tuple[date | None, date | None]:
    table, parameters = smallest(filters, None, None, received_only=True)
    found = query(
        f"""
        select min(day) as first_day, max(day) as last_day from (
          select {DAY[table]} as day from {table} group by 1 having sum({RECEIVED[table]}) > 0)
        """,
        **parameters,
    ).iloc[0]
    if pd.isna(found["first_day"]):
        return None, None
    return found["first_day"].date(), found["last_day"].date()


def daily_counts(store: Store, filters: Filters, by: Sequence[str] = ()) -> pd.DataFrame:
    """Complaints received on each day: day, one column for each of `by`, complaints; days without any are absent.

    `by`: region, municipality, topic_group, topic, channel, kind. Raises BadInput for anything else.
    """
    for name in by:
        _check(name, FILTERED)
    table, parameters = smallest(filters, filters.first_day, filters.last_day, by, received_only=True)
    names = ", ".join([f"{DAY[table]} as day", *by])
    return store.query(
        f"""
        select {names}, sum({RECEIVED[table]})::bigint as complaints from {table}
        group by all having sum({RECEIVED[table]}) <> 0 order by all
        """,
        **parameters,
    )


def counts(store: Store, filters: Filters, by: str) -> pd.DataFrame:
    """Complaints of the selection and how many of them are closed by now: the columns of `by`, complaints, closed.

    `by`: day, month (as '2024-01'), region, municipality (with its region), topic_group, topic (with its topic
    group), channel, kind, status or source. Days and months in order, the rest with the most frequent first.
    Raises BadInput for anything else.
    """
    _check(by, GROUPINGS)
    names, table = GROUPINGS[by]
    measures = (
        f"count(*)::bigint as complaints, {CLOSED_COMPLAINTS}::bigint as closed"
        if table is COMPLAINTS
        else f"sum(complaints)::bigint as complaints, {CLOSED}::bigint as closed"
    )
    order = by if by in ("day", "month") else f"complaints desc, {names}"
    found = store.query(
        f"select * from (select {names}, {measures} from {table} group by all) where complaints <> 0 order by {order}",
        **_parameters(filters, filters.first_day, filters.last_day),
    )
    if by == "month":
        found["month"] = found["month"].dt.strftime("%Y-%m")
    return found


def received_and_closed(store: Store, filters: Filters, as_of: date) -> pd.DataFrame:
    """Each day of the period, quiet days included: day, received (opened that day), closed (closed that day).

    With received_average and closed_average: of the 7 days that end with the day, those before the period too; nan
    where the store's history does not hold all 7.
    """
    first, last = period(filters, as_of)
    before = first - timedelta(days=AVERAGED - 1)
    with store.reading() as query:
        measures = daily_measures(query, filters, before, last)
        begun, _ = _span(query, Filters(kinds=()))
    days = pd.date_range(before, last, name="day")
    table = measures[["received", "closed"]].reindex(days, fill_value=0)
    known = days >= pd.Timestamp(begun or last)
    for name in ("received", "closed"):
        table[f"{name}_average"] = table[name].where(known).rolling(AVERAGED).mean()
    return table[table.index >= pd.Timestamp(first)].reset_index()


def daily_measures(query: Query, filters: Filters, first: date | None, last: date) -> pd.DataFrame:
    """Each measure of daily_totals on its own day, from `first` (None: the beginning) to `last`, by day.

    Index day (days without anything are absent); columns received, closed, closed_undated, due, due_kept,
    repeat_known, repeats. The period of the filters is not looked at.
    """
    table, parameters = smallest(filters, first, last)
    if table is COUNTS:  # from the beginning, whatever is asked for: every question of a page is then the same
        measures = _measures_from_counts(query, filters, last).set_index("day")
        return measures if first is None else measures[measures.index >= pd.Timestamp(first)]
    sums = ", ".join(f"sum({measure})::bigint as {measure}" for measure in MEASURES)
    return query(f"select day, {sums} from {table} group by day order by day", **parameters).set_index("day")


def _measures_from_counts(query: Query, filters: Filters, last: date) -> pd.DataFrame:
    """The same from daily_counts, in one pass over all that was opened up to `last`."""
    return query(
        f"""
        with sums as (
          select opened_on, closed_on, due_on, grouping(opened_on, closed_on, due_on) as which,
            sum(complaints) as complaints, sum(closed_undated) as closed_undated,
            sum(closed_in_time) as closed_in_time, sum(repeat_known) as repeat_known, sum(repeats) as repeats
          from {COUNTS} group by grouping sets ((opened_on), (closed_on), (due_on))
        ),
        by_day as (
          select case which when 3 then opened_on when 5 then closed_on else due_on end as day,
            if(which = 3, complaints, 0) as received, if(which = 5, complaints, 0) as closed,
            if(which = 3, closed_undated, 0) as closed_undated,
            if(which = 6, complaints, 0) as due, if(which = 6, closed_in_time, 0) as due_kept,
            if(which = 3, repeat_known, 0) as repeat_known, if(which = 3, repeats, 0) as repeats
          from sums
        )
        select day, {", ".join(f"sum({measure})::bigint as {measure}" for measure in MEASURES)} from by_day
        where day is not null and within(day, null, $last_day) group by day order by day
        """,
        **_parameters(filters, None, last),
    )


def delays(
    query: Query, filters: Filters, first: date, last: date, as_of: date, also: tuple[date, date] | None = None
) -> pd.DataFrame:
    """How long complaints took that were opened from `first` to `last`: opened_on, days, closed, complaints.

    With those opened on the days of `also`, both ends included, where they are asked for in the same breath.

    `closed` is whether they were closed by `as_of`; if not, `days` is how long they have been open on it. Those
    closed on an unknown day are left out.
    """
    found = query(
        f"""
        select opened_on, closed_on, sum(complaints - closed_undated)::bigint as complaints
        from {COUNTS} and (opened_on >= $from_day or opened_on <= $to_day) group by all
        """,
        from_day=first,
        to_day=also[1] if also else first,
        **_parameters(filters, min(first, also[0]) if also else first, last),
    )
    closed_on = found.pop("closed_on")
    found["closed"] = closed_on <= pd.Timestamp(as_of)
    found["days"] = (closed_on.where(found["closed"], pd.Timestamp(as_of)) - found["opened_on"]).dt.days
    return found[found["complaints"] > 0]


def smallest(
    filters: Filters, first: date | None, last: date | None, by: Sequence[str] = (), *, received_only: bool = False
) -> tuple[str, dict[str, Any]]:
    """The smallest table of the cube that can answer, with its filters for SQL after `from`, and their parameters.

    Its day and its count of complaints are named by DAY and RECEIVED. The period of the filters is not looked at.
    `received_only`: no other measure is asked for.
    """
    used = {*by, *(column for column, names in FILTERED.items() if getattr(filters, names))}
    days = {"first_day": first, "last_day": last}
    if used <= {"region", "kind"}:
        return REGIONS, days | filters.parameters("regions", "kinds")
    if received_only and used <= {"topic_group", "topic", "kind"}:
        return TOPICS, days | filters.parameters("topic_groups", "topics", "kinds")
    if used <= {"region", "topic_group", "kind"}:
        return TOTALS, days | filters.parameters("regions", "topic_groups", "kinds")
    return COUNTS, days | filters.parameters()


def _parameters(filters: Filters, first: date | None, last: date | None) -> dict[str, Any]:
    return {"first_day": first, "last_day": last, **filters.parameters()}


def _check(name: str, known: Mapping[str, Any]) -> None:
    if name not in known:
        raise BadInput(
            "unknown_grouping",
            "Complaints cannot be counted by {name}; choose one of {known}.",
            name=name,
            known=", ".join(known),
        )
