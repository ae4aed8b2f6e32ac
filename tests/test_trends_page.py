"""The Trends page: its charts by their traces, its cards by their HTML, and what it says on planted stores."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from analytics.decompose import Decomposition
from analytics.imports import import_files
from analytics.store import open_store
from pages.shared import multiples, trend_charts
from pages.shared.look import PALETTE
from pages.shared.text import Text
from tests.countries import make_store
from tests.making import incidents

ROOT = Path(__file__).resolve().parent.parent
ENGLISH, RUSSIAN = Text("en"), Text("ru")


def parts_of(days: int) -> Decomposition:
    """20 a day, from the middle on 30; a change that is sure, and one that is not."""
    index = pd.date_range(end="2026-11-22", periods=days)
    trend = np.where(np.arange(days) < days // 2, 20.0, 30.0)
    parts = pd.DataFrame({"day": index, "complaints": trend + 1, "trend": trend, "weekly": 0.0, "yearly": 0.5})
    changes = {"day": index[[days // 2, days - 10]], "change": [0.5, -0.1], "probability": [0.97, 0.6]}
    return Decomposition(parts.assign(remainder=0.5), pd.DataFrame(changes), True)


def changed(**row: object) -> pd.DataFrame:
    usual = {"topic_group": "ЖКХ", "now": 30, "before": 20.0, "ratio": 1.5, "low": 1.2, "high": 1.9}
    weeks = {"weekly": np.arange(52.0), "weekly_before": np.full(52, math.nan)}
    return pd.DataFrame([{**usual, "probability": 0.97, "direction": "rising", **weeks, **row}])


@pytest.mark.parametrize(("days", "points"), [(100, 100), (800, 114)])
def test_complaints_trend_season_and_rest_are_drawn_by_day_or_by_week(days: int, points: int) -> None:
    figure = trend_charts.taken_apart(parts_of(days), ENGLISH)
    complaints, trend, season, rest, _ = figure.data
    assert [trace.name for trace in (complaints, trend, season, rest)] == ["Complaints", "Trend", "Season", "Rest"]
    assert {len(trace.x) for trace in (complaints, trend, season, rest)} == {points}
    assert (trend.y[0], trend.y[-1]) == (20.0, 30.0)
    assert (season.yaxis, rest.yaxis, rest.type) == ("y2", "y3", "bar")
    assert set(season.y) == {0.5}
    assert figure.layout.yaxis.rangemode == "tozero"


def test_changes_of_level_are_marks_with_size_date_and_probability() -> None:
    figure = trend_charts.taken_apart(parts_of(100), ENGLISH)
    marks = figure.data[-1]
    assert list(marks.marker.symbol) == ["triangle-up", "triangle-down-open"]
    assert list(marks.text) == ["+50%", "−10%"]
    assert list(marks.y) == [30.0, 30.0]
    assert marks.hovertext[0] == "4 October 2026<br><b>+50%</b>, very likely (97%)"
    assert [shape.x0 for shape in figure.layout.shapes] == list(marks.x)


def test_without_changes_there_are_no_marks() -> None:
    found = parts_of(100)
    figure = trend_charts.taken_apart(Decomposition(found.parts, found.changes.head(0), False), ENGLISH)
    assert len(figure.data) == 4


def test_two_years_are_lines_and_their_change_bars_from_zero() -> None:
    weeks = pd.DataFrame({"week": pd.date_range("2026-11-02", periods=3, freq="7D"), "complaints": [30.0, 10.0, 20.0]})
    weeks = weeks.assign(before=[20.0, 20.0, math.nan], ratio=[1.5, 0.5, math.nan])
    before, now, change = trend_charts.two_years(weeks, RUSSIAN).data
    assert (list(now.y), list(before.y)) == ([30.0, 10.0, 20.0], [20.0, 20.0, None])
    assert list(change.y) == [0.5, -0.5, None]
    assert list(change.marker.color)[:2] == [PALETTE["rising"], PALETTE["falling"]]
    assert now.hovertext[0] == "2–8 ноября 2026<br>Этот год: <b>30</b><br>Год назад: <b>20</b><br><b>+50 %</b>".replace(
        " %", "\N{NO-BREAK SPACE}%"
    )
    assert before.line.dash != now.line.dash


@pytest.mark.parametrize("ratios", [(0.3, 1.95), (0.9, 1.2), (0.1, 9.0), (0.97, 1.03)])
def test_the_bars_of_change_have_more_marks_than_zero(ratios: tuple[float, float]) -> None:
    weeks = pd.DataFrame({"week": pd.date_range("2026-11-02", periods=2, freq="7D"), "complaints": 9.0, "before": 9.0})
    marks = trend_charts.two_years(weeks.assign(ratio=ratios), RUSSIAN).layout.yaxis2.tickvals
    assert 2 <= len(marks) <= 5
    assert 0 in marks


def test_a_small_multiple_says_name_change_counts_certainty_and_interval() -> None:
    html = multiples.small_multiples(changed(), ENGLISH, by="topic_group")
    for words in ("Housing and utilities", "▲", "+50%", "30, before 20 · very likely", "from +20% to +90%", "52 weeks"):
        assert words in html


def test_a_small_multiple_of_something_new_has_no_ratio_and_no_markup_of_its_name() -> None:
    row = changed(topic_group="<b>x</b>", before=0.0, ratio=math.inf, low=math.nan, high=math.nan)
    html = multiples.small_multiples(row, ENGLISH, by="topic_group")
    assert "new" in html
    assert "nan" not in html
    assert "<b>x</b>" not in html


def test_what_has_arrived_and_what_is_to_come_fill_each_day() -> None:
    days = pd.DataFrame({"day": pd.date_range(end="2026-11-22", periods=2), "complaints": [8, 5], "share": [0.8, 0.5]})
    known, rest = trend_charts.arrived(days, ENGLISH).data
    assert list(known.y) == [0.8, 0.5]
    assert list(rest.y) == pytest.approx([0.2, 0.5])
    assert "usually known by now: <b>80%</b>" in known.hovertext[0]


def opened(store: str, monkeypatch: pytest.MonkeyPatch, folder: Path, **chosen: object) -> AppTest:
    monkeypatch.chdir(folder)
    monkeypatch.setenv("FORERUNNER_STORE", store)
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    for key, value in {"lang": "en", **chosen}.items():
        app.session_state[key] = value
    app.run()
    app.switch_page("pages/trends.py")
    for key, value in chosen.items():
        app.session_state[key] = value
    return app.run()


def said(app: AppTest) -> str:
    return "\n".join(str(element.value) for element in (*app.markdown, *app.caption))


@pytest.fixture(scope="module")
def renamed(tmp_path_factory: pytest.TempPathFactory) -> str:
    """1,100 days: 6 complaints a day about lifts, called hoists in the last 200; heating doubled 150 days ago.

    The last ten days came by imports of their own, each two thirds of its day and the rest of the day before.
    """
    folder = tmp_path_factory.mktemp("renamed")
    last = datetime(2026, 11, 20, 10)
    chance = np.random.default_rng(1)
    rows = []
    for back in range(1100):
        day = last - timedelta(days=back)
        lifts, heating = chance.poisson(6), chance.poisson(8 if back < 150 else 4)
        topics = ["Подъёмники" if back < 200 else "Лифты"] * lifts + ["Отопление"] * heating
        for place, topic in enumerate(topics):
            late = place % 3 == 0
            rows.append(
                ({"ID": f"{back}-{place}", "Дата создания": f"{day:%d.%m.%Y %H:%M}", "Тема": topic}, back, late)
            )
    store = open_store(folder / "store")
    for left in range(10, -1, -1):
        shown = [row for row, back, late in rows if (back > left if late else back >= left)]
        file = incidents(folder / f"{left}.csv", shown)
        import_files(store, [file], now=last - timedelta(days=left) + timedelta(hours=10))
    store.close()
    return str(folder / "store")


def test_a_planted_change_a_new_name_and_the_delay_are_said(
    renamed: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    app = opened(renamed, monkeypatch, tmp_path, by="topic")
    assert not app.exception
    assert not app.error
    words = said(app).replace("\\", "")
    assert "Biggest lasting change of the last two years: **+" in words
    assert "1 change looks like a new name" in words
    assert "it looks like the same complaints under another name" in words
    assert "Подъёмники" in words
    assert "weeks to 19 November 2026 against the usual, the same weeks of the 2 years before: **+" in words
    assert "on the day itself" in words
    assert len(app.get("plotly_chart")) == 3
    assert len([box for box in app.expander if box.label.startswith(Text("en")("take.title"))]) == 4


@pytest.mark.parametrize(
    ("compare", "line", "note"),
    [
        ("previous", "against the 13 weeks before: **", "against the 13 weeks before, so the season is in it"),
        ("last_year", "against the same weeks a year before: **", "against the same weeks a year before; "),
        ("usual", "of the 2 years before: **", "against the usual, the mean of the same weeks of the 2 years before"),
    ],
)
def test_headline_and_cards_say_what_they_compare_with(
    renamed: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, compare: str, line: str, note: str
) -> None:
    app = opened(renamed, monkeypatch, tmp_path, compare=compare)
    assert not app.exception
    assert line in said(app)
    assert note in said(app)


def test_the_dimension_can_be_chosen(renamed: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    by_place = opened(renamed, monkeypatch, tmp_path, by="municipality")
    by_group = opened(renamed, monkeypatch, tmp_path, by="topic_group")
    cards = ["".join(html.proto.body for html in app.get("html")) for app in (by_place, by_group)]
    assert "Боровский район" in cards[0]
    assert "Housing and utilities" in cards[1]


def test_a_short_store_says_what_it_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    store = make_store(tmp_path_factory.mktemp("week"), days=8)
    words = said(opened(store, monkeypatch, tmp_path))
    assert "A trend needs 28 days with data, there are 7" in words
    assert "It takes more than 52 weeks of history" in words
    assert "It takes at least 4 weeks of history" in words
    assert "it takes 5 imports on different days, there are 1" in words


@pytest.mark.parametrize(
    ("language", "sentence"),
    [
        ("en", "Region that gets worse fastest: **Tula Oblast**"),
        ("ru", "Быстрее всего ухудшается регион: **Тульская область**"),
    ],
)
def test_the_region_that_gets_worse_fastest_is_named_with_its_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, language: str, sentence: str
) -> None:
    last, chance = datetime(2026, 11, 20, 10), np.random.default_rng(1)
    rows = []
    for back in range(520):
        for region, usual in (("Калужская область", 5), ("Тульская область", 10 if back < 100 else 4)):
            for number in range(chance.poisson(usual)):
                opened_at = f"{last - timedelta(days=back):%d.%m.%Y %H:%M}"
                rows.append({"ID": f"{region}{back}-{number}", "Дата создания": opened_at, "Регион": region})
    store = open_store(tmp_path / "store")
    import_files(store, [incidents(tmp_path / "rows.csv", rows)], now=last + timedelta(hours=10))
    now = store.query(
        "select count(*) as n from complaints where region = 'Тульская область' "
        "and opened_at >= '2026-08-21' and opened_at < '2026-11-20'"
    )["n"].iloc[0]
    store.close()
    words = said(opened(str(tmp_path / "store"), monkeypatch, tmp_path, lang=language)).replace("\\", "")
    assert sentence in words
    assert f"{now} instead of" in words or f"{now} вместо" in words


@pytest.mark.parametrize(
    ("days", "words"),
    [(1100, ["2024", "2025", "2026"]), (364, ["Jan 2026", "Apr 2026", "Jul 2026", "Oct 2026"])],
)
def test_long_axes_are_marked_where_years_or_quarters_begin(days: int, words: list[str]) -> None:
    axis = trend_charts.taken_apart(parts_of(days), ENGLISH).layout.xaxis
    assert list(axis.ticktext) == words
    assert all(day.endswith("-01") for day in axis.tickvals)
