"""Complaints put straight into a store, for tests of questions to it: no file, no import, the same tables."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta

import numpy as np
import pandas as pd

from analytics import cube
from analytics.store import Store

SOURCE = "инцидент"
LAST_DAY = date(2026, 11, 15)  # a Sunday; what these stores cover ends with it
REGIONS = ("Калужская область", "Тульская область", None)
MUNICIPALITIES = ("Боровск", "Обнинск", None)
TOPICS = (("ЖКХ", "Отопление"), ("ЖКХ", "Горячая вода"), ("Дороги", "Ямы"), (None, None))
CHANNELS = ("ВКонтакте", "ПОС", None)
KINDS = ("complaint", "suggestion", "question", "thanks")
NO_TEXT = {"region": "", "municipality": "", "topic_group": "", "topic": "", "channel": "", "status": ""}


def some_complaints(number: int = 2000, *, days: int = 500, seed: int = 1) -> pd.DataFrame:
    """Complaints of every sort at random: open, closed, closed on no known day, with and without deadline."""
    chance = np.random.default_rng(seed)

    def pick(values: Iterable[object]) -> list[object]:
        values = list(values)
        return [values[place] for place in chance.integers(0, len(values), number)]

    opened = pd.Timestamp(LAST_DAY) - pd.to_timedelta(chance.integers(0, days * 24 * 60, number), unit="min")
    closed = opened + pd.to_timedelta(chance.exponential(12, number), unit="D").floor("min")
    fate = chance.choice(["closed", "open", "undated"], number, p=[0.7, 0.2, 0.1])
    topics = pick(TOPICS)
    due = opened + pd.Timedelta(days=20)
    return pd.DataFrame(
        {
            "id": [f"ИНЦ-{place}" for place in range(number)],
            "opened_at": opened,
            "closed_at": pd.Series(closed).where(fate == "closed"),
            "due_at": pd.Series(due).where(chance.random(number) < 0.6),
            "status": np.where(fate == "open", "in_progress", "closed"),
            "kind": pick(KINDS),
            "region": pick(REGIONS),
            "municipality": pick(MUNICIPALITIES),
            "topic_group": [topic[0] for topic in topics],
            "topic": [topic[1] for topic in topics],
            "channel": pick(CHANNELS),
            "sender_key": pick(["а", "б", "в", None]),
        }
    )


def steady(per_day: dict[date, int], **same: object) -> pd.DataFrame:
    """So many complaints on each of these days, alike in everything else."""
    days = [day for day, number in per_day.items() for _ in range(number)]
    rows = pd.DataFrame({"opened_at": pd.to_datetime(days), "kind": "complaint"})
    return rows.assign(**same)


def days_before(last: date, number: int) -> list[date]:
    """So many days in a row that end with `last`."""
    return [last - timedelta(days=back) for back in reversed(range(number))]


def fill(store: Store, rows: pd.DataFrame, *, source: str = SOURCE, full_until: date = LAST_DAY) -> None:
    """Put complaints of one source into the store, as one import that covers whole days until `full_until`.

    What a row does not say is null; ids are given by place. The cube is made by `cube.rebuild`.
    """
    held = store.query("select * from complaints limit 0")
    number = int(store.query("select count(*) from imports").iloc[0, 0]) + 1
    now = datetime(2026, 11, 21, 6, 0)
    given = {
        "source": source,
        "id": [f"{number}-{place}" for place in range(len(rows))],
        "first_seen_at": now,
        "changed_at": now,
        "last_import": number,
    }
    whole = rows.assign(**{name: value for name, value in given.items() if name not in rows})
    columns = ", ".join(name for name in whole.columns if name in held.columns)

    def work(cursor: object) -> None:
        cursor.register("rows_to_fill", whole)  # type: ignore[attr-defined]
        execute = cursor.execute  # type: ignore[attr-defined]
        execute(f"insert into complaints by name select {columns} from rows_to_fill")
        execute(
            """
            insert into imports
            values ($number, $source, 'a.csv', null, $now, $now, 0, 0, 0, 0, 0, 0, '[]', '[]', 0, null)
            """,
            {"number": number, "source": source, "now": now},
        )
        execute(
            """
            insert into coverage
            select $number, $source, region, min(opened_at)::date, max(opened_at)::date, $full_until
            from rows_to_fill group by region
            """,
            {"number": number, "source": source, "full_until": full_until},
        )
        cube.rebuild(cursor)  # type: ignore[arg-type]

    store.write(work)
