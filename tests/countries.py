"""Stores that the pages are tested on: full, of one region, of one week, empty. Nothing in them is left to chance."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from analytics.imports import import_files
from analytics.refresh import refresh
from analytics.store import open_store
from tests.making import incidents

LAST_DAY = datetime(2026, 11, 20)  # of the exports: never whole, so the last full day is the 19th
NOW = datetime(2026, 11, 21, 6, 0)
REGIONS = ("Калужская область", "Тульская область", "Рязанская область")
TOPICS = (("ЖКХ", "Отопление в квартире"), ("Дороги", "Ремонт дорог"), ("Благоустройство", "Уборка снега во дворах"))


def write_export(file: Path, *, regions: Sequence[str] = REGIONS, days: int = 500, a_day: int = 3) -> Path:
    """An export of `a_day` complaints on each day, in each region and topic; closed after 5 days but for every fourth.

    In the last full week the topic «Уборка снега во дворах» of the first region is received sixfold.
    """
    rows = []
    for back in range(days):
        opened = LAST_DAY - timedelta(days=back)
        for region in regions:
            for topic_group, topic in TOPICS:
                surge = region == regions[0] and topic == TOPICS[2][1] and 1 <= back <= 7
                rows += [
                    _row(opened, region, topic_group, topic, place) for place in range(a_day * (6 if surge else 1))
                ]
    return incidents(file, rows)


def make_store(folder: Path, *, forecast: bool = False, **country: object) -> str:
    """A real store with such an export in it; without arguments it stays empty. Answers its folder.

    `forecast`: with its forecasts issued, and two reconstructed.
    """
    store = open_store(folder / "store")
    if country:
        import_files(store, [write_export(folder / "incidents.csv", **country)], now=NOW)  # type: ignore[arg-type]
    if forecast:
        refresh(store, now=NOW + timedelta(hours=1), reconstruct=2)
    store.close()
    return str(folder / "store")


def _row(opened: datetime, region: str, topic_group: str, topic: str, place: int) -> dict[str, str]:
    opened = opened.replace(hour=9 + place % 9, minute=place % 60)
    closed = opened + timedelta(days=5)
    still_open = place % 4 == 3 or closed > LAST_DAY
    return {
        "Дата создания": f"{opened:%d.%m.%Y %H:%M}",
        "Дата закрытия": "" if still_open else f"{closed:%d.%m.%Y %H:%M}",
        "Группа тем": topic_group,
        "Тема": topic,
        "Регион": region,
        "Муниципалитет": f"{region.partition(' ')[0][:-2]}ий район № {place % 3 + 1}",
        "Источник": ("ПОС", "ВКонтакте")[place % 2],
        "Итог": "В работе" if still_open else "Решено",
    }
