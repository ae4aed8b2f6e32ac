"""What stands where forecasts will be: that they are being made, that history is too short, or how to make them."""

from __future__ import annotations

import streamlit as st

from analytics.filters import Filters
from analytics.store_panel import SHORTEST
from pages.shared.answers import Answers
from pages.shared.text import Text

LOOK_EVERY = 5  # seconds


def for_forecasts(answers: Answers, filters: Filters, text: Text, *, otherwise: str) -> bool:
    """Say that forecasts are on their way, or `otherwise` (a key of a sentence) with the command that makes them.

    Where history is too short for any, that is said. Answers whether the reader could start the command now. What is
    on its way is shown as soon as the store has anything new.
    """
    known = _known_days(answers, filters)
    if known < SHORTEST:
        st.info(text("outlook.short", needed=SHORTEST, n=known), icon=":material/history:")
        return False
    if not answers.store.is_refreshing():
        st.info(text(otherwise), icon=":material/update:")
        st.code("python -m analytics refresh", language=None)
        return True
    st.info(text("waiting.forecasts"), icon=":material/hourglass_top:")
    _look_again(answers)
    return False


def _known_days(answers: Answers, filters: Filters) -> int:
    begun = answers.span()[0]
    return (answers.as_of(filters) - begun).days + 1 if begun else 0


@st.fragment(run_every=LOOK_EVERY)
def _look_again(answers: Answers) -> None:
    if answers.store.snapshot() != answers.snapshot or not answers.store.is_refreshing():
        st.rerun()
