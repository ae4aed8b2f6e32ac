"""Many at once: importers, readers, and importers that are killed; the store is always as before or as after."""

from __future__ import annotations

import multiprocessing
import random
import threading
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Barrier, Event
from pathlib import Path

from conftest import NOW
from making import incidents

from analytics.imports import import_files, undo_last
from analytics.maintenance import compact
from analytics.settings import Settings
from analytics.store import Query, Store, open_store

PROCESSES = multiprocessing.get_context("forkserver")  # starts a process in a tenth of the time
PROCESSES.set_forkserver_preload(["analytics.imports", "analytics.maintenance"])
ROWS = 3000
KILLS = 50
SEED = 20261120
CELL = "region, municipality, topic_group, topic, channel, kind"
# Each query answers with a row for everything that the cube says otherwise than a plain count over the complaints.
DIFFERENCES = (
    f"""
    select * from (
      select opened_on as day, closed_on, {CELL}, sum(complaints)::bigint as n from daily_counts
      group by all having n <> 0
      except all
      select opened_at::date, closed_at::date, {CELL}, count(*) from complaints group by all
    )
    """,
    f"""
    select * from (
      select opened_at::date as day, closed_at::date as closed_on, {CELL}, count(*) as n from complaints group by all
      except all
      select opened_on, closed_on, {CELL}, sum(complaints)::bigint as n from daily_counts group by all having n <> 0
    )
    """,
    """
    with cube as (
      select day, region, sum(received)::bigint as received, sum(closed)::bigint as closed
      from daily_totals group by all having sum(received) <> 0 or sum(closed) <> 0
    ),
    small as (
      select day, region, sum(received)::bigint as received, sum(closed)::bigint as closed
      from region_totals group by all having sum(received) <> 0 or sum(closed) <> 0
    ),
    counted as (
      select day, region, sum(received)::bigint as received, sum(closed)::bigint as closed from (
        select opened_at::date as day, region, 1 as received, 0 as closed from complaints
        union all
        select closed_at::date, region, 0, 1 from complaints where closed_at is not null
      ) group by all
    )
    (from cube except all from counted) union all (from counted except all from cube)
    union all (from small except all from counted) union all (from counted except all from small)
    """,
    """
    with days as (
      select source, region, day, sum(complaints)::bigint as n from source_days group by all having n <> 0
    ),
    counted as (select source, region, opened_at::date as day, count(*) as n from complaints group by all)
    (from days except all from counted) union all (from counted except all from days)
    """,
    "select source, id from complaints group by all having count(*) > 1",
)


def assert_whole(query: Query) -> None:
    """Nothing is there twice, and the cube says what the complaints say."""
    for sql in DIFFERENCES:
        assert query(sql).empty, sql


def export(file: Path, ids: Sequence[int], *, topic: str, closed: bool = False) -> Path:
    """An export of these complaints; each opened on a day that hangs on its id."""
    return incidents(
        file,
        [
            {
                "ID": f"ИНЦ-{number}",
                "Дата создания": f"{1 + number % 28:02}.{1 + number % 3:02}.2026 10:{number % 60:02}",
                "Дата закрытия": f"{1 + number % 28:02}.04.2026 12:00" if closed and number % 3 else "",
                "Тема": topic,
                "Муниципалитет": f"район № {number % 11}",
            }
            for number in ids
        ],
    )


def _import(settings: Settings, file: Path, together: Barrier | None = None) -> None:
    """What a process of its own does."""
    with closing(open_store(settings)) as store:
        if together is not None:
            together.wait()
        import_files(store, [file], now=NOW)


def started(target: object, *arguments: object) -> BaseProcess:
    process = PROCESSES.Process(target=target, args=arguments)  # type: ignore[arg-type]
    process.start()
    return process


def joined(*processes: BaseProcess) -> list[int | None]:
    for process in processes:
        process.join()
    return [process.exitcode for process in processes]


def test_two_processes_that_import_different_files_at_once_both_end_right(
    any_settings: Settings, tmp_path: Path
) -> None:
    """The second file holds a third of the first, closed by now."""
    first = export(tmp_path / "a.csv", range(ROWS), topic="Вода")
    second = export(tmp_path / "b.csv", range(2 * ROWS // 3, 2 * ROWS), topic="Вода", closed=True)
    open_store(any_settings).close()
    together = PROCESSES.Barrier(2)
    importers = [started(_import, any_settings, file, together) for file in (first, second)]
    assert joined(*importers) == [0, 0]
    with closing(open_store(any_settings)) as store:
        assert store.query("select count(*) from complaints").iloc[0, 0] == 2 * ROWS
        made = store.query("select * from imports order by import_id")
        assert made["import_id"].tolist() == [1, 2]
        assert made["rows_new"].sum() == 2 * ROWS
        assert set(made["file"]) == {"a.csv", "b.csv"}
        assert_whole(store.query)


def test_two_processes_that_import_the_same_file_at_once_count_it_once(any_settings: Settings, tmp_path: Path) -> None:
    file = export(tmp_path / "a.csv", range(ROWS), topic="Вода", closed=True)
    open_store(any_settings).close()
    together = PROCESSES.Barrier(2)
    assert joined(*[started(_import, any_settings, file, together) for _ in range(2)]) == [0, 0]
    with closing(open_store(any_settings)) as store:
        made = store.query("select * from imports order by import_id")
        assert made["rows_new"].tolist() == [ROWS, 0]
        assert made["rows_unchanged"].tolist() == [0, ROWS]
        assert_whole(store.query)


# Readers


def _look(store: Store, over: Event | threading.Event, problems: list[str]) -> int:
    """Look at the store again and again, each time at one snapshot; how often. What is wrong goes into `problems`."""
    looks, last = 0, 0
    try:
        while not over.is_set() or looks < 3:
            with store.reading() as query:
                held = int(query("select count(*) from complaints").iloc[0, 0])
                totals = query("select coalesce(sum(received), 0)::bigint from daily_totals").iloc[0, 0]
                cells = query("select coalesce(sum(complaints), 0)::bigint from daily_counts").iloc[0, 0]
                told = query("select coalesce(sum(rows_new), 0)::bigint from imports where undone_at is null").iloc[
                    0, 0
                ]
            if not held == totals == cells == told or held % ROWS or held < last:
                problems.append(f"half an import: {held} {totals} {cells} {told}, before {last}")
            last = held
            looks += 1
            if store.query("select count(*) from complaints").iloc[0, 0] < held:
                problems.append("an older state was seen")
    except Exception as error:
        problems.append(f"{type(error).__name__}: {error}")
    return looks


def _read(settings: Settings, over: Event, answers: multiprocessing.SimpleQueue) -> None:
    problems: list[str] = []
    with closing(open_store(settings)) as store:
        answers.put((_look(store, over, problems), problems))


def _import_all(settings: Settings, files: list[Path]) -> None:
    for file in files:
        _import(settings, file)


def test_twenty_readers_see_whole_imports_only_and_no_error(any_settings: Settings, tmp_path: Path) -> None:
    settings = replace(any_settings, threads=1, memory="500MB")
    files = [export(tmp_path / f"{k}.csv", range(k * ROWS, (k + 1) * ROWS), topic="Вода") for k in range(4)]
    over, answers = PROCESSES.Event(), PROCESSES.SimpleQueue()
    problems: list[str] = []
    looks: list[int] = []
    with closing(open_store(settings)) as store:
        readers = [started(_read, settings, over, answers) for _ in range(6)]
        threads = [
            threading.Thread(target=lambda: looks.append(_look(store, over, problems)))  # type: ignore[arg-type]
            for _ in range(14)
        ]
        for thread in threads:
            thread.start()
        assert joined(started(_import_all, settings, files[:2]), started(_import_all, settings, files[2:])) == [0, 0]
        over.set()
        for thread in threads:
            thread.join()
        for _ in readers:
            seen, found = answers.get()
            looks.append(seen)
            problems += found
        assert joined(*readers) == [0] * 6
        assert problems == []
        assert len(looks) == 20
        assert min(looks) >= 3
        assert store.query("select count(*) from complaints").iloc[0, 0] == 4 * ROWS
        assert_whole(store.query)


def _compact_often(settings: Settings, times: int) -> None:
    with closing(open_store(settings)) as store:
        for _ in range(times):
            compact(store, now=NOW)


def test_compacting_disturbs_neither_readers_nor_imports(any_settings: Settings, tmp_path: Path) -> None:
    settings = replace(any_settings, threads=1, memory="500MB")
    files = [export(tmp_path / f"{k}.csv", range(k * ROWS, (k + 1) * ROWS), topic="Вода") for k in range(3)]
    over = threading.Event()
    problems: list[str] = []
    with closing(open_store(settings)) as store:
        threads = [threading.Thread(target=_look, args=(store, over, problems)) for _ in range(4)]
        for thread in threads:
            thread.start()
        assert joined(started(_import_all, settings, files), started(_compact_often, settings, 3)) == [0, 0]
        over.set()
        for thread in threads:
            thread.join()
        assert problems == []
        assert store.query("select count(*) from complaints").iloc[0, 0] == 3 * ROWS
        assert_whole(store.query)
        undo_last(store, now=NOW)
        assert store.query("select count(*) from complaints").iloc[0, 0] == 2 * ROWS
        assert_whole(store.query)


# Killed importers


def test_an_import_killed_at_any_moment_leaves_the_store_as_before_or_as_after(
    any_settings: Settings, tmp_path: Path
) -> None:
    """Each file closes and renames what is stored and adds as much; kills are spread over the whole import."""
    chance = random.Random(SEED)
    kills = KILLS // 4 if any_settings.remote else KILLS
    with closing(open_store(any_settings)) as store:
        first = export(tmp_path / "first.csv", range(80), topic="Вода")
        import_files(store, [first], now=NOW)
        began = time.monotonic()
        joined(started(_import, any_settings, first))
        whole = time.monotonic() - began
        ends: list[str] = []
        state = _state(store)
        for number in range(kills):
            ids = range(number * 40, number * 40 + 80)
            file = export(tmp_path / f"{number}.csv", ids, topic=f"Тема {number}", closed=True)
            importer = started(_import, any_settings, file)
            importer.join(chance.uniform(0.1, 1.3) * whole)
            whole *= 1.1 if importer.is_alive() else 0.8  # the machine's pace changes while the test runs
            importer.kill()
            importer.join()
            with store.reading() as query:
                assert_whole(query)
            found = _state(store)
            ends.append("before" if found == state else "after" if found == _state_after(state, file) else "half")
            state = found
            if number % 10 == 9:
                compact(store, now=NOW)
                assert _state(store) == state
        assert "half" not in ends
        assert min(ends.count("before"), ends.count("after")) >= kills // 10  # else the kills were not spread well
        last = export(tmp_path / "last.csv", range(100_000, 100_080), topic="Вода")
        assert import_files(store, [last], now=NOW)[0].new == 80
        assert list(store.staging().iterdir()) == []
        assert len(list((store.staging().parent / "spill").iterdir())) <= 2  # ours, and the last one killed


def _state(store: Store) -> tuple[dict[str, str], int]:
    """Topic of each complaint, and the number of imports."""
    with store.reading() as query:
        rows = query("select id, topic || coalesce(' ' || closed_at::varchar, '') as said from complaints")
        made = int(query("select count(*) from imports").iloc[0, 0])
    return dict(zip(rows["id"], rows["said"], strict=True)), made


def _state_after(state: tuple[dict[str, str], int], file: Path) -> tuple[dict[str, str], int]:
    """What `file` makes of a store in `state`: a plain reading of the file, without the importer."""
    said, made = dict(state[0]), state[1]
    for line in file.read_text(encoding="utf-8").splitlines()[1:]:
        number, _, closed, _, topic, *_ = line.split(";")
        known = said.get(number, "").partition(" 2026-")[2]
        if closed:
            day, month, year = closed[:10].split(".")
            said[number] = f"{topic} {year}-{month}-{day} 12:00:00"
        else:
            said[number] = f"{topic} 2026-{known}" if known else topic
    return said, made + 1
