"""The address of a view: what may stand in it, read in any language and kept whole."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from urllib.parse import parse_qs

import streamlit as st
from streamlit.runtime.scriptrunner_utils.script_run_context import get_script_run_ctx

from pages.shared.text import LOCALES, Text

LISTS = ("region", "municipality", "topic_group", "topic", "channel")  # in the order in which they narrow each other
KEYS = ("period", "compare", "days", *LISTS, "kind")
SEVERAL = ("planned", "about")  # of one page alone, several at once
OF_PAGES = (
    *("view", "measure", "level", "by", "step", "ahead", "table", "day", "least", "more", "import_of"),
    *("part", "ask", "month", "type", "on", "lasts", "strength", "deadline", "event", "look", "kind_of", "topic_of"),
    *SEVERAL,
)  # of one page alone
FOLLOWED = "to"  # in the address of a link within the dashboard


def make_whole(*, moved: bool) -> None:
    """Keep filters and language whole, also if the reader moved from another page before all of it was drawn.

    Streamlit takes what is bound to widgets that the browser has not drawn yet out of the address of a link, and does
    not tell the browser what such widgets hold.
    """
    context = get_script_run_ctx()
    if context is None:
        return
    given = parse_qs(context.query_string, keep_blank_values=True)
    ours = ("lang", *KEYS, *(OF_PAGES if FOLLOWED in given else ()))
    with context.session_state.query_params() as address:
        lost = [key for key in ours if key in given and not address.has_param(key)]
        for key in lost:
            address.set_corrected_value(key, given[key], "string_array_value")
        if lost:
            address.set_initial_query_params_from_current()
    if moved:
        write_again(("lang", *KEYS))


def write_again(keys: Sequence[str] = (*KEYS, *OF_PAGES)) -> None:
    """Write each choice anew, so that browser and address show it: after a change of language, in the new words."""
    for key in keys:
        if key in st.session_state:
            st.session_state[key] = st.session_state[key]


def seed(key: str, options: Sequence[str], label: Callable[[Text, str], str], text: Text) -> None:
    """Understand an address written in another language, or with the values as they are stored.

    Streamlit itself reads the labels of the options as the reader sees them, and takes what it does not find among
    them out of the address: so it is told what the address says, in the words that it knows.
    """
    given = st.query_params.get_all(key)
    if key in st.session_state or not given:
        return
    known = {label(Text(language), option): option for language in LOCALES for option in options}
    values = [known.get(value, value) for value in given]
    values = [value for value in values if value in options]
    if values:
        alone = key in ("period", "compare", *OF_PAGES) and key not in SEVERAL
        st.session_state[key] = values[-1] if alone else values
        _reword(key, [label(text, value) for value in values])


def _reword(key: str, words: list[str]) -> None:
    """Say in `words` what Streamlit is to read in the address of `key`; the browser's own address stays as it is."""
    context = get_script_run_ctx()
    if context is not None:
        with context.session_state.query_params() as address:
            address.set_with_no_forward_msg(key, words)
            address.set_initial_query_params_from_current()
