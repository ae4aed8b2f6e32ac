"""What an origin may know of the weather: observed, forecast, else climatology, each with its spread."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from analytics.weather.climatology import climatology
from analytics.weather.tables import MEASURES, check_weather

SOURCES = ("unknown", "observed", "forecast", "climatology")
UNKNOWN, OBSERVED, FORECAST, CLIMATOLOGY = range(4)
LONGEST_LEAD = 60
ADDED = 0.5  # mm, cm, m/s: keeps ratios of small amounts finite
WET = {"rain_mm": 1.0, "snow_cm": 1.0, "wind_ms": 0.0}  # less, forecast and observed, says nothing of a ratio
# What is assumed of a forecast's error where none was seen: °C, and the standard deviation of the logarithm of a ratio.
FIRST_ERROR = {"temperature_c": 0.8, "rain_mm": 0.1, "snow_cm": 0.1, "wind_ms": 0.1}
GROWTH_A_DAY = {"temperature_c": 0.35, "rain_mm": 0.15, "snow_cm": 0.15, "wind_ms": 0.05}
CASES_OF_SCALE, CASES_OF_LEAD = 5, 15  # how many cases the assumption weighs


@dataclass(frozen=True)
class Known:
    """Arrays places × days × MEASURES: value, spread (°C; of the logarithm where it is a forecast of another measure),
    source (position in SOURCES); `lead` places × days, nan = no forecast; `history` what was observed, on its own days.
    """

    places: tuple[str, ...]
    days: pd.DatetimeIndex
    values: np.ndarray
    spread: np.ndarray
    source: np.ndarray
    lead: np.ndarray
    history: np.ndarray
    history_days: pd.DatetimeIndex


def known_weather(
    weather: pd.DataFrame, origin: date, days: Sequence[date] | pd.DatetimeIndex, places: Sequence[str]
) -> pd.DataFrame:
    """The weather of places and days as it is known on the evening of the origin; one row for each place and day.

    Columns: place, day, lead (days between issue and day; missing: no forecast), and for each of MEASURES its value
    (observed, or the mean that is expected), `…_spread` (standard deviation in the same unit, 0 = observed) and
    `…_source`: observed | forecast | climatology | unknown. Used are only days observed up to the origin and forecasts
    issued up to it, of each day the newest; beyond them climatology by day of the year. A place without rows of its own
    has those of the place '' (everywhere). Raises BadInput for a table of weather that cannot be.
    """
    known = known_arrays(check_weather(weather), origin, pd.DatetimeIndex(days), tuple(places))
    count = len(known.days)
    table = pd.DataFrame(
        {
            "place": np.repeat(np.array(known.places, dtype=object), count),
            "day": np.tile(known.days.to_numpy(), len(known.places)),
            "lead": known.lead.ravel(),
        }
    ).astype({"place": "str"})
    names = np.array(SOURCES, dtype=object)
    for place, name in enumerate(MEASURES):
        value, spread, source = (part[..., place] for part in (known.values, known.spread, known.source))
        if name != "temperature_c":  # of the logarithm -> of the amount
            spread = np.where(source == FORECAST, value * np.sqrt(np.expm1(spread**2)), spread)
        table[name], table[f"{name}_spread"] = value.ravel(), spread.ravel()
        table[f"{name}_source"] = names[source.ravel()]
    return table


def forecast_error(weather: pd.DataFrame, origin: date) -> pd.DataFrame:
    """How far forecasts were off, learned from those whose day was observed by the origin: one row a measure and lead.

    Columns: measure, lead (0-60 days), cases, bias (observed less forecast), spread. Temperature in °C; rain, snow and
    wind on the logarithm of observed / forecast (0.5 added to both), where either is at least 1 mm or cm. The spread is
    the root mean square, drawn towards an assumed growth with the lead (which is scaled by all leads together): few
    cases say little, and without any the assumption stands.
    """
    observed, issued = _split(check_weather(weather), origin)
    pairs = issued.merge(observed, on=["place", "day"], suffixes=("", "_seen"))
    lead = (pairs["day"] - pairs["issued_on"]).dt.days.to_numpy()
    leads = np.arange(LONGEST_LEAD + 1)
    parts = []
    for name in MEASURES:
        error = _errors(name, pairs[f"{name}_seen"].to_numpy(), pairs[name].to_numpy())
        good = ~np.isnan(error) & (lead <= LONGEST_LEAD)
        assumed = FIRST_ERROR[name] + GROWTH_A_DAY[name] * leads
        cases = np.bincount(lead[good], minlength=len(leads))
        squares = np.bincount(lead[good], error[good] ** 2, minlength=len(leads))
        sums = np.bincount(lead[good], error[good], minlength=len(leads))
        scale = ((squares / assumed**2).sum() + CASES_OF_SCALE) / (cases.sum() + CASES_OF_SCALE)
        spread = np.sqrt((squares + CASES_OF_LEAD * scale * assumed**2) / (cases + CASES_OF_LEAD))
        learned = leads <= leads[cases > 0].max(initial=0)
        spread[~learned] = np.maximum(spread[~learned], spread[learned].max())  # beyond them it is no better
        bias = sums / np.maximum(cases, 1)
        parts.append(pd.DataFrame({"measure": name, "lead": leads, "cases": cases, "bias": bias, "spread": spread}))
    return pd.concat(parts, ignore_index=True)


def known_arrays(weather: pd.DataFrame, origin: date, days: pd.DatetimeIndex, places: tuple[str, ...]) -> Known:
    """As known_weather, in arrays; `weather` is checked and `days` are in order."""
    observed, issued = _split(weather, origin)
    everywhere = (*places, "") if "" not in places else places
    spare = everywhere.index("")
    first = observed["day"].min() if len(observed) else pd.Timestamp(origin)
    history_days = pd.date_range(first, pd.Timestamp(origin), freq="D")
    history = _own_or_spare(_grid(observed, everywhere, history_days), spare)
    seen = _own_or_spare(_grid(observed, everywhere, days), spare)
    newest = issued.groupby(
        ["place", "day"], as_index=False
    ).last()  # in order of issue; a gap is filled by an older one
    ahead = _own_or_spare(_grid(newest, everywhere, days), spare)
    newest["lead"] = (newest["day"] - newest["issued_on"]).dt.days.astype(float)
    lead = _own_or_spare(_grid(newest, everywhere, days, ("lead",)), spare)[..., 0]
    mean, usual_spread = climatology(history, history_days, days)
    error = forecast_error(weather, origin)["spread"].to_numpy().reshape(len(MEASURES), -1).T
    ahead_spread = error[np.nan_to_num(lead).clip(0, LONGEST_LEAD).astype(int)]
    source = np.select([~np.isnan(seen), ~np.isnan(ahead), ~np.isnan(mean)], [OBSERVED, FORECAST, CLIMATOLOGY], UNKNOWN)
    values = np.choose(source, [np.full_like(seen, np.nan), seen, ahead, mean])
    spread = np.choose(source, [np.full_like(seen, np.nan), np.zeros_like(seen), ahead_spread, usual_spread])
    lead = np.where((source == FORECAST).any(axis=-1), lead, np.nan)
    own = slice(0, len(places))
    return Known(places, days, values[own], spread[own], source[own], lead[own], history[own], history_days)


def _split(weather: pd.DataFrame, origin: date) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What was observed and what was issued by the origin, the latter in order of issue."""
    last = pd.Timestamp(origin)
    is_observed = weather["issued_on"].isna()
    observed = weather[is_observed & (weather["day"] <= last)].drop(columns="issued_on")
    issued = weather[~is_observed & (weather["issued_on"] <= last)].sort_values("issued_on", kind="stable")
    return observed, issued


def _errors(name: str, seen: np.ndarray, ahead: np.ndarray) -> np.ndarray:
    if name == "temperature_c":
        return seen - ahead
    ratio = np.log((seen + ADDED) / (ahead + ADDED))
    return np.where(np.maximum(seen, ahead) >= WET[name], ratio, np.nan)


def _grid(
    rows: pd.DataFrame, places: tuple[str, ...], days: pd.DatetimeIndex, columns: tuple[str, ...] = MEASURES
) -> np.ndarray:
    """Places × days × columns, nan where there is no row."""
    values = np.full((len(places), len(days), len(columns)), np.nan)
    place = pd.Index(places, dtype="object").get_indexer(rows["place"].astype(object))
    day = days.get_indexer(pd.DatetimeIndex(rows["day"]))
    inside = (place >= 0) & (day >= 0)
    values[place[inside], day[inside]] = rows[list(columns)].to_numpy(dtype=float)[inside]
    return values


def _own_or_spare(values: np.ndarray, spare: int) -> np.ndarray:
    """Where a place has nothing, what holds everywhere."""
    return np.where(np.isnan(values), values[spare], values)
