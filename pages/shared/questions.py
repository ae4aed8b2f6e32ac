"""What can be asked of a store, by name: functions of the analytics, as the answers remember them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd

from analytics import (
    arrival,
    attention,
    imports,
    kept_answers,
    marks,
    municipal_week,
    outbreak_ledger,
    overview,
    own_signals,
    place_days,
    queries,
    selected_forecast,
    signal_days,
    signal_ledger,
    tile_grid,
    trends,
    where,
)
from analytics.data_state import issue_state
from analytics.events import event_types
from analytics.filters import Filters
from analytics.health import health
from analytics.kept_tiles import grid_of
from analytics.layout import layout, own_layout
from analytics.own_geometry import all_municipalities, kept_outlines, own_geometry
from analytics.own_keeping import has_own_rows, own_table
from analytics.store import Store
from analytics.store_almanac import almanac_of
from analytics.store_rehearsal import calendar_events
from pages.shared import maps


def _signals(
    store: Store, regions: tuple[str, ...], topic_groups: tuple[str, ...], municipalities: tuple[str, ...] = ()
) -> pd.DataFrame:
    found = signal_ledger.issued_signals(store, regions=regions, topic_groups=topic_groups)
    found = found[found["municipality"].isin(["", *municipalities]) | (not municipalities)]
    if found.attrs:
        return found.assign(lead=(found["first_day"] - pd.Timestamp(found.attrs["origin"])).dt.days)
    return found


def _signal_courses(store: Store, filters: Filters, _: date) -> pd.DataFrame:
    return place_days.courses(store, _signals(store, filters.regions, filters.topic_groups))


def _signals_over(store: Store, filters: Filters, as_of: date) -> pd.DataFrame:
    found = signal_days.over(store, as_of)
    chosen = found["region"].isin(filters.regions) | (not filters.regions)
    return found[chosen & (found["topic"].isin(filters.topic_groups) | (not filters.topic_groups))]


def _outbreaks(store: Store, filters: Filters, _: object) -> pd.DataFrame:
    chosen = {"regions": filters.regions, "topic_groups": filters.topic_groups}
    return outbreak_ledger.issued_outbreaks(store, **chosen)


def _events_ahead(store: Store, filters: Filters, as_of: date) -> pd.DataFrame:
    ahead = store.query(
        """
        select title, starts_on, region, topic from events
        where not cancelled and within(starts_on, $today, $week) and known_since <= $as_of
        order by starts_on, length(region), title
        """,
        today=as_of + timedelta(days=1),
        week=as_of + timedelta(days=attention.WEEK),
        as_of=as_of,
    )
    wanted = set(filters.regions)
    inside = [not wanted or not region or bool(wanted & set(region.split("|"))) for region in ahead["region"]]
    return ahead[np.array(inside, dtype=bool)]


def _layout(store: Store, regions: tuple[str, ...]) -> pd.DataFrame:
    own = own_geometry(store, "region")
    if own is not None:
        return own_layout(own, regions, grid_of(store)).rename(columns={"name": "region"})
    codes = where.codes(store)
    return layout({region: codes.get(region) for region in regions})


def municipal_layout(store: Store, regions: tuple[str, ...], chosen: pd.DataFrame) -> pd.DataFrame:
    """region, municipality, row, column, code, has_geometry; `chosen`: parent, value, the most frequent first."""
    own = own_geometry(store, "municipality", regions) if chosen["parent"].nunique() == 1 else None
    if own is not None and chosen["value"].isin(own.ids).any():
        tiles = own_layout(own, list(chosen["value"]), grid_of(store)).rename(columns={"name": "municipality"})
        return tiles.assign(region=chosen["parent"].iloc[0])
    tiles = tile_grid.block(list(chosen["value"]), columns=max(1, min(8, len(chosen))))
    tiles = tiles.drop(columns="id").assign(region=chosen["parent"].tolist(), municipality=chosen["value"].tolist())
    return tiles.assign(code=None, has_geometry=False)


def _own_drawn(store: Store, regions: tuple[str, ...], places: str) -> maps.Drawn | None:
    several = places == "all_municipalities"
    found = all_municipalities(store, regions) if several else own_geometry(store, places, regions)
    return maps.drawn(found) if found else None


def _issue_state(store: Store) -> str:
    with store.reading() as query:
        return issue_state(query)


QUESTIONS: dict[str, Callable[..., Any]] = {
    "all_choices": queries.choices,
    "facts_and_settings": lambda store: store.facts_and_settings(),
    "span": lambda store: queries.span(store, Filters(kinds=())),
    "last_full_day": queries.last_full_day,
    "tiles": overview.tiles,
    "movers": overview.movers,
    "received_and_closed": queries.received_and_closed,
    "completeness": queries.completeness,
    "signals": _signals,
    "forecast_age": lambda store, _, as_of: attention.forecast_age(store, as_of),
    "expected_change": lambda store, filters, _, places: attention.expected_change(store, filters, places),
    "events_ahead": _events_ahead,
    "issue_state": _issue_state,
    "signal_courses": _signal_courses,
    "own_threshold": lambda store, filters, _: own_signals.own_threshold(store, filters),
    "own_of_municipalities": lambda store, filters, _: own_signals.own_of_municipalities(store, filters),
    "signals_over": _signals_over,
    "signal_record": lambda store: kept_answers.answered(store, kept_answers.record()),
    "outbreaks": _outbreaks,
    "compared": where.compared,
    "layout": _layout,
    "own_drawn": _own_drawn,
    "own_table": own_table,
    "has_own_rows": has_own_rows,
    "kept_outlines": kept_outlines,
    "calendar": where.calendar,
    "hours": where.hours,
    "points": where.points,
    "has_points": where.has_points,
    "ahead": where.ahead,
    "history": imports.history,
    "health": lambda store, _, as_of: health(store, as_of),
    "outlook": selected_forecast.outlook,
    "past_counts": selected_forecast.history,
    "municipal_outlook": municipal_week.municipalities,
    "marks": lambda store, filters, as_of, first, last: marks.marks(store, filters, first, last, as_of),
    "almanac": almanac_of,
    "event_types": lambda store: event_types(store.settings),
    "calendar_events": lambda store, origin: calendar_events(store, almanac_of(store), origin),
    "trend": trends.trend,
    "whole": trends.whole,
    "changed": trends.changed,
    "new_and_gone_topics": lambda store, *asked: kept_answers.answered(store, kept_answers.topics(*asked)),
    "moved_labels": lambda store, *asked: kept_answers.answered(store, kept_answers.labels(*asked)),
    "arrival": lambda store, filters, _: arrival.how_late_complaints_arrive(store, filters),
}
