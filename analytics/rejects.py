"""Rows that could not be taken: where, why, and what may be shown of them without personal data."""

from __future__ import annotations

import json
import re
from pathlib import Path

import duckdb
import pandas as pd

from analytics.files.documents import BrokenRow, Document, Staged
from analytics.presets import NAMES, NOT_STORED, date_formats
from analytics.sql import identifier, literal

E_MAIL = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+")
PHONE = re.compile(r"\+?\d[\s()-]*(?:\d[\s()-]*){9,}")
IDENTIFIER = re.compile(r"(?=.*\d)[\w./-]{1,40}")


def rejected_rows(
    connection: duckdb.DuckDBPyConnection, document: Document, staged: Staged, checked: Path, columns: dict[str, str]
) -> pd.DataFrame:
    """The rejected rows with their line, reason and fields as JSON, personal data blanked."""
    some = f"select count(*) from {literal(checked)} where reason is not null"
    if not staged.broken and not connection.execute(some).fetchall()[0][0]:
        return pd.DataFrame(columns=["line", "reason", "fields"])
    keep = [column for meaning, column in columns.items() if meaning not in NOT_STORED]
    chosen = ", ".join(f"staged.{identifier(column)}" for column in keep)
    found = connection.execute(
        f"""
        select record, reason, {chosen}
        from (select file_row_number + 1 as record, * from
          read_parquet({literal(staged.path)}, file_row_number = true)) as staged
        join (select record, reason from {literal(checked)} where reason is not null) as refused using (record)
        order by record
        """
    ).fetchall()
    lines = staged.lines([record for record, *_ in found])
    whole = [
        (line, reason, json.dumps({c: _blanked(v) for c, v in zip(keep, cells, strict=True)}, ensure_ascii=False))
        for line, (_, reason, *cells) in zip(lines, found, strict=True)
    ]
    safe = _safe_values(connection)
    broken = [(row.line, row.reason, _safe_fields(row, document, safe, columns)) for row in staged.broken]
    return pd.DataFrame(sorted(whole + broken), columns=["line", "reason", "fields"])


def _blanked(value: str | None) -> str | None:
    """A value of a kept column, unless a phone or an e-mail stands in it."""
    return "" if value and (E_MAIL.search(value) or PHONE.fullmatch(value.strip())) else value


def _safe_values(connection: duckdb.DuckDBPyConnection) -> set[str]:
    tables = [f"named_{meaning}" for meaning in (*NAMES, "status", "kind")]
    union = " union ".join(f"select spelling from {identifier(table)}" for table in tables)
    return {spelling for (spelling,) in connection.execute(union).fetchall()}


def _safe_fields(row: BrokenRow, document: Document, safe: set[str], columns: dict[str, str]) -> str:
    """The cells of a row whose cells cannot be told apart: kept are only ids, dates and names known from good rows."""
    id_place = document.header.index(columns["id"]) if "id" in columns else -1
    titles = [*document.header, *(f"column {i + 1}" for i in range(len(document.header), len(row.fields)))]

    def harmless(place: int, value: str) -> bool:
        if value in safe:
            return True
        if (
            any(date_formats([value])[0][:1])
            and re.fullmatch(r"[\d.:/\- T]{6,19}", value)
            and not PHONE.fullmatch(value)
        ):
            return True
        return place == id_place and bool(IDENTIFIER.fullmatch(value)) and not PHONE.fullmatch(value)

    cells = {
        title: value if harmless(place, value.strip()) else ""
        for place, (title, value) in enumerate(zip(titles, row.fields, strict=False))
    }
    return json.dumps(cells, ensure_ascii=False)
