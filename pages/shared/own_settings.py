"""The reader's own tables and outlines on the Data page: what is kept, upload, preview, what is wrong, keep, forget."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import streamlit as st

from analytics.errors import BadInput
from analytics.own_geometry import OwnShapes
from analytics.own_tables import SHAPES, OwnTable
from pages.shared import choosing, frame, intake, own_answers, own_limits, twins
from pages.shared.answers import Answers
from pages.shared.files import as_csv
from pages.shared.text import Text, plain

KINDS = (*SHAPES, "geometry")
SHOWN = 8  # rows, names, rejected lines
LEVELS = ("region", "municipality")


def own_settings(answers: Answers, text: Text) -> None:
    """One table at a time: the reader chooses which."""
    with st.container(border=True):
        st.subheader(text("own.title"), anchor=False, help=text("own.help"))
        kind = choosing.one_of("table", KINDS, text, label="heatmap.table_choice")
        st.markdown(text.of("own_about", kind))
        st.html(intake.uploader_words(text))
        done = frame.kept("own_done")
        if done and done[0] == kind:
            st.success(_done(text, *done), icon=":material/task_alt:")
        frame.keep("own_done", None)  # said once
        if kind == "geometry":
            _geometry(answers, text)
        else:
            _table(kind, answers, text)


def _table(kind: str, answers: Answers, text: Text) -> None:
    kept: pd.DataFrame = own_answers.kept_rows(answers, kind)
    counted = "own.kept_population" if kind == "population" else "own.kept"
    st.caption(text(counted, n=len(kept)) if len(kept) else text("own.empty"))
    name = text.of("own_file", kind) + ".csv"
    with st.container(horizontal=True):
        label = text("own.download" if len(kept) else "own.template")
        st.download_button(
            label, as_csv(kept, text.language), name, "text/csv", icon=":material/download:", on_click="ignore"
        )
        is_own = own_answers.has_own_rows(answers, kind)
        if is_own and st.button(text("own.forget"), icon=":material/delete:", type="tertiary"):
            own_answers.keep_table(answers, kind, kept.head(0))
            _told(kind)
    if len(kept):
        with st.expander(text("own.show"), icon=":material/table:", key="own_rows", bind="query-params"):
            twins.show(kept, text, height=280)
    if kind == "thresholds" and (n := own_limits.one_limit(answers, kept, text)):
        _told(kind, n)
    path = _upload(kind, text)
    found = _read(lambda: own_answers.read_table(answers, kind, path), text) if path else None
    if isinstance(found, OwnTable):
        _preview(kind, found, answers, text)


def _preview(kind: str, found: OwnTable, answers: Answers, text: Text) -> None:
    """The rows under the names of the store, and what will not be taken."""
    twins.show(found.rows.head(SHOWN), text)
    if len(found.rejected):
        lines = [f"{row.line}: {text.of('own_reason', row.reason)}" for row in found.rejected.head(SHOWN).itertuples()]
        more = text("intake.and_more", n=len(found.rejected) - SHOWN) if len(found.rejected) > SHOWN else ""
        st.warning(text("own.rejected", n=len(found.rejected), lines="; ".join(lines) + more), icon=":material/rule:")
    strangers = [plain(notice["value"]) for notice in found.notices]
    if strangers:
        names = text.listed([text.quoted(name) for name in strangers], SHOWN)
        st.warning(text("own.unknown", n=len(strangers), names=names), icon=":material/help:")
    if st.button(text("own.keep", n=len(found.rows)), type="primary"):
        renamed = own_answers.keep_table(answers, kind, found.rows)
        _told(kind, len(found.rows), renamed)


def _geometry(answers: Answers, text: Text) -> None:
    kept = own_answers.kept_outlines(answers)
    if not any(kept.values()):
        st.caption(text("own.no_outlines"))
    for level in LEVELS:
        if kept[level]:
            with st.container(horizontal=True, vertical_alignment="center"):
                st.caption(text(f"own.outlines_{level}", n=kept[level]))
                label = text("own.forget")
                if st.button(label, icon=":material/delete:", type="tertiary", key=f"forget_{level}"):
                    own_answers.forget_outlines(answers, level)
                    _told("geometry")
    path = _upload("geometry", text)
    found = _read(lambda: own_answers.read_outlines(answers, path), text) if path else None
    if not isinstance(found, OwnShapes):
        return
    st.markdown(text(f"own.found_{found.level}", n=len(found.shapes), by=plain(found.property_name)))
    if found.simplified:
        st.caption(text("own.simplified", metres=round(found.simplified * 111_000)))
    for key, names in (("own.unknown_outlines", found.unknown), ("own.missing", found.missing)):
        if names:
            told = text.listed([text.quoted(plain(name)) for name in names], SHOWN)
            st.warning(text(key, n=len(names), names=told), icon=":material/help:")
    if st.button(text("own.keep_outlines", n=len(found.shapes)), type="primary"):
        own_answers.keep_outlines(answers, found)
        _told("geometry", len(found.shapes))


def _upload(kind: str, text: Text) -> Path | None:
    key = f"own_{kind}_{frame.kept('own_uploads', 0)}"
    file = st.file_uploader(text.of("own_upload", "geometry" if kind == "geometry" else "table"), key=key)
    return intake.saved(file) if file else None


def _read(read: Callable[[], OwnTable | OwnShapes], text: Text) -> OwnTable | OwnShapes | None:
    """What the file says; one sentence where it cannot be used."""
    try:
        return read()
    except BadInput as error:
        st.error(plain(text.error(error)), icon=":material/error:")
        return None


def _done(text: Text, kind: str, kept: int, renamed: int) -> str:
    if not kept:
        return text("own.forgotten")
    return text.of("own_done", kind, n=kept) + (" " + text("own.renamed", n=renamed) if renamed else "")


def _told(kind: str, kept: int = 0, renamed: int = 0) -> None:
    """Show the page anew, with what was done; nothing `kept`: what there was is removed."""
    frame.keep("own_done", (kind, kept, renamed))
    frame.keep("own_uploads", frame.kept("own_uploads", 0) + 1)
    if kind == "aliases":  # the filters' names may have changed
        frame.start_over()
    st.rerun()
