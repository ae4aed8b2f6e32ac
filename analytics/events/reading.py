"""Events from a file: every row is taken or rejected with its line and reason."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from analytics.events.calendars import is_calendar, read_calendar
from analytics.events.tables import COLUMNS, NEEDED, checked_rows, in_order
from analytics.events.types import EventTypes, built_in_types
from analytics.small_tables import RawTable, check_columns, read_small_table, text_of


@dataclass(frozen=True)
class EventFile:
    """What a file or a table says. read = distinct events + repeated + rejected."""

    events: pd.DataFrame  # COLUMNS, one row for each id
    rejected: pd.DataFrame  # the columns as given, line, reason
    notices: list[dict]  # kind, value, rows
    given: tuple[str, ...]  # the columns that are there
    derived: frozenset[str]  # ids without a known_since of their own
    read: int
    repeated: int  # rows with the id of a later row


def read_events(
    path: Path, types: EventTypes | None = None, *, default_type: str = ""
) -> tuple[pd.DataFrame, pd.DataFrame, list[dict]]:
    """The events of a file (see `check_events`), its rejected rows (columns as given, line, reason), and notices.

    Any file that exports may be: CSV in any usual encoding and with any separator, XLSX, Parquet, JSON lines, zipped;
    and calendars (.ics), whose first category is the type. Rows without a type are of `default_type`. Of rows with the
    same id the last wins. Notices say what was not understood: `type`, `strength`, `repeated_id`, `column`,
    `known_since` (the rows that did not give it). Raises BadInput when the file cannot be read as a table or has no id,
    type or starts_on, or when there is no such `default_type`.
    """
    read = read_event_file(path, types, default_type)
    return read.events, read.rejected, read.notices


def read_event_file(path: Path, types: EventTypes | None = None, default_type: str = "") -> EventFile:
    """As read_events, with all that an import needs to know."""
    types = types or built_in_types()
    default_type = types.known(default_type) if default_type else ""
    if is_calendar(path):
        raw = read_calendar(path)
    else:
        raw = read_small_table(path, COLUMNS, tuple(name for name in NEEDED if name != "type" or not default_type))
    if default_type:
        kinds = raw.rows["type"] if "type" in raw.rows else pd.Series(None, index=raw.rows.index, dtype="object")
        raw.rows["type"] = text_of(kinds).replace("", default_type)
    return _taken(raw, types)


def event_table(table: pd.DataFrame, types: EventTypes | None = None) -> EventFile:
    """The same of a table that is in memory already; its rows count from 1."""
    check_columns(table.columns, NEEDED, "The table of events")
    given = tuple(name for name in COLUMNS if name in table)
    rows = table[list(given)].reset_index(drop=True)
    rows.insert(0, "line", range(1, len(rows) + 1))
    broken = pd.DataFrame(columns=["line", "reason"])
    return _taken(RawTable(rows, broken, given, []), types or built_in_types())


def _taken(raw: RawTable, types: EventTypes) -> EventFile:
    checked = checked_rows(raw.rows, types)
    good = checked.reasons.isna().to_numpy()
    rejected = raw.rows[~good].assign(reason=checked.reasons[~good].to_numpy())
    usable = checked.rows[good]
    repeated = usable["id"].duplicated(keep="last")
    events = usable[~repeated]
    derived = frozenset(events.loc[events["derived"], "id"])
    notices = [*checked.notices, *_repeats(usable["id"][repeated])]
    if derived:
        notices.append({"kind": "known_since", "value": "", "rows": len(derived)})
    notices += [{"kind": "column", "value": name, "rows": len(raw.rows)} for name in raw.left_out]
    return EventFile(
        events=in_order(events[list(COLUMNS)]),
        rejected=_all_rejected(rejected, raw.broken),
        notices=notices,
        given=raw.given,
        derived=derived,
        read=len(raw.rows) + len(raw.broken),
        repeated=int(repeated.sum()),
    )


def _all_rejected(rejected: pd.DataFrame, broken: pd.DataFrame) -> pd.DataFrame:
    whole = pd.concat([rejected, broken.reindex(columns=rejected.columns)]) if len(broken) else rejected
    order = [name for name in whole.columns if name not in ("line", "reason")]
    return whole[[*order, "line", "reason"]].sort_values("line", kind="stable", ignore_index=True)


def _repeats(ids: Collection[str]) -> list[dict]:
    counted = pd.Series(list(ids), dtype="object").value_counts()
    return [{"kind": "repeated_id", "value": str(name), "rows": int(rows)} for name, rows in counted.items()]
