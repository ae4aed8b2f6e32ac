"""Adding, changing and cancelling an event."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pandas as pd
import streamlit as st

from analytics.events import add_event, cancel_event, change_event, event_problem
from analytics.filters import Filters
from pages.shared import event_choices, event_words, frame, rehearsed
from pages.shared.answers import Answers
from pages.shared.text import Text, plain

NEW = "new"


def add(answers: Answers, filters: Filters, day: date, text: Text) -> None:
    """A form for a new event; `day`: the first day that it offers."""
    _done(text)
    kinds = rehearsed.kinds(answers, text)
    empty = {
        "id": NEW,
        "type": next(iter(kinds)),
        "title": "",
        "starts_on": pd.Timestamp(day),
        "ends_on": pd.Timestamp(day),
        "region": "|".join(filters.regions),
        "municipality": "",
        "topic": "",
        "strength": float("nan"),
        "unit": "",
        "known_since": None,
        "cancelled": False,
    }
    with st.expander(text("event_form.add"), icon=":material/add:"):
        given = _form(answers, empty, text("event_form.save_new"), text)
        if given is not None and _fits(answers, given, text):
            made, _ = add_event(answers.store, now=_now(), id=None, source="by hand", **given)
            _kept("added", made)


def edit(answers: Answers, event: dict[str, Any], text: Text) -> None:
    """A form with the event in it; what is saved counts in the next rehearsal."""
    with st.expander(text("event_form.edit"), icon=":material/edit:"):
        given = _form(answers, event, text("event_form.save"), text)
        if given is not None and _fits(answers, given, text):
            change_event(answers.store, str(event["id"]), before=event, now=_now(), **given)
            _kept("changed", str(event["id"]))


def cancel(answers: Answers, event: dict[str, Any], text: Text) -> None:
    """The event stays in the list and counts no more; or it counts again."""
    if event["cancelled"]:
        if st.button(text("event_form.restore"), icon=":material/undo:"):
            change_event(answers.store, str(event["id"]), before=event, now=_now(), cancelled=False)
            _kept("restored", str(event["id"]))
        return
    with st.popover(text("event_form.cancel"), icon=":material/event_busy:"):
        st.markdown(text("event_form.cancel_asked"))
        if st.button(text("event_form.cancel_sure"), type="primary"):
            if event["ruled"]:
                change_event(answers.store, str(event["id"]), before=event, now=_now(), cancelled=True)
            else:
                cancel_event(answers.store, str(event["id"]), now=_now())
            _kept("cancelled", str(event["id"]))


def _form(answers: Answers, event: dict[str, Any], save: str, text: Text) -> dict[str, Any] | None:
    """The fields; what is in them once they are sent, else None."""
    tree = rehearsed.types(answers)
    kinds = [kind.id for kind in tree]
    kinds += [] if event["type"] in kinds else [str(event["type"])]
    regions = [name for name in answers.choices("region") if name] if not answers.is_empty() else []
    groups = [name for name in answers.choices("topic_group") if name] if not answers.is_empty() else []
    chosen = {name: [one for one in str(event[name]).split("|") if one] for name in ("region", "topic")}
    key = f"form_{event['id']}"
    if event["id"] == NEW:  # another day or region offered is another form: a field keeps what it began with
        key += f"_{event['starts_on']:%Y%m%d}_{event['region']}"
    kinds = sorted(kinds, key=lambda one: tree.of(one).title(text.language))
    kind = st.selectbox(  # outside the form: the unit of the strength is that of the type chosen
        text("event_form.type"),
        kinds,
        index=kinds.index(str(event["type"])),
        format_func=lambda one: tree.of(one).title(text.language),
        key=f"{key}_type",
    )
    unit = (str(event["unit"] or "") if kind == event["type"] else "") or tree.of(kind).unit
    with st.form(key, border=False):
        title = st.text_input(
            text("event_form.title"),
            event_words.title(event, tree, text) if event["title"] else "",
            max_chars=120,
            key=f"{key}_title",
            help=text("event_form.title_help"),
        )
        left, right = st.columns(2)
        first = left.date_input(
            text("calendar.first_day"), event["starts_on"].date(), format=text("filters.day_format"), key=f"{key}_first"
        )
        last = right.date_input(
            text("calendar.last_day"), event["ends_on"].date(), format=text("filters.day_format"), key=f"{key}_last"
        )
        where = left.multiselect(
            text("event_form.regions"),
            list(dict.fromkeys([*regions, *chosen["region"]])),
            default=chosen["region"],
            format_func=lambda one: text.name("region", one),
            placeholder=text("filters.any_region"),
            key=f"{key}_region",
        )
        about = right.multiselect(
            text("ask.topics"),
            list(dict.fromkeys([*groups, *chosen["topic"]])),
            default=chosen["topic"],
            format_func=lambda one: text.name("topic_group", one),
            placeholder=text("filters.any_topic_group"),
            key=f"{key}_topic",
        )
        strength = left.number_input(
            text("event_form.strength", unit=plain(event_words.unit(unit, text)) or "—"),
            value=None if pd.isna(event["strength"]) else float(event["strength"]),
            min_value=0.0,
            key=f"{key}_strength",
            help=text("event_form.strength_help"),
        )
        sent = st.form_submit_button(save, type="primary", icon=":material/save:")
    if not sent:
        return None
    was = tree.of(str(event["type"]))
    same_places = set(where) == set(chosen["region"])
    return {
        "type": kind,
        "title": "" if title.strip() in (was.title_ru, was.title_en) else title.strip(),  # the type's own goes with it
        "starts_on": first,
        "ends_on": last,
        "region": "|".join(where),
        "municipality": str(event["municipality"]) if same_places else "",
        "topic": "|".join(about),
        "strength": strength,
        "unit": unit if strength is not None else "",
    }


def _fits(answers: Answers, given: dict[str, Any], text: Text) -> bool:
    """Can it be an event? If not, say why in a sentence."""
    problem = event_problem(given, rehearsed.types(answers))
    if problem:
        st.error(text.of("event_reason", problem), icon=":material/error:")
    return problem is None


def _kept(what: str, event_id: str) -> None:
    frame.keep("event_done", (what, event_id))
    event_choices.forget_form(event_id if what != "added" else NEW)
    st.rerun()


def _done(text: Text) -> None:
    """What the last change did, said once."""
    done = frame.kept("event_done")
    if done:
        frame.keep("event_done", None)
        st.toast(text.of("event_done", done[0]), icon=":material/task_alt:")
        st.success(text.of("event_done", done[0]), icon=":material/task_alt:")


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
