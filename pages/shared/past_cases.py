"""Past cases: what happened in events most like the one that is asked about."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from pages.shared import components, rehearsed, twins
from pages.shared.answers import Answers
from pages.shared.event_words import count, places, strength, title, topics
from pages.shared.text import Text, plain


def show(answers: Answers, cases: pd.DataFrame, kind: str, text: Text) -> None:
    """The cases, the most similar first, with what they were like in all. `cases`: as of `similar_cases`."""
    name = rehearsed.types(answers).of(kind).title(text.language)
    with st.container(border=True):
        st.subheader(text("cases.named", name=plain(name)), anchor=False, help=text("cases.help"))
        if cases.empty:
            st.warning(text("cases.none"), icon=":material/help:")
            return
        st.caption(said(cases, text))
        table = _table(answers, cases, name, text)
        twins.show(table, text)
        components.twin(f"cases_{kind}", table, text("cases.named", name=name), text)


def said(cases: pd.DataFrame, text: Text) -> str:
    """How many there are, what came of those of its type, how many are shown, why the answer above may differ."""
    numbers = cases.attrs
    seen = [text("cases.own", n=numbers["own"])] if numbers["own"] else []
    related = [text("cases.kindred", n=numbers["kindred"])] if numbers["kindred"] else []
    if pd.notna(numbers["ratio"]):  # of its own type; of the related ones where it has none
        summed = numbers["own"] or numbers["kindred"]
        (seen or related).append(text("cases.together", n=summed, change=text.change(numbers["ratio"])))
    shown = [text("cases.shown", n=len(cases))] if len(cases) < numbers["own"] + numbers["kindred"] else []
    return " ".join([*(seen or [text("cases.no_own")]), *related, *shown, text("cases.why")])


def _table(answers: Answers, cases: pd.DataFrame, heading: str, text: Text) -> pd.DataFrame:
    """Without the names of the events where all are called as the heading is."""
    tree = rehearsed.types(answers)
    rows = cases.to_dict("records")
    shown = {
        text("cases.event"): [title(case, tree, text) for case in rows],
        text("cases.days"): [_days(case, text) for case in rows],
        text("filters.region"): [places(str(case["region"]), text, str(case["municipality"])) for case in rows],
        text("filters.topic_group"): [topics(str(case["topic"]), text) for case in rows],
        text("cases.strength"): [strength(case, text) for case in rows],
        text("cases.complaints"): [count(case["complaints"], text) for case in rows],
        text("cases.usual"): [count(case["usual"], text) for case in rows],
        text("cases.change"): [text.change(case["ratio"]) if pd.notna(case["ratio"]) else "—" for case in rows],
    }
    if set(shown[text("cases.event")]) == {heading}:
        del shown[text("cases.event")]
    table = pd.DataFrame(shown)
    return table.loc[:, (table != "").any()]


def _days(case: dict, text: Text) -> str:
    """The days that are looked at."""
    return text.period(case["starts_on"].date(), (case["starts_on"] + pd.Timedelta(days=case["days"] - 1)).date())
