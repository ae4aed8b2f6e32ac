"""Ways in which the weather may go on from an origin, all equally likely."""

from __future__ import annotations

import numpy as np
import scipy

from analytics.weather.known import CLIMATOLOGY, FORECAST, Known
from analytics.weather.tables import MEASURES

SHIFTS = (0, 6, -6, 3, -3, 9, -9)  # days: a past year is read a little early or late
MOST_YEARS = 5
YEAR = 365.25


def scenarios(known: Known, part: slice) -> np.ndarray:
    """scenarios × places × days (those of `part`) × measures; what was observed is the same in all of them.

    Forecasts are moved by their learned error, the same quantile of it on every day of a scenario; beyond them each
    scenario follows a past year of the place itself, read up to nine days early or late, so that cold spells and
    snowfalls last as they do (ensemble streamflow prediction; Day 1985, J. Water Resources Planning and Management).
    """
    values, spread, source = (array[:, part] for array in (known.values, known.spread, known.source))
    days = known.days[part]
    years = max(1, min(MOST_YEARS, round(len(known.history_days) / YEAR)))
    ways = [(year, shift) for shift in SHIFTS for year in range(1, years + 1)]
    quantiles = scipy.stats.norm.ppf((np.arange(len(ways)) + 0.5) / len(ways))
    # Neighbouring ways are of like years: quantiles are dealt out in strides, so that they do not go with the years.
    stride = next(step for step in (8, 3, 5, 7, 11, 13) if np.gcd(step, len(ways)) == 1)
    quantiles = quantiles[(np.arange(len(ways)) * stride) % len(ways)]
    members = np.repeat(values[None], len(ways), axis=0)
    temperature = MEASURES.index("temperature_c")
    is_forecast = source == FORECAST
    ratio = np.exp(
        np.where(is_forecast, spread, 0) * quantiles[:, None, None, None] - np.where(is_forecast, spread, 0) ** 2 / 2
    )
    ratio[..., temperature] = 1
    members *= ratio
    members[..., temperature] += (np.where(is_forecast, spread, 0) * quantiles[:, None, None, None])[..., temperature]
    is_usual = source == CLIMATOLOGY
    for member, (year, shift) in enumerate(ways):
        past = _past(known, days - np.timedelta64(round(year * YEAR) - shift, "D"))
        spare = values + spread * quantiles[member]
        spare[..., 1:] = np.maximum(spare[..., 1:], 0)
        chosen = np.where(np.isnan(past), spare, past)
        members[member] = np.where(is_usual, chosen, members[member])
    return members


def _past(known: Known, days: np.ndarray) -> np.ndarray:
    """What was observed on these days; nan outside the history."""
    place = known.history_days.get_indexer(days)
    return np.where((place >= 0)[None, :, None], known.history[:, place], np.nan)
