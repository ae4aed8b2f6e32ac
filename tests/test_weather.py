"""Weather: files, the store, what an origin may know of it, and its features."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics import __main__ as command_line
from analytics.errors import BadInput
from analytics.store import Store, open_store
from analytics.weather import (
    MEASURES,
    check_weather,
    forecast_error,
    import_weather,
    known_weather,
    list_weather,
    read_weather,
    weather_features,
)

SNOW = ROOT.parent / "shared" / "bench" / "snow" / "weather.csv"
ORIGIN = date(2026, 1, 20)


def written(file: Path, *lines: str, header: str = "day,place,issued_on,temperature_c,rain_mm,snow_cm,wind_ms") -> Path:
    file.write_text("\n".join([header, *lines, ""]), encoding="utf-8")
    return file


def years(place: str = "", first: str = "2023-01-01", last: str = "2026-01-31", seed: int = 1) -> pd.DataFrame:
    """Observed weather with a winter, noise from day to day, and snow on cold days."""
    random, days = np.random.default_rng(seed), pd.date_range(first, last)
    normal = 5 - 15 * np.cos(2 * np.pi * (days.day_of_year.to_numpy() - 20) / 365.25)
    temperature = normal + random.normal(0, 3, len(days))
    wet = np.where(random.random(len(days)) < 0.3, random.gamma(1, 5, len(days)), 0)
    return pd.DataFrame(
        {
            "day": days,
            "place": place,
            "temperature_c": temperature,
            "rain_mm": np.where(temperature > 1, wet, 0),
            "snow_cm": np.where(temperature <= 1, wet, 0),
            "wind_ms": random.gamma(4, 1, len(days)),
        }
    )


def issued(observed: pd.DataFrame, *, leads: range, factor: float = 1.0, warmer: float = 0.0) -> pd.DataFrame:
    """Forecasts of these days at each lead."""
    parts = []
    for lead in leads:
        part = observed.assign(issued_on=observed["day"] - pd.Timedelta(days=lead))
        part["temperature_c"] += warmer
        part[["rain_mm", "snow_cm", "wind_ms"]] *= factor
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def days_after(origin: date, count: int) -> pd.DatetimeIndex:
    return pd.date_range(pd.Timestamp(origin) + pd.Timedelta(days=1), periods=count)


# Files and the store


def test_rows_that_cannot_be_are_rejected_with_line_and_reason(tmp_path: Path) -> None:
    file = written(
        tmp_path / "a.csv",
        '2026-01-05,Москва,,-12.5,0,"3,5",4',
        "05.01.2026,Москва,2026-01-03,-10,0,2,4",
        "2026-01-05,Москва,,451,0,0,4",
        "2026-01-05,Москва,,-10,-1,0,4",
        "2026-01-05,Москва,,cold,0,0,4",
        "2026-01-05,Москва,,,,,",
        "2026-01-05,Москва,2026-01-06,-10,0,2,4",
        ",Москва,,-10,0,2,4",
        "tomorrow,Москва,,-10,0,2,4",
        "2026-01-06,Москва,soon,-10,0,2,4",
        "2026-01-06,Москва,,-10,0,2,900",
    )
    weather, rejected, notices = read_weather(file)
    assert weather[["issued_on", "temperature_c", "snow_cm"]].astype(object).where(weather.notna(), None).to_dict(
        "records"
    ) == [
        {"issued_on": pd.Timestamp("2026-01-03"), "temperature_c": -10.0, "snow_cm": 2.0},
        {"issued_on": None, "temperature_c": -12.5, "snow_cm": 3.5},
    ]
    assert dict(zip(rejected["line"], rejected["reason"], strict=True)) == {
        4: "absurd_temperature_c",
        5: "absurd_rain_mm",
        6: "unreadable_temperature_c",
        7: "no_measure",
        8: "issued_after_its_day",
        9: "no_day",
        10: "unreadable_day",
        11: "unreadable_issued_on",
        12: "absurd_wind_ms",
    }
    assert notices == []


def test_a_day_and_one_measure_are_enough_in_csv_and_parquet(tmp_path: Path) -> None:
    text = written(tmp_path / "a.csv", "2026-01-05,3", "2026-01-06,", "2026-01-05,4", header="Day,SNOW_CM")
    pd.DataFrame({"day": pd.to_datetime(["2026-01-05"]), "snow_cm": [4.0]}).to_parquet(tmp_path / "a.parquet")
    for file in (text, tmp_path / "a.parquet"):
        weather, _, _ = read_weather(file)
        assert weather[["day", "place", "snow_cm"]].to_dict("records") == [
            {"day": pd.Timestamp("2026-01-05"), "place": "", "snow_cm": 4.0}
        ]
        assert weather["issued_on"].isna().all() and weather["temperature_c"].isna().all()
    assert read_weather(text)[2] == [{"kind": "repeated_row", "value": "", "rows": 1}]


def test_a_table_without_a_day_or_any_measure_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="day"):
        read_weather(written(tmp_path / "a.csv", "Москва,3", header="place,snow_cm"))
    with pytest.raises(BadInput, match="snow_cm"):
        read_weather(written(tmp_path / "b.csv", "2026-01-01,Москва", header="day,place"))
    with pytest.raises(BadInput, match="Row 2 .* absurd snow cm"):
        check_weather(pd.DataFrame({"day": ["2026-01-01"] * 2, "snow_cm": [1, -1]}))


def test_places_are_named_as_regions_and_a_missing_measure_erases_nothing(store: Store, tmp_path: Path) -> None:
    first = import_weather(
        store, written(tmp_path / "a.csv", "2026-01-05,Калужская обл.,,-3,0,1,2", "2026-01-05,Лапута,,-3,0,1,2")
    )
    assert (first.read, first.new, first.rejected) == (2, 2, 0)
    assert first.notices == [{"kind": "region", "value": "Лапута", "rows": 1}]
    second = import_weather(
        store, written(tmp_path / "b.csv", "2026-01-05,Калужская область,-4,", header="day,place,temperature_c,wind_ms")
    )
    assert (second.new, second.updated, second.unchanged) == (0, 1, 0)
    found = list_weather(store)
    assert found[["place", "temperature_c", "wind_ms"]].to_dict("records") == [
        {"place": "Калужская область", "temperature_c": -4.0, "wind_ms": 2.0},
        {"place": "Лапута", "temperature_c": -3.0, "wind_ms": 2.0},
    ]
    pd.testing.assert_frame_equal(check_weather(found), found)


def test_a_list_can_be_held_to_what_was_known_on_a_day(store: Store) -> None:
    table = pd.DataFrame(
        {
            "day": ["2026-01-05", "2026-01-06", "2026-01-06", "2026-01-06"],
            "issued_on": [None, None, "2026-01-04", "2026-01-05"],
            "snow_cm": [1, 2, 3, 4],
        }
    )
    import_weather(store, table)
    assert list_weather(store, known_on=date(2026, 1, 5))["snow_cm"].tolist() == [1, 3, 4]
    assert list_weather(store, known_on=date(2026, 1, 4))["snow_cm"].tolist() == [3]
    assert len(list_weather(store)) == 4


@pytest.fixture(scope="module")
def shared_store() -> Iterator[Store]:
    with tempfile.TemporaryDirectory() as folder, closing(open_store(Path(folder) / "store")) as opened:
        yield opened


JANUARY = st.integers(1, 9).map(lambda day: f"2026-01-0{day}")
ROWS = st.dictionaries(
    st.tuples(JANUARY, st.sampled_from(["", "Москва"]), JANUARY | st.just("")),
    st.tuples(st.floats(-100, 70).map(lambda value: round(value, 1)) | st.none(), st.integers(-1, 30) | st.none()),
    min_size=1,
    max_size=12,
).map(lambda rows: [(*key, *values) for key, values in rows.items()])


@given(rows=ROWS, order=st.randoms(use_true_random=False))
@settings(max_examples=15, deadline=None)
def test_importing_twice_changes_nothing_and_the_order_of_rows_does_not_matter(
    shared_store: Store, rows: list[tuple], order: object
) -> None:
    def table() -> pd.DataFrame:
        return pd.DataFrame(rows, columns=["day", "place", "issued_on", "temperature_c", "snow_cm"])

    shared_store.write(lambda cursor: cursor.execute("delete from weather"))
    first = import_weather(shared_store, table())
    assert first.read == len(rows) == first.new + first.updated + first.unchanged + first.rejected
    before = list_weather(shared_store)
    assert len(before) == first.new
    order.shuffle(rows)  # type: ignore[attr-defined]
    second = import_weather(shared_store, table())
    assert (second.new, second.updated, second.rejected) == (0, 0, first.rejected)
    pd.testing.assert_frame_equal(list_weather(shared_store), before)


def test_the_command_says_what_became_of_every_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORERUNNER_STORE", str(tmp_path / "store"))

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["python -m analytics", "weather", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            command_line.main()
        said = capsys.readouterr()
        return int(end.value.code or 0), said.out, said.err

    file = written(tmp_path / "a.csv", "2026-01-05,,,-3,0,1,2", "2026-01-05,,,-300,0,1,2")
    code, out, err = run("import", tmp_path / "none.csv")
    assert (code, out) == (2, "") and err.endswith(".\n") and not (tmp_path / "store").exists()
    told = json.loads(run("import", file, "--json")[1])
    assert (told["read"], told["new"], told["rejected"]) == (2, 1, 1)
    assert told["rejects"] == [{"line": 3, "reason": "absurd_temperature_c"}]
    code, out, _ = run("import", file)
    assert (code, out.splitlines()[1]) == (0, "  line 3: absurd temperature c")


# What is known from an origin


def test_observed_goes_before_forecast_and_forecast_before_climatology() -> None:
    observed = years()
    ahead = issued(observed[observed["day"] > "2026-01-15"], leads=range(1, 4), warmer=1)
    known = known_weather(pd.concat([observed, ahead]), ORIGIN, pd.date_range("2026-01-19", "2026-01-26"), [""])
    assert known["temperature_c_source"].tolist() == ["observed"] * 2 + ["forecast"] * 3 + ["climatology"] * 3
    assert known["lead"].fillna(0).tolist() == [0, 0, 1, 2, 3, 0, 0, 0]
    truth = observed.set_index("day")["temperature_c"].reindex(known["day"]).to_numpy()
    np.testing.assert_allclose(known["temperature_c"][:5], truth[:5] + [0, 0, 1, 1, 1])
    spread = known["temperature_c_spread"].to_numpy()
    assert (spread[:2] == 0).all() and (spread[2:] > 0).all()
    assert abs(known["temperature_c"].iloc[-1] - -10) < 2 and 2 < spread[-1] < 5


def test_nothing_observed_or_issued_after_the_origin_is_ever_used() -> None:
    observed = years(last="2026-02-20")
    weather = pd.concat([observed, issued(observed[observed["day"] > "2025-12-01"], leads=range(0, 9))])
    seen = (weather["issued_on"].isna() & (weather["day"] <= str(ORIGIN))) | (weather["issued_on"] <= str(ORIGIN))
    changed = weather.copy()
    changed.loc[~seen, list(MEASURES)] = 1.0
    days = pd.date_range("2026-01-10", "2026-02-10")
    first = known_weather(weather[seen], ORIGIN, days, ["", "Москва"])
    for other in (weather, changed):
        pd.testing.assert_frame_equal(known_weather(other, ORIGIN, days, ["", "Москва"]), first)
        pd.testing.assert_frame_equal(forecast_error(other, ORIGIN), forecast_error(weather[seen], ORIGIN))
        ours, theirs = (weather_features(table, ORIGIN, days, [""]) for table in (other, weather[seen]))
        np.testing.assert_array_equal(ours.values, theirs.values)
        np.testing.assert_array_equal(ours.spread, theirs.spread)


@given(issue=st.integers(-5, 5), value=st.floats(0, 50))
@settings(max_examples=25, deadline=None)
def test_a_forecast_counts_only_if_it_was_issued_by_the_origin_and_the_newest_wins(issue: int, value: float) -> None:
    day = pd.Timestamp(ORIGIN) + pd.Timedelta(days=6)
    rows = pd.DataFrame(
        {
            "day": [day, day],
            "issued_on": [pd.Timestamp(ORIGIN) + pd.Timedelta(days=issue), pd.Timestamp(ORIGIN) - pd.Timedelta(days=2)],
            "snow_cm": [value, 77.0],
        }
    ).drop_duplicates("issued_on")
    (known,) = known_weather(rows, ORIGIN, [day], [""])["snow_cm"]
    assert known == (value if -2 <= issue <= 0 else 77.0)


def test_a_place_without_rows_of_its_own_has_those_of_everywhere_and_else_nothing() -> None:
    both = pd.concat([years(), years("Москва", seed=2)])
    known = known_weather(both, ORIGIN, [ORIGIN], ["Москва", "Тула"]).set_index("place")["temperature_c"]
    assert known["Москва"] == years("Москва", seed=2).set_index("day").loc[str(ORIGIN), "temperature_c"]
    assert known["Тула"] == years().set_index("day").loc[str(ORIGIN), "temperature_c"]
    alone = known_weather(years("Москва"), ORIGIN, [ORIGIN], ["Тула"])
    assert alone["temperature_c_source"].tolist() == ["unknown"] and alone["temperature_c"].isna().all()


def test_the_climate_of_a_day_is_learned_from_the_same_days_of_past_years() -> None:
    weather = years(last=str(ORIGIN))
    known = known_weather(weather, ORIGIN, pd.date_range("2026-02-01", "2027-01-20"), [""])
    normal = 5 - 15 * np.cos(2 * np.pi * (known["day"].dt.day_of_year.to_numpy() - 20) / 365.25)
    assert np.abs(known["temperature_c"] - normal).max() < 2.5
    assert known["temperature_c_spread"].between(2, 5).all()
    summer = known["day"].dt.month == 7
    assert known["snow_cm"][summer].max() < 0.2 < known["snow_cm"].iloc[-1]


def test_the_error_of_forecasts_is_learned_by_lead_and_grows_where_nothing_was_seen() -> None:
    observed = years("Москва", first="2025-01-01")
    random = np.random.default_rng(5)
    ahead = issued(observed, leads=range(1, 6))
    lead = (ahead["day"] - ahead["issued_on"]).dt.days
    ahead["temperature_c"] += random.normal(0, 0.5 * lead)
    ahead["snow_cm"] = (ahead["snow_cm"] * random.lognormal(0, 0.3 * lead)).clip(upper=300)
    errors = forecast_error(pd.concat([observed, ahead]), ORIGIN).set_index(["measure", "lead"])
    learned = errors.loc["temperature_c"]["spread"]
    np.testing.assert_allclose(learned.loc[1:5], 0.5 * np.arange(1, 6), rtol=0.15)
    assert (learned.loc[5:].diff().dropna() >= 0).all()
    snow = errors.loc["snow_cm"]["spread"]
    assert snow[1] == pytest.approx(0.3, abs=0.1) and snow[4] > 2 * snow[1]
    assert errors.loc["temperature_c"]["cases"].loc[[1, 9]].tolist() == [len(observed) - 11, 0]
    unseen = forecast_error(observed, ORIGIN).set_index(["measure", "lead"])
    assert unseen.loc["snow_cm"]["spread"][7] == pytest.approx(0.1 + 0.15 * 7)


def test_perfect_forecasts_of_the_past_make_those_to_come_trusted() -> None:
    observed = years(last="2026-02-20")
    perfect = pd.concat([observed, issued(observed[observed["day"] > "2025-10-01"], leads=range(1, 8))])
    none = pd.concat([observed, issued(observed[observed["day"] > str(ORIGIN)], leads=range(1, 8))])
    day = days_after(ORIGIN, 7)
    trusted, doubted = (known_weather(table, ORIGIN, day, [""])["temperature_c_spread"] for table in (perfect, none))
    assert (trusted < 0.5 * doubted).all()


# Features


def features_of(weather: pd.DataFrame, first: str, last: str, place: str = "") -> pd.DataFrame:
    """The features of observed days, a column each."""
    found = weather_features(weather, weather["day"].max().date(), pd.date_range(first, last), [place])
    return pd.DataFrame(found.values[0], index=found.days, columns=list(found.names))


def mild(**changes: dict[str, float]) -> pd.DataFrame:
    """A year of 12 °C without rain, snow or wind, except on the days that are given."""
    days = pd.date_range("2025-06-01", "2026-05-31")
    weather = pd.DataFrame({"day": days, "temperature_c": 12.0, "rain_mm": 0.0, "snow_cm": 0.0, "wind_ms": 2.0})
    for measure, values in changes.items():
        for day, value in values.items():
            weather.loc[weather["day"] == day, measure] = value
    return weather


def test_thresholds_and_their_lags_fall_on_the_right_days() -> None:
    weather = mild(snow_cm={"2026-01-10": 12.0}, rain_mm={"2026-01-11": 31.0}, wind_ms={"2026-01-12": 15.0})
    found = features_of(weather, "2026-01-08", "2026-01-20")
    for name, day in (
        ("snow_10", "2026-01-10"),
        ("snow_3", "2026-01-10"),
        ("rain_30", "2026-01-11"),
        ("wind_14", "2026-01-12"),
    ):
        for lag in range(8):
            column = found[f"{name}@{lag}"]
            assert column[column > 0].index.tolist() == [pd.Timestamp(day) + pd.Timedelta(days=lag)]


def test_the_first_cold_spell_comes_once_a_season_on_its_fifth_day() -> None:
    cold = {str(day.date()): 3.0 for day in pd.date_range("2025-10-03", "2025-10-09")}
    cold |= {str(day.date()): 3.0 for day in pd.date_range("2025-11-01", "2025-11-20")}
    found = features_of(mild(temperature_c=cold), "2025-09-01", "2026-03-01")["first_cold_spell@0"]
    assert found[found > 0].index.tolist() == [pd.Timestamp("2025-10-07")]


def test_drops_thaws_and_refreezing_are_seen() -> None:
    days = pd.date_range("2026-01-01", "2026-01-31")
    frost = {str(day.date()): -8.0 for day in days}
    weather = mild(temperature_c={**frost, "2026-01-20": 2.0, "2026-01-21": -4.0}, snow_cm={"2026-01-10": 15.0})
    found = features_of(weather, "2025-12-25", "2026-01-31")
    assert found["sudden_drop@0"].idxmax() == pd.Timestamp("2026-01-01")  # from 12 to -8
    assert found["thaw_after_snow@0"][lambda column: column > 0].index.tolist() == [pd.Timestamp("2026-01-20")]
    assert found["refreeze@0"][lambda column: column > 0].index.min() == pd.Timestamp("2026-01-21")
    lying = found["snow_lying@0"]
    assert lying["2026-01-09"] == 0 < lying["2026-01-19"] < lying["2026-01-10"] == pytest.approx(1.5)
    assert found["heating@0"]["2026-01-15"] == pytest.approx(2.6)


def test_measures_that_nobody_gave_have_no_features_and_unknown_days_add_nothing() -> None:
    weather = mild(snow_cm={"2026-01-10": 5.0})[["day", "snow_cm"]]
    weather = weather[weather["day"] != "2026-01-12"]
    found = weather_features(
        weather, date(2026, 5, 31), pd.date_range("2026-01-08", "2026-01-14"), ["Тула"], lags=(0, 1)
    )
    assert {name.partition("@")[0] for name in found.names} == {"snow_log", "snow_3", "snow_10", "snow_lying"}
    assert found.values.shape == (1, 7, 8)
    assert np.isfinite(found.values).all()
    nowhere = weather_features(years("Москва"), ORIGIN, pd.date_range("2026-01-08", "2026-02-14"), ["Тула"])
    assert not nowhere.values.any()


def test_ahead_of_the_origin_a_threshold_becomes_its_probability() -> None:
    observed = years(last="2026-02-20")
    ahead = observed[observed["day"].between("2026-01-21", "2026-01-23")].assign(snow_cm=[40.0, 10.0, 0.0])
    weather = pd.concat([observed, issued(ahead, leads=range(1, 8))])
    found = weather_features(weather, ORIGIN, pd.date_range("2026-01-15", "2026-02-10"), [""], lags=(0,))
    snow = pd.Series(found.values[0, :, found.names.index("snow_10@0")], index=found.days)
    spread = pd.Series(found.spread[0, :, found.names.index("snow_10@0")], index=found.days)
    assert snow["2026-01-21"] == 1 and 0 < snow["2026-01-22"] < 1 and snow["2026-01-23"] == 0
    later = snow["2026-01-27":]
    assert (later.between(0, 0.7)).all() and 0 < later.mean() < 0.4  # as often as in past winters
    assert set(snow[:"2026-01-20"]) <= {0.0, 1.0} and (spread[:"2026-01-20"] == 0).all()
    assert (spread["2026-01-27":] > 0).any()


def test_the_real_winter_is_read_and_known_day_by_day() -> None:
    if not SNOW.is_file():
        pytest.skip("the benchmark with snow is not beside the project")
    weather, rejected, _ = read_weather(SNOW)
    assert rejected.empty and len(weather) > 800
    found = weather_features(weather, date(2017, 3, 13), pd.date_range("2017-02-01", "2017-03-20"), ["district 01"])
    snow = pd.Series(found.values[0, :, found.names.index("snow_10@1")], index=found.days)
    fallen = weather.set_index("day")["snow_cm"]
    days = pd.date_range("2017-02-01", "2017-03-13")
    assert ((snow[days] > 0) == (fallen[days - pd.Timedelta(days=1)].to_numpy() >= 10)).all()
