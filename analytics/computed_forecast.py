"""The forecast of a selection that the ledger has no series of: computed now, on the selection's daily counts."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analytics.errors import BadInput
from analytics.filters import Filters
from analytics.forecast import Engine
from analytics.known_drivers import drivers_of_store
from analytics.ledger import FACTORS, HORIZON, factors
from analytics.loaded import unloaded
from analytics.panel import TOTAL, dense_panel
from analytics.queries import daily_counts, span
from analytics.store_almanac import almanac_of
from analytics.store_panel import HISTORY, SHORTEST

if TYPE_CHECKING:
    from analytics.store import Store


def computed(store: Store, filters: Filters, as_of: date) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The forecast of the total of a selection without a series of its own, and its factors (`ledger.FACTORS`).

    From a panel of its regions, or of one region's topics, with the calendar, the events and the weather of the store.
    Raises BadInput for a store of less than 14 days.
    """
    begun, _ = span(store, Filters(kinds=()))
    first = max(begun or as_of, as_of - timedelta(days=HISTORY - 1))
    if (as_of - first).days + 1 < SHORTEST:
        raise BadInput(
            "short_store",
            "A forecast needs {needed} days of history, the store has {days}; import older exports too.",
            needed=SHORTEST,
            days=(as_of - first).days + 1,
        )
    counts = _counts(store, filters, first, as_of)
    if counts.empty:
        return pd.DataFrame({"day": pd.to_datetime([])}), pd.DataFrame({"day": pd.to_datetime([])})
    panel = dense_panel(counts, as_of)
    lost = unloaded(store.query, panel.days)
    for region in lost.index:
        panel.counts[np.ix_(panel.series["region"] == region, lost.loc[region].to_numpy())] = np.nan
    almanac = almanac_of(store)
    places = {"regions": filters.regions, "municipalities": filters.municipalities}
    drivers = drivers_of_store(store, almanac, panel.days, **places)
    engine = Engine(panel, HORIZON, almanac=almanac, drivers=drivers)
    whole, parts = engine.forecast("all"), factors(engine.parts())
    whole, parts = (table[(table["region"] == TOTAL) & (table["topic"] == TOTAL)] for table in (whole, parts))
    return whole, parts[["day", *FACTORS]].reset_index(drop=True)


def _counts(store: Store, filters: Filters, first: date, last: date) -> pd.DataFrame:
    """day, region, topic, complaints: of the regions, of one region or of some topics by topic group.

    The names are those that events know, so that an event acts on what it names.
    """
    by_topic = len(filters.regions) == 1 or bool(filters.topic_groups or filters.topics)
    counts = daily_counts(store, replace(filters, first_day=first, last_day=last), by=("region", "topic_group"))
    table = counts.fillna({"region": "", "topic_group": ""})
    table["topic"] = table["topic_group"] if by_topic else ""
    return table.groupby(["day", "region", "topic"], as_index=False)["complaints"].sum()
