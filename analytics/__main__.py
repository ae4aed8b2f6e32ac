"""From exports to forecasts: import, then refresh, then look at signals, or open the pages with make run."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from datetime import date, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, SupportsInt

import pandas as pd
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from analytics import (
    backtest_commands,
    event_commands,
    forecast_commands,
    imports,
    maintenance,
    queries,
    signal_commands,
)
from analytics.catalogue import masked
from analytics.errors import BadInput
from analytics.existing import check_days, check_named, existing_store, utc_now
from analytics.progress import progress
from analytics.settings import read_settings
from analytics.store import open_store, store_exists
from analytics.trouble import in_one_sentence, speak_utf8

app = typer.Typer(
    add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None, help=__doc__
)
errors = Console(stderr=True, soft_wrap=True, highlight=False)
printed = Console(soft_wrap=True, highlight=False)


class By(StrEnum):
    """What complaints can be counted by."""

    day = "day"
    month = "month"
    region = "region"
    municipality = "municipality"
    topic_group = "topic_group"
    topic = "topic"
    channel = "channel"
    kind = "kind"
    status = "status"
    source = "source"


@app.command("import")
def import_command(
    files: Annotated[
        list[Path], typer.Argument(help="Exports: CSV, TSV, XLSX, Parquet, JSON lines, also gzipped or zipped.")
    ],
    preset: Annotated[str | None, typer.Option(help="Read as this known system.")] = None,
    mapping: Annotated[Path | None, typer.Option(help='TOML file: [columns] meaning = "column".')] = None,
    source: Annotated[
        str | None, typer.Option(help="The system that the export came from; ids are unique within it.")
    ] = None,
    keep_text: Annotated[bool, typer.Option("--keep-text", help="Store the text, personal data masked.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object for each file.")] = False,
) -> None:
    """Import exports into the store; the same file again changes nothing."""
    if preset and mapping:
        raise BadInput("preset_and_mapping", "Give either --preset or --mapping, not both.")
    with progress("rows") as show:
        results = imports.import_into(
            read_settings(),
            files,
            preset=preset,
            mapping=mapping,
            source=source,
            keep_text=keep_text,
            now=utc_now(),
            report=show,
        )
    hidden = ("import_id", "left_out")
    for result in results:
        if as_json:
            print(json.dumps({k: v for k, v in asdict(result).items() if k not in hidden}, ensure_ascii=False))
        else:
            _print_result(result)


@app.command()
def counts(
    by: Annotated[By | None, typer.Option(help="One row for each of these; without it, the total.")] = None,
    first_day: Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="The first day.")] = None,
    last_day: Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="The last day.")] = None,
    region: Annotated[list[str] | None, typer.Option(help="This and those below may be given several times.")] = None,
    municipality: Annotated[list[str] | None, typer.Option()] = None,
    topic_group: Annotated[list[str] | None, typer.Option()] = None,
    topic: Annotated[list[str] | None, typer.Option()] = None,
    channel: Annotated[list[str] | None, typer.Option()] = None,
    kind: Annotated[list[str] | None, typer.Option(help="Complaints, suggestions and questions unless given.")] = None,
    closed: Annotated[bool, typer.Option("--closed", help="Show also how many of them are closed.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Count the complaints of the store; a name that it does not know has none, which is said beside the 0."""
    filters = queries.Filters(
        first_day=first_day.date() if first_day else None,
        last_day=last_day.date() if last_day else None,
        regions=tuple(region or ()),
        municipalities=tuple(municipality or ()),
        topic_groups=tuple(topic_group or ()),
        topics=tuple(topic or ()),
        channels=tuple(channel or ()),
        kinds=tuple(kind or queries.COUNTED),
    )
    store = existing_store()
    check_days(filters)
    try:
        check_named(store, filters)
    except BadInput as unknown:  # whoever asks for each region in turn wants an answer for each
        errors.print(str(unknown), markup=False)
    counted = queries.counts(store, filters, (by or By.kind).value)
    if by is None:
        counted = counted[["complaints", "closed"]].sum().to_frame().T
    if not closed:
        counted = counted.drop(columns="closed")
    if "day" in counted:
        counted["day"] = pd.to_datetime(counted["day"]).dt.strftime("%Y-%m-%d")
    rows = [{name: _plain(value) for name, value in row.items()} for row in counted.to_dict("records")]
    if as_json:
        print(json.dumps(rows, ensure_ascii=False))
    else:
        _print_table(rows, list(counted.columns))


@app.command()
def demo(
    complaints: Annotated[int, typer.Option(min=1_000, help="About how many rows.")] = 1_500_000,
    days: Annotated[int, typer.Option(min=60)] = 1096,
    end: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The last day; yesterday unless given.")
    ] = None,
    seed: Annotated[int, typer.Option()] = 1,
    if_none: Annotated[bool, typer.Option("--if-none", help="Do nothing when there is a store already.")] = False,
) -> None:
    """Fill a new store with a synthetic country, and write the truth beside it."""
    from analytics.demo import store as demo_store  # noqa: PLC0415 - takes a tenth of a second, for one command

    if if_none and not demo_store.is_wanted(read_settings()):
        return
    last = end.date() if end else date.today() - timedelta(days=1)
    with progress("parts") as show:
        made = demo_store.make(
            read_settings(), complaints=complaints, days=days, end=last, seed=seed, now=utc_now(), report=show
        )
    printed.print(
        f"{made.rows:,} synthetic complaints until {last}; the truth lies in {made.truth.parent}", markup=False
    )


@app.command()
def compact() -> None:
    """Merge small files and drop snapshots older than the setting keep_days."""
    done = maintenance.compact(existing_store(), now=utc_now())
    printed.print(f"{done['files_before']} files before, {done['files_after']} after")


@app.command()
def backup(file: Path) -> None:
    """Write the whole store into one file."""
    rows = maintenance.backup(existing_store(), file)
    printed.print(f"{rows:,} complaints written to {file}", markup=False)


@app.command()
def restore(file: Path) -> None:
    """Make an empty store anew from a backup."""
    rows = maintenance.restore(read_settings(), file)
    printed.print(f"{rows:,} complaints restored")


@app.command()
def undo() -> None:
    """Take back the newest import."""
    printed.print(f"undone: {imports.undo_last(existing_store(), now=utc_now())}", markup=False)


for commands in (forecast_commands, signal_commands, event_commands, backtest_commands):
    commands.add_to(app)


@app.command()
def status() -> None:
    """Say what the store is and holds, as JSON: kind, complaints, snapshot; nothing is made."""
    settings = read_settings()
    if not store_exists(settings):
        print(json.dumps({"store": masked(settings.store), "kind": None, "complaints": 0}, ensure_ascii=False))
        return
    store = open_store(settings)
    held = int(store.query("select count(*) from complaints").iloc[0, 0])
    print(json.dumps({"store": store.path, "kind": store.kind, "complaints": held}, ensure_ascii=False))


def main() -> None:
    """Run the command line; bad input is one sentence on standard error and exit code 2."""
    speak_utf8()
    with in_one_sentence(lambda sentence: errors.print(sentence, markup=False)):
        code = app(sys.argv[1:] or ["--help"], prog_name="python -m analytics", standalone_mode=False)
    sys.exit(code)


def _print_result(result: imports.ImportResult) -> None:
    read_as = f"preset {result.preset}" if result.preset else "a proposed mapping"
    printed.print(
        f"{result.file} ({read_as}): {result.read:,} rows read = {result.new:,} new + {result.updated:,} updated "
        f"+ {result.unchanged:,} unchanged + {result.rejected:,} rejected; {result.warnings:,} with a value ignored; "
        f"{result.seconds} s",
        markup=False,
    )
    if result.left_out:
        printed.print(f"  not stored: {', '.join(result.left_out)}", markup=False)
    for notice in result.notices[:10]:
        printed.print(f"  not matched: {notice['kind']} «{notice['value']}», {notice['rows']:,} rows", markup=False)


def _print_table(rows: list[dict], columns: list[str]) -> None:
    table = Table(*columns)
    for row in rows:
        # Text, not str: a topic may hold what Rich takes for markup.
        table.add_row(*(Text(f"{value:,}" if isinstance(value, int) else str(value or "—")) for value in row.values()))
    printed.print(table)


def _plain(value: object) -> object:
    if value is None or (not isinstance(value, str) and pd.isna(value)):
        return None
    return int(value) if isinstance(value, SupportsInt) and not isinstance(value, str) else value


if __name__ == "__main__":
    main()
