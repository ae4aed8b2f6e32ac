"""What is remembered between reruns: answers, what is made of them, and how uploaded files would be read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st

from analytics import imports
from analytics.store import Store


@st.cache_resource(max_entries=8, show_spinner=False)
def previews(path: str, snapshot: int, _store: Store) -> list[imports.Preview]:
    """How an uploaded file would be read. Raises BadInput when it cannot be."""
    return imports.propose(_store, [Path(path)])


@st.cache_data(max_entries=4000, show_spinner=False)
def made(what: str, _make: Callable[[], Any]) -> Any:
    """What `_make` makes, once for each `what`: a store in its snapshot, a question and all that it is asked of.

    One text and not many arguments: Streamlit takes milliseconds to tell filters apart.
    """
    return _make()
