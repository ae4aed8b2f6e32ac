"""What goes with a view of the Heatmap: what it leaves out, and its numbers as a table."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from analytics.filters import Filters
from pages.shared import components, twins
from pages.shared.answers import Answers
from pages.shared.scales import Scale
from pages.shared.text import Text, plain

NAMED = 5  # places without geometry


def left_out(table: pd.DataFrame, answers: Answers, filters: Filters, text: Text, *, places: str, measure: str) -> None:
    """What is not to be seen: places without geometry or population, complaints without a place."""
    notes = []
    if table["has_geometry"].any():
        notes.append(_names("heatmap.no_geometry", table.loc[~table["has_geometry"], places], text, places))
    if measure == "per_1000":
        notes.append(_names(f"heatmap.no_population_{places}", table.loc[table["value"].isna(), places], text, places))
    if measure.startswith("against"):
        notes.append(_names("heatmap.no_ratio", table.loc[table["value"].isna(), places], text, places))
    unplaced = answers.without_place(filters, places)
    if unplaced and measure != "forecast":
        notes.append(text(f"heatmap.without_{places}", n=unplaced))
    if any(notes):
        st.caption(" ".join(note for note in notes if note))


def _names(key: str, names: pd.Series, text: Text, meaning: str = "region") -> str:
    if names.empty:
        return ""
    return text(key, n=len(names), names=text.listed([plain(text.name(meaning, name)) for name in names], NAMED))


def twin(table: pd.DataFrame, places: str, shade: Scale, text: Text, second: str = "", *, chart: str) -> None:
    """The same as a table, to read and to take along."""
    download(lambda: _listed(table, places, shade, text, second), shade.measure, chart, text)


def _listed(table: pd.DataFrame, places: str, shade: Scale, text: Text, second: str) -> pd.DataFrame:
    table = table.sort_values("value", ascending=False, kind="stable", na_position="last")
    shown = {text.of("filters", places): [text.name(places, name) for name in table[places]]}
    if second:
        shown[text.of("filters", second)] = [text.name(second, name) for name in table[second]]
    if shade.measure == "forecast":
        shown[column(shade, text)] = table["value"].round(1).tolist()
    else:
        shown[text.of("heat_measure", "complaints")] = table["complaints"].astype(int).tolist()
        for name in ("per_1000", "usual", "against_usual", "last_year", "against_last_year", "overdue_share"):
            values = table[name].astype(float)
            if values.notna().any():
                shown[text.of("heat_column", name)] = values.round(4 if name != "usual" else 1).tolist()
    return pd.DataFrame(shown)


def column(shade: Scale, text: Text) -> str:
    """What is measured, as the head of a column."""
    return text.of("heat_measure", shade.measure)


def download(table: twins.Table, measure: str, chart: str, text: Text) -> None:
    """A table below the chart whose key is `chart`."""
    view = chart.split("_")[1]
    title = f"{text.of('heat_view', view)}: {text.of('heat_measure', measure)}"
    components.twin(f"heat_{view}", table, title, text, chart=chart)
