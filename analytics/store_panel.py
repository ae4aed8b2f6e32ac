"""The store's daily counts as a panel that knows quiet days (0) from days that were not loaded (unknown)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analytics.almanac import Almanac, regressors
from analytics.data_state import data_state
from analytics.errors import BadInput
from analytics.filters import COUNTED, Filters
from analytics.loaded import FEWEST, dense, improbably_few, places, usual_day
from analytics.panel import MOST_UNKNOWN, Panel

if TYPE_CHECKING:
    from analytics.store import Store

Query = Callable[..., pd.DataFrame]
HISTORY = 5 * 364  # days: what is older changes no forecast
WEEKS = 56  # days over which the usual day is taken
SHORTEST = 14  # days of history: with fewer there is nothing to go by

REGIONS = """
select day, coalesce(region, '') as region, coalesce(topic_group, '') as topic, sum(received)::bigint as complaints
from daily_totals where within(day, $first_day, $last_day) and chosen(kind, $kinds)
group by all having sum(received) <> 0
"""
MUNICIPALITIES = """
select opened_on as day, coalesce(region, '') as region, coalesce(municipality, '') as municipality,
  coalesce(topic_group, '') as topic, sum(complaints)::bigint as complaints
from daily_counts where within(opened_on, $first_day, $last_day) and chosen(kind, $kinds)
  and chosen(municipality, $towns)
group by all having sum(complaints) <> 0
"""


@dataclass(frozen=True)
class StorePanel:
    """`panel` up to the origin, its last day; `unloaded`: source, region, first_day, last_day of what did not arrive.

    `ended`: region of those left out, since nothing delivers to them any more. `snapshot`: of the lake,
    that it was read from; `state`: see data_state.
    """

    panel: Panel
    unloaded: pd.DataFrame
    ended: list[str]
    snapshot: int
    state: int

    @property
    def origin(self) -> date:
        """The last day that is known."""
        return self.panel.days[-1].date()


def store_panel(
    store: Store,
    *,
    end: date | None = None,
    municipalities: bool = False,
    towns: Sequence[str] = (),
    almanac: Almanac | None = None,
) -> StorePanel:
    """Daily counts of complaints, suggestions and questions by region, [municipality] and topic group up to `end`.

    `towns`: only these of the municipalities (empty: all).

    `end` is the newest full day of any place that still delivers unless an earlier one is given; regions to which
    nothing is delivered any more are left out. A day is unknown where sources that usually make over 5 % of a region
    had not been loaded, or were silent though many were expected on a working day of `almanac` (a whole source, one
    region of it, or one municipality). Raises BadInput for a store with less than 14 days.
    """
    with store.reading() as query:
        snapshot = int(query("select id from ducklake_current_snapshot('lake')").iloc[0, 0])
        state = data_state(query)
        covered = places(query, Filters())
        last = _last_day(covered, end)
        first = max(last - timedelta(days=HISTORY - 1), covered["first_day"].min().date())
        days = pd.date_range(first, last, name="day")
        if len(days) < SHORTEST:
            raise BadInput(
                "short_store",
                "A forecast needs {needed} days of history, the store has {days}; import older exports too.",
                needed=SHORTEST,
                days=len(days),
            )
        arrived = query(
            "select source, region, day, sum(complaints)::bigint as complaints from source_days "
            "where within(day, $first_day, $last_day) group by all",
            first_day=first,
            last_day=last,
        )
        span = {"first_day": first, "last_day": last, "kinds": list(COUNTED)}
        table = query(MUNICIPALITIES, **span, towns=list(towns) or None) if municipalities else query(REGIONS, **span)
    off = regressors(days, almanac or Almanac()).off
    missing = _missing_places(arrived, covered, days, off)
    active = set(covered.loc[covered["active"], "region"].fillna(""))
    ended = sorted(set(covered["region"].fillna("")) - active)
    panel = _panel(table[table["region"].isin(active)], days, off)
    unknown = _unknown_regions(arrived, covered, missing, days)
    lost = panel.series["region"].map({region: row for row, region in enumerate(unknown.index)})
    panel.counts[unknown.to_numpy()[lost.to_numpy(dtype=int)]] = np.nan
    return StorePanel(panel, _runs(covered, missing, days), ended, snapshot, state)


def _last_day(covered: pd.DataFrame, end: date | None) -> date:
    if covered.empty:
        raise BadInput("nothing_loaded", "There are no complaints in the store yet; import an export first.")
    newest = covered.loc[covered["active"], "last_full_day"].max().date()
    if end is not None and end < covered["first_day"].min().date():
        raise BadInput(
            "end_before_store",
            "The store begins on {first}; choose a later last day than {end}.",
            first=covered["first_day"].min().date(),
            end=end,
        )
    return min(newest, end) if end else newest


def _missing_places(
    arrived: pd.DataFrame, covered: pd.DataFrame, days: pd.DatetimeIndex, off: np.ndarray
) -> np.ndarray:
    """Places × days: what had to arrive and did not."""
    counts = dense(arrived, covered, days)
    begun = days.to_numpy() >= covered["first_day"].to_numpy()[:, None]
    covers = days.to_numpy() <= covered["last_full_day"].to_numpy()[:, None]
    known = begun & covers
    silent = _silent(counts, known, off)
    for source in covered["source"].unique():
        rows = (covered["source"] == source).to_numpy()
        whole = np.where(known[rows], counts[rows], 0).sum(axis=0)[None]
        silent[rows] |= _silent(whole, known[rows].any(axis=0)[None], off) & known[rows]
    return silent | (begun & ~covers & covered["active"].to_numpy()[:, None])


def _silent(counts: np.ndarray, known: np.ndarray, off: np.ndarray) -> np.ndarray:
    """Days without any complaint though so many were expected that none is improbable, and all of such a silence.

    A day off on which an office sleeps is no outage.
    """
    zero = known & (counts == 0)
    if not zero.any() or counts.shape[1] <= WEEKS:
        return np.zeros_like(zero)
    busy = np.flatnonzero(zero.any(axis=1) & (np.where(known, counts, 0).max(axis=1) >= FEWEST))
    padded = np.where(known[busy], counts[busy], np.nan)
    found = np.zeros_like(zero)
    found[busy, WEEKS:] = improbably_few(padded, usual_day(padded)) & zero[busy, WEEKS:] & ~off[WEEKS:]
    run = np.cumsum(~zero, axis=1) + np.arange(len(zero))[:, None] * (zero.shape[1] + 1)
    return zero & np.isin(run, run[found])


def _unknown_regions(
    arrived: pd.DataFrame, covered: pd.DataFrame, missing: np.ndarray, days: pd.DatetimeIndex
) -> pd.DataFrame:
    """Region × day: are places that usually make over 5 % of the region missing?"""
    counts = dense(arrived, covered, days)
    there = ~missing & (days.to_numpy() >= covered["first_day"].to_numpy()[:, None])
    there &= days.to_numpy() <= covered["last_full_day"].to_numpy()[:, None]
    usual = (counts * there).sum(axis=1) / np.maximum(there.sum(axis=1), 1)
    region = covered["region"].fillna("").to_numpy()
    lost = pd.DataFrame(missing * usual[:, None]).groupby(region).sum()
    whole = pd.DataFrame((missing | there) * usual[:, None]).groupby(region).sum()
    return lost > MOST_UNKNOWN * whole.clip(lower=1e-9)


def _panel(table: pd.DataFrame, days: pd.DatetimeIndex, off: np.ndarray) -> Panel:
    """Dense; unknown before a series' first complaint, and while its municipality is silent."""
    keys = [name for name in ("region", "municipality", "topic") if name in table]
    code, series = _coded(table[keys])
    position = (table["day"] - days[0]).dt.days.to_numpy()
    counts = np.zeros((len(series), len(days)), dtype=np.float32)
    counts[code, position] = table["complaints"].to_numpy()
    begun = np.maximum.accumulate(counts > 0, axis=1)
    if "municipality" in keys:
        place, _ = _coded(series[["region", "municipality"]])
        whole = np.add.reduceat(counts, np.flatnonzero(np.diff(place, prepend=-1)))  # series lie by place
        counts[_silent(whole, np.maximum.accumulate(whole > 0, axis=1), off)[place]] = np.nan
    counts[~begun] = np.nan
    return Panel(days, series, counts)


def _coded(names: pd.DataFrame) -> tuple[np.ndarray, pd.DataFrame]:
    """The number of each row's combination of names, and the combinations in order."""
    code = names.groupby(list(names.columns), sort=True).ngroup().to_numpy()
    _, first = np.unique(code, return_index=True)
    return code, names.iloc[first].reset_index(drop=True)


def _runs(covered: pd.DataFrame, missing: np.ndarray, days: pd.DatetimeIndex) -> pd.DataFrame:
    """source, region, first_day, last_day of each stretch that is missing."""
    edges = np.diff(np.pad(missing.astype(np.int8), ((0, 0), (1, 1))), axis=1)
    row, start = np.nonzero(edges == 1)
    _, after = np.nonzero(edges == -1)
    found = covered.loc[row, ["source", "region"]].reset_index(drop=True)
    return found.assign(first_day=days[start], last_day=days[after - 1])
