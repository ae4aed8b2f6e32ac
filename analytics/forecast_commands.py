"""Commands that look ahead."""

from __future__ import annotations

import sys
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import pandas as pd
import typer
from rich.console import Console

from analytics.errors import BadInput
from analytics.progress import progress

if TYPE_CHECKING:
    from analytics.almanac import Almanac

EVENT_COLUMNS = ("id", "type", "starts_on")
WEATHER_COLUMNS = ("day", "place")
notes = Console(stderr=True, soft_wrap=True, highlight=False)


class Levels(StrEnum):
    """What is forecast: the panel's own series, or all totals too."""

    bottom = "bottom"
    all = "all"


Panel = Annotated[Path, typer.Option("--panel", help="CSV or Parquet: day, region, [municipality,] topic, complaints.")]
Country = Annotated[str | None, typer.Option(help="Whose public holidays: a code such as RU or US.")]
Subdivision = Annotated[str | None, typer.Option(help="And of which part of it, such as NY.")]
Holidays = Annotated[Path | None, typer.Option(help="Days of your own: a CSV day,name[,region].")]
End = Annotated[
    datetime | None,
    typer.Option("--end", formats=["%Y-%m-%d"], help="The last day that is known; later rows are ignored."),
]


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command()(forecast)


def forecast(
    panel: Panel,
    out: Annotated[Path, typer.Option(help="Where the forecast goes: .csv or .parquet.")],
    horizon: Annotated[int, typer.Option(help="Days ahead, 1 to 365.")] = 28,
    end: End = None,
    country: Country = None,
    subdivision: Subdivision = None,
    holidays: Holidays = None,
    events: Annotated[Path | None, typer.Option(help="Known events; checked, not used yet.")] = None,
    weather: Annotated[Path | None, typer.Option(help="Weather; checked, not used yet.")] = None,
    levels: Annotated[Levels, typer.Option(help="The panel's own series, or all totals too.")] = Levels.all,
) -> None:
    """Forecast a panel of daily counts from any file: mean and 13 quantiles for each day ahead and series."""
    from analytics.forecast import Engine  # noqa: PLC0415 (SciPy takes a second that other commands need not wait)

    table, last, almanac = _read(panel, end, country, subdivision, holidays)
    for path, columns in ((events, EVENT_COLUMNS), (weather, WEATHER_COLUMNS)):
        if path:
            _check_table(path, columns)
            notes.print(f"{path} is readable; this version does not use it yet.", markup=False)
    with progress("series") as show:
        engine = Engine(table, horizon, almanac=almanac, end=last, report=show)
        found = engine.forecast(levels.value)
    if engine.panel.summed:
        notes.print(f"{engine.panel.summed:,} rows were of a day and series given before: their counts were added.")
    for words, series in found.attrs["method"].items():
        notes.print(f"{series:,} series with {words}", markup=False)
    _write(found, out)


def _read(
    panel: Path, end: datetime | None, country: str | None, subdivision: str | None, holidays: Path | None
) -> tuple[pd.DataFrame, date | None, Almanac]:
    from analytics.almanac import Almanac, read_days  # noqa: PLC0415
    from analytics.panel import read_panel  # noqa: PLC0415

    almanac = Almanac(country, subdivision, read_days(holidays) if holidays else None)
    return read_panel(panel), end.date() if end else None, almanac


def _check_table(path: Path, columns: tuple[str, ...]) -> None:
    from analytics.panel import read_panel  # noqa: PLC0415

    table = read_panel(path)
    missing = [name for name in columns if name not in table]
    if missing:
        raise BadInput(
            "table_columns",
            "{file} has no column {missing}; it needs {needed}.",
            file=str(path),
            missing=", ".join(missing),
            needed=", ".join(columns),
        )


def _write(found: pd.DataFrame, out: Path) -> None:
    """Whole or not at all: written beside and then moved."""
    beside = out.with_name(f".{out.name}.part")
    try:
        if out.suffix == ".parquet":
            _bare(found).to_parquet(beside, index=False)
        else:
            _bare(found).to_csv(beside, index=False, date_format="%Y-%m-%d", float_format="%.10g")
        beside.replace(out)
    except OSError as error:
        raise BadInput(
            "not_writable", "{file} cannot be written ({reason}).", file=str(out), reason=error.strerror
        ) from None
    finally:
        beside.unlink(missing_ok=True)
    print(f"{len(found):,} rows written to {out}", file=sys.stderr)


def _bare(found: pd.DataFrame) -> pd.DataFrame:
    """Without what hangs on the table: a file keeps columns only."""
    bare = found.copy(deep=False)
    bare.attrs = {}
    return bare
