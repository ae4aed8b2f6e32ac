"""The reader's own tables: read with care, kept, and really used by what is computed."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pytest

from analytics.almanac import regressors
from analytics.errors import BadInput
from analytics.filters import Filters
from analytics.imports import import_files
from analytics.ledger import issued, runs
from analytics.overview import tiles
from analytics.own_keeping import has_own_rows, keep_own_table, own_table
from analytics.own_tables import SHAPES, read_own_table
from analytics.queries import daily_counts
from analytics.refresh import refresh
from analytics.store import Store
from analytics.store_almanac import almanac_of
from analytics.where import compared
from tests.countries import NOW, REGIONS, write_export
from tests.making import assert_cube_agrees, incidents


@pytest.fixture
def filled(store: Store, tmp_path: Path) -> Store:
    import_files(store, [write_export(tmp_path / "a.csv", days=60, a_day=2)], now=NOW)
    return store


def given(tmp_path: Path, text: str, encoding: str = "utf-8-sig") -> Path:
    file = tmp_path / "own.csv"
    file.write_bytes(text.encode(encoding))
    return file


def keep(store: Store, tmp_path: Path, kind: str, text: str) -> int:
    return keep_own_table(store, kind, read_own_table(store, kind, given(tmp_path, text)).rows)


def test_names_are_those_of_the_store_and_bad_rows_are_told_with_their_line(filled: Store, tmp_path: Path) -> None:
    text = "region;topic_group;complaints\nкалужская обл.;жкх;12\n;;400\nТула;ЖКХ;many\nТульская область;Дороги;0\n"
    found = read_own_table(filled, "thresholds", given(tmp_path, text, "cp1251"))
    assert found.rows.to_numpy().tolist() == [["Калужская область", "", "ЖКХ", 12], ["*", "", "*", 400]]
    assert found.rejected.to_numpy().tolist() == [[4, "no_number"], [5, "not_whole"]]
    assert found.read == 4
    assert found.notices == []


def test_a_municipality_has_a_threshold_of_its_own_and_needs_its_region(filled: Store, tmp_path: Path) -> None:
    text = "region,municipality,topic_group,complaints\nКалужская область,калужский район №1,ЖКХ,3\n,Калуга,ЖКХ,4\n"
    text += "Калужская область,,ЖКХ,9\nКалужская область,Тьмутаракань,,2\n"
    found = read_own_table(filled, "thresholds", given(tmp_path, text))
    place = found.rows.loc[0, "municipality"]
    assert found.rows.to_numpy().tolist() == [
        ["Калужская область", place, "ЖКХ", 3],
        ["Калужская область", "", "ЖКХ", 9],
        ["Калужская область", "Тьмутаракань", "*", 2],
    ]
    assert place in set(filled.query("select distinct municipality from complaints")["municipality"])
    assert found.rejected.to_numpy().tolist() == [[3, "no_region"]]
    assert found.notices == [{"kind": "municipality", "value": "Тьмутаракань", "rows": 1}]  # nor any complaint of it
    keep_own_table(filled, "thresholds", found.rows)
    assert own_table(filled, "thresholds").to_numpy().tolist() == [
        ["Калужская область", "", "ЖКХ", 9],
        ["Калужская область", place, "ЖКХ", 3],
        ["Калужская область", "Тьмутаракань", "", 2],
    ]
    keep_own_table(filled, "thresholds", found.rows.head(0))


def test_of_two_rows_for_one_place_the_later_wins(filled: Store, tmp_path: Path) -> None:
    found = read_own_table(filled, "deadlines", given(tmp_path, "topic_group,days\nЖКХ,3\nДороги,9\nжкх,5\n"))
    assert found.rows[["topic_group", "days"]].to_numpy().tolist() == [["Дороги", 9], ["ЖКХ", 5]]
    assert found.rejected.to_numpy().tolist() == [[2, "repeated"]]


@pytest.mark.parametrize(
    ("kind", "text", "code"),
    [
        ("thresholds", "region,topic_group\nКалужская область,ЖКХ\n", "table_columns"),
        ("days", "day,name\nsoon,Sabantuy\n", "own_table_empty"),
        ("population", "region,population\n,5\n", "own_table_empty"),
        ("aliases", "kind,spelling,name\nplanet,a,b\n", "own_table_empty"),
        ("deadlines", "", "empty_file"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused_and_nothing_is_kept(
    filled: Store, tmp_path: Path, kind: str, text: str, code: str
) -> None:
    with pytest.raises(BadInput) as refused:
        keep(filled, tmp_path, kind, text)
    assert refused.value.code == code
    if kind != "population":
        assert own_table(filled, kind).empty


@pytest.mark.parametrize("kind", SHAPES)
def test_what_is_kept_can_be_taken_out_and_given_back(filled: Store, tmp_path: Path, kind: str) -> None:
    texts = {
        "thresholds": "region,municipality,topic_group,complaints\nКалужская область,,,5\nТула,Тула,ЖКХ,4\n",
        "deadlines": "topic_group,days,source\n,30,\nЖКХ,3,incident\n",
        "aliases": "kind,spelling,name,region\nmunicipality,Калуга г,город Калуга,Калужская область\n",
        "population": "region,municipality,population\nКалужская область,,1000\nКалужская область,город Калуга,300\n",
        "days": "day,name,region\n2026-08-30,Sabantuy,\n2026-11-06,Uraza,Калужская область\n",
    }
    keep(filled, tmp_path, kind, texts[kind])
    once = own_table(filled, kind)
    file = tmp_path / "out.csv"
    once.to_csv(file, index=False)
    keep_own_table(filled, kind, read_own_table(filled, kind, file).rows)
    pd.testing.assert_frame_equal(own_table(filled, kind), once)


def test_deadlines_decide_what_is_overdue_in_what_is_stored_already(filled: Store, tmp_path: Path) -> None:
    """Every complaint is closed after five days but for every fourth."""
    until = date(2026, 11, 19)
    filters = Filters(until - timedelta(days=27), until - timedelta(days=7))
    before = tiles(filled, filters, until).set_index("measure").loc["overdue_share"]
    assert before["unknown"] == "no_deadlines"
    keep(filled, tmp_path, "deadlines", "topic_group,days\n,4\n")
    assert tiles(filled, filters, until).set_index("measure").loc["overdue_share", "value"] == 1.0
    keep(filled, tmp_path, "deadlines", "topic_group,days,source\n,4,\n,6,incident\n")  # the source's own row wins
    assert tiles(filled, filters, until).set_index("measure").loc["overdue_share", "value"] == 0.0
    keep_own_table(filled, "deadlines", own_table(filled, "deadlines").head(0))
    assert tiles(filled, filters, until).set_index("measure").loc["overdue_share", "unknown"] == "no_deadlines"


def test_a_spelling_renames_what_is_stored_and_what_comes(filled: Store, tmp_path: Path) -> None:
    before = daily_counts(filled, Filters(topic_groups=("Дороги",)))["complaints"].sum()
    renamed = keep(filled, tmp_path, "aliases", "kind,spelling,name\ntopic group,дороги,Дорожное хозяйство\n")
    assert renamed == before > 0
    assert daily_counts(filled, Filters(topic_groups=("Дороги",))).empty
    assert daily_counts(filled, Filters(topic_groups=("Дорожное хозяйство",)))["complaints"].sum() == before
    again = import_files(filled, [write_export(tmp_path / "a.csv", days=60, a_day=2)], now=NOW)[0]
    assert (again.new, again.updated) == (0, 0)
    import_files(filled, [incidents(tmp_path / "b.csv", [{"Группа тем": "Дороги"}])], now=NOW)
    assert daily_counts(filled, Filters(topic_groups=("Дороги",))).empty


def test_a_spelling_of_one_region_leaves_the_others_alone(filled: Store, tmp_path: Path) -> None:
    keep(filled, tmp_path, "aliases", f"kind,spelling,name\nregion,{REGIONS[2]},Рязанщина\n")
    found = filled.query("select region, count(*) as n from complaints group by 1 order by 1")
    assert set(found["region"]) == {REGIONS[0], REGIONS[1], "Рязанщина"}
    covered = filled.query("select distinct region from coverage")["region"]
    assert set(covered) == {REGIONS[0], REGIONS[1], "Рязанщина"}
    cube = filled.query("select region, sum(received)::int as n from region_totals group by 1 having n <> 0 order by 1")
    assert cube["n"].tolist() == found["n"].tolist()


def test_two_rules_that_fit_one_stored_name_move_a_complaint_once(filled: Store, tmp_path: Path) -> None:
    before = filled.query("select source, id from complaints order by all")
    roads = daily_counts(filled, Filters(topic_groups=("Дороги",)))["complaints"].sum()
    text = "kind,spelling,name\ntopic_group,дороги,Улицы\ntopic_group,ДОРОГИ,Дорожное хозяйство\n"
    found = read_own_table(filled, "aliases", given(tmp_path, text))
    assert found.rejected.to_numpy().tolist() == [[2, "repeated"]]
    both = pd.concat([found.rows.assign(name="Улицы", spelling="дороги"), found.rows], ignore_index=True)
    assert keep_own_table(filled, "aliases", both) == roads  # also of a table that was kept before
    pd.testing.assert_frame_equal(filled.query("select source, id from complaints order by all"), before)
    groups = set(filled.query("select topic_group from complaints")["topic_group"])
    assert groups == {"ЖКХ", "Дорожное хозяйство", "Благоустройство"}
    assert_cube_agrees(filled)


@pytest.mark.parametrize("own", ["Центр", "Октябрьский район"], ids=["another name", "its old name"])
def test_the_rule_of_a_region_goes_before_the_general_one(store: Store, tmp_path: Path, own: str) -> None:
    rows = [{"Регион": region, "Муниципалитет": "Октябрьский район"} for region in REGIONS]
    import_files(store, [incidents(tmp_path / "a.csv", rows)], now=NOW)
    rules = f"Октябрьский район,{own},{REGIONS[1]}\nmunicipality,октябрьский район,Окраина,\n"
    renamed = keep(store, tmp_path, "aliases", f"kind,spelling,name,region\nmunicipality,{rules}")
    found = store.query("select region, municipality from complaints").set_index("region")["municipality"]
    assert found.to_dict() == {REGIONS[0]: "Окраина", REGIONS[1]: own, REGIONS[2]: "Окраина"}
    assert renamed == 2 + (own == "Центр")
    assert_cube_agrees(store)
    again = import_files(store, [tmp_path / "a.csv"], now=NOW)[0]
    assert (again.new, again.updated) == (0, 0)


def test_the_region_of_a_spelling_may_be_written_in_any_way_that_is_known(store: Store, tmp_path: Path) -> None:
    rows = [{"Регион": region, "Муниципалитет": "Октябрьский район"} for region in REGIONS]
    import_files(store, [incidents(tmp_path / "a.csv", rows)], now=NOW)
    rule = "municipality,Октябрьский район,Центр"
    text = f"kind,spelling,name,region\n{rule},тульская обл.\n{rule},Tula Oblast\n{rule},Atlantis\n"
    found = read_own_table(store, "aliases", given(tmp_path, text))
    assert found.rows["region"].tolist() == [REGIONS[1], "Atlantis"]
    assert found.rejected.to_numpy().tolist() == [[2, "repeated"]]
    assert found.notices == [{"kind": "region", "value": "Atlantis", "rows": 1}]
    assert keep_own_table(store, "aliases", found.rows) == 1
    renamed = store.query("select region from complaints where municipality = 'Центр'")
    assert renamed["region"].tolist() == [REGIONS[1]]


def test_a_spelling_renames_complaints_of_which_no_region_is_known(store: Store, tmp_path: Path) -> None:
    import_files(store, [incidents(tmp_path / "a.csv", [{"Регион": "", "Группа тем": "Дороги"}])], now=NOW)
    assert keep(store, tmp_path, "aliases", "kind,spelling,name\ntopic_group,дороги,Улицы\n") == 1
    assert store.query("select region, topic_group from complaints").iloc[0].tolist() == [None, "Улицы"]


def test_a_population_of_ones_own_makes_the_complaints_per_head(filled: Store, tmp_path: Path) -> None:
    until = date(2026, 11, 19)
    filters = Filters(until, until)
    reference = compared(filled, filters, until, ["region"]).set_index("region")["population"]
    assert not has_own_rows(filled, "population")
    keep(filled, tmp_path, "population", "region,population\nКалужская область,1000\n")
    assert has_own_rows(filled, "population")
    found = compared(filled, filters, until, ["region"]).set_index("region")
    assert found.loc[REGIONS[0], "per_1000"] == found.loc[REGIONS[0], "complaints"]
    assert found.loc[REGIONS[1], "population"] == reference[REGIONS[1]]
    keep_own_table(filled, "population", own_table(filled, "population").head(0))
    assert not has_own_rows(filled, "population")
    again = compared(filled, filters, until, ["region"]).set_index("region")["population"]
    pd.testing.assert_series_equal(again.sort_index(), reference.sort_index())


def test_days_off_of_ones_own_reach_the_calendar_and_make_new_forecasts(filled: Store, tmp_path: Path) -> None:
    refresh(filled, now=NOW, municipalities=False, reconstruct=0)
    days = pd.date_range("2026-08-24", "2026-11-20")
    keep(filled, tmp_path, "days", "day,name,region\n2026-09-15,Own day,\n2026-09-16,Uraza,Тульская область\n")
    almanac = almanac_of(filled)
    assert almanac.country == "RU"
    off = {region: days[regressors(days, almanac, region).off].strftime("%m-%d").tolist() for region in REGIONS[:2]}
    assert off[REGIONS[0]] == ["09-15", "11-04"]
    assert off[REGIONS[1]] == ["09-15", "09-16", "11-04"]
    again = refresh(filled, now=NOW + timedelta(hours=1), municipalities=False, reconstruct=0)
    assert again[0].rows > 0
    assert refresh(filled, now=NOW + timedelta(hours=2), municipalities=False, reconstruct=0)[0].rows == 0
    assert len(runs(filled)) == 2


def test_forecasts_are_made_anew_under_the_new_names(filled: Store, tmp_path: Path) -> None:
    refresh(filled, now=NOW + timedelta(hours=1), municipalities=False, reconstruct=0)
    rows = read_own_table(filled, "aliases", given(tmp_path, "kind,spelling,name\ntopic_group,дороги,Улицы\n")).rows
    assert keep_own_table(filled, "aliases", rows) > 0
    again = refresh(filled, now=NOW + timedelta(hours=3), municipalities=False, reconstruct=0)
    assert again[0].rows > 0
    assert set(issued(filled)["topic"]) == {"*", "ЖКХ", "Улицы", "Благоустройство"}
    assert keep_own_table(filled, "aliases", rows) == 0
    assert refresh(filled, now=NOW + timedelta(hours=5), municipalities=False, reconstruct=0)[0].rows == 0
