"""The look that all charts share: the palette, the frame of a figure, its axes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

import plotly.graph_objects as go

from pages.shared.text import Text

# Safe for the colour-blind, and at least 3:1 against the light and the dark background, so one palette serves both.
PALETTE = {
    "received": "#3b7fd0",
    "closed": "#cf5f2e",
    "rising": "#cf5f2e",
    "falling": "#2f87b8",
    "loaded": "#6f93b8",
    "partly": "#a88a55",
    "looks_unloaded": "#b97700",
    "not_loaded": "#82858a",
}
# Between the marks of shares and changes.
STEPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.25, 0.5, 1, 2, 2.5, 5, 10, 25, 50, 1e9)
FIFTHS = (0, 0.2, 0.4, 0.6, 0.8, 1)  # marks of shares of a whole
CLEAR = "rgba(0,0,0,0)"
GRID = "rgba(128,140,155,0.22)"
LEGEND = {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "itemclick": False}
CONFIG = {"displaylogo": False, "displayModeBar": False, "responsive": True, "scrollZoom": False, "doubleClick": False}


def figure(data: list[dict[str, Any]], text: Text, *, height: int, **layout: Any) -> go.Figure:
    """A figure on a clear ground, so that it sits in the light and in the dark theme."""
    return go.Figure(
        {
            "data": data,
            "layout": {
                "height": height,
                "showlegend": False,
                "paper_bgcolor": CLEAR,
                "plot_bgcolor": CLEAR,
                "separators": text.separators,
                "dragmode": False,
                "legend": LEGEND,
                **layout,
            },
        }
    )


def day_axis(days: Sequence[date], text: Text) -> dict[str, Any]:
    """An axis of days with at most five labels in the reader's language (Plotly itself knows English months only)."""
    step = max(1, -(-len(days) // 5))
    shown = list(days[::-1][::step])[::-1]
    years = len(days) > 1 and (days[-1] - days[0]).days > 300
    return {
        "type": "date",
        "tickvals": [day.isoformat() for day in shown],
        "ticktext": [text.day(day, "LLL y" if years else "d MMM") for day in shown],
        "tickangle": 0,
        "ticklabeloverflow": "allow",
        "showgrid": False,
        "zeroline": False,
        "fixedrange": True,
    }


def count_axis(title: str) -> dict[str, Any]:
    """An axis of counts from zero, with whole numbers."""
    return {
        "title": {"text": title, "font": {"size": 12}, "standoff": 14},
        "rangemode": "tozero",
        "tickformat": ",d",
        "nticks": 6,
        "gridcolor": GRID,
        "zeroline": False,
        "automargin": True,
        "fixedrange": True,
    }


def percent_axis(marks: Sequence[float], text: Text, *, title: str = "") -> dict[str, Any]:
    """An axis of shares with per cents at `marks`, written as the language does (Plotly itself knows English only)."""
    return {**count_axis(title), "rangemode": "normal", **percent_marks(marks, text)}


def percent_marks(marks: Sequence[float], text: Text) -> dict[str, Any]:
    """The marks of an axis or a legend of shares."""
    return {"tickvals": list(marks), "ticktext": [text.percent(mark) for mark in marks]}


def round_marks(least: float, most: float, *, spaces: int = 6) -> list[float]:
    """Round numbers from `least` to `most`, with 0 where it lies between, and at most so many spaces between them."""
    step = next(one for one in STEPS if (most - least) / one <= spaces)
    first, last = math.ceil(round(least / step, 6)), math.floor(round(most / step, 6))
    return [round(step * number, 2) for number in range(first, last + 1)]


def shortened(name: str, most: int) -> str:
    """A name cut to `most` characters, with an ellipsis where something was cut."""
    return name if len(name) <= most else name[: most - 1].rstrip(" ,.–-") + "…"


def steps(colors: Iterable[str]) -> list[list[Any]]:
    """A colour scale of hard steps, one for each whole number from 0."""
    colors = list(colors)
    return [[edge / len(colors), color] for i, color in enumerate(colors) for edge in (i, i + 1)]
