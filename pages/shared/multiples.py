"""Table in, HTML out: a card for each place or topic, its year over the year before."""

from __future__ import annotations

import math
from html import escape
from typing import Any
from urllib.parse import quote

import pandas as pd

from pages.shared.fragments import SIGNS, SURE, certainty
from pages.shared.look import GRID, PALETTE
from pages.shared.text import Text

SPARK = (180, 44)  # the coordinates of a curve


def small_multiples(table: pd.DataFrame, text: Text, *, by: str) -> str:
    """A card for each row of `analytics.trends.changed`: name, change, how sure, its year over the year before.

    Every curve begins at zero and has a scale of its own: shapes are compared, not heights.
    """
    return f'<ul class="multiples">{"".join(_card(row, text, by) for row in table.to_dict("records"))}</ul>'


def _card(row: dict[str, Any], text: Text, by: str) -> str:
    direction, sure = row["direction"], row["probability"] >= SURE
    sign, color = SIGNS[direction, sure], PALETTE[direction]
    new = math.isinf(row["ratio"])
    change = text("chart.new") if new else text.change(row["ratio"])
    words = text.of("certainty", certainty(row["probability"]))
    counts = text("multiples.counts", now=int(row["now"]), before=int(row["before"]))
    interval = "" if new else text("chart.interval", low=text.change(row["low"]), high=text.change(row["high"]))
    return (
        f'<li><b class="name">{escape(text.name(by, row[by]))}</b>'
        f'<b class="change"><i style="color:{color}">{sign}</i> {escape(change)}</b>'
        f"{_curve(row['weekly'], row['weekly_before'], text, color)}"
        f'<span class="facts">{escape(f"{counts} · {words}")}<br>{escape(interval)}</span></li>'
    )


def _curve(weekly: Any, before: Any, text: Text, color: str) -> str:
    """Its year as a line, the year before as a dotted one; a picture in an address, for SVG elements get lost."""
    width, height = SPARK
    highest = max([value for value in (*weekly, *before) if not math.isnan(value)], default=0.0) or 1.0

    def points(values: Any) -> str:
        return " ".join(
            f"{3 + (width - 6) * week / (len(values) - 1):.1f},{height - 3 - value / highest * (height - 6):.1f}"
            for week, value in enumerate(values)
            if not math.isnan(value)
        )

    stroke = 'fill="none" stroke-linejoin="round" vector-effect="non-scaling-stroke"'
    picture = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" preserveAspectRatio="none">'
        f'<line x1="0" x2="{width}" y1="{height - 3}" y2="{height - 3}" stroke="{GRID}"/>'
        f'<polyline points="{points(before)}" stroke="{PALETTE["not_loaded"]}" stroke-dasharray="3 3" {stroke}/>'
        f'<polyline points="{points(weekly)}" stroke="{color}" stroke-width="2" {stroke}/></svg>'
    )
    known = sum(not math.isnan(value) for value in weekly)
    return f'<img src="data:image/svg+xml,{quote(picture)}" alt="{escape(text("chart.weeks", n=known))}">'
