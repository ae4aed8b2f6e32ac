"""The demo country in a store of its own, with its events, weather, geometry and truth beside it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import duckdb
import pandas as pd

from analytics import cube
from analytics.catalogue import masked
from analytics.demo import DemoCountry, build, check
from analytics.errors import BadInput
from analytics.events.keeping import keep_events
from analytics.events.reading import EventFile, read_event_file
from analytics.merge import STORED
from analytics.own_geometry import shapes_of
from analytics.settings import ROOT, Settings
from analytics.store import open_store, store_exists
from analytics.weather.keeping import keep_weather
from analytics.weather.tables import read_weather_file


def make(
    settings: Settings,
    *,
    complaints: int,
    days: int,
    end: date,
    seed: int,
    now: datetime,
    report: Callable[[float, str], None] = lambda share, name: None,
) -> DemoCountry:
    """Fill a new store with the demo country; its other files go into `demo_folder(settings)`.

    `now` is UTC. Raises BadInput when the store has complaints already, and for what `build` refuses.
    """
    check(complaints, days, seed)  # before a store is made for nothing
    with closing(open_store(settings, kind="demo")) as store, store.working_folder("demo") as folder:
        if not store.is_empty():
            raise _in_use(settings)
        made = build(
            folder,
            complaints=complaints,
            days=days,
            end=end,
            seed=seed,
            report=lambda step, share: report(0.6 * share, step),
        )
        report(0.6, "store")
        happenings, weather = read_event_file(made.events), read_weather_file(made.weather).weather
        store.write(lambda cursor: _load(cursor, made, happenings, weather, end=end, now=now, settings=settings))
        report(1.0, "store")
        return _keep(made, demo_folder(settings))


def demo_folder(settings: Settings) -> Path:
    """Where the demo country's truth, events, weather and geometry lie: beside the store's files."""
    return Path(settings.data if "://" not in settings.data and settings.data else _local(settings)) / "demo"


def is_wanted(settings: Settings) -> bool:
    """Should a first start build the demo country: no store yet, or a demo one that was never filled?"""
    if not store_exists(settings):
        return True
    with closing(open_store(settings)) as store:
        return store.kind == "demo" and store.is_empty()


def _in_use(settings: Settings) -> BadInput:
    return BadInput(
        "store_in_use",
        "{store} holds complaints already; name another folder with FORERUNNER_STORE for the demo country.",
        store=masked(settings.store),
    )


def _load(
    cursor: duckdb.DuckDBPyConnection,
    made: DemoCountry,
    happenings: EventFile,
    weather: pd.DataFrame,
    *,
    end: date,
    now: datetime,
    settings: Settings,
) -> None:
    if cursor.execute("select 1 from complaints limit 1").fetchone():
        raise _in_use(settings)  # an import was quicker than the making of the country
    parts = [str(part) for part in made.complaints]
    files = ", ".join("'" + part.replace("'", "''") + "'" for part in parts)
    given = {column for (column, *_) in cursor.execute(f"describe select * from read_parquet([{files}])").fetchall()}
    moment = f"timestamp '{now:%Y-%m-%d %H:%M:%S}'"
    filled = {
        "first_seen_at": moment,
        "changed_at": moment,
        "closed_seen_at": f"case when closed_at is not null then {moment} end",
        "last_import": "1",
    }
    columns = ", ".join(column if column in given else f"{filled.get(column, 'null')} as {column}" for column in STORED)
    cursor.execute("update store_facts set value = 'demo' where fact = 'kind'")
    cursor.execute(f"create or replace temp view arriving as select {columns} from read_parquet([{files}])")
    cursor.execute(f"insert into complaints ({', '.join(STORED)}) select {', '.join(STORED)} from arriving")
    cursor.execute("create or replace temp view moved as select 1 as sign, * from arriving")
    cube.refresh(cursor)
    places = str(made.municipalities).replace("'", "''")
    cursor.execute(
        "insert into municipalities by name "
        f"select region, municipality, population::bigint as population from '{places}'"
    )
    outlines = pd.DataFrame(shapes_of(made.geometry), columns=["region", "municipality", "shape"])
    cursor.register("outlines", outlines)
    cursor.execute("insert into shapes select * from outlines")
    cursor.unregister("outlines")
    keep_events(cursor, happenings, happenings.events, now=now)
    keep_weather(cursor, weather)
    before = cursor.execute("select id from ducklake_current_snapshot('lake')").fetchone()
    cursor.execute(
        """
        insert into imports
        values (1, 'demo', 'demo', 'demo', $now, $now, $rows, $rows, 0, 0, 0, 0, '[]', '[]', $before, null)
        """,
        {"now": now, "rows": made.rows, "before": before[0] if before else 0},
    )
    cursor.execute(  # the country ends with a whole day
        """
        insert into coverage
        select 1, 'demo', region, min(opened_on), max(opened_on), $end
        from daily_counts group by region
        """,
        {"end": end},
    )


def _keep(made: DemoCountry, folder: Path) -> DemoCountry:
    folder.mkdir(parents=True, exist_ok=True)

    def kept(file: Path) -> Path:
        return Path(shutil.move(file, folder / file.name))

    return replace(
        made,
        complaints=[],
        truth=kept(made.truth),
        events=kept(made.events),
        weather=kept(made.weather),
        municipalities=kept(made.municipalities),
        geometry=kept(made.geometry),
    )


def _local(settings: Settings) -> str:
    return str(ROOT / "data") if settings.remote else settings.store
