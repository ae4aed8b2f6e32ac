"""The ledger: every forecast that was issued, never rewritten."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

import duckdb
import numpy as np
import pandas as pd

from analytics.almanac import Almanac
from analytics.distribution import QUANTILES, Distribution
from analytics.drivers import Drivers
from analytics.forecast import PARTS, VERSION, Engine
from analytics.negative_binomial import rounded
from analytics.signals import find_signals
from analytics.store_panel import StorePanel
from analytics.why import reasons

if TYPE_CHECKING:
    from analytics.store import Store

HORIZON = 28  # days ahead that are issued
MUNICIPAL_QUANTILES = ("0.1", "0.5", "0.9")
MUNICIPAL_DAYS = 35  # for which the municipal level is kept, and the parts
FACTORS = tuple(name for name in PARTS if name != "correction")  # what past errors taught is told with the level
PAIR = ("pair_regions", "pair_topics")
OF_THE_PAIRS = "and (region, topic_group) in (select unnest($pair_regions::varchar[]), unnest($pair_topics::varchar[]))"
Report = Callable[[float, str], None]


@dataclass(frozen=True)
class Run:
    """One issue of forecasts: rows written, 0 of what had been issued before.

    `municipal`: has it municipalities by now? `ended`, `unloaded`: see StorePanel; `method`: see `forecast.forecast`.
    """

    run_id: int
    origin: date
    rows: int
    municipal_rows: int
    municipal: bool
    ended: list[str]
    unloaded: int
    method: dict[str, int]


def runs(store: Store) -> pd.DataFrame:
    """Every issue, the newest origin first: the columns of forecast_runs without the calibration."""
    return store.query("select * exclude (calibration) from forecast_runs order by origin desc, run_id desc")


def issued(
    store: Store,
    *,
    run_id: int | None = None,
    regions: Iterable[str] = (),
    topic_groups: Iterable[str] = (),
    pairs: Iterable[tuple[str, str]] | None = None,
) -> pd.DataFrame:
    """A forecast as it was issued: day, region, topic, mean, 0.025 … 0.975; the newest unless `run_id` names another.

    `attrs`: `origin`, `run_id`, and `distribution`, so `forecast.probability` answers from it. No rows when nothing
    was issued. `regions`, `topic_groups`: only these ('*' = the total); empty = all. `pairs`: only these series.
    """
    names = "region, topic_group as topic"
    return _read(store, "forecasts", names, QUANTILES, run_id, regions, topic_groups, pairs)


def issued_municipal(
    store: Store, *, run_id: int | None = None, regions: Iterable[str] = (), topic_groups: Iterable[str] = ()
) -> pd.DataFrame:
    """As `issued`, of municipalities: day, region, municipality, topic, mean, 0.1, 0.5, 0.9."""
    names = "region, municipality, topic_group as topic"
    return _read(store, "municipal_forecasts", names, MUNICIPAL_QUANTILES, run_id, regions, topic_groups)


def issued_parts(store: Store, region: str, topic_group: str) -> pd.DataFrame:
    """day and FACTORS of one series as it was issued last: complaints a day, then factors; their product is the mean.

    No rows where none were kept: an older issue, or one of more than 35 days ago.
    """
    return store.query(
        f"""
        with newest as (
          select run_id from forecast_runs where not reconstructed order by origin desc, run_id desc limit 1
        )
        select day, {", ".join(FACTORS)} from forecast_parts join newest using (run_id)
        where region = $region and topic_group = $topic_group order by day
        """,
        region=region,
        topic_group=topic_group,
    )


def factors(parts: pd.DataFrame) -> pd.DataFrame:
    """The table of `forecast.parts` with its last part in the level: what a reader is told."""
    return parts.assign(level=parts["level"] * parts["correction"]).drop(columns=["correction", "mean"])


# Issuing


def issue(
    store: Store,
    found: StorePanel,
    almanac: Almanac,
    drivers: Drivers,
    *,
    now: datetime,
    reconstructed: bool,
    report: Report,
) -> Run:
    version = _version(almanac, None if reconstructed else found.state)
    before = _same_run(store.query, found, version, reconstructed)
    if before is not None:
        report(1.0, "")
        return Run(before[0], found.origin, 0, 0, before[1] > 0, found.ended, len(found.unloaded), {})
    engine = Engine(found.panel, HORIZON, almanac=almanac, drivers=drivers, report=report)
    table = engine.forecast("all")
    shape: Distribution = table.attrs["distribution"]
    signals = find_signals(engine, table).assign(why="{}")
    parts = pd.DataFrame()
    if not reconstructed:
        signals["why"] = reasons(engine, signals)
        parts = factors(engine.parts()).rename(columns={"topic": "topic_group"})
    rows = table.rename(columns={"topic": "topic_group"}).assign(dispersion=shape.dispersion, cell=shape.cell)
    rows.attrs = {}
    unloaded = found.unloaded.assign(
        first_day=found.unloaded["first_day"].dt.strftime("%Y-%m-%d"),
        last_day=found.unloaded["last_day"].dt.strftime("%Y-%m-%d"),
    )

    def work(cursor: duckdb.DuckDBPyConnection) -> tuple[int, int]:
        def query(sql: str, **parameters: object) -> pd.DataFrame:
            return cursor.execute(sql, parameters).df()

        already = _same_run(query, found, version, reconstructed)
        if already is not None:  # another process was quicker
            return already[0], 0
        run_id = int(query("select coalesce(max(run_id), 0) + 1 from forecast_runs").iloc[0, 0])
        cursor.execute(
            "insert into forecast_runs values ($run_id, $origin, $now, $snapshot, $version, $horizon, $reconstructed, "
            "$method, $unloaded, $calibration, null)",
            {
                "run_id": run_id,
                "origin": found.origin,
                "now": now,
                "snapshot": found.snapshot,
                "version": version,
                "horizon": HORIZON,
                "reconstructed": reconstructed,
                "method": json.dumps(table.attrs["method"]),
                "unloaded": unloaded.to_json(orient="records", force_ascii=False),
                "calibration": json.dumps(shape.calibration.round(6).tolist()),
            },
        )
        _insert(cursor, "forecasts", rows.assign(run_id=run_id))
        _insert(cursor, "signals", signals.rename(columns={"topic": "topic_group"}).assign(run_id=run_id))
        if len(parts):
            _forget(cursor, "forecast_parts", found.origin)
            _insert(cursor, "forecast_parts", parts.assign(run_id=run_id))
        return run_id, len(rows)

    run_id, written = store.write(work)
    return Run(run_id, found.origin, written, 0, False, found.ended, len(found.unloaded), table.attrs["method"])


def issue_municipal(
    store: Store, found: StorePanel, almanac: Almanac, run: Run, factors: pd.DataFrame, report: Report
) -> int:
    """Municipalities of a run: scaled so that they add up to the region's mean, as the run said it.

    `factors`: what events do in municipalities, see `municipal_events.municipal_factors`.
    """
    table = Engine(found.panel, HORIZON, almanac=almanac, report=report).forecast("bottom")
    shape: Distribution = table.attrs["distribution"]
    if len(factors):
        names = ["day", "region", "municipality", "topic"]
        table["mean"] *= table[names].merge(factors, on=names, how="left")["factor"].fillna(1.0).to_numpy()
    region = issued(store, run_id=run.run_id)
    keys = ["day", "region", "topic"]
    above = table[keys].merge(region[[*keys, "mean"]], on=keys, how="left")["mean"].to_numpy()
    whole = table.groupby(keys, sort=False)["mean"].transform("sum").to_numpy()
    scale = np.where(np.isnan(above), 1.0, above / np.maximum(whole, 1e-12))
    scaled = Distribution(rounded(table["mean"].to_numpy() * scale), shape.dispersion, shape.cell, shape.calibration)
    rows = pd.DataFrame(table[["day", "region", "municipality"]]).assign(
        topic_group=table["topic"], mean=table["mean"] * scale, dispersion=shape.dispersion, cell=shape.cell
    )
    rows.attrs = {}
    rows[list(MUNICIPAL_QUANTILES)] = scaled.quantiles()[:, [QUANTILES.index(name) for name in MUNICIPAL_QUANTILES]]

    def work(cursor: duckdb.DuckDBPyConnection) -> int:
        there = cursor.execute(
            "select count(*) from municipal_forecasts where run_id = $run_id", {"run_id": run.run_id}
        ).fetchone()
        if there and there[0]:
            return 0
        _forget(cursor, "municipal_forecasts", run.origin)
        cursor.execute(
            "update forecast_runs set municipal_calibration = $calibration where run_id = $run_id",
            {"calibration": json.dumps(shape.calibration.round(6).tolist()), "run_id": run.run_id},
        )
        _insert(cursor, "municipal_forecasts", rows.assign(run_id=run.run_id))
        return len(rows)

    return store.write(work)


def _forget(cursor: duckdb.DuckDBPyConnection, table: str, origin: date) -> None:
    """Drop what is kept for some weeks only."""
    cursor.execute(
        f"delete from {table} where run_id in (select run_id from forecast_runs where origin < $oldest::date)",
        {"oldest": origin - timedelta(days=MUNICIPAL_DAYS)},
    )


def _insert(cursor: duckdb.DuckDBPyConnection, table: str, rows: pd.DataFrame) -> None:
    cursor.register("issued_rows", rows)
    cursor.execute(f"insert into {table} by name select * from issued_rows")
    cursor.unregister("issued_rows")


def _version(almanac: Almanac, state: int | None) -> str:
    """Of the method, of the calendar (with other days off forecasts are others) and, where it counts, of the data."""
    return " ".join(filter(None, (VERSION, almanac.version, "" if state is None else f"data {state}")))


def _same_run(
    query: Callable[..., pd.DataFrame], found: StorePanel, version: str, reconstructed: bool
) -> tuple[int, int] | None:
    """The run that says the same already and its municipal rows: the newest of this origin, if of this version.

    Or if another process made it of later data, while ours were being forecast: it is not to be hidden by ours.
    """
    same = query(
        """
        with newest as (
          select run_id, version, snapshot from forecast_runs
          where origin = $origin and reconstructed = $reconstructed order by run_id desc limit 1
        )
        select run_id, (select count(*) from municipal_forecasts as rows where rows.run_id = newest.run_id) as rows
        from newest where version = $version or (snapshot > $snapshot and not $reconstructed)
        """,
        origin=found.origin,
        version=version,
        snapshot=found.snapshot,
        reconstructed=reconstructed,
    )
    return None if same.empty else (int(same["run_id"].iloc[0]), int(same["rows"].iloc[0]))


# Reading


def _read(
    store: Store,
    table: str,
    names: str,
    quantiles: Iterable[str],
    run_id: int | None,
    regions: Iterable[str],
    topic_groups: Iterable[str],
    pairs: Iterable[tuple[str, str]] | None = None,
) -> pd.DataFrame:
    wanted = None if pairs is None else sorted({*pairs})
    column = "calibration" if table == "forecasts" else "municipal_calibration"
    with store.reading() as query:
        run = query(
            f"select run_id, origin, {column} as calibration from forecast_runs "
            "where run_id = $run_id or ($run_id is null and not reconstructed) "
            "order by origin desc, run_id desc limit 1",
            run_id=run_id,
        )
        printed = ", ".join(f'"{name}"' for name in quantiles)
        found = query(
            f"select day, {names}, mean, {printed}, dispersion, cell from {table} where run_id = $run_id "
            "and chosen(region, $regions) and chosen(topic_group, $topic_groups) "
            f"{'' if wanted is None else OF_THE_PAIRS} order by day, {names.replace(' as topic', '')}",
            run_id=-1 if run.empty else int(run["run_id"].iloc[0]),
            regions=list(regions) or None,
            topic_groups=list(topic_groups) or None,
            **({} if wanted is None else {name: [pair[at] for pair in wanted] for at, name in enumerate(PAIR)}),
        )
    dispersion, cell = found.pop("dispersion").to_numpy(), found.pop("cell").to_numpy()
    if not run.empty and isinstance(run["calibration"].iloc[0], str):
        calibration = np.array(json.loads(run["calibration"].iloc[0]))
        found.attrs["distribution"] = Distribution(rounded(found["mean"].to_numpy()), dispersion, cell, calibration)
        found.attrs |= {"origin": run["origin"].iloc[0].date(), "run_id": int(run["run_id"].iloc[0])}
    return found
