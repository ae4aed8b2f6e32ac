"""The building blocks of the pages: headline, tiles, charts with their titles."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date
from html import escape
from typing import Any, Literal, NamedTuple

import pandas as pd
import plotly.graph_objects as go
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from analytics.explain import Sentence
from analytics.filters import Filters
from pages.shared import charts, fragments, frame, twins
from pages.shared.look import CONFIG, PALETTE
from pages.shared.text import Text, plain
from pages.shared.twins import About, Table

SHARES = ("overdue_share", "repeat_share")  # measures from 0 to 1
DAYS = ("days_to_close",)
NAMED = 5  # days without data that are named
HIGHEST = 430  # pixels; a higher chart of lines scrolls
TONES = {"orange": PALETTE["rising"], "blue": PALETTE["falling"], "gray": PALETTE["not_loaded"]}


class Change(NamedTuple):
    """How a tile has changed: in words, against what, with an arrow and a tone."""

    words: str
    against: str | None = None
    arrow: Literal["up", "down", "off"] = "off"
    tone: Literal["orange", "blue", "gray"] = "gray"


def headline(sentences: Sequence[Sentence], filters: Filters, text: Text) -> None:
    """The first lines of a page: what the numbers say, in plain language."""
    st.markdown("\n".join(f"- {said(sentence, filters, text)}" for sentence in sentences))


def tiles(table: pd.DataFrame, filters: Filters, text: Text) -> None:
    """One tile for each measure: value, 13 weeks, the change against the usual and against last year, in words."""
    with st.grid(columns=len(table), min_column_width=140, gap="xsmall"):
        for tile in table.to_dict("records"):
            with st.container(border=True, gap="xxsmall", height="stretch"):
                _tile(tile, text, weekly=_days(filters) == 7, compare=filters.compare)


def over_time(table: pd.DataFrame, filters: Filters, text: Text) -> None:
    """Received and closed by day, the period chosen standing out."""
    first, last = filters.first_day or date.min, filters.last_day or date.max
    drawn = charts.received_and_closed(table, text, first_day=first, last_day=last)
    names = {"received": text("chart.received"), "closed": text("chart.closed")}
    days = table[["day", *names]].assign(day=pd.to_datetime(table["day"]).dt.date)
    chart("over_time", drawn, text, days.rename(columns={"day": text("ahead.day"), **names}))


def what_moved(table: pd.DataFrame, by: str, compare: str, text: Text) -> None:
    """What rose and what fell: topics or places, against what the reader compares with."""
    if table.empty:
        note(f"movers_{by}", text, None if table.attrs["weeks"] else "movers.too_early")
    else:
        with st.container(border=True, height="stretch"):
            st.subheader(text(f"movers_{by}.title"), anchor=False, help=text(f"movers.help_{compare}"))
            st.html(fragments.movers(table, text, by=by, compare=compare))


def completeness(table: pd.DataFrame, text: Text) -> None:
    """The strip of the last days, and in words which of them look unloaded."""
    with st.container(border=True):
        st.subheader(text("completeness.title"), anchor=False, help=text("completeness.help"))
        st.caption(_unloaded(table, text))
        if len(table):
            loaded(table, text, by="source")


def loaded(table: pd.DataFrame, text: Text, *, by: str) -> None:
    """Which days are loaded, a line for each source or region."""
    title, alt = text("completeness.title"), text("completeness.alt")
    figure = charts.completeness(table, text, by=by)
    with st.container(height=HIGHEST if figure.layout.height > HIGHEST else "content", border=False):
        st.plotly_chart(figure, config=CONFIG, key=f"loaded_{by}", alt=alt)
    shown = {
        text("ahead.day"): pd.to_datetime(table["day"]).dt.date,
        text("filters.region"): [text.name("region", name) for name in table["region"]],
        text("records.source"): table["source"],
        text("chart.received"): table["complaints"],
        text("chart.usual"): table["usual"].round(1),
        text("records.status"): [text.of("state", state) for state in table["state"]],
    }
    twin("completeness", pd.DataFrame(shown), title, text, chart=f"loaded_{by}")


def chart(key: str, figure: go.Figure, text: Text, table: Table | None = None, *, note: str = "") -> DeltaGenerator:
    """A chart below its title, with its numbers; `key` is the family of its words: title, help, and alt.

    `table`: the chart as a table whose columns have the reader's words, or a function that makes it; `note`: a line
    between the title and the chart. Answers the box around them, for what belongs below.
    """
    box = st.container(border=True, height="stretch", key=f"box_{key}")
    with box:
        st.subheader(text(f"{key}.title"), anchor=False, help=text(f"{key}.help"))
        if note:
            st.caption(note)
        picture(key, figure, text, table, title=text(f"{key}.title"), alt=text(f"{key}.alt"))
    return box


def picture(
    key: str, figure: go.Figure, text: Text, table: Table | None = None, *, title: str, alt: str, **more: Any
) -> None:
    """A chart by itself with its numbers below, to be taken along as files. `more`: as st.plotly_chart takes it.

    `title` heads the picture that is taken along; `alt` says in words what those cannot see who do not see.
    """
    st.plotly_chart(figure, config=CONFIG, key=key, alt=alt, **more)
    if table is not None:
        twins.twin(key, table, title, frame.kept("about", About()), text, chart=key)


def twin(key: str, table: Table, title: str, text: Text, *, chart: str | None = None) -> None:
    """A table that the reader opens and takes along; `chart`: the key of the chart beside it, to be saved too."""
    twins.twin(key, table, title, frame.kept("about", About()), text, chart=chart)


def note(key: str, text: Text, words: str | None = None) -> None:
    """A sentence in the place of a chart that has nothing to show; `words`: another one than the chart's own."""
    with st.container(border=True, height="stretch"):
        st.subheader(text(f"{key}.title"), anchor=False)
        st.caption(text(words or f"{key}.none"))


def halves() -> Sequence[DeltaGenerator]:
    """Two places side by side; one above the other on a phone."""
    return st.columns(2, gap="xsmall")


def _tile(tile: dict[str, Any], text: Text, *, weekly: bool, compare: str) -> None:
    """`weekly`: the period is a week, so what is expected of it can be drawn among the weeks."""
    measure, known = tile["measure"], not _missing(tile["value"])
    unknown = Change(text.of("unknown", tile["unknown"] or "not_known"))
    change = _change(tile, compare, text) if known else unknown
    st.metric(
        text.of("measure", measure),
        amount(measure, tile["value"], text) if known else "—",
        change.words,
        delta_description=change.against,
        delta_arrow=change.arrow,
        delta_color=change.tone,
        help=text.of("definition", measure),
    )
    if known:
        band = (tile["usual_low"], tile["usual_high"])
        comparable = (weekly or measure in (*SHARES, *DAYS, "still_open")) and not any(map(_missing, band))
        line = fragments.sparkline(tile["weekly"], text, band=band if comparable else None, color=TONES[change.tone])
        st.html(f'{line}<p class="last-year">{escape(_also(tile, compare, text))}</p>')


def amount(measure: str, value: float, text: Text) -> str:
    """A measure's value with its unit."""
    if measure in SHARES:
        return text.percent(value, 1)
    if measure in DAYS:
        return text("unit.days", n=round(value)) if value >= 10 else text("unit.days_part", value=text.number(value, 1))
    return text.number(value)


def _change(tile: dict[str, Any], compare: str, text: Text) -> Change:
    """The change against what the reader compares with; its tone says whether the value is unusual."""
    if _missing(tile[compare]):
        return Change(text.of("change", f"no_{compare}"))
    difference = _difference(tile["measure"], tile["value"], tile[compare], text)
    if not difference:
        return Change(text.of("change", "same" if compare == "usual" else f"same_{compare}"))
    arrow: Literal["up", "down"] = "up" if tile["value"] > tile[compare] else "down"
    tone = _tone(tile)
    if compare == "usual":
        return Change(difference, text("change.against_usual" if tone != "gray" else "change.expected"), arrow, tone)
    return Change(difference, text.of("change", f"to_{compare}"), arrow, tone)


def _tone(tile: dict[str, Any]) -> Literal["orange", "blue", "gray"]:
    """Gray within what is usual; else orange for worse, blue for better."""
    if _missing(tile["usual"]) or tile["usual_low"] <= tile["value"] <= tile["usual_high"]:
        return "gray"
    return "orange" if (tile["value"] > tile["usual"]) == bool(tile["is_rising_bad"]) else "blue"


def _also(tile: dict[str, Any], compare: str, text: Text) -> str:
    """The other comparison, in a line: the year before, or the usual where the year before is told already."""
    other = "usual" if compare == "last_year" else "last_year"
    if _missing(tile[other]):
        return text.of("change", f"no_{other}")
    words = _difference(tile["measure"], tile["value"], tile[other], text)
    if other == "usual":
        return f"{words} {text('change.against_usual')}" if words else text("change.same")
    return text("change.against_last_year", change=words) if words else text("change.same_last_year")


def _difference(measure: str, value: float, before: float, text: Text) -> str:
    """A signed difference in the measure's unit; empty when it rounds to nothing."""
    if measure in SHARES:
        points = round((value - before) * 100, 1)
        return text("unit.points", points=text.signed(points, 1)) if points else ""
    if measure in DAYS:
        days = round(value - before, 1)
        return text("unit.days_part", value=text.signed(days, 1)) if days else ""
    if not before:
        return ""
    return text.change(value / before) if round(value / before, 2) != 1 else ""


def _unloaded(table: pd.DataFrame, text: Text) -> str:
    """The days that look unloaded, named while they are few."""
    days = sorted({day.date() for day in pd.to_datetime(table.loc[table["state"] == "looks_unloaded", "day"])})
    none = table.groupby("day")["state"].agg(lambda states: bool((states == "not_loaded").all()))
    missing = int(none.sum())
    if not days and missing:
        return text("completeness.not_loaded", n=missing)
    if not days:
        return text("completeness.all_loaded")
    named = text.listed([text.day(day, "short") for day in days], NAMED)
    return text("completeness.looks_unloaded", n=len(days), days=named)


def said(sentence: Sentence, filters: Filters, text: Text) -> str:
    """A sentence of the analytics in the reader's language: shares as per cent, names as the reader knows them."""
    values = dict(sentence.values)
    if sentence.key.startswith("overdue"):
        values |= {name: text.percent(value, 1) for name, value in values.items()}
    if "names" in values:
        values["names"] = _names(values["names"], filters, text)
        values["change"] = text.change(
            1 + values.get("share", 0.0) * (-1 if sentence.key.startswith("mover_fell") else 1)
        )
    if "share" in values:
        values["share"] = text.percent(values["share"])
    counted = next((name for name in ("places", "value") if isinstance(values.get(name), int)), "")
    n = values.pop(counted, None)
    return text.of("headline", sentence.key, n=n, **values)


def _names(names: dict[str, str], filters: Filters, text: Text) -> str:
    """What rose or fell, with what it belongs to in brackets; the only region goes without saying."""
    *above, own = [
        plain(text.name(meaning, name))
        for meaning, name in names.items()
        if meaning != "region" or len(names) == 1 or len(filters.regions) != 1
    ]
    return own + "".join(f" ({name})" for name in above)


def _days(filters: Filters) -> int:
    return (filters.last_day - filters.first_day).days + 1 if filters.first_day and filters.last_day else 0


def _missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))
