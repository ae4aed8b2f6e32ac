"""Rehearsals of a store's events: what is to come, what one may try out, and the past cases most like it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analytics.almanac import Almanac
from analytics.effects import FELT_LONG
from analytics.events import check_events, event_types, joined_events, list_events, rule_events
from analytics.events.types import EventTypes
from analytics.grounds import Grounds
from analytics.quick_rehearsal import Played, play
from analytics.rehearsal import MOST_CASES, in_common

if TYPE_CHECKING:
    from analytics.store import Store

WHAT_IF = "what-if"  # the id of the event that is tried out


@dataclass(frozen=True)
class WhatIf:
    """An event that is tried out and stored nowhere; no regions, municipalities or topics: all."""

    type: str
    starts_on: date
    ends_on: date
    regions: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    strength: float | None = None
    municipalities: tuple[str, ...] = ()


def calendar_events(store: Store, almanac: Almanac, origin: date) -> pd.DataFrame:
    """Every event of the store (cancelled ones too), and what follows from rules until the end of next year.

    As of `check_events`, and `ruled`: it follows from a rule and is not in the store. Heating seasons that follow from
    observed weather are not told here.
    """
    own = list_events(store)
    first = int(own["starts_on"].dt.year.min()) if len(own) else origin.year
    years = range(min(first, origin.year), origin.year + 2)
    rules = rule_events(years, country=almanac.country, types=event_types(store.settings))
    found = joined_events(own, rules)
    return found.assign(ruled=~found["id"].isin(own["id"]))


def coming_events(events: pd.DataFrame, almanac: Almanac, types: EventTypes, origin: date, reach: int) -> pd.DataFrame:
    """Those that begin after the origin and within reach and are not cancelled; a country's calendar days are not
    among them: the forecast knows these already."""
    ahead = (events["starts_on"] - pd.Timestamp(origin)).dt.days
    found = events[(ahead > 0) & (ahead <= reach) & ~events["cancelled"].astype(bool)]
    usable = [rehearsable(str(kind), almanac, types) for kind in found["type"]]
    return found[np.array(usable, dtype=bool)].reset_index(drop=True)


def rehearsable(kind: str, almanac: Almanac, types: EventTypes) -> bool:
    """Is it no day of a country's calendar, which forecasts know already?"""
    return not (almanac.country and types.of(kind).almanac)


def rehearse_in_store(
    store: Store, grounds: Grounds, almanac: Almanac, ids: Sequence[str], what_if: WhatIf | None = None
) -> Played:
    """The events of these ids, and one that is tried out, with and without. Raises BadInput as `play` does."""
    types = event_types(store.settings)
    coming = coming_events(
        calendar_events(store, almanac, grounds.origin), almanac, types, grounds.origin, len(grounds.days)
    )
    told = list(ids)
    if what_if is not None:
        coming = pd.concat([coming, what_if_table(what_if, types)], ignore_index=True)
        told.append(WHAT_IF)
    kinds = {*(kind.id for kind in types), *coming["type"].astype("str"), *grounds.events["type"].astype("str")}
    windows = {kind: (types.of(kind).before, types.of(kind).after) for kind in kinds}
    return play(grounds, coming, told, windows)


def what_if_table(event: WhatIf, types: EventTypes) -> pd.DataFrame:
    """The event as a table of one row, as of `check_events`, which says what is wrong with it."""
    row = {
        "id": WHAT_IF,
        "type": event.type,
        "starts_on": event.starts_on,
        "ends_on": event.ends_on,
        "region": "|".join(event.regions),
        "municipality": "|".join(event.municipalities),
        "topic": "|".join(event.topics),
        "strength": event.strength,
    }
    return check_events(pd.DataFrame([row]), types)


def usual_topics(grounds: Grounds, types: EventTypes, kind: str) -> tuple[str, ...]:
    """The topics that past events of the type name most often, else those that its type is known for; none: all."""
    past = grounds.events.loc[grounds.events["type"] == kind, "topic"].astype("str")
    cell = past.mode().iloc[0] if len(past) else "|".join(types.of(kind).topics)
    known = set(grounds.series["topic"])
    return tuple(name for name in cell.split("|") if name in known)


def next_time(grounds: Grounds, kind: str) -> date:
    """When an event of the type may be expected: a year after the last one, else in two weeks."""
    past = grounds.events.loc[grounds.events["type"] == kind, "starts_on"]
    soon = grounds.origin + timedelta(days=14)
    if past.empty:
        return soon
    typical = past[past > past.max() - pd.Timedelta(days=180)].median().date()
    while typical <= grounds.origin:
        typical = _year_later(typical)
    return min(max(typical, grounds.origin + timedelta(days=1)), grounds.origin + timedelta(days=365))


def similar_cases(
    grounds: Grounds, kind: str, regions: Sequence[str] = (), strength: float | None = None, most: int = MOST_CASES
) -> pd.DataFrame:
    """The past cases most like such an event: of its type or the nearest in the tree, of its regions first, then by
    strength, then the newest; see `effects.past_cases`.

    `attrs`: `own` (cases of its type), `kindred` (of others that share its branch), `here` (of its type and regions),
    `ratio` (complaints over usual of all of its type together, else of all kindred).
    """
    cases = grounds.cases
    names = kind.split(".")
    shared = {other: in_common(names, other.split(".")) for other in cases["type"].unique()}
    found = cases.assign(near=cases["type"].map(shared).astype(float))
    found = found[found["near"] > 0]
    own = found["type"] == kind
    wanted = set(regions)
    found["here"] = [not wanted or not cell or not wanted.isdisjoint(str(cell).split("|")) for cell in found["region"]]
    apart = (found["strength"] - strength).abs().fillna(np.inf) if strength is not None else 0.0
    whole = found["days"] == found.groupby("type")["days"].transform("max").clip(upper=FELT_LONG)
    cut = ~whole & (found["starts_on"] + pd.Timedelta(days=FELT_LONG) > pd.Timestamp(grounds.origin))
    ordered = found.assign(apart=apart, cut=cut).sort_values(
        ["near", "here", "apart", "cut", "starts_on"], ascending=[False, False, True, True, False]
    )
    told = ordered.drop(columns=["near", "apart", "cut"]).head(most).reset_index(drop=True)
    sums = found.loc[own if own.any() else slice(None), ["complaints", "usual"]].sum()
    ratio = float(sums["complaints"] / sums["usual"]) if sums["usual"] > 0 else np.nan
    here = int((own & found["here"]).sum())
    told.attrs = {"own": int(own.sum()), "kindred": int((~own).sum()), "here": here, "ratio": ratio}
    return told


def _year_later(day: date) -> date:
    return day.replace(year=day.year + 1, day=min(day.day, 28) if day.month == 2 else day.day)
