"""The events that stand as marks on a chart over time, as links to each of them on the Events page."""

from __future__ import annotations

from datetime import date
from typing import Any

import pandas as pd
import streamlit as st

from analytics.filters import Filters
from pages.shared import frame
from pages.shared.forecast_charts import mark_words
from pages.shared.text import Text, plain

SHOWN = 12  # links to what is ahead


def to_events(marks: pd.DataFrame, as_of: date, filters: Filters, text: Text) -> None:
    """Below a chart: a link for each event of its days ahead, those that are over behind a line to be opened.

    `marks`: as of analytics.marks.marks. A mark in a chart itself can be reached by no keyboard.
    """
    events = marks[marks["kind"] == "event"]
    ahead, over = events[events["last_day"] > as_of], events[events["last_day"] <= as_of]
    if ahead.empty:
        st.caption(text("fan.nothing"))
    else:
        st.caption(text("fan.events"))
        _links("ahead", ahead.head(SHOWN), filters, text)
    if len(over):
        with st.expander(text("fan.over", n=len(over)), key="fan_over", bind="query-params"):
            _links("over", over.iloc[::-1], filters, text)


def view_of(mark: dict[str, Any]) -> dict[str, str]:
    """The part of the Events page that shows a mark: its event; of several alike their type in the month."""
    chosen = {"part": "calendar", "month": f"{mark['first_day']:%Y-%m}"}
    chosen |= {"event": mark["ids"]} if "|" not in mark["ids"] else {"kind_of": mark["type"]}
    return chosen | ({"region": mark["regions"]} if mark["regions"] and "|" not in mark["regions"] else {})


def _links(which: str, marks: pd.DataFrame, filters: Filters, text: Text) -> None:
    with st.container(horizontal=True, gap="xsmall", key=f"fan_events_{which}"):
        for mark in marks.to_dict("records"):
            label = f"{text.day(mark['first_day'], 'short')} · {plain(mark_words(mark, text))}"
            frame.link("events", label, view_of(mark), text, filters, icon=":material/event:", width="content")
