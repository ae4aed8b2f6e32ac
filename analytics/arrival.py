"""How late complaints arrive: what share of a day is usually known so many days later, learned from several imports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analytics.filters import Filters

if TYPE_CHECKING:
    from analytics.store import Store

FEWEST_IMPORTS = 5  # on different days: fewer say nothing usual
LONGEST = 60  # days after which a complaint counts as on time for ever
LEARNED = 182  # the last days that it is learned from
SHOWN = 14  # the last days shown
FEWEST = 30  # complaints to learn from

DELAYS = """
with began as (
  select source, max(last_day) as day from coverage
  where import_id in (select min(import_id) from imports where undone_at is null group by source) group by source
)
select opened_at::date as day, greatest(first_seen_at::date - opened_at::date, 0)::bigint as delay,
  count(*)::bigint as complaints
from complaints join began using (source)
where opened_at::date > greatest(began.day, $newest::date - $learned) and opened_at::date <= $newest
  and chosen(region, $regions) and chosen(kind, $kinds)
group by all
"""


@dataclass(frozen=True)
class Arrival:
    """`imports`: on how many different days imports came, of `needed`; `learned_from`: how many complaints.

    `shares`: after (days), share of a day's complaints usually known by then; no rows when too little is known.
    `days`: day, complaints, after, share, expected (complaints when all have come): the last 14 days.
    """

    imports: int
    needed: int
    learned_from: int
    shares: pd.DataFrame
    days: pd.DataFrame


def how_late_complaints_arrive(store: Store, filters: Filters) -> Arrival:
    """What share of a day's complaints is usually known n days later, and so of each of the last days.

    From the day of opening to the day on which an import first showed the complaint, of those opened after the first
    import of their source, whose load says nothing about delays. The newest days have had less time than others, so the
    shares are made from the longest delay to the shortest (see `known_after`). Of the filters only regions and kinds
    are looked at.
    """
    seen = store.query("select distinct finished_at::date as day from imports where undone_at is null order by 1")
    empty = pd.DataFrame({"after": [], "share": []})
    nothing = Arrival(len(seen), FEWEST_IMPORTS, 0, empty, pd.DataFrame())
    if len(seen) < FEWEST_IMPORTS:
        return nothing
    newest = seen["day"].iloc[-1]
    delays = store.query(DELAYS, newest=newest, learned=LEARNED, **filters.parameters("regions", "kinds"))
    learned = int(delays["complaints"].sum())
    if learned < FEWEST:
        return nothing
    delays["age"] = (pd.Timestamp(newest) - delays["day"]).dt.days
    shares = known_after(delays)
    return Arrival(len(seen), FEWEST_IMPORTS, learned, shares, _last_days(delays, shares, pd.Timestamp(newest)))


def known_after(delays: pd.DataFrame) -> pd.DataFrame:
    """after (0 … 60 days), share of a day's complaints usually known by then.

    `delays`: age (days since the opening), delay (0 … age), complaints. A delay can be seen only where the age reaches
    it, so the share is a product of reverse hazards: of what came within n days, on days at least n old, the part that
    came on the n-th (Kalbfleisch and Lawless 1989).
    """
    delay = delays["delay"].to_numpy().clip(0, LONGEST)
    age, complaints = delays["age"].to_numpy(), delays["complaints"].to_numpy(dtype=float)
    share = np.ones(LONGEST + 1)
    for after in range(LONGEST, 0, -1):
        old = age >= after
        within = complaints[old & (delay <= after)].sum()
        on_it = complaints[old & (delay == after)].sum()
        share[after - 1] = share[after] * (1.0 - on_it / within if within else 1.0)
    return pd.DataFrame({"after": np.arange(LONGEST + 1), "share": share})


def _last_days(delays: pd.DataFrame, shares: pd.DataFrame, newest: pd.Timestamp) -> pd.DataFrame:
    days = pd.date_range(end=newest, periods=SHOWN)
    complaints = delays.groupby("day")["complaints"].sum().reindex(days, fill_value=0)
    after = (newest - days).days
    share = shares["share"].to_numpy()[after]
    found = pd.DataFrame({"day": days, "complaints": complaints.to_numpy(), "after": after, "share": share})
    return found.assign(expected=(found["complaints"] / found["share"]).where(found["share"] > 0))
