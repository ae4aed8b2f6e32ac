"""Up to when, and how wholly, what arrived from each source and region is loaded."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import scipy

from analytics.filters import Filters
from analytics.panel import MOST_UNKNOWN, TOTAL

if TYPE_CHECKING:
    from analytics.store import Store

Query = Callable[..., pd.DataFrame]
ACTIVE_DAYS = 14  # who has delivered nothing for longer, while others have, has ended
RATE_DAYS = 91  # the last days, over which a place's rate is taken
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
        covered = places(query, filters)
    days = covered[["source", "region", "last_full_day"]]
    if covered.empty:
        return LastFullDay(None, days, days)
    active = covered["active"]
    day = covered.loc[active, "last_full_day"].min()
    behind = active & (covered["last_full_day"] < covered["last_full_day"].max())
    return LastFullDay(day.date(), days[behind].reset_index(drop=True), days[~active].reset_index(drop=True))


def completeness(store: Store, filters: Filters, as_of: date, days: int = 28) -> pd.DataFrame:
    """What has arrived from where: source, region, day, complaints, usual, state, for `days` days each.

    The days end at the newest full day of any (source, region) of the selection, `as_of` at the earliest; those that
    ended before these days are left out. `usual` is the median of the same weekday in the 8 weeks before, nan when
    fewer than 4 of them are covered. State: 'loaded', 'looks_unloaded' (covered, but improbably few against its own
    rhythm) or 'not_loaded' (before its first or after its last full day). Complaints of every kind are counted.
    """
    with store.reading() as query:
        covered = places(query, filters)
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
    counts = dense(arrived, covered, calendar)
    known = (calendar.to_numpy() >= covered["first_day"].to_numpy()[:, None]) & (
        calendar.to_numpy() <= covered["last_full_day"].to_numpy()[:, None]
    )
    usual = usual_day(np.where(known, counts, np.nan))
    suspicious = improbably_few(np.where(known, counts, np.nan), usual)
    state = np.where(~known[:, 56:], "not_loaded", np.where(suspicious, "looks_unloaded", "loaded"))
    table = covered.loc[covered.index.repeat(days), ["source", "region"]].reset_index(drop=True)
    table["day"] = np.tile(calendar[56:], len(covered))
    table["complaints"] = counts[:, 56:].ravel().astype("int64")
    return table.assign(usual=usual.ravel(), state=state.ravel())


def places(query: Query, filters: Filters) -> pd.DataFrame:
    """From when and up to when each place is loaded: source, region, first_day, last_full_day, active.

    `active`: it still delivers (see last_full_day). An import that is undone takes its coverage with it.
    """
    found = query(
        """
        with covered as materialized (
          select source, region, min(first_day) as first_day, max(full_until) as last_full_day
          from coverage where chosen(region, $regions) group by all
        ),
        arrived as (
          select source, region, sum(complaints) as complaints,
            sum(complaints) filter (day > (select max(last_full_day) from covered) - $days) as recent
          from source_days where chosen(region, $regions) group by all
        )
        select covered.*, coalesce(arrived.complaints, 0)::bigint as complaints,
          coalesce(arrived.recent, 0)::bigint as recent
        from covered left join arrived
          on covered.source = arrived.source and covered.region is not distinct from arrived.region
        order by covered.source, covered.region
        """,
        days=RATE_DAYS,
        **filters.parameters("regions"),
    )
    newest = found.groupby("source")["last_full_day"].transform("max")
    found["last_full_day"] = found["last_full_day"].where(~_only_quiet(found, newest), newest)
    behind = (found["last_full_day"].max() - found["last_full_day"]).dt.days
    return found[["source", "region", "first_day", "last_full_day"]].assign(active=behind <= ACTIVE_DAYS)


def unloaded(query: Query, days: pd.DatetimeIndex) -> pd.DataFrame:
    """Region × day: what had not arrived of it when the newest forecasts were made."""
    found = query("select unloaded from forecast_runs order by issued_at desc, run_id limit 1")
    stretches = json.loads(found["unloaded"].iloc[0]) if len(found) else []
    table = pd.DataFrame(False, index=sorted({one["region"] or "" for one in stretches}), columns=days)
    for one in stretches:
        inside = (days >= pd.Timestamp(one["first_day"])) & (days <= pd.Timestamp(one["last_day"]))
        table.loc[one["region"] or "", inside] = True
    return table


def unknown_days(query: Query, days: pd.DatetimeIndex) -> pd.DataFrame:
    """Region ('*': the whole) × day: is it unknown how many complaints came, since no source covers it or one is lost?

    The whole is unknown where over 5 % of the regions that deliver are lost.
    """
    covered = places(query, Filters())
    region = covered["region"].fillna("").to_numpy()
    begun = days.to_numpy() >= covered["first_day"].to_numpy()[:, None]
    full = days.to_numpy() <= covered["last_full_day"].to_numpy()[:, None]
    known = pd.DataFrame(begun & full, columns=days).groupby(region).any()
    late = pd.DataFrame(begun & ~full & covered["active"].to_numpy()[:, None], columns=days).groupby(region).any()
    lost = late | unloaded(query, days).reindex(known.index, fill_value=False)
    places_of_whole = covered.loc[covered["active"], "region"].nunique(dropna=False)
    unknown = ~known | lost
    unknown.loc[TOTAL] = (lost.sum(axis=0) > MOST_UNKNOWN * places_of_whole) | ~known.any(axis=0)
    return unknown


def _only_quiet(found: pd.DataFrame, newest: pd.Series) -> pd.Series:
    """Which places lag behind their source only because none of their few complaints need have come since."""
    silent = (newest - found["last_full_day"]).dt.days
    expected = found["recent"] * silent / (RATE_DAYS - silent).clip(lower=1)
    return (expected < QUIET) & ((silent < RATE_DAYS) | (found["complaints"] < QUIET))


def dense(arrived: pd.DataFrame, covered: pd.DataFrame, calendar: pd.DatetimeIndex) -> np.ndarray:
    """places × days, quiet days 0, in the order of `covered`."""
    counts = np.zeros((len(covered), len(calendar)))
    place = {key: row for row, key in enumerate(zip(covered["source"], covered["region"].fillna(""), strict=True))}
    rows = [place.get(key, -1) for key in zip(arrived["source"], arrived["region"].fillna(""), strict=True)]
    kept = np.array(rows, dtype=int) >= 0
    columns = (arrived["day"] - calendar[0]).dt.days.to_numpy()
    counts[np.array(rows, dtype=int)[kept], columns[kept]] = arrived["complaints"].to_numpy()[kept]
    return counts


def usual_day(counts: np.ndarray) -> np.ndarray:
    """For each day but the first 56: the median of the same weekday in the 8 weeks before."""
    days = counts.shape[1] - 56
    before = np.stack([counts[:, 56 - 7 * weeks : 56 - 7 * weeks + days] for weeks in range(1, 9)])
    enough = (~np.isnan(before)).sum(axis=0) >= 4
    ordered = np.ma.median(np.ma.masked_invalid(before), axis=0).filled(np.nan)
    return np.where(enough, ordered, np.nan)


def improbably_few(counts: np.ndarray, usual: np.ndarray) -> np.ndarray:
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
    size = middle / (dispersion - 1.0)
    # That many or fewer: negative binomial.
    probability = scipy.special.betainc(size, np.nan_to_num(today) + 1.0, 1.0 / dispersion)
    return judged & (probability < IMPROBABLE) & (today < middle / 2)
