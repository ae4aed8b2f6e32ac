"""What a file is, by its content: a table we can read, an archive, or something else that is said by name."""

from __future__ import annotations

import lzma
import os
import re
import zipfile
import zlib
from pathlib import Path

from analytics.errors import BadInput
from analytics.files.documents import not_a_table

BLOCK = 1 << 20
PICTURES_AND_OTHERS = (
    (b"%PDF-", "PDF document"),
    (b"\x89PNG", "picture"),
    (b"\xff\xd8\xff", "picture"),
    (b"GIF87a", "picture"),
    (b"GIF89a", "picture"),
    (b"II*\x00", "picture"),
    (b"MM\x00*", "picture"),
    (b"\x7fELF", "program"),
    (b"SQLite format 3", "database"),
    (b"{\\rtf", "text document"),
    (b"ARROW1", "Arrow file"),
    (b"Obj\x01", "Avro file"),
)
OTHER_ARCHIVES = (
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"Rar!\x1a\x07", "rar"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"\x28\xb5\x2f\xfd", "zstandard"),
)
BZIP2 = re.compile(rb"BZh\d1AY&SY")
ZIP_STARTS = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
# What the libraries raise over an archive that was cut or changed.
DAMAGE = (EOFError, OSError, ValueError, LookupError, RuntimeError, zlib.error, lzma.LZMAError, zipfile.BadZipFile)
OLE_START = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def file_kind(path: Path, name: str) -> str:
    """gzip | zip | sheets | parquet | text, by content; raises BadInput for what cannot hold a table."""
    with path.open("rb") as handle:
        head = handle.read(4096)
    if not head.strip(b"\x00 \t\r\n") or head == b"\xef\xbb\xbf":
        _check_not_empty(path, name)
    if head.startswith(b"\x1f\x8b"):
        return "gzip"
    if head.startswith(ZIP_STARTS):
        return "sheets" if _is_workbook(path, name) else "zip"
    if head.startswith(OLE_START):
        _check_ole(path, name)
        return "sheets"
    if head.startswith((b"PAR1", b"PARE")):
        _check_parquet(path, head, name)
        return "parquet"
    _check_not_foreign(head, name)
    return "text"


def _check_not_empty(path: Path, name: str) -> None:
    with path.open("rb") as handle:
        while block := handle.read(BLOCK):
            if block.strip(b"\x00 \t\r\n\xef\xbb\xbf"):
                return
    raise empty(name)


def empty(name: str) -> BadInput:
    """There is nothing in the file, or nothing but blanks."""
    return BadInput("empty_file", "{file} is empty: export it again.", file=name)


def _check_not_foreign(head: bytes, name: str) -> None:
    for start, kind in PICTURES_AND_OTHERS:
        if head.startswith(start):
            raise not_a_table(name, kind)
    other = next((kind for start, kind in OTHER_ARCHIVES if head.startswith(start)), "")
    other = "tar" if head[257:262] == b"ustar" else "bzip2" if BZIP2.match(head) else other
    if other:
        raise BadInput(
            "unknown_archive", "{file} is a {kind} archive: unpack it, or pack it as zip.", file=name, kind=other
        )
    text = head.lstrip(b"\xef\xbb\xbf\xff\xfe").replace(b"\x00", b"").lstrip().lower()
    if re.match(rb"(<!--.*?-->\s*)*<(!doctype html|html|head|body|table|meta|script|div)\b", text, re.DOTALL):
        raise BadInput(
            "web_page",
            "{file} is a web page, not an export: often a log-in page saved in its place; export it again.",
            file=name,
        )
    if re.match(rb"<[a-z?!]", text):
        raise not_a_table(name, "XML file")


def encrypted(name: str) -> BadInput:
    """The file asks for a password."""
    return BadInput("encrypted_file", "{file} is protected by a password: save it without one.", file=name)


def _check_ole(path: Path, name: str) -> None:
    """Old Excel files and encrypted new ones are both OLE containers; stream names in them are UTF-16."""
    with path.open("rb") as handle:
        content = handle.read(256 * 1024**2)
    if "EncryptedPackage".encode("utf-16-le") in content:
        raise encrypted(name)
    if not any(stream.encode("utf-16-le") in content for stream in ("Workbook", "Book")):
        raise not_a_table(name, "document of another program")


def _check_parquet(path: Path, head: bytes, name: str) -> None:
    if head.startswith(b"PARE"):
        raise encrypted(name)
    with path.open("rb") as handle:
        handle.seek(-4, os.SEEK_END)
        if handle.read() != b"PAR1":
            raise truncated(name)


def truncated(name: str) -> BadInput:
    """The file does not end as it should, or its checksum says that it was changed on the way."""
    return BadInput("truncated_file", "{file} is damaged or cut short: copy or export it again.", file=name)


def open_zip(path: Path, name: str) -> zipfile.ZipFile:
    """The zip, its list of members read; raises BadInput when that is damaged or a member has a password."""
    try:
        archive = zipfile.ZipFile(path)
    except DAMAGE as error:
        raise truncated(name) from error
    if any(member.flag_bits & 0x1 for member in archive.infolist()):
        archive.close()
        raise encrypted(name)
    return archive


def _is_workbook(path: Path, name: str) -> bool:
    with open_zip(path, name) as archive:
        names = set(archive.namelist())
    if "[Content_Types].xml" in names and any(member.startswith(("word/", "ppt/", "visio/")) for member in names):
        raise not_a_table(name, "document of another program")
    return bool(names & {"xl/workbook.xml", "xl/workbook.bin", "content.xml"})
