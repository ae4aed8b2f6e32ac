"""What can be asked of a store, by name: functions of the analytics, as the answers remember them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

from analytics import arrival, imports, overview, queries, selected_forecast, signal_ledger, trends, where
from analytics.filters import Filters
from analytics.layout import layout
from analytics.store import Store


def _signals(store: Store, regions: tuple[str, ...], topic_groups: tuple[str, ...]) -> pd.DataFrame:
    return signal_ledger.issued_signals(store, regions=regions, topic_groups=topic_groups)


def _signal_record(store: Store) -> tuple[pd.DataFrame, dict[str, float], bool]:
    table, figures = signal_ledger.signal_record(store)
    if len(table):
        return table, figures, False
    return (*signal_ledger.signal_record(store, reconstructed=True), True)


def _layout(store: Store, regions: tuple[str, ...]) -> pd.DataFrame:
    codes = where.codes(store)
    return layout({region: codes.get(region) for region in regions})


QUESTIONS: dict[str, Callable[..., Any]] = {
    "facts_and_settings": lambda store: store.facts_and_settings(),
    "span": lambda store: queries.span(store, Filters(kinds=())),
    "last_full_day": queries.last_full_day,
    "tiles": overview.tiles,
    "movers": overview.movers,
    "received_and_closed": queries.received_and_closed,
    "completeness": queries.completeness,
    "signals": _signals,
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
    "trend": trends.trend,
    "changed": trends.changed,
    "new_and_gone_topics": trends.new_and_gone_topics,
    "moved_labels": trends.moved_labels,
    "arrival": lambda store, filters, _: arrival.how_late_complaints_arrive(store, filters),
}
