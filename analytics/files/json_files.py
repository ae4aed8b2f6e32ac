"""JSON lines and JSON arrays of objects, flattened to text."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from analytics.errors import BadInput
from analytics.files.documents import MOST_COLUMNS, BrokenRow, Document, Layout, check_broken, no_data, unique_header
from analytics.files.encodings import Utf8File
from analytics.files.parts import Parts, PartsDocument

MOST_CHARACTERS = 1 << 24  # of one object
READ = 1 << 22  # characters at a time


def looks_like_json(path: Path) -> bool:
    """Does the UTF-8 text begin as an object, or as an array of objects?"""
    with path.open("rb") as handle:
        head = handle.read(4096).removeprefix(b"\xef\xbb\xbf").split()
    start = b"".join(head)[:2]
    return start in (b'{"', b"{}", b"[{", b"[]")


def open_json(file: Path, text: Utf8File, staging: Path, *, name: str, member: str | None) -> Document:
    """The document of JSON lines or of an array of objects: nested objects become 'a.b', lists stay JSON text.

    The header is the union of all keys. Raises BadInput when an array breaks off or there is no row.
    """
    keys: dict[str, int] = {}
    parts, broken = Parts(staging), list[BrokenRow]()
    for line, value in _values(text.path, name):
        if not isinstance(value, dict):
            broken.append(BrokenRow(line, "unreadable_json", (value,) if isinstance(value, str) else ()))
            check_broken(broken, name)
            continue
        cells = _flat(value)
        parts.add(line, {keys.setdefault(key, len(keys)): cell for key, cell in cells.items()})
        if len(keys) > MOST_COLUMNS:
            break  # the document refuses itself: it is too wide
    parts.flush()
    if not parts.rows and broken:
        raise BadInput(
            "unreadable_json",
            "{file} is not JSON with one object for each row: export it as JSON lines or CSV.",
            file=name,
        )
    if not parts.rows or not keys:
        raise no_data(name)
    layout = Layout("jsonl", text.encoding, member=member)
    return PartsDocument(
        file,
        name,
        layout,
        header=unique_header(list(keys)),
        positions=list(keys.values()),
        parts=parts,
        broken=broken,
        replaced_characters=text.replaced_characters,
    )


def _values(path: Path, name: str) -> Iterator[tuple[int, Any]]:
    """Line and value of every object; the raw text in place of a value that is none."""
    with path.open(encoding="utf-8-sig", newline="\n") as handle:
        start = handle.read(READ).lstrip()[:1]
    return _array_values(path, name) if start == "[" else _line_values(path)


def _line_values(path: Path) -> Iterator[tuple[int, Any]]:
    with path.open(encoding="utf-8-sig", newline="\n") as handle:
        number = 0
        while line := handle.readline(MOST_CHARACTERS):
            number += 1
            if line.strip():
                value = _parsed(line)
                yield number, value if isinstance(value, dict) else line.strip()[:READ]


def _parsed(text: str) -> Any:
    try:
        return _DECODER.decode(text.strip())
    except (ValueError, RecursionError):
        return None


def _array_values(path: Path, name: str) -> Iterator[tuple[int, Any]]:
    """The values of one array, read piece by piece."""
    with path.open(encoding="utf-8-sig", newline="\n") as handle:
        buffer, line = handle.read(READ), 1
        position = buffer.index("[") + 1
        line += buffer.count("\n", 0, position)
        while True:
            before = position
            position = _skip(buffer, position)
            line += buffer.count("\n", before, position)
            if buffer[position : position + 1] == "]":
                return
            try:
                value, end = _DECODER.raw_decode(buffer, position)
            except (ValueError, RecursionError) as error:
                more = handle.read(READ)
                if not more or len(buffer) - position > MOST_CHARACTERS:
                    raise BadInput(
                        "truncated_file", "{file} is damaged or cut short: copy or export it again.", file=name
                    ) from error
                buffer, position = buffer[position:] + more, 0
                continue
            yield line, value
            line += buffer.count("\n", position, end)
            position = end


def _skip(buffer: str, position: int) -> int:
    while position < len(buffer) and buffer[position] in " \t\r\n,":
        position += 1
    return position


def _flat(value: dict[str, Any], before: str = "") -> dict[str, str]:
    """The object's cells that are not blank, by dotted name."""
    cells: dict[str, str] = {}
    for key, item in value.items():
        if isinstance(item, dict):
            cells |= _flat(item, f"{before}{key}.")
        elif isinstance(item, list):
            cells[before + key] = json.dumps(item, ensure_ascii=False)
        elif isinstance(item, bool):
            cells[before + key] = "true" if item else "false"
        elif item is not None and item.strip():
            cells[before + key] = item
    return cells


def _number(text: str) -> str:
    return text.removesuffix(".0")


# Numbers stay the text they are; Python's int() would refuse one of 5,000 digits.
_DECODER = json.JSONDecoder(parse_float=_number, parse_int=str, parse_constant=lambda name: None)
