"""A link given to a colleague, opened in a fresh browser, shows what its sender saw: page by page."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from playwright.sync_api import Page, expect

from analytics.refresh import refresh
from analytics.store import open_store
from tests.browsing import Serve, Watched, settle
from tests.happenings import NOW, make_happening_store


@pytest.fixture(scope="module")
def happening(tmp_path_factory: pytest.TempPathFactory, serve: Serve) -> str:
    """The address of a dashboard on a store with events and forecasts."""
    folder = make_happening_store(tmp_path_factory.mktemp("links"), prepared=False)
    store = open_store(folder)
    refresh(store, now=NOW, reconstruct=1)
    store.close()
    return serve(folder)


def link_of(page: Page) -> str:
    """What the button of the sidebar copies."""
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy link").click()
    expect(page.get_by_text("Copied: a colleague", exact=False)).to_be_visible()
    return str(page.evaluate("navigator.clipboard.readText()"))


def choose(page: Page, label: str, option: str) -> None:
    page.get_by_role("combobox", name=label).first.click()
    page.keyboard.type(option)
    page.get_by_role("option", name=option).first.click()
    settle(page)


def dots(page: Page) -> str:
    settle(page)
    return str(page.locator("p").filter(has_text=" of 20: ").first.inner_text())


@pytest.mark.parametrize(
    "query",
    [
        {"region": "Тульская область", "view": "calendar", "period": "weeks_52", "kind": "thanks"},
        {"region": "Тульская область", "view": "Календарь", "period": "Последние 52 недели", "kind": "Благодарность"},
        {"lang": "ru", "region": "Tula Oblast", "view": "Calendar", "period": "Last 52 weeks", "kind": "Thanks"},
    ],
    ids=["values as stored", "Russian words for an English reader", "English words for a Russian reader"],
)
def test_an_address_in_other_words_stays_whole_in_the_bar_and_can_be_loaded_again_and_handed_on(
    happening: str, visit: Callable[..., Watched], query: dict[str, str]
) -> None:
    page = visit(f"{happening}/heatmap?{urlencode(query)}").page
    settle(page)
    assert parameters(page) == set(query)
    seen = page.get_by_test_id("stCaptionContainer").first.inner_text()
    assert "2025" in seen
    page.reload()
    settle(page)
    assert page.get_by_test_id("stCaptionContainer").first.inner_text() == seen
    page.get_by_test_id("stSidebar").get_by_test_id("stMultiSelect").nth(1).get_by_role("combobox").click()
    page.get_by_role("option").first.click()
    settle(page)
    assert parameters(page) == {*query, "topic_group"}
    theirs = visit(page.url).page
    settle(theirs)
    narrowed = page.get_by_test_id("stCaptionContainer").first.inner_text()
    assert theirs.get_by_test_id("stCaptionContainer").first.inner_text() == narrowed != seen


def parameters(page: Page) -> set[str]:
    """What the browser's own address names."""
    return set(parse_qs(urlsplit(page.url).query))


def test_the_day_and_the_threshold_of_the_dots_are_in_the_link_and_another_day_has_its_own(
    happening: str, visit: Callable[..., Watched]
) -> None:
    page = visit(f"{happening}/forecast").page
    first = dots(page)
    choose(page, "Day", "Tue, 1 Dec 2026")
    page.get_by_role("slider").focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
        page.wait_for_timeout(200)
    page.wait_for_url(re.compile("least="))
    link = link_of(page)
    moved = dots(page)
    assert moved != first
    assert {"day", "least"} <= set(parse_qs(urlsplit(link).query))
    theirs = visit(link).page
    assert dots(theirs) == moved
    choose(theirs, "Day", "Wed, 2 Dec 2026")
    untouched = dots(visit(f"{happening}/forecast?day=Wed%2C+2+Dec+2026").page)
    assert "2 Dec" in untouched
    assert dots(theirs) == untouched
    theirs.reload()
    assert dots(theirs) == untouched


def test_topics_strength_and_deadline_of_a_rehearsal_are_in_the_link(
    happening: str, visit: Callable[..., Watched]
) -> None:
    page = visit(f"{happening}/events?type=Planned+shut-off+of+hot+water&on=2027-02-01&region=Tula+Oblast").page
    settle(page)
    page.get_by_text("Topics, strength, days to answer").click()
    page.get_by_role("spinbutton", name="Days to answer").fill("3")
    page.keyboard.press("Enter")
    settle(page)
    page.get_by_role("combobox", name="Topic groups it touches").click()
    page.get_by_role("option", name="Roads").click()
    settle(page)
    page.keyboard.press("Escape")
    link = link_of(page)
    assert {"about", "deadline", "more_asked"} <= set(parse_qs(urlsplit(link).query))
    theirs = visit(link).page
    settle(theirs)
    expect(theirs.get_by_role("spinbutton", name="Days to answer")).to_have_value("3")
    chosen = [one.get_by_test_id("stMultiSelect").all_inner_texts() for one in (page, theirs)]
    assert chosen[0] == chosen[1]
    said = theirs.get_by_test_id("stMetric").first.get_by_test_id("stMetricValue").inner_text()
    expect(page.get_by_test_id("stMetric").first.get_by_test_id("stMetricValue")).to_have_text(said)


def test_an_opened_table_and_every_signal_shown_are_in_the_link(happening: str, visit: Callable[..., Watched]) -> None:
    page = visit(f"{happening}/trends?by=topic").page
    settle(page)
    page.get_by_text("Table and downloads").first.click()
    expect(page.get_by_test_id("stDataFrame").first).to_be_visible()
    theirs = visit(link_of(page)).page
    settle(theirs)
    expect(theirs.get_by_test_id("stDataFrame").first).to_be_visible()
