"""The backtest: each measure against a slow obvious version, no look ahead, and the command."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy import stats
from test_forecast import panel

from analytics import __main__ as command_line
from analytics import scores
from analytics.almanac import Almanac
from analytics.backtest import (
    BUCKETS,
    CLASSES,
    backtest,
    calibration,
    judge,
    known_until,
    mean_volume,
    measure,
    origin_positions,
    score,
)
from analytics.distribution import LEVELS
from analytics.drivers import Drivers
from analytics.errors import BadInput
from analytics.event_days import event_days
from analytics.methods import METHODS, Ahead, Task, forerunner, known_quantiles, last_13, seasonal_naive
from analytics.panel import dense_panel
from analytics.significance import compare, diebold_mariano, ratio_interval, win_rate

QUICK = {name: METHODS[name] for name in ("last_13", "seasonal_naive")}


def exact(mean: np.ndarray, dispersion: float = 0.3) -> Ahead:
    """The true law of negative binomial counts, as a method that knows it would say it."""
    law = stats.nbinom(1 / dispersion, 1 / (1 + dispersion * mean))
    quantiles = np.stack([law.ppf(level) for level in LEVELS], axis=-1)
    return Ahead(np.concatenate([mean[..., None], quantiles], axis=-1), law.cdf)


@pytest.fixture(scope="module")
def judged() -> pd.DataFrame:
    return judge(panel(400), 3)


def one_task(days: int = 150) -> Task:
    return Task(dense_panel(panel(days)), 28)


# Single days


def test_the_losses_are_those_of_a_loop() -> None:
    chance = np.random.default_rng(1)
    actual = chance.poisson(5, (3, 4)).astype(float)
    quantiles = np.sort(chance.poisson(5, (3, 4, 13)), axis=-1).astype(float)
    found, area = scores.quantile_loss(actual, quantiles), scores.crps(actual, quantiles)
    for series in range(3):
        for day in range(4):
            losses = [
                2 * (level * (y - q) if y >= q else (1 - level) * (q - y))
                for y in [actual[series, day]]
                for level, q in zip(LEVELS, quantiles[series, day], strict=True)
            ]
            assert found[series, day] == pytest.approx(np.mean(losses))
            assert area[series, day] == pytest.approx(np.trapezoid([0, *losses, 0], [0, *LEVELS, 1]))


def test_the_score_from_quantiles_is_close_to_the_exact_one() -> None:
    law, counts = stats.nbinom(4, 0.2), np.arange(400)
    quantiles = law.ppf(LEVELS)[None, None, :]
    drawn = law.rvs(300, random_state=1).astype(float)
    rough = np.mean([scores.crps(np.array([[y]]), quantiles)[0, 0] for y in drawn])
    precise = np.mean([((law.cdf(counts) - (counts >= y)) ** 2).sum() for y in drawn])
    assert rough == pytest.approx(precise, rel=0.03)


def test_scales_are_the_errors_of_a_week_before_and_skip_unknown_days() -> None:
    counts = np.arange(20.0)[None] ** 2
    counts[0, 12] = np.nan
    steps = [counts[0, day] - counts[0, day - 7] for day in range(7, 20) if 12 not in (day, day - 7)]
    absolute, squared = scores.naive_scales(counts)
    assert absolute[0] == pytest.approx(np.mean(np.abs(steps)))
    assert squared[0] == pytest.approx(np.mean(np.square(steps)))


def test_transforms_of_a_true_distribution_are_uniform() -> None:
    chance = np.random.default_rng(2)
    for mean in (0.2, 3.0, 60.0):
        law = stats.nbinom(1 / 0.3, 1 / (1 + 0.3 * mean))
        drawn = law.rvs(4000, random_state=3)
        found = scores.transform(law.cdf(drawn - 1), law.cdf(drawn), chance.random(4000))
        assert stats.kstest(found, "uniform").pvalue > 0.01


def test_transforms_of_many_counts_are_uniform_from_quantiles_alone() -> None:
    law = stats.nbinom(5, 0.01)
    drawn = law.rvs(4000, random_state=3).astype(float)[None]
    quantiles = np.broadcast_to(law.ppf(LEVELS), (1, 4000, 13))
    found = scores.transform_by_quantiles(drawn, quantiles, np.random.default_rng(1).random((1, 4000)))
    assert stats.kstest(found[0], "uniform").statistic < 0.03  # even between the levels: close, not exact


@pytest.mark.parametrize(
    ("count", "low", "high"),
    [(0, 0.0, 0.2), (1, 0.3, 0.8), (2, 0.9, 0.9), (3, 0.925, 0.925), (4, 0.95, 0.975), (9, 0.975, 1.0)],
)
def test_a_count_lies_between_the_lowest_and_highest_level_whose_quantile_it_is(
    count: float, low: float, high: float
) -> None:
    quantiles = np.array([[[0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 2, 4, 4]]], dtype=float)
    lowest, highest = (
        scores.transform_by_quantiles(np.array([[float(count)]]), quantiles, np.array([[chance]]))[0, 0]
        for chance in (0.0, 1.0)
    )
    assert (lowest, highest) == pytest.approx((low, high))


# Methods


def test_the_last_13_same_weekdays_are_those_of_a_loop() -> None:
    task = one_task()
    counts, values = task.counts, last_13(task).values
    for ahead in (0, 6, 7, 20, 27):
        day = counts.shape[1] + ahead
        same = [past for past in range(counts.shape[1]) if (day - past) % 7 == 0][-13:]
        assert values[:, ahead, 0] == pytest.approx(counts[:, same].mean(axis=1), rel=1e-6)
        assert values[:, ahead, 1:] == pytest.approx(np.quantile(counts[:, same], LEVELS, axis=1).T)


def test_the_seasonal_naive_is_the_last_week_again() -> None:
    task = one_task()
    values = seasonal_naive(task).values
    assert values[:, :, 0] == pytest.approx(np.tile(task.counts[:, -7:], 4))
    errors = task.counts[:, 14:] - task.counts[:, :-14]
    spread = np.maximum(task.counts[:, [-7]] + np.quantile(errors, LEVELS, axis=1).T, 0)
    assert values[:, 7, 1:] == pytest.approx(spread)


def test_unknown_days_are_not_counts_of_0_to_the_simple_methods() -> None:
    values = np.array([[4.0, np.nan, 4.0, 4.0], [np.nan] * 4])
    assert known_quantiles(values).tolist() == [[4.0] * 13, [0.0] * 13]
    table = panel(150).astype({"complaints": float})
    table.loc[table["day"] > table["day"].max() - pd.Timedelta(days=10), "complaints"] = np.nan
    task = Task(dense_panel(table), 28)
    for method in QUICK.values():
        assert np.isfinite(method(task).values).all()
        assert method(task).values[:6, :, 0].mean() > 5


def test_the_engine_says_the_same_in_quantiles_and_in_probabilities() -> None:
    task = one_task(200)
    said = forerunner(task)
    assert said.at_most is not None
    for number, level in enumerate(LEVELS, start=1):
        at = said.values[..., number]
        assert (said.at_most(at) >= level - 1e-6).all()
        assert (said.at_most(at - 1)[at > 0] < level + 1e-6).all()


# Tables


def slow(table: pd.DataFrame, method: Callable[[Task], Ahead], origins: list[int]) -> dict[str, float]:
    """The measures of the bottom series, one series at a time."""
    whole = dense_panel(table)
    ratios: dict[str, list[float]] = {"MASE": [], "RMSSE": [], "scaled quantile loss": []}
    errors, actuals, biases = 0.0, 0.0, 0.0
    for position in origins:
        task = Task(known_until(whole, position), 28)
        values = method(task).values
        for series in range(len(task.panel.series)):
            past, y = whole.counts[series, : position + 1], whole.counts[series, position + 1 : position + 29]
            scale = np.nanmean(np.abs(past[7:] - past[:-7]))
            known = ~np.isnan(y)
            miss = np.abs(y - values[series, :, 7])[known]
            mean = values[series, :, 0]
            pinball = [
                np.mean([max(level * (a - q), (level - 1) * (a - q)) for level, q in zip(LEVELS, row, strict=True)])
                for a, row in zip(y[known], values[series, known, 1:], strict=True)
            ]
            ratios["MASE"].append(miss.mean() / scale)
            ratios["scaled quantile loss"].append(2 * np.mean(pinball) / scale)
            squares = np.nanmean((past[7:] - past[:-7]) ** 2)
            ratios["RMSSE"].append(np.sqrt(np.mean((y - mean)[known] ** 2) / squares))
            errors, actuals = errors + miss.sum(), actuals + y[known].sum()
            biases += (mean - y)[known].sum()
    return {name: float(np.mean(found)) for name, found in ratios.items()} | {
        "WAPE": errors / actuals,
        "bias": biases / actuals,
    }


def test_the_measures_are_those_of_a_loop_and_unknown_days_are_left_out() -> None:
    table = panel(200, regions=2).astype({"complaints": float})
    table.loc[(table["region"] == "r1") & table["day"].between("2023-06-25", "2023-06-29"), "complaints"] = np.nan
    found = backtest(table, 2, methods={"last_13": last_13}, by=("method", "level")).set_index("level").loc["bottom"]
    expected = slow(table, last_13, origin_positions(200, 2, 28))
    assert found[list(expected)].astype(float).to_dict() == pytest.approx(expected, rel=1e-5)
    assert found["days"] == 2 * 4 * 28 - 2 * 5


def test_a_perfect_forecast_has_no_error_and_a_high_one_its_bias() -> None:
    task = one_task()
    actual = np.random.default_rng(5).poisson(6, (len(task.series), 28)).astype(float)
    chance = np.random.default_rng(6).random(actual.shape)
    tables = [
        score(task, actual, Ahead(np.repeat((actual * factor)[..., None], 14, axis=2)), chance).assign(method=name)
        for name, factor in (("perfect", 1.0), ("high", 1.3))
    ]
    found = measure(pd.concat(tables), ("method",)).set_index("method")
    assert found.loc["perfect", ["scaled quantile loss", "CRPS", "MASE", "WAPE", "RMSSE", "bias"]].eq(0).all()
    assert found.loc["high", "bias"] == pytest.approx(0.3)
    assert found.loc["high", "WAPE"] == pytest.approx(0.3)


def test_intervals_of_the_true_law_cover_what_they_say() -> None:
    task = one_task()
    tables = []
    for seed in range(12):
        mean = np.random.default_rng(seed).gamma(2.0, 2.0, (len(task.series), 28))
        ahead = exact(mean)
        actual = np.random.default_rng(seed + 100).negative_binomial(1 / 0.3, 1 / (1 + 0.3 * mean)).astype(float)
        chance = np.random.default_rng(seed).random(actual.shape)
        tables.append(score(task, actual, ahead, chance).assign(method="true", origin=seed))
    found = measure(pd.concat(tables), ("method",)).iloc[0]
    assert found[["50 %", "80 %", "95 %"]].astype(float).tolist() == pytest.approx([0.5, 0.8, 0.95], abs=0.025)
    said = calibration(pd.concat(tables))
    assert np.abs(said["promised"] - said["seen"]).max() < 0.03


def test_tables_break_down_by_level_volume_bucket_and_origin(judged: pd.DataFrame) -> None:
    assert set(judged["level"]) == {"bottom", "totals"}
    assert judged["origin"].nunique() == 3
    by_bucket = measure(judged, ("method", "bucket"))
    assert by_bucket[by_bucket["method"] == "forerunner"]["bucket"].tolist() == list(BUCKETS)
    assert by_bucket[by_bucket["method"] == "forerunner"]["days"].tolist() == [36, 216, 252, 504]
    assert set(measure(judged, ("volume",))["volume"]) <= set(CLASSES)
    whole = measure(judged, ("method",)).set_index("method")
    parts = measure(judged, ("method", "origin"))
    assert whole.loc["last_13", "MASE"] == pytest.approx(parts[parts["method"] == "last_13"]["MASE"].mean())


def happenings(**changes: object) -> pd.DataFrame:
    """A feast in r0, an outage of one topic everywhere, and one that did not come."""
    found = pd.DataFrame(
        {
            "id": ["feast", "outage", "cancelled"],
            "type": ["feast", "outage", "outage"],
            "starts_on": ["2023-07-10", "2023-07-15", "2023-07-20"],
            "ends_on": ["2023-07-12", None, None],
            "region": ["r0", None, None],
            "topic": [None, "t1", None],
            "known_since": ["2023-07-09", "2023-01-01", "2023-01-01"],
            "cancelled": [False, False, True],
        }
    )
    return found.assign(**changes)


def test_days_of_events_are_those_off_and_those_of_the_place_and_topic() -> None:
    series = pd.DataFrame({"region": ["r0", "r1", "r0", "*"], "topic": ["t0", "t1", "*", "*"]})
    days = pd.date_range("2023-06-10", "2023-07-31")  # a Monday off in Russia: 2023-06-12
    found = event_days(series, days, Almanac("RU"), Drivers(happenings()))
    told = [set(days[row].strftime("%m-%d")) for row in found]
    feast = {"07-10", "07-11", "07-12"}
    assert told == [{"06-12", *feast}, {"06-12", "07-15"}, {"06-12", *feast, "07-15"}, {"06-12", *feast, "07-15"}]
    own = pd.DataFrame({"day": pd.to_datetime(["2023-06-20"]), "name": ["Day of the city"], "region": ["r1"]})
    marked = event_days(series, days, Almanac(days=own), Drivers())
    assert marked.sum(axis=1).tolist() == [0, 1, 0, 1] and marked[1, days.get_loc("2023-06-20")]


def test_event_and_other_days_are_told_apart_and_add_up() -> None:
    table = panel(200)  # to 2023-07-20
    found = judge(table, 2, methods=QUICK, drivers=Drivers(happenings()))
    plain = judge(table, 2, methods=QUICK)
    assert set(plain["event"]) == {"other"}
    by_event = measure(found, ("method", "event")).set_index(["method", "event"])
    own = found[(found["level"] == "bottom") & (found["event"] == "event") & (found["method"] == "last_13")]
    assert own.groupby("origin")["days"].sum().tolist() == [2 * 3 + 3 * 1]  # only the last origin reaches July
    for name in ("days", "loss"):
        assert found[name].sum() == pytest.approx(plain[name].sum())
    assert measure(found)["WAPE"].tolist() == pytest.approx(measure(plain)["WAPE"].tolist())
    assert measure(found)["MASE"].tolist() == pytest.approx(measure(plain)["MASE"].tolist())
    assert by_event.loc[("last_13", "event"), "days"] < by_event.loc[("last_13", "other"), "days"]


def test_an_event_that_was_not_known_at_the_origin_changes_no_forecast_of_it() -> None:
    table = panel(260)
    origin = dense_panel(table).days[origin_positions(260, 1, 28)[0]]
    before = {"starts_on": ["2023-04-10", "2023-05-15", "2023-06-20"], "ends_on": None}  # such events had come
    coming = pd.concat(
        [happenings(**before), happenings(starts_on=str((origin + pd.Timedelta(days=5)).date()), ends_on=None)]
    )
    late = coming.assign(
        known_since=np.where(np.arange(6) < 3, "2023-01-01", str((origin + pd.Timedelta(days=1)).date()))
    )
    early = coming.assign(known_since="2023-01-01")
    sums = [
        judge(table, 1, methods={"forerunner": forerunner}, drivers=Drivers(events)).groupby("bucket", observed=True)
        for events in (late, happenings(**before), early)
    ]
    losses = [one["loss"].sum().to_numpy() for one in sums]
    np.testing.assert_array_equal(losses[0].sum(), losses[1].sum())
    assert losses[2].sum() != losses[0].sum()


def test_a_panel_too_quiet_to_be_judged_is_refused() -> None:
    with pytest.raises(BadInput) as error:
        judge(panel(200).assign(complaints=0), 1, methods=QUICK)
    assert error.value.code == "backtest_quiet"


def test_series_with_less_than_a_complaint_in_ten_days_are_not_judged() -> None:
    table = panel(200, regions=2)
    table.loc[(table["region"] == "r1") & (table["topic"] == "t1"), "complaints"] = 0
    found = judge(table, 1, methods=QUICK)
    assert not ((found["region"] == "r1") & (found["topic"] == "t1")).any()
    assert mean_volume(np.array([[np.nan, 1.0, 0.0], [np.nan] * 3])).tolist() == [0.5, 0.0]


def test_nothing_after_an_origin_changes_a_forecast_a_scale_or_a_class() -> None:
    whole = panel(260)
    kept: list[dict] = [{}, {}]

    def keeping(number: int) -> dict:
        def keep(name: str) -> Callable[[Task], Ahead]:
            def method(task: Task) -> Ahead:
                kept[number][name, task.origin] = METHODS[name](task).values
                return METHODS[name](task)

            return method

        return {name: keep(name) for name in METHODS}

    first = dense_panel(whole).days[origin_positions(260, 2, 28)[0]]
    changed = whole.copy()
    after = changed["day"] > first
    mixed = np.random.default_rng(3).permutation(changed.loc[after, "complaints"]) * 20
    changed.loc[after, "complaints"] = mixed
    known = ["region", "topic", "bucket", "volume", "scale", "squares", "method"]
    tables = [judge(table, 2, methods=keeping(number)) for number, table in enumerate((whole, changed))]
    for name in METHODS:
        np.testing.assert_array_equal(kept[0][name, first], kept[1][name, first])
    one, other = (table[table["origin"] == first][known].reset_index(drop=True) for table in tables)
    pd.testing.assert_frame_equal(one, other)
    assert not tables[0]["loss"].equals(tables[1]["loss"])


def test_series_that_begin_after_the_origin_are_no_part_of_its_task() -> None:
    table = panel(260)
    late = (table["region"] == "r2") & (table["day"] < table["day"].max() - pd.Timedelta(days=20))
    found = judge(table[~late], 2, methods=QUICK)
    assert "r2" not in set(found["region"])
    assert np.isfinite(found[found["region"] == "*"]["loss"]).all()


def test_origins_rotate_over_the_weekdays() -> None:
    found = origin_positions(500, 12, 28)
    assert found[-1] == 500 - 1 - 28 and len(found) == 12
    assert {position % 7 for position in found} == set(range(7))


@pytest.mark.parametrize(
    ("origins", "horizon", "code"),
    [(12, 28, "backtest_short"), (0, 28, "backtest_origins"), (2, 29, "backtest_horizon"), (2, 0, "backtest_horizon")],
)
def test_what_cannot_be_judged_is_refused(origins: int, horizon: int, code: str) -> None:
    with pytest.raises(BadInput) as error:
        judge(panel(200), origins, horizon)
    assert error.value.code == code
    if code == "backtest_short":
        assert error.value.values["needed"] == 91 + 11 * 29 + 28


# Significance


def test_diebold_and_mariano_is_a_regression_on_a_constant_with_robust_errors() -> None:
    chance = np.random.default_rng(1)
    loss, other = chance.gamma(3, 1, 13), chance.gamma(3, 1.2, 13)
    statistic, probability = diebold_mariano(loss, other)
    oracle = sm.OLS(loss - other, np.ones(13)).fit(
        cov_type="HAC", cov_kwds={"maxlags": 1, "use_correction": True}, use_t=True
    )
    assert statistic == pytest.approx(float(oracle.tvalues[0]))
    assert probability == pytest.approx(float(oracle.pvalues[0]))
    assert diebold_mariano(loss, loss) == (0.0, 1.0)
    assert np.isnan(diebold_mariano(loss[:2], other[:2])[0])


def test_the_interval_of_a_ratio_holds_it_and_narrows_with_origins() -> None:
    chance = np.random.default_rng(1)
    widths = []
    for size in (12, 120):
        other = chance.gamma(5, 1, size)
        loss = 0.9 * other * chance.normal(1, 0.1, size)
        low, high = ratio_interval(loss, other)
        assert low < loss.sum() / other.sum() < high
        widths.append(high - low)
    assert widths[1] < widths[0] / 2


def test_equal_losses_are_half_a_win() -> None:
    assert win_rate(np.array([1.0, 2.0, 3.0, 4.0]), np.array([2.0, 2.0, 2.0, 5.0])) == 0.625


def test_the_engine_is_compared_with_every_other_method_on_each_level(judged: pd.DataFrame) -> None:
    found = compare(judged)
    assert len(found) == 4 and set(found["against"]) == set(QUICK)
    assert (found["low"] <= found["ratio"]).all() and (found["ratio"] <= found["high"]).all()
    measured = measure(judged).set_index(["level", "method"])["scaled quantile loss"]
    for row in found.itertuples():
        assert row.ratio == pytest.approx(measured[row.level, "forerunner"] / measured[row.level, row.against])


# The command


def run(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    monkeypatch.setattr(sys, "argv", ["python -m analytics", "backtest", *map(str, arguments)])
    with pytest.raises(SystemExit) as end:
        command_line.main()
    return int(end.value.code or 0)


def test_the_command_prints_the_measures_and_the_comparison(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "panel.csv"
    panel(200).to_csv(file, index=False)
    assert run(monkeypatch, "--panel", file, "--origins", 3, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert {(row["level"], row["method"]) for row in told["measures"]} == {
        (level, method) for level in ("bottom", "totals") for method in METHODS
    }
    assert {row["against"] for row in told["compared"]} == set(QUICK)
    assert run(monkeypatch, "--panel", file, "--origins", 2, "--by", "bucket", "--country", "RU") == 0
    shown = capsys.readouterr().out
    assert "last_13" in shown and "15-28" in shown and "ratio" in shown


def test_the_command_tells_event_days_from_others_and_says_what_was_summed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    table, file, events = panel(200), tmp_path / "panel.csv", tmp_path / "events.csv"
    pd.concat([table, table.head(2)]).to_csv(file, index=False)
    happenings().drop(columns=["region", "topic"]).to_csv(events, index=False)
    assert run(monkeypatch, "--panel", file, "--origins", 2, "--events", events, "--by", "event", "--json") == 0
    printed = capsys.readouterr()
    assert "2 rows were of a day and series given before" in printed.err
    told = json.loads(printed.out)["measures"]
    assert {(row["level"], row["event"]) for row in told} == {
        (level, kind) for level in ("bottom", "totals") for kind in ("event", "other")
    }


def test_bad_input_to_the_command_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "panel.csv"
    panel(200).to_csv(file, index=False)
    for wrong in (["--origins", 12], ["--horizon", 60], ["--end", "2020-01-01"], ["--country", "XX"]):
        assert run(monkeypatch, "--panel", file, *wrong) == 2
        printed = capsys.readouterr()
        assert printed.out == "" and printed.err.count("\n") == 1
    assert run(monkeypatch, "--panel", file, "--origins", 12) == 2
    assert "at least 438" in capsys.readouterr().err
