"""The Events page: what it says on stores whose events have a known effect, its forms, its charts by their traces."""

from __future__ import annotations

import re
from contextlib import closing
from datetime import date
from pathlib import Path

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from analytics.attention import Thing
from analytics.events import list_events
from analytics.events.by_day import events_by_day
from analytics.events.types import built_in_types, event_types
from analytics.filters import Filters
from analytics.store import open_store
from pages.shared import event_charts, event_fragments, event_words, past_cases
from pages.shared.coming import view_of
from pages.shared.event_words import told_title
from pages.shared.frame import parameters
from pages.shared.signal_cards import because
from pages.shared.text import Text, plain
from tests.countries import make_store
from tests.happenings import OUTAGE, PLANNED, REGIONS, VOTE, make_happening_store

ROOT = Path(__file__).resolve().parent.parent
ENGLISH, RUSSIAN = Text("en"), Text("ru")
PARTS = ("rehearsal", "calendar", "effects", "import")
NEW_FORM = "form_new_20261201_"  # of the month and the regions shown
KEY = re.compile(r"\b(?:events|event_\w+|ask|rehearsal\w*|calendar|cases|effects?|take_\w+)\.[a-z_]+")


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> str:
    return make_happening_store(tmp_path_factory.mktemp("full"))


@pytest.fixture(scope="module")
def one_region(tmp_path_factory: pytest.TempPathFactory) -> str:
    return make_happening_store(tmp_path_factory.mktemp("one"), regions=REGIONS[:1])


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> str:
    return make_store(tmp_path_factory.mktemp("empty"))


@pytest.fixture
def own(tmp_path: Path) -> str:
    """A full store that a test may change."""
    return make_happening_store(tmp_path)


def opened(store: str, monkeypatch: pytest.MonkeyPatch, folder: Path, **chosen: object) -> AppTest:
    monkeypatch.chdir(folder)
    monkeypatch.setenv("FORERUNNER_STORE", store)
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
    app.session_state["lang"] = chosen.get("lang", "en")
    app.run()
    app.switch_page("pages/events.py")
    for key, value in chosen.items():
        app.session_state[key] = value
    return app.run()


def said(app: AppTest) -> str:
    elements = (*app.markdown, *app.caption, *app.info, *app.warning, *app.success, *app.error, *app.subheader)
    return "\n".join(str(element.value) for element in elements).replace("\\", "")


def extra(app: AppTest) -> float:
    metric = next(one for one in app.metric if one.label in (ENGLISH("rehearsal.extra"), RUSSIAN("rehearsal.extra")))
    return float(str(metric.value).replace("\N{MINUS SIGN}", "-").replace(",", "").replace("+", ""))


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("language", ["ru", "en"])
@pytest.mark.parametrize("kind", ["full", "one_region", "empty"])
def test_every_part_opens_on_every_store_in_both_languages(
    kind: str,
    language: str,
    part: str,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    app = opened(request.getfixturevalue(kind), monkeypatch, tmp_path, lang=language, part=part, month="2026-12")
    assert not app.exception
    assert not app.error
    assert app.title[0].value == Text(language)("events.title")
    assert not KEY.findall(said(app))
    if kind == "empty":
        assert app.info or part in ("calendar", "import")
    else:
        assert app.dataframe or part == "import"


def test_a_planned_event_brings_what_past_ones_brought(
    full: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    app = opened(full, monkeypatch, tmp_path, ask="planned", planned=[PLANNED])
    assert 30 < extra(app) < 60  # three times five complaints on three days are 45
    words = said(app)
    assert "more complaints" in words
    assert "Kaluga Oblast · Housing and utilities" in words
    assert re.search(r"Busiest day: \*\*\w+, [123] December\*\*", words)
    assert "more answers a day" in words
    assert "past cases of this type" in words
    assert "No past case" not in words
    assert len(app.get("plotly_chart")) == 1


def test_an_event_of_a_kind_never_seen_is_called_so_and_left_open(
    full: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    app = opened(full, monkeypatch, tmp_path, ask="planned", planned=[VOTE])
    words = said(app)
    assert "No past case." in words
    assert "no change that can be told from chance" in words
    assert "nothing of this type or of a related one has been seen" in words


def test_what_is_tried_out_is_answered_a_year_ahead_and_only_for_the_places_chosen(
    full: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    chosen = {"type": OUTAGE, "on": date(2027, 10, 1), "lasts": 3, "region": [REGIONS[1]]}
    app = opened(full, monkeypatch, tmp_path, **chosen)
    assert 25 < extra(app) < 65
    assert "1–3 October 2027, Tula Oblast" in said(app)
    longer = opened(full, monkeypatch, tmp_path, **{**chosen, "lasts": 6})
    assert extra(longer) > 1.5 * extra(app)
    everywhere = opened(full, monkeypatch, tmp_path, **{**chosen, "region": []})
    assert extra(everywhere) > 1.5 * extra(app)


def test_two_events_together_bring_more_than_one(full: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    app = opened(full, monkeypatch, tmp_path, ask="planned", planned=[PLANNED, VOTE])
    assert "1–3 December 2026, Kaluga Oblast; Марафон, 10 December 2026" in said(app)
    assert len(app.get("plotly_chart")) == 1


def test_changing_an_event_changes_its_rehearsal(own: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    before = extra(opened(own, monkeypatch, tmp_path, ask="planned", planned=[PLANNED]))
    app = opened(own, monkeypatch, tmp_path, part="calendar", month="2026-12", event=PLANNED)
    app.date_input(key=f"form_{PLANNED}_first").set_value(date(2026, 12, 5))
    app.date_input(key=f"form_{PLANNED}_last").set_value(date(2026, 12, 10))
    save(app, "event_form.save")
    assert ENGLISH("event_done.changed") in said(app)
    after = opened(own, monkeypatch, tmp_path, ask="planned", planned=[PLANNED])
    assert "5–10 December 2026" in said(after)
    assert extra(after) > 1.5 * before


def test_an_event_cannot_end_before_it_begins(own: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    app = opened(own, monkeypatch, tmp_path, part="calendar", month="2026-12", event=PLANNED)
    app.date_input(key=f"form_{PLANNED}_last").set_value(date(2026, 11, 25))
    save(app, "event_form.save")
    assert [error.value for error in app.error] == ["The last day is before the first one."]
    assert events_of(own).loc[PLANNED, "ends_on"] == pd.Timestamp("2026-12-03")


def test_a_new_event_is_kept_and_a_cancelled_one_counts_no_more(
    own: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    app = opened(own, monkeypatch, tmp_path, part="calendar", month="2026-12")
    app.selectbox(key=f"{NEW_FORM}_type").set_value("weather.storm")
    app.text_input(key=f"{NEW_FORM}_title").set_value("Буря")
    save(app, "event_form.save_new")
    assert ENGLISH("event_done.added") in said(app)
    assert "Буря" in set(events_of(own)["title"])
    app = opened(own, monkeypatch, tmp_path, part="calendar", month="2026-12", event=PLANNED)
    next(button for button in app.button if button.label == ENGLISH("event_form.cancel_sure")).click()
    app.run()
    assert events_of(own).loc[PLANNED, "cancelled"]
    app = opened(own, monkeypatch, tmp_path, ask="planned")
    assert PLANNED not in app.multiselect(key="planned").options


def test_the_strength_is_asked_and_kept_in_the_unit_of_the_type_chosen(
    own: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    app = opened(own, monkeypatch, tmp_path, part="calendar", month="2026-12", event=PLANNED)
    with closing(open_store(own)) as store:
        tree = event_types(store.settings)
    for key in (f"form_{PLANNED}", NEW_FORM):
        for kind in ("weather.storm", "weather.snowfall"):
            app.selectbox(key=f"{key}_type").set_value(kind).run()
            asked = ENGLISH("event_form.strength", unit=plain(event_words.unit(tree.of(kind).unit, ENGLISH)))
            assert app.number_input(key=f"{key}_strength").label == asked
    app.selectbox(key=f"form_{PLANNED}_type").set_value("weather.snowfall").run()
    app.number_input(key=f"form_{PLANNED}_strength").set_value(20.0)
    save(app, "event_form.save")
    kept = events_of(own).loc[PLANNED]
    assert (kept["type"], kept["strength"], kept["unit"]) == ("weather.snowfall", 20.0, "см")


def test_a_new_event_begins_in_the_month_and_the_region_that_are_shown(
    full: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    app = opened(full, monkeypatch, tmp_path, part="calendar", month="2026-12")
    assert app.date_input(key=f"{NEW_FORM}_first").value == date(2026, 12, 1)
    app.session_state["month"] = "2027-02"
    app.session_state["region"] = [REGIONS[1]]
    app.run()
    form = f"form_new_20270201_{REGIONS[1]}"
    assert app.date_input(key=f"{form}_first").value == date(2027, 2, 1)
    assert app.multiselect(key=f"{form}_region").value == [REGIONS[1]]


@pytest.mark.parametrize("language", ["ru", "en"])
def test_a_link_to_an_event_opens_the_calendar_at_its_month(
    full: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, language: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FORERUNNER_STORE", full)
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
    app.session_state["lang"] = language
    app.run()
    said = Thing("event", "events", {"title": "Марафон", "day": date(2026, 12, 10)})
    told = parameters(view_of(said), Filters(), Text(language))
    for name in ("part", "month", "to"):
        app.query_params[name] = told[name]
    app.switch_page("pages/events.py").run()
    assert not app.exception
    assert app.selectbox(key="month").value == "2026-12"


def test_what_was_not_learned_yet_is_learned_at_the_reader_s_word(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    store = make_happening_store(tmp_path, days=200, prepared=False)
    app = opened(store, monkeypatch, tmp_path, ask="planned", planned=[PLANNED])
    assert "has not been learned" in said(app)
    next(button for button in app.button if button.label == ENGLISH("rehearsal.prepare")).click()
    app.run()
    assert not app.exception
    assert extra(app) > 15


def test_a_file_is_shown_before_anything_is_stored(own: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    lines = [
        "id,type,starts_on,ends_on",
        "new-1,weather.storm,2026-12-20,2026-12-21",
        f"{PLANNED},{OUTAGE},2026-12-02,",
    ]
    lines += ["bad-1,weather.storm,31.31.2026,", "bad-2,weather.storm,2026-12-20,2026-12-01"]
    app = opened(own, monkeypatch, tmp_path, part="import")
    app.file_uploader[0].upload("events.csv", "\n".join(lines).encode(), "text/csv").run()
    words = said(app)
    assert "**1** new events, change **1**, leave 0 as they are; 2 rows cannot be taken" in words
    reasons = app.dataframe[0].value[ENGLISH("take_events.reason")].tolist()
    assert reasons == [ENGLISH("event_reason.unreadable_starts_on"), ENGLISH("event_reason.ends_before_it_starts")]
    assert "new-1" not in events_of(own).index
    next(button for button in app.button if button.key == "yes_events").click()
    app.run()
    assert "Events taken in: 1 new, 1 changed, 2 rejected." in said(app)
    assert events_of(own).loc["new-1", "ends_on"] == pd.Timestamp("2026-12-21")
    assert events_of(own).loc[PLANNED, "ends_on"] == pd.Timestamp("2026-12-02")


def test_a_file_of_weather_is_shown_before_anything_is_stored(
    own: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    lines = ["day,place,temperature_c,snow_cm", "2026-11-18,Калужская область,-3,12", "2026-11-19,,-200,0"]
    app = opened(own, monkeypatch, tmp_path, part="import")
    app.file_uploader[1].upload("weather.csv", "\n".join(lines).encode(), "text/csv").run()
    assert "**1** day of weather" in said(app)
    assert app.dataframe[0].value[ENGLISH("take_events.reason")].tolist() == [
        ENGLISH("event_reason.absurd_temperature_c")
    ]
    next(button for button in app.button if button.key == "yes_weather").click()
    app.run()
    assert "Weather taken in: 1 new" in said(app)
    with closing(open_store(own)) as store:
        assert len(store.query("select * from weather")) == 1


def test_with_and_without_are_lines_over_their_ranges_and_the_event_s_days_are_shaded() -> None:
    days = pd.DataFrame({"day": pd.date_range("2026-12-01", periods=3)})
    for side, middle in (("with", 20.0), ("without", 10.0)):
        days = days.assign(**{f"{side}_event": middle, f"{side}_low": middle - 3, f"{side}_high": middle + 4})
    days["threshold"] = 22.0
    events = pd.DataFrame({"starts_on": [pd.Timestamp("2026-12-02")], "ends_on": [pd.Timestamp("2026-12-02")]})
    figure = event_charts.with_and_without(days, events, ENGLISH)
    without_range, with_range, without, with_, threshold = figure.data
    assert list(with_.y) == [20.0] * 3
    assert list(without.y) == [10.0] * 3
    assert (max(with_range.y), min(without_range.y)) == (24.0, 7.0)
    assert with_.line.dash != without.line.dash
    assert set(threshold.y) == {22.0}
    assert figure.layout.shapes[0].x0 == "2026-12-01T12:00:00"
    assert with_.hovertext[1] == "Wed, 2 Dec 2026<br>With the event: <b>20</b><br>80%: 17–24"


def test_a_profile_is_drawn_as_change_around_the_usual() -> None:
    table = pd.DataFrame(
        {"offset": [-1, 0, 1], "factor": [1.0, 2.0, 1.5], "0.1": [0.9, 1.8, 1.2], "0.9": [1.1, 2.3, 1.9]}
    )
    figure = event_charts.profile(table.assign(lasts=1), RUSSIAN)
    band, line = figure.data
    assert list(line.y) == [0.0, 1.0, 0.5]
    assert max(band.y) == pytest.approx(1.3)
    assert line.hovertext[0].startswith("<b>за 1 день</b>")
    assert list(figure.layout.yaxis.ticktext) == ["обычно", "+25\N{NO-BREAK SPACE}%"] + [
        f"+{share}\N{NO-BREAK SPACE}%" for share in (50, 75, 100, 125)
    ]
    great = event_charts.profile(table.assign(lasts=1, **{"0.9": [1.1, 11.4, 1.9]}), RUSSIAN)
    assert list(great.layout.yaxis.ticktext) == ["обычно", "×2", "×4", "×6", "×8", "×10"]
    assert list(great.layout.yaxis.tickvals) == [0, 1, 3, 5, 7, 9]


def test_a_month_shows_what_begins_in_bold_and_how_many() -> None:
    events = pd.DataFrame(
        {
            "id": ["a", "b", "c"],
            "type": ["weather.storm", "weather.storm", OUTAGE],
            "starts_on": pd.to_datetime(["2026-12-02", "2026-12-02", "2026-11-20"]),
            "ends_on": pd.to_datetime(["2026-12-02", "2026-12-03", "2027-01-05"]),
            "cancelled": [False, False, False],
        }
    )
    table = events_by_day(events, date(2026, 12, 1), date(2026, 12, 31))
    assert len(table) == 31 + 2
    second = table[table["day"] == pd.Timestamp("2026-12-02")]
    assert second[["type", "begin", "act"]].values.tolist() == [["weather.storm", 2, 2], [OUTAGE, 0, 1]]
    html = event_fragments.month_grid(
        table, date(2026, 12, 1), lambda kind: f"<{kind}>", ENGLISH, today=date(2026, 12, 1)
    )
    assert html.count("<time") == 31
    assert "&lt;weather.storm&gt; <small>×2</small>" in html
    assert html.count('class="begins"') == 1
    assert '<td class="day past"' in html
    none = events_by_day(events.assign(cancelled=True), date(2026, 12, 1), date(2026, 12, 31))
    assert none.empty


def save(app: AppTest, label: str) -> None:
    next(button for button in app.button if button.label == ENGLISH(label)).click()
    app.run()
    assert not app.exception


def events_of(store: str) -> pd.DataFrame:
    with closing(open_store(store)) as opened_store:
        return list_events(opened_store).set_index("id")


def test_a_title_that_is_only_its_types_is_told_in_the_readers_language() -> None:
    types = built_in_types()
    assert told_title("Начало отопительного сезона", types, ENGLISH) == "Start of the heating season"
    assert told_title("Марафон в Туле", types, ENGLISH) == "Марафон в Туле"
    assert told_title("Марафон (два дня)", types, ENGLISH) == "Марафон (два дня)"
    heating = "Начало отопительного сезона"
    assert told_title(f"{heating} (Обнинск)", types, ENGLISH) == "Start of the heating season (Обнинск)"
    assert because({"events": 1.4, "events_named": ["Начало отопительного сезона"]}, types, ENGLISH) == (
        "“Start of the heating season” (+40%)"
    )


def test_an_event_of_several_groups_of_municipalities_is_one_reason() -> None:
    heating = "Начало отопительного сезона"
    named = [f"{heating} (Обнинск)", f"{heating} (Боровск, Таруса)", "Марафон (Калуга)"]
    assert because({"events": 1.4, "events_named": named}, built_in_types(), ENGLISH) == (
        "“Start of the heating season”, “Марафон \\(Калуга\\)” (+40%)"
    )


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        (
            {"own": 12, "kindred": 30, "ratio": 1.4},
            "12 past cases of this type. All of them together: complaints +40% against the usual. And 30 of related "
            "types. The 2 most similar are shown.",
        ),
        (
            {"own": 0, "kindred": 2, "ratio": 2.0},
            "No past case of this type. And 2 of related types. All of them together: complaints +100% against "
            "the usual.",
        ),
    ],
)
def test_past_cases_say_whose_sum_they_tell_how_many_are_shown_and_why_it_is_not_that_of_the_rehearsal(
    numbers: dict[str, float], words: str
) -> None:
    cases = pd.DataFrame({"title": ["", ""]})
    cases.attrs = numbers
    assert past_cases.said(cases, ENGLISH) == f"{words} {ENGLISH('cases.why')}"
