"""The weather of the demo country: a crude climate by latitude and distance from the ocean, and daily weather on it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
from numpy.typing import NDArray

from analytics.demo.places import Places, stream

Days = NDArray[np.float64]  # (regions, days)
CORRELATION_KM = 900.0
FORECAST_DAYS = 10
MOST_FORECAST = (300.0, 150.0, 60.0)  # mm, cm, m/s: nobody issues more
ISSUED_DAYS = 120  # forecasts as issued are kept for the last days only: enough to learn their error


@dataclass(frozen=True)
class Weather:
    """Daily weather by region: °C, mm, cm of snow fallen that day, m/s; `normal` is the climate's mean temperature."""

    normal: Days
    temperature: Days
    rain: Days
    snow: Days
    wind: Days


def build_weather(places: Places, days: list[date], seed: int) -> Weather:
    """Weather of every region on consecutive `days`; neighbouring regions share theirs, and it lasts for days."""
    rng = stream(seed, "weather")
    normal = climate(places.latitude, places.longitude, days)
    common = _fields(places, len(days), rng, persistence=0.86)
    wet = _fields(places, len(days), rng, persistence=0.45)
    gusts = _fields(places, len(days), rng, persistence=0.35)
    winter = np.clip((8 - normal) / 30, 0, 1)
    temperature = normal + common * (2.8 + 3.2 * winter)
    amount = 3.2 * np.clip(wet - 0.55, 0, None) ** 1.5 * rng.gamma(2, 0.5, wet.shape) * (1.3 - 0.9 * winter)
    falls_as_snow = np.clip((1.5 - temperature) / 3, 0, 1)
    return Weather(
        normal=normal,
        temperature=temperature,
        rain=amount * 2 * (1 - falls_as_snow),
        snow=amount * 2.6 * falls_as_snow,
        wind=np.clip(4.2 + 1.1 * gusts + 1.1 * np.clip(gusts, 0, None) ** 2, 0.3, None),
    )


def climate(latitude: NDArray[np.float64], longitude: NDArray[np.float64], days: list[date]) -> Days:
    """Mean temperature of each place on each day, °C: colder northwards, wider apart far from the oceans."""
    inland = np.exp(-(((longitude - 122) / 40) ** 2))
    mean = 6 - 0.55 * (latitude - 55.7) - 9 * inland
    half_range = 12.5 + 13 * inland + 0.3 * (latitude - 55)
    coldest = np.cos(2 * np.pi * (np.array([day.timetuple().tm_yday for day in days]) - 20) / 365.25)
    return mean[:, None] - half_range[:, None] * coldest


def _fields(places: Places, days: int, rng: np.random.Generator, *, persistence: float) -> Days:
    """Standard normal values, correlated between near regions and from day to day (first-order autoregression)."""
    y = places.latitude * 111
    x = places.longitude * 111 * np.cos(np.radians(places.latitude))
    distance = np.hypot(x[:, None] - x, y[:, None] - y)
    root = np.linalg.cholesky(np.exp(-distance / CORRELATION_KM) + 1e-6 * np.eye(len(x)))
    steps = root @ rng.standard_normal((len(x), days))
    fresh = np.sqrt(1 - persistence**2)
    for day in range(1, days):
        steps[:, day] = persistence * steps[:, day - 1] + fresh * steps[:, day]
    return steps


def write_weather(path: Path, weather: Weather, places: Places, days: list[date], *, end: date, seed: int) -> None:
    """Writes the weather table: observed rows up to `end` and forecasts as issued on each of the last days."""
    rng = stream(seed, "weather forecasts")
    last = days.index(end)
    region, day = np.divmod(np.arange(len(places.regions) * (last + 1)), last + 1)
    parts = [_weather_rows(places, days, region, day, issued=None, values=_values(weather, region, day))]
    issues = np.arange(max(0, last - ISSUED_DAYS + 1), last + 1)
    for lead in range(1, FORECAST_DAYS + 1):
        region, issued = np.divmod(np.arange(len(places.regions) * len(issues)), len(issues))
        issued = issues[issued]
        values = _values(weather, region, issued + lead)
        values[:, 0] += rng.normal(0, 0.6 + 0.35 * lead, len(values))
        values[:, 1:] *= rng.lognormal(0, 0.15 * lead, (len(values), 3))
        values[:, 1:] = np.minimum(values[:, 1:], MOST_FORECAST)
        parts.append(_weather_rows(places, days, region, issued + lead, issued=issued, values=values))
    pa.csv.write_csv(pa.concat_tables(parts), path)


def _values(weather: Weather, region: NDArray[np.int64], day: NDArray[np.int64]) -> NDArray[np.float64]:
    columns = (weather.temperature, weather.rain, weather.snow, weather.wind)
    return np.column_stack([column[region, day] for column in columns])


def _weather_rows(
    places: Places,
    days: list[date],
    region: NDArray[np.int64],
    day: NDArray[np.int64],
    *,
    issued: NDArray[np.int64] | None,
    values: NDArray[np.float64],
) -> pa.Table:
    first = np.datetime64(days[0], "D")
    values = values.round(1)
    return pa.table(
        {
            "day": pa.array(first + day, pa.date32()),
            "place": pa.array(np.array(places.regions, dtype=object)[region], pa.string()),
            "issued_on": pa.nulls(len(day), pa.date32()) if issued is None else pa.array(first + issued, pa.date32()),
            "temperature_c": values[:, 0],
            "rain_mm": values[:, 1],
            "snow_cm": values[:, 2],
            "wind_ms": values[:, 3],
        }
    )


def calendar_days(first: date, count: int) -> list[date]:
    """`count` consecutive days from `first`."""
    return [first + timedelta(days=offset) for offset in range(count)]
