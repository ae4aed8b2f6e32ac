"""What each type of event has been learned to do, on the Events page: a profile over days, and past cases."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from analytics.filters import Filters
from analytics.store_rehearsal import similar_cases
from analytics.told_effects import by_type, of_named_topics, topics_of
from pages.shared import bound, components, event_charts, past_cases, rehearsal_view, rehearsed, twins
from pages.shared.answers import Answers
from pages.shared.event_charts import offset_words
from pages.shared.event_words import place_words
from pages.shared.text import Text, plain

MOST_CASES = 200


def show(answers: Answers, filters: Filters, text: Text) -> None:
    """The profile of one type, its past cases, and all types beside each other."""
    found = rehearsed.grounds(answers)
    if found is None:
        rehearsal_view.prepare(answers, filters, text)
        return
    tree = rehearsed.types(answers)
    profiles = of_named_topics(found.profiles, found.events)
    table = by_type(profiles)
    if table.empty:
        st.info(text("effects.none"), icon=":material/event:")
        return
    titles = {kind: tree.of(kind).title(text.language) for kind in table["type"]}
    left, right = st.columns(2)
    with left:
        kind = bound.one_of(
            "type",
            sorted(titles, key=lambda one: titles[one]),
            text("effects.type"),
            lambda words, one: tree.of(one).title(words.language),
            text,
            first=str(table["type"].iloc[0]),
        )
    kind = kind or str(table["type"].iloc[0])
    with right:
        topic = bound.one_of(
            "topic_of",
            topics_of(profiles, kind),
            text("filters.topic_group"),
            lambda words, one: place_words("topic_group", one, words),
            text,
        )
    profile = profiles[(profiles["type"] == kind) & (profiles["topic"] == topic)]
    st.markdown(_said(profile, text))
    components.chart("effect", event_charts.profile(profile, text), text, lambda: _profile_table(profile, text))
    past_cases.show(answers, similar_cases(found, kind, filters.regions, most=MOST_CASES), kind, text)
    _all_types(table, titles, text)


def _said(profile: pd.DataFrame, text: Text) -> str:
    """The strongest day, how long it is felt, and what that rests on."""
    cases = text("effects.cases", n=int(profile["cases"].iloc[0]))
    felt = profile[~profile["nothing"].astype(bool)]
    if felt.empty:
        return f"{text('effects.nothing')} {cases}"
    most = felt.loc[(felt["factor"] - 1).abs().idxmax()]
    change, low, high = (text.change(most[name]) for name in ("factor", "0.1", "0.9"))
    day = plain(offset_words(int(most["offset"]), text))
    said = text("effects.said", day=day, change=change, low=low, high=high)
    return f"{said} {text('effects.felt', n=len(felt))} {cases}"


def _profile_table(profile: pd.DataFrame, text: Text) -> pd.DataFrame:
    return pd.DataFrame(
        {
            text("effects.offset"): profile["offset"].to_numpy(),
            text("ahead.day"): [offset_words(int(one), text) for one in profile["offset"]],
            text("effects.factor"): profile["factor"].round(3).to_numpy(),
            text("ahead.low"): profile["0.1"].round(3).to_numpy(),
            text("ahead.high"): profile["0.9"].round(3).to_numpy(),
        }
    )


def _all_types(table: pd.DataFrame, titles: dict[str, str], text: Text) -> None:
    rows = table.to_dict("records")
    shown = pd.DataFrame(
        {
            text("effects.type"): [titles[row["type"]] for row in rows],
            text("effects.past"): [int(row["cases"]) for row in rows],
            text("effects.most_on"): [text.name("topic_group", row["topic"]) for row in rows],
            text("effects.when"): [offset_words(int(row["offset"]), text) for row in rows],
            text("cases.change"): [
                text.change(row["factor"]) if row["sure"] else text("effects.unsure") for row in rows
            ],
            text("effects.range"): [
                text("effects.from_to", low=text.change(row["0.1"]), high=text.change(row["0.9"])) for row in rows
            ],
            text("effects.felt_days"): [row["felt_days"] for row in rows],
        }
    )
    with st.container(border=True):
        st.subheader(text("effect_types.title"), anchor=False, help=text("effect_types.help"))
        twins.show(shown, text)
        components.twin("effect_types", shown, text("effect_types.title"), text)
