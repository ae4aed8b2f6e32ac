"""Each spelling of an export -> the name we keep: the tables `named_…` that reading joins with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache

import duckdb
import pandas as pd
import pyarrow as pa

from analytics import names
from analytics.presets import NAMES, Mapping, fold
from analytics.settings import ROOT
from analytics.sql import identifier

NOTICES_OF_A_KIND = 50


@dataclass(frozen=True)
class Known:
    """The names that the store knows already, those of the reference lists and the user's own spellings."""

    regions: list[tuple[str, str, str, str]]  # code, Russian name, English name, time zone
    municipalities: list[tuple[str | None, str]]  # those of the reference list first
    listed: frozenset[str]  # regions with a reference list of municipalities
    words: dict[str, list[str]]  # meaning -> names
    aliases: dict[str, dict[tuple[str | None, str], str]]  # kind -> (region, folded spelling) -> name

    def spellings(self, kind: str) -> dict[str, str]:
        """The user's own spellings of a kind of name that does not depend on the region."""
        return {spelling: name for (_, spelling), name in self.aliases.get(kind, {}).items()}


def read_known(connection: duckdb.DuckDBPyConnection, meanings: Collection[str] = ()) -> Known:
    """What is known, from one snapshot of the store; agencies and official pages where they are among `meanings`."""
    connection.execute("begin")
    regions = connection.execute(
        "select code, name_ru, name_en, time_zone from regions where code is not null"
    ).fetchall()
    listed = connection.execute("select distinct region, municipality from municipalities").fetchall()
    choices = connection.execute("select distinct meaning, parent, value from choices where value <> ''").fetchall()
    bodies = {  # no table of the cube has them, so all complaints are looked through
        meaning: connection.execute(f"select distinct {meaning} from complaints").fetchall()
        for meaning in ("agency", "official_page")
        if meaning in meanings
    }
    own = connection.execute("select kind, region, spelling, name from aliases").fetchall()
    connection.execute("commit")
    words: dict[str, list[str]] = {meaning: [] for meaning in NAMES}
    words["topic_group"].extend(reference_groups())
    for meaning, _, value in choices:
        words.setdefault(meaning, []).append(value)
    words.update({meaning: sorted(name for (name,) in found if name) for meaning, found in bodies.items()})
    aliases: dict[str, dict[tuple[str | None, str], str]] = {}
    for kind, region, spelling, name in own:
        aliases.setdefault(kind, {})[region or None, fold(spelling)] = name
    stored = [(parent or None, value) for meaning, parent, value in choices if meaning == "municipality"]
    return Known(regions, [*listed, *stored], frozenset(region for region, _ in listed), words, aliases)


def name_everything(connection: duckdb.DuckDBPyConnection, mapping: Mapping) -> list[dict]:
    """Fill the tables `named_…`: each spelling of the file -> the name we keep. Returns what was not matched."""
    known = read_known(connection, mapping.columns)
    notices = _name_places(connection, mapping, known)
    for meaning in NAMES[2:]:
        counted = _counted(connection, meaning, mapping)
        kept = names.match_words(counted, known.words[meaning], known.spellings(meaning))
        words = mapping.values.get(meaning, {})
        _fill(connection, meaning, [(s, words.get(fold(s), name)) for s, (name, _) in kept.items()])
        if mapping.reference and meaning == "topic_group":
            reference = {fold(name) for name in reference_groups()}
            notices += _notices(meaning, {s: n for s, n in counted.items() if fold(s) not in reference})
    for meaning in ("status", "kind"):
        counted = _counted(connection, meaning, mapping)
        words = mapping.values.get(meaning, {})
        unknown = {spelling: rows for spelling, rows in counted.items() if fold(spelling) not in words}
        own = {spelling: names.tidy(spelling) for spelling in unknown} if meaning == "status" else {}
        _fill(connection, meaning, [(s, words.get(fold(s)) or own.get(s)) for s in counted])
        notices += _notices(meaning, unknown)
    return notices


def _name_places(connection: duckdb.DuckDBPyConnection, mapping: Mapping, known: Known) -> list[dict]:
    counted = _counted(connection, "region", mapping)
    reference = [(code, russian, english) for code, russian, english, _ in known.regions]
    matched = names.match_regions(counted, reference, known.spellings("region"))
    unknown = {spelling: rows for spelling, rows in counted.items() if matched[spelling] is None}
    own = names.match_words(unknown, known.words["region"], {})
    regions = {spelling: matched[spelling] or own[spelling][0] for spelling in counted}
    zones = {name: zone for _, name, _, zone in known.regions}
    _table(
        connection,
        "named_region",
        [(s, name, zones.get(name)) for s, name in regions.items()],
        ("spelling", "name", "time_zone"),
    )
    found = connection.execute(
        "select region, municipality, count(*) from raw where municipality is not null group by all"
    ).fetchall()
    places = [(spelling, name, rows) for spelling, name, rows in found if fold(name) not in mapping.blank]
    by_region: Counter[tuple[str | None, str]] = Counter()
    for spelling, name, rows in places:
        by_region[regions.get(spelling), name] += rows
    kept = names.match_municipalities(by_region, known.municipalities, known.aliases.get("municipality", {}))
    pairs = [(spelling, name, kept[regions.get(spelling), name][0]) for spelling, name, _ in places]
    _table(connection, "named_municipality", pairs, ("region_spelling", "spelling", "name"))
    strangers: Counter[str] = Counter()
    for (region, name), rows in by_region.items():
        if region in known.listed and not kept[region, name][1]:
            strangers[name] += rows
    notices = _notices("region", unknown) if mapping.reference else []
    return notices + _notices("municipality", strangers)


@cache
def reference_groups() -> tuple[str, ...]:
    """The topic groups of the reference list."""
    return tuple(pd.read_csv(ROOT / "data" / "reference" / "topic_groups_ru.csv")["topic_group_ru"])


def _counted(connection: duckdb.DuckDBPyConnection, meaning: str, mapping: Mapping) -> dict[str, int]:
    """The spellings of a column with their rows, those that mean "not known" left out."""
    column = identifier(meaning)
    found = connection.execute(f"select {column}, count(*) from raw where {column} is not null group by all").fetchall()
    return {spelling: rows for spelling, rows in found if fold(spelling) not in mapping.blank}


def _fill(connection: duckdb.DuckDBPyConnection, meaning: str, pairs: list[tuple[str, str | None]]) -> None:
    _table(connection, f"named_{meaning}", pairs, ("spelling", "name"))


def _table(
    connection: duckdb.DuckDBPyConnection, table: str, rows: Sequence[tuple[str | None, ...]], columns: Sequence[str]
) -> None:
    filled = {name: pa.array([row[place] for row in rows], pa.string()) for place, name in enumerate(columns)}
    connection.register("rows_of_names", pa.table(filled))
    # As an enum a name is carried and written as a number for each row, not as a text.
    connection.execute("create or replace temp type kept_name as enum (select distinct name from rows_of_names)")
    connection.execute(
        f"create or replace temp table {identifier(table)} as "
        "select * replace (name::kept_name as name) from rows_of_names"
    )
    connection.unregister("rows_of_names")


def _notices(kind: str, unmatched: dict[str, int]) -> list[dict]:
    commonest = Counter(unmatched).most_common(NOTICES_OF_A_KIND)
    return [{"kind": kind, "value": value, "rows": rows} for value, rows in commonest]
