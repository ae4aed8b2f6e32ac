"""The Events page in a real browser: a question answered, an event changed, a file looked at first."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browsing import PHONE, Serve, Watched
from tests.happenings import PLANNED, make_happening_store

EXTRA = "Extra complaints"


@pytest.fixture(scope="module")
def happening(tmp_path_factory: pytest.TempPathFactory, serve: Serve) -> str:
    """The address of a dashboard on a store with events."""
    return serve(make_happening_store(tmp_path_factory.mktemp("happening")))


def number(page: Page, label: str) -> float:
    value = page.get_by_test_id("stMetric").filter(has_text=label).get_by_test_id("stMetricValue").inner_text()
    return float(value.replace("\N{MINUS SIGN}", "-").replace("+", "").replace(",", ""))


def test_changing_an_event_changes_its_rehearsal(happening: str, visit: Callable[..., Watched]) -> None:
    page = visit(f"{happening}/events?part=Calendar&month=December+2026&event={PLANNED}").page
    page.get_by_role("button", name="Rehearse it").click()
    expect(page.get_by_text("1–3 December 2026, Kaluga Oblast", exact=False).last).to_be_visible()
    before = number(page, EXTRA)
    page.get_by_test_id("stButtonGroup").get_by_text("Calendar", exact=True).click()
    page.get_by_text("Change this event").click()
    page.get_by_role("spinbutton", name="day, Last day").first.click()
    page.keyboard.type("08")
    page.get_by_role("button", name="Save", exact=False).first.click()
    expect(page.get_by_text("The event is changed", exact=False).first).to_be_visible()
    page.get_by_role("button", name="Rehearse it").click()
    expect(page.get_by_text("1–8 December 2026, Kaluga Oblast", exact=False).last).to_be_visible()
    assert number(page, EXTRA) > 1.5 * before
    assert "ask=Planned+events" in page.url


def test_a_question_is_in_the_address_and_answered_from_it(happening: str, visit: Callable[..., Watched]) -> None:
    address = f"{happening}/events?type=Planned+shut-off+of+hot+water&on=2027-10-01&lasts=3&region=Tula+Oblast"
    page = visit(address).page
    expect(page.get_by_text(re.compile(r"1–3 October 2027, Tula Oblast: .*more complaints"))).to_be_visible()
    expect(page.locator(".js-plotly-plot")).to_have_count(1)
    russian = visit(f"{address}&lang=ru", size=PHONE, scheme="dark").page
    expect(russian.get_by_text(re.compile("1–3 октября 2027, Тульская область: обращений больше на"))).to_be_visible()
    assert russian.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_enter_ends_the_typing_of_a_day_and_brings_its_answer(happening: str, visit: Callable[..., Watched]) -> None:
    page = visit(f"{happening}/events?type=Planned+shut-off+of+hot+water&on=2027-10-01&region=Tula+Oblast").page
    main = page.get_by_test_id("stMainBlockContainer")
    expect(main.get_by_text("1–3 October 2027, Tula Oblast: ", exact=False)).to_be_visible()
    main.get_by_test_id("stDateInput").get_by_role("spinbutton").first.click()
    page.keyboard.type("20261215")
    page.keyboard.press("Enter")
    expect(main.get_by_text("15–17 December 2026, Tula Oblast: ", exact=False)).to_be_visible()
    expect(page.get_by_test_id("stDateInputCalendar")).to_have_count(0)
    assert "on=2026-12-15" in page.url


def test_with_another_type_the_boxes_show_what_is_answered(happening: str, visit: Callable[..., Watched]) -> None:
    page = visit(f"{happening}/events?type=Planned+shut-off+of+hot+water&region=Tula+Oblast").page
    main = page.get_by_test_id("stMainBlockContainer")
    expect(main.get_by_text("Tula Oblast: ", exact=False).first).to_be_visible()
    expect(main.get_by_role("spinbutton", name="lasts")).to_have_value("3")
    main.get_by_role("combobox").first.click()
    page.keyboard.type("sport")
    page.keyboard.press("Enter")
    expect(main.get_by_text("10 December 2026, Tula Oblast: ", exact=False)).to_be_visible()
    expect(main.get_by_role("spinbutton", name="lasts")).to_have_value("1")
    expect(main.get_by_test_id("stDateInput")).to_contain_text(re.compile(r"2026\s*-\s*12\s*-\s*10"))
    expect(main.get_by_role("combobox", name="Seen for")).to_have_value(re.compile("all topics"))


def test_the_rehearsal_can_be_taken_along(happening: str, visit: Callable[..., Watched]) -> None:
    page = visit(f"{happening}/events?ask=Planned+events&planned={PLANNED}").page
    expect(page.locator(".js-plotly-plot")).to_have_count(1)
    page.get_by_text("Table and downloads").first.click()
    with page.expect_download() as found:
        page.get_by_role("button", name="CSV").first.click()
    lines = Path(found.value.path()).read_text(encoding="utf-8-sig").splitlines()
    assert "With the event" in lines[0]
    assert sum(line.startswith("2026-12-0") for line in lines) >= 9


def test_a_file_of_events_is_looked_at_before_it_is_taken(
    happening: str, visit: Callable[..., Watched], tmp_path: Path
) -> None:
    file = tmp_path / "events.csv"
    file.write_text("id,type,starts_on\nstorm-1,weather.storm,2026-12-20\nbad,weather.storm,yesterday\n")
    page = visit(f"{happening}/events?part=Import").page
    page.locator("input[type=file]").first.set_input_files(file)
    expect(page.get_by_text("Nothing is stored yet", exact=False)).to_be_visible()
    expect(page.get_by_text("1 row cannot be taken", exact=False)).to_be_visible()
    page.get_by_role("button", name="Yes, take 1 event").click()
    expect(page.get_by_text("Events taken in: 1 new, 0 changed, 1 rejected.")).to_be_visible()
    page.get_by_test_id("stButtonGroup").get_by_text("Calendar", exact=True).click()
    expect(page.locator("table.month")).to_be_visible()
