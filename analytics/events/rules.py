"""Events that follow from rules and dated facts: tariffs, 1 September, votes, the annual line, the heating season."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from analytics.errors import BadInput
from analytics.events.tables import check_events, no_events
from analytics.events.types import EventTypes, built_in_types
from analytics.settings import ROOT
from analytics.small_tables import dates_of, text_of
from analytics.weather import check_weather

FACTS = ROOT / "data" / "reference" / "rule_events_ru.toml"
HEATING_LIMIT, RUN = (
    8.0,
    5,
)  # °C of the daily mean, days: decree 354 of 2011, rule 5; the day after is the first of heat
STARTS, ENDS = ((8, 15), (12, 31)), ((3, 15), (6, 30))  # the parts of the year in which a season can start and end
RULE = "rule: five days running {side} 8 °C (decree 354, rule 5)"

Row = dict[str, Any]


def rule_events(
    years: Sequence[int],
    *,
    country: str | None = "RU",
    regions: Sequence[str] = (),
    weather: pd.DataFrame | None = None,
    origin: date | None = None,
    heating: pd.DataFrame | None = None,
    types: EventTypes | None = None,
) -> pd.DataFrame:
    """The events of these years that follow from rules, as of `check_events`; only Russia has any.

    Tariff dates, the annual line with the president and votes come from a dated table (no year is guessed), 1 September
    and the single voting day from the law. Public holidays are not here: the almanac has them. The heating season
    starts (ends) on the day after the daily mean has been below (above) 8 °C five days running, known on the fifth: by
    `weather` observed at the `regions` up to the `origin` (the last observed day unless given). `heating` are dates of
    one's own: `starts_on` and `ends_on` (either may be empty) for `region` and maybe `municipality`, maybe with
    `known_since`; where a region has such a date in a year, the rule is silent about it. Ids are the same each time.

    Raises BadInput for a table that cannot be.
    """
    tree = types or built_in_types()
    if country != "RU" or not years:
        return no_events()
    wanted = range(min(years), max(years) + 1)
    rows = [row for row in _dated(wanted) if row["starts_on"].year in years]
    own = [row for row in _own_heating(heating) if row["starts_on"].year in years] if heating is not None else []
    told = {(row["type"], row["region"], row["starts_on"].year) for row in own}
    rows += own
    if weather is not None:
        rows += [
            row
            for row in _heating_by_weather(check_weather(weather), regions, origin)
            if row["starts_on"].year in years and (row["type"], row["region"], row["starts_on"].year) not in told
        ]
    return check_events(pd.DataFrame(rows), tree) if rows else no_events()


@cache
def _facts() -> dict[str, Any]:
    return tomllib.loads(FACTS.read_text(encoding="utf-8"))


def _dated(years: Sequence[int]) -> Iterator[Row]:
    facts = _facts()
    for kind, name, part in (
        ("tariffs.utilities", "tariff", "tariffs"),
        ("annual_line", "annual-line", "annual_lines"),
        ("elections.national", "vote", "votes"),
    ):
        for fact in facts[part]:
            yield {
                "id": f"rule-{name}-{fact['on']}",
                "type": kind,
                "title": fact.get("title"),
                "starts_on": fact.get("from", fact["on"]),
                "ends_on": fact["on"],
                "strength": fact.get("percent"),
                "known_since": fact.get("known_since"),
                "source": fact["source"],
            }
    law = facts["voting_day"]
    for year in years:
        yield _one("school.start", f"rule-school-{year}", date(year, 9, 1), facts["school"]["source"])
        if year >= law["since"]:
            sunday = _sunday(year, 9, 3 if year in law["third_sunday"] else 2)
            yield _one("elections.voting_day", f"rule-voting-day-{year}", sunday, law["source"])


def _one(kind: str, event_id: str, day: date, source: str, **others: object) -> Row:
    return {"id": event_id, "type": kind, "starts_on": day, "ends_on": day, "source": source, **others}


def _sunday(year: int, month: int, nth: int) -> date:
    first = date(year, month, 1)
    return first + timedelta(days=6 - first.weekday() + 7 * (nth - 1))


def _own_heating(table: pd.DataFrame) -> Iterator[Row]:
    """A user's dates, one event for each that is given."""
    if "region" not in table or not {"starts_on", "ends_on"} & set(table.columns):
        raise BadInput(
            "heating_columns", "Dates of the heating season need the columns region and starts_on or ends_on."
        )
    table = table.reset_index(drop=True)
    empty = pd.Series(None, index=table.index, dtype="object")
    region, municipality = (text_of(table.get(name, empty)) for name in ("region", "municipality"))
    known, wrong = dates_of(table.get("known_since", empty))
    for kind, name in (("start", "starts_on"), ("end", "ends_on")):
        days, unreadable = dates_of(table.get(name, empty))
        wrong = wrong | unreadable
        if wrong.any():
            raise BadInput(
                "heating_day",
                "Row {row} of the dates of the heating season: days must be written as 2026-10-01.",
                row=int(wrong.to_numpy().argmax()) + 1,
            )
        for place in np.flatnonzero(days.notna()):
            where = "-".join(filter(None, (region[place], municipality[place])))
            yield _one(
                f"utilities.heating.{kind}",
                f"own-heating-{kind}-{where}-{days[place]:%Y}",
                days[place].date(),
                "given by the user",
                region=region[place],
                municipality=municipality[place],
                known_since=None if pd.isna(known[place]) else known[place].date(),
            )


def _heating_by_weather(weather: pd.DataFrame, regions: Sequence[str], origin: date | None) -> Iterator[Row]:
    observed = weather[weather["issued_on"].isna() & weather["temperature_c"].notna()]
    if origin is not None:
        observed = observed[observed["day"] <= pd.Timestamp(origin)]
    found = {str(place): rows for place, rows in observed.groupby("place")}
    for region in regions or sorted(found):
        if region not in found and "" not in found:
            continue
        rows = found.get(region, found.get(""))
        temperature = rows.set_index("day")["temperature_c"].asfreq("D") if rows is not None else pd.Series(dtype=float)
        for kind, part, flags, side in (
            ("start", STARTS, temperature < HEATING_LIMIT, "below"),
            ("end", ENDS, temperature > HEATING_LIMIT, "above"),
        ):
            for fifth in _first_runs(flags, part):
                yield _one(
                    f"utilities.heating.{kind}",
                    f"rule-heating-{kind}-{region}-{fifth:%Y}".replace("--", "-"),
                    fifth + timedelta(days=1),
                    RULE.format(side=side),
                    region=region,
                    known_since=fifth,
                )


def _first_runs(flags: pd.Series, part: tuple[tuple[int, int], tuple[int, int]]) -> Iterator[date]:
    """The day that ends the first five flagged days running in the part of each year that is seen from its start."""
    full = flags.astype(int).rolling(RUN).sum() == RUN
    for year in sorted(set(flags.index.year)):
        first, last = pd.Timestamp(year, *part[0]), pd.Timestamp(year, *part[1])
        if flags.index[0] > first:
            continue
        inside = full[first + pd.Timedelta(days=RUN - 1) : last]
        if inside.any():
            yield inside.idxmax().date()
