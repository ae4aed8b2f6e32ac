"""Taking a series apart: the parts add up and are found again, changes of level are found and not invented."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pytest

from analytics.decompose import decompose
from analytics.errors import BadInput
from analytics.steps import find_steps

WORKING = np.array([1.2, 1.2, 1.2, 1.2, 1.2, 0.5, 0.5])


def made(
    days: int = 1096,
    mean: float = 20.0,
    dispersion: float = 0.1,
    seed: int = 1,
    *,
    season: float = 0.0,
    step: float = 0,
) -> pd.Series:
    """Negative binomial counts with a week and a year; `step`: the relative change of level after 60 % of the days."""
    chance = np.random.default_rng(seed)
    index = pd.date_range("2021-01-04", periods=days)
    at = np.arange(days)
    level = mean * WORKING[at % 7] * np.exp(season * np.sin(2 * np.pi * at / 365.25))
    level = level * np.where(at >= int(days * 0.6), 1 + step, 1)
    return pd.Series(chance.poisson(level * chance.gamma(1 / dispersion, dispersion, days)), index=index)


def test_the_parts_add_up_to_the_complaints() -> None:
    counts = made(season=0.3)
    parts = decompose(counts).parts
    assert list(parts.columns) == ["day", "complaints", "trend", "weekly", "yearly", "remainder"]
    total = parts[["trend", "weekly", "yearly", "remainder"]].sum(axis=1)
    assert total.to_numpy() == pytest.approx(counts.to_numpy(), abs=1e-9)
    assert abs(parts["remainder"].mean()) < 0.05 * counts.mean()


@pytest.mark.parametrize("mean", [0.4, 3.0, 60.0, 5000.0])
def test_week_and_year_are_found_again_at_any_volume(mean: float) -> None:
    parts = decompose(made(1826, mean, season=0.4)).parts
    week = parts.groupby(parts["day"].dt.day_of_week)["weekly"].mean()
    assert (week[5] - week[0]) / mean == pytest.approx(-0.7, abs=0.2)
    assert parts["trend"].mean() == pytest.approx(mean, rel=0.15)
    spring, autumn = (parts.loc[parts["day"].dt.month == month, "yearly"].mean() for month in (4, 10))
    assert (spring - autumn) / mean == pytest.approx(np.exp(0.4) - np.exp(-0.4), rel=0.3)


def test_below_two_years_there_is_no_yearly_part() -> None:
    found = decompose(made(500))
    assert not found.has_year and found.parts["yearly"].eq(0).all()
    assert decompose(made(800)).has_year


@pytest.mark.parametrize(
    ("days", "mean", "dispersion", "season"),
    [(1826, 10.0, 0.2, 0.3), (1096, 0.3, 0.8, 0.0), (400, 5.0, 0.3, 0.0)],
)
def test_a_level_that_stays_has_no_changes(days: int, mean: float, dispersion: float, season: float) -> None:
    found = [len(decompose(made(days, mean, dispersion, seed, season=season)).changes) for seed in range(60)]
    assert np.mean(np.array(found) > 0) < 0.05


@pytest.mark.parametrize("step", [0.4, -0.3])
@pytest.mark.parametrize("days", [400, 1826])
def test_a_clear_change_is_found_with_its_day_and_size(days: int, step: float) -> None:
    sure = []
    for seed in range(5):
        counts = made(days, 40.0, 0.03, seed, season=0.25 if days > 730 else 0.0, step=step)
        changes = decompose(counts).changes
        assert len(changes) == 1
        one = changes.iloc[0]
        assert abs((one["day"] - counts.index[int(days * 0.6)]).days) <= 10
        assert one["change"] == pytest.approx(step, abs=0.12)
        sure.append(one["probability"])
    assert np.mean(sure) > 0.8


def test_a_late_change_is_not_taken_for_a_season_and_a_fall_a_year_before() -> None:
    right = 0
    for seed in range(10):
        chance = np.random.default_rng(seed)
        level = np.where(np.arange(800) < 650, 10.0, 14.0)
        counts = pd.Series(chance.poisson(level), index=pd.date_range("2021-01-04", periods=800))
        changes = decompose(counts).changes
        right += len(changes) == 1 and abs((changes["day"].iloc[0] - counts.index[650]).days) <= 14
    assert right >= 9


@pytest.mark.parametrize(("days", "season"), [(740, 0.4), (900, 0.25), (1000, 0.0)])
def test_a_season_of_two_years_is_no_change(days: int, season: float) -> None:
    found = [len(decompose(made(days, 20.0, 0.1, seed, season=season)).changes) for seed in range(40)]
    assert np.mean(np.array(found) > 0) < 0.06


def test_the_trend_jumps_where_the_level_does() -> None:
    counts = made(1096, 40.0, 0.03, step=0.6)
    found = decompose(counts)
    trend = found.parts.set_index("day")["trend"]
    day = found.changes["day"].iloc[0]
    assert trend[day] / trend[day - pd.Timedelta(days=1)] == pytest.approx(1.6, abs=0.2)


def test_a_spike_of_three_days_is_no_change_and_leaves_the_trend() -> None:
    for seed in range(10):
        counts = made(730, 15.0, 0.1, seed)
        spiked = counts.copy()
        spiked.iloc[400:403] += 300
        found = decompose(spiked)
        assert found.changes.empty
        assert found.parts["trend"].iloc[395:410].max() < 1.3 * counts.mean()
        assert found.parts["remainder"].iloc[400:403].min() > 250


def test_steady_growth_is_a_trend_and_no_change() -> None:
    changed = 0
    for seed in range(10):
        counts = made(1826, 30.0, 0.1, seed, season=0.2)
        grown = pd.Series(np.random.default_rng(seed).poisson(counts * np.linspace(1, 2, 1826)), index=counts.index)
        changed += len(decompose(grown).changes) > 0
    assert changed <= 1


def test_unknown_days_have_a_trend_but_no_remainder() -> None:
    counts = made(500).astype(float)
    counts.iloc[200:230] = np.nan
    with_gap = counts.drop(counts.index[300:310])
    parts = decompose(with_gap).parts
    assert len(parts) == 500
    assert parts["remainder"].isna().sum() == 40
    assert parts[["trend", "weekly"]].notna().all().all()
    assert parts["trend"].iloc[200:230].mean() == pytest.approx(20, rel=0.15)


@pytest.mark.parametrize("days", [28, 30, 45, 70, 120])
@pytest.mark.parametrize("mean", [0.1, 8.0])
def test_a_short_or_quiet_series_is_taken_apart_too(days: int, mean: float) -> None:
    counts = made(days, mean)
    parts = decompose(counts).parts
    assert np.isfinite(parts.drop(columns="day").to_numpy()).all()
    assert (parts["trend"] >= 0).all()
    assert np.isfinite(decompose(counts * 0).parts["trend"]).all()


def test_what_cannot_be_taken_apart_is_refused() -> None:
    for series, code in (
        (made(27), "decompose_short"),
        (made(100) - 1000, "decompose_counts"),
        (made(100).reset_index(drop=True), "decompose_days"),
    ):
        with pytest.raises(BadInput) as error:
            decompose(series)
        assert error.value.code == code


def test_five_years_take_less_than_a_second() -> None:
    counts = made(1826, season=0.3)
    decompose(counts)
    began = time.process_time()
    decompose(counts)
    assert time.process_time() - began < 1


def test_steps_are_found_in_plain_numbers() -> None:
    values = np.random.default_rng(1).normal(0, 0.2, 150)
    values[50:100] += 1.0
    found = find_steps(values, harmonics=0)
    assert [step.week for step in found] == [50, 100]
    assert [step.after - step.before for step in found] == pytest.approx([1.0, -1.0], abs=0.15)
    assert all(step.probability > 0.9 for step in found)
    assert find_steps(values[:8], harmonics=0) == []
