"""Table in, Plotly figure out: tiles, outlines and points. No map server, no WebGL: everything is drawn from here."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import lru_cache
from html import escape
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from analytics.geometry import Geometry
from pages.shared.look import CLEAR, figure, shortened
from pages.shared.scales import Scale, ink
from pages.shared.text import Text

TILE = 46  # pixels of height
LETTERS, COMPACT_LETTERS, FEWEST_LETTERS = 130, 80, 5  # of a line of tiles; the longest name sets the size of all
GAP = 0.07  # of a tile
COARSE = 780  # parts of the map's longer side: outlines are drawn with corners this far apart, enough for a screen
REACH = 64  # parts of it: between the points inside a place that take the pointer
MARGIN = 120  # parts of it: around the map
EDGE = "rgba(16,22,29,0.55)"
HIDDEN = {"showgrid": False, "zeroline": False, "visible": False, "fixedrange": True}


class Drawn(NamedTuple):
    """Outlines ready to be drawn, in kilometres.

    `layers`: code and corners (None between and after the parts) of each place, those inside others in the second;
    `spots`: code and points inside, by which the pointer finds a place; `corners`: the lowest and the highest.
    """

    layers: tuple[list[tuple[str, list[float | None], list[float | None]]], ...]
    spots: list[tuple[str, float, float]]
    corners: tuple[tuple[float, ...], tuple[float, ...]]


def tiles(table: pd.DataFrame, scale: Scale, text: Text, *, places: str, compact: bool = False) -> go.Figure:
    """A square for each place, coloured by its value and named on it.

    `table`: `places` (region or municipality), row, column, value, told (what the pointer shows).
    """
    rows, columns = int(table["row"].max()) + 1, int(table["column"].max()) + 1
    colors = [scale.color(value) for value in table["value"]]
    most = max((COMPACT_LETTERS if compact else LETTERS) // columns, FEWEST_LETTERS)
    named = [_named(name, text, places, most) for name in table[places]]
    bars = {
        "type": "bar",
        "x": table["column"].tolist(),
        "y": [1 - GAP] * len(table),
        "base": [row + GAP / 2 for row in table["row"]],
        "width": 1 - GAP,
        "marker": {"color": colors, "line": {"width": 0}, "cornerradius": 4},
        "text": [
            f"<b>{escape(name)}</b><br>{scale.words(value, text)}"
            for name, value in zip(named, table["value"], strict=True)
        ],
        "textposition": "inside",
        "insidetextanchor": "middle",
        "textangle": 0,
        "constraintext": "both",
        "textfont": {"color": [ink(color) for color in colors], "size": 13},
        "customdata": [[name] for name in table[places]],
        "hovertext": table["told"].tolist(),
        "hovertemplate": "%{hovertext}<extra></extra>",
        **_always_whole(),
    }
    height = (TILE if not compact else 34) * rows
    return figure(
        [bars, *([] if compact else [_legend(scale, text)])],
        text,
        height=height + (8 if compact else 56),
        hovermode="closest",
        bargap=0,
        uniformtext={"mode": "show", "minsize": 6},  # one size for all
        margin={"l": 0, "r": 0, "t": 0, "b": 4 if compact else 50},
        xaxis={**HIDDEN, "range": [-0.5, columns - 0.5]},
        yaxis={**HIDDEN, "range": [rows, 0]},
    )


def outlines(table: pd.DataFrame, drawn: Drawn, scale: Scale, text: Text, *, enters: str = "region") -> go.Figure:
    """The places as they lie, in a projection of true areas, coloured by their value.

    `table`: code (id of the outlines), value, told, `enters` (what a click chooses). Places that are not in the table
    are drawn in outline.
    """
    known = {row["code"]: row for row in table.to_dict("records")}
    traces: list[dict[str, Any]] = [
        {
            "type": "scatter",
            "mode": "lines",
            "x": x,
            "y": y,
            "fill": "toself",
            "fillcolor": color,
            "line": {"color": EDGE if color != CLEAR else "rgba(128,140,155,0.5)", "width": 0.7},
            "hoverinfo": "skip",
        }
        for color, x, y in _of_one_color(drawn, {code: row["value"] for code, row in known.items()}, scale)
    ]
    inside = [(x, y, known[code]) for code, x, y in drawn.spots if code in known]
    traces.append(
        {
            "type": "scatter",
            "mode": "markers",
            "x": [round(x, 1) for x, _, _ in inside],
            "y": [round(y, 1) for _, y, _ in inside],
            "marker": {"opacity": 0, "size": 14},
            "customdata": [[row[enters]] for _, _, row in inside],
            "hovertext": [row["told"] for _, _, row in inside],
            "hovertemplate": "%{hovertext}<extra></extra>",
            "selected": {"marker": {"opacity": 0}},
            "unselected": {"marker": {"opacity": 0}},
        }
    )
    low, high = drawn.corners
    edge = max(high[0] - low[0], high[1] - low[1]) / MARGIN
    return figure(
        [*traces, _legend(scale, text)],
        text,
        height=520,
        hovermode="closest",
        hoverdistance=40,
        margin={"l": 0, "r": 0, "t": 0, "b": 50},
        xaxis={**HIDDEN, "range": [low[0] - edge, high[0] + edge]},
        yaxis={**HIDDEN, "range": [low[1] - edge, high[1] + edge], "scaleanchor": "x", "scaleratio": 1},
    )


def density(table: pd.DataFrame, text: Text, *, step: tuple[float, float]) -> go.Figure:
    """Where the complaints of the period lie: squares of a coarse grid, darker for more, on a logarithmic scale."""
    most = math.log10(max(float(table["complaints"].max()), 10.0))
    scale = Scale("complaints", 0.0, 1.0)
    marks = [
        10**power * factor for power in range(int(most) + 1) for factor in (1, 3) if 10**power * factor <= 10**most
    ]
    middle = math.cos(math.radians(float(table["latitude"].mean())))
    across, down = (
        np.round(table[name] / size - 0.5).astype(int)
        for name, size in zip(("longitude", "latitude"), step, strict=True)
    )
    grid = np.full((int(np.ptp(down)) + 1, int(np.ptp(across)) + 1), np.nan)
    grid[down - down.min(), across - across.min()] = table["complaints"]
    told = [["" if math.isnan(n) else text("heatmap.points_cell", n=int(n)) for n in line] for line in grid]
    heat = {
        "type": "heatmap",
        "z": [[None if math.isnan(n) else round(math.log10(n), 2) for n in line] for line in grid],
        "x0": float(table["longitude"].min()),
        "dx": step[0],
        "y0": float(table["latitude"].min()),
        "dy": step[1],
        "zmin": 0,
        "zmax": most,
        "colorscale": scale.stops[1:] and [[at / 4, color] for at, color in enumerate(scale.colors[1:])],
        "hovertext": told,
        "hovertemplate": "%{hovertext}<extra></extra>",
        "hoverongaps": False,
        "colorbar": {
            **scale.bar(text),
            "tickvals": [math.log10(mark) for mark in marks],
            "ticktext": [text.number(mark) for mark in marks],
        },
    }
    return figure(
        [heat],
        text,
        height=600,
        hovermode="closest",
        margin={"l": 0, "r": 0, "t": 0, "b": 50},
        xaxis={**HIDDEN},
        yaxis={**HIDDEN, "scaleanchor": "x", "scaleratio": 1 / max(middle, 0.1)},
    )


def _named(name: str, text: Text, places: str, most: int) -> str:
    return text.abbreviation(name) if places == "region" else shortened(text.short_place(name), most)


def _legend(scale: Scale, text: Text) -> dict[str, Any]:
    """A trace without a point, that carries the colour bar."""
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [None],
        "y": [None],
        "hoverinfo": "skip",
        "marker": {
            "color": [0.0],
            "cmin": 0,
            "cmax": 1,
            "colorscale": scale.stops,
            "showscale": True,
            "colorbar": scale.bar(text),
        },
    }


def _always_whole() -> dict[str, Any]:
    """A click chooses; it must not fade the others."""
    return {"selected": {"marker": {"opacity": 1}}, "unselected": {"marker": {"opacity": 1}}}


@lru_cache(maxsize=4)
def drawn(geometry: Geometry) -> Drawn:
    """Outlines made ready for a screen. Corners are moved to a coarse grid: neighbours stay without gaps."""
    low, high, span = _extent(geometry)
    step = span / COARSE
    found = []
    for code, rings in zip(geometry.ids, geometry.rings, strict=True):
        lines = [_coarse(ring, step) for ring in sorted(rings, key=len, reverse=True)]
        kept = [line for place, line in enumerate(lines) if len(line) > 3 or place == 0]
        corners = np.concatenate([np.vstack([line, [[np.nan, np.nan]]]) for line in kept])
        x, y = ([None if math.isnan(value) else round(value, 1) for value in corners[:, axis]] for axis in (0, 1))
        found.append((code, x, y))
    depth = _depths(geometry)
    layers = tuple([shape for shape, deep in zip(found, depth, strict=True) if deep == level] for level in (0, 1))
    return Drawn(layers, _reach(geometry), (tuple(low), tuple(high)))


def _depths(geometry: Geometry) -> list[int]:
    """For each place: 1 where it lies inside another one (a town in its district), else 0."""
    corners = [np.concatenate(rings) for rings in geometry.rings]
    low, high = (np.array([edge(points, axis=0) for points in corners]) for edge in (np.min, np.max))
    found = []
    for place, centre in enumerate(geometry.centres):
        around = np.flatnonzero((low <= low[place]).all(axis=1) & (high >= high[place]).all(axis=1))
        rings = [ring for other in around if other != place for ring in geometry.rings[other]]
        found.append(int(any(_inside(centre[None], ring)[0] for ring in rings)))
    return found


def _of_one_color(
    drawn: Drawn, values: dict[str, float], scale: Scale
) -> Iterator[tuple[str, list[float | None], list[float | None]]]:
    """Colour and corners of all places of a colour in one line: a line for each place would take a browser seconds.

    What lies inside another place comes last, so that it is seen.
    """
    for layer in drawn.layers:
        of_color: dict[str, tuple[list[float | None], list[float | None]]] = {}
        for code, x, y in layer:
            color = scale.step(values[code]) if code in values else CLEAR
            all_x, all_y = of_color.setdefault(color, ([], []))
            all_x += x
            all_y += y
        for color, (all_x, all_y) in of_color.items():
            yield color, all_x[:-1], all_y[:-1]


def _extent(geometry: Geometry) -> tuple[np.ndarray, np.ndarray, float]:
    """The lowest and the highest corner, and the longer side between them, in kilometres."""
    corners = np.concatenate([ring for rings in geometry.rings for ring in rings])
    low, high = corners.min(axis=0), corners.max(axis=0)
    return low, high, float(max(high - low))


def _coarse(ring: np.ndarray, step: float) -> np.ndarray:
    moved = np.round(ring / step) * step
    changed = np.any(np.diff(moved, axis=0) != 0, axis=1)
    return np.asarray(np.concatenate([moved[:1], moved[1:][changed]]))


def _reach(geometry: Geometry) -> list[tuple[str, float, float]]:
    """Points inside the places, so that the pointer finds the one it is in: their centres and a lattice."""
    found = []
    span = _extent(geometry)[2]
    for code, rings, centre in zip(geometry.ids, geometry.rings, geometry.centres, strict=True):
        found.append((code, float(centre[0]), float(centre[1])))
        for ring in rings:
            low, high = ring.min(axis=0), ring.max(axis=0)
            x, y = np.meshgrid(*(np.arange(low[axis] + span / 240, high[axis], span / REACH) for axis in (0, 1)))
            spots = np.column_stack([x.ravel(), y.ravel()])
            found += [(code, float(a), float(b)) for a, b in spots[_inside(spots, _coarse(ring, span / COARSE))]]
    return found


def _inside(spots: np.ndarray, ring: np.ndarray) -> np.ndarray:
    """Which spots lie inside a ring: an odd number of its edges lies to the right of them."""
    inside = np.zeros(len(spots), dtype=bool)
    for (x1, y1), (x2, y2) in _edges(ring):
        crosses = (y1 > spots[:, 1]) != (y2 > spots[:, 1])
        if crosses.any():
            inside ^= crosses & (spots[:, 0] < (x2 - x1) * (spots[:, 1] - y1) / ((y2 - y1) or 1e-12) + x1)
    return inside


def _edges(ring: np.ndarray) -> Sequence[tuple[np.ndarray, np.ndarray]]:
    return list(zip(ring[:-1], ring[1:], strict=True))
