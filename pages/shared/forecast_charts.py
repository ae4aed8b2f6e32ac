"""Table in, Plotly figure out: a forecast with its ranges and marks, and the dots of one day."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from pages.shared.look import LEGEND, PALETTE, count_axis, day_axis, figure
from pages.shared.text import Text

BANDS = (("0.025", "0.975", 0.14), ("0.1", "0.9", 0.2), ("0.25", "0.75", 0.28))
BAND = "rgba(59,127,208,{})"
ZONE = "rgba(128,140,155,0.10)"
SMALL = 5  # complaints: up to here every whole number has its mark
COLUMNS = 14  # of dots, at most about


MARKS = {"event": ("diamond", "#a86a00", 0.975), "holiday": ("star", "#7d8794", 0.92)}  # shape, colour, height


def fan(
    actual: pd.DataFrame, ahead: pd.DataFrame, said: pd.DataFrame, marks: pd.DataFrame, text: Text, *, bands: bool
) -> go.Figure:
    """Daily counts, then the forecast with its 50, 80 and 95 % ranges; crosses are what earlier forecasts said.

    `marks`: what analytics.marks tells of the days; they stand along the upper edge.
    """
    days = [*actual["day"], *ahead["day"]]
    data = _bands(ahead, text) if bands else []
    data += [
        _marks(
            actual, "complaints", text("fan.actual"), "lines+markers", {"color": PALETTE["closed"], "width": 2}, text
        ),
        _said(said, text),
        _marks(ahead, "mean", text("fan.expected"), "lines", {"color": PALETTE["received"], "width": 3}, text),
        *(_stands(marks[marks["kind"] == kind], kind, text) for kind in MARKS if (marks["kind"] == kind).any()),
    ]
    last = actual["day"].max()
    highest = max(float(actual["complaints"].max(skipna=True) or 0), float(ahead["0.975" if bands else "mean"].max()))
    return figure(
        data,
        text,
        height=360,
        hovermode="x",
        showlegend=True,
        legend={**LEGEND, "entrywidth": 80, "font": {"size": 11}},  # two columns on a phone
        xaxis=day_axis([day.date() for day in days], text),
        yaxis=_whole(text("chart.per_day"), highest),
        yaxis2={"overlaying": "y", "range": [0, 1], "visible": False, "fixedrange": True},
        margin={"l": 8, "r": 22, "t": 30, "b": 24},
        shapes=[
            {
                "type": "rect",
                "xref": "x",
                "yref": "paper",
                "x0": (last + pd.Timedelta(hours=12)).isoformat(),
                "x1": days[-1].date().isoformat(),
                "y0": 0,
                "y1": 1,
                "fillcolor": ZONE,
                "line": {"width": 0},
                "layer": "below",
            }
        ],
    )


def dots(counts: Sequence[float], threshold: float, text: Text) -> go.Figure:
    """One dot for each equally likely count; those that reach the threshold are filled diamonds."""
    values = np.sort(np.asarray(counts, dtype=float))
    width = max(1.0, np.ceil((values[-1] - values[0] + 1) / COLUMNS))
    stacked: Counter[float] = Counter()
    x, y = [], []
    for value in values:
        column = np.floor(value / width) * width + (width - 1) / 2
        stacked[column] += 1
        x.append(column)
        y.append(stacked[column] - 0.5)
    reached = [value >= threshold for value in values]
    data = {
        "type": "scatter",
        "mode": "markers",
        "x": x,
        "y": y,
        "marker": {
            "size": 15,
            "symbol": ["diamond" if one else "circle-open" for one in reached],
            "color": [PALETTE["rising" if one else "received"] for one in reached],
            "line": {"width": 2},
        },
        "hovertext": [text.number(value) for value in values],
        "hovertemplate": "%{hovertext}<extra></extra>",
    }
    return figure(
        [data],
        text,
        height=230,
        hovermode="closest",
        xaxis={**_whole(text("chart.per_day"), float(np.ptp(values))), "rangemode": "normal"},
        yaxis={"visible": False, "range": [0, max(stacked.values()) + 1], "fixedrange": True},
        margin={"l": 16, "r": 16, "t": 8, "b": 24},
        shapes=[
            {
                "type": "line",
                "yref": "paper",
                "x0": threshold - 0.5,
                "x1": threshold - 0.5,
                "y0": 0,
                "y1": 1,
                "line": {"color": PALETTE["rising"], "width": 2, "dash": "dash"},
            }
        ],
    )


def mark_words(mark: dict[str, Any], text: Text) -> str:
    """A mark in words: its title, how strong it is and in how many regions."""
    words = str(mark[f"title_{text.language}"])
    if not np.isnan(mark["strength"]):
        words += f", {text.number(mark['strength'], 1)} {mark['unit']}".rstrip()
    return words + (f" ({text('fan.regions', n=int(mark['places']))})" if mark["places"] else "")


def _stands(marks: pd.DataFrame, kind: str, text: Text) -> dict[str, Any]:
    """Marks of a kind on their first days; those of one day are told together."""
    shape, color, height = MARKS[kind]
    told: dict[Any, list[str]] = {}
    for mark in marks.to_dict("records"):
        told.setdefault(mark["first_day"], []).append(mark_words(mark, text))
    return {
        "type": "scatter",
        "mode": "markers",
        "name": text.of("fan", kind),
        "x": [day.isoformat() for day in told],
        "y": [height] * len(told),
        "yaxis": "y2",
        "marker": {"symbol": shape, "size": 9, "color": color},
        "hovertext": ["<br>".join([f"<b>{text.day(day, 'weekday')}</b>", *map(escape, told[day])]) for day in told],
        "hovertemplate": "%{hovertext}<extra></extra>",
    }


def _said(said: pd.DataFrame, text: Text) -> dict[str, Any]:
    """Crosses: what was expected of a day, and when that was said."""
    trace = _marks(said, "mean", text("fan.said"), "markers", {"color": PALETTE["not_loaded"]}, text)
    trace["hovertext"] = [
        text("fan.told", day=text.day(row["day"].date(), "weekday"), value=row["mean"], lead=int(row["lead"]))
        for row in said.to_dict("records")
    ]
    return trace


def _whole(title: str, most: float) -> dict[str, Any]:
    """An axis of counts; small ones are marked at whole numbers only."""
    axis = count_axis(title)
    return {**axis, "dtick": 1} if most <= SMALL else axis


def _bands(ahead: pd.DataFrame, text: Text) -> list[dict[str, Any]]:
    """Three shades, the widest first."""
    found = []
    table = ahead.assign(**{"0.25": (ahead["0.2"] + ahead["0.3"]) / 2, "0.75": (ahead["0.7"] + ahead["0.8"]) / 2})
    x = [day.date().isoformat() for day in table["day"]]
    for low, high, shade in BANDS:
        found.append(
            {
                "type": "scatter",
                "mode": "lines",
                "x": [*x, *x[::-1]],
                "y": [*table[high].tolist(), *table[low].tolist()[::-1]],
                "fill": "toself",
                "fillcolor": BAND.format(shade),
                "line": {"width": 0},
                "name": text("fan.ranges"),
                "showlegend": low == BANDS[1][0],  # one word for all three
                "hoverinfo": "skip",
            }
        )
    return found


def _marks(table: pd.DataFrame, of: str, name: str, mode: str, style: dict[str, Any], text: Text) -> dict[str, Any]:
    mark = {"size": 6, "symbol": "x-thin-open"} if mode == "markers" else {"size": 5}
    return {
        "type": "scatter",
        "mode": mode,
        "name": name,
        "x": [day.date().isoformat() for day in table["day"]],
        "y": [None if np.isnan(value) else float(value) for value in table[of]],
        "line": style,
        "marker": {**mark, "color": style["color"]},
        "hovertext": [
            f"{text.day(day.date(), 'weekday')}<br>{name}: <b>{text.number(value) if pd.notna(value) else '—'}</b>"
            for day, value in zip(table["day"], table[of], strict=True)
        ],
        "hovertemplate": "%{hovertext}<extra></extra>",
    }
