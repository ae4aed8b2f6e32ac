"""The demo country as it grows: the Overview's questions, its page, and an import of 100,000 rows into it."""

from __future__ import annotations

import argparse
import logging
import os
import shutil
import statistics
import sys
import time
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import streamlit as st
from streamlit.testing.v1 import AppTest

from analytics import cube, imports, overview, queries
from analytics.filters import Filters
from analytics.settings import Settings
from analytics.store import Store, open_store
from pages.shared.answers import open_answers
from tests.bench.page import against
from tests.bench.timing import ROOT, median_time, run

NAME = "store"
TITLE = "The demo country as it grows"
END = date(2026, 10, 31)
QUESTIONS, PAGE, CUBE, MEMORY = 0.3, 0.5, 3.0, 6.0  # seconds and GB at most, at full size
HEAD = [
    "Questions: the median of 7, on a warm store whose memory of answers is emptied before each. Page: the Overview's "
    "server time with every answer forgotten. Import: half of the rows new, half changes of rows of three years.",
    "",
    "| complaints | made in | most memory | Overview, all questions | one region | region and topic | page | "
    "import of 100,000 rows | of it the cube |",
    "|---|---|---|---|---|---|---|---|---|",
]


def measure(folder: Path, chosen: argparse.Namespace) -> list[str]:
    """The table of both sizes, and how much longer each takes with ten times as much."""
    sizes = [chosen.complaints // 10, chosen.complaints]
    found = [_measured(folder, size) for size in sizes]
    growth = [larger / smaller for smaller, larger in zip(*found, strict=True)]
    rows = [_row(f"{size:,}", figures, last=size == sizes[-1]) for size, figures in zip(sizes, found, strict=True)]
    times = " | ".join(f"× {ratio:.1f}" for ratio in growth)
    return [
        *HEAD,
        *rows,
        f"| × {sizes[1] / sizes[0]:.0f} | {times} |",
        "",
        f"At full size: questions ≤ {QUESTIONS} s, page ≤ {PAGE} s, cube ≤ {CUBE:.0f} s; made in < {MEMORY:.0f} GB.",
    ]


def _measured(folder: Path, size: int) -> list[float]:
    """Seconds (memory: GB) in the order of the table's columns."""
    place = folder / f"demo-{size}"
    command = [sys.executable, "-m", "analytics", "demo", "--complaints", str(size), "--end", str(END)]
    made = run(command, FORERUNNER_STORE=str(place))
    settings = Settings(store=str(place))
    store = open_store(settings)
    region = _first(store, "select region from region_totals group by 1 order by sum(received) desc limit 1")
    topic = _first(store, "select value from choices where meaning = 'topic' order by complaints desc limit 1")
    selections = (Filters(), Filters(regions=(region,)), Filters(regions=(region,), topics=(topic,)))
    times = [median_time(lambda chosen=chosen: all_of_the_overview(store, chosen)) for chosen in selections]
    page = page_time(settings)
    imported, cubed = refresh_time(store, folder)
    store.close()
    shutil.rmtree(place)
    figures = [made.seconds, made.memory, *times, page, imported, cubed]
    print(size, *(f"{figure:.2f}" for figure in figures), file=sys.stderr)
    return figures


def _row(size: str, figures: list[float], *, last: bool) -> str:
    seconds, memory, whole, *others, page, imported, cubed = figures
    bars = (QUESTIONS, PAGE, CUBE, MEMORY) if last else (float("inf"),) * 4
    cells = [
        size,
        f"{seconds:.0f} s",
        against(memory, bars[3], f"{memory:.2f} GB"),
        against(whole, bars[0], f"{whole:.2f} s"),
        *(f"{other:.2f} s" for other in others),
        against(page, bars[1], f"{page:.2f} s"),
        f"{imported:.1f} s",
        against(cubed, bars[2], f"{cubed:.1f} s"),
    ]
    return f"| {' | '.join(cells)} |"


def all_of_the_overview(store: Store, filters: Filters) -> None:
    """Every question that the Overview asks the store."""
    store.forget()
    queries.choices(store)
    as_of = queries.last_full_day(store, filters).day
    assert as_of is not None
    overview.tiles(store, filters, as_of)
    queries.received_and_closed(store, replace(filters, first_day=as_of - timedelta(days=90)), as_of)
    for by in ("topic_group", "topic", "municipality" if filters.regions else "region"):
        overview.movers(store, filters, as_of, by)
    queries.completeness(store, filters, as_of)


def page_time(settings: Settings) -> float:
    """Median server seconds of the Overview with every answer forgotten, as AppTest runs it."""
    os.environ["FORERUNNER_STORE"] = settings.store
    logging.disable(logging.WARNING)  # Streamlit warns at each rerun that there is no browser behind it
    times = []
    for _ in range(8):
        st.cache_data.clear()
        with open_answers() as answers:
            answers.store.forget()
        st.cache_data.clear()  # what open_answers asked
        started = time.perf_counter()
        page = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).run()
        times.append(time.perf_counter() - started)
        assert not page.exception
    return statistics.median(times[1:])


def refresh_time(store: Store, folder: Path) -> tuple[float, float]:
    """Seconds for an import of 100,000 rows, half of them changes of rows that are there, and for the cube in it."""
    export = folder / "changes.csv"
    store.query(
        f"""
        copy (
          select case when hash(id) % 2 = 0 then id else 'new-' || id end as "ID",
            strftime(opened_at, '%d.%m.%Y %H:%M') as "Дата создания",
            strftime(opened_at + interval 20 days, '%d.%m.%Y %H:%M') as "Дата закрытия",
            topic_group as "Группа тем", topic as "Тема", region as "Регион", municipality as "Муниципалитет",
            channel as "Источник", latitude as "Широта", longitude as "Долгота"
          from complaints where opened_at < timestamp '{END - timedelta(days=30)}' order by hash(id) limit 100000
        ) to '{export}' (header, delimiter ';')
        """
    )
    spent = 0.0
    refresh = cube.refresh

    def timed(cursor: duckdb.DuckDBPyConnection) -> None:
        nonlocal spent
        started = time.perf_counter()
        refresh(cursor)
        spent += time.perf_counter() - started

    store.write(lambda cursor: cursor.execute("update store_facts set value = 'real' where fact = 'kind'"))
    cube.refresh = timed
    started = time.perf_counter()
    try:
        imports.import_files(store, [export], source="demo", now=datetime.now(UTC).replace(tzinfo=None))
    finally:
        cube.refresh = refresh
    return time.perf_counter() - started, spent


def _first(store: Store, sql: str) -> str:
    return str(store.query(sql).iloc[0, 0])
