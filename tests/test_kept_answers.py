"""Answers kept by a refresh are those that are computed now, and those of another state of the data are not used."""

from __future__ import annotations

import itertools
from contextlib import closing
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from analytics import kept_answers, trends
from analytics.data_state import note_renaming
from analytics.filters import Filters
from analytics.refresh import refresh
from analytics.signal_record import newest_record
from analytics.store import Store, open_store
from pages.shared.questions import QUESTIONS
from tests.cases import LAST_DAY, days_before, fill, steady
from tests.countries import NOW as IMPORTED
from tests.countries import make_store

NOW = datetime(2026, 11, 21, 9, 0)
REGIONS = ("Калужская область", "Тульская область")
RENAMED = LAST_DAY - timedelta(days=140)  # since then «Отопление» is called «Тепло»
STOPPED = LAST_DAY - timedelta(days=60)
ASKED = ("moved_labels", "new_and_gone_topics")
SHORT, LONG = LAST_DAY - timedelta(days=27), LAST_DAY - timedelta(days=200)


def rows(region: str, topic: str, days: list[date], a_day: int = 9) -> pd.DataFrame:
    return steady(dict.fromkeys(days, a_day), topic_group="ЖКХ", topic=topic, region=region, channel="ПОС")


@pytest.fixture
def changing(store: Store) -> Store:
    """Two regions: in one a topic gets another name, and a topic falls silent in the other; one is new in both."""
    days = days_before(LAST_DAY, 500)
    fill(
        store,
        pd.concat(
            [
                rows(REGIONS[0], "Отопление", [day for day in days if day < RENAMED]),
                rows(REGIONS[0], "Тепло", [day for day in days if day >= RENAMED]),
                rows(REGIONS[1], "Отопление", days),
                rows(REGIONS[1], "Лифты", [day for day in days if day < STOPPED], 1),
                *(rows(region, "Самокаты", days[-20:], 1) for region in REGIONS),
            ],
            ignore_index=True,
        ),
    )
    return store


def same(kept: Any, fresh: Any) -> None:
    assert len(kept) == len(fresh)
    for one, other in zip(kept, fresh, strict=True):
        if isinstance(other, pd.DataFrame):
            pd.testing.assert_frame_equal(one, other)
        else:
            assert one == pytest.approx(other, nan_ok=True)


def is_kept(store: Store, asked: kept_answers.Asked) -> bool:
    """Would it be answered without computing anything?"""
    answer = kept_answers.answered(store, asked._replace(answer=lambda store: None))
    return answer is not None


def test_what_is_kept_is_what_is_computed(changing: Store) -> None:
    """Of everything and of each region; topics for periods of up to 13 weeks, labels for any: only its end counts."""
    assert not is_kept(changing, kept_answers.labels(Filters(), LAST_DAY))
    assert kept_answers.keep_answers(changing, now=NOW) == 1 + 2 * 3
    for regions, first in itertools.product([(), REGIONS[:1], REGIONS[1:]], [None, SHORT, LONG]):
        filters = Filters(first_day=first, regions=regions)
        assert is_kept(changing, kept_answers.labels(filters, LAST_DAY))
        assert is_kept(changing, kept_answers.topics(filters, LAST_DAY)) == (first != LONG)
        labels, topics = (QUESTIONS[name](changing, filters, LAST_DAY) for name in ASKED)
        same(labels, trends.moved_labels(changing, filters, LAST_DAY))
        same(topics, trends.new_and_gone_topics(changing, filters, LAST_DAY))
        assert ("Тепло" in set(labels[0]["to_topic"])) == (regions != REGIONS[1:])
        assert list(topics[1]["topic"]) == (["Отопление"] if regions == REGIONS[:1] else ["Лифты"])


def test_an_answer_to_other_filters_or_days_is_not_taken_for_it(changing: Store) -> None:
    kept_answers.keep_answers(changing, now=NOW)
    yesterday = LAST_DAY - timedelta(days=1)
    for filters in (
        Filters(regions=REGIONS),
        Filters(channels=("ПОС",)),
        Filters(kinds=("complaint",)),
        Filters(last_day=yesterday),
    ):
        assert not is_kept(changing, kept_answers.labels(filters, LAST_DAY))
        assert not is_kept(changing, kept_answers.topics(filters, LAST_DAY))
    assert is_kept(changing, kept_answers.labels(Filters(last_day=LAST_DAY, compare="last_year"), LAST_DAY))


def test_answers_are_kept_once_and_of_no_other_state_of_the_data(changing: Store) -> None:
    """An import, its undo and new names change it; a setting and what people say of signals do not."""
    everything = kept_answers.labels(Filters(), LAST_DAY)
    kept_answers.keep_answers(changing, now=NOW)
    assert kept_answers.keep_answers(changing, now=NOW) == 0
    changing.set_setting("home_region", REGIONS[0])
    assert is_kept(changing, everything)
    fill(changing, rows(REGIONS[0], "Ямы", days_before(LAST_DAY, 10)), source="другой")
    assert not is_kept(changing, everything)
    same(kept_answers.answered(changing, everything), trends.moved_labels(changing, Filters(), LAST_DAY))
    assert kept_answers.keep_answers(changing, now=NOW) > 0
    assert is_kept(changing, everything)
    changing.write(lambda cursor: cursor.execute("update imports set undone_at = finished_at where import_id = 2"))
    assert not is_kept(changing, everything)
    kept_answers.keep_answers(changing, now=NOW)
    changing.write(note_renaming)
    assert not is_kept(changing, everything)
    kept_answers.keep_answers(changing, now=NOW)
    assert is_kept(changing, everything)
    assert changing.query("select count(distinct state) as n from kept_answers")["n"].iloc[0] == 1


def test_what_another_process_made_old_meanwhile_is_not_kept(changing: Store) -> None:
    def report(share: float, _: str) -> None:
        if share == 1.0:
            changing.write(note_renaming)

    assert kept_answers.keep_answers(changing, now=NOW, report=report) == 0
    assert changing.query("select * from kept_answers").empty


def test_a_refresh_keeps_the_record_of_signals(tmp_path: Path) -> None:
    with closing(open_store(make_store(tmp_path, forecast=True, days=500))) as store:
        assert is_kept(store, kept_answers.record())
        found = QUESTIONS["signal_record"](store)
        assert found[2]
        same(found, newest_record(store))
        before = store.query("select * from kept_answers")
        refresh(store, now=IMPORTED + timedelta(hours=2), reconstruct=2)
        pd.testing.assert_frame_equal(store.query("select * from kept_answers"), before)
