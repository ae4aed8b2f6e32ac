"""Days of signals: what came before, what is expected, how probable the threshold is each day; what came of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analytics.filters import COUNTED
from analytics.forecast import probability
from analytics.ledger import issued
from analytics.signals import SEVERE_STEP, YEAR, stretches

if TYPE_CHECKING:
    from analytics.store import Store

Query = Callable[..., pd.DataFrame]
SERIES = ["region", "topic"]
SHOWN_BEFORE = 42  # days
OVER_FOR = 14  # days after its last one that a signal is told as over


def series_counts(query: Query, series: pd.DataFrame, first: date, last: date) -> pd.DataFrame:
    """Complaints of each day ('*' is a sum): one row for each row of `series` (region, topic), one column for a day."""
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
    return table.reindex(pd.MultiIndex.from_frame(series[SERIES])).reindex(columns=days).fillna(0.0)


def issued_pairs(store: Store, series: pd.DataFrame, run_id: int | None = None) -> pd.DataFrame:
    """The issued forecast of these series (region, topic) alone; see `ledger.issued`."""
    return issued(store, run_id=run_id, pairs=list(zip(series["region"], series["topic"], strict=True)))


def courses(store: Store, signals: pd.DataFrame) -> pd.DataFrame:
    """The days around each signal: region, topic, day, complaints, mean, 0.1, 0.9, threshold, probability.

    Before the origin `complaints`, six weeks of them; after it what was issued. `threshold`: of the most pressing
    signal of the series. No rows where nothing was issued.
    """
    series = signals.drop_duplicates(SERIES)[[*SERIES, "threshold"]]
    if series.empty:
        return pd.DataFrame(columns=[*SERIES, "day", "complaints", "mean", "0.1", "0.9", "threshold", "probability"])
    origin = signals.attrs["origin"]
    with store.reading() as query:
        before = series_counts(query, series, origin - timedelta(days=SHOWN_BEFORE - 1), origin)
    ahead = issued_pairs(store, series, signals.attrs["run_id"])
    least = series.set_index(SERIES)["threshold"].reindex(pd.MultiIndex.from_frame(ahead[SERIES])).to_numpy()
    ahead = ahead.assign(probability=probability(ahead, least)["probability"])
    ahead.attrs = {}
    past = before.stack().rename("complaints").reset_index()
    columns = [*SERIES, "day", "mean", "0.1", "0.9", "probability"]
    table = pd.concat([past, ahead[columns]], ignore_index=True)
    return table.merge(series, on=SERIES, how="left").sort_values([*SERIES, "day"], ignore_index=True)


def by_region(courses: pd.DataFrame) -> pd.DataFrame:
    """Places × days ahead: the probability of the likeliest spike of the place, in the order of the signals."""
    ahead = courses[courses["probability"].notna()]
    return ahead.pivot_table(index="region", columns="day", values="probability", aggfunc="max")


def over(store: Store, as_of: date) -> pd.DataFrame:
    """Signals within the budget whose days have passed in the last two weeks, the latest first.

    As the last issue before their first day said them: region, topic, first_day, last_day, threshold, probability,
    most (complaints of their strongest day), came. `as_of`: the last full day.
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
    most = [
        float(counts.loc[(row.region, row.topic), row.first_day : row.last_day].max())
        for row in rows.itertuples(index=False)
    ]
    found = rows.assign(most=most, came=np.array(most) >= rows["threshold"])
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


def own_signals(store: Store, run_id: int, origin: date) -> pd.DataFrame:
    """Signals of the thresholds that the reader set: the columns of the table `signals`, `topic` for its topic group.

    The probability is that of the issued distribution, so a changed threshold is answered at once; stretches, excess
    and score are those of `signals.find_signals`.
    """
    with store.reading() as query:
        own = query("select region, topic_group as topic, complaints as threshold from own_thresholds order by all")
        if own.empty:
            return own
        begun = query("select min(day) as day from daily_totals")["day"].iloc[0]
        first = max(pd.Timestamp(begun).date(), origin - timedelta(days=YEAR - 1))
        past = series_counts(query, own, first, origin)
    ahead = issued_pairs(store, own, run_id)
    if ahead.empty:
        return own.head(0)
    ahead = ahead.sort_values([*SERIES, "day"])
    series = ahead[SERIES].drop_duplicates(ignore_index=True)
    least = own.set_index(SERIES)["threshold"].reindex(pd.MultiIndex.from_frame(ahead[SERIES])).to_numpy(dtype=float)
    shape = (len(series), -1)
    chance, severe = (
        probability(ahead, at)["probability"].to_numpy().reshape(shape) for at in (least, np.ceil(SEVERE_STEP * least))
    )
    found = stretches(
        series,
        pd.Timestamp(origin) + pd.Timedelta(days=1),
        least=least.reshape(shape),
        mean=ahead["mean"].to_numpy().reshape(shape),
        usual=past.loc[pd.MultiIndex.from_frame(series)].median(axis=1).to_numpy(),
        likely=chance,
        worse=severe,
    )
    return found.drop(columns="week").assign(why="{}", run_id=run_id)
