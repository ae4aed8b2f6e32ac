"""The parts of the Forecast page: headline, fan chart, dots of a day, the record, tables."""

from __future__ import annotations

import math

import pandas as pd
import streamlit as st

from analytics.filters import Filters
from analytics.selected_forecast import Outlook
from pages.shared import components, forecast_charts
from pages.shared.answers import Answers
from pages.shared.text import Text

SHOWN_DAYS = 56  # of the past, in the fan chart
ICONS = {"good": ":material/check_circle:", "fair": ":material/info:", "poor": ":material/warning:"}
COLORS = {"good": "blue", "fair": "gray", "poor": "orange"}


def is_there(ahead: Outlook, text: Text) -> bool:
    """Is there a forecast of days to come? If not, say what to do."""
    if len(ahead.ahead):
        return True
    st.info(text("outlook.none" if ahead.origin is None else "outlook.over"), icon=":material/update:")
    st.code("python -m analytics refresh", language=None)
    return False


def headline(answers: Answers, filters: Filters, text: Text) -> None:
    """The coming week in one sentence, and how far it can be trusted."""
    week, ahead = answers.week_ahead(filters), answers.outlook(filters)
    poor = answers.record(filters).attrs["quality"] == "poor"
    lines = [text("outlook.week_poor" if poor else "outlook.week", **week)]
    for name in ("last_week", "last_year"):
        before = week[name]
        if before:
            change = text.change(week["expected"] / before)
            lines.append(text.of("outlook", name, before=before, change=change))
    if week["thin"]:
        lines.append(text("outlook.thin"))
    if ahead.late:
        lines.append(text("outlook.late", n=ahead.late))
    if not ahead.issued:
        lines.append(text("outlook.computed"))
    st.markdown("\n".join(f"- {line}" for line in lines))


def fan(answers: Answers, filters: Filters, text: Text) -> None:
    """The last eight weeks and the days to come."""
    ahead, actual = answers.outlook(filters), answers.past_counts(filters).tail(SHOWN_DAYS)
    said = answers.said_before(filters) if ahead.series.own else answers.said_before(filters).head(0)
    said = said[said["day"] >= actual["day"].min()]
    bands = answers.record(filters).attrs["quality"] != "poor"
    drawn = forecast_charts.fan(actual, ahead.ahead, said, text, bands=bands)
    components.chart("fan", drawn, text, lambda: _days(actual, ahead, text))


def will_it_exceed(answers: Answers, filters: Filters, text: Text) -> None:
    """Twenty equally likely outcomes of one day against a threshold that the reader moves."""
    ahead = answers.outlook(filters).ahead
    with st.container(border=True, height="stretch"):
        st.subheader(text("dots.title"), anchor=False, help=text("dots.help"))
        days = [day.date() for day in ahead["day"]]
        day = st.selectbox(text("dots.day"), days, format_func=lambda one: text.day(one, "weekday"))
        counts = answers.dots(filters, day)
        usual = answers.usual_on(filters, day)
        low, high = int(counts[0]), int(max(counts[-1], counts[0] + 2))
        start = high if math.isnan(usual) else round(usual)
        least = st.slider(text("dots.threshold"), low, high, min(max(start, low), high))
        reached = sum(count >= least for count in counts)
        chance = text.percent(answers.probability(filters, day, least))
        st.markdown(text("dots.said", reached=reached, least=least, day=text.day(day, "weekday"), chance=chance))
        figure = forecast_charts.dots(counts, least, text)
        table = pd.DataFrame({text("dots.outcome"): range(1, len(counts) + 1), text("parts.complaints"): counts})
        components.picture("dots", figure, text, table, title=text("dots.title"), alt=text("dots.alt"))


def record(answers: Answers, filters: Filters, text: Text) -> None:
    """How good such forecasts were, by weeks ahead, and a badge with its rule."""
    table = answers.record(filters)
    grade = table.attrs["quality"]
    with st.container(border=True, height="stretch"):
        st.subheader(text("track.title"), anchor=False, help=text("track.help"))
        if grade == "unknown":
            st.caption(text("track.none"))
            return
        st.badge(text.of("quality", grade), icon=ICONS[grade], color=COLORS[grade])  # type: ignore[arg-type]
        if table.attrs["reconstructed"]:
            st.caption(text("track.reconstructed"))
        if not answers.outlook(filters).series.own:
            st.caption(text("track.nearest"))
        shown = {
            text("track.ahead"): [
                text("track.all") if lead == "*" else text("track.until", n=lead) for lead in table["lead"]
            ],
            text("track.coverage"): [text.percent(share) for share in table["coverage_80"]],
            text("track.skill"): [text.percent(share) for share in table["skill"]],
            text("track.judged"): [text.number(number) for number in table["forecasts"]],
        }
        st.dataframe(pd.DataFrame(shown), hide_index=True, width="stretch")


def municipalities(table: pd.DataFrame, text: Text) -> None:
    """The municipalities of the region, the most first."""
    if table.empty:
        return
    with st.container(border=True):
        st.subheader(text("towns.title"), anchor=False, help=text("towns.help"))
        names = {"municipality": text("filters.municipality"), "mean": text("fan.expected")}
        names |= {"low": text("ahead.low"), "high": text("ahead.high")}
        st.dataframe(table.round(1).rename(columns=names), hide_index=True, width="stretch")


def _days(actual: pd.DataFrame, ahead: Outlook, text: Text) -> pd.DataFrame:
    """The fan chart as a table: what was, what is expected and within what bounds."""
    names = {"complaints": text("parts.complaints"), "mean": text("fan.expected")}
    names |= {"0.1": text("ahead.low"), "0.9": text("ahead.high")}
    found = pd.concat([actual[["day", "complaints"]], ahead.ahead[["day", "mean", "0.1", "0.9"]].round(1)])
    return found.assign(day=found["day"].dt.date).rename(columns={"day": text("ahead.day"), **names})
