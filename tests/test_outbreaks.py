"""Outbreaks now: found when there, seldom said when not, and never by looking ahead."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from analytics import quasi_poisson
from analytics.__main__ import app
from analytics.almanac import Almanac
from analytics.errors import BadInput
from analytics.outbreaks import WARM_UP, judge, outbreaks
from analytics.panel import Panel

FIRST = pd.Timestamp("2021-01-04")
DAYS = 900


def made(means: np.ndarray, seed: int = 0, spread: float = 1.5) -> Panel:
    """Series × days of counts with these means and this variance / mean."""
    random = np.random.default_rng(seed)
    size = means / (spread - 1.0)
    counts = random.negative_binomial(size, 1.0 / spread).astype(np.float32)
    series = pd.DataFrame({"region": [f"r{number}" for number in range(len(means))], "topic": "roads"})
    return Panel(pd.date_range(FIRST, periods=means.shape[1]), series, counts)


def weekly(level: float, series: int = 1, days: int = DAYS) -> np.ndarray:
    """A level with quiet weekends and a yearly wave."""
    day = np.arange(days)
    return np.tile(level * np.where(day % 7 >= 5, 0.5, 1.0) * np.exp(0.3 * np.sin(day / 58.1)), (series, 1))


def test_the_regression_is_that_of_statsmodels() -> None:
    """With a wide prior the means are those of a generalised linear model with weights and an offset."""
    random = np.random.default_rng(1)
    day = np.arange(200)
    terms = np.column_stack([np.ones(200), np.sin(day / 9), day % 7 == 6, day / 200])
    exposure = random.uniform(0.5, 1.0, 200)
    counts = random.poisson(8 * np.exp(0.4 * terms[:, 1]) * exposure, (3, 200)).astype(float)
    weights = random.choice([0.0, 0.3, 1.0], (3, 200))
    level, coefficients = quasi_poisson.fit(terms, counts, weights, exposure, np.full((3, 4), 1e4))
    found = quasi_poisson.predict(terms, level, coefficients, exposure)
    for number in range(3):
        model = sm.GLM(
            counts[number], terms, family=sm.families.Poisson(), offset=np.log(exposure), freq_weights=weights[number]
        )
        np.testing.assert_allclose(found[number], model.fit().fittedvalues, rtol=1e-4)


def test_the_dispersion_is_found() -> None:
    """Variance over mean of counts that are twice as spread as Poisson ones."""
    means = np.full((4, 5000), 20.0)
    panel = made(means, spread=2.0)
    found = quasi_poisson.dispersion(panel.counts.astype(float), means, np.ones_like(means))
    np.testing.assert_allclose(found, 2.0, rtol=0.1)


def test_quiet_series_seldom_alarm() -> None:
    """On series without outbreaks the share of alarms is near the one asked for, also with little or no past."""
    for level, days, most in ((12.0, DAYS, 1.5), (0.3, DAYS, 1.5), (200.0, DAYS, 1.5), (12.0, 200, 2.0)):
        for share in (0.01, 0.05):
            _, _, said = judge(made(weekly(level, 40, days)), days - 112, share, Almanac())
            assert 0.3 * share < said.mean() < most * share, (level, days, share)


def test_very_sparse_series_alarm_less_often_than_allowed() -> None:
    """One complaint in twenty days: a single one is no outbreak."""
    panel = made(np.full((100, DAYS), 0.05), spread=1.05)
    _, _, said = judge(panel, DAYS - 112, 0.02, Almanac())
    assert said.mean() < 0.02
    assert not said[panel.counts[:, -112:] < 2].any()


def test_an_outbreak_is_found_at_its_start_and_ends() -> None:
    """Three weeks of twice the usual are said within three days, and not long after their end."""
    means = weekly(15.0, 30)
    begin = DAYS - 60
    means[:, begin : begin + 21] *= 2.2
    expected, score, said = judge(made(means), DAYS - 112, 0.02, Almanac())
    at = begin - (DAYS - 112)
    assert said[:, at : at + 3].any(axis=1).mean() > 0.9
    assert said[:, at + 28 :].mean() < 0.04
    assert np.nanmean(score[:, at : at + 7]) > np.nanmean(score[:, :at]) + 1
    assert abs(np.nanmean(expected[:, :at]) / means[:, begin - at : begin].mean() - 1) < 0.1


def test_a_sparse_series_alarms_by_its_week() -> None:
    """Few complaints a day: one or two more each day for a week are seen in the sum."""
    means = np.full((60, DAYS), 0.2)
    begin = DAYS - 40
    means[:, begin : begin + 10] = 1.6
    _, _, said = judge(made(means, spread=1.05), DAYS - 112, 0.02, Almanac())
    at = begin - (DAYS - 112)
    assert said[:, at : at + 10].any(axis=1).mean() > 0.8


def test_a_day_that_is_busy_every_year_is_no_outbreak() -> None:
    """What the same date brought in the years before is expected, though no calendar names it."""
    means = weekly(15.0, 30, 4 * 365)
    days = pd.date_range(FIRST, periods=means.shape[1])
    busy = (days.month == 11) & (days.day == 20)
    means[:, busy] *= 4
    first = int(np.flatnonzero(busy)[-1])
    expected, _, said = judge(made(means), first, 0.02, Almanac())
    assert said[:, 0].mean() < 0.15
    assert np.median(expected[:, 0] / means[:, first]) > 0.7


def test_rows_that_are_still_to_come_are_allowed_for() -> None:
    """Half of the last day's complaints have arrived: twice the usual is then seen as what it is."""
    means = weekly(40.0, 20)
    panel = made(means)
    panel.counts[:, -1] = np.round(means[:, -1])  # as many as on a usual day, and only half have come
    share = pd.DataFrame({"day": [panel.days[-1]], "share": [0.5]})
    expected, _, said = judge(panel, DAYS - 28, 0.02, Almanac(), share)
    without, _, silent = judge(panel, DAYS - 28, 0.02, Almanac())
    np.testing.assert_allclose(expected[:, -1] * 2, without[:, -1], rtol=0.02)
    assert said[:, -1].mean() > 0.7
    assert silent[:, -1].mean() < 0.2


@settings(max_examples=12, deadline=None)
@given(cut=st.integers(min_value=1, max_value=60), seed=st.integers(min_value=0, max_value=50))
def test_a_panel_cut_later_changes_no_earlier_answer(cut: int, seed: int) -> None:
    """Every day is judged with only the past known, whichever day is asked for first."""
    panel = made(weekly(4.0, 3), seed)
    shorter = Panel(panel.days[:-cut], panel.series, panel.counts[:, :-cut])
    first = DAYS - 100
    whole, part = judge(panel, first, 0.02, Almanac()), judge(shorter, first + 7, 0.02, Almanac())
    for all_days, some in zip(whole, part, strict=True):
        np.testing.assert_array_equal(all_days[:, 7:-cut], some)


def test_nothing_is_said_of_a_young_series() -> None:
    """Eight weeks must be known; the days before them have no score."""
    panel = made(weekly(10.0, 2, 200))
    panel.counts[1, :120] = np.nan
    _, score, said = judge(panel, 0, 0.02, Almanac())
    assert np.isnan(score[:, :WARM_UP]).all()
    assert np.isnan(score[1, : 120 + WARM_UP]).all()
    assert not said[np.isnan(score)].any()
    assert not np.isnan(score[0, -28:]).any()


def table_of(panel: Panel) -> pd.DataFrame:
    """The panel as rows."""
    wide = pd.DataFrame(panel.counts.T, index=panel.days, columns=panel.series["region"])
    long = wide.rename_axis(index="day").reset_index().melt("day", var_name="region", value_name="complaints")
    return long.assign(topic="roads", complaints=long["complaints"].astype(int))


def test_the_command_writes_a_row_for_each_day_and_series(tmp_path: Path) -> None:
    """From a file to a file, with the columns that are promised."""
    means = weekly(15.0, 4, 400)
    means[0, -5:] *= 3
    table_of(made(means)).to_csv(tmp_path / "panel.csv", index=False)
    out = tmp_path / "outbreaks.csv"
    first = str((FIRST + pd.Timedelta(days=390)).date())
    done = CliRunner().invoke(
        app, ["outbreaks", "--panel", str(tmp_path / "panel.csv"), "--from", first, "--out", str(out)]
    )
    assert done.exit_code == 0, done.output
    found = pd.read_csv(out)
    assert list(found) == ["day", "region", "topic", "expected", "score", "outbreak"]
    assert len(found) == 10 * 4
    assert found[found["region"] == "r0"]["outbreak"].sum() >= 3


def test_what_cannot_be_judged_is_said_in_a_sentence() -> None:
    """A share of false alarms out of bounds, and a first day after the last."""
    panel = made(weekly(5.0, 1, 100))
    with pytest.raises(BadInput, match=r"from 0\.0001 to 0\.2"):
        outbreaks(panel, false_alarms=0.5)
    with pytest.raises(BadInput, match="nothing can be judged"):
        outbreaks(panel, date(2030, 1, 1))
