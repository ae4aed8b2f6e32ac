"""Documents that Python reads cell by cell (sheets, JSON): kept as Parquet parts of text, whatever columns turn up."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from analytics.files.documents import SAMPLE_ROWS, BrokenRow, Document, Layout, Report, Row, Staged, new_path
from analytics.files.staging import connect, copy_to_parquet, identifier

PART_CELLS = 2_000_000


@dataclass
class Parts:
    """Rows of text in Parquet files: columns are numbered `c0`, `c1` …, and `line` tells where a row came from."""

    staging: Path
    paths: list[Path] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)
    sample: list[dict[int, str]] = field(default_factory=list)
    used: set[int] = field(default_factory=set)
    """Columns that hold anything."""
    _rows: list[dict[int, str]] = field(default_factory=list)
    _lines: list[int] = field(default_factory=list)
    _cells: int = 0

    @property
    def rows(self) -> int:
        """How many rows were added."""
        return sum(self.counts) + len(self._rows)

    def add(self, line: int, cells: dict[int, str]) -> None:
        """Add a row given as its cells that are not blank, by the number of their column."""
        if len(self.sample) < SAMPLE_ROWS:
            self.sample.append(cells)
        self._rows.append(cells)
        self._lines.append(line)
        self._cells += len(cells) + 1
        if self._cells >= PART_CELLS:
            self.flush()

    def flush(self) -> None:
        """Write what is still in memory."""
        if not self._rows:
            return
        columns = sorted(set().union(*self._rows))
        self.used.update(columns)
        table = pa.table(
            {"line": pa.array(self._lines, pa.int64())}
            | {f"c{column}": _texts([row.get(column) for row in self._rows]) for column in columns}
        )
        path = new_path(self.staging, ".part.parquet")
        pq.write_table(table, path)
        self.paths.append(path)
        self.counts.append(len(self._rows))
        self._rows, self._lines, self._cells = [], [], 0


def _texts(cells: list[str | None]) -> pa.Array:
    try:
        return pa.array(cells, pa.string())
    except (UnicodeEncodeError, pa.ArrowInvalid):
        # JSON may hold half of a surrogate pair, which is no character.
        clean = [cell if cell is None else cell.encode("utf-8", "replace").decode("utf-8") for cell in cells]
        return pa.array(clean, pa.string())


class PartsDocument(Document):
    """A document whose rows lie in parts; `positions` tells the number of each column of the header."""

    def __init__(
        self,
        file: Path,
        name: str,
        layout: Layout,
        *,
        header: list[str],
        positions: list[int],
        parts: Parts,
        broken: list[BrokenRow],
        replaced_characters: int = 0,
    ) -> None:
        sample: list[Row] = [[row.get(position) for position in positions] for row in parts.sample]
        super().__init__(file, name, layout, header=header, sample=sample)
        self._positions = dict(zip(header, positions, strict=True))
        self._parts, self._broken, self._replaced = parts, broken, replaced_characters

    def _stage(self, columns: list[str], report: Report) -> Staged:
        target = new_path(self._parts.staging, ".parquet")
        asked = ", ".join(
            f"c{self._positions[column]} as {identifier(column)}"
            if self._positions[column] in self._parts.used
            else f"null::varchar as {identifier(column)}"
            for column in columns
        )
        paths = [str(path) for path in self._parts.paths]
        with connect(self._parts.staging) as connection:
            rows = copy_to_parquet(
                connection,
                f"select {asked} from read_parquet(?, union_by_name = true)",
                [paths],
                target=target,
                report=report,
            )
        if rows != self._parts.rows:
            raise RuntimeError(f"{self._parts.rows} rows read, {rows} staged")
        return Staged(target, rows, list(self._broken), self._replaced, self._lines)

    def _lines(self, records: Sequence[int]) -> list[int]:
        ends = list(accumulate(self._parts.counts))
        numbers: dict[int, list[int]] = {}
        lines = []
        for record in records:
            part = bisect_right(ends, record - 1)
            if part not in numbers:
                numbers[part] = pq.read_table(self._parts.paths[part], columns=["line"])["line"].to_pylist()
            lines.append(numbers[part][record - 1 - (ends[part] - self._parts.counts[part])])
        return lines
