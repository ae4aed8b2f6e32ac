"""What the reader chose."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

COUNTED = ("complaint", "suggestion", "question")
DEFAULT_DAYS = 28  # of the period, when the reader chose none
COMPARISONS = ("usual", "previous", "last_year")  # with the weeks before, the period before, a year before
LISTS = ("regions", "municipalities", "topic_groups", "topics", "channels", "kinds")


@dataclass(frozen=True)
class Filters:
    """What the reader chose: days are inclusive and local, empty means all, '' in a tuple means "not stated".

    `kinds` are complaints, suggestions and questions unless chosen otherwise: thanks are not counted.
    """

    first_day: date | None = None
    last_day: date | None = None
    regions: tuple[str, ...] = ()
    municipalities: tuple[str, ...] = ()
    topic_groups: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    kinds: tuple[str, ...] = COUNTED
    compare: str = COMPARISONS[0]  # what the reader wants changes told against

    def parameters(self, *names: str) -> dict[str, Any]:
        """These filters as bound parameters of SQL: a list, or None for all."""
        return {name: list(getattr(self, name)) or None for name in names or LISTS}


def period(filters: Filters, as_of: date) -> tuple[date, date]:
    """The first and the last day of the reader's period, cut at the last full day; 28 days when none was chosen.

    A period that begins after the last full day is empty: its last day lies before its first.
    """
    last = min(filters.last_day or as_of, as_of)
    return filters.first_day or last - timedelta(days=DEFAULT_DAYS - 1), last
