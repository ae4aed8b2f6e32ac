"""What rehearsals rest on: learned once for an origin, for a year ahead, and small enough to be kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np
import pandas as pd

from analytics.almanac import Almanac
from analytics.drivers import PLACES, Drivers, EventTraces, Shares
from analytics.effects import learned_effects, past_cases
from analytics.event_learning import EventEffects
from analytics.forecast import FARTHEST, Engine
from analytics.local_events import shares_of
from analytics.panel import Level, Panel, totals
from analytics.spike_chance import Settled
from analytics.spike_days import day_thresholds, settled_chances

Report = Callable[[float, str], None]


@dataclass(frozen=True, eq=False)
class Grounds:
    """The forecast of a year ahead without any event, and what events do to it.

    `log_mean`: logarithm of complaints a day (own series × days ahead); `effects`: own series × event regressors, of
    which `kinds` and `kept` are those of `drivers.EventTraces`, and how far they can be trusted (`event_effects`, with
    `topic`: the number of each own series' topic); `weather_doubt`: variance of the logarithm that unseen
    weather adds; `dispersion` (own series and totals × horizon buckets), `calibration`: see `forecast`; `threshold`
    (own series and totals × days ahead), `slope` and `offset`: see `spike_days.day_thresholds` and
    `spike_chance.Settled` (without rows where nothing is set right); `events`: those known at the origin; `profiles`
    and `cases`: see `effects.learned_effects` and `effects.past_cases`; `shares`: region, topic,
    municipality, its share of the region's complaints.
    """

    origin: date
    series: pd.DataFrame  # region, topic
    log_mean: np.ndarray
    effects: np.ndarray
    kinds: tuple[str, ...]
    kept: np.ndarray
    event_effects: EventEffects | None
    topic: np.ndarray
    weather_doubt: np.ndarray
    dispersion: np.ndarray
    calibration: np.ndarray
    threshold: np.ndarray
    slope: np.ndarray
    offset: np.ndarray
    events: pd.DataFrame
    profiles: pd.DataFrame
    cases: pd.DataFrame
    shares: pd.DataFrame

    @property
    def settled(self) -> Settled | None:
        """How chances of a spike of the own series are set right; None where they stay as they are."""
        return Settled(self.slope, self.offset) if len(self.slope) else None

    @cached_property
    def of_municipalities(self) -> Shares:
        """The share of each municipality in the complaints of its region and topic."""
        return shares_of(self.shares)

    @property
    def days(self) -> pd.DatetimeIndex:
        """The days ahead."""
        return pd.date_range(pd.Timestamp(self.origin) + pd.Timedelta(days=1), periods=self.log_mean.shape[1])

    def usual(self) -> np.ndarray:
        """Complaints a day of the own series and the totals, the mean of the year ahead without events."""
        means = np.exp(self.log_mean.astype(float)).mean(axis=1)
        return np.concatenate([means, *(level.total(means[:, None])[:, 0] for level in self.above)])

    @property
    def above(self) -> list[Level]:
        """The totals, in the order of a forecast."""
        return totals(Panel(self.days[:0], self.series, np.zeros((len(self.series), 0), dtype=np.float32)))


def lay_grounds(panel: Panel, drivers: Drivers, almanac: Almanac, report: Report | None = None) -> Grounds:
    """Learn them from the panel and what is known at its last day, the origin; takes as long as a forecast."""
    engine = Engine(panel, FARTHEST, almanac=almanac, drivers=drivers, report=report)
    dispersion, calibration = engine.spreads()
    log_mean, effects, weather_doubt = engine.quiet()
    traces = engine.calendars.traces or EventTraces(engine.days, panel.days[-1], engine.calendars.events, drivers)
    known = {"type": "str", **dict.fromkeys(PLACES, "str")}
    least = day_thresholds(engine)
    settled = settled_chances(engine, least)
    shares = [(*where, *one) for where, named in drivers.shares.items() for one in named.items()]
    return Grounds(
        panel.days[-1].date(),
        panel.series,
        log_mean.astype(np.float32),
        effects.astype(np.float32),
        tuple(traces.kinds),
        traces.kept,
        engine.event_effects,
        engine.above[engine.topic].member,
        weather_doubt.astype(np.float32),
        dispersion,
        calibration,
        least.astype(np.float32),
        settled.slope if settled else np.zeros(0),
        settled.offset if settled else np.zeros((len(panel.series), 0)),
        engine.calendars.events.astype(known).reset_index(drop=True),
        learned_effects(panel, drivers, engine=engine),
        past_cases(panel, drivers),
        pd.DataFrame(shares, columns=["region", "topic", "municipality", "share"]),
    )
