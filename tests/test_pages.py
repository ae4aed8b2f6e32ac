"""Every page, run by Streamlit's own test driver on a full, an empty, a one-region and a one-week store."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Selectbox

from analytics.explain import Sentence
from analytics.filters import Filters
from analytics.loaded import last_full_day
from analytics.overview import tiles
from analytics.queries import daily_counts
from analytics.settings import Settings
from analytics.store import open_store
from pages.shared import components
from pages.shared.files import as_csv
from pages.shared.text import Text
from tests.countries import REGIONS, TOPICS, make_store, write_export

ROOT = Path(__file__).resolve().parent.parent
COUNTRIES: dict[str, dict[str, object]] = {
    "full": {},
    "one_region": {"regions": REGIONS[:1]},
    "one_week": {"days": 8},
}
PAGES = {
    "overview": "app.py",
    "heatmap": "pages/heatmap.py",
    "trends": "pages/trends.py",
    "forecast": "pages/forecast.py",
    "signals": "pages/signals.py",
    "data": "pages/data.py",
    "definitions": "pages/definitions.py",
}
Open = Callable[..., AppTest]


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A folder for each kind of store. Tests that change one make their own."""
    made = {name: make_store(tmp_path_factory.mktemp(name), a_day=3, **country) for name, country in COUNTRIES.items()}
    made["forecast"] = make_store(tmp_path_factory.mktemp("forecast"), a_day=3, forecast=True)
    return {**made, "empty": make_store(tmp_path_factory.mktemp("empty"))}


@pytest.fixture
def open_page(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Open:
    """Open a page on a store, in a language, with filters chosen; it starts at app.py, as Streamlit's driver must."""
    monkeypatch.chdir(tmp_path)  # no forerunner.toml of the machine is read

    def opened(store: str, page: str = "overview", *, language: str = "en", **chosen: object) -> AppTest:
        monkeypatch.setenv("FORERUNNER_STORE", store)
        app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
        app.session_state["lang"] = language
        for key, value in chosen.items():
            app.session_state[key] = value
        app.run()
        if page != "overview":
            app.switch_page(PAGES[page]).run()
        return app

    return opened


def words(app: AppTest) -> str:
    """Everything written on the page."""
    elements = (
        *app.title,
        *app.subheader,
        *app.caption,
        *app.markdown,
        *app.info,
        *app.error,
        *app.warning,
        *app.success,
    )
    return "\n".join(str(element.value) for element in elements) + "\n".join(
        html.proto.body for html in app.get("html")
    )


def box(app: AppTest, label: str) -> Selectbox:
    return next(box for box in app.selectbox if box.label == label)


def multiselects(app: AppTest) -> list[str]:
    return [str(box.key) for box in app.multiselect]


@pytest.mark.parametrize("language", ["ru", "en"])
@pytest.mark.parametrize("store", ["full", "forecast", "one_region", "one_week", "empty"])
@pytest.mark.parametrize("page", PAGES)
def test_every_page_opens_on_every_store_in_both_languages(
    stores: dict[str, str], open_page: Open, page: str, store: str, language: str
) -> None:
    app = open_page(stores[store], page, language=language)
    assert not app.exception
    assert not app.error
    assert app.title[0].value == Text(language)(f"{page}.title")
    letters = re.sub(r"«[^»]*»|“[^”]*”|<[^>]*>|data:image\S*|[A-Z/]+\w*", "", words(app))
    if language == "ru":
        assert re.search("[а-яё]{4}", letters)
    assert "None" not in letters
    assert "nan" not in letters.split()


def test_the_tiles_show_what_the_analytics_say(stores: dict[str, str], open_page: Open) -> None:
    store = open_store(stores["full"])
    until = last_full_day(store, Filters()).day
    assert until is not None
    filters = Filters(first_day=until.replace(day=until.day - 6), last_day=until)
    expected = tiles(store, filters, until).set_index("measure")["value"]
    store.close()
    shown = {metric.label: metric.value for metric in open_page(stores["full"]).metric}
    assert shown["Received"] == f"{expected['received']:,.0f}" == "294"
    assert shown["Still open"] == f"{expected['still_open']:,.0f}"
    assert shown["Overdue"] == "—"


def test_tiles_say_the_change_in_words_and_what_is_unknown(stores: dict[str, str], open_page: Open) -> None:
    app = open_page(stores["full"])
    deltas = {metric.label: metric.delta for metric in app.metric}
    assert deltas["Received"].startswith("+")
    assert deltas["Overdue"] == "no deadlines known"
    assert deltas["Repeats"] == "not known"
    assert all(metric.help for metric in app.metric)


def test_the_headline_and_the_movers_name_what_surged(stores: dict[str, str], open_page: Open) -> None:
    written = words(open_page(stores["full"]))
    assert "Snow clearing in yards" in written or Text("en").name("topic", TOPICS[2][1]) in written
    assert re.search(r"\*\*\d+\*\* complaints were received, \*\*\d+% more\*\* than usual", written)


def test_a_region_chosen_narrows_numbers_and_shows_its_municipalities(stores: dict[str, str], open_page: Open) -> None:
    whole, one = open_page(stores["full"]), open_page(stores["full"], region=[REGIONS[1]])
    assert "municipality" not in multiselects(whole)
    assert "municipality" in multiselects(one)
    assert int(one.metric[0].value) == 63
    assert "Municipalities: where it rose and where it fell" in [heading.value for heading in one.subheader]
    assert "Regions: where it rose and where it fell" in [heading.value for heading in whole.subheader]


@pytest.mark.parametrize(
    ("chosen", "received"),
    [
        ({"topic_group": ["ЖКХ"]}, 63),
        ({"topic_group": ["ЖКХ"], "region": [REGIONS[0], REGIONS[2]]}, 42),
        ({"channel": ["ВКонтакте"]}, 119),
        ({"topic": ["Уборка снега во дворах"]}, 168),
        ({"kind": ["question"]}, None),
        ({"period": "days_28"}, 861),
    ],
)
def test_each_filter_counts_only_what_it_chooses(
    stores: dict[str, str], open_page: Open, chosen: dict[str, object], received: int | None
) -> None:
    app = open_page(stores["full"], **chosen)
    if received is None:
        assert [note.value for note in app.info] == [Text("en")("empty.filters")]
    else:
        assert app.metric[0].value == str(received)


def test_every_preset_of_the_period_ends_with_the_last_full_day(stores: dict[str, str], open_page: Open) -> None:
    for period, first in (
        ("days_7", "13"),
        ("weeks_13", "21 August"),
        ("month", "1"),
        ("year", "1 January"),
        ("own", "23 October"),
    ):
        line = open_page(stores["full"], period=period).caption[0].value
        assert re.match(rf"{first} ?– ?19 November 2026 · all regions", line), line


def test_a_store_of_one_region_compares_municipalities_at_once(stores: dict[str, str], open_page: Open) -> None:
    app = open_page(stores["one_region"])
    assert "region" not in multiselects(app)
    assert "municipality" in multiselects(app)
    assert "Kaluga Oblast" in app.caption[0].value


def test_the_home_region_set_on_the_data_page_holds_on_every_page(tmp_path: Path, open_page: Open) -> None:
    store = make_store(tmp_path, days=60, a_day=1)
    app = open_page(store, "data")
    box(app, "Home region").select(REGIONS[2]).run()
    assert not app.error
    fresh = open_page(store)
    assert fresh.multiselect(key="region").value == [REGIONS[2]]
    assert "Municipalities: where it rose and where it fell" in [heading.value for heading in fresh.subheader]
    assert fresh.metric[0].value == "21"


def test_the_language_set_on_the_data_page_is_the_first_language(tmp_path: Path, open_page: Open) -> None:
    store = make_store(tmp_path, days=10, a_day=1)
    box(open_page(store, "data"), "Language").select("ru").run()
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).run()
    assert app.title[0].value == Text("ru")("overview.title")


def test_an_empty_store_says_what_to_do(stores: dict[str, str], open_page: Open) -> None:
    app = open_page(stores["empty"])
    assert "Import an export" in app.info[0].value
    assert not app.metric
    assert not multiselects(app)


def test_reset_sets_every_filter_back(stores: dict[str, str], open_page: Open) -> None:
    app = open_page(stores["full"], region=[REGIONS[1]], period="days_28", kind=["complaint"])
    next(button for button in app.button if button.label == "Reset").click().run()
    assert app.multiselect(key="region").value == []
    assert app.selectbox(key="period").value == "days_7"
    assert app.metric[0].value == "294"


def test_demo_data_are_called_synthetic_on_every_page(tmp_path: Path, open_page: Open) -> None:
    open_store(tmp_path / "demo", kind="demo").close()
    for page in PAGES:
        assert "synthetic" in open_page(str(tmp_path / "demo"), page).info[0].value


def test_a_demo_store_offers_a_real_one_beside_it_and_stays_as_it_is(tmp_path: Path, open_page: Open) -> None:
    open_store(tmp_path / "demo", kind="demo").close()
    app = open_page(str(tmp_path / "demo"), "data")
    assert not app.file_uploader
    next(button for button in app.button if button.label == "Start a real store").click().run()
    assert app.file_uploader
    assert "synthetic" not in words(app)
    assert open_store(tmp_path / "demo").kind == "demo"
    assert open_store(tmp_path / "demo-real").kind == "real"


def test_an_upload_is_previewed_imported_and_counted(tmp_path: Path, open_page: Open) -> None:
    export = write_export(tmp_path / "incidents.csv", days=30, a_day=1)
    store = make_store(tmp_path)
    app = open_page(store, "data")
    app.file_uploader[0].set_value((export.name, export.read_bytes(), "text/csv")).run()
    assert not app.error
    assert "Recognised: **Russian incident export**" in words(app)
    assert "Columns that are not stored: “Текст инцидента”" in words(app)
    assert "Opened ← Дата создания" in app.dataframe[0].value.columns
    next(button for button in app.button if button.label == "Import 1 file").click().run()
    assert not app.error
    assert "305 rows read" in app.success[0].value
    assert daily_counts(open_store(store), Filters())["complaints"].sum() == 305
    history = app.dataframe[0].value
    assert history.iloc[0][["File", "Read", "New", "Rejected"]].tolist() == ["incidents.csv", 305, 305, 0]


def test_an_unknown_layout_is_imported_with_the_mapping_that_the_reader_chose(tmp_path: Path, open_page: Open) -> None:
    file = b"Ref,When it came,Where,About\nA1,2026-11-01 10:00,North,Noise\nA2,2026-11-02 11:00,South,Noise\n"
    app = open_page(make_store(tmp_path), "data")
    app.file_uploader[0].set_value(("unknown.csv", file, "text/csv")).run()
    assert "No known system" in words(app)
    if not app.toggle[0].value:
        app.toggle[0].set_value(True).run()
    boxes = {re.sub(r" \(.*", "", box.label): box for box in app.selectbox}
    boxes["Opened"].select("When it came")
    boxes["Number"].select("Ref")
    boxes["Municipality"].select("Where")
    boxes["Topic"].select("About")
    app.run()
    next(button for button in app.button if button.label == "Import 1 file").click().run()
    assert not app.error
    rows = open_store(tmp_path / "store").query("select id, municipality, topic from complaints order by id")
    assert rows.to_numpy().tolist() == [["A1", "North", "Noise"], ["A2", "South", "Noise"]]


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("page.csv", b"<!DOCTYPE html><html><body>Log in</body></html>", "page.csv не выгрузка, а веб-страница"),
        ("empty.csv", b"", "Файл empty.csv пуст"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_sentence_in_the_readers_language(
    tmp_path: Path, open_page: Open, name: str, content: bytes, sentence: str
) -> None:
    app = open_page(make_store(tmp_path), "data", language="ru")
    app.file_uploader[0].set_value((name, content, "text/csv")).run()
    assert [error.value.replace("\\", "").startswith(sentence) for error in app.error] == [True]
    assert not app.exception
    assert all(button.disabled for button in app.button if button.label.startswith("Загрузить"))


def test_the_last_import_can_be_undone_after_a_second_thought(tmp_path: Path, open_page: Open) -> None:
    store = make_store(tmp_path, days=10, a_day=1)
    app = open_page(store, "data")
    next(button for button in app.button if button.label == "Yes, undo it").click().run()
    assert not app.error
    assert open_store(store).is_empty()


def test_an_unexpected_error_is_a_sentence_with_a_number_that_stands_in_the_log(
    tmp_path: Path, open_page: Open, caplog: pytest.LogCaptureFixture
) -> None:
    store = make_store(tmp_path, days=10, a_day=1)
    open_store(store).write(lambda cursor: cursor.execute("drop table coverage"))
    app = open_page(store)
    assert not app.exception
    (error,) = app.error
    reference = re.search(r"number ([0-9A-F]{6})", error.value)
    assert reference
    assert "Traceback" not in words(app)
    assert any(reference[1] in record.getMessage() for record in caplog.records)


def test_a_store_that_cannot_be_opened_is_one_sentence(tmp_path: Path, open_page: Open) -> None:
    (tmp_path / "store").write_text("not a folder", encoding="utf-8")
    app = open_page(str(tmp_path / "store"))
    assert not app.exception
    assert len(app.error) == 1
    assert "cannot be opened" in app.error[0].value


def test_rejected_rows_are_downloaded_as_text_and_never_as_formulas() -> None:
    table = pd.DataFrame({"ID": ["=1+1", "A2"], "line": [2, 3]})
    assert as_csv(table).decode("utf-8-sig") == "ID;line\n'=1+1;2\nA2;3\n"


def test_pages_read_the_store_of_the_settings(stores: dict[str, str], open_page: Open) -> None:
    assert Settings(store=stores["full"]).store in words(open_page(stores["full"], "data")).replace("\\", "")


def test_the_reader_chooses_what_measures_are_compared_with(stores: dict[str, str], open_page: Open) -> None:
    told = {}
    for other in ("usual", "previous", "last_year"):
        app = open_page(stores["full"], period="days_28", compare=other)
        assert not app.exception
        assert {"usual": "than usual", "previous": "in the period before", "last_year": "last year"}[other] in words(
            app
        )
        told[other] = app.metric[0].delta
    # 28 days of 27 a day with the surge of the last week, 105 more, against 28 days of 27 and of 27
    assert told["previous"] == told["last_year"] == "+14%"


@pytest.mark.parametrize(
    ("count", "words"), [(21, "21** обращение;"), (294, "294** обращения;"), (187, "187** обращений;")]
)
def test_the_headline_counts_complaints_as_russian_does(count: int, words: str) -> None:
    assert words in components.said(Sentence("received", {"value": count}), Filters(), Text("ru"))
