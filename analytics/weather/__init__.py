"""Weather: observed and as it was forecast; what an origin may know of it; features for a regression."""

from __future__ import annotations

from analytics.weather.features import WeatherFeatures, weather_features
from analytics.weather.keeping import WeatherImport, WeatherPreview, import_weather, list_weather, preview_weather
from analytics.weather.known import forecast_error, known_weather
from analytics.weather.tables import MEASURES, check_weather, read_weather

__all__ = [
    "MEASURES",
    "WeatherFeatures",
    "WeatherImport",
    "WeatherPreview",
    "check_weather",
    "forecast_error",
    "import_weather",
    "known_weather",
    "list_weather",
    "preview_weather",
    "read_weather",
    "weather_features",
]
