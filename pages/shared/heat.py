"""The Heatmap page: the same question, where and when, seen in several ways."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from analytics.filters import Filters, period
from analytics.own_geometry import outline_id
from pages.shared import choosing, components, grids, heat_numbers, maps, told
from pages.shared.answers import Answers
from pages.shared.scales import Scale, scale
from pages.shared.text import Text

MEASURES = {  # of each view
    "tiles": (*told.COMPARED, "forecast"),
    "map": (*told.COMPARED, "forecast"),
    "matrix": (*told.COMPARED, "forecast"),
    "calendar": ("complaints", "against_usual"),
    "hours": ("complaints",),
    "points": ("complaints",),
}
DEFINED = {"complaints": "received"}  # the same number under another name
LEVELS = ("region", "municipality")  # of the map of several regions
WEEK = 7
LEAST = 300  # pixels of the ranked list beside a map or tiles


def views(answers: Answers) -> list[str]:
    """The ways to look at it; points only where complaints have coordinates."""
    return [view for view in MEASURES if view != "points" or answers.has_points()]


def measures(view: str, answers: Answers, filters: Filters) -> list[str]:
    """What can be shown in a view: forecasts of places are there once they were issued."""
    issued = not (filters.topics or filters.channels) and bool(len(answers.ahead(filters, answers.places(filters))))
    several = view != "matrix" or answers.places(filters) == "region"  # municipalities by topics are too many
    return [name for name in MEASURES[view] if name != "forecast" or (issued and several)]


def show(view: str, measure: str, answers: Answers, filters: Filters, text: Text) -> None:
    """The view that was chosen, what it leaves out, and its numbers as a table."""
    with st.container(border=True):
        st.subheader(
            text.of("heat_measure", measure), anchor=False, help=text.of("definition", DEFINED.get(measure, measure))
        )
        SHOWN[view](measure, answers, filters, text)


def _tiles(measure: str, answers: Answers, filters: Filters, text: Text) -> None:
    places, table, shade = _places(measure, answers, filters, text)
    _chosen_places(table, shade, answers, filters, text, places=places)


def _map(measure: str, answers: Answers, filters: Filters, text: Text) -> None:
    both = measure != "forecast" and answers.can_draw_all(filters)
    if both and choosing.one_of("level", LEVELS, text) == "municipality":
        drawn = answers.drawn(filters, "all_municipalities")
        table, shade = _all_municipalities(measure, drawn, answers, filters, text)
        _chosen_places(table, shade, answers, filters, text, places="municipality", drawn=drawn, enters="region")
        return
    places, table, shade = _places(measure, answers, filters, text)
    has_outlines = bool(table["has_geometry"].any())
    if not has_outlines:
        st.caption(text(f"heatmap.no_map_{places}"))
    outlines = answers.drawn(filters, places) if has_outlines else None
    _chosen_places(table, shade, answers, filters, text, places=places, drawn=outlines)


def _chosen_places(
    table: pd.DataFrame,
    shade: Scale,
    answers: Answers,
    filters: Filters,
    text: Text,
    *,
    places: str,
    drawn: maps.Drawn | None = None,
    enters: str = "",
) -> None:
    """Map or tiles with what is missing below, beside it the places in order; a click goes into one, or `enters`."""
    if _says_what_is_missing(table, shade.measure, text):
        return
    st.caption(text(f"heatmap.click_{places}_of_all" if enters else f"heatmap.click_{places}"))
    wide, narrow = st.columns([3, 1.25], gap="small")
    with wide:
        figure = (
            maps.outlines(table.dropna(subset="code"), drawn, shade, text, enters=enters or places)
            if drawn
            else maps.tiles(table, shade, text, places=places)
        )
        name = "map" if drawn else "tiles"
        _clickable(name, figure, places, text, enters=enters or places)
    with narrow, st.container(height=max(int(figure.layout.height), LEAST), border=False):
        ranked = grids.ranked(table, shade, text, places=places, enters=enters)
        _clickable("ranked", ranked, places, text, enters=enters or places)
    heat_numbers.left_out(table, answers, filters, text, places=places, measure=shade.measure)
    heat_numbers.twin(table, places, shade, text, enters, chart=f"chart_{name}_{places}")


def _all_municipalities(
    measure: str, drawn: maps.Drawn, answers: Answers, filters: Filters, text: Text
) -> tuple[pd.DataFrame, Scale]:
    """The municipalities of all regions chosen, at once."""
    table = answers.compared(filters, ("region", "municipality"))
    table = table[table["municipality"] != ""]
    known = {code for layer in drawn.layers for code, *_ in layer}
    ids = outline_id(table["region"], table["municipality"])
    table = table.assign(value=table[measure].astype(float), code=ids, has_geometry=ids.isin(known))
    shade = scale(measure, table["value"])
    return told.with_told(table, shade, text, ("municipality", "region")), shade


def _places(measure: str, answers: Answers, filters: Filters, text: Text) -> tuple[str, pd.DataFrame, Scale]:
    """Every place with its tile, its value, and what the pointer tells."""
    places = answers.places(filters)
    if measure == "forecast":
        return places, *_ahead(answers, filters, text)
    table = answers.compared(filters, (places,) if places == "region" else ("region", places))
    tiles = answers.layout(filters)
    table = tiles.merge(table, on=[name for name in ("region", "municipality") if name in tiles], how="left")
    table["complaints"] = table["complaints"].fillna(0)
    shade = scale(measure, table[measure].astype(float))
    return places, told.with_told(table.assign(value=table[measure].astype(float)), shade, text, (places,)), shade


def _ahead(answers: Answers, filters: Filters, text: Text) -> tuple[pd.DataFrame, Scale]:
    """Each place on one day or in one week, past or to come, on one colour scale for all of them."""
    places = answers.places(filters)
    chosen, shade = _on_the_slider(answers, filters, text, by=places)
    names = [name for name in ("region", "municipality") if name in chosen]
    found = answers.layout(filters).merge(chosen[[*names, "complaints"]], on=names, how="left")
    found = found.assign(complaints=found["complaints"].fillna(0.0))
    return told.with_told(found.assign(value=found["complaints"]), shade, text, (places,)), shade


def _on_the_slider(answers: Answers, filters: Filters, text: Text, *, by: str) -> tuple[pd.DataFrame, Scale]:
    """What came or comes on the day or in the week that the reader moves to, and the scale of all of them."""
    table = answers.ahead(filters, by)
    days = WEEK if choosing.one_of("step", ("day", "week"), text) == "week" else 1
    origin = table.loc[~table["is_forecast"].astype(bool), "day"].max()
    number = -((origin - table["day"]).dt.days // days)
    names = [name for name in ("region", "municipality", "topic_group") if name in table]
    sums = table.assign(number=number).groupby(["number", *names], as_index=False)["complaints"].sum()
    step = choosing.steps_ahead(int(sums["number"].min()), int(sums["number"].max()), text, days=days)
    last = origin.date() + timedelta(days=step * days)
    when = text.day(last, "weekday") if days == 1 else text.period(last - timedelta(days=days - 1), last)
    st.markdown(text("heatmap.day_forecast" if step > 0 else "heatmap.day_past", day=when, origin=origin.date()))
    return sums[sums["number"] == step], scale("forecast", sums["complaints"])


def _matrix(measure: str, answers: Answers, filters: Filters, text: Text) -> None:
    """Places by topic groups; by the topics of the only group that is chosen, which would be a single column."""
    places = answers.places(filters)
    one_group = len(filters.topic_groups) == 1 and measure != "forecast"  # forecasts know no topics
    topics = "topic" if one_group and len(answers.choices("topic", filters.topic_groups)) > 1 else "topic_group"
    if measure == "forecast":
        table, shade = _on_the_slider(answers, filters, text, by="topic_group")
        table = table.assign(value=table["complaints"])
    else:
        by = ("region", topics) if places == "region" else ("region", places, topics)
        table = answers.compared(filters, by)
        table = table[(table[places] != "") & (table[topics] != "")]
        shade = scale(measure, table[measure].astype(float))
        table = table.assign(value=table[measure].astype(float))
    table = told.with_told(table, shade, text, (places, topics))
    if _says_what_is_missing(table, measure, text):
        return
    st.caption(text("heatmap.matrix_note", lines=grids.MOST_LINES, topics=grids.MOST_TOPICS))
    _chart("matrix", grids.matrix(table, shade, text, places=places, topics=topics), text)
    heat_numbers.twin(table, places, shade, text, topics, chart="chart_matrix")


def _calendar(measure: str, answers: Answers, filters: Filters, text: Text) -> None:
    table = answers.calendar(filters)
    first, last = period(filters, answers.as_of(filters))
    shade = scale(measure, table[measure].astype(float), from_zero=False)
    table = table.assign(
        value=table[measure].astype(float),
        told=[told.day(row, text) for row in table.to_dict("records")],
    )
    st.caption(text("heatmap.calendar_note"))
    _chart("calendar", grids.calendar(table, shade, text, first_day=first, last_day=last), text)
    days = pd.DataFrame({text("heatmap.day"): table["day"].dt.date, heat_numbers.column(shade, text): table["value"]})
    heat_numbers.download(days, measure, "chart_calendar", text)


def _hours(measure: str, answers: Answers, filters: Filters, text: Text) -> None:
    table = answers.hours(filters)
    if not table.attrs["complaints"]:
        st.info(text("heatmap.no_times"), icon=":material/schedule:")
        return
    if table.attrs["without_time"]:
        st.caption(text("heatmap.without_time", n=table.attrs["without_time"]))
    shade = scale(measure, table[measure].astype(float))
    words = [told.hour(row, text) for row in table.to_dict("records")]
    busiest = table.loc[table["complaints"].idxmax()]
    weekday = text.day(grids.MONDAY + timedelta(days=int(busiest["weekday"])), "cccc")
    st.caption(
        text("heatmap.hours_note", weekday=weekday, hour=f"{busiest['hour']}:00", complaints=int(busiest["complaints"]))
    )
    _chart("hours", grids.week(table.assign(value=table["complaints"].astype(float), told=words), shade, text), text)
    names = {
        "weekday": text("heatmap.weekday"),
        "hour": text("heatmap.hour"),
        "complaints": heat_numbers.column(shade, text),
    }
    heat_numbers.download(
        table.assign(weekday=table["weekday"] + 1)[list(names)].rename(columns=names), measure, "chart_hours", text
    )


def _points(measure: str, answers: Answers, filters: Filters, text: Text) -> None:
    table = answers.points(filters)
    if table.empty:
        st.info(text("heatmap.no_points"), icon=":material/location_off:")
        return
    st.caption(text("heatmap.points_note", n=table.attrs["complaints"], without=table.attrs["without_place"]))
    _chart("points", maps.density(table, text, step=table.attrs["step"]), text)
    names = {name: text.of("heatmap", name) for name in ("longitude", "latitude")}
    heat_numbers.download(
        table.rename(columns={**names, "complaints": text.of("heat_measure", measure)}), measure, "chart_points", text
    )


SHOWN: dict[str, Callable[[str, Answers, Filters, Text], None]] = {
    "tiles": _tiles,
    "map": _map,
    "matrix": _matrix,
    "calendar": _calendar,
    "hours": _hours,
    "points": _points,
}


def _says_what_is_missing(table: pd.DataFrame, measure: str, text: Text) -> bool:
    """Is there nothing to draw? Then say what would be needed."""
    missing = "places" if table.empty else measure if table["value"].isna().all() else ""
    if missing:
        st.info(text.of("heat_missing", missing), icon=":material/help:")
    return bool(missing)


def _chart(name: str, figure: go.Figure, text: Text) -> None:
    with st.container(key=f"heat_{name}"):
        components.picture(f"chart_{name}", figure, text, title="", alt=text.of("heat_alt", name))


def _clickable(name: str, figure: go.Figure, places: str, text: Text, *, enters: str) -> None:
    """A chart of places: a click goes into one, or into the region (`enters`) that it lies in."""
    with st.container(key=f"heat_{name}"):
        components.picture(
            f"chart_{name}_{places}",
            figure,
            text,
            title="",
            alt=text.of("heat_alt", name),
            on_select=lambda: choosing.enter(f"chart_{name}_{places}", enters),
            selection_mode="points",
        )
