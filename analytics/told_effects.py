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
    """The topics of a type, those felt most surely first; all topics together ('*') last."""
    rows = profiles[profiles["type"] == kind]
    edge = np.where(rows["factor"] >= 1, rows["0.1"], 1 / rows["0.9"].clip(lower=1e-6))
    least = pd.Series(edge, index=rows.index).groupby(rows["topic"]).max().sort_values(ascending=False)
    return [str(name) for name in least.index if name != TOTAL] + [TOTAL] * (TOTAL in least.index)


def of_named_topics(profiles: pd.DataFrame, events: pd.DataFrame) -> pd.DataFrame:
    """The profiles of topics that past events of the type name (all, where one names none), and of all together."""
    named = events.groupby("type")["topic"].agg(
        lambda cells: frozenset(one for cell in cells for one in cell.split("|"))
    )
    kept = [
        topic == TOTAL or "" in named.get(kind, ("",)) or topic in named[kind]
        for kind, topic in zip(profiles["type"], profiles["topic"], strict=True)
    ]
    return profiles[np.array(kept, dtype=bool)].reset_index(drop=True)
