"""Where complaints will spike: thresholds frozen at the origin, and the probability that a day reaches them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import numpy as np
import pandas as pd

from analytics import spike_chance
from analytics.almanac import Almanac
from analytics.drivers import Drivers
from analytics.errors import BadInput
from analytics.forecast import Engine, probability
from analytics.panel import TOTAL, Panel
from analytics.spike_days import above_season, any_day, day_chances, day_thresholds, settled_chances
from analytics.thresholds import YEAR, year_thresholds

KINDS = ("year", "season")
WEEK = 7
Report = Callable[[float, str], None]


def spikes(
    panel: pd.DataFrame | Panel,
    horizon: int = 7,
    *,
    threshold: str = "year",
    almanac: Almanac | None = None,
    drivers: Drivers | None = None,
    end: date | None = None,
    report: Report | None = None,
) -> pd.DataFrame:
    """day, region, [municipality], topic, threshold, expected, probability: for each day ahead and series of a panel.

    `expected` is the mean; `probability` that the day's count reaches the threshold, which knows nothing after the
    origin. Threshold "year": see `year_thresholds`, its probability set right by past origins (`spike_chance`);
    "season": see `season_thresholds`. Raises BadInput as `forecast.forecast`, and for an unknown threshold.
    """
    if threshold not in KINDS:
        raise BadInput("threshold", "The threshold is {known}, not {given}.", known=" or ".join(KINDS), given=threshold)
    engine = Engine(panel, horizon, almanac=almanac, drivers=drivers, end=end, report=report)
    ahead = engine.forecast("bottom")
    if threshold == "year":
        year = year_thresholds(engine.panel.counts)
        least = np.repeat(year, horizon)
    else:
        least = above_season(engine.means("bottom", without=engine.calendars.events["id"].tolist()))
    found = ahead[["day", *engine.panel.keys]].assign(threshold=least.astype("int64"), expected=ahead["mean"])
    found.attrs = {"notices": ahead.attrs["notices"]}
    chance = probability(ahead, least)["probability"].to_numpy()
    if threshold == "year":
        chance = spike_chance.correct(engine, chance.reshape(-1, horizon), year).ravel()
    return found.assign(probability=chance)


# Signals: what is shown to a manager

SHOWN_FROM = 0.25  # probability of a day's spike from which it is worth a signal
WORTH = 1.0  # complaints above the usual that a signal brings at least
SEVERE_STEP = 1.5  # of the threshold: the next step
BUDGET = 5  # signals a region and week
FAR_LEAD = 21  # days: a signal farther ahead is half as urgent
FOLDED = 0.4  # share of a total's excess from which the total is told by its topic
COLUMNS = [
    "region",
    "topic",
    "first_day",
    "last_day",
    "peak_day",
    "threshold",
    "expected",
    "usual",
    "excess",
    "probability",
    "severe",
    "score",
    "also",
    "within_budget",
]


def find_signals(engine: Engine, ahead: pd.DataFrame, budget: int = BUDGET) -> pd.DataFrame:
    """Signals of a forecast of all levels, the most pressing first: COLUMNS.

    One signal is a stretch of days of one region and topic whose probability of a spike is at least 0.25. The
    threshold is that of the year, for totals that of the season (`season_thresholds`). `expected` and `threshold` are
    those of the peak day; `usual` the median of the last 364 days; `excess` the sum over the stretch of what is
    expected above the usual; `probability` of a spike on one of its days, `severe` of 1.5 times the threshold;
    `score` = probability × excess × (1 + severe) × urgency. `also` names the topics folded into the signal: a region's
    total is told by a topic that makes 40 % of its excess. `within_budget`: among the first `budget` of its region and
    week.
    """
    series, counts = engine.rows()
    days = len(engine.time.ahead)
    least = day_thresholds(engine)
    middle = _medians(counts[:, -YEAR:])
    mean = ahead["mean"].to_numpy().reshape(-1, days)
    likely = day_chances(ahead, least, settled_chances(engine, least))
    worse, shown = np.zeros_like(likely), likely >= SHOWN_FROM
    worse[shown] = probability(ahead[shown.ravel()], np.ceil(SEVERE_STEP * least[shown]))["probability"]
    worse = np.minimum(worse, likely)
    first = engine.days[len(engine.panel.days)]
    found = stretches(series, first, least=least, mean=mean, usual=middle, likely=likely, worse=worse)
    return within_budget(_folded(found), budget)


def _medians(counts: np.ndarray) -> np.ndarray:
    """The median of the known days of each series; 0 where none is known."""
    found = np.zeros(len(counts))
    known = ~np.isnan(counts).all(axis=1)
    found[known] = np.nanmedian(counts[known], axis=1)
    return found


def within_budget(signals: pd.DataFrame, budget: int) -> pd.DataFrame:
    """Mark the first `budget` signals of each region and week ahead, by their score; ordered by score."""
    ordered = signals.sort_values(["score", "region", "topic"], ascending=[False, True, True]).reset_index(drop=True)
    place = ordered.groupby(["region", "week"]).cumcount()
    more = [name for name in ("municipality",) if name in ordered]
    return ordered.assign(within_budget=place < budget)[[*COLUMNS, *more]]


def stretches(
    series: pd.DataFrame,
    first: pd.Timestamp,
    *,
    least: np.ndarray,
    mean: np.ndarray,
    usual: np.ndarray,
    likely: np.ndarray,
    worse: np.ndarray,
) -> pd.DataFrame:
    """Stretches of days that are worth a signal: COLUMNS without the last, and `week`.

    `series`: region, topic (and more, which is kept); `first`: the day after the origin; `usual` of each series; the
    others series × days.
    """
    edges = np.diff(np.pad(likely >= SHOWN_FROM, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    row, start = np.nonzero(edges == 1)
    _, stop = np.nonzero(edges == -1)
    found = []
    for at, begin, end in zip(row, start, stop, strict=True):
        peak = begin + int(np.argmax(likely[at, begin:end]))
        excess = float((mean[at, begin:end] - usual[at]).clip(min=0).sum())
        chance, severe = (float(any_day(of[at, begin:end])) for of in (likely, worse))
        urgency = 0.5 ** (peak / FAR_LEAD)
        found.append(
            {
                **{name: series[name].iloc[at] for name in series},
                "first_day": first + pd.Timedelta(days=int(begin)),
                "last_day": first + pd.Timedelta(days=int(end) - 1),
                "peak_day": first + pd.Timedelta(days=peak),
                "threshold": int(least[at, peak]),
                "expected": float(mean[at, peak]),
                "usual": float(usual[at]),
                "excess": excess,
                "probability": chance,
                "severe": severe,
                "score": chance * excess * (1 + severe) * urgency,
                "also": "",
                "week": int(begin) // WEEK,
            }
        )
    table = pd.DataFrame(found, columns=[*series, *COLUMNS[2:-1], "week"])
    return table[table["excess"] >= WORTH].reset_index(drop=True)


def _folded(signals: pd.DataFrame) -> pd.DataFrame:
    """A total goes into the topic that makes most of it; a topic of all regions into none: it is another manager's."""
    kept = np.ones(len(signals), dtype=bool)
    also = signals["also"].tolist()
    for _, part in signals.groupby("region", sort=False):
        whole = part[part["topic"] == TOTAL]
        topics = part[part["topic"] != TOTAL].sort_values("excess", ascending=False)
        for total in whole.itertuples():
            meets = topics[(topics["first_day"] <= total.last_day) & (topics["last_day"] >= total.first_day)]
            if len(meets) and meets["excess"].iloc[0] >= FOLDED * total.excess:
                kept[total.Index] = False
                also[meets.index[0]] = "|".join(meets["topic"].iloc[1:4])
            elif len(meets):
                kept[meets.index] = False
                also[total.Index] = "|".join(meets["topic"].iloc[:4])
    return signals.assign(also=also)[kept].reset_index(drop=True)
