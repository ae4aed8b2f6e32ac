"""Each spelling of an export -> the name we keep: the tables `named_…` that reading joins with."""

from __future__ import annotations

from collections import Counter
from functools import cache

import duckdb
import pandas as pd

from analytics import names
from analytics.presets import NAMES, Mapping, fold
from analytics.settings import ROOT
from analytics.sql import identifier

NOTICES_OF_A_KIND = 50


def name_everything(connection: duckdb.DuckDBPyConnection, mapping: Mapping) -> list[dict]:
    """Fill the tables `named_…`: each spelling of the file -> the name we keep. Returns what was not matched."""
    notices = _name_places(connection, mapping)
    for meaning in NAMES[2:]:
        counted = dict(_counted(connection, meaning))
        known = _known(connection, meaning)
        kept = names.match_words(_unblanked(counted, mapping), known, _aliases(connection, meaning))
        words = mapping.values.get(meaning, {})
        kept = {spelling: (words.get(fold(spelling), name), was) for spelling, (name, was) in kept.items()}
        _fill(connection, meaning, [(spelling, name) for spelling, (name, _) in kept.items()])
        if mapping.reference and meaning == "topic_group":
            reference = {fold(name) for name in reference_groups()}
            notices += _notices(meaning, {s: n for s, n in counted.items() if s in kept and fold(s) not in reference})
    for meaning in ("status", "kind"):
        counted = _unblanked(dict(_counted(connection, meaning)), mapping)
        words = mapping.values.get(meaning, {})
        unknown = {spelling: rows for spelling, rows in counted.items() if fold(spelling) not in words}
        fallback = names.tidy if meaning == "status" else (lambda spelling: None)
        _fill(
            connection, meaning, [(spelling, words.get(fold(spelling)) or fallback(spelling)) for spelling in counted]
        )
        notices += _notices(meaning, unknown)
    return notices


def _name_places(connection: duckdb.DuckDBPyConnection, mapping: Mapping) -> list[dict]:
    counted = _unblanked(dict(_counted(connection, "region")), mapping)
    reference = connection.execute("select code, name_ru, name_en from regions where code is not null").fetchall()
    matched = names.match_regions(counted, reference, _aliases(connection, "region"))
    unknown = {spelling: rows for spelling, rows in counted.items() if matched[spelling] is None}
    own = names.match_words(unknown, _known(connection, "region"), {})
    regions = {spelling: matched[spelling] or own[spelling][0] for spelling in counted}
    zones = dict(connection.execute("select region, time_zone from regions").fetchall())
    connection.execute("create or replace temp table named_region (spelling varchar, name varchar, time_zone varchar)")
    if regions:
        connection.executemany(
            "insert into named_region values (?, ?, ?)", [(s, name, zones.get(name)) for s, name in regions.items()]
        )
    places = connection.execute(
        "select region, municipality, count(*) from raw where municipality is not null group by all"
    ).fetchall()
    places = [place for place in places if fold(place[1]) not in mapping.blank]
    by_region: Counter[tuple[str | None, str]] = Counter()
    for spelling, municipality, rows in places:
        by_region[regions.get(spelling), municipality] += rows
    known = connection.execute("select distinct region, municipality from municipalities").fetchall()
    stored = connection.execute(
        "select distinct region, municipality from daily_counts where municipality is not null"
    ).fetchall()
    aliases = {
        (region or None, fold(spelling)): name
        for region, spelling, name in connection.execute(
            "select region, spelling, name from aliases where kind = 'municipality'"
        ).fetchall()
    }
    kept = names.match_municipalities(by_region, [*known, *stored], aliases)
    connection.execute(
        "create or replace temp table named_municipality (region_spelling varchar, spelling varchar, name varchar)"
    )
    if places:
        connection.executemany(
            "insert into named_municipality values (?, ?, ?)",
            [(spelling, name, kept[regions.get(spelling), name][0]) for spelling, name, _ in places],
        )
    listed = {region for region, _ in known}
    strangers = Counter(
        {
            municipality: rows
            for (region, municipality), rows in by_region.items()
            if region in listed and not kept[region, municipality][1]
        }
    )
    notices = _notices("region", unknown) if mapping.reference else []
    return notices + _notices("municipality", strangers)


def _counted(connection: duckdb.DuckDBPyConnection, meaning: str) -> list[tuple[str, int]]:
    column = identifier(meaning)
    return connection.execute(f"select {column}, count(*) from raw where {column} is not null group by all").fetchall()


def _known(connection: duckdb.DuckDBPyConnection, meaning: str) -> list[str]:
    """Names that the store has already, and those of the reference list."""
    reference = reference_groups() if meaning == "topic_group" else ()
    table = "complaints" if meaning in ("official_page", "agency") else "daily_counts"
    column = identifier(meaning)
    stored = connection.execute(f"select distinct {column} from {table} where {column} is not null").fetchall()
    return [*reference, *(name for (name,) in stored)]


@cache
def reference_groups() -> tuple[str, ...]:
    """The topic groups of the reference list."""
    return tuple(pd.read_csv(ROOT / "data" / "reference" / "topic_groups_ru.csv")["topic_group_ru"])


def _aliases(connection: duckdb.DuckDBPyConnection, kind: str) -> dict[str, str]:
    found = connection.execute("select spelling, name from aliases where kind = $kind", {"kind": kind}).fetchall()
    return {fold(spelling): name for spelling, name in found}


def _unblanked(counted: dict[str, int], mapping: Mapping) -> dict[str, int]:
    return {spelling: rows for spelling, rows in counted.items() if fold(spelling) not in mapping.blank}


def _fill(connection: duckdb.DuckDBPyConnection, meaning: str, pairs: list[tuple[str, str | None]]) -> None:
    table = identifier(f"named_{meaning}")
    connection.execute(f"create or replace temp table {table} (spelling varchar, name varchar)")
    if pairs:
        connection.executemany(f"insert into {table} values (?, ?)", pairs)


def _notices(kind: str, unmatched: dict[str, int]) -> list[dict]:
    commonest = Counter(unmatched).most_common(NOTICES_OF_A_KIND)
    return [{"kind": kind, "value": value, "rows": rows} for value, rows in commonest]
