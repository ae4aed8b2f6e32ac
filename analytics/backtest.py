"""How good forecasts would have been: rolling origins, an expanding window, every method at the same tasks.

At each origin a method is given what was known on that day and nothing later, and is judged on the days after it.
`judge` answers with sums for each method, origin, series and horizon bucket; every table is made of these by `measure`.
Unknown days are left out of judging; they are not counts of 0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from itertools import product

import numpy as np
import pandas as pd

from analytics import scores
from analytics.almanac import Almanac
from analytics.distribution import VOLUMES
from analytics.drivers import Drivers
from analytics.errors import BadInput
from analytics.event_days import event_days
from analytics.methods import METHODS, Ahead, Method, Task
from analytics.panel import TOTAL, Panel, dense_panel, total_counts, totals

STEP = 29  # days between origins; as 27, it rotates them over the weekdays
FEWEST_DAYS = 91  # known at the first origin: thirteen weeks
FEWEST_A_DAY = 0.1  # complaints of a series over its last year before the origin; quieter ones are not judged
YEAR = 365
BUCKETS = {"1": 1, "2-7": 7, "8-14": 14, "15-28": 28}  # horizon buckets and the last day ahead of each
DAYS = ["event", "other"]  # kinds of days
FARTHEST = max(BUCKETS.values())
CLASSES = ["< 0.3", *(f"{low:g}-{high:g}" for low, high in zip(VOLUMES[:-1], VOLUMES[1:], strict=True)), "> 20"]
REACHED = [f"pit {edge:g}" for edge in scores.EDGES]
SUMS = ("days", "actual", "absolute", "squared", "error", "loss", "crps", *REACHED)
MEASURES = ("scaled quantile loss", "weighted quantile loss", "CRPS", "MASE", "WAPE", "RMSSE", "bias")
Report = Callable[[float, str], None]


def backtest(
    panel: pd.DataFrame | Panel,
    origins: int = 12,
    horizon: int = FARTHEST,
    *,
    methods: Mapping[str, Method] = METHODS,
    almanac: Almanac | None = None,
    drivers: Drivers | None = None,
    end: date | None = None,
    step: int = STEP,
    by: Sequence[str] = ("method", "origin", "level"),
    report: Report | None = None,
) -> pd.DataFrame:
    """One row per method, origin and level ("bottom", "totals") with all measures; see `judge` and `measure`.

    `by` may name `volume` (class), `bucket` (of the horizon) and `event` (event and other days) too.
    """
    judged = judge(
        panel, origins, horizon, methods=methods, almanac=almanac, drivers=drivers, end=end, step=step, report=report
    )
    return measure(judged, by)


def judge(
    panel: pd.DataFrame | Panel,
    origins: int = 12,
    horizon: int = FARTHEST,
    *,
    methods: Mapping[str, Method] = METHODS,
    almanac: Almanac | None = None,
    drivers: Drivers | None = None,
    end: date | None = None,
    step: int = STEP,
    report: Report | None = None,
) -> pd.DataFrame:
    """Sums over the days of each method, origin, series, horizon bucket and kind of day, and scales of the origin.

    `panel`: `day, region, [municipality], topic, complaints`; the last origin lies `horizon` days before its end, the
    others `step` days apart. Each method is refitted at each origin and told what of `drivers` was known there. Judged
    are series with at least 0.1 complaints a day in the year before the origin; `event` tells days off and days of
    events from others (see `event_days`). Raises BadInput on a bad panel, one too short, or a horizon outside 1 … 28.
    """
    whole = panel if isinstance(panel, Panel) else dense_panel(panel, end)
    positions = origin_positions(len(whole.days), origins, horizon, step)
    above = totals(whole)
    counts = np.vstack([whole.counts, *(total_counts(level, whole.counts) for level in above)])
    series = pd.concat([whole.series, *(level.series for level in above)], ignore_index=True)
    names = pd.MultiIndex.from_frame(series)
    almanac, drivers = almanac or Almanac(), drivers or Drivers()
    events = event_days(series, whole.days, almanac, drivers)
    tables = []
    for number, position in enumerate(positions):
        task = Task(known_until(whole, position), horizon, almanac, drivers)
        rows = names.get_indexer(pd.MultiIndex.from_frame(task.series))
        actual, event = (table[rows, position + 1 : position + 1 + horizon] for table in (counts, events))
        chance = np.random.default_rng(position).random(actual.shape)  # the same for every method
        for at, (name, method) in enumerate(methods.items()):
            if report:
                share = (number * len(methods) + at) / (len(positions) * len(methods))
                report(share, f"{name}, {task.origin.date()}")
            tables.append(score(task, actual.astype(float), method(task), chance, event).assign(method=name))
    judged = pd.concat(tables, ignore_index=True)
    if judged.empty:
        raise BadInput(
            "backtest_quiet",
            "No series of the panel has {least} complaints a day before any origin; there is nothing to judge.",
            least=FEWEST_A_DAY,
        )
    return judged


def origin_positions(days: int, origins: int, horizon: int, step: int = STEP) -> list[int]:
    """Positions of the origins in a panel of so many days, the earliest first."""
    if not 1 <= horizon <= FARTHEST:
        raise BadInput(
            "backtest_horizon",
            "A backtest judges 1 to {most} days ahead, not {horizon}.",
            most=FARTHEST,
            horizon=horizon,
        )
    if origins < 1:
        raise BadInput("backtest_origins", "A backtest needs at least 1 origin, not {origins}.", origins=origins)
    needed = FEWEST_DAYS + step * (origins - 1) + horizon
    if days < needed:
        raise BadInput(
            "backtest_short",
            "The panel has {days} days; {origins} origins need at least {needed}.",
            days=days,
            origins=origins,
            needed=needed,
        )
    last = days - 1 - horizon
    return [last - step * number for number in reversed(range(origins))]


def known_until(panel: Panel, position: int) -> Panel:
    """The panel as it was on that day: without later days, and without series that had not begun."""
    counts = panel.counts[:, : position + 1]
    begun = ~np.isnan(counts).all(axis=1)
    return Panel(panel.days[: position + 1], panel.series[begun].reset_index(drop=True), counts[begun])


def score(
    task: Task, actual: np.ndarray, ahead: Ahead, chance: np.ndarray, event: np.ndarray | None = None
) -> pd.DataFrame:
    """Sums of one method at one origin; `actual`, `event`: the task's series × days ahead, nan = unknown."""
    volume = mean_volume(task.counts)
    rows = np.flatnonzero(volume >= FEWEST_A_DAY)
    daily = _daily_scores(actual, ahead, chance)[rows]
    scale, squares = scores.naive_scales(task.counts[rows])
    series = task.series.iloc[rows]
    common = series.assign(
        origin=task.origin,
        level=np.where((series == TOTAL).any(axis=1), "totals", "bottom"),
        volume=pd.Categorical.from_codes(np.searchsorted(VOLUMES, volume[rows], "right"), CLASSES, ordered=True),
        scale=scale,
        squares=squares,
    )
    bucket = np.searchsorted(list(BUCKETS.values()), np.arange(1, task.horizon + 1))
    marked = np.zeros(actual.shape, dtype=bool) if event is None else event
    tables = []
    for number, is_event in product(np.unique(bucket), (True, False)):
        kinds = {
            "bucket": pd.Categorical.from_codes([number] * len(rows), list(BUCKETS), ordered=True),
            "event": pd.Categorical([DAYS[not is_event]] * len(rows), DAYS, ordered=True),
        }
        chosen = (marked[rows] == is_event) & (bucket == number)
        sums = pd.DataFrame((daily * chosen[..., None]).sum(axis=1), columns=list(SUMS), index=common.index)
        tables.append(pd.concat([common.assign(**kinds), sums], axis=1))
    found = pd.concat(tables, ignore_index=True)
    return found[found["days"] > 0]


def mean_volume(counts: np.ndarray) -> np.ndarray:
    """Complaints a day of each series over the known days of the last year (series × days -> series)."""
    last = counts[:, -YEAR:]
    known = ~np.isnan(last)
    return np.where(known, last, 0.0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)


def measure(judged: pd.DataFrame, by: Sequence[str] = ("method", "level")) -> pd.DataFrame:
    """The measures of `judged` for each value of `by`, the coverage of three intervals, and how much they rest on.

    Of the 0.5 quantile: MASE (mean absolute error over that of the in-sample seasonal naive, m = 7) and WAPE (sum of
    absolute errors over the sum of complaints). Of the mean: RMSSE (root of the mean squared error over the squared
    error of the in-sample seasonal naive) and bias (sum of errors over the sum of complaints; above 0 is too high).
    Of the distribution: scaled quantile loss (over the scale of MASE), weighted quantile loss (over the sum of
    complaints), CRPS in complaints a day, and coverage by randomised PIT. Scaled ones are means over series and
    origins, each of equal weight (Hyndman and Koehler 2006; Makridakis et al. 2022).
    """
    keys = [name for name in ("region", "municipality", "topic") if name in judged]
    each = judged.groupby([*dict.fromkeys([*by, "method", "origin"]), *keys], observed=True, sort=False)
    one = each.agg(dict.fromkeys(SUMS, "sum") | {"scale": "first", "squares": "first"}).reset_index()
    scale, squares = one["scale"].where(one["scale"] > 0), one["squares"].where(one["squares"] > 0)
    one["scaled quantile loss"] = one["loss"] / one["days"] / scale
    one["MASE"] = one["absolute"] / one["days"] / scale
    one["RMSSE"] = np.sqrt(one["squared"] / one["days"] / squares)
    groups = one.groupby(list(by), observed=True)
    sums, means = groups[list(SUMS)].sum(), groups[["scaled quantile loss", "MASE", "RMSSE"]].mean()
    complaints = sums["actual"].where(sums["actual"] > 0)
    found = means.assign(**{
        "weighted quantile loss": sums["loss"] / complaints,
        "CRPS": sums["crps"] / sums["days"],
        "WAPE": sums["absolute"] / complaints,
        "bias": sums["error"] / complaints,
    })[list(MEASURES)]  # fmt: skip
    for width, (low, high) in scores.INTERVALS.items():
        found[f"{width} %"] = (sums[f"pit {high:g}"] - sums[f"pit {low:g}"]) / sums["days"]
    return found.assign(series=groups.size() / groups["origin"].nunique(), days=sums["days"].astype(int)).reset_index()


def calibration(judged: pd.DataFrame, by: Sequence[str] = ("method",)) -> pd.DataFrame:
    """For each level that was promised, the share of days at or below it, by randomised PIT: by, promised, seen."""
    sums = judged.groupby(list(by), observed=True)[["days", *REACHED]].sum()
    seen = sums[REACHED].div(sums["days"], axis=0).set_axis(list(scores.EDGES), axis=1)
    return seen.rename_axis(columns="promised").stack().rename("seen").reset_index()


def _daily_scores(actual: np.ndarray, ahead: Ahead, chance: np.ndarray) -> np.ndarray:
    """Series × days × SUMS, all 0 on a day that is unknown."""
    mean, quantiles = ahead.values[..., 0], ahead.values[..., 1:]
    if ahead.at_most is None:
        place = scores.transform_by_quantiles(actual, quantiles, chance)
    else:
        place = scores.transform(ahead.at_most(actual - 1.0), ahead.at_most(actual), chance)
    median = quantiles[..., scores.LEVELS.index(0.5)]
    parts = [
        np.ones_like(actual),
        actual,
        np.abs(actual - median),
        (actual - mean) ** 2,
        mean - actual,
        scores.quantile_loss(actual, quantiles),
        scores.crps(actual, quantiles),
        *(place <= edge for edge in scores.EDGES),
    ]
    return np.where(np.isnan(actual)[..., None], 0.0, np.stack(parts, axis=-1))
