"""The reader's own small tables in the store: kept, listed, and what they change made anew, in one transaction."""

from __future__ import annotations

import duckdb
import pandas as pd

from analytics import cube
from analytics.data_state import note_renaming
from analytics.merge import STORED, replace_rows
from analytics.own_tables import SHAPES
from analytics.presets import fold
from analytics.settings import ROOT
from analytics.store import Store

TABLES = {"thresholds": "own_thresholds", "deadlines": "deadlines", "aliases": "aliases", "days": "own_days"}
POPULATIONS = str(ROOT / "data" / "reference" / "ru_regions.csv")


def own_table(store: Store, kind: str) -> pd.DataFrame:
    """What the store holds of a kind: its columns as a file has them, so that it can be taken, changed and given back.

    Of populations those of every place that the store knows.
    """
    if kind == "population":
        return store.query(
            """
            select region, '' as municipality, population from regions where population is not null
            union all select region, municipality, population from municipalities order by all
            """
        )
    columns = ", ".join(SHAPES[kind].columns)
    if kind == "thresholds":
        columns = columns.replace("municipality", "coalesce(municipality, '') as municipality")
    found = store.query(f"select {columns} from {TABLES[kind]} order by all")
    return found.replace("*", "") if kind == "thresholds" else found


def has_own_rows(store: Store, kind: str) -> bool:
    """Did the reader give anything of a kind that is in force? Populations: other ones than the reference has."""
    if kind != "population":
        return not own_table(store, kind).empty
    found = store.query(
        """
        select 1 from municipalities union all
        select 1 from regions left join read_csv($file, header = true, all_varchar = false) as given
          on given.iso = regions.code
        where regions.population is distinct from given.population_2020 limit 1
        """,
        file=POPULATIONS,
    )
    return not found.empty


def keep_own_table(store: Store, kind: str, rows: pd.DataFrame) -> int:
    """Put these rows in the place of what was kept before; the number of complaints that changed their names.

    No rows: nothing is kept any more; populations are then those of the reference. Deadlines make the cube anew;
    spellings rename what is stored already, as an import would. Names that have been changed stay changed,
    and it is noted, for forecasts made before are of other names.
    """

    def work(cursor: duckdb.DuckDBPyConnection) -> int:
        cursor.register("own_rows", rows.reindex(columns=list(SHAPES[kind].columns), fill_value=""))
        try:
            renamed = WORK[kind](cursor) if kind in WORK else _replace(cursor, kind)
            if renamed:
                note_renaming(cursor)
            return renamed
        finally:
            cursor.unregister("own_rows")

    return store.write(work)


def _replace(cursor: duckdb.DuckDBPyConnection, kind: str) -> int:
    cursor.execute(f"delete from {TABLES[kind]}")
    columns = list(SHAPES[kind].columns)
    if kind in ("aliases", "days"):
        columns[columns.index("region")] = "nullif(region, '') as region"
    if kind == "thresholds":
        columns[columns.index("municipality")] = "nullif(municipality, '') as municipality"
    cursor.execute(f"insert into {TABLES[kind]} by name select {', '.join(columns)} from own_rows")
    return 0


def _deadlines(cursor: duckdb.DuckDBPyConnection) -> int:
    _replace(cursor, "deadlines")
    cube.rebuild(cursor)
    return 0


def _population(cursor: duckdb.DuckDBPyConnection) -> int:
    """A row without a municipality is of its region."""
    cursor.execute("delete from regions where code is null")
    cursor.execute(
        """
        update regions set population = given.population_2020
        from read_csv($file, header = true, all_varchar = false) as given where given.iso = regions.code
        """,
        {"file": POPULATIONS},
    )
    cursor.execute(
        "update regions set population = own_rows.population "
        "from own_rows where own_rows.region = regions.region and municipality = ''"
    )
    cursor.execute(
        "insert into regions (region, population) select region, population from own_rows "
        "where municipality = '' and region not in (select region from regions)"
    )
    counted = cursor.execute("select count(*), count(nullif(municipality, '')) from own_rows").fetchone() or (0, 0)
    if counted[1] or not counted[0]:
        cursor.execute("delete from municipalities")
        cursor.execute(
            "insert into municipalities select region, municipality, population from own_rows where municipality <> ''"
        )
    return 0


def _aliases(cursor: duckdb.DuckDBPyConnection) -> int:
    _replace(cursor, "aliases")
    renamed = 0
    for (kind,) in cursor.execute("select distinct kind from aliases order by 1").fetchall():
        renames = _renames(cursor, kind)
        if renames.empty:
            continue
        cursor.register("renames", renames)
        cursor.execute(
            f"""
            create or replace temp table moving as
            select complaints.*, renames.name as new_name from complaints
            join renames on complaints.{kind} = renames.old
              and complaints.region is not distinct from renames.place::varchar
            """
        )
        cursor.execute(
            "update coverage set region = name from renames where region = old and $kind = 'region'", {"kind": kind}
        )
        cursor.unregister("renames")
        columns = ", ".join(STORED)
        cursor.execute(f"create or replace temp table leaving as select {columns} from moving")
        cursor.execute(
            f"create or replace temp table arriving as select * exclude (new_name) replace (new_name as {kind}) "
            "from moving"
        )
        replace_rows(cursor, leaving="leaving", arriving="arriving")
        counted = cursor.execute("select count(*) from arriving").fetchone()
        renamed += counted[0] if counted else 0
    return renamed


def _renames(cursor: duckdb.DuckDBPyConnection, kind: str) -> pd.DataFrame:
    """old, place (the region), name: one row for each stored name that is to be another, in each of its regions.

    As in an import a region's own rule goes before the general one, also where it keeps the name; of two rules for one
    spelling the later.
    """
    own = cursor.execute("select spelling, nullif(region, ''), name from own_rows where kind = $kind", {"kind": kind})
    rules = {(place, fold(spelling)): name for spelling, place, name in own.fetchall()}
    found = cursor.execute(f"select distinct {kind}, region from complaints where {kind} is not null").fetchall()
    named = [
        (old, place, rules.get((place, fold(old)), rules.get((None, fold(old)), old)))
        for old, place in sorted(found, key=str)
    ]
    table = pd.DataFrame(named, columns=["old", "place", "name"]).astype("object")
    return table[table["old"] != table["name"]]


WORK = {"deadlines": _deadlines, "population": _population, "aliases": _aliases}
