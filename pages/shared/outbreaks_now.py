"""Outbreaks now on the Signals page: what began, where, since when, how unusual it is."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from analytics.filters import Filters
from pages.shared import components
from pages.shared.answers import Answers
from pages.shared.text import Text, plain

SHOWN = 3  # cards; the rest is in the list
RARE, EXTREME = 5.0, 8.0  # standard deviations above what was expected
COLORS = {"unusual": "gray", "rare": "orange", "extreme": "red"}


def going_on(answers: Answers, filters: Filters, text: Text) -> None:
    """The outbreaks of the newest refresh, the most pressing first; says so where there are none."""
    found: pd.DataFrame = answers.ask("outbreaks", filters)
    st.subheader(text("outbreaks.title"), anchor=False, help=text("outbreaks.help"))
    if not found.attrs:
        st.caption(text("outbreaks.none"))
        return
    last = found.attrs["last_day"]
    if found.empty:
        st.success(text("outbreaks.quiet", day=last), icon=":material/check_circle:")
    else:
        shown = found.head(SHOWN).to_dict("records")
        with st.grid(columns=len(shown), min_column_width=264, gap="xsmall"):
            for outbreak in shown:
                with st.container(border=True, gap="xsmall", height="stretch"):
                    _card(outbreak, last, text)
    st.caption(text("outbreaks.judged", n=found.attrs["series"]))
    if len(found) > SHOWN:
        table = pd.DataFrame([_row(outbreak, text) for outbreak in found.to_dict("records")])
        components.twin("outbreaks", table, text("outbreaks.title"), text)


def _card(outbreak: dict[str, Any], last: Any, text: Text) -> None:
    place, topic = _names(outbreak, text)
    st.markdown(f"**{plain(place)}: {plain(topic)}**")
    with st.container(horizontal=True):
        degree = _degree(outbreak)
        st.badge(text.of("degree", degree), icon=":material/notification_important:", color=COLORS[degree])  # type: ignore[arg-type]
        st.badge(text.of("outbreak_state", outbreak["state"]), color="gray")
    first, newest = outbreak["first_day"].date(), outbreak["last_day"].date()
    expected = max(float(outbreak["expected"]), 0.1)
    complaints = int(outbreak["complaints"])
    since = text.day(first, "d MMMM")
    change = text.change(complaints / expected)
    about = text.number(expected, 0 if expected >= 10 else 1)
    days = text("outbreaks.days", n=(last - first).days + 1)
    st.markdown(text("outbreaks.numbers", n=complaints, since=since, days=days, expected=about, change=change))
    if newest < last:
        st.caption(text("outbreaks.newest", day=text.day(newest, "d MMMM")))


def _degree(outbreak: dict[str, Any]) -> str:
    score = float(outbreak["score"])
    return "extreme" if score >= EXTREME else "rare" if score >= RARE else "unusual"


def _names(outbreak: dict[str, Any], text: Text) -> tuple[str, str]:
    region, topic = outbreak["region"], outbreak["topic"]
    return (
        text("signals.everywhere") if region == "*" else text.name("region", region),
        text("signals.all_topics") if topic == "*" else text.name("topic_group", topic),
    )


def _row(outbreak: dict[str, Any], text: Text) -> dict[str, Any]:
    place, topic = _names(outbreak, text)
    return {
        text("filters.region"): place,
        text("filters.topic_group"): topic,
        text("outbreaks.since"): outbreak["first_day"].date(),
        text("outbreaks.came"): int(outbreak["complaints"]),
        text("fan.expected"): round(float(outbreak["expected"]), 1),
        text("outbreaks.degree"): text.of("degree", _degree(outbreak)),
    }
