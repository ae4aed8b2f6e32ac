"""What is changing: a selection taken apart, against last year, what rose and fell for good, what is new and gone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analytics.changes import FEWEST, surely_changed
from analytics.decompose import FEWEST_DAYS, Decomposition, decompose
from analytics.filters import Filters, period
from analytics.loaded import places
from analytics.overview import MOVERS
from analytics.queries import DAY, RECEIVED, daily_counts, smallest
from analytics.relabelling import carried, relabelled
from analytics.selected_forecast import history

if TYPE_CHECKING:
    from analytics.store import Store

YEAR = 364  # days: the same weekdays
YEARS = 2  # earlier ones, at most, of which the same weeks make what is usual
SHORTEST = 13  # weeks compared at least: a lasting change is not seen in fewer
FEWEST_WEEKS = 2  # weeks compared where the history is short
DRAWN = 52  # weeks of a small multiple
STRAY = 0.05  # weeks with a smaller share of a good week (the upper quartile) at the beginning are stray old complaints
OLD_ENOUGH = 91  # days of history before a topic can be called new, or gone
FEWEST_NEW = 5  # complaints of a new topic
MISSED = 7.0  # complaints that would have come in a silence: none has a probability of 0.001 (Poisson)
BEYOND = 2.0  # times the longest silence before
CHANGES_COLUMNS = ["now", "before", "ratio", "low", "high", "probability", "direction", "weekly", "weekly_before"]


@dataclass(frozen=True)
class Trend:
    """`parts`: the decomposition, None with fewer than 28 known days; `known_days`: how many there are.

    `weeks`: week (its first day), complaints, before (the same weekdays 364 days earlier), ratio; nan where unknown.
    """

    parts: Decomposition | None
    known_days: int
    weeks: pd.DataFrame


@dataclass(frozen=True)
class Compared:
    """Whole weeks: `first` to `last` against as many weeks from each of `bases` on, the newest first.

    `against`, one of `filters.COMPARISONS`: 'usual' is the mean of the same weeks of up to two years before,
    'last_year' those 364 days earlier, 'previous' the weeks just before, which also stand in where no year is known.
    `begun`: the first day of the history.
    """

    first: date
    last: date
    bases: tuple[date, ...]
    weeks: int
    against: str
    begun: date

    @property
    def back(self) -> list[int]:
        """How many weeks earlier each base lies."""
        return [(self.first - base).days // 7 for base in self.bases]


def covered_from(store: Store, filters: Filters, last: date) -> date | None:
    """The first day from which the chosen places deliver; weeks of stray old complaints before it do not count."""
    arrived = daily_counts(store, Filters(last_day=last, regions=filters.regions, kinds=()))
    if arrived.empty:
        return None
    week = ((pd.Timestamp(last) - arrived["day"]).dt.days // 7).to_numpy()
    weekly = np.bincount(week, weights=arrived["complaints"])
    covered = int(np.flatnonzero(weekly >= STRAY * np.quantile(weekly[weekly > 0], 0.75)).max())
    return arrived.loc[week <= covered, "day"].min().date()


def compared_weeks(store: Store, filters: Filters, as_of: date) -> Compared | None:
    """Which weeks are compared: the period, 13 weeks at least, with what the reader compares with (`Compared`).

    Where the history is too short for a year, its last weeks with as many before them; None with fewer than 4 weeks.
    """
    first, last = period(filters, as_of)
    begun = covered_from(store, filters, last)
    if begun is None:
        return None
    available = ((last - begun).days + 1) // 7
    wanted = max(-(-((last - first).days + 1) // 7), SHORTEST)
    yearly = min(wanted, available - YEAR // 7, YEAR // 7)
    if filters.compare == "previous" or yearly < SHORTEST:
        weeks = min(wanted, available // 2)
        start = last - timedelta(days=7 * weeks - 1)
        base = start - timedelta(days=7 * weeks)
        return Compared(start, last, (base,), weeks, "previous", begun) if weeks >= FEWEST_WEEKS else None
    start = last - timedelta(days=7 * yearly - 1)
    bases = [start - timedelta(days=YEAR)]
    if filters.compare == "usual":
        begins = _begins(store, filters)
        late = begins[begins <= pd.Timestamp(bases[0])].max()  # with fewer places, an older year is no measure
        earlier = (start - timedelta(days=YEAR * years) for years in range(2, YEARS + 1))
        bases += [base for base in earlier if base >= begun and not pd.Timestamp(base) < late]
    return Compared(start, last, tuple(bases), yearly, filters.compare, begun)


def whole(store: Store, filters: Filters, as_of: date) -> tuple[pd.DataFrame, int]:
    """The selection in the weeks compared against what it is compared with; and how many of the weeks are left out.

    One row as of `changes.surely_changed`, none with too few weeks or complaints; weeks with days that were not loaded
    are left out on both sides.
    """
    compared = compared_weeks(store, filters, as_of)
    if compared is None:
        return pd.DataFrame(), 0
    series = history(store, filters, min(compared.bases), compared.last)["complaints"].to_numpy(dtype=float)
    weekly = series.reshape(-1, 7).sum(axis=1)
    now = weekly[-compared.weeks :]
    bases = np.array([weekly[len(weekly) - compared.weeks - back :][: compared.weeks] for back in compared.back])
    usual = np.array([column[~np.isnan(column)].mean() if not np.isnan(column).all() else np.nan for column in bases.T])
    known = ~np.isnan(now) & ~np.isnan(usual)
    before = bases[:, known][~np.isnan(bases[:, known])]
    left_out = int((~known).sum())
    if known.sum() < FEWEST_WEEKS or now[known].sum() + usual[known].sum() < FEWEST:
        return pd.DataFrame(), left_out
    sums = np.array([now[known].sum()]), np.array([usual[known].sum()])
    return surely_changed(before[None, :], *sums, days=7 * int(known.sum())), left_out


def trend(store: Store, filters: Filters, as_of: date) -> Trend:
    """The whole history of the selection up to the end of the period: taken apart, and beside the year before."""
    _, last = period(filters, as_of)
    begun = covered_from(store, filters, last) or last
    series = history(store, filters, begun, last).set_index("day")["complaints"]
    known = int(series.notna().sum())
    return Trend(decompose(series) if known >= FEWEST_DAYS else None, known, year_over_year(series))


def year_over_year(series: pd.Series) -> pd.DataFrame:
    """Weeks that end with the last day of the daily `series`, the newest year of them: week, complaints, before, ratio.

    `week` is the first day; `before` are the same weekdays 364 days earlier; weeks with unknown days are nan, as is
    the ratio to nothing.
    """
    whole = series.iloc[len(series) % 7 :]
    sums = whole.to_numpy(dtype=float).reshape(-1, 7).sum(axis=1)
    weeks = pd.DataFrame({"week": whole.index[::7], "complaints": sums})
    weeks["before"] = weeks["complaints"].shift(YEAR // 7)
    weeks["ratio"] = (weeks["complaints"] / weeks["before"]).where(weeks["before"] > 0)
    return weeks.tail(YEAR // 7).reset_index(drop=True)


def changed(store: Store, filters: Filters, as_of: date, by: str) -> pd.DataFrame:
    """What rose and fell in the weeks compared (`compared_weeks`): the largest rise first, the largest fall last.

    `by`: region, municipality, topic_group or topic. The name columns of `overview.MOVERS`; now, before (complaints),
    ratio, low and high (its 80 % interval), probability (that it really changed: see changes.surely_changed),
    direction, weekly and weekly_before: lists of the 52 weeks up to the end, and of what each of them is compared with
    (nan: not covered).
    `attrs["compared"]`: the weeks, None when there are too few. Left out are names not stated, those with fewer than
    10 complaints, and regions that began or ended within the weeks compared.
    """
    names = MOVERS[by]
    compared = compared_weeks(store, filters, as_of)
    table = pd.DataFrame(columns=[*names, *CHANGES_COLUMNS])
    if compared is not None:
        table = _changed(store, filters, compared, names)
    table.attrs["compared"] = compared
    return table


def _changed(store: Store, filters: Filters, compared: Compared, names: list[str]) -> pd.DataFrame:
    length = DRAWN + max(compared.back)
    start = compared.last - timedelta(days=7 * length - 1)
    counts = weekly_counts(store, filters, start, compared.last, names).dropna(subset=names)
    if "region" in names:
        counts = counts[counts["region"].isin(_delivering(store, filters, compared.bases[0]))]
    unit, units = pd.factorize(pd.MultiIndex.from_frame(counts[names]))
    weekly = np.zeros((len(units), length))
    weekly[unit, ((counts["week"] - pd.Timestamp(start)).dt.days // 7).to_numpy()] = counts["complaints"]
    now = weekly[:, -compared.weeks :].sum(axis=1)
    base = np.hstack([weekly[:, length - compared.weeks - back : length - back] for back in compared.back])
    before = base.sum(axis=1) / len(compared.bases)
    enough = now + before >= FEWEST
    table = surely_changed(base[enough], now[enough], before[enough], days=7 * compared.weeks)
    table[names] = units.to_frame(index=False, name=names)[enough].to_numpy()
    weekly[:, : max(-(-(compared.begun - start).days // 7), 0)] = np.nan
    shifted = [weekly[enough, length - DRAWN - back : length - back] for back in compared.back]
    table["weekly"], table["weekly_before"] = list(weekly[enough, -DRAWN:]), list(np.mean(shifted, axis=0))
    table = table.rename(columns={"usual": "before"}).sort_values("ratio", ascending=False, kind="stable")
    return table[[*names, *CHANGES_COLUMNS]].reset_index(drop=True)


def _begins(store: Store, filters: Filters) -> pd.Series:
    """The day on which each source and region that still delivers began to."""
    with store.reading() as query:
        found = places(query, filters)
    return found.loc[found["active"], "first_day"]


def _delivering(store: Store, filters: Filters, since: date) -> list[str]:
    """The regions that delivered all the time since then."""
    with store.reading() as query:
        found = places(query, filters)
    return list(found.loc[(found["first_day"] <= pd.Timestamp(since)) & found["active"], "region"].dropna())


def weekly_counts(store: Store, filters: Filters, first: date, last: date, names: list[str]) -> pd.DataFrame:
    """`names`, week (its first day; weeks begin with `first`), complaints of the selection; quiet weeks are absent."""
    table, parameters = smallest(filters, first, last, names, received_only=True)
    return store.query(
        f"""
        select {", ".join(names)}, $start + 7 * (({DAY[table]} - $start) // 7)::integer as week,
          sum({RECEIVED[table]})::bigint as complaints
        from {table} group by all having sum({RECEIVED[table]}) <> 0
        """,
        start=first,
        **parameters,
    )


def new_and_gone_topics(store: Store, filters: Filters, as_of: date) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Topics first seen in the weeks compared, and topics that went silent far beyond their own rhythm.

    New: topic_group, topic, first_day, complaints (5 at least); the history must begin 91 days before. Gone:
    topic_group, topic, last_day, silent (days), longest (days between two complaints before), missed (complaints that
    would have come meanwhile at the rate of its last year, 7 at least).
    """
    first, last = period(filters, as_of)
    first = min(first, last - timedelta(days=7 * SHORTEST - 1))
    begun = covered_from(store, filters, last) or last
    table, parameters = smallest(filters, begun, last, ["topic_group", "topic"], received_only=True)
    found = store.query(
        f"""
        with days as (
          select topic_group, topic, {DAY[table]} as day, sum({RECEIVED[table]}) as complaints from {table}
          group by all having sum({RECEIVED[table]}) > 0
        ),
        gaps as (
          select *, day - lag(day) over one as gap, max(day) over (partition by topic_group, topic) as last_day
          from days window one as (partition by topic_group, topic order by day)
        )
        select topic_group, topic, min(day) as first_day, max(day) as last_day,
          coalesce(max(gap), 0)::bigint as longest,
          coalesce(sum(complaints) filter (day >= $first), 0)::bigint as complaints,
          sum(complaints) filter (day > last_day - $year)::double as of_its_last_year
        from gaps where topic_group is not null group by all
        """,
        first=first,
        year=YEAR,
        **parameters,
    )
    found["topic"] = found["topic"].fillna("")
    age = (found["first_day"] - pd.Timestamp(begun)).dt.days
    is_new = (found["first_day"] >= pd.Timestamp(first)) & (age >= OLD_ENOUGH) & (found["complaints"] >= FEWEST_NEW)
    new = found.loc[is_new, ["topic_group", "topic", "first_day", "complaints"]]
    lived = (found["last_day"] - found["first_day"]).dt.days + 1
    found["silent"] = (pd.Timestamp(last) - found["last_day"]).dt.days
    found["missed"] = found["of_its_last_year"] / lived.clip(upper=YEAR) * found["silent"]
    is_gone = (found["missed"] >= MISSED) & (found["silent"] > BEYOND * found["longest"]) & (lived >= OLD_ENOUGH)
    gone = found.loc[is_gone, ["topic_group", "topic", "last_day", "silent", "longest", "missed"]]
    return (
        new.sort_values("complaints", ascending=False).reset_index(drop=True),
        gone.sort_values("missed", ascending=False).reset_index(drop=True),
    )


def moved_labels(store: Store, filters: Filters, as_of: date) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Where a topic's jump is another topic's fall (`relabelling.relabelled`) or a channel's start (`.carried`).

    Topics of the whole selection; topic groups of each region of it too, where it has several.
    """
    _, last = period(filters, as_of)
    begun = covered_from(store, filters, last)
    weeks = ((last - begun).days + 1) // 7 if begun else 0
    first = last - timedelta(days=7 * weeks - 1)
    topics = weekly_counts(store, filters, first, last, ["topic_group", "topic"]).fillna({"topic": ""})
    groups = weekly_counts(store, filters, first, last, ["region", "topic_group"])
    of_places = groups.assign(topic="") if groups["region"].nunique() > 1 else groups.head(0)
    everywhere = topics.assign(region="*")
    labels = pd.concat([everywhere, of_places], ignore_index=True).dropna(subset=["region", "topic_group"])
    channels = weekly_counts(store, filters, first, last, ["channel"]).dropna()
    started = channels.groupby("channel")["week"].min()
    late = started.index[started > pd.Timestamp(first)]
    if len(late):
        chosen = replace(filters, channels=tuple(late))
        parts = weekly_counts(store, chosen, first, last, ["topic_group", "channel"])
    else:
        parts = pd.DataFrame({"topic_group": [], "channel": [], "week": [], "complaints": []})
    sums = groups.groupby(["topic_group", "week"], as_index=False)["complaints"].sum()
    return relabelled(labels), carried(sums, parts)
