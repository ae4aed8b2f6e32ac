"""Measure what a page costs the server's processor on a large store: asked for the first time, and again.

python -m tests.bench_server STORE

Seconds of the processor, not of the clock, so that a busy machine says the same. They replace the block "server" of
docs/benchmarks.md; STORE is only read.
"""

from __future__ import annotations

import argparse
import logging
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.testing.v1 import AppTest

from pages.shared import questions
from pages.shared.frame import PAGES
from tests.bench_forecast import write_block

ROOT = Path(__file__).resolve().parent.parent
REGIONS = ("Калужская область", "Тульская область")
SLOWEST = 2  # questions named on a line


def watched(spent: dict[str, float]) -> None:
    """From now on the seconds of each question that is really asked are added to `spent`."""

    def timed(name: str, question: Callable[..., Any]) -> Callable[..., Any]:
        def asked(*arguments: Any) -> Any:
            started = time.process_time()
            try:
                return question(*arguments)
            finally:
                spent[name] = spent.get(name, 0.0) + time.process_time() - started

        return asked

    for name, question in list(questions.QUESTIONS.items()):
        questions.QUESTIONS[name] = timed(name, question)


def measured(store: str) -> list[str]:
    """A line for each page: the whole country and two regions, each asked for the first time; and asked again."""
    os.environ["FORERUNNER_STORE"] = store
    logging.disable(logging.WARNING)
    spent: dict[str, float] = {}
    watched(spent)
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=600)
    app.session_state["lang"] = "en"
    app.run()
    lines = ["| page | country, first | a region, first | again | dearest questions |", "|---|---|---|---|---|"]
    for page, (file, _) in PAGES.items():
        st.cache_data.clear()
        first, again = [], []
        questions: dict[str, float] = {}
        for region in (None, *REGIONS):
            spent.clear()
            app.session_state["region"] = [region] if region else []
            first.append(_seconds(lambda to=file: app.switch_page(to).run()))  # type: ignore[misc]
            questions = {name: max(seconds, questions.get(name, 0.0)) for name, seconds in spent.items()} | questions
            again.append(_seconds(app.run))
        assert not app.exception
        dear = sorted(questions.items(), key=lambda item: -item[1])[:SLOWEST]
        told = ", ".join(f"{name} {seconds:.2f}" for name, seconds in dear)
        lines.append(f"| {page} | {first[0]:.2f} s | {max(first[1:]):.2f} s | {max(again):.2f} s | {told} |")
        print(lines[-1], flush=True)
    return lines


def _seconds(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


def main() -> None:
    """Measure, and write the block of docs/benchmarks.md."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("store")
    lines = measured(parser.parse_args().store)
    head = [
        "### What a page costs the server",
        "",
        "`python -m tests.bench_server STORE`: seconds of the processor, not of the clock, so that a busy machine says",
        "nearly the same. Bar: 0.4 s.",
        "",
    ]
    write_block(ROOT / "docs" / "benchmarks.md", "server", [*head, *lines])


if __name__ == "__main__":
    main()
