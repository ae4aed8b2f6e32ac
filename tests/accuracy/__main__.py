"""Measure the engine on real panels beside its peers and write docs/accuracy.md: make backtest."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from analytics.almanac import Almanac
from analytics.forecast import LEVELS, QUANTILES, forecast, probability
from tests.accuracy import panels

ROOT = Path(__file__).resolve().parents[2]
WORK = Path(__file__).parent / "work"
BENCH = ROOT / ".venv-bench" / "bin" / "python"
PEERS = ("auto_ets", "light_gbm", "prophet", "theta", "mstl")
TITLES = {
    "last_13": "last 13 same weekdays",
    "seasonal_naive": "seasonal naive",
    "auto_ets": "AutoETS",
    "light_gbm": "pooled LightGBM",
    "prophet": "Prophet",
    "theta": "DynamicOptimizedTheta",
    "mstl": "MSTL",
}
METRICS = ("scaled quantile loss", "WAPE", "RMSSE")


def with_totals(table: pd.DataFrame) -> pd.DataFrame:
    """series ("region|topic", '*' for totals) × days."""
    parts = [
        table,
        table.assign(topic="*"),
        table.assign(region="*"),
        table.assign(region="*", topic="*"),
    ]
    whole = pd.concat(parts)
    whole["series"] = whole["region"] + "|" + whole["topic"]
    return whole.groupby(["series", "day"])["complaints"].sum().unstack("day")


def last_13(counts: np.ndarray, origin: int) -> np.ndarray:
    """Mean and quantiles of the last 13 same weekdays."""
    found = np.zeros((len(counts), panels.HORIZON, 14))
    for ahead in range(panels.HORIZON):
        last = origin + 1 + ahead - 7 * (ahead // 7 + 1)
        same = counts[:, [last - 7 * back for back in range(13)]]
        found[:, ahead, 0], found[:, ahead, 1:] = same.mean(axis=1), np.quantile(same, LEVELS, axis=1).T
    return found


def seasonal_naive(counts: np.ndarray, origin: int) -> np.ndarray:
    """The last week again; its quantiles from the errors it would have made in the past."""
    found = np.zeros((len(counts), panels.HORIZON, 14))
    for ahead in range(panels.HORIZON):
        lag = 7 * (ahead // 7 + 1)
        point = counts[:, origin + 1 + ahead - lag]
        errors = counts[:, lag : origin + 1] - counts[:, : origin + 1 - lag]
        spread = np.quantile(errors, LEVELS, axis=1).T
        found[:, ahead, 0], found[:, ahead, 1:] = point, np.maximum(point[:, None] + spread, 0)
    return found


def engine(table: pd.DataFrame, names: list[str], origin: pd.Timestamp, actual: np.ndarray, almanac: Almanac):
    """Values (series × 28 × 14) and randomised probability integral transforms (series × 28)."""
    found = forecast(table, panels.HORIZON, almanac=almanac, end=origin)
    found["series"] = found["region"] + "|" + found["topic"]
    found = found.sort_values(["series", "day"])
    order = pd.Index(sorted(set(found["series"]))).get_indexer(names)
    seen = np.empty_like(actual)
    seen[order] = actual  # rows in the forecast's order
    below = 1 - probability(found, seen.ravel())["probability"].to_numpy()
    at_most = 1 - probability(found, seen.ravel() + 1)["probability"].to_numpy()
    transform = below + (at_most - below) * np.random.default_rng(0).random(len(below))
    values = found[["mean", *QUANTILES]].to_numpy().reshape(-1, panels.HORIZON, 14)
    return values[order], transform.reshape(-1, panels.HORIZON)[order]


def metrics(values: np.ndarray, actual: np.ndarray, scale: np.ndarray, squares: np.ndarray) -> dict[str, float]:
    """Scaled quantile loss (in-sample seasonal naive), WAPE of the 0.5 quantile, RMSSE and bias of the mean.

    Arrays: origins × series × days [× 14]; scales: origins × series. Hyndman and Koehler 2006; GIFT-Eval 2024.
    """
    miss = actual[..., None] - values[..., 1:]
    loss = 2 * np.where(miss >= 0, np.array(LEVELS) * miss, (np.array(LEVELS) - 1) * miss).mean(axis=-1)
    some = scale > 0
    return {
        METRICS[0]: (loss.mean(axis=2) / np.where(some, scale, 1))[some].mean(),
        METRICS[1]: np.abs(actual - values[..., 7]).sum() / actual.sum(),
        METRICS[2]: np.sqrt(((actual - values[..., 0]) ** 2).mean(axis=2) / np.where(some, squares, 1))[some].mean(),
        "bias": (values[..., 0] - actual).sum() / actual.sum(),
    }


def measure(name: str, folder: Path) -> tuple[pd.DataFrame, dict[str, np.ndarray], float]:
    """One panel: method, level and its metrics; the engine's transforms and volumes; the engine's seconds."""
    table = panels.panel(name, folder)
    wide = with_totals(table)
    counts, names = wide.to_numpy(float), list(wide.index)
    origins = panels.origins(wide.columns[-1], wide.columns[0])
    _run_peers(name, wide, origins)
    at = [wide.columns.get_loc(origin) for origin in origins]
    actual = np.stack([counts[:, o + 1 : o + 1 + panels.HORIZON] for o in at])
    steps = [counts[:, 7 : o + 1] - counts[:, : o - 6] for o in at]
    scale, squares = np.stack([np.abs(s).mean(axis=1) for s in steps]), np.stack([(s**2).mean(axis=1) for s in steps])
    began = time.monotonic()
    pairs = [engine(table, names, o, a, Almanac(*panels.COUNTRIES[name])) for o, a in zip(origins, actual, strict=True)]
    seconds = time.monotonic() - began
    methods = {
        "forerunner": np.stack([values for values, _ in pairs]),
        "last_13": np.stack([last_13(counts, o) for o in at]),
        "seasonal_naive": np.stack([seasonal_naive(counts, o) for o in at]),
    }
    for peer in PEERS:
        file = WORK / f"{peer}_{name}.npz"
        if file.exists():
            methods[peer] = np.load(file)["values"]
    total = np.array(["*" in series for series in names])
    rows = [
        {"panel": name, "level": level, "method": method}
        | metrics(values[:, inside], actual[:, inside], scale[:, inside], squares[:, inside])
        for level, inside in (("bottom", ~total), ("totals", total))
        for method, values in methods.items()
    ]
    transform = np.stack([found for _, found in pairs])
    volume = np.broadcast_to(methods["forerunner"][..., 0].mean(axis=2)[..., None], transform.shape)
    return pd.DataFrame(rows), {"transform": transform.ravel(), "volume": volume.ravel()}, seconds


def _run_peers(name: str, wide: pd.DataFrame, origins: list[pd.Timestamp]) -> None:
    WORK.mkdir(exist_ok=True)
    long = wide.stack(future_stack=True).rename("complaints").reset_index()
    long.to_parquet(WORK / f"{name}.parquet", index=False)
    (WORK / f"{name}.json").write_text(json.dumps([str(origin.date()) for origin in origins]))
    for peer in PEERS:
        if BENCH.exists():
            subprocess.run([BENCH, Path(__file__).with_name("peers.py"), WORK, peer], check=False)


def ratios(found: pd.DataFrame, methods: list[str]) -> pd.DataFrame:
    """Geometric mean over panels × levels of the engine's metric over that of each method."""
    own = found[found["method"] == "forerunner"].set_index(["panel", "level"])[list(METRICS)]
    rows = []
    for method in methods:
        peer = found[found["method"] == method].set_index(["panel", "level"])[list(METRICS)]
        ratio = np.log(own.loc[peer.index] / peer)
        rows.append({"against": TITLES[method], "panels × levels": len(peer)} | np.exp(ratio.mean()).round(3).to_dict())
    return pd.DataFrame(rows)


def coverage(judged: list[dict[str, np.ndarray]]) -> pd.DataFrame:
    """Share of days inside the 50, 80 and 95 % intervals by randomised PIT (Czado et al. 2009), by volume class."""
    transform = np.concatenate([one["transform"] for one in judged])
    volume = np.concatenate([one["volume"] for one in judged])
    rows = []
    for low, high in [(0, np.inf), (0, 0.3), (0.3, 1), (1, 5), (5, 20), (20, np.inf)]:
        inside = transform[(volume >= low) & (volume < high)]
        share = {f"{width} %": np.mean(np.abs(inside - 0.5) <= width / 200).round(3) for width in (50, 80, 95)}
        rows.append({"complaints a day": "all" if (low, high) == (0, np.inf) else f"{low} to {high}"} | share)
    return pd.DataFrame(rows)


def _markdown(table: pd.DataFrame) -> str:
    lines = [list(table.columns), ["---"] * len(table.columns), *table.astype(str).to_numpy().tolist()]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def main(folder: Path) -> None:
    """Measure on all panels and write the page."""
    parts, judged, seconds = zip(*(measure(name, folder) for name in panels.QUERIES), strict=True)
    found = pd.concat(parts)
    methods = [method for method in TITLES if (found["method"] == method).any()]
    shown = found.round(3).assign(method=found["method"].map({"forerunner": "**Forerunner**"} | TITLES))
    page = f"""# How good the forecasts are

Measured on {date.today()} by `make backtest`: {panels.ORIGINS} origins over a year, 29 days apart, 28 days ahead,
refitted at each with nothing known after it; four real panels ({", ".join(panels.QUERIES)}), their largest series (at
most {panels.MOST_SERIES}) and all totals. The engine took {sum(seconds):.0f} s for all panels and origins.

## Ratios to the peers, below 1 is better
Geometric mean over panels × {{bottom, totals}}. AutoETS, Theta, MSTL and Prophet give quantiles of a normal law, cut at
0, which costs them much of the scaled quantile loss on sparse series; the last 13 same weekdays are the peer to fear.

{_markdown(ratios(found, methods))}

## Coverage of the intervals, by randomised PIT

{_markdown(coverage(list(judged)))}

## Each panel

{_markdown(shown)}
"""
    (ROOT / "docs" / "accuracy.md").write_text(page, encoding="utf-8")
    print(page)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT.parent / "shared")
