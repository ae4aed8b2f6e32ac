"""The tiles of places with outlines of their own: computed once by refresh, kept in the store by what they rest on."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

import duckdb
import pandas as pd

from analytics.layout import Places, computed_grid, places_of
from analytics.own_geometry import own_geometry

if TYPE_CHECKING:
    from analytics.store import Store

QUESTION = "tile_grid"
METHOD = "1"  # raise it whenever a grid would come out otherwise
KEPT = "select content from kept_answers where question = $question and about = $about and state = $state"


def grid_of(store: Store) -> Callable[[Places], pd.DataFrame]:
    """Where a layout gets its grid from: as it is kept, else computed now."""

    def found(places: Places) -> pd.DataFrame:
        kept = store.query(KEPT, question=QUESTION, about=_about(places), state=METHOD)
        return computed_grid(places) if kept.empty else pd.read_parquet(io.BytesIO(bytes(kept["content"].iloc[0])))

    return found


def keep_tiles(store: Store, *, now: datetime) -> int:
    """Compute the grids of the regions and of each region's municipalities that are not kept; answers how many.

    Grids of outlines or places that are no more are forgotten. `now` is UTC.
    """
    wanted = {_about(places): places for places in _wanted(store)}
    known = set(
        store.query("select about from kept_answers where question = $it and state = $m", it=QUESTION, m=METHOD)[
            "about"
        ]
    )
    missing = {about: places for about, places in wanted.items() if about not in known}
    if not missing and known <= set(wanted):
        return 0
    rows = [
        (QUESTION, about, METHOD, now, computed_grid(places).to_parquet(index=False))
        for about, places in missing.items()
    ]
    table = pd.DataFrame(rows, columns=["question", "about", "state", "kept_at", "content"])

    def work(cursor: duckdb.DuckDBPyConnection) -> int:
        cursor.execute(
            "delete from kept_answers where question = $it and not (state = $m and list_contains($wanted, about))",
            {"it": QUESTION, "m": METHOD, "wanted": list(wanted)},
        )
        if rows:
            cursor.register("grids_to_keep", table)
            cursor.execute("insert into kept_answers by name select * from grids_to_keep")
            cursor.unregister("grids_to_keep")
        return len(rows)

    return store.write(work)


def _wanted(store: Store) -> list[Places]:
    """The regions together, and the municipalities of each region, as far as they have outlines of their own."""
    places = store.query(
        """
        select meaning, parent, value from choices where meaning in ('region', 'municipality') and value <> ''
        group by all having sum(complaints) > 0 order by all
        """
    )
    found = []
    regions = own_geometry(store, "region")
    if regions is not None:
        found.append(places_of(regions, places.loc[places["meaning"] == "region", "value"]))
    for region, rows in places[(places["meaning"] == "municipality") & (places["parent"] != "")].groupby("parent"):
        towns = own_geometry(store, "municipality", (str(region),))
        if towns is not None:
            found.append(places_of(towns, rows["value"]))
    return [one for one in found if one.names]


def _about(places: Places) -> str:
    """A print of all that a grid is computed from."""
    told = json.dumps([places.names, places.neighbours], ensure_ascii=False).encode()
    return hashlib.sha256(told + places.centres).hexdigest()
