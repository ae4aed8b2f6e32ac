"""The page of results: one part for each section, each with its command, machine and load; others stay as they are."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import duckdb

PAGE = Path(__file__).resolve().parents[2] / "docs" / "benchmarks.md"
HEAD = """# Benchmarks

Written by `make bench`. Machines differ: trust the ratios, taken in the same run. A figure marked ✗ misses its bar.
"""


def keep(name: str, title: str, lines: Sequence[str], *, path: Path = PAGE) -> None:
    """Put a section's lines in place of what the page said of it before; a new section goes to the end."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    text = path.read_text(encoding="utf-8") if path.exists() else HEAD
    before, _, rest = text.partition(begin)
    after = rest.partition(end)[2] if rest else "\n"
    block = "\n".join([begin, f"### {title}", "", _circumstances(), "", *lines, end])
    path.write_text(f"{before.rstrip()}\n\n{block}{after}", encoding="utf-8")


def against(value: float, bar: float, written: str) -> str:
    """The figure, marked when it misses its bar."""
    return written if value <= bar else f"{written} ✗"


def _circumstances() -> str:
    """With what, on what, and how busy the machine was otherwise: over 1 for each core the times are too long."""
    busy = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    cores = os.cpu_count() or 1
    command = " ".join(["python -m tests.bench", *sys.argv[1:]])
    quiet = "" if busy <= 1.5 * cores else " **The machine was not quiet: other work ran on the same cores.**"
    return (
        f"`{command}` on {cores} cores, Python {sys.version.split()[0]}, DuckDB {duckdb.__version__}; "
        f"load of the last minute {busy:.1f}.{quiet}"
    )
