"""The signals that were issued, what people said of them, and how often they came true."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import date, datetime
from typing import TYPE_CHECKING

import duckdb
import numpy as np
import pandas as pd

from analytics.errors import BadInput
from analytics.panel import Panel, total_counts, totals
from analytics.signals import BUDGET, within_budget, year_thresholds
from analytics.store_panel import store_panel

if TYPE_CHECKING:
    from analytics.store import Store

SAID = ("useful", "false", "known")
SHIFT = {"useful": 1.5, "false": 0.5, "known": 0.7}  # of the score of later signals of the place and topic
BINS = (0.25, 0.4, 0.55, 0.7, 0.85, 1.0)
NEAR = 7  # days ahead for which precision and recall are taken


def issued_signals(
    store: Store, *, budget: int = BUDGET, regions: Iterable[str] = (), topic_groups: Iterable[str] = ()
) -> pd.DataFrame:
    """The signals of the newest issue, the most pressing first: the table `signals` with topic, week, state and owner.

    State: 'new', or 'going_on' where the issue before said it too or its days have begun. `why` is a dictionary.
    Feedback shifts the order: useful × 1.5, known already × 0.7, false × 0.5 for its place and topic. `budget`: signals
    of a region and week that are `within_budget`. `attrs`: origin, run_id. No rows where nothing was issued.
    """
    with store.reading() as query:
        run = query(
            "select run_id, origin from forecast_runs where not reconstructed order by origin desc, run_id desc limit 1"
        )
        run_id = -1 if run.empty else int(run["run_id"].iloc[0])
        found = query(
            """
            with earlier as (
              select signals.* from signals join forecast_runs using (run_id)
              where not reconstructed and origin = (
                select max(origin) from forecast_runs
                where not reconstructed and origin < (select origin from forecast_runs where run_id = $run_id))
            )
            select * exclude (topic_group), topic_group as topic, exists (
                select 1 from earlier where earlier.region = signals.region
                  and earlier.topic_group = signals.topic_group
                  and earlier.first_day <= signals.last_day and earlier.last_day >= signals.first_day
              ) as said_before
            from signals where run_id = $run_id and chosen(region, $regions) and chosen(topic_group, $topic_groups)
            """,
            run_id=run_id,
            regions=list(regions) or None,
            topic_groups=list(topic_groups) or None,
        )
        said = query(
            "select region, topic_group as topic, arg_max(said, given_at) as said, arg_max(owner, given_at) as owner "
            "from feedback group by all"
        )
    found = found.merge(said, on=["region", "topic"], how="left")
    origin = pd.NaT if run.empty else run["origin"].iloc[0]
    found["score"] *= found["said"].map(SHIFT).fillna(1.0)
    found["week"] = (found["first_day"] - origin).dt.days.sub(1) // 7
    keep = found[["region", "topic", "first_day", "week", "why", "said_before", "said", "owner", "run_id"]]
    ordered = within_budget(found, budget).merge(keep, on=["region", "topic", "first_day"], how="left")
    ordered["state"] = np.where(ordered.pop("said_before").astype(bool), "going_on", "new")
    ordered["why"] = [json.loads(text) for text in ordered["why"]]
    ordered.attrs = {} if run.empty else {"origin": pd.Timestamp(origin).date(), "run_id": run_id}
    return ordered


def give_feedback(
    store: Store,
    region: str,
    topic: str,
    peak_day: date,
    *,
    said: str | None,
    word: str | None = None,
    owner: str | None = None,
    now: datetime,
) -> None:
    """Keep what somebody said of a signal ('useful', 'false', 'known'), and who sees to it. Raises BadInput."""
    if said is not None and said not in SAID:
        raise BadInput("feedback", "Of a signal one can say {known}, not {said}.", known=", ".join(SAID), said=said)

    def work(cursor: duckdb.DuckDBPyConnection) -> None:
        cursor.execute(
            "insert into feedback values ($region, $topic, $peak_day, $said, $word, $owner, $now)",
            {
                "region": region,
                "topic": topic,
                "peak_day": peak_day,
                "said": said,
                "word": word,
                "owner": owner,
                "now": now,
            },
        )

    store.write(work)


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
        "recall": _recall(rows[rows["within_budget"].astype(bool)], panel),
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


def _recall(named: pd.DataFrame, panel: Panel) -> float:
    """Of the spike days in the week after each origin, the share that lies in a signal of its place and topic."""
    spikes = caught = 0
    for origin, part in named.groupby("origin"):
        at = int((origin - panel.days[0]).days)
        known, coming = panel.counts[:, : at + 1], panel.counts[:, at + 1 : at + 1 + NEAR]
        least = year_thresholds(Panel(panel.days[: at + 1], panel.series, known))
        row, day = np.nonzero(np.nan_to_num(coming) >= least[:, None])
        spikes += len(row)
        told = {
            (signal.region, signal.topic, ahead)
            for signal in part.itertuples()
            for ahead in pd.date_range(signal.first_day, signal.last_day)
        }
        keys = panel.series[["region", "topic"]].to_numpy()
        caught += sum((*keys[r], panel.days[at + 1 + d]) in told for r, d in zip(row, day, strict=True))
    return caught / spikes if spikes else float("nan")
