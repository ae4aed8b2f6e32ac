"""What stands where forecasts will be: that they are being made and appear by themselves, or how to make them."""

from __future__ import annotations

import streamlit as st

from pages.shared.answers import Answers
from pages.shared.text import Text

LOOK_EVERY = 5  # seconds


def for_forecasts(answers: Answers, text: Text, *, otherwise: str) -> bool:
    """Say that forecasts are on their way, or `otherwise` (a key of a sentence) with the command that makes them.

    Answers whether they are on their way; then the page shows them as soon as the store has anything new.
    """
    if not answers.store.is_refreshing():
        st.info(text(otherwise), icon=":material/update:")
        st.code("python -m analytics refresh", language=None)
        return False
    st.info(text("waiting.forecasts"), icon=":material/hourglass_top:")
    _look_again(answers)
    return True


@st.fragment(run_every=LOOK_EVERY)
def _look_again(answers: Answers) -> None:
    if answers.store.snapshot() != answers.snapshot or not answers.store.is_refreshing():
        st.rerun()
