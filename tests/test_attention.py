"""The coming week on the Overview: what places expect, the three things, links to exact views, and their pages."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from analytics.attention import Thing, expected_change, forecast_age, friday, three_things
from analytics.filters import Filters
from analytics.imports import import_files
from analytics.ledger import issued
from analytics.queries import daily_counts
from analytics.signal_ledger import issued_signals
from analytics.store import Store, open_store
from pages.shared.frame import parameters
from pages.shared.text import Text
from tests.countries import NOW, REGIONS, TOPICS, make_store
from tests.making import incidents

ROOT = Path(__file__).resolve().parent.parent
ORIGIN = date(2026, 11, 19)


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with closing(open_store(make_store(tmp_path_factory.mktemp("coming"), a_day=3, days=300, forecast=True))) as store:
        yield store


@pytest.mark.parametrize(
    ("chosen", "topics"), [(Filters(), ["*"]), (Filters(topic_groups=("ЖКХ", "Дороги")), ["ЖКХ", "Дороги"])]
)
def test_what_regions_expect_is_the_issued_sum_of_seven_days_against_eight_weeks(
    stored: Store, chosen: Filters, topics: list[str]
) -> None:
    found = expected_change(stored, chosen, "region").set_index("region")
    assert sorted(found.index) == sorted(REGIONS)
    ahead = issued(stored, topic_groups=topics)
    week = ahead[ahead["day"] <= pd.Timestamp(ORIGIN + timedelta(days=7))]
    past = daily_counts(
        stored, Filters(ORIGIN - timedelta(days=55), ORIGIN, topic_groups=chosen.topic_groups), ["region"]
    )
    for region in REGIONS:
        assert found.loc[region, "expected"] == pytest.approx(week.loc[week["region"] == region, "mean"].sum())
        assert found.loc[region, "usual"] == past.loc[past["region"] == region, "complaints"].sum() / 8
    assert (found["change"] - found["expected"] / found["usual"]).abs().max() < 1e-12


def test_municipalities_of_a_region_add_up_to_it(stored: Store) -> None:
    whole = expected_change(stored, Filters(), "region").set_index("region")["expected"]
    towns = expected_change(stored, Filters(regions=REGIONS[:1]), "municipality")
    topics = issued(stored, regions=REGIONS[:1])
    week = topics[(topics["day"] <= pd.Timestamp(ORIGIN + timedelta(days=7))) & (topics["topic"] != "*")]
    assert towns["expected"].sum() == pytest.approx(week["mean"].sum(), rel=1e-6)
    assert len(towns) == 3
    assert whole[REGIONS[0]] > 0


def test_without_forecasts_there_is_nothing_to_compare(store: Store) -> None:
    assert expected_change(store, Filters(), "region").empty
    assert forecast_age(store, ORIGIN) == {"origin": None, "issued_at": None, "late": 0}


@pytest.mark.parametrize(
    ("as_of", "expected"),
    [
        ("2026-11-24", "2026-11-27"),
        ("2026-11-25", "2026-11-27"),
        ("2026-11-26", "2026-12-04"),
        ("2026-11-27", "2026-12-04"),
    ],
)
def test_friday_is_the_next_one_that_is_not_today(as_of: str, expected: str) -> None:
    assert friday(date.fromisoformat(as_of)) == date.fromisoformat(expected)


QUIET = pd.DataFrame({"measure": ["overdue_share"], "known": [True], "value": [0.1], "usual": [0.1], "usual_high": 0.2})
WHOLE = pd.DataFrame({"source": [], "region": [], "last_full_day": [], "late": []})
NO_EVENTS = pd.DataFrame({"title": [], "starts_on": [], "region": [], "topic": []})
NO_CHANGE = pd.DataFrame({"region": [], "expected": [], "usual": [], "change": []})


def signal(region: str, events: tuple[str, ...] = (), week: int = 0) -> dict[str, object]:
    day = pd.Timestamp(ORIGIN) + pd.Timedelta(days=2 + 7 * week)
    return {
        "region": region, "topic": "roads", "first_day": day, "last_day": day, "probability": 0.7, "excess": 12.0,
        "within_budget": True, "week": week, "why": {"events_named": list(events)}, "owner": None,
    }  # fmt: skip


def test_the_three_things_begin_with_the_most_pressing_signal_and_differ_in_kind() -> None:
    signals = pd.DataFrame([signal("North", ("Snow",)), signal("South"), signal("West", week=2)])
    change = pd.DataFrame(
        {"region": ["North", "East", "Small"], "expected": [90.0, 40.0, 9.0], "usual": [30.0, 20.0, 5.5],
         "change": [3.0, 2.0, 1.6]}
    )  # fmt: skip
    day = pd.Timestamp("2026-11-22")
    events = pd.DataFrame(
        {"title": ["Snow", "Tariffs"], "starts_on": [day, day], "region": ["North", ""], "topic": ["roads", ""]}
    )
    things = three_things(signals, change, QUIET, WHOLE, events)
    assert [thing.key for thing in things] == ["signal", "risen", "event"]
    assert things[0].chosen == {"region": "North", "topic_group": "roads"}
    assert things[1].names == {"region": "East"}  # North is told by its signal already
    assert things[2].values["title"] == "Tariffs"  # snow is told by the signal's reason
    assert [thing.page for thing in things] == ["signals", "forecast", "events"]


def test_with_nothing_else_further_signals_fill_the_three_and_a_quiet_week_has_none() -> None:
    signals = pd.DataFrame([signal("North"), signal("South")])
    things = three_things(signals, NO_CHANGE, QUIET, WHOLE, NO_EVENTS)
    assert [thing.key for thing in things] == ["signal", "unowned", "signal"]
    steady = pd.DataFrame({"region": ["North"], "expected": [21.0], "usual": [20.0], "change": [1.05]})
    for change in (NO_CHANGE, steady):
        assert three_things(signals.head(0), change, QUIET, WHOLE, NO_EVENTS) == []


def test_overdue_work_and_late_data_are_things_to_see_to() -> None:
    late = pd.DataFrame({"source": ["a"], "region": ["North"], "last_full_day": [pd.Timestamp(ORIGIN)], "late": [4]})
    none = pd.DataFrame([signal("North")]).head(0)
    things = three_things(none, NO_CHANGE, QUIET.assign(value=0.3), late, NO_EVENTS)
    assert things == [
        Thing("overdue", "heatmap", {"value": 0.3, "usual": 0.1}),
        Thing("late", "data", {"places": 1, "day": ORIGIN}),
    ]


def test_a_link_says_the_readers_filters_with_those_of_the_view_in_their_place() -> None:
    filters = Filters(regions=("Тульская область",), channels=("Телефон",))
    chosen = {"region": "Калужская область", "measure": "overdue_share", "part": "calendar", "month": "2026-12"}
    told = parameters(chosen, filters, Text("en"))
    assert told["region"] == ["Kaluga Oblast"]
    assert [told[name] for name in ("measure", "part", "month")] == [["overdue_share"], ["calendar"], ["2026-12"]]
    assert told["lang"] == "en"
    assert "channel" in told


@pytest.mark.parametrize("language", ["ru", "en"])
def test_the_overview_shows_what_is_ahead_and_each_line_is_a_link(
    stored: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, language: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FORERUNNER_STORE", stored.settings.store)
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    app.session_state["lang"] = language
    app.run()
    assert not app.exception
    text = Text(language)
    headings = [heading.value for heading in app.subheader]
    assert text("coming.signals") in headings
    assert text("coming.change") in headings
    assert text("coming.things", day=text.day(date(2026, 11, 27), "d MMMM")) in headings
    first = issued_signals(stored).iloc[0]
    links = [link.proto for link in app.get("page_link")]
    views = [link for link in links if "topic_group=" in link.query_string]
    assert views
    assert any(text.name("region", first["region"]) in link.label.replace("\\", "") for link in views)


def test_without_forecasts_the_overview_says_how_they_come_to_be(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FORERUNNER_STORE", make_store(tmp_path, days=30, a_day=1))
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    app.session_state["lang"] = "en"
    app.run()
    assert Text("en")("coming.none") in [info.value for info in app.info]
    assert "python -m analytics refresh" in [code.value for code in app.code]


def test_while_forecasts_are_being_made_pages_say_so_and_name_no_command(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = make_store(tmp_path, days=30, a_day=1)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FORERUNNER_STORE", folder)
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    app.session_state["lang"] = "en"
    waiting = Text("en")("waiting.forecasts")
    with closing(open_store(folder)) as store, store.refreshing():
        app.run()
        for page in ("app.py", "pages/forecast.py", "pages/signals.py", "pages/events.py"):
            app.switch_page(page).run()
            assert waiting in [info.value for info in app.info], page
            assert not app.code, page
    assert not store.is_refreshing()
    app.switch_page("pages/forecast.py").run()
    assert app.code


def test_older_forecasts_are_marked_on_every_page_that_shows_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = make_store(tmp_path, days=40, a_day=1, forecast=True)
    with closing(open_store(folder)) as store:
        group, days = TOPICS[0][0], ("23.11.2026 10:00", "24.11.2026 10:00")
        rows = [{"Регион": name, "Группа тем": group, "Дата создания": day} for name in REGIONS for day in days]
        import_files(store, [incidents(tmp_path / "late.csv", rows)], now=NOW + timedelta(days=4))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FORERUNNER_STORE", folder)
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    app.session_state["lang"] = "en"
    app.run()
    for page in ("app.py", "pages/forecast.py", "pages/signals.py", "pages/heatmap.py"):
        app.switch_page(page).run()
        assert any("stale" in warning.value for warning in app.warning), page
    app.switch_page("pages/trends.py").run()
    assert not any("stale" in warning.value for warning in app.warning)
