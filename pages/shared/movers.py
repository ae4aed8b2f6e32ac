"""Table in, Plotly figure out: what rose and what fell, how much, and how sure that is."""

from __future__ import annotations

import math
from html import escape
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from pages.shared.look import GRID, PALETTE, figure, shortened
from pages.shared.text import Text

SHAPES = {"rising": "triangle-up", "falling": "triangle-down"}
SIGNS = {"rising": "▲", "falling": "▼"}
ROW = 46  # pixels for each line
SURE = 0.95  # from this probability on a mark is filled
WIDEST = 8.0  # ratios beyond eightfold are drawn at the edge


def movers(table: pd.DataFrame, text: Text, *, by: str) -> go.Figure:
    """What rose and what fell: a mark at the ratio to the usual, with its 80 % interval, the name above it.

    `table`: what `analytics.overview.movers` answers. Triangles point up for rising and down for falling; they are
    filled where the change is almost certain.
    """
    rows = table.assign(place=range(len(table)))
    data = []
    for direction in ("rising", "falling"):
        part = rows[rows["direction"] == direction]
        if len(part):
            data.append(_intervals(part, text, by, direction))
    annotations: list[dict[str, Any]] = []
    for row in rows.to_dict("records"):
        annotations += _mover_words(row, text, by)
    ticks = [0.25, 0.5, 1.0, 2.0, 4.0]
    return figure(
        data,
        text,
        height=ROW * max(len(rows), 1) + 30,
        hovermode="closest",
        annotations=annotations,
        shapes=[_upright(1.0)],
        margin={"l": 0, "r": 0, "t": 2, "b": 4},
        xaxis={
            "type": "log",
            "domain": [0.5, 1],
            "range": [-0.95, 0.95],
            "tickvals": ticks,
            "ticktext": [text("chart.usual") if tick == 1 else text.change(tick) for tick in ticks],
            "tickfont": {"size": 11},
            "tickangle": 0,
            "gridcolor": GRID,
            "zeroline": False,
            "fixedrange": True,
        },
        yaxis={"range": [len(rows) - 0.4, -0.62], "visible": False, "fixedrange": True},
    )


def mover_name(row: dict[str, Any], text: Text, by: str) -> str:
    """The reader's name of a row of `movers`."""
    return text.name(by, row[by])


def certainty(probability: float) -> str:
    """How sure a change is, as a key of the family `certainty`."""
    limits = ((0.99, "almost_certain"), (SURE, "very_likely"), (0.8, "likely"))
    return next((name for limit, name in limits if probability >= limit), "unsure")


def _intervals(part: pd.DataFrame, text: Text, by: str, direction: str) -> dict[str, Any]:
    middle = [_drawn(ratio) for ratio in part["ratio"]]
    low = [min(_drawn(value), at) for value, at in zip(part["low"], middle)]
    high = [max(_drawn(value), at) for value, at in zip(part["high"], middle)]
    filled = [SHAPES[direction] if p >= SURE else SHAPES[direction] + "-open" for p in part["probability"]]
    return {
        "type": "scatter",
        "mode": "markers",
        "x": middle,
        "y": part["place"].tolist(),
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": [above - at for above, at in zip(high, middle)],
            "arrayminus": [at - below for below, at in zip(low, middle)],
            "color": PALETTE[direction],
            "thickness": 2,
            "width": 0,
        },
        "marker": {
            "color": PALETTE[direction],
            "symbol": filled,
            "size": 12,
            "line": {"width": 2, "color": PALETTE[direction]},
        },
        "hovertext": [_mover_hover(row, text, by) for row in part.to_dict("records")],
        "hovertemplate": "%{hovertext}<extra></extra>",
        "cliponaxis": False,
    }


def _mover_words(row: dict[str, Any], text: Text, by: str) -> list[dict[str, Any]]:
    """The name and the change above the mark, the counts and the certainty to its left."""
    place, color = row["place"], PALETTE[row["direction"]]
    name = escape(shortened(mover_name(row, text, by), 36))
    sign = SIGNS[row["direction"]]
    change = text("chart.new") if row["ratio"] == float("inf") else text.change(row["ratio"])
    counts = text("chart.now_usual", now=row["now"], usual=row["usual"])
    sure = text.of("certainty", certainty(row["probability"]))
    common = {"xref": "paper", "yref": "y", "y": place, "showarrow": False}
    return [
        {**common, "x": 0, "xanchor": "left", "yshift": 11, "text": f"<b>{name}</b>", "font": {"size": 13}},
        {
            **common,
            "x": 1,
            "xanchor": "right",
            "yshift": 11,
            "text": f"<b>{sign} {change}</b>",
            "font": {"size": 13, "color": color},
        },
        {**common, "x": 0, "xanchor": "left", "yshift": -7, "text": f"{counts} · {sure}", "font": {"size": 11}},
    ]


def _mover_hover(row: dict[str, Any], text: Text, by: str) -> str:
    above = {"topic": "topic_group", "municipality": "region"}.get(by)
    lines = [f"<b>{escape(mover_name(row, text, by))}</b>"]
    if above and row.get(above):
        lines.append(escape(text.name(above, row[above])))
    lines.append(text("chart.now_usual", now=row["now"], usual=row["usual"]))
    if row["ratio"] != float("inf"):
        lines.append(text("chart.interval", low=text.change(row["low"]), high=text.change(row["high"])))
    lines.append(text.of("certainty", certainty(row["probability"])))
    return "<br>".join(lines)


def _drawn(ratio: float) -> float:
    return 1.0 if math.isnan(ratio) else min(max(ratio, 1 / WIDEST), WIDEST)


def _upright(x: float) -> dict[str, Any]:
    line = {"color": "rgba(128,140,155,0.7)", "width": 1}
    return {
        "type": "line",
        "xref": "x",
        "yref": "paper",
        "x0": x,
        "x1": x,
        "y0": 0,
        "y1": 1,
        "line": line,
        "layer": "below",
    }
