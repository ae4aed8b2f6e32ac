"""CSV and its kin: staged by DuckDB where the file is clean, mended line by line where it is not."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import duckdb
import numpy as np
import pyarrow.parquet as pq

from analytics.errors import BadInput
from analytics.files.counting import count_records, record_lines
from analytics.files.dialects import Found, blank_to_none, find_dialect, has_columns
from analytics.files.documents import (
    SAMPLE_ROWS,
    BrokenRow,
    Document,
    Layout,
    Report,
    Row,
    Staged,
    check_broken,
    new_path,
    no_data,
    no_header,
    not_a_table,
    one_column,
    unique_header,
)
from analytics.files.encodings import Utf8File
from analytics.files.kinds import empty
from analytics.files.records import MOST_BYTES, Record, join_fields, read_records
from analytics.files.staging import connect, copy_to_parquet, identifier, not_blank

HEAD = 1 << 20
LONGEST_RECORD = 2_000_000  # bytes, the most that DuckDB takes by itself; read_records allows fewer
CUT_LINE = MOST_BYTES + 2  # what follows on the same line is passed over, the line being too long anyway
TELL_EVERY = 1 << 22  # bytes
MENDING_SHARE = 0.6  # of the time, when a file has to be mended


def open_text(
    file: Path, text: Utf8File, staging: Path, *, name: str, member: str | None, known_columns: Collection[str]
) -> Document:
    """The document of delimited text; raises BadInput when it has no header or no data."""
    lines = _head_lines(text, name)
    found = find_dialect(lines, known_columns)
    if found is None:
        raise no_header(name) if has_columns(lines) else one_column(name)
    dialect = found.dialect
    layout = Layout("csv", text.encoding, dialect.separator, dialect.quote, found.header_line, member=member)
    return TextDocument(file, name, layout, text=text, found=found, staging=staging)


def _head_lines(text: Utf8File, name: str) -> list[bytes]:
    """The first lines of the file, whole ones only."""
    with text.path.open("rb") as handle:
        head = handle.read(HEAD)
    lines = head.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    last = lines.pop()
    lines = [line + b"\n" for line in lines]
    if last and len(head) < HEAD:
        lines.append(last)
    if not head.strip(b"\xef\xbb\xbf \t\r\n"):
        raise empty(name)
    if not lines:
        raise not_a_table(name, "text without line ends")
    return lines


class TextDocument(Document):
    """A delimited text file, as UTF-8 in `text`."""

    def __init__(self, file: Path, name: str, layout: Layout, *, text: Utf8File, found: Found, staging: Path) -> None:
        self._text, self._found, self._staging = text, found, staging
        self._width = len(found.header)
        super().__init__(file, name, layout, header=unique_header(found.header), sample=[])
        self.sample, self._known_broken = self._first_rows()

    def _first_rows(self) -> tuple[list[Row], bool]:
        """The sample, and whether there are broken rows among it."""
        sample: list[Row] = []
        broken = False
        with self._records() as records:
            for record in records:
                broken = broken or bool(record.reason)
                if not record.reason:
                    sample.append(blank_to_none(record.cells(self._found.dialect)))
                if len(sample) == SAMPLE_ROWS:
                    break
        if not sample and broken:
            raise BadInput(
                "no_readable_rows",
                "No row of {file} fits its header: check the separator and the quotes of the export.",
                file=self.name,
            )
        if not sample:
            raise no_data(self.name)
        return sample, broken

    @contextmanager
    def _records(self, report: Report | None = None) -> Iterator[Iterator[Record]]:
        """The records under the header, read carefully."""
        with self._text.path.open("rb") as handle:
            for _ in range(self._found.data_line - 1):
                handle.readline()
            yield read_records(
                _told(handle, self._text.path.stat().st_size, report),
                self._found.dialect,
                columns=self._width,
                line=self._found.data_line,
            )

    def _stage(self, columns: list[str], report: Report) -> Staged:
        clean = None if self._known_broken else self._stage_clean(columns, report)
        return clean or self._stage_mended(columns, report)

    def _stage_clean(self, columns: list[str], report: Report) -> Staged | None:
        """Let DuckDB read the file as it stands; None unless it finds exactly the rows that we count."""
        target = new_path(self._staging, ".parquet")
        with ThreadPoolExecutor(1) as beside:
            counting = beside.submit(count_records, self._text, self._found, blank_lines=False)
            try:
                rows = self._copy(self._text.path, self._found.data_line - 1, columns, target=target, report=report)
            except duckdb.Error:
                rows = -1
        agreed = rows == counting.result() or (
            rows >= 0 and rows == count_records(self._text, self._found, blank_lines=True)
        )
        if not agreed or not self._sample_agrees(target, columns):
            target.unlink(missing_ok=True)
            return None
        return Staged(target, rows, [], self._text.replaced_characters, self._lines_of_clean)

    def _stage_mended(self, columns: list[str], report: Report) -> Staged:
        """Read the file record by record, and let DuckDB read the good ones from a clean copy."""
        clean = new_path(self._staging, ".clean.csv")
        broken, numbering = self._mend(clean, lambda share: report(share * MENDING_SHARE))
        target = new_path(self._staging, ".parquet")
        rows = self._copy(
            clean, 0, columns, target=target, report=lambda share: report(MENDING_SHARE + share * (1 - MENDING_SHARE))
        )
        clean.unlink()
        if rows != numbering.records:
            raise RuntimeError(f"{numbering.records} records found, {rows} staged")
        return Staged(target, rows, broken, self._text.replaced_characters, numbering.lines)

    def _copy(self, path: Path, skip: int, columns: list[str], *, target: Path, report: Report) -> int:
        names = [f"c{number}" for number in range(self._width)]
        asked = ", ".join(
            f"{not_blank(names[self.header.index(column)])} as {identifier(column)}" for column in columns
        )
        query = f"""
            select {asked} from read_csv(?, columns = ?, delim = ?, quote = ?, escape = ?, skip = ?, header = false,
              auto_detect = false, all_varchar = true, strict_mode = true, null_padding = false, ignore_errors = false,
              nullstr = '', allow_quoted_nulls = true, compression = 'none', encoding = 'utf-8', comment = '',
              max_line_size = {LONGEST_RECORD})"""
        quote = self._found.dialect.quote or ""
        parameters = [str(path), dict.fromkeys(names, "VARCHAR"), self._found.dialect.separator, quote, quote, skip]
        with connect(self._staging) as connection:
            return copy_to_parquet(connection, query, parameters, target=target, report=report)

    def _sample_agrees(self, target: Path, columns: list[str]) -> bool:
        positions = [self.header.index(column) for column in columns]
        first = next(pq.ParquetFile(target).iter_batches(SAMPLE_ROWS))
        found = zip(*(column.to_pylist() for column in first.columns), strict=True)
        expected = [tuple(row[position] for position in positions) for row in self.sample]
        return list(found)[:SAMPLE_ROWS] == expected

    def _mend(self, clean: Path, report: Report) -> tuple[list[BrokenRow], _Numbering]:
        dialect, numbering, broken = self._found.dialect, _Numbering(), list[BrokenRow]()
        with self._records(report) as records, clean.open("wb") as out:
            for record in records:
                if record.reason:
                    cells = record.fields if record.fields is not None else record.cells(dialect)
                    broken.append(BrokenRow(record.line, record.reason, tuple(cells)))
                    check_broken(broken, self.name)
                    continue
                numbering.add(record.line)
                if record.fields is None:
                    out.write(record.raw + b"\n")
                else:
                    out.write(join_fields(record.fields, dialect).encode() + b"\n")
        return broken, numbering

    def _lines_of_clean(self, records: Sequence[int]) -> list[int]:
        wanted = np.unique(np.asarray(records, np.int64))
        found, before = np.zeros(len(wanted), np.int64), 0
        for starts in record_lines(self._text.path, self._found):
            here = (wanted > before) & (wanted <= before + len(starts))
            found[here] = starts[wanted[here] - before - 1]
            before += len(starts)
        return found[np.searchsorted(wanted, np.asarray(records, np.int64))].tolist()


class _Numbering:
    """On which line each good record begins, remembered only where the distance of the two changes."""

    def __init__(self) -> None:
        self.records = 0
        self._from: list[int] = []
        self._distance: list[int] = []

    def add(self, line: int) -> None:
        self.records += 1
        if not self._distance or self._distance[-1] != line - self.records:
            self._from.append(self.records)
            self._distance.append(line - self.records)

    def lines(self, records: Sequence[int]) -> list[int]:
        return [record + self._distance[bisect_right(self._from, record) - 1] for record in records]


def _told(handle: BinaryIO, size: int, report: Report | None) -> Iterator[bytes]:
    """The lines of the file, endless ones cut, telling now and then how far we are."""
    done = told = 0
    while line := handle.readline(CUT_LINE):
        done += len(line)
        yield line
        while len(line) == CUT_LINE and not line.endswith(b"\n"):
            line = handle.readline(CUT_LINE)
            done += len(line)
        if report and done - told > TELL_EVERY:
            told = done
            report(min(1.0, done / size))
