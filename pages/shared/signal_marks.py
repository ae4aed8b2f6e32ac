"""Table in, HTML out: the picture on a signal's card, lighter than a chart."""

from __future__ import annotations

from html import escape
from typing import Any
from urllib.parse import quote

import numpy as np
import pandas as pd

from pages.shared.look import GRID, PALETTE
from pages.shared.text import Text

SIZE = (420, 84)  # the coordinates of the picture
ZONE = "rgba(128,140,155,0.13)"  # of the days ahead
BAND = "rgba(207,95,46,0.28)"


def course(days: pd.DataFrame, signal: dict[str, Any], text: Text) -> str:
    """Six weeks as bars, four weeks ahead as a line with its 80 % band, the threshold as a dotted line.

    `days`: what `analytics.signal_days.courses` answers, of one series; days not loaded are grey. A picture in an
    address, for Streamlit lets no SVG elements through; the words stand around it, in the colour of the page.
    """
    days = days.sort_values("day")
    top = max(float(days[name].max(skipna=True)) for name in ("complaints", "mean", "0.9"))
    top = max(top, float(signal["threshold"])) * 1.06 or 1.0
    past = int(days["mean"].isna().sum())
    picture = _picture(days, top, past, signal)
    first, origin, last = (text.day(days["day"].iloc[at].date(), "d MMM") for at in (0, past - 1, -1))
    alt = text(
        "signals.course_alt",
        name=text.day(signal["peak_day"].date()),
        threshold=int(signal["threshold"]),
        expected=float(signal["expected"]),
        most=0 if days["complaints"].isna().all() else int(days["complaints"].max()),
    )
    left = 100 * past / len(days)
    return (
        f'<figure class="course"><img src="data:image/svg+xml,{quote(picture)}" alt="{escape(alt)}">'
        f'<span class="least" style="top:{5.2 * (1 - signal["threshold"] / top):.2f}rem">'
        f"{escape(text('signals.least', threshold=int(signal['threshold'])))}</span>"
        f'<figcaption><span>{escape(first)}</span><span style="left:{left:.0f}%">{escape(origin)}</span>'
        f"<span>{escape(last)}</span></figcaption></figure>"
    )


def _picture(days: pd.DataFrame, top: float, past: int, signal: dict[str, Any]) -> str:
    width, height = SIZE
    step = width / len(days)

    def down(value: float) -> float:
        return height - value / top * height

    bars = "".join(
        f'<rect x="{step * at + 0.6:.1f}" y="{down(count):.1f}" width="{step - 1.2:.1f}" '
        f'height="{height - down(count):.1f}" fill="{PALETTE["received"]}" opacity="0.65"/>'
        for at, count in enumerate(days["complaints"].iloc[:past])
        if count > 0
    )
    bars += "".join(  # not loaded: no bar would say that the day was quiet
        f'<rect x="{step * at:.1f}" y="0" width="{step:.1f}" height="{height}" fill="{PALETTE["not_loaded"]}" '
        'opacity="0.25"/>'
        for at in np.flatnonzero(days["complaints"].iloc[:past].isna())
    )
    ahead = days.iloc[past:]
    at = [step * (past + number + 0.5) for number in range(len(ahead))]
    upper = [f"{x:.1f},{down(value):.1f}" for x, value in zip(at, ahead["0.9"], strict=True)]
    lower = [f"{x:.1f},{down(value):.1f}" for x, value in zip(at, ahead["0.1"], strict=True)]
    line = " ".join(f"{x:.1f},{down(value):.1f}" for x, value in zip(at, ahead["mean"], strict=True))
    inside = ahead["day"].between(signal["first_day"], signal["last_day"]).to_numpy()
    marked = "".join(
        f'<rect x="{x - step / 2:.1f}" y="0" width="{step:.1f}" height="{height}" fill="{PALETTE["rising"]}" '
        'opacity="0.16"/>'
        for x, within in zip(at, inside, strict=True)
        if within
    )
    least = down(float(signal["threshold"]))
    stroke = 'fill="none" stroke-linejoin="round" vector-effect="non-scaling-stroke"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" preserveAspectRatio="none">'
        f'<rect x="{step * past:.1f}" width="{step * len(ahead):.1f}" height="{height}" fill="{ZONE}"/>{marked}{bars}'
        f'<polygon points="{" ".join(upper + lower[::-1])}" fill="{BAND}"/>'
        f'<polyline points="{line}" stroke="{PALETTE["rising"]}" stroke-width="2" {stroke}/>'
        f'<line x1="0" x2="{width}" y1="{least:.1f}" y2="{least:.1f}" stroke="{PALETTE["not_loaded"]}" '
        f'stroke-dasharray="4 3" stroke-width="1.5" {stroke}/>'
        f'<line x1="0" x2="{width}" y1="{height - 0.5}" y2="{height - 0.5}" stroke="{GRID}" {stroke}/></svg>'
    )
