"""The parts of the Trends page: headline, series taken apart, two years, what moved, new and gone, names, arrival."""

from __future__ import annotations

from typing import Any

import pandas as pd
import plotly.graph_objects as go
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from analytics.arrival import Arrival
from analytics.changes import SURE_ENOUGH
from analytics.decompose import Decomposition
from analytics.filters import Filters
from analytics.trends import Compared, Trend
from pages.shared import choosing, components, multiples, trend_charts, twins
from pages.shared.answers import Answers
from pages.shared.text import Text, plain

SHOWN = 12  # small multiples of each direction; the table has all
LISTED = 8  # lines about names and channels


def parts(answers: Answers, filters: Filters, text: Text) -> None:
    """The series taken apart, with the changes of its level."""
    found: Trend = answers.ask("trend", filters)
    if found.parts is None:
        components.note("parts", text)
        return
    with st.container(border=True):
        st.subheader(text("parts.title"), anchor=False, help=text("parts.help"))
        figure = trend_charts.taken_apart(found.parts, text)
        _picture("parts", figure, _parts_table(found.parts, text), text)
        if len(found.parts.changes):
            twins.show(_changes_table(found.parts, text), text)


def year_over_year(answers: Answers, filters: Filters, text: Text) -> None:
    """This year's weeks beside the same weekdays a year before."""
    found: Trend = answers.ask("trend", filters)
    if found.weeks["before"].isna().all():
        components.note("two_years", text)
        return
    with st.container(border=True):
        st.subheader(text("two_years.title"), anchor=False, help=text("two_years.help"))
        figure = trend_charts.two_years(found.weeks, text)
        shown = {
            text("trends.week"): found.weeks["week"].dt.date,
            text("two_years.now"): found.weeks["complaints"],
            text("two_years.before"): found.weeks["before"],
            text("trends.change"): (found.weeks["ratio"] - 1).round(3),
        }
        _picture("two_years", figure, pd.DataFrame(shown), text)


def what_moved(answers: Answers, filters: Filters, text: Text) -> None:
    """What rose and fell, by place or by topic: small multiples, the largest rise first."""
    with st.container(border=True):
        st.subheader(text("multiples.title"), anchor=False, help=text("multiples.help"))
        by = choosing.one_of("by", [answers.places(filters), "topic_group", "topic"], text)
        table = answers.ask("changed", filters, by)
        compared: Compared | None = table.attrs["compared"]
        if compared is None or table.empty:
            st.caption(text("multiples.none" if compared is None else "multiples.too_few"))
            return
        days = text.period(compared.first, compared.last)
        note = "weeks" if compared.against == "previous" != filters.compare else compared.against
        years = len(compared.bases) if note == "usual" else None
        surest = _surest(table)
        if surest.empty:
            st.caption(text("multiples.unsure", n=len(table), period=days))
        else:
            numbers = {"weeks": compared.weeks, "shown": len(surest), "all": len(table)}
            st.caption(text(f"multiples.against_{note}", years, period=days, **numbers))
            st.html(multiples.small_multiples(surest, text, by=by))
        components.twin("multiples", _moved_table(table, by, text), text("multiples.title"), text)


def new_topics(answers: Answers, filters: Filters, text: Text) -> None:
    """Topics first seen in the weeks compared."""
    new, _ = answers.ask("new_and_gone_topics", filters)
    if new.empty:
        components.note("new_topics", text)
        return
    with st.container(border=True, height="stretch"):
        st.subheader(text("new_topics.title"), anchor=False, help=text("new_topics.help"))
        shown = {text("new_topics.first"): new["first_day"].dt.date, text("parts.complaints"): new["complaints"]}
        twins.show(_with_topics(new, shown, text), text)


def gone_topics(answers: Answers, filters: Filters, text: Text) -> None:
    """Topics gone silent far beyond their own rhythm."""
    _, gone = answers.ask("new_and_gone_topics", filters)
    if gone.empty:
        components.note("gone_topics", text)
        return
    with st.container(border=True, height="stretch"):
        st.subheader(text("gone_topics.title"), anchor=False, help=text("gone_topics.help"))
        shown = {
            text("gone_topics.last"): gone["last_day"].dt.date,
            text("gone_topics.silent"): gone["silent"],
            text("gone_topics.missed"): gone["missed"].round(),
        }
        twins.show(_with_topics(gone, shown, text), text)


def moved_labels(answers: Answers, filters: Filters, text: Text, last_line: DeltaGenerator) -> None:
    """Rises that are another topic's fall, or a channel's start; how many is said in the headline's last line."""
    names, channels = answers.ask("moved_labels", filters)
    if len(names) + len(channels):
        last_line.markdown(f"- {text('trends.relabelled', n=len(names) + len(channels))}")
    lines = [_renamed(row, text) for row in names.to_dict("records")]
    lines += [_begun(row, text) for row in channels.to_dict("records")]
    if not lines:
        components.note("moved_labels", text)
        return
    with st.container(border=True, height="stretch"):
        st.subheader(text("moved_labels.title"), anchor=False, help=text("moved_labels.help"))
        st.markdown("\n".join(f"- {line}" for line in lines[:LISTED]))
        if len(lines) > LISTED:
            st.caption(text("moved_labels.more", n=len(lines) - LISTED))


def arrival(answers: Answers, filters: Filters, text: Text) -> None:
    """How much of each of the last days has usually arrived by now."""
    found: Arrival = answers.ask("arrival", filters)
    with st.container(border=True, height="stretch"):
        st.subheader(text("arrival.title"), anchor=False, help=text("arrival.help"))
        if found.imports < found.needed:
            st.caption(text("arrival.needs", needed=found.needed, imports=found.imports))
            return
        if found.shares.empty:
            st.caption(text("arrival.none"))
            return
        share = {after: text.percent(found.shares["share"].iloc[after]) for after in (0, 1, 7)}
        st.markdown(text("arrival.said", same=share[0], next=share[1], week=share[7], complaints=found.learned_from))
        figure = trend_charts.arrived(found.days, text)
        shown = {
            text("ahead.day"): found.days["day"].dt.date,
            text("arrival.so_far"): found.days["complaints"],
            text("arrival.known"): found.days["share"].round(3),
            text("arrival.expected"): found.days["expected"].round(1),
        }
        _picture("arrival", figure, pd.DataFrame(shown), text)


def _surest(table: pd.DataFrame) -> pd.DataFrame:
    """Of each direction those that changed most at the least, in the order of the table; none that may be chance."""
    table = table[table["probability"] >= SURE_ENOUGH]
    rising = table[table["direction"] == "rising"].nlargest(SHOWN, "low")
    falling = table[table["direction"] == "falling"].nsmallest(SHOWN, "high")
    return table.loc[sorted([*rising.index, *falling.index])]


def _renamed(row: dict[str, Any], text: Text) -> str:
    place = text("trends.everywhere") if row["region"] == "*" else plain(text.name("region", row["region"]))
    return text(
        "moved_labels.renamed",
        day=row["week"].date(),
        place=place,
        before=_topic(row["from_group"], row["from_topic"], text),
        after=_topic(row["to_group"], row["to_topic"], text),
        fall=round(row["fall"]),
        rise=round(row["rise"]),
    )


def _begun(row: dict[str, Any], text: Text) -> str:
    every = row["topic_group"] == "*"
    return text(
        "moved_labels.begun",
        day=row["week"].date(),
        channel=plain(text.name("channel", row["channel"])),
        topic=text("moved_labels.all") if every else plain(text.name("topic_group", row["topic_group"])),
        rise=round(row["rise"]),
        share=text.percent(row["share"]),
    )


def _topic(group: str, topic: str, text: Text) -> str:
    return plain(text.name("topic", topic) if topic else text.name("topic_group", group))


def _with_topics(table: pd.DataFrame, columns: dict[str, Any], text: Text) -> pd.DataFrame:
    """The columns after the topic, its group last: a phone shows the first ones only."""
    groups = [text.name("topic_group", name) for name in table["topic_group"]]
    if table["topic"].eq("").all():
        return pd.DataFrame({text("filters.topic_group"): groups, **columns})
    topics = [text.name("topic", name) if name else "" for name in table["topic"]]
    return pd.DataFrame({text("filters.topic"): topics, **columns, text("filters.topic_group"): groups})


def _parts_table(found: Decomposition, text: Text) -> pd.DataFrame:
    names = {"complaints": text("parts.complaints"), "trend": text("parts.trend"), "weekly": text("parts.weekly")}
    names |= {"yearly": text("parts.yearly"), "remainder": text("parts.remainder")}
    table = found.parts.assign(day=found.parts["day"].dt.date).round(2).iloc[::-1]
    return table.rename(columns={"day": text("ahead.day"), **names})


def _changes_table(found: Decomposition, text: Text) -> pd.DataFrame:
    rows = found.changes.iloc[::-1]
    return pd.DataFrame(
        {
            text("parts.from_day"): rows["day"].dt.date,
            text("trends.change"): [text.change(1 + change) for change in rows["change"]],
            text("signals.probability"): [text.chance(probability) for probability in rows["probability"]],
        }
    )


def _moved_table(table: pd.DataFrame, by: str, text: Text) -> pd.DataFrame:
    shown = {text.of("filters", by): [text.name(by, name) for name in table[by]]}
    if by == "topic":
        shown = {text("filters.topic_group"): [text.name("topic_group", n) for n in table["topic_group"]], **shown}
    shown |= {
        text("multiples.now"): table["now"],
        text("multiples.before"): table["before"],
        text("trends.change"): [
            text("chart.new") if before == 0 else text.change(ratio)
            for before, ratio in zip(table["before"], table["ratio"], strict=True)
        ],
        text("ahead.low"): [text.change(low) for low in table["low"]],
        text("ahead.high"): [text.change(high) for high in table["high"]],
        text("signals.probability"): [text.chance(probability) for probability in table["probability"]],
    }
    return pd.DataFrame(shown)


def _picture(key: str, figure: go.Figure, table: pd.DataFrame, text: Text) -> None:
    components.picture(key, figure, text, table, title=text(f"{key}.title"), alt=text(f"{key}.alt"))
