"""Measure the engine on real panels beside its peers and write docs/accuracy.md: make backtest.

python -m tests.accuracy [FOLDER] [--kept]; with --kept peers are not run: what they forecast before is judged.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from analytics.almanac import Almanac
from analytics.backtest import judge
from analytics.methods import METHODS, Ahead, Method, Task, forerunner
from analytics.panel import Panel, dense_panel
from tests.accuracy import page, panels

ROOT = Path(__file__).resolve().parents[2]
WORK = Path(__file__).parent / "work"
BENCH = ROOT / ".venv-bench" / "bin" / "python"
PEERS = ("auto_ets", "light_gbm", "prophet", "theta", "mstl")


@dataclass
class Timed:
    """The engine as a method that keeps what it said and how long it took."""

    seconds: float = 0.0

    def __post_init__(self) -> None:
        """Nothing said yet."""
        self.said: dict[pd.Timestamp, tuple[Task, Ahead]] = {}

    def __call__(self, task: Task) -> Ahead:
        """Forecast as the product does."""
        began = time.monotonic()
        found = forerunner(task)
        self.seconds += time.monotonic() - began
        self.said[task.origin] = (task, found)
        return found


def names_of(series: pd.DataFrame) -> pd.Series:
    """ "region|topic", '*' for totals: how the peers know the series."""
    return series["region"] + "|" + series["topic"]


def peer(name: str, panel: str) -> Method | None:
    """A peer's stored forecasts as a method; None where it has none."""
    file = WORK / f"{name}_{panel}.npz"
    if not file.exists():
        return None
    values = np.load(file)["values"]
    origins = [pd.Timestamp(day) for day in json.loads((WORK / f"{panel}.json").read_text())]
    series = sorted(pd.read_parquet(WORK / f"{panel}.parquet", columns=["series"])["series"].unique())

    def method(task: Task) -> Ahead:
        order = pd.Index(series).get_indexer(names_of(task.series))
        return Ahead(values[origins.index(task.origin)][order])

    return method


def measure_panel(name: str, folder: Path, *, peers: bool) -> tuple[pd.DataFrame, Panel, Timed]:
    """All methods judged on one panel, the panel, and what the engine said."""
    panel = dense_panel(panels.panel(name, folder))
    origins = panels.origins(panel.days)
    if peers:
        run_peers(name, panel, origins)
    engine = Timed()
    methods = {**METHODS, "forerunner": engine}
    methods |= {other: method for other in PEERS if (method := peer(other, name))}
    almanac = Almanac(*panels.COUNTRIES[name])
    judged = judge(panel, len(origins), panels.HORIZON, methods=methods, almanac=almanac, step=panels.STEP)
    return judged.assign(panel=name), panel, engine


def run_peers(name: str, panel: Panel, origins: list[pd.Timestamp]) -> None:
    """Let the peers forecast what they have not forecast yet, where their environment is."""
    WORK.mkdir(exist_ok=True)
    task = Task(panel, panels.HORIZON)
    wide = pd.DataFrame(task.counts, index=names_of(task.series).rename("series"), columns=panel.days.rename("day"))
    long = wide.stack(future_stack=True).rename("complaints").reset_index()
    long.to_parquet(WORK / f"{name}.parquet", index=False)
    (WORK / f"{name}.json").write_text(json.dumps([str(origin.date()) for origin in origins]))
    for other in PEERS:
        if BENCH.exists():
            subprocess.run([BENCH, Path(__file__).with_name("peers.py"), WORK, other], check=False)


def main(folder: Path, *, peers: bool) -> None:
    """Measure on all panels and write the page and its drawings."""
    found = {name: measure_panel(name, folder, peers=peers) for name in panels.QUERIES}
    judged = pd.concat([one for one, _, _ in found.values()], ignore_index=True)
    judged.to_parquet(WORK / "judged.pq", index=False)  # not .parquet: the peers take those for panels
    seconds = sum(engine.seconds for _, _, engine in found.values())
    drawn = {name: (panel, engine.said) for name, (_, panel, engine) in found.items()}
    page.write(ROOT / "docs", judged, drawn, seconds)


if __name__ == "__main__":
    named = [Path(one) for one in sys.argv[1:] if not one.startswith("-")]
    main(named[0] if named else ROOT.parent / "shared", peers="--kept" not in sys.argv)
