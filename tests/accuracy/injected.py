"""Events put into real panels: what is learned of them, and whether forecasts are better for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from analytics.almanac import Almanac
from analytics.distribution import QUANTILES
from analytics.drivers import Drivers
from analytics.effects import learned_effects
from analytics.forecast import Engine
from analytics.panel import Panel

LASTS, BEFORE, AFTER = 3, 3, 10  # days: what is told of every event
OFFSETS = np.arange(-BEFORE, LASTS + AFTER)
EVENTS, HELD_OUT = 14, (-1,)
LEAD = 5  # days from the origin to a held-out event
MARGIN = 20  # days at least between two events and at the panel's ends
SEEDS = range(4)
Draw = Callable[[np.random.Generator], np.ndarray]


def asymmetric(random: np.random.Generator) -> np.ndarray:
    """A late jump that dies away slowly."""
    logs = {-1: 0.1, 0: 0.4, 1: 1.2, 2: 1.0, 3: 0.8, 4: 0.6, 5: 0.45, 6: 0.3, 7: 0.2, 8: 0.1}
    return np.exp([logs.get(int(day), 0.0) for day in OFFSETS])


def heavy_tailed(random: np.random.Generator) -> np.ndarray:
    """Three days, and a strength that nobody tells, most often small and now and then very great."""
    return 1 + 0.9 * random.lognormal(-0.32, 0.8) * np.isin(OFFSETS, range(LASTS))


def wrong_dates(random: np.random.Generator) -> np.ndarray:
    """Three days, up to two days earlier or later than told."""
    return 1 + 1.5 * np.isin(OFFSETS - random.integers(-2, 3), range(LASTS))


def quiet_then_loud(random: np.random.Generator) -> np.ndarray:
    """Fewer complaints while it lasts, a surge after it."""
    logs = {0: -0.6, 1: -0.5, 2: -0.4, 3: 0.9, 4: 0.7, 5: 0.4, 6: 0.2}
    return np.exp([logs.get(int(day), 0.0) for day in OFFSETS])


def all_at_once(random: np.random.Generator) -> np.ndarray:
    """Asymmetric, of heavy-tailed strength, on wrong dates."""
    logs = {0: 0.5, 1: 1.0, 2: 0.8, 3: 0.5, 4: 0.3, 5: 0.15}
    late = random.integers(-2, 3)
    shape = np.array([np.expm1(logs.get(int(day), 0.0)) for day in OFFSETS - late])
    return 1 + shape * random.lognormal(-0.18, 0.6)


SHAPES: dict[str, Draw] = {
    "asymmetric": asymmetric,
    "heavy-tailed strength": heavy_tailed,
    "dates wrong by up to two days": wrong_dates,
    "fewer, then more": quiet_then_loud,
    "all at once": all_at_once,
}


@dataclass(frozen=True)
class Injected:
    """A panel with events put in: what they did to its most frequent topic on average, and half as much to the next."""

    panel: Panel
    events: pd.DataFrame
    truth: dict[str, np.ndarray]  # of each topic touched the mean factor by offset


def inject(panel: Panel, almanac: Almanac, draw: Draw, seed: int) -> Injected:
    """Half of the events begin on a public holiday, the others anywhere."""
    random = np.random.default_rng(seed)
    volume = pd.Series(np.nansum(panel.counts, axis=1)).groupby(panel.series["topic"].to_numpy()).sum()
    topics = volume.sort_values(ascending=False).index[:2].tolist()
    counts = panel.counts.copy()
    rows = []
    starts = _starts(panel, almanac, random)
    for number, start in enumerate(starts):
        factor = draw(random)
        inside = (start + OFFSETS >= 0) & (start + OFFSETS < len(panel.days))
        days = (start + OFFSETS)[inside]
        for topic, share in zip(topics, (1.0, 0.5), strict=False):
            at = np.ix_(panel.series["topic"].to_numpy() == topic, days)
            counts[at] = _multiplied(counts[at], _weaker(factor, share)[inside], random)
        rows.append(
            {
                "id": f"event {number}",
                "type": "incident",
                "starts_on": panel.days[start],
                "ends_on": panel.days[start] + pd.Timedelta(days=LASTS - 1),
                "topic": "|".join(topics),
                "known_since": panel.days[start] - pd.Timedelta(days=LEAD + 2),
            }
        )
    many = np.random.default_rng(seed + 10_000)
    draws = np.stack([draw(many) for _ in range(20_000)])
    truth = {topic: _weaker(draws, share).mean(axis=0) for topic, share in zip(topics, (1.0, 0.5), strict=False)}
    return Injected(Panel(panel.days, panel.series, counts), pd.DataFrame(rows), truth)


def _weaker(factor: np.ndarray, share: float) -> np.ndarray:
    return factor**share


def _starts(panel: Panel, almanac: Almanac, random: np.random.Generator) -> np.ndarray:
    calendar = almanac.calendar(sorted(set(panel.days.year)))
    free = set(calendar) if calendar is not None else set()
    span = np.arange(4 * MARGIN, len(panel.days) - MARGIN)
    special = np.array([position for position in span if panel.days[position].date() in free])
    found: list[int] = []
    for number in range(50 * EVENTS):
        start = int(random.choice(special if number % 2 else span))
        if all(abs(start - other) >= MARGIN for other in found):
            found.append(start)
        if len(found) == EVENTS:
            break
    return np.sort(found)


def _multiplied(counts: np.ndarray, factor: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Real counts with as many more, or as many taken away, as the factor says on average."""
    known = np.nan_to_num(counts)
    more = random.poisson(known * np.maximum(factor - 1, 0))
    left = random.binomial(known.astype(int), np.minimum(factor, 1))
    return np.where(np.isnan(counts), np.nan, left + more).astype(np.float32)


def judge_shape(name: str, panel: Panel, almanac: Almanac, shape: str, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Learned effects beside the truth at the last origin, and errors in the windows of the events held out."""
    made = inject(panel, almanac, SHAPES[shape], seed)
    drivers = Drivers(made.events, windows={"incident": (BEFORE, AFTER)})
    learned, errors = [], []
    for number in HELD_OUT:
        start = made.events["starts_on"].iloc[number]
        origin = start - pd.Timedelta(days=LEAD)
        known = made.panel.days <= origin
        past = Panel(made.panel.days[known], made.panel.series, made.panel.counts[:, known])
        with_events = Engine(past, LEAD + LASTS + AFTER, almanac=almanac, drivers=drivers)
        found = learned_effects(past, drivers, engine=with_events)
        for topic, truth in made.truth.items():
            own = found[(found["topic"] == topic) & (found["type"] == "incident")].set_index("offset")
            learned.append(own.assign(truth=pd.Series(truth, OFFSETS), number=number).reset_index())
        without = Engine(past, LEAD + LASTS + AFTER, almanac=almanac)
        for title, engine in (("with", with_events), ("without", without)):
            said = engine.forecast()
            errors.append(_errors(said, made, start).assign(engine=title))
        errors.append(_errors(_told_the_truth(said, made, start), made, start).assign(engine="truth"))
    marks = {"panel": name, "shape": shape, "seed": seed}
    return pd.concat(learned).assign(**marks), pd.concat(errors).assign(**marks)


def _told_the_truth(said: pd.DataFrame, made: Injected, start: pd.Timestamp) -> pd.DataFrame:
    """The forecast without events, its means multiplied by the true mean effect: as good as effects can make it."""
    offset = (said["day"] - start).dt.days
    factor = np.ones(len(said))
    for topic, truth in made.truth.items():
        known = offset.between(OFFSETS[0], OFFSETS[-1]) & (said["topic"] == topic)
        factor[known] = truth[offset[known] - OFFSETS[0]]
    shape = said.attrs["distribution"]
    better = said.copy()
    better[QUANTILES] = replace(shape, mean=shape.mean * factor).quantiles()
    return better


def _errors(said: pd.DataFrame, made: Injected, start: pd.Timestamp) -> pd.DataFrame:
    """Errors of the median in the days of the window on which the truth is not 1, of the topics that are touched."""
    topics = list(made.truth)
    window = start + pd.to_timedelta(OFFSETS[made.truth[topics[0]] != 1], "D")
    inside = said[said["day"].isin(window) & said["topic"].isin(topics)]
    series = made.panel.series[made.panel.series["topic"].isin(topics)]
    counts = pd.DataFrame(made.panel.counts[series.index], columns=made.panel.days)[list(window)].assign(
        region=series["region"].to_numpy(), topic=series["topic"].to_numpy()
    )
    actual = counts.melt(["region", "topic"], var_name="day", value_name="complaints")
    actual["day"] = pd.to_datetime(actual["day"])
    sums = actual.groupby(["topic", "day"])["complaints"].sum().reset_index().assign(region="*")
    both = inside.merge(pd.concat([actual, sums]), on=["region", "topic", "day"])
    both = both.assign(level=np.where(both["region"] == "*", "totals", "bottom"))
    both = both.dropna(subset=["complaints"])
    both["error"] = (both["0.5"] - both["complaints"]).abs()
    both["inside"] = (both["complaints"] >= both["0.1"]) & (both["complaints"] <= both["0.9"])
    return both[["level", "topic", "day", "complaints", "error", "inside"]]
