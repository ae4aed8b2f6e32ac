"""A card for each signal: how sure, when, how much, why, how such signals fared, its picture, what people say of it."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from analytics.events.types import EventTypes
from analytics.filters import Filters
from analytics.place_days import SERIES
from pages.shared import bound, frame, signal_answers, signal_marks
from pages.shared.answers import Answers
from pages.shared.event_words import told_title
from pages.shared.text import Text, plain

SHOWN = 6  # cards at first; a button shows the rest
FELT = 1.05  # factor from which a reason is named
REASONS = ("events", "weather", "holiday", "season", "weekday", "level")
SAID = ("useful", "false", "known")
LIKELY = (0.75, 0.5)  # probability from which a spike is very likely, likely
FEWEST = 10  # signals of about one probability: with fewer nothing is said of how they fared
LONGEST = 80  # letters of an owner or a word


def cards(answers: Answers, filters: Filters, text: Text) -> None:
    """The signals within the budget, the most pressing first."""
    signals = answers.signals(filters)
    shown = signals[signals["within_budget"].astype(bool)]
    if shown.empty:  # the headline says so
        return
    st.subheader(
        text("signals.cards"), anchor=False, help=text("signals.cards_help", budget=signal_answers.budget(answers))
    )
    place = st.container()
    more = len(shown) > SHOWN and bound.switch("more", text("signals.more", n=len(shown) - SHOWN))
    most = len(shown) if more else SHOWN
    courses = dict(list(signal_answers.courses(answers, filters).groupby(SERIES)))
    with place, st.grid(columns=2, min_column_width=340, gap="xsmall"):
        for signal in shown.head(most).to_dict("records"):
            with st.container(border=True, gap="xsmall", height="stretch"):
                _card(answers, signal, courses.get(tuple(signal[one] for one in SERIES)), text)


def name(signal: Any, text: Text) -> str:
    """Where and what about."""
    region = text("signals.everywhere") if signal["region"] == "*" else text.name("region", signal["region"])
    topic = text("signals.all_topics") if signal["topic"] == "*" else text.name("topic_group", signal["topic"])
    town = signal.get("municipality", "")
    return f"{region}, {text.name('municipality', town)}: {topic}" if town else f"{region}: {topic}"


def days(signal: Any, text: Text) -> str:
    """When."""
    return text.period(signal["first_day"].date(), signal["last_day"].date())


def likely(probability: float) -> str:
    """How sure, as a key of the family `likely`."""
    return next((word for word, least in zip(("very", "likely"), LIKELY, strict=True) if probability >= least), "maybe")


def because(why: dict[str, Any], types: EventTypes, text: Text) -> str:
    """The reasons that lift the peak day, the strongest first."""
    found = sorted(((float(why.get(reason, 1.0)), reason) for reason in REASONS), reverse=True)
    told = []
    for factor, reason in found:
        if factor < FELT:
            continue
        named = [told_title(title, types, text) for title in _folded(why.get("events_named", []))]
        titles = ", ".join(map(text.quoted, named))
        words = titles if reason == "events" and titles else text.of("why", reason)
        told.append(f"{plain(words)} ({text.change(factor)})")
    return "; ".join(told)


def _folded(titles: list[str]) -> list[str]:
    """Each title once: one that is told of several groups of municipalities stands without them."""
    bare = [title.rpartition(" (")[0] or title for title in titles]
    return list(
        dict.fromkeys(name if bare.count(name) > 1 else title for name, title in zip(bare, titles, strict=True))
    )


def _card(answers: Answers, signal: dict[str, Any], course: pd.DataFrame | None, text: Text) -> None:
    st.markdown(f"**{plain(name(signal, text))}** · {days(signal, text)}")
    _badges(signal, text)
    peak = text.day(signal["peak_day"].date(), "weekday")
    expected, usual, least, excess = (float(signal[key]) for key in ("expected", "usual", "threshold", "excess"))
    key = "signals.numbers_own" if signal["kind"] == "own" else "signals.numbers"
    st.markdown(text(key, day=peak, expected=expected, usual=usual, threshold=least, excess=excess))
    if course is not None:
        st.html(signal_marks.course(course, signal, text))
    reasons = because(signal["why"], answers.know("event_types"), text)
    if reasons:
        st.caption(text("signals.because", reasons=reasons))
    if signal["also"]:
        topics = ", ".join(text.name("topic_group", topic) for topic in str(signal["also"]).split("|"))
        st.caption(text("signals.also", topics=plain(topics)))
    known = not signal["municipality"]  # the record is that of regions
    fared = _fared(answers, float(signal["probability"]), text) if known else ""
    if fared:
        st.caption(fared)
    _say(answers, signal, text)


def _badges(signal: dict[str, Any], text: Text) -> None:
    level = likely(float(signal["probability"]))
    with st.container(horizontal=True, gap="xsmall"):
        chance = text("signals.chance", chance=text.percent(signal["probability"]), words=text.of("likely", level))
        st.badge(chance, icon=":material/trending_up:", color="orange" if level == "very" else "blue")
        st.badge(text("signals.lead", n=int(signal["lead"])), icon=":material/schedule:", color="gray")
        st.badge(text.of("signal_state", signal["state"]), color="gray")
        if signal["kind"] == "own":
            st.badge(text("signals.own"), icon=":material/person:", color="gray")
        if signal["owner"]:
            st.badge(plain(signal["owner"]), icon=":material/assignment_ind:", color="gray")


def _fared(answers: Answers, probability: float, text: Text) -> str:
    """What came of earlier signals of about this probability."""
    table, _, reconstructed = answers.signal_record()
    if table.empty:
        return ""
    alike = table[(table["from"] < probability) & (probability <= table["to"])]
    if alike.empty or alike["signals"].iloc[0] < FEWEST:
        return ""
    came, told = text.percent(alike["came"].iloc[0]), text.percent(alike["said"].iloc[0])
    key = "signals.fared_reconstructed" if reconstructed else "signals.fared"
    return text(key, n=int(alike["signals"].iloc[0]), came=came, said=told)


def _say(answers: Answers, signal: dict[str, Any], text: Text) -> None:
    """What the reader says of it, in a word too, and who sees to it."""
    key = "_".join([*(signal[name] for name in SERIES if signal[name]), f"{signal['first_day']:%Y%m%d}"])
    place = (signal["region"], signal["municipality"], signal["topic"]), signal["peak_day"].date()
    said = signal["said"] if signal["said"] in SAID else None
    stored = {f"said_{key}": said, f"owner_{key}": signal["owner"] or "", f"word_{key}": signal["word"] or ""}
    frame.follow_store(key, stored)

    def save(name: str) -> None:
        value = frame.given(key, f"{name}_{key}")
        if value is not None:
            answers.give_feedback(*place, **{name: value.strip()})

    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        st.segmented_control(
            text("signals.feedback"),
            SAID,
            format_func=lambda word: text.of("feedback", word),
            key=f"said_{key}",
            label_visibility="collapsed",
            on_change=save,
            args=("said",),
        )
        with st.popover(text("signals.owner_word"), icon=":material/edit_note:", type="tertiary"):
            for name in ("owner", "word"):
                st.text_input(
                    text(f"signals.{name}"),
                    key=f"{name}_{key}",
                    max_chars=LONGEST,
                    on_change=save,
                    args=(name,),
                )
            st.caption(text("signals.feedback_help"))
    if signal["word"]:
        st.caption(text.quoted(plain(signal["word"])))
