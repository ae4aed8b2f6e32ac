"""The chance of a spike, set right by past origins."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from analytics.forecast import Engine, probability
from analytics.panel import Panel
from analytics.spike_chance import correct
from analytics.thresholds import year_thresholds

DAYS, SERIES, HORIZON = 900, 36, 7
ORIGINS = range(660, DAYS - HORIZON, 30)


def clustered(seed: int) -> Panel:
    """Counts with spikes that go on for about a week once they have begun, each series on its own."""
    random = np.random.default_rng(seed)
    going = np.zeros((SERIES, DAYS), dtype=bool)
    for day in range(1, DAYS):
        going[:, day] = np.where(going[:, day - 1], random.random(SERIES) < 0.85, random.random(SERIES) < 0.004)
    return of(random.binomial(40, np.where(going, 0.9, 0.5)).astype(float))


def of(counts: np.ndarray) -> Panel:
    series = pd.DataFrame(
        {"region": [f"r{n % 6}" for n in range(len(counts))], "topic": [f"t{n // 6}" for n in range(len(counts))]}
    )
    return Panel(pd.date_range("2023-01-01", periods=counts.shape[1]), series, counts)


def said(panel: Panel, origin: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Probabilities before and after, and whether the spikes came."""
    engine = Engine(Panel(panel.days[: origin + 1], panel.series, panel.counts[:, : origin + 1]), HORIZON)
    least = year_thresholds(engine.panel.counts)
    raw = probability(engine.forecast("bottom"), np.repeat(least, HORIZON))["probability"].to_numpy()
    raw = raw.reshape(-1, HORIZON)
    came = panel.counts[:, origin + 1 : origin + 1 + HORIZON] >= least[:, None]
    return raw, correct(engine, raw, least), came


def test_a_spike_that_goes_on_is_foretold_better_than_by_the_forecast_alone() -> None:
    panel = clustered(1)
    raw, right, came = (
        np.concatenate(parts) for parts in zip(*(said(panel, origin) for origin in ORIGINS), strict=True)
    )
    assert ((right - came) ** 2).mean() < 0.9 * ((raw - came) ** 2).mean()
    assert abs(right.mean() - came.mean()) < 0.03


def test_independent_counts_gain_nothing_and_lose_next_to_nothing() -> None:
    panel = of(np.random.default_rng(2).negative_binomial(2, 0.4, (SERIES, DAYS)).astype(float))
    raw, right, came = (
        np.concatenate(parts) for parts in zip(*(said(panel, origin) for origin in ORIGINS), strict=True)
    )
    assert ((right - came) ** 2).mean() < 1.03 * ((raw - came) ** 2).mean()


def test_chances_are_chances_and_know_nothing_after_the_origin() -> None:
    panel = clustered(3)
    later = of(np.hstack([panel.counts[:, :701], np.random.default_rng(0).permutation(panel.counts[:, 701:].T).T]))
    _, right, _ = said(panel, 700)
    _, again, _ = said(later, 700)
    np.testing.assert_array_equal(right, again)
    assert ((right > 0) & (right < 1)).all()


@pytest.mark.parametrize("days", [120, 500])
def test_with_too_few_spikes_or_days_chances_stay_as_they_were(days: int) -> None:
    counts = np.zeros((SERIES, days))
    counts[:, ::40] = 2.0
    raw, right, _ = said(of(counts), days - HORIZON - 1)
    np.testing.assert_array_equal(raw, right)


def test_days_farther_than_four_weeks_ahead_stay_as_they_were() -> None:
    panel = clustered(4)
    engine = Engine(panel, 40)
    least = year_thresholds(panel.counts)
    raw = probability(engine.forecast("bottom"), np.repeat(least, 40))["probability"].to_numpy().reshape(-1, 40)
    right = correct(engine, raw, least)
    np.testing.assert_array_equal(right[:, 28:], raw[:, 28:])
    assert (right[:, :7] != raw[:, :7]).any()


def test_unknown_days_are_no_days_without_a_spike() -> None:
    panel = clustered(5)
    counts = panel.counts.copy()
    counts[:, 600:607] = np.nan
    _, right, _ = said(of(counts), 800)
    assert np.isfinite(right).all()
