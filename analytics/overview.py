"""What needs attention this week: the Overview's numbers, computed from the cube."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pandas as pd

from analytics.queries import Filters

if TYPE_CHECKING:
    from analytics.store import Store


def tiles(store: Store, filters: Filters, as_of: date) -> pd.DataFrame:
    """One row for each measure, in this order: received, closed, still_open, overdue_share, repeat_share, days_to_close.

    - received: opened in the period. closed: closed in the period.
    - still_open: on the last day of the period: all received up to it minus all closed up to it.
    - overdue_share: of the complaints whose deadline fell in the period, the share not closed by the deadline.
    - repeat_share: of those opened in the period for which a repeat would be seen, the share that are repeats.
    - days_to_close: Kaplan-Meier median of those opened in the period, as of the last full day.

    Columns: measure; value (nan: unknown); known; unknown (why: '', 'no_deadlines', 'not_known', 'too_early',
    'no_complaints'); usual (see analytics.usual); usual_low and usual_high (where 95 of 100 such periods lie);
    last_year (the same weekdays 364 days earlier); weekly (13 values, the last week ending with the period);
    is_rising_bad. Shares are 0 to 1. What the store's history does not cover is nan.
    """
    raise NotImplementedError


def movers(store: Store, filters: Filters, as_of: date, by: str, limit: int = 5) -> pd.DataFrame:
    """What rose and what fell most surely against the usual; at most `limit` of each direction, the surest first.

    `by`: topic_group, topic, region or municipality. Columns: the name (topic: topic_group, topic; municipality:
    region, municipality), now (complaints of the period), usual (of as many days, same weekdays), ratio (now / usual,
    inf when it is new), low and high (80 % interval of the ratio), probability (that it really rose or fell),
    direction ('rising' or 'falling').
    """
    raise NotImplementedError


def days_to_close(store: Store, filters: Filters, as_of: date) -> float:
    """Half of the complaints opened in the period are closed after so many days; nan when not half of them are yet.

    Kaplan-Meier median (Kaplan and Meier 1958): those still open on `as_of` count as "longer than so far".
    """
    raise NotImplementedError
