"""The calendar on the Events page: a month, the list of its events, and one of them to look at or change."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pandas as pd
import streamlit as st

from analytics.events.by_day import events_by_day
from analytics.filters import Filters
from pages.shared import bound, components, event_choices, event_form, rehearsed, twins
from pages.shared.answers import Answers
from pages.shared.event_fragments import mark, month_grid
from pages.shared.event_words import event_words, places, strength, title, topics
from pages.shared.text import Text, plain

FARTHEST = 14  # months ahead
MOST_OFFERED = 400
TOWNS = 3  # of an event, that are named


def show(answers: Answers, filters: Filters, text: Text) -> None:
    """Month, list, and what can be done with an event."""
    events = rehearsed.in_regions(rehearsed.calendar(answers), filters.regions)
    today = answers.as_of(filters) if not answers.is_empty() else date.today()
    months = _months(events, today)
    left, right = st.columns([3, 2], vertical_alignment="bottom")
    with left:
        month = event_choices.month(months, _month(today), text)
    with right:
        kind = _kind(answers, events, text)
    first = date.fromisoformat(f"{month}-01")
    last = (first.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
    inside = (events["starts_on"] <= pd.Timestamp(last)) & (events["ends_on"] >= pd.Timestamp(first))
    shown = events[inside & ((events["type"] == kind) | (kind is None))].reset_index(drop=True)
    tree = rehearsed.types(answers)
    with st.container(border=True):
        grid = month_grid(
            events_by_day(shown, first, last), first, lambda one: tree.of(one).title(text.language), text, today=today
        )
        st.html(grid)
        _legend(answers, shown, text)
    _one(answers, shown, today, text)
    event_form.add(answers, filters, max(first, today + timedelta(days=1)), text)
    _list(answers, shown, today, text)


def _months(events: pd.DataFrame, today: date) -> list[str]:
    """From the first event to a year ahead."""
    first = min(events["starts_on"].min().date(), today) if len(events) else today
    last = pd.Period(today, "M") + FARTHEST
    return [str(month) for month in pd.period_range(pd.Period(first, "M"), last, freq="M")]


def _month(day: date) -> str:
    return f"{day:%Y-%m}"


def _kind(answers: Answers, events: pd.DataFrame, text: Text) -> str | None:
    tree = rehearsed.types(answers)
    titles = {kind: tree.of(kind).title(text.language) for kind in events["type"].unique()}
    return bound.one_of(
        "kind_of",
        sorted(titles, key=lambda one: titles[one]),
        text("calendar.kind"),
        lambda words, one: tree.of(one).title(words.language),
        text,
        optional=True,
        placeholder=text("calendar.any_kind"),
    )


def _legend(answers: Answers, shown: pd.DataFrame, text: Text) -> None:
    """What the marks stand for, and how many events the month has; the list below says that it has none."""
    if shown.empty:
        return
    tree = rehearsed.types(answers)
    branches = sorted({str(kind).partition(".")[0] for kind in shown["type"]})
    named = [f"{mark(branch)[0]} {tree.of(branch).title(text.language)}" for branch in branches]
    st.caption(" · ".join([text("calendar.events", n=len(shown)), *map(plain, named), text("calendar.bold")]))


def _one(answers: Answers, shown: pd.DataFrame, today: date, text: Text) -> None:
    """One event of the month: what it is, and rehearse, change, cancel."""
    tree = rehearsed.types(answers)
    events = {event["id"]: event for event in shown.head(MOST_OFFERED).to_dict("records")}
    chosen = bound.one_of(
        "event",
        list(events),
        text("calendar.event"),
        lambda words, one: event_words(events[one], tree, words),
        text,
        optional=True,
    )
    if chosen is None:
        return
    event = events[chosen]
    with st.container(border=True):
        st.markdown(f"**{plain(event_words(event, tree, text))}**")
        st.caption(" · ".join(_facts(event, text)))
        with st.container(horizontal=True):
            ahead = rehearsed.coming(answers, ())
            if (ahead["id"] == chosen).any():
                st.button(
                    text("calendar.rehearse"),
                    icon=":material/play_arrow:",
                    type="primary",
                    on_click=event_choices.go,
                    kwargs={"part": "rehearsal", "ask": "planned", "planned": [chosen]},
                )
            event_form.cancel(answers, event, text)
        event_form.edit(answers, event, text)


def _facts(event: dict[str, Any], text: Text) -> list[str]:
    facts = [text("calendar.topics", topics=plain(topics(str(event["topic"]), text)))]
    towns = [name for name in str(event["municipality"]).split("|") if name]
    if towns:
        names = plain(text.listed(towns, TOWNS))
        facts.append(text("calendar.towns", n=len(towns), names=names))
    if pd.notna(event["strength"]):
        facts.append(plain(strength(event, text)))
    facts.append(text("calendar.known_since", day=event["known_since"].date()))
    if event["ruled"]:
        facts.append(text("calendar.ruled"))
    if event["cancelled"]:
        facts.append(text("calendar.cancelled"))
    return facts


def _list(answers: Answers, shown: pd.DataFrame, today: date, text: Text) -> None:
    tree = rehearsed.types(answers)
    rows = shown.to_dict("records")
    table = pd.DataFrame(
        {
            text("calendar.first_day"): [event["starts_on"].date() for event in rows],
            text("calendar.last_day"): [event["ends_on"].date() for event in rows],
            text("cases.event"): [title(event, tree, text) for event in rows],
            text("filters.region"): [places(str(event["region"]), text) for event in rows],
            text("filters.topic_group"): [topics(str(event["topic"]), text) for event in rows],
            text("cases.strength"): [strength(event, text) for event in rows],
            text("records.status"): [text.of("event_state", _state(event, today)) for event in rows],
        }
    )
    with st.container(border=True):
        st.subheader(text("event_list.title"), anchor=False)
        if table.empty:
            st.caption(text("event_list.none"))
            return
        twins.show(table, text, height=min(38 + 35 * len(table), 380))
        components.twin("event_list", table, text("event_list.title"), text)


def _state(event: dict[str, Any], today: date) -> str:
    if event["cancelled"]:
        return "cancelled"
    if event["ends_on"].date() <= today:
        return "over"
    return "on" if event["starts_on"].date() <= today else "ahead"
