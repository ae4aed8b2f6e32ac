"""The Heatmap page: the same question, where and when, seen in several ways."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from analytics.filters import Filters, period
from pages.shared import choosing, components, grids, maps, told
from pages.shared.answers import Answers
from pages.shared.scales import Scale, scale
from pages.shared.text import Text, plain

MEASURES = {  # of each view
    "tiles": (*told.COMPARED, "forecast"),
    "map": (*told.COMPARED, "forecast"),
    "matrix": (*told.COMPARED, "forecast"),
    "calendar": ("complaints", "against_usual"),
    "hours": ("complaints",),
    "points": ("complaints",),
}
DEFINED = {"complaints": "received"}  # the same number under another name
NAMED = 5  # places without geometry
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
    _chosen_places(table, shade, answers, filters, text, places=places, as_map=False)


def _map(measure: str, answers: Answers, filters: Filters, text: Text) -> None:
    places, table, shade = _places(measure, answers, filters, text)
    drawn = bool(table["has_geometry"].any())
    if not drawn:
        st.caption(text(f"heatmap.no_map_{places}"))
    _chosen_places(table, shade, answers, filters, text, places=places, as_map=drawn)


def _chosen_places(
    table: pd.DataFrame, shade: Scale, answers: Answers, filters: Filters, text: Text, *, places: str, as_map: bool
) -> None:
    """Tiles or map with what is missing below, beside it the places in order; a click goes into a place."""
    if _says_what_is_missing(table, shade.measure, text):
        return
    st.caption(text("heatmap.click" if places == "region" else "heatmap.click_municipality"))
    wide, narrow = st.columns([3, 1.25], gap="small")
    with wide:
        figure = (
            maps.outlines(table.dropna(subset="code"), answers.geometry(filters), shade, text, places=places)
            if as_map
            else maps.tiles(table, shade, text, places=places)
        )
        _clickable("map" if as_map else "tiles", figure, places, text)
    with narrow, st.container(height=max(int(figure.layout.height), LEAST), border=False):
        _clickable("ranked", grids.ranked(table, shade, text, places=places), places, text)
    _left_out(table, answers, filters, text, places=places, measure=shade.measure)
    _twin(table, places, shade, text, chart=f"chart_{'map' if as_map else 'tiles'}_{places}")


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
    _twin(table, places, shade, text, second=topics, chart="chart_matrix")


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
    days = pd.DataFrame({text("heatmap.day"): table["day"].dt.date, _column(shade, text): table["value"]})
    _download(days, measure, "chart_calendar", text)


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
    names = {"weekday": text("heatmap.weekday"), "hour": text("heatmap.hour"), "complaints": _column(shade, text)}
    _download(
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
    _download(
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


def _left_out(
    table: pd.DataFrame, answers: Answers, filters: Filters, text: Text, *, places: str, measure: str
) -> None:
    """What is not to be seen: places without geometry or population, complaints without a place."""
    notes = []
    if table["has_geometry"].any():
        notes.append(_names("heatmap.no_geometry", table.loc[~table["has_geometry"], places], text, places))
    if measure == "per_1000":
        notes.append(_names(f"heatmap.no_population_{places}", table.loc[table["value"].isna(), places], text, places))
    if measure.startswith("against"):
        notes.append(_names("heatmap.no_ratio", table.loc[table["value"].isna(), places], text, places))
    unplaced = answers.without_place(filters)
    if unplaced and measure != "forecast":
        notes.append(text(f"heatmap.without_{places}", n=unplaced))
    if any(notes):
        st.caption(" ".join(note for note in notes if note))


def _names(key: str, names: pd.Series, text: Text, meaning: str = "region") -> str:
    if names.empty:
        return ""
    return text(key, n=len(names), names=text.listed([plain(text.name(meaning, name)) for name in names], NAMED))


def _twin(table: pd.DataFrame, places: str, shade: Scale, text: Text, second: str | None = None, *, chart: str) -> None:
    """The same as a table, to read and to take along."""
    table = table.sort_values("value", ascending=False, kind="stable", na_position="last")
    shown = {text.of("filters", places): [text.name(places, name) for name in table[places]]}
    if second:
        shown[text.of("filters", second)] = [text.name(second, name) for name in table[second]]
    if shade.measure == "forecast":
        shown[_column(shade, text)] = table["value"].round(1).tolist()
    else:
        shown[text.of("heat_measure", "complaints")] = table["complaints"].astype(int).tolist()
        for name in ("per_1000", "usual", "against_usual", "last_year", "against_last_year", "overdue_share"):
            values = table[name].astype(float)
            if values.notna().any():
                shown[text.of("heat_column", name)] = values.round(4 if name != "usual" else 1).tolist()
    _download(pd.DataFrame(shown), shade.measure, chart, text)


def _column(shade: Scale, text: Text) -> str:
    return text.of("heat_measure", shade.measure)


def _download(table: pd.DataFrame, measure: str, chart: str, text: Text) -> None:
    view = chart.split("_")[1]
    title = f"{text.of('heat_view', view)}: {text.of('heat_measure', measure)}"
    components.twin(f"heat_{view}", table, title, text, chart=chart)


def _chart(name: str, figure: go.Figure, text: Text) -> None:
    with st.container(key=f"heat_{name}"):
        components.picture(f"chart_{name}", figure, text, title="", alt=text.of("heat_alt", name))


def _clickable(name: str, figure: go.Figure, places: str, text: Text) -> None:
    """A chart of places: a click goes into one."""
    with st.container(key=f"heat_{name}"):
        components.picture(
            f"chart_{name}_{places}",
            figure,
            text,
            title="",
            alt=text.of("heat_alt", name),
            on_select=lambda: choosing.enter(f"chart_{name}_{places}", places),
            selection_mode="points",
        )
