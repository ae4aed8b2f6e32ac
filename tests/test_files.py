"""Any export file comes back row for row and cell for cell, or is refused in one plain sentence."""

from __future__ import annotations

import codecs
import csv
import datetime as dt
import gzip
import io
import json
import zipfile
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xlsxwriter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analytics.errors import BadInput
from analytics.files import Document, Staged, archives, documents, open_documents

HEADER = ["ID", "Дата создания", "Тема", "Текст"]
ROWS = [
    ["ИНЦ-1", "01.03.2024 10:00", "Отопление", "Нет тепла; третий день, помогите"],
    ["ИНЦ-2", "02.03.2024 11:30", "=СУММ(A1)", 'Школа "Радуга"\nбез воды\t| и света'],
    ["ИНЦ-3", "", "  ", ""],
    ["ИНЦ-4", "04.03.2024", "Дороги", "Яма ёлочкой"],
]
Cells = list[list[str | None]]


def blank_as_none(rows: list[list[str]]) -> Cells:
    return [[cell if cell.strip() else None for cell in row] for row in rows]


def rows_of(staged: Staged) -> Cells:
    """The staged rows in the order of the file."""
    with duckdb.connect() as connection:
        rows = connection.execute(
            "select * exclude (file_row_number) from read_parquet(?, file_row_number = true) order by file_row_number",
            [str(staged.path)],
        ).fetchall()
    return [list(row) for row in rows]


def only(path: Path, staging: Path, **options: set[str]) -> Document:
    staging.mkdir(exist_ok=True)
    (document,) = open_documents(path, staging, **options)
    return document


def staged_from(content: bytes, folder: Path) -> tuple[Document, Staged]:
    path = folder / "export.csv"
    path.write_bytes(content)
    document = only(path, folder / "staging")
    return document, document.stage(document.header)


def refusal(path: Path, folder: Path) -> BadInput:
    """The refusal of a file, at the latest when it is staged."""
    (folder / "staging").mkdir(exist_ok=True)
    with pytest.raises(BadInput) as refused:
        for document in open_documents(path, folder / "staging"):
            document.stage(document.header)
    sentence = str(refused.value)
    assert path.name in sentence and ": " in sentence and sentence.endswith(".") and "\n" not in sentence
    return refused.value


def text_table(rows: list[list[str]], *, separator: str = ";", line_end: str = "\n", quoting: int = 0) -> str:
    target = io.StringIO()
    csv.writer(target, delimiter=separator, lineterminator=line_end, quoting=quoting).writerows(rows)
    return target.getvalue()


# Text: encodings, separators, line ends, quotes


@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "cp1251", "cp866", "koi8-r", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]
)
def test_every_dialect_comes_back_cell_for_cell(
    encoding: str, separator: str, line_end: str, quoting: int, tmp_path: Path
) -> None:
    text = text_table([HEADER, *ROWS * 3], separator=separator, line_end=line_end, quoting=quoting)
    document, staged = staged_from(text.encode(encoding), tmp_path)
    assert document.layout.encoding == encoding
    assert (document.layout.separator, document.layout.header_line) == (separator, 1)
    assert document.header == HEADER
    assert rows_of(staged) == document.sample == blank_as_none(ROWS * 3)
    assert (staged.rows, staged.broken, staged.replaced_characters) == (12, [], 0)


@pytest.mark.parametrize("text", ["café;Größe;naïve", "señor;garçon;Müller", "Ærø;Åse;fjörð"])
def test_western_letters_are_read_as_western(text: str, tmp_path: Path) -> None:
    content = f"name;place;note\n{text}\n{text}\n".encode("cp1252")
    document, staged = staged_from(content, tmp_path)
    assert document.layout.encoding == "cp1252"
    assert rows_of(staged) == [text.split(";")] * 2


def test_a_russian_sign_alone_is_read_as_russian(tmp_path: Path) -> None:
    document, staged = staged_from("id;flat\nA-1;№ 7\n".encode("cp1251"), tmp_path)
    assert document.layout.encoding == "cp1251"
    assert rows_of(staged) == [["A-1", "№ 7"]]


def test_capitals_are_read_in_the_right_russian_encoding(tmp_path: Path) -> None:
    rows = [
        ["НОМЕР", "ТЕМА"],
        ["А", "НЕТ ОТОПЛЕНИЯ В ШКОЛЕ"],
        ["Б", "ЯМА НА ДОРОГЕ ОКОЛО БОЛЬНИЦЫ, ПРОШУ ПРИНЯТЬ МЕРЫ"],
    ]
    for encoding in ("cp1251", "cp866"):
        document, staged = staged_from(text_table(rows).encode(encoding), tmp_path)
        assert document.layout.encoding == encoding
        assert rows_of(staged) == rows[1:]


def test_a_few_broken_bytes_are_replaced_and_counted(tmp_path: Path) -> None:
    content = text_table([HEADER, *ROWS * 50]).encode().replace("Яма".encode(), b"\xff\xfe", 3)
    document, staged = staged_from(content, tmp_path)
    assert document.layout.encoding == "utf-8"
    assert (staged.rows, staged.replaced_characters) == (200, 6)
    assert [row[3] for row in rows_of(staged)].count("\ufffd\ufffd ёлочкой") == 3


def test_broken_bytes_far_behind_the_head_are_found(tmp_path: Path) -> None:
    content = text_table([HEADER, *ROWS * 20_000]).encode()
    assert len(content) > 4_000_000
    document, staged = staged_from(content + b"\xd0;x;y;z\n", tmp_path)
    assert (document.layout.encoding, staged.rows, staged.replaced_characters) == ("utf-8", 80_001, 1)


def test_letters_that_come_late_still_decide_the_encoding(tmp_path: Path) -> None:
    content = b"id;text\n" + b"A-1;plain\n" * 300_000 + "A-2;Отопление и горячая вода\n".encode("cp1251")
    document, staged = staged_from(content, tmp_path)
    assert (document.layout.encoding, staged.rows) == ("cp1251", 300_001)
    assert rows_of(staged)[-1] == ["A-2", "Отопление и горячая вода"]


def test_nulls_are_replaced_and_counted(tmp_path: Path) -> None:
    document, staged = staged_from(b"id;text\nA-1;one\x00two\nA-2;three and four\n", tmp_path)
    assert rows_of(staged) == [["A-1", "one\ufffdtwo"], ["A-2", "three and four"]]
    assert staged.replaced_characters == 1


def test_every_white_space_is_blank_as_python_says(tmp_path: Path) -> None:
    blanks = [chr(code) for code in range(0x3001) if chr(code).isspace() and chr(code) not in "\n\r"]
    text = "".join(f"{'A' * 100};{blank * 2};{blank}x\n" for blank in blanks)
    _, staged = staged_from(f"id;text;more\n{text}".encode(), tmp_path)
    assert rows_of(staged) == [["A" * 100, None, f"{blank}x"] for blank in blanks]


def test_characters_beyond_the_letters_stay(tmp_path: Path) -> None:
    cells = ["😀 ok", "漢字", "«текст»", "\u2028line", "~", "\x7f", "\u180e", "\ufeffx"]
    _, staged = staged_from(("id;text\n" + "".join(f"A;{cell}\n" for cell in cells)).encode(), tmp_path)
    assert [row[1] for row in rows_of(staged)] == cells


# Text: the header


def test_title_lines_and_blank_lines_above_the_header_are_passed_over(tmp_path: Path) -> None:
    above = 'Отчёт ООО "Ромашка"\n\nза период;01.01.2024\n\n'
    document, staged = staged_from((above + text_table([HEADER, *ROWS])).encode(), tmp_path)
    assert (document.layout.header_line, document.header) == (5, HEADER)
    assert rows_of(staged) == blank_as_none(ROWS)
    assert staged.lines([1, 2, 3, 4]) == [6, 7, 9, 10]


def test_a_separator_hint_of_excel_is_passed_over(tmp_path: Path) -> None:
    document, staged = staged_from(("sep=;\r\n" + text_table([HEADER, *ROWS], line_end="\r\n")).encode(), tmp_path)
    assert (document.header, document.layout.header_line, staged.rows) == (HEADER, 2, 4)


def test_known_columns_find_the_header_among_other_rows(tmp_path: Path) -> None:
    rows = [["Сводка", "за", "март", "2024 года"], *[["а", "б", "в", "г"]] * 4, HEADER, *ROWS]
    path = tmp_path / "export.csv"
    path.write_text(text_table(rows), encoding="utf-8")
    document = only(path, tmp_path / "staging", known_columns={"id", "дата создания"})
    assert (document.header, document.layout.header_line) == (HEADER, 6)
    assert rows_of(document.stage(HEADER)) == blank_as_none(ROWS)


def test_a_header_over_several_lines_is_one_header(tmp_path: Path) -> None:
    rows = [["ID", "Дата\nсоздания", "Тема", "Текст"], *ROWS]
    document, staged = staged_from(text_table(rows).encode(), tmp_path)
    assert document.header == HEADER
    assert rows_of(staged) == blank_as_none(ROWS)
    assert staged.lines([1, 4]) == [3, 7]


def test_twin_and_empty_column_names_are_made_unique(tmp_path: Path) -> None:
    document, staged = staged_from(b"name;Name;;name 2;\n1;2;3;4;5\n6;7;8;9;\n", tmp_path)
    assert document.header == ["name", "Name 2", "column 3", "name 2 2", "column 5"]
    assert rows_of(staged) == [["1", "2", "3", "4", "5"], ["6", "7", "8", "9", None]]


def test_column_names_with_quotes_and_the_ordinals_name_can_be_staged(tmp_path: Path) -> None:
    document, staged = staged_from(b'"a ""b""";file_row_number;record;line\n1;2;3;x\n', tmp_path)
    assert document.header == ['a "b"', "file_row_number 2", "record", "line"]
    assert rows_of(staged) == [["1", "2", "3", "x"]]


def test_only_the_asked_columns_are_staged_in_the_asked_order(tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    path.write_text(text_table([HEADER, *ROWS]), encoding="utf-8")
    staged = only(path, tmp_path / "staging").stage(["Тема", "ID"])
    assert rows_of(staged)[0] == ["Отопление", "ИНЦ-1"]
    assert pq.read_schema(staged.path).names == ["Тема", "ID"]


def test_asking_for_an_unknown_column_is_an_error_of_the_caller(tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    path.write_text(text_table([HEADER, *ROWS]), encoding="utf-8")
    with pytest.raises(KeyError, match="Номер"):
        only(path, tmp_path / "staging").stage(["Номер"])


def test_a_file_name_full_of_signs_is_read(tmp_path: Path) -> None:
    path = tmp_path / "выгрузка [1] {*} it's 100%?.csv"
    path.write_text(text_table([HEADER, *ROWS]), encoding="utf-8")
    document = only(path, tmp_path / "sta[g]'ing")
    assert rows_of(document.stage(HEADER)) == blank_as_none(ROWS)


# Text: broken rows


def broken_rows(content: str, folder: Path) -> tuple[Cells, list[tuple[int, str]], Staged]:
    _, staged = staged_from(content.encode(), folder)
    return rows_of(staged), [(row.line, row.reason) for row in staged.broken], staged


def test_rows_of_the_wrong_width_are_told_by_line_and_the_others_kept(tmp_path: Path) -> None:
    rows, broken, staged = broken_rows("a;b;c\n1;2;3\n4;5\n6;7;8\n9;10;11;12\n13;14;15", tmp_path)
    assert rows == [["1", "2", "3"], ["6", "7", "8"], ["13", "14", "15"]]
    assert broken == [(3, "wrong_number_of_columns"), (5, "wrong_number_of_columns")]
    assert [row.fields for row in staged.broken] == [("4", "5"), ("9", "10", "11", "12")]
    assert staged.lines([3, 1, 2]) == [6, 2, 4]


def test_empty_cells_beyond_the_header_and_blank_lines_are_no_fault(tmp_path: Path) -> None:
    rows, broken, staged = broken_rows("a;b;c\n1;2;3;\n\n   \n4;5;6;;  ;\n;;\n\n7;8;9\n\n\n", tmp_path)
    assert rows == [["1", "2", "3"], ["4", "5", "6"], [None, None, None], ["7", "8", "9"]]
    assert broken == []
    assert staged.lines([1, 2, 3, 4]) == [2, 5, 6, 8]


def test_blank_lines_alone_change_neither_rows_nor_lines(tmp_path: Path) -> None:
    rows, broken, staged = broken_rows("a;b\r\n\r\n1;2\r\n\r\n\r\n3;4\r\n\r\n", tmp_path)
    assert (rows, broken, staged.lines([1, 2])) == ([["1", "2"], ["3", "4"]], [], [3, 6])


def test_one_unbalanced_quote_loses_one_line_and_never_its_followers(tmp_path: Path) -> None:
    plain = "".join(f"{number};x;y;z\n" for number in range(700))
    rows, broken, _ = broken_rows(f'a;b;c;d\n{plain}A;"open;y;z\n{plain}', tmp_path)
    assert len(rows) == 1_400
    assert broken == [(702, "broken_quote")]


def test_an_open_quote_at_the_end_of_the_file_is_one_broken_row(tmp_path: Path) -> None:
    rows, broken, _ = broken_rows('a;b;c\n1;2;3\n4;"5;6\n7;8;9\n', tmp_path)
    assert (rows, broken) == ([["1", "2", "3"], ["7", "8", "9"]], [(3, "broken_quote")])


def test_two_lone_quotes_in_one_column_do_not_swallow_the_rows_between_them(tmp_path: Path) -> None:
    between = "".join(f"A-{number};01.02.2024;y;z\n" for number in range(40))
    rows, broken, _ = broken_rows(
        f'a;b;c;d\nA-7;01.02.2024;"open;z\n{between}A-8;02.02.2024;close";z\nA-9;03.02.2024;y;z\n', tmp_path
    )
    assert broken == [(2, "broken_quote")]
    assert len(rows) == 42
    assert rows[-2:] == [["A-8", "02.02.2024", 'close"', "z"], ["A-9", "03.02.2024", "y", "z"]]


def test_a_long_text_over_many_lines_is_one_record(tmp_path: Path) -> None:
    text = "\n".join(f"строка {number}; с точкой" for number in range(400))
    _, staged = staged_from(text_table([HEADER, *ROWS, ["ИНЦ-5", "", "Вода", text], *ROWS]).encode(), tmp_path)
    assert (staged.rows, staged.broken) == (9, [])
    assert rows_of(staged)[4][3] == text
    assert staged.lines([5, 6]) == [7, 407]


def test_inch_marks_in_unquoted_cells_are_text(tmp_path: Path) -> None:
    rows, broken, _ = broken_rows('a;b;c\n1;pipe 5";x\n2;y;z\n3;pipe 6" and 7";x\n', tmp_path)
    assert rows == [["1", 'pipe 5"', "x"], ["2", "y", "z"], ["3", 'pipe 6" and 7"', "x"]]
    assert broken == []


def test_undoubled_quotes_within_quotes_are_text(tmp_path: Path) -> None:
    rows, broken, _ = broken_rows(
        'a;b;c\n1;"Школа "Радуга"";x\n2;"ООО "А" и "Б" рядом";y\n3;"как ""надо""";z\n', tmp_path
    )
    assert rows == [["1", 'Школа "Радуга"', "x"], ["2", 'ООО "А" и "Б" рядом', "y"], ["3", 'как "надо"', "z"]]
    assert broken == []


def test_a_space_before_the_quote_is_tolerated(tmp_path: Path) -> None:
    rows, broken, _ = broken_rows('a, b, c\n1, "x, y", 2\n3, "z", 4\n5, 6\n', tmp_path)
    assert [[cell and cell.strip() for cell in row] for row in rows] == [["1", "x, y", "2"], ["3", "z", "4"]]
    assert broken == [(4, "wrong_number_of_columns")]


def test_a_file_in_which_quotes_are_plain_signs_is_read_so(tmp_path: Path) -> None:
    lines = ["id\tsize\tname", *(f'{number}\t"{number} inch\tpipe' for number in range(20))]
    document, staged = staged_from("\n".join(lines).encode(), tmp_path)
    assert document.layout.quote is None
    assert rows_of(staged) == [[str(number), f'"{number} inch', "pipe"] for number in range(20)]


def test_mixed_line_ends_end_lines_all_the_same(tmp_path: Path) -> None:
    rows, broken, staged = broken_rows("a;b;c\r\n1;2;3\n4;5;6\r\n7;8;9\n1;2;3\r4;5;6\n7;8\r x;9\n", tmp_path)
    assert rows == [
        ["1", "2", "3"], ["4", "5", "6"], ["7", "8", "9"], ["1", "2", "3"], ["4", "5", "6"], ["7", "8\r x", "9"],
    ]  # fmt: skip
    assert (broken, staged.lines([4, 5, 6])) == ([], [5, 5, 6])


def test_a_line_too_long_to_be_a_record_is_one_broken_row(tmp_path: Path) -> None:
    rows, broken, _ = broken_rows(f"a;b;c\n1;2;3\n4;{'x' * 3_500_000};6\n7;8;9\n", tmp_path)
    assert (rows, broken) == ([["1", "2", "3"], ["7", "8", "9"]], [(3, "line_too_long")])


def test_records_across_the_reading_blocks_are_counted_once(tmp_path: Path) -> None:
    rows = [
        [f"ИНЦ-{number}", "01.03.2024", "Вода", f'"{number}"\n' + "текст; " * (number % 40)] for number in range(9_000)
    ]
    document, staged = staged_from(text_table([HEADER, *rows]).encode(), tmp_path)
    assert (staged.rows, staged.broken) == (9_000, [])
    assert rows_of(staged) == rows
    assert staged.lines([1, 9_000]) == [2, 2 + 2 * 8_999]
    assert staged.lines([]) == []


def test_broken_rows_within_a_big_file_keep_every_line_number_right(tmp_path: Path) -> None:
    lines = [f"{number};text {number};x" for number in range(2, 30_002)]
    for line in range(100, 30_000, 1_000):
        lines[line - 2] = f"{line};too;many;cells"
    _, staged = staged_from(("a;b;c\n" + "\n".join(lines)).encode(), tmp_path)
    assert [row.line for row in staged.broken] == list(range(100, 30_000, 1_000))
    assert staged.rows + len(staged.broken) == 30_000
    numbers = [int(row[0] or 0) for row in rows_of(staged)]
    assert staged.lines(list(range(1, staged.rows + 1))) == numbers


def test_progress_is_told_up_to_the_end(tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    path.write_text(text_table([HEADER, *ROWS * 30_000, ["too", "few"]]), encoding="utf-8")
    shares: list[float] = []
    staged = only(path, tmp_path / "staging").stage(["ID"], shares.append)
    assert staged.rows == 120_000
    assert all(0 <= share <= 1 for share in shares)
    assert shares[-1] == 1.0


# Typed sources


def workbook(path: Path, sheets: dict[str, list[list[object]]]) -> Path:
    book = xlsxwriter.Workbook(str(path), {"default_date_format": "dd.mm.yyyy hh:mm:ss", "strings_to_formulas": False})
    for name, rows in sheets.items():
        sheet = book.add_worksheet(name)
        for number, row in enumerate(rows):
            sheet.write_row(number, 0, row)
    book.close()
    return path


TYPED = [
    ["ID", "Открыто", "Число", "Ок", "Текст"],
    ["A-1", dt.datetime(2024, 3, 1, 10, 30, 59), 4.0, True, "=СУММ(A1)"],
    ["A-2", dt.datetime(2024, 3, 2), 1.5, False, "  "],
    ["A-3", "", 12345678901.0, "", "строка\nи ещё"],
]
TYPED_TEXT = [
    ["A-1", "2024-03-01 10:30:59", "4", "true", "=СУММ(A1)"],
    ["A-2", "2024-03-02", "1.5", "false", None],
    ["A-3", None, "12345678901", None, "строка\nи ещё"],
]


def test_a_sheet_gives_its_typed_cells_as_text(tmp_path: Path) -> None:
    document = only(workbook(tmp_path / "export.xlsx", {"Данные": TYPED}), tmp_path / "staging")
    assert document.layout == documents.Layout("xlsx", header_line=1, sheet="Данные")
    assert (document.header, document.sample) == (TYPED[0], TYPED_TEXT)
    staged = document.stage(document.header)
    assert rows_of(staged) == TYPED_TEXT
    assert staged.lines([1, 3]) == [2, 4]


def test_titles_and_blank_rows_of_a_sheet_are_passed_over(tmp_path: Path) -> None:
    rows = [["Отчёт по обращениям"], [], ["Период:", dt.datetime(2024, 3, 1)], [], *TYPED[:2], [], *TYPED[2:]]
    document = only(workbook(tmp_path / "export.xlsx", {"Данные": rows}), tmp_path / "staging")
    assert (document.layout.header_line, document.sample) == (5, TYPED_TEXT)
    assert document.stage(["ID"]).lines([1, 2, 3]) == [6, 8, 9]


def test_a_table_that_begins_in_another_corner_is_found(tmp_path: Path) -> None:
    rows = [[], [], *[["", "", *row] for row in TYPED]]
    document = only(workbook(tmp_path / "export.xlsx", {"Данные": rows}), tmp_path / "staging")
    assert (document.header, document.sample, document.layout.header_line) == (TYPED[0], TYPED_TEXT, 3)


def test_sheets_with_one_header_are_one_document_and_others_are_others(tmp_path: Path) -> None:
    sheets = {"1": TYPED, "2": [["Код", "Имя"], ["a", "b"]], "3": [["Итог"], *TYPED], "4": [["ничего"]]}
    path = workbook(tmp_path / "export.xlsx", sheets)
    first, second = open_documents(path, tmp_path)
    assert (first.layout.sheet, second.layout.sheet) == ("1", "2")
    staged = first.stage(["ID"])
    assert [row[0] for row in rows_of(staged)] == ["A-1", "A-2", "A-3"] * 2
    assert staged.lines([3, 4]) == [4, 3]


def test_known_columns_choose_the_sheet(tmp_path: Path) -> None:
    path = workbook(tmp_path / "export.xlsx", {"Справка": [["Код", "Имя"], ["a", "b"]], "Выгрузка": TYPED})
    document = only(path, tmp_path / "staging", known_columns={"id", "открыто"})
    assert document.layout.sheet == "Выгрузка"


def test_cells_under_no_name_get_one_and_empty_columns_go(tmp_path: Path) -> None:
    rows = [["ID", "", "Тема", ""], ["A-1", "", "Вода", ""], ["A-2", "", "Тепло", "", "заметка"]]
    document = only(workbook(tmp_path / "export.xlsx", {"Данные": rows}), tmp_path / "staging")
    assert document.header == ["ID", "Тема", "column 5"]
    assert rows_of(document.stage(["column 5", "ID"])) == [[None, "A-1"], ["заметка", "A-2"]]


def test_parquet_gives_its_typed_cells_as_text(tmp_path: Path) -> None:
    moments = [dt.datetime(2024, 3, 1, 10, 30, 59, 999), dt.datetime(2024, 3, 2), None]
    table = pa.table(
        {
            "ID": ["A-1", "A-2", " "],
            "opened": pa.array(moments, pa.timestamp("us")),
            "seen": pa.array(moments, pa.timestamp("us", "Europe/Moscow")),
            "day": pa.array([dt.date(2024, 3, 1), None, None]),
            "number": [4.0, 1.5, None],
            "many": [10, 0, None],
            "ok": [True, False, None],
            "raw": [b"text", "яма".encode(), None],
            "place": [{"lat": 1.5}, None, None],
        }
    )
    pq.write_table(table, tmp_path / "export.parquet")
    document = only(tmp_path / "export.parquet", tmp_path / "staging")
    assert document.header == table.column_names
    staged = document.stage(document.header)
    assert (
        rows_of(staged)
        == document.sample
        == [
            [
                "A-1",
                "2024-03-01 10:30:59",
                "2024-03-01 10:30:59+00:00",
                "2024-03-01",
                "4",
                "10",
                "true",
                "text",
                '{"lat":1.5}',
            ],
            ["A-2", "2024-03-02 00:00:00", "2024-03-02 00:00:00+00:00", None, "1.5", "0", "false", "яма", None],
            [None] * 9,
        ]
    )
    assert staged.lines([1, 3]) == [2, 4]


OBJECTS = [
    {"id": "A-1", "place": {"lat": 55.70, "name": {"ru": "Калуга"}}, "n": 4.0, "tags": ["вода", 1], "ok": True},
    {"id": "A-2", "extra": "  ", "n": 10**30, "none": None},
]
OBJECT_HEADER = ["id", "place.lat", "place.name.ru", "n", "tags", "ok"]
OBJECT_TEXT = [["A-1", "55.7", "Калуга", "4", '["вода", "1"]', "true"], ["A-2", None, None, str(10**30), None, None]]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("indent", [None, 2])
def test_an_array_of_objects_is_flattened(indent: int | None, encoding: str, tmp_path: Path) -> None:
    path = tmp_path / "export.json"
    path.write_bytes(json.dumps(OBJECTS, ensure_ascii=False, indent=indent).encode(encoding))
    document = only(path, tmp_path / "staging")
    assert (document.header, document.sample) == (OBJECT_HEADER, OBJECT_TEXT)
    assert (document.layout.format, document.layout.encoding) == ("jsonl", encoding)
    assert rows_of(document.stage(["n", "id"])) == [["4", "A-1"], [str(10**30), "A-2"]]


def test_json_lines_keep_good_rows_and_tell_broken_ones(tmp_path: Path) -> None:
    lines = [json.dumps(OBJECTS[0]), "", '{"id": "A-3", ', "[1, 2]", json.dumps(OBJECTS[1]), "[" * 100_000]
    (tmp_path / "export.jsonl").write_text("\n".join(lines), encoding="utf-8")
    document = only(tmp_path / "export.jsonl", tmp_path / "staging")
    staged = document.stage(document.header)
    assert rows_of(staged) == OBJECT_TEXT
    assert [(row.line, row.reason) for row in staged.broken] == [
        (3, "unreadable_json"),
        (4, "unreadable_json"),
        (6, "unreadable_json"),
    ]
    assert staged.lines([1, 2]) == [1, 5]


def test_keys_that_come_late_are_columns_too(tmp_path: Path) -> None:
    objects = [{"id": str(number), "n": number} for number in range(5_000)] + [{"id": "last", "late": "yes"}]
    (tmp_path / "export.json").write_text(json.dumps(objects), encoding="utf-8")
    document = only(tmp_path / "export.json", tmp_path / "staging")
    staged = document.stage(["late", "id"])
    assert document.header == ["id", "n", "late"]
    assert (rows_of(staged)[0], rows_of(staged)[-1]) == ([None, "0"], ["yes", "last"])


def test_half_a_surrogate_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "export.jsonl").write_text('{"id": "A-1", "text": "x\\ud800"}\n{"id": "\\ud83d\\ude00", "text": "y"}\n')
    document = only(tmp_path / "export.jsonl", tmp_path / "staging")
    assert rows_of(document.stage(["id", "text"])) == [["A-1", "x?"], ["😀", "y"]]


# Packed files


def contents() -> dict[str, bytes]:
    """The same kind of table in every format."""
    book = io.BytesIO()
    with xlsxwriter.Workbook(book, {"in_memory": True, "strings_to_formulas": False}) as made:
        sheet = made.add_worksheet()
        for number, row in enumerate([HEADER, *ROWS]):
            sheet.write_row(number, 0, row)
    parquet = io.BytesIO()
    pq.write_table(pa.table(dict(zip(HEADER, zip(*ROWS, strict=True), strict=True))), parquet)
    return {
        "csv": text_table([HEADER, *ROWS]).encode("cp1251"),
        "tsv": text_table([HEADER, *ROWS], separator="\t").encode("utf-16"),
        "xlsx": book.getvalue(),
        "parquet": parquet.getvalue(),
        "jsonl": "\n".join(json.dumps(dict(zip(HEADER, row, strict=True))) for row in ROWS).encode(),
    }


@pytest.mark.parametrize("packing", ["plain", "gzip", "zip"])
@pytest.mark.parametrize("ending", [".csv", ".xlsx", ".gz", ".zip", ""])
@pytest.mark.parametrize("kind", ["csv", "tsv", "xlsx", "parquet", "jsonl"])
def test_the_content_decides_and_never_the_name(kind: str, ending: str, packing: str, tmp_path: Path) -> None:
    path = tmp_path / f"export{ending}"
    content = contents()[kind]
    if packing == "zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("выгрузка.dat", content)
    else:
        path.write_bytes(gzip.compress(content, mtime=0) if packing == "gzip" else content)
    document = only(path, tmp_path / "staging")
    assert document.layout.format == {"tsv": "csv"}.get(kind, kind)
    assert document.layout.member == ("выгрузка.dat" if packing == "zip" else None)
    assert rows_of(document.stage(HEADER)) == blank_as_none(ROWS)
    assert document.file == path


def test_every_data_member_of_a_zip_is_a_document(tmp_path: Path) -> None:
    path = tmp_path / "export.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("2023/январь.csv", contents()["csv"])
        archive.writestr("2024.xlsx", contents()["xlsx"])
        archive.writestr("empty.csv", text_table([HEADER]).encode())
        archive.writestr("readme.txt", "Выгрузка обращений.\n")
        archive.writestr("__MACOSX/2024.xlsx", b"\x00\x05")
        archive.writestr(".hidden.csv", b"\x00\x05")
    found = open_documents(path, tmp_path)
    assert [document.layout.member for document in found] == ["2023/январь.csv", "2024.xlsx"]
    assert [document.stage(["ID"]).rows for document in found] == [4, 4]
    assert found[0].name == "export.zip/2023/январь.csv"


def test_member_names_of_russian_windows_are_readable(tmp_path: Path) -> None:
    path = tmp_path / "export.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("XXXXXX.csv", contents()["csv"])
    path.write_bytes(path.read_bytes().replace(b"XXXXXX", "Январь".encode("cp866")))
    assert only(path, tmp_path / "staging").layout.member == "Январь.csv"


# Files that are refused


def test_what_is_not_there_or_holds_nothing_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path / "absent.csv", tmp_path).code == "missing_file"
    (tmp_path / "folder").mkdir()
    assert refusal(tmp_path / "folder", tmp_path).code == "directory"


PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(1024)
REFUSED = {
    "empty_file": [b"", b" \r\n\t\n", codecs.BOM_UTF8, codecs.BOM_UTF16_LE, bytes(10_000), gzip.compress(b"", mtime=0)],
    "web_page": [
        b"<!DOCTYPE html><html></html>", b"\n <html lang=ru>", b"<!-- x -->\n<HTML>", b"\xff\xfe<\0h\0t\0m\0l\0>\0",
    ],
    "not_a_table": [
        PICTURE, b"%PDF-1.7\n%\xe2\xe3", b'<?xml version="1.0"?><a/>', bytes(range(256)) * 50,
        gzip.compress(PICTURE, mtime=0), OLE, b"x" * 3_000_000,
    ],
    "encrypted_file": [OLE + "EncryptedPackage".encode("utf-16-le") + bytes(500), b"PARE" + bytes(100) + b"PARE"],
    "unknown_archive": [b"7z\xbc\xaf\x27\x1c\x00", b"Rar!\x1a\x07\x00", b"BZh91AY&SY\x00", b"x" * 257 + b"ustar\x00"],
    "nested_archive": [gzip.compress(gzip.compress(b"a;b\n1;2\n", mtime=0), mtime=0)],
    "no_data": [b"a;b;c\n", b"a;b;c", b"Title\n\na;b;c\n\n \n", b"[]", b"[{}]"],
    "no_header": [b"1;01.02.2024;x\n2;02.02.2024;y\n", b"1,2,3\n4,5,6\n"],
    "one_column": [b"name\nA\nB\n", b"just some words\nand more of them\n", b'{"a": 1}\n{"a": 2}\n'],
    "no_readable_rows": [b"a;b;c\n1;2\n3;4\n"],
    "unreadable_json": [b'{"a": \n1,\n"b": 2}\n'],
    "truncated_file": [b'[{"a": 1, "b": 2}, {"a": ', b"PAR1" + bytes(200)],
    "unreadable_file": [b"PAR1" + bytes(200) + b"PAR1"],
}  # fmt: skip


@pytest.mark.parametrize(("code", "content"), [(code, one) for code, many in REFUSED.items() for one in many])
def test_what_is_no_table_is_refused(code: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / "export.csv").write_bytes(content)
    assert refusal(tmp_path / "export.csv", tmp_path).code == code


@pytest.mark.parametrize("kind", ["xlsx", "parquet", "gzip", "zip"])
def test_a_file_cut_short_is_refused(kind: str, tmp_path: Path) -> None:
    content = contents().get(kind, contents()["csv"] * 100)
    if kind == "gzip":
        content = gzip.compress(content, mtime=0)
    if kind == "zip":
        with zipfile.ZipFile(tmp_path / "whole.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("a.csv", content)
        content = (tmp_path / "whole.zip").read_bytes()
    for kept in (0.3, 0.7, 0.95):
        (tmp_path / "export.csv").write_bytes(content[: int(len(content) * kept)])
        assert refusal(tmp_path / "export.csv", tmp_path).code == "truncated_file"


def test_a_changed_byte_in_an_archive_is_noticed(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "export.zip", "w") as archive:
        archive.writestr("a.csv", b"id;text\nA-1;one\n")
    (tmp_path / "export.zip").write_bytes((tmp_path / "export.zip").read_bytes().replace(b";one", b";two"))
    assert refusal(tmp_path / "export.zip", tmp_path).code == "truncated_file"


def test_a_zip_with_a_password_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "export.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.csv", b"a;b\n1;2\n")
    content = bytearray(path.read_bytes())
    for start, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(start) + flags] |= 1
    path.write_bytes(bytes(content))
    assert refusal(path, tmp_path).code == "encrypted_file"


def test_a_zip_of_nothing_of_other_documents_or_of_archives_is_refused(tmp_path: Path) -> None:
    members = {
        "empty_file": {"folder/": b""},
        "not_a_table": {"photo.png": PICTURE},
        "nested_archive": {"a.csv": b"a;b\n1;2\n", "inner.zip": (b"PK\x05\x06" + bytes(18))},
    }
    for code, files in members.items():
        with zipfile.ZipFile(tmp_path / "export.zip", "w") as archive:
            for name, content in files.items():
                archive.writestr(name, content)
        assert refusal(tmp_path / "export.zip", tmp_path).code == code
    with zipfile.ZipFile(tmp_path / "letter.docx", "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("word/document.xml", "<w/>")
    assert refusal(tmp_path / "letter.docx", tmp_path).code == "not_a_table"


@pytest.mark.parametrize("packing", ["gzip", "zip", "xlsx"])
def test_a_bomb_is_refused_and_leaves_nothing_behind(packing: str, tmp_path: Path) -> None:
    path = tmp_path / "export.bin"
    bomb = b"a;b\n" * (archives.FREE_UNPACKED // 4 + 1_000_000)
    if packing == "gzip":
        path.write_bytes(gzip.compress(bomb, 1, mtime=0))
    else:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            archive.writestr("xl/workbook.xml" if packing == "xlsx" else "a.csv", bomb)
    assert refusal(path, tmp_path).code == "unpacked_too_large"
    assert list((tmp_path / "staging").iterdir()) == []


def test_an_archive_beyond_the_limit_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MOST_UNPACKED", 1_000)
    with zipfile.ZipFile(tmp_path / "export.zip", "w") as archive:
        for number in range(3):
            archive.writestr(f"{number}.csv", "a;b\n" + "1;2\n" * 100)
    assert refusal(tmp_path / "export.zip", tmp_path).code == "unpacked_too_large"


def test_a_sheet_with_a_cell_far_out_is_refused_before_it_takes_all_memory(tmp_path: Path) -> None:
    with xlsxwriter.Workbook(tmp_path / "export.xlsx") as book:
        sheet = book.add_worksheet()
        for number, row in enumerate([HEADER, *ROWS]):
            sheet.write_row(number, 0, row)
        sheet.write(1_048_575, 16_383, "x")
    assert refusal(tmp_path / "export.xlsx", tmp_path).code == "sheet_too_large"


def test_a_file_of_broken_rows_only_is_refused_before_its_list_fills_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(documents, "MOST_BROKEN_ROWS", 100)
    (tmp_path / "export.csv").write_text("a;b;c\n1;2;3\n" + "4;5\n" * 101)
    assert refusal(tmp_path / "export.csv", tmp_path).code == "too_many_broken_rows"


def test_a_table_of_thousands_of_columns_is_refused(tmp_path: Path) -> None:
    names = [f"c{number}" for number in range(documents.MOST_COLUMNS + 1)]
    (tmp_path / "export.csv").write_text(";".join(names) + "\n" + ";".join(names) + "\n")
    assert refusal(tmp_path / "export.csv", tmp_path).code == "too_many_columns"
    (tmp_path / "export.jsonl").write_text("\n".join(json.dumps({name: "x"}) for name in names))
    assert refusal(tmp_path / "export.jsonl", tmp_path).code == "too_many_columns"


# Any table


def cells(*, separators: int) -> st.SearchStrategy[str]:
    """Cells with few separators: a text whose lines are shaped like records is taken for records (see records)."""
    text = st.text(alphabet=st.sampled_from("абвXYZ019 .-'\"\n=№é\u00a0😀\\"), max_size=12)
    return st.tuples(text, st.lists(st.sampled_from(";,\t|"), max_size=separators), text).map(
        lambda parts: parts[0] + "".join(parts[1]) + parts[2]
    )


@st.composite
def tables(draw: st.DrawFn) -> list[list[str]]:
    width = draw(st.integers(2, 6))
    rows = draw(st.lists(st.lists(cells(separators=1), min_size=width, max_size=width), min_size=2, max_size=30))
    return [[f"name {chr(97 + column)}" for column in range(width)], *rows]


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    table=tables(),
    separator=st.sampled_from([",", ";", "\t", "|"]),
    line_end=st.sampled_from(["\n", "\r\n"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_any_table_comes_back_cell_for_cell(
    table: list[list[str]], separator: str, line_end: str, quoting: int, encoding: str, tmp_path: Path
) -> None:
    text = text_table(table, separator=separator, line_end=line_end, quoting=quoting)
    document, staged = staged_from(text.encode(encoding), tmp_path)
    assert document.header == table[0]
    assert rows_of(staged) == blank_as_none(table[1:])
    assert (staged.rows, staged.broken) == (len(table) - 1, [])


# Real exports


def test_the_real_russian_exports_come_back_whole(exports: Path, tmp_path: Path) -> None:
    expected = {
        "incidents_2021_cp1251.csv": (18_818, 0, "cp1251"),
        "incidents_2022.xlsx": (29_855, 0, None),
        "incidents_2022-12_update_utf8bom.csv": (1_999, 1, "utf-8-sig"),
    }
    for name, (rows, broken, encoding) in expected.items():
        document = only(exports / "semi_real_ru" / name, tmp_path / "staging")
        staged = document.stage(document.header)
        assert (staged.rows, len(staged.broken), document.layout.encoding) == (rows, broken, encoding)
    with (exports / "semi_real_ru" / "incidents_2021_cp1251.csv").open(encoding="cp1251", newline="") as handle:
        oracle = list(csv.reader(handle, delimiter=";"))
    document = only(exports / "semi_real_ru" / "incidents_2021_cp1251.csv", tmp_path / "staging")
    assert [document.header, *rows_of(document.stage(document.header))] == [oracle[0], *blank_as_none(oracle[1:])]


def test_the_real_american_exports_come_back_whole(exports: Path, tmp_path: Path) -> None:
    houston = sorted((exports / "houston_311").glob("*.csv.gz"))
    rows = 0
    for path in [*houston, exports / "nyc_council" / "council_constituent_services_2015_2022.csv.gz"]:
        document = only(path, tmp_path / "staging")
        staged = document.stage(document.header)
        with gzip.open(path, "rt", encoding="utf-8", newline="") as handle:
            oracle = list(csv.reader(handle))
        assert staged.broken == []
        assert rows_of(staged) == blank_as_none(oracle[1:])
        rows += staged.rows if path in houston else 0
        last = "306494 cases" if path not in houston else f"{staged.rows} cases"
        assert f"{staged.rows} cases" == last
    assert rows == 68_263
