"""Measure what the README promises, against a peer in the same run, and write docs/benchmarks.md.

python -m tests.bench [import] [store] [rehearsal] [signals] [forecast] [browser] [--rows 5000000]
  [--complaints 13700000] [--rounds 3] [--kept FOLDER]

Without a section all are measured, the browser where `--kept` names a store of the demo country with forecasts; it is
only read. What is not measured this time stays in the page as it was.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.bench import imports, page, rehearsal, signals, store
from tests.bench.timing import ROOT

# A section of this package is a module with NAME, TITLE and measure(folder, chosen) -> the lines of its part of the
# page; the others are programs of their own that write theirs.
SECTIONS = {section.NAME: section for section in (imports, store, rehearsal, signals)}
PROGRAMS = {"forecast": "tests.bench_forecast", "browser": "tests.bench_browser"}


def main() -> None:
    """Run the sections asked for and write the page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "sections", nargs="*", metavar="section", help=f"of {', '.join(SECTIONS)}; all when none is given"
    )
    parser.add_argument("--rows", type=int, default=5_000_000, help="of the import")
    parser.add_argument("--complaints", type=int, default=13_700_000, help="of the larger of the two stores")
    parser.add_argument("--kept", help="a store of the demo country with forecasts, for the section browser")
    parser.add_argument("--rounds", type=int, default=3, help="of which the median is taken")
    chosen = parser.parse_args()
    known = [*SECTIONS, *PROGRAMS]
    unknown = sorted(set(chosen.sections) - set(known))
    if unknown:
        parser.error(f"no section {', '.join(unknown)}; there are {', '.join(known)}")
    if "browser" in chosen.sections and not chosen.kept:
        parser.error("the section browser needs --kept FOLDER")
    for name in chosen.sections or [name for name in known if name != "browser" or chosen.kept]:
        if name in PROGRAMS:
            given = [chosen.kept] if name == "browser" else []
            subprocess.run([sys.executable, "-m", PROGRAMS[name], *given], cwd=ROOT, check=True)
            continue
        with tempfile.TemporaryDirectory(prefix="forerunner-bench-") as folder:
            page.keep(name, SECTIONS[name].TITLE, SECTIONS[name].measure(Path(folder), chosen))
    print(page.PAGE.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
