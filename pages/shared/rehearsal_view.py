"""The rehearsal on the Events page: what is asked, and the answer with and without, in words, chart and tables."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from analytics.filters import Filters
from analytics.grounds import Grounds
from analytics.quick_rehearsal import Played
from analytics.store_rehearsal import similar_cases
from pages.shared import bound, components, event_charts, past_cases, rehearsed, twins, waiting
from pages.shared.answers import Answers
from pages.shared.event_words import count, event_words, place_words, series_words
from pages.shared.rehearsal_form import Asked, asked
from pages.shared.text import Text, plain

FELT = 0.05  # extra complaints of a series from which it is listed
MOST_LOOKED_AT = 60
NAMED = 3  # events of the headline
EVERYTHING = "*"


def show(answers: Answers, filters: Filters, text: Text) -> None:
    """What the reader asks, and what comes of it."""
    found = rehearsed.grounds(answers)
    if found is None:
        prepare(answers, filters, text)
        return
    wanted = asked(answers, found, filters, text)
    if not wanted.ids and wanted.what_if is None:
        return
    with st.spinner(text("rehearsal.working")):
        played = rehearsed.play(answers, wanted.ids, wanted.what_if)
    _answer(answers, found, played, wanted, text)


def prepare(answers: Answers, filters: Filters, text: Text) -> None:
    """The offer to learn now what `refresh` learns otherwise."""
    could_start = waiting.for_forecasts(answers, filters, text, otherwise="rehearsal.unprepared")
    if could_start and st.button(text("rehearsal.prepare"), type="primary", icon=":material/play_arrow:"):
        bar = st.progress(0.0, text("rehearsal.preparing"))

        def report(share: float, _: str) -> None:
            bar.progress(min(share, 1.0), text("rehearsal.preparing"))

        rehearsed.prepare(answers, report)
        st.rerun()


def _answer(answers: Answers, found: Grounds, played: Played, wanted: Asked, text: Text) -> None:
    sums = played.in_all(FELT, sums=False)
    region, topic = _looked_at(played, sums, text)
    whole = _whole(played, region, topic)
    with st.container(border=True):
        for line in _headline(answers, found, played, whole, wanted, text):
            st.markdown(line)
        _tiles(played, whole, wanted.deadline, text)
    days = played.by_day(region, topic)
    figure = event_charts.with_and_without(days, played.events, text)
    components.chart("rehearsed", figure, text, lambda: _days_table(days, text))
    _by_place(sums, text)
    for kind, events in played.events.groupby("type", sort=False):
        strength = events["strength"].median()
        regions = sorted({name for cell in events["region"] for name in cell.split("|") if name})
        cases = similar_cases(found, str(kind), regions, None if pd.isna(strength) else float(strength))
        past_cases.show(answers, cases, str(kind), text)


def _looked_at(played: Played, sums: pd.DataFrame, text: Text) -> tuple[str, str]:
    """Which places and topics the sentence and the chart are about; what the events touch unless chosen otherwise."""
    named = {name: {one for cell in played.events[name] for one in cell.split("|")} for name in ("region", "topic")}
    region, topic = (next(iter(ones)) if len(ones) == 1 and "" not in ones else EVERYTHING for ones in named.values())
    first = played.series.iloc[played.row(region, topic)]
    listed = [f"{row.region}|{row.topic}" for row in sums.head(MOST_LOOKED_AT).itertuples()]
    options = list(dict.fromkeys([f"{first['region']}|{first['topic']}", *listed]))
    chosen = bound.one_of(
        "look", options, text("rehearsal.look"), lambda words, one: _series(one, words), text, follows=True
    )
    place, _, what = str(chosen or options[0]).partition("|")
    return place, what


def _series(look: str, text: Text) -> str:
    region, _, topic = look.partition("|")
    return series_words(region, topic, text)


def _whole(played: Played, region: str, topic: str) -> dict[str, Any]:
    sums = played.in_all()
    row = sums[(sums["region"] == region) & (sums["topic"] == topic)].iloc[0].to_dict()
    days = played.by_day(region, topic)
    at = days[days["day"] == row["busiest"]].iloc[0]
    return {**row, "most_with": at["with_event"], "most_without": at["without_event"]}


def _headline(
    answers: Answers, found: Grounds, played: Played, whole: dict[str, Any], wanted: Asked, text: Text
) -> list[str]:
    """What a manager can act on; that there is no past case is said first."""
    named = [event_words(event, rehearsed.types(answers), text) for event in played.events.to_dict("records")]
    what = text.listed(named, NAMED, apart="; ")
    values = {name: count(abs(whole[name]), text) for name in ("extra", "extra_low", "extra_high", "without_event")}
    days = played.days[played.acting]
    values |= {"what": plain(what), "where": plain(series_words(whole["region"], whole["topic"], text))}
    values |= {"period": text.period(days[0].date(), days[-1].date())}
    values |= {"change": text.change(max(whole["with_event"], 1e-9) / max(whole["without_event"], 1e-9))}
    low, high = whole["extra_low"], whole["extra_high"]
    cases = [similar_cases(found, str(kind), most=1).attrs for kind in played.events["type"].unique()]
    unseen = all(one["own"] == 0 for one in cases)
    kind = "more" if low > 0 else "fewer" if high < 0 else "likely" if whole["extra"] > abs(low) else "open"
    kind = "nothing" if max(abs(low), abs(high)) < FELT else kind
    lines = [text("rehearsal.unseen" if not any(one["kindred"] for one in cases) else "rehearsal.kindred")] * unseen
    lines.append("#### " + text.of("rehearsal_said", kind, None, **values))
    lines.append(text("rehearsal.seen", where=values["where"], period=values["period"]))
    lines += _parts_of_regions(played, text)
    if kind in ("more", "likely"):
        day = text.day(whole["busiest"].date(), "EEEE, d MMMM")
        most, usual = (count(whole[name], text) for name in ("most_with", "most_without"))
        chance, before = (text.chance(whole[f"probability_{name}"]) for name in ("with", "without"))
        answers_a_day = count(played.answers_a_day(whole["region"], whole["topic"], wanted.deadline), text)
        lines.append(text("rehearsal.busiest", day=day, most=most, usual=usual, chance=chance, before=before))
        lines.append(text("rehearsal.answers", answers=answers_a_day, n=wanted.deadline))
    return lines


def _parts_of_regions(played: Played, text: Text) -> list[str]:
    """On what part of a region's complaints an event of municipalities acts."""
    known = [share for share in played.shares.values() if not pd.isna(share)]
    lines = []
    if known:
        low, high = (text.percent(edge(known)) for edge in (min, max))
        lines.append(text("rehearsal.share", share=low if low == high else f"{low}–{high}"))
    if len(known) < len(played.shares):
        lines.append(text("rehearsal.no_share"))
    return lines


def _tiles(played: Played, whole: dict[str, Any], deadline: int, text: Text) -> None:
    """The four numbers again, to be seen from afar."""
    extra = text.signed(whole["extra"], 0 if abs(whole["extra"]) >= 10 else 1)
    low, high = (text.signed(whole[name], 0 if abs(whole[name]) >= 10 else 1) for name in ("extra_low", "extra_high"))
    answers_a_day = played.answers_a_day(whole["region"], whole["topic"], deadline)
    chance, before = (text.chance(whole[f"probability_{name}"]) for name in ("with", "without"))
    most = count(whole["most_with"], text)
    usual = count(whole["most_without"], text)
    tiles = [
        ("extra", text("rehearsal.extra"), extra, text("rehearsal.between", low=low, high=high)),
        (
            "most",
            text("rehearsal.most", day=text.day(whole["busiest"].date(), "short")),
            most,
            text("rehearsal.instead", usual=usual),
        ),
        ("chance", text("rehearsal.chance"), chance, text("rehearsal.instead", usual=before)),
        (
            "more_answers",
            text("rehearsal.more_answers"),
            text.signed(answers_a_day, 0 if abs(answers_a_day) >= 10 else 1),
            text("rehearsal.within", n=deadline),
        ),
    ]
    with st.grid(columns=4, min_column_width=150, gap="xsmall"):
        for name, label, value, beside in tiles:
            with st.container(border=True, gap="xxsmall", height="stretch"):
                st.metric(label, value, help=text(f"rehearsal.{name}_help"))
                st.caption(beside)


def _by_place(sums: pd.DataFrame, text: Text) -> None:
    """Where and about what, the most first."""
    with st.container(border=True):
        st.subheader(text("rehearsed_places.title"), anchor=False, help=text("rehearsed_places.help"))
        if sums.empty:
            st.caption(text("rehearsed_places.none"))
            return
        table = _places_table(sums, text)
        chances = {name: st.column_config.NumberColumn(format="percent") for name in table.columns[7:]}
        twins.show(table, text, chances, height=min(38 + 35 * len(table), 360))
        components.twin("rehearsed_places", table, text("rehearsed_places.title"), text)


def _places_table(sums: pd.DataFrame, text: Text) -> pd.DataFrame:
    return pd.DataFrame(
        {
            text("filters.region"): [place_words("region", name, text) for name in sums["region"]],
            text("filters.topic_group"): [place_words("topic_group", name, text) for name in sums["topic"]],
            text("rehearsal.without"): sums["without_event"].map(_told),
            text("rehearsal.extra_short"): sums["extra"].map(_told),
            text("ahead.low"): sums["extra_low"].map(_told),
            text("ahead.high"): sums["extra_high"].map(_told),
            text("rehearsal.busiest_day"): [day.date() for day in sums["busiest"]],
            text("rehearsal.chance_with"): sums["probability_with"].round(2),
            text("rehearsal.chance_without"): sums["probability_without"].round(2),
        }
    )


def _told(value: float) -> float:
    """As precise as it deserves: whole from ten on."""
    return round(value, 0 if abs(value) >= 10 else 1) + 0.0  # never minus nothing


def _days_table(days: pd.DataFrame, text: Text) -> pd.DataFrame:
    names = {"with_event": "with", "with_low": "with_low", "with_high": "with_high"}
    names |= {"without_event": "without", "without_low": "without_low", "without_high": "without_high"}
    names |= {"extra": "extra", "extra_low": "extra_low", "extra_high": "extra_high"}
    names |= {"probability_with": "chance_with", "probability_without": "chance_without"}
    found = pd.DataFrame({text("ahead.day"): [day.date() for day in days["day"]]})
    for column, name in names.items():
        found[text(f"rehearsal.{name}")] = days[column].round(3 if column.startswith("probability") else 1)
    return found
