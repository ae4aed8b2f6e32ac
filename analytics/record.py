"""How good the forecasts were that were issued."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analytics.forecast import probability
from analytics.ledger import issued
from analytics.panel import Panel, total_counts, totals
from analytics.store_panel import store_panel

if TYPE_CHECKING:
    from analytics.store import Store

WIDTHS = (50, 80, 95)
ALL = "all"  # the row of everything that was judged; "*" is the total of a region or topic, as everywhere
MEASURED = ("actual", "mean", "miss", "naive_miss", "transform")


def record(store: Store, by: str = "lead", *, reconstructed: bool = False) -> pd.DataFrame:
    """How good the issued forecasts were: one row for each lead day (or region, or topic), and one with 'all'.

    Forecasts of totals are judged too: those of all regions together are the region '*'.

    `forecasts`: judged days; `error`: sum |count - 0.5 quantile| / sum counts; `naive_error`: the same for the last
    known same weekday; `skill`: 1 - error / naive_error; `bias`: sum(mean - count) / sum counts; `coverage_50/80/95`:
    share inside the central interval by randomised PIT (Czado, Gneiting and Held 2009). Of several issues for one
    origin the first is judged; unknown days are not. `reconstructed`: judge what was made later instead.
    """
    chosen = store.query(
        "select run_id, origin from forecast_runs where reconstructed = $reconstructed "
        "qualify row_number() over (partition by origin order by run_id) = 1 order by origin",
        reconstructed=reconstructed,
    )
    if chosen.empty:
        return summed(pd.DataFrame(columns=["lead", "region", "topic", *MEASURED]), by)
    panel = store_panel(store).panel
    parts = [
        judged(issued(store, run_id=int(run)), panel, pd.Timestamp(origin))
        for run, origin in zip(chosen["run_id"], chosen["origin"], strict=True)
    ]
    return summed(pd.concat(parts, ignore_index=True), by)


def judged(forecast: pd.DataFrame, panel: Panel, origin: pd.Timestamp) -> pd.DataFrame:
    """Each row of a forecast beside what happened: lead, region, topic, actual, mean, miss, naive_miss, transform.

    Rows whose day is unknown or has not come yet are left out.
    """
    levels = totals(panel)
    series = pd.concat([panel.series, *(level.series for level in levels)], ignore_index=True)
    counts = np.vstack([panel.counts, *(total_counts(level, panel.counts) for level in levels)])
    row = pd.MultiIndex.from_frame(series).get_indexer(pd.MultiIndex.from_frame(forecast[["region", "topic"]]))
    day = (forecast["day"] - panel.days[0]).dt.days.to_numpy()
    lead = (forecast["day"] - origin).dt.days.to_numpy()
    come = (row >= 0) & (day < counts.shape[1])
    actual = np.where(come, counts[row, np.where(come, day, 0)], np.nan)
    week_before = day - 7 * ((lead - 1) // 7 + 1)
    naive = np.where(come & (week_before >= 0), counts[row, np.clip(week_before, 0, counts.shape[1] - 1)], np.nan)
    return compared(forecast, lead, actual, naive)


def compared(forecast: pd.DataFrame, lead: np.ndarray, actual: np.ndarray, naive: np.ndarray) -> pd.DataFrame:
    """As `judged`, of rows for which what happened and the last known same weekday are given (nan: not known)."""
    known = ~np.isnan(actual) & ~np.isnan(naive)
    kept = forecast[known]
    kept.attrs = forecast.attrs
    actual, naive = actual[known], naive[known]
    below = 1 - probability(kept, actual)["probability"].to_numpy()
    at_most = 1 - probability(kept, actual + 1)["probability"].to_numpy()
    chance = np.random.default_rng(0).random(len(kept))
    return pd.DataFrame(
        {
            "lead": lead[known],
            "region": kept["region"].to_numpy(),
            "topic": kept["topic"].to_numpy(),
            "actual": actual,
            "mean": kept["mean"].to_numpy(),
            "miss": np.abs(actual - kept["0.5"].to_numpy()),
            "naive_miss": np.abs(actual - naive),
            "transform": below + (at_most - below) * chance,
        }
    )


def summed(rows: pd.DataFrame, by: str) -> pd.DataFrame:
    """Measures for each value of `by`, and 'all' for all of them."""
    parts = [(ALL, rows), *rows.groupby(by, sort=True)] if len(rows) else []
    return pd.DataFrame(
        [{by: name} | _measures(part) for name, part in parts],
        columns=[by, "forecasts", "error", "naive_error", "skill", "bias", *(f"coverage_{width}" for width in WIDTHS)],
    )


def _measures(rows: pd.DataFrame) -> dict[str, float]:
    whole = max(rows["actual"].sum(), 1e-9)
    error, naive = rows["miss"].sum() / whole, rows["naive_miss"].sum() / whole
    found = {
        "forecasts": len(rows),
        "error": error,
        "naive_error": naive,
        "skill": 1 - error / max(naive, 1e-9),
        "bias": (rows["mean"].sum() - rows["actual"].sum()) / whole,
    }
    inside = np.abs(rows["transform"].to_numpy() - 0.5)
    return found | {f"coverage_{width}": float((inside <= width / 200).mean()) for width in WIDTHS}
