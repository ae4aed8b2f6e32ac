"""What was taken in, on the Data page: history, details, rejected rows, undo, settings."""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import streamlit as st

from analytics import imports
from analytics.filters import Filters
from pages.shared import bound, components, frame, twins
from pages.shared.answers import Answers
from pages.shared.files import as_csv
from pages.shared.text import LANGUAGE_NAMES, Text, plain

NUMBERS = ("rows_read", "rows_new", "rows_updated", "rows_unchanged", "rows_rejected", "warnings")
NOTICES_SHOWN = 8
BUDGETS = (1, 2, 3, 4, 5, 7, 10, 15)  # signals of a region and week


def holdings(answers: Answers, text: Text) -> None:
    """What the store holds and where it lies, in one line."""
    first, last = answers.span()
    where = text("records.store", path=plain(answers.store.path))
    held = text("records.held", first=first, last=last) if first and last else text("records.nothing")
    st.caption(f"{held} {where}")


def health(answers: Answers, text: Text) -> None:
    """Last import, last full day, age of the forecasts and size of the store, in one line."""
    state = answers.ask("health", Filters())
    imported, origin = state["imported_at"], state["origin"]
    lines = [
        text("health.imported", moment=text.time(_local(imported))) if imported else text("health.never"),
        text("health.full", day=answers.as_of(Filters())),
        text("health.forecasts", day=origin, moment=text.time(_local(state["issued_at"])))
        if origin
        else text("health.no_forecasts"),
        text("health.size", size=text.number(state["size"] / 1_000_000, 1)),
    ]
    st.markdown(" · ".join(lines))
    if state["late"]:
        st.warning(text("frame.stale", n=state["late"], origin=origin), icon=":material/update:")


def completeness(table: pd.DataFrame, text: Text) -> None:
    """Which days are loaded, for each region (for each source where there is one region only)."""
    if table.empty:
        return
    by = "region" if table["region"].nunique() > 1 else "source"
    with st.container(border=True):
        st.subheader(text("records.completeness"), anchor=False, help=text("completeness.help"))
        components.loaded(table, text, by=by)


def history(answers: Answers, text: Text) -> None:
    """All imports, the details of one of them, and the undo of the last."""
    table = answers.history()
    if table.empty:
        return
    with st.container(border=True):
        st.subheader(text("records.history"), anchor=False)
        twins.show(_history_table(table, text), text)
        _details(table, answers, text)
        in_force = table[table["undone_at"].isna()]
        if len(in_force) and answers.kind() == "real":
            _undo(in_force.iloc[0].to_dict(), answers, text)


def settings(answers: Answers, text: Text) -> None:
    """What holds for every reader of this store: the home region, the budget of signals, the language."""
    with st.container(border=True):
        st.subheader(text("records.settings"), anchor=False)
        left, middle, right = st.columns(3)
        with left:
            regions = [region for region in answers.choices("region") if region]
            if len(regions) > 1:
                names = {region: text.name("region", region) for region in regions}
                ordered = dict(sorted(names.items(), key=lambda item: item[1]))
                _setting("home_region", ordered, answers, text)
            elif regions:
                st.caption(text("records.only_region", region=plain(text.name("region", regions[0]))))
        with middle:
            _setting("budget", {str(number): str(number) for number in BUDGETS}, answers, text)
        with right:
            _setting("language", LANGUAGE_NAMES, answers, text)


def _history_table(table: pd.DataFrame, text: Text) -> pd.DataFrame:
    shown = {
        text("records.when"): [text.time(_local(moment)) for moment in table["started_at"]],
        text("records.file"): table["file"],
        text("records.status"): [
            text.of("import_status", "in_force" if pd.isna(moment) else "undone") for moment in table["undone_at"]
        ],
    }
    return pd.DataFrame({**shown, **{text.of("records", name): table[name] for name in NUMBERS}})


def _details(table: pd.DataFrame, answers: Answers, text: Text) -> None:
    """Of one import: what was not matched, which columns were left out, and the rejected rows to mend."""
    found = {str(row["import_id"]): row for row in table.to_dict("records")}
    chosen = bound.one_of(
        "import_of", list(found), text("records.details"), lambda words, one: _named(found[one], words), text
    )
    number = int(chosen or next(iter(found)))
    row = found[str(number)]
    for line in _notices(json.loads(row["notices"]), text):
        st.markdown(f"- {line}")
    left_out = json.loads(row["left_out"])
    if left_out:
        st.caption(text("intake.left_out", columns=", ".join(text.quoted(plain(column)) for column in left_out)))
    if row["rows_rejected"] and pd.isna(row["undone_at"]):
        st.download_button(
            text("records.rejects", n=int(row["rows_rejected"])),
            lambda: as_csv(imports.rejects(answers.store, number), text.language),
            file_name=text("records.rejects_file", number=str(number)) + ".csv",
            mime="text/csv",
            icon=":material/download:",
            on_click="ignore",
        )


def _named(row: dict[str, Any], text: Text) -> str:
    """An import, in every time zone alike, for an address names it so."""
    return f"{row['file']} · {text.day(row['started_at'].date())} · #{row['import_id']}"


def _notices(notices: list[dict[str, Any]], text: Text) -> list[str]:
    """One line for each kind of thing that was not matched, with the commonest values."""
    by_kind = defaultdict(list)
    for notice in notices:
        by_kind[notice["kind"]].append(notice)
    lines = []
    for kind, of_kind in by_kind.items():
        values = ", ".join(
            f"{text.quoted(plain(notice['value']))} ({text.number(notice['rows'])})"
            for notice in of_kind[:NOTICES_SHOWN]
            if notice["value"] is not None
        )
        more = " …" if len(of_kind) > NOTICES_SHOWN else ""
        lines.append(text.of("notice", kind, rows=sum(notice["rows"] for notice in of_kind), values=values + more))
    return lines


def _undo(last: dict[str, Any], answers: Answers, text: Text) -> None:
    with st.popover(text("records.undo"), icon=":material/undo:"):
        st.markdown(text("records.undo_asked", file=plain(last["file"])))
        if st.button(text("records.undo_sure"), type="primary"):
            imports.undo_last(answers.store, now=datetime.now(UTC).replace(tzinfo=None))
            frame.keep("results", [])
            st.rerun()


def _setting(name: str, options: dict[str, str], answers: Answers, text: Text) -> None:
    now = answers.setting(name)
    values = [None, *options]
    chosen = st.selectbox(
        text.of("setting", name),
        values,
        index=values.index(now) if now in values else 0,
        format_func=lambda value: text.of("setting_default", name) if value is None else options[value],
        help=text.of("setting_help", name),
    )
    if chosen != (now if now in values else None):
        answers.store.set_setting(name, chosen)
        if name == "home_region":
            frame.start_over()
        st.rerun()


def _local(moment: pd.Timestamp) -> datetime:
    """A moment in UTC as the reader's clock shows it."""
    return moment.to_pydatetime().replace(tzinfo=UTC).astimezone(ZoneInfo(st.context.timezone or "UTC"))
