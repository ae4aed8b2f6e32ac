"""Table in, Plotly figure out: signals by day, and how often they came true."""

from __future__ import annotations

from html import escape
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from pages.shared.look import FIFTHS, GRID, PALETTE, day_axis, figure, percent_marks, shortened
from pages.shared.text import Text

MOST_PLACES = 20
SCALE = [[0.0, "rgba(207,95,46,0.05)"], [0.25, "rgba(207,95,46,0.25)"], [1.0, "#b3441a"]]


def by_day(matrix: pd.DataFrame, text: Text) -> go.Figure:
    """Places × days ahead: the probability of the likeliest spike; the most pressing place on top."""
    matrix = matrix.head(MOST_PLACES)
    days = [day.date() for day in matrix.columns]
    names = [text("signals.everywhere") if region == "*" else text.name("region", region) for region in matrix.index]
    values = matrix.to_numpy(dtype=float)
    heat = {
        "type": "heatmap",
        "x": [day.isoformat() for day in days],
        "y": list(range(len(names))),
        "z": values.round(3),
        "zmin": 0,
        "zmax": 1,
        "xgap": 1,
        "ygap": 1,
        "colorscale": SCALE,
        "hovertext": [
            [f"<b>{escape(name)}</b><br>{text.day(day, 'weekday')}: {text.percent(value)}" for day, value in line]
            for name, line in zip(names, (zip(days, row, strict=True) for row in values), strict=True)
        ],
        "hovertemplate": "%{hovertext}<extra></extra>",
        "colorbar": {"thickness": 9, "orientation": "h", "y": 0, "yanchor": "top", "len": 0.6},
    }
    heat["colorbar"] |= {**percent_marks(FIFTHS, text), "outlinewidth": 0, "ypad": 26, "tickfont": {"size": 11}}
    return figure(
        [heat],
        text,
        height=110 + 24 * len(names),
        xaxis={**day_axis(days, text), "side": "top"},
        yaxis={
            "tickvals": list(range(len(names))),
            "ticktext": [escape(shortened(name, 24)) for name in names],
            "autorange": "reversed",
            "automargin": True,
            "fixedrange": True,
            "showgrid": False,
            "zeroline": False,
            "ticks": "",
        },
        margin={"l": 8, "r": 8, "t": 24, "b": 60},
    )


def reliability(table: pd.DataFrame, text: Text) -> go.Figure:
    """What was said against what came, each dot as large as it has signals; on the dotted line both are the same."""
    size = 8 + 26 * (table["signals"] / max(table["signals"].max(), 1)) ** 0.5
    line: dict[str, Any] = {"type": "scatter", "x": [0, 1], "y": [0, 1], "mode": "lines", "hoverinfo": "skip"}
    line["line"] = {"dash": "dot", "color": PALETTE["not_loaded"]}
    dots = {
        "type": "scatter",
        "x": table["said"],
        "y": table["came"],
        "mode": "markers",
        "marker": {"size": size, "color": PALETTE["received"]},
        "cliponaxis": False,
        "hovertext": [
            f"{text.percent(said)} → {text.percent(came)}<br>{text('signals.of_so_many', n=int(number))}"
            for said, came, number in zip(table["said"], table["came"], table["signals"], strict=True)
        ],
        "hovertemplate": "%{hovertext}<extra></extra>",
    }
    axis = {"range": [0, 1.02], **percent_marks(FIFTHS, text), "gridcolor": GRID, "zeroline": False, "fixedrange": True}
    return figure(
        [line, dots],
        text,
        height=280,
        xaxis={**axis, "title": {"text": text("signals.said")}},
        yaxis={**axis, "title": {"text": text("signals.came")}},
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
    )
