"""The command that judges forecasts on a panel's past."""

from __future__ import annotations

import json
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any

import pandas as pd
import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from analytics.forecast_commands import (
    Country,
    End,
    Events,
    Holidays,
    PanelFile,
    Subdivision,
    Weather,
    read_known,
    warn_of,
)
from analytics.progress import progress

SHORT = {"scaled quantile loss": "quantile loss, scaled", "weighted quantile loss": "weighted"}
NARROWEST = 156  # characters: all measures side by side, whatever reads them


class By(StrEnum):
    """What the measures can be broken down by, beside method and level."""

    volume = "volume"
    bucket = "bucket"
    event = "event"
    origin = "origin"


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(backtest)


def backtest(
    panel: PanelFile,
    origins: Annotated[int, typer.Option(help="Days in the past to forecast from, 29 days apart.")] = 12,
    horizon: Annotated[int, typer.Option(help="Days ahead that are judged, 1 to 28.")] = 28,
    end: End = None,
    country: Country = None,
    subdivision: Subdivision = None,
    holidays: Holidays = None,
    events: Events = None,
    weather: Weather = None,
    by: Annotated[By | None, typer.Option(help="Break the measures down by this too.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Judge the forecasts on a panel's past, beside the last 13 same weekdays and the week before."""
    from analytics.backtest import judge, measure  # noqa: PLC0415 (SciPy takes a second)
    from analytics.panel import dense_panel  # noqa: PLC0415
    from analytics.significance import compare  # noqa: PLC0415

    known = read_known(panel, end, country, subdivision, holidays, events, weather)
    dense = dense_panel(known.table, known.end) if isinstance(known.table, pd.DataFrame) else known.table
    with progress("origins") as show:
        judged = judge(dense, origins, horizon, almanac=known.almanac, drivers=known.drivers, report=show)
    warn_of(dense)
    measured = measure(judged, ["level", *([by.value] if by else []), "method"])
    compared = compare(judged)
    if as_json:
        print(json.dumps({"measures": _rows(measured), "compared": _rows(compared)}, ensure_ascii=False))
        return
    _print(measured.rename(columns=SHORT))
    _print(compared)


def _rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): _plain(value) for name, value in row.items()} for row in table.to_dict("records")]


def _plain(value: Any) -> Any:
    if isinstance(value, (datetime, date)):
        return str(value)[:10]
    if isinstance(value, float):
        return round(value, 4) if pd.notna(value) and abs(value) < float("inf") else None
    return value


def _print(found: pd.DataFrame) -> None:
    table = Table(*map(str, found.columns), box=box.SIMPLE_HEAD)
    for row in _rows(found):
        table.add_row(*(Text(_shown(value)) for value in row.values()))
    Console(width=max(Console().width, NARROWEST)).print(table)


def _shown(value: Any) -> str:
    if value is None:
        return "—"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.3f}" if isinstance(value, float) else str(value)
