"""Table in, Plotly figure out: the charts of counts over days."""

from __future__ import annotations

import math
from datetime import date, timedelta
from html import escape
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from pages.shared.look import PALETTE, count_axis, day_axis, figure, shortened, steps
from pages.shared.scales import ink
from pages.shared.text import Text

STATES = ("not_loaded", "looks_unloaded", "partly", "loaded")  # from the worst to the best
MARKS = {"not_loaded": "–", "looks_unloaded": "!", "partly": "!", "loaded": ""}
MOST_BARS = 190  # more days than that are drawn as weeks


def received_and_closed(table: pd.DataFrame, text: Text, *, first_day: date, last_day: date) -> go.Figure:
    """Bars of what was received, the reader's period standing out, and lines of what was received and closed.

    `table`: day, received, closed, received_average, closed_average, one row for each day. Lines are the averages of
    7 days; more than half a year is drawn in whole weeks instead.
    """
    marks, weekly = _weeks_if_many(table)
    days = [day.date() for day in pd.to_datetime(marks["day"])]
    x = [day.isoformat() for day in days]
    names = [text.period(day, day + timedelta(days=6)) if weekly else text.day(day, "weekday") for day in days]
    chosen = [first_day <= day <= last_day for day in days]
    bars = {
        "type": "bar",
        "name": text("chart.received"),
        "x": x,
        "y": marks["received"].tolist(),
        "marker": {"color": PALETTE["received"], "opacity": [0.75 if inside else 0.35 for inside in chosen]},
        "hovertext": [
            f"{name}<br>{text('chart.received')}: <b>{text.number(received)}</b>"
            f"<br>{text('chart.closed')}: <b>{text.number(closed)}</b>"
            for name, received, closed in zip(names, marks["received"], marks["closed"], strict=True)
        ],
        "hovertemplate": "%{hovertext}<extra></extra>",
    }
    lines = [_line(marks, of, x, text, smooth=not weekly) for of in (("closed",) if weekly else ("received", "closed"))]
    return figure(
        [bars, *lines],
        text,
        height=300,
        bargap=0.2,
        hovermode="x",
        showlegend=True,
        xaxis=day_axis(days, text),
        yaxis=count_axis(text("chart.per_week" if weekly else "chart.per_day")),
        margin={"l": 8, "r": 22, "t": 30, "b": 24},
    )


def completeness(table: pd.DataFrame, text: Text, *, by: str) -> go.Figure:
    """Which days are loaded: one line for each source (or `by` = region), one cell for each day.

    `table`: source, region, day, complaints, usual, state. A cell of several regions is `partly` loaded when only
    some of them look unloaded or are missing.
    """
    cells = _cells(table, by)
    days = sorted(set(cells["day"]))
    bad = cells.groupby("line")["bad"].sum()
    lines = sorted(bad.index, key=lambda line: (-bad[line], _line_name(line, text, by)))
    known = {(row["line"], row["day"]): row for row in cells.to_dict("records")}
    found = [[known.get((line, day)) for day in days] for line in lines]
    dates = [day.date() for day in days]
    names = [_line_name(line, text, by) for line in lines]
    data = [
        {
            "type": "heatmap",
            "x": [day.isoformat() for day in dates],
            "y": list(range(len(lines))),
            "z": [[STATES.index(cell["state"]) if cell else None for cell in line] for line in found],
            "zmin": -0.5,
            "zmax": 3.5,
            "colorscale": steps([PALETTE[state] for state in STATES]),
            "showscale": False,
            "xgap": 1 if by == "region" else 2,
            "ygap": 2,
            "hovertext": [
                [_cell_words(name, day, cell, text) for day, cell in zip(dates, line, strict=True)]
                for name, line in zip(names, found, strict=True)
            ],
            "hovertemplate": "%{hovertext}<extra></extra>",
        },
        _marks(found, dates),
    ]
    many = len(lines) > 1 or by == "region"
    return figure(
        data,
        text,
        height=(22 if many else 34) * len(lines) + 36,
        hovermode="closest",
        margin={"l": 8, "r": 22, "t": 26 if many else 0, "b": 6 if many else 32},
        xaxis={
            **day_axis(dates, text),
            "range": [(day + timedelta(hours=hours)).isoformat() for day, hours in ((days[0], -12), (days[-1], 12))],
            "showgrid": False,
            "side": "top" if many else "bottom",
        },
        yaxis={
            "tickvals": list(range(len(lines))),
            "ticktext": [escape(shortened(name, 26)) for name in names],
            "visible": many,
            "showgrid": False,
            "zeroline": False,
            "range": [len(lines) - 0.5, -0.5],  # no room for marks beyond the cells
            "ticks": "",
            "automargin": True,
            "fixedrange": True,
            "tickfont": {"size": 12},
        },
    )


def _line(marks: pd.DataFrame, of: str, x: list[str], text: Text, *, smooth: bool) -> dict[str, Any]:
    values = marks[f"{of}_average" if smooth else of]
    return {
        "type": "scatter",
        "mode": "lines",
        "name": text(f"chart.{of}_average" if smooth else f"chart.{of}"),
        "x": x,
        "y": values.round(1).tolist(),
        "line": {"color": PALETTE[of], "width": 2.5, "dash": "solid" if of == "received" else "dash"},
        "hoverinfo": "skip",
    }


def _weeks_if_many(table: pd.DataFrame) -> tuple[pd.DataFrame, bool]:
    """The table by day, or by weeks that end with its last day when the days are too many; a part of a week is cut."""
    if len(table) <= MOST_BARS:
        return table, False
    whole = table.iloc[len(table) % 7 :]
    week = pd.RangeIndex(len(whole)) // 7
    sums = whole[["received", "closed"]].groupby(week).sum()
    return sums.assign(day=whole["day"].iloc[::7].to_numpy()), True


def _cells(table: pd.DataFrame, by: str) -> pd.DataFrame:
    """One row for each line and day: complaints, usual (nan where not all is known), state, bad of places."""
    rank = table["state"].map({state: rank for rank, state in enumerate(STATES)})
    told = table.assign(
        line=table[by].fillna(""),
        day=pd.to_datetime(table["day"]),
        rank=rank,
        bad=rank < STATES.index("loaded"),
        untold=table["usual"].isna(),
    )
    cells = (
        told.groupby(["line", "day"], sort=True)
        .agg(
            complaints=("complaints", "sum"),
            usual=("usual", "sum"),
            untold=("untold", "any"),
            rank=("rank", "min"),
            bad=("bad", "sum"),
            places=("bad", "size"),
        )
        .reset_index()
    )
    worst = np.array(STATES)[cells["rank"]]
    some = (cells["bad"] > 0) & (cells["bad"] < cells["places"])
    return cells.assign(usual=cells["usual"].mask(cells["untold"]), state=np.where(some, "partly", worst))


def _marks(found: list[list[dict[str, Any] | None]], days: list[date]) -> dict[str, Any]:
    """The marks of the cells that have one. As the cells' own text, even empty texts would be laid out one by one."""
    marked = [
        (row, day, MARKS[cell["state"]])
        for row, line in enumerate(found)
        for day, cell in zip(days, line, strict=True)
        if cell and MARKS[cell["state"]]
    ]
    return {
        "type": "scatter",
        "mode": "text",
        "x": [day.isoformat() for _, day, _ in marked],
        "y": [row for row, _, _ in marked],
        "text": [f"<b>{mark}</b>" for _, _, mark in marked],
        "textfont": {"color": ink(PALETTE["looks_unloaded"]), "size": 12},
        "hoverinfo": "skip",
    }


def _line_name(line: str, text: Text, by: str) -> str:
    return text.name("region", line) if by == "region" else line or text("name.unknown")


def _cell_words(name: str, day: date, cell: dict[str, Any] | None, text: Text) -> str:
    head = f"<b>{text.day(day, 'weekday')}</b><br>{escape(name)}"
    if cell is None:
        return head
    state = text.of("state", cell["state"])
    if cell["places"] > 1 and cell["bad"]:
        state = text("chart.places_bad", bad=int(cell["bad"]), places=int(cell["places"]))
    known = not math.isnan(cell["usual"])
    counts = text("chart.now_usual", now=cell["complaints"], usual=cell["usual"]) if known else cell["complaints"]
    return f"{head}<br>{state}<br>{text.written(counts)}"
