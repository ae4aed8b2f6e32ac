"""Colour scales of maps and grids: safe for the colour-blind, with words on them that can be read in both themes."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pages.shared.text import Text

SEQUENTIAL = ("#d9e7f3", "#a9cbe4", "#73a9d2", "#4084bd", "#215f9a", "#113a6b")
DIVERGING = ("#174f80", "#4a8cbd", "#a5c8de", "#ece8e1", "#eebb93", "#cf7638", "#8f3f10")
UNKNOWN = "#8e97a2"
WIDEST = 2.0  # ratios beyond twice, or below half, have the last colour
RATIOS = ("against_usual", "against_last_year")
SHARES = ("overdue_share",)
RATES = ("per_1000",)
COUNTS = ("complaints", "forecast")
STEPS = 48  # of a map's colours
WHOLE_FROM = 20  # complaints: a scale of expected ones that ends above it is marked by whole numbers


@dataclass(frozen=True)
class Scale:
    """From a value to a colour: `low` and `high` are the ends; ratios go both ways from 1."""

    measure: str
    low: float
    high: float
    per: int = 1000  # people, of a rate

    def place(self, value: float) -> float:
        """Where on the scale, 0 to 1; nan when the value is unknown. Counts are drawn by their root."""
        if math.isnan(value):
            return math.nan
        if self.measure in RATIOS:
            return min(max(0.5 + math.log(max(value, 1e-9)) / math.log(WIDEST) / 2, 0.0), 1.0)
        share = min(max((value - self.low) / ((self.high - self.low) or 1.0), 0.0), 1.0)
        return math.sqrt(share) if self.measure in COUNTS else share

    def color(self, value: float) -> str:
        """The colour of a value."""
        place = self.place(value)
        return UNKNOWN if math.isnan(place) else blended(self.colors, place)

    def step(self, value: float) -> str:
        """Nearly that colour, one of `STEPS`: what an eye cannot tell apart has the same."""
        place = self.place(value)
        return UNKNOWN if math.isnan(place) else blended(self.colors, round(place * STEPS) / STEPS)

    @property
    def colors(self) -> tuple[str, ...]:
        return DIVERGING if self.measure in RATIOS else SEQUENTIAL

    @property
    def stops(self) -> list[list[Any]]:
        """The scale as Plotly wants it."""
        return [[at / (len(self.colors) - 1), color] for at, color in enumerate(self.colors)]

    def words(self, value: float, text: Text) -> str:
        """A value as it is written on a tile."""
        if math.isnan(value):
            return "–"
        if self.measure in RATIOS:
            return text.change(value)
        if self.measure in SHARES:
            return text.percent(value)
        if self.measure in RATES:
            return text.number(value * self.per / 1000, 1 if value * self.per < 100_000 else 0)
        return text.number(value, 0 if value >= 10 or value == round(value) else 1)

    def bar(self, text: Text) -> dict[str, Any]:
        """The legend: a bar below the figure with five values."""
        if self.measure in RATIOS:
            values = [0.5, 0.75, 1.0, 1.35, 2.0]
        else:
            values = [self.low + (self.high - self.low) * part for part in (0.0, 0.1, 0.3, 0.6, 1.0)]
            if self.measure == "complaints" or self.high > WHOLE_FROM:
                values = [float(round(value)) for value in values] if self.measure in COUNTS else values
        named = {self.place(value): self.words(value, text) for value in values}
        return {
            "orientation": "h",
            "x": 0.5,
            "y": 0,
            "yanchor": "top",
            "len": 0.6,
            "thickness": 9,
            "outlinewidth": 0,
            "tickvals": list(named),
            "ticktext": list(named.values()),
            "tickfont": {"size": 11},
            "ypad": 12,
        }


def scale(measure: str, values: Iterable[float], *, from_zero: bool = True) -> Scale:
    """The scale that fits these values; counts and shares begin at 0, unless even quiet ones lie far above it."""
    known = sorted(value for value in values if not math.isnan(value) and not math.isinf(value))
    if not known:
        return Scale(measure, 0.0, 1.0)
    low, high = known[0], known[-1]
    if measure in RATES:
        return Scale(measure, low, high, 1000 if high >= 1 else 100_000)
    return Scale(measure, 0.0 if from_zero or low == high else low, max(high, 0.01 if measure in SHARES else 1.0))


def blended(colors: tuple[str, ...], place: float) -> str:
    """The colour at a place from 0 to 1 between the colours."""
    at = place * (len(colors) - 1)
    first = min(int(at), len(colors) - 2)
    part = at - first
    low, high = _channels(colors[first]), _channels(colors[first + 1])
    return "#" + "".join(f"{round(a + (b - a) * part):02x}" for a, b in zip(low, high, strict=True))


def ink(color: str) -> str:
    """Black or white, whichever reads better on a colour."""
    light = luminance(color)
    return "#ffffff" if 1.05 / (light + 0.05) >= (light + 0.05) / 0.05 else "#000000"


def luminance(color: str) -> float:
    """Relative luminance (WCAG 2)."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (v / 255 for v in _channels(color))]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _channels(color: str) -> tuple[int, int, int]:
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)
