"""One function per question to the store; each answers with a table (days as datetime64)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from analytics.store import Store

COUNTED = ("complaint", "suggestion", "question")
PERIOD_DAYS = 28
ACTIVE_DAYS = 14


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


@dataclass(frozen=True)
class LastFullDay:
    """Up to which day the data are whole.

    `day`: the last full day of the selection, None when nothing is loaded. `behind`: source, region, last_full_day
    of those that deliver but lag behind the newest. `ended`: the same of those that stopped delivering more than
    14 days before the newest.
    """

    day: date | None
    behind: pd.DataFrame
    ended: pd.DataFrame


def choices(store: Store) -> pd.DataFrame:
    """What the reader can choose from: meaning, parent, value, complaints; the most frequent first.

    Meaning is region, municipality (parent: its region), topic_group, topic (parent: its topic group), channel or
    kind. The value '' is "not stated".
    """
    raise NotImplementedError


def period(filters: Filters, as_of: date) -> tuple[date, date]:
    """The first and the last day of the reader's period, cut at the last full day; 28 days when none was chosen.

    A period that begins after the last full day is empty: its last day lies before its first.
    """
    raise NotImplementedError


def span(store: Store, filters: Filters) -> tuple[date | None, date | None]:
    """The first and the last day on which a complaint of the selection was opened (the period is not looked at)."""
    raise NotImplementedError


def last_full_day(store: Store, filters: Filters) -> LastFullDay:
    """The newest day that every source and region of the selection covers wholly; see LastFullDay.

    Of each (source, region) it is the newest day covered by an import in force and not its last, partial one; of
    the selection, the earliest of those that still deliver, so that a late file never reads as a fall.
    """
    raise NotImplementedError


def daily_counts(store: Store, filters: Filters, by: Sequence[str] = ()) -> pd.DataFrame:
    """Complaints received on each day: day, one column for each of `by`, complaints; days without any are absent.

    `by`: region, municipality, topic_group, topic, channel, kind.
    """
    raise NotImplementedError


def counts(store: Store, filters: Filters, by: str) -> pd.DataFrame:
    """Complaints of the selection and how many of them are closed: the columns of `by`, complaints, closed.

    `by`: day, month (as '2024-01'), region, municipality (with its region), topic_group, topic (with its topic
    group), channel, kind, status or source. Days and months in order, the rest with the most frequent first.
    """
    raise NotImplementedError


def received_and_closed(store: Store, filters: Filters, as_of: date) -> pd.DataFrame:
    """Each day of the period, quiet days included: day, received (opened that day), closed (closed that day)."""
    raise NotImplementedError


def completeness(store: Store, filters: Filters, as_of: date, days: int = 28) -> pd.DataFrame:
    """What has arrived from where: source, region, day, complaints, usual, state, for `days` days each.

    The days end at the newest full day of any (source, region) of the selection, `as_of` at the earliest. `usual` is
    the median of the same weekday in the 8 weeks before. State: 'loaded', 'looks_unloaded' (covered, but improbably
    few against its own rhythm) or 'not_loaded' (after its last full day). Thanks are counted too.
    """
    raise NotImplementedError
