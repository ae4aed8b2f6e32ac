"""Table in, HTML out: a month of events."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from html import escape

import pandas as pd

from pages.shared.text import Text

SHOWN = 3  # types of one day; the rest is a number
MARKS = {  # branch of the tree of types -> its mark, by shape as well as by colour
    "weather": ("◆", "#2f87b8"),
    "utilities": ("■", "#cf5f2e"),
    "seasons": ("▲", "#4f8a3d"),
    "transport": ("▶", "#8a63b8"),
    "mass_events": ("★", "#b97700"),
    "holidays": ("●", "#c0497a"),
}
OTHER = ("○", "#7d8794")


def month_grid(table: pd.DataFrame, first: date, title: Callable[[str], str], text: Text, *, today: date) -> str:
    """A month, Monday first: on each day the types of events, those that begin in bold, with how many.

    `table`: as of `events.by_day.events_by_day`; `today`: the last day that is known.
    """
    last = (first.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
    by_day = {day.date(): rows.to_dict("records") for day, rows in table.groupby("day")}
    start = first - timedelta(days=first.weekday())
    weeks = []
    while start <= last:
        days = [start + timedelta(days=number) for number in range(7)]
        weeks.append(
            "<tr>" + "".join(_day(day, first, by_day.get(day, []), title, text, today) for day in days) + "</tr>"
        )
        start += timedelta(days=7)
    names = [text.day(date(2024, 1, number), "EEE") for number in range(1, 8)]  # a Monday and the days after it
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in names)
    caption = escape(text.day(first, "LLLL y"))
    return (
        f'<table class="month"><caption>{caption}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(weeks)}</tbody></table>"
    )


def mark(kind: str) -> tuple[str, str]:
    """The mark and the colour of a type."""
    return MARKS.get(kind.partition(".")[0], OTHER)


def _day(day: date, first: date, rows: list[dict], title: Callable[[str], str], text: Text, today: date) -> str:
    if day.month != first.month:
        return '<td class="other"></td>'
    lines = [_line(row, title) for row in rows[:SHOWN]]
    if len(rows) > SHOWN:
        lines.append(f'<li class="more">{escape(text("events.and_more", n=len(rows) - SHOWN))}</li>')
    known = " past" if day <= today else ""
    tip = escape(", ".join(f"{title(row['type'])} ({row['act']})" for row in rows))
    spoken = f'<time datetime="{day.isoformat()}">{day.day}</time>'
    return f'<td class="day{known}" title="{tip}">{spoken}<ul>{"".join(lines)}</ul></td>'


def _line(row: dict, title: Callable[[str], str]) -> str:
    sign, color = mark(row["type"])
    number = row["begin"] or row["act"]
    count = f" <small>×{number}</small>" if number > 1 else ""
    state = "begins" if row["begin"] else "goes-on"
    return (
        f'<li class="{state}"><i style="color:{color}" aria-hidden="true">{sign}</i>'
        f"<span>{escape(title(row['type']))}{count}</span></li>"
    )
