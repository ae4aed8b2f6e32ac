"""What a series is made of: trend, week, year and the rest of each day, and the days on which its level changed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from statsmodels.nonparametric.smoothers_lowess import lowess
from statsmodels.tsa.seasonal import STL

from analytics.errors import BadInput
from analytics.steps import Step, find_steps, find_steps_beside_season

FEWEST_DAYS = 28
YEAR = 52  # weeks
ROBUST = 3.0  # complaints a day (or week) above which outliers can be told from ordinary counts
WEEKLY_WINDOW, YEARLY_WINDOW = 53, 13  # weeks and years over which these rhythms may change
TREND_WINDOW = 27  # weeks
CUT = 3.0  # standard deviations above and below which a day does not speak for the level
LIKELY = 0.5  # the least probability of a change that is reported
NEAR = 14  # days beside a change's week in which its date is sought; steps lie at least 28 days apart


@dataclass(frozen=True)
class Decomposition:
    """`parts`: day, complaints, trend, weekly, yearly, remainder; `changes`: day, change, probability; `has_year`.

    The four parts, in complaints a day, add up to the complaints; `change` is relative (0.4 = 40 % more from that day).
    """

    parts: pd.DataFrame
    changes: pd.DataFrame
    has_year: bool


def decompose(series: pd.Series) -> Decomposition:
    """Take daily counts apart; `series`: complaints by day (a DatetimeIndex), nan or no row = unknown.

    Weekly rhythm and, from two years on, the yearly one by STL with robust weights (Cleveland et al. 1990), on a scale
    on which counts vary alike at every level (Anscombe 1948, for the negative binomial); the trend by local regression
    between the changes of level (`steps.find_steps`). Below two years the season is part of the trend, and a change
    may be one of season. Quiet series are taken as they are, without robust weights: their few counts are no outliers.
    Raises BadInput with fewer than 28 known days, negative counts, or days that are no days.
    """
    counts = _checked(series)
    scale = _Scale.of(counts.to_numpy())
    values = scale.of_counts(counts.to_numpy())
    weekly = _weekly(values, np.nanmean(counts))
    adjusted = values - weekly
    daily = _cut(adjusted)
    weeks = _weeks(daily)
    years = len(weeks) / YEAR
    steps = find_steps_beside_season(weeks) if 2 <= years < 3 else find_steps(weeks, harmonics=3 if years >= 3 else 0)
    steps = [step for step in steps if step.probability >= LIKELY]
    yearly = _yearly(weeks, steps) if years >= 2 else np.zeros(len(weeks))
    trend = _trend(weeks - yearly, steps)
    first = len(counts) - 7 * len(weeks)
    middle = first + 3 + 7 * np.arange(len(weeks))
    days = np.arange(len(counts))
    dates = [_date(daily, first + 7 * step.week, step) for step in steps]
    trend = _daily(days, middle, trend, dates, [step.week for step in steps])
    yearly = np.interp(days, middle, yearly)
    parts = _parts(counts, scale, trend, weekly, yearly)
    changes = pd.DataFrame(
        {
            "day": counts.index[dates],
            "change": [float(scale.to_counts(s.after) / max(scale.to_counts(s.before), 1e-3) - 1) for s in steps],
            "probability": [step.probability for step in steps],
        }
    )
    return Decomposition(parts, changes, years >= 2)


@dataclass(frozen=True)
class _Scale:
    """arcsinh(√(a·(y + 3/8))): like a square root for small counts, like a logarithm for large ones."""

    dispersion: float

    @classmethod
    def of(cls, counts: np.ndarray) -> _Scale:
        """With the dispersion that counts have around a smooth level."""
        frame = pd.Series(counts)
        level = frame.rolling(29, center=True, min_periods=7).median().fillna(frame.mean())
        level = level.clip(lower=float(np.nanmean(counts)) / 10 + 1e-3)
        weekday = frame.groupby(np.arange(len(frame)) % 7).transform("mean") / max(float(frame.mean()), 1e-9)
        mean = (level * weekday).clip(lower=1e-3)
        excess = ((frame - mean) ** 2 - mean).clip(upper=16 * mean + 9 * mean**2)
        return cls(float(np.clip(excess.sum() / (mean**2).sum(), 0.02, 1.0)))

    def of_counts(self, counts: np.ndarray) -> np.ndarray:
        """To the scale."""
        return np.arcsinh(np.sqrt(self.dispersion * (counts + 0.375)))

    def to_counts(self, values: np.ndarray | float) -> np.ndarray:
        """And back, 0 at least."""
        return np.maximum(np.sinh(np.maximum(values, 0.0)) ** 2 / self.dispersion - 0.375, 0.0)


def _checked(series: pd.Series) -> pd.Series:
    if not isinstance(series.index, pd.DatetimeIndex) or series.index.has_duplicates:
        raise BadInput("decompose_days", "A series is taken apart by day: each day once.")
    counts = series.sort_index().astype(float)
    known = int(counts.notna().sum())
    if known < FEWEST_DAYS:
        raise BadInput(
            "decompose_short",
            "Trend and rhythm need {needed} days with a count; there are {days}.",
            needed=FEWEST_DAYS,
            days=known,
        )
    if (counts < 0).any():
        raise BadInput("decompose_counts", "Complaints are counts of 0 or more.")
    counts = counts[counts.first_valid_index() : counts.last_valid_index()]
    return counts.reindex(pd.date_range(counts.index[0], counts.index[-1], freq="D"))


def _weekly(values: np.ndarray, mean: float) -> np.ndarray:
    """The week's rhythm of each day; unknown days are filled by their neighbours and their weekday first."""
    frame = pd.Series(values)
    weekday = np.arange(len(values)) % 7
    level = frame.rolling(29, center=True, min_periods=1).mean().interpolate(limit_direction="both")
    profile = (frame - level).groupby(weekday).transform("mean").fillna(0.0)
    filled = frame.fillna(level + profile).to_numpy()
    fitted = STL(filled, period=7, seasonal=WEEKLY_WINDOW, robust=mean >= ROBUST, seasonal_jump=7, low_pass_jump=2)
    return fitted.fit().seasonal


def _cut(adjusted: np.ndarray) -> np.ndarray:
    """Without the days that lie far from their neighbours: spikes are no levels."""
    frame = pd.Series(adjusted)
    near = frame.rolling(29, center=True, min_periods=7).median().interpolate(limit_direction="both")
    away = frame - near
    spread = max(1.4826 * float(away.abs().median()), 0.7 * float(away.std()), 1e-6)
    return away.clip(-CUT * spread, CUT * spread).add(near).to_numpy()


def _weeks(daily: np.ndarray) -> np.ndarray:
    """Means of whole weeks, the last ending on the last day; nan where fewer than 3 days are known."""
    whole = daily[len(daily) % 7 :].reshape(-1, 7)
    known = ~np.isnan(whole)
    sums = np.where(known, whole, 0.0).sum(axis=1)
    return np.where(known.sum(axis=1) >= 3, sums / np.maximum(known.sum(axis=1), 1), np.nan)


def _levels(size: int, steps: list[Step]) -> np.ndarray:
    week = np.arange(size)
    return sum(((week >= step.week) * (step.after - step.before) for step in steps), np.zeros(size))


def _yearly(weeks: np.ndarray, steps: list[Step]) -> np.ndarray:
    """The year's rhythm of each week, smoothed over three weeks; the steps are taken out first."""
    level = _levels(len(weeks), steps)
    filled = pd.Series(weeks - level).interpolate(limit_direction="both").to_numpy()
    found = STL(filled, period=YEAR, seasonal=YEARLY_WINDOW, robust=True).fit().seasonal
    return np.convolve(np.pad(found, 1, mode="edge"), [0.25, 0.5, 0.25], "valid")


def _trend(weeks: np.ndarray, steps: list[Step]) -> np.ndarray:
    """Robust local regression (Cleveland 1979) over half a year, each stretch between two changes by itself."""
    filled = pd.Series(weeks).interpolate(limit_direction="both").to_numpy()
    edges = [0, *(step.week for step in steps), len(filled)]
    found = np.empty(len(filled))
    for start, end in zip(edges[:-1], edges[1:], strict=True):
        part, size = filled[start:end], end - start
        if size < 2 * TREND_WINDOW // 3:
            found[start:end] = np.median(part)
        else:
            found[start:end] = lowess(part, np.arange(size), frac=min(1.0, TREND_WINDOW / size), return_sorted=False)
    return found


def _date(daily: np.ndarray, day: int, step: Step) -> int:
    """The day near `day` from which the counts are closer to the level after the step than to that before it."""
    start, end = max(day - NEAR, 1), min(day + NEAR, len(daily) - 1)
    closer = np.nan_to_num(daily[start:end] - (step.before + step.after) / 2) * np.sign(step.after - step.before)
    return start + int(np.cumsum(closer[::-1])[::-1].argmax())


def _daily(days: np.ndarray, middle: np.ndarray, trend: np.ndarray, dates: list[int], weeks: list[int]) -> np.ndarray:
    """The trend of each day: straight between the middles of weeks, without a bridge over a change."""
    found = np.empty(len(days))
    starts, ends = [0, *dates], [*dates, len(days)]
    edges = [0, *weeks, len(trend)]
    for number, (start, end) in enumerate(zip(starts, ends, strict=True)):
        inside = slice(edges[number], edges[number + 1])
        found[start:end] = np.interp(days[start:end], middle[inside], trend[inside])
    return found


def _parts(counts: pd.Series, scale: _Scale, trend: np.ndarray, weekly: np.ndarray, yearly: np.ndarray) -> pd.DataFrame:
    """Back to complaints, in which the parts add up; means on the scale are a little low, so all are raised alike."""
    level, week, year = (scale.to_counts(part) for part in (trend, trend + weekly, trend + weekly + yearly))
    away = scale.of_counts(counts.to_numpy()) - trend - weekly - yearly
    usual = np.abs(away) <= 4 * np.nanstd(away)
    raised = counts.to_numpy()[usual].sum() / max(year[usual].sum(), 1e-9)
    found = pd.DataFrame({"day": counts.index, "complaints": counts.to_numpy(), "trend": raised * level})
    found["weekly"], found["yearly"] = raised * (week - level), raised * (year - week)
    return found.assign(remainder=counts.to_numpy() - raised * year)
