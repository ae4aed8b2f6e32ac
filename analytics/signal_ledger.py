"""The signals that were issued, with what people said of them and the thresholds that are their own."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import pandas as pd

from analytics.errors import BadInput
from analytics.own_signals import own_signals, own_thresholds
from analytics.panel import TOTAL
from analytics.place_days import SERIES, place_counts
from analytics.signals import BUDGET, within_budget

if TYPE_CHECKING:
    from analytics.store import Store

SAID = ("useful", "false", "known")
SHIFT = {"useful": 1.5, "false": 0.5, "known": 0.7}  # of the score of later signals of the place and topic
MORE = ["week", "kind", "why", "state", "said", "word", "owner"]
NEWEST = """
select run_id, origin from forecast_runs where not reconstructed order by origin desc, run_id desc limit 1
"""
ISSUED = """
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
from signals where run_id = $run_id
"""
SAID_OF = """
select region, coalesce(municipality, '') as municipality, topic_group as topic, peak_day, said, word, owner
from feedback
where peak_day > (select origin from forecast_runs where run_id = $run_id) - interval 91 days order by given_at
"""


def issued_signals(
    store: Store, *, budget: int | None = None, regions: Iterable[str] = (), topic_groups: Iterable[str] = ()
) -> pd.DataFrame:
    """The signals of the newest issue, the most pressing first.

    The table `signals` with municipality ('': the region), topic, week, kind, state, said, owner. Kind: 'own' where the
    reader set a threshold for the
    place and topic group, which then stands in the place of ours; else 'usual'. State: 'going_on' where the issue
    before said it too, or its days follow a day at the threshold, else 'new'. `why` is a dictionary. `said`, `word` and
    `owner` are what was said last of a peak within the signal's days; what was said of the series in the last 91 days
    shifts the order: useful × 1.5, known already × 0.7, false × 0.5. Signals of one region, topic or cause are folded
    (see `folded_by_cause`). `budget`: signals of a region and week that are `within_budget`; without it the setting,
    else 5. `attrs`: origin, run_id. No rows where nothing was issued.
    """
    with store.reading() as query:
        run = query(NEWEST)
        run_id = -1 if run.empty else int(run["run_id"].iloc[0])
        found = query(ISSUED, run_id=run_id)
        said = query(SAID_OF, run_id=run_id)
        set_budget = query("select value::int as value from settings where setting = 'budget'")
    if run.empty:
        return found.assign(municipality=[], week=[], kind=[], state=[], said=[], word=[], owner=[], within_budget=[])
    origin = run["origin"].iloc[0]
    found = _with_own(store, found, run_id, origin)
    found = found[_chosen(found["region"], regions) & _chosen(found["topic"], topic_groups)].reset_index(drop=True)
    found["why"] = [json.loads(text) for text in found["why"]]
    found["week"] = (found["first_day"] - origin).dt.days.sub(1) // 7
    found = folded_by_cause(_with_feedback(found, said))
    found["state"] = np.where(found.pop("said_before").astype(bool) | _begun(store, found, origin), "going_on", "new")
    most = int(budget or (set_budget["value"].iloc[0] if len(set_budget) else BUDGET))
    keys = [*SERIES, "first_day"]
    more = found[[*keys, *MORE, "run_id"]]
    ordered = within_budget(found, most).merge(more, on=keys, how="left")
    ordered.attrs = {"origin": pd.Timestamp(origin).date(), "run_id": run_id}
    return ordered


def is_any_over(store: Store) -> bool:
    """Can any issued signal be judged by now?"""
    found = store.query(
        """
        select 1 from signals join forecast_runs using (run_id)
        where not reconstructed and last_day <= (select max(full_until) from coverage) limit 1
        """
    )
    return not found.empty


def folded_by_cause(signals: pd.DataFrame) -> pd.DataFrame:
    """Signals of one region that the same named event lifts on the same days become the most pressing one of them.

    The topics of the others are told in its `also`; a signal of a threshold of one's own is never folded away.
    """
    ordered = signals.sort_values("score", ascending=False, kind="stable").reset_index(drop=True)
    rows = ordered.to_dict("records")
    kept: list[int] = []
    leads: dict[str, list[int]] = defaultdict(list)  # of each region, those that name an event
    for number, row in enumerate(rows):
        named = set(row["why"].get("events_named", []))
        lead = next((other for other in leads[row["region"]] if _tells(rows[other], row, named)), None)
        if lead is None:
            kept.append(number)
            if named:
                leads[row["region"]].append(number)
            continue
        also = [*filter(None, str(rows[lead]["also"]).split("|")), row["topic"]]
        rows[lead]["also"] = "|".join(dict.fromkeys(topic for topic in also if topic != TOTAL))
    ordered["also"] = [row["also"] for row in rows]
    return ordered.loc[kept].reset_index(drop=True)


def _tells(lead: dict[str, Any], row: dict[str, Any], named: set[str]) -> bool:
    """Is the more pressing signal `lead` of the same event, on the same days, of another topic?"""
    return bool(
        row["kind"] != "own"
        and named & set(lead["why"].get("events_named", []))
        and lead["first_day"] <= row["last_day"]
        and lead["last_day"] >= row["first_day"]
        and lead["topic"] != row["topic"]
    )


def _chosen(names: pd.Series, wanted: Iterable[str]) -> pd.Series:
    wanted = list(wanted)
    return names.isin(wanted) if wanted else pd.Series(True, index=names.index)


def _with_own(store: Store, issued: pd.DataFrame, run_id: int, origin: pd.Timestamp) -> pd.DataFrame:
    """With the signals of the reader's thresholds in the place of those of the same place and topic group."""
    issued = issued.assign(municipality="")
    own = own_thresholds(store)
    if own.empty:
        return issued.assign(kind="usual")
    theirs = pd.MultiIndex.from_frame(issued[SERIES]).isin(pd.MultiIndex.from_frame(own[SERIES]))
    made = own_signals(store, run_id, pd.Timestamp(origin).date())
    made["why"] = [_why_of(row, issued) for row in made.to_dict("records")]
    made = made.assign(said_before=False, within_budget=True, kind="own").reindex(columns=[*issued.columns, "kind"])
    others = issued[~theirs].assign(kind="usual")
    return pd.concat([others, made], ignore_index=True) if len(made) else others


def _why_of(own: dict[str, Any], issued: pd.DataFrame) -> str:
    """The reasons of the issued signal of the same place and topic group that shares days with it; {} without one."""
    same = issued[(issued[SERIES] == pd.Series({name: own[name] for name in SERIES})).all(axis=1)]
    meets = same[(same["first_day"] <= own["last_day"]) & (same["last_day"] >= own["first_day"])]
    return str(meets["why"].iloc[0]) if len(meets) else "{}"


def _with_feedback(signals: pd.DataFrame, said: pd.DataFrame) -> pd.DataFrame:
    """What was said shifts the score of its series; it is told of the signal whose days hold its peak."""
    last = said.dropna(subset="said").groupby(SERIES)["said"].last()
    index = pd.MultiIndex.from_frame(signals[SERIES])
    signals = signals.assign(score=signals["score"] * pd.Series(index.map(last).map(SHIFT)).fillna(1.0).to_numpy())
    told: dict[str, list[Any]] = {name: [None] * len(signals) for name in ("said", "word", "owner")}
    of_series = dict(list(said.groupby(SERIES)))
    for at in np.flatnonzero(index.isin(list(of_series))):
        rows = of_series[index[at]]
        rows = rows[rows["peak_day"].between(signals["first_day"].iloc[at], signals["last_day"].iloc[at])]
        for name, values in told.items():
            known = rows[name].dropna()
            values[at] = known.iloc[-1] if len(known) else None
    return signals.assign(
        **{name: pd.Series(values, index=signals.index, dtype="object") for name, values in told.items()}
    )


def _begun(store: Store, signals: pd.DataFrame, origin: pd.Timestamp) -> np.ndarray:
    """Does a signal follow, without a gap, a day that was at its threshold already?"""
    first = (signals["first_day"] - origin).dt.days.to_numpy() == 1
    if not first.any():
        return first
    day = pd.Timestamp(origin).date()
    counts = place_counts(store, signals[SERIES].drop_duplicates(), day, day)
    at = counts.index.get_indexer(pd.MultiIndex.from_frame(signals[SERIES]))
    return first & (counts.to_numpy()[at, 0] >= signals["threshold"].to_numpy())


def give_feedback(
    store: Store,
    region: str,
    topic: str,
    peak_day: date,
    *,
    said: str | None,
    word: str | None = None,
    owner: str | None = None,
    municipality: str = "",
    now: datetime,
) -> None:
    """Keep what somebody said of a signal ('useful', 'false', 'known'), and who sees to it. Raises BadInput."""
    if said is not None and said not in SAID:
        raise BadInput("feedback", "Of a signal one can say {known}, not {said}.", known=", ".join(SAID), said=said)

    def work(cursor: duckdb.DuckDBPyConnection) -> None:
        cursor.execute(
            """
            insert into feedback (region, topic_group, peak_day, said, word, owner, given_at, municipality)
            values ($region, $topic, $peak_day, $said, $word, $owner, $now, nullif($municipality, ''))
            """,
            {
                "region": region,
                "topic": topic,
                "peak_day": peak_day,
                "said": said,
                "word": word,
                "owner": owner,
                "now": now,
                "municipality": municipality,
            },
        )

    store.write(work)
