"""Table in, Plotly figure out: forecasts with their ranges, and the dots of one day."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from pages.shared.look import PALETTE, count_axis, day_axis, figure
from pages.shared.text import Text

BANDS = (("0.025", "0.975", 0.14), ("0.1", "0.9", 0.2), ("0.25", "0.75", 0.28))
BAND = "rgba(59,127,208,{})"
ZONE = "rgba(128,140,155,0.10)"
COLUMNS = 14  # of dots, at most about


def fan(actual: pd.DataFrame, ahead: pd.DataFrame, said: pd.DataFrame, text: Text, *, bands: bool) -> go.Figure:
    """Daily counts, then the forecast with its 50, 80 and 95 % ranges; crosses are what earlier forecasts said."""
    days = [*actual["day"], *ahead["day"]]
    data = _bands(ahead, text) if bands else []
    data += [
        _marks(
            actual, "complaints", text("fan.actual"), "lines+markers", {"color": PALETTE["closed"], "width": 2}, text
        ),
        _marks(said, "mean", text("fan.said"), "markers", {"color": PALETTE["not_loaded"]}, text),
        _marks(ahead, "mean", text("fan.expected"), "lines", {"color": PALETTE["received"], "width": 3}, text),
    ]
    last = actual["day"].max()
    return figure(
        data,
        text,
        height=360,
        hovermode="x",
        showlegend=True,
        xaxis=day_axis([day.date() for day in days], text),
        yaxis=count_axis(text("chart.per_day")),
        margin={"l": 8, "r": 22, "t": 30, "b": 24},
        shapes=[
            {
                "type": "rect",
                "xref": "x",
                "yref": "paper",
                "x0": last.date().isoformat(),
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
        xaxis={**count_axis(text("chart.per_day")), "rangemode": "normal"},
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


def _bands(ahead: pd.DataFrame, text: Text) -> list[dict[str, Any]]:
    """Three shades, the widest first."""
    found = []
    table = ahead.assign(**{"0.25": (ahead["0.2"] + ahead["0.3"]) / 2, "0.75": (ahead["0.7"] + ahead["0.8"]) / 2})
    x = [day.date().isoformat() for day in table["day"]]
    for (low, high, shade), width in zip(BANDS, (0.95, 0.8, 0.5), strict=True):
        found.append(
            {
                "type": "scatter",
                "mode": "lines",
                "x": [*x, *x[::-1]],
                "y": [*table[high].tolist(), *table[low].tolist()[::-1]],
                "fill": "toself",
                "fillcolor": BAND.format(shade),
                "line": {"width": 0},
                "name": text.percent(width),
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
