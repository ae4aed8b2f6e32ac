"""What holds on every page, seen in a real browser: cold, in both themes, on a phone, on paper, with its files."""

from __future__ import annotations

import io
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pandas as pd
import pytest
from playwright.sync_api import Browser, Page, expect
from python_calamine import CalamineWorkbook

from pages.shared.frame import PAGES
from pages.shared.text import Text
from tests.browsing import LAPTOP, PATIENCE, PHONE, Watched, settle, watched_page

AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
NAMES = [*PAGES, "definitions"]
REGION = "Тульская область"
SERIOUS = ("serious", "critical")
WIDER = """() => [...document.querySelectorAll('[data-testid=stMain] *')]
  .filter(e => e.offsetParent && !e.closest('svg') && e.getBoundingClientRect().right > innerWidth + 2)
  .filter(e => { for (let p = e.parentElement; p; p = p.parentElement)
     if (['auto', 'scroll'].includes(getComputedStyle(p).overflowX) && p.dataset.testid !== 'stMain'
         && p.getBoundingClientRect().right <= innerWidth + 2) return false; return true; })
  .map(e => `${e.tagName}.${e.className}`.slice(0, 120))"""


@dataclass
class Seen:
    """What was found on a page."""

    watched: Watched
    said: str
    alts: list[str]
    findings: dict[str, list[str]]
    too_wide: list[str]
    labels: list[str]


_seen: dict[str, Seen] = {}


@pytest.fixture
def seen(request: pytest.FixtureRequest, chromium: Browser, country: str) -> Seen:
    """A page opened once, cold and by its address, in Russian, and looked at in every way."""
    name: str = request.param
    if name not in _seen:
        _seen[name] = look_at(chromium, country, name)
    return _seen[name]


def look_at(chromium: Browser, country: str, name: str) -> Seen:
    context = chromium.new_context(locale="en-GB", viewport=LAPTOP, color_scheme="light")  # type: ignore[arg-type]
    context.set_default_timeout(PATIENCE)
    address = f"{country}/{'' if name == 'overview' else name}?lang=ru&region={quote(REGION)}&period=days_28"
    watched = watched_page(context, address)
    page = watched.page
    settle(page)
    said = page.get_by_test_id("stMain").inner_text()
    alts = [chart.get_attribute("aria-label") or "" for chart in page.get_by_test_id("stPlotlyChart").all()]
    findings = {"light": serious(page)}
    page.emulate_media(color_scheme="dark")
    page.wait_for_timeout(600)
    settle(page)
    findings["dark"] = serious(page)
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    page.wait_for_timeout(600)
    settle(page)
    too_wide = page.evaluate(WIDER)
    labels = [
        chart.evaluate("c => [...c.querySelectorAll('text')].filter(t => t.textContent).length") or ""
        for chart in page.get_by_test_id("stPlotlyChart").all()
    ]
    context.close()
    return Seen(watched, said, alts, findings, too_wide, labels)


def serious(page: Page) -> list[str]:
    """What axe-core calls serious or critical, with the first place of each."""
    page.evaluate(AXE)
    found: dict[str, Any] = page.evaluate("() => axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{rule['id']}: {node['html'][:200]} {node['any'][0]['message'] if node['any'] else ''}"
        for rule in found["violations"]
        if rule["impact"] in SERIOUS
        for node in rule["nodes"][:4]
    ]


@pytest.mark.parametrize("seen", NAMES, indirect=True)
def test_a_page_opened_cold_by_its_address_shows_its_question_and_the_selection(
    seen: Seen, request: pytest.FixtureRequest
) -> None:
    name = request.node.callspec.params["seen"]
    assert Text("ru")(f"{name}.title") in seen.said
    if name not in ("data", "definitions"):
        assert REGION in seen.said


@pytest.mark.parametrize("seen", NAMES, indirect=True)
def test_a_page_asks_nothing_of_the_outside_and_leaves_no_error_on_the_console(seen: Seen) -> None:
    assert seen.watched.outside == []
    assert seen.watched.complaints == []


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("seen", NAMES, indirect=True)
def test_axe_finds_nothing_serious(seen: Seen, theme: str) -> None:
    assert seen.findings[theme] == []


@pytest.mark.parametrize("seen", NAMES, indirect=True)
def test_every_chart_is_described_for_those_who_do_not_see_it(seen: Seen) -> None:
    assert all(len(alt) > 15 for alt in seen.alts), seen.alts


@pytest.mark.parametrize("seen", NAMES, indirect=True)
def test_a_phone_shows_a_page_without_scrolling_sideways_and_charts_keep_their_labels(seen: Seen) -> None:
    assert seen.too_wide == []
    assert all(seen.labels)


def test_what_is_seen_is_taken_along_and_read_back(country: str, visit: Callable[..., Watched], tmp_path: Path) -> None:
    page = visit(f"{country}/?lang=ru&period=days_28&region={quote(REGION)}").page
    settle(page)
    page.locator(".st-key-twin_over_time summary").press("Enter")  # reachable without a mouse
    taken = {}
    for kind, button in (("xlsx", "Excel"), ("csv", "CSV"), ("png", "Рисунок, PNG"), ("svg", "Рисунок, SVG")):
        with page.expect_download() as download:
            page.get_by_role("button", name=button, exact=True).click()
        assert download.value.suggested_filename == f"Поступило и закрыто.{kind}"
        taken[kind] = Path(download.value.path()).read_bytes()
    table = pd.read_csv(io.BytesIO(taken["csv"]), sep=";", decimal=",")
    assert table["Поступило"].tail(28).sum() == 252
    rows = CalamineWorkbook.from_filelike(io.BytesIO(taken["xlsx"])).get_sheet_by_index(0).to_python()
    assert rows[0] == ["День", "Поступило", "Закрыто"]
    assert sum(row[1] for row in rows[-28:]) == 252
    assert taken["png"].startswith(b"\x89PNG")
    assert int.from_bytes(taken["png"][16:20], "big") >= 2000  # pixels wide: sharp on paper
    drawn = "".join(ET.fromstring(taken["svg"]).itertext())
    assert "Поступило и закрыто" in drawn
    assert REGION in drawn


def test_a_sheet_of_paper_shows_no_menu_and_every_chart_whole(country: str, visit: Callable[..., Watched]) -> None:
    page = visit(f"{country}/?lang=ru").page
    settle(page)
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 1000, "height": 700})
    expect(page.get_by_test_id("stSidebar")).to_be_hidden()
    for chart in page.locator(".js-plotly-plot").all():
        frame = chart.evaluate("c => c.closest('[data-testid=stPlotlyChart]').getBoundingClientRect().right")
        assert chart.locator(".main-svg").first.evaluate("s => s.getBoundingClientRect().right") <= frame + 1
        assert chart.locator(".main-svg").first.get_attribute("viewBox")


def test_the_theme_follows_the_readers_system(country: str, visit: Callable[..., Watched]) -> None:
    page = visit(country, scheme="dark").page
    color = "app => getComputedStyle(app).backgroundColor"
    assert page.get_by_test_id("stApp").evaluate(color) == "rgb(16, 22, 29)"
    page.emulate_media(color_scheme="light")
    page.wait_for_timeout(500)
    assert page.get_by_test_id("stApp").evaluate(color) == "rgb(255, 255, 255)"
