"""When a rise is none: another topic's name for the same complaints, or a channel that began. Table in, table out.

Of simulated stores of 30 topics without any change about 1 in 100 has a pair told, of those in which half of 12 topics
jump in weeks of their own 5; a whole renaming of 60 complaints a week is found in 3 of 4 (tests/test_relabelling.py).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from analytics.steps import find_steps

TWO_YEARS = 104  # weeks from which a season can be told from a change
AROUND = 8  # weeks on each side over which a step's size is taken
FEWEST = 30.0  # complaints of these weeks that a step must move
CLEAR = 2.5  # standard errors: smaller steps of any week are not looked into
MOST = 40  # series looked into, the clearest first
SURE = 0.5  # probability of a step
NEAR = 1  # weeks between the fall and the rise
ALIKE = 1.5  # times as large, at most
UNMOVED = 0.3  # of the step: what the sum of both may have moved
CARRIED = 0.5  # of a rise: what a channel must carry of it
SERIES = ["region", "topic_group", "topic"]
PAIRS = ["region", "week", "from_group", "from_topic", "to_group", "to_topic", "fall", "rise", "probability"]


def relabelled(weekly: pd.DataFrame) -> pd.DataFrame:
    """Topics whose jump is another's fall: opposite steps in the same weeks, of about one size, that leave their sum.

    `weekly`: region ('*': all), topic_group, topic, week (its first day), complaints; quiet weeks may be absent. The
    answer: region, week, from_group, from_topic, to_group, to_topic, fall and rise (complaints a week), probability
    (of the less sure of both steps), the largest first. A pair seen everywhere is not told again for single regions.
    """
    if weekly.empty:
        return pd.DataFrame(columns=PAIRS)
    counts, units, weeks = _matrix(weekly, SERIES)
    steps = _steps(counts)
    rows = []
    for down in steps[steps["size"] < 0].itertuples(index=False):
        near = steps[(steps["size"] > 0) & ((steps["week"] - down.week).abs() <= NEAR)]
        for up in near.itertuples(index=False):
            same_place = units[up.row][0] == units[down.row][0]
            if same_place and _same_size(-down.size, up.size) and _sum_stays(counts, down, up):
                (region, *before), (_, *after) = units[down.row], units[up.row]
                sure = min(down.probability, up.probability)
                rows.append([region, weeks[up.week], *before, *after, -down.size, up.size, sure])
    pairs = pd.DataFrame(rows, columns=PAIRS).astype({"week": "datetime64[us]"}).sort_values("rise", ascending=False)
    pairs = pairs.drop_duplicates(["region", "week", "to_group", "to_topic"])
    pairs = pairs.drop_duplicates(["region", "week", "from_group", "from_topic"])
    everywhere = pairs.loc[pairs["region"] == "*", ["from_group", "to_group"]].apply(tuple, axis=1)
    told = pairs[["from_group", "to_group"]].apply(tuple, axis=1).isin(set(everywhere)) & (pairs["region"] != "*")
    return pairs[~told].reset_index(drop=True)


def carried(weekly: pd.DataFrame, channels: pd.DataFrame) -> pd.DataFrame:
    """Rises that a channel carries which began with them: topic_group ('*': all), channel, week, rise, share.

    `weekly`: topic_group, week, complaints; `channels`: topic_group, channel, week, complaints of the channels that
    began within those weeks. `rise`: complaints a week; `share`: what of it came by the channel, half at least.
    """
    rows: list[tuple[object, ...]] = []
    if len(channels):
        whole = pd.concat([weekly, weekly.assign(topic_group="*")], ignore_index=True)
        counts, units, weeks = _matrix(whole, ["topic_group"])
        steps = _steps(counts)
        begun = channels.groupby("channel")["week"].min().map({week: at for at, week in enumerate(weeks)})
        for up in steps[(steps["size"] > 0)].itertuples(index=False):
            (group,) = units[up.row]
            for channel in begun.index[(begun - up.week).abs() <= NEAR]:
                own = channels[channels["channel"] == channel]
                own = own if group == "*" else own[own["topic_group"] == group]
                inside = own["week"].isin(weeks[up.week : up.week + AROUND])
                share = own.loc[inside, "complaints"].sum() / len(weeks[up.week : up.week + AROUND]) / up.size
                if share >= CARRIED:
                    rows.append((group, channel, weeks[up.week], up.size, min(share, 1.0)))
    table = pd.DataFrame(rows, columns=["topic_group", "channel", "week", "rise", "share"])
    table["week"] = table["week"].astype("datetime64[us]")
    return table.sort_values("rise", ascending=False).reset_index(drop=True)


def _matrix(weekly: pd.DataFrame, names: list[str]) -> tuple[np.ndarray, list[tuple[str, ...]], pd.DatetimeIndex]:
    """Series × weeks, quiet weeks 0; the names of each series; the weeks."""
    weeks = pd.date_range(weekly["week"].min(), weekly["week"].max(), freq="7D")
    row = weekly.groupby(names, sort=False).ngroup().to_numpy()
    units = list(weekly[names].drop_duplicates().itertuples(index=False, name=None))
    counts = np.zeros((len(units), len(weeks)))
    np.add.at(counts, (row, ((weekly["week"] - weeks[0]).dt.days // 7).to_numpy()), weekly["complaints"].to_numpy())
    return counts, units, weeks


def _steps(counts: np.ndarray) -> pd.DataFrame:
    """Steps of the series that may have one: row, week, size (complaints a week), probability."""
    rows = []
    harmonics = 3 if counts.shape[1] >= TWO_YEARS else 0
    for row in _stepping(counts):
        for step in find_steps(np.sqrt(counts[row] + 0.375), harmonics):
            size = _size(counts[row], step.week)
            if step.probability >= SURE and abs(size) * AROUND >= FEWEST:
                rows.append((row, step.week, size, step.probability))
    return pd.DataFrame(rows, columns=["row", "week", "size", "probability"])


def _stepping(counts: np.ndarray) -> np.ndarray:
    """The series in which some week has clearly more, or fewer, complaints before it than after."""
    if counts.shape[1] < 2 * AROUND:
        return np.array([], dtype=int)
    sums = np.cumsum(np.pad(counts, ((0, 0), (1, 0))), axis=1)
    means = (sums[:, AROUND:] - sums[:, :-AROUND]) / AROUND
    before, after = means[:, :-AROUND], means[:, AROUND:]
    moved = np.abs(after - before)
    clear = np.where(moved * AROUND >= FEWEST, moved / np.maximum(_noise(counts), 1e-9)[:, None], 0.0).max(axis=1)
    order = np.argsort(-clear)[:MOST]
    return order[clear[order] >= CLEAR]


def _noise(counts: np.ndarray) -> np.ndarray:
    """Standard error of a step's size, from the differences of neighbouring weeks (von Neumann 1941)."""
    return np.sqrt(np.maximum((np.diff(counts, axis=1) ** 2).mean(axis=1) / 2, counts.mean(axis=1)) * 2 / AROUND)


def _size(counts: np.ndarray, week: int) -> float:
    """Mean of the weeks from `week` on less that of the weeks before."""
    return float(counts[week : week + AROUND].mean() - counts[max(week - AROUND, 0) : week].mean())


def _same_size(fall: float, rise: float) -> bool:
    return max(fall, rise) <= ALIKE * min(fall, rise)


def _sum_stays(counts: np.ndarray, down: Any, up: Any) -> bool:
    """Does the sum of both series move little, where each of them moved?"""
    both = counts[down.row] + counts[up.row]
    doubt = float(_noise(np.delete(both, slice(up.week - NEAR, up.week + NEAR))[None])[0])
    return abs(_size(both, up.week)) <= max(UNMOVED * min(-down.size, up.size), doubt)
