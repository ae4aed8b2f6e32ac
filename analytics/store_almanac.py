"""The calendar of a store's country, with the days off that the reader gave."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from analytics.almanac import Almanac

if TYPE_CHECKING:
    from analytics.store import Store

RUSSIAN = 0.5  # share of a store's regions in the Russian reference list from which its calendar is Russia's


def almanac_of(store: Store) -> Almanac:
    """The calendar of the setting `country`; without it Russia's where most regions are Russian, else none.

    With the days off that the reader gave.
    """
    settings = store.settings
    own = store.query("select day, name, region from own_days order by all")
    days = own if len(own) else None
    if settings.country:
        return Almanac(settings.country, settings.subdivision or None, days)
    share = store.query(
        """
        select avg((region in (select region from regions where code is not null))::int) as share
        from (select distinct region from coverage)
        """
    )["share"].iloc[0]
    return Almanac("RU" if pd.notna(share) and share >= RUSSIAN else None, days=days)
