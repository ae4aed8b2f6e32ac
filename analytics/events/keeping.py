"""Events in the store: import, list, add, cancel."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd

from analytics.errors import BadInput
from analytics.events.reading import EventFile, event_table, read_event_file
from analytics.events.tables import COLUMNS, check_events, checked_rows
from analytics.events.types import EventTypes, event_types
from analytics.given_names import named_places
from analytics.small_tables import several
from analytics.store import Store

TEXTS = ("type", "title", "region", "municipality", "topic", "source")
REJECTS_TOLD = 20


@dataclass(frozen=True)
class EventImport:
    """What came of one file or table: read = new + updated + unchanged + rejected."""

    file: str
    read: int
    new: int
    updated: int
    unchanged: int  # rows with the id of a later row of the same file included
    rejected: int
    notices: list[dict]  # kind, value, rows
    rejects: list[dict]  # the first rejected rows: line, reason
    seconds: float


@dataclass(frozen=True)
class EventPreview:
    """What importing a file would do."""

    file: str
    events: pd.DataFrame  # COLUMNS and state: new, updated, unchanged
    rejected: pd.DataFrame  # the columns as given, line, reason
    notices: list[dict]  # kind, value, rows


def import_events(store: Store, source: Path | pd.DataFrame, *, now: datetime, default_type: str = "") -> EventImport:
    """Put the events of a file or a table into the store, by id; the same again changes nothing.

    `now` is UTC; rows of a file without a type are of `default_type`. A column that is not there leaves what is stored.
    `known_since` that is not given stays as it is stored, also when the event has moved; of a new event it is its first
    day less the type's `known_before`, but not later than the day of `now`, for then it is known. Raises BadInput for
    what cannot be read.
    """
    types = event_types(store.settings)
    started = time.monotonic()
    if isinstance(source, pd.DataFrame):
        read = event_table(source, types)
    else:
        read = read_event_file(Path(source), types, default_type)
    events, notices = named_places(store, read.events)
    new, updated = store.write(lambda cursor: keep_events(cursor, read, events, now=now))
    told = read.rejected[["line", "reason"]].head(REJECTS_TOLD)
    return EventImport(
        file="" if isinstance(source, pd.DataFrame) else Path(source).name,
        read=read.read,
        new=new,
        updated=updated,
        unchanged=len(events) + read.repeated - new - updated,
        rejected=len(read.rejected),
        notices=read.notices + notices,
        rejects=[{"line": int(row.line), "reason": str(row.reason)} for row in told.itertuples()],
        seconds=round(time.monotonic() - started, 2),
    )


def keep_events(
    cursor: duckdb.DuckDBPyConnection, read: EventFile, events: pd.DataFrame, *, now: datetime
) -> tuple[int, int]:
    """Inside a transaction: how many events are new and how many have changed."""
    fresh, changed = _compared(lambda sql, **values: cursor.execute(sql, values).df(), read, events, now=now)
    _put(cursor, pd.concat([fresh, changed]) if len(changed) else fresh, replaced=changed, now=now)
    return len(fresh), len(changed)


def preview_events(store: Store, source: Path, *, now: datetime, default_type: str = "") -> EventPreview:
    """What importing the file would do; nothing is stored. Raises BadInput as `import_events` does."""
    read = read_event_file(Path(source), event_types(store.settings), default_type)
    events, notices = named_places(store, read.events)
    fresh, changed = _compared(store.query, read, events, now=now)
    states = events["id"].map({**dict.fromkeys(fresh["id"], "new"), **dict.fromkeys(changed["id"], "updated")})
    return EventPreview(
        Path(source).name, events.assign(state=states.fillna("unchanged")), read.rejected, read.notices + notices
    )


def _compared(
    query: Callable[..., pd.DataFrame], read: EventFile, events: pd.DataFrame, *, now: datetime
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The events that are new, and those that change one that is stored, both as they would be stored."""
    arrived = events.set_index("id", drop=False)
    stored = _typed(query("select * from events where id in (select unnest($ids))", ids=arrived["id"].tolist()))
    stored = stored.set_index("id", drop=False)[list(COLUMNS)]
    fresh = arrived[~arrived.index.isin(stored.index)].copy()
    unsaid = fresh.index.isin(read.derived)
    fresh.loc[unsaid, "known_since"] = fresh.loc[unsaid, "known_since"].clip(upper=pd.Timestamp(now.date()))
    met = arrived.loc[arrived.index.isin(stored.index)].copy()
    before = stored.loc[met.index]
    for name in COLUMNS:
        if name not in (*read.given, "ends_on", "title"):
            met[name] = before[name]
    if "ends_on" not in read.given:  # a moved event lasts as long as before
        met["ends_on"] = met["starts_on"] + (before["ends_on"] - before["starts_on"])
    if "title" not in read.given:
        met["title"] = before["title"]
    unsaid = met.index.isin(read.derived)
    met.loc[unsaid, "known_since"] = before.loc[unsaid, "known_since"]
    return fresh, met[_differ(met, before)]


def list_events(
    store: Store,
    *,
    first_day: date | None = None,
    last_day: date | None = None,
    types: Sequence[str] = (),
    regions: Sequence[str] = (),
) -> pd.DataFrame:
    """The stored events (cancelled ones too) that touch these days, of these types or below, in these regions.

    Columns as of `check_events`, ordered by first day and id. An event of all regions is in each of them. Raises
    BadInput for a type that neither the tree nor any stored event has.
    """
    found = _typed(
        store.query(
            """
            select * exclude (changed_at) from events
            where ($first::date is null or ends_on >= $first) and ($last::date is null or starts_on <= $last)
            order by starts_on, id
            """,
            first=first_day,
            last=last_day,
        )
    )
    if types:
        tree = event_types(store.settings)
        stored = set(store.query("select distinct type from events")["type"])
        names = [name if name in stored else tree.known(name) for name in types]
        below = [any(f"{kind}.".startswith(f"{name}.") for name in names) for kind in found["type"]]
        found = found[np.array(below, dtype=bool)]
    if regions:
        inside = [not cell or not set(several(cell)).isdisjoint(regions) for cell in found["region"]]
        found = found[np.array(inside, dtype=bool)]
    return found.reset_index(drop=True)


def add_event(
    store: Store,
    *,
    type: str,
    title: str = "",
    starts_on: date,
    now: datetime,
    id: str | None = None,
    **others: Any,
) -> tuple[str, list[dict]]:
    """Put one event into the store: its id, and notices as of an import. `others` are further columns.

    An id is made of the type and the first day unless given. Raises BadInput when the id is taken, there is no such
    type (unlike a file, whose types are kept as they come: a hand slips) or a value cannot be.
    """
    tree = event_types(store.settings)
    type = tree.known(type)
    taken = set(store.query("select id from events")["id"])
    if id is not None and id in taken:
        raise BadInput("event_exists", "There is an event {id} already; import a file to change it.", id=id)
    plain = f"{type}-{starts_on:%Y-%m-%d}"
    made = id or next(
        name for number in range(1, len(taken) + 2) for name in [_numbered(plain, number)] if name not in taken
    )
    values = {"id": made, "type": type, "title": title, "starts_on": starts_on, **others}
    table = pd.DataFrame([{name: value for name, value in values.items() if value is not None}])
    check_events(table, tree)  # says what is wrong
    result = import_events(store, table, now=now)
    return made, [notice for notice in result.notices if notice["kind"] != "known_since"]


def change_event(store: Store, event_id: str, *, before: Mapping[str, Any], now: datetime, **values: Any) -> None:
    """Store an event anew, with these values in the place of those `before`; what follows from a rule becomes stored.

    `known_since` stays. Raises BadInput for what cannot be.
    """
    whole = {name: before[name] for name in COLUMNS if name in before} | values | {"id": event_id}
    whole["unit"] = whole.get("unit") if whole.get("strength") is not None else ""
    table = pd.DataFrame([whole])[[name for name in COLUMNS if name in whole]]
    check_events(table, event_types(store.settings))  # says what is wrong
    import_events(store, table, now=now)


def event_problem(values: Mapping[str, Any], types: EventTypes) -> str | None:
    """Why these values cannot be an event, as in the reasons of rejected rows; None: they can."""
    found = checked_rows(pd.DataFrame([{"id": "new", **values}]), types).reasons.iloc[0]
    return None if pd.isna(found) else str(found)


def cancel_event(store: Store, event_id: str, *, now: datetime) -> str:
    """Mark an event as cancelled: it stays in the list and counts no more. Its title; BadInput when there is none."""

    def work(cursor: duckdb.DuckDBPyConnection) -> str:
        found = cursor.execute("select title, cancelled from events where id = $id", {"id": event_id}).fetchone()
        if found is None:
            raise BadInput("no_event", "There is no event {id}; see events list.", id=event_id)
        if not found[1]:
            cursor.execute(
                "update events set cancelled = true, changed_at = $now where id = $id", {"id": event_id, "now": now}
            )
        return str(found[0])

    return store.write(work)


def _put(cursor: duckdb.DuckDBPyConnection, rows: pd.DataFrame, *, replaced: pd.DataFrame, now: datetime) -> None:
    """Write rows; those whose id is in `replaced` are taken out before."""
    if rows.empty:
        return
    cursor.register("arriving_events", rows.reset_index(drop=True).assign(changed_at=pd.Timestamp(now)))
    if len(replaced):
        cursor.execute("delete from events where id in (select id from arriving_events)")
    cursor.execute(
        """
        insert into events by name
        select * replace (starts_on::date as starts_on, ends_on::date as ends_on, known_since::date as known_since,
          case when isnan(strength) then null else strength end as strength, nullif(unit, '') as unit)
        from arriving_events
        """
    )
    cursor.unregister("arriving_events")


def _typed(events: pd.DataFrame) -> pd.DataFrame:
    """The stored rows in the types of `check_events`."""
    for name in ("starts_on", "ends_on", "known_since"):
        events[name] = events[name].astype("datetime64[us]")
    for name in ("id", *TEXTS, "unit"):
        events[name] = events[name].astype(object).where(events[name].notna(), "")
    events["strength"] = events["strength"].astype(float)
    return events.astype({"cancelled": bool})


def _differ(ours: pd.DataFrame, theirs: pd.DataFrame) -> pd.Series:
    """Which rows differ in any column; missing equals missing."""
    same = pd.Series(True, index=ours.index)
    for name in COLUMNS:
        same &= (ours[name] == theirs[name]) | (ours[name].isna() & theirs[name].isna())
    return ~same


def _numbered(name: str, number: int) -> str:
    return name if number == 1 else f"{name}-{number}"
