"""What each measure, word and chart means: said once, shown behind every "?" and on a page of its own."""

from __future__ import annotations

from collections.abc import Iterable

import streamlit as st

from pages.shared.text import Text

MEASURES = (
    "received",
    "closed",
    "still_open",
    "overdue_share",
    "repeat_share",
    "days_to_close",
    "per_1000",
    "against_usual",
    "against_last_year",
    "forecast",
)
TERMS = (
    "usual",
    "last_full_day",
    "origin",
    "horizon",
    "interval",
    "coverage",
    "skill",
    "reconstructed",
    "spike",
    "signal",
    "budget",
    "event",
    "thin",
)


def measures(text: Text) -> None:
    """The numbers of the tiles and of the heatmap."""
    _listed("measures", [(_measure(name, text), text.of("definition", name)) for name in MEASURES], text)


def terms(text: Text) -> None:
    """The words that the pages use."""
    _listed("terms", [(text.of("term", name), text.of("meant", name)) for name in TERMS], text)


def charts(text: Text) -> None:
    """The help of every chart and table, as it stands behind its "?"."""
    titled = [key.removesuffix(".help") for key in text.all_keys() if key.endswith(".help")]
    _listed("charts", [(text(f"{k}.title"), text(f"{k}.help")) for k in titled if text.has(f"{k}.title")], text)


def _measure(name: str, text: Text) -> str:
    family = "measure" if text.has(f"measure.{name}") else "heat_measure"
    return text.of(family, name)


def _listed(family: str, lines: Iterable[tuple[str, str]], text: Text) -> None:
    with st.container(border=True):
        st.subheader(text.of("definitions", family), anchor=False)
        st.markdown("\n\n".join(f"**{name.rstrip('?')}.** {meaning}" for name, meaning in lines))
