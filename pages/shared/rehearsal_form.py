"""The question of a rehearsal: planned events, or one that is tried out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import pandas as pd
import streamlit as st

from analytics.filters import Filters
from analytics.grounds import Grounds
from analytics.rehearsal import DEADLINE
from analytics.store_rehearsal import WhatIf, next_time, usual_topics
from pages.shared import bound, event_choices, rehearsed
from pages.shared.answers import Answers
from pages.shared.event_words import event_words, places, topics
from pages.shared.event_words import unit as unit_words
from pages.shared.text import Text, plain

WAYS = ("try", "planned")
MOST_OFFERED = 400
LONGEST = 120  # days that an event may be tried out for


@dataclass(frozen=True)
class Asked:
    """Planned events by id, an event that is tried out, and the days to answer a complaint."""

    ids: tuple[str, ...]
    what_if: WhatIf | None
    deadline: int


def asked(answers: Answers, found: Grounds, filters: Filters, text: Text) -> Asked:
    """What the reader wants to know."""
    with st.container(border=True):
        way = event_choices.way("ask", WAYS, text)
        if way == "planned":
            return Asked(_planned(answers, filters, text), None, _deadline(text))
        return _tried(answers, found, filters, text)


def _planned(answers: Answers, filters: Filters, text: Text) -> tuple[str, ...]:
    ahead = rehearsed.coming(answers, filters.regions).head(MOST_OFFERED)
    if ahead.empty:
        st.caption(text("ask.no_planned"))
        return ()
    tree = rehearsed.types(answers)
    events = {event["id"]: event for event in ahead.to_dict("records")}
    chosen = bound.several(
        "planned", list(events), text("ask.planned"), lambda words, one: event_words(events[one], tree, words), text
    )
    if not chosen:
        st.caption(text("ask.choose", n=len(events)))
    return tuple(chosen)


def _tried(answers: Answers, found: Grounds, filters: Filters, text: Text) -> Asked:
    named = rehearsed.kinds(answers, text)
    seen = found.events["type"].value_counts()
    first = _first_kind(rehearsed.coming(answers, filters.regions), seen, named)
    tree = rehearsed.types(answers)
    kind_at, day_at, lasts_at = st.columns([3, 2, 2], vertical_alignment="bottom")
    with kind_at:
        kind = bound.one_of(
            "type",
            list(named),
            text("ask.type"),
            lambda words, one: tree.of(one).title(words.language),
            text,
            first=first,
        )
    kind = kind or first
    past = found.events[found.events["type"] == kind]
    usual = int((past["ends_on"] - past["starts_on"]).dt.days.median()) + 1 if len(past) else 1
    days = found.days
    with day_at:
        day = bound.day("on", text("ask.on"), next_time(found, kind), days[0].date(), days[-1].date(), text, of=kind)
    with lasts_at:
        lasts = bound.number("lasts", text("ask.lasts"), min(usual, LONGEST), 1, LONGEST, of=kind)
    with st.expander(text("ask.more"), key="more_asked", bind="query-params"):
        about = bound.several(
            "about",
            list(dict.fromkeys(found.series["topic"])),
            text("ask.topics"),
            lambda words, one: words.name("topic_group", one),
            text,
            first=usual_topics(found, tree, kind),
            of=kind,
            placeholder=text("filters.any_topic_group"),
            help=text("ask.topics_help"),
        )
        strength = _strength(past, tree.of(kind).unit, kind, text)
        deadline = _deadline(text)
    where = places("|".join(filters.regions), text, "|".join(filters.municipalities))
    st.caption(text("ask.where", where=plain(where), topics=plain(topics("|".join(about), text)), day=found.origin))
    last = day + timedelta(days=lasts - 1)
    tried = WhatIf(kind, day, last, filters.regions, tuple(about), strength, filters.municipalities)
    return Asked((), tried, deadline)


def _strength(past: pd.DataFrame, unit: str, kind: str, text: Text) -> float | None:
    """How strong it is; nothing said: as usual."""
    known = past["strength"].dropna()
    if len(known) < 2:
        return None
    low, middle, high = (float(known.quantile(share)) for share in (0.1, 0.5, 0.9))
    return bound.amount(
        "strength",
        text("ask.strength", unit=plain(unit_words(unit, text)) or text("ask.no_unit")),
        of=kind,
        placeholder=text.number(middle, 1),
        help=text("ask.strength_help", low=low, middle=middle, high=high),
    )


def _deadline(text: Text) -> int:
    return bound.number("deadline", text("ask.deadline"), DEADLINE, 1, 365, help=text("ask.deadline_help"))


def _first_kind(ahead: pd.DataFrame, seen: pd.Series, named: dict[str, str]) -> str:
    """The type of the next event of which there are past cases; else the one seen most, else any."""
    coming = [str(kind) for kind in ahead["type"] if kind in seen.index]
    known = [str(kind) for kind in seen.index if kind in named]
    return next(iter([*coming, *known, *named]))
