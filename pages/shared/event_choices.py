"""What the reader chooses on the Events page, kept in the address: the part, the month, the type, the event."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date

import streamlit as st

from pages.shared import choosing
from pages.shared.text import Text

RENEWED = "renewed"  # names of which the next run offers the value anew
PARTS = ("rehearsal", "calendar", "effects", "import")


def part(text: Text) -> str:
    """Which part of the page is shown; the rehearsal unless chosen otherwise."""
    return way("part", PARTS, text)


def way(name: str, options: Sequence[str], text: Text) -> str:
    """One of a few ways, side by side."""
    return choosing.one_of(name, options, text, family="event", label=f"events.{name}")


def one_of(
    name: str,
    options: Sequence[str],
    label: str,
    words: Callable[[Text, str], str],
    text: Text,
    *,
    first: str | None = None,
    optional: bool = False,
    on_change: Callable[[], None] | None = None,
) -> str | None:
    """One of the options in a box, kept in the address under `name`; `first` unless chosen otherwise."""
    options = list(options)
    had = name in st.session_state
    choosing.seed(name, options, words)
    if not options:
        st.session_state.pop(name, None)
        return None
    index = options.index(first) if first in options else None if optional else 0
    put = not had and name in st.session_state
    if had and st.session_state[name] not in options:
        put = True
        _put(name, None if index is None else options[index])
    return st.selectbox(
        label,
        options,
        index=0 if put else index,
        format_func=lambda option: words(text, option),
        key=name,
        bind="query-params",
        placeholder=text("events.none_chosen"),
        filter_mode="contains",
        on_change=on_change,
    )


def several(name: str, options: Sequence[str], label: str, words: Callable[[Text, str], str], text: Text) -> list[str]:
    """Some of the options, kept in the address under `name`."""
    options = list(options)
    choosing.seed(name, options, words)
    if name in st.session_state:
        kept = [one for one in st.session_state[name] if one in options]
        if kept != list(st.session_state[name]):
            st.session_state[name] = kept
    return st.multiselect(
        label,
        options,
        format_func=lambda option: words(text, option),
        key=name,
        bind="query-params",
        placeholder=text("events.none_chosen"),
        filter_mode="contains",
        select_all=False,
    )


def day(name: str, label: str, value: date, least: date, most: date, *, help: str | None = None) -> date:
    """A day, kept in the address under `name`."""
    offered = min(max(value, least), most)
    now = st.session_state.get(name, offered)
    put = _is_renewed(name) or not (now and least <= now <= most)
    if put:
        _put(name, offered)
    _put(f"{name}_offered", offered)
    chosen = st.date_input(
        label,
        "today" if put else offered,
        min_value=least,
        max_value=most,
        key=name,
        bind="query-params",
        format="DD.MM.YYYY",
        help=help,
    )
    return chosen if isinstance(chosen, date) else value


def number(name: str, label: str, value: int, least: int, most: int) -> int:
    """A whole number, kept in the address under `name`."""
    put = _is_renewed(name)
    if put:
        _put(name, value)
    return int(st.number_input(label, least, most, "min" if put else value, key=name, bind="query-params"))


def new_type() -> None:
    """After a change of the type: how long it lasts, and a day that nobody chose, are those of the new type."""
    unchosen = st.session_state.get("on") == st.session_state.get("on_offered")
    _put(RENEWED, {"lasts", "on"} if unchosen else {"lasts"})


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
        chosen = one_of("month", months, text("events.month"), month_words, text, first=first)
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


def _is_renewed(name: str) -> bool:
    """Is the value of `name` to be what is offered now? Once.

    It has to be put: a value that is merely forgotten goes on being shown by the browser.
    """
    names = st.session_state.get(RENEWED, set())
    _put(RENEWED, names - {name})
    return name in names


def _put(name: str, value: object) -> None:
    st.session_state[name] = value
