"""The parts of the Overview that look ahead: three things before Friday, the week's signals, what places expect."""

from __future__ import annotations

from html import escape
from typing import Any

import pandas as pd
import streamlit as st

from analytics import attention
from analytics.attention import Thing
from analytics.events.types import EventTypes
from analytics.filters import Filters
from pages.shared import components, frame, maps, signal_answers, signal_cards, waiting
from pages.shared.answers import Answers
from pages.shared.event_words import told_title
from pages.shared.scales import Scale
from pages.shared.text import Text, plain

ICONS = {
    "signal": ":material/notifications_active:",
    "risen": ":material/trending_up:",
    "event": ":material/event:",
    "overdue": ":material/schedule:",
    "late": ":material/cloud_off:",
    "unowned": ":material/assignment_ind:",
}
PHONE_TILES = 7  # in a line, that can be read on a phone; more scroll there
VIEWS = {"overdue": {"view": "tiles", "measure": "overdue_share"}}  # of the page, beside the filters


def is_there(answers: Answers, filters: Filters, text: Text) -> bool:
    """Were forecasts issued? If not, say how they come to be."""
    if answers.ask("forecast_age", filters)["origin"] is not None:
        return True
    with st.container(border=True):
        st.subheader(text("coming.title"), anchor=False)
        waiting.for_forecasts(answers, filters, text, otherwise="coming.none")
    return False


def three_things(answers: Answers, filters: Filters, text: Text) -> None:
    """In sentences, each with the link to the view that shows it."""
    things = attention.three_things(
        answers.signals(filters),
        answers.ask("expected_change", filters, answers.places(filters)),
        answers.tiles(filters),
        attention.lateness(answers.last_full_day(filters).behind, answers.as_of(filters)),
        answers.ask("events_ahead", filters),
    )
    with st.container(border=True, key="three_things"):
        day = attention.friday(answers.as_of(filters))
        st.subheader(text("coming.things", day=text.day(day, "d MMMM")), anchor=False)
        if not things:
            st.caption(text("coming.nothing"))
        for thing in things:
            page = thing.page if thing.page in frame.PAGES else "signals"
            frame.link(
                page,
                _said(thing, answers.know("event_types"), text),
                view_of(thing),
                text,
                filters,
                icon=ICONS[thing.key],
            )


def view_of(thing: Thing) -> dict[str, str]:
    """The filters and the part of its page that show a thing."""
    if thing.key == "event":
        return thing.chosen | {"part": "calendar", "month": f"{thing.values['day']:%Y-%m}"}
    return thing.chosen | VIEWS.get(thing.key, {})


def signals(answers: Answers, filters: Filters, text: Text) -> None:
    """The signals of the coming week within the budget, the most pressing first; each leads to its card."""
    found = answers.signals(filters)
    week = found[found["within_budget"].astype(bool) & (found["week"] == 0)]
    budget = signal_answers.budget(answers)
    with st.container(border=True, height="stretch", key="week_signals"):
        st.subheader(text("coming.signals"), anchor=False, help=text("signals.cards_help", budget=budget))
        if week.empty:
            st.caption(text("coming.quiet"))
            return
        for signal in week.head(budget).to_dict("records"):
            chosen = {
                name: signal[key]
                for name, key in (("region", "region"), ("municipality", "municipality"), ("topic_group", "topic"))
                if signal[key] not in ("*", "")
            }
            frame.link("signals", _row(signal, text), chosen, text, filters, icon=":material/notifications:")
        if len(week) > budget:
            frame.link("signals", text("coming.all_signals", n=len(week)), {"more": "true"}, text, filters, icon="")


def expected_change(answers: Answers, filters: Filters, text: Text) -> None:
    """The places as tiles, coloured by what the coming week brings against their usual week."""
    places = answers.places(filters)
    table: pd.DataFrame = answers.ask("expected_change", filters, places)
    with st.container(border=True, height="stretch", key="small_tiles"):
        st.subheader(text("coming.change"), anchor=False, help=text("coming.change_help"))
        if table.empty or table["change"].isna().all():
            st.caption(text("coming.no_change"))
            return
        tiles = answers.layout(filters)
        keys = [name for name in ("region", "municipality") if name in tiles and name in table]
        table = tiles.merge(table, on=keys, how="left").assign(complaints=0)
        table["value"] = table["change"].astype(float)
        shade = Scale("against_usual", 0.5, 2.0)
        told = [_told(row, places, text) for row in table.to_dict("records")]
        st.caption(_strongest(table, places, text))
        figure = maps.tiles(table.assign(told=told), shade, text, places=places, compact=True)
        title, alt = text("coming.change"), text("coming.change_alt")
        fits = int(table["column"].max()) < PHONE_TILES
        with st.container(key=None if fits else "small_tiles_chart"):
            components.picture("expected_change", figure, text, title=title, alt=alt)
        components.twin("expected_change", lambda: _listed(table, places, text), title, text, chart="expected_change")


def _listed(table: pd.DataFrame, places: str, text: Text) -> pd.DataFrame:
    table = table.sort_values("change", ascending=False, na_position="last")
    return pd.DataFrame(
        {
            text.of("filters", places): [text.name(places, name) for name in table[places]],
            text("fan.expected"): table["expected"].round(1).to_numpy(),
            text("chart.usual"): table["usual"].round(1).to_numpy(),
            text("heat_column.against_usual"): table["change"].round(3).to_numpy(),
        }
    )


def _said(thing: Thing, types: EventTypes, text: Text) -> str:
    values: dict[str, Any] = dict(thing.values)
    if thing.key == "signal":
        values["days"] = text.period(values.pop("first"), values.pop("last"))
        values["probability"] = text.percent(values["probability"])
        where = {**thing.names, "topic": thing.names["topic_group"]}
        values["name"] = plain(signal_cards.name(where, text))
    elif thing.key == "risen":
        values["change"] = text.change(values["change"])
        (meaning, name) = next(iter(thing.names.items()))
        values["name"] = plain(text.name(meaning, name))
    elif thing.key == "event":
        region = thing.names["region"]
        values["title"] = plain(told_title(values["title"], types, text))
        values["where"] = "" if region == "*" else f" ({plain(text.name('region', region))})"
    elif thing.key == "overdue":
        values = {name: text.percent(value, 1) for name, value in values.items()}
    n = values.pop("places", None)
    return text.of("thing", thing.key, n=n, **values)


def _row(signal: dict[str, Any], text: Text) -> str:
    return text(
        "coming.signal",
        name=plain(signal_cards.name(signal, text)),
        days=signal_cards.days(signal, text),
        chance=text.percent(signal["probability"]),
        excess=float(signal["excess"]),
    )


def _told(row: dict[str, Any], places: str, text: Text) -> str:
    name = escape(text.name(places, row[places]))
    if pd.isna(row["expected"]):
        return f"<b>{name}</b>"
    key = "coming.told" if pd.notna(row["change"]) else "coming.told_few"
    change = text.change(row["change"]) if pd.notna(row["change"]) else ""
    return f"<b>{name}</b><br>" + text(key, expected=row["expected"], usual=row["usual"], change=change)


def _strongest(table: pd.DataFrame, places: str, text: Text) -> str:
    """The place that rises most, in words; a number for who cannot see colours."""
    known = table.dropna(subset="change")
    row = known.loc[known["change"].idxmax()]
    rising = int((known["change"] >= attention.RISES).sum())
    name, change = plain(text.name(places, row[places])), text.change(float(row["change"]))
    if not rising and float(row["change"]) <= 1.005:
        return text("coming.no_rise")
    if not rising:
        return text("coming.steady", name=name, change=change)
    return text("coming.strongest", n=rising, name=name, change=change)
