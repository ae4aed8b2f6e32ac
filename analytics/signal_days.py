"""Days of signals of regions: what came before, what was issued for them, what came of signals."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analytics.filters import COUNTED
from analytics.ledger import issued
from analytics.loaded import unknown_days

if TYPE_CHECKING:
    from analytics.store import Store

Query = Callable[..., pd.DataFrame]
SERIES = ["region", "topic"]
OVER_FOR = 14  # days after its last one that a signal is told as over


def series_counts(query: Query, series: pd.DataFrame, first: date, last: date) -> pd.DataFrame:
    """Complaints of each day ('*' is a sum): one row for each row of `series` (region, topic), one column for a day.

    Quiet days are 0, days that were not loaded nan.
    """
    found = query(
        """
        with wanted as (select unnest($regions) as region, unnest($topics) as topic),
        cells as (
          select coalesce(region, '') as region, coalesce(topic_group, '') as topic, day, sum(received) as complaints
          from daily_totals where within(day, $first, $last) and chosen(kind, $kinds) group by all
        ),
        counted as (
          select if(grouping(region) = 1, '*', region) as region, if(grouping(topic) = 1, '*', topic) as topic, day,
            sum(complaints)::double as complaints
          from cells group by grouping sets ((region, topic, day), (region, day), (topic, day), (day))
        )
        select region, topic, day, complaints from counted semi join wanted using (region, topic)
        """,
        regions=series["region"].tolist(),
        topics=series["topic"].tolist(),
        first=first,
        last=last,
        kinds=list(COUNTED),
    )
    days = pd.date_range(first, last, name="day")
    table = found.pivot_table(index=SERIES, columns="day", values="complaints", aggfunc="sum")
    table = table.reindex(pd.MultiIndex.from_frame(series[SERIES])).reindex(columns=days).fillna(0.0)
    unknown = unknown_days(query, days).reindex(table.index.get_level_values("region"), fill_value=True)
    return table.mask(unknown.to_numpy())


def issued_pairs(store: Store, series: pd.DataFrame, run_id: int | None = None) -> pd.DataFrame:
    """The issued forecast of these series (region, topic) alone; see `ledger.issued`."""
    return issued(store, run_id=run_id, pairs=list(zip(series["region"], series["topic"], strict=True)))


def by_region(courses: pd.DataFrame) -> pd.DataFrame:
    """Places × days ahead: the probability of the likeliest spike of the place, in the order of the signals."""
    ahead = courses[courses["probability"].notna()]
    return ahead.pivot_table(index="region", columns="day", values="probability", aggfunc="max")


def over(store: Store, as_of: date) -> pd.DataFrame:
    """Signals within the budget whose days have passed in the last two weeks, the latest first.

    As the last issue before their first day said them: region, topic, first_day, last_day, threshold, probability,
    most (complaints of their strongest day, nan: none is known), came (True, False, or None: no known day reached the
    threshold, and not all are known). `as_of`: the last full day.
    """
    with store.reading() as query:
        rows = query(
            """
            select region, topic_group as topic, first_day, last_day, threshold, probability, origin
            from signals join forecast_runs using (run_id)
            where not reconstructed and within_budget and within(last_day, $since, $as_of) and origin < first_day
            order by origin desc, score desc
            """,
            since=as_of - timedelta(days=OVER_FOR - 1),
            as_of=as_of,
        )
        rows = _last_said(rows).drop(columns="origin")
        if rows.empty:
            return rows.assign(most=[], came=[])
        counts = series_counts(query, rows.drop_duplicates(SERIES), rows["first_day"].min().date(), as_of)
    days = [counts.loc[(row.region, row.topic), row.first_day : row.last_day] for row in rows.itertuples(index=False)]
    most = np.array([one.max() for one in days], dtype=float)
    came = (most >= rows["threshold"].to_numpy()).astype(object)
    came[~came.astype(bool) & np.array([one.isna().any() for one in days])] = None
    found = rows.assign(most=most, came=came)
    return found.sort_values(["last_day", "probability"], ascending=False, ignore_index=True)


def _last_said(rows: pd.DataFrame) -> pd.DataFrame:
    """Of signals of one series whose days meet, the one that was said last."""
    kept: list[int] = []
    for number, row in enumerate(rows.itertuples(index=False)):
        meets = (
            other.region == row.region
            and other.topic == row.topic
            and other.first_day <= row.last_day
            and other.last_day >= row.first_day
            for other in rows.iloc[kept].itertuples(index=False)
        )
        if not any(meets):
            kept.append(number)
    return rows.iloc[kept].reset_index(drop=True)
