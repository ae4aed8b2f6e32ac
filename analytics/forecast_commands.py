"""Commands that look ahead."""

from __future__ import annotations

import sys
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import pandas as pd
import typer
from rich.console import Console

from analytics.errors import BadInput
from analytics.existing import existing_store, utc_now
from analytics.progress import progress
from analytics.settings import read_settings

if TYPE_CHECKING:
    from analytics.almanac import Almanac
    from analytics.drivers import Drivers
    from analytics.panel import Panel

HORIZON = 28
notes = Console(stderr=True, soft_wrap=True, highlight=False)


class Levels(StrEnum):
    """What is forecast: the panel's own series, or all totals too."""

    bottom = "bottom"
    all = "all"


class RecordBy(StrEnum):
    """What the record can be told apart by."""

    lead = "lead"
    region = "region"
    topic = "topic"


PanelFile = Annotated[Path, typer.Option("--panel", help="CSV or Parquet: day, region, topic, complaints.")]
OptionalPanel = Annotated[
    Path | None,
    typer.Option("--panel", help="CSV or Parquet: day, region, [municipality,] topic, complaints; else the store."),
]
Country = Annotated[str | None, typer.Option(help="Whose public holidays: a code such as RU or US.")]
Subdivision = Annotated[str | None, typer.Option(help="And of which part of it, such as NY.")]
Holidays = Annotated[Path | None, typer.Option(help="Days of your own: a CSV day,name[,region].")]
Events = Annotated[Path | None, typer.Option(help="Known events: a table id,type,starts_on and more.")]
Weather = Annotated[Path | None, typer.Option(help="Weather: a table day,place,issued_on and measures.")]
End = Annotated[
    datetime | None,
    typer.Option("--end", formats=["%Y-%m-%d"], help="The last day that is known; later rows are ignored."),
]


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command()(forecast)
    app.command()(refresh)
    app.command()(record)


def forecast(
    panel: OptionalPanel = None,
    out: Annotated[Path | None, typer.Option(help="Where the forecast goes: .csv or .parquet.")] = None,
    horizon: Annotated[int, typer.Option(help="Days ahead, 1 to 365.")] = 28,
    end: End = None,
    country: Country = None,
    subdivision: Subdivision = None,
    holidays: Holidays = None,
    events: Events = None,
    weather: Weather = None,
    levels: Annotated[Levels, typer.Option(help="The panel's own series, or all totals too.")] = Levels.all,
) -> None:
    """Forecast a panel of daily counts from any file: mean and 13 quantiles for each day ahead and series.

    Without --panel the store is forecast, as by `refresh`, and the ledger keeps it.
    """
    if panel is None:
        given = {"--end": end, "--country": country, "--subdivision": subdivision, "--holidays": holidays}
        given |= {"--events": events, "--weather": weather}
        refuse_without_panel([name for name, value in given.items() if value] + ["--horizon"] * (horizon != HORIZON))
        check_target(out)
        refresh()
        if out:
            write_table(_of_store(levels), out)
        return
    if out is None:
        raise BadInput("no_out", "Say with --out where the forecast goes: a .csv or .parquet file.")
    check_target(out)
    from analytics.forecast import Engine  # noqa: PLC0415 (SciPy takes a second that other commands need not wait)

    known = read_known(panel, end, country, subdivision, holidays, events, weather)
    with progress("series") as show:
        engine = Engine(known.table, horizon, almanac=known.almanac, drivers=known.drivers, end=known.end, report=show)
        found = engine.forecast(levels.value)
    warn_of(engine.panel)
    tell(found.attrs["notices"])
    for words, series in found.attrs["method"].items():
        notes.print(f"{series:,} series with {words}", markup=False)
    write_table(found, out)


def refresh(
    regions_only: Annotated[bool, typer.Option("--regions-only", help="Leave the municipalities out.")] = False,
) -> None:
    """Forecast the store after an import and keep it in the ledger; safe to run twice."""
    from analytics.refresh import refresh as issue  # noqa: PLC0415

    with closing(existing_store()) as store, progress("series") as show:
        done = issue(store, now=utc_now(), municipalities=not regions_only, report=show)
    newest, past = done[0], [run for run in done[1:] if run.rows]
    if newest.rows or newest.municipal_rows:
        notes.print(
            f"forecast from {newest.origin}: {newest.rows:,} rows for regions and totals, "
            f"{newest.municipal_rows:,} for municipalities"
        )
    else:
        notes.print(f"the forecast from {newest.origin} had been issued already")
    if past:
        notes.print(f"and what would have been said at {len(past)} earlier origins, marked as reconstructed")
    for words, series in newest.method.items():
        notes.print(f"{series:,} series with {words}", markup=False)
    if newest.unloaded:
        notes.print(f"{newest.unloaded:,} stretches of days look as if they had not been loaded: taken as unknown")
    if newest.ended:
        names = [name or "complaints of no stated region" for name in newest.ended]
        notes.print(f"left out, nothing arrives from there any more: {', '.join(names)}", markup=False)


def record(
    by: Annotated[
        RecordBy, typer.Option(help="One row for each of these, first of all; * is the total.")
    ] = RecordBy.lead,
    reconstructed: Annotated[
        bool, typer.Option("--reconstructed", help="Judge what would have been said, not what was issued.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Say how good the forecasts were that were issued: error, skill against the last same weekday, coverage."""
    from analytics.record import record as judge  # noqa: PLC0415

    with closing(existing_store()) as store:
        found = judge(store, by.value, reconstructed=reconstructed)
    if as_json:
        print(found.to_json(orient="records", force_ascii=False))
    elif found.empty:
        notes.print("nothing that was issued can be judged yet: import the days that followed, or see --reconstructed")
    else:
        print(found.round(3).to_string(index=False))


def refuse_without_panel(given: list[str]) -> None:
    """Raise BadInput where options were given that a store's own settings decide."""
    if given:
        raise BadInput(
            "needs_panel",
            "{options} go with --panel; a store is forecast from its newest full day with its own settings.",
            options=", ".join(given),
        )


def _of_store(levels: Levels) -> pd.DataFrame:
    from analytics import ledger  # noqa: PLC0415

    with closing(existing_store()) as store:
        found = ledger.issued(store)
    return found if levels is Levels.all else found[(found["region"] != "*") & (found["topic"] != "*")]


def tell(notices: list[str]) -> None:
    """Say what had to be supposed."""
    for words in notices:
        notes.print(words, markup=False)


def warn_of(panel: Panel) -> None:
    """Say what was made of rows that may be a mistake."""
    if panel.summed:
        notes.print(f"{panel.summed:,} rows were of a day and series given before: their counts were added.")
    if panel.without_rows:
        last = panel.days[-1 - panel.without_rows]
        notes.print(
            f"no row is later than {last.date()}: the {panel.without_rows:,} days to the end are taken as quiet."
        )


@dataclass(frozen=True)
class Known:
    """What the options of a command say is known."""

    table: pd.DataFrame | Panel
    end: date | None
    almanac: Almanac
    drivers: Drivers


def read_known(
    panel: Path,
    end: datetime | None,
    country: str | None,
    subdivision: str | None,
    holidays: Path | None,
    events: Path | None,
    weather: Path | None,
) -> Known:
    """The files and names that the options give. Raises BadInput for what cannot be read."""
    from analytics.almanac import Almanac, read_days  # noqa: PLC0415
    from analytics.known_drivers import drivers_of_files  # noqa: PLC0415
    from analytics.panel import read_panel  # noqa: PLC0415

    almanac = Almanac(country, subdivision, read_days(holidays) if holidays else None)
    table = read_panel(panel)
    drivers = drivers_of_files(events, weather, almanac, read_settings(), lambda text: notes.print(text, markup=False))
    return Known(table, end.date() if end else None, almanac, drivers)


def check_target(out: Path | None) -> None:
    """Refuse, before anything takes long, a file that cannot be written."""
    if out is None:
        return
    reason = (
        "its folder does not exist"
        if not out.parent.is_dir()
        else "it is a folder"
        if out.is_dir()
        else "only .csv and .parquet can be"
        if out.suffix not in (".csv", ".parquet")
        else ""
    )
    if reason:
        raise BadInput("not_writable", "{file} cannot be written ({reason}).", file=str(out), reason=reason)


def write_table(found: pd.DataFrame, out: Path) -> None:
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
            "not_writable", "{file} cannot be written ({reason}).", file=str(out), reason=error.strerror or str(error)
        ) from None
    finally:
        beside.unlink(missing_ok=True)
    print(f"{len(found):,} rows written to {out}", file=sys.stderr)


def _bare(found: pd.DataFrame) -> pd.DataFrame:
    """Without what hangs on the table: a file keeps columns only."""
    bare = found.copy(deep=False)
    bare.attrs = {}
    return bare
