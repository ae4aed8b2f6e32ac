"""The parts of the Signals page beside the cards: headline, places by days, what came of them, the record, the list."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from analytics.filters import Filters
from pages.shared import components, signal_answers, spike_charts, twins, waiting
from pages.shared.answers import Answers
from pages.shared.signal_cards import days, name
from pages.shared.text import Text, plain

OUTCOMES = {True: "yes", False: "no", None: "unknown"}


def is_there(answers: Answers, filters: Filters, text: Text) -> bool:
    """Was anything issued? If not, say what to do."""
    if "origin" in answers.signals(filters).attrs:
        return True
    waiting.for_forecasts(answers, filters, text, otherwise="outlook.none")
    return False


def headline(answers: Answers, filters: Filters, text: Text) -> None:
    """How many in the coming week, the most pressing one, how many will fail, and how many did so far."""
    signals = answers.signals(filters)
    shown = signals[signals["within_budget"].astype(bool)]
    if shown.empty:
        st.success(text("signals.quiet"), icon=":material/check_circle:")
        return
    first = shown.iloc[0]
    week, failing = int((shown["week"] == 0).sum()), round(float((1 - shown["probability"]).sum()))
    lines = [
        text("signals.week", n=week) if week else text("signals.none_week"),
        text("signals.first", name=plain(name(first, text)), days=days(first, text)),
    ]
    if failing:
        lines.append(text("signals.failing", shown=len(shown), n=failing))
    _, figures, reconstructed = answers.signal_record()
    if figures.get("signals"):
        said, failed = (text.percent(1 - figures[key]) for key in ("said", "came"))
        key = "signals.failed_reconstructed" if reconstructed else "signals.failed"
        lines.append(text(key, n=int(figures["signals"]), said=said, failed=failed))
    st.markdown("\n".join(f"- {line}" for line in lines))


def by_day(answers: Answers, filters: Filters, text: Text) -> None:
    """Which places on which days."""
    signals = answers.signals(filters)
    if signals.empty:
        components.note("signal_days", text)
        return
    figure = spike_charts.by_day(signal_answers.matrix(answers, filters), text)
    with st.container(border=True):
        st.subheader(text("signal_days.title"), anchor=False, help=text("signal_days.help"))
        title, alt = text("signal_days.title"), text("signal_days.alt")
        components.picture("signal_days", figure, text, _list(signals, text), title=title, alt=alt)


def over(answers: Answers, filters: Filters, text: Text) -> None:
    """The signals of the last two weeks whose days have passed, and what came."""
    found = signal_answers.over(answers, filters)
    if found.empty:
        return
    with st.container(border=True):
        known = found["came"].notna()
        st.subheader(text("signals.over"), anchor=False, help=text("signals.over_help"))
        st.markdown(text("signals.over_said", n=len(found), came=int(found.loc[known, "came"].sum())))
        if not known.all():
            st.caption(text("signals.over_unknown", n=int((~known).sum())))
        rows = [
            {
                text("signals.signal"): name(signal, text),
                text("signals.days"): days(signal, text),
                text("signals.said_before"): text.percent(signal["probability"]),
                text("dots.threshold"): int(signal["threshold"]),
                text("signals.most"): None if pd.isna(signal["most"]) else int(signal["most"]),
                text("signals.came_true"): text.of("came_true", OUTCOMES[signal["came"]]),
            }
            for signal in found.to_dict("records")
        ]
        twins.show(pd.DataFrame(rows), text)


def record(answers: Answers, text: Text) -> None:
    """How often such signals came true."""
    table, figures, reconstructed = answers.signal_record()
    with st.container(border=True):
        st.subheader(text("signal_record.title"), anchor=False, help=text("signal_record.help"))
        if table.empty:
            st.caption(text("signal_record.none"))
            return
        if reconstructed:
            st.caption(text("track.reconstructed"))
        said, came, recall = (text.percent(figures[key]) for key in ("said", "came", "recall"))
        judged = int(figures["signals"])
        st.markdown(text("signal_record.said", n=judged, said=said, came=came, recall=recall))
        figure = spike_charts.reliability(table, text)
        title, alt = text("signal_record.title"), text("signal_record.alt")
        components.picture("reliability", figure, text, _judged(table, text), title=title, alt=alt)


def beyond(signals: pd.DataFrame, text: Text) -> None:
    """All signals as a table, those beyond the budget too."""
    if signals.empty:
        return
    left = int((~signals["within_budget"].astype(bool)).sum())
    words = text("signals.all", n=len(signals)) + (text("signals.and_beyond", n=left) if left else "")
    components.twin("signals", _list(signals, text), words, text)


def _list(signals: pd.DataFrame, text: Text) -> pd.DataFrame:
    return pd.DataFrame([_row(signal, text) for signal in signals.to_dict("records")])


def _judged(table: pd.DataFrame, text: Text) -> pd.DataFrame:
    """The reliability diagram as a table."""
    names = {"said": text("signals.said"), "came": text("signals.came"), "signals": text("signal_record.signals")}
    return table[list(names)].round(3).rename(columns=names)


def _row(signal: dict[str, Any], text: Text) -> dict[str, Any]:
    region = text("signals.everywhere") if signal["region"] == "*" else text.name("region", signal["region"])
    topic = text("signals.all_topics") if signal["topic"] == "*" else text.name("topic_group", signal["topic"])
    town = signal["municipality"]
    return {
        text("filters.region"): region,
        text("filters.municipality"): text.name("municipality", town) if town else "",
        text("filters.topic_group"): topic,
        text("signals.from"): signal["first_day"].date(),
        text("signals.to"): signal["last_day"].date(),
        text("signals.probability"): round(float(signal["probability"]), 2),
        text("fan.expected"): round(float(signal["expected"]), 1),
        text("chart.usual"): round(float(signal["usual"]), 1),
        text("dots.threshold"): int(signal["threshold"]),
        text("signals.excess"): round(float(signal["excess"]), 1),
        text("signals.state"): text.of("signal_state", signal["state"]),
        text("signals.owner"): signal["owner"] or "",
        text("signals.within"): text.of("came_true", "yes" if signal["within_budget"] else "no"),
    }
