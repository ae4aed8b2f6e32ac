"""Table in, HTML out: small marks that stand in running text, lighter than a chart and readable aloud."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from typing import Any
from urllib.parse import quote

import pandas as pd

from pages.shared.look import PALETTE
from pages.shared.text import Text

SURE = 0.95  # from this probability on a mark is filled
SIGNS = {("rising", True): "▲", ("rising", False): "△", ("falling", True): "▼", ("falling", False): "▽"}
WIDEST = 8.0  # ratios beyond eightfold are drawn at the edge
BAND = "rgba(128,140,155,0.2)"
SPARK = (130, 34)  # the coordinates of a sparkline
ABOVE = {"topic": "topic_group", "municipality": "region"}  # what a name belongs to


def movers(table: pd.DataFrame, text: Text, *, by: str, compare: str = "usual") -> str:
    """A list of what rose and what fell: name, change, counts, how sure, and the 80 % interval drawn on a line.

    `table`: what `analytics.overview.movers` answers. Marks point up for rising and down for falling; they are filled
    where the change is very likely real. `compare`: what the change is told against.
    """
    regions = {row.get("region") for row in table.to_dict("records")}
    rows = [_mover(row, text, by, compare, with_region=len(regions) > 1) for row in table.to_dict("records")]
    marks = {0.25: text.change(0.25), 1.0: text(f"chart.{compare}"), 4.0: text.change(4.0)}
    scale = "".join(f'<span style="left:{_place(at):.1f}%">{escape(words)}</span>' for at, words in marks.items())
    return f'<div class="movers"><div class="scale">{scale}</div><ul>{"".join(rows)}</ul></div>'


def sparkline(weekly: Sequence[float], text: Text, *, band: tuple[float, float] | None, color: str) -> str:
    """A line of weekly values that ends in a dot, over the band in which the last one was expected.

    A picture in the address of an image: Streamlit lets no SVG elements through.
    """
    known = [value for value in weekly if not math.isnan(value)]
    if len(known) < 2:
        return '<span class="spark"></span>'
    width, height = SPARK
    ends = [*known, *(band or ())]
    low, high = min(ends), max(ends)

    def down(value: float) -> float:
        return height - 5 - (value - low) / ((high - low) or 1.0) * (height - 10)

    points = [(4 + (width - 8) * week / (len(weekly) - 1), value) for week, value in enumerate(weekly)]
    drawn = [f"{x:.1f},{down(value):.1f}" for x, value in points if not math.isnan(value)]
    stroke = 'fill="none" stroke-linejoin="round" stroke-linecap="round" vector-effect="non-scaling-stroke"'
    shade = ""
    if band:
        top, bottom = down(band[1]), down(band[0])
        shade = f'<rect width="{width}" y="{top:.1f}" height="{bottom - top:.1f}" fill="{BAND}"/>'
    picture = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" preserveAspectRatio="none">{shade}'
        f'<polyline points="{" ".join(drawn)}" stroke="{color}" stroke-width="2" {stroke}/>'
        f'<polyline points="{drawn[-1]} {drawn[-1]}" stroke="{color}" stroke-width="7" {stroke}/></svg>'
    )
    alt = escape(text("chart.weeks", n=len(known)))
    return f'<img class="spark" src="data:image/svg+xml,{quote(picture)}" alt="{alt}">'


def certainty(probability: float) -> str:
    """How sure a change is, as a key of the family `certainty`."""
    limits = ((0.99, "almost_certain"), (SURE, "very_likely"), (0.8, "likely"))
    return next((name for limit, name in limits if probability >= limit), "unsure")


def _mover(row: dict[str, Any], text: Text, by: str, compare: str, *, with_region: bool) -> str:
    direction, sure = row["direction"], row["probability"] >= SURE
    sign, color = SIGNS[direction, sure], PALETTE[direction]
    name = escape(text.name(by, row[by]))
    above = ABOVE.get(by)
    if above == "topic_group" or (above == "region" and with_region):
        name += f" <small>{escape(text.name(above, row[above]))}</small>"
    new = math.isinf(row["ratio"])
    change = text("chart.new") if new else text.change(row["ratio"])
    counts = text(f"chart.now_{compare}", now=row["now"], usual=row["usual"])
    facts = f"{counts} · {text.of('certainty', certainty(row['probability']))}"
    interval = "" if new else text("chart.interval", low=text.change(row["low"]), high=text.change(row["high"]))
    low, at, high = (_place(row[column]) for column in ("low", "ratio", "high"))
    low, high = min(low, at), max(high, at)
    return (
        f'<li class="{direction}" title="{escape(interval)}"><b class="name">{name}</b>'
        f'<span class="facts">{escape(facts)}</span>'
        f'<span class="line" aria-hidden="true"><i class="usual"></i>'
        f'<i class="interval" style="left:{low:.1f}%;width:{high - low:.1f}%;background:{color}"></i>'
        f'<i class="mark" style="left:{at:.1f}%;color:{color}">{sign}</i></span>'
        f'<b class="change"><i style="color:{color}">{sign}</i> {escape(change)}</b></li>'
    )


def _place(ratio: float) -> float:
    """Where a ratio stands on the line, in per cent of its width: the usual (1) in the middle, logarithmic."""
    if math.isnan(ratio):
        return 50.0
    clipped = min(max(ratio, 1 / WIDEST), WIDEST)
    return 50.0 + 50.0 * math.log(clipped) / math.log(WIDEST)
