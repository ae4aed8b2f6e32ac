"""What can be asked of a store, by name: functions of the analytics, as the answers remember them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pandas as pd

from analytics import arrival, imports, overview, queries, selected_forecast, signal_days, signal_ledger, trends, where
from analytics.events import event_types
from analytics.filters import Filters
from analytics.layout import layout
from analytics.refresh import almanac_of
from analytics.signal_record import signal_record
from analytics.store import Store
from analytics.store_rehearsal import calendar_events


def _signals(store: Store, regions: tuple[str, ...], topic_groups: tuple[str, ...]) -> pd.DataFrame:
    found = signal_ledger.issued_signals(store, regions=regions, topic_groups=topic_groups)
    if found.attrs:
        found["lead"] = (found["first_day"] - pd.Timestamp(found.attrs["origin"])).dt.days
    return found


def _signal_courses(store: Store, filters: Filters, _: date) -> pd.DataFrame:
    return signal_days.courses(store, _signals(store, filters.regions, filters.topic_groups))


def _signals_over(store: Store, filters: Filters, as_of: date) -> pd.DataFrame:
    found = signal_days.over(store, as_of)
    chosen = found["region"].isin(filters.regions) | (not filters.regions)
    return found[chosen & (found["topic"].isin(filters.topic_groups) | (not filters.topic_groups))]


def _signal_record(store: Store) -> tuple[pd.DataFrame, dict[str, float], bool]:
    if signal_ledger.is_any_over(store):
        table, figures = signal_record(store)
        if len(table):
            return table, figures, False
    return (*signal_record(store, reconstructed=True), True)


def _layout(store: Store, regions: tuple[str, ...]) -> pd.DataFrame:
    codes = where.codes(store)
    return layout({region: codes.get(region) for region in regions})


QUESTIONS: dict[str, Callable[..., Any]] = {
    "kind": lambda store: store.kind,
    "is_empty": lambda store: store.is_empty(),
    "setting": lambda store, name: store.setting(name),
    "span": lambda store: queries.span(store, Filters(kinds=())),
    "last_full_day": queries.last_full_day,
    "tiles": overview.tiles,
    "movers": overview.movers,
    "received_and_closed": queries.received_and_closed,
    "completeness": queries.completeness,
    "signals": _signals,
    "data_version": signal_ledger.data_version,
    "signal_courses": _signal_courses,
    "signals_over": _signals_over,
    "signal_record": _signal_record,
    "compared": where.compared,
    "layout": _layout,
    "calendar": where.calendar,
    "hours": where.hours,
    "points": where.points,
    "has_points": where.has_points,
    "ahead": where.ahead,
    "history": imports.history,
    "outlook": selected_forecast.outlook,
    "past_counts": selected_forecast.history,
    "said_before": selected_forecast.said_before,
    "municipal_outlook": selected_forecast.municipalities,
    "almanac": almanac_of,
    "event_types": lambda store: event_types(store.settings),
    "calendar_events": lambda store, origin: calendar_events(store, almanac_of(store), origin),
    "trend": trends.trend,
    "changed": trends.changed,
    "new_and_gone_topics": trends.new_and_gone_topics,
    "moved_labels": trends.moved_labels,
    "arrival": lambda store, filters, _: arrival.how_late_complaints_arrive(store, filters),
}
