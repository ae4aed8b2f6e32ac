"""Commands about events and weather: import, list, add, cancel, rules."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import pandas as pd
import typer
from rich.console import Console

from analytics.catalogue import masked
from analytics.errors import BadInput
from analytics.existing import check_days, check_named
from analytics.filters import Filters
from analytics.settings import read_settings
from analytics.store import Store, open_store, store_exists

if TYPE_CHECKING:
    from analytics.events import EventImport
    from analytics.weather import WeatherImport

printed = Console(soft_wrap=True, highlight=False)
events_app = typer.Typer(rich_markup_mode=None, help="Known, dated happenings.")
weather_app = typer.Typer(rich_markup_mode=None, help="Weather, observed and as forecast.")

Day = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"])]
Names = Annotated[list[str] | None, typer.Option(help="May be given several times.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
NOTICES = {
    "type": "unknown type, kept and taken with the window of its nearest known parent",
    "strength": "strength is no number, left out",
    "repeated_id": "given more than once, the last row counts",
    "repeated_row": "rows given more than once, the last counts",
    "known_since": "known_since is not given: kept as stored, else by the type",
    "column": "column not used",
}


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.add_typer(events_app, name="events")
    app.add_typer(weather_app, name="weather")


@events_app.command("import")
def import_events(
    files: Annotated[
        list[Path],
        typer.Argument(help="CSV, XLSX, Parquet …: id,type,starts_on and more; see data/README.md; ICS too."),
    ],
    type: Annotated[str, typer.Option(help="The type of rows that name none.")] = "",
    preview: Annotated[bool, typer.Option("--preview", help="Only say what would be read.")] = False,
    as_json: AsJson = False,
) -> None:
    """Import events into the store, by id; the same file again changes nothing."""
    from analytics.events import event_types, import_events, read_events  # noqa: PLC0415

    types = event_types(read_settings())
    for file in files:  # every file is looked at before the first is stored
        events, rejected, notices = read_events(file, types, default_type=type)
        if preview:
            told = {"file": file.name, "events": len(events), "rejected": len(rejected), "notices": notices}
            _say_preview(told, rejected, as_json=as_json)
    if not preview:
        with closing(open_store(read_settings())) as store:
            for file in files:
                _say(import_events(store, file, now=_now(), default_type=type), as_json=as_json)


@events_app.command("list")
def list_events(
    first_day: Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"])] = None,
    last_day: Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"])] = None,
    type: Annotated[list[str] | None, typer.Option(help="A type, with all below it.")] = None,
    region: Names = None,
    as_json: AsJson = False,
) -> None:
    """List the events of the store."""
    from analytics.events import list_events  # noqa: PLC0415

    days = Filters(first_day.date() if first_day else None, last_day.date() if last_day else None)
    check_days(days)
    with _existing_store() as store:
        found = list_events(
            store,
            first_day=days.first_day,
            last_day=days.last_day,
            types=tuple(type or ()),
            regions=tuple(region or ()),
        )
        elsewhere = set(region or ()) - {name for cell in found["region"] for name in cell.split("|")}
        check_named(store, Filters(regions=tuple(elsewhere)))
    _say_events(found, as_json=as_json)


@events_app.command("add")
def add_event(
    type: Annotated[str, typer.Option(help="An id such as utilities.planned_outage.hot_water, or a type's title.")],
    starts_on: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"])],
    title: Annotated[str, typer.Option()] = "",
    ends_on: Day = None,
    region: Names = None,
    municipality: Names = None,
    topic: Names = None,
    strength: Annotated[float | None, typer.Option()] = None,
    unit: Annotated[str | None, typer.Option()] = None,
    known_since: Day = None,
    id: Annotated[str | None, typer.Option(help="Made of the type and the first day unless given.")] = None,
) -> None:
    """Add one event to the store."""
    from analytics.events import add_event, check_events, event_types  # noqa: PLC0415

    settings = read_settings()
    values: dict[str, Any] = {
        "type": type,
        "title": title,
        "starts_on": starts_on.date(),
        "ends_on": ends_on.date() if ends_on else None,
        "region": "|".join(region or ()),
        "municipality": "|".join(municipality or ()),
        "topic": "|".join(topic or ()),
        "strength": strength,
        "unit": unit,
        "known_since": known_since.date() if known_since else None,
        "source": "by hand",
    }
    types = event_types(settings)
    row = {"id": id or "new", **values, "type": types.known(type)}
    check_events(pd.DataFrame([row]), types)  # before a store is made
    with closing(open_store(settings)) as store:
        made, notices = add_event(store, now=_now(), id=id, **values)
    printed.print(f"added: {made}", markup=False)
    _say_notices(notices)


@events_app.command("cancel")
def cancel_event(id: Annotated[str, typer.Argument()]) -> None:
    """Mark an event as cancelled: it stays in the list and counts no more."""
    from analytics.events import cancel_event  # noqa: PLC0415

    with _existing_store() as store:
        printed.print(f"cancelled: {cancel_event(store, id, now=_now())}", markup=False)


@events_app.command("rules")
def rules(
    years: Annotated[list[int], typer.Argument(min=2000, max=2100)],
    country: Annotated[str, typer.Option(help="Only RU has any rules so far.")] = "RU",
    heating: Annotated[
        Path | None, typer.Option(help="Your dates of the heating season: region,municipality,starts_on,ends_on.")
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Put them into the store.")] = False,
    as_json: AsJson = False,
) -> None:
    """Events that follow from rules: tariffs, 1 September, votes, the annual line, the heating season."""
    from analytics.events import event_types, import_events, rule_events  # noqa: PLC0415
    from analytics.small_tables import read_small_table  # noqa: PLC0415
    from analytics.weather import list_weather  # noqa: PLC0415

    if country != "RU":
        raise BadInput("no_rules", "No rules are known of {country}; only RU has any so far.", country=country)
    columns = ("region", "municipality", "starts_on", "ends_on", "known_since")
    own = read_small_table(heating, columns, ("region",)).rows if heating else None
    settings = read_settings()
    weather = None
    if store_exists(settings):
        with closing(open_store(settings)) as store:
            weather = list_weather(store)
    found = rule_events(years, country=country, weather=weather, heating=own, types=event_types(settings))
    if keep:
        with closing(open_store(settings)) as store:
            _say(import_events(store, found, now=_now()), as_json=as_json)
    else:
        _say_events(found, as_json=as_json)


@weather_app.command("import")
def import_weather(
    files: Annotated[
        list[Path],
        typer.Argument(help="CSV, XLSX, Parquet …: day,place,issued_on,temperature_c,rain_mm,snow_cm,wind_ms."),
    ],
    as_json: AsJson = False,
) -> None:
    """Import weather into the store, by day, place and day of issue; the same file again changes nothing."""
    from analytics.weather import import_weather, read_weather  # noqa: PLC0415

    for file in files:  # every file is looked at before the first is stored
        read_weather(file)
    with closing(open_store(read_settings())) as store:
        for file in files:
            _say(import_weather(store, file), as_json=as_json)


@contextmanager
def _existing_store() -> Iterator[Store]:
    settings = read_settings()
    if not store_exists(settings):
        raise BadInput(
            "no_store", "There is no store at {store} yet; import an export first.", store=masked(settings.store)
        )
    with closing(open_store(settings)) as store:
        yield store


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


def _say(result: EventImport | WeatherImport, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(asdict(result), ensure_ascii=False))
        return
    printed.print(
        f"{result.file or 'rules'}: {result.read:,} rows read = {result.new:,} new + {result.updated:,} updated "
        f"+ {result.unchanged:,} unchanged + {result.rejected:,} rejected; {result.seconds} s",
        markup=False,
    )
    for reject in result.rejects:
        printed.print(f"  line {reject['line']}: {str(reject['reason']).replace('_', ' ')}", markup=False)
    _say_notices(result.notices)


def _say_preview(told: dict, rejected: pd.DataFrame, *, as_json: bool) -> None:
    shown = rejected.head(20)
    rejects = [
        {"line": int(line), "reason": str(reason)} for line, reason in zip(shown["line"], shown["reason"], strict=True)
    ]
    if as_json:
        print(json.dumps({**told, "rejects": rejects}, ensure_ascii=False))
        return
    printed.print(f"{told['file']}: {told['events']:,} events, {told['rejected']:,} rows rejected", markup=False)
    for reject in rejects:
        printed.print(f"  line {reject['line']}: {str(reject['reason']).replace('_', ' ')}", markup=False)
    _say_notices(told["notices"])


def _say_notices(notices: list[dict]) -> None:
    from analytics.events import event_types  # noqa: PLC0415

    types = event_types(read_settings()) if notices else None
    for notice in notices[:10]:
        words = NOTICES.get(notice["kind"], f"{notice['kind'].replace('_', ' ')} not known to the store, kept as given")
        if types and notice["kind"] == "type" and (like := types.like(notice["value"])):
            words += f"; or is it {like[0]}?"
        value = f"«{notice['value']}»: " if notice["value"] else ""
        rows = f"{notice['rows']:,} rows" if notice["rows"] != 1 else "1 row"
        printed.print(f"  {value}{words} ({rows})", markup=False)


def _say_events(events: pd.DataFrame, *, as_json: bool) -> None:
    events = events.copy()
    for name in ("starts_on", "ends_on", "known_since"):
        events[name] = events[name].dt.strftime("%Y-%m-%d")
    if as_json:
        rows = events.astype(object).where(events.notna(), None).to_dict("records")
        print(json.dumps(rows, ensure_ascii=False))
        return
    for event in events.itertuples(index=False):
        days = event.starts_on if event.starts_on == event.ends_on else f"{event.starts_on} – {event.ends_on}"
        where = " · ".join(filter(None, (event.region or "everywhere", event.municipality, event.topic)))
        strength = "" if pd.isna(event.strength) else f", {event.strength:g} {event.unit}".rstrip()
        end = ", cancelled" if event.cancelled else ""
        printed.print(f"{days}  {event.title}{strength}  {where}  ({event.id}, {event.type}{end})", markup=False)
    if events.empty:
        printed.print("no events")
