"""The frame around every page: title, menu, language, filters. Widget state and the URL live only here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, NamedTuple

import streamlit as st
from streamlit.runtime.scriptrunner_utils.script_run_context import get_script_run_ctx

from analytics.filters import Filters
from pages.shared import address, browser, choosing, failures, selection
from pages.shared.answers import Answers, open_answers
from pages.shared.text import LOCALES, Text, language_of, plain
from pages.shared.twins import About

ICON = Path(__file__).with_name("icon.svg")  # a Material icon would be fetched from an outside host
LOADING = 220  # pixels of the placeholder below what is there while the rest is on its way
STYLE = Path(__file__).with_name("style.css")
PAGES = {  # the menu, in its order: name -> file, icon
    "overview": ("app.py", ":material/dashboard:"),
    "heatmap": ("pages/heatmap.py", ":material/grid_view:"),
    "trends": ("pages/trends.py", ":material/timeline:"),
    "forecast": ("pages/forecast.py", ":material/trending_up:"),
    "signals": ("pages/signals.py", ":material/notifications:"),
    "events": ("pages/events.py", ":material/event:"),
    "data": ("pages/data.py", ":material/database:"),
}
FORESEEING = ("overview", "heatmap", "forecast", "signals", "events")  # pages that show forecasts

DEFINITIONS = "pages/definitions.py"


class Page(NamedTuple):
    """What a page works with: the answers of the store, the reader's filters, the reader's words."""

    answers: Answers
    filters: Filters
    text: Text


@contextmanager
def open_page(name: str, *, needs_complaints: bool = True) -> Iterator[Page]:
    """The frame of the page `name`; inside it any error becomes one sentence with a reference number.

    A page that `needs_complaints` shows what to do instead while the store, or the choice of filters, has none.
    """
    st.set_page_config(layout="wide", page_icon=str(ICON))
    st.html(STYLE)
    text = Text(language_of(st.context.locale))
    with failures.told(name, text), open_answers() as answers:
        address.make_whole(moved=kept("page") not in (None, name))
        keep("page", name)
        with _one_for_all_pages(), st.sidebar:
            text = _menu(answers)
            if kept("start_over"):
                keep("start_over", False)
                choosing.reset(answers.home_region())
            choosing.follow(answers.home_region())
            filters = choosing.filters(answers, text)
            foot = st.container()
            st.page_link(DEFINITIONS, label=text("page.definitions"), icon=":material/help:", width="stretch")
        st.set_page_config(page_title=f"{text(f'page.{name}')} · {text('app.name')}")
        _head(name, answers, text)
        if needs_complaints and not answers.is_empty():
            st.caption(plain(selection.in_words(answers, filters, text)))
            _mark_stale(name, answers, filters, text)
        if needs_complaints and not _has_complaints(answers, filters, text):
            st.stop()
        keep("about", _about(name, answers, filters, text))
        body = st.container()
        with st.skeleton(height=LOADING), body, failures.told(name, text):  # in the language that was chosen
            yield Page(answers, filters, text)
        with foot:
            browser.link(_in_address(answers.home_region()), address.KEYS, text)


def keep(name: str, value: object) -> None:
    """Remember something for the rest of the reader's session."""
    st.session_state[f"kept_{name}"] = value


def kept(name: str, default: Any = None) -> Any:
    """What `keep` remembered, else `default`."""
    return st.session_state.get(f"kept_{name}", default)


def follow_store(name: str, stored: Mapping[str, object]) -> None:
    """Set widgets to what is stored once that has changed, whoever changed it. `stored`: key of a widget -> value."""
    is_new = kept(f"stored_{name}") != stored
    for key, value in stored.items():
        if is_new or key not in st.session_state:
            st.session_state[key] = value
    keep(f"stored_{name}", dict(stored))


def given(name: str, key: str) -> Any:
    """What the reader put into the widget `key`; where nothing is left of a choice, the stored one is back."""
    if st.session_state[key] is None:
        st.session_state[key] = kept(f"stored_{name}", {}).get(key)
        return None
    return st.session_state[key]


def start_over() -> None:
    """Set the filters back at the next run, for what they choose from has changed."""
    keep("start_over", True)


def link(
    page: str,
    label: str,
    chosen: Mapping[str, str],
    text: Text,
    filters: Filters,
    *,
    icon: str,
    width: Literal["stretch", "content"] = "stretch",
) -> None:
    """A link to the exact view: a page with the reader's filters and, in their place, those of `chosen`."""
    st.page_link(
        PAGES[page][0],
        label=label,
        icon=icon or None,
        width=width,
        query_params=parameters(chosen, filters, text),
    )


def parameters(chosen: Mapping[str, str], filters: Filters, text: Text) -> dict[str, str | list[str]]:
    """What the address of a view says: the reader's filters and, in their place, those of `chosen`."""
    given: dict[str, tuple[str, ...]] = {
        "region": filters.regions,
        "municipality": filters.municipalities,
        "topic_group": filters.topic_groups,
        "topic": filters.topics,
        "channel": filters.channels,
    }
    given |= {name: (value,) for name, value in chosen.items()}
    told: dict[str, str | list[str]] = {
        name: [value if name in address.OF_PAGES else text.name(name, value) for value in values]
        for name, values in given.items()
        if values
    }
    return told | {"lang": text.language, address.FOLLOWED: "1"}


@contextmanager
def _one_for_all_pages() -> Iterator[None]:
    """Widgets made inside are one and the same on every page.

    To Streamlit a widget of another page is another widget, even with the same key: on a change of page, and on the
    browser's way back, filters and address would be lost. Those of the main script belong to all pages.
    """
    context = get_script_run_ctx()
    if context is None:
        yield
        return
    with context.run_with_active_hash(context.pages_manager.main_script_hash):
        yield


def _menu(answers: Answers) -> Text:
    """The name, the language and the links to the pages; answers the words of the language chosen."""
    language = answers.setting("language") or language_of(st.context.locale)
    text = Text(language if language in LOCALES else "en")
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        name = st.empty()
        chosen = st.segmented_control(
            text("menu.language"),
            list(LOCALES),
            default=text.language,
            key="lang",
            bind="query-params",
            required=True,
            label_visibility="collapsed",
            on_change=address.write_again,
        )
    text = Text(chosen or text.language)
    name.markdown(f"### {text('app.name')}", width="content")
    for page, (file, icon) in PAGES.items():
        st.page_link(file, label=text(f"page.{page}"), icon=icon, width="stretch")
    return text


def _head(name: str, answers: Answers, text: Text) -> None:
    if answers.kind() == "demo":
        st.info(text("frame.demo"), icon=":material/science:")
    st.title(text(f"{name}.title"), anchor=False)


def _mark_stale(name: str, answers: Answers, filters: Filters, text: Text) -> None:
    """On every page that shows forecasts: they are older than the data."""
    age = answers.ask("forecast_age", filters) if name in FORESEEING else {"late": 0}
    if age["late"] and answers.store.is_refreshing():
        st.info(text("frame.renewing", n=age["late"], origin=age["origin"]), icon=":material/hourglass_top:")
    elif age["late"]:
        st.warning(text("frame.stale", n=age["late"], origin=age["origin"]), icon=":material/update:")


def _about(name: str, answers: Answers, filters: Filters, text: Text) -> About:
    """What every file taken along from this page says of itself."""
    if answers.is_empty():
        return About()
    source = text("take.demo" if answers.kind() == "demo" else "app.name")
    until = text("take.until_day", day=answers.as_of(filters))
    return About(text(f"{name}.title"), selection.in_words(answers, filters, text), until, source)


def _has_complaints(answers: Answers, filters: Filters, text: Text) -> bool:
    """Is there anything to show? If not, say what to do."""
    if answers.is_empty():
        st.info(text("empty.store"), icon=":material/upload_file:")
        st.page_link(PAGES["data"][0], label=text("empty.to_data"), icon=PAGES["data"][1])
        return False
    if (answers.tiles(filters)["unknown"] == "no_complaints").all():
        st.info(text("empty.filters"), icon=":material/filter_alt_off:")
        return False
    return True


def _in_address(home: str | None) -> dict[str, list[str]]:
    """The filters as an address says them: as they are stored, which every language understands; no defaults."""
    at_first, found = choosing.at_first(home), {}
    for key in address.KEYS:
        value = st.session_state.get(key, at_first.get(key, []))
        if value != at_first.get(key, []):
            several = isinstance(value, (list, tuple))
            found[key] = [str(one) for one in value] or [""] if several else [str(value)]
    return found
