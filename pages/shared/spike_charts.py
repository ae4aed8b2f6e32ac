"""Table in, Plotly figure out: signals by day, and how often they came true."""

from __future__ import annotations

from typing import Any

import pandas as pd
import plotly.graph_objects as go

from pages.shared.look import GRID, PALETTE, day_axis, figure
from pages.shared.text import Text

MOST_PLACES = 20
SCALE = [[0.0, "rgba(207,95,46,0.15)"], [1.0, "#cf5f2e"]]


def by_day(signals: pd.DataFrame, origin: pd.Timestamp, text: Text) -> go.Figure:
    """Places × days ahead: the probability of the likeliest spike; the most pressing place on top."""
    regions = list(dict.fromkeys(signals["region"]))[:MOST_PLACES]
    days = pd.date_range(origin + pd.Timedelta(days=1), max(signals["last_day"]))
    values = pd.DataFrame(index=regions, columns=days, dtype=float)
    for signal in signals[signals["region"].isin(regions)].itertuples(index=False):
        inside = values.loc[signal.region, signal.first_day : signal.last_day]
        values.loc[signal.region, signal.first_day : signal.last_day] = inside.fillna(0).clip(lower=signal.probability)
    heat = {
        "type": "heatmap",
        "x": [day.date().isoformat() for day in days],
        "y": [text("signals.everywhere") if region == "*" else text.name("region", region) for region in regions],
        "z": values.to_numpy(),
        "zmin": 0,
        "zmax": 1,
        "xgap": 1,
        "ygap": 1,
        "colorscale": SCALE,
        "hovertemplate": "%{y}<br>%{x}: %{z:.0%}<extra></extra>",
        "colorbar": {"tickformat": ".0%", "thickness": 10, "len": 0.7},
    }
    return figure(
        [heat],
        text,
        height=90 + 24 * len(regions),
        xaxis=day_axis([day.date() for day in days], text),
        yaxis={"autorange": "reversed", "automargin": True, "gridcolor": GRID},
        margin={"l": 8, "r": 8, "t": 8, "b": 24},
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
        "text": [text("signals.of_so_many", n=int(number)) for number in table["signals"]],
        "hovertemplate": "%{x:.0%} → %{y:.0%}<br>%{text}<extra></extra>",
    }
    axis = {"range": [0, 1.02], "tickformat": ".0%", "gridcolor": GRID, "zeroline": False}
    return figure(
        [line, dots],
        text,
        height=280,
        xaxis={**axis, "title": {"text": text("signals.said")}},
        yaxis={**axis, "title": {"text": text("signals.came")}},
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
    )
