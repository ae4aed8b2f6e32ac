"""Table in, Plotly figure out: the matrix of places and topics, the calendar, the week by hours, ranked bars."""

from __future__ import annotations

import math
from datetime import date, timedelta
from html import escape
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from pages.shared.look import figure, shortened
from pages.shared.scales import Scale
from pages.shared.text import Text

MOST_LINES, MOST_TOPICS = 30, 14  # of the matrix
ROOM = 0.28  # of the length of all bars, for a number beside one
FEW_TOPICS = 4  # whose names need not lean
MONDAY = date(2024, 1, 1)  # any
LEFT = {"l": 8, "r": 8, "t": 0, "b": 50}


def matrix(table: pd.DataFrame, scale: Scale, text: Text, *, places: str, topics: str = "topic_group") -> go.Figure:
    """Places down, topics across, the most frequent first. `table`: places, topics, complaints, value, told.

    `topics`: topic_group or topic.
    """
    lines = _most(table, places, MOST_LINES)
    columns = _most(table, topics, MOST_TOPICS)
    cells = {(row[places], row[topics]): row for row in table.to_dict("records")}
    found = [[cells.get((line, topic)) for topic in columns] for line in lines]
    empty = 0.0 if scale.measure == "complaints" else math.nan
    values = [[cell["value"] if cell else empty for cell in line] for line in found]
    heat = _cells(values, scale, text)
    heat["hovertext"] = [
        [
            cell["told"] if cell else f"<b>{escape(text.name(places, line))}</b><br>{escape(text.name(topics, topic))}"
            for topic, cell in zip(columns, row, strict=True)
        ]
        for line, row in zip(lines, found, strict=True)
    ]
    return figure(
        [heat],
        text,
        height=24 * len(lines) + 190,
        hovermode="closest",
        margin={**LEFT, "t": 8, "r": 70},
        xaxis={
            **_axis(list(range(len(columns))), [shortened(text.name(topics, topic), 18) for topic in columns]),
            "side": "top",
            "tickangle": -38 if len(columns) > FEW_TOPICS else 0,
            "ticklabeloverflow": "allow",  # the last name leans over the edge
        },
        yaxis={
            **_axis(list(range(len(lines))), [shortened(_short(line, text, places), 24) for line in lines]),
            "autorange": "reversed",
        },
    )


def calendar(table: pd.DataFrame, scale: Scale, text: Text, *, first_day: date, last_day: date) -> go.Figure:
    """A line of weeks for each year, Monday above Sunday. `table`: day, value, told; the reader's period is framed."""
    days = [day.date() for day in pd.to_datetime(table["day"])]
    years = sorted({day.year for day in days}, reverse=True)
    values = np.full((8 * len(years) - 1, 54), np.nan)
    told = [[""] * 54 for _ in range(len(values))]
    frames = []
    for day, value, words in zip(days, table["value"], table["told"], strict=True):
        row, column = _in_calendar(day, years)
        values[row, column] = value
        told[row][column] = words
        if first_day <= day <= last_day:
            frames.append((row, column))
    heat = _cells(values.tolist(), scale, text, written=False)
    heat |= {"hovertext": told, "hoverongaps": False, "xgap": 1.5, "ygap": 1.5}
    months = [date(years[0], month, 15) for month in range(1, 13)]
    starts = [8 * place for place in range(len(years))]
    weekdays = [text.day(MONDAY + timedelta(days=day), "ccc") for day in (0, 3, 6)]
    return figure(
        [heat, _frame(frames)],
        text,
        height=17 * len(values) + 90,
        hovermode="closest",
        margin={**LEFT, "t": 22},
        xaxis={
            **_axis([_in_calendar(day, years)[1] for day in months], [text.day(day, "LLL") for day in months]),
            "side": "top",
        },
        yaxis={
            **_axis(
                [start + offset for start in starts for offset in (0, 3, 6)],
                [
                    f"<b>{year}</b>  {weekday}" if not place else weekday
                    for year in years
                    for place, weekday in enumerate(weekdays)
                ],
            ),
            "autorange": "reversed",
        },
    )


def week(table: pd.DataFrame, scale: Scale, text: Text) -> go.Figure:
    """Weekdays down, hours across. `table`: weekday, hour, value, told."""
    values = table["value"].to_numpy().reshape(7, 24)
    heat = _cells(values.tolist(), scale, text, written=False)
    heat["hovertext"] = table["told"].to_numpy().reshape(7, 24).tolist()
    days = [text.day(MONDAY + timedelta(days=day), "cccc") for day in range(7)]
    return figure(
        [heat],
        text,
        height=7 * 38 + 90,
        hovermode="closest",
        margin={**LEFT, "t": 8},
        xaxis={**_axis(list(range(0, 24, 3)), [f"{hour}:00" for hour in range(0, 24, 3)]), "side": "top"},
        yaxis={**_axis(list(range(7)), days), "autorange": "reversed"},
    )


def ranked(
    table: pd.DataFrame, scale: Scale, text: Text, *, places: str, enters: str = "", most: int = 25
) -> go.Figure:
    """Bars from the largest value down. `table`: places, value, told; a click chooses `enters`, else the place."""
    shown = table.dropna(subset="value").sort_values("value", ascending=False, kind="stable").head(most)
    base = 1.0 if scale.measure.startswith("against") else 0.0
    bars = {
        "type": "bar",
        "orientation": "h",
        "y": list(range(len(shown))),
        "x": [value - base for value in shown["value"]],
        "base": base,
        "marker": {
            "color": [scale.color(value) for value in shown["value"]],
            "line": {"width": 0.5, "color": "#8e97a2"},
        },
        "text": [f" {scale.words(value, text)} " for value in shown["value"]],
        "textposition": "outside",
        "cliponaxis": False,
        "customdata": [[name] for name in shown[enters or places]],
        "hovertext": shown["told"].tolist(),
        "hovertemplate": "%{hovertext}<extra></extra>",
        "selected": {"marker": {"opacity": 1}},
        "unselected": {"marker": {"opacity": 1}},
    }
    return figure(
        [bars],
        text,
        height=25 * max(len(shown), 1) + 16,
        hovermode="closest",
        bargap=0.25,
        margin={"l": 8, "r": 8, "t": 4, "b": 4},
        xaxis={"visible": False, "fixedrange": True, "range": _with_room(bars["x"], base)},
        yaxis={
            **_axis(list(range(len(shown))), [shortened(_short(name, text, places), 22) for name in shown[places]]),
            "autorange": "reversed",
        },
    )


def _with_room(lengths: list[float], base: float) -> list[float]:
    """The ends of an axis of bars from `base`, with room for the words beyond the longest on each side."""
    least, most = min([0.0, *lengths]), max([0.0, *lengths])
    room = ROOM * ((most - least) or 1.0)
    return [base + least - (room if least else 0.0), base + most + room]


def _cells(values: list[list[float]], scale: Scale, text: Text, *, written: bool = True) -> dict[str, Any]:
    """A heatmap of values by their place on the scale."""
    return {
        "type": "heatmap",
        "z": [[_number(scale.place(value)) for value in line] for line in values],
        "zmin": 0,
        "zmax": 1,
        "colorscale": scale.stops,
        "xgap": 2,
        "ygap": 2,
        "text": [[scale.words(value, text) if not math.isnan(value) else "" for value in line] for line in values]
        if written
        else None,
        "texttemplate": "%{text}" if written else None,
        "textfont": {"size": 11},
        "hovertemplate": "%{hovertext}<extra></extra>",
        "colorbar": scale.bar(text),
    }


def _frame(cells: list[tuple[int, int]]) -> dict[str, Any]:
    """Marks on the days of the reader's period."""
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [column for _, column in cells],
        "y": [row for row, _ in cells],
        "hoverinfo": "skip",
        "marker": {"symbol": "circle", "size": 5, "color": "#ffffff", "line": {"color": "#10161d", "width": 1.5}},
    }


def _in_calendar(day: date, years: list[int]) -> tuple[int, int]:
    """Row and column of a day: weeks are counted from the Monday on or before the first of January."""
    return 8 * years.index(day.year) + day.weekday(), (
        day.timetuple().tm_yday - 1 + date(day.year, 1, 1).weekday()
    ) // 7


def _short(name: str, text: Text, places: str) -> str:
    return text.short_place(name) if places == "municipality" else text.name(places, name)


def _most(table: pd.DataFrame, by: str, most: int) -> list[str]:
    sums = table[table[by] != ""].groupby(by)["complaints"].sum()
    return list(sums.sort_values(ascending=False, kind="stable").index[:most])


def _axis(values: list[int], words: list[str]) -> dict[str, Any]:
    return {
        "tickvals": values,
        "ticktext": [word if word.startswith("<b>") else escape(word) for word in words],
        "showgrid": False,
        "zeroline": False,
        "ticks": "",
        "automargin": True,
        "fixedrange": True,
        "tickfont": {"size": 12},
    }


def _number(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 4)
