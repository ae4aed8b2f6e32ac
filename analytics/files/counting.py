"""Counting the records of clean delimited text, apart from whoever reads it: our own check that none is lost."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from analytics.files.dialects import Found
from analytics.files.encodings import Utf8File, blocks
from analytics.files.records import MOST_BYTES, looks_like_records

NOT_COUNTABLE = -2


def count_records(text: Utf8File, found: Found, *, blank_lines: bool) -> int:
    """The records under the header: line feeds outside quotes; -2 where quotes make it doubtful.

    Without `blank_lines` a file that has no quotes is counted at once, taking it that no line is blank.
    """
    if not blank_lines and not (text.has_quotes and found.dialect.quote):
        with text.path.open("rb") as handle:
            handle.seek(-1, 2)
            return text.newlines + (handle.read() != b"\n") - (found.data_line - 1)
    try:
        return sum(len(starts) for starts in record_lines(text.path, found))
    except ValueError:
        return NOT_COUNTABLE


def record_lines(path: Path, found: Found) -> Iterator[np.ndarray]:
    """The line on which each record under the header begins, block by block; blank lines are no records.

    Raises ValueError when a quote is left open for long, or encloses what looks like records of the file.
    """
    line, rest = 1, b""
    for block in blocks(path):
        starts, lines, rest = _block_starts(rest + block, line, found)
        line += lines
        yield starts[starts >= found.data_line]
        if len(rest) > MOST_BYTES:
            raise ValueError("a quote is left open")
    if rest.strip():
        raise ValueError("a quote is left open")


def _block_starts(block: bytes, line: int, found: Found) -> tuple[np.ndarray, int, bytes]:
    """Lines on which the block's records begin, how many lines they take, and the unfinished rest.

    The block begins where a record does.
    """
    array = np.frombuffer(block, np.uint8)
    ends = np.flatnonzero(array == 10)
    if not block.endswith(b"\n"):
        ends = np.append(ends, len(block))
    closing = np.arange(len(ends))
    if found.dialect.quote and b'"' in block:
        quotes = np.flatnonzero(array == 34)
        closing = np.flatnonzero(np.searchsorted(quotes, ends) % 2 == 0)
    if not len(closing):
        return np.empty(0, np.int64), 0, block
    starts = np.concatenate(([0], ends[closing[:-1]] + 1))
    lengths = ends[closing] - starts
    blank = (lengths == 0) | ((lengths == 1) & (array[np.minimum(starts, len(array) - 1)] == 13))
    first_lines = np.concatenate(([0], closing[:-1] + 1))
    _check_swallowed(block, starts, lengths, closing - first_lines, found)
    return (first_lines[~blank] + line, int(closing[-1]) + 1, block[int(ends[closing[-1]]) + 1 :])


def _check_swallowed(
    block: bytes, starts: np.ndarray, lengths: np.ndarray, further_lines: np.ndarray, found: Found
) -> None:
    separator, columns = found.dialect.separator.encode(), len(found.header)
    for position in np.flatnonzero(further_lines):
        record = block[starts[position] : starts[position] + lengths[position]]
        if looks_like_records(record.split(b"\n"), separator, columns):
            raise ValueError("a text looks like records")
