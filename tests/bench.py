"""Measure what the README promises, against a peer in the same run, and write docs/benchmarks.md.

python -m tests.bench [--rows 5000000] [--complaints 13700000] [--rounds 3] [--only import|store]
"""

from __future__ import annotations

import argparse
import logging
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import streamlit as st
from streamlit.testing.v1 import AppTest

from analytics import cube, imports, overview, queries
from analytics.filters import Filters
from analytics.settings import Settings
from analytics.store import Store, open_store

ROOT = Path(__file__).resolve().parent.parent
END = date(2026, 10, 31)
BARE = """
import duckdb, sys
connection = duckdb.connect()
connection.execute("set memory_limit = '2GB'")
connection.execute(f"copy (select * from read_csv('{sys.argv[1]}', delim = ';', quote = '\\"', header = true, "
  f"all_varchar = true)) to '{sys.argv[2]}'")
"""


@dataclass(frozen=True)
class Run:
    """A whole process: seconds on the clock, and the most memory it held in GB."""

    seconds: float
    memory: float


def run(command: list[str], **environment: str) -> Run:
    """Run a command to its end. Raises CalledProcessError when it fails."""
    started = time.perf_counter()
    process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **environment}, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise subprocess.CalledProcessError(status, command)
    return Run(time.perf_counter() - started, usage.ru_maxrss / 1e6)


def write_export(file: Path, rows: int) -> None:
    """A clean Russian export of three years, in order of time, ten columns, written by DuckDB."""
    duckdb.connect().execute(
        f"""
        copy (
          select
            'ИНЦ-' || lpad(i::varchar, 9, '0') as "ID",
            strftime(opened, '%d.%m.%Y %H:%M') as "Дата создания",
            case when hash(i) % 10 < 8 then strftime(opened + to_hours((hash(i + 7) % 600)::int), '%d.%m.%Y %H:%M') end
              as "Дата закрытия",
            'Группа ' || (hash(i * 3) % 31) as "Группа тем",
            'Тема ' || (hash(i * 3) % 31) || '-' || (hash(i * 5) % 5) as "Тема",
            'Регион ' || (hash(i * 11) % 83) as "Регион",
            'Муниципалитет ' || (hash(i * 11) % 83) || '-' || (hash(i * 13) % 28) as "Муниципалитет",
            'Канал ' || (hash(i * 17) % 6) as "Источник",
            'Решено' as "Итог",
            repeat('Нет воды, третий день ', 1 + (hash(i * 19) % 4)::int) as "Текст инцидента"
          from (
            select i, timestamp '2023-11-01' + to_minutes((i * 1576800 // {int(rows)})::int) as opened
            from range({int(rows)}) as numbers(i)
          )
        ) to '{file}' (header, delimiter ';')
        """
    )


def measure_imports(folder: Path, rows: int, rounds: int) -> list[str]:
    """Imports against DuckDB's bare CSV-to-Parquet of the same file, in turn."""
    clean, cyrillic = folder / "clean.csv", folder / "cp1251.csv"
    write_export(clean, rows)
    with (
        clean.open(encoding="utf-8", newline="") as source,
        cyrillic.open("w", encoding="cp1251", newline="") as target,
    ):
        shutil.copyfileobj(source, target, 1 << 24)
    bare, first, again, other = [], [], [], []
    for _ in range(rounds):
        shutil.rmtree(folder / "store", ignore_errors=True)
        shutil.rmtree(folder / "store-cp1251", ignore_errors=True)
        python, store = sys.executable, str(folder / "store")
        bare.append(run([python, "-c", BARE, str(clean), str(folder / "bare.parquet")]))
        first.append(run([python, "-m", "analytics", "import", str(clean)], FORERUNNER_STORE=store))
        again.append(run([python, "-m", "analytics", "import", str(clean)], FORERUNNER_STORE=store))
        other.append(run([python, "-m", "analytics", "import", str(cyrillic)], FORERUNNER_STORE=store + "-cp1251"))
        print(bare[-1], first[-1], again[-1], other[-1], file=sys.stderr)
    peer = statistics.median(one.seconds for one in bare)

    def row(name: str, runs: list[Run], bar: str) -> str:
        ratio = statistics.median(one.seconds / other.seconds for one, other in zip(runs, bare, strict=True))
        seconds = statistics.median(one.seconds for one in runs)
        memory = max(one.memory for one in runs)
        return f"| {name} | {seconds:.1f} s | {ratio:.2f} | {bar} | {memory:.2f} GB |"

    repeated = statistics.median(b.seconds / a.seconds for a, b in zip(first, again, strict=True))
    return [
        f"### Importing {rows:,} rows ({clean.stat().st_size / 1e6:,.0f} MB), medians of {rounds} rounds in turn",
        "",
        "| whole process | time | ratio to bare | bar | most memory |",
        "|---|---|---|---|---|",
        f"| DuckDB, bare CSV to Parquet, every column | {peer:.1f} s | 1 | | {max(o.memory for o in bare):.2f} GB |",
        row("import: checks, matching, lake and cube", first, "≤ 4 (stretch 2.5); ≤ 2.5 GB"),
        row("import of the same rows in cp1251", other, "≤ 5"),
        row("the same file again", again, f"≤ the first time: {repeated:.2f} of it"),
        "",
    ]


def median_time(work: Callable[[], object], rounds: int = 7) -> float:
    """Median seconds of a few calls after one that warms up."""
    work()
    times = []
    for _ in range(rounds):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def all_of_the_overview(store: Store, filters: Filters) -> None:
    """Every question that the Overview asks the store."""
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

    def once() -> None:
        st.cache_data.clear()
        page = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).run()
        assert not page.exception

    return median_time(once)


def measure_store(folder: Path, sizes: list[int]) -> list[str]:
    """The Overview's questions, the page and the cube's refresh, as the store grows."""
    lines = [
        "### The demo country as it grows",
        "",
        "| complaints | made in | most memory | Overview, all questions | one region | region and topic | page | "
        "import of 100,000 rows | of it the cube |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for size in sizes:
        place = folder / f"demo-{size}"
        command = [sys.executable, "-m", "analytics", "demo", "--complaints", str(size), "--end", str(END)]
        made = run(command, FORERUNNER_STORE=str(place))
        settings = Settings(store=str(place))
        store = open_store(settings)
        region = _first(store, "select region from region_totals group by 1 order by sum(received) desc limit 1")
        topic = _first(store, "select value from choices where meaning = 'topic' order by complaints desc limit 1")
        whole = median_time(lambda s=store: all_of_the_overview(s, Filters()))
        inside = median_time(lambda s=store, r=region: all_of_the_overview(s, Filters(regions=(r,))))
        narrow = Filters(regions=(region,), topics=(topic,))
        fine = median_time(lambda s=store, f=narrow: all_of_the_overview(s, f))
        page = page_time(settings)
        imported, cubed = refresh_time(store, folder)
        lines.append(
            f"| {size:,} | {made.seconds:.0f} s | {made.memory:.2f} GB | {whole:.2f} s | {inside:.2f} s "
            f"| {fine:.2f} s | {page:.2f} s | {imported:.1f} s | {cubed:.1f} s |"
        )
        print(lines[-1], file=sys.stderr)
        store.close()
        shutil.rmtree(place)
    return [*lines, "", "Bars at 13.7 million: questions ≤ 0.3 s, page ≤ 0.5 s, cube ≤ 3 s, making it < 6 GB.", ""]


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


def main() -> None:
    """Run the benchmarks and write docs/benchmarks.md."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--complaints", type=int, default=13_700_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=["import", "store"])
    chosen = parser.parse_args()
    lines = [
        "# Benchmarks",
        "",
        f"Measured by `make bench` ({' '.join(['python -m tests.bench', *sys.argv[1:]])}) on {os.cpu_count()} cores, "
        f"Python {sys.version.split()[0]}, DuckDB {duckdb.__version__}. Machines differ: trust the ratios.",
        "",
    ]
    with tempfile.TemporaryDirectory(prefix="forerunner-bench-") as name:
        folder = Path(name)
        if chosen.only != "store":
            lines += measure_imports(folder, chosen.rows, chosen.rounds)
        if chosen.only != "import":
            lines += measure_store(folder, [chosen.complaints // 10, chosen.complaints])
    target = ROOT / "docs" / "benchmarks.md"
    before = target.read_text(encoding="utf-8") if target.exists() else ""
    others = before[before.index("<!--") :] if "<!--" in before else ""  # the blocks of the other benches stay
    target.write_text("\n".join([*lines, others]), encoding="utf-8")
    print(target.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
