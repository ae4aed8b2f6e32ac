"""Spellings of places and topics -> the name we keep."""

from __future__ import annotations

import csv

import pytest
from conftest import ROOT
from hypothesis import given
from hypothesis import strategies as st

from analytics.names import match_municipalities, match_regions, match_words, tidy

with (ROOT / "data" / "reference" / "ru_regions.csv").open(encoding="utf-8") as file:
    REFERENCE = [(row["iso"], row["name_ru"], row["name_en"]) for row in csv.DictReader(file)]


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("калужская обл.", "Калужская область"),
        ("Kaluga Oblast", "Калужская область"),
        ("RU-KLU", "Калужская область"),
        ("г. Москва", "Москва"),
        ("Moscow", "Москва"),
        ("Moscow Oblast", "Московская область"),
        ("Московская", "Московская область"),
        ("Республика Алтай", "Республика Алтай"),
        ("Алтайский край", "Алтайский край"),
        ("ХМАО", "Ханты-Мансийский автономный округ — Югра"),
        ("Ямало-Ненецкий АО", "Ямало-Ненецкий автономный округ"),
        ("Ненецкий АО", "Ненецкий автономный округ"),
        ("Якутия", "Республика Саха (Якутия)"),
        ("Кемеровская область", "Кемеровская область — Кузбасс"),
        ("Северная Осетия", "Республика Северная Осетия — Алания"),
        ("St. Petersburg", "Санкт-Петербург"),
        ("Орловская область", "Орловская область"),
        ("Тридевятое царство", None),
        ("край", None),
        ("", None),
    ],
)
def test_regions_are_known_by_many_spellings(spelling: str, name: str | None) -> None:
    assert match_regions([spelling], REFERENCE, {}) == {spelling: name}


def test_every_region_is_known_by_its_own_names() -> None:
    for _, russian, english in REFERENCE:
        spellings = [russian, english, russian.upper(), russian.replace("ё", "е"), f" {russian} "]
        assert set(match_regions(spellings, REFERENCE, {}).values()) == {russian}


def test_an_alias_of_the_user_comes_first() -> None:
    assert match_regions(["Подмосковье"], REFERENCE, {"подмосковье": "Московская область"}) == {
        "Подмосковье": "Московская область"
    }


def test_spellings_of_one_municipality_become_the_commonest() -> None:
    counted = {
        ("К", "Боровский район"): 9,
        ("К", "БОРОВСКИЙ РАЙОН"): 2,
        ("К", "Боровский р-н"): 1,
        ("К", "городской округ «Город Калуга»"): 5,
        ("К", "Калуга г.о."): 2,
        ("К", "Калуга"): 7,
    }
    kept = {name: ours for (_, name), (ours, _) in match_municipalities(counted, [], {}).items()}
    assert set(kept.values()) == {"Боровский район", "городской округ «Город Калуга»"}


def test_a_district_and_a_city_of_one_name_stay_apart() -> None:
    counted = {("К", "Кировский район"): 2, ("К", "городской округ Кировский"): 2, ("К", "Кировский"): 1}
    kept = {name: ours for (_, name), (ours, _) in match_municipalities(counted, [], {}).items()}
    assert kept == {name: name for _, name in counted}


def test_municipalities_of_two_regions_are_never_drawn_together() -> None:
    counted = {("А", "Первомайский район"): 5, ("Б", "первомайский р-н"): 1}
    kept = match_municipalities(counted, [], {})
    assert kept["Б", "первомайский р-н"] == ("первомайский р-н", False)


def test_a_name_of_the_reference_list_wins_over_the_file() -> None:
    kept = match_municipalities({("К", "БОРОВСКИЙ Р-Н"): 99}, [("К", "Боровский район")], {})
    assert kept == {("К", "БОРОВСКИЙ Р-Н"): ("Боровский район", True)}


def test_stars_spaces_and_case_make_no_new_topic() -> None:
    kept = match_words({"★ Ямы  во дворах": 5, "ямы во дворах": 1, "Ямы во дворах": 3}, [], {})
    assert {name for name, _ in kept.values()} == {"Ямы во дворах"}


def test_a_topic_of_the_store_keeps_its_spelling() -> None:
    assert match_words({"ЖКХ": 1, "жкх": 9}, ["ЖКХ"], {}) == {"ЖКХ": ("ЖКХ", True), "жкх": ("ЖКХ", True)}


@given(st.dictionaries(st.text(min_size=1, max_size=12), st.integers(1, 100), max_size=8))
def test_matching_twice_changes_nothing(counted: dict[str, int]) -> None:
    once = match_words(counted, [], {})
    again = match_words({name: 1 for name, _ in once.values()}, [name for name, _ in once.values()], {})
    assert all(kept == name for name, (kept, _) in again.items())
    assert tidy(tidy("★  а ")) == "а"
