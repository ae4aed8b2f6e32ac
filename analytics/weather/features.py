"""What of the weather matters to complaints, as numbers for a regression."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from analytics.weather.known import Known, known_arrays
from analytics.weather.scenarios import scenarios
from analytics.weather.tables import MEASURES, check_weather

WARM_UP = 240  # days before the first one: from any day until the end of March back to the start of the season
SEASON_STARTS = 8  # month: the first cold spell is the first since then
HEATING_LIMIT, SPELL = 8.0, 5  # °C, days: the rule by which heating starts
LAGS = tuple(range(8))


@dataclass(frozen=True)
class WeatherFeatures:
    """`values` and `spread`, float32 places × days × features; names such as `snow_10@2`: two days before.

    Where the weather is not observed, `values` is the expected value of the feature (of a threshold its probability)
    and `spread` its standard deviation over the scenarios; 0 where the weather was observed or is not known at all.
    """

    values: np.ndarray
    spread: np.ndarray
    names: tuple[str, ...]
    places: tuple[str, ...]
    days: pd.DatetimeIndex


def weather_features(
    weather: pd.DataFrame,
    origin: date,
    days: Sequence[date] | pd.DatetimeIndex,
    places: Sequence[str],
    *,
    lags: Sequence[int] = LAGS,
) -> WeatherFeatures:
    """The features of consecutive `days` at `places`, from what was known at the origin (see `known_weather`).

    Degree-days (`heating`, `cooling`, `frost`, in tens of °C), `first_cold_spell` (the day on which the daily mean has
    been below 8 °C five days running for the first time since August), `sudden_drop` (more than 5 °C below the three
    days before), `rain_log`, `rain_10`, `rain_30` (mm), `snow_log`, `snow_3`, `snow_10` (cm), `snow_lying` (tens of cm,
    fallen less melted), `wind_over_8`, `wind_14` (m/s), `thaw_after_snow`, `refreeze`; each at every lag (days).
    Measures that nobody gave have no features. Raises BadInput for a table of weather that cannot be.
    """
    days = pd.DatetimeIndex(days)
    window = pd.date_range(days[0] - pd.Timedelta(days=WARM_UP), days[-1], freq="D")
    known = known_arrays(check_weather(weather), origin, window, tuple(places))
    given = [name for place, name in enumerate(MEASURES) if not np.isnan(known.values[..., place]).all()]
    values, names = _features(known.values, window, given)
    spread = np.zeros_like(values)
    start = _first_uncertain(known)
    if start < len(window):
        tail = slice(max(0, start - WARM_UP), None)
        members, _ = _features(scenarios(known, tail), window[tail], given)
        kept = slice(start - (tail.start or 0), None)
        values[:, start:] = members.mean(axis=0)[:, kept]
        spread[:, start:] = members.std(axis=0)[:, kept]
    first = len(window) - len(days)
    lagged = [values[:, first - lag : len(window) - lag] for lag in lags]
    lagged_spread = [spread[:, first - lag : len(window) - lag] for lag in lags]
    return WeatherFeatures(
        values=np.concatenate(lagged, axis=-1) if lagged else values[:, :0],
        spread=np.concatenate(lagged_spread, axis=-1) if lagged else spread[:, :0],
        names=tuple(f"{name}@{lag}" for lag in lags for name in names),
        places=tuple(places),
        days=days,
    )


def _first_uncertain(known: Known) -> int:
    """The first day of the window on which some place has a value that was not observed."""
    uncertain = ((known.spread > 0) & ~np.isnan(known.values)).any(axis=(0, 2))
    # Gaps in an observed history are filled by the mean without scenarios: they cost a place a day, not the window.
    uncertain &= known.days > known.history_days[-1]
    return int(uncertain.argmax()) if uncertain.any() else len(uncertain)


def _features(values: np.ndarray, days: pd.DatetimeIndex, given: list[str]) -> tuple[np.ndarray, list[str]]:
    """… × days × measures -> … × days × features; what is not known adds nothing."""
    weather = {name: values[..., place] for place, name in enumerate(MEASURES) if name in given}
    found = dict(_all(weather, days))
    if not found:
        return np.zeros((*values.shape[:-1], 0), dtype=np.float32), []
    stacked = np.stack([np.nan_to_num(feature).astype(np.float32) for feature in found.values()], axis=-1)
    return stacked, list(found)


def _all(weather: dict[str, np.ndarray], days: pd.DatetimeIndex) -> Iterator[tuple[str, np.ndarray]]:
    temperature, snow, rain = (weather.get(name) for name in ("temperature_c", "snow_cm", "rain_mm"))
    if temperature is not None:
        yield from _of_temperature(temperature, days)
    if rain is not None:
        yield "rain_log", np.log1p(rain)
        yield from ((f"rain_{least}", rain >= least) for least in (10, 30))
    if snow is not None:
        yield "snow_log", np.log1p(snow)
        yield from ((f"snow_{least}", snow >= least) for least in (3, 10))
        lying = _lying(snow, temperature)
        yield "snow_lying", lying / 10
        if temperature is not None:
            yield from _of_ice(temperature, snow, lying, rain)
    if (wind := weather.get("wind_ms")) is not None:
        yield "wind_over_8", np.maximum(wind - 8, 0) / 5
        yield "wind_14", wind >= 14


def _of_temperature(temperature: np.ndarray, days: pd.DatetimeIndex) -> Iterator[tuple[str, np.ndarray]]:
    yield "heating", np.maximum(18 - temperature, 0) / 10
    yield "cooling", np.maximum(temperature - 22, 0) / 10
    yield "frost", np.maximum(-15 - temperature, 0) / 10
    before = sum(_shifted(temperature, lag) for lag in (1, 2, 3)) / 3
    yield "sudden_drop", np.maximum(before - temperature - 5, 0) / 5
    yield "first_cold_spell", _first_cold_spell(temperature, days)


def _of_ice(
    temperature: np.ndarray, snow: np.ndarray, lying: np.ndarray, rain: np.ndarray | None
) -> Iterator[tuple[str, np.ndarray]]:
    """Thaw after frost while there is snow; frost after thaw while there is something to freeze."""
    before = sum(_shifted(temperature, lag) for lag in (1, 2, 3)) / 3
    fallen = np.nan_to_num(snow)
    recent = sum(_shifted(fallen, lag, fill=0) for lag in range(1, 21))
    yield "thaw_after_snow", (temperature > 0.3) & (before < -1) & (recent > 5)
    warmest = np.fmax(_shifted(temperature, 1), _shifted(temperature, 2))
    wet = fallen if rain is None else fallen + np.nan_to_num(rain)
    water = sum(_shifted(wet, lag, fill=0) for lag in (1, 2))
    yield "refreeze", (temperature < -0.5) & (warmest > 0.5) & ((lying > 1) | (water > 0.5))


def _lying(snow: np.ndarray, temperature: np.ndarray | None) -> np.ndarray:
    """Snow on the ground, cm: less by 3 % a day and 2 cm for each degree above 0; by 20 % a day where none is known."""
    fallen = np.nan_to_num(snow)
    lying = np.zeros_like(fallen)
    on_the_ground = np.zeros(fallen.shape[:-1])
    for day in range(fallen.shape[-1]):
        if temperature is None:
            on_the_ground = on_the_ground * 0.8
        else:
            melted = 2 * np.maximum(np.nan_to_num(temperature[..., day], nan=1.0), 0)
            on_the_ground = np.maximum(on_the_ground * 0.97 - melted, 0)
        on_the_ground = on_the_ground + fallen[..., day]
        lying[..., day] = on_the_ground
    return lying


def _first_cold_spell(temperature: np.ndarray, days: pd.DatetimeIndex) -> np.ndarray:
    """1 on the day that ends the season's first five days running below 8 °C; nothing in a season not seen whole."""
    cold = temperature < HEATING_LIMIT
    run = cold.copy()
    for lag in range(1, SPELL):
        run &= _shifted(cold, lag, fill=False)
    season = days.year.to_numpy() - (days.month.to_numpy() < SEASON_STARTS)
    spell = np.zeros(temperature.shape)
    for year in np.unique(season):
        inside = season == year
        if days[0] <= pd.Timestamp(int(year), SEASON_STARTS, 1):
            spell[..., inside] = run[..., inside] & (np.cumsum(run[..., inside], axis=-1) == 1)
    return spell


def _shifted(values: np.ndarray, lag: int, *, fill: float = np.nan) -> np.ndarray:
    """The value `lag` days before."""
    shifted = np.full_like(values, fill)
    shifted[..., lag:] = values[..., :-lag]
    return shifted
