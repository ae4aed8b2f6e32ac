"""The coming week: what is expected of each place against its usual, and the three things to see to first."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pandas as pd

from analytics.filters import COUNTED, Filters
from analytics.panel import TOTAL
from analytics.queries import daily_counts

if TYPE_CHECKING:
    from analytics.store import Store

WEEK = 7  # days
BASE_WEEKS = 8  # before the origin: their average is the usual week
FEWEST_WEEKS = 2  # of them that must be known
FEWEST = 5.0  # complaints of a usual week: from fewer no change is taken
FRIDAY = 4
RISES = 1.2  # times the usual from which an expected week is worth a sentence
MORE = 5.0  # complaints above the usual that it brings at least
MOST = 3  # things
LATE = 2  # days that the data of a place lag behind, from which they are worth a sentence


@dataclass(frozen=True)
class Thing:
    """Something to see to: a sentence of the catalogue (`thing.<key>`), its values, and the view that shows it.

    `names`: meaning -> name, of the place and the topic group ('*' = all); `page`: a page's name; `chosen`: the filters
    of that view, meaning -> value.
    """

    key: str
    page: str
    values: dict[str, Any] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    chosen: dict[str, str] = field(default_factory=dict)


def forecast_age(store: Store, as_of: date) -> dict[str, Any]:
    """origin, issued_at (UTC) of the newest forecasts, None without any; late: days by which the data are newer."""
    found = store.query(
        "select origin, issued_at from forecast_runs where not reconstructed order by origin desc, run_id desc limit 1"
    )
    if found.empty:
        return {"origin": None, "issued_at": None, "late": 0}
    origin = found["origin"].iloc[0].date()
    return {"origin": origin, "issued_at": found["issued_at"].iloc[0], "late": max((as_of - origin).days, 0)}


def expected_change(store: Store, filters: Filters, places: str) -> pd.DataFrame:
    """Each place in the seven days after the newest forecast's origin: region, [municipality], expected, usual, change.

    `places`: region or municipality. `usual`: an average week of the eight before, of those known; `change`:
    expected / usual, nan where fewer than 5 are usual or fewer than two weeks are known. Of the filters regions,
    municipalities and topic groups count: forecasts know no channels. No rows where nothing was issued.
    """
    run = store.query(
        "select run_id, origin from forecast_runs where not reconstructed order by origin desc, run_id desc limit 1"
    )
    if run.empty:
        return pd.DataFrame({"region": [], "municipality": [], "expected": [], "usual": [], "change": []})
    origin = run["origin"].iloc[0].date()
    by = ["region"] if places == "region" else ["region", "municipality"]
    bound = {
        "run_id": int(run["run_id"].iloc[0]),
        "last": origin + timedelta(days=WEEK),
        "regions": list(filters.regions) or None,
    }
    if places == "region":
        expected = store.query(
            """
            select region, sum(mean) as expected from forecasts
            where run_id = $run_id and day <= $last and region not in ('', '*')
              and chosen(region, $regions) and chosen(topic_group, $topics)
            group by all
            """,
            topics=list(filters.topic_groups) or [TOTAL],
            **bound,
        )
    else:
        expected = store.query(
            """
            select region, municipality, sum(mean) as expected from municipal_forecasts
            where run_id = $run_id and day <= $last and municipality <> '' and chosen(region, $regions)
              and chosen(municipality, $municipalities) and chosen(topic_group, $topics)
            group by all
            """,
            topics=list(filters.topic_groups) or None,
            municipalities=list(filters.municipalities) or None,
            **bound,
        )
    past = Filters(
        origin - timedelta(days=WEEK * BASE_WEEKS - 1),
        origin,
        regions=filters.regions,
        municipalities=filters.municipalities if places == "municipality" else (),
        topic_groups=filters.topic_groups,
        kinds=COUNTED,
    )
    usual = daily_counts(store, past, by).groupby(by, as_index=False)["complaints"].sum()
    table = expected.merge(usual, on=by, how="left").fillna({"complaints": 0.0})
    weeks = _weeks_known(store, table["region"], origin)
    table = table.assign(usual=table.pop("complaints") / weeks)
    known = (table["usual"] >= FEWEST) & (weeks >= FEWEST_WEEKS)
    return table.assign(change=(table["expected"] / table["usual"]).where(known))


def _weeks_known(store: Store, regions: pd.Series, origin: date) -> pd.Series:
    """How many of the weeks before the origin each region has data of: a young source has not risen, it has begun."""
    begun = store.query("select coalesce(region, '') as region, min(first_day) as day from coverage group by all")
    first = pd.to_datetime(regions.map(begun.set_index("region")["day"]))
    return (((pd.Timestamp(origin) - first).dt.days + 1) / WEEK).fillna(BASE_WEEKS).clip(1, BASE_WEEKS)


def friday(as_of: date) -> date:
    """The Friday before which something can still be done: the first one after the day that follows `as_of`."""
    today = as_of + timedelta(days=1)
    return today + timedelta(days=(FRIDAY - today.weekday() - 1) % 7 + 1)


def lateness(behind: pd.DataFrame, as_of: date) -> pd.DataFrame:
    """`behind` (see `loaded.LastFullDay`) with `late`: days by which a place lags behind the newest."""
    newest = max([pd.Timestamp(as_of), *behind["last_full_day"]])
    return behind.assign(late=(newest - behind["last_full_day"]).dt.days)


def three_things(
    signals: pd.DataFrame, change: pd.DataFrame, tiles: pd.DataFrame, behind: pd.DataFrame, events: pd.DataFrame
) -> list[Thing]:
    """The three things to see to before Friday, the most pressing first; fewer where there is less.

    One of a kind at first, then further signals: the most pressing signal of the coming week; the place that rises
    most; an event that begins within the week and that no signal names; overdue work that grew; data that did not come;
    signals without an owner. `signals`, `change`: of the answers of those names; `tiles`, of the Overview; `behind`:
    source, region, last_full_day, late; `events`: title, starts_on, region, topic.
    """
    week = signals[signals["within_budget"].astype(bool) & (signals["week"] == 0)] if len(signals) else signals
    told = [_signal(row) for row in week.head(MOST).to_dict("records")]
    others = [*_risen(change, week), *_event(events, week), *_overdue(tiles), *_late(behind), *_unowned(week)]
    return [*told[:1], *others, *told[1:]][:MOST]


def _signal(row: dict[str, Any]) -> Thing:
    town = str(row.get("municipality", ""))
    chosen = {name: row[key] for name, key in (("region", "region"), ("topic_group", "topic")) if row[key] != TOTAL}
    chosen |= {"municipality": town} if town else {}
    values = {
        "first": row["first_day"].date(),
        "last": row["last_day"].date(),
        "probability": float(row["probability"]),
        "excess": float(row["excess"]),
    }
    return Thing(
        "signal",
        "signals",
        values,
        {"region": row["region"], "municipality": town, "topic_group": row["topic"]},
        chosen,
    )


def _risen(change: pd.DataFrame, week: pd.DataFrame) -> list[Thing]:
    """The place with the most complaints above its usual, unless a signal names it already."""
    risen = change.assign(more=change["expected"] - change["usual"])
    risen = risen[(risen["change"] >= RISES) & (risen["more"] >= MORE)]
    named = set(week["region"].head(1)) if len(week) and "municipality" not in change else set()
    risen = risen[~risen["region"].isin(named)].sort_values("more", ascending=False)
    if risen.empty:
        return []
    row = risen.iloc[0]
    place = "municipality" if "municipality" in risen else "region"
    names = {name: str(row[name]) for name in ("region", "municipality") if name in risen}
    values = {"expected": float(row["expected"]), "usual": float(row["usual"]), "change": float(row["change"])}
    return [Thing("risen", "forecast", values, {place: str(row[place])}, names)]


def _event(events: pd.DataFrame, week: pd.DataFrame) -> list[Thing]:
    """The first event of the week that no signal gives as a reason."""
    named = {title for why in week["why"] for title in why.get("events_named", [])} if len(week) else set()
    ahead = events[~events["title"].isin(named)] if len(events) else events
    if ahead.empty:
        return []
    row = ahead.iloc[0]
    same = ahead[(ahead["title"] == row["title"]) & (ahead["starts_on"] == row["starts_on"])]
    values = {"title": str(row["title"]), "day": row["starts_on"].date(), "places": len(same)}
    chosen = {"region": str(row["region"])} if row["region"] and "|" not in row["region"] and len(same) == 1 else {}
    return [Thing("event", "events", values, {"region": chosen.get("region", TOTAL)}, chosen)]


def _overdue(tiles: pd.DataFrame) -> list[Thing]:
    row = tiles.set_index("measure").loc["overdue_share"]
    if not row["known"] or not row["value"] > row["usual_high"]:
        return []
    return [Thing("overdue", "heatmap", {"value": float(row["value"]), "usual": float(row["usual"])})]


def _late(behind: pd.DataFrame) -> list[Thing]:
    late = behind[behind["late"] >= LATE] if len(behind) else behind
    if late.empty:
        return []
    return [Thing("late", "data", {"places": len(late), "day": late["last_full_day"].min().date()})]


def _unowned(week: pd.DataFrame) -> list[Thing]:
    unowned = int((week["owner"].fillna("") == "").sum()) if len(week) else 0
    return [Thing("unowned", "signals", {"places": unowned})] if unowned > 1 else []
