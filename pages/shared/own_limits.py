"""One threshold of one's own at a time on the Data page: a place, a topic group, and how many a day can be handled."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from analytics.own_tables import TOTAL
from pages.shared import own_answers
from pages.shared.answers import Answers
from pages.shared.text import Text


def one_limit(answers: Answers, kept: pd.DataFrame, text: Text) -> int | None:
    """A form for one threshold, which takes the place of what was said before; how many there are once it is kept."""
    with st.expander(text("own_limit.title"), icon=":material/edit:"):
        where, town_at, about, number = st.columns([3, 3, 3, 2], vertical_alignment="bottom")
        with where:
            region = _one("region", [TOTAL, *filter(None, answers.choices("region"))], text)
        with town_at:
            towns = [name for name in answers.choices("municipality", (region,)) if name] if region != TOTAL else []
            town = _one("municipality", ["", *towns], text)
        with about:
            topic = _one("topic_group", [TOTAL, *filter(None, answers.choices("topic_group"))], text)
        with number:
            limit = int(st.number_input(text("own_limit.complaints"), 1, None, 10, key="limit_complaints"))
        if not st.button(text("own_limit.keep"), icon=":material/save:"):
            return None
        given = {"region": region, "municipality": town, "topic_group": topic, "complaints": limit}
        rows = kept.assign(**{name: kept[name].replace("", TOTAL) for name in ("region", "topic_group")})
        rows = pd.concat([rows, pd.DataFrame([given])], ignore_index=True)
        rows = rows.drop_duplicates(["region", "municipality", "topic_group"], keep="last")
        own_answers.keep_table(answers, "thresholds", rows)
        return len(rows)


def _one(meaning: str, options: list[str], text: Text) -> str:
    return str(
        st.selectbox(
            text(f"filters.{meaning}"),
            options,
            format_func=lambda name: (
                text(f"filters.any_{meaning}") if name in ("", TOTAL) else text.name(meaning, name)
            ),
            key=f"limit_{meaning}",
            filter_mode="contains",
        )
    )
