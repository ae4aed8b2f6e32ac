"""Parquet files: typed columns as text."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from analytics.files.documents import (
    SAMPLE_ROWS,
    Document,
    Layout,
    Report,
    Row,
    Staged,
    library_errors,
    new_path,
    no_data,
    unique_header,
)
from analytics.files.staging import connect, copy_to_parquet, identifier, not_blank


def open_parquet(file: Path, path: Path, staging: Path, *, name: str, member: str | None) -> Document:
    """The document of a Parquet file; raises BadInput when it has no rows or cannot be read."""
    with library_errors(name):
        return ParquetDocument(file, name, Layout("parquet", member=member), path=path, staging=staging)


class ParquetDocument(Document):
    """A Parquet file; its `lines` count the header as line 1, as a CSV of it would."""

    def __init__(self, file: Path, name: str, layout: Layout, *, path: Path, staging: Path) -> None:
        self._path, self._staging = path, staging
        with connect(staging) as connection:
            described = connection.execute("describe select * from read_parquet(?)", [str(path)]).fetchall()
            header = unique_header([column[0] for column in described])
            self._texts = {
                title: text_of(identifier(column[0]), column[1])
                for title, column in zip(header, described, strict=True)
            }
            asked = ", ".join(self._texts.values())
            rows = connection.execute(
                f"select {asked} from read_parquet(?) limit ?", [str(path), SAMPLE_ROWS]
            ).fetchall()
            self._rows = connection.execute("select count(*) from read_parquet(?)", [str(path)]).fetchall()[0][0]
        sample: list[Row] = [list(row) for row in rows]
        super().__init__(file, name, layout, header=header, sample=sample)
        if not sample:
            raise no_data(name)

    def _stage(self, columns: list[str], report: Report) -> Staged:
        target = new_path(self._staging, ".parquet")
        asked = ", ".join(f"{self._texts[column]} as {identifier(column)}" for column in columns)
        with connect(self._staging) as connection:
            rows = copy_to_parquet(
                connection, f"select {asked} from read_parquet(?)", [str(self._path)], target=target, report=report
            )
        if rows != self._rows:
            raise RuntimeError(f"{self._rows} rows declared, {rows} staged")
        return Staged(target, rows, [], 0, _lines)


def _lines(records: Sequence[int]) -> list[int]:
    return [record + 1 for record in records]


def text_of(column: str, type_name: str) -> str:
    """SQL that gives a typed column as text: times to the second, numbers without '.0'; times with a zone in UTC."""
    if type_name == "VARCHAR":
        return not_blank(column)
    if type_name == "TIMESTAMP WITH TIME ZONE":
        return f"strftime(make_timestamp(epoch_us({column})), '%Y-%m-%d %H:%M:%S+00:00')"
    if type_name.startswith("TIMESTAMP"):
        return f"strftime({column}::timestamp, '%Y-%m-%d %H:%M:%S')"
    if type_name in ("FLOAT", "DOUBLE") or type_name.startswith("DECIMAL"):
        return f"regexp_replace({column}::varchar, '\\.0+$', '')"
    if type_name == "BLOB":
        # Text of writers that do not mark it as such.
        return not_blank(f"coalesce(try(decode({column})), {column}::varchar)")
    if type_name.startswith(("STRUCT", "MAP")) or type_name.endswith("]"):
        return f"to_json({column})::varchar"
    return f"{column}::varchar"
