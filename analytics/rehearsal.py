"""What an event would do: the forecast with and without it, and the past cases that this rests on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

import numpy as np
import pandas as pd

from analytics.almanac import Almanac
from analytics.drivers import Drivers, window
from analytics.effects import NINE_TENTHS, happened
from analytics.errors import BadInput
from analytics.forecast import Engine
from analytics.panel import TOTAL, Level, Panel, dense_panel
from analytics.spike_days import any_day, day_chances, day_thresholds, settled_chances

MOST_CASES = 10
MOST_ALONE = 20  # past events: however many there were, a twentieth of the variance is common
DEADLINE = 30  # days to answer a complaint, where nothing else is said
Report = Callable[[float, str], None]


@dataclass(frozen=True)
class Rehearsal:
    """What the events would do.

    `days`: day, region, [municipality,] topic, with_event, without_event, extra, extra_low, extra_high (80 %),
    threshold, probability_with, probability_without (of a spike, as signals say it), felt (in the window of an event);
    totals have '*'. `cases`: event (its id), day, region, municipality, type, strength, actual, usual, ratio: the most
    similar past events, and what happened on their days to the topics that they name. `events`: id, type, rests_on
    ('no past case' or how many and of which type). `answers_a_day`: how many more answers a day it takes over the
    busiest stretch to keep the deadline. `notices`: what had to be supposed, in words.
    """

    days: pd.DataFrame
    cases: pd.DataFrame
    events: pd.DataFrame
    answers_a_day: float
    notices: list[str] = field(default_factory=list)


def rehearse(
    events: pd.DataFrame,
    panel: pd.DataFrame | Panel,
    *,
    drivers: Drivers | None = None,
    almanac: Almanac | None = None,
    end: date | None = None,
    horizon: int | None = None,
    deadline: int = DEADLINE,
    report: Report | None = None,
) -> Rehearsal:
    """The forecast with and without `events` (several at once), which lie after the origin and within 365 days.

    `drivers`: what is known besides, past events above all; `horizon` reaches past the last event unless given. Raises
    BadInput where no event lies ahead within reach.
    """
    known = drivers or Drivers()
    engine, ids = prepare(events, panel, known, almanac=almanac, end=end, horizon=horizon, report=report)
    return rehearsal_of(engine, ids, deadline=deadline)


def prepare(
    events: pd.DataFrame,
    panel: pd.DataFrame | Panel,
    known: Drivers,
    *,
    almanac: Almanac | None = None,
    end: date | None = None,
    horizon: int | None = None,
    report: Report | None = None,
) -> tuple[Engine, list[str]]:
    """An engine that knows these events besides, as if announced by the origin, and their ids."""
    dense = panel if isinstance(panel, Panel) else dense_panel(panel, end)
    origin = dense.days[-1]
    told = events.assign(known_since=pd.Timestamp(origin.date()), cancelled=False).reset_index(drop=True)
    if "id" not in told:
        told["id"] = [f"rehearsed {number + 1}" for number in range(len(told))]
    told["id"] = told["id"].astype("str")
    starts = pd.to_datetime(told["starts_on"])
    ends = pd.to_datetime(told["ends_on"]) if "ends_on" in told else starts
    told["ends_on"] = ends.fillna(starts)
    after = max((window(str(kind), known.windows)[1] for kind in told["type"]), default=0)
    reach = int((told["ends_on"].max() - origin).days) + after if len(told) else 0
    if not len(told) or (starts <= origin).any() or (starts - origin).dt.days.max() > 365:
        raise BadInput(
            "rehearsal_days",
            "An event to be rehearsed begins after {origin} and within 365 days of it.",
            origin=origin.date(),
        )
    others = known.events
    if others is not None and len(others) and "id" in others:
        others = others[~others["id"].astype("str").isin(told["id"])]
    whole = pd.concat([others, told], ignore_index=True) if others is not None and len(others) else told
    wider = replace(known, events=whole)
    days = min(max(horizon or reach, 7), 365)
    return Engine(dense, days, almanac=almanac, drivers=wider, report=report), told["id"].tolist()


def rehearsal_of(engine: Engine, ids: list[str], *, deadline: int = DEADLINE) -> Rehearsal:
    """What the events of these ids do in an engine that knows them."""
    (with_event, doubt), (without_event, known) = engine.means_and_doubts(), engine.means_and_doubts(without=ids)
    least = day_thresholds(engine)
    settled = settled_chances(engine, least)
    found = with_event[["day", *engine.panel.keys]].copy()
    found["with_event"], found["without_event"] = with_event["mean"], without_event["mean"]
    found["extra"] = found["with_event"] - found["without_event"]
    means = [found[name].to_numpy().reshape(least.shape) for name in ("with_event", "without_event")]
    told = engine.calendars.events[engine.calendars.events["id"].isin(ids)]
    by_region = "municipality" not in found
    common = shared_by_regions(engine.calendars.events, told, engine.calendars.origin) if by_region else 1.0
    low, high = extra_interval(means[0], means[1], doubt - known, engine.above, common)
    found["extra_low"], found["extra_high"] = low.ravel(), high.ravel()
    found["threshold"] = least.ravel()
    found["probability_with"] = day_chances(with_event, least, settled).ravel()
    found["probability_without"] = day_chances(without_event, least, settled).ravel()
    found["felt"] = np.tile(
        felt_days(told, engine.calendars.drivers.windows, engine.days[-least.shape[1] :]), len(least)
    )
    found.attrs = {}
    events = engine.calendars.events
    told = events[events["id"].isin(ids)]
    cases = [
        past_cases(engine.panel, engine.calendars.drivers.towns, events, event, engine.time.origin)
        for event in told.itertuples(index=False)
    ]
    grand = found[(found["region"] == TOTAL) & (found["topic"] == TOTAL)]
    return Rehearsal(
        found,
        pd.concat(cases, ignore_index=True),
        pd.DataFrame([_grounds(event, case) for event, case in zip(told.itertuples(), cases, strict=True)]),
        answers_a_day(grand["extra"].to_numpy(), deadline),
        engine.calendars.notices(),
    )


def extra_interval(
    with_event: np.ndarray, without_event: np.ndarray, doubt: np.ndarray, above: Sequence[Level], common: float = 1.0
) -> tuple[np.ndarray, np.ndarray]:
    """80 % of the extra complaints of own series, then totals (rows × days); `doubt`: variance of the log effect.

    What makes an event stronger than usual does so in all topics of a region; between regions a share `common` of the
    variance is shared, see `shared_by_regions`.
    """
    own = slice(above[0].member.size if above else len(with_event))
    effect = np.log(np.maximum(with_event[own], 1e-9) / np.maximum(without_event[own], 1e-9))
    spread = NINE_TENTHS * np.sqrt(np.clip(doubt[own], 0, None))
    extra = with_event - without_event
    bounds = []
    for side in (-1, 1):
        apart = without_event[own] * np.expm1(effect + side * spread) - extra[own]
        totals = [_apart(apart, level, above, common) for level in above]
        bounds.append(extra + np.vstack([apart, *totals]))
    return bounds[0], bounds[1]


def _apart(apart: np.ndarray, level: Level, above: Sequence[Level], common: float) -> np.ndarray:
    """How far a total's bound lies from its mean, given those of its series: added within regions, between regions
    partly squared."""
    whole = level.total(apart)
    if common == 1 or not (level.series["region"] == TOTAL).all():
        return whole
    wide = (level.series["topic"] == TOTAL).all()
    parts = above[0].total(apart) if wide else apart  # by region, or the series of a topic: one for each region
    squares = (parts**2).sum(axis=0, keepdims=True) if wide else level.total(parts**2)
    return np.sign(whole) * np.sqrt(common * whole**2 + (1 - common) * squares)


def shared_by_regions(events: pd.DataFrame, told: pd.DataFrame, origin: pd.Timestamp) -> float:
    """The share of variance that regions have in common: 1 where past events of the type named no region; else that of
    what is not known of the type's mean effect, for what one event does differently from another is then its region's.
    """
    shares = [1.0 / MOST_ALONE]
    for kind in told["type"].unique():
        past = events[(events["type"] == kind) & (events["ends_on"] <= origin)]
        alone = int((past["region"].astype("str").str.len() > 0).sum())
        shares.append(1.0 / (1 + alone) if 2 * alone > len(past) else 1.0)
    return float(max(shares))


def felt_days(told: pd.DataFrame, windows: Mapping[str, tuple[int, int]], days: pd.DatetimeIndex) -> np.ndarray:
    """Which of the days lie in the window of one of the events."""
    found = np.zeros(len(days), dtype=bool)
    for event in told.itertuples(index=False):
        before, after = window(str(event.type), windows)
        first, last = (event.starts_on - days[0]).days - before, (event.ends_on - days[0]).days + after
        found[max(first, 0) : max(last + 1, 0)] = True
    return found


def in_all(found: Rehearsal) -> pd.DataFrame:
    """Over the days on which the events can be felt, the greatest first: region, topic, without_event, extra,
    extra_low, extra_high, probability_with, probability_without (of at least one spike day)."""
    keys = [name for name in ("region", "municipality", "topic") if name in found.days]
    days = found.days[found.days["felt"]]
    sums = days.groupby(keys)[["without_event", "extra", "extra_low", "extra_high"]].sum()
    for name in ("probability_with", "probability_without"):
        sums[name] = days.groupby(keys)[name].agg(lambda chances: any_day(chances.to_numpy()))
    return sums.sort_values("extra", ascending=False).reset_index()


def past_cases(panel: Panel, towns: Panel | None, events: pd.DataFrame, event: object, origin: int) -> pd.DataFrame:
    """The past events most like this one, and what happened: event, id, title, day, region, municipality, …

    `actual`: complaints from the first day to the last, of the places and topics that the past event names (whole
    regions, where neither the panel nor `towns` has its municipality); `usual`: the median of the same weekdays in the
    four weeks before and after; `ratio` of both. Nearest in the tree of types first, then by strength.
    """
    names = ["event", "id", "title", "day", "region", "municipality", "type", "strength", "actual", "usual", "ratio"]
    past = events[events["ends_on"] <= panel.days[origin]].copy()
    past = past[past["starts_on"] >= panel.days[0]]
    kind = str(event.type).split(".")  # type: ignore[attr-defined]
    past["near"] = [in_common(kind, str(other).split(".")) for other in past["type"]]
    past = past[past["near"] > 0]
    strength = float(event.strength)  # type: ignore[attr-defined]
    past["apart"] = (past["strength"] - strength).abs().fillna(np.inf) if pd.notna(strength) else 0.0
    past = past.sort_values(["near", "apart", "starts_on"], ascending=[False, True, False]).head(MOST_CASES)
    rows = []
    for case in past.itertuples(index=False):
        actual, usual = happened(panel, towns, case)
        rows.append(
            {
                "event": event.id,  # type: ignore[attr-defined]
                "id": case.id,
                "title": getattr(case, "title", ""),
                "day": case.starts_on,
                "region": case.region,
                "municipality": case.municipality,
                "type": case.type,
                "strength": case.strength,
                "actual": actual,
                "usual": usual,
                "ratio": actual / usual if usual > 0 else np.nan,
            }
        )
    return pd.DataFrame(rows, columns=names)


def in_common(one: list[str], other: list[str]) -> int:
    """How many names two types share from the root of the tree."""
    shared = 0
    for mine, theirs in zip(one, other, strict=False):
        if mine != theirs:
            break
        shared += 1
    return shared


def _grounds(event: object, cases: pd.DataFrame) -> dict[str, object]:
    own = int((cases["type"] == event.type).sum())  # type: ignore[attr-defined]
    return {
        "id": event.id,  # type: ignore[attr-defined]
        "type": event.type,  # type: ignore[attr-defined]
        "own_cases": own,
        "kindred_cases": len(cases) - own,
        "rests_on": "no past case" if cases.empty else f"{own} past cases of its type, {len(cases) - own} of kindred",
    }


def answers_a_day(extra: np.ndarray, deadline: int) -> float:
    """The greatest mean a day of the extra complaints over as many days as the deadline gives."""
    days = min(max(deadline, 1), len(extra))
    sums = np.convolve(np.clip(extra, 0, None), np.ones(days), "valid")
    return float(sums.max() / max(deadline, 1)) if len(sums) else 0.0
