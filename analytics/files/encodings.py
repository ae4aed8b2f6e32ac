"""The encoding of a text file, found by looking at all of its bytes, and the file as UTF-8."""

from __future__ import annotations

import codecs
import math
import re
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow as pa

from analytics.files.decoding import decode_in_parts
from analytics.files.documents import new_path, not_a_table

BLOCK = 1 << 18
LETTERS_FROM = 4  # blocks
HEAD = 1 << 16
REPLACEMENT = "\ufffd"
ONE_BYTE = ("cp1251", "cp1252", "cp866", "koi8-r")
NUMERO = b"\xb9"  # the sign № in cp1251, which stands in files without any Russian letter
MOST_BROKEN_SHARE = 0.05  # of the letters beyond ASCII; more broken ones and the file is not UTF-8
MOST_CONTROL_SHARE = 0.02  # of the first bytes; more of them and the file is no text
BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
CAPITAL_COST, SWAPPED_COST = 0.5, 3.0  # of log-likelihood
SWAPPED_CASE = re.compile("[а-яё][А-ЯЁ]")
# How often each letter stands in a thousand letters of Russian text.
RUSSIAN_LETTERS = dict(
    zip(
        "оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфъё",
        (110, 84, 80, 74, 67, 63, 55, 47, 45, 44, 35, 32, 30, 28, 26, 20, 19, 17, 17, 16, 16, 14, 12, 10, 9)
        + (7, 6, 5, 4, 3, 3, 1, 1),
        strict=True,
    )
)


@dataclass(frozen=True)
class Utf8File:
    """A text file as UTF-8: the file itself, or its copy in the staging folder."""

    path: Path
    encoding: str
    """What the original is written in."""
    newlines: int
    has_quotes: bool
    replaced_characters: int


@dataclass
class _Counts:
    newlines: int = 0
    has_quotes: bool = False
    has_returns: bool = False
    has_nulls: bool = False

    def add(self, block: bytes | memoryview) -> None:
        array = np.frombuffer(block, np.uint8)
        self.newlines += int(np.count_nonzero(array == 10))
        self.has_quotes = self.has_quotes or bool((array == 34).any())
        self.has_returns = self.has_returns or bool((array == 13).any())
        self.has_nulls = self.has_nulls or not array.all()

    def merge(self, other: _Counts) -> None:
        self.newlines += other.newlines
        self.has_quotes |= other.has_quotes
        self.has_returns |= other.has_returns
        self.has_nulls |= other.has_nulls


def as_utf8(path: Path, staging: Path, *, name: str) -> Utf8File:
    """The file as UTF-8 with line feeds; raises BadInput when it is no text.

    A UTF-8 file is used as it is. Bytes that its encoding does not know become U+FFFD and are counted; so do NULs.
    """
    with path.open("rb") as handle:
        head = handle.read(HEAD)
    encoding = _marked(head) or _unmarked_utf16(head)
    if encoding is None:
        _check_text(head, name)
    if encoding in (None, "utf-8-sig"):
        counts, broken = _scan(path)
        if broken == 0 and not counts.has_nulls and not (counts.has_returns and _lines_end_with_returns(path)):
            return Utf8File(path, encoding or "utf-8", counts.newlines, counts.has_quotes, 0)
        if broken is None and encoding is None:
            encoding = _one_byte_encoding(path)
    return _transcode(path, new_path(staging, ".utf8"), encoding or "utf-8")


def _marked(head: bytes) -> str | None:
    return next((encoding for mark, encoding in BYTE_ORDER_MARKS if head.startswith(mark)), None)


def _unmarked_utf16(head: bytes) -> str | None:
    """UTF-16 shows itself by NULs on one side of its separators, digits and line ends."""
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if max(even, odd) < max(2, len(head) // 100) or min(even, odd) * 4 > max(even, odd):
        return None
    encoding = "utf-16-le" if odd > even else "utf-16-be"
    return encoding if any(end in head.decode(encoding, "replace") for end in "\n\r") else None


def _check_text(head: bytes, name: str) -> None:
    control = len(head.translate(None, bytes(set(range(256)) - set(range(32)) | {9, 10, 11, 12, 13})))
    if control > max(1, MOST_CONTROL_SHARE * len(head)):
        raise not_a_table(name, "binary file")


def blocks(path: Path, start: int = 0, stop: int | None = None) -> Iterator[memoryview]:
    """The file from `start` to `stop` in blocks, each ending with a line feed where there are any.

    A block is good until the next one: they share their memory, as fresh memory costs more than looking at it.
    """
    buffer = bytearray(BLOCK)
    view, kept = memoryview(buffer), 0
    with path.open("rb", buffering=0) as handle:
        handle.seek(start)
        left = (path.stat().st_size if stop is None else stop) - start
        while count := handle.readinto(view[kept : kept + left]):
            left -= count
            filled = kept + count
            cut = _cut(buffer, filled) if left else filled
            yield view[:cut]
            kept = filled - cut
            buffer[:kept] = buffer[cut:filled]


def _cut(buffer: bytearray, filled: int) -> int:
    """After the last line feed, else before a character that may go on in the next block."""
    cut = buffer.rfind(b"\n", 0, filled) + 1
    if cut:
        return cut
    whole = next((end for end in range(filled, filled - 4, -1) if buffer[end - 1] < 0x80), filled)
    return max(whole, 1)


def _scan(path: Path) -> tuple[_Counts, int | None]:
    """Count the file and its broken characters as UTF-8; None: it is not UTF-8. Two threads, a half each."""
    size = path.stat().st_size
    with path.open("rb") as handle:
        handle.seek(size // 2)
        line = handle.readline(BLOCK)
    middle = size // 2 + len(line) if line.endswith(b"\n") else size
    with ThreadPoolExecutor(2) as pool:
        halves = list(pool.map(_scan_part, (path, path), (0, middle), (middle, size)))
    (counts, broken), (other_counts, other_broken) = halves
    counts.merge(other_counts)
    return counts, None if broken is None or other_broken is None else broken + other_broken


def _scan_part(path: Path, start: int, stop: int) -> tuple[_Counts, int | None]:
    counts, broken, wide = _Counts(), 0, 0
    for block in blocks(path, start, stop):
        counts.add(block)
        block_broken, block_wide = _look_at(block)
        broken, wide = broken + block_broken, wide + block_wide
        if block_broken and broken > MOST_BROKEN_SHARE * (broken + wide):
            return counts, None
    return counts, broken


def _look_at(block: memoryview) -> tuple[int, int]:
    """How many characters are broken, and about how many beyond ASCII are whole."""
    if not _is_utf8(block):
        return _broken_characters(bytes(block))
    return 0, 0 if bytes(block).isascii() else len(block) // 2


def _is_utf8(block: memoryview) -> bool:
    """Arrow checks three times as fast as `bytes.decode`, and beside other threads."""
    offsets = pa.py_buffer(np.array([0, len(block)], dtype=np.int64))
    try:
        pa.Array.from_buffers(pa.large_string(), 1, [None, offsets, pa.py_buffer(block)]).validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _broken_characters(block: bytes) -> tuple[int, int]:
    """How many characters are broken, and how many beyond ASCII are whole."""
    text = block.decode("utf-8", "replace")
    broken = text.count("\ufffd") - block.count(b"\xef\xbf\xbd")
    return broken, len(text) - broken - len(text.encode("ascii", "ignore"))


def _one_byte_encoding(path: Path) -> str:
    """cp1251, cp1252, cp866 or koi8-r, by the letters of the first blocks that hold any."""
    high = (bytes(block) for block in blocks(path) if not bytes(block).isascii())
    text = b" ".join(b"".join(islice(high, LETTERS_FROM)).translate(None, bytes(range(0x30, 0x40))).split())
    array = np.frombuffer(text, np.uint8) >= 0x80
    joined = int(np.count_nonzero(array[1:] & array[:-1]))
    if not joined and NUMERO in text:
        return "cp1251"
    # Cyrillic letters stand side by side, the accented ones of western languages alone among plain ones.
    if joined < 0.4 * int(np.count_nonzero(array)):
        return "cp1252"
    return max(("cp1251", "cp866", "koi8-r"), key=lambda encoding: _russian_likeness(text.decode(encoding, "replace")))


def _russian_likeness(text: str) -> float:
    """Log-likelihood of the signs beyond ASCII as Russian text; a capital after a small letter is a bad sign."""
    total = 0.0
    for sign, count in Counter(text).items():
        if sign >= "\x80":
            total += count * math.log(RUSSIAN_LETTERS.get(sign.lower(), 0.05) / 1000)
            total -= count * CAPITAL_COST * sign.isupper()
    return total - SWAPPED_COST * len(SWAPPED_CASE.findall(text))


def _transcode(path: Path, target: Path, encoding: str) -> Utf8File:
    counts, replaced = _decoded_in_parts(path, target, encoding) or _decoded(path, target, encoding)
    if counts.has_returns and _lines_end_with_returns(target):
        counts.newlines += _end_lines(target)
    return Utf8File(target, encoding, counts.newlines, counts.has_quotes, max(0, replaced))


def _decoded_in_parts(path: Path, target: Path, encoding: str) -> tuple[_Counts, int] | None:
    if encoding not in ONE_BYTE:
        return None
    found = decode_in_parts(path, target, encoding)
    if found is None:
        return None
    return _Counts(found["newlines"], bool(found["quotes"]), bool(found["returns"])), found["replaced"]


def _decoded(path: Path, target: Path, encoding: str) -> tuple[_Counts, int]:
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    counts, replaced, last = _Counts(), 0, False
    with path.open("rb", buffering=0) as source, target.open("wb", buffering=0) as out:
        while not last:
            block = source.read(BLOCK)
            last = not block
            text = decoder.decode(block, last)
            if b"\0" in block:
                text = text.replace("\0", REPLACEMENT)
            utf8 = text.encode("utf-8", "replace")
            if b"\xef" in utf8:
                replaced += text.count(REPLACEMENT) - (block.count(REPLACEMENT.encode()) if "utf-8" in encoding else 0)
            counts.add(utf8)
            out.write(utf8)
    return counts, replaced


def _lines_end_with_returns(path: Path) -> bool:
    """Is it the way of old Macs? Line feeds may still stand in its quoted texts."""
    with path.open("rb") as handle:
        head = handle.read(HEAD)
    return head.count(b"\r") - head.count(b"\r\n") > head.count(b"\n")


def _end_lines(path: Path) -> int:
    """Turn carriage returns into line feeds in place; how many."""
    changed = 0
    with path.open("r+b", buffering=0) as handle:
        while block := handle.read(BLOCK):
            changed += block.count(b"\r")
            handle.seek(-len(block), 1)
            handle.write(block.replace(b"\r", b"\n"))
    return changed
