"""What each type of event does to complaints, day by day, as the forecast has learned it; and what past events did."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd

from analytics.almanac import Almanac
from analytics.drivers import PLACES, Drivers, window
from analytics.forecast import Engine
from analytics.panel import TOTAL, Panel, dense_panel

PROFILE = ["type", "topic", "offset", "lasts", "factor", "0.1", "0.9", "cases", "nothing"]
CASE = ["id", "type", "title", "region", "municipality", "topic", "starts_on", "ends_on", "strength", "unit"]
FELT_LONG = 14  # days after a one-day event, from which on it is looked at for so many
USUAL_WEEKS = 4  # on each side of a past event, whose same weekdays are what was usual
NINE_TENTHS = 1.2816  # standard deviations: 80 % lie within


def learned_effects(
    panel: pd.DataFrame | Panel,
    drivers: Drivers,
    *,
    almanac: Almanac | None = None,
    end: date | None = None,
    engine: Engine | None = None,
) -> pd.DataFrame:
    """What an event of each type does to each topic, and to all ('*'), on each day of its window, as forecasts take it.

    One row per type, topic and offset: type, topic, offset (days from the first day, below 0 before it), lasts (days
    that the shown event takes: as long as the median past one), factor (of complaints; 1: as usual), 0.1, 0.9 (its
    80 % interval), cases (past events of the type known at the origin), nothing (the interval includes 1). The types
    are those of past events. An `engine` that has learned already saves learning anew.
    """
    ready = engine or Engine(panel, 1, almanac=almanac, drivers=drivers, end=end)
    profiles = _profiles(ready)
    low, high = (profiles["log"] + side * NINE_TENTHS * np.sqrt(profiles["variance"]) for side in (-1, 1))
    found = profiles.assign(**{"factor": np.exp(profiles["log"]), "0.1": np.exp(low), "0.9": np.exp(high)})
    found["nothing"] = (found["0.1"] <= 1) & (found["0.9"] >= 1)
    return found[PROFILE]


def _profiles(engine: Engine) -> pd.DataFrame:
    """type, topic, offset, lasts, log (of the factor), variance (of that), cases."""
    found, topics = engine.event_effects, engine.above[engine.topic].series["topic"]
    tables = []
    for one in engine.calendars.types() if found else ():
        for number, topic in enumerate([TOTAL, *topics], start=-1):
            log, variance = found.profile(one.type, one.values, number)  # type: ignore[union-attr]
            table = pd.DataFrame({"type": one.type, "topic": topic, "offset": np.arange(len(log)) - one.before})
            tables.append(table.assign(lasts=one.lasts, log=log, variance=variance, cases=one.cases))
    empty = pd.DataFrame(columns=[*PROFILE[:4], "log", "variance", "cases"])
    return pd.concat(tables, ignore_index=True) if tables else empty


def past_cases(panel: pd.DataFrame | Panel, drivers: Drivers, *, end: date | None = None) -> pd.DataFrame:
    """What happened in the past events, the newest first.

    id, type, title, region, municipality, topic, starts_on, ends_on, strength, unit, days, complaints, usual, ratio.
    `complaints`: from the first day to the last, of the places and topics that the event names (of a municipality:
    `Drivers.towns` where the panel has none; of the whole region where neither has it); what begins on one day and is
    felt for weeks, such as the heating season, is looked at for its first two weeks; `days`: how many these are;
    `usual`: the medians of the same weekdays in the four weeks before and after, added up; `ratio` of both, nan where
    nothing is usual. Cancelled events and those outside the panel's days are left out.
    """
    dense = panel if isinstance(panel, Panel) else dense_panel(panel, end)
    events = drivers.usable_events(dense.days[-1])
    past = events[(events["ends_on"] <= dense.days[-1]) & (events["starts_on"] >= dense.days[0])]
    found = past.reindex(columns=CASE).sort_values(["starts_on", "id"], ascending=[False, True]).reset_index(drop=True)
    named = list(zip(*(found[name] for name in PLACES), strict=True))
    together = {names: _together(dense, drivers.towns, *names) for names in set(named)}
    cases = found.itertuples(index=False)
    felt = {kind: window(str(kind), drivers.windows)[1] for kind in found["type"].unique()}
    brief = (found["ends_on"] == found["starts_on"]) & (found["type"].map(felt).astype(float) >= FELT_LONG)
    looked_at = found["ends_on"].where(~brief, found["starts_on"] + pd.Timedelta(days=FELT_LONG - 1))
    looked_at = pd.to_datetime(looked_at)
    found["days"] = (looked_at.clip(upper=dense.days[-1]) - pd.to_datetime(found["starts_on"])).dt.days + 1
    sums = [
        _beside_the_usual(*together[names], case.starts_on, last)
        for case, names, last in zip(cases, named, looked_at, strict=True)
    ]
    found["complaints"] = [actual for actual, _ in sums]
    found["usual"] = [usual for _, usual in sums]
    found["ratio"] = found["complaints"] / found["usual"].where(found["usual"] > 0)
    for name in ("title", "unit"):
        found[name] = found[name].astype("str").where(found[name].notna(), "")
    return found


def happened(panel: Panel, towns: Panel | None, case: object) -> tuple[float, float]:
    """Complaints of a past event's days, places and topics, and what was usual on the same weekdays around it."""
    days, counts = _together(panel, towns, case.region, case.municipality, case.topic)  # type: ignore[attr-defined]
    return _beside_the_usual(days, counts, case.starts_on, case.ends_on)  # type: ignore[attr-defined]


def _together(
    panel: Panel, towns: Panel | None, region: str, municipality: str, topic: str
) -> tuple[pd.DatetimeIndex, np.ndarray]:
    """Days and counts a day of the places and topics that an event names ('|' between them, none: all).

    Of municipalities by the panel of `towns`, unless it has none of them.
    """
    if towns is not None and municipality and "municipality" not in panel.keys:
        rows = _named(towns, region, municipality, topic)
        if rows.any():
            return towns.days, _summed(towns.counts[rows])
    return panel.days, _summed(panel.counts[_named(panel, region, municipality, topic)])


def _named(panel: Panel, *names: str) -> np.ndarray:
    """Which series an event of this region, municipality and topic is about."""
    rows = np.ones(len(panel.series), dtype=bool)
    for name, cell in zip(PLACES, names, strict=True):
        wanted = [one.strip() for one in str(cell).split("|") if one.strip()]
        if wanted and name in panel.keys:
            rows &= panel.series[name].isin(wanted).to_numpy()
    return rows


def _summed(counts: np.ndarray) -> np.ndarray:
    """The series of each day added up; unknown where all are."""
    return np.where(np.isnan(counts).all(axis=0), np.nan, np.nansum(counts, axis=0))


def _beside_the_usual(
    days: pd.DatetimeIndex, counts: np.ndarray, starts_on: pd.Timestamp, ends_on: pd.Timestamp
) -> tuple[float, float]:
    first, last = ((day - days[0]).days for day in (starts_on, ends_on))
    day = np.arange(max(first, 0), min(last + 1, len(days)))
    steps = 7 * np.arange(1, USUAL_WEEKS + 1)
    around = day[:, None] + np.concatenate([-steps, steps + 7 * (len(day) // 7)])
    inside = (around >= 0) & (around < len(days)) & ~((around >= first) & (around <= last))
    near = np.where(inside, counts[np.clip(around, 0, len(days) - 1)], np.nan)
    both = ~np.isnan(near).all(axis=1) & ~np.isnan(counts[day])  # a day that was not loaded was not quiet
    usual = np.nanmedian(near[both], axis=1).sum() if both.any() else 0.0
    return float(counts[day][both].sum()), float(usual)
