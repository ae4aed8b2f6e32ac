"""Answers that rest on data and forecasts alone and are dear: computed once by refresh, kept in the store for pages."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import duckdb
import pandas as pd

from analytics.catalogue import statements
from analytics.data_state import issue_state
from analytics.filters import Filters, period
from analytics.loaded import last_full_day
from analytics.signal_record import newest_record
from analytics.sql import literal
from analytics.trends import SHORTEST, moved_labels, new_and_gone_topics

if TYPE_CHECKING:
    from analytics.store import Store

METHOD = "1"  # raise it whenever a kept answer would come out otherwise
Report = Callable[[float, str], None]
Query = Callable[..., pd.DataFrame]
AT_HAND = """
create or replace temp table daily_counts as
select opened_on, region, topic_group, topic, municipality, channel, kind, complaints from lake.main.daily_counts
where region = {region};
create or replace temp table daily_totals as
select day, region, topic_group, kind, received from lake.main.daily_totals where region = {region};
"""
FORGET = "delete from kept_answers where question in ('signal_record', 'moved_labels', 'new_and_gone_topics')"
FOUND = "select content from kept_answers where question = $question and about = $about and state = $state"


class Asked(NamedTuple):
    """A question, what it is asked of (JSON), and how it is answered anew."""

    question: str
    about: str
    answer: Callable[[Store], Any]
    region: str | None = None


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
    with store.reading() as query:  # of one and the same snapshot
        state = _state(query)
        wanted = _wanted(query)
        known = query("select question, about from kept_answers where state = $state", state=state)
        if {(one.question, one.about) for one in wanted} <= set(known.itertuples(index=False, name=None)):
            report(1.0, "")
            return 0
        rows = [
            (one.question, one.about, state, now, _packed(answer)) for one, answer in _answers(query, wanted, report)
        ]

    def work(cursor: duckdb.DuckDBPyConnection) -> int:
        if _state(lambda sql: cursor.execute(sql).df()) != state:
            return 0
        cursor.execute(FORGET)
        cursor.register("answers_to_keep", pd.DataFrame(rows, columns=["question", "about", "state", "at", "content"]))
        cursor.execute("insert into kept_answers select * from answers_to_keep")
        cursor.unregister("answers_to_keep")
        return len(rows)

    return store.write(work)


def _wanted(query: Query) -> list[Asked]:
    """What the pages ask first: of everything, and of each region."""
    regions = query("select distinct region from coverage where region is not null order by 1")["region"]
    found = [record()]
    for region in [None, *regions]:
        filters = Filters(regions=(region,) if region else ())
        last = last_full_day(_as_store(query), filters).day
        if last is not None:
            found += [one._replace(region=region) for one in (labels(filters, last), topics(filters, last))]
    return found


def _answers(query: Query, wanted: list[Asked], report: Report) -> Iterator[tuple[Asked, Any]]:
    """Each question with its answer: of a region on counts at hand, so that few go through the large tables."""
    store = _as_store(query)
    regions = [None, *sorted({one.region for one in wanted if one.region})]
    for number, region in enumerate(regions):
        for statement in statements(AT_HAND.format(region=literal(region))) if region else []:
            query(statement)
        yield from ((one, one.answer(store)) for one in wanted if one.region == region)
        report((number + 1) / len(regions), "")


class _Snapshot:
    """A store as the functions of the analytics ask it, on one cursor in one transaction."""

    def __init__(self, query: Query) -> None:
        self.query = query

    @contextmanager
    def reading(self) -> Iterator[Query]:
        yield self.query


def _as_store(query: Query) -> Store:
    return cast("Store", _Snapshot(query))


def _about(filters: Filters, *days: object) -> str:
    """The filters without their period, and the days that count."""
    chosen = {
        name: value for name, value in asdict(filters).items() if name not in ("first_day", "last_day", "compare")
    }
    return json.dumps([chosen, *map(str, days)], ensure_ascii=False)


def _state(query: Query) -> str:
    """What such answers rest on, in a text that changes with every import, undo, change of names and issue."""
    return f"{METHOD} {issue_state(query)}"


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
