"""Is one method really better than another? Ratios of losses with their doubt, from the same tasks."""

from __future__ import annotations

import numpy as np
import pandas as pd
import scipy

LAGS = 1  # origins are about as far apart as the horizon: errors of neighbours may still be alike
DRAWS = 2000


def compare(judged: pd.DataFrame, own: str = "forerunner") -> pd.DataFrame:
    """`own` against every other method, by level: level, against, ratio, low, high, statistic, probability, wins.

    Of the scaled quantile loss: the ratio (below 1: `own` is better) with its 95 % bootstrap interval, the statistic
    of Diebold and Mariano with its two-sided probability of so large a difference by chance, and the share of series
    on which `own` had the smaller loss (equal ones count half). `judged` is that of `backtest.judge`.
    """
    rows = []
    for level, inside in judged.groupby("level", observed=True):
        losses = {name: series_losses(part) for name, part in inside.groupby("method", observed=True)}
        for name, peer in losses.items():
            if name == own or own not in losses:
                continue
            mine, other = losses[own].align(peer, join="inner")
            by_origin = mine.mean(axis=1).to_numpy(), other.mean(axis=1).to_numpy()
            low, high = ratio_interval(*by_origin)
            statistic, chance = diebold_mariano(*by_origin)
            rows.append(
                {
                    "level": level,
                    "against": name,
                    "ratio": by_origin[0].sum() / by_origin[1].sum(),
                    "low": low,
                    "high": high,
                    "statistic": statistic,
                    "probability": chance,
                    "wins": win_rate(mine.mean().to_numpy(), other.mean().to_numpy()),
                }
            )
    return pd.DataFrame(rows)


def series_losses(judged: pd.DataFrame) -> pd.DataFrame:
    """Scaled quantile loss of one method: origins × series; series without a scale are left out."""
    keys = [name for name in ("region", "municipality", "topic") if name in judged]
    sums = judged[judged["scale"] > 0].groupby(["origin", *keys], observed=True)
    one = sums["loss"].sum() / sums["days"].sum() / sums["scale"].first()
    return one.unstack(keys).sort_index()


def diebold_mariano(loss: np.ndarray, other: np.ndarray, lags: int = LAGS) -> tuple[float, float]:
    """Statistic and two-sided probability that two methods are equally good, from their losses at each origin.

    Below 0: the first is better. The variance of the mean difference is that of Newey and West 1987 (Bartlett weights),
    the law Student's with one degree of freedom less than origins (Diebold and Mariano 1995; Harvey, Leybourne and
    Newbold 1997). nan with fewer than 3 origins; without any difference 0 and 1.
    """
    difference = np.asarray(loss, dtype=float) - np.asarray(other, dtype=float)
    size = len(difference)
    if size < 3:
        return float("nan"), float("nan")
    centred = difference - difference.mean()
    variance = centred @ centred / size
    for lag in range(1, min(lags, size - 1) + 1):
        variance += 2.0 * (1.0 - lag / (lags + 1.0)) * (centred[lag:] @ centred[:-lag]) / size
    if variance <= 0:
        return (0.0, 1.0) if not difference.any() else (float(np.sign(difference.mean()) * np.inf), 0.0)
    statistic = difference.mean() / np.sqrt(variance / (size - 1))
    return float(statistic), float(2.0 * scipy.special.stdtr(size - 1, -abs(statistic)))


def ratio_interval(loss: np.ndarray, other: np.ndarray, draws: int = DRAWS, seed: int = 1) -> tuple[float, float]:
    """95 % interval of Σ loss / Σ other: origins drawn again with replacement, each with all its series.

    A block is an origin: its series share their fortune (Künsch 1989; Efron and Tibshirani 1993).
    """
    drawn = np.random.default_rng(seed).integers(0, len(loss), (draws, len(loss)))
    low, high = np.quantile(loss[drawn].sum(axis=1) / other[drawn].sum(axis=1), [0.025, 0.975])
    return float(low), float(high)


def win_rate(loss: np.ndarray, other: np.ndarray) -> float:
    """The share of series on which the first loss is smaller; equal ones count half."""
    return float(np.mean(loss < other) + np.mean(loss == other) / 2)
