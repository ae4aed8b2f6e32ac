"""Measure how fast the engine forecasts a country, beside AutoETS in the same run, into docs/benchmarks.md.

python -m tests.bench_forecast [--municipalities 33 323 2300] [--sample 100] [--rounds 3]
AutoETS lives in .venv-bench (make .venv-bench/ready).
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from analytics.almanac import Almanac
from analytics.forecast import forecast

ROOT = Path(__file__).resolve().parent.parent
DAYS, TOPICS, HORIZON, END = 1095, 31, 28, pd.Timestamp("2026-10-31")
A_DAY = 0.175  # complaints of a municipality and topic group: 13.7 million over 2,300 × 31 series and three years
IN_A_REGION = 28  # municipalities
WEEK = np.array([1.15, 1.15, 1.12, 1.1, 1.05, 0.75, 0.65])
MOST_SECONDS, MOST_MEMORY, LEAST_RATIO = 240, 6.0, 50
PEER = """
import sys, time, warnings
import pandas as pd
from statsforecast import StatsForecast
from statsforecast.models import AutoETS

warnings.filterwarnings("ignore")
table = pd.read_parquet(sys.argv[1])
few = table[table["unique_id"].isin(table["unique_id"].unique()[:4])]
widths = [95, 90, 80, 60, 40, 20]
engine = StatsForecast(models=[AutoETS(season_length=7)], freq="D", n_jobs=2)
engine.forecast(df=few, h=28, level=widths)
started = time.perf_counter()
found = engine.forecast(df=table, h=28, level=widths)
seconds = time.perf_counter() - started
assert len(found) == 28 * table["unique_id"].nunique()
print(seconds)
"""


@dataclass(frozen=True)
class Measured:
    """One forecast in a process of its own: seconds on the clock and of the processor, most memory in GB."""

    series: int
    seconds: float
    processor: float
    memory: float


def country(municipalities: int, seed: int = 1, a_day: float = A_DAY) -> pd.DataFrame:
    """A sparse panel as a table without rows for quiet days: day, region, municipality, topic, complaints.

    Rates differ as real ones do (log-normal over municipalities and topics, a few busy, most nearly silent), with a
    week, a yearly curve for each topic, a level that wanders, and counts that vary more than a Poisson law.
    """
    chance = np.random.default_rng(seed)
    days = pd.date_range(end=END, periods=DAYS)
    size, share = chance.lognormal(0, 1.2, municipalities), chance.lognormal(0, 1.3, TOPICS)
    pair = chance.lognormal(0, 0.5, (municipalities, TOPICS))
    rate = a_day * (size / size.mean())[:, None] * (share / share.mean()) * pair
    year = 2 * np.pi * days.day_of_year.to_numpy() / 365.25
    height, peak = chance.normal(0, 0.35, (TOPICS, 1)), chance.uniform(0, 2 * np.pi, (TOPICS, 1))
    rhythm = WEEK[days.day_of_week] * np.exp(height * np.cos(year - peak))
    parts = []
    for number in range(municipalities):
        level = np.exp(np.cumsum(chance.normal(0, 0.012, rhythm.shape), axis=1))
        mean = rate[number][:, None] * rhythm * level
        counts = chance.poisson(mean * chance.gamma(2.0, 0.5, mean.shape))
        topic, day = np.nonzero(counts)
        parts.append((np.full(len(topic), number), topic, day, counts[topic, day]))
    place, topic, day, complaints = (np.concatenate(part) for part in zip(*parts, strict=True))
    regions = -(-municipalities // IN_A_REGION)
    names = {
        "region": (place % regions, [f"Region {number:02}" for number in range(regions)]),
        "municipality": (place, [f"Municipality {number:04}" for number in range(municipalities)]),
        "topic": (topic, [f"Topic {number:02}" for number in range(TOPICS)]),
    }
    return pd.DataFrame(
        {"day": days[day]}
        | {name: pd.Categorical.from_codes(code, known) for name, (code, known) in names.items()}
        | {"complaints": complaints}
    )


def forecast_alone(table: Path) -> None:
    """What the measured process does: read the table, forecast every series and all totals, say what it took."""
    panel = pd.read_parquet(table).astype({"region": "str", "municipality": "str", "topic": "str"})
    series = len(panel[["municipality", "topic"]].drop_duplicates())
    before, started = time.process_time(), time.perf_counter()
    found = forecast(panel, HORIZON, almanac=Almanac("RU"))
    seconds, processor = time.perf_counter() - started, time.process_time() - before
    bottom = (found[["region", "municipality", "topic"]] != "*").all(axis=1).sum()
    assert bottom == series * HORIZON and found.notna().all(axis=None)
    print(json.dumps({"series": series, "seconds": seconds, "processor": processor, "memory": most_memory()}))


def most_memory() -> float:
    """The most that this process held, in GB; `getrusage` would count what its parent held when it was forked."""
    status = Path("/proc/self/status")
    if status.exists():
        return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM")) / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e9 if sys.platform == "darwin" else 1e6)


def measure(table: Path) -> Measured:
    """Forecast a table in a process of its own."""
    command = [sys.executable, "-m", "tests.bench_forecast", "--alone", str(table)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    return Measured(**json.loads(done.stdout))


def write_sample(panel: pd.DataFrame, series: int, file: Path) -> None:
    """Series drawn from a country, quiet days written out, as the peer wants them."""
    name = panel["municipality"].astype("str") + " " + panel["topic"].astype("str")
    chosen = np.random.default_rng(1).choice(np.sort(name.unique()), series, replace=False)
    wide = panel.assign(name=name)[name.isin(chosen).to_numpy()].pivot_table(
        index="name", columns="day", values="complaints", aggfunc="sum", fill_value=0, observed=True
    )
    wide = wide.reindex(columns=pd.date_range(end=END, periods=DAYS), fill_value=0)
    long = wide.stack().rename_axis(["unique_id", "ds"]).rename("y").astype(float).reset_index()
    long.to_parquet(file, index=False)


def peer_seconds(file: Path) -> float:
    """AutoETS with both cores, mean and 12 quantiles; a few series before the clock starts, for what it compiles."""
    python = ROOT / ".venv-bench" / "bin" / "python"
    if not python.exists():
        raise SystemExit("AutoETS is not there: make .venv-bench/ready")
    done = subprocess.run([python, "-c", PEER, file], stdout=subprocess.PIPE, text=True, check=True)
    return float(done.stdout)


def measured(folder: Path, sizes: list[int], sample: int, rounds: int) -> list[str]:
    """The table of the documentation; the peer is measured before and after the engine, in turn."""
    tables = {size: folder / f"country_{size}.parquet" for size in sizes}
    for size, file in tables.items():
        country(size).to_parquet(file, index=False)
    write_sample(pd.read_parquet(tables[sizes[0]]), sample, folder / "sample.parquet")
    middle = sizes[min(1, len(sizes) - 1)]
    own, peers, ratios = [], [peer_seconds(folder / "sample.parquet")], []
    for _ in range(rounds):
        own.append(measure(tables[middle]))
        peers.append(peer_seconds(folder / "sample.parquet"))
        beside = sample / statistics.mean(peers[-2:])
        ratios.append(own[-1].series / own[-1].seconds / beside)
        print(own[-1], f"AutoETS {peers[-1]:.1f} s, ratio {ratios[-1]:.0f}", file=sys.stderr)
    lines = [
        f"### Forecasting a country: {DAYS:,} days known, {HORIZON} days ahead, 13 quantiles, all totals too",
        "",
        "From a table in memory without rows for quiet days to the table of the forecast; a process of its own for",
        "each size, AutoETS (statsforecast, `season_length=7`, both cores) before and after it.",
        "",
        "| | series | time | series a second | of the processor | that for a series | most memory |",
        "|---|---|---|---|---|---|---|",
    ]
    for size in sizes:
        one = _typical(own) if size == middle else measure(tables[size])
        print(one, file=sys.stderr)
        lines.append(
            f"| {size:,} municipalities × {TOPICS} topic groups | {one.series:,} | {one.seconds:.1f} s "
            f"| {one.series / one.seconds:,.0f} | {one.processor:.1f} s | {1e3 * one.processor / one.series:.2f} ms "
            f"| {one.memory:.2f} GB |"
        )
    each = statistics.median(peers) / sample
    lines += [
        f"| AutoETS | {sample:,} | {statistics.median(peers):.1f} s | {1 / each:,.1f} | | | |",
        "",
        f"Series a second against AutoETS, median of {rounds} rounds in turn: {statistics.median(ratios):,.0f} times "
        f"(bar: at least {LEAST_RATIO}). Bars for the largest: at most {MOST_SECONDS} s and {MOST_MEMORY:g} GB.",
        f"While this ran the load of the machine was {os.getloadavg()[1]:.1f} on {os.cpu_count()} cores: where that is",
        "more than the cores, the time on the clock is other work's too, and the processor's time is what to go by.",
    ]
    return lines


def _typical(runs: list[Measured]) -> Measured:
    return sorted(runs, key=lambda run: run.seconds)[len(runs) // 2]


def write_block(file: Path, name: str, lines: list[str]) -> None:
    """Put the lines between the markers of that name, which are added at the end where there are none."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    text = file.read_text(encoding="utf-8") if file.exists() else "# Benchmarks\n"
    before, _, rest = text.partition(begin)
    after = rest.partition(end)[2] if rest else "\n"
    file.write_text("\n".join([before.rstrip("\n"), "", begin, *lines, end]) + after, encoding="utf-8")


def main() -> None:
    """Measure, and write the block of docs/benchmarks.md."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--municipalities", type=int, nargs="+", default=[33, 323, 2300])
    parser.add_argument("--sample", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--alone", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.alone:
        forecast_alone(chosen.alone)
        return
    with tempfile.TemporaryDirectory(prefix="forerunner-bench-") as name:
        lines = measured(Path(name), chosen.municipalities, chosen.sample, chosen.rounds)
    write_block(ROOT / "docs" / "benchmarks.md", "forecast", lines)
    print("\n".join(lines))


if __name__ == "__main__":
    main()
