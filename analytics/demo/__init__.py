"""The demo country: a synthetic country of complaints, openly labelled, with the truth of what its events did."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv

from analytics.demo.counts import base_rates, effects_of, expected_extras, kept_on_days_off, municipality_shares
from analytics.demo.draw import build_channels, draw_counts, without
from analytics.demo.events import build_events
from analytics.demo.files import ComplaintFiles
from analytics.demo.handling import Clerks
from analytics.demo.places import Places, build_places, read_settings, read_table, stream
from analytics.demo.rows import Country, RowMaker, build_topics
from analytics.demo.truth import Happenings, write_events, write_truth
from analytics.demo.weather import Weather, build_weather, calendar_days, write_weather
from analytics.errors import BadInput

BEFORE, AFTER = 60, 120  # days around the complaints: events reach into them, and some of the future is announced
FEWEST_DAYS, FEWEST_COMPLAINTS = 60, 1_000

Report = Callable[[str, float], None]


@dataclass(frozen=True)
class DemoCountry:
    """The files of a demo country; `complaints` in order of time, `rows` their number."""

    complaints: list[Path]
    truth: Path
    events: Path
    weather: Path
    municipalities: Path
    geometry: Path
    rows: int


def build(
    folder: Path,
    *,
    complaints: int = 1_500_000,
    days: int = 1096,
    end: date,
    seed: int = 1,
    without_types: Collection[str] = (),
    report: Report | None = None,
) -> DemoCountry:
    """Writes a country whose complaints of the `days` up to and including `end` number exactly `complaints`.

    The rates are scaled so that this number is expected with all events; the small rest between it and what was drawn
    is added to or taken from usual days at random. `without_types` leaves the named types of events out after all
    draws: the rest stays as it was, and the difference is what `truth` says of them. The same arguments give the same
    country. `report` hears the step and the share done, 0 to 1.

    Raises BadInput for fewer than 60 days or 1,000 complaints, and for a seed below 0.
    """
    check(complaints, days, seed)
    report = report or (lambda step, share: None)
    folder.mkdir(parents=True, exist_ok=True)
    start = end - timedelta(days - 1)
    axis = calendar_days(start - timedelta(BEFORE), BEFORE + days + AFTER)
    report("places", 0.0)
    places = build_places(seed, folder / "municipalities.geojson", complaints=complaints)
    report("weather", 0.1)
    weather = build_weather(places, axis, seed)
    write_weather(folder / "weather.csv", weather, places, axis, end=end, seed=seed)
    report("events", 0.2)
    happenings, country = _counted(places, weather, axis, days=days, complaints=complaints, seed=seed)
    groups = [row["topic_group_ru"] for row in country.groups]
    write_events(folder / "events.csv", happenings, places, groups, end=end)
    write_truth(folder / "truth.parquet", country.counts, happenings, places, groups, start=start)
    _write_municipalities(folder / "municipalities.csv", places)
    if without_types:
        country = replace(country, counts=without(country.counts, happenings.events, without_types))
    paths, rows = _write_complaints(folder, country, start=start, report=report)
    report("done", 1.0)
    return DemoCountry(
        complaints=paths,
        truth=folder / "truth.parquet",
        events=folder / "events.csv",
        weather=folder / "weather.csv",
        municipalities=folder / "municipalities.csv",
        geometry=folder / "municipalities.geojson",
        rows=rows,
    )


def check(complaints: int, days: int, seed: int) -> None:
    """Raise BadInput when no country of so many complaints and days can be built from this seed."""
    if seed < 0:
        raise BadInput("demo_seed", "The seed of a demo country is 0 or more, not {seed}.", seed=seed)
    if days < FEWEST_DAYS:
        raise BadInput(
            "demo_too_short", "A demo country needs at least {least} days, not {days}.", least=FEWEST_DAYS, days=days
        )
    if complaints < FEWEST_COMPLAINTS:
        raise BadInput(
            "demo_too_small",
            "A demo country needs at least {least} complaints, not {complaints}.",
            least=FEWEST_COMPLAINTS,
            complaints=complaints,
        )


def _counted(
    places: Places, weather: Weather, axis: list[date], *, days: int, complaints: int, seed: int
) -> tuple[Happenings, Country]:
    """Events and counts of the country: all that the single rows are then made from."""
    groups, settings = read_table("demo_topic_groups.csv"), read_settings("demo_country.toml")
    names, types = [row["topic_group_ru"] for row in groups], read_settings("demo_events.toml")
    effects = effects_of(types, names)
    group_shares = np.array([float(row["share_percent"]) for row in groups]) / 100
    events = build_events(
        places,
        weather,
        axis,
        group_shares=group_shares,
        channels=[channel["name"] for channel in settings["channels"]],
        seed=seed,
    )
    ids = [f"{settings['prefix']}-С-{number:05d}" for number in range(1, len(events) + 1)]
    inside = slice(BEFORE, BEFORE + days)
    weather = Weather(*(column[:, inside] for column in vars(weather).values()))
    weekday = np.array([day.weekday() for day in axis[inside]])
    year_day = np.array([day.timetuple().tm_yday for day in axis[inside]])
    channels = build_channels(settings["channels"], len(places.regions), days, events, first=BEFORE, seed=seed)
    rates = base_rates(places, groups, weather, weekday, year_day, seed) * channels.weights.sum(axis=2)[:, None, :]
    kept, day_off_event = kept_on_days_off(events, groups, weekday, BEFORE)
    shares = municipality_shares(places, len(groups), seed)
    usual = rates * kept[None] * (1 - channels.lost[:, None, :])
    extras = expected_extras(events, effects, types, places, usual, shares, first=BEFORE, seed=seed)
    counts = draw_counts(
        rates,
        extras,
        dispersion=np.array([float(row["dispersion"]) for row in groups]),
        kept=kept,
        day_off_event=day_off_event,
        channels=channels,
        complaints=complaints,
        seed=seed,
    )
    topics = build_topics(read_table("topics_ru.csv"), names, settings["seasons"])
    country = Country(
        places, topics, effects, counts, channels, shares, groups, settings, weather.normal, weekday, seed
    )
    return Happenings(events, ids, types, effects, axis[0]), country


def _write_complaints(folder: Path, country: Country, *, start: date, report: Report) -> tuple[list[Path], int]:
    """One file a month, in order of time, so that memory holds one month at once."""
    maker, clerks, files = RowMaker(country), Clerks(country), ComplaintFiles(country, start)
    rng = stream(country.seed, "agencies")
    months = np.array([(start + timedelta(day)).month for day in range(country.days)])
    edges = [0, *(np.flatnonzero(np.diff(months)) + 1).tolist(), country.days]
    paths, written = [], 0
    for number, (first, after) in enumerate(zip(edges[:-1], edges[1:], strict=True), start=1):
        rows = maker.rows(first, after)
        path = folder / f"complaints-{number:04d}.parquet"
        files.write(path, rows, clerks.handle(rows), rng.random(len(rows.opened)))
        paths.append(path)
        written += len(rows.opened)
        report("complaints", 0.35 + 0.65 * after / country.days)
    return paths, written


def _write_municipalities(path: Path, places: Places) -> None:
    table = {
        "region": [places.regions[region] for region in places.region_of],
        "municipality": places.names,
        "population": places.population,
    }
    pa.csv.write_csv(pa.table(table), path)
