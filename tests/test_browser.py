"""The dashboard in a real browser, against the real server: what no other test can see."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from playwright.sync_api import Page, Route, expect

from analytics.layout import reference_geometry
from pages.shared.maps import drawn
from tests.browsing import PHONE, Serve, Watched, settle
from tests.countries import REGIONS, make_store, write_export


def metric(page: Page, label: str) -> str:
    return page.get_by_test_id("stMetric").filter(has_text=label).get_by_test_id("stMetricValue").inner_text()


def chosen(page: Page, label: str) -> list[str]:
    """What is chosen in a list of the sidebar."""
    box = page.get_by_test_id("stMultiSelect").filter(has_text=label)
    return [
        tag.split("\n")[0] for tag in box.locator("[data-tag], [data-baseweb=tag], [role=listitem]").all_inner_texts()
    ]


def filters_of(page: Page) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).query)


@pytest.mark.parametrize(
    ("query", "locale", "headline", "region"),
    [
        ("?region=Tula+Oblast&period=Last+28+days", "en-GB", "What needs my attention this week?", "Tula Oblast"),
        (
            f"?lang=ru&region={quote('Тульская область')}&period={quote('Последние 28 дней')}",
            "en-GB",
            "Что требует внимания на этой неделе?",
            "Тульская область",
        ),
        (
            "?region=Tula+Oblast&period=Last+28+days",
            "ru-RU",
            "Что требует внимания на этой неделе?",
            "Тульская область",
        ),
        (
            f"?region={quote('Тульская область')}&period=days_28",
            "en-GB",
            "What needs my attention this week?",
            "Tula Oblast",
        ),
    ],
    ids=["english", "russian", "english link for a Russian reader", "values as stored"],
)
def test_a_cold_deep_link_shows_its_filters_in_the_readers_language(
    country: str, visit: Callable[..., Watched], query: str, locale: str, headline: str, region: str
) -> None:
    page = visit(f"{country}/{query}", locale=locale).page
    expect(page.get_by_role("heading", name=headline)).to_be_visible()
    label = "Поступило" if "Что" in headline else "Received"
    expect(page.get_by_test_id("stMetric").filter(has_text=label).first).to_be_visible()
    assert metric(page, label) == "252"  # 28 days of one region of three, without the surge
    expect(page.get_by_test_id("stMultiSelect").first).to_contain_text(region)


def test_charts_are_drawn(country: str, visit: Callable[..., Watched]) -> None:
    page = visit(country).page
    expect(page.locator(".st-key-over_time .js-plotly-plot .bars path").first).to_be_visible()
    assert page.locator(".st-key-over_time .js-plotly-plot .bars path").count() == 91
    assert page.locator(".st-key-expected_change .js-plotly-plot .bars path").count() == 3  # so few places are ranked
    assert page.locator(".js-plotly-plot .heatmaplayer image, .js-plotly-plot .heatmaplayer path").count() >= 1
    assert page.locator(".movers li").count() >= 2
    assert page.locator("img.spark").count() >= 3
    assert page.locator("img.spark").first.evaluate("image => image.naturalWidth") > 0


def test_filters_are_kept_across_pages_and_reload(country: str, visit: Callable[..., Watched]) -> None:
    page = visit(f"{country}/?region=Tula+Oblast&period=Last+28+days").page
    expect(page.get_by_test_id("stMetric").first).to_be_visible()
    page.get_by_role("link", name="Data", exact=False).click()
    expect(page.get_by_role("heading", name="What did we load, and can I trust it?")).to_be_visible()
    assert filters_of(page) == {"region": ["Tula Oblast"], "period": ["Last 28 days"]}
    page.reload()
    expect(page.get_by_role("heading", name="What did we load, and can I trust it?")).to_be_visible()
    settle(page)
    page.get_by_role("link", name="Overview", exact=False).click()
    expect(page.get_by_role("heading", name="What needs my attention this week?")).to_be_visible()
    expect(page.get_by_test_id("stMetric").first).to_contain_text("252")
    page.reload()
    expect(page.get_by_test_id("stMetric").first).to_contain_text("252")
    assert filters_of(page) == {"region": ["Tula Oblast"], "period": ["Last 28 days"]}


def test_the_browsers_way_back_leads_to_the_view_that_was_left(country: str, visit: Callable[..., Watched]) -> None:
    page = visit(f"{country}/?region=Tula+Oblast").page
    expect(page.get_by_test_id("stMetric").first).to_contain_text("63")
    page.get_by_role("link", name="Data", exact=False).click()
    expect(page.get_by_role("heading", name="What did we load, and can I trust it?")).to_be_visible()
    page.go_back()
    expect(page.get_by_test_id("stMetric").first).to_contain_text("63")
    assert filters_of(page) == {"region": ["Tula Oblast"]}


def test_a_choice_changes_numbers_and_address_and_reset_takes_it_back(
    country: str, visit: Callable[..., Watched]
) -> None:
    page = visit(country).page
    expect(page.get_by_test_id("stMetric").first).to_contain_text("294")
    page.get_by_test_id("stMultiSelect").filter(has_text="Region").locator("input").fill("Ryazan")
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("stMetric").first).to_contain_text("63")
    assert filters_of(page) == {"region": ["Ryazan Oblast"]}
    expect(page.get_by_test_id("stMultiSelect").filter(has_text="Municipality")).to_be_visible()
    page.get_by_role("button", name="Reset").click()
    expect(page.get_by_test_id("stMetric").first).to_contain_text("294")
    assert filters_of(page) == {}


def test_the_language_switch_keeps_the_filters_and_translates_them(country: str, visit: Callable[..., Watched]) -> None:
    page = visit(f"{country}/?region=Tula+Oblast&kind=Complaint").page
    expect(page.get_by_test_id("stMetric").first).to_contain_text("63")
    page.get_by_test_id("stSidebar").get_by_text("ru", exact=True).click()
    expect(page.get_by_role("heading", name="Что требует внимания на этой неделе?")).to_be_visible()
    expect(page.get_by_test_id("stMultiSelect").first).to_contain_text("Тульская область")
    expect(page.get_by_test_id("stMetric").first).to_contain_text("63")
    page.wait_for_url(re.compile("lang=ru"))
    assert filters_of(page) == {"lang": ["ru"], "region": ["Тульская область"], "kind": ["Жалоба"]}


def test_the_link_given_to_a_colleague_opens_the_same_view(country: str, visit: Callable[..., Watched]) -> None:
    page = visit(f"{country}/?region=Tula+Oblast&lang=ru", locale="en-GB").page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Скопировать ссылку").click()
    expect(page.get_by_text("Скопировано: коллега увидит эту страницу с тем же отбором.")).to_be_visible()
    link = page.evaluate("navigator.clipboard.readText()")
    theirs = visit(link, locale="de-DE").page
    expect(theirs.get_by_role("heading", name="Что требует внимания на этой неделе?")).to_be_visible()
    expect(theirs.get_by_test_id("stMetric").first).to_contain_text("63")


def test_a_thing_to_see_to_leads_to_its_exact_view_and_so_does_its_address(
    tmp_path: Path, serve: Serve, visit: Callable[..., Watched]
) -> None:
    page = visit(serve(make_store(tmp_path, days=300, forecast=True))).page
    thing = page.locator(".st-key-three_things a").first
    expect(thing).to_contain_text("Kaluga Oblast: Public space")
    thing.click()
    expect(page.get_by_role("heading", name="Where will it spike")).to_be_visible()
    expect(page.get_by_test_id("stMultiSelect").filter(has_text="Region")).to_contain_text("Kaluga Oblast")
    expect(page.get_by_test_id("stMultiSelect").filter(has_text="Topic group")).to_contain_text("Public space")
    expect(page.locator("figure.course").first).to_be_visible()
    assert set(filters_of(page)) == {"region", "topic_group"}
    theirs = visit(page.url).page
    expect(theirs.get_by_test_id("stMultiSelect").filter(has_text="Region")).to_contain_text("Kaluga Oblast")


def test_a_page_left_before_its_filters_are_drawn_hands_them_on(country: str, visit: Callable[..., Watched]) -> None:
    page = visit(f"{country}/definitions").page
    on_their_way = hold_back(page, "Multiselect")
    page.goto(f"{country}/?region=Tula+Oblast&lang=ru")
    expect(page.get_by_role("heading", name="Что требует внимания на этой неделе?")).to_be_visible()
    page.get_by_test_id("stSidebar").get_by_role("link", name="Тенденции").click()
    expect(page.get_by_role("heading", name="Что меняется?")).to_be_visible()
    let_go(on_their_way)
    expect(page.get_by_test_id("stMultiSelect").first).to_contain_text("Тульская область")
    page.wait_for_url(re.compile("region="))
    assert filters_of(page) == {"lang": ["ru"], "region": ["Тульская область"]}


def test_a_thing_followed_before_the_filters_are_drawn_leads_to_its_exact_view(
    tmp_path: Path, serve: Serve, visit: Callable[..., Watched]
) -> None:
    address = serve(make_store(tmp_path, days=300, forecast=True))
    page = visit(f"{address}/definitions").page
    on_their_way = hold_back(page, "Multiselect")
    page.goto(address)
    page.locator(".st-key-three_things a").first.click()
    expect(page.get_by_role("heading", name="Where will it spike")).to_be_visible()
    let_go(on_their_way)
    expect(page.get_by_test_id("stMultiSelect").filter(has_text="Region")).to_contain_text("Kaluga Oblast")
    expect(page.get_by_test_id("stMultiSelect").filter(has_text="Topic group")).to_contain_text("Public space")
    page.wait_for_url(re.compile("region="))
    assert set(filters_of(page)) == {"region", "topic_group"}


def test_a_phone_shows_the_days_of_many_regions_in_their_whole_height(
    tmp_path: Path, serve: Serve, visit: Callable[..., Watched]
) -> None:
    regions = [f"{name} область" for name in ("Амурская", "Брянская", "Иркутская", "Кировская", "Омская", "Орловская")]
    regions += [f"Край {number}" for number in range(20)]
    address = serve(make_store(tmp_path, regions=regions, days=30, a_day=1))
    chart = visit(f"{address}/data", size=PHONE).page.locator(".st-key-loaded_region .js-plotly-plot")
    expect(chart).to_be_visible()
    box = chart.bounding_box()
    assert box is not None
    assert box["height"] > 20 * len(regions)


def hold_back(page: Page, part: str) -> list[Route]:
    """Let the browser wait for this part of Streamlit's own script; answers what waits, once it does."""
    waiting: list[Route] = []

    def hold(route: Route) -> None:
        waiting.append(route)

    page.route(re.compile(rf"/{part}\.[^/]*\.js$"), hold)
    return waiting


def let_go(waiting: list[Route]) -> None:
    """Give the browser what it waited for."""
    assert waiting
    for route in waiting:
        route.continue_()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_everything_without_scrolling_sideways(
    country: str, visit: Callable[..., Watched], scheme: str
) -> None:
    page = visit(country, size=PHONE, scheme=scheme, locale="ru-RU").page
    expect(page.locator(".js-plotly-plot .bars path").first).to_be_visible()
    wide = page.evaluate(
        "() => [...document.querySelectorAll('[data-testid=stMain] *')]"
        ".filter(e => e.getBoundingClientRect().right > innerWidth + 2 && e.offsetParent && !e.closest('svg')).length"
    )
    assert wide == 0
    background = page.get_by_test_id("stApp").evaluate("app => getComputedStyle(app).backgroundColor")
    assert background == ("rgb(255, 255, 255)" if scheme == "light" else "rgb(16, 22, 29)")


def test_from_upload_to_the_numbers_on_the_overview(
    tmp_path: Path, serve: Serve, visit: Callable[..., Watched]
) -> None:
    export = write_export(tmp_path / "incidents.csv", regions=REGIONS[:1], days=120, a_day=2)
    page = visit(serve(make_store(tmp_path))).page
    page.get_by_role("link", name="Import an export").click()
    expect(page.get_by_role("heading", name="What did we load, and can I trust it?")).to_be_visible()
    page.set_input_files("[data-testid=stFileUploaderDropzoneInput]", export)
    expect(page.get_by_text("Recognised: Russian incident export.")).to_be_visible()
    expect(page.get_by_text("Columns that are not stored: “Текст инцидента”.")).to_be_visible()
    page.get_by_role("button", name="Import 1 file").click()
    expect(page.get_by_text("790 rows read", exact=False)).to_be_visible()
    page.get_by_role("link", name="Overview", exact=False).first.click()
    expect(page.get_by_test_id("stMetric").first).to_contain_text("112")
    expect(page.get_by_test_id("stMultiSelect").first).to_contain_text("Municipality")
    page.get_by_role("link", name="Data", exact=False).first.click()
    page.get_by_role("button", name="Undo the last import").click()
    page.get_by_role("button", name="Yes, undo it").click()
    expect(page.get_by_text("Nothing is loaded yet.", exact=False).first).to_be_visible()


def test_rejected_rows_can_be_downloaded(tmp_path: Path, serve: Serve, visit: Callable[..., Watched]) -> None:
    export = write_export(tmp_path / "incidents.csv", days=10, a_day=1)
    broken = export.read_text(encoding="utf-8").replace("20.11.2026", "31.02.2026", 1)
    export.write_text(broken, encoding="utf-8")
    page = visit(f"{serve(make_store(tmp_path))}/data").page
    page.set_input_files("[data-testid=stFileUploaderDropzoneInput]", export)
    page.get_by_role("button", name="Import 1 file").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download 1 rejected row (CSV)").click()
    content = Path(download.value.path()).read_text(encoding="utf-8-sig")
    assert "unreadable_opening_date" in content
    assert "+7 900" not in content


def test_a_click_on_a_tile_goes_into_the_region_and_back(
    country: str, visit: Callable[..., Watched], tmp_path: Path
) -> None:
    watched = visit(f"{country}/heatmap")
    page = watched.page
    tiles = page.locator(".st-key-heat_tiles .bars .point")
    expect(tiles).to_have_count(len(REGIONS))
    tiles.first.locator("path").hover(force=True)
    expect(page.locator(".st-key-heat_tiles .hoverlayer .hovertext")).to_be_visible()
    tiles.first.locator("path").click(force=True)
    back = page.get_by_role("button", name="All regions")
    expect(back).to_be_visible()
    assert "region=" in page.url
    back.click()
    expect(back).to_have_count(0)
    expect(tiles).to_have_count(len(REGIONS))
    page.get_by_test_id("stExpander").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV", exact=True).click()
    download.value.save_as(tmp_path / "places.csv")
    assert len((tmp_path / "places.csv").read_text(encoding="utf-8-sig").splitlines()) == 1 + len(REGIONS)


def test_the_map_is_drawn_without_help_from_outside(country: str, visit: Callable[..., Watched]) -> None:
    page = visit(f"{country}/heatmap?view=Map&measure=Per+head").page
    expect(page.locator(".st-key-heat_map .js-fill").first).to_be_attached()
    lines = page.locator(".st-key-heat_map .js-fill").evaluate_all("all => all.map(path => path.getAttribute('d'))")
    parts = [x.count(None) for layer in drawn(reference_geometry()).layers for _, x, _ in layer]
    assert len(parts) > 80
    assert sum(line.count("M") for line in lines) == sum(parts)  # of all regions, those of a colour in one line
