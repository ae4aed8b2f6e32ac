"""Table in, Plotly figure out: what a forecast is made of, and how good it was by days ahead."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from pages.shared.look import CLEAR, PALETTE, figure, percent_axis, round_marks
from pages.shared.scales import Scale
from pages.shared.text import Text

FACTORS = ("weekday", "season", "holiday", "events", "weather")
FELT = 0.005  # a factor nearer to 1 is not written
PROMISED = 0.8  # share of days that the 80 % range is to hold
MOST = 1.0  # twice the error of the last same weekday: worse is drawn no longer
WIDE = 0.9  # of a day: a bar


def parts(table: pd.DataFrame, text: Text) -> go.Figure:
    """A forecast as a product: its level, a line for each factor, what comes of them; a column for each day.

    `table`: day, level, FACTORS, mean.
    """
    scale = Scale("against_usual", 0.0, 1.0)
    days = [day.date() for day in table["day"]]
    values = [[float(value) for value in table[name]] for name in FACTORS]
    lines = ["level", *FACTORS, "mean"]
    told = [
        [
            f"{text.day(day, 'weekday')}<br>{text.of('made', name)}: <b>{text.change(value)}</b>"
            for day, value in zip(days, line, strict=True)
        ]
        for name, line in zip(FACTORS, values, strict=True)
    ]
    heat = {
        "type": "heatmap",
        "x": list(range(len(days))),
        "y": list(range(1, len(FACTORS) + 1)),
        "z": [[round(scale.place(value), 4) for value in line] for line in values],
        "zmin": 0,
        "zmax": 1,
        "colorscale": scale.stops,
        "showscale": False,
        "xgap": 2,
        "ygap": 2,
        "text": [[_written(value, text) for value in line] for line in values],
        "texttemplate": "%{text}",
        "textfont": {"size": 10},
        "hovertext": told,
        "hovertemplate": "%{hovertext}<extra></extra>",
    }
    axis = {"showgrid": False, "zeroline": False, "ticks": "", "fixedrange": True, "automargin": True}
    return figure(
        [heat, _numbers(table["level"], 0, text), _numbers(table["mean"], len(FACTORS) + 1, text, bold=True)],
        text,
        height=30 * len(lines) + 60,
        hovermode="closest",
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        xaxis={
            **axis,
            "side": "top",
            "tickvals": list(range(len(days))),
            "ticktext": [f"{text.day(day, 'cccccc')}<br>{day.day}" for day in days],
            "tickfont": {"size": 11},
            "tickangle": 0,
            "range": [-0.5, len(days) - 0.5],
        },
        yaxis={
            **axis,
            "tickvals": list(range(len(lines))),
            "ticktext": [_sign(name) + text.of("made", name) for name in lines],
            "range": [len(lines) - 0.5, -0.5],
        },
    )


def track(table: pd.DataFrame, text: Text) -> go.Figure:
    """By days ahead: the share of days inside the 80 % range, where chance puts it; below how much less the error was.

    `table`: what `analytics.selected_forecast.record_by_day` answers.
    """
    leads = table["lead"].tolist()
    low, high = (table[name].tolist() for name in ("chance_low", "chance_high"))
    told = [
        text(
            "track.told",
            lead=lead,
            inside=text.percent(row["coverage_80"]),
            skill=text.change(1 + row["skill"]) if math.isfinite(row["skill"]) else "—",
            cases=int(row["forecasts"]),
        )
        for lead, row in zip(leads, table.to_dict("records"), strict=True)
    ]
    over = {"hovertext": told, "hovertemplate": "%{hovertext}<extra></extra>", "x": leads}
    band = {
        "type": "bar",
        "x": leads,
        "base": low,
        "y": [top - bottom for top, bottom in zip(high, low, strict=True)],
        "width": 1,
        "marker": {"color": "rgba(128,140,155,0.22)", "line": {"width": 0}},
        "name": text("track.chance"),
        "hoverinfo": "skip",
    }
    dots = {
        **over,
        "type": "scatter",
        "mode": "markers",
        "y": table["coverage_80"].tolist(),
        "marker": {"size": 8, "color": PALETTE["received"]},
        "name": text("track.coverage"),
    }
    bars = {
        **over,
        "type": "bar",
        "y": table["skill"].clip(lower=-MOST).tolist(),
        "yaxis": "y2",
        "width": WIDE,
        "marker": {"color": [PALETTE["received" if skill >= 0 else "rising"] for skill in table["skill"]]},
        "name": text("track.skill"),
        "showlegend": False,
    }
    lowest = max(min(0.45, *low, *table["coverage_80"]) - 0.05, -0.04)
    skills = [0.0, *table["skill"].clip(lower=-MOST).dropna()]
    return figure(
        [band, dots, bars],
        text,
        height=270,
        hovermode="x",
        showlegend=True,
        barmode="overlay",
        xaxis={
            "title": {"text": text("track.lead"), "font": {"size": 12}},
            "tickvals": [1, 7, 14, 21, 28],
            "showgrid": False,
            "zeroline": False,
            "fixedrange": True,
            "anchor": "y2",
        },
        yaxis={**percent_axis((0, 0.5, PROMISED, 1), text), "domain": (0.5, 1.0), "range": [lowest, 1.04]},
        yaxis2={**percent_axis(round_marks(min(skills), max(skills), spaces=4), text), "domain": (0.0, 0.36)},
        margin={"l": 8, "r": 8, "t": 30, "b": 8},
        annotations=[
            {
                "text": text("track.skill"),
                "xref": "paper",
                "yref": "paper",
                "x": 0,
                "y": 0.37,
                "xanchor": "left",
                "yanchor": "bottom",
                "showarrow": False,
                "font": {"size": 12},
                "bgcolor": CLEAR,
            }
        ],
        shapes=[
            {
                "type": "line",
                "xref": "paper",
                "x0": 0,
                "x1": 1,
                "y0": PROMISED,
                "y1": PROMISED,
                "line": {"color": PALETTE["not_loaded"], "width": 1.5, "dash": "dash"},
            }
        ],
    )


def _numbers(values: pd.Series, line: int, text: Text, *, bold: bool = False) -> dict[str, Any]:
    """A line of numbers without colour."""
    words = [text.number(value, 0 if value >= 10 else 1 if value >= 1 else 2) for value in values]
    return {
        "type": "scatter",
        "mode": "text",
        "x": list(range(len(words))),
        "y": [line] * len(words),
        "text": [f"<b>{word}</b>" if bold else word for word in words],
        "textfont": {"size": 11},
        "hoverinfo": "skip",
        "cliponaxis": False,
    }


def _sign(name: str) -> str:
    return "= " if name == "mean" else "" if name == "level" else "× "


def _written(value: float, text: Text) -> str:
    """A factor as a change without its per cent sign, which the line's title has; a tiny one is not written."""
    if math.isnan(value) or abs(value - 1) < FELT:
        return ""
    return text.change(value) if value >= 4 else text.signed(round(100 * (value - 1)))
