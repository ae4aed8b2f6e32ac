"""What is changing: the weeks compared, changes, new and silent topics, each against what was planted."""

from __future__ import annotations

import json
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from analytics import trends
from analytics.filters import Filters
from analytics.store import Store
from tests.cases import LAST_DAY, days_before, fill, steady

PLACE = {"region": "Тульская область", "channel": "ПОС"}


def with_topics(store: Store, **per_day: dict[date, int]) -> None:
    """A store in which each topic has so many complaints on each day."""
    rows = [steady(days, topic_group="ЖКХ", topic=topic, **PLACE) for topic, days in per_day.items()]
    fill(store, pd.concat(rows, ignore_index=True))


def every_day(number: int, a_day: int, *, last: date = LAST_DAY) -> dict[date, int]:
    return dict.fromkeys(days_before(last, number), a_day)


@pytest.mark.parametrize(
    ("days", "weeks", "yearly"),
    [(27, None, False), (28, 2, False), (100, 7, False), (454, 13, False), (455, 13, True), (1100, 13, True)],
)
def test_as_many_weeks_are_compared_as_the_history_allows(
    store: Store, days: int, weeks: int | None, yearly: bool
) -> None:
    with_topics(store, Отопление=every_day(days, 1))
    found = trends.compared_weeks(store, Filters(first_day=LAST_DAY - timedelta(days=6)), LAST_DAY)
    if weeks is None:
        assert found is None
        return
    assert found is not None
    assert (found.weeks, found.against != "previous", found.last) == (weeks, yearly, LAST_DAY)
    assert found.back[0] == (52 if yearly else weeks)


def test_a_longer_period_is_compared_as_a_whole(store: Store) -> None:
    with_topics(store, Отопление=every_day(1100, 1))
    found = trends.compared_weeks(store, Filters(first_day=LAST_DAY - timedelta(days=363)), LAST_DAY)
    assert found == trends.Compared(
        LAST_DAY - timedelta(days=363),
        LAST_DAY,
        (LAST_DAY - timedelta(days=727), LAST_DAY - timedelta(days=1091)),
        52,
        "usual",
        LAST_DAY - timedelta(days=1099),
    )


def test_a_stray_old_complaint_is_no_history(store: Store) -> None:
    with_topics(store, Отопление={date(2019, 1, 1): 1, **every_day(100, 5)})
    assert trends.covered_from(store, Filters(), LAST_DAY) == LAST_DAY - timedelta(days=99)


def test_a_year_is_compared_by_the_same_weekdays() -> None:
    days = pd.date_range(end=LAST_DAY, periods=800)
    series = pd.Series(np.where(days.day_of_week < 5, 10.0, 0.0), index=days)
    series[-364:] *= 1.5
    weeks = trends.year_over_year(series)
    assert len(weeks) == 52
    assert weeks["week"].iloc[-1] == pd.Timestamp(LAST_DAY - timedelta(days=6))
    assert set(weeks["complaints"]) == {75.0}
    assert set(weeks["before"]) == {50.0}
    assert set(weeks["ratio"]) == {1.5}


def test_weeks_without_a_year_before_have_no_ratio() -> None:
    series = pd.Series(1.0, index=pd.date_range(end=LAST_DAY, periods=100))
    assert trends.year_over_year(series)["ratio"].isna().all()
    assert len(trends.year_over_year(series)) == 14


def test_the_level_that_jumped_is_told_with_its_day_and_against_last_year(store: Store) -> None:
    chance = np.random.default_rng(1)
    jump = LAST_DAY - timedelta(days=200)
    counts = {day: int(chance.poisson(12 if day > jump else 6)) for day in days_before(LAST_DAY, 900)}
    with_topics(store, Отопление=counts)
    found = trends.trend(store, Filters(), LAST_DAY)
    assert found.parts is not None
    (day,) = found.parts.changes["day"]
    assert abs((day.date() - jump).days) <= 10
    year, _ = trends.whole(store, Filters(compare="last_year"), LAST_DAY)
    assert year["ratio"].iloc[0] == pytest.approx(2.0, abs=0.15)
    assert year["direction"].iloc[0] == "rising"
    assert found.known_days == 900


def test_too_short_a_history_is_not_taken_apart(store: Store) -> None:
    with_topics(store, Отопление=every_day(20, 3))
    found = trends.trend(store, Filters(), LAST_DAY)
    assert (found.parts, found.known_days) == (None, 20)
    assert trends.whole(store, Filters(), LAST_DAY)[0].empty


def test_what_rose_and_fell_is_told_with_its_weeks_the_largest_rise_first(store: Store) -> None:
    recent = LAST_DAY - timedelta(days=91)
    grown = {day: 6 if day > recent else 2 for day in days_before(LAST_DAY, 800)}
    fallen = {day: 1 if day > recent else 4 for day in days_before(LAST_DAY, 800)}
    with_topics(store, Отопление=grown, Лифты=fallen, Вода=every_day(800, 3))
    table = trends.changed(store, Filters(first_day=LAST_DAY - timedelta(days=6)), LAST_DAY, "topic")
    assert list(table["topic"]) == ["Отопление", "Вода", "Лифты"]
    assert list(table["now"]) == [546, 273, 91]
    assert list(table["before"]) == [182, 273, 364]
    assert list(table["ratio"]) == pytest.approx([3.0, 1.0, 0.25])
    assert table["probability"].iloc[[0, 2]].min() > 0.95
    assert list(table["weekly"].iloc[0]) == [14.0] * 39 + [42.0] * 13
    assert list(table["weekly_before"].iloc[0]) == [14.0] * 52


@pytest.mark.parametrize(
    ("compare", "before", "drawn_before"),
    [("usual", (4 + 2) / 2, 42 / 2), ("last_year", 4, 28), ("previous", 8, 56)],
    ids=["two years before", "the year before", "the weeks before"],
)
def test_what_is_compared_with_is_what_the_reader_chose(
    store: Store, compare: str, before: float, drawn_before: float
) -> None:
    stretches = {91: 6, 182: 8, 364: 1, 455: 4, 728: 1, 819: 2, 1100: 1}  # complaints a day, by days before the end
    a_day = [next(n for until, n in stretches.items() if back < until) for back in range(1100)]
    with_topics(store, Отопление={LAST_DAY - timedelta(days=back): n for back, n in enumerate(a_day)})
    filters = Filters(first_day=LAST_DAY - timedelta(days=6), compare=compare)
    row = trends.changed(store, filters, LAST_DAY, "topic").iloc[0]
    assert (row["now"], row["before"]) == (91 * 6, 91 * before)
    assert row["weekly"][-1] == 42
    assert row["weekly_before"][-1] == drawn_before
    whole, left_out = trends.whole(store, filters, LAST_DAY)
    assert whole[["now", "usual"]].iloc[0].tolist() == [91 * 6, 91 * before]
    assert left_out == 0


def test_a_year_in_which_a_region_did_not_deliver_yet_is_not_in_the_usual(store: Store) -> None:
    old = steady(every_day(1100, 3), topic_group="ЖКХ", region="Тульская область")
    young = steady(every_day(600, 3), topic_group="ЖКХ", region="Калужская область")
    fill(store, pd.concat([old, young], ignore_index=True))
    both = trends.compared_weeks(store, Filters(), LAST_DAY)
    one = trends.compared_weeks(store, Filters(regions=("Тульская область",)), LAST_DAY)
    assert both is not None
    assert one is not None
    assert (both.back, one.back) == ([52], [52, 104])


def test_a_region_that_began_within_the_weeks_compared_is_no_rise(store: Store) -> None:
    old = steady(every_day(800, 3), topic_group="ЖКХ", region="Тульская область")
    young = steady(every_day(60, 3), topic_group="ЖКХ", region="Калужская область")
    fill(store, pd.concat([old, young], ignore_index=True))
    assert list(trends.changed(store, Filters(), LAST_DAY, "region")["region"]) == ["Тульская область"]


def test_topics_first_seen_are_new_and_those_silent_beyond_their_rhythm_are_gone(store: Store) -> None:
    with_topics(
        store,
        Отопление=every_day(500, 3),
        Снос=every_day(30, 2),
        Редкое=dict.fromkeys(days_before(LAST_DAY, 30)[::10], 1),
        Лифты=every_day(400, 1, last=LAST_DAY - timedelta(days=60)),
        Сезонное={day: 1 for day in days_before(LAST_DAY - timedelta(days=90), 400) if day.month in (1, 2, 7, 8)},
    )
    new, gone = trends.new_and_gone_topics(store, Filters(), LAST_DAY)
    assert list(new["topic"]) == ["Снос"]
    assert new.loc[0, "complaints"] == 60
    assert new.loc[0, "first_day"] == pd.Timestamp(LAST_DAY - timedelta(days=29))
    assert list(gone["topic"]) == ["Лифты"]
    assert (gone.loc[0, "silent"], gone.loc[0, "longest"], gone.loc[0, "missed"]) == (60, 1, 60)


def test_nothing_is_new_in_a_short_history(store: Store) -> None:
    with_topics(store, Отопление=every_day(80, 3), Снос=every_day(20, 3))
    new, gone = trends.new_and_gone_topics(store, Filters(), LAST_DAY)
    assert new.empty
    assert gone.empty


def test_a_topic_that_goes_on_under_another_name_is_told(store: Store) -> None:
    chance = np.random.default_rng(1)
    moved = LAST_DAY - timedelta(days=200)
    counts = {day: int(chance.poisson(6)) for day in days_before(LAST_DAY, 800)}
    with_topics(
        store,
        Лифты={day: number for day, number in counts.items() if day <= moved},
        Подъёмники={day: number for day, number in counts.items() if day > moved},
        Отопление=every_day(800, 3),
    )
    names, channels = trends.moved_labels(store, Filters(), LAST_DAY)
    assert list(names["from_topic"]) == ["Лифты"]
    assert list(names["to_topic"]) == ["Подъёмники"]
    assert channels.empty


def test_a_rise_by_a_new_channel_is_told(store: Store) -> None:
    chance = np.random.default_rng(2)

    def counts(days: int, mean: float) -> dict[date, int]:
        return {day: int(chance.poisson(mean)) for day in days_before(LAST_DAY, days)}

    old = steady(counts(800, 6), topic_group="ЖКХ", **PLACE)
    came = steady(counts(200, 6), topic_group="ЖКХ", **{**PLACE, "channel": "Telegram"})
    fill(store, pd.concat([old, came], ignore_index=True))
    _, channels = trends.moved_labels(store, Filters(), LAST_DAY)
    assert set(channels["channel"]) == {"Telegram"}
    assert {"*", "ЖКХ"} == set(channels["topic_group"])
    assert channels["share"].min() > 0.8


def test_an_empty_store_has_no_trends(store: Store) -> None:
    assert trends.compared_weeks(store, Filters(), LAST_DAY) is None
    assert trends.changed(store, Filters(), LAST_DAY, "region").empty


def test_weeks_with_days_that_were_not_loaded_are_left_out_of_both_years_and_counted(store: Store) -> None:
    with_topics(store, Отопление=every_day(1100, 2))
    lost = LAST_DAY - timedelta(days=30)
    stretch = [{"source": "x", "region": PLACE["region"], "first_day": str(lost), "last_day": str(lost)}]
    store.write(
        lambda cursor: cursor.execute(
            "insert into forecast_runs values (1, $day, now()::timestamp, 1, '1', 28, false, '{}', $lost, '[]', null)",
            {"day": LAST_DAY, "lost": json.dumps(stretch)},
        )
    )
    found, left_out = trends.whole(store, Filters(first_day=LAST_DAY - timedelta(days=6)), LAST_DAY)
    assert left_out == 1
    assert found[["now", "usual"]].iloc[0].tolist() == [12 * 7 * 2, 12 * 7 * 2]
