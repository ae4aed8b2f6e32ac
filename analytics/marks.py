"""What stands in the calendar of a selection: days off and known events, as marks on a chart over time."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import holidays
import numpy as np
import pandas as pd

from analytics.almanac import Almanac
from analytics.events import event_types, rule_events
from analytics.filters import Filters
from analytics.small_tables import several
from analytics.store_almanac import almanac_of

if TYPE_CHECKING:
    from analytics.store import Store

COLUMNS = [
    "first_day",
    "last_day",
    "kind",
    "title_ru",
    "title_en",
    "places",
    "strength",
    "unit",
    "type",
    "ids",
    "regions",
]
LANGUAGES = {"title_ru": "ru", "title_en": "en_US"}  # as `holidays` calls them; it falls back on the country's own
FEWEST_SHARE = 0.1  # of the regions looked at: an event in fewer of them is not seen in their sum
FEW_REGIONS = 3  # of so few every event is told


def marks(store: Store, filters: Filters, first: date, last: date, known_on: date) -> pd.DataFrame:
    """Days off and events known by `known_on` between two days that act on the selection, in order: COLUMNS.

    kind: 'holiday' or 'event'; places: regions that the events name together (0: everywhere), those of one type that
    begin on one day being one mark; strength: their mean, nan where none is given; type, ids and regions of the events,
    several by |. A sum over many regions shows what a tenth of them have in common.
    """
    almanac = almanac_of(store)
    found = [*_days_off(almanac, first, last), *_events(store, filters, almanac, (first, last), known_on)]
    return pd.DataFrame(found, columns=COLUMNS).sort_values(["first_day", "kind", "title_ru"], ignore_index=True)


def _days_off(almanac: Almanac, first: date, last: date) -> list[tuple[object, ...]]:
    """The public holidays by name: of one name that follow each other one mark; transferred days off are not told."""
    if almanac.country is None:
        return []
    years = list(range(first.year, last.year + 1))
    named = {
        title: holidays.country_holidays(
            almanac.country, subdiv=almanac.subdivision, years=years, language=language, categories="public"
        )
        for title, language in LANGUAGES.items()
    }
    found: list[list[object]] = []
    for day in sorted(day for day in named["title_ru"] if first <= day <= last):
        titles = [named[title].get(day) or "" for title in LANGUAGES]
        if found and found[-1][3:5] == titles and (day - found[-1][1]).days == 1:  # type: ignore[operator]
            found[-1][1] = day
        else:
            found.append([day, day, "holiday", *titles, 0, float("nan"), "", "", "", ""])
    return [tuple(row) for row in found]


def _events(
    store: Store, filters: Filters, almanac: Almanac, days: tuple[date, date], known_on: date
) -> list[tuple[object, ...]]:
    types = event_types(store.settings)
    first, last = days
    own = store.query(
        """
        select id, type, starts_on, ends_on, coalesce(region, '') as region, coalesce(municipality, '') as municipality,
          coalesce(topic, '') as topic, strength, coalesce(unit, '') as unit
        from events where not cancelled and known_since <= $known_on and starts_on <= $last and ends_on >= $first
        """,
        known_on=known_on,
        first=first,
        last=last,
    )
    rules = rule_events(range(first.year, last.year + 1), country=almanac.country, types=types)
    told = set(own["type"])
    rules = rules[
        (rules["starts_on"] <= pd.Timestamp(last))
        & (rules["ends_on"] >= pd.Timestamp(first))
        & (rules["known_since"] <= pd.Timestamp(known_on))
        & ~rules["type"].isin(told)
    ]
    table = pd.concat([own, rules[list(own)]], ignore_index=True)
    table = table[np.array([_acts(row, filters) for row in table.to_dict("records")], dtype=bool)]
    every = store.query("select count(distinct region) as n from coverage")["n"].iloc[0]
    looked_at = len(filters.regions) or int(every)
    found: list[tuple[object, ...]] = []
    for (kind, day), part in table.groupby(["type", "starts_on"], sort=True):
        named = [set(several(cell)) for cell in part["region"]]
        places = set().union(*named) if all(named) else set()
        places &= set(filters.regions) or places
        if places and looked_at > FEW_REGIONS and len(places) < FEWEST_SHARE * looked_at:
            continue
        known = types.of(str(kind))
        if known.almanac and almanac.country:
            continue
        ends = max(part["ends_on"])
        unit = next((unit for unit in part["unit"] if unit), "")
        titles = known.title("ru"), known.title("en")
        count = len(places) if looked_at > 1 else 0
        named_by = (str(kind), "|".join(part["id"]), "|".join(sorted(places)))
        found.append(
            (_date(day), _date(ends), "event", *titles, count, float(part["strength"].mean()), unit, *named_by)
        )
    return found


def _acts(event: dict[str, object], filters: Filters) -> bool:
    """Does an event name nothing else than what is looked at?"""
    for name, chosen in (
        ("region", filters.regions),
        ("municipality", filters.municipalities),
        ("topic", filters.topic_groups),
    ):
        named = several(str(event[name]))
        if chosen and named and set(chosen).isdisjoint(named):
            return False
    return True


def _date(day: object) -> date:
    return pd.Timestamp(str(day)).date()
