"""A rise that is another topic's fall, or a channel's start: found where planted, not made out of noise."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from analytics.relabelling import carried, relabelled

WEEKS = pd.date_range("2023-11-28", periods=156, freq="7D")
AT = 100  # the week of what is planted


def noise(topics: int, seed: int, *, mean: float = 40.0) -> dict[str, np.ndarray]:
    """Topic -> independent negative binomial weekly counts with a season of its own and slow drift."""
    chance = np.random.default_rng(seed)
    week = np.arange(len(WEEKS))
    found = {}
    for topic in range(topics):
        season = 0.25 * np.sin(2 * np.pi * (week / 52.18 + chance.random()))
        drift = np.cumsum(chance.normal(0, 0.015, len(WEEKS)))
        level = mean * chance.uniform(0.3, 3) * np.exp(season + drift)
        found[f"Тема {topic}"] = chance.poisson(level * chance.gamma(20, 1 / 20, len(WEEKS))).astype(float)
    return found


def table(series: dict[str, np.ndarray], region: str = "*") -> pd.DataFrame:
    rows = [
        pd.DataFrame({"region": region, "topic_group": name, "topic": "", "week": WEEKS, "complaints": counts})
        for name, counts in series.items()
    ]
    found = pd.concat(rows, ignore_index=True)
    return found[found["complaints"] > 0].reset_index(drop=True)


def renamed(series: dict[str, np.ndarray], before: str, after: str, share: float, seed: int) -> None:
    """From the week AT on, this share of the complaints of one topic comes under the name of another."""
    chance = np.random.default_rng(seed)
    moved = chance.binomial(series[before][AT:].astype(int), share)
    series[before][AT:] -= moved
    series[after][AT:] += moved


@pytest.mark.parametrize(("share", "least"), [(0.6, 6), (1.0, 13)])
def test_a_topic_under_another_name_is_found_with_its_week_and_size(share: float, least: int) -> None:
    found = 0
    for seed in range(20):
        series = noise(12, seed)
        series["Тема 0"] = np.random.default_rng(seed).poisson(60, len(WEEKS)).astype(float)
        renamed(series, "Тема 0", "Тема 1", share, seed)
        pairs = relabelled(table(series))
        mine = pairs[(pairs["from_group"] == "Тема 0") & (pairs["to_group"] == "Тема 1")]
        found += len(mine)
        assert ((mine["week"] - WEEKS[AT]).abs() <= pd.Timedelta(weeks=2)).all()
        assert mine["rise"].between(0.5 * 60 * share, 1.6 * 60 * share).all()
    assert found >= least


def test_independent_noise_is_rarely_taken_for_a_new_name() -> None:
    flagged = [len(relabelled(table(noise(30, seed)))) > 0 for seed in range(100, 140)]
    assert np.mean(flagged) <= 0.05


def test_independent_jumps_of_many_topics_are_rarely_taken_for_a_new_name() -> None:
    flagged = []
    for seed in range(60):
        series, chance = noise(12, seed), np.random.default_rng(seed)
        for topic in list(series)[:6]:  # each jumps up or down by half or more, in a week of its own
            at, up = chance.integers(20, 136), chance.random() < 0.5
            factor = chance.uniform(1.5, 2.5) if up else chance.uniform(0.2, 0.6)
            series[topic][at:] = np.round(series[topic][at:] * factor)
        flagged.append(len(relabelled(table(series))) > 0)
    assert np.mean(flagged) <= 0.1


def test_a_new_name_in_one_region_is_told_of_that_region_only() -> None:
    kaluga, tula = noise(6, 1), noise(6, 2)
    kaluga["Тема 0"] = np.random.default_rng(3).poisson(60, len(WEEKS)).astype(float)
    renamed(kaluga, "Тема 0", "Тема 1", 1.0, 1)
    both = pd.concat([table(kaluga, "Калужская область"), table(tula, "Тульская область")], ignore_index=True)
    pairs = relabelled(both)
    assert list(pairs["region"]) == ["Калужская область"]
    assert list(pairs.columns[:6]) == ["region", "week", "from_group", "from_topic", "to_group", "to_topic"]


def test_a_new_name_seen_everywhere_is_not_told_again_for_a_region() -> None:
    series = noise(6, 1)
    series["Тема 0"] = np.random.default_rng(3).poisson(60, len(WEEKS)).astype(float)
    renamed(series, "Тема 0", "Тема 1", 1.0, 1)
    both = pd.concat([table(series), table(series, "Калужская область")], ignore_index=True)
    assert list(relabelled(both)["region"]) == ["*"]


def test_a_rise_without_a_fall_is_no_new_name() -> None:
    series = noise(6, 1)
    series["Тема 1"][AT:] *= 3
    assert relabelled(table(series)).empty


def channel(group: str, a_week: float, *, start: int = AT) -> pd.DataFrame:
    counts = np.random.default_rng(7).poisson(a_week, len(WEEKS) - start)
    return pd.DataFrame({"topic_group": group, "channel": "Telegram", "week": WEEKS[start:], "complaints": counts})


def test_a_rise_that_a_new_channel_carries_is_told_with_its_share() -> None:
    series = noise(4, 1, mean=60)
    weekly = table(series)
    came = channel("Тема 1", 90.0)
    whole = pd.concat([weekly, came], ignore_index=True).groupby(["topic_group", "week"], as_index=False)
    found = carried(whole["complaints"].sum(), came)
    assert set(found["topic_group"]) == {"*", "Тема 1"}
    assert set(found["channel"]) == {"Telegram"}
    assert ((found["week"] - WEEKS[AT]).abs() <= pd.Timedelta(weeks=1)).all()
    assert found["share"].between(0.7, 1.0).all()


def test_a_channel_that_began_at_another_time_or_carries_little_explains_no_rise() -> None:
    series = noise(4, 1, mean=60)
    series["Тема 1"][AT:] *= 3
    weekly = table(series).groupby(["topic_group", "week"], as_index=False)["complaints"].sum()
    assert carried(weekly, channel("Тема 1", 90.0, start=60)).empty
    assert carried(weekly, channel("Тема 1", 4.0)).empty
    assert carried(weekly, channel("Тема 1", 4.0).head(0)).empty


@pytest.mark.parametrize("weeks", [0, 1, 5, 12, 20])
def test_a_history_of_a_few_weeks_is_no_trouble(weeks: int) -> None:
    whole = table(noise(3, 1))
    assert relabelled(whole[whole["week"].isin(WEEKS[:weeks])]).empty
