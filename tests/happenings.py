"""A store with events in it whose effect is known: what the Events page is tested on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pandas as pd

from analytics.events import import_events
from analytics.imports import import_files
from analytics.refresh import prepare_rehearsals
from analytics.store import open_store
from tests.making import incidents

LAST_DAY = datetime(2026, 11, 20)  # of the export: never whole, so the last full day is the 19th
NOW = datetime(2026, 11, 21, 6, 0)
REGIONS = ("Калужская область", "Тульская область")
OUTAGE = "utilities.planned_outage.hot_water"
EVERY, LASTS, TIMES = 40, 3, 4  # days between outages, days of one, and what it does to complaints
PLANNED, VOTE = "planned", "festival"  # ids of what is to come


def make_happening_store(
    folder: Path, *, regions: Sequence[str] = REGIONS, days: int = 420, prepared: bool = True
) -> str:
    """Five complaints a day, region and topic; in an outage of its region four times as many about utilities.

    The outages are known, one more is planned for 1 to 3 December in the first region, and a festival on the 10th, of
    which there is no past case. Answers the store's folder.
    """
    outages = [(region, first) for number, region in enumerate(regions) for first in _outages(number, days)]
    within = {(region, first + timedelta(days=day)) for region, first in outages for day in range(LASTS)}
    rows = []
    for back in range(days):
        day = LAST_DAY - timedelta(days=back)
        for region in regions:
            for group, topic in (("ЖКХ", "Горячая вода"), ("Дороги", "Ремонт дорог")):
                number = 5 + (back * 7 + len(topic)) % 3 - 1
                number *= TIMES if group == "ЖКХ" and (region, day) in within else 1
                rows += [_row(day, region, group, topic, place) for place in range(number)]
    store = open_store(folder / "store")
    import_files(store, [incidents(folder / "incidents.csv", rows)], now=NOW)
    table = [_event(f"past-{number}", first, region) for number, (region, first) in enumerate(outages)]
    table.append(_event(PLANNED, datetime(2026, 12, 1), regions[0]))
    festival = _event(VOTE, datetime(2026, 12, 10), regions[0])
    table.append({**festival, "type": "mass_events.sport", "title": "Марафон", "topic": "", "ends_on": "2026-12-10"})
    import_events(store, pd.DataFrame(table), now=NOW)
    if prepared:
        prepare_rehearsals(store, now=NOW)
    store.close()
    return str(folder / "store")


def _outages(number: int, days: int) -> list[datetime]:
    """First days of a region's outages, those of the next region ten days later."""
    first = LAST_DAY - timedelta(days=days - 20 - 10 * number)
    return [first + timedelta(days=EVERY * one) for one in range((days - 40) // EVERY)]


def _event(event_id: str, first: datetime, region: str) -> dict[str, str]:
    last = first + timedelta(days=LASTS - 1)
    return {
        "id": event_id,
        "type": OUTAGE,
        "title": "",
        "starts_on": f"{first:%Y-%m-%d}",
        "ends_on": f"{last:%Y-%m-%d}",
        "region": region,
        "topic": "ЖКХ",
        "known_since": f"{min(first, NOW) - timedelta(days=20):%Y-%m-%d}",
    }


def _row(day: datetime, region: str, group: str, topic: str, place: int) -> dict[str, str]:
    opened = day.replace(hour=9 + place % 9, minute=place % 60)
    return {
        "Дата создания": f"{opened:%d.%m.%Y %H:%M}",
        "Группа тем": group,
        "Тема": topic,
        "Регион": region,
        "Муниципалитет": "Боровский район" if region == REGIONS[0] else "Алексинский район",
    }
