"""Which topics and places really rose or fell against the usual, and how sure that is. Table in, table out."""

from __future__ import annotations

import numpy as np
import pandas as pd
import scipy

FEWEST = 10.0  # complaints, now and usual together, for a unit to be compared
SURE_ENOUGH = 0.5  # what is more probably chance than not is no change
INTERVAL = 0.8
COLUMNS = ["now", "usual", "ratio", "low", "high", "probability", "direction"]


def covered_weeks(counts: pd.DataFrame, wanted: int) -> int:
    """How many whole weeks just before the period hold complaints; 0 when fewer than half of those wanted do.

    `counts` as for ranked_changes, one more week than wanted: the oldest week that holds any may be half covered. A
    week with less than 5 % of a good week (the upper quartile) holds only stray old complaints.
    """
    weekly = np.bincount(counts["week"], weights=counts["complaints"], minlength=wanted + 2)[1 : wanted + 2]
    covered = np.flatnonzero((weekly > 0) & (weekly >= 0.05 * np.quantile(weekly, 0.75)))
    weeks = int(covered.max()) if len(covered) else 0
    return weeks if 2 * weeks >= wanted else 0


def ranked_changes(
    counts: pd.DataFrame, names: list[str], *, days: int, weeks: int, limit: int, other: pd.DataFrame | None = None
) -> pd.DataFrame:
    """What surely rose and fell most: `names`, now, usual, ratio, low, high, probability, direction.

    `counts`: names, week (0: the period, 1 … : the weeks before it), complaints, weighted (each day's complaints ×
    how often its weekday is in the period of `days` days); `weeks`: how many of the weeks make the usual. `other`:
    names, complaints of as many days that are to stand in the place of the usual; the weeks before then only say how
    much a count varies. At most `limit` of each direction. Empty when there are no weeks to compare with.
    """
    if other is not None:  # a name with complaints only then
        counts = pd.concat([counts, other[names].assign(week=1, complaints=0, weighted=0)], ignore_index=True)
    counts = counts[counts["week"] <= weeks].dropna(subset=names)
    unit, units = pd.factorize(pd.MultiIndex.from_frame(counts[names]))
    week = counts["week"].to_numpy()
    weekly = np.zeros((len(units), weeks + 1))  # the period first
    np.add.at(weekly, (unit, week), counts["complaints"].to_numpy(dtype=float))
    weighted = np.bincount(unit[week > 0], weights=counts["weighted"].to_numpy()[week > 0], minlength=len(units))
    now, usual = weekly[:, 0], weighted / max(weeks, 1)
    if other is not None:
        known = other.dropna(subset=names)
        usual = np.zeros(len(units))
        usual[units.get_indexer(pd.MultiIndex.from_frame(known[names]))] = known["complaints"]
    compared = (now + usual >= FEWEST) & (weeks > 0)
    of = None if other is None else days
    table = surely_changed(weekly[compared, 1:], now[compared], usual[compared], days=days, of=of)
    table[names] = units.to_frame(index=False, name=names)[compared].to_numpy()
    table = table[table["probability"] >= SURE_ENOUGH].sort_values(["direction", "score"], ascending=False)
    return table.groupby("direction", sort=False).head(limit)[[*names, *COLUMNS]].reset_index(drop=True)


def surely_changed(
    weekly: np.ndarray, now: np.ndarray, usual: np.ndarray, *, days: int, of: int | None = None
) -> pd.DataFrame:
    """For each unit now, usual, ratio, low, high, probability, direction, score.

    `weekly`: units × weeks, the counts of the base weeks; `now`: the counts of the period of `days` days; `usual`:
    what the base makes of as many days; `of`: how many days it was taken from, where not from the base. Counts are
    over-dispersed: the variance of a week is m + a·m² (negative
    binomial), a of all units and each unit's own weighing alike. The logarithm of the ratio is then about
    t-distributed (delta method, half a complaint added to both sides); low and high are its 80 % interval. As many
    units are compared at once, `probability` is 1 - q, q being the false discovery rate (Benjamini and Hochberg
    1995). `score` is what the rise or fall is at least, in roots of the usual: how sure and how much in one number.
    """
    if not len(now):
        return pd.DataFrame(columns=[*COLUMNS, "score"])
    weeks = weekly.shape[1]
    logarithm = np.log((now + 0.5) / (usual + 0.5))
    error = np.sqrt(dispersion(weekly) * (1.0 / (now + 0.5) + days / (of or 7.0 * weeks) / (usual + 0.5)))
    freedom = 4.0 * (weeks - 1) ** 2 / (3 * weeks - 4)
    reach = scipy.stats.t.ppf(0.5 + INTERVAL / 2, freedom) * error
    low, high = np.exp(logarithm - reach), np.exp(logarithm + reach)
    chance = 2.0 * scipy.stats.t.sf(np.abs(logarithm) / error, freedom)
    rising = logarithm > 0
    return pd.DataFrame(
        {
            "now": now.astype("int64"),
            "usual": usual,
            "ratio": np.divide(now, usual, out=np.full(len(now), np.inf), where=usual > 0),
            "low": low,
            "high": high,
            "probability": 1.0 - scipy.stats.false_discovery_control(chance),
            "direction": np.where(rising, "rising", "falling"),
            "score": np.where(rising, low - 1.0, 1.0 - high) * np.sqrt(usual + 0.5),
        }
    )


def dispersion(weekly: np.ndarray) -> np.ndarray:
    """Variance / mean of a week's count for each unit, at least 1: half its own, half that of all units together.

    The variance is half the mean square of the difference between a week and the next (von Neumann 1941), worth about
    2 (n - 1)² / (3 n - 4) degrees of freedom: a rise over all the weeks, as when the heating season begins, is no
    chance, and taken for it would make just the largest changes look unsure.
    """
    mean, variance = weekly.mean(axis=1), (np.diff(weekly, axis=1) ** 2).mean(axis=1) / 2.0
    squares = float((mean**2).sum())
    shared = max(float((variance - mean).sum()) / squares, 0.0) if squares else 0.0
    own = np.divide(variance, mean, out=np.ones_like(mean), where=mean > 0)
    return np.maximum((own + 1.0 + shared * mean) / 2.0, 1.0)
