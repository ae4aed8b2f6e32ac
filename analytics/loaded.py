"""Up to when, and how wholly, what arrived from each source and region is loaded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import stats

from analytics.filters import Filters

if TYPE_CHECKING:
    from analytics.store import Store

Query = Callable[..., pd.DataFrame]
ACTIVE_DAYS = 14  # who has delivered nothing for longer, while others have, has ended
RATE_DAYS = 91  # the stretch over which a source's rate is taken
IMPROBABLE = 0.001
QUIET = 7.0  # complaints: with so many expected, none at all has a probability of 0.001 (Poisson)
FEWEST = 8.0  # complaints a day: below this even an empty day says nothing


@dataclass(frozen=True)
class LastFullDay:
    """Up to which day the data are whole.

    `day`: the last full day of the selection, None when nothing is loaded. `behind`: source, region, last_full_day
    of those that deliver but lag behind the newest. `ended`: the same of those that stopped delivering more than
    14 days before the newest.
    """

    day: date | None
    behind: pd.DataFrame
    ended: pd.DataFrame


def last_full_day(store: Store, filters: Filters) -> LastFullDay:
    """The newest day that every source and region of the selection covers wholly; see LastFullDay.

    Of each (source, region) it is the newest day covered by an import in force and not its last, partial one; of
    the selection, the earliest of those that still deliver, so that a late file never reads as a fall. A region so
    quiet that none of its complaints need have come since (fewer than 7 expected) counts as far as its source does.
    """
    with store.reading() as query:
        covered = _covered(query, filters)
    places = covered[["source", "region", "last_full_day"]]
    if covered.empty:
        return LastFullDay(None, places, places)
    active = covered["active"]
    day = covered.loc[active, "last_full_day"].min()
    behind = active & (covered["last_full_day"] < covered["last_full_day"].max())
    return LastFullDay(day.date(), places[behind].reset_index(drop=True), places[~active].reset_index(drop=True))


def completeness(store: Store, filters: Filters, as_of: date, days: int = 28) -> pd.DataFrame:
    """What has arrived from where: source, region, day, complaints, usual, state, for `days` days each.

    The days end at the newest full day of any (source, region) of the selection, `as_of` at the earliest; those that
    ended before these days are left out. `usual` is the median of the same weekday in the 8 weeks before, nan when
    fewer than 4 of them are covered. State: 'loaded', 'looks_unloaded' (covered, but improbably few against its own
    rhythm) or 'not_loaded' (before its first or after its last full day). Complaints of every kind are counted.
    """
    with store.reading() as query:
        covered = _covered(query, filters)
        last = max([pd.Timestamp(as_of), *covered["last_full_day"]])
        first = last - pd.Timedelta(days=days - 1)
        arrived = query(
            """
            select source, region, day, sum(complaints)::bigint as complaints from source_days
            where within(day, $first_day, $last_day) and chosen(region, $regions)
            group by all
            """,
            first_day=(first - pd.Timedelta(weeks=8)).date(),
            last_day=last.date(),
            **filters.parameters("regions"),
        )
    covered = covered[covered["last_full_day"] >= first].reset_index(drop=True)
    calendar = pd.date_range(first - pd.Timedelta(weeks=8), last, name="day")
    counts = _dense(arrived, covered, calendar)
    known = (calendar.to_numpy() >= covered["first_day"].to_numpy()[:, None]) & (
        calendar.to_numpy() <= covered["last_full_day"].to_numpy()[:, None]
    )
    usual = _usual_day(np.where(known, counts, np.nan))
    suspicious = _improbably_few(np.where(known, counts, np.nan), usual)
    state = np.where(~known[:, 56:], "not_loaded", np.where(suspicious, "looks_unloaded", "loaded"))
    table = covered.loc[covered.index.repeat(days), ["source", "region"]].reset_index(drop=True)
    table["day"] = np.tile(calendar[56:], len(covered))
    table["complaints"] = counts[:, 56:].ravel().astype("int64")
    return table.assign(usual=usual.ravel(), state=state.ravel())


def history(query: Query, filters: Filters) -> pd.DataFrame:
    """From when on each region of the selection is loaded: region, first_day (stray early dates do not count).

    The first day by which one in a thousand of its complaints had come.
    """
    return query(
        """
        with days as (
          select region, day, sum(complaints) as complaints from source_days
          where chosen(region, $regions) group by all
        ),
        shares as (
          select region, day,
            sum(complaints) over (partition by region order by day)
              / sum(complaints) over (partition by region) as share
          from days
        )
        select region, min(day) as first_day from shares where share >= 0.001 group by region
        """,
        **filters.parameters("regions"),
    )


def ended_regions(query: Query, filters: Filters) -> set[str | None]:
    """The regions of the selection of which no source delivers any more."""
    covered = _covered(query, filters)
    active = covered.groupby("region", dropna=False)["active"].any()
    return set(active.index[~active])


def _covered(query: Query, filters: Filters) -> pd.DataFrame:
    """source, region, first_day, last_full_day, active; by source and region."""
    covered = query(
        """
        with places as (
          select coverage.source, coverage.region, min(coverage.first_day) as first_day,
            max(coverage.full_until) as last_full_day
          from coverage join imports using (import_id)
          where imports.undone_at is null and chosen(coverage.region, $regions)
          group by all
        )
        select places.*, coalesce(sum(source_days.complaints), 0)::double as complaints
        from places left join source_days
          on places.source = source_days.source and places.region is not distinct from source_days.region
          and source_days.day between places.last_full_day - $days and places.last_full_day
        group by all order by places.source, places.region
        """,
        days=RATE_DAYS,
        **filters.parameters("regions"),
    )
    if covered.empty:
        return covered.assign(active=False)
    newest = covered.groupby("source")["last_full_day"].transform("max")
    silent_days = (newest - covered["last_full_day"]).dt.days
    quiet = covered["complaints"] * silent_days / RATE_DAYS < QUIET
    covered["last_full_day"] = covered["last_full_day"].where(~quiet, newest)
    behind = covered["last_full_day"].max() - covered["last_full_day"]
    covered["active"] = behind <= timedelta(days=ACTIVE_DAYS)
    return covered.drop(columns="complaints")


def _dense(arrived: pd.DataFrame, covered: pd.DataFrame, calendar: pd.DatetimeIndex) -> np.ndarray:
    """places × days, quiet days 0, in the order of `covered`."""
    counts = np.zeros((len(covered), len(calendar)))
    place = {key: row for row, key in enumerate(zip(covered["source"], covered["region"].fillna(""), strict=True))}
    rows = [place.get(key, -1) for key in zip(arrived["source"], arrived["region"].fillna(""), strict=True)]
    kept = np.array(rows, dtype=int) >= 0
    columns = (arrived["day"] - calendar[0]).dt.days.to_numpy()
    counts[np.array(rows, dtype=int)[kept], columns[kept]] = arrived["complaints"].to_numpy()[kept]
    return counts


def _usual_day(counts: np.ndarray) -> np.ndarray:
    """For each day but the first 56: the median of the same weekday in the 8 weeks before."""
    days = counts.shape[1] - 56
    before = np.stack([counts[:, 56 - 7 * weeks : 56 - 7 * weeks + days] for weeks in range(1, 9)])
    enough = (~np.isnan(before)).sum(axis=0) >= 4
    ordered = np.ma.median(np.ma.masked_invalid(before), axis=0).filled(np.nan)
    return np.where(enough, ordered, np.nan)


def _improbably_few(counts: np.ndarray, usual: np.ndarray) -> np.ndarray:
    """Where so few or fewer have a probability below 0.001 and are less than half of the usual.

    Negative binomial around the usual, its dispersion from the place's own days: the median of (count - usual)² /
    usual, made comparable with a variance by the median of chi-square with one degree of freedom (0.455), so a few
    broken days do not hide themselves.
    """
    today = counts[:, 56:]
    judged = (usual >= FEWEST) & ~np.isnan(today)
    middle = np.where(judged, usual, FEWEST)
    squares = np.where(judged, (today - middle) ** 2 / middle, np.nan)
    dispersion = np.ma.median(np.ma.masked_invalid(squares), axis=1).filled(1.0)[:, None] / 0.455
    dispersion = np.maximum(dispersion, 1.0 + 1e-6)
    probability = stats.nbinom.cdf(np.nan_to_num(today), middle / (dispersion - 1.0), 1.0 / dispersion)
    return judged & (probability < IMPROBABLE) & (today < middle / 2)
