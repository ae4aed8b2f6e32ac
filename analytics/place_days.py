"""Days of regions and municipalities alike: what came, what is expected, how probable a threshold is each day."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analytics import negative_binomial as counts_of
from analytics.filters import Filters
from analytics.forecast import probability
from analytics.ledger import issued_municipal
from analytics.loaded import unknown_days
from analytics.panel import TOTAL
from analytics.queries import daily_counts
from analytics.signal_days import issued_pairs, series_counts
from analytics.signals import SEVERE_STEP

if TYPE_CHECKING:
    from analytics.store import Store

SERIES = ["region", "municipality", "topic"]  # municipality '': the region as a whole
DAYS = ["mean", "0.1", "0.9", "threshold", "probability", "severe"]
SHOWN_BEFORE = 42  # days


def place_counts(store: Store, series: pd.DataFrame, first: date, last: date) -> pd.DataFrame:
    """Complaints of each day ('*' is a sum): one row for each row of `series` (SERIES), one column for a day.

    Quiet days are 0, days that were not loaded nan.
    """
    days = pd.date_range(first, last, name="day")
    of_regions = series[series["municipality"] == ""].drop_duplicates(SERIES)
    with store.reading() as query:
        found = [series_counts(query, of_regions, first, last)] if len(of_regions) else []
        unknown = unknown_days(query, days)
    found = [pd.concat({"": table}, names=["municipality"]).reorder_levels(SERIES) for table in found]
    towns = series[series["municipality"] != ""]
    if len(towns):
        chosen = Filters(first, last, tuple(towns["region"].unique()), tuple(towns["municipality"].unique()))
        counts = daily_counts(store, chosen, ("region", "municipality", "topic_group"))
        counts = counts.rename(columns={"topic_group": "topic"}).fillna({"topic": ""})
        counts = pd.concat([counts, counts.assign(topic=TOTAL)])
        found.append(counts.pivot_table(index=SERIES, columns="day", values="complaints", aggfunc="sum"))
    if not found:
        return pd.DataFrame(columns=days)
    table = pd.concat(found).reindex(columns=days)
    table = table.reindex(pd.MultiIndex.from_frame(series[SERIES])).fillna(0.0)
    return table.mask(unknown.reindex(table.index.get_level_values("region"), fill_value=True).to_numpy())


def place_chances(store: Store, series: pd.DataFrame, run_id: int | None) -> pd.DataFrame:
    """What was issued for these series (SERIES, threshold), in their order, day by day: SERIES, day and DAYS.

    `probability` that a day reaches the threshold, `severe` that it reaches 1.5 times it. Series that nothing was
    issued for are left out.
    """
    found = []
    for towns in (False, True):
        part = series[(series["municipality"] != "") == towns]
        if len(part):
            found += _of_municipalities(store, part, run_id) if towns else [_of_regions(store, part, run_id)]
    if not found:
        return pd.DataFrame(columns=[*SERIES, "day", *DAYS])
    return pd.concat(found, ignore_index=True)[[*SERIES, "day", *DAYS]].sort_values([*SERIES, "day"], ignore_index=True)


def courses(store: Store, signals: pd.DataFrame) -> pd.DataFrame:
    """The days around each signal: SERIES, day, complaints, mean, 0.1, 0.9, threshold, probability.

    Before the origin `complaints`, six weeks of them, nan where they were not loaded; after it what was issued.
    `threshold`: of the most pressing signal of the series. No rows where nothing was issued.
    """
    series = signals.drop_duplicates(SERIES)[[*SERIES, "threshold"]]
    columns = [*SERIES, "day", "mean", "0.1", "0.9", "probability"]
    if series.empty:
        return pd.DataFrame(columns=[*columns, "complaints", "threshold"])
    origin = signals.attrs["origin"]
    before = place_counts(store, series, origin - timedelta(days=SHOWN_BEFORE - 1), origin)
    ahead = place_chances(store, series, signals.attrs["run_id"])
    past = before.stack().rename("complaints").reset_index()
    table = pd.concat([past, ahead[columns]], ignore_index=True)
    return table.merge(series, on=SERIES, how="left").sort_values([*SERIES, "day"], ignore_index=True)


def _of_regions(store: Store, series: pd.DataFrame, run_id: int | None) -> pd.DataFrame:
    return _with_chances(issued_pairs(store, series, run_id), series.drop(columns="municipality"), municipality="")


def _of_municipalities(store: Store, series: pd.DataFrame, run_id: int | None) -> list[pd.DataFrame]:
    """Those of a topic group, and the sums of all of them."""
    table = issued_municipal(store, run_id=run_id, regions=series["region"].unique())
    if table.empty:
        return []
    table = table[table["municipality"].isin(series["municipality"])]
    single = table[pd.MultiIndex.from_frame(table[SERIES]).isin(pd.MultiIndex.from_frame(series[SERIES]))]
    sums = series[series["topic"] == TOTAL].drop(columns="topic")
    found = [_with_chances(single, series)] if len(single) else []
    return [*found, _sums(table, sums)] if len(sums) else found


def _with_chances(ahead: pd.DataFrame, series: pd.DataFrame, **more: str) -> pd.DataFrame:
    least = ahead[["region", *[name for name in SERIES[1:] if name in ahead]]].merge(series, how="left")["threshold"]
    least = least.to_numpy(dtype=float)
    chance, severe = (probability(ahead, at)["probability"].to_numpy() for at in (least, np.ceil(SEVERE_STEP * least)))
    found = ahead.assign(threshold=least, probability=chance, severe=np.minimum(severe, chance), **more)
    found.attrs = {}
    return found


def _sums(table: pd.DataFrame, series: pd.DataFrame) -> pd.DataFrame:
    """The sum over the topic groups of each municipality: a negative binomial with the sum's mean and variance.

    What varies beyond chance is taken to be half shared by the topics of a day, as in `municipal_week`. A sum is no
    less probable than the same of any of its topics, which are calibrated, as the sum is not.
    """
    shape = table.attrs["distribution"]
    beyond = np.sqrt(shape.dispersion[table.index.to_numpy()]) * table["mean"]
    rows = pd.DataFrame(table[["region", "municipality", "day", "mean"]].assign(beyond=beyond, square=beyond**2))
    rows.attrs = {}
    days = rows.groupby(["region", "municipality", "day"], as_index=False)[["mean", "beyond", "square"]].sum()
    days = days.merge(series, on=["region", "municipality"]).assign(topic=TOTAL)
    mean = days["mean"].to_numpy()
    spread = ((days["beyond"] ** 2 + days["square"]) / 2).to_numpy() / np.maximum(mean, 1e-9) ** 2
    spread = np.maximum(spread, 1e-6)
    ends = counts_of.quantiles(np.array([0.1, 0.9]), mean, spread)
    least = days["threshold"].to_numpy(dtype=float)
    chance, severe = (
        np.maximum(1.0 - counts_of.at_most(at - 1.0, mean, spread), _likeliest(table, days.assign(threshold=at)))
        for at in (least, np.ceil(SEVERE_STEP * least))
    )
    return days.assign(**{"0.1": ends[:, 0], "0.9": ends[:, 1], "probability": chance, "severe": severe})


def _likeliest(table: pd.DataFrame, days: pd.DataFrame) -> np.ndarray:
    """For each municipality and day of `days` the probability of the topic that is likeliest to reach its threshold."""
    keys = ["region", "municipality", "day"]
    limits = days.set_index(keys)["threshold"]
    rows = table[pd.MultiIndex.from_frame(table[keys]).isin(limits.index)]
    at = limits.reindex(pd.MultiIndex.from_frame(rows[keys])).to_numpy(dtype=float)
    chances = probability(rows, at)[keys + ["probability"]].groupby(keys)["probability"].max()
    return chances.reindex(limits.index).to_numpy()
