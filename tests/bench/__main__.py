"""Measure what the README promises, against a peer in the same run, and write docs/benchmarks.md.

python -m tests.bench [import] [store] … [--rows 5000000] [--complaints 13700000] [--rounds 3]

Without a section all are measured. What is not measured this time stays in the page as it was.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from tests.bench import imports, page, store

# A section is a module with NAME, TITLE and measure(folder, chosen) -> the lines of its part of the page.
SECTIONS = {section.NAME: section for section in (imports, store)}


def main() -> None:
    """Run the sections asked for and write the page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "sections", nargs="*", metavar="section", help=f"of {', '.join(SECTIONS)}; all when none is given"
    )
    parser.add_argument("--rows", type=int, default=5_000_000, help="of the import")
    parser.add_argument("--complaints", type=int, default=13_700_000, help="of the larger of the two stores")
    parser.add_argument("--rounds", type=int, default=3, help="of which the median is taken")
    chosen = parser.parse_args()
    unknown = sorted(set(chosen.sections) - set(SECTIONS))
    if unknown:
        parser.error(f"no section {', '.join(unknown)}; there are {', '.join(SECTIONS)}")
    for name in chosen.sections or SECTIONS:
        with tempfile.TemporaryDirectory(prefix="forerunner-bench-") as folder:
            page.keep(SECTIONS[name].TITLE, SECTIONS[name].measure(Path(folder), chosen), order=_titles())
    print(page.PAGE.read_text(encoding="utf-8"))


def _titles() -> list[str]:
    return [section.TITLE for section in SECTIONS.values()]


if __name__ == "__main__":
    main()
