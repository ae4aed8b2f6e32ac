"""What the reader sees when something goes wrong: one sentence, never a traceback."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from analytics.errors import BadInput
from pages.shared.text import Text, plain


@contextmanager
def told(place: str, text: Text) -> Iterator[None]:
    """An error inside becomes one sentence, an unexpected one with a number that stands in the log with its story.

    `place`: where it happened, for the log.
    """
    try:
        yield
    except BadInput as error:
        st.error(plain(text.error(error)), icon=":material/error:")
        st.stop()
    except Exception:
        reference = secrets.token_hex(3).upper()
        logging.getLogger("forerunner").exception("error %s on the page %s", reference, place)
        st.error(text("error.unexpected", reference=reference), icon=":material/error:")
        st.stop()
