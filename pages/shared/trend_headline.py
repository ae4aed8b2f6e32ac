"""What is changing, in plain words: a lasting change, the year before, the place that gets worse fastest."""

from __future__ import annotations

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from analytics.decompose import FEWEST_DAYS
from analytics.filters import Filters
from analytics.trends import Compared, Trend
from pages.shared.answers import Answers
from pages.shared.fragments import SURE, certainty
from pages.shared.text import Text, plain

RECENT = 728  # days: changes of level that are looked at
THIN = 1.0  # complaints a day: below this most changes are chance


def headline(answers: Answers, filters: Filters, text: Text) -> DeltaGenerator:
    """The biggest lasting change with its date, the year before, where it comes from, and how thin the data are.

    Answers the place of its last line, which takes long to know: `trends.moved_labels` fills it when all else is there.
    """
    found: Trend = answers.ask("trend", filters)
    lines = [*_level(found, text), *_whole(found, answers, filters, text)]
    lines += [*_worst_place(answers, filters, text), *_mover(answers, filters, text)]
    with st.container(gap=None):
        st.markdown("\n".join(f"- {line}" for line in lines))
        return st.empty()


def _level(found: Trend, text: Text) -> list[str]:
    if found.parts is None:
        return [text("trends.short", needed=FEWEST_DAYS, days=found.known_days)]
    table, changes = found.parts.parts, found.parts.changes
    recent = changes[changes["day"] > table["day"].max() - pd.Timedelta(days=RECENT)]
    lines = [text("trends.steady")]
    if len(recent):
        # the largest by its logarithm: a half less is as much as twice as many
        biggest = recent.loc[(1 + recent["change"]).clip(lower=1e-3).map(_size).idxmax()]
        trend = table.set_index("day")["trend"]
        day = biggest["day"]
        by = float(trend[day] - trend[day - pd.Timedelta(days=1)])
        change, sure = text.change(1 + biggest["change"]), text.of("certainty", certainty(biggest["probability"]))
        lines = [text("trends.biggest", change=change, day=day.date(), by=text.signed(by, 1), sure=sure)]
    if not found.parts.has_year:
        lines.append(text("trends.no_season"))
    if table["complaints"].mean() < THIN:
        lines.append(text("trends.thin"))
    return lines


def _size(ratio: float) -> float:
    return max(ratio, 1 / ratio)


def _whole(found: Trend, answers: Answers, filters: Filters, text: Text) -> list[str]:
    """The selection against what the reader compares with, and what that is; or that no year is there yet."""
    compared: Compared | None = answers.ask("changed", filters, "topic_group").attrs["compared"]
    table, left_out = answers.ask("whole", filters)
    wanting = [text("trends.no_year")] if found.parts is not None and filters.compare != "previous" else []
    if compared is None:
        return wanting
    lines = wanting if compared.against == "previous" else []
    if table.empty:
        return lines
    row = table.iloc[0]
    numbers = {"now": int(row["now"]), "before": round(row["usual"]), "change": text.change(row["ratio"])}
    sure = text.of("certainty", certainty(row["probability"]))
    without = " " + text("trends.left_out", n=left_out) if left_out else ""
    years = len(compared.bases) if compared.against == "usual" else None
    told = text.of("trends", compared.against, years, weeks=compared.weeks, last=compared.last, sure=sure, **numbers)
    return [*lines, told + without]


def _worst_place(answers: Answers, filters: Filters, text: Text) -> list[str]:
    """The place that rose most at the least: what it rose by even at the low end of its interval."""
    by = answers.places(filters)
    table = answers.ask("changed", filters, by)
    if len(table) < 2:
        return []
    rose = table[(table["direction"] == "rising") & (table["probability"] >= SURE) & table["low"].notna()]
    if rose.empty:
        return []
    row = rose.loc[rose["low"].astype(float).idxmax()]
    now, before = int(row["now"]), round(row["before"])
    name, sure = plain(text.name(by, row[by])), text.of("certainty", certainty(row["probability"]))
    change = text.change(row["ratio"])
    return [text(f"trends.worst_{by}", name=name, change=change, now=now, before=before, sure=sure)]


def _mover(answers: Answers, filters: Filters, text: Text) -> list[str]:
    """The topic group that makes most of the change."""
    table = answers.ask("changed", filters, "topic_group")
    sure = table[table["probability"] >= SURE]
    if sure.empty or len(table) < 2:
        return []
    row = sure.loc[(sure["now"] - sure["before"]).abs().astype(float).idxmax()]
    name, change = plain(text.name("topic_group", row["topic_group"])), text.change(row["ratio"])
    return [text("trends.mover", name=name, change=change, now=int(row["now"]), before=round(row["before"]))]
