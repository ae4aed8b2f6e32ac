"""What is remembered between reruns besides answers: what is made of them, and how uploaded files would be read."""

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


@st.cache_data(max_entries=1000, show_spinner=False)
def made(name: str, path: str, snapshot: int, about: tuple[object, ...], _make: Callable[[], Any]) -> Any:
    """What `_make` makes: once for a name, a store in its snapshot, and what it is about."""
    return _make()
