"""The Forecast page: parts, marks, record and municipalities, from a real store; its figures by their traces."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from urllib.parse import parse_qs

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from analytics.events import import_events
from analytics.filters import Filters
from analytics.ledger import FACTORS, issued_parts
from analytics.marks import COLUMNS as MARKS
from analytics.marks import marks
from analytics.municipal_week import municipalities
from analytics.refresh import refresh
from analytics.selected_forecast import Outlook, history, outlook, record_by_day, said_before
from analytics.store import Store, open_store
from pages.shared import forecast_charts, part_charts
from pages.shared.mark_links import view_of
from pages.shared.text import Text
from tests.countries import NOW, REGIONS, make_store

ROOT = Path(__file__).resolve().parent.parent
ENGLISH, RUSSIAN = Text("en"), Text("ru")
AS_OF = date(2026, 11, 19)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    return make_store(tmp_path_factory.mktemp("forecast"), a_day=4, forecast=True)


@pytest.fixture(scope="module")
def store(folder: str) -> Store:
    found = open_store(folder)
    events = pd.DataFrame(
        {
            "id": ["far", "mine", "late", "other"],
            "type": ["utilities.planned_outage", "city_day", "city_day", "utilities.planned_outage"],
            "starts_on": [date(2026, 12, 1)] * 3 + [date(2026, 12, 2)],
            "region": [REGIONS[1], REGIONS[0], REGIONS[0], ""],
            "topic": ["", "", "", "Дороги"],
            "known_since": [date(2026, 11, 1), date(2026, 11, 1), date(2026, 11, 25), date(2026, 11, 1)],
        }
    )
    import_events(found, events, now=NOW)
    return found


def opened(store: str, monkeypatch: pytest.MonkeyPatch, folder: Path, **chosen: object) -> AppTest:
    monkeypatch.chdir(folder)
    monkeypatch.setenv("FORERUNNER_STORE", store)
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    for key, value in {"lang": "en", **chosen}.items():
        app.session_state[key] = value
    app.run()
    return app.switch_page("pages/forecast.py").run()


def written(app: AppTest) -> str:
    return "\n".join(str(one.value) for one in (*app.markdown, *app.caption, *app.subheader))


@pytest.mark.parametrize("filters", [Filters(), Filters(regions=REGIONS[:1]), Filters(topic_groups=("ЖКХ",))])
def test_the_parts_that_were_kept_multiply_to_the_mean_that_was_issued(store: Store, filters: Filters) -> None:
    found = outlook(store, filters, AS_OF)
    assert found.issued
    assert len(found.parts) == 28
    np.testing.assert_allclose(found.parts[list(FACTORS)].prod(axis=1), found.ahead["mean"], rtol=1e-9)


def test_the_parts_of_a_selection_computed_now_multiply_to_its_mean(store: Store) -> None:
    found = outlook(store, Filters(regions=REGIONS[:1], channels=("ПОС",)), AS_OF)
    assert not found.issued
    np.testing.assert_allclose(found.parts[list(FACTORS)].prod(axis=1), found.ahead["mean"], rtol=1e-9)


def test_a_store_without_parts_of_a_series_says_so(store: Store) -> None:
    assert issued_parts(store, "nowhere", "*").empty


@pytest.mark.parametrize(
    ("filters", "seen"),
    [
        (Filters(), {"far", "mine", "other"}),
        (Filters(regions=REGIONS[:1]), {"mine", "other"}),
        (Filters(regions=REGIONS[1:2], topic_groups=("ЖКХ",)), {"far"}),
    ],
)
def test_events_stand_on_the_chart_where_they_act_and_were_known(
    store: Store, filters: Filters, seen: set[str]
) -> None:
    found = marks(store, filters, date(2026, 11, 20), date(2026, 12, 17), AS_OF)
    events = found[found["kind"] == "event"]
    titles = {"far": ("2026-12-01", "Planned"), "mine": ("2026-12-01", "City"), "other": ("2026-12-02", "Planned")}
    shown = {
        name
        for name, (day, word) in titles.items()
        if ((events["first_day"].astype(str) == day) & events["title_en"].str.startswith(word)).any()
    }
    assert shown == seen
    assert len(events) == len(seen)


@pytest.mark.parametrize("language", ["ru", "en"])
def test_each_event_on_the_chart_leads_to_its_day_in_the_calendar(
    store: Store, folder: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, language: str
) -> None:
    page = opened(folder, monkeypatch, tmp_path, lang=language, region=[REGIONS[0]])
    found = marks(store, Filters(regions=REGIONS[:1]), date(2026, 11, 20), date(2026, 12, 17), AS_OF)
    events = found[found["kind"] == "event"].to_dict("records")
    assert [mark["ids"] for mark in events] == ["mine", "other"]
    links = [parse_qs(link.proto.query_string) for link in page.get("page_link") if "event=" in link.proto.query_string]
    assert [link["event"] for link in links] == [["mine"], ["other"], ["rule-tariff-2026-10-01"]]  # over: below
    for link in links:
        app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
        app.session_state["lang"] = language
        app.run()
        for name, value in link.items():
            app.query_params[name] = value
        app.switch_page("pages/events.py").run()
        assert not app.exception
        assert app.selectbox(key="event").value == link["event"][0]
        assert app.multiselect(key="region").value == [REGIONS[0]]


def test_a_mark_of_several_events_alike_leads_to_their_type_in_its_month() -> None:
    mark = {"first_day": date(2026, 12, 1), "ids": "a|b", "type": "weather.snowfall", "regions": "|".join(REGIONS[:2])}
    assert view_of(mark) == {"part": "calendar", "month": "2026-12", "kind_of": "weather.snowfall"}
    alone = {**mark, "ids": "a", "regions": REGIONS[0]}
    assert view_of(alone) == {"part": "calendar", "month": "2026-12", "event": "a", "region": REGIONS[0]}


def test_holidays_are_named_in_both_languages_and_those_running_on_are_one_mark(store: Store) -> None:
    found = marks(store, Filters(), date(2026, 11, 1), date(2027, 1, 12), AS_OF)
    rest = found[found["kind"] == "holiday"].set_index("title_ru")
    assert rest.loc["День народного единства", "title_en"] == "Unity Day"
    new_year = rest.loc["Новогодние каникулы"]
    assert new_year["first_day"].min() == date(2027, 1, 1) if isinstance(new_year, pd.DataFrame) else True
    assert len(rest) < 6


def test_a_store_of_no_known_country_and_without_events_has_no_marks(tmp_path: Path) -> None:
    abroad = open_store(make_store(tmp_path, days=30, regions=("Bronx",)))
    assert marks(abroad, Filters(), date(2026, 11, 1), date(2027, 1, 12), AS_OF).empty
    assert list(marks(abroad, Filters(), date(2026, 11, 1), date(2027, 1, 12), AS_OF)) == list(MARKS)


def test_a_selection_is_computed_without_any_event_known(tmp_path: Path) -> None:
    plain = open_store(make_store(tmp_path, days=60, regions=REGIONS[:1]))
    refresh(plain, now=NOW, reconstruct=0)
    found = outlook(plain, Filters(regions=REGIONS[:1], channels=("ПОС",)), AS_OF)
    assert len(found.ahead) == len(found.parts) == 28


def test_the_week_of_the_municipalities_adds_up_to_that_of_their_region(store: Store) -> None:
    table = municipalities(store, Filters(regions=REGIONS[:1]), AS_OF)
    week = outlook(store, Filters(regions=REGIONS[:1]), AS_OF).ahead.head(7)["mean"].sum()
    assert table["mean"].sum() == pytest.approx(week, rel=1e-6)
    assert (table["low"] <= table["mean"]).all()
    assert (table["mean"] <= table["high"]).all()
    first, last = AS_OF - timedelta(days=6), AS_OF
    assert table["last_week"].sum() == history(store, Filters(regions=REGIONS[:1]), first, last)["complaints"].sum()


def test_the_record_by_day_judges_what_the_whole_record_judges(store: Store) -> None:
    found = outlook(store, Filters(), AS_OF)
    said = said_before(store, found.series, history(store, Filters(), AS_OF - timedelta(days=400), AS_OF))
    by_day = record_by_day(said)
    judged = said[said["actual"].notna() & said["naive"].notna()]
    assert by_day["forecasts"].sum() == len(judged)
    assert by_day["lead"].tolist() == sorted(set(judged["lead"]))
    assert ((by_day["chance_low"] < 0.8) & (by_day["chance_high"] >= 0.8)).all()
    one = judged[judged["lead"] == 1]
    assert by_day["error"].iloc[0] == pytest.approx((one["actual"] - one["0.5"]).abs().sum() / one["actual"].sum())


def with_parts(store: Store) -> pd.DataFrame:
    found: Outlook = outlook(store, Filters(), AS_OF)
    return found.parts.merge(found.ahead[["day", "mean"]], on="day")


def test_the_table_of_parts_has_a_line_for_each_factor_and_leaves_out_what_does_nothing(store: Store) -> None:
    table = with_parts(store).assign(events=1.0, weather=[1.1] * 28)
    heat, level, mean = part_charts.parts(table, ENGLISH).data
    assert [len(line) for line in heat.z] == [28] * 5
    assert set(heat.text[3]) == {""}
    assert set(heat.text[4]) == {"+10"}
    assert heat.z[3][0] == 0.5
    assert level.y[0] == 0
    assert mean.text[0] == f"<b>{ENGLISH.number(table['mean'].iloc[0])}</b>"


def test_bands_are_left_out_where_the_record_is_poor_and_marks_stand_above(store: Store) -> None:
    found = outlook(store, Filters(), AS_OF)
    actual = history(store, Filters(), AS_OF - timedelta(days=55), AS_OF)
    standing = marks(store, Filters(), date(2026, 10, 1), date(2026, 12, 17), AS_OF)
    said = said_before(store, found.series, actual)
    full = forecast_charts.fan(actual, found.ahead, said, standing, RUSSIAN, bands=True)
    bare = forecast_charts.fan(actual, found.ahead, said, standing, RUSSIAN, bands=False)
    assert sum(trace.fill == "toself" for trace in full.data) == 3
    assert not any(trace.fill == "toself" for trace in bare.data)
    in_legend = [trace.name for trace in full.data if trace.showlegend is not False]
    assert len(in_legend) == len(set(in_legend)) <= 6  # three lines of two on a phone: the ranges have one word
    names = {trace.name: trace for trace in full.data}
    assert names["События"].yaxis == "y2"
    assert "Плановое" in "".join(names["События"].hovertext)
    assert full.layout.shapes[0].x0.startswith("2026-11-19T12")


def test_small_counts_have_whole_numbers_on_their_axis(store: Store) -> None:
    drawn = forecast_charts.dots([0.0] * 12 + [1.0] * 6 + [2.0] * 2, 1, ENGLISH)
    assert drawn.layout.xaxis.dtick == 1
    assert drawn.layout.shapes[0].x0 == 0.5


def test_the_page_says_how_far_to_trust_and_what_moves_the_week(
    folder: str, store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    app = opened(folder, monkeypatch, tmp_path, region=[REGIONS[0]], topic_group=["ЖКХ"])
    assert not app.exception
    assert not app.error
    words = written(app)
    assert "How far to trust it: **" in words
    assert "What the forecast is made of" in words
    assert "Coming week: about" in words
    assert app.slider[0].min >= 1


def test_a_store_issued_before_parts_were_kept_says_when_they_come(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    older = make_store(tmp_path, a_day=1, days=120, regions=REGIONS[:1], forecast=True)
    open_store(older).write(lambda cursor: cursor.execute("delete from forecast_parts"))
    app = opened(older, monkeypatch, tmp_path)
    assert not app.error
    assert "from the next refresh on" in written(app)


def test_where_the_record_is_poor_no_range_is_promised_anywhere(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = make_store(tmp_path, a_day=2, days=200, regions=REGIONS[:1], forecast=True)
    open_store(folder).write(
        lambda cursor: cursor.execute(
            """
            update forecasts set "0.5" = 9 * ("0.5" + 1)
            where run_id in (select run_id from forecast_runs where reconstructed)
            """
        )
    )
    app = opened(folder, monkeypatch, tmp_path)
    assert not app.error
    words = written(app)
    assert ENGLISH("dots.poor") in words
    assert "so we promise no range" in words
    towns = next(frame.value for frame in app.dataframe if "Municipality" in frame.value.columns)
    assert list(towns.columns) == ["Municipality", "Expected", "Last 7 days"]


@pytest.mark.parametrize(("language", "words"), [("en", "the store has 7 days"), ("ru", "в хранилище 7 дней")])
def test_a_store_too_short_for_a_forecast_says_what_it_takes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, language: str, words: str
) -> None:
    app = opened(make_store(tmp_path, days=8), monkeypatch, tmp_path, lang=language)
    assert words in app.info[0].value
    assert "14" in app.info[0].value
    assert not app.code or "refresh" not in app.code[0].value


def test_how_good_a_day_ahead_was_is_told_as_it_is_also_where_it_was_much_worse() -> None:
    table = pd.DataFrame(
        {
            "lead": [1, 2, 3],
            "coverage_80": 0.8,
            "chance_low": 0.7,
            "chance_high": 0.9,
            "skill": [-2.5, 0.3, float("nan")],
            "forecasts": 20,
        }
    )
    told = part_charts.track(table, ENGLISH).data[1].hovertext
    said = [line.split("<br>")[1] for line in told]
    assert said == [
        "skill against last week: \N{MINUS SIGN}250%",
        "skill against last week: +30%",
        "skill against last week: —",
    ]
