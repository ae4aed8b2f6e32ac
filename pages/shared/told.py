"""Row in, words out: what the pointer shows of a place, a day or an hour."""

from __future__ import annotations

import math
from datetime import timedelta
from html import escape
from typing import Any

import pandas as pd

from pages.shared.grids import MONDAY
from pages.shared.scales import Scale
from pages.shared.text import Text

COMPARED = ("complaints", "per_1000", "against_usual", "against_last_year", "overdue_share")


def with_told(table: pd.DataFrame, shade: Scale, text: Text, names: tuple[str, ...]) -> pd.DataFrame:
    """With `told`: what the pointer shows of each row."""
    return table.assign(told=[_place(row, shade, text, names) for row in table.to_dict("records")])


def _place(row: dict[str, Any], shade: Scale, text: Text, names: tuple[str, ...]) -> str:
    lines = [f"<b>{escape(text.name(name, row[name]))}</b>" for name in names]
    if shade.measure == "forecast":
        return "<br>".join([*lines, text("heatmap.about", value=shade.words(row["value"], text))])
    lines.append(text("heatmap.complaints", n=int(row["complaints"])))
    for measure in COMPARED[1:]:
        value = row.get(measure)
        if value is not None and not math.isnan(value):
            words = Scale(measure, 0, 1, shade.per if measure == shade.measure else 100_000).words(value, text)
            lines.append(
                text.of("heat_told", measure, value=words, per=shade.per if measure == shade.measure else 100_000)
            )
    return "<br>".join(lines)


def day(row: dict[str, Any], text: Text) -> str:
    lines = [f"<b>{text.day(row['day'].date(), 'weekday')}</b>", text("heatmap.complaints", n=int(row["complaints"]))]
    if not math.isnan(row["against_usual"]):
        lines.append(text("heat_told.against_usual", value=text.change(row["against_usual"])))
    return "<br>".join(lines)


def hour(row: dict[str, Any], text: Text) -> str:
    weekday = text.day(MONDAY + timedelta(days=row["weekday"]), "cccc")
    complaints = text("heatmap.complaints", n=row["complaints"])
    return f"<b>{weekday}, {row['hour']}:00–{row['hour']}:59</b><br>{complaints}"
