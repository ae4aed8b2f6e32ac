"""The page of results: one part for each section, each with its command, machine and load; others stay as they are."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path

import duckdb

PAGE = Path(__file__).resolve().parents[2] / "docs" / "benchmarks.md"
HEAD = """# Benchmarks

Written by `make bench`. Machines differ: trust the ratios, taken in the same run. A figure marked ✗ misses its bar.
"""


def keep(title: str, lines: Sequence[str], *, order: Sequence[str], path: Path = PAGE) -> None:
    """Put the lines of a section into the page, in place of what it said of it before."""
    parts = _parts(path.read_text(encoding="utf-8")) if path.exists() else {}
    parts[title] = "\n".join([_circumstances(), "", *lines]).strip()
    names = [name for name in order if name in parts] + [name for name in parts if name not in order]
    path.write_text("\n".join([HEAD, *(f"## {name}\n\n{parts[name]}\n" for name in names)]), encoding="utf-8")


def against(value: float, bar: float, written: str) -> str:
    """The figure, marked when it misses its bar."""
    return written if value <= bar else f"{written} ✗"


def _parts(text: str) -> dict[str, str]:
    titled = re.split(r"^## (.*)$", text, flags=re.MULTILINE)[1:]
    return {title.strip(): body.strip() for title, body in zip(titled[::2], titled[1::2], strict=True)}


def _circumstances() -> str:
    """With what, on what, and how busy the machine was otherwise: over 1 for each core the times are too long."""
    busy = os.getloadavg()[2] if hasattr(os, "getloadavg") else float("nan")
    cores = os.cpu_count() or 1
    command = " ".join(["python -m tests.bench", *sys.argv[1:]])
    quiet = "" if busy <= 1.5 * cores else " **The machine was not quiet: other work ran on the same cores.**"
    return (
        f"`{command}` on {cores} cores, Python {sys.version.split()[0]}, DuckDB {duckdb.__version__}; "
        f"load of the last 15 minutes {busy:.1f}.{quiet}"
    )
