"""Events from a calendar file (.ics, RFC 5545), as rows of text like those of a CSV."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pandas as pd

from analytics.errors import BadInput
from analytics.files import check_file
from analytics.small_tables import RawTable

GIVEN = ("id", "type", "title", "starts_on", "ends_on", "cancelled")
DATE = re.compile(r"(\d{4})(\d{2})(\d{2})(T\d{6}Z?)?")
ESCAPES = {r"\n": " ", r"\N": " ", r"\,": ",", r"\;": ";", r"\\": "\\"}


def is_calendar(path: Path) -> bool:
    """Is it called a calendar?"""
    return Path(path).suffix.lower() in (".ics", ".ical", ".ifb")


def read_calendar(path: Path) -> RawTable:
    """The events of a calendar: UID, CATEGORIES (the first is the type), SUMMARY, DTSTART, DTEND, STATUS.

    Days are those that are written, whatever the time zone. An event that repeats is rejected (`recurring_event`): each
    of its days must be written out. Raises BadInput when the file is no calendar.
    """
    check_file(path)
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        text = ""
    if not text.lstrip().upper().startswith("BEGIN:VCALENDAR"):
        raise BadInput("not_a_calendar", "{file} is not a calendar file of RFC 5545.", file=Path(path).name)
    rows, broken = [], []
    for line, fields in _events(text):
        if "RRULE" in fields or "RDATE" in fields:
            broken.append((line, "recurring_event"))
        else:
            rows.append({"line": line, **_row(fields)})
    if not rows and not broken:
        raise BadInput("empty_calendar", "{file} has no event in it.", file=Path(path).name)
    table = pd.DataFrame(rows, columns=["line", *GIVEN]).astype("object")
    return RawTable(table, pd.DataFrame(broken, columns=["line", "reason"]), GIVEN, [])


def _events(text: str) -> Iterator[tuple[int, dict[str, tuple[str, str]]]]:
    """The line on which each VEVENT begins, and its properties: name -> (parameters, value)."""
    begun, depth = 0, 0
    fields: dict[str, tuple[str, str]] = {}
    for number, line in _unfolded(text):
        name, _, value = line.partition(":")
        name, _, parameters = name.partition(";")
        name, word = name.upper().strip(), value.strip().upper()
        if (name, word) == ("BEGIN", "VEVENT"):
            begun, depth, fields = number, 1, {}
        elif depth and name == "BEGIN":
            depth += 1  # an alarm within the event
        elif depth and name == "END":
            depth -= 1
            if depth == 0:
                yield begun, fields
        elif depth == 1:
            fields.setdefault(name, (parameters.upper(), value))


def _unfolded(text: str) -> Iterator[tuple[int, str]]:
    """Lines with their numbers; a line that begins with a blank goes on with the one before."""
    whole, first = "", 1
    for number, line in enumerate(text.splitlines(), start=1):
        if line[:1] in (" ", "\t"):
            whole += line[1:]
        else:
            yield first, whole
            whole, first = line, number
    yield first, whole


def _row(fields: dict[str, tuple[str, str]]) -> dict[str, str]:
    start, start_is_day = _day(*fields.get("DTSTART", ("", "")))
    end, end_is_day = _day(*fields.get("DTEND", ("", "")))
    if end_is_day and start_is_day and end > start:  # a whole-day event ends before the day that is named
        end = f"{datetime.strptime(end, '%Y-%m-%d') - timedelta(days=1):%Y-%m-%d}"
    words = {name: _plain(fields.get(name, ("", ""))[1]) for name in ("UID", "CATEGORIES", "SUMMARY", "STATUS")}
    return {
        "id": words["UID"],
        "type": words["CATEGORIES"].split(",")[0].strip(),
        "title": words["SUMMARY"],
        "starts_on": start,
        "ends_on": end,
        "cancelled": "true" if words["STATUS"].upper() == "CANCELLED" else "false",
    }


def _day(parameters: str, value: str) -> tuple[str, bool]:
    """The day as 2026-01-31 (else the value as it is), and whether it stands without a time."""
    found = DATE.fullmatch(value.strip())
    if not found:
        return value.strip(), False
    written = "-".join(found.group(1, 2, 3))
    try:
        datetime.strptime(written, "%Y-%m-%d")
    except ValueError:
        return value.strip(), False
    return written, found[4] is None or "VALUE=DATE" in parameters.split(";")


def _plain(value: str) -> str:
    return re.sub(r"\\[nN,;\\]", lambda found: ESCAPES[found[0]], value).strip()
