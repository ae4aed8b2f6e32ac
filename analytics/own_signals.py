"""What the reader can handle: own thresholds of regions and municipalities, and the signals that go by them."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import pandas as pd

from analytics.filters import Filters
from analytics.panel import TOTAL
from analytics.place_days import SERIES, place_chances, place_counts
from analytics.signals import YEAR, stretches

if TYPE_CHECKING:
    from analytics.store import Store


def own_thresholds(store: Store) -> pd.DataFrame:
    """region, municipality ('': the region as a whole), topic, threshold: complaints a day; '*' = all."""
    return store.query(
        """
        select region, coalesce(municipality, '') as municipality, topic_group as topic, complaints as threshold
        from own_thresholds order by all
        """
    )


def own_threshold(store: Store, filters: Filters) -> int | None:
    """What the reader can handle of just this selection in a day; None where nothing of it was said."""
    if filters.topics or filters.channels or max(map(len, (filters.regions, filters.municipalities))) > 1:
        return None
    if len(filters.topic_groups) > 1:
        return None
    own = own_thresholds(store)
    wanted = {
        "region": next(iter(filters.regions), TOTAL),
        "municipality": next(iter(filters.municipalities), ""),
        "topic": next(iter(filters.topic_groups), TOTAL),
    }
    found = own[(own[list(wanted)] == pd.Series(wanted)).all(axis=1)]
    return int(found["threshold"].iloc[0]) if len(found) else None


def own_signals(store: Store, run_id: int, origin: date) -> pd.DataFrame:
    """Signals of the thresholds that the reader set: the columns of the table `signals`, and SERIES.

    The probability is that of the issued distribution, so a changed threshold is answered at once; stretches, excess
    and score are those of `signals.find_signals`.
    """
    own = own_thresholds(store)
    if own.empty:
        return own
    ahead = place_chances(store, own, run_id)
    if ahead.empty:
        return own.head(0)
    begun = store.query("select min(day) as day from daily_totals")["day"].iloc[0]
    series = ahead[SERIES].drop_duplicates(ignore_index=True)
    past = place_counts(store, series, max(pd.Timestamp(begun).date(), origin - timedelta(days=YEAR - 1)), origin)
    shape = (len(series), -1)
    least, mean, chance, severe = (
        ahead[name].to_numpy(dtype=float).reshape(shape) for name in ("threshold", "mean", "probability", "severe")
    )
    found = stretches(
        series,
        pd.Timestamp(origin) + pd.Timedelta(days=1),
        least=least,
        mean=mean,
        usual=past.median(axis=1).fillna(0.0).to_numpy(),
        likely=chance,
        worse=severe,
    )
    return found.drop(columns="week").assign(why="{}", run_id=run_id)


def own_of_municipalities(store: Store, filters: Filters) -> pd.DataFrame:
    """What the municipalities of the selection can handle: municipality, threshold, probability.

    `probability`: that a day of the next seven reaches it, the likeliest of them. Of all topics, or of the
    one topic group that is chosen; no rows where nothing was said of them.
    """
    own = own_thresholds(store)
    topic = next(iter(filters.topic_groups), TOTAL) if len(filters.topic_groups) < 2 else ""
    own = own[own["region"].isin(filters.regions) & (own["municipality"] != "") & (own["topic"] == topic)]
    ahead = place_chances(store, own, None) if len(own) else own.assign(day=[], probability=[])
    week = ahead[ahead["day"] < ahead["day"].min() + pd.Timedelta(days=7)] if len(ahead) else ahead
    likely = week.groupby("municipality", as_index=False)["probability"].max()
    return own[["municipality", "threshold"]].merge(likely, on="municipality")
