"""Rehearse a snowfall on a real panel and write docs/rehearsal.md: python -m tests.accuracy.rehearsal [FOLDER]."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from analytics.almanac import Almanac
from analytics.drivers import Drivers
from analytics.panel import dense_panel
from analytics.rehearsal import Rehearsal, in_all, rehearse
from analytics.thresholds import YEAR

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "rehearsal.md"
ORIGIN = date(2017, 2, 20)
KIND, WINDOW = "weather.snowfall", (1, 7)
LEAST, DEEP = 4.0, 8.0  # cm of a day that belongs to a snowfall, and of all of it
APART = 2  # days between two such days of one snowfall, at most
SNOW = "snow not cleared"
TRIED, STARTS, ENDS = 25.0, "2017-02-25", "2017-02-26"
DEADLINE = 7
STRONG = 0.8  # of the depth that is rehearsed: about as strong
SHOWN = 6
TOTAL = "*"
COMMAND = """python -m analytics rehearse --panel panel.parquet --end {origin} --country US --subdivision IL \\
    --events snowfalls.csv --deadline {deadline}"""


@dataclass(frozen=True)
class Told:
    """The rehearsal, the snowfalls it knows, and the panel's complaints of the last year by topic."""

    found: Rehearsal
    past: pd.DataFrame
    usual: pd.Series


def snowfalls(weather: pd.DataFrame) -> pd.DataFrame:
    """Events of the observed weather: days with at least 4 cm of snow that lie close to each other, 8 cm in all."""
    snow = weather.assign(day=pd.to_datetime(weather["day"])).set_index("day")["snow_cm"].fillna(0.0)
    deep = snow[snow >= LEAST]
    number = (deep.index.to_series().diff().dt.days > APART).cumsum()
    days = deep.index.to_series().groupby(number).agg(["min", "max"])
    found = pd.DataFrame({"starts_on": days["min"], "ends_on": days["max"]})
    found["strength"] = [snow.loc[row.starts_on : row.ends_on].sum() for row in found.itertuples()]
    return of_snow(found[found["strength"] >= DEEP].reset_index(drop=True))


def of_snow(table: pd.DataFrame) -> pd.DataFrame:
    """These snowfalls (starts_on, ends_on, strength) as events that touch every topic and place."""
    return table.assign(
        id=[f"snow-{day:%Y-%m-%d}" for day in table["starts_on"]],
        type=KIND,
        title="",
        region="",
        topic="",
        unit="cm",
        known_since=table["starts_on"] - pd.Timedelta(days=2),
        cancelled=False,
    )


def rehearsed(folder: Path) -> Told:
    """25 cm of snow five days ahead of the origin, given the snowfalls up to it."""
    table = pd.read_parquet(folder / "bench" / "snow" / "panel.parquet")
    every = snowfalls(pd.read_csv(folder / "bench" / "snow" / "weather.csv"))
    panel = dense_panel(table, ORIGIN)
    past = every[every["ends_on"] <= pd.Timestamp(ORIGIN)]
    past = past[past["starts_on"] >= panel.days[0]].reset_index(drop=True)
    days = {"starts_on": [pd.Timestamp(STARTS)], "ends_on": [pd.Timestamp(ENDS)], "strength": [TRIED]}
    known = Drivers(past, windows={KIND: WINDOW})
    found = rehearse(of_snow(pd.DataFrame(days)), panel, drivers=known, almanac=Almanac("US", "IL"), deadline=DEADLINE)
    names = panel.series["topic"].to_numpy()
    year = np.nansum(panel.counts[:, -YEAR:], axis=1)
    return Told(found, past, pd.Series(year).groupby(names).sum())


def lines(told: Told) -> list[str]:
    """The page."""
    return [*_question(), *_answer(told), *_how_to_read(told), *_grounds(told)]


def _question() -> list[str]:
    return [
        f"# A rehearsal on real data: {TRIED:.0f} cm of snow",
        "",
        "Written by `python -m tests.accuracy.rehearsal` (a part of `make backtest`); do not edit by hand.",
        "",
        "A snowy city, districts × three topics, real counts from September 2015 on. Its snowfalls are taken",
        f"from the observed weather: days with at least {LEAST:.0f} cm of snow that lie at most {APART} days apart,",
        f"together at least {DEEP:.0f} cm. As seen on {_day(ORIGIN)}, what would {TRIED:.0f} cm on "
        f"{_day(STARTS)} and the",
        "day after bring?",
        "",
        "```console",
        "$ " + COMMAND.format(origin=ORIGIN, deadline=DEADLINE),
        "```",
        "",
    ]


def _answer(told: Told) -> list[str]:
    sums, days = in_all(told.found), told.found.days
    felt = days.loc[days["felt"], "day"]
    snow, grand = _of(sums, TOTAL, SNOW), _of(sums, TOTAL, TOTAL)
    districts = sums[(sums["region"] != TOTAL) & (sums["topic"] == SNOW)].head(SHOWN)
    topics = [name for name in told.usual.index if name in set(sums["topic"])]
    rows = [*(_of(sums, TOTAL, topic) for topic in [TOTAL, *topics]), *(row for _, row in districts.iterrows())]
    return [
        "## The answer",
        "",
        f"- **About {snow['extra']:,.0f} more complaints of {SNOW}** from {_day(felt.min())} to {_day(felt.max())},",
        f"  on top of {snow['without_event']:,.0f} without it; in eight cases of ten {_interval(snow)}.",
        f"  All topics together: {_signed(grand['extra'])} ({_interval(grand)}) on top of "
        f"{grand['without_event']:,.0f}.",
        f"- **{told.found.answers_a_day:,.0f} more answers a day** keep a deadline of {DEADLINE} days over the busiest",
        "  week.",
        f"- First to be cleared: {', '.join(districts['region'].head(3))}.",
        "",
        f"The days are those on which a snowfall can be felt: from {WINDOW[0]} day before it to {WINDOW[1]} "
        f"days after.",
        "",
        "| where | topic | without | extra | 80 % interval | a spike day without | with |",
        "|---|---|---|---|---|---|---|",
        *(_row(row) for row in rows),
        "",
    ]


def _how_to_read(told: Told) -> list[str]:
    sums, days = in_all(told.found), told.found.days
    grand = _of(sums, TOTAL, TOTAL)
    district = sums[(sums["region"] != TOTAL) & (sums["topic"] == SNOW)]["region"].iloc[0]
    peak = days[(days["region"] == district) & (days["topic"] == SNOW)].sort_values("extra").iloc[-1]
    return [
        "How to read it:",
        "",
        "- *extra*: the mean with the snow less the mean without it. The interval is of this difference, not of the",
        f"  count: it holds what {len(told.past)} snowfalls leave open of the mean effect, and how much one snowfall",
        "  differs from another. It is lopsided, for effects multiply: twice the usual and half of it are equally far",
        "  away. The bounds of a row are the sums of its days' bounds: a snowfall worse than usual is worse "
        "on all days.",
        "- *a spike day*: the probability that at least one of these days reaches its threshold, as the Signals page",
        "  says it. For a topic in a district the threshold is what one day in twenty of the last year "
        "reached, at least",
        "  1.5 times its median and at least 3; for totals what the season lets expect on nineteen days of "
        "twenty. Over",
        f"  {days.loc[days['felt'], 'day'].nunique()} days a quiet total has a chance of one too:",
        f"  {grand['probability_without']:.0%} for all complaints together without any snow.",
        f"- In {district} {peak['with_event']:.0f} complaints are expected on {_day(peak['day'])} where "
        f"{peak['threshold']:.0f} are a spike: the chance of one",
        f"  that day is {peak['probability_with']:.0%}.",
        "",
    ]


def _grounds(told: Told) -> list[str]:
    cases = told.found.cases
    strong = int((cases["strength"] >= STRONG * TRIED).sum())
    more = int((cases["ratio"] > 1.5).sum())
    return [
        "## What it rests on",
        "",
        f"{len(cases)} snowfalls from the panel's first day to {_day(ORIGIN)}, the most alike in strength first; their",
        "depth counts, on a logarithmic scale:",
        "",
        "| first day | days | snow | complaints | the same weekdays around | ratio |",
        "|---|---|---|---|---|---|",
        *(_case(case, told.past) for case in cases.itertuples(index=False)),
        "",
        "*Complaints* are those of all topics on the snowfall's own days, *around* the medians of the same weekdays of",
        f"the four weeks before and after. As strong as what is rehearsed ({STRONG * TRIED:.0f} cm or more): "
        f"{strong} of",
        f"{len(cases)}; with more than half above the usual: {more}. So what a strong snowfall does is drawn from few",
        "cases. What comes on the days after a snowfall is not in this table, but in the effect that was "
        "learned. Winters",
        "other than these two have not been seen.",
        "",
        "With the weather given too (`--weather`), the forecast follows the snow itself and is surer",
        "([signals.md](signals.md)).",
        "",
    ]


def _interval(row: pd.Series) -> str:
    return f"{_signed(row['extra_low'])} to {_signed(row['extra_high'])}"


def _of(sums: pd.DataFrame, region: str, topic: str) -> pd.Series:
    return sums[(sums["region"] == region) & (sums["topic"] == topic)].iloc[0]


def _row(row: pd.Series) -> str:
    names = ["all" if row[name] == TOTAL else row[name] for name in ("region", "topic")]
    chances = [f"{row[name]:.2f}" for name in ("probability_without", "probability_with")]
    interval = f"{_signed(row['extra_low'])} … {_signed(row['extra_high'])}"
    cells = [*names, f"{row.without_event:,.0f}", _signed(row.extra), interval, *chances]
    return f"| {' | '.join(cells)} |"


def _case(case: object, past: pd.DataFrame) -> str:
    one = past[past["id"] == case.id].iloc[0]  # type: ignore[attr-defined]
    lasts = (one["ends_on"] - one["starts_on"]).days + 1
    cells = [f"{one.starts_on:%Y-%m-%d}", lasts, f"{one.strength:.0f} cm"]
    cells += [f"{case.actual:,.0f}", f"{case.usual:,.0f}", f"{case.ratio:.1f}"]  # type: ignore[attr-defined]
    return f"| {' | '.join(map(str, cells))} |"


def _signed(value: float) -> str:
    return f"{value:+,.0f}".replace("-", "−")


def _day(day: object) -> str:
    return f"{pd.Timestamp(day):%-d %B %Y}"  # type: ignore[arg-type]


def main(folder: Path) -> None:
    """Rehearse and write the page."""
    PAGE.write_text("\n".join(lines(rehearsed(folder))), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT.parent / "shared")
