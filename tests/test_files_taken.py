"""What is taken along: read back by other libraries, typed, and never a formula."""

from __future__ import annotations

import io
import zipfile
from datetime import date, datetime

import pandas as pd
import pytest
from python_calamine import CalamineWorkbook

from pages.shared.files import as_csv, as_xlsx, file_name

EVIL = ["=1+1", "+7 900 123-45-67", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "＝1", " =1", "http://example.org"]
TABLE = pd.DataFrame(
    {
        "День": [date(2026, 11, 20), date(2026, 11, 21), None],
        "=Тема": ["Дороги; ямы", "=cmd|' /C calc'!A0", None],
        "Обращения": [1234567, 0, -3],
        "Доля": [0.125, float("nan"), float("inf")],
        "Когда": pd.to_datetime(["2026-11-20 09:05", "2026-11-21 00:00", None]),
        "Изменение": ["+18 %", "−5 %", "×4"],
    }
)


def read_back(content: bytes) -> list[list[list[object]]]:
    book = CalamineWorkbook.from_filelike(io.BytesIO(content))
    return [book.get_sheet_by_name(name).to_python() for name in book.sheet_names]


def test_a_workbook_keeps_types_and_says_what_it_is_about() -> None:
    table, about = read_back(as_xlsx(TABLE, [("Что", "Дороги"), ("Отбор", "=все")], ("Таблица", "О таблице")))
    assert table[0] == list(TABLE.columns)
    assert table[1][:4] == [date(2026, 11, 20), "Дороги; ямы", 1234567, 0.125]
    assert table[1][4] == datetime(2026, 11, 20, 9, 5)
    assert table[2][2:4] == [0, ""]
    assert table[3][:2] == ["", ""]
    assert table[3][3] == ""  # infinity is no number of a workbook
    assert about == [["Что", "Дороги"], ["Отбор", "=все"]]


def test_a_workbook_holds_no_formula_and_no_link_whatever_the_data_say() -> None:
    content = as_xlsx(pd.DataFrame(dict.fromkeys(EVIL, EVIL)), [(evil, evil) for evil in EVIL], ("=a", "[b]"))
    with zipfile.ZipFile(io.BytesIO(content)) as book:
        sheets = [book.read(name).decode() for name in book.namelist() if "worksheets/sheet" in name]
    assert len(sheets) == 2
    assert all("<f>" not in sheet and "<hyperlink" not in sheet for sheet in sheets)
    assert [row[0] for row in read_back(content)[0][1:]] == EVIL


@pytest.mark.parametrize("cell", EVIL[:-1])
def test_csv_marks_what_a_spreadsheet_would_take_for_a_formula(cell: str) -> None:
    found = pd.read_csv(io.BytesIO(as_csv(pd.DataFrame({"a": [cell], "b": [1]}))), sep=";")
    assert found.loc[0, "a"] == f"'{cell}".replace("\r", "\n")


def test_csv_marks_a_header_that_looks_like_a_formula() -> None:
    assert as_csv(pd.DataFrame({"=a": [1]})).decode("utf-8-sig") == "'=a\n1\n"


def test_csv_opens_right_in_a_russian_and_in_an_english_excel() -> None:
    russian, english = as_csv(TABLE, "ru"), as_csv(TABLE, "en")
    assert russian.startswith(b"\xef\xbb\xbf")
    first = russian.decode("utf-8-sig").splitlines()[1]
    assert first == '2026-11-20;"Дороги; ямы";1234567;0,125;2026-11-20 09:05;+18 %'
    first = english.decode("utf-8-sig").splitlines()[1]
    assert first == "2026-11-20,Дороги; ямы,1234567,0.125,2026-11-20 09:05,+18 %"
    assert pd.read_csv(io.BytesIO(russian), sep=";", decimal=",")["Доля"].iloc[0] == 0.125


def test_a_title_becomes_a_file_name_of_every_system() -> None:
    assert file_name('Дороги: "ямы" / 2026?', "csv") == "Дороги ямы 2026.csv"
    assert len(file_name("а" * 300, "xlsx")) <= 85
