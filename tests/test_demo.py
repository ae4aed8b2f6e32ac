"""The demo country: its numbers are as asked, its files agree, and its truth says exactly what events did."""

from __future__ import annotations

import hashlib
import json
from datetime import date, timedelta
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest

from analytics.demo import DemoCountry, build
from analytics.demo.calendar import national_events
from analytics.demo.cells import contains, cut, polygons, signed_area, voronoi_cells
from analytics.demo.places import REFERENCE, read_settings, read_table
from analytics.demo.weather import calendar_days
from analytics.errors import BadInput
from analytics.presets import presets

END, DAYS, COMPLAINTS = date(2024, 3, 31), 200, 240_000
ADDED_BY_THE_STORE = {"first_seen_at", "changed_at", "closed_seen_at", "last_import", "text", "export_changed_at"}
EVENT_COLUMNS = "id,type,title,starts_on,ends_on,region,municipality,topic,strength,unit,known_since,source,cancelled"


@pytest.fixture(scope="module")
def country(tmp_path_factory: pytest.TempPathFactory) -> DemoCountry:
    """A winter at the usual number of complaints a day."""
    return build(tmp_path_factory.mktemp("demo"), complaints=COMPLAINTS, days=DAYS, end=END, seed=7)


@pytest.fixture(scope="module")
def complaints(country: DemoCountry) -> pd.DataFrame:
    return read(country)


@pytest.fixture(scope="module")
def cells(country: DemoCountry) -> dict[tuple[str, str], list[np.ndarray]]:
    collection = json.loads(country.geometry.read_text(encoding="utf-8"))
    return {
        (feature["properties"]["region"], feature["properties"]["municipality"]): rings_of(feature)
        for feature in collection["features"]
    }


def read(country: DemoCountry) -> pd.DataFrame:
    return pd.concat([pd.read_parquet(path) for path in country.complaints], ignore_index=True)


def rings_of(feature: dict) -> list[np.ndarray]:
    return [np.array(ring[:-1]) for polygon in feature["geometry"]["coordinates"] for ring in polygon]


def counted(complaints: pd.DataFrame) -> pd.Series:
    return complaints.groupby(["region", "topic_group", complaints["opened_at"].dt.date], observed=True).size()


def test_the_columns_are_those_of_the_store(complaints: pd.DataFrame) -> None:
    schema = (Path(__file__).parent.parent / "analytics" / "schema.sql").read_text(encoding="utf-8")
    with duckdb.connect() as connection:
        connection.execute(schema)
        types = connection.execute("select column_name, column_type from (describe complaints)").fetchall()
    expected = {name: kind for name, kind in types if name not in ADDED_BY_THE_STORE}
    assert list(complaints.columns) == list(expected)
    assert {name for name, kind in expected.items() if kind == "TIMESTAMP"} == {
        str(name) for name in complaints.select_dtypes("datetime").columns
    }


def test_there_are_exactly_as_many_complaints_as_asked_for(country: DemoCountry, complaints: pd.DataFrame) -> None:
    assert country.rows == len(complaints) == COMPLAINTS
    assert complaints["id"].is_unique
    assert complaints["id"].iloc[[0, -1]].tolist() == ["ДЕМО-0000000001", f"ДЕМО-{COMPLAINTS:010d}"]
    assert complaints["opened_at"].is_monotonic_increasing
    assert complaints["opened_at"].dt.date.agg(["min", "max"]).tolist() == [END - timedelta(DAYS - 1), END]


def test_the_same_seed_gives_the_same_country_and_another_seed_another(tmp_path: Path) -> None:
    digests = []
    for name, seed in (("first", 3), ("again", 3), ("other", 4)):
        made = build(tmp_path / name, complaints=4_000, days=60, end=date(2025, 2, 1), seed=seed)
        files = [*made.complaints, made.truth, made.events, made.weather, made.municipalities, made.geometry]
        digests.append([hashlib.sha256(path.read_bytes()).hexdigest() for path in files])
    assert digests[0] == digests[1]
    assert not set(digests[0]) & set(digests[2])


def test_without_an_event_exactly_its_extra_complaints_are_missing(
    country: DemoCountry, complaints: pd.DataFrame, tmp_path: Path
) -> None:
    types = ["snowfall", "heating_start", "new_year"]
    quiet = build(tmp_path, complaints=COMPLAINTS, days=DAYS, end=END, seed=7, without_types=types)
    truth = pd.read_parquet(country.truth)
    extra = truth[truth["type"].isin(types)].groupby(["region", "topic_group", "day"], observed=True)["extra"].sum()
    difference = counted(complaints).sub(counted(read(quiet)), fill_value=0)
    together = pd.concat([difference, extra], axis=1, keys=["seen", "said"]).fillna(0)
    assert (together["seen"] == together["said"]).all()
    assert (together["said"] > 0).any() and (together["said"] < 0).any()


def test_the_drawn_extras_are_about_the_expected_ones(country: DemoCountry) -> None:
    truth = pd.read_parquet(country.truth)
    assert not truth.duplicated(["event_id", "region", "municipality", "topic_group", "day"]).any()
    sums = truth.groupby("type", observed=True)[["expected", "extra"]].sum()
    large = sums[sums["expected"].abs() > 500]
    assert {"snowfall", "heating_start", "new_year", "outbreak"} <= set(large.index)
    assert large["extra"].div(large["expected"]).between(0.85, 1.15).all()


def test_times_are_in_order_and_none_is_after_the_end(complaints: pd.DataFrame) -> None:
    last_moment = pd.Timestamp(END) + pd.Timedelta("23:59:59")
    for column in ("opened_at", "closed_at", "first_answer_at"):
        assert complaints[column].max() <= last_moment
    closed = complaints[complaints["closed_at"].notna()]
    assert (closed["closed_at"] >= closed["opened_at"]).all()
    answered = complaints[complaints["first_answer_at"].notna()]
    assert (answered["first_answer_at"] >= answered["opened_at"]).all()
    assert not (answered["first_answer_at"] > answered["closed_at"]).any()
    assert (complaints["status"].isin(["closed", "declined"]) == complaints["closed_at"].notna()).all()


def test_about_one_complaint_in_eight_is_overdue_and_the_last_weeks_are_partly_open(complaints: pd.DataFrame) -> None:
    due = complaints[complaints["due_at"].notna() & (complaints["opened_at"] < pd.Timestamp(END) - pd.Timedelta("60D"))]
    overdue = 1 - (due["closed_at"] <= due["due_at"]).mean()
    assert 0.09 < overdue < 0.16
    recent = complaints[complaints["opened_at"] > pd.Timestamp(END) - pd.Timedelta("7D")]
    assert recent["closed_at"].isna().mean() > 0.4
    assert due["closed_at"].isna().mean() < 0.02


def test_some_complaints_come_again_within_thirty_days(complaints: pd.DataFrame) -> None:
    keys = ["region", "municipality", "topic_group"]
    again = pd.Series(False, index=complaints.index)
    for place in (["latitude", "longitude"], ["sender_key"]):
        known = complaints.dropna(subset=place)
        gap = known.groupby(keys + place, observed=True)["opened_at"].diff()
        again[gap[gap <= pd.Timedelta("30D")].index] = True
    assert 0.06 < again.mean() < 0.15


def test_complaints_of_a_day_vary_more_than_by_chance(complaints: pd.DataFrame) -> None:
    housing = complaints[complaints["topic_group"] == "ЖКХ"]
    table = housing.groupby([housing["opened_at"].dt.date, "region"], observed=True).size().unstack(fill_value=0)
    table.index = pd.to_datetime(table.index)
    workdays = table[table.index.day_of_week < 4]
    weeks = workdays.resample("W")
    assert weeks.var().sum().sum() / weeks.mean().sum().sum() > 1.3


def test_weekends_and_the_new_year_are_quiet(complaints: pd.DataFrame) -> None:
    by_day = complaints.groupby(complaints["opened_at"].dt.date).size()
    by_day.index = pd.to_datetime(by_day.index)
    weekday = by_day.index.day_of_week
    usual = by_day[(weekday < 5) & (by_day.index < "2023-12-20")].mean()
    assert 0.5 < by_day[(weekday > 4) & (by_day.index < "2023-12-20")].mean() / usual < 0.85
    assert by_day["2024-01-01":"2024-01-08"].mean() / usual < 0.7


def test_snow_is_complained_about_in_winter(complaints: pd.DataFrame) -> None:
    snow = complaints[complaints["topic"] == "Уборка снега во дворах"]["opened_at"].dt.month.value_counts()
    assert snow[1] > 10 * snow.get(9, 0)


def test_a_day_without_any_complaint_of_a_large_region_is_a_portal_outage(
    country: DemoCountry, complaints: pd.DataFrame
) -> None:
    table = complaints.groupby([complaints["opened_at"].dt.date, "region"], observed=True).size().unstack(fill_value=0)
    large = table[table.columns[table.mean() > 15]]
    empty = {(region, day) for region in large for day in large.index[large[region] == 0]}
    truth = pd.read_parquet(country.truth)
    outages = truth[truth["type"] == "portal_outage"]
    assert empty and empty <= set(zip(outages["region"], outages["day"], strict=True))


def test_a_channel_is_silent_on_the_days_of_its_outage(country: DemoCountry, complaints: pd.DataFrame) -> None:
    truth = pd.read_parquet(country.truth)
    outages = truth[truth["title"].str.startswith("Сбой выгрузки: ")][["region", "title", "day"]].drop_duplicates()
    outages["channel"] = outages["title"].str.removeprefix("Сбой выгрузки: ")
    of_channels = outages[outages["channel"] != "весь регион"]
    came = complaints.assign(day=complaints["opened_at"].dt.date).merge(of_channels, on=["region", "channel", "day"])
    assert len(of_channels) > 50 and came.empty


def test_events_are_those_that_were_known_on_the_last_day(country: DemoCountry) -> None:
    events = pd.read_csv(country.events, parse_dates=["starts_on", "ends_on", "known_since"])
    assert ",".join(events.columns) == EVENT_COLUMNS
    assert events["id"].is_unique
    assert (events["known_since"] <= pd.Timestamp(END)).all()
    assert (events["starts_on"] <= events["ends_on"]).all()
    assert {"school_start", "hot_water_off", "city_day"} & set(events[events["starts_on"] > pd.Timestamp(END)]["type"])
    assert not {"outbreak", "portal_outage"} & set(events["type"])
    cancelled = events[events["cancelled"]]
    truth = pd.read_parquet(country.truth)
    assert len(cancelled) and not truth["event_id"].isin(cancelled["id"]).any()


def test_weather_is_observed_up_to_the_end_and_forecast_only_as_issued(country: DemoCountry) -> None:
    weather = pd.read_csv(country.weather, parse_dates=["day", "issued_on"])
    observed, issued = weather[weather["issued_on"].isna()], weather[weather["issued_on"].notna()]
    assert len(observed) == 83 * DAYS + 83 * 60 and observed["day"].max() == pd.Timestamp(END)
    assert (issued["day"] > issued["issued_on"]).all() and issued["issued_on"].max() == pd.Timestamp(END)
    january = observed[observed["day"].dt.month == 1].groupby("place")["temperature_c"].mean()
    assert january["Республика Саха (Якутия)"] < -25 < january["Краснодарский край"] - 20


def test_municipalities_are_plausible(country: DemoCountry) -> None:
    table = pd.read_csv(country.municipalities)
    assert 2_200 < len(table) < 2_400 and table["region"].nunique() == 83
    assert not table.duplicated(["region", "municipality"]).any()
    regions = {row["name_ru"]: int(row["population_2020"]) for row in read_table("ru_regions.csv")}
    people = table.groupby("region")["population"].sum()
    assert all(abs(people[region] / count - 1) < 0.05 for region, count in regions.items())


def test_cells_fill_their_regions(country: DemoCountry, cells: dict[tuple[str, str], list[np.ndarray]]) -> None:
    assert country.geometry.stat().st_size < 5_000_000
    names = {row["iso"]: row["name_ru"] for row in read_table("ru_regions.csv")}
    for feature in json.loads((REFERENCE / "ru_regions.geojson").read_text(encoding="utf-8"))["features"]:
        region = rings_of(feature)
        mine = [cell for (name, _), cell in cells.items() if name == names[feature["properties"]["iso"]]]
        area = sum(signed_area(ring) for ring in region)
        assert sum(signed_area(ring) for cell in mine for ring in cell) == pytest.approx(area, rel=0.005)
        corners = np.vstack(region)
        points = np.random.default_rng(1).uniform(corners.min(axis=0), corners.max(axis=0), (300, 2))
        times_covered = np.sum([contains(cell, points) for cell in mine], axis=0)
        assert (times_covered != contains(region, points)).mean() < 0.01


def test_complaints_lie_in_their_municipality_on_a_coarse_grid(
    complaints: pd.DataFrame, cells: dict[tuple[str, str], list[np.ndarray]]
) -> None:
    placed = complaints.dropna(subset=["latitude"]).sample(20_000, random_state=1)
    inside = [
        contains(cells[place], group[["longitude", "latitude"]].to_numpy()).sum()
        for place, group in placed.groupby(["region", "municipality"], observed=True)
    ]
    assert sum(inside) / len(placed) > 0.995  # the outlines are rounded to 100 m, so that a few lie on the border
    for column, step in (("latitude", 0.002), ("longitude", 0.003)):
        steps = placed[column] / step
        assert (steps - steps.round()).abs().max() < 1e-6


def test_official_pages_belong_to_social_channels(complaints: pd.DataFrame) -> None:
    social = complaints["channel"].isin(["ВКонтакте", "Telegram", "Одноклассники"])
    assert (complaints["official_page"].notna() == social).all()
    assert complaints.groupby("official_page", observed=True)["region"].nunique().max() == 1


def test_a_line_cuts_a_horseshoe_into_two_pieces() -> None:
    horseshoe = np.array([[0, 0], [0, 4], [1, 4], [1, 1], [3, 1], [3, 4], [4, 4], [4, 0]], dtype=float)
    above = cut([horseshoe], np.array([0.0, 2.0]), np.array([0.0, -1.0]))
    assert sorted(abs(signed_area(ring)) for ring in above) == [2.0, 2.0]
    below = cut([horseshoe], np.array([0.0, 2.0]), np.array([0.0, 1.0]))
    assert [abs(signed_area(ring)) for ring in below] == [6.0]


def test_a_hole_stays_a_hole_of_its_cell() -> None:
    square = np.array([[0, 0], [0, 8], [8, 8], [8, 0]], dtype=float)
    hole = np.array([[1, 1], [3, 1], [3, 3], [1, 3]], dtype=float)
    left, right = voronoi_cells([square, hole], np.array([[2.0, 4.0], [6.0, 4.0]]))
    assert [sum(signed_area(ring) for ring in cell) for cell in (left, right)] == [-28.0, -32.0]
    assert [[len(polygon) for polygon in polygons(cell)] for cell in (left, right)] == [[2], [1]]
    assert contains(left, np.array([[2.0, 2.0], [0.5, 0.5]])).tolist() == [False, True]


def test_holidays_and_working_saturdays_are_those_of_the_production_calendar() -> None:
    days = calendar_days(date(2024, 1, 1), 366)
    events = [event for event in national_events(days) if event.type in ("may_holidays", "working_weekend", "new_year")]
    off = {days[day] for event in events for day in event.days_off}
    assert {date(2024, 1, 8), date(2024, 4, 29), date(2024, 5, 10), date(2024, 12, 31)} <= off
    assert not {date(2024, 1, 9), date(2024, 5, 2), date(2024, 4, 27)} & off
    assert date(2024, 4, 27) in {days[event.starts] for event in events if event.type == "working_weekend"}


@pytest.mark.parametrize("end", [date(2019, 7, 1), date(2041, 1, 20)])
def test_any_year_has_a_demo_country(tmp_path: Path, end: date) -> None:
    made = build(tmp_path, complaints=2_000, days=60, end=end)
    assert len(read(made)) == 2_000


@pytest.mark.parametrize(
    ("given", "word"), [({"days": 59}, "days"), ({"complaints": 9}, "complaints"), ({"seed": -1}, "seed")]
)
def test_what_cannot_be_built_is_refused_in_a_sentence(tmp_path: Path, given: dict[str, int], word: str) -> None:
    with pytest.raises(BadInput, match=word):
        build(tmp_path, end=END, **given)


def test_the_reference_files_agree_with_each_other() -> None:
    groups = [row["topic_group_ru"] for row in read_table("topic_groups_ru.csv")]
    topics = {row["topic_ru"]: row["topic_group_ru"] for row in read_table("topics_ru.csv")}
    assert [row["topic_group_ru"] for row in read_table("demo_topic_groups.csv")] == groups
    assert list(dict.fromkeys(topics.values())) == groups and len(topics) == len(read_table("topics_ru.csv"))
    for settings in read_settings("demo_events.toml").values():
        for effect in settings["effects"]:
            assert effect["topic_group"] in [*groups, "*", "own"]
            assert {topics[topic] for topic in effect.get("topics", [])} <= {effect["topic_group"]}
    country = read_settings("demo_country.toml")
    for season in country["seasons"].values():
        assert set(season) <= set(topics)
    channels = {row["channel_ru"] for row in read_table("channels_ru.csv")}
    assert {channel["name"] for channel in country["channels"]} <= channels
    assert set(presets()["incident"].base.values["channel"].values()) <= channels
