"""The Events page in parts: what lies ahead in a sentence; rehearsal, calendar, effects, import."""

from __future__ import annotations

import streamlit as st

from analytics.filters import Filters
from pages.shared import effects_view, event_calendar, event_intake, rehearsal_view, rehearsed
from pages.shared.answers import Answers
from pages.shared.event_words import event_words, places
from pages.shared.frame import PAGES
from pages.shared.text import Text, plain

SOON = 28  # days


def headline(answers: Answers, filters: Filters, text: Text) -> None:
    """How many events lie ahead, and the next one."""
    if answers.is_empty():
        return
    events = rehearsed.in_regions(rehearsed.calendar(answers), filters.regions)
    as_of = answers.as_of(filters)
    ahead = (events["starts_on"].dt.date > as_of) & ~events["cancelled"]
    soon = events[ahead & ((events["starts_on"].dt.date - as_of).map(lambda apart: apart.days) <= SOON)]
    where = plain(places("|".join(filters.regions), text))
    lines = [text("events.soon", n=len(soon), where=where) if len(soon) else text("events.none_soon", where=where)]
    if ahead.any():
        first = event_words(events[ahead].iloc[0].to_dict(), rehearsed.types(answers), text)
        lines.append(text("events.next", event=plain(first)))
    st.markdown("\n".join(f"- {line}" for line in lines))


def show(part: str, answers: Answers, filters: Filters, text: Text) -> None:
    """One part of the page."""
    if part == "calendar":
        event_calendar.show(answers, filters, text)
    elif part == "import":
        event_intake.show(answers, text)
    elif answers.is_empty():
        st.info(text("events.empty"), icon=":material/upload_file:")
        st.page_link(PAGES["data"][0], label=text("empty.to_data"), icon=PAGES["data"][1])
    elif part == "effects":
        effects_view.show(answers, filters, text)
    else:
        rehearsal_view.show(answers, filters, text)
