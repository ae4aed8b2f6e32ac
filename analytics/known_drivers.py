"""What is known of events and weather, from a store or from files, as the forecast takes it."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analytics.almanac import Almanac
from analytics.drivers import Drivers, Shares
from analytics.events import EventTypes, event_types, joined_events, list_events, read_events, rule_events
from analytics.filters import COUNTED
from analytics.local_events import shares_of
from analytics.settings import Settings
from analytics.small_tables import several
from analytics.store_panel import store_panel
from analytics.thresholds import YEAR
from analytics.weather import list_weather, read_weather

if TYPE_CHECKING:
    from analytics.store import Store

Note = Callable[[str], None]
BELIEF = 20.0  # complaints' worth of belief in a municipality's share of all topics


def drivers_of_store(
    store: Store,
    almanac: Almanac,
    days: pd.DatetimeIndex,
    *,
    regions: Collection[str] = (),
    municipalities: Collection[str] = (),
) -> Drivers:
    """The store's events and weather, and the events that follow from rules of the almanac's country.

    `regions`, `municipalities`: only what acts there (empty: everywhere), which is quicker for a few.
    """
    types = event_types(store.settings)
    own, weather = list_events(store), list_weather(store)
    own = _acting(_acting(own, "region", regions), "municipality", municipalities)
    if regions and weather["place"].isin(regions).any():
        weather = weather[weather["place"].isin(regions)].reset_index(drop=True)
    origin = days[-1].date()
    years = range(days[0].year, origin.year + 2)
    observed = weather if len(weather) else None
    rules = rule_events(years, country=almanac.country, weather=observed, origin=origin, types=types)
    found = make_drivers(joined_events(own, rules), weather, types, almanac)
    return replace(found, shares=municipal_shares(store, origin, municipalities))


def with_towns(store: Store, drivers: Drivers, almanac: Almanac, origin: date) -> Drivers:
    """With the counts of the municipalities that the events name, up to the origin, for what past events did there."""
    cells = drivers.usable_events(pd.Timestamp(origin))["municipality"].unique()
    named = sorted({name for cell in cells for name in several(cell)})
    known = store.query(
        "select 1 from choices where meaning = 'municipality' and value in (select unnest($named)) limit 1", named=named
    )
    if known.empty:
        return drivers
    found = store_panel(store, end=origin, municipalities=True, towns=named, almanac=almanac)
    return replace(drivers, towns=found.panel)


def municipal_shares(store: Store, last: date, municipalities: Collection[str] = ()) -> Shares:
    """Of each region and topic group ('*': of all) the shares of its municipalities in 364 days up to the last one.

    Shares of topics with few complaints lean on those of all topics, as if 20 complaints more had told of these.
    `municipalities`: the share among these alone (empty: among all, those without a name too).
    """
    found = store.query(
        """
        with counted as (
          select coalesce(region, '') as region, coalesce(topic_group, '') as topic,
            coalesce(municipality, '') as municipality, sum(complaints) as complaints
          from daily_counts
          where within(opened_on, $first, $last) and chosen(kind, $kinds) and chosen(municipality, $municipalities)
          group by all having sum(complaints) > 0
        ),
        places as (
          select region, municipality, complaints / sum(complaints) over (partition by region) as share
          from (select region, municipality, sum(complaints) as complaints from counted group by all)
        ),
        topics as (select region, topic, sum(complaints) as complaints from counted group by all)
        select region, topic, municipality,
          (coalesce(counted.complaints, 0) + $belief * share) / (topics.complaints + $belief) as share
        from topics join places using (region) left join counted using (region, topic, municipality)
        where municipality <> ''
        union all select region, '*', municipality, share from places where municipality <> ''
        order by all
        """,
        first=last - timedelta(days=YEAR - 1),
        last=last,
        kinds=list(COUNTED),
        municipalities=list(municipalities) or None,
        belief=BELIEF,
    )
    return shares_of(found)


def drivers_of_files(
    events: Path | None, weather: Path | None, almanac: Almanac, settings: Settings, note: Note
) -> Drivers:
    """Those of files; `note` is told in a sentence what was left out. Raises BadInput for what cannot be read."""
    types = event_types(settings)
    happenings, days = None, None
    if events:
        happenings, rejected, _ = read_events(events, types)
        _tell(note, events, rejected)
    if weather:
        days, rejected, _ = read_weather(weather)
        _tell(note, weather, rejected)
    return make_drivers(happenings, days, types, almanac)


def make_drivers(
    events: pd.DataFrame | None, weather: pd.DataFrame | None, types: EventTypes, almanac: Almanac
) -> Drivers:
    """Events with the windows of their types; what the country's calendar marks already is left to it."""
    windows = {}
    if events is not None and len(events):
        if almanac.country:
            events = events[[not types.of(str(kind)).almanac for kind in events["type"]]].reset_index(drop=True)
        windows = {str(k): (types.of(str(k)).before, types.of(str(k)).after) for k in events["type"].unique()}
    return Drivers(events, weather, windows)


def _acting(events: pd.DataFrame, place: str, chosen: Collection[str]) -> pd.DataFrame:
    """Without the events that name other places only."""
    if not chosen:
        return events
    named = events[place].fillna("").astype("str").map(several)
    acting = np.array([not names or not set(chosen).isdisjoint(names) for names in named], dtype=bool)
    return events[acting].reset_index(drop=True)


def _tell(note: Note, file: Path, rejected: pd.DataFrame) -> None:
    if len(rejected):
        first = rejected.iloc[0]
        note(f"{file}: {len(rejected):,} rows left out, the first on line {first['line']} ({first['reason']})")
