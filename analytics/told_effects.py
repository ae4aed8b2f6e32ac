"""What was learned of each type of event, summed up: where it is felt most, when, and for how long."""

from __future__ import annotations

import numpy as np
import pandas as pd

from analytics.panel import TOTAL


def by_type(profiles: pd.DataFrame) -> pd.DataFrame:
    """One row for each type, those felt most first: type, cases, topic, offset, factor, 0.1, 0.9, felt_days, sure.

    `topic`: where the effect of a day is greatest beside its own doubt; `offset`: that day; `felt_days`: the days of
    the window on which the interval leaves out 1; `sure`: on at least one of them. `profiles`: see
    `effects.learned_effects`.
    """
    own = profiles[profiles["topic"] != TOTAL]
    if own.empty:
        return pd.DataFrame(columns=["type", "cases", "topic", "offset", "factor", "0.1", "0.9", "felt_days", "sure"])
    size = np.log(own["factor"].clip(lower=1e-6)).abs()
    edge = np.where(own["factor"] >= 1, own["0.1"], 1 / own["0.9"].clip(lower=1e-6))
    told = own.assign(size=size, least=np.log(np.maximum(edge, 1e-6)))
    best = told.sort_values(["least", "size"], ascending=False).groupby("type", sort=False).head(1)
    felt = (~own["nothing"].astype(bool)).groupby([own["type"], own["topic"]]).sum()
    found = best.assign(felt_days=[int(felt[row.type, row.topic]) for row in best.itertuples()], sure=best["least"] > 0)
    columns = ["type", "cases", "topic", "offset", "factor", "0.1", "0.9", "felt_days", "sure"]
    return found.sort_values(["sure", "size"], ascending=False, ignore_index=True)[columns]


def topics_of(profiles: pd.DataFrame, kind: str) -> list[str]:
    """The topics of a type, those felt most first; all topics together ('*') last."""
    rows = profiles[profiles["type"] == kind]
    size = np.log(rows["factor"].clip(lower=1e-6)).abs().groupby(rows["topic"]).max().sort_values(ascending=False)
    return [str(name) for name in size.index if name != TOTAL] + [TOTAL] * (TOTAL in size.index)
