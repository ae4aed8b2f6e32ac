"""Where and when: each number against a plain pandas oracle on the raw complaints."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analytics.filters import COUNTED, Filters
from analytics.store import Store, open_store
from analytics.where import ahead, calendar, compared, has_points, hours, points
from tests.countries import REGIONS, make_store

AS_OF = date(2026, 11, 19)
WEEK = Filters(AS_OF - timedelta(days=6), AS_OF)


@pytest.fixture(scope="module")
def country(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    store = open_store(make_store(tmp_path_factory.mktemp("where"), days=480, a_day=3))
    yield store
    store.close()


@pytest.fixture(scope="module")
def rows(country: Store) -> pd.DataFrame:
    found = country.query("select * from complaints")
    return found[found["kind"].isin(COUNTED)].assign(day=found["opened_at"].dt.normalize())


def between(rows: pd.DataFrame, first: date, last: date) -> pd.DataFrame:
    return rows[rows["day"].between(pd.Timestamp(first), pd.Timestamp(last))]


@pytest.mark.parametrize("by", [("region",), ("region", "municipality"), ("region", "topic_group")])
@pytest.mark.parametrize("days", [7, 10])
def test_places_are_compared_with_the_weeks_before_and_the_year_before(
    country: Store, rows: pd.DataFrame, by: tuple[str, ...], days: int
) -> None:
    first = AS_OF - timedelta(days=days - 1)
    found = compared(country, Filters(first, AS_OF), AS_OF, by).set_index(list(by))
    now = between(rows, first, AS_OF).groupby(list(by)).size()
    year = timedelta(days=364)
    assert found["complaints"].to_dict() == now.to_dict()
    assert found["last_year"].to_dict() == between(rows, first - year, AS_OF - year).groupby(list(by)).size().to_dict()
    base = between(rows, first - timedelta(weeks=8), first - timedelta(days=1))
    often = pd.Series([day.weekday() for day in pd.date_range(first, AS_OF)]).value_counts()
    usual = base.assign(weight=base["day"].dt.day_of_week.map(often) / 8).groupby(list(by))["weight"].sum()
    assert np.allclose(found["usual"], usual.reindex(found.index))
    enough = found["usual"] >= 5
    assert np.allclose(found["against_usual"][enough], (found["complaints"] / found["usual"])[enough])
    assert found["against_usual"][~enough].isna().all()


def test_a_place_loaded_too_short_is_compared_with_nothing(tmp_path: Path) -> None:
    store = open_store(make_store(tmp_path, days=30, a_day=3))
    found = compared(store, WEEK, AS_OF, ("region",))
    assert (found["complaints"] > 0).all()
    assert found[["usual", "against_usual", "last_year", "against_last_year"]].isna().all(axis=None)
    store.close()


def test_people_of_the_region_make_the_rate(country: Store) -> None:
    found = compared(country, WEEK, AS_OF, ("region",)).set_index("region")
    people = country.query("select region, population from regions").set_index("region")["population"]
    for region in REGIONS:
        assert found.loc[region, "per_1000"] == pytest.approx(found.loc[region, "complaints"] / people[region] * 1000)
    assert compared(country, WEEK, AS_OF, ("topic_group",))["per_1000"].isna().all()


def test_filters_narrow_what_is_compared(country: Store, rows: pd.DataFrame) -> None:
    chosen = Filters(WEEK.first_day, AS_OF, regions=REGIONS[:1], channels=("ПОС",))
    found = compared(country, chosen, AS_OF, ("region",))
    week = between(rows, AS_OF - timedelta(days=6), AS_OF)
    assert found["complaints"].tolist() == [((week["region"] == REGIONS[0]) & (week["channel"] == "ПОС")).sum()]


def test_each_day_of_the_calendar_has_its_count(country: Store, rows: pd.DataFrame) -> None:
    found = calendar(country, Filters(), AS_OF).set_index("day")["complaints"]
    expected = rows[rows["day"] <= pd.Timestamp(AS_OF)].groupby("day").size()
    assert found.to_dict() == expected[expected.index >= found.index[0]].to_dict()
    surge = calendar(country, Filters(), AS_OF).set_index("day")["against_usual"]
    assert surge.iloc[-1] > 1.3
    assert surge.iloc[-8] == pytest.approx(1.0)


def test_hours_of_the_week_are_counted(country: Store, rows: pd.DataFrame) -> None:
    found = hours(country, WEEK, AS_OF)
    week = between(rows, AS_OF - timedelta(days=6), AS_OF)
    expected = week.groupby([week["opened_at"].dt.day_of_week, week["opened_at"].dt.hour]).size()
    told = found.set_index(["weekday", "hour"])["complaints"]
    assert len(found) == 168
    assert told[told > 0].to_dict() == expected.to_dict()
    assert found.attrs == {"complaints": len(week), "without_time": 0}


def test_an_export_without_times_has_no_hours(country: Store, tmp_path: Path) -> None:
    store = open_store(make_store(tmp_path, days=20, a_day=1))
    store.write(lambda cursor: cursor.execute("update complaints set opened_at = date_trunc('day', opened_at)"))
    found = hours(store, WEEK, AS_OF)
    assert found["complaints"].sum() == 0
    assert found.attrs["complaints"] == 0
    assert found.attrs["without_time"] == 98
    store.close()


def test_points_are_counted_in_cells_and_the_rest_is_told(tmp_path: Path) -> None:
    store = open_store(make_store(tmp_path, days=20, a_day=2))
    assert not has_points(store)
    assert points(store, WEEK, AS_OF).empty
    sql = "update complaints set latitude = 54.5, longitude = 36.25 where region = 'Калужская область'"
    store.write(lambda cursor: cursor.execute(sql))
    found = points(store, WEEK, AS_OF)
    assert has_points(store)
    assert found["complaints"].sum() == found.attrs["complaints"] > 0
    assert found.attrs["without_place"] > 0
    assert abs(found["longitude"].iloc[0] - 36.25) <= found.attrs["step"][0]
    store.close()


def test_without_forecasts_there_is_nothing_ahead(country: Store) -> None:
    assert ahead(country, Filters()).empty
