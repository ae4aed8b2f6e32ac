"""What the reader chooses on the Events page, kept in the address: the part, the month, what to go to."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import streamlit as st

from pages.shared import bound, choosing
from pages.shared.text import Text

PARTS = ("rehearsal", "calendar", "effects", "import")


def part(text: Text) -> str:
    """Which part of the page is shown; the rehearsal unless chosen otherwise."""
    return way("part", PARTS, text)


def way(name: str, options: Sequence[str], text: Text) -> str:
    """One of a few ways, side by side."""
    return choosing.one_of(name, options, text, family="event", label=f"events.{name}")


def month(months: Sequence[str], first: str, text: Text) -> str:
    """A month as 2026-11, with buttons to the one before and after."""
    now = st.session_state.get("month")
    now = now if now in months else first
    at = months.index(now)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.button(
            text("events.before"),
            icon=":material/chevron_left:",
            on_click=_put,
            args=("month", months[max(at - 1, 0)]),
            disabled=at == 0,
            key="month_before",
        )
        chosen = bound.one_of("month", months, text("events.month"), month_words, text, first=first)
        st.button(
            text("events.after"),
            icon=":material/chevron_right:",
            on_click=_put,
            args=("month", months[min(at + 1, len(months) - 1)]),
            disabled=at == len(months) - 1,
            key="month_after",
        )
    return chosen or first


def month_words(text: Text, month: str) -> str:
    """November 2026."""
    words = text.day(date.fromisoformat(f"{month}-01"), "LLLL y")
    return words[:1].upper() + words[1:]


def go(**values: object) -> None:
    """Before the next run: what is chosen then, such as another part or event."""
    for name, value in values.items():
        _put(name, value)


def forget_form(event_id: str) -> None:
    """What was typed into a form that is done: it shows the event as it is kept now."""
    for name in [name for name in st.session_state if str(name).startswith(f"form_{event_id}_")]:
        del st.session_state[name]


def _put(name: str, value: object) -> None:
    st.session_state[name] = value
