"""How often signals came true: against what was said, and of what came how much had been named."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analytics.panel import Panel, total_counts, totals
from analytics.signal_ledger import is_any_over
from analytics.store_panel import store_panel
from analytics.thresholds import year_thresholds

if TYPE_CHECKING:
    from analytics.store import Store

BINS = (0.25, 0.4, 0.55, 0.7, 0.85, 1.0)
NEAR = 7  # days ahead for which precision and recall are taken


def newest_record(store: Store) -> tuple[pd.DataFrame, dict[str, float], bool]:
    """As `signal_record`: of issued signals where any can be judged, else of what would have been said (True)."""
    if is_any_over(store):
        table, figures = signal_record(store)
        if len(table):
            return table, figures, False
    return (*signal_record(store, reconstructed=True), True)


def signal_record(store: Store, *, reconstructed: bool = False) -> tuple[pd.DataFrame, dict[str, float]]:
    """How often signals came true: said, signals, came for each range of probability; and figures over all.

    A signal came true when a day of it reached its threshold; signals whose days have not all come, or were not loaded,
    are not judged. Figures: `signals`, `said` (mean probability), `came` (share), `precision` of those within the
    budget, `recall`: share of spike days of the coming week that a signal within the budget had named (spikes by the
    threshold of the year, region × topic), `lead` (mean days ahead of those that came).
    """
    rows = store.query(
        """
        select signals.* exclude (topic_group), topic_group as topic, origin
        from signals join forecast_runs using (run_id)
        where reconstructed = $reconstructed order by run_id, score desc
        """,
        reconstructed=reconstructed,
    )
    if rows.empty:
        return pd.DataFrame(columns=["from", "to", "signals", "said", "came"]), {}
    origins = store.query(
        "select distinct origin from forecast_runs where reconstructed = $reconstructed order by origin",
        reconstructed=reconstructed,
    )
    panel = store_panel(store).panel
    judged = _outcomes(rows, panel)
    known = judged[judged["came"].notna()].astype({"came": float})
    bins = pd.cut(known["probability"], list(BINS), include_lowest=True)
    table = pd.DataFrame(
        [
            {
                "from": float(each.left),
                "to": float(each.right),
                "signals": len(part),
                "said": float(part["probability"].mean()),
                "came": float(part["came"].mean()),
            }
            for each, part in known.groupby(bins, observed=True)
        ],
        columns=["from", "to", "signals", "said", "came"],
    )
    inside = known[known["within_budget"].astype(bool)]
    hits = known[known["came"] > 0]
    figures = {
        "signals": float(len(known)),
        "said": float(known["probability"].mean()) if len(known) else np.nan,
        "came": float(known["came"].mean()) if len(known) else np.nan,
        "precision": float(inside["came"].mean()) if len(inside) else np.nan,
        "recall": _recall(rows[rows["within_budget"].astype(bool)], origins["origin"], panel),
        "lead": float((hits["peak_day"] - hits["origin"]).dt.days.mean()) if len(hits) else np.nan,
    }
    return table, figures


def _outcomes(rows: pd.DataFrame, panel: Panel) -> pd.DataFrame:
    """With `came`: 1 when a day reached the threshold, 0 when none did, nan where that cannot be known (yet)."""
    levels = totals(panel)
    series = pd.concat([panel.series, *(level.series for level in levels)], ignore_index=True)
    counts = np.vstack([panel.counts, *(total_counts(level, panel.counts) for level in levels)])
    at = pd.MultiIndex.from_frame(series).get_indexer(pd.MultiIndex.from_frame(rows[["region", "topic"]]))
    begin = (rows["first_day"] - panel.days[0]).dt.days.to_numpy()
    end = (rows["last_day"] - panel.days[0]).dt.days.to_numpy()
    came = np.full(len(rows), np.nan)
    for number, (row, first, last, least) in enumerate(zip(at, begin, end, rows["threshold"], strict=True)):
        if row < 0 or first < 0 or last >= counts.shape[1]:
            continue
        days = counts[row, first : last + 1]
        reached = bool((np.nan_to_num(days, nan=-1) >= least).any())
        came[number] = 1.0 if reached else np.nan if np.isnan(days).any() else 0.0
    return rows.assign(came=came)


def _recall(named: pd.DataFrame, origins: pd.Series, panel: Panel) -> float:
    """Of the spike days in the week after each origin, the share that lies in a signal of its place and topic.

    An origin that named nothing counts too: what came after it was missed.
    """
    spikes = caught = 0
    index = pd.MultiIndex.from_frame(panel.series[["region", "topic"]])
    for origin in origins:
        part = named[named["origin"] == origin]
        at = int((origin - panel.days[0]).days)
        if at < 0:
            continue
        known, coming = panel.counts[:, : at + 1], panel.counts[:, at + 1 : at + 1 + NEAR]
        if not coming.size:
            continue
        least = year_thresholds(known)
        spike = np.nan_to_num(coming) >= least[:, None]
        told = np.zeros_like(spike)
        rows = index.get_indexer(pd.MultiIndex.from_frame(part[["region", "topic"]]))
        begin, end = ((part[name] - origin).dt.days.to_numpy() - 1 for name in ("first_day", "last_day"))
        for row, first, last in zip(rows, begin, end, strict=True):
            if row >= 0:
                told[row, max(first, 0) : last + 1] = True
        spikes += int(spike.sum())
        caught += int((spike & told).sum())
    return caught / spikes if spikes else float("nan")
