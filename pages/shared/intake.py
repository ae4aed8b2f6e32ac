"""Taking exports in, on the Data page: upload, preview, mapping, import with its progress, result."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.runtime.uploaded_file_manager import UploadedFile

from analytics import imports, presets
from analytics.errors import BadInput
from analytics.imports import ImportResult, Preview
from pages.shared import frame
from pages.shared.answers import Answers
from pages.shared.derived import previews
from pages.shared.text import Text, plain

LEFT_OUT_SHOWN = 40
PREVIEW_ROWS = 5


class Choice(NamedTuple):
    """A file and how it is to be read: None as recognised, else the column of each meaning."""

    path: Path
    mapping: dict[str, str] | None


def take_in(answers: Answers, text: Text) -> None:
    """Upload, preview and import; on a demo store the offer of a real one, for the two are never mixed."""
    if answers.kind() == "demo":
        _offer_real_store(answers, text)
        return
    _results(frame.kept("results", []), text)
    with st.container(border=True):
        st.subheader(text("intake.title"), anchor=False)
        st.html(uploader_words(text))
        files = st.file_uploader(
            text("intake.upload"),
            accept_multiple_files=True,
            key=f"upload_{frame.kept('uploads_done', 0)}",
            help=text("intake.formats"),
        )
        if not files:
            st.caption(text("intake.formats"))
            return
        choices = [choice for file in files for choice in [_look_at(saved(file), answers, text)] if choice]
        if st.button(text("intake.import", n=len(choices)), type="primary", disabled=len(choices) < len(files)):
            _import(choices, answers, text)


def _offer_real_store(answers: Answers, text: Text) -> None:
    with st.container(border=True):
        st.subheader(text("intake.title"), anchor=False)
        st.markdown(text("intake.demo"))
        if not answers.can_start_real():
            st.markdown(text("intake.demo_by_hand"))
        elif st.button(text("intake.start_real"), type="primary", icon=":material/add_circle:"):
            answers.start_real()
            st.rerun()


def uploader_words(text: Text) -> str:
    """A style that says what Streamlit's uploader says in English only."""
    button, rules = (json.dumps(text(key), ensure_ascii=False) for key in ("intake.button", "intake.rules"))
    zone = '[data-testid="stFileUploaderDropzone"]'
    return (
        f"<style>{zone} > span button p {{ font-size: 0; }}"
        f"{zone} > span button p::after {{ content: {button}; font-size: 1rem; }}"
        f'{zone[:-2]}Instructions"] span {{ font-size: 0; }}'
        f'{zone[:-2]}Instructions"] span::after {{ content: {rules}; font-size: 0.9rem; }}</style>'
    )


def saved(file: UploadedFile) -> Path:
    """The uploaded file on disk, under its own name, for as long as the reader's session lasts."""
    folder = frame.kept("uploads") or tempfile.TemporaryDirectory(prefix="forerunner-")
    frame.keep("uploads", folder)
    path = Path(folder.name) / file.file_id / Path(file.name).name
    if not path.exists():
        path.parent.mkdir()
        with path.open("wb") as target:
            while block := file.read(1 << 20):
                target.write(block)
    return path


def _look_at(path: Path, answers: Answers, text: Text) -> Choice | None:
    """The preview of a file; None while it cannot be imported."""
    try:
        with st.spinner(text("intake.reading", file=path.name)):
            found = previews(str(path), answers.snapshot, answers.store)
    except BadInput as error:
        st.error(plain(text.error(error)), icon=":material/error:")
        return None
    choices = [_preview(path, preview, text, only=len(found) == 1) for preview in found]
    return next((choice for choice in choices if choice), None) if all(choices) else None


def _preview(path: Path, preview: Preview, text: Text, *, only: bool) -> Choice | None:
    with st.container(border=True):
        st.markdown(f"**{plain(preview.name)}** · {plain(preview.layout)}")
        if preview.problem:
            st.warning(plain(text.error(preview.problem)), icon=":material/help:")
        else:
            st.caption(_recognised(preview, text))
        columns = dict(preview.mapping.columns) if preview.mapping else {}
        changed = None
        if only and st.toggle(text("intake.change"), value=preview.mapping is None, key=f"change_{path}"):
            changed = columns = _edited(path, preview, columns, text)
        if not columns:
            return None
        _first_rows(preview, columns, text)
        _not_stored(preview, columns, text)
        if "opened_at" not in columns:
            st.warning(text("intake.needs_opened_at"), icon=":material/help:")
            return None
        return Choice(path, changed)


def _recognised(preview: Preview, text: Text) -> str:
    """Which system the export comes from, or that its mapping is a proposal and what is unsure of it."""
    mapping = preview.mapping
    if mapping is None or mapping.preset is None:
        unsure = [text.of("meaning", meaning) for meaning in (mapping.unsure if mapping else ())]
        return text("intake.proposed") + (" " + text("intake.unsure", meanings=", ".join(unsure)) if unsure else "")
    preset = presets.named(mapping.preset)
    title = plain(preset.title.get(text.language, preset.name))
    tried = text("intake.preset_tried" if preset.run_on_real_file else "intake.preset_untried")
    return text("intake.preset", preset=title) + " " + tried


def _edited(path: Path, preview: Preview, columns: dict[str, str], text: Text) -> dict[str, str]:
    """A box for each meaning, with the columns of the file."""
    unsure = preview.mapping.unsure if preview.mapping else ()
    options = [None, *dict.fromkeys(preview.header)]
    chosen = {}
    with st.grid(columns=4, min_column_width=170, gap="xsmall"):
        for meaning in presets.MEANINGS:
            label = text.of("meaning", meaning)
            chosen[meaning] = st.selectbox(
                text("intake.check", meaning=label) if meaning in unsure else label,
                options,
                index=options.index(columns.get(meaning)),
                format_func=lambda column: text("intake.no_column") if column is None else column,
                key=f"map_{path}_{meaning}",
            )
    return {meaning: column for meaning, column in chosen.items() if column}


def _first_rows(preview: Preview, columns: dict[str, str], text: Text) -> None:
    """The first rows, only with what would be stored, each column under its meaning."""
    shown = {meaning: column for meaning, column in columns.items() if meaning not in presets.NOT_STORED}
    table = {
        f"{text.of('meaning', meaning)} ← {column}": [
            row[preview.header.index(column)] or "" for row in preview.rows[:PREVIEW_ROWS]
        ]
        for meaning, column in shown.items()
    }
    st.dataframe(pd.DataFrame(table), hide_index=True, width="stretch")


def _not_stored(preview: Preview, columns: dict[str, str], text: Text) -> None:
    stored = {column for meaning, column in columns.items() if meaning not in presets.NOT_STORED}
    left_out = [column for column in preview.header if column not in stored]
    if left_out:
        names = ", ".join(text.quoted(plain(column)) for column in left_out[:LEFT_OUT_SHOWN])
        more = text("intake.and_more", n=len(left_out) - LEFT_OUT_SHOWN) if len(left_out) > LEFT_OUT_SHOWN else ""
        st.caption(text("intake.left_out", columns=names + more))


def _import(choices: Sequence[Choice], answers: Answers, text: Text) -> None:
    """Import file after file; then show the page anew, with the results on top."""
    bar = st.progress(0.0)
    st.caption(text("intake.keep_open"))
    results: list[ImportResult] = []
    try:
        for place, choice in enumerate(choices):
            results += imports.import_files(
                answers.store,
                [choice.path],
                mapping=choice.mapping,
                now=datetime.now(UTC).replace(tzinfo=None),
                report=_Progress(bar, text, done=place, files=len(choices)),
            )
    except BadInput as error:
        bar.empty()
        _results(results, text)
        st.error(plain(text.error(error)), icon=":material/error:")
        return
    frame.keep("results", results)
    frame.keep("uploads_done", frame.kept("uploads_done", 0) + 1)
    st.rerun()


class _Progress:
    """The share done, on the bar, with the time left; called far more often than a browser can draw."""

    def __init__(self, bar: DeltaGenerator, text: Text, *, done: int, files: int) -> None:
        self.bar, self.text, self.done, self.files = bar, text, done, files
        self.started = self.drawn = time.monotonic()

    def __call__(self, share: float, name: str) -> None:
        now = time.monotonic()
        if now - self.drawn < 0.2 and share < 1:
            return
        self.drawn = now
        seconds = round((now - self.started) * (1 - share) / share) if share > 0.02 else None
        words = self.text("intake.progress", file=name, share=self.text.percent(share))
        if seconds is not None:
            words += " · " + self.text("intake.left", n=seconds)
        self.bar.progress(min((self.done + share) / self.files, 1.0), words)


def _results(results: Sequence[ImportResult], text: Text) -> None:
    """What the last import did, file by file, in words."""
    for result in results:
        counts = {name: getattr(result, name) for name in ("read", "new", "updated", "unchanged", "rejected")}
        words = text("intake.result", file=plain(result.file), seconds=text.number(result.seconds, 1), **counts)
        if result.warnings:
            words += " " + text("intake.warnings", n=result.warnings)
        show = st.warning if result.rejected else st.success
        show(words, icon=":material/task_alt:" if not result.rejected else ":material/rule:")
