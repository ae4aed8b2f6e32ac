"""Events: types, files, the store, rules, and what an origin may know of them."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import NOW, ROOT
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from making import incidents

from analytics import __main__ as command_line
from analytics.demo import store as demo_store
from analytics.errors import BadInput
from analytics.events import (
    COLUMNS,
    add_event,
    cancel_event,
    check_events,
    event_types,
    import_events,
    joined_events,
    known_events,
    list_events,
    no_events,
    read_event_types,
    read_events,
    rule_events,
)
from analytics.imports import import_files
from analytics.settings import Settings
from analytics.store import Store, open_store

HEADER = ",".join(COLUMNS)
DRIVERS = ROOT.parent / "shared" / "reference" / "event_drivers_ru.csv"


def written(file: Path, *lines: str, header: str = HEADER, encoding: str = "utf-8") -> Path:
    file.write_bytes("\n".join([header, *lines, ""]).encode(encoding))
    return file


def table(*rows: dict) -> pd.DataFrame:
    usual = {"type": "school.start", "starts_on": "2026-09-01"}
    return pd.DataFrame([{"id": str(place), **usual, **row} for place, row in enumerate(rows, start=1)])


def stored(store: Store) -> list[tuple]:
    found = store.query("select * from events order by id")
    return list(found.astype(object).where(found.notna(), None).itertuples(index=False, name=None))


# Types


def test_the_built_in_types_hold_the_known_drivers_each_under_its_own_name() -> None:
    types = event_types()
    named = {types.named(title) for title in pd.read_csv(DRIVERS)["event"]} if DRIVERS.is_file() else set()
    assert named <= {kind.id for kind in types}
    assert len(named) in (0, 18)
    hot_water = types.of("utilities.planned_outage.hot_water")
    assert (hot_water.parent, hot_water.before, hot_water.known_before) == ("utilities.planned_outage", 3, 30)
    assert types.of("utilities.planned_outage").topics == ("ЖКХ",)  # from its own parent
    assert {kind.id for kind in types if kind.almanac} == set(types.family("holidays"))


def test_every_type_has_titles_in_both_languages_and_a_known_parent() -> None:
    types = event_types()
    assert [kind.id for kind in types if not (kind.title_ru and kind.title_en)] == []
    assert [kind.id for kind in types if kind.parent is not None and kind.parent not in types] == []


def test_an_unknown_type_has_the_window_of_its_nearest_known_ancestor() -> None:
    types = event_types()
    eruption = types.of("weather.volcano.big")
    assert (eruption.after, eruption.known) == (types.of("weather").after, False)
    assert types.of("carnival").after == types.default.after


def test_an_unknown_type_is_called_after_its_nearest_known_ancestor_not_by_its_id() -> None:
    types = event_types()
    assert types.of("weather.volcano.big_one").title("ru") == "Погода: volcano, big one"
    assert types.of("weather.volcano.big_one").title("en") == "Weather: volcano, big one"
    assert types.of("city_carnival").title("ru") == "city carnival"


def test_types_of_ones_own_are_added_and_change_only_what_they_say(tmp_path: Path) -> None:
    own = tmp_path / "types.toml"
    own.write_text(
        '[carnival]\ntitle_ru = "Карнавал"\nafter = 2\nspellings = ["Масленица"]\n'
        "[weather.snowfall]\nafter = 9\n[weather.snowfall.first]\nbefore = 1\n",
        encoding="utf-8",
    )
    types = event_types(Settings(store=str(tmp_path / "store"), event_types=str(own)))
    assert types.named("масленица") == "carnival"
    assert types.of("carnival").after == 2
    snowfall, built_in = types.of("weather.snowfall"), event_types().of("weather.snowfall")
    assert (snowfall.after, snowfall.title_ru, snowfall.topics) == (9, built_in.title_ru, built_in.topics)
    assert (types.of("weather.snowfall.first").before, types.of("weather.snowfall.first").after) == (1, 9)


@pytest.mark.parametrize(
    "text",
    ["[a]\nafter = -1", "[a]\nafter = '5'", "[a]\nsize = 3", "a = 3", "[a]\ntopics = [1]", "[a", "[a]\nsign = 2"],
)
def test_a_file_of_types_that_cannot_be_is_refused_in_one_sentence(tmp_path: Path, text: str) -> None:
    own = tmp_path / "types.toml"
    own.write_text(text)
    with pytest.raises(BadInput) as error:
        read_event_types(own)
    assert error.value.code in ("event_types_field", "event_types_unreadable")
    with pytest.raises(BadInput):
        read_event_types(tmp_path / "none.toml")


# Files


def test_a_file_needs_three_columns_and_the_rest_has_defaults(tmp_path: Path) -> None:
    events, rejected, notices = read_events(
        written(tmp_path / "a.csv", "7,mass_events.city_day,2026-06-12", header="id,type,starts_on")
    )
    (row,) = events.to_dict("records")
    assert list(events.columns) == list(COLUMNS)
    assert row["ends_on"] == row["starts_on"] == pd.Timestamp("2026-06-12")
    assert row["known_since"] == pd.Timestamp("2026-06-12") - pd.Timedelta(days=60)  # as its type is announced
    assert (row["title"], row["region"], row["cancelled"]) == ("День города", "", False)
    assert rejected.empty and notices == [{"kind": "known_since", "value": "", "rows": 1}]


@pytest.mark.parametrize(("encoding", "separator"), [("utf-8-sig", ";"), ("cp1251", ";"), ("utf-16", "\t")])
def test_events_are_read_in_the_encodings_and_separators_of_exports(
    tmp_path: Path, encoding: str, separator: str
) -> None:
    lines = ["1,Снегопад,05.11.2026,Калужская область|Москва,12.5,да", "2,hot_water_off,2026-06-01,,14,нет"]
    file = written(
        tmp_path / "a.csv",
        *(line.replace(",", separator) for line in lines),
        header="ID,Type,starts_on,region,strength,cancelled".replace(",", separator),
        encoding=encoding,
    )
    events, rejected, _ = read_events(file)
    assert rejected.empty
    assert events["type"].tolist() == ["utilities.planned_outage.hot_water", "weather.snowfall"]
    assert events["strength"].tolist() == [14.0, 12.5]
    assert events["unit"].tolist() == ["дней", "см"]
    assert events["cancelled"].tolist() == [False, True]


def test_rows_that_cannot_be_are_rejected_with_line_and_reason(tmp_path: Path) -> None:
    header = "id,type,starts_on,ends_on,known_since,cancelled"
    file = written(
        tmp_path / "a.csv",
        "1,school,2026-09-01,,,",
        "2,school,2026-13-01,,,",
        "3,school,2026-09-05,2026-09-01,,",
        ",school,2026-09-01,,,",
        "5,,2026-09-01,,,",
        "6,school,,,,",
        "7,school,2026-09-01,2029-09-01,,",
        "8,school,2026-09-01,,yesterday,",
        "9,school,2026-09-01,,,perhaps",
        "10,school,2026-09-01,,,,,,too,many",
        header=header,
    )
    events, rejected, _ = read_events(file)
    assert events["id"].tolist() == ["1"]
    assert dict(zip(rejected["line"], rejected["reason"], strict=True)) == {
        3: "unreadable_starts_on",
        4: "ends_before_it_starts",
        5: "no_id",
        6: "no_type",
        7: "no_starts_on",
        8: "lasts_too_long",
        9: "unreadable_known_since",
        10: "unreadable_cancelled",
        11: "wrong_number_of_columns",
    }


def test_what_is_not_understood_is_kept_with_a_notice_and_the_last_of_two_rows_wins(tmp_path: Path) -> None:
    file = written(
        tmp_path / "a.csv",
        "1,weather.volcano,2026-05-01,strong,red",
        "1,weather.volcano,2026-05-03,2,red",
        header="id,type,starts_on,strength,colour",
    )
    events, _, notices = read_events(file)
    assert events[["starts_on", "strength"]].to_dict("records") == [
        {"starts_on": pd.Timestamp("2026-05-03"), "strength": 2.0}
    ]
    assert {(notice["kind"], notice["value"], notice["rows"]) for notice in notices} == {
        ("type", "weather.volcano", 2),
        ("strength", "strong", 1),
        ("repeated_id", "1", 1),
        ("known_since", "", 1),
        ("column", "colour", 2),
    }


def test_a_table_without_a_needed_column_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="starts_on"):
        read_events(written(tmp_path / "a.csv", "1,school", header="id,type"))
    with pytest.raises(BadInput, match="type"):
        check_events(pd.DataFrame({"id": ["1"], "starts_on": ["2026-01-01"]}))


def test_the_check_at_the_door_names_the_first_row_that_cannot_be() -> None:
    with pytest.raises(BadInput, match="event 2 .* ends before it starts"):
        check_events(table({}, {"ends_on": "2026-08-01"}))
    with pytest.raises(BadInput, match="twice"):
        check_events(table({}, {"id": "1"}))
    checked = check_events(table({"region": " Тула | Калуга |Тула"}))
    assert checked["region"].tolist() == ["Тула|Калуга"]
    pd.testing.assert_frame_equal(check_events(checked), checked)
    pd.testing.assert_frame_equal(check_events(no_events()), no_events())


def test_an_event_known_later_than_the_origin_and_a_cancelled_one_are_not_used() -> None:
    events = check_events(
        table(
            {"known_since": "2026-08-01"},
            {"known_since": "2026-08-02"},
            {"known_since": "2026-07-01", "cancelled": True},
        )
    )
    assert known_events(events, date(2026, 8, 1))["id"].tolist() == ["1"]
    assert known_events(events, date(2026, 7, 31)).empty


ICS = """BEGIN:VCALENDAR
VERSION:2.0
BEGIN:VEVENT
UID:one@city
DTSTART;VALUE=DATE:20260612
DTEND;VALUE=DATE:20260614
SUMMARY:День города\\, с салютом и
  концертом
CATEGORIES:День города,праздник
BEGIN:VALARM
SUMMARY:not the title
END:VALARM
END:VEVENT
BEGIN:VEVENT
UID:two@city
DTSTART;TZID=Europe/Moscow:20260701T180000
DTEND;TZID=Europe/Moscow:20260702T010000
SUMMARY:Матч
STATUS:CANCELLED
END:VEVENT
BEGIN:VEVENT
UID:three@city
DTSTART:20260101T100000Z
RRULE:FREQ=YEARLY
CATEGORIES:День города
END:VEVENT
END:VCALENDAR
"""


def test_a_calendar_file_is_read_and_what_repeats_is_rejected(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "a.ics"
    file.write_bytes(ICS.replace("\n", "\r\n").encode())
    _, rejected, _ = read_events(file)
    assert dict(zip(rejected["line"], rejected["reason"], strict=True)) == {14: "no_type", 21: "recurring_event"}
    result = import_events(store, file, now=NOW, default_type="mass_events.concert")
    assert (result.read, result.new, result.rejected) == (3, 2, 1)
    events = list_events(store)
    assert events["title"].tolist() == ["День города, с салютом и концертом", "Матч"]
    assert events["type"].tolist() == ["mass_events.city_day", "mass_events.concert"]
    assert events["ends_on"].dt.date.tolist() == [date(2026, 6, 13), date(2026, 7, 2)]
    assert events["cancelled"].tolist() == [False, True]
    file.write_text("id,type,starts_on")
    with pytest.raises(BadInput, match="calendar"):
        read_events(file)


def test_rows_without_a_type_take_the_one_that_is_named_for_the_file(tmp_path: Path) -> None:
    file = written(tmp_path / "a.csv", "1,2026-07-01", header="id,starts_on")
    assert read_events(file, default_type="Снегопад")[0]["type"].tolist() == ["weather.snowfall"]


@given(
    known=st.lists(st.integers(-400, 400), min_size=1, max_size=20),
    cancelled=st.lists(st.booleans(), min_size=20, max_size=20),
    origin=st.integers(-400, 400),
)
@settings(max_examples=40, deadline=None)
def test_no_origin_ever_uses_an_event_that_was_known_later(
    known: list[int], cancelled: list[bool], origin: int
) -> None:
    start = date(2026, 1, 1)
    pairs = list(zip(known, cancelled, strict=False))
    rows = [{"known_since": str(start + timedelta(days=day)), "cancelled": end} for day, end in pairs]
    used = known_events(check_events(table(*rows)), start + timedelta(days=origin))
    expected = {str(place) for place, (day, end) in enumerate(pairs, 1) if day <= origin and not end}
    assert set(used["id"]) == expected


# The store


def test_an_import_accounts_for_every_row_and_the_same_again_changes_nothing(store: Store, tmp_path: Path) -> None:
    file = written(
        tmp_path / "a.csv",
        "1,school.start,2026-09-01",
        "2,city_day,2026-06-12",
        "2,city_day,2026-06-13",
        ",city_day,2026-06-12",
        header="id,type,starts_on",
    )
    first = import_events(store, file, now=NOW)
    assert (first.read, first.new, first.updated, first.unchanged, first.rejected) == (4, 2, 0, 1, 1)
    assert first.rejects == [{"line": 5, "reason": "no_id"}]
    before = stored(store)
    second = import_events(store, file, now=NOW + timedelta(days=3))
    assert (second.new, second.updated, second.unchanged, second.rejected) == (0, 0, 3, 1)
    assert stored(store) == before


def test_an_event_that_moves_keeps_its_known_since_and_its_length_unless_the_file_says_otherwise(store: Store) -> None:
    import_events(store, table({"ends_on": "2026-09-03", "known_since": "2026-05-05", "region": "Москва"}), now=NOW)
    moved = import_events(store, table({"starts_on": "2026-09-10"}), now=NOW)
    assert (moved.new, moved.updated) == (0, 1)
    (row,) = list_events(store).to_dict("records")
    assert (row["starts_on"], row["ends_on"]) == (pd.Timestamp("2026-09-10"), pd.Timestamp("2026-09-12"))
    assert (row["known_since"], row["region"]) == (pd.Timestamp("2026-05-05"), "Москва")
    import_events(store, table({"known_since": "2026-06-06"}), now=NOW)
    assert list_events(store)["known_since"].tolist() == [pd.Timestamp("2026-06-06")]


def test_what_we_hold_is_known_on_the_day_of_its_import_at_the_latest(store: Store) -> None:
    import_events(store, table({"type": "weather.snowfall", "starts_on": "2026-12-24"}), now=NOW)
    assert list_events(store)["known_since"].tolist() == [pd.Timestamp(NOW.date())]


def test_places_and_topics_are_named_as_the_store_names_them(store: Store, tmp_path: Path) -> None:
    import_files(store, [incidents(tmp_path / "a.csv", [{}])], now=NOW)
    result = import_events(
        store,
        table(
            {"region": "Калужская обл.|Атлантида", "topic": "жкх|Звездопад"},
            {"region": "Калужская обл.", "municipality": "боровский р-н"},
        ),
        now=NOW,
    )
    events = list_events(store)
    assert events["region"].tolist() == ["Калужская область|Атлантида", "Калужская область"]
    assert events["topic"].tolist() == ["ЖКХ|Звездопад", ""]
    assert events["municipality"].tolist() == ["", "Боровский район"]
    told = {(notice["kind"], notice["value"]) for notice in result.notices}
    assert told == {("region", "Атлантида"), ("topic_group", "Звездопад"), ("known_since", "")}


def test_a_municipality_that_its_region_does_not_have_is_told(store: Store, tmp_path: Path) -> None:
    import_files(store, [incidents(tmp_path / "a.csv", [{}])], now=NOW)
    place = store.query("select region, municipality from complaints").iloc[0]
    given = {"type": "city_day", "starts_on": date(2026, 6, 12), "region": place["region"], "now": NOW}
    assert add_event(store, municipality=place["municipality"], **given)[1] == []
    (notice,) = add_event(store, municipality="Нигдеевский район", **given)[1]
    assert notice == {"kind": "municipality", "value": "Нигдеевский район", "rows": 1}


def test_a_list_of_no_events_is_empty_however_it_is_chosen(store: Store) -> None:
    for found in (list_events(store, regions=["Москва"]), list_events(store, types=["weather"])):
        assert found.empty
        assert set(found.columns) >= set(COLUMNS)


def test_a_list_is_chosen_by_days_types_and_regions(store: Store) -> None:
    import_events(
        store,
        table(
            {"type": "weather.snowfall", "starts_on": "2026-01-05", "ends_on": "2026-01-08", "region": "Москва"},
            {"type": "weather", "starts_on": "2026-02-01", "region": "Тульская область|Москва"},
            {"type": "weathering", "starts_on": "2026-02-01"},
        ),
        now=NOW,
    )
    assert list_events(store, first_day=date(2026, 1, 8), last_day=date(2026, 1, 31))["id"].tolist() == ["1"]
    assert list_events(store, types=["weather"])["id"].tolist() == ["1", "2"]
    assert list_events(store, types=["Снегопад"])["id"].tolist() == ["1"]
    assert list_events(store, regions=["Тульская область"])["id"].tolist() == ["2", "3"]
    assert list_events(store, last_day=date(2020, 1, 1)).empty


def test_events_are_added_and_cancelled_by_hand(store: Store) -> None:
    first, notices = add_event(store, type="День города", starts_on=date(2026, 6, 12), region="Москва", now=NOW)
    second, _ = add_event(store, type="city_day", starts_on=date(2026, 6, 12), region="Тульская область", now=NOW)
    assert (first, second) == ("mass_events.city_day-2026-06-12", "mass_events.city_day-2026-06-12-2")
    assert notices == []
    for _ in range(2):
        assert cancel_event(store, first, now=NOW) == "День города"
    assert list_events(store)["cancelled"].tolist() == [True, False]
    assert known_events(list_events(store), date(2026, 6, 12))["id"].tolist() == [second]
    with pytest.raises(BadInput, match="no event x"):
        cancel_event(store, "x", now=NOW)
    with pytest.raises(BadInput, match="already"):
        add_event(store, type="city_day", starts_on=date(2026, 6, 12), id=first, now=NOW)
    with pytest.raises(BadInput, match="ends before"):
        add_event(store, type="city_day", starts_on=date(2026, 6, 12), ends_on=date(2026, 6, 1), now=NOW)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("heating_seasn", "utilities.heating,"),
        ("день горда", "mass_events.city_day"),
        ("utilities.planned_outage.gaz", "utilities.planned_outage"),
        ("nonsense", "weather, utilities"),
        ("", "weather, utilities"),
    ],
)
def test_a_type_that_a_hand_misspelt_is_refused_with_those_most_like_it(
    store: Store, tmp_path: Path, typed: str, meant: str
) -> None:
    day = date(2026, 6, 12)
    with pytest.raises(BadInput, match=f"called «{typed}»; it may be: {meant}"):
        add_event(store, type=typed, starts_on=day, now=NOW)
    assert list_events(store).empty
    file = tmp_path / "calendar.csv"
    file.write_text("id,type,starts_on\n1,,2026-06-12\n2,volcano,2026-06-12\n")
    if typed:
        with pytest.raises(BadInput, match=f"called «{typed}»"):
            import_events(store, file, now=NOW, default_type=typed)
        with pytest.raises(BadInput, match=f"called «{typed}»"):
            list_events(store, types=[typed])
    import_events(store, file, now=NOW, default_type="city_day")
    assert list_events(store, types=["volcano"])["id"].tolist() == ["2"]  # a file's own types are kept


def test_an_import_without_the_column_does_not_bring_a_cancelled_event_back(store: Store) -> None:
    import_events(store, table({}), now=NOW)
    cancel_event(store, "1", now=NOW)
    import_events(store, table({"title": "Первое сентября"}), now=NOW)
    assert list_events(store)[["title", "cancelled"]].to_dict("records") == [
        {"title": "Первое сентября", "cancelled": True}
    ]


@pytest.fixture(scope="module")
def shared_store() -> Iterator[Store]:
    with tempfile.TemporaryDirectory() as folder, closing(open_store(Path(folder) / "store")) as opened:
        yield opened


DAYS = st.dates(date(2020, 1, 1), date(2027, 12, 31))
ROWS = st.fixed_dictionaries(
    {
        "type": st.sampled_from(["weather.snowfall", "school", "Снегопад", "volcano.big", "  "]),
        "starts_on": DAYS.map(str) | st.sampled_from(["", "never", "31.12.2026"]),
        "ends_on": DAYS.map(str) | st.just(""),
        "region": st.sampled_from(["", "Москва", "Тула|Москва", "Лапута"]),
        "strength": st.sampled_from(["", "12,5", "3", "many"]),
        "known_since": DAYS.map(str) | st.just(""),
        "cancelled": st.sampled_from(["", "true", "нет", "?"]),
    }
)


@given(
    rows=st.dictionaries(st.sampled_from(["a", "б", "3", "д-4", "5"]), ROWS, min_size=1).map(
        lambda rows: [{"id": name, **row} for name, row in rows.items()]
    ),
    order=st.randoms(use_true_random=False),
)
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_importing_twice_changes_nothing_and_the_order_of_rows_does_not_matter(
    shared_store: Store, rows: list[dict], order: object
) -> None:
    shared_store.write(lambda cursor: cursor.execute("delete from events"))
    first = import_events(shared_store, pd.DataFrame(rows), now=NOW)
    assert first.read == len(rows) == first.new + first.updated + first.unchanged + first.rejected
    before = stored(shared_store)
    assert len(before) == first.new
    order.shuffle(rows)  # type: ignore[attr-defined]
    second = import_events(shared_store, pd.DataFrame(rows), now=NOW + timedelta(days=1))
    assert (second.new, second.updated, second.rejected) == (0, 0, first.rejected)
    assert stored(shared_store) == before
    shared_store.write(lambda cursor: cursor.execute("delete from events"))
    import_events(shared_store, pd.DataFrame(rows), now=NOW)
    assert stored(shared_store) == before


def test_the_demo_country_announces_its_events_and_weather_in_the_store(tmp_path: Path) -> None:
    chosen = Settings(store=str(tmp_path / "store"))
    end = date(2024, 10, 31)
    made = demo_store.make(chosen, complaints=1_000, days=60, end=end, seed=3, now=NOW)
    with closing(open_store(chosen)) as store:
        events = list_events(store)
        weather = store.query("select count(*) as rows, max(day) filter (issued_on is null) as last from weather")
    told = pd.read_csv(made.events, parse_dates=["known_since"])
    assert len(events) == len(told) > 100
    known = event_types()
    assert {kind for kind in events["type"] if kind not in known} == set()
    assert "utilities.heating.start" in set(events["type"])
    assert (events["known_since"] <= pd.Timestamp(end)).all()
    assert events.set_index("id")["known_since"].sort_index().tolist() == (
        told.set_index("id")["known_since"].sort_index().tolist()
    )
    assert weather["last"].iloc[0] == pd.Timestamp(end)
    assert weather["rows"].iloc[0] == len(pd.read_csv(made.weather))


# Rules


def test_rules_give_the_dated_facts_of_russia_and_nothing_elsewhere() -> None:
    events = rule_events([2024, 2025, 2026])
    starts = {row.id: str(row.starts_on.date()) for row in events.itertuples()}
    assert starts["rule-voting-day-2025"] == "2025-09-14"  # the second Sunday
    assert starts["rule-voting-day-2026"] == "2026-09-20"  # the third, in a year of elections to the State Duma
    assert starts["rule-school-2024"] == "2024-09-01"
    lines = events[events["type"] == "annual_line"]["starts_on"].dt.date.tolist()
    assert lines == [date(2024, 12, 19), date(2025, 12, 19)]
    assert events[events["type"] == "tariffs.utilities"]["strength"].tolist() == [9.8, 11.9, 1.7, 9.9]
    assert (events["known_since"] < events["starts_on"]).all()
    assert (events["source"] != "").all()
    assert not events["type"].str.startswith("holidays").any()  # the almanac has them
    assert rule_events([2025], country="US").empty and rule_events([]).empty
    assert list(rule_events([2025], country=None).columns) == list(COLUMNS)


def winter(place: str = "Тульская область") -> pd.DataFrame:
    """Warm until the end of September 2025, from 1 October on colder than 8 °C, warm again from 20 April 2026."""
    days = pd.date_range("2025-07-01", "2026-06-30")
    cold = (days >= "2025-10-01") & (days < "2026-04-20")
    return pd.DataFrame({"day": days, "place": place, "temperature_c": np.where(cold, 2.0, 15.0)})


def test_heating_starts_on_the_day_after_five_cold_days_running_and_is_known_on_the_fifth() -> None:
    events = rule_events([2025, 2026], weather=winter())
    found = events[events["type"].str.startswith("utilities.heating")]
    assert found[["type", "region", "starts_on", "known_since"]].to_dict("records") == [
        {
            "type": "utilities.heating.start",
            "region": "Тульская область",
            "starts_on": pd.Timestamp("2025-10-06"),
            "known_since": pd.Timestamp("2025-10-05"),
        },
        {
            "type": "utilities.heating.end",
            "region": "Тульская область",
            "starts_on": pd.Timestamp("2026-04-25"),
            "known_since": pd.Timestamp("2026-04-24"),
        },
    ]


def test_the_heating_rule_sees_no_weather_after_the_origin_and_no_forecast() -> None:
    def heated(**how: object) -> int:
        events = rule_events([2025], **how)  # type: ignore[arg-type]
        return int(events["type"].str.startswith("utilities.heating").sum())

    assert heated(weather=winter(), origin=date(2025, 10, 4)) == 0
    assert heated(weather=winter(), origin=date(2025, 10, 5)) == 1
    assert heated(weather=winter().assign(issued_on="2025-06-30")) == 0
    assert heated(weather=winter(place=""), regions=["Тульская область", "Москва"]) == 2


def test_dates_of_ones_own_go_before_the_rule() -> None:
    own = pd.DataFrame(
        {
            "region": ["Тульская область"] * 2,
            "municipality": ["", "Алексин"],
            "starts_on": ["2025-10-03", "04.10.2025"],
            "ends_on": ["", "2025-05-01"],
        }
    )
    events = rule_events([2025], weather=winter(), heating=own)
    found = events[events["type"].str.startswith("utilities.heating")]
    assert found["starts_on"].dt.date.tolist() == [date(2025, 5, 1), date(2025, 10, 3), date(2025, 10, 4)]
    assert found["municipality"].tolist() == ["Алексин", "", "Алексин"]
    with pytest.raises(BadInput, match="Row 1"):
        rule_events([2025], heating=own.assign(starts_on="soon"))
    with pytest.raises(BadInput, match="region"):
        rule_events([2025], heating=own[["starts_on"]])


def test_an_event_of_ones_own_and_of_a_rule_is_not_counted_twice() -> None:
    rules = rule_events([2025])
    own = check_events(
        table(
            {"id": "a", "type": "school.start", "starts_on": "2025-09-02"},
            {"id": "b", "type": "elections.voting_day", "starts_on": "2025-09-13", "cancelled": True},
            {"id": "c", "type": "annual_line", "starts_on": "2025-03-01"},
        )
    )
    joined = joined_events(own, rules)
    assert set(joined["id"]) == {"a", "b", "c", "rule-annual-line-2025-12-19", "rule-tariff-2025-07-01"}
    pd.testing.assert_frame_equal(joined_events(joined, rules), joined)


# The command line


Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs `python -m analytics …` within this process; its store is tmp_path/store."""
    monkeypatch.setenv("FORERUNNER_STORE", str(tmp_path / "store"))
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["python -m analytics", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            command_line.main()
        said = capsys.readouterr()
        return int(end.value.code or 0), said.out, said.err

    return run


def test_events_go_in_by_file_and_by_hand_and_come_out_as_json(run: Run, tmp_path: Path) -> None:
    file = written(tmp_path / "a.csv", "1,school.start,2026-09-01", "2,x,never", header="id,type,starts_on")
    code, out, _ = run("events", "import", file, "--preview", "--json")
    assert (code, json.loads(out)["events"], json.loads(out)["rejects"]) == (
        0,
        1,
        [{"line": 3, "reason": "unreadable_starts_on"}],
    )
    assert not (tmp_path / "store").exists()
    code, out, _ = run("events", "import", file, "--json")
    told = json.loads(out)
    assert (code, told["file"], told["read"], told["new"], told["rejected"]) == (0, "a.csv", 2, 1, 1)
    assert run("events", "import", file)[1].startswith("a.csv: 2 rows read = 0 new + 0 updated + 1 unchanged + 1 rej")
    added = run(
        "events", "add", "--type", "Снегопад", "--starts-on", "2026-12-01", "--strength", "12", "--region", "Тула"
    )
    assert added[:2] == (
        0,
        "added: weather.snowfall-2026-12-01\n  «Тула»: region not known to the store, kept as given (1 row)\n",
    )
    rows = json.loads(run("events", "list", "--from", "2026-11-01", "--json")[1])
    assert [(row["type"], row["strength"], row["unit"]) for row in rows] == [("weather.snowfall", 12.0, "см")]
    assert run("events", "cancel", "1")[:2] == (0, "cancelled: 1 сентября, начало учебного года\n")
    assert "(1, school.start, cancelled)" in run("events", "list", "--type", "school")[1]


def test_rules_are_shown_and_kept_on_request(run: Run) -> None:
    assert len(json.loads(run("events", "rules", "2025", "--json")[1])) == 4
    assert run("events", "rules", "2025", "--keep")[1].startswith("rules: 4 rows read = 4 new + ")
    assert run("events", "rules", "2025", "--keep")[1].startswith("rules: 4 rows read = 0 new + 0 updated + 4 unch")


@pytest.mark.parametrize(
    "wrong",
    [
        ["import", "none.csv"],
        ["import", "types.toml"],
        ["import"],
        [],
        ["list"],
        ["list", "--from", "yesterday"],
        ["cancel", "1"],
        ["add", "--type", "school", "--starts-on", "2026-09-02", "--ends-on", "2026-09-01"],
        ["add", "--type", "school"],
        ["rules", "1999"],
        ["rules", "2026", "--heating", "none.csv"],
    ],
)
def test_a_mistake_is_one_sentence_and_leaves_no_store(run: Run, tmp_path: Path, wrong: list[str]) -> None:
    (tmp_path / "types.toml").write_text("[weather]\nafter = 3\n")
    code, out, err = run("events", *wrong)
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1 and err.endswith(".\n")
    assert not (tmp_path / "store").exists()


def test_a_region_that_neither_events_nor_complaints_name_is_told(run: Run) -> None:
    run("events", "add", "--type", "Снегопад", "--starts-on", "2026-12-01", "--region", "Тульская область")
    assert "Тульская область" in run("events", "list", "--region", "Тульская область")[1]
    code, out, err = run("events", "list", "--region", "Тулская область")
    assert (code, out) == (2, "")
    assert "has the region Тулская область" in err


def test_types_of_ones_own_come_from_the_setting(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own.toml").write_text('[carnival]\ntitle_en = "Carnival"\nknown_before = 5\n')
    monkeypatch.setenv("FORERUNNER_EVENT_TYPES", "own.toml")
    assert run("events", "add", "--type", "carnival", "--starts-on", "2020-02-20")[:2] == (
        0,
        "added: carnival-2020-02-20\n",
    )
    (row,) = json.loads(run("events", "list", "--json")[1])
    assert (row["title"], row["known_since"]) == ("Carnival", "2020-02-15")
    monkeypatch.setenv("FORERUNNER_EVENT_TYPES", "nowhere.toml")
    code, _, err = run("events", "list")
    assert code == 0  # a list that names no type needs none
    assert run("events", "import", written(tmp_path / "a.csv", "1,a,2026-01-01", header="id,type,starts_on"))[0] == 2


def test_now_is_an_argument(store: Store) -> None:
    """The moment of a change is the caller's, for analytics never reads the clock."""
    moment = datetime(2020, 1, 2, 3, 4, 5)
    import_events(store, table({}), now=moment)
    assert store.query("select changed_at from events")["changed_at"].tolist() == [pd.Timestamp(moment)]
