"""Damaged files of every format, more than two thousand of them: read or refused, never a crash, and no row lost."""

from __future__ import annotations

import gzip
import io
import json
import random
import shutil
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xlsxwriter

from analytics.errors import BadInput
from analytics.files import Document, Staged, open_documents

MUTATIONS = 150  # of each seed
HEADER = ["ID", "Дата создания", "Тема", "Текст"]
ROWS = [
    [f"ИНЦ-{number}", f"{number % 28 + 1:02}.03.2024 10:00", f"Тема {number % 5}", "вода" * (number % 9)]
    for number in range(60)
]


def _text(separator: str = ";", line_end: str = "\n") -> str:
    return line_end.join(separator.join(row) for row in [HEADER, *ROWS]) + line_end


def _quoted() -> str:
    rows = [[f'"{cell}"' for cell in row[:3]] + [f'"{row[3]}; ""да""\nи ещё"'] for row in ROWS]
    return "\n".join(";".join(row) for row in [HEADER, *rows]) + "\n"


def _workbook() -> bytes:
    target = io.BytesIO()
    with xlsxwriter.Workbook(target, {"in_memory": True}) as book:
        for name in ("Отчёт", "Ещё"):
            sheet = book.add_worksheet(name)
            for number, row in enumerate([["Обращения"], HEADER, *ROWS]):
                sheet.write_row(number, 0, row)
    return target.getvalue()


def _stored_workbook() -> bytes:
    """A workbook without compression, so that a mutation reaches the XML itself."""
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(_workbook())) as packed, zipfile.ZipFile(target, "w") as plain:
        for member in packed.namelist():
            plain.writestr(member, packed.read(member))
    return target.getvalue()


def _parquet() -> bytes:
    target = io.BytesIO()
    columns = dict(zip(HEADER, zip(*ROWS, strict=True), strict=True))
    pq.write_table(pa.table({**columns, "number": list(range(60)), "share": [0.5] * 60}), target, row_group_size=20)
    return target.getvalue()


def _json_lines() -> str:
    return "\n".join(json.dumps({"place": {"lat": 1.5}, **dict(zip(HEADER, row, strict=True))}) for row in ROWS)


def _zip() -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", _text())
        archive.writestr("b.jsonl", _json_lines())
    return target.getvalue()


SEEDS = {
    "csv": _text().encode(),
    "csv quoted": _quoted().encode(),
    "csv cp1251": _text(",", "\r\n").encode("cp1251"),
    "csv utf-16": _text("\t").encode("utf-16"),
    "xlsx": _workbook(),
    "xlsx stored": _stored_workbook(),
    "parquet": _parquet(),
    "json lines": _json_lines().encode(),
    "json array": json.dumps([dict(zip(HEADER, row, strict=True)) for row in ROWS], ensure_ascii=False).encode(),
    "gzip": gzip.compress(_text().encode()),
    "zip": _zip(),
    "gzip of parquet": gzip.compress(_parquet()),
}
MENDABLE = ("csv", "csv quoted", "csv cp1251", "csv utf-16", "json lines")
NASTY = [
    b'"',
    b";",
    b"\n",
    b"\r",
    b"\x00",
    b"\xff",
    b'"\n',
    b";;;;",
    b'"";"',
    b"\xd0",
    b"{",
    b"PK\x03\x04",
    b"\r\n\r\n",
]


def mutated(content: bytes, chance: random.Random) -> bytes:
    """The content with one to four injuries: flipped, inserted, deleted or doubled bytes, or its end cut off."""
    damaged = bytearray(content)
    for _ in range(chance.randint(1, 4)):
        place = chance.randrange(len(damaged) + 1)
        length = chance.randint(1, 200)
        kind = chance.randrange(6)
        if kind == 0:
            for _ in range(chance.randint(1, 8)):
                damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        elif kind == 1:
            damaged[place:place] = chance.choice(NASTY) * chance.randint(1, 3)
        elif kind == 2:
            damaged[place:place] = damaged[place : place + length]
        elif kind == 3:
            del damaged[place : place + length]
        elif kind == 4:
            damaged[place:place] = chance.randbytes(length)
        else:
            del damaged[max(1, place) :]
        if not damaged:
            break
    return bytes(damaged)


@pytest.mark.parametrize("seed", SEEDS)
def test_damaged_files_are_read_or_refused(seed: str, tmp_path: Path) -> None:
    chance = random.Random(f"forerunner {seed}")
    read = 0
    for number in range(MUTATIONS):
        folder = tmp_path / str(number)
        folder.mkdir()
        path = folder / "export.csv"
        path.write_bytes(mutated(SEEDS[seed], chance))
        read += _read_or_refused(path, folder, f"mutation {number}: {path.read_bytes()[:300]!r}")
    # Formats with checksums or offsets are refused once they are touched; lines of text are not.
    assert read >= MUTATIONS // 4 or seed not in MENDABLE


@pytest.mark.parametrize("seed", ["xlsx", "zip"])
def test_damaged_members_of_a_sound_archive_are_read_or_refused(seed: str, tmp_path: Path) -> None:
    chance = random.Random(f"forerunner members of {seed}")
    for number in range(MUTATIONS):
        folder = tmp_path / str(number)
        folder.mkdir()
        path = folder / "export.csv"
        with zipfile.ZipFile(io.BytesIO(SEEDS[seed])) as sound, zipfile.ZipFile(path, "w") as packed:
            hit = chance.choice(sound.namelist())
            for member in sound.namelist():
                content = sound.read(member)
                packed.writestr(member, mutated(content, chance) if member == hit else content)
        _read_or_refused(path, folder, f"mutation {number} of {hit}")


def _read_or_refused(path: Path, folder: Path, case: str) -> bool:
    try:
        _check(path, folder)
    except BadInput as error:
        assert "export.csv" in str(error), case
        assert "\n" not in str(error), case
        return False
    except BaseException as error:
        raise AssertionError(case) from error
    finally:
        shutil.rmtree(folder)
    return True


def _check(path: Path, folder: Path) -> None:
    for document in open_documents(path, folder):
        staged = document.stage(document.header)
        assert pq.read_metadata(staged.path).num_rows == staged.rows >= len(document.sample) > 0
        assert pq.read_schema(staged.path).names == document.header
        last = staged.lines([1, staged.rows])
        assert document.layout.header_line <= last[0] <= last[1]
        _check_count(path.read_bytes(), document, staged)


def _check_count(content: bytes, document: Document, staged: Staged) -> None:
    """Where records are plainly lines, every line that is not blank must be accounted for."""
    layout = document.layout
    if layout.member or layout.encoding not in ("utf-8", "cp1251") or b"\r" in content.replace(b"\r\n", b""):
        return
    lines = content.split(b"\n")
    if layout.format == "csv" and b'"' not in content and content[:2] != b"\x1f\x8b":
        assert staged.rows + len(staged.broken) == sum(1 for line in lines[layout.header_line :] if line.strip())
    if layout.format == "jsonl" and content.startswith(b"{"):
        assert staged.rows + len(staged.broken) == sum(1 for line in lines if line.strip())
