"""The signals of a country's municipalities: what they take beyond the forecast, 28 days ahead."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from analytics.almanac import Almanac
from analytics.forecast import Engine
from analytics.panel import dense_panel
from analytics.signals import find_signals
from tests.bench.page import against
from tests.bench.rehearsal import panel_of
from tests.bench_forecast import END, country

NAME = "signals"
TITLE = "Signals of 2,300 municipalities × 31 topic groups, 28 days ahead"
PLACES, HORIZON = 2300, 28
MOST = 60.0  # seconds beyond the forecast


def measure(_: Path, chosen: argparse.Namespace) -> list[str]:
    """Seconds of the forecast, and of thresholds, probabilities set right by past origins, stretches and budget."""
    panel = dense_panel(panel_of(country(PLACES)), END.date())
    clock, began = time.perf_counter(), time.process_time()
    engine = Engine(panel, HORIZON, almanac=Almanac("RU"))
    ahead = engine.forecast("all")
    forecast = (time.perf_counter() - clock, time.process_time() - began)
    clock, began = time.perf_counter(), time.process_time()
    found = find_signals(engine, ahead)
    beyond = (time.perf_counter() - clock, time.process_time() - began)
    print(len(panel.series), forecast, beyond, len(found), file=sys.stderr)
    return [
        "| | time | of the processor |",
        "|---|---|---|",
        f"| forecast of {len(panel.series):,} series and all totals | {forecast[0]:.1f} s | {forecast[1]:.1f} s |",
        f"| thresholds, probabilities, {len(found):,} signals | {against(beyond[0], MOST, f'{beyond[0]:.1f} s')} "
        f"| {against(beyond[1], MOST, f'{beyond[1]:.1f} s')} |",
        "",
        f"Bar: at most {MOST:.0f} s beyond the forecast.",
    ]
