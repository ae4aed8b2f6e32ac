"""Table in, Plotly figure out: a series taken apart, two years side by side, what has arrived."""

from __future__ import annotations

import math
from datetime import date, timedelta
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from analytics.decompose import Decomposition
from pages.shared.fragments import SURE, certainty
from pages.shared.look import FIFTHS, GRID, PALETTE, count_axis, day_axis, figure, percent_axis, round_marks
from pages.shared.text import Text

MOST_DAYS = 190  # more days than that are drawn as weeks
ROWS = {"complaints": (0.42, 1.0), "season": (0.21, 0.36), "remainder": (0.0, 0.15)}  # of the height
LINES = {"not_loaded": 1.0, "received": 3.0, "falling": 1.5}  # complaints, trend, season: colour, width
LONG = 800  # days: longer axes are marked by years
MOST_MARKS = 5  # of an axis


def taken_apart(found: Decomposition, text: Text) -> go.Figure:
    """Complaints and their trend, the changes of level as marks; below them the season, then the rest.

    More than half a year is drawn by weeks (complaints a day, averaged), in which the weekday's rhythm is not seen.
    """
    parts = found.parts.assign(season=found.parts["weekly"] + found.parts["yearly"])
    weekly = len(parts) > MOST_DAYS
    table = _weeks(parts) if weekly else parts
    x = [day.date().isoformat() for day in table["day"]]
    words = [
        text.period(day.date(), day.date() + timedelta(days=6)) if weekly else text.day(day.date(), "weekday")
        for day in table["day"]
    ]

    def marks(of: str, axis: str, name: str, **style: Any) -> dict[str, Any]:
        values = [None if math.isnan(value) else round(value, 2) for value in table[of]]
        told = [
            f"{when}<br>{name}: <b>{'—' if value is None else text.number(value, 1)}</b>"
            for when, value in zip(words, values, strict=True)
        ]
        kind = {"type": "bar"} if "marker" in style else {"type": "scatter", "mode": "lines"}
        mark = {**kind, "x": x, "y": values, "yaxis": axis, "name": name, "hovertext": told}
        return {**mark, "hovertemplate": "%{hovertext}<extra></extra>", **style}

    fine, thick, season = ({"color": PALETTE[name], "width": width} for name, width in LINES.items())
    data = [
        marks("complaints", "y", text("parts.complaints"), line=fine),
        marks("trend", "y", text("parts.trend"), line=thick),
        marks("season", "y2", text("parts.season"), line=season, showlegend=False),
        marks("remainder", "y3", text("parts.remainder"), marker={"color": fine["color"]}, showlegend=False),
    ]
    data += _changes(found, text)
    days = [day.date() for day in table["day"]]
    axes: dict[str, Any] = {}
    for number, (row, domain) in enumerate(ROWS.items(), start=1):
        axis = count_axis(text("chart.per_day") if row == "complaints" else "")
        free = {} if row == "complaints" else {"rangemode": "normal", "nticks": 3}
        axes[f"yaxis{number if number > 1 else ''}"] = {**axis, **free, "domain": domain}
    titles = [
        {
            "text": text.of("parts", row),
            "xref": "paper",
            "yref": "paper",
            "x": 0,
            "y": ROWS[row][1],
            "xanchor": "left",
            "yanchor": "bottom",
            "showarrow": False,
            "font": {"size": 12},
        }
        for row in ("season", "remainder")
    ]
    return figure(
        data,
        text,
        height=460,
        hovermode="x",
        showlegend=True,
        bargap=0.1,
        xaxis={**_long_axis(days, text), "anchor": "y3"},
        margin={"l": 8, "r": 22, "t": 30, "b": 24},
        annotations=titles,
        shapes=[_upright(day, PALETTE["not_loaded"]) for day in found.changes["day"]],
        **axes,
    )


def two_years(weeks: pd.DataFrame, text: Text) -> go.Figure:
    """This year's weeks and those of the same weekdays a year before; below them the change as bars from zero."""
    days = [day.date() for day in weeks["week"]]
    x = [day.isoformat() for day in days]
    names = {"complaints": text("two_years.now"), "before": text("two_years.before")}
    told = [
        "<br>".join(
            [
                text.period(day, day + timedelta(days=6)),
                *(f"{names[of]}: <b>{_count(row[of], text)}</b>" for of in names),
                "" if math.isnan(row["ratio"]) else f"<b>{text.change(row['ratio'])}</b>",
            ]
        )
        for day, row in zip(days, weeks.to_dict("records"), strict=True)
    ]
    styles = {
        "before": {"color": PALETTE["not_loaded"], "width": 2, "dash": "dot"},
        "complaints": {"color": PALETTE["received"], "width": 3},
    }
    data: list[dict[str, Any]] = [
        {
            "type": "scatter",
            "mode": "lines+markers" if weeks[of].notna().sum() < 3 else "lines",
            "x": x,
            "y": [None if math.isnan(value) else value for value in weeks[of]],
            "name": names[of],
            "line": style,
            "hovertext": told,
            "hovertemplate": "%{hovertext}<extra></extra>" if of == "complaints" else None,
            "hoverinfo": None if of == "complaints" else "skip",
        }
        for of, style in styles.items()
    ]
    share = (weeks["ratio"] - 1).astype(float)
    data.append(
        {
            "type": "bar",
            "x": x,
            "y": [None if math.isnan(value) else round(value, 4) for value in share],
            "yaxis": "y2",
            "marker": {"color": [PALETTE["rising" if value > 0 else "falling"] for value in share]},
            "name": text("two_years.change"),
            "showlegend": False,
            "hoverinfo": "skip",
        }
    )
    return figure(
        data,
        text,
        height=340,
        hovermode="x",
        showlegend=True,
        bargap=0.2,
        xaxis={**_long_axis(days, text), "anchor": "y2"},
        yaxis={**count_axis(text("chart.per_week")), "domain": (0.4, 1.0)},
        yaxis2={
            **percent_axis(
                round_marks(min(0.0, share.min()), max(0.0, share.max()), spaces=4),
                text,
                title=text("two_years.change"),
            ),
            "zeroline": True,
            "zerolinecolor": GRID,
            "domain": (0.0, 0.3),
        },
        margin={"l": 8, "r": 22, "t": 30, "b": 24},
    )


def arrived(days: pd.DataFrame, text: Text) -> go.Figure:
    """The last days as full bars: what is known of them, and above it what is usually still to come."""
    dates = [day.date() for day in days["day"]]
    known = days["share"].astype(float)
    told = [
        text("arrival.told", day=text.day(day, "weekday"), share=text.percent(share), complaints=int(complaints))
        for day, share, complaints in zip(dates, known, days["complaints"], strict=True)
    ]
    common = {"type": "bar", "x": [day.isoformat() for day in dates], "hovertext": told}
    common |= {"hovertemplate": "%{hovertext}<extra></extra>"}
    data = [
        {**common, "y": known.tolist(), "name": text("arrival.known"), "marker": {"color": PALETTE["loaded"]}},
        {
            **common,
            "y": (1 - known).tolist(),
            "name": text("arrival.to_come"),
            "marker": {
                "color": "rgba(0,0,0,0)",
                "line": {"color": PALETTE["looks_unloaded"], "width": 1},
                "pattern": {"shape": "/", "fgcolor": PALETTE["looks_unloaded"], "size": 6},
            },
        },
    ]
    return figure(
        data,
        text,
        height=240,
        barmode="stack",
        bargap=0.15,
        hovermode="x",
        showlegend=True,
        xaxis=day_axis(dates, text),
        yaxis={**percent_axis(FIFTHS, text), "range": [0, 1]},
        margin={"l": 8, "r": 22, "t": 30, "b": 24},
    )


def _weeks(parts: pd.DataFrame) -> pd.DataFrame:
    """Averages of whole weeks that end with the last day, under their first day."""
    whole = parts.iloc[len(parts) % 7 :]
    week = pd.RangeIndex(len(whole)) // 7
    means = whole[["complaints", "trend", "season", "remainder"]].groupby(week).mean()
    return means.assign(day=whole["day"].iloc[::7].to_numpy())


def _changes(found: Decomposition, text: Text) -> list[dict[str, Any]]:
    """A mark on the trend for each change of level: up or down, filled where it is very likely one."""
    if found.changes.empty:
        return []
    trend = found.parts.set_index("day")["trend"]
    rows = found.changes.to_dict("records")
    late = trend.index[int(0.75 * len(trend))]  # a label right of it would be cut
    rising = [row["change"] > 0 for row in rows]
    sure = [row["probability"] >= SURE for row in rows]
    words = [text.change(1 + row["change"]) for row in rows]
    shapes = [
        ("triangle-up" if up else "triangle-down") + ("" if full else "-open")
        for up, full in zip(rising, sure, strict=True)
    ]
    return [
        {
            "type": "scatter",
            "mode": "markers+text",
            "name": text("parts.changes"),
            "x": [row["day"].date().isoformat() for row in rows],
            "y": [float(trend[row["day"]]) for row in rows],
            "text": words,
            "textposition": ["top left" if row["day"] > late else "top right" for row in rows],
            "textfont": {"size": 14, "color": [PALETTE["rising" if up else "falling"] for up in rising]},
            "marker": {
                "symbol": shapes,
                "size": 13,
                "color": [PALETTE["rising" if up else "falling"] for up in rising],
                "line": {"width": 2},
            },
            "hovertext": [
                f"{text.day(row['day'].date())}<br><b>{change}</b>, "
                f"{text.of('certainty', certainty(row['probability']))} ({text.chance(row['probability'])})"
                for row, change in zip(rows, words, strict=True)
            ],
            "hovertemplate": "%{hovertext}<extra></extra>",
        }
    ]


def _long_axis(days: list[date], text: Text) -> dict[str, Any]:
    """An axis of years: marked where a year, or a quarter of one, begins; few enough for a phone."""
    axis = day_axis(days, text)
    months = 12 if len(days) > 1 and (days[-1] - days[0]).days > LONG else 3
    first = date(days[0].year, 1, 1)
    starts = [date(first.year + at // 12, at % 12 + 1, 1) for at in range(0, 12 * 60, months)]
    inside = [day for day in starts if days[0] <= day <= days[-1]]
    if len(inside) < 2:
        return axis
    inside = inside[:: -(-len(inside) // MOST_MARKS)]
    words = [str(day.year) if months == 12 else text.day(day, "month") for day in inside]
    return {**axis, "tickvals": [day.isoformat() for day in inside], "ticktext": words}


def _upright(day: pd.Timestamp, color: str) -> dict[str, Any]:
    at = day.date().isoformat()
    line = {"color": color, "width": 1, "dash": "dash"}
    return {"type": "line", "yref": "paper", "x0": at, "x1": at, "y0": 0, "y1": 1, "line": line, "layer": "below"}


def _count(value: float, text: Text) -> str:
    return "—" if math.isnan(value) else text.number(value)
