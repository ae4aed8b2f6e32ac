"""Commands about spikes, outbreaks and events to come: spikes, outbreaks, signals, rehearse."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import replace
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import pandas as pd
import typer

from analytics.errors import BadInput
from analytics.filters import Filters
from analytics.forecast_commands import (
    Country,
    End,
    Events,
    Holidays,
    Known,
    OptionalPanel,
    PanelFile,
    Subdivision,
    Weather,
    check_target,
    notes,
    read_known,
    refuse_without_panel,
    tell,
    write_table,
)
from analytics.progress import progress

if TYPE_CHECKING:
    from analytics.drivers import Drivers
    from analytics.panel import Panel as DensePanel
    from analytics.rehearsal import Rehearsal

FAR = pd.Timestamp(2200, 1, 1)  # whatever a file says is known of events to come, they are rehearsed
SHOWN = 15  # rows of a table that a command prints


class Threshold(StrEnum):
    """From which count a day is a spike."""

    year = "year"
    season = "season"


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command()(spikes)
    app.command()(outbreaks)
    app.command()(signals)
    app.command()(rehearse)


def spikes(
    panel: PanelFile,
    out: Annotated[Path, typer.Option(help="Where the table goes: .csv or .parquet.")],
    horizon: Annotated[int, typer.Option(help="Days ahead, 1 to 365.")] = 7,
    threshold: Annotated[
        Threshold, typer.Option(help="Far above the last year, or above the season.")
    ] = Threshold.year,
    end: End = None,
    country: Country = None,
    subdivision: Subdivision = None,
    holidays: Holidays = None,
    events: Events = None,
    weather: Weather = None,
) -> None:
    """Say how probable a spike is, for each day ahead and series of a panel from any file."""
    from analytics.signals import spikes as probable  # noqa: PLC0415

    check_target(out)
    known = read_known(panel, end, country, subdivision, holidays, events, weather)
    with progress("series") as show:
        found = probable(
            known.table,
            horizon,
            threshold=threshold.value,
            almanac=known.almanac,
            drivers=known.drivers,
            end=known.end,
            report=show,
        )
    tell(found.attrs["notices"])
    write_table(found, out)


def outbreaks(
    panel: OptionalPanel = None,
    out: Annotated[Path | None, typer.Option(help="Where the table goes: .csv or .parquet.")] = None,
    since: Annotated[
        datetime | None,
        typer.Option("--from", formats=["%Y-%m-%d"], help="The first day that is judged; 28 days unless given."),
    ] = None,
    false_alarms: Annotated[float, typer.Option(help="Share of quiet days on which one may be said.")] = 0.02,
    end: End = None,
    country: Country = None,
    subdivision: Subdivision = None,
    holidays: Holidays = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say which of the last days were unusual, each judged with only the days before it known.

    Without --panel the store is judged, late rows allowed for; without --out what `refresh` found is printed.
    """
    from analytics.outbreaks import outbreaks as unusual  # noqa: PLC0415

    first = since.date() if since else None
    if panel is None:
        refuse_without_panel([name for name, value in {"--country": country, "--holidays": holidays}.items() if value])
        _outbreaks_of_store(out, first, false_alarms, end.date() if end else None, as_json)
        return
    if out is None:
        raise BadInput("no_out_for_panel", "Say with --out where the table goes: a .csv or .parquet file.")
    known = read_known(panel, end, country, subdivision, holidays, None, None)
    with progress("series") as show:
        found = unusual(
            known.table, first, false_alarms=false_alarms, almanac=known.almanac, end=known.end, report=show
        )
    write_table(found, out)


def _outbreaks_of_store(
    out: Path | None, since: date | None, false_alarms: float, end: date | None, as_json: bool
) -> None:
    """The judgement of the store's days into a file, or what is going on by the newest refresh."""
    from analytics.existing import existing_store  # noqa: PLC0415
    from analytics.outbreak_ledger import issued_outbreaks, judge_store  # noqa: PLC0415
    from analytics.store_almanac import almanac_of  # noqa: PLC0415

    with closing(existing_store()) as store:
        if out is not None:
            with progress("series") as show:
                found = judge_store(store, almanac_of(store), since, false_alarms=false_alarms, end=end, report=show)
            write_table(found, out)
            return
        found = issued_outbreaks(store)
    for name in ("first_day", "last_day"):
        found[name] = found[name].dt.strftime("%Y-%m-%d")
    if as_json:
        print(json.dumps(_records(found), ensure_ascii=False))
        return
    if not found.attrs:
        notes.print("nothing has been judged yet: run python -m analytics refresh")
        return
    print(found.drop(columns="run_id").round(1).to_string(index=False) if len(found) else "nothing unusual")
    notes.print(
        "{series:,} series judged up to {last_day}, at most about one a day is named by chance".format(**found.attrs)
    )


def signals(
    budget: Annotated[
        int | None, typer.Option(min=1, help="Signals of a region and week that are shown; the setting, else 5.")
    ] = None,
    region: Annotated[list[str] | None, typer.Option(help="May be given several times.")] = None,
    beyond: Annotated[bool, typer.Option("--beyond", help="Those beyond the budget too.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Where complaints of the store will spike, the most pressing first, and how often such signals came true."""
    from analytics.existing import check_named, existing_store  # noqa: PLC0415
    from analytics.signal_ledger import issued_signals  # noqa: PLC0415
    from analytics.signal_record import signal_record  # noqa: PLC0415

    with closing(existing_store()) as store:
        check_named(store, Filters(regions=tuple(region or ())))
        found = issued_signals(store, budget=budget, regions=region or ())
        issued = signal_record(store)[1]
        figures = issued if issued.get("signals") else signal_record(store, reconstructed=True)[1]
    shown = found if beyond else found[found["within_budget"].astype(bool)]
    for name in ("first_day", "last_day", "peak_day"):
        shown[name] = shown[name].dt.strftime("%Y-%m-%d")
    if as_json:
        print(json.dumps(_records(shown), ensure_ascii=False))
        return
    if not found.attrs:
        notes.print("no forecast has been issued yet: run python -m analytics refresh")
        return
    towns = ["municipality"] if len(shown) and shown["municipality"].ne("").any() else []
    names = [
        "region",
        *towns,
        "topic",
        "first_day",
        "last_day",
        "threshold",
        "expected",
        "usual",
        "probability",
        "state",
    ]
    print(shown[names].round(2).to_string(index=False) if len(shown) else "no spike is probable")
    if len(shown):
        notes.print(f"{len(shown):,} shown; about {(1 - shown['probability']).sum():.1f} of them will not come true")
    if figures.get("signals"):
        kind = "issued" if issued.get("signals") else "reconstructed"
        notes.print(
            f"of {figures['signals']:,.0f} {kind} signals so far {figures['came']:.0%} came true, "
            f"{figures['said']:.0%} was said; {figures['recall']:.0%} of the spike days of the week ahead were named"
        )


def rehearse(
    events: Annotated[Path, typer.Option(help="Events: those ahead are rehearsed, those before are learned from.")],
    panel: OptionalPanel = None,
    end: End = None,
    country: Country = None,
    subdivision: Subdivision = None,
    holidays: Holidays = None,
    weather: Weather = None,
    deadline: Annotated[int, typer.Option(min=1, help="Days within which a complaint is to be answered.")] = 30,
    out: Annotated[Path | None, typer.Option(help="Where the table goes: .csv or .parquet.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Forecast with and without the events of a file that lie ahead: what they would bring, and what that rests on.

    Without --panel the store is taken, with the events and weather that it knows.
    """
    from analytics.rehearsal import rehearse as play  # noqa: PLC0415

    check_target(out)
    known = (
        _of_store(events) if panel is None else read_known(panel, end, country, subdivision, holidays, events, weather)
    )
    table, ahead, others = _divided(known)
    with progress("series") as show:
        found = play(ahead, table, drivers=others, almanac=known.almanac, deadline=deadline, report=show)
    if out:
        write_table(found.days, out)
    if as_json:
        print(json.dumps(_as_json(found), ensure_ascii=False))
    else:
        _tell(found, deadline)


def _of_store(events: Path) -> Known:
    """The store's panel and what it knows, with the events of the file besides."""
    from analytics.events import event_types, read_events  # noqa: PLC0415
    from analytics.existing import existing_store  # noqa: PLC0415
    from analytics.known_drivers import drivers_of_store, make_drivers, with_towns  # noqa: PLC0415
    from analytics.store_almanac import almanac_of  # noqa: PLC0415
    from analytics.store_panel import store_panel  # noqa: PLC0415

    with closing(existing_store()) as store:
        almanac = almanac_of(store)
        panel = store_panel(store, almanac=almanac).panel
        known = with_towns(store, drivers_of_store(store, almanac, panel.days), almanac, panel.days[-1].date())
        types = event_types(store.settings)
        told, _, _ = read_events(events, types)
        others = known.events[~known.events["id"].isin(told["id"])] if known.events is not None else told.head(0)
        whole = pd.concat([others, told], ignore_index=True)
        drivers = replace(make_drivers(whole, known.weather, types, almanac), shares=known.shares, towns=known.towns)
        return Known(panel, None, almanac, drivers)


def _divided(known: Known) -> tuple[DensePanel, pd.DataFrame, Drivers]:
    """The panel, the events ahead, and the drivers without these."""
    from analytics.panel import dense_panel  # noqa: PLC0415

    panel = dense_panel(known.table, known.end) if isinstance(known.table, pd.DataFrame) else known.table
    events = known.drivers.usable_events(FAR)
    ahead = events[events["starts_on"] > panel.days[-1]]
    if ahead.empty:
        raise BadInput(
            "nothing_to_rehearse",
            "No event of the file begins after {origin}, the last day that is known.",
            origin=panel.days[-1].date(),
        )
    return panel, ahead, replace(known.drivers, events=events.drop(index=ahead.index))


def _as_json(found: Rehearsal) -> dict:
    days = found.days.assign(day=found.days["day"].dt.strftime("%Y-%m-%d"))
    cases = found.cases.assign(day=pd.to_datetime(found.cases["day"]).dt.strftime("%Y-%m-%d"))
    return {
        "days": _records(days),
        "cases": _records(cases),
        "events": _records(found.events),
        "answers_a_day": found.answers_a_day,
        "notices": found.notices,
    }


def _tell(found: Rehearsal, deadline: int) -> None:
    """What a reader needs first."""
    from analytics.rehearsal import in_all  # noqa: PLC0415

    whole = in_all(found)
    print(whole.head(SHOWN).round(1).to_string(index=False))
    tell(found.notices)
    print(f"{found.answers_a_day:.1f} more answers a day keep a deadline of {deadline} days")
    for event in found.events.itertuples():
        print(f"{event.type} ({event.id}): {event.rests_on}")
    if len(found.cases):
        print(found.cases.head(SHOWN).to_string(index=False, float_format=lambda value: f"{value:.2f}"))
    notes.print("a ratio is what happened in the days of a past event against the same weekdays around it")


def _records(table: pd.DataFrame) -> list[dict[str, object]]:
    """The rows of a table as JSON knows them."""
    return list(json.loads(table.to_json(orient="records", force_ascii=False)))
