"""A rehearsal of an event for a country of 83 regions × 31 topic groups: on kept grounds, and learned anew."""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from analytics.almanac import Almanac
from analytics.drivers import Drivers
from analytics.grounds import lay_grounds
from analytics.panel import dense_panel
from analytics.quick_rehearsal import play
from tests.bench.page import against
from tests.bench.timing import run
from tests.bench_forecast import END, country

NAME = "rehearsal"
TITLE = "Rehearsing an event: 83 regions × 31 topic groups, 1,095 days known"
REGIONS, A_DAY = 83, 4.9  # 13.7 million complaints over 83 × 31 series and three years
PAST, KIND, WINDOW = 240, "utilities.planned_outage", (3, 7)
MOST = 3.0  # seconds of a rehearsal
ROUNDS = 7


def measure(folder: Path, chosen: argparse.Namespace) -> list[str]:
    """Seconds of a rehearsal as the page and as the command make it."""
    table = panel_of(country(REGIONS, a_day=A_DAY))
    events = events_of(sorted(table["region"].unique()))
    known = events[events["starts_on"] <= END]
    panel, drivers = dense_panel(table, END.date()), Drivers(known, windows={KIND: WINDOW})
    began, clock = time.process_time(), time.perf_counter()
    grounds = lay_grounds(panel, drivers, Almanac("RU"))
    laid = (time.perf_counter() - clock, time.process_time() - began)
    coming = events[events["starts_on"] > END]
    played = [timed(lambda: play(grounds, coming, coming["id"].tolist(), {KIND: WINDOW})) for _ in range(ROUNDS)]
    seconds, processor = (statistics.median(one[at] for one in played) for at in (0, 1))
    table.to_parquet(folder / "panel.parquet", index=False)
    events.to_csv(folder / "events.csv", index=False, date_format="%Y-%m-%d")
    command = [sys.executable, "-m", "analytics", "rehearse", "--panel", str(folder / "panel.parquet")]
    command += ["--events", str(folder / "events.csv"), "--country", "RU", "--end", str(END.date()), "--json"]
    whole = [run(command) for _ in range(chosen.rounds)]
    anew = sorted(whole, key=lambda one: one.processor)[len(whole) // 2]
    return [
        f"{len(panel.series):,} series, {len(known)} past events, one to come in a region, with and without it, all",
        "totals, spike probabilities set right by past origins.",
        "",
        "| | time | of the processor | most memory |",
        "|---|---|---|---|",
        f"| on kept grounds, as the page does | {against(seconds, MOST, f'{seconds:.2f} s')} "
        f"| {against(processor, MOST, f'{processor:.2f} s')} | |",
        f"| laying the grounds, once after an import | {laid[0]:.1f} s | {laid[1]:.1f} s | |",
        f"| `rehearse --panel FILE`, the whole process, all learned anew | {anew.seconds:.1f} s "
        f"| {anew.processor:.1f} s | {anew.memory:.2f} GB |",
        "",
        f"Bar: a rehearsal in at most {MOST:.0f} s.",
    ]


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds on the clock and of the processor."""
    clock, began = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - clock, time.process_time() - began


def panel_of(table: pd.DataFrame) -> pd.DataFrame:
    """Each municipality of `bench_forecast.country` as a region of its own: day, region, topic, complaints."""
    names = {"region": table["municipality"].astype("str"), "topic": table["topic"].astype("str")}
    return table[["day", "complaints"]].assign(**names)[["day", "region", "topic", "complaints"]]


def events_of(regions: list[str], seed: int = 3) -> pd.DataFrame:
    """Past outages in single regions, and one ten days ahead."""
    chance = np.random.default_rng(seed)
    starts = END - pd.to_timedelta(chance.integers(20, 1000, PAST), unit="D")
    places = chance.choice(regions, PAST)
    found = pd.DataFrame({"starts_on": [*starts, END + pd.Timedelta(days=10)], "region": [*places, regions[0]]})
    found["ends_on"] = found["starts_on"] + pd.Timedelta(days=2)
    return found.assign(
        id=[f"outage {number}" for number in range(len(found))],
        type=KIND,
        title="",
        municipality="",
        topic="|".join(f"Topic {number:02}" for number in range(3)),
        strength=np.nan,
        unit="",
        known_since=found["starts_on"] - pd.Timedelta(days=10),
        cancelled=False,
    )
