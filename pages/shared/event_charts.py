"""Table in, Plotly figure out: complaints with and without events, and what a type has been learned to do."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from pages.shared.look import GRID, PALETTE, count_axis, day_axis, figure, round_marks
from pages.shared.text import Text

WITH, WITHOUT = PALETTE["rising"], PALETTE["received"]
SHADES = {"with": "rgba(207,95,46,0.20)", "without": "rgba(59,127,208,0.18)"}
TIMES = 3.0  # a change of +300 %, from which on it is told as a multiple
LASTS = "rgba(128,140,155,0.16)"


def with_and_without(days: pd.DataFrame, events: pd.DataFrame, text: Text) -> go.Figure:
    """Complaints a day with the events (solid) and without (dashed), each over its 80 % range; the days of the events
    shaded, the count that is a spike dotted.

    `days`: as of `quick_rehearsal.Played.by_day`; `events`: starts_on, ends_on.
    """
    x = [day.date().isoformat() for day in days["day"]]
    data = [_range(days, side, x, text) for side in ("without", "with")]
    data += [
        _line(days, "without", x, text, {"color": WITHOUT, "width": 2, "dash": "dash"}),
        _line(days, "with", x, text, {"color": WITH, "width": 3}),
    ]
    threshold = days["threshold"]
    shapes = [_stretch(event.starts_on, event.ends_on) for event in events.itertuples(index=False)]
    if float(threshold.min()) <= 1.6 * float(days["with_high"].max()):
        data.append(
            {
                "type": "scatter",
                "mode": "lines",
                "name": text("rehearsal.threshold"),
                "x": x,
                "y": threshold.tolist(),
                "line": {"color": PALETTE["not_loaded"], "width": 1.5, "dash": "dot", "shape": "hvh"},
                "hoverinfo": "skip",
            }
        )
    return figure(
        data,
        text,
        height=360,
        hovermode="x",
        showlegend=True,
        xaxis=day_axis([day.date() for day in days["day"]], text),
        yaxis=count_axis(text("chart.per_day")),
        margin={"l": 8, "r": 22, "t": 30, "b": 24},
        shapes=shapes,
    )


def profile(table: pd.DataFrame, text: Text) -> go.Figure:
    """What a type does on each day of its window: the change of complaints with its 80 % interval, 0 % = as usual.

    `table`: offset, factor, 0.1, 0.9, lasts, of one type and topic (`effects.learned_effects`).
    """
    offset = table["offset"].tolist()
    low, high = ((table[name] - 1).tolist() for name in ("0.1", "0.9"))
    lasts = int(table["lasts"].iloc[0])
    data = [
        {
            "type": "scatter",
            "mode": "lines",
            "x": [*offset, *offset[::-1]],
            "y": [*high, *low[::-1]],
            "fill": "toself",
            "fillcolor": SHADES["with"],
            "line": {"width": 0},
            "name": text("effects.interval"),
            "hoverinfo": "skip",
        },
        {
            "type": "scatter",
            "mode": "lines+markers",
            "x": offset,
            "y": (table["factor"] - 1).tolist(),
            "line": {"color": WITH, "width": 3, "shape": "linear"},
            "marker": {"size": 5, "color": WITH},
            "name": text("effects.learned"),
            "hovertext": [_told(row, text) for row in table.to_dict("records")],
            "hovertemplate": "%{hovertext}<extra></extra>",
        },
    ]
    ticks = _ticks(offset)
    least, most = min(0.0, *low), max(0.1, *high)
    multiples = [ratio - 1 for ratio in round_marks(1, 1 + most) if ratio > 1]
    levels = [0.0, *multiples] if most >= TIMES else round_marks(least, most)
    return figure(
        data,
        text,
        height=320,
        hovermode="x",
        showlegend=True,
        xaxis={
            "tickvals": ticks,
            "ticktext": [offset_words(one, text) for one in ticks],
            "showgrid": False,
            "zeroline": False,
            "fixedrange": True,
            "tickangle": 0,
        },
        yaxis={
            "tickvals": levels,
            "ticktext": [_level(level, text, times=most >= TIMES) for level in levels],
            "gridcolor": GRID,
            "zeroline": True,
            "zerolinecolor": "rgba(128,140,155,0.9)",
            "zerolinewidth": 2,
            "automargin": True,
            "fixedrange": True,
            "range": [least - 0.06 * (most - least), most + 0.06 * (most - least)],
        },
        margin={"l": 8, "r": 22, "t": 30, "b": 24},
        shapes=[_block(-0.5, lasts - 0.5)],
    )


def offset_words(offset: int, text: Text) -> str:
    """A day counted from the first one: "first day", "day 8", "7 days before"."""
    if offset < 0:
        return text("effects.before", n=-offset)
    return text("effects.first_day") if offset == 0 else text("effects.day", number=offset + 1)


def _level(level: float, text: Text, *, times: bool) -> str:
    """A mark of the axis: a change, or how many times the usual where the changes are so great."""
    if abs(level) < 1e-9:
        return text("chart.usual")
    return f"×{text.number(1 + level, 1)}" if times else text.change(1 + level)


def _told(row: dict[str, Any], text: Text) -> str:
    change, low, high = (text.change(row[name]) for name in ("factor", "0.1", "0.9"))
    day = offset_words(int(row["offset"]), text)
    return f"<b>{day}</b><br>{text('effects.told', change=change, low=low, high=high)}"


def _range(days: pd.DataFrame, side: str, x: list[str], text: Text) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "x": [*x, *x[::-1]],
        "y": [*days[f"{side}_high"].tolist(), *days[f"{side}_low"].tolist()[::-1]],
        "fill": "toself",
        "fillcolor": SHADES[side],
        "line": {"width": 0},
        "name": text(f"rehearsal.range_{side}"),
        "showlegend": False,
        "hoverinfo": "skip",
    }


def _line(days: pd.DataFrame, side: str, x: list[str], text: Text, line: dict[str, Any]) -> dict[str, Any]:
    name = text(f"rehearsal.{side}")
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": x,
        "y": days[f"{side}_event"].tolist(),
        "line": line,
        "hovertext": [
            text(
                "rehearsal.told",
                day=text.day(row["day"].date(), "weekday"),
                name=name,
                value=_count(row[f"{side}_event"], text),
                low=_count(row[f"{side}_low"], text),
                high=_count(row[f"{side}_high"], text),
            )
            for row in days.to_dict("records")
        ],
        "hovertemplate": "%{hovertext}<extra></extra>",
    }


def _count(value: float, text: Text) -> str:
    return text.number(value, 0 if abs(value) >= 10 else 1)


def _stretch(first: pd.Timestamp, last: pd.Timestamp) -> dict[str, Any]:
    half = pd.Timedelta(hours=12)
    return _block((first - half).isoformat(), (last + half).isoformat())


def _block(first: Any, last: Any) -> dict[str, Any]:
    shape = {"type": "rect", "xref": "x", "yref": "paper", "x0": first, "x1": last, "y0": 0, "y1": 1}
    return {**shape, "fillcolor": LASTS, "line": {"width": 0}, "layer": "below"}


def _ticks(offset: list[int]) -> list[int]:
    """The first day and whole weeks from it, at most about six."""
    step = max(7, 7 * int(np.ceil((offset[-1] - offset[0]) / 42)))
    if offset[-1] - offset[0] < 14:
        step = 3
    return [one for one in range(-step * 20, offset[-1] + 1, step) if one >= offset[0]]
