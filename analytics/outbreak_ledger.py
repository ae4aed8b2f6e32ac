"""Outbreaks of the store: what is going on by the newest refresh, kept in the ledger, late rows allowed for."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date
from typing import TYPE_CHECKING

import duckdb
import numpy as np
import pandas as pd

from analytics.almanac import Almanac
from analytics.arrival import how_late_complaints_arrive
from analytics.filters import Filters
from analytics.outbreaks import FEWEST_ALARMS, outbreaks
from analytics.panel import TOTAL, Panel, total_counts, totals
from analytics.store_panel import StorePanel, store_panel

if TYPE_CHECKING:
    from analytics.store import Store

WRONG_A_DAY = 0.5  # asked for over all series together: rare ones come up to twice as often as asked for
MOST_ALARMS = 0.02  # share of a series' quiet days on which one is said, however few series there are
RECENT = 3  # days: with no unusual one among the last so many an outbreak is over
GAP = 3  # days between two unusual days of one outbreak at most: a weekend may lie between them
TOLD = 0.4  # share of a total's excess from which the total is told by a part of it
Report = Callable[[float, str], None]


def judge_store(
    store: Store,
    almanac: Almanac,
    since: date | None = None,
    *,
    false_alarms: float = 0.02,
    end: date | None = None,
    report: Report = lambda share, name: None,
) -> pd.DataFrame:
    """The days of the store judged, regions, topic groups and totals ('*'): the table of `outbreaks.outbreaks`."""
    found = store_panel(store, almanac=almanac, end=end)
    shares = None if end else arrived(store)
    return outbreaks(
        with_totals(found.panel), since, false_alarms=false_alarms, almanac=almanac, completeness=shares, report=report
    )


def issue_outbreaks(store: Store, found: StorePanel, almanac: Almanac, run_id: int, report: Report) -> int:
    """Keep with a run of forecasts which outbreaks go on at its origin; answers how many. Once: 0 the second time."""
    if _is_judged(store.query, run_id):
        report(1.0, "")
        return 0
    panel = with_totals(found.panel)
    share = float(np.clip(WRONG_A_DAY / max(len(panel.series), 1), FEWEST_ALARMS, MOST_ALARMS))
    judged = outbreaks(panel, false_alarms=share, almanac=almanac, completeness=arrived(store), report=report)
    rows = going_on(judged, panel).rename(columns={"topic": "topic_group"}).assign(run_id=run_id)

    def work(cursor: duckdb.DuckDBPyConnection) -> int:
        if _is_judged(lambda sql, **given: cursor.execute(sql, given).df(), run_id):  # another process was quicker
            return 0
        cursor.execute(
            "insert into outbreak_runs values ($run_id, $series, $share)",
            {"run_id": run_id, "series": len(panel.series), "share": share},
        )
        cursor.register("found_rows", rows)
        cursor.execute("insert into outbreaks by name select * from found_rows")
        cursor.unregister("found_rows")
        return len(rows)

    return store.write(work)


def issued_outbreaks(store: Store, *, regions: Iterable[str] = (), topic_groups: Iterable[str] = ()) -> pd.DataFrame:
    """What goes on by the newest refresh, the most pressing first: the table `outbreaks` with `topic` and `state`.

    State: 'new', or 'going_on' where the origin before had it too. `attrs`: run_id, last_day (that was judged), series,
    false_alarms. No rows and no attrs where nothing was judged.
    """
    with store.reading() as query:
        run = query(
            "select run_id, origin, series, false_alarms from outbreak_runs join forecast_runs using (run_id) "
            "where not reconstructed order by origin desc, run_id desc limit 1"
        )
        found = query(
            """
            with earlier as (
              select outbreaks.* from outbreaks join forecast_runs using (run_id)
              where origin = (
                select max(origin) from forecast_runs join outbreak_runs using (run_id)
                where origin < (select origin from forecast_runs where run_id = $run_id))
            )
            select * exclude (topic_group), topic_group as topic, if(exists (
                select 1 from earlier where earlier.region = outbreaks.region
                  and earlier.topic_group = outbreaks.topic_group
              ), 'going_on', 'new') as state
            from outbreaks
            where run_id = $run_id and chosen(region, $regions) and chosen(topic_group, $topic_groups)
            order by score * (complaints - expected) desc
            """,
            run_id=-1 if run.empty else int(run["run_id"].iloc[0]),
            regions=list(regions) or None,
            topic_groups=list(topic_groups) or None,
        )
    if len(run):
        first = run.iloc[0]
        found.attrs = {
            "run_id": int(first["run_id"]),
            "last_day": pd.Timestamp(first["origin"]).date(),
            "series": int(first["series"]),
            "false_alarms": float(first["false_alarms"]),
        }
    return found


def arrived(store: Store) -> pd.DataFrame | None:
    """day, share (of its complaints usually known by now), of the last days; None where too little is known of it."""
    days = how_late_complaints_arrive(store, Filters()).days
    return days[["day", "share"]] if len(days) else None


def with_totals(panel: Panel) -> Panel:
    """The panel's series and all totals above them, '*' in the place of what was summed."""
    levels = totals(panel)
    series = pd.concat([panel.series, *(level.series for level in levels)], ignore_index=True)
    counts = np.vstack([panel.counts, *(total_counts(level, panel.counts) for level in levels)])
    once = ~_of_one(series, panel)
    return Panel(panel.days, series[once].reset_index(drop=True), counts[once])


def going_on(judged: pd.DataFrame, panel: Panel) -> pd.DataFrame:
    """region, topic, first_day, last_day, complaints, expected, score: outbreaks with an unusual day among the last.

    `judged`: of the panel's last days. From the first of the unusual days that follow each other with at most GAP days
    between, to the last; `complaints` and `expected` (to have arrived) are sums over the known days from the first on,
    `score` is the greatest. A total is left out where a part of it makes much of its excess.
    """
    shape = len(panel.series), -1
    said = judged["outbreak"].to_numpy().reshape(shape)
    expected, score = (judged[name].to_numpy().reshape(shape) for name in ("expected", "score"))
    days = panel.days[-said.shape[1] :]
    counts = panel.counts[:, -said.shape[1] :]
    rows = []
    for number in np.flatnonzero(said[:, -RECENT:].any(axis=1)):
        unusual = np.flatnonzero(said[number])
        breaks = np.flatnonzero(np.diff(unusual) > GAP + 1)
        first, last = int(unusual[breaks[-1] + 1] if len(breaks) else unusual[0]), int(unusual[-1])
        known = ~np.isnan(expected[number, first:])
        rows.append(
            {
                "region": panel.series["region"].iloc[number],
                "topic": panel.series["topic"].iloc[number],
                "first_day": days[first],
                "last_day": days[last],
                "complaints": int(counts[number, first:][known].sum()),
                "expected": float(expected[number, first:][known].sum()),
                "score": float(np.nanmax(score[number, first:])),
            }
        )
    columns = ["region", "topic", "first_day", "last_day", "complaints", "expected", "score"]
    return _told_once(pd.DataFrame(rows, columns=columns))


def _told_once(found: pd.DataFrame) -> pd.DataFrame:
    """Without totals that a part of theirs tells: the part makes TOLD of the excess since then."""
    excess = (found["complaints"] - found["expected"]).to_numpy(dtype=float)
    region, topic = found["region"].to_numpy(), found["topic"].to_numpy()
    keep = np.ones(len(found), dtype=bool)
    for number in range(len(found)):
        part = (region[number] == TOTAL) & (region != TOTAL) | (region == region[number])
        part &= (topic[number] == TOTAL) & (topic != TOTAL) | (topic == topic[number])
        part[number] = False
        keep[number] = not (part & (excess >= TOLD * excess[number])).any()
    return found[keep].reset_index(drop=True)


def _of_one(series: pd.DataFrame, panel: Panel) -> np.ndarray:
    """Totals of a single region or a single topic are that one again."""
    one_region, one_topic = panel.series["region"].nunique() == 1, panel.series["topic"].nunique() == 1
    return np.asarray((one_region & (series["region"] == TOTAL)) | (one_topic & (series["topic"] == TOTAL)))


def _is_judged(query: Callable[..., pd.DataFrame], run_id: int) -> bool:
    return not query("select 1 from outbreak_runs where run_id = $run_id", run_id=run_id).empty
