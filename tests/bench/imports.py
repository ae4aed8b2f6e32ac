"""Importing a large export, against DuckDB's bare CSV-to-Parquet of the same file."""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
from collections.abc import Iterable
from pathlib import Path

import duckdb

from tests.bench.page import against
from tests.bench.timing import Run, run

NAME = "import"
TITLE = "Importing a large export"
MOST, MOST_CYRILLIC, MOST_MEMORY = 4.0, 5.0, 2.5  # times the peer, GB
BARE = """
import duckdb, sys
connection = duckdb.connect()
connection.execute("set memory_limit = '2GB'")
connection.execute(f"copy (select * from read_csv('{sys.argv[1]}', delim = ';', quote = '\\"', header = true, "
  f"all_varchar = true)) to '{sys.argv[2]}'")
"""


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


def measure(folder: Path, chosen: argparse.Namespace) -> list[str]:
    """The table of imports and their peer, in turn."""
    clean, cyrillic = folder / "clean.csv", folder / "cp1251.csv"
    write_export(clean, chosen.rows)
    with (
        clean.open(encoding="utf-8", newline="") as source,
        cyrillic.open("w", encoding="cp1251", newline="") as target,
    ):
        shutil.copyfileobj(source, target, 1 << 24)
    runs: dict[str, list[Run]] = {name: [] for name in ("bare", "first", "again", "cp1251")}
    for _ in range(chosen.rounds):
        _round(folder, clean, cyrillic, runs)
    peer = _median(one.seconds for one in runs["bare"])
    again = _median(b.seconds / a.seconds for a, b in zip(runs["first"], runs["again"], strict=True))
    return [
        f"{chosen.rows:,} rows ({clean.stat().st_size / 1e6:,.0f} MB), medians of {chosen.rounds} rounds in turn. "
        "Times are on the clock; the last ratio is of processor time, which other work on the machine changes less.",
        "",
        "| whole process | time | ratio to bare | bar | most memory | ratio of processor time |",
        "|---|---|---|---|---|---|",
        f"| DuckDB, bare CSV to Parquet, every column | {peer:.1f} s | 1 | | "
        f"{max(one.memory for one in runs['bare']):.2f} GB | 1 |",
        _row("import: checks, matching, lake and cube", "first", runs, MOST, "≤ 4 (stretch 2.5); ≤ 2.5 GB"),
        _row("import of the same rows in cp1251", "cp1251", runs, MOST_CYRILLIC, "≤ 5"),
        _row(
            "the same file again", "again", runs, float("inf"), f"≤ the first time: {against(again, 1, f'{again:.2f}')}"
        ),
    ]


def _round(folder: Path, clean: Path, cyrillic: Path, runs: dict[str, list[Run]]) -> None:
    store, other = str(folder / "store"), str(folder / "store-cp1251")
    for place in (store, other):
        shutil.rmtree(place, ignore_errors=True)
    load = [sys.executable, "-m", "analytics", "import"]
    runs["bare"].append(run([sys.executable, "-c", BARE, str(clean), str(folder / "bare.parquet")]))
    runs["first"].append(run([*load, str(clean)], FORERUNNER_STORE=store))
    runs["again"].append(run([*load, str(clean)], FORERUNNER_STORE=store))
    runs["cp1251"].append(run([*load, str(cyrillic)], FORERUNNER_STORE=other))
    print(*(f"{name} {found[-1]}" for name, found in runs.items()), sep="\n", file=sys.stderr)


def _row(name: str, which: str, runs: dict[str, list[Run]], bar: float, bars: str) -> str:
    pairs = list(zip(runs[which], runs["bare"], strict=True))
    ratio = _median(one.seconds / peer.seconds for one, peer in pairs)
    processor = _median(one.processor / peer.processor for one, peer in pairs)
    memory, seconds = max(one.memory for one in runs[which]), _median(one.seconds for one in runs[which])
    return (
        f"| {name} | {seconds:.1f} s | {against(ratio, bar, f'{ratio:.2f}')} | {bars} "
        f"| {against(memory, MOST_MEMORY, f'{memory:.2f} GB')} | {processor:.2f} |"
    )


def _median(values: Iterable[float]) -> float:
    return statistics.median(list(values))
