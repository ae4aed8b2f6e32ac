"""A chart's twin: its numbers as a table, to read and to take along, made only once the reader asks for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple, TypeAlias

import pandas as pd
import streamlit as st

from pages.shared import browser, failures
from pages.shared.files import as_csv, as_xlsx, file_name
from pages.shared.text import Text, plain

Table: TypeAlias = pd.DataFrame | Callable[[], pd.DataFrame]
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
HEIGHT = 320  # pixels, of a longer table


class About(NamedTuple):
    """What the downloads say of themselves: the page's question, the selection, up to when the data reach, whose."""

    page: str = ""
    selection: str = ""
    until: str = ""
    source: str = ""


@st.fragment
def twin(key: str, table: Table, title: str, about: About, text: Text, *, chart: str | None = None) -> None:
    """The table below what it belongs to, closed at first, with its downloads; `chart`: the key of a chart to save.

    Names of columns are the reader's words. A fragment: to open it runs nothing else of the page.
    """
    with failures.told(key, text):
        label = text("take.title") if chart else f"{text('take.title')}: {plain(title)}"
        box = st.expander(label, icon=":material/table:", key=f"twin_{key}", bind="query-params")
        if not box.open:
            return
        found = table() if callable(table) else table
        lines = [(text("take.what"), title), *_lines(about, text)]
        with box:
            height: int | Literal["content"] = HEIGHT if len(found) > 8 else "content"
            show(found, text, height=height, alt=title)
            with st.container(horizontal=True, vertical_alignment="center"):
                sheets = (text("take.sheet"), text("take.about"))
                _button("xlsx", lambda: as_xlsx(found, lines, sheets), XLSX, key, title, text)
                _button("csv", lambda: as_csv(found, text.language), "text/csv", key, title, text)
                if chart:
                    notes = [note for note in (about.selection, f"{about.until} · {about.source}") if note]
                    browser.pictures(chart, title, notes, text)


def _button(kind: str, data: Callable[[], bytes], mime: str, key: str, title: str, text: Text) -> None:
    st.download_button(
        text(f"take.{kind}"),
        data,
        file_name(title, kind),
        mime,
        key=f"{kind}_{key}",
        icon=":material/download:",
        on_click="ignore",
    )


def _lines(about: About, text: Text) -> list[tuple[str, str]]:
    names = ("page", "selection", "until", "source")
    return [(text(f"take.{name}"), value) for name, value in zip(names, about, strict=True) if value]


def show(table: pd.DataFrame, text: Text, formats: dict[str, Any] | None = None, **more: Any) -> None:
    """A table to be read: numbers as the reader's browser writes them, days as the language does.

    `formats`: columns that are written otherwise. `more`: as st.dataframe takes it.
    """
    st.dataframe(
        table, hide_index=True, width="stretch", column_config={**columns(table, text), **(formats or {})}, **more
    )


def columns(table: pd.DataFrame, text: Text) -> dict[str, Any]:
    """How the numbers and the days of a table are written."""
    found: dict[str, Any] = {}
    for name in table.columns:
        if pd.api.types.is_numeric_dtype(table[name]):
            found[str(name)] = st.column_config.NumberColumn(format="localized")
        elif pd.api.types.infer_dtype(table[name], skipna=True) in ("date", "datetime", "datetime64"):
            found[str(name)] = st.column_config.DateColumn(format=text("table.day"))
    return found
