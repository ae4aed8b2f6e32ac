"""The Overview's numbers, each against a slow obvious answer; and what its statistics promise, by simulation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.duration.survfunc import SurvfuncRight

from analytics import overview
from analytics.changes import surely_changed
from analytics.errors import BadInput
from analytics.filters import COUNTED, Filters, period
from analytics.measures import kaplan_meier_median
from analytics.store import Store, open_store
from analytics.usual import Stretch, count_band, negative_binomial, same_weekdays
from tests.cases import LAST_DAY, days_before, fill, some_complaints, steady

ROWS = some_complaints(6000, days=600, seed=5)
COUNTED_ROWS = ROWS[ROWS["kind"].isin(COUNTED)]
NEVER = pd.Timestamp("2200-01-01")
WEEK = Filters(first_day=LAST_DAY - timedelta(days=6))
MONTH = Filters()
ODD = Filters(first_day=date(2026, 9, 1), last_day=date(2026, 9, 12), regions=("Калужская область", ""))
TOPIC = Filters(topics=("Отопление",))
PERIODS = pytest.mark.parametrize("filters", [WEEK, MONTH, ODD, TOPIC], ids=["week", "month", "odd", "topic"])


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store with ROWS in it."""
    store = open_store(tmp_path_factory.mktemp("full"))
    fill(store, ROWS)
    yield store
    store.close()


def rows_of(filters: Filters) -> pd.DataFrame:
    """The counted rows of these filters, of every day."""
    rows = COUNTED_ROWS
    if filters.regions:
        rows = rows[rows["region"].fillna("").isin(filters.regions)]
    return rows[rows["topic"].isin(filters.topics)] if filters.topics else rows


def within(times: pd.Series, first: date, last: date) -> pd.Series:
    return (times.dt.date >= first) & (times.dt.date <= last)


def slow_value(measure: str, rows: pd.DataFrame, first: date, last: date) -> float:
    """A measure over a stretch of days, from the complaints themselves."""
    closed, undated = rows["closed_at"], rows["closed_at"].isna() & (rows["status"] == "closed")
    if measure == "received":
        return float(within(rows["opened_at"], first, last).sum())
    if measure == "closed":
        return float(within(closed.fillna(NEVER), first, last).sum())
    if measure == "still_open":
        opened = rows["opened_at"].dt.date <= last
        return float((opened & ~undated & ~(closed.fillna(NEVER).dt.date <= last)).sum())
    due = rows[within(rows["due_at"].fillna(NEVER), first, last) & ~undated]
    return float(1 - (due["closed_at"] <= due["due_at"]).mean())


def slow_usual(rows: pd.DataFrame, first: date, last: date) -> float:
    """Each day's same-weekday average of the 8 weeks before the period, summed over the period."""
    per_day = rows["opened_at"].dt.date.value_counts()
    usual = 0.0
    for day in days_before(last, (last - first).days + 1):
        back = -(-((day - first).days + 1) // 7)  # the week before the period is so many weeks before this day
        usual += np.mean([per_day.get(day - timedelta(weeks=back + week), 0) for week in range(8)])
    return usual


def tile(store: Store, filters: Filters, measure: str, as_of: date = LAST_DAY) -> pd.Series:
    return overview.tiles(store, filters, as_of).set_index("measure").loc[measure]


@PERIODS
@pytest.mark.parametrize("measure", ["received", "closed", "still_open", "overdue_share"])
def test_tiles_say_what_the_complaints_say(full: Store, filters: Filters, measure: str) -> None:
    rows, (first, last) = rows_of(filters), period(filters, LAST_DAY)
    found = tile(full, filters, measure)
    assert found["value"] == pytest.approx(slow_value(measure, rows, first, last))
    year = timedelta(days=364)
    assert found["last_year"] == pytest.approx(slow_value(measure, rows, first - year, last - year))
    weeks = [(last - timedelta(days=7 * week + 6), last - timedelta(days=7 * week)) for week in reversed(range(13))]
    assert found["weekly"] == pytest.approx([slow_value(measure, rows, *week) for week in weeks], nan_ok=True)
    assert found["known"]
    assert found["unknown"] == ""


@PERIODS
def test_the_usual_is_the_same_weekday_average_of_the_eight_weeks_before(full: Store, filters: Filters) -> None:
    first, last = period(filters, LAST_DAY)
    assert tile(full, filters, "received")["usual"] == pytest.approx(slow_usual(rows_of(filters), first, last))


def test_a_longer_period_is_compared_with_as_many_weeks_before(full: Store) -> None:
    first = LAST_DAY - timedelta(days=90)
    found = tile(full, Filters(first_day=first), "received")
    before = slow_value("received", COUNTED_ROWS, first - timedelta(days=91), first - timedelta(days=1))
    assert found["usual"] == pytest.approx(before)


def test_usual_shares_and_stocks_come_from_the_weeks_before(full: Store) -> None:
    first, _ = period(MONTH, LAST_DAY)
    before = (first - timedelta(weeks=8), first - timedelta(days=1))
    share = tile(full, MONTH, "overdue_share")
    assert share["usual"] == pytest.approx(slow_value("overdue_share", COUNTED_ROWS, *before))
    assert 0 <= share["usual_low"] <= share["usual"] <= share["usual_high"] <= 1
    ends = [before[1] - timedelta(weeks=week) for week in range(8)]
    stocks = [slow_value("still_open", COUNTED_ROWS, end, end) for end in ends]
    assert tile(full, MONTH, "still_open")["usual"] == pytest.approx(np.mean(stocks))


def test_repeats_are_a_share_of_those_that_would_be_seen(full: Store) -> None:
    first, last = period(MONTH, LAST_DAY)
    key = ["region", "municipality", "topic_group", "sender_key"]
    rows = ROWS[ROWS["sender_key"].notna()].sort_values(["opened_at", "id"])
    before = rows.groupby(key, dropna=False)["opened_at"].shift()
    repeats = rows["opened_at"] - before <= pd.Timedelta(days=30)
    asked = rows["kind"].isin(COUNTED) & within(rows["opened_at"], first, last)
    assert tile(full, MONTH, "repeat_share")["value"] == pytest.approx(repeats[asked].mean())


@PERIODS
def test_days_to_close_are_the_kaplan_meier_median_of_single_complaints(full: Store, filters: Filters) -> None:
    first, last = period(filters, LAST_DAY)
    rows = rows_of(filters)
    rows = rows[within(rows["opened_at"], first, last) & ~(rows["closed_at"].isna() & (rows["status"] == "closed"))]
    known = rows["closed_at"].dt.date <= LAST_DAY
    until = rows["closed_at"].where(known, pd.Timestamp(LAST_DAY)).dt.normalize()
    days = (until - rows["opened_at"].dt.normalize()).dt.days
    expected = SurvfuncRight(days.to_numpy(), known.to_numpy().astype(int)).quantile(0.5)
    assert overview.days_to_close(full, filters, LAST_DAY) == pytest.approx(expected, nan_ok=True)
    assert tile(full, filters, "days_to_close")["value"] == pytest.approx(expected, nan_ok=True)


@settings(deadline=None)
@given(cases=st.lists(st.tuples(st.integers(0, 40), st.booleans(), st.integers(1, 50)), min_size=1, max_size=40))
def test_grouped_delays_have_the_median_of_the_single_ones(cases: list[tuple[int, bool, int]]) -> None:
    days, closed, complaints = (np.array(column) for column in zip(*cases, strict=True))
    single = SurvfuncRight(np.repeat(days, complaints), np.repeat(closed, complaints).astype(int)).quantile(0.5)
    assert kaplan_meier_median(days, closed.astype(int), complaints) == pytest.approx(single, nan_ok=True)


def test_open_complaints_make_days_to_close_longer_than_the_median_of_the_closed(store: Store) -> None:
    opened = pd.Timestamp(LAST_DAY) - pd.Timedelta(days=20)
    rows = pd.DataFrame({"opened_at": [opened] * 10, "kind": "complaint", "region": "Калужская область"})
    closed = [opened + pd.Timedelta(days=days) for days in (1, 2, 3, 4, 15, 16)]
    fill(store, rows.assign(closed_at=pd.Series([*closed, *[pd.NaT] * 4])))
    assert overview.days_to_close(store, MONTH, LAST_DAY) == 16
    assert np.isnan(overview.days_to_close(store, MONTH, LAST_DAY - timedelta(days=10)))


def test_what_is_closed_after_the_last_full_day_is_not_closed_yet(full: Store) -> None:
    as_of = LAST_DAY - timedelta(days=20)
    filters = Filters(first_day=as_of - timedelta(days=27))
    for measure in ("closed", "still_open", "overdue_share"):
        expected = slow_value(measure, COUNTED_ROWS, as_of - timedelta(days=27), as_of)
        assert tile(full, filters, measure, as_of)["value"] == pytest.approx(expected)


def test_a_measure_that_cannot_be_known_says_why(store: Store) -> None:
    fill(store, steady(dict.fromkeys(days_before(LAST_DAY, 40), 3), region="Калужская область"))
    tiles = overview.tiles(store, MONTH, LAST_DAY).set_index("measure")
    assert tiles["unknown"].to_dict() == {
        "received": "",
        "closed": "",
        "still_open": "",
        "overdue_share": "no_deadlines",
        "repeat_share": "not_known",
        "days_to_close": "too_early",
    }
    assert not tiles.loc[["overdue_share", "repeat_share", "days_to_close"], "known"].any()
    assert tiles.loc["still_open", "value"] == 120
    later = overview.tiles(store, Filters(first_day=LAST_DAY + timedelta(days=1)), LAST_DAY)
    assert set(later["unknown"]) == {"after_last_full_day"}
    nothing = overview.tiles(store, Filters(regions=("Нет такой",)), LAST_DAY)
    assert set(nothing["unknown"]) == {"no_complaints"}
    assert len(nothing) == 6


def test_a_repeat_share_of_hardly_any_known_complaints_is_not_known(store: Store) -> None:
    rows = steady(dict.fromkeys(days_before(LAST_DAY, 28), 10), region="Калужская область")
    rows["sender_key"] = [None if place % 25 else "а" for place in range(len(rows))]
    fill(store, rows)
    assert tile(store, MONTH, "repeat_share")["unknown"] == "not_known"


def test_without_four_weeks_before_there_is_no_usual_and_without_a_year_no_last_year(store: Store) -> None:
    fill(store, steady(dict.fromkeys(days_before(LAST_DAY, 7 + 27), 3), region="Калужская область"))
    found = tile(store, WEEK, "received")
    assert np.isnan(found[["usual", "usual_low", "usual_high", "last_year"]].astype(float)).all()
    assert np.isnan(found["weekly"][:8]).all()
    assert found["weekly"][-4:] == [21.0] * 4


def test_stray_old_complaints_do_not_make_a_history(store: Store) -> None:
    days = dict.fromkeys(days_before(LAST_DAY, 40), 40) | {LAST_DAY - timedelta(days=400): 1}
    fill(store, steady(days, region="Калужская область"))
    found = tile(store, WEEK, "received")
    assert found["usual"] == 280
    assert np.isnan(found["last_year"])
    assert overview.movers(store, WEEK, LAST_DAY, "region").empty


# What is usual


@given(st.integers(1, 60), st.integers(0, 6))
def test_a_steady_rhythm_of_weekdays_is_its_own_usual(days: int, weekday: int) -> None:
    series = np.tile([5.0, 4.0, 9.0, 1.0, 2.0, 0.0, 7.0], 40)
    stretch = Stretch(150 + weekday, 150 + weekday + days - 1)
    base = stretch.base()
    assert base is not None
    assert same_weekdays(series, stretch, base) == pytest.approx(series[stretch.first : stretch.last + 1].sum())


@given(st.floats(0.5, 5000), st.floats(1.0, 60))
def test_the_band_is_in_order_and_holds_the_middle(mean: float, dispersion: float) -> None:
    low, middle, high = negative_binomial(mean, dispersion, (0.025, 0.5, 0.975))
    assert 0 <= low <= middle <= high
    assert low <= mean <= high or mean < 1


def test_quantiles_are_those_of_a_simulated_over_dispersed_count() -> None:
    chance = np.random.default_rng(7)
    drawn = chance.poisson(chance.gamma(100 / 4, 4, 200_000))  # mean 100, variance 100 + 100 * 4 = 500
    low, high = negative_binomial(100, 5, (0.025, 0.975))
    assert np.quantile(drawn, [0.025, 0.975]) == pytest.approx([low, high], abs=1)


def test_the_expected_band_holds_about_95_of_100_new_weeks() -> None:
    chance = np.random.default_rng(8)
    held = 0
    for _ in range(600):
        weekly = chance.poisson(chance.gamma(25, 4, 35))
        usual = np.array([weekly[week - 8 : week].mean() for week in range(8, 35)])
        low, high = count_band(usual[-1], np.column_stack([weekly[8:34], usual[:-1]]))
        held += low <= weekly[-1] <= high
    assert 0.92 <= held / 600 <= 0.985


# What rose and fell


def weeks_of(store: Store, places: dict[str, list[int]], *, full_until: date = LAST_DAY) -> None:
    """So many complaints in each week up to the last full day, for each region."""
    rows = [
        steady({LAST_DAY - timedelta(days=7 * back + day): number // 7 for day in range(7)}, region=region)
        for region, weekly in places.items()
        for back, number in enumerate(reversed(weekly))
    ]
    fill(store, pd.concat(rows), full_until=full_until)


def test_what_really_rose_is_found_and_what_stayed_is_not(store: Store) -> None:
    chance = np.random.default_rng(9)
    places = {f"Область {place}": [7 * int(n) for n in chance.poisson(20, 14)] for place in range(12)}
    places["Область 3"][-1] = 7 * 60
    places["Область 8"][-1] = 7 * 4
    weeks_of(store, places)
    found = overview.movers(store, WEEK, LAST_DAY, "region")
    assert found["region"].tolist()[0] == "Область 3"
    rising, falling = found[found["direction"] == "rising"], found[found["direction"] == "falling"]
    assert falling["region"].tolist()[0] == "Область 8"
    first = rising.iloc[0]
    assert first["now"] == 420
    assert first["usual"] == pytest.approx(np.mean(places["Область 3"][-9:-1]))
    assert first["ratio"] == pytest.approx(first["now"] / first["usual"])
    assert first["low"] < first["ratio"] < first["high"]
    assert first["probability"] > 0.99
    assert (found["probability"] > 0.9).sum() == 2


def test_counts_without_any_real_change_are_rarely_called_one() -> None:
    chance = np.random.default_rng(10)
    false = 0
    for _ in range(200):
        means = chance.gamma(2, 20, size=(60, 1))
        weekly = chance.poisson(chance.gamma(10, means / 10, size=(60, 9)))
        now, usual = weekly[:, 8], weekly[:, :8].mean(axis=1)
        found = surely_changed(weekly[:, :8].astype(float), now, usual, days=7)
        false += (found["probability"] >= 0.9).any()
    assert false / 200 <= 0.25


def test_a_large_change_is_sure_though_the_weeks_before_rose_too() -> None:
    """As when the heating season begins: what the usual takes up of the rise must not pass for chance."""
    chance = np.random.default_rng(13)
    rising = chance.poisson([100, 110, 130, 150, 200, 300, 450, 650, 900]).astype(float)
    weekly = np.vstack([chance.poisson(200, (30, 9)), rising])
    found = surely_changed(weekly[:, 7::-1], weekly[:, 8], weekly[:, :8].mean(axis=1), days=7)
    assert found.loc[30, "ratio"] > 3
    assert found.loc[30, "probability"] > 0.95
    assert found["score"].idxmax() == 30
    assert (found.loc[:29, "probability"] > 0.95).sum() <= 1


def test_a_jagged_series_is_not_sure_of_a_change_as_large_as_its_own_jags() -> None:
    chance = np.random.default_rng(14)
    weekly = np.vstack([chance.poisson(200, (30, 9)), [40, 400, 60, 500, 30, 450, 80, 380, 500]]).astype(float)
    found = surely_changed(weekly[:, :8], weekly[:, 8], weekly[:, :8].mean(axis=1), days=7)
    assert found.loc[30, "ratio"] > 2
    assert found.loc[30, "probability"] < 0.8


def test_a_change_is_within_its_interval_four_times_out_of_five() -> None:
    chance = np.random.default_rng(11)
    means = chance.gamma(4, 30, size=(2000, 1))
    true = chance.choice([0.5, 1.0, 2.0], size=2000)
    weekly = chance.poisson(chance.gamma(10, means / 10, size=(2000, 8)))
    now = chance.poisson(chance.gamma(10, means[:, 0] * true / 10))
    found = surely_changed(weekly.astype(float), now, weekly.mean(axis=1), days=7)
    held = ((found["low"] <= true) & (true <= found["high"])).mean()
    assert 0.74 <= held <= 0.88


def test_small_counts_are_never_movers(store: Store) -> None:
    days = {LAST_DAY - timedelta(days=back): 1 for back in range(0, 84, 7)} | {LAST_DAY: 8}
    steady_days = dict.fromkeys(days_before(LAST_DAY, 90), 20)
    rows = [steady(steady_days, region="Тульская область"), steady(days, region="Калужская область")]
    fill(store, pd.concat(rows))
    assert overview.movers(store, WEEK, LAST_DAY, "region").empty


def test_a_new_topic_is_a_mover_without_a_finite_ratio(store: Store) -> None:
    usual = steady(dict.fromkeys(days_before(LAST_DAY, 90), 20), topic_group="ЖКХ", topic="Отопление", region="Тула")
    new = steady(dict.fromkeys(days_before(LAST_DAY, 5), 20), topic_group="Дороги", topic="Ямы", region="Тула")
    fill(store, pd.concat([usual, new]))
    found = overview.movers(store, WEEK, LAST_DAY, "topic")
    assert found[["topic_group", "topic", "direction"]].to_numpy().tolist() == [["Дороги", "Ямы", "rising"]]
    assert np.isinf(found.loc[0, "ratio"])
    assert overview.movers(store, replace(WEEK, topics=("Отопление",)), LAST_DAY, "topic").empty


@pytest.mark.parametrize(
    ("compare", "before", "direction"),
    [("usual", (7 * 20 + 30) / 8 * 7, "rising"), ("previous", 7 * 30, "rising"), ("last_year", 7 * 80, "falling")],
)
def test_what_moved_is_told_against_what_the_reader_chose(
    store: Store, compare: str, before: float, direction: str
) -> None:
    a_day = [40 if back < 7 else 30 if back < 14 else 80 if 364 <= back < 371 else 20 for back in range(400)]
    fill(
        store,
        steady(
            {LAST_DAY - timedelta(days=back): n for back, n in enumerate(a_day)},
            region="Тула",
            topic="Ямы",
            topic_group="Дороги",
        ),
    )
    for by in ("topic", "region"):
        (row,) = overview.movers(store, replace(WEEK, compare=compare), LAST_DAY, by).to_dict("records")
        assert (row["now"], row["usual"], row["direction"]) == (7 * 40, before, direction)


def test_nothing_moved_against_a_year_that_was_not_loaded(store: Store) -> None:
    a_day = [60 if back < 7 else 20 for back in range(200)]
    days = {LAST_DAY - timedelta(days=back): n for back, n in enumerate(a_day)}
    fill(store, steady(days, region="Тула", topic="Ямы", topic_group="Дороги"))
    assert len(overview.movers(store, replace(WEEK, compare="previous"), LAST_DAY, "topic")) == 1
    assert overview.movers(store, replace(WEEK, compare="last_year"), LAST_DAY, "topic").empty


def test_regions_that_joined_or_ended_are_not_called_movers(store: Store) -> None:
    chance = np.random.default_rng(12)
    weeks_of(store, {f"Область {place}": [7 * int(n) for n in chance.poisson(20, 14)] for place in range(5)})
    joined = steady(dict.fromkeys(days_before(LAST_DAY, 20), 50), region="Новая область")
    fill(store, joined, source="ПОС")
    gone = LAST_DAY - timedelta(days=20)
    fill(
        store,
        steady(dict.fromkeys(days_before(gone, 90), 50), region="Старая область"),
        source="бывшая",
        full_until=gone,
    )
    found = overview.movers(store, Filters(), LAST_DAY, "region", limit=20)
    assert not {"Новая область", "Старая область"} & set(found["region"])


def test_no_more_than_the_limit_of_each_direction_are_named(full: Store) -> None:
    for by, names in overview.MOVERS.items():
        found = overview.movers(full, Filters(), LAST_DAY, by, limit=1)
        assert list(found.columns)[: len(names)] == names
        assert found["direction"].is_unique


def test_asking_what_moved_by_something_unknown_is_one_plain_sentence(full: Store) -> None:
    with pytest.raises(BadInput, match="choose one of region, municipality, topic_group, topic"):
        overview.movers(full, Filters(), LAST_DAY, "channel")
