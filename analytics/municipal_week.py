"""What the next seven days will bring to the municipalities of a region."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analytics import negative_binomial as counts_of
from analytics.distribution import Distribution
from analytics.filters import COUNTED, Filters
from analytics.ledger import issued_municipal
from analytics.queries import daily_counts
from analytics.selected_forecast import ALIKE_BEFORE, WEEK

if TYPE_CHECKING:
    from analytics.store import Store


def municipalities(store: Store, filters: Filters, as_of: date) -> pd.DataFrame:
    """The sum of the next seven days of the selected region's municipalities, the most first.

    Columns: municipality, mean, low, high (about the 80 % range), last_week (complaints of the last seven days). No
    rows unless one region, and no narrower selection than topic groups, is chosen. What varies beyond chance (the
    negative binomial's dispersion) is taken to be half shared by the topics of a day, and as alike from day to day as
    ALIKE_BEFORE says; the range is that of a negative binomial with the week's mean and variance.
    """
    columns = ["municipality", "mean", "low", "high", "last_week"]
    if len(filters.regions) != 1 or filters.topics or filters.channels or set(filters.kinds) != set(COUNTED):
        return pd.DataFrame(columns=columns)
    table = issued_municipal(store, regions=filters.regions, topic_groups=filters.topic_groups)
    shape: Distribution | None = table.attrs.get("distribution")
    table.attrs = {}
    table = table.assign(excess=np.sqrt(shape.dispersion) * table["mean"] if shape else np.nan)
    table = table[(table["day"] > pd.Timestamp(as_of)) & table["municipality"].ne("")]
    if filters.municipalities:
        table = table[table["municipality"].isin(filters.municipalities)]
    table = table[table["day"] < table["day"].min() + pd.Timedelta(days=WEEK)].assign(square=lambda t: t["excess"] ** 2)
    days = table.groupby(["municipality", "day"])[["mean", "excess", "square"]].sum().reset_index()
    days["square"] = (days["excess"] ** 2 + days["square"]) / 2
    days["excess"] = np.sqrt(days["square"])
    week = days.groupby("municipality")[["mean", "excess", "square"]].sum().reset_index()
    extra = (1 - ALIKE_BEFORE) * week["square"] + ALIKE_BEFORE * week["excess"] ** 2
    mean = week["mean"].to_numpy()
    dispersion = np.maximum(extra / np.maximum(mean, 1e-9) ** 2, 1e-6).to_numpy()
    ends = counts_of.quantiles(np.array([0.1, 0.9]), mean, dispersion) if len(week) else np.empty((0, 2))
    past = replace(filters, first_day=as_of - timedelta(days=WEEK - 1), last_day=as_of)
    came = daily_counts(store, past, by=("municipality",)).groupby("municipality")["complaints"].sum()
    week = week.assign(low=ends[:, 0], high=ends[:, 1])
    week["last_week"] = came.reindex(week["municipality"]).fillna(0).to_numpy(dtype="int64")
    return week.sort_values("mean", ascending=False, ignore_index=True)[columns]
