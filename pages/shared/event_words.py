"""Events, places and counts in the reader's words."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from analytics.events.types import EventTypes
from pages.shared.text import Text

FEW = 2  # names that are written out
UNITS = {"дней": "days", "ч": "hours", "см": "cm", "мм": "mm", "м/с": "ms"}  # as they are stored


def count(value: float, text: Text) -> str:
    """A number of complaints: small ones with one decimal."""
    return text.number(value, 0 if abs(value) >= 10 else 1)


def title(event: Mapping[str, Any], types: EventTypes, text: Text) -> str:
    """The event's own title; the type's where it has only that, in the reader's language."""
    kind = types.of(str(event["type"]))
    own = str(event.get("title") or "")
    return kind.title(text.language) if own in ("", kind.title_ru, kind.title_en) else own


def told_title(words: str, types: EventTypes, text: Text) -> str:
    """A title that stands alone, or before its municipalities in brackets, in the reader's language where it is only
    that of its type."""
    bare, opened, towns = words.rpartition(" (")
    for title, rest in ((words, ""), (bare, opened + towns)):
        kind = types.named(title)
        if kind in types:
            return types.of(kind).title(text.language) + rest
    return words


def unit(stored: object, text: Text) -> str:
    """A unit of strength; one of the user's own as it is."""
    code = UNITS.get(str(stored))
    return text.of("event_unit", code) if code else str(stored or "")


def strength(event: Mapping[str, Any], text: Text) -> str:
    """How strong an event is, with its unit; empty where that is not known."""
    value = float(event["strength"])
    return "" if math.isnan(value) else f"{text.number(value, 1)} {unit(event['unit'], text)}".strip()


def event_words(event: Mapping[str, Any], types: EventTypes, text: Text) -> str:
    """Title, days and places of an event, in one line."""
    days = text.period(event["starts_on"].date(), event["ends_on"].date())
    where = places(str(event["region"]), text, str(event.get("municipality") or ""))
    return f"{title(event, types, text)}, {days}, {where}"


def places(cell: str, text: Text, municipalities: str = "") -> str:
    """The regions of an event, and its municipalities: named while they are few."""
    regions = _names("region", cell, text)
    return f"{_names('municipality', municipalities, text)} ({regions})" if municipalities else regions


def topics(cell: str, text: Text) -> str:
    """The topics of an event: named while they are few."""
    return _names("topic_group", cell, text)


def place_words(meaning: str, name: str, text: Text) -> str:
    """A region or a topic group; '*': all of them."""
    return text.of("all", meaning) if name == "*" else text.name(meaning, name)


def series_words(region: str, topic: str, text: Text) -> str:
    """A series: its region and its topic group."""
    return f"{place_words('region', region, text)} · {place_words('topic_group', topic, text)}"


def _names(meaning: str, cell: str, text: Text) -> str:
    names = [name for name in cell.split("|") if name]
    if not names:
        return text.of("all", meaning)
    if len(names) > FEW:
        return text(f"filters.many_{meaning}", n=len(names))
    return ", ".join(text.name(meaning, name) for name in names)
