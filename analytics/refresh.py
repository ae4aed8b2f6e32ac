"""Everything that is to be redone after an import: forecasts into the ledger, all levels, and outbreaks."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analytics import cube
from analytics.drivers import Drivers
from analytics.kept_answers import keep_answers
from analytics.kept_grounds import keep_grounds, read_grounds
from analytics.kept_tiles import keep_tiles
from analytics.known_drivers import drivers_of_store
from analytics.ledger import HORIZON, Report, Run, issue, issue_municipal
from analytics.municipal_events import municipal_factors
from analytics.outbreak_ledger import issue_outbreaks
from analytics.panel import Panel
from analytics.store_almanac import almanac_of
from analytics.store_panel import store_panel

if TYPE_CHECKING:
    from analytics.store import Store

RECONSTRUCTED = 8  # origins for which a store without a past is given one
STEP = 15  # days between these: they rotate over the weekdays
GROUNDS_SHARE = 2  # and the grounds of rehearsals, a year ahead
OUTBREAKS_SHARE = 1
BESIDE = GROUNDS_SHARE + OUTBREAKS_SHARE  # what is done besides forecasts
ANSWERS_SHARE = 1  # and what pages ask of all this
MUNICIPAL_SHARE = 8  # the municipal level takes about as long as so many origins of the regional one


def refresh(
    store: Store,
    *,
    now: datetime,
    municipalities: bool = True,
    reconstruct: int = RECONSTRUCTED,
    report: Report = lambda share, name: None,
) -> list[Run]:
    """Issue the forecasts of the newest full day and the outbreaks up to it, once; safe to run twice.

    `now` is UTC. First regions and totals, then their outbreaks and the grounds of rehearsals, then what would have
    been said at `reconstruct` earlier origins where the ledger has no past yet (marked as such; what a refresh that was
    broken off did not come to is made up by the next), then what pages ask of all this and is dear, then
    municipalities. Raises BadInput on an empty or short store.
    """
    with store.refreshing():
        return _refreshed(store, now, municipalities, reconstruct, report)


def _local(store: Store, drivers: Drivers, origin: date) -> pd.DataFrame:
    """What events do in municipalities, by the grounds of rehearsals of this origin."""
    grounds = read_grounds(store)
    if grounds is None or grounds.origin != origin:
        return pd.DataFrame()
    return municipal_factors(grounds, HORIZON, drivers.windows)


def prepare_rehearsals(store: Store, *, now: datetime, report: Report = lambda share, name: None) -> bool:
    """Lay the grounds of rehearsals of the newest full day; False where they are there already."""
    almanac = almanac_of(store)
    found = store_panel(store, almanac=almanac)
    drivers = drivers_of_store(store, almanac, found.panel.days)
    return keep_grounds(store, found.panel, drivers, almanac, state=found.state, now=now, report=report)


def _refreshed(store: Store, now: datetime, municipalities: bool, reconstruct: int, report: Report) -> list[Run]:
    if not cube.is_in_order(store.query):
        store.write(cube.put_in_order)
    almanac = almanac_of(store)
    found = store_panel(store, almanac=almanac)
    drivers = drivers_of_store(store, almanac, found.panel.days)
    wide = municipalities and _has_municipalities(store)
    past = _origins_to_reconstruct(store, found.panel, reconstruct)
    steps = 1 + BESIDE + len(past) + ANSWERS_SHARE + MUNICIPAL_SHARE * wide
    done: list[Run] = []
    for end in [None, *past]:
        number = len(done) + BESIDE * bool(done)
        one = found if end is None else replace(found, panel=_until(found.panel, end), ended=[])
        done.append(
            issue(
                store,
                one,
                almanac,
                drivers,
                now=now,
                reconstructed=end is not None,
                report=_part(report, number, 1, steps),
            )
        )
        if end is None:
            issue_outbreaks(store, found, almanac, done[0].run_id, _part(report, 1, OUTBREAKS_SHARE, steps))
            told = _part(report, 1 + OUTBREAKS_SHARE, GROUNDS_SHARE, steps)
            keep_grounds(store, found.panel, drivers, almanac, state=found.state, now=now, report=told)
    keep_tiles(store, now=now)
    keep_answers(store, now=now, report=_part(report, len(done) + BESIDE, ANSWERS_SHARE, steps))
    if wide and not done[0].municipal:
        number = len(done) + BESIDE + ANSWERS_SHARE
        narrow = store_panel(store, municipalities=True, end=found.origin, almanac=almanac)
        told = _part(report, number, MUNICIPAL_SHARE, steps)
        rows = issue_municipal(store, narrow, almanac, done[0], _local(store, drivers, found.origin), told)
        done[0] = replace(done[0], municipal_rows=rows, municipal=True)
    return done


def _origins_to_reconstruct(store: Store, panel: Panel, number: int) -> list[date]:
    """Earlier origins at which nothing was said yet, newest first: those that the first refresh of the store chose.

    Its choice is kept, so what it did not come to is made up later, and nothing is added once it has been done. No
    origins where the ledger had a past of its own before any were chosen.
    """
    if number < 1:
        return []
    last = panel.days[-1]
    least = 400 if len(panel.days) > 600 else 100  # days of history that even the earliest has
    ends = [last - pd.Timedelta(days=STEP * back) for back in range(1, number + 1)]
    ends = [end for end in ends if (end - panel.days[0]).days >= least]
    before = store.query("select origin from forecast_runs where origin < $last limit 1", last=last.date())
    if before.empty and ends:
        _keep_choice(store, "|".join(f"{end:%Y-%m-%d}" for end in ends))
    chosen = store.query("select value from store_facts where fact = 'past_origins'")["value"]
    there = set(store.query("select distinct origin from forecast_runs")["origin"])
    wanted = [pd.Timestamp(end) for end in "|".join(chosen).split("|") if end]
    return [end.date() for end in wanted if end not in there and panel.days[0] < end < last]


def _keep_choice(store: Store, ends: str) -> None:
    """Keep these past origins, unless some are kept."""
    if not store.query("select 1 from store_facts where fact = 'past_origins'").empty:
        return
    store.write(
        lambda cursor: cursor.execute(
            "insert into store_facts select 'past_origins', $ends "
            "where not exists (select 1 from store_facts where fact = 'past_origins')",
            {"ends": ends},
        )
    )


def _until(panel: Panel, end: date) -> Panel:
    """What was known at an earlier origin: series that had not begun are left out."""
    days = panel.days[panel.days <= pd.Timestamp(end)]
    counts = panel.counts[:, : len(days)]
    begun = ~np.isnan(counts).all(axis=1)
    return Panel(days, panel.series[begun].reset_index(drop=True), counts[begun])


def _has_municipalities(store: Store) -> bool:
    found = store.query("select 1 from choices where meaning = 'municipality' and value <> '' limit 1")
    return not found.empty


def _part(report: Report, before: int, parts: int, steps: int) -> Report:
    return lambda share, name: report((before + parts * share) / steps, name)
