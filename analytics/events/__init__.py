"""Known, dated happenings: types, files, the store, rules; and the weather beside them."""

from __future__ import annotations

from analytics.events.keeping import (
    EventImport,
    EventPreview,
    add_event,
    cancel_event,
    change_event,
    event_problem,
    import_events,
    list_events,
    preview_events,
)
from analytics.events.reading import read_events
from analytics.events.rules import rule_events
from analytics.events.tables import COLUMNS, check_events, joined_events, known_events, no_events
from analytics.events.types import EventType, EventTypes, event_types, read_event_types
from analytics.small_tables import several

__all__ = [
    "COLUMNS",
    "EventImport",
    "EventPreview",
    "EventType",
    "EventTypes",
    "add_event",
    "cancel_event",
    "change_event",
    "check_events",
    "event_problem",
    "event_types",
    "import_events",
    "joined_events",
    "known_events",
    "list_events",
    "no_events",
    "preview_events",
    "read_event_types",
    "read_events",
    "rule_events",
    "several",
]
