"""The forecast engine: table in, table out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from analytics import negative_binomial as counts_of
from analytics.almanac import Almanac, regressors
from analytics.distribution import LEVELS, QUANTILES, spread_out
from analytics.errors import BadInput
from analytics.forecast import PARTS, forecast, parts, probability
from analytics.panel import dense_panel, totals
from analytics.rhythm import convolved, fit_effects


def panel(days: int = 500, regions: int = 3, topics: int = 2, *, mean: float = 6.0, seed: int = 1) -> pd.DataFrame:
    """Negative binomial counts with a weekly rhythm, from 2023-01-02 on."""
    chance = np.random.default_rng(seed)
    day = pd.date_range("2023-01-02", periods=days)
    rhythm = np.where(day.day_of_week < 5, 1.2, 0.5)
    rows = [
        pd.DataFrame({"day": day, "region": f"r{r}", "topic": f"t{t}", "complaints": chance.poisson(
            mean * (1 + r) * rhythm * chance.gamma(5, 0.2, days))})
        for r in range(regions)
        for t in range(topics)
    ]  # fmt: skip
    return pd.concat(rows, ignore_index=True)


@pytest.fixture(scope="module")
def found() -> pd.DataFrame:
    return forecast(panel(), 28)


def test_each_day_and_series_has_a_row_with_a_mean_and_quantiles(found: pd.DataFrame) -> None:
    assert list(found.columns) == ["day", "region", "topic", "mean", *QUANTILES]
    assert len(found) == 28 * (6 + 3 + 2 + 1)
    assert found["day"].min() == pd.Timestamp("2024-05-16")
    assert not found.duplicated(["day", "region", "topic"]).any()
    assert sum(found.attrs["method"].values()) == 6


def test_quantiles_are_whole_counts_that_never_cross(found: pd.DataFrame) -> None:
    values = found[QUANTILES].to_numpy()
    assert (values == np.floor(values)).all() and (values >= 0).all()
    assert (np.diff(values, axis=1) >= 0).all()


def test_means_of_totals_are_the_sums_of_their_series(found: pd.DataFrame) -> None:
    own = found[(found["region"] != "*") & (found["topic"] != "*")]
    by_region = found[(found["region"] != "*") & (found["topic"] == "*")]
    sums = own.groupby(["region", "day"])["mean"].sum().to_numpy()
    assert by_region.sort_values(["region", "day"])["mean"].to_numpy() == pytest.approx(sums, rel=1e-12)
    grand = found[(found["region"] == "*") & (found["topic"] == "*")]
    assert grand.sort_values("day")["mean"].to_numpy() == pytest.approx(own.groupby("day")["mean"].sum().to_numpy())


def test_probability_and_quantiles_are_of_one_distribution(found: pd.DataFrame) -> None:
    for level in (0.1, 0.5, 0.9):
        at = found[f"{level:g}"]
        reached = 1 - probability(found, at + 1)["probability"]  # P(Y <= quantile)
        below = 1 - probability(found, at)["probability"]  # P(Y < quantile)
        assert (reached >= level - 1e-6).all()
        assert (below[at > 0] < level + 1e-6).all()
    chosen = found[found["region"] == "r1"].sort_values("mean")
    assert probability(chosen, 10)["probability"].to_numpy() == pytest.approx(
        probability(found, 10)["probability"].loc[chosen.index].to_numpy()
    )


def test_weekends_of_a_quiet_weekend_are_forecast_quiet(found: pd.DataFrame) -> None:
    own = found[(found["region"] == "r2") & (found["topic"] == "t0")]
    weekend = own["day"].dt.day_of_week >= 5
    assert own["mean"][weekend].mean() / own["mean"][~weekend].mean() == pytest.approx(0.5 / 1.2, abs=0.12)


def test_intervals_hold_what_they_promise() -> None:
    held = []
    for seed in range(6):
        whole = panel(460, mean=4.0, seed=seed)
        ahead = forecast(whole, 28, end=whole["day"].unique()[-29]).merge(whole, on=["day", "region", "topic"])
        chance = np.random.default_rng(seed)
        shape = forecast(whole, 28, end=whole["day"].unique()[-29])
        rows = shape.merge(whole, on=["day", "region", "topic"], how="left")["complaints"]
        below = 1 - probability(shape, rows.fillna(0))["probability"].to_numpy()
        at_most = 1 - probability(shape, rows.fillna(0) + 1)["probability"].to_numpy()
        place = (below + (at_most - below) * chance.random(len(rows)))[rows.notna().to_numpy()]
        held.append(((place >= 0.1) & (place <= 0.9)).mean())
        assert len(ahead) == rows.notna().sum()
    assert 0.75 <= np.mean(held) <= 0.86


@pytest.mark.parametrize(("common", "least", "most"), [(True, 1.8, 3.2), (False, 0.8, 1.35)])
def test_the_interval_of_a_total_knows_whether_its_series_move_together(
    *, common: bool, least: float, most: float
) -> None:
    chance = np.random.default_rng(8)
    day = pd.date_range("2023-01-02", periods=428)
    shock = chance.gamma(8, 1 / 8, len(day))
    rows = [
        pd.DataFrame({"day": day, "region": f"r{number}", "topic": "t", "complaints": chance.poisson(
            20 * (shock if common else chance.gamma(8, 1 / 8, len(day))))})
        for number in range(8)
    ]  # fmt: skip
    table = pd.concat(rows)
    found = forecast(table, 28, end=day[399])
    own, whole = found[found["region"] != "*"], found[(found["region"] == "*") & (found["topic"] == "*")]
    own = own[own["topic"] == "t"]
    squares = ((own["0.9"] - own["0.1"]) ** 2).groupby(own["day"]).sum()
    alone = np.sqrt(squares).to_numpy()  # were they independent
    assert least < ((whole["0.9"] - whole["0.1"]).to_numpy() / alone).mean() < most
    came = table[table["day"] > day[399]].groupby("day")["complaints"].sum().to_numpy()
    held = (came >= whole["0.05"]) & (came <= whole["0.95"])
    assert held.mean() > 0.75


def test_nothing_after_the_origin_changes_a_forecast() -> None:
    whole = panel(400)
    end = pd.Timestamp("2023-12-20")
    changed = whole.copy()
    after = changed["day"] > end
    changed.loc[after, "complaints"] = np.random.default_rng(3).permutation(changed.loc[after, "complaints"]) * 50
    pd.testing.assert_frame_equal(forecast(whole, 14, end=end), forecast(changed, 14, end=end))
    pd.testing.assert_frame_equal(forecast(whole, 14, end=end), forecast(whole[~after], 14))


def test_parts_multiply_to_the_mean() -> None:
    table, ahead = panel(400), forecast(panel(400), 14, almanac=Almanac("RU"))
    found = parts(table, 14, almanac=Almanac("RU"))
    assert found[list(PARTS)].prod(axis=1).to_numpy() == pytest.approx(found["mean"].to_numpy())
    assert found["mean"].to_numpy() == pytest.approx(ahead["mean"].to_numpy(), rel=1e-6)


@pytest.mark.parametrize("days", [1, 5, 13, 20, 45, 200])
def test_a_short_history_still_gives_a_sensible_forecast(days: int) -> None:
    table = panel(days)
    found = forecast(table, 28)
    assert np.isfinite(found["mean"]).all()
    grand = found[(found["region"] == "*") & (found["topic"] == "*")]["mean"].mean()
    assert 0.4 < grand / table.groupby("day")["complaints"].sum().mean() < 2.5


def test_series_of_zeros_late_ones_and_those_that_stopped_are_forecast() -> None:
    whole = panel(400)
    whole.loc[whole["region"] == "r0", "complaints"] = 0
    stopped = (whole["region"] == "r1") & (whole["day"] > "2023-08-01")
    late = (whole["region"] == "r2") & (whole["day"] < "2024-01-20")
    found = forecast(whole[~stopped & ~late], 28)
    own = found[(found["region"] != "*") & (found["topic"] != "*")].groupby("region")["mean"].mean()
    assert own["r0"] < 0.05 and own["r1"] < 0.05 * 12 and 8 < own["r2"] < 30


def test_unknown_days_are_not_taken_for_quiet_ones() -> None:
    table = panel(400, mean=20.0)
    hole = table["day"] > "2024-01-15"
    unknown, quiet = table.copy(), table.copy()
    unknown["complaints"] = unknown["complaints"].astype(float).mask(hole)
    quiet["complaints"] = quiet["complaints"].mask(hole, 0)
    usual = forecast(table, 7)["mean"].sum()
    assert forecast(unknown, 7)["mean"].sum() == pytest.approx(usual, rel=0.15)
    assert forecast(quiet, 7)["mean"].sum() < usual / 2


def test_municipalities_add_up_to_their_region() -> None:
    table = panel(200, regions=4).rename(columns={"region": "municipality"})
    table.insert(1, "region", np.where(table["municipality"].isin(["r0", "r1"]), "north", "south"))
    found = forecast(table, 7)
    assert list(found.columns)[:5] == ["day", "region", "municipality", "topic", "mean"]
    north = found[(found["region"] == "north") & (found["municipality"] != "*") & (found["topic"] != "*")]["mean"].sum()
    total = found[(found["region"] == "north") & (found["municipality"] == "*") & (found["topic"] == "*")]["mean"].sum()
    assert north == pytest.approx(total)


def test_a_holiday_is_learned_and_a_users_own_day_too() -> None:
    table = panel(900, mean=30.0)
    off = regressors(pd.DatetimeIndex(table["day"].unique()), Almanac("RU")).off
    quiet = table["day"].isin(table["day"].unique()[off])
    table.loc[quiet, "complaints"] //= 4
    found = forecast(table, 14, end=pd.Timestamp("2024-12-28"), almanac=Almanac("RU"))
    grand = found[(found["region"] == "*") & (found["topic"] == "*")].set_index("day")["mean"]
    assert grand["2025-01-02"] < 0.6 * grand["2025-01-09"]
    own = pd.DataFrame({"day": pd.to_datetime(["2025-01-09"]), "name": ["Day of the city"]})
    with_own = forecast(table, 14, end=pd.Timestamp("2024-12-28"), almanac=Almanac("RU", days=own))
    assert (
        with_own[with_own["day"] == "2025-01-09"]["mean"].sum()
        < 0.8 * found[found["day"] == "2025-01-09"]["mean"].sum()
    )


def test_a_spike_is_not_chased() -> None:
    table = panel(300, mean=10.0)
    spiked = table.copy()
    spiked.loc[spiked["day"] == spiked["day"].max(), "complaints"] += 1000
    usual, after = forecast(table, 28)["mean"].sum(), forecast(spiked, 28)["mean"].sum()
    assert after < 1.5 * usual


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"drop": "topic"}, "panel_columns"),
        ({"day": "yesterday"}, "panel_days"),
        ({"complaints": -1}, "panel_counts"),
        ({"complaints": 1.5}, "panel_counts"),
    ],
)
def test_a_bad_panel_is_refused(change: dict, code: str) -> None:
    table = panel(20)
    table = table.drop(columns=change["drop"]) if "drop" in change else table.assign(**change)
    with pytest.raises(BadInput) as error:
        forecast(table)
    assert error.value.code == code


def test_a_horizon_or_country_that_cannot_be_is_refused() -> None:
    for horizon in (0, 366):
        with pytest.raises(BadInput):
            forecast(panel(20), horizon)
    with pytest.raises(BadInput):
        Almanac("XX")
    with pytest.raises(BadInput):
        forecast(panel(20), end=pd.Timestamp("2020-01-01"))


def test_a_year_ahead_is_forecast() -> None:
    found = forecast(panel(800, regions=2, topics=1), 365)
    assert len(found) == 365 * (2 + 2 + 1 + 1)
    assert np.isfinite(found["mean"]).all()


def test_rows_of_one_day_are_summed_and_an_empty_count_is_unknown() -> None:
    table = pd.DataFrame(
        {
            "day": ["2024-01-01", "2024-01-01", "2024-01-04", "2024-01-03"],
            "region": "r",
            "topic": "t",
            "complaints": [2, 3, 1, None],
        }
    )
    dense = dense_panel(table)
    assert dense.summed == 1
    np.testing.assert_array_equal(dense.counts, [[5, 0, np.nan, 1]])
    assert [len(level.series) for level in totals(dense)] == [1, 1, 1]


def test_the_pooled_regression_is_a_poisson_regression_when_nothing_is_pooled() -> None:
    chance = np.random.default_rng(4)
    days = pd.date_range("2023-01-02", periods=140)
    design = regressors(days, Almanac()).values
    counts = chance.poisson(np.exp(2.5 + design @ np.linspace(-0.5, 0.5, design.shape[1])))[None].astype(float)
    free = fit_effects(counts, design, np.full(design.shape[1], 50.0), np.zeros((1, design.shape[1])))[0]
    oracle = sm.GLM(counts[0], sm.add_constant(design), family=sm.families.Poisson()).fit().params[1:]
    assert free == pytest.approx(oracle, abs=0.12)  # its level may bend a little


@settings(deadline=None)
@given(
    mean=st.floats(0.01, 50_000),
    dispersion=st.floats(0.02, 10),
    level=st.floats(0.01, 0.99),
)
def test_quantiles_are_those_of_scipy(mean: float, dispersion: float, level: float) -> None:
    found = counts_of.quantiles(np.array([level]), np.array([mean]), np.array([dispersion]))[0, 0]
    law = stats.nbinom(1 / dispersion, 1 / (1 + mean * dispersion))
    assert law.cdf(found) >= level - 1e-9
    assert found == 0 or law.cdf(found - 1) < level + 1e-9
    assert len(LEVELS) == 13


@pytest.mark.parametrize(("days", "reach"), [(1, 1), (40, 40), (365, 56), (365, 240)])
def test_smoothing_is_the_convolution_of_scipy(days: int, reach: int) -> None:
    values = np.random.default_rng(6).poisson(3, (4, days)).astype(float)
    kernel = 0.5 ** (np.abs(np.arange(-reach, reach + 1)) / 7)
    oracle = np.stack([np.convolve(row, kernel)[reach : reach + days] for row in values])
    np.testing.assert_allclose(convolved(values, kernel), oracle, rtol=1e-9, atol=1e-9)


@settings(deadline=None)
@given(dispersion=st.floats(0.02, 10), level=st.floats(0.01, 0.99))
def test_small_means_counted_up_and_large_ones_inverted_agree(dispersion: float, level: float) -> None:
    mean = np.array([0.001, 0.05, 0.4, 3.0, 11.9, 12.0, 12.1, 400.0])
    law = stats.nbinom(1 / dispersion, 1 / (1 + mean * dispersion))
    found = counts_of.quantiles(np.array([level]), mean, np.full(len(mean), dispersion))[:, 0]
    assert (law.cdf(found) >= level - 1e-9).all()
    assert ((found == 0) | (law.cdf(found - 1) < level + 1e-9)).all()


def test_the_evidence_for_a_dispersion_is_its_likelihood() -> None:
    chance = np.random.default_rng(5)
    counts = chance.poisson([[0.1], [4.0], [300.0]], (3, 50)).astype(float)  # some beyond what is looked up
    mean, weight = chance.gamma(2.0, counts.mean(axis=1, keepdims=True), counts.shape), chance.random(counts.shape)
    laws = [stats.nbinom(1 / a, 1 / (1 + mean * a)).logpmf(counts) for a in counts_of.GRID]
    oracle = np.stack([(weight * law).sum(axis=1) for law in laws], axis=1)
    found = counts_of.evidence(counts, mean, weight)
    assert found - found[:, :1] == pytest.approx(oracle - oracle[:, :1], rel=1e-7, abs=1e-7)


def test_what_an_event_explains_is_surer_than_bursts_and_calm_days_stay_as_they_were() -> None:
    calm, dispersion, nothing = np.array([0.5, 0.5, 0.5, 0.5]), np.full(4, 6.0), np.zeros(4)
    assert np.allclose(spread_out(dispersion, calm, calm, nothing), dispersion)
    assert np.allclose(spread_out(dispersion, calm / 3, calm, nothing), dispersion)  # fewer than on calm days
    means = np.array([0.5, 2.0, 8.0, 40.0])
    found = spread_out(dispersion, means, calm, nothing)
    assert (np.diff(found) < 0).all()
    surely, hardly = (1 - counts_of.at_most(2.0, 40.0, one[-1]) for one in (found, dispersion))
    assert surely > 0.9
    assert hardly < 0.5
    doubtful = spread_out(dispersion, means, calm, np.full(4, 0.5))
    assert (doubtful > found).all()


def test_holidays_of_a_user_are_read_or_refused(tmp_path: Path) -> None:
    from analytics.almanac import read_days  # noqa: PLC0415

    file = tmp_path / "days.csv"
    file.write_text("day,name\n2025-08-30,Republic Day\n", encoding="utf-8")
    assert read_days(file)["day"].iloc[0] == pd.Timestamp("2025-08-30")
    file.write_text("day,name\n30.08.2025,Republic Day\n", encoding="utf-8")
    with pytest.raises(BadInput):
        read_days(file)
