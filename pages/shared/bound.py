"""Widgets that keep what is chosen in the address: one of several, some of them, a day, a number, a slider."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date

import streamlit as st

from pages.shared import address, frame
from pages.shared.text import Text


def one_of(
    name: str,
    options: Sequence[str],
    label: str,
    words: Callable[[Text, str], str],
    text: Text,
    *,
    first: str | None = None,
    optional: bool = False,
    follows: bool = False,
    placeholder: str | None = None,
) -> str | None:
    """One of the options in a box, kept in the address under `name`; `first` unless chosen otherwise.

    With `follows` an option that nobody chose changes with what is offered first.
    """
    options = list(options)
    address.seed(name, options, words, text)
    if not options:
        st.session_state.pop(name, None)
        return None
    index = options.index(first) if first in options else None if optional else 0
    offered = None if index is None else options[index]
    if name in st.session_state:
        now = st.session_state[name]
        unchosen = follows and now == frame.kept(f"{name}_offered", now)
        if unchosen or now not in options:
            st.session_state[name] = offered
    frame.keep(f"{name}_offered", offered)
    return st.selectbox(
        label,
        options,
        index=index,
        format_func=lambda option: words(text, option),
        key=name,
        bind="query-params",
        placeholder=placeholder or text("events.none_chosen"),
        filter_mode="contains",
    )


def several(
    name: str,
    options: Sequence[str],
    label: str,
    words: Callable[[Text, str], str],
    text: Text,
    *,
    first: Sequence[str] = (),
    of: object = None,
    placeholder: str | None = None,
    help: str | None = None,
) -> list[str]:
    """Some of the options, kept in the address under `name`; `first` unless chosen otherwise. `of`: see `anew`."""
    options = list(options)
    anew(name, of, list(first))
    address.seed(name, options, words, text)
    if name in st.session_state:
        kept = [one for one in st.session_state[name] if one in options]
        if kept != list(st.session_state[name]):
            st.session_state[name] = kept
    return st.multiselect(
        label,
        options,
        default=list(first),
        format_func=lambda option: words(text, option),
        key=name,
        bind="query-params",
        placeholder=placeholder or text("events.none_chosen"),
        filter_mode="contains",
        select_all=False,
        help=help,
    )


def day(
    name: str,
    label: str,
    value: date,
    least: date,
    most: date,
    text: Text,
    *,
    of: object = None,
    help: str | None = None,
) -> date:
    """A day, kept in the address under `name`. Once `of` has changed, a day that nobody chose is `value` anew."""
    offered = min(max(value, least), most)
    now = st.session_state.get(name, offered)
    unchosen = _changed(name, of) and now == frame.kept(f"{name}_offered", now)
    if unchosen or not (now and least <= now <= most):
        st.session_state[name] = offered
    frame.keep(f"{name}_offered", offered)
    chosen = st.date_input(
        label,
        offered,
        min_value=least,
        max_value=most,
        key=name,
        bind="query-params",
        format=text("filters.day_format"),
        help=help,
    )
    return chosen if isinstance(chosen, date) else value


def number(
    name: str, label: str, value: int, least: int, most: int, *, of: object = None, help: str | None = None
) -> int:
    """A whole number, kept in the address under `name`. `of`: see `anew`."""
    anew(name, of, value)
    return int(st.number_input(label, least, most, value, key=name, bind="query-params", help=help))


def amount(name: str, label: str, *, of: object = None, placeholder: str = "", help: str | None = None) -> float | None:
    """A number that may be left out, kept in the address under `name`. `of`: see `anew`."""
    anew(name, of, None)
    return st.number_input(
        label,
        value=None,
        min_value=0.0,
        placeholder=placeholder,
        key=name,
        bind="query-params",
        help=help,
    )


def slider(name: str, label: str, value: int, least: int, most: int, *, of: object = None) -> int:
    """A whole number on a slider, kept in the address under `name`. `of`: see `anew`.

    A slider with other ends is another widget to Streamlit, which then asks the address that the page was opened with:
    so it is told once more.
    """
    value = min(max(value, least), most)
    stale = anew(name, of, value) or frame.kept(f"{name}_anew", False)
    if stale:
        st.session_state[name] = value
    frame.keep(f"{name}_anew", False)
    chosen = int(st.slider(label, least, most, value, key=name, bind="query-params"))
    if stale and chosen != value:
        frame.keep(f"{name}_anew", True)
        st.rerun()
    return chosen


def switch(name: str, label: str) -> bool:
    """Off unless chosen otherwise, kept in the address under `name`."""
    return bool(st.toggle(label, key=name, bind="query-params"))


def anew(name: str, of: object, value: object) -> bool:
    """Set what was chosen in `name` back to `value` once that `of` which it was chosen has changed; has it?

    A threshold is that of a day, a strength that of a type: of another one it would mean something else. It has to be
    put: a value that is merely forgotten goes on being shown by the browser.
    """
    if not _changed(name, of) or name not in st.session_state:
        return False
    st.session_state[name] = value
    return True


def _changed(name: str, of: object) -> bool:
    """Is it `of` something else than when this was last asked?"""
    before = frame.kept(f"{name}_of", of)
    frame.keep(f"{name}_of", of)
    return bool(before != of)
