"""Taking in events and weather on the Events page: a file, what it would do, and only then a yes."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from analytics.errors import BadInput
from analytics.events import EventPreview, import_events, preview_events
from analytics.weather import WeatherPreview, import_weather, preview_weather
from pages.shared import components, frame, rehearsed, twins
from pages.shared.answers import Answers
from pages.shared.event_words import places, title, topics
from pages.shared.intake import saved, uploader_words
from pages.shared.text import Text, plain

SHOWN = 200  # rows of a preview
VALUES = 5  # of one notice
ENDINGS = {
    "events": ["csv", "tsv", "txt", "xlsx", "parquet", "ics", "ical", "jsonl", "gz", "zip"],
    "weather": ["csv", "tsv", "txt", "xlsx", "parquet", "jsonl", "gz", "zip"],
}


def show(answers: Answers, text: Text) -> None:
    """Events on the left, weather on the right."""
    _done(text)
    st.html(uploader_words(text))
    left, right = components.halves()
    with left, st.container(border=True, height="stretch"):
        _events(answers, text)
    with right, st.container(border=True, height="stretch"):
        _weather(answers, text)


def _events(answers: Answers, text: Text) -> None:
    path, kind = _file("events", text), None
    kinds = {kind.id: kind.title(text.language) for kind in rehearsed.types(answers)}
    kind = st.selectbox(
        text("take_events.kind"),
        sorted(kinds, key=lambda one: kinds[one]),
        index=None,
        format_func=lambda one: kinds[one],
        placeholder=text("events.none_chosen"),
        help=text("take_events.kind_help"),
        key="take_events_kind",
    )
    if path is None:
        return
    try:
        found = preview_events(answers.store, path, now=_now(), default_type=kind or "")
    except BadInput as error:
        st.error(plain(text.error(error)), icon=":material/error:")
        return
    states = found.events["state"].value_counts()
    counts = {name: int(states.get(name, 0)) for name in ("new", "updated", "unchanged")}
    st.markdown(text("take_events.said", **counts, rejected=len(found.rejected)))
    _notices(found.notices, text)
    _rejected("events", found.rejected, text)
    if len(found.events):
        twins.show(_event_table(answers, found, text), text, height=300)
    n = counts["new"] + counts["updated"]
    if st.button(text("take_events.yes", n=n), type="primary", disabled=n == 0, key="yes_events"):
        result = import_events(answers.store, path, now=_now(), default_type=kind or "")
        _finish("take_events.done", text, new=result.new, updated=result.updated, rejected=result.rejected)


def _weather(answers: Answers, text: Text) -> None:
    path = _file("weather", text)
    if path is None:
        return
    try:
        found = preview_weather(answers.store, path)
    except BadInput as error:
        st.error(plain(text.error(error)), icon=":material/error:")
        return
    _weather_said(found, text)
    _notices(found.notices, text)
    _rejected("weather", found.rejected, text)
    if len(found.weather):
        twins.show(_weather_table(found.weather.head(SHOWN), text), text, height=300)
    n = len(found.weather)
    if st.button(text("take_weather.yes", n=n), type="primary", disabled=n == 0, key="yes_weather"):
        with st.spinner(text("rehearsal.working")):
            result = import_weather(answers.store, path)
        _finish("take_weather.done", text, new=result.new, updated=result.updated, rejected=result.rejected)


def _file(what: str, text: Text) -> Path | None:
    st.subheader(text(f"take_{what}.title"), anchor=False)
    st.caption(text(f"take_{what}.columns"))
    file = st.file_uploader(
        text(f"take_{what}.upload"),
        type=ENDINGS[what],
        key=f"take_{what}_{frame.kept('taken', 0)}",
        help=text(f"take_{what}.help"),
    )
    return saved(file) if file else None


def _weather_said(found: WeatherPreview, text: Text) -> None:
    rows = found.weather
    if rows.empty:
        st.markdown(text("take_weather.nothing", rejected=len(found.rejected)))
        return
    first, last = rows["day"].min().date(), rows["day"].max().date()
    ahead = int(rows["issued_on"].notna().sum())
    period = text.period(first, last)
    where = rows["place"].nunique()
    st.markdown(
        text("take_weather.said", n=len(rows), period=period, places=where, ahead=ahead, rejected=len(found.rejected))
    )


def _event_table(answers: Answers, found: EventPreview, text: Text) -> pd.DataFrame:
    tree = rehearsed.types(answers)
    rows = found.events.sort_values("state", ascending=True).head(SHOWN).to_dict("records")
    return pd.DataFrame(
        {
            text("records.status"): [text.of("event_import", row["state"]) for row in rows],
            text("calendar.first_day"): [row["starts_on"].date() for row in rows],
            text("calendar.last_day"): [row["ends_on"].date() for row in rows],
            text("cases.event"): [title(row, tree, text) for row in rows],
            text("event_form.type"): [tree.of(str(row["type"])).title(text.language) for row in rows],
            text("filters.region"): [places(str(row["region"]), text) for row in rows],
            text("filters.topic_group"): [topics(str(row["topic"]), text) for row in rows],
        }
    )


def _weather_table(rows: pd.DataFrame, text: Text) -> pd.DataFrame:
    names = {"day": text("ahead.day"), "place": text("take_weather.place"), "issued_on": text("take_weather.issued_on")}
    names |= {name: text.of("weather", name) for name in ("temperature_c", "rain_mm", "snow_cm", "wind_ms")}
    shown = rows.assign(day=rows["day"].dt.date, issued_on=rows["issued_on"].dt.date)
    return shown.rename(columns=names)


def _notices(notices: list[dict[str, Any]], text: Text) -> None:
    """What was not understood, one line for each kind."""
    kinds = dict.fromkeys(notice["kind"] for notice in notices)
    for kind in kinds:
        of_kind = [notice for notice in notices if notice["kind"] == kind]
        values = ", ".join(text.quoted(plain(notice["value"])) for notice in of_kind[:VALUES] if notice["value"])
        more = " …" if len(of_kind) > VALUES else ""
        key = f"event_notice.{kind}" if text.has(f"event_notice.{kind}") else "event_notice.other"
        st.caption(text(key, n=sum(notice["rows"] for notice in of_kind), values=values + more))


def _rejected(what: str, rejected: pd.DataFrame, text: Text) -> None:
    """Rows that cannot be taken, each with its line and why."""
    if rejected.empty:
        return
    st.warning(text("take_events.rejected", n=len(rejected)), icon=":material/rule:")
    given = [name for name in rejected.columns if name not in ("line", "reason")]
    table = pd.DataFrame(
        {
            text("take_events.line"): rejected["line"],
            text("take_events.reason"): [_reason(str(reason), text) for reason in rejected["reason"]],
            **{str(name): rejected[name].astype("object").where(rejected[name].notna(), "") for name in given},
        }
    )
    twins.show(table.head(SHOWN), text)
    components.twin(f"rejected_{what}", table, text("take_events.rejected_title"), text)


def _reason(reason: str, text: Text) -> str:
    return text.of("event_reason", reason) if text.has(f"event_reason.{reason}") else reason.replace("_", " ")


def _finish(key: str, text: Text, **counts: int) -> None:
    """Show the page anew, with what was done on top."""
    frame.keep("taken", frame.kept("taken", 0) + 1)
    frame.keep("event_taken", (key, counts))
    st.rerun()


def _done(text: Text) -> None:
    done = frame.kept("event_taken")
    if done:
        frame.keep("event_taken", None)
        st.success(text(done[0], **done[1]), icon=":material/task_alt:")


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
