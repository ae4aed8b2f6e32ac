"""The Data page: the reader's tables and outlines uploaded, looked over, kept and used; budget; health of the store."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from analytics.health import health
from analytics.own_geometry import kept_outlines
from analytics.own_keeping import own_table
from analytics.signal_ledger import issued_signals
from analytics.store import open_store
from pages.shared.text import Text
from tests.countries import NOW, REGIONS, make_store
from tests.test_own_geometry import SQUARE, feature, moved

ROOT = Path(__file__).resolve().parent.parent
UPLOADER = -1  # the last one on the page is that of the reader's tables


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    return make_store(tmp_path_factory.mktemp("own"), days=300, a_day=3, forecast=True)


def data_page(folder: str, monkeypatch: pytest.MonkeyPatch, language: str = "en", **kept: object) -> AppTest:
    monkeypatch.chdir(Path(folder).parent)
    monkeypatch.setenv("FORERUNNER_STORE", folder)
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    app.session_state["lang"] = language
    for key, value in kept.items():
        app.session_state[key] = value
    return app.run().switch_page("pages/data.py").run()


def press(app: AppTest, label: str) -> AppTest:
    return next(button for button in app.button if button.label == label).click().run()


@pytest.mark.parametrize("language", ["ru", "en"])
def test_thresholds_are_looked_over_kept_and_signals_go_by_them(
    folder: str, monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    text = Text(language)
    app = data_page(folder, monkeypatch, language)
    rows = "region;topic_group;complaints\nКалужская область;ЖКХ;2\nТульская область;ЖКХ;lots\n".encode("cp1251")
    app.file_uploader[UPLOADER].set_value(("own.csv", rows, "text/csv")).run()
    assert not app.exception
    reason = text("own_reason.no_number")
    assert text("own.rejected", n=1, lines=f"3: {reason}") in [warning.value for warning in app.warning]
    press(app, text("own.keep", n=1))
    assert text("own_done.thresholds", n=1) in [success.value for success in app.success]
    app.run()
    assert text("own_done.thresholds", n=1) not in [success.value for success in app.success]  # said once
    with closing(open_store(folder)) as store:
        assert own_table(store, "thresholds").to_numpy().tolist() == [["Калужская область", "", "ЖКХ", 2]]
        own = issued_signals(store)
        assert set(own.loc[(own["region"] == REGIONS[0]) & (own["topic"] == "ЖКХ"), "kind"]) == {"own"}
    app.switch_page("pages/signals.py").run()
    assert not app.exception
    app.switch_page("pages/data.py").run()
    press(app, text("own.forget"))
    with closing(open_store(folder)) as store:
        assert own_table(store, "thresholds").empty


def test_a_threshold_of_a_municipality_is_set_by_hand_and_shown_where_municipalities_are(
    folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = Text("en")
    app = data_page(folder, monkeypatch)
    app.selectbox(key="limit_region").set_value(REGIONS[0]).run()
    town = app.selectbox(key="limit_municipality").options[1]
    app.selectbox(key="limit_municipality").set_value(town)
    app.number_input(key="limit_complaints").set_value(4)
    press(app, text("own_limit.keep"))
    assert not app.exception
    with closing(open_store(folder)) as store:
        assert own_table(store, "thresholds").to_numpy().tolist() == [[REGIONS[0], town, "", 4]]
        own = issued_signals(store, budget=99).query("kind == 'own'")
        assert set(own["municipality"]) == {town}
    app.session_state["region"] = [REGIONS[0]]
    app.switch_page("pages/forecast.py").run()
    assert not app.exception
    (towns,) = [one.value for one in app.dataframe if text("towns.own") in one.value]
    row = towns.set_index(text("filters.municipality")).loc[town]
    assert row[text("towns.own")] == "4"
    assert row[text("towns.own_chance")].endswith("%")
    app.session_state["municipality"] = [town]
    app.run()
    assert not app.exception
    assert app.slider(key="least").value == 4
    assert text("dots.own", own=4) in [caption.value for caption in app.caption]
    app.switch_page("pages/signals.py").run()
    assert not app.exception
    assert any(f"{town}: " in str(one.value).replace("\\", "") for one in app.markdown)
    app.switch_page("pages/data.py").run()
    press(app, text("own.forget"))


def test_a_file_that_cannot_be_used_is_one_sentence_and_nothing_is_kept(
    folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = data_page(folder, monkeypatch, "ru", table="days")
    app.file_uploader[UPLOADER].set_value(("own.csv", b"when,what\n2026-01-01,x\n", "text/csv")).run()
    assert [error.value.replace("\\", "") for error in app.error] == [
        "В own.csv нет столбца day, name; нужны day, name."
    ]
    app = data_page(folder, monkeypatch, "ru", table="geometry")
    mercator = {"type": "FeatureCollection", "features": [feature(SQUARE, name=REGIONS[0])]}
    mercator["crs"] = {"type": "name", "properties": {"name": "EPSG:3857"}}  # type: ignore[assignment]
    app.file_uploader[UPLOADER].set_value(("own.geojson", json.dumps(mercator).encode(), "application/json")).run()
    assert ["EPSG:4326" in error.value.replace("\\", "") for error in app.error] == [True]
    with closing(open_store(folder)) as store:
        assert own_table(store, "days").empty
        assert kept_outlines(store) == {"region": 0, "municipality": 0}


def test_outlines_are_kept_drawn_on_the_map_and_removed(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    app = data_page(folder, monkeypatch, table="geometry")
    shapes = [feature(moved(place), name=region) for place, region in enumerate(REGIONS)]
    shapes.append(feature(moved(9), name="Atlantis"))
    file = json.dumps({"type": "FeatureCollection", "features": shapes}).encode()
    app.file_uploader[UPLOADER].set_value(("own.geojson", file, "application/json")).run()
    assert any("Atlantis" in warning.value for warning in app.warning)
    press(app, Text("en")("own.keep_outlines", n=3))
    app.session_state["view"] = "map"
    app.switch_page("pages/heatmap.py").run()
    assert not app.exception
    chart = json.loads(next(chart for chart in app.get("plotly_chart") if "map" in chart.proto.id).proto.spec)
    drawn = [trace for trace in chart["data"] if trace.get("fill") == "toself"]
    assert sum(trace["x"].count(None) + 1 for trace in drawn) == len(REGIONS)  # one's own, not the 83 of the reference
    app.switch_page("pages/data.py").run()
    app.session_state["table"] = "geometry"
    press(app.run(), Text("en")("own.forget"))
    with closing(open_store(folder)) as store:
        assert kept_outlines(store) == {"region": 0, "municipality": 0}


def test_the_budget_set_here_is_that_of_the_signals(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    app = data_page(folder, monkeypatch, region=[REGIONS[1]])
    box = next(box for box in app.selectbox if box.label == "Signals a region and week")
    box.select("1").run()
    assert app.multiselect(key="region").value == [REGIONS[1]]  # what the reader filters by stays
    with closing(open_store(folder)) as store:
        assert store.setting("budget") == "1"
        inside = issued_signals(store)
        inside = inside[inside["within_budget"].astype(bool)]
        assert (inside.groupby(["region", "week"]).size() == 1).all()
        store.set_setting("budget", None)


def test_the_health_line_says_what_the_store_says(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(open_store(folder)) as store:
        state = health(store, NOW.date())
        files = sum(file.stat().st_size for file in Path(folder).rglob("*.parquet"))
    assert state["imported_at"].to_pydatetime() >= NOW
    assert state["size"] > 0
    assert state["size"] > 0.2 * files  # replaced files wait for compact
    app = data_page(folder, monkeypatch)
    line = next(markdown.value for markdown in app.markdown if "Last import" in markdown.value)
    assert "21 Nov 2026, 06:00" in line
    assert "data are full until **19 November 2026**" in line
    assert "forecasts know the data until **19 November 2026**" in line


def test_feedback_and_an_owner_are_there_after_a_reload(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    app = data_page(folder, monkeypatch).switch_page("pages/signals.py").run()
    with closing(open_store(folder)) as store:
        first = issued_signals(store).iloc[0]
    key = f"{first['region']}_{first['topic']}_{first['first_day']:%Y%m%d}"
    app.text_input(key=f"owner_{key}").set_value("Petrova").run()
    app.button_group(key=f"said_{key}").set_value("known").run()
    assert not app.exception
    again = data_page(folder, monkeypatch).switch_page("pages/signals.py").run()
    assert again.text_input(key=f"owner_{key}").value == "Petrova"
    with closing(open_store(folder)) as store:
        row = (
            issued_signals(store)
            .set_index(["region", "topic", "first_day"])
            .loc[(first["region"], first["topic"], first["first_day"])]
        )
    assert row["said"] == "known"
    assert row["probability"] == first["probability"]
    assert row["score"] == pytest.approx(0.7 * first["score"])


def test_a_comment_that_is_cleared_stays_cleared_and_is_written_once(
    folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = data_page(folder, monkeypatch).switch_page("pages/signals.py").run()
    key = key_of_the_first(folder)
    before = rows_of_feedback(folder)
    app.text_input(key=f"word_{key}").set_value("pipe burst").run()
    app.text_input(key=f"word_{key}").set_value("").run()
    app.run()
    assert not app.exception
    assert app.text_input(key=f"word_{key}").value == ""
    assert rows_of_feedback(folder) == before + 2


def test_an_open_page_takes_up_what_a_colleague_said_and_never_writes_over_it(
    folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = data_page(folder, monkeypatch).switch_page("pages/signals.py").run()
    other = data_page(folder, monkeypatch).switch_page("pages/signals.py").run()
    key = key_of_the_first(folder)
    before = rows_of_feedback(folder)
    other.text_input(key=f"owner_{key}").set_value("Sidorov").run()
    other.button_group(key=f"said_{key}").set_value("useful").run()
    mine.run()
    assert mine.text_input(key=f"owner_{key}").value == "Sidorov"
    assert mine.button_group(key=f"said_{key}").value == "useful"
    mine.switch_page("pages/data.py").run()
    mine.switch_page("pages/signals.py").run()
    assert mine.text_input(key=f"owner_{key}").value == "Sidorov"
    assert rows_of_feedback(folder) == before + 2


def key_of_the_first(folder: str) -> str:
    with closing(open_store(folder)) as store:
        first = issued_signals(store).iloc[0]
    return f"{first['region']}_{first['topic']}_{first['first_day']:%Y%m%d}"


def rows_of_feedback(folder: str) -> int:
    with closing(open_store(folder)) as store:
        return len(store.query("select * from feedback"))
