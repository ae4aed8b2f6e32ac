"""Exports into the store: real ones counted exactly, messy ones accounted for row by row."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from conftest import NOW
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from making import assert_cube_agrees, incidents

from analytics.errors import BadInput
from analytics.imports import history, import_files, import_into, propose, rejects, undo_last
from analytics.settings import Settings
from analytics.store import Store, open_store


def one(store: Store, file: Path, **how: object) -> object:
    return import_files(store, [file], now=NOW, **how)[0]  # type: ignore[arg-type]


def test_the_russian_exports_give_exactly_what_was_counted_by_hand(store: Store, exports: Path) -> None:
    folder = exports / "semi_real_ru"
    expected = json.loads((folder / "expected.json").read_text(encoding="utf-8"))
    after = expected.pop("after all three")
    for file, wanted in expected.items():
        result = one(store, folder / file)
        found = {name: getattr(result, name) for name in ("new", "updated", "unchanged", "rejected", "warnings")}
        assert found == {"warnings": 0, **{name: wanted[name] for name in wanted if name != "rows"}}, file
        assert result.read == wanted["rows"]
    counted = store.query(
        "select strftime(opened_at, '%Y-%m') as month, count(*) as n, count(closed_at) as closed "
        "from complaints group by 1"
    )
    assert dict(zip(counted["month"], counted["n"], strict=True)) == after["by_month"]
    assert counted["closed"].sum() == after["closed"]
    groups = store.query("select topic_group, count(*) as n from complaints group by 1")
    assert dict(zip(groups["topic_group"], groups["n"], strict=True)) == after["by_topic_group"]
    distinct = store.query("select count(distinct (topic_group, topic)), count(distinct municipality) from complaints")
    assert tuple(distinct.iloc[0]) == (after["topics"], after["municipalities"])
    again = one(store, folder / "incidents_2022-12_update_utf8bom.csv")
    assert (again.new, again.updated) == (0, 0)


def test_houston_has_63059_cases_in_its_68263_rows(store: Store, exports: Path) -> None:
    results = import_files(store, sorted((exports / "houston_311").glob("*.gz")), now=NOW)
    assert {result.preset for result in results} == {"houston_311"}
    assert sum(result.read for result in results) == 68_263
    assert sum(result.rejected for result in results) == 0
    assert sum(result.new for result in results) == 63_059
    assert store.query("select sum(complaints) from daily_counts").iloc[0, 0] == 63_059


def test_new_york_council_cases_are_all_there(store: Store, exports: Path) -> None:
    result = one(store, next((exports / "nyc_council").glob("council*.gz")))
    assert (result.preset, result.read, result.new, result.unchanged, result.rejected) == (
        "nyc_council",
        306_494,
        306_391,
        103,
        0,
    )


def test_a_late_status_updates_and_an_empty_value_erases_nothing(store: Store, tmp_path: Path) -> None:
    one(store, incidents(tmp_path / "a.csv", [{"Дата закрытия": "02.03.2026 09:00", "Итог": "Решено"}, {}]))
    result = one(
        store,
        incidents(tmp_path / "b.csv", [{"Тема": "Вода", "Муниципалитет": ""}, {"Дата закрытия": "05.03.2026 09:00"}]),
    )
    assert (result.new, result.updated, result.unchanged) == (0, 2, 0)
    rows = store.query("select * from complaints order by id")
    assert list(rows["topic"]) == ["Вода", "Отопление"]
    assert list(rows["municipality"]) == ["Боровский район", "Боровский район"]
    assert rows["closed_at"].notna().all()
    assert (rows["first_seen_at"] == pd.Timestamp(NOW)).all()
    assert_cube_agrees(store)


def test_the_columns_time_of_change_decides_where_there_is_one(store: Store, tmp_path: Path) -> None:
    changed = ["Дата изменения"]
    new = {"Дата изменения": "10.03.2026 10:00", "Тема": "Новая"}
    old = {"Дата изменения": "09.03.2026 10:00", "Тема": "Старая", "Дата закрытия": "04.03.2026 10:00"}
    one(
        store,
        incidents(tmp_path / "a.csv", [{**new, "ID": "1"}, {**old, "ID": "1", "Дата закрытия": ""}], extra=changed),
    )
    assert store.query("select topic from complaints").iloc[0, 0] == "Новая"
    one(store, incidents(tmp_path / "b.csv", [{**old, "ID": "1"}], extra=changed))
    row = store.query("select topic, closed_at from complaints").iloc[0]
    assert row["topic"] == "Новая"
    assert row["closed_at"] == pd.Timestamp("2026-03-04 10:00")  # unknown till then: an older word is better than none


def test_rejected_rows_keep_line_and_reason_but_no_personal_data(store: Store, tmp_path: Path) -> None:
    file = incidents(
        tmp_path / "a.csv",
        [
            {},
            {"ID": "", "Текст инцидента": "Иванов Иван, ivan@example.org"},
            {"Дата создания": "когда-то"},
            {"Дата создания": "05.12.2099 10:00"},
            {"Дата создания": ""},
            {"Дата закрытия": "01.01.2026 10:00"},
        ],
    )
    with file.open("a", encoding="utf-8") as target:
        target.write("ИНЦ-9;06.03.2026 10:00;Иванов Иван;+79001234567\n")
    result = one(store, file)
    assert (result.read, result.new, result.rejected, result.warnings) == (7, 2, 5, 1)
    refused = rejects(store, result.import_id)
    assert list(zip(refused["line"], refused["reason"], strict=True)) == [
        (3, "no_id"),
        (4, "unreadable_opening_date"),
        (5, "future_opening_date"),
        (6, "no_opening_date"),
        (8, "wrong_number_of_columns"),
    ]
    stored = refused.to_csv() + store.query("select * from complaints").to_csv()
    for personal in ("Иванов", "ivan@", "900", "звоните"):
        assert personal not in stored
    assert "ИНЦ-9" in stored


def test_the_mended_rejects_can_be_imported_again(store: Store, tmp_path: Path) -> None:
    result = one(store, incidents(tmp_path / "a.csv", [{}, {"Дата создания": "31.02.2026 10:00"}]))
    mended = rejects(store, result.import_id)
    mended["Дата создания"] = "28.02.2026 10:00"
    mended.to_csv(tmp_path / "mended.csv", index=False)
    again = one(store, tmp_path / "mended.csv")
    assert (again.preset, again.new, again.rejected) == ("incident", 1, 0)


def test_undo_brings_back_the_rows_as_they_were(store: Store, tmp_path: Path) -> None:
    one(store, incidents(tmp_path / "a.csv", [{}, {"Тема": "Вода"}]))
    before = store.query("select * from complaints order by id")
    one(store, incidents(tmp_path / "b.csv", [{"Тема": "Лифт"}, {"Тема": "Вода"}, {}, {"ID": ""}]))
    assert len(store.query("select * from complaints")) == 3
    assert undo_last(store, now=NOW) == "b.csv"
    pd.testing.assert_frame_equal(store.query("select * from complaints order by id"), before)
    assert store.query("select * from rejects").empty
    assert history(store)["undone_at"].notna().tolist() == [True, False]
    assert_cube_agrees(store)
    undo_last(store, now=NOW)
    assert store.is_empty()
    with pytest.raises(BadInput, match="no import to undo"):
        undo_last(store, now=NOW)


def test_names_are_matched_and_strangers_are_kept_and_noticed(store: Store, tmp_path: Path) -> None:
    rows = [
        {"Регион": "калужская обл.", "Муниципалитет": "Боровский р-н", "Тема": "★ Ямы  во дворах"},
        {"Регион": "Kaluga Oblast", "Муниципалитет": "БОРОВСКИЙ РАЙОН", "Тема": "ямы во дворах"},
        {"Тема": "Ямы во дворах"},
        {"Регион": "Тридевятое царство", "Муниципалитет": "Лукоморье", "Тема": "Ямы во дворах", "Итог": "Заколдовано"},
    ]
    result = one(store, incidents(tmp_path / "a.csv", rows))
    stored = store.query("select distinct region, municipality, topic from complaints order by region")
    assert stored.values.tolist() == [
        ["Калужская область", "Боровский район", "Ямы во дворах"],
        ["Тридевятое царство", "Лукоморье", "Ямы во дворах"],
    ]
    noticed = {(notice["kind"], notice["value"], notice["rows"]) for notice in result.notices}
    assert noticed == {("region", "Тридевятое царство", 1), ("status", "Заколдовано", 1)}


def test_an_unknown_export_is_imported_by_a_proposed_mapping(store: Store, tmp_path: Path) -> None:
    table = pd.DataFrame(
        {
            "Ticket": [f"T{i}" for i in range(50)],
            "Reported": [f"{i % 12 + 1:02d}/{i % 28 + 1:02d}/2025 10:30" for i in range(50)],
            "Category": ["Noise", "Graffiti"] * 25,
            "City": ["Springfield"] * 50,
            "Phone": ["555-123-4567"] * 50,
        }
    )
    table.to_csv(tmp_path / "a.csv", index=False)
    (preview,) = propose(store, [tmp_path / "a.csv"])
    assert preview.mapping is not None
    assert preview.mapping.columns["opened_at"] == "Reported"
    assert preview.left_out == ["Phone"]
    result = one(store, tmp_path / "a.csv")
    assert (result.preset, result.new) == (None, 50)
    months = store.query("select distinct month(opened_at) as month from complaints")["month"]
    assert set(months) == set(range(1, 13))


def test_without_ids_the_same_file_again_changes_nothing(store: Store, tmp_path: Path) -> None:
    pd.DataFrame({"created": ["2025-01-01 10:00"] * 3, "category": ["a", "a", "b"]}).to_csv(
        tmp_path / "a.csv", index=False
    )
    assert one(store, tmp_path / "a.csv").new == 3
    assert one(store, tmp_path / "a.csv").unchanged == 3


def test_times_with_an_offset_become_local_to_the_region(store: Store, tmp_path: Path) -> None:
    rows = [
        {"Регион": "Калининградская область", "Дата создания": "2026-03-01T22:30:00Z"},
        {"Регион": "Камчатский край", "Дата создания": "2026-03-01T22:30:00+00:00"},
    ]
    one(store, incidents(tmp_path / "a.csv", rows))
    opened = store.query("select opened_at from complaints order by opened_at")["opened_at"]
    assert list(opened) == [pd.Timestamp("2026-03-02 00:30"), pd.Timestamp("2026-03-02 10:30")]


def test_a_demo_store_takes_no_real_rows(tmp_path: Path) -> None:
    demo = open_store(Settings(store=str(tmp_path / "demo")), kind="demo")
    with pytest.raises(BadInput, match="store of their own"):
        one(demo, incidents(tmp_path / "a.csv", [{}]))
    assert demo.is_empty()


def test_repeats_are_seen_across_imports_and_undone_with_them(store: Store, tmp_path: Path) -> None:
    place, extra = {"Широта": "55.2001", "Долгота": "36.4999"}, ["Широта", "Долгота", "Автор"]
    one(store, incidents(tmp_path / "a.csv", [{**place, "ID": "1"}, {"ID": "2", "Автор": "Пётр"}], extra=extra))
    later = [
        {**place, "ID": "3", "Дата создания": "20.02.2026 10:00"},  # before: makes a repeat of 1
        {"ID": "4", "Автор": "пётр ", "Дата создания": "15.03.2026 10:00"},  # the same sender again
        {**place, "ID": "5", "Дата создания": "15.04.2026 10:00"},  # too late for 1
    ]
    one(store, incidents(tmp_path / "b.csv", later, extra=extra))
    assert store.query("select sum(repeats) from daily_totals").iloc[0, 0] == 2
    assert_cube_agrees(store)
    undo_last(store, now=NOW)
    assert store.query("select sum(repeats) from daily_totals").iloc[0, 0] == 0
    assert_cube_agrees(store)


def test_deadlines_of_the_table_hold_where_the_export_has_none(store: Store, tmp_path: Path) -> None:
    store.write(
        lambda cursor: cursor.execute("insert into deadlines values ('incident', 'ЖКХ', 3), ('incident', '', 30)")
    )
    rows = [{"Дата закрытия": "03.03.2026 10:00"}, {"Дата закрытия": "05.03.2026 10:00"}, {"Группа тем": "Дороги"}]
    one(store, incidents(tmp_path / "a.csv", rows))
    due = store.query(
        "select topic_group, sum(due) as due, sum(due_kept) as kept from daily_totals group by 1 order by 1"
    )
    assert due.values.tolist() == [["Дороги", 1, 0], ["ЖКХ", 2, 1]]


CELLS = st.one_of(
    st.sampled_from(["", " ", "Иванов;", 'сказал "да"', "строка\nвторая", "★ Ямы", "=СУММ(A1)", "0"]),
    st.text(max_size=6),
)
DAYS = st.one_of(
    st.sampled_from(["", "31.02.2026", "01.03.2026 10:00", "2026-03-05", "05.12.2099 10:00", "x"]),
    st.just("07.03.2026"),
)
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "ID": st.sampled_from(["1", "2", "3", "4", "", "5 "]),
            "Дата создания": DAYS,
            "Дата закрытия": DAYS,
            "Тема": CELLS,
            "Муниципалитет": CELLS,
            "Итог": CELLS,
            "Автор": st.sampled_from(["", "А", "Б"]),
            "Широта": st.sampled_from(["", "55,1", "55.3", "x", "0"]),
            "Долгота": st.sampled_from(["", "36.1", "200"]),
        }
    ),
    min_size=1,
    max_size=12,
)


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(files=st.lists(ROWS, min_size=1, max_size=2), encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]))
def test_every_row_of_a_messy_file_is_accounted_for(
    tmp_path_factory: pytest.TempPathFactory, files: list, encoding: str
) -> None:
    folder = tmp_path_factory.mktemp("messy")
    store = open_store(Settings(store=str(folder / "store")))
    for number, rows in enumerate(files):
        file = incidents(folder / f"{number}.csv", rows, encoding=encoding, extra=["Автор", "Широта", "Долгота"])
        try:
            first = one(store, file)
        except BadInput as problem:
            assert problem.code == "nothing_usable"
            continue
        assert first.read == len(rows) == first.new + first.updated + first.unchanged + first.rejected
        assert len(rejects(store, first.import_id)) == first.rejected
        again = one(store, file)
        assert (again.new, again.updated, again.rejected) == (0, 0, first.rejected)
    assert_cube_agrees(store)
    store.close()


def test_a_first_file_without_a_usable_row_leaves_no_store_behind(tmp_path: Path) -> None:
    place = tmp_path / "new" / "store"
    future = incidents(tmp_path / "future.csv", [{"Дата создания": "01.03.2990 10:00"}] * 2)
    with pytest.raises(BadInput, match="Not one of the 2 rows"):
        import_into(Settings(store=str(place)), [future], now=NOW)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["future.csv"]
    good = incidents(tmp_path / "good.csv", [{}, {"Дата создания": "01.03.2990 10:00"}])
    result = import_into(Settings(store=str(place)), [good], now=NOW)[0]
    assert (result.read, result.new, result.rejected) == (2, 1, 1)
    assert not list((place / "staging").iterdir())


def test_the_first_file_has_the_same_senders_as_the_second(tmp_path: Path) -> None:
    settings, sender = Settings(store=str(tmp_path / "store")), {"Автор": "Иванова Анна", "Широта": "", "Долгота": ""}
    for number in (1, 2):
        file = incidents(
            tmp_path / f"{number}.csv",
            [{"ID": f"A-{number}", "Дата создания": f"0{number}.03.2026 10:00", **sender}],
            extra=list(sender),
        )
        assert import_into(settings, [file], now=NOW)[0].new == 1
    store = open_store(settings)
    keys = store.query("select sender_key from complaints")["sender_key"]
    assert keys.notna().all() and keys.nunique() == 1
    assert store.query("select sum(repeats) from daily_counts").iloc[0, 0] == 1
    store.close()
