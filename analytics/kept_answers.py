"""Answers that rest on data and forecasts alone and are dear: computed once by refresh, kept in the store for pages."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import asdict
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import duckdb
import pandas as pd

from analytics.filters import Filters, period
from analytics.loaded import last_full_day
from analytics.signal_record import newest_record
from analytics.trends import SHORTEST, moved_labels, new_and_gone_topics

if TYPE_CHECKING:
    from analytics.store import Store

METHOD = "1"  # raise it whenever a kept answer would come out otherwise
Report = Callable[[float, str], None]
STATE = """
select (select count(*) || '/' || count(undone_at) from imports) as imports,
  (select max(value) from settings where setting = 'renamed_at') as renamed,
  (select count(*) || '/' || coalesce(max(run_id), 0) from forecast_runs) as runs
"""
FOUND = "select content from kept_answers where question = $question and about = $about and state = $state"


class Asked(NamedTuple):
    """A question, what it is asked of (JSON), and how it is answered anew."""

    question: str
    about: str
    answer: Callable[[Store], Any]


def record() -> Asked:
    """How often signals came true; see signal_record.newest_record."""
    return Asked("signal_record", "{}", newest_record)


def labels(filters: Filters, as_of: date) -> Asked:
    """Where a jump is another name; see trends.moved_labels: of the period only its end is looked at."""
    return Asked(
        "moved_labels",
        _about(filters, period(filters, as_of)[1]),
        lambda store: moved_labels(store, filters, as_of),
    )


def topics(filters: Filters, as_of: date) -> Asked:
    """Topics that are new or gone; see trends.new_and_gone_topics: of up to 13 weeks only the end counts."""
    first, last = period(filters, as_of)
    begin = "" if (last - first).days < 7 * SHORTEST else str(first)
    return Asked(
        "new_and_gone_topics",
        _about(filters, last, begin),
        lambda store: new_and_gone_topics(store, filters, as_of),
    )


def answered(store: Store, asked: Asked) -> Any:
    """The kept answer where data and forecasts are those that it was computed from, else one computed now."""
    with store.reading() as query:
        found = query(FOUND, question=asked.question, about=asked.about, state=_state(query))
    return asked.answer(store) if found.empty else _unpacked(bytes(found["content"].iloc[0]))


def keep_answers(store: Store, *, now: datetime, report: Report = lambda share, name: None) -> int:
    """Compute what pages ask of the whole country and of each region, and keep it in the place of what was kept before.

    Answers how many; 0 where all are kept already. What data or forecasts of another process have made old meanwhile is
    not kept. `now` is UTC.
    """
    state = _state(store.query)
    wanted = list(_wanted(store))
    known = store.query("select question, about from kept_answers where state = $state", state=state)
    if {(one.question, one.about) for one in wanted} <= set(known.itertuples(index=False, name=None)):
        report(1.0, "")
        return 0
    rows = []
    for number, one in enumerate(wanted):
        rows.append((one.question, one.about, state, now, _packed(one.answer(store))))
        report((number + 1) / len(wanted), "")

    def work(cursor: duckdb.DuckDBPyConnection) -> int:
        if _state(lambda sql: cursor.execute(sql).df()) != state:
            return 0
        cursor.execute("delete from kept_answers")
        cursor.register("answers_to_keep", pd.DataFrame(rows, columns=["question", "about", "state", "at", "content"]))
        cursor.execute("insert into kept_answers select * from answers_to_keep")
        cursor.unregister("answers_to_keep")
        return len(rows)

    return store.write(work)


def _wanted(store: Store) -> Iterable[Asked]:
    """What the pages ask first: of everything, and of each region."""
    yield record()
    found = store.query("select distinct region from coverage where region is not null order by 1")
    for chosen in [(), *((region,) for region in found["region"])]:
        filters = Filters(regions=chosen)
        last = last_full_day(store, filters).day
        if last is not None:
            yield labels(filters, last)
            yield topics(filters, last)


def _about(filters: Filters, *days: object) -> str:
    """The filters without their period, and the days that count."""
    chosen = {
        name: value for name, value in asdict(filters).items() if name not in ("first_day", "last_day", "compare")
    }
    return json.dumps([chosen, *map(str, days)], ensure_ascii=False)


def _state(query: Callable[..., pd.DataFrame]) -> str:
    """What such answers rest on, in a text that changes with every import, undo, change of names and issue."""
    found = query(STATE).iloc[0]
    return f"{METHOD} {found['imports']} {found['runs']} {'' if pd.isna(found['renamed']) else found['renamed']}"


def _packed(answer: tuple[Any, ...]) -> bytes:
    """A tuple of tables and plain values; no code is kept with it."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        told = []
        for number, part in enumerate(answer):
            if isinstance(part, pd.DataFrame):
                archive.writestr(f"{number}.parquet", part.to_parquet(index=False))
            told.append(None if isinstance(part, pd.DataFrame) else {"value": part})
        archive.writestr("told.json", json.dumps(told))
    return target.getvalue()


def _unpacked(content: bytes) -> tuple[Any, ...]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        told = json.loads(archive.read("told.json"))
        return tuple(
            pd.read_parquet(io.BytesIO(archive.read(f"{number}.parquet"))) if part is None else part["value"]
            for number, part in enumerate(told)
        )
