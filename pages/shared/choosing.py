"""The filters in the sidebar: widgets bound to the URL, and what they say in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

import streamlit as st

from analytics.filters import COMPARISONS, COUNTED, Filters
from pages.shared.address import FOLLOWED, KEYS, LISTS, OF_PAGES, seed
from pages.shared.answers import Answers
from pages.shared.text import Text

PERIODS = {"days_7": 7, "days_28": 28, "weeks_13": 91, "weeks_52": 364, "month": 0, "year": 0, "own": 0}
DEFAULT_PERIOD = "days_7"
KINDS = (*COUNTED, "thanks")
PARENTS = {"municipality": "region", "topic": "topic_group"}
MOST_OPTIONS = 400  # longer lists slow the browser; a parent (region, topic group) makes them shorter


def filters(answers: Answers, text: Text) -> Filters:
    """The widgets of the filters, and what is chosen in them. Nothing is shown while the store is empty."""
    if answers.is_empty():
        return Filters()
    st.subheader(text("filters.title"), anchor=False)
    period_place = st.container()
    home = answers.home_region()
    chosen: dict[str, tuple[str, ...]] = {}
    for meaning in LISTS:
        chosen[meaning] = _several(meaning, answers, text, chosen, home)
    kinds = _kinds(answers, text)
    found = Filters(
        regions=chosen["region"],
        municipalities=chosen["municipality"],
        topic_groups=chosen["topic_group"],
        topics=chosen["topic"],
        channels=chosen["channel"],
        kinds=kinds,
    )
    with period_place:
        first, last = _period(answers.as_of(found), answers, text)
        found = replace(found, compare=_compare(text))
    _below(home, text)
    return Filters(first, last, *(getattr(found, field) for field in list(Filters.__dataclass_fields__)[2:]))


def one_of(name: str, options: Sequence[str], text: Text, *, family: str = "heat", label: str = "") -> str:
    """One of the ways that a page offers, kept in the address; the first unless chosen otherwise.

    `family`: of the options' words; `label`: the key of what a screen reader says of them all.
    """
    options = list(options)
    seed(name, options, lambda words, option: words.of(f"{family}_{name}", option), text)
    if st.session_state.get(name) not in options:
        st.session_state.pop(name, None)
    if len(options) < 2:
        return options[0]
    chosen = st.segmented_control(
        text(label or f"heatmap.{name}"),
        options,
        default=options[0],
        format_func=lambda option: text.of(f"{family}_{name}", option),
        key=name,
        bind="query-params",
        required=True,
        label_visibility="collapsed",
    )
    return str(chosen or options[0])


def steps_ahead(first: int, last: int, text: Text, *, days: int) -> int:
    """A day, or a week (`days`: 7), by its distance from the last day known; the next one unless chosen otherwise.

    0 is the last day known, or the week that ends with it.
    """
    unit = "week" if days > 1 else "day"
    chosen = st.session_state.get("ahead")
    if chosen is not None and not first <= chosen <= last:  # of the other unit
        st.session_state["ahead"] = min(1, last)
    return int(
        st.slider(
            text(f"heatmap.ahead_{unit}"),
            first,
            last,
            min(1, last),
            format="%+d",
            key="ahead",
            bind="query-params",
            help=text("heatmap.ahead_help"),
        )
    )


def enter(chart: str, places: str) -> None:
    """After a click on a chart of places: choose the place that was clicked."""
    points = st.session_state[chart]["selection"]["points"]
    if points:
        st.session_state[places] = [points[0]["customdata"][0]]


def way_back(answers: Answers, chosen: Filters, text: Text) -> None:
    """From a municipality to its region, from a region to all of them."""
    several = len([region for region in answers.choices("region") if region]) > 1
    with st.container(horizontal=True):
        if several and len(chosen.regions) == 1:
            st.button(text("heatmap.all_regions"), icon=":material/arrow_back:", on_click=_leave, args=("region",))
        if chosen.municipalities:
            st.button(
                text("heatmap.all_municipalities"),
                icon=":material/arrow_back:",
                on_click=_leave,
                args=("municipality",),
            )


def _leave(places: str) -> None:
    for key in ("region", "municipality") if places == "region" else ("municipality",):
        if key in st.session_state:
            st.session_state[key] = []


def _several(
    meaning: str, answers: Answers, text: Text, chosen: dict[str, tuple[str, ...]], home: str | None
) -> tuple[str, ...]:
    """One list of the sidebar; empty means all. A list without a choice in it is not shown."""
    parents = chosen[PARENTS[meaning]] if meaning in PARENTS else ()
    options = answers.choices(meaning, parents)
    default = [home] if meaning == "region" and home else []
    if meaning == "municipality" and not parents and answers.places(Filters()) == "region":
        return ()
    if len(options) < 2:
        return tuple(default)
    options = options[:MOST_OPTIONS]
    seed(meaning, options, lambda words, option: words.name(meaning, option), text)
    return tuple(
        st.multiselect(
            text(f"filters.{meaning}"),
            options,
            default=default,
            format_func=lambda option: text.name(meaning, option),
            placeholder=text(f"filters.any_{meaning}"),
            key=meaning,
            bind="query-params",
            filter_mode="contains",
            select_all=False,
        )
    )


def _kinds(answers: Answers, text: Text) -> tuple[str, ...]:
    options = [*KINDS, *(kind for kind in answers.choices("kind") if kind not in KINDS)]
    seed("kind", options, lambda words, kind: words.name("kind", kind), text)
    return tuple(
        st.pills(
            text("filters.kind"),
            options,
            selection_mode="multi",
            default=list(COUNTED),
            format_func=lambda kind: text.name("kind", kind),
            key="kind",
            bind="query-params",
            help=text("filters.kind_help"),
        )
    )


def _compare(text: Text) -> str:
    """What changes are told against."""
    seed("compare", COMPARISONS, lambda words, other: words.of("compare", other), text)
    return str(
        st.selectbox(
            text("filters.compare"),
            COMPARISONS,
            format_func=lambda other: text.of("compare", other),
            key="compare",
            bind="query-params",
            help=text("filters.compare_help"),
        )
    )


def _period(as_of: date, answers: Answers, text: Text) -> tuple[date, date]:
    """The first and the last day of the period chosen; every preset ends with the last full day."""
    seed("period", list(PERIODS), lambda words, period: words.of("period", period), text)
    period = st.selectbox(
        text("filters.period"),
        list(PERIODS),
        format_func=lambda name: text.of("period", name),
        key="period",
        bind="query-params",
    )
    if period == "own":
        first, last = answers.span()
        days = st.date_input(
            text("filters.days"),
            (max(first or as_of, as_of - timedelta(days=27)), as_of),
            min_value=first,
            max_value=max(last or as_of, as_of),
            key="days",
            bind="query-params",
            format=text("filters.day_format"),
        )
        days = days if isinstance(days, tuple) else (days,)
        return (days[0], days[-1]) if days else (as_of, as_of)
    if period == "month":
        return as_of.replace(day=1), as_of
    if period == "year":
        return as_of.replace(month=1, day=1), as_of
    return as_of - timedelta(days=PERIODS[period or DEFAULT_PERIOD] - 1), as_of


def _below(home: str | None, text: Text) -> None:
    """Reset."""
    st.button(text("filters.reset"), icon=":material/restart_alt:", on_click=reset, args=(home,), type="tertiary")


def follow(home: str | None) -> None:
    """After a click on a link to an exact view: choose what its address says, for widgets keep what they had.

    What the address does not name is set back, but for the period and the kinds.
    """
    if FOLLOWED not in st.query_params:
        return
    del st.query_params[FOLLOWED]
    first = at_first(home)
    for key in (*LISTS, *OF_PAGES):
        if st.query_params.get_all(key):
            st.session_state.pop(key, None)  # to be read from the address
        elif key in LISTS and key in st.session_state:
            st.session_state[key] = [] if key != "region" else first["region"]


def reset(home: str | None) -> None:
    """Set every filter back to what it is at first."""
    first = at_first(home)
    for key in KEYS:
        if key in st.session_state and key != "days":
            st.session_state[key] = first.get(key, [])


def at_first(home: str | None) -> dict[str, str | list[str]]:
    """What the filters are unless chosen otherwise."""
    return {
        "region": [home] if home else [],
        "kind": list(COUNTED),
        "period": DEFAULT_PERIOD,
        "compare": COMPARISONS[0],
    }
