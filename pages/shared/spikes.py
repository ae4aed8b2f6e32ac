"""The parts of the Signals page: headline, cards with reasons and feedback, days, the record, the list."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from analytics.filters import Filters
from pages.shared import components, spike_charts
from pages.shared.answers import Answers
from pages.shared.text import Text, plain

SHOWN = 10  # cards; the rest is in the list
FELT = 1.05  # factor from which a reason is named
REASONS = ("events", "weather", "holiday", "season", "weekday", "level")
SAID = ("useful", "false", "known")
LIKELY = (0.75, 0.5)  # probability from which a spike is very likely, likely


def is_there(signals: pd.DataFrame, text: Text) -> bool:
    """Was anything issued? If not, say what to do."""
    if "origin" in signals.attrs:
        return True
    st.info(text("outlook.none"), icon=":material/update:")
    st.code("python -m analytics refresh", language=None)
    return False


def headline(signals: pd.DataFrame, text: Text) -> None:
    """How many in the coming week, the most pressing one, and how many of those shown will fail."""
    shown = signals[signals["within_budget"].astype(bool)]
    if shown.empty:
        st.success(text("signals.quiet"), icon=":material/check_circle:")
        return
    week = shown[shown["week"] == 0]
    first = shown.iloc[0]
    lines = [
        text("signals.week", n=len(week)),
        text("signals.first", name=plain(_name(first, text)), days=_days(first, text)),
        text("signals.failing", shown=len(shown), failing=float((1 - shown["probability"]).sum())),
    ]
    st.markdown("\n".join(f"- {line}" for line in lines))


def cards(answers: Answers, filters: Filters, text: Text) -> None:
    """The signals within the budget, the most pressing first."""
    signals = answers.signals(filters)
    shown = signals[signals["within_budget"].astype(bool)].head(SHOWN)
    st.subheader(text("signals.cards"), anchor=False, help=text("signals.cards_help"))
    for number, signal in enumerate(shown.to_dict("records")):
        with st.container(border=True, gap="xsmall"):
            _card(answers, signal, number, text)


def by_day(signals: pd.DataFrame, text: Text) -> None:
    """Which places on which days."""
    if len(signals):
        figure = spike_charts.by_day(signals, pd.Timestamp(signals.attrs["origin"]), text)
        with st.container(border=True):
            st.subheader(text("signal_days.title"), anchor=False, help=text("signal_days.help"))
            title, alt = text("signal_days.title"), text("signal_days.alt")
            components.picture("signal_days", figure, text, _list(signals, text), title=title, alt=alt)


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
        said, came, recall = (text.percent(figures[name]) for name in ("said", "came", "recall"))
        judged = int(figures["signals"])
        st.markdown(text("signal_record.said", n=judged, said=said, came=came, recall=recall))
        figure = spike_charts.reliability(table, text)
        title, alt = text("signal_record.title"), text("signal_record.alt")
        components.picture("reliability", figure, text, _judged(table, text), title=title, alt=alt)


def beyond(signals: pd.DataFrame, text: Text) -> None:
    """All signals as a table, those beyond the budget too."""
    if signals.empty:
        return
    components.twin("signals", _list(signals, text), text("signals.all", n=len(signals)), text)


def _card(answers: Answers, signal: dict[str, Any], number: int, text: Text) -> None:
    level = next((word for word, least in zip(("very", "likely"), LIKELY, strict=True) if _p(signal) >= least), "maybe")
    st.markdown(f"**{plain(_name(signal, text))}** · {_days(signal, text)}")
    with st.container(horizontal=True):
        chance = text("signals.chance", chance=text.percent(_p(signal)), words=text.of("likely", level))
        st.badge(chance, icon=":material/trending_up:", color="orange" if level == "very" else "blue")
        st.badge(text.of("signal_state", signal["state"]), color="gray")
    peak = text.day(signal["peak_day"].date(), "weekday")
    expected, usual, least = (float(signal[name]) for name in ("expected", "usual", "threshold"))
    st.markdown(text("signals.numbers", day=peak, expected=expected, usual=usual, threshold=least))
    because = _because(signal["why"], text)
    if because:
        st.caption(text("signals.because", reasons=because))
    if signal["also"]:
        topics = ", ".join(text.name("topic_group", topic) for topic in str(signal["also"]).split("|"))
        st.caption(text("signals.also", topics=plain(topics)))
    said = st.segmented_control(
        text("signals.feedback"),
        SAID,
        default=signal["said"] if signal["said"] in SAID else None,
        format_func=lambda word: text.of("feedback", word),
        key=f"said_{number}_{signal['region']}_{signal['topic']}_{signal['peak_day']:%Y%m%d}",
        label_visibility="collapsed",
    )
    if said and said != signal["said"]:
        answers.give_feedback(signal["region"], signal["topic"], signal["peak_day"].date(), said)
        st.rerun()


def _list(signals: pd.DataFrame, text: Text) -> pd.DataFrame:
    return pd.DataFrame([_row(signal, text) for signal in signals.to_dict("records")])


def _judged(table: pd.DataFrame, text: Text) -> pd.DataFrame:
    """The reliability diagram as a table."""
    names = {"said": text("signals.said"), "came": text("signals.came"), "signals": text("signal_record.signals")}
    return table[list(names)].round(3).rename(columns=names)


def _p(signal: dict[str, Any]) -> float:
    return float(signal["probability"])


def _name(signal: Any, text: Text) -> str:
    region = text("signals.everywhere") if signal["region"] == "*" else text.name("region", signal["region"])
    topic = text("signals.all_topics") if signal["topic"] == "*" else text.name("topic_group", signal["topic"])
    return f"{region}: {topic}"


def _days(signal: Any, text: Text) -> str:
    return text.period(signal["first_day"].date(), signal["last_day"].date())


def _because(why: dict[str, Any], text: Text) -> str:
    """The reasons that lift the peak day, the strongest first."""
    found = sorted(((float(why.get(name, 1.0)), name) for name in REASONS), reverse=True)
    told = []
    for factor, name in found:
        if factor < FELT:
            continue
        titles = ", ".join(f"«{title}»" for title in why.get("events_named", []))
        words = titles if name == "events" and titles else text.of("why", name)
        told.append(f"{plain(words)} ({text.change(factor)})")
    return "; ".join(told)


def _row(signal: dict[str, Any], text: Text) -> dict[str, Any]:
    return {
        text("filters.region"): text("signals.everywhere")
        if signal["region"] == "*"
        else text.name("region", signal["region"]),
        text("filters.topic_group"): text("signals.all_topics")
        if signal["topic"] == "*"
        else text.name("topic_group", signal["topic"]),
        text("signals.from"): signal["first_day"].date(),
        text("signals.to"): signal["last_day"].date(),
        text("signals.probability"): round(_p(signal), 2),
        text("fan.expected"): round(float(signal["expected"]), 1),
        text("chart.usual"): round(float(signal["usual"]), 1),
        text("dots.threshold"): int(signal["threshold"]),
    }
