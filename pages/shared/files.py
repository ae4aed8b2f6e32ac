"""Table in, bytes out: what is seen, as a workbook or as CSV, typed and never a formula."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import pandas as pd
import xlsxwriter

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # what a spreadsheet takes for a formula
NUMBER = re.compile(r"[+-][\d\s.,\N{NO-BREAK SPACE}]+%?")  # +18 %: begins like one, is none
WIDEST = 60  # characters of a column
NOT_IN_FILE_NAMES = re.compile(r'[\\/:*?"<>|\s]+')
SEPARATORS = {"ru": (";", ","), "en": (",", ".")}  # of columns and of decimals, as the language's Excel expects them


def as_csv(table: pd.DataFrame, language: str = "ru") -> bytes:
    """CSV that Excel in that language opens right; what it would take for a formula is marked as text."""
    between, decimal = SEPARATORS[language]
    safe = pd.DataFrame({place: [_written(cell, decimal) for cell in table.iloc[:, place]] for place in _places(table)})
    header = [_written(str(name), decimal) for name in table.columns]
    return safe.to_csv(index=False, sep=between, header=header).encode("utf-8-sig")


def as_xlsx(table: pd.DataFrame, about: Sequence[tuple[str, str]], sheets: tuple[str, str]) -> bytes:
    """A workbook of two sheets: the table, its numbers, days and texts as such; and in lines what it is about.

    `about`: name and value of each line; `sheets`: the names of the two sheets. Text stays text, even if it begins
    like a formula or an address.
    """
    target = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(target, options) as book:
        bold = book.add_format({"bold": True, "text_wrap": True, "valign": "top", "bottom": 1})
        looks = {
            int: book.add_format({"num_format": "#,##0"}),
            date: book.add_format({"num_format": "dd.mm.yyyy"}),
            datetime: book.add_format({"num_format": "dd.mm.yyyy hh:mm"}),
        }
        sheet = book.add_worksheet(_sheet_name(sheets[0]))
        for place in _places(table):
            cells = [_typed(cell) for cell in table.iloc[:, place]]
            sheet.write_string(0, place, str(table.columns[place]), bold)
            for line, cell in enumerate(cells, start=1):
                _write(sheet, line, place, cell, looks)
            longest = max([len(str(table.columns[place])), *(len(str(cell)) for cell in cells)])
            sheet.set_column(place, place, min(longest, WIDEST) + 2)
        sheet.freeze_panes(1, 0)
        if len(table) and len(table.columns):
            sheet.autofilter(0, 0, len(table), len(table.columns) - 1)
        lines = book.add_worksheet(_sheet_name(sheets[1]))
        lines.set_column(0, 0, 28)
        lines.set_column(1, 1, 100)
        for line, (name, value) in enumerate(about):
            lines.write_string(line, 0, name)
            lines.write_string(line, 1, value)
    return target.getvalue()


def file_name(title: str, extension: str) -> str:
    """A title as the name of a file, on every system."""
    return f"{NOT_IN_FILE_NAMES.sub(' ', title).strip(' .')[:80].rstrip()}.{extension}"


def _places(table: pd.DataFrame) -> range:
    return range(len(table.columns))


def _sheet_name(name: str) -> str:
    """Excel's rule: at most 31 characters, some not allowed."""
    return re.sub(r"[\[\]:*?/\\']", " ", name)[:31].strip()


def _typed(cell: Any) -> Any:
    """A cell of a table as Python's own type; None where nothing is known."""
    if cell is None or cell is pd.NaT or cell is pd.NA:
        return None
    value = cell.item() if hasattr(cell, "item") else cell
    if isinstance(value, pd.Timestamp):
        value = value.to_pydatetime()
    if isinstance(value, datetime) and not (value.hour or value.minute or value.second):
        return value.date()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _write(sheet: Any, line: int, place: int, cell: Any, looks: dict[type, Any]) -> None:
    if cell is None:
        return
    if isinstance(cell, bool):
        sheet.write_boolean(line, place, cell)
    elif isinstance(cell, int):
        sheet.write_number(line, place, cell, looks[int])
    elif isinstance(cell, float):
        sheet.write_number(line, place, cell)
    elif isinstance(cell, date):
        sheet.write_datetime(line, place, cell, looks[type(cell)])
    else:
        sheet.write_string(line, place, str(cell))


def _written(cell: Any, decimal: str) -> str:
    """A cell as text: a number with the decimal mark, a day as its date, a would-be formula marked as text."""
    value = _typed(cell)
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.12g}".replace(".", decimal)
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    if isinstance(value, str):
        value = value.replace("\r\n", "\n").replace("\r", "\n")  # unquoted it would begin a row
    if isinstance(value, str) and value.lstrip(" ").startswith(FORMULA) and not NUMBER.fullmatch(value):
        return f"'{value}"
    return str(value)
