"""The grounds of rehearsals in the store: laid by refresh, read by the dashboard."""

from __future__ import annotations

import io
import json
from datetime import date, datetime
from typing import TYPE_CHECKING

import duckdb
import numpy as np
import pandas as pd

from analytics.almanac import Almanac
from analytics.drivers import Drivers
from analytics.forecast import VERSION
from analytics.grounds import Grounds, Report, lay_grounds
from analytics.known_drivers import with_towns
from analytics.packing import packed, unpacked
from analytics.panel import Panel

if TYPE_CHECKING:
    from analytics.store import Store

KEPT = f"{VERSION}/2"  # of the method, and of how its grounds are kept
ARRAYS = (
    *("log_mean", "effects", "kept", "topic", "weather_doubt", "dispersion", "calibration"),
    *("threshold", "slope", "offset"),
)
HALVED = ("log_mean", "weather_doubt", "offset")  # kept in half precision: 0.1 % of a mean
TABLES = ("series", "events", "profiles", "cases", "shares")


def keep_grounds(
    store: Store,
    panel: Panel,
    drivers: Drivers,
    almanac: Almanac,
    *,
    state: int,
    now: datetime,
    report: Report | None = None,
) -> bool:
    """Lay the grounds of the panel's last day and put them in the place of older ones; False where they are there.

    They are laid anew after an import, an undo, a change of names or of the calendar, or of what is known of events
    before the origin. `state`: of the data that the panel was read from, see `data_state`; `now` is UTC.
    """
    origin = panel.days[-1].date()
    version = f"{KEPT} {almanac.version} data {state}"
    if _are_there(store, panel.days[-1], version):
        return False
    grounds = lay_grounds(panel, with_towns(store, drivers, almanac, origin), almanac, report)
    parts = {"arrays": _packed(grounds), **{name: _parquet(getattr(grounds, name)) for name in TABLES}}

    def work(cursor: duckdb.DuckDBPyConnection) -> bool:
        cursor.execute("delete from rehearsal_grounds")
        for name, content in parts.items():
            cursor.execute(
                "insert into rehearsal_grounds values ($origin, $now, $version, $part, $content)",
                {"origin": origin, "now": now, "version": version, "part": name, "content": content},
            )
        return True

    return store.write(work)


def read_grounds(store: Store) -> Grounds | None:
    """The grounds that are kept; None where none are, or those of another version of the method."""
    found = store.query(
        "select origin, part, content from rehearsal_grounds where split_part(version, ' ', 1) = $version",
        version=KEPT,
    )
    if found.empty:
        return None
    parts = {str(row.part): bytes(row.content) for row in found.itertuples(index=False)}
    try:
        return _unpacked(found["origin"].iloc[0].date(), parts)
    except (KeyError, TypeError):  # kept by another state of the method: they are laid anew
        return None


def _unpacked(origin: date, parts: dict[str, bytes]) -> Grounds:
    tables = {name: pd.read_parquet(io.BytesIO(parts[name])) for name in TABLES}
    with np.load(io.BytesIO(parts["arrays"]), allow_pickle=False) as arrays:
        values = {name: arrays[name] for name in ARRAYS}
        kinds = tuple(json.loads(str(arrays["kinds"])))
        learned = unpacked(str(arrays["learned"]), arrays["numbers"])
    for name in HALVED:
        values[name] = values[name].astype(np.float32)
    return Grounds(origin=origin, kinds=kinds, event_effects=learned, **values, **tables)


def _are_there(store: Store, origin: pd.Timestamp, version: str) -> bool:
    """Are there grounds of this origin and version, newer than any change of past events?"""
    found = store.query(
        """
        with changed as (select max(changed_at) as at from events where starts_on <= $origin::date)
        select count(*) as parts from rehearsal_grounds, changed
        where origin = $origin::date and version = $version and (made_at < changed.at) is not true
        """,
        origin=origin.date(),
        version=version,
    )
    return int(found["parts"].iloc[0]) == len(TABLES) + 1


def _packed(grounds: Grounds) -> bytes:
    arrays = {name: getattr(grounds, name) for name in ARRAYS}
    arrays |= {name: arrays[name].astype(np.float16) for name in HALVED}
    target = io.BytesIO()
    learned, numbers = packed(grounds.event_effects)
    words = {"kinds": np.array(json.dumps(grounds.kinds)), "learned": np.array(learned), "numbers": numbers}
    np.savez_compressed(target, allow_pickle=False, **words, **arrays)
    return target.getvalue()


def _parquet(table: pd.DataFrame) -> bytes:
    target = io.BytesIO()
    table.to_parquet(target, index=False)
    return target.getvalue()
