"""From which count on each day ahead is a spike, and how probable it is: for signals and for rehearsals of events."""

from __future__ import annotations

import numpy as np
import pandas as pd

from analytics.forecast import Engine, probability, quantile
from analytics.panel import TOTAL
from analytics.spike_chance import Settled, settle
from analytics.thresholds import LEAST, year_thresholds

SEASON_LEVEL = 0.95  # quantile of the series' own forecast
SEASON_DEVIATIONS = 2.0


def day_thresholds(engine: Engine) -> np.ndarray:
    """Series and totals × days ahead: the least count that is a spike, frozen at the origin.

    Of the panel's own series that of the year, of totals that of the season: half above the usual is out of their
    reach.
    """
    series, counts = engine.rows()
    of_totals = (series[engine.panel.keys] == TOTAL).any(axis=1).to_numpy()
    found = np.repeat(year_thresholds(counts)[:, None], len(engine.time.ahead), axis=1)
    found[of_totals] = season_thresholds(engine, of_totals).reshape(-1, len(engine.time.ahead))
    return found


def settled_chances(engine: Engine, least: np.ndarray) -> Settled | None:
    """How chances of the engine's own series are set right; `least`: as of `day_thresholds`."""
    return settle(engine, least[: len(engine.panel.series), 0])


def day_chances(ahead: pd.DataFrame, least: np.ndarray, settled: Settled | None) -> np.ndarray:
    """Series and totals × days ahead: the probability of a spike, that of the own series set right by past origins."""
    found = probability(ahead, least.ravel())["probability"].to_numpy().reshape(least.shape)
    if settled is None:
        return found
    own = len(settled.offset)
    return np.concatenate([settled.of(found[:own]), found[own:]])


def any_day(chances: np.ndarray) -> np.ndarray:
    """The probability that one day at least comes true (series × days): midway between days that go together and
    independent ones.

    The middle is a choice: on the synthetic country it said 45 % where 43 % came; it has not been tried on others.
    """
    return (chances.max(axis=-1) + 1 - np.prod(1 - chances, axis=-1)) / 2


def season_thresholds(engine: Engine, chosen: np.ndarray) -> np.ndarray:
    """For each day ahead of the `chosen` of all series (true or not): the least count that is a spike for the season.

    The 0.95 quantile of the series' own forecast had no event been to come, and at least 3, and at least two standard
    deviations of a Poisson count above that mean.
    """
    usual = engine.means("all", without=engine.calendars.events["id"].tolist())
    return above_season(usual[np.repeat(chosen, len(engine.time.ahead))])


def above_season(usual: pd.DataFrame) -> np.ndarray:
    """The thresholds of these rows of a forecast without events."""
    high = usual["mean"] + SEASON_DEVIATIONS * np.sqrt(usual["mean"])
    return np.ceil(np.maximum(np.maximum(quantile(usual, SEASON_LEVEL) + 1, high), LEAST)).to_numpy()
