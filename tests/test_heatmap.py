"""The Heatmap page in every view and measure, and its figures by their traces."""

from __future__ import annotations

import json
import math
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from analytics.filters import Filters
from analytics.geometry import geometry
from analytics.imports import import_files
from analytics.layout import layout, reference_geometry
from analytics.own_geometry import OwnShapes, keep_own_geometry
from analytics.queries import choices
from analytics.selected_forecast import history, outlook
from analytics.settings import Settings
from analytics.store import open_store
from analytics.where import ahead
from pages.shared import grids, maps
from pages.shared.scales import DIVERGING, SEQUENTIAL, Scale, ink, luminance, scale
from pages.shared.text import Text
from tests.countries import NOW, REGIONS, make_store
from tests.making import incidents

ROOT = Path(__file__).resolve().parent.parent
ENGLISH, RUSSIAN = Text("en"), Text("ru")
SHOWN = [
    *[
        (view, measure)
        for view in ("tiles", "map", "matrix")
        for measure in ("complaints", "per_1000", "against_usual")
    ],
    ("tiles", "against_last_year"),
    ("tiles", "overdue_share"),
    ("calendar", "complaints"),
    ("calendar", "against_usual"),
    ("hours", "complaints"),
]


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return {
        "full": make_store(tmp_path_factory.mktemp("full"), days=480, a_day=3),
        "one_week": make_store(tmp_path_factory.mktemp("one_week"), days=8, a_day=3),
    }


def opened(store: str, monkeypatch: pytest.MonkeyPatch, folder: Path, **chosen: object) -> AppTest:
    monkeypatch.chdir(folder)
    monkeypatch.setenv("FORERUNNER_STORE", store)
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    for key, value in {"lang": "en", **chosen}.items():
        app.session_state[key] = value
    app.run()
    app.switch_page("pages/heatmap.py")
    for key, value in chosen.items():
        app.session_state[key] = value
    return app.run()


def notes(app: AppTest) -> list[str]:
    return [note.value for note in app.caption]


@pytest.mark.parametrize(("view", "measure"), SHOWN)
def test_every_view_shows_every_measure(
    stores: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, view: str, measure: str
) -> None:
    app = opened(stores["full"], monkeypatch, tmp_path, view=view, measure=measure)
    assert not app.exception
    assert not app.error
    if measure == "overdue_share":
        assert "No deadlines are known" in app.info[0].value
    else:
        assert app.get("plotly_chart")
        assert [box.label for box in app.expander] == [ENGLISH("take.title")]


def test_the_headline_names_the_place_that_stands_out(
    stores: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    lines = "\n".join(note.value for note in opened(stores["full"], monkeypatch, tmp_path).markdown)
    assert "Most complaints per head: **Kaluga Oblast**" in lines
    assert "Furthest above the usual: **Kaluga Oblast**, 168 instead of the usual 63" in lines


def test_a_region_chosen_shows_its_municipalities_and_the_way_back(
    stores: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    app = opened(stores["full"], monkeypatch, tmp_path, region=[REGIONS[1]])
    assert ENGLISH("heatmap.click_municipality") in notes(app)
    next(button for button in app.button if button.label == "All regions").click().run()
    assert app.multiselect(key="region").value == []
    assert ENGLISH("heatmap.click_region") in notes(app)


def test_a_short_history_says_what_it_takes(
    stores: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    app = opened(stores["one_week"], monkeypatch, tmp_path, measure="against_usual")
    assert "8 weeks of history" in app.info[0].value


def regions(**values: float) -> pd.DataFrame:
    found = layout({"Калужская область": "RU-KLU", "Тульская область": "RU-TUL", "Atlantis": None})
    return found.assign(value=[values.get(code, math.nan) for code in found["code"].fillna("other")], told="…")


def test_tiles_are_coloured_and_named_and_the_unknown_ones_grey() -> None:
    table = regions(**{"RU-KLU": 10.0, "RU-TUL": 40.0})
    figure = maps.tiles(table, scale("complaints", table["value"]), ENGLISH, places="region")
    tiles = figure.data[0]
    words = dict(zip(table["region"], tiles.text, strict=True))
    assert words["Калужская область"] == "<b>KLU</b><br>10"
    assert words["Atlantis"].endswith("–")
    assert len(set(tiles.marker.color)) == 3
    assert len({*zip(tiles.x, tiles.base, strict=True)}) == 3


def test_the_map_draws_every_region_once_and_takes_the_pointer_inside_it() -> None:
    table = regions(**{"RU-KLU": 10.0, "RU-TUL": 40.0}).dropna(subset="code")
    drawn = maps.drawn(reference_geometry())
    assert sorted(code for layer in drawn.layers for code, *_ in layer) == sorted(reference_geometry().ids)
    figure = maps.outlines(table, drawn, scale("complaints", table["value"]), ENGLISH)
    filled = [trace for trace in figure.data if trace.fill == "toself"]
    assert sum(trace.fillcolor.startswith("#") for trace in filled) == 2
    parts = sum(list(x).count(None) for layer in drawn.layers for _, x, _ in layer)
    assert sum(list(trace.x).count(None) + 1 for trace in filled) == parts
    pointer = next(trace for trace in figure.data if trace.customdata is not None)
    assert {place for (place,) in pointer.customdata} == set(table["region"])
    assert len(figure.to_json()) < 600_000


def square(west: float, south: float, side: float) -> dict[str, object]:
    east, north = west + side, south + side
    return {
        "type": "Polygon",
        "coordinates": [[[west, south], [east, south], [east, north], [west, north], [west, south]]],
    }


def test_a_town_inside_its_district_is_drawn_after_it_whatever_their_colours() -> None:
    found = maps.drawn(geometry([("town", square(40.4, 55.4, 0.2)), ("district", square(40, 55, 1))]))
    assert [[code for code, *_ in layer] for layer in found.layers] == [["district"], ["town"]]
    table = pd.DataFrame({"code": ["district", "town"], "value": [9.0, 1.0], "told": "…", "region": "…"})
    filled = [
        trace.fillcolor
        for trace in maps.outlines(table, found, Scale("complaints", 0, 9), ENGLISH).data
        if trace.fill == "toself"
    ]
    assert filled == [Scale("complaints", 0, 9).step(9.0), Scale("complaints", 0, 9).step(1.0)]


def test_the_municipalities_of_all_regions_are_on_one_map_and_lead_into_their_regions(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = make_store(tmp_path, days=80, a_day=3)
    with closing(open_store(Settings(store=folder))) as store:
        towns = choices(store).query("meaning == 'municipality' and value != ''")
        named = list(zip(towns["parent"], towns["value"], strict=True))
        shapes = {name: square(30 + 2 * at, 55, 1) for at, name in enumerate(named[1:])}
        keep_own_geometry(store, OwnShapes("municipality", shapes, [], [], "name", 0.0))
    app = opened(
        folder, monkeypatch, tmp_path, view="map", measure="complaints", level="municipality", twin_heat_map=True
    )
    assert not app.exception
    assert ENGLISH("heatmap.click_municipality_of_all") in notes(app)
    chart = json.loads(next(chart for chart in app.get("plotly_chart") if "map" in chart.proto.id).proto.spec)
    drawn = [trace for trace in chart["data"] if trace.get("fill") == "toself"]
    assert sum(trace["x"].count(None) + 1 for trace in drawn) == len(shapes)
    pointer = next(trace for trace in chart["data"] if trace.get("customdata"))
    assert {region for (region,) in pointer["customdata"]} == {region for region, _ in shapes}
    assert len({region for region, _ in shapes}) > 1
    shown = app.dataframe[0].value
    assert set(zip(shown["Region"], shown["Municipality"], strict=True)) == {
        (ENGLISH.name("region", region), ENGLISH.name("municipality", town)) for region, town in named
    }


def test_a_shape_over_the_meridian_is_unwrapped() -> None:
    east = {"type": "Polygon", "coordinates": [[[170, 60], [-170, 60], [-170, 70], [170, 70], [170, 60]]]}
    west = {"type": "Polygon", "coordinates": [[[150, 60], [150, 70], [170, 70], [170, 60], [150, 60]]]}
    found = geometry([("east", east), ("west", west)])
    assert found.centres[0, 0] > found.centres[1, 0]
    assert np.ptp(found.rings[0][0][:, 0]) < 2000
    assert found.neighbours == ((0, 1),)


@pytest.mark.parametrize("colors", [SEQUENTIAL, DIVERGING])
def test_words_on_every_colour_can_be_read(colors: tuple[str, ...]) -> None:
    measure = "against_usual" if colors is DIVERGING else "complaints"
    shown = Scale(measure, 0.0, 1.0)
    for place in np.linspace(0.0, 1.0, 60):
        color = shown.color(4.0**place / 2 if colors is DIVERGING else place)
        light, dark = sorted([luminance(color), luminance(ink(color))], reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5


def test_ratios_are_coloured_about_one() -> None:
    shown = Scale("against_usual", 0.0, 1.0)
    assert shown.place(1.0) == 0.5
    assert shown.place(2.0) == 1.0
    assert shown.place(0.1) == 0.0
    assert math.isnan(shown.place(math.nan))
    assert [shown.words(value, RUSSIAN) for value in (1.5, 0.5)] == ["+50\xa0%", "−50\xa0%"]


def test_the_calendar_has_a_cell_for_each_day_under_its_month() -> None:
    days = pd.date_range("2024-12-25", "2026-01-10")
    table = pd.DataFrame({"day": days, "value": range(len(days)), "told": "…"}).astype({"value": float})
    heat = grids.calendar(
        table, scale("complaints", table["value"]), ENGLISH, first_day=days[0].date(), last_day=days[6].date()
    ).data[0]
    cells = np.array(heat.z, dtype=float)
    assert (~np.isnan(cells)).sum() == len(days)
    assert np.nanmax(cells) == cells[5, 1]  # Saturday, 10 January 2026


@pytest.fixture(scope="module")
def forecast_store(tmp_path_factory: pytest.TempPathFactory) -> str:
    return make_store(tmp_path_factory.mktemp("forecast"), a_day=3, days=420, forecast=True)


@pytest.mark.parametrize(
    ("by", "filters", "whole"),
    [
        ("region", Filters(), Filters()),
        ("region", Filters(topic_groups=("ЖКХ",)), Filters(topic_groups=("ЖКХ",))),
        ("municipality", Filters(regions=REGIONS[:1]), Filters(regions=REGIONS[:1])),
        ("topic_group", Filters(), Filters()),
    ],
)
def test_places_ahead_add_up_to_what_came_and_to_what_is_expected(
    forecast_store: str, by: str, filters: Filters, whole: Filters
) -> None:
    store = open_store(forecast_store)
    table = ahead(store, filters, by)
    days = table.groupby(["day", "is_forecast"])["complaints"].sum().reset_index()
    came, comes = (
        days[days["is_forecast"].astype(bool) == side].set_index("day")["complaints"] for side in (False, True)
    )
    last = came.index.max().date()
    assert (came == history(store, whole, last - timedelta(days=27), last).set_index("day")["complaints"]).all()
    said = outlook(store, whole, last).ahead.set_index("day")["mean"]
    np.testing.assert_allclose(comes, said, rtol=1e-6)


@pytest.mark.parametrize(
    ("chosen", "shown"),
    [
        ({}, "click_region"),
        ({"region": [REGIONS[0]]}, "click_municipality"),
        ({"view": "matrix"}, "matrix_note"),
        ({"step": "week"}, "click_region"),
        ({"step": "week", "ahead": 27}, "click_region"),
        ({"step": "week", "ahead": -2}, "click_region"),
    ],
)
def test_the_forecast_of_a_day_or_a_week_is_shown_of_every_kind_of_place(
    forecast_store: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, chosen: dict[str, object], shown: str
) -> None:
    app = opened(forecast_store, monkeypatch, tmp_path, measure="forecast", **chosen)
    assert not app.exception
    assert not app.error
    assert app.get("plotly_chart")
    words = "\n".join(note.value for note in app.markdown)
    assert ("what came in" if chosen.get("ahead") == -2 else "forecast made from data up to 19 November 2026") in words
    slider = app.slider(key="ahead")
    assert (slider.min, slider.max) == ((-3, 4) if "step" in chosen else (-27, 28))
    assert ENGLISH(f"heatmap.{shown}", lines=grids.MOST_LINES, topics=grids.MOST_TOPICS) in notes(app)


def test_the_scale_of_few_complaints_is_marked_by_whole_numbers_only() -> None:
    assert scale("complaints", [0.0, 6.0]).bar(ENGLISH)["ticktext"] == ["0", "1", "2", "4", "6"]


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("городской округ «Город Калуга»", "Калуга"),
        ("Боровский район", "Боровский"),
        ("городской округ Речной", "Речной"),
        ("Город", "Город"),
    ],
)
def test_tiles_name_municipalities_without_what_many_have_in_their_names(name: str, short: str) -> None:
    assert RUSSIAN.short_place(name) == short


def test_bars_have_room_for_their_numbers_on_both_sides() -> None:
    table = pd.DataFrame({"region": ["A", "B"], "value": [1.5, 0.2], "told": ""})
    low, high = grids.ranked(table, Scale("against_usual", 0.5, 2.0), RUSSIAN, places="region").layout.xaxis.range
    assert low < 0.2 - 0.2
    assert high > 1.5 + 0.2
    counts = pd.DataFrame({"region": ["A"], "value": [9.0], "told": ""})
    assert grids.ranked(counts, Scale("complaints", 0, 9), RUSSIAN, places="region").layout.xaxis.range[0] == 0


def test_the_last_name_above_a_matrix_may_lean_over_its_edge() -> None:
    table = pd.DataFrame(
        {"region": "A", "topic_group": ["x", "y"], "complaints": [2, 1], "value": [2.0, 1.0], "told": ""}
    )
    axis = grids.matrix(table, Scale("complaints", 0, 2), RUSSIAN, places="region").layout.xaxis
    assert list(axis.ticktext) == ["x", "y"]
    assert axis.ticklabeloverflow == "allow"


def test_the_more_tiles_stand_in_a_line_the_shorter_are_their_names() -> None:
    """One size of words fits all tiles, and the longest name sets it."""

    def longest(columns: int, *, compact: bool) -> int:
        name = "Красногорьевский район"
        table = pd.DataFrame({"municipality": name, "row": 0, "column": range(columns), "value": 1.0, "told": ""})
        shade = Scale("complaints", 0, 1)
        tiles = maps.tiles(table, shade, RUSSIAN, places="municipality", compact=compact).data[0]
        return len(tiles.text[0].split("</b>")[0].removeprefix("<b>"))

    assert longest(3, compact=False) == len("Красногорьевский")
    assert longest(11, compact=False) == 11
    assert longest(12, compact=True) == 6
    assert longest(40, compact=True) == 5


def test_a_matrix_of_one_topic_group_has_its_topics_across(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One column of a whole group would tell nothing that the tiles do not."""
    rows = [{"Тема": topic} for topic in ("Отопление", "Отопление", "Лифты")]
    later = {"Группа тем": "Дороги", "Тема": "Ремонт дорог", "Дата создания": "02.03.2026 10:00"}
    file = incidents(tmp_path / "a.csv", [*rows, later])
    store = open_store(tmp_path / "store")
    import_files(store, [file], now=NOW)
    store.close()
    app = opened(str(tmp_path / "store"), monkeypatch, tmp_path, view="matrix", topic_group=["ЖКХ"], period="year")
    assert not app.exception
    drawn = json.loads(app.get("plotly_chart")[0].proto.spec)["layout"]["xaxis"]["ticktext"]
    assert drawn == [ENGLISH.name("topic", topic) for topic in ("Отопление", "Лифты")]
