"""Questions to the store, each against a pandas answer of two lines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics import queries
from analytics.errors import BadInput
from analytics.filters import COUNTED, Filters, period
from analytics.queries import COUNTS, MEASURES, REGIONS, TOPICS, TOTALS
from analytics.store import Store, open_store
from tests import cases
from tests.cases import LAST_DAY, days_before, fill, some_complaints, steady

NAMES = {  # the column of each list of the filters
    "regions": "region",
    "municipalities": "municipality",
    "topic_groups": "topic_group",
    "topics": "topic",
    "channels": "channel",
    "kinds": "kind",
}
ROWS = some_complaints()
DAY_END = pd.Timedelta(days=1) - pd.Timedelta(microseconds=1)


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store with ROWS in it."""
    store = open_store(tmp_path_factory.mktemp("full"))
    fill(store, ROWS)
    yield store
    store.close()


def chosen(filters: Filters) -> pd.DataFrame:
    """The rows of ROWS that the filters choose, the slow obvious way; not stated is ''."""
    rows = ROWS.assign(day=ROWS["opened_at"].dt.normalize()).fillna(cases.NO_TEXT)
    for names, column in NAMES.items():
        if getattr(filters, names):
            rows = rows[rows[column].isin(getattr(filters, names))]
    first, last = filters.first_day or date.min, filters.last_day or date.max
    return rows[(rows["day"].dt.date >= first) & (rows["day"].dt.date <= last)]


def some(values: list[str]) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(st.sampled_from(values), unique=True, max_size=3).map(tuple)


FILTERS = st.builds(
    Filters,
    first_day=st.none() | st.dates(date(2025, 8, 1), date(2026, 11, 1)),
    last_day=st.none() | st.dates(date(2025, 8, 1), date(2026, 11, 15)),
    regions=some(["Калужская область", "Тульская область", "", "Нет такой"]),
    municipalities=some(["Боровск", "Обнинск", ""]),
    topic_groups=some(["ЖКХ", "Дороги", ""]),
    topics=some(["Отопление", "Ямы", ""]),
    channels=some(["ВКонтакте", "ПОС", ""]),
    kinds=some(["complaint", "thanks"]),
)


@settings(deadline=None, max_examples=60)
@given(filters=FILTERS)
def test_counts_by_anything_add_up_to_what_the_filters_choose(full: Store, filters: Filters) -> None:
    rows = chosen(filters)
    for by in ("day", "region", "topic", "status"):
        assert queries.counts(full, filters, by)["complaints"].sum() == len(rows)
    assert queries.daily_counts(full, filters)["complaints"].sum() == len(rows)
    assert queries.daily_counts(full, filters, ["topic_group"])["complaints"].sum() == len(rows)


@settings(deadline=None, max_examples=40)
@given(filters=FILTERS, last=st.dates(date(2025, 9, 1), LAST_DAY))
def test_every_table_of_the_cube_says_the_same(full: Store, filters: Filters, last: date) -> None:
    small = Filters(regions=filters.regions, kinds=filters.kinds)
    asked = {
        REGIONS: small,
        TOTALS: Filters(regions=filters.regions, kinds=filters.kinds, topic_groups=("ЖКХ", "Дороги", "")),
        COUNTS: Filters(regions=filters.regions, kinds=filters.kinds, channels=("ВКонтакте", "ПОС", "")),
    }
    answers = {}
    with full.reading() as query:
        for table, same in asked.items():
            assert queries.smallest(same, None, last)[0] is table
            found = queries.daily_measures(query, same, filters.first_day, last)
            answers[table] = found[(found != 0).any(axis=1)]
    pd.testing.assert_frame_equal(answers[TOTALS], answers[REGIONS])
    pd.testing.assert_frame_equal(answers[COUNTS], answers[REGIONS])


@settings(deadline=None, max_examples=40)
@given(filters=FILTERS)
def test_the_small_table_of_topics_says_what_the_large_one_says(full: Store, filters: Filters) -> None:
    chosen = Filters(filters.first_day, filters.last_day, topic_groups=filters.topic_groups, topics=filters.topics)
    by = ["topic_group", "topic"]
    assert queries.smallest(chosen, None, None, by, received_only=True)[0] is TOPICS
    assert queries.smallest(chosen, None, None, by)[0] is COUNTS
    found = queries.daily_counts(full, chosen, by)
    large = queries.daily_counts(full, replace(chosen, channels=("ВКонтакте", "ПОС", "")), by)
    pd.testing.assert_frame_equal(found, large)


def test_measures_are_counted_each_on_its_own_day(full: Store) -> None:
    with full.reading() as query:
        found = queries.daily_measures(query, Filters(), None, LAST_DAY)
    rows = ROWS[ROWS["kind"].isin(COUNTED)]
    undated = rows["closed_at"].isna() & (rows["status"] == "closed")
    kept = rows["closed_at"] <= rows["due_at"]
    due = rows["due_at"].where(~undated)
    expected = {
        "received": rows["opened_at"],
        "closed": rows["closed_at"],
        "closed_undated": rows.loc[undated, "opened_at"],
        "due": due,
        "due_kept": due[kept],
        "repeat_known": rows.loc[rows["sender_key"].notna(), "opened_at"],
    }
    for measure, times in expected.items():
        days = times.dropna().dt.normalize()
        days = days[days <= pd.Timestamp(LAST_DAY)].value_counts().sort_index()
        assert found.loc[found[measure] != 0, measure].to_dict() == days.to_dict()
    assert list(found.columns) == list(MEASURES)


@pytest.mark.parametrize(
    "by", [(), ("region",), ("kind", "region"), ("topic_group",), ("topic_group", "topic"), ("channel",)]
)
def test_daily_counts_are_a_group_by(full: Store, by: tuple[str, ...]) -> None:
    filters = Filters(first_day=date(2026, 3, 1), last_day=date(2026, 4, 30), regions=("Калужская область", ""))
    expected = chosen(filters).groupby(["day", *by]).size().to_dict()
    found = queries.daily_counts(full, filters, by).fillna(cases.NO_TEXT)
    assert found.set_index(["day", *by] if by else "day")["complaints"].to_dict() == expected


@pytest.mark.parametrize(
    ("by", "columns"),
    [
        ("day", ["day"]),
        ("region", ["region"]),
        ("municipality", ["region", "municipality"]),
        ("topic_group", ["topic_group"]),
        ("topic", ["topic_group", "topic"]),
        ("channel", ["channel"]),
        ("kind", ["kind"]),
        ("status", ["status"]),
    ],
)
def test_counts_are_a_group_by_with_the_closed_ones(full: Store, by: str, columns: list[str]) -> None:
    filters = Filters(first_day=date(2026, 1, 1), topic_groups=("ЖКХ",), kinds=())
    rows = chosen(filters).assign(is_closed=lambda rows: rows["closed_at"].notna() | (rows["status"] == "closed"))
    expected = rows.groupby(columns).agg(complaints=("id", "size"), closed=("is_closed", "sum"))
    found = queries.counts(full, filters, by).fillna(cases.NO_TEXT)
    assert list(found.columns) == [*columns, "complaints", "closed"]
    pd.testing.assert_frame_equal(found.set_index(columns).sort_index(), expected.sort_index(), check_dtype=False)
    assert by == "day" or found["complaints"].is_monotonic_decreasing


def test_counts_by_month_and_source_are_named_as_people_write_them(full: Store) -> None:
    rows = chosen(Filters())
    expected = rows.groupby(rows["day"].dt.strftime("%Y-%m")).size().to_dict()
    found = queries.counts(full, Filters(), "month")
    assert dict(zip(found["month"], found["complaints"], strict=True)) == expected
    assert found["month"].is_monotonic_increasing
    assert queries.counts(full, Filters(), "source")["source"].tolist() == [cases.SOURCE]


def test_counting_by_something_unknown_is_one_plain_sentence(full: Store) -> None:
    with pytest.raises(BadInput, match="choose one of day, month"):
        queries.counts(full, Filters(), "colour")
    with pytest.raises(BadInput, match="choose one of region"):
        queries.daily_counts(full, Filters(), ["day; drop table complaints"])


def test_a_row_that_was_corrected_is_counted_only_as_it_is_now(store: Store) -> None:
    fill(store, steady({LAST_DAY: 3}, region="Калужская область", topic_group="ЖКХ"))
    store.write(
        lambda cursor: cursor.execute(
            """
            insert into region_totals values ($day, 'Калужская область', 'complaint', -3, 0, 0, 0, 0, 0, 0),
              ($day, 'Тульская область', 'complaint', 3, 0, 0, 0, 0, 0, 0)
            """,
            {"day": LAST_DAY},
        )
    )
    found = queries.daily_counts(store, Filters(), ["region"])
    assert found[["region", "complaints"]].to_numpy().tolist() == [["Тульская область", 3]]


def test_choices_name_their_parents_and_come_most_frequent_first(full: Store) -> None:
    found = queries.choices(full)
    rows = ROWS.fillna(cases.NO_TEXT)
    municipalities = found[found["meaning"] == "municipality"].set_index(["parent", "value"])["complaints"]
    assert municipalities.to_dict() == rows.groupby(["region", "municipality"]).size().to_dict()
    topics = found[found["meaning"] == "topic"].set_index(["parent", "value"])["complaints"]
    assert topics.to_dict() == rows.groupby(["topic_group", "topic"]).size().to_dict()
    assert found["complaints"].is_monotonic_decreasing
    for meaning in ("region", "topic_group", "channel", "kind"):
        one = found[found["meaning"] == meaning].set_index("value")["complaints"]
        assert one.to_dict() == rows[meaning].value_counts().to_dict()


@pytest.mark.parametrize(
    "filters", [Filters(), Filters(topic_groups=("Дороги",)), Filters(channels=("ПОС",), kinds=("thanks",))]
)
def test_span_is_from_the_first_to_the_last_opening(full: Store, filters: Filters) -> None:
    days = chosen(filters)["day"].dt.date
    assert queries.span(full, filters) == (days.min(), days.max())


def test_an_empty_store_answers_everything_with_nothing(store: Store) -> None:
    assert queries.span(store, Filters()) == (None, None)
    assert queries.choices(store).empty
    assert queries.daily_counts(store, Filters(), ["region"]).empty
    assert queries.counts(store, Filters(), "month").empty
    assert queries.last_full_day(store, Filters()).day is None
    assert queries.completeness(store, Filters(), LAST_DAY).empty
    assert queries.received_and_closed(store, Filters(), LAST_DAY)["received"].sum() == 0


@pytest.mark.parametrize("filters", [Filters(), Filters(topic_groups=("ЖКХ",)), Filters(municipalities=("Боровск",))])
def test_quiet_days_are_counted_as_zero(full: Store, filters: Filters) -> None:
    found = queries.received_and_closed(full, filters, date(2026, 10, 20))
    rows = chosen(filters)
    assert found["day"].dt.date.tolist() == days_before(date(2026, 10, 20), 28)
    for column, times in (("received", rows["opened_at"]), ("closed", rows["closed_at"])):
        per_day = times.dt.date.value_counts()
        assert found[column].tolist() == [per_day.get(day, 0) for day in days_before(date(2026, 10, 20), 28)]


@pytest.mark.parametrize("filters", [Filters(), Filters(topics=("Ямы",)), Filters(channels=("ПОС",))])
def test_averages_of_seven_days_are_right_from_the_first_day_of_the_period(full: Store, filters: Filters) -> None:
    filters = replace(filters, first_day=date(2026, 9, 1), last_day=date(2026, 9, 20))
    found = queries.received_and_closed(full, filters, LAST_DAY).set_index("day")
    assert list(found.index.date) == days_before(date(2026, 9, 20), 20)
    rows = chosen(replace(filters, first_day=None))
    for name, times in (("received", rows["opened_at"]), ("closed", rows["closed_at"])):
        for day, average in found[f"{name}_average"].items():
            assert average * 7 == pytest.approx(times.between(day - pd.Timedelta(days=6), day + DAY_END).sum())


def test_no_average_reaches_back_beyond_the_history(store: Store) -> None:
    fill(store, steady(dict.fromkeys(days_before(LAST_DAY, 20), 7), topic="Ямы", region="Тульская область"))
    quiet = {"topics": ("Люки",), "first_day": days_before(LAST_DAY, 22)[0]}
    for filters, usual in ((Filters(first_day=days_before(LAST_DAY, 22)[0]), 7.0), (Filters(**quiet), 0.0)):
        found = queries.received_and_closed(store, filters, LAST_DAY)
        assert found["received_average"].isna().tolist() == [True] * 8 + [False] * 14
        assert set(found["received_average"].dropna()) == {usual}


def test_the_period_ends_with_the_last_full_day() -> None:
    as_of = date(2026, 11, 15)
    assert period(Filters(), as_of) == (date(2026, 10, 19), as_of)
    assert period(Filters(first_day=date(2026, 1, 1), last_day=date(2026, 12, 31)), as_of) == (date(2026, 1, 1), as_of)
    chosen_days = Filters(first_day=date(2026, 2, 1), last_day=date(2026, 2, 7))
    assert period(chosen_days, as_of) == (date(2026, 2, 1), date(2026, 2, 7))
    first, last = period(Filters(first_day=date(2026, 11, 20)), as_of)
    assert last < first


def test_the_last_full_day_is_the_earliest_of_those_that_still_deliver(store: Store) -> None:
    days = dict.fromkeys(days_before(LAST_DAY, 60), 5)
    fill(store, steady(days, region="Калужская область"))
    late, ended = LAST_DAY - timedelta(days=4), LAST_DAY - timedelta(days=30)
    fill(store, steady(days, region="Тульская область"), source="ПОС", full_until=late)
    fill(store, steady(days, region="Рязанская область"), source="старая", full_until=ended)
    found = queries.last_full_day(store, Filters())
    assert found.day == late
    assert found.behind[["source", "region"]].to_numpy().tolist() == [["ПОС", "Тульская область"]]
    assert found.ended["region"].tolist() == ["Рязанская область"]
    assert found.ended["last_full_day"].dt.date.tolist() == [ended]
    assert queries.last_full_day(store, Filters(regions=("Калужская область",))).day == LAST_DAY
    alone = queries.last_full_day(store, Filters(regions=("Рязанская область",)))
    assert alone.day == ended
    assert alone.ended.empty


def test_the_newest_import_says_up_to_when_a_region_is_whole(store: Store) -> None:
    days = dict.fromkeys(days_before(LAST_DAY, 30), 5)
    fill(store, steady(days, region="Калужская область"), full_until=LAST_DAY - timedelta(days=7))
    fill(store, steady({LAST_DAY: 5}, region="Калужская область"), full_until=LAST_DAY)
    assert queries.last_full_day(store, Filters()).day == LAST_DAY
    store.write(lambda cursor: cursor.execute("delete from coverage where import_id = 2"))
    assert queries.last_full_day(store, Filters()).day == LAST_DAY - timedelta(days=7)


def test_a_quiet_region_missing_from_the_newest_file_does_not_hold_back_the_others(store: Store) -> None:
    earlier = days_before(LAST_DAY - timedelta(days=7), 84)
    both = pd.concat(
        [
            steady(dict.fromkeys(earlier, 5), region="Калужская область"),
            steady(dict.fromkeys(earlier[::6], 1), region="Тульская область"),
        ]
    )
    fill(store, both, full_until=earlier[-1])
    fill(store, steady(dict.fromkeys(days_before(LAST_DAY, 7), 5), region="Калужская область"))
    found = queries.last_full_day(store, Filters())
    assert found.day == LAST_DAY
    assert found.behind.empty


def test_a_busy_region_missing_from_the_newest_file_holds_back_the_others(store: Store) -> None:
    earlier = days_before(LAST_DAY - timedelta(days=7), 84)
    regions = ("Калужская область", "Тульская область")
    both = pd.concat([steady(dict.fromkeys(earlier, 5), region=region) for region in regions])
    fill(store, both, full_until=earlier[-1])
    fill(store, steady(dict.fromkeys(days_before(LAST_DAY, 7), 5), region="Калужская область"))
    found = queries.last_full_day(store, Filters())
    assert found.day == earlier[-1]
    assert found.behind["region"].tolist() == ["Тульская область"]


def test_a_day_with_far_too_few_complaints_looks_unloaded(store: Store) -> None:
    chance = np.random.default_rng(3)
    days = {day: int(chance.poisson(40 if day.weekday() < 5 else 12)) for day in days_before(LAST_DAY, 120)}
    hole, weekend = LAST_DAY - timedelta(days=10), LAST_DAY - timedelta(days=8)  # a Thursday and a Saturday
    days[hole] = 2
    fill(store, steady(days, region="Калужская область"))
    found = queries.completeness(store, Filters(), LAST_DAY).set_index("day")
    assert found.index[found["state"] == "looks_unloaded"].date.tolist() == [hole]
    assert found.loc[pd.Timestamp(weekend), "state"] == "loaded"
    assert len(found) == 28
    assert found["complaints"].tolist() == [days[day] for day in days_before(LAST_DAY, 28)]
    before = [days[LAST_DAY - timedelta(days=7 * week)] for week in range(1, 9)]
    assert found.loc[pd.Timestamp(LAST_DAY), "usual"] == np.median(before)


def test_a_quiet_region_never_looks_unloaded(store: Store) -> None:
    chance = np.random.default_rng(4)
    days = {day: int(chance.poisson(2)) for day in days_before(LAST_DAY, 120)}
    fill(store, steady(days, region="Калужская область"))
    found = queries.completeness(store, Filters(), LAST_DAY)
    assert (found["complaints"] == 0).any()
    assert set(found["state"]) == {"loaded"}


def test_days_after_the_last_full_day_are_not_loaded_and_those_of_others_are(store: Store) -> None:
    days = dict.fromkeys(days_before(LAST_DAY, 120), 20)
    late = LAST_DAY - timedelta(days=3)
    fill(store, steady(days, region="Калужская область"))
    fill(store, steady({d: n for d, n in days.items() if d <= late}, region=None), source="ПОС", full_until=late)
    found = queries.completeness(store, Filters(), late, days=14)
    states = found.groupby("source")["state"].apply(list)
    assert states[cases.SOURCE] == ["loaded"] * 14
    assert states["ПОС"] == ["loaded"] * 11 + ["not_loaded"] * 3
    assert found.groupby("source")["day"].max().dt.date.tolist() == [LAST_DAY, LAST_DAY]
    one = queries.completeness(store, Filters(regions=("Калужская область",)), LAST_DAY)
    assert one["source"].unique().tolist() == [cases.SOURCE]


def test_days_before_a_region_began_are_not_loaded(store: Store) -> None:
    fill(store, steady(dict.fromkeys(days_before(LAST_DAY, 10), 20), region="Калужская область"))
    found = queries.completeness(store, Filters(), LAST_DAY, days=14)
    assert found["state"].tolist() == ["not_loaded"] * 4 + ["loaded"] * 10
    assert found["usual"].isna().all()


def test_empty_weekends_of_an_office_do_not_look_unloaded(store: Store) -> None:
    days = {day: 0 if day.weekday() >= 5 else 60 for day in days_before(LAST_DAY, 120)}
    fill(store, steady(days, region="Калужская область"))
    assert set(queries.completeness(store, Filters(), LAST_DAY)["state"]) == {"loaded"}


def test_places_of_wild_ups_and_downs_seldom_look_unloaded(store: Store) -> None:
    chance = np.random.default_rng(6)
    rows = []
    for region in range(10):
        wild = chance.poisson(chance.gamma(5, 4, 84))
        days = dict(zip(days_before(LAST_DAY, 84), map(int, wild), strict=True))
        rows.append(steady(days, region=f"Область {region}"))
    fill(store, pd.concat(rows))
    found = queries.completeness(store, Filters(), LAST_DAY)
    assert (found["complaints"] < found["usual"] / 2).mean() > 0.05
    assert (found["state"] == "looks_unloaded").mean() < 0.02
