"""Small drawings of the accuracy page, SVG written by hand: no package, and a change only where figures change."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

WIDE, HIGH, LEFT, TOP, BELOW = 760, 240, 46, 26, 26
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7")  # told apart by the colour-blind (Okabe and Ito)
MARKS = ("circle", "square", "diamond", "cross")
INK = "#444"


def fan(
    file: Path, title: str, days: pd.DatetimeIndex, past: np.ndarray, ahead: np.ndarray, actual: np.ndarray
) -> None:
    """A forecast beside what happened: `days` of past and horizon; `ahead`: days × [mean, 13 quantiles]."""
    top = float(np.nanmax([np.nanmax(past), ahead[:, -1].max(), np.nanmax(actual)])) * 1.05 + 0.5

    def across(number: float) -> float:
        return LEFT + number * (WIDE - LEFT - 10) / (len(days) - 1)

    def up(value: float) -> float:
        return HIGH - BELOW - value * (HIGH - BELOW - TOP) / top

    first = len(past)
    xs = [across(first + number) for number in range(len(ahead))]
    parts = [_band(xs, ahead[:, low], ahead[:, high], up, shade) for low, high, shade in ((1, 13, 0.15), (3, 11, 0.3))]
    parts.append(_line(xs, ahead[:, 7], up, COLOURS[0], "5 3"))
    seen = np.concatenate([past, actual])
    parts.append(_line([across(number) for number in range(len(seen))], seen, up, INK, ""))
    parts += [_dot(x, up(value)) for x, value in zip(xs, actual, strict=True) if not np.isnan(value)]
    origin = f"{across(first - 0.5):.1f}"
    ends = f'x1="{origin}" x2="{origin}" y1="{TOP}" y2="{HIGH - BELOW}"'
    parts.append(f'<line {ends} stroke="{INK}" stroke-dasharray="2 3"/>')
    parts += _ticks_up(up, top)
    for number in range(0, len(days), 14):
        parts.append(
            _text(across(number), HIGH - 8, f"{days[number]:%d %b %Y}" if number == 0 else f"{days[number]:%d %b}")
        )
    _write(file, title, WIDE, HIGH, parts)


def calibration(file: Path, title: str, curves: dict[str, tuple[Sequence[float], Sequence[float]]]) -> None:
    """What was promised against what was seen, for up to four methods; on the diagonal is right."""
    size = 420

    def across(value: float) -> float:
        return LEFT + value * (size - LEFT - 14)

    def up(value: float) -> float:
        return size - 34 - value * (size - 34 - TOP)

    parts = [
        f'<line x1="{across(0)}" y1="{up(0)}" x2="{across(1)}" y2="{up(1)}" stroke="{INK}" stroke-dasharray="3 3"/>'
    ]
    for number, (name, (promised, seen)) in enumerate(curves.items()):
        colour = COLOURS[number]
        xs = [across(value) for value in promised]
        parts.append(_line(xs, np.array(seen), up, colour, ""))
        parts += [_mark(MARKS[number], x, up(value), colour) for x, value in zip(xs, seen, strict=True)]
        parts.append(_mark(MARKS[number], LEFT + 18, TOP + 16 + 18 * number, colour))
        parts.append(_text(LEFT + 30, TOP + 20 + 18 * number, name, "start"))
    for value in (0, 0.2, 0.4, 0.6, 0.8, 1):
        parts += [
            _text(across(value), size - 18, f"{value:.0%}"),
            _text(LEFT - 6, up(value) + 4, f"{value:.0%}", "end"),
        ]
    parts.append(_text((size + LEFT) / 2, size - 3, "said: so many days at or below; up: so many were"))
    _write(file, title, size, size, parts)


def _line(xs: list[float], values: np.ndarray, up, colour: str, dash: str) -> str:
    points = " ".join(f"{x:.1f},{up(value):.1f}" for x, value in zip(xs, values, strict=True) if not np.isnan(value))
    return f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.4" stroke-dasharray="{dash}"/>'


def _band(xs: list[float], low: np.ndarray, high: np.ndarray, up, shade: float) -> str:
    there = [f"{x:.1f},{up(value):.1f}" for x, value in zip(xs, high, strict=True)]
    back = [f"{x:.1f},{up(value):.1f}" for x, value in zip(xs[::-1], low[::-1], strict=True)]
    return f'<polygon points="{" ".join(there + back)}" fill="{COLOURS[0]}" fill-opacity="{shade}"/>'


def _dot(x: float, y: float) -> str:
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.6" fill="{COLOURS[1]}"/>'


def _mark(kind: str, x: float, y: float, colour: str) -> str:
    if kind == "circle":
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.6" fill="{colour}"/>'
    if kind == "cross":
        return f'<path d="M{x - 3.5:.1f} {y - 3.5:.1f}l7 7m-7 0l7 -7" stroke="{colour}" stroke-width="2"/>'
    turn = f' transform="rotate(45 {x:.1f} {y:.1f})"' if kind == "diamond" else ""
    return f'<rect x="{x - 3:.1f}" y="{y - 3:.1f}" width="6" height="6" fill="{colour}"{turn}/>'


def _ticks_up(up, top: float) -> list[str]:
    step = 10 ** np.floor(np.log10(top / 2))
    step = max(step * (2 if top / step > 8 else 1) * (2.5 if top / step > 20 else 1), 1)
    return [_text(LEFT - 6, up(value) + 4, f"{value:,.0f}", "end") for value in np.arange(0, top, step)]


def _text(x: float, y: float, words: str, anchor: str = "middle") -> str:
    words = words.replace("&", "&amp;").replace("<", "&lt;")
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{INK}">{words}</text>'


def _write(file: Path, title: str, wide: int, high: int, parts: list[str]) -> None:
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {high}" width="{wide}" height="{high}" '
        'font-family="sans-serif" font-size="11" role="img">'
        f'<rect width="100%" height="100%" fill="#fff"/>{_text(LEFT, 16, title, "start")}'
    )
    file.write_text(head + "\n".join(parts) + "</svg>\n", encoding="utf-8")
