"""What comes next for the reader's selection, what was said before about it, and how good that was."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import scipy

from analytics import negative_binomial as counts_of
from analytics.computed_forecast import computed
from analytics.distribution import LEVELS, QUANTILES, Distribution
from analytics.filters import COUNTED, Filters
from analytics.ledger import issued, issued_parts
from analytics.loaded import unloaded
from analytics.negative_binomial import rounded
from analytics.panel import MOST_UNKNOWN, TOTAL
from analytics.queries import daily_counts, span
from analytics.record import ALL, compared, summed

if TYPE_CHECKING:
    from analytics.store import Store

WEEK = 7
YEAR = 364  # days: the same weekdays
LEAD_WEEKS = (7, 14, 21, 28)  # the record is told by weeks ahead: one day ahead has too few cases
THIN = 3.0  # complaints a day: below this single days are mostly chance
FEWEST_JUDGED = 28  # days judged: with fewer there is no record
ALIKE_BEFORE = 0.35  # correlation of a week's days in a forecast's error, before the record says more
CASES_BEFORE = 20.0  # past weeks' worth of belief in it
DRAWS = 4000
QUALITIES = ("good", "fair", "poor", "unknown")


@dataclass(frozen=True)
class Series:
    """The ledger's series nearest to a selection; `own`: it is the selection itself."""

    region: str
    topic: str
    own: bool

    @property
    def filters(self) -> Filters:
        """The selection that the series is of."""
        regions = () if self.region == TOTAL else (self.region,)
        return Filters(regions=regions, topic_groups=() if self.topic == TOTAL else (self.topic,))


@dataclass(frozen=True, eq=False)
class Outlook:
    """The forecast of a selection: `ahead` (day, mean, 0.025 … 0.975) of the days that have not happened yet.

    `origin`: the last day it knows; `late`: days by which the data are newer; `issued`: read from the ledger, not
    computed now; `series`: of the ledger, whose record is told. `ahead` has no rows when nothing was issued, or when
    what was issued is over. `parts`: day, level, weekday, season, holiday, events, weather, whose product is the mean;
    no rows where they were not kept.
    """

    ahead: pd.DataFrame
    origin: date | None
    late: int
    issued: bool
    series: Series
    parts: pd.DataFrame


def series_of(filters: Filters) -> Series:
    """The ledger's series for a selection: a region or all, a topic group or all."""
    region = filters.regions[0] if len(filters.regions) == 1 else TOTAL
    topic = filters.topic_groups[0] if len(filters.topic_groups) == 1 else TOTAL
    narrower = filters.municipalities or filters.topics or filters.channels or set(filters.kinds) != set(COUNTED)
    return Series(region, topic, not narrower and len(filters.regions) < 2 and len(filters.topic_groups) < 2)


def outlook(store: Store, filters: Filters, as_of: date) -> Outlook:
    """From the ledger where it has the selection's own series, else computed now on the selection's daily counts."""
    series = series_of(filters)
    newest = store.query("select max(origin) as origin from forecast_runs where not reconstructed")["origin"].iloc[0]
    if pd.isna(newest):
        return Outlook(pd.DataFrame({"day": []}), None, 0, False, series, pd.DataFrame({"day": []}))
    origin = newest.date()
    if series.own:
        found = issued(store, regions=[series.region], topic_groups=[series.topic])
        if len(found):
            ahead = found[found["day"] > pd.Timestamp(max(origin, as_of))]
            parts = issued_parts(store, series.region, series.topic)
            kept = parts[parts["day"].isin(ahead["day"])].reset_index(drop=True)
            return Outlook(ahead, origin, max((as_of - origin).days, 0), True, series, kept)
        series = Series(series.region, series.topic, own=False)
    ahead, parts = computed(store, filters, as_of)
    return Outlook(ahead, as_of, 0, False, series, parts)


def history(store: Store, filters: Filters, first: date, last: date) -> pd.DataFrame:
    """day, complaints of each day of the selection: quiet days 0, unknown days (and those before the store) nan."""
    days = pd.date_range(first, last, name="day")
    table = daily_counts(store, replace(filters, first_day=first, last_day=last))
    counts = table.set_index("day")["complaints"].reindex(days, fill_value=0).astype(float)
    lost = unloaded(store.query, days)
    lost = lost.loc[[region for region in lost.index if not filters.regions or region in filters.regions]]
    places = len(filters.regions) or int(store.query("select count(distinct region) as n from coverage")["n"].iloc[0])
    counts[lost.sum(axis=0).to_numpy() > MOST_UNKNOWN * places] = np.nan
    begun, _ = span(store, Filters(kinds=()))
    counts[days < pd.Timestamp(begun or last)] = np.nan
    return counts.rename("complaints").reset_index()


def said_before(store: Store, series: Series, actual: pd.DataFrame) -> pd.DataFrame:
    """What every issue said about days that have happened since, of one series of the ledger, beside what happened.

    day, origin, lead, reconstructed, mean, 0.025 … 0.975, actual, naive (the last known same weekday); of several
    issues for one origin the first; attrs as of a forecast. `actual`: what `history` answers of the same series.
    """
    found = store.query(
        f"""
        with judged as (
          select run_id, origin, reconstructed, calibration from forecast_runs
          qualify row_number() over (partition by origin order by reconstructed, run_id) = 1
        )
        select run_id, day, origin, reconstructed, mean, {", ".join(f'"{name}"' for name in QUANTILES)},
          dispersion, cell, calibration
        from forecasts join judged using (run_id)
        where region = $region and topic_group = $topic and day <= $last order by origin, day
        """,
        region=series.region,
        topic=series.topic,
        last=actual["day"].max(),
    )
    run = pd.factorize(found["run_id"])[0]
    tables = [np.array(json.loads(text)) for text in found["calibration"].groupby(run).first()]
    cells = len(tables[0]) if tables else 0
    found.attrs["distribution"] = Distribution(
        rounded(found["mean"].to_numpy()),
        found.pop("dispersion").to_numpy(),
        found.pop("cell").to_numpy() + run * cells,
        np.vstack(tables) if tables else np.empty((0, len(LEVELS))),
    )
    counts = actual.set_index("day")["complaints"]
    lead = (found["day"] - found["origin"]).dt.days
    before = found["day"] - pd.to_timedelta(WEEK * ((lead - 1) // WEEK + 1), unit="D")
    found = found.drop(columns=["run_id", "calibration"]).assign(
        lead=lead,
        actual=counts.reindex(found["day"]).to_numpy(),
        naive=counts.reindex(before).to_numpy(),
    )
    return found


def record_of(said: pd.DataFrame) -> pd.DataFrame:
    """How good one series' forecasts were by weeks ahead ('*': all): see `record.record`.

    lead: the last day of that week; attrs: `reconstructed` (no issued forecast can be judged yet, so what would have
    been said is), `alike` (correlation of a week's days in the error), `missed` (complaints a day on average) and
    `quality`.
    """
    edges = np.array(LEAD_WEEKS)
    weeks = edges[np.searchsorted(edges, said["lead"]).clip(max=len(edges) - 1)]
    found, attrs = _record(said, weeks)
    found.attrs = {**attrs, "quality": quality(found)}
    return found


def record_by_day(said: pd.DataFrame) -> pd.DataFrame:
    """The same for each lead day (1 … 28), with chance_low and chance_high: where nine of ten honest shares would lie.

    Those are bounds of a binomial share, as if days were independent.
    """
    found = _record(said, said["lead"].to_numpy())[0]
    found = found[found["lead"] != ALL].reset_index(drop=True)
    for name, level in (("chance_low", 0.05), ("chance_high", 0.95)):
        found[name] = scipy.stats.binom.ppf(level, found["forecasts"].astype(int), 0.8) / found["forecasts"]
    return found.astype({"lead": "int64"})


def quality(record: pd.DataFrame) -> str:
    """good, fair, poor or unknown (fewer than 28 days judged), from the row of all lead days.

    good: better than the last same weekday by a tenth and 70 to 92 of 100 days inside the 80 % range; poor: worse
    than the last same weekday, or fewer than 55 of 100 inside.
    """
    whole = record[record["lead"] == ALL]
    if whole.empty or whole["forecasts"].iloc[0] < FEWEST_JUDGED:
        return "unknown"
    skill, inside = whole["skill"].iloc[0], whole["coverage_80"].iloc[0]
    if skill < 0 or inside < 0.55:
        return "poor"
    return "good" if skill >= 0.1 and 0.7 <= inside <= 0.92 else "fair"


def of_week(ahead: pd.DataFrame, alike: float) -> tuple[float, float, float]:
    """Mean, and the 80 % range, of the sum of the next seven days.

    Quantiles of days do not add up: the days are drawn together, their errors as alike as past ones were (Gaussian
    copula with one correlation).
    """
    week = ahead.head(WEEK)
    draws = np.random.default_rng(0).standard_normal((1 + len(week), DRAWS))
    errors = np.sqrt(alike) * draws[:1] + np.sqrt(1 - alike) * draws[1:]
    sums = _counts_at(week, scipy.stats.norm.cdf(errors)).sum(axis=0)
    low, high = np.quantile(sums, [0.1, 0.9])
    return float(week["mean"].sum()), float(low), float(high)


def dots(ahead: pd.DataFrame, day: date, number: int = 20) -> np.ndarray:
    """A quantile dotplot's dots: counts that are equally likely, of one day of a forecast."""
    row = ahead[ahead["day"] == pd.Timestamp(day)]
    levels = (np.arange(number) + 0.5) / number
    return _counts_at(row, np.broadcast_to(levels, (len(row), number)))[0]


def week_ahead(outlook: Outlook, actual: pd.DataFrame, alike: float) -> dict[str, Any]:
    """The next seven days in numbers: first, last, expected, low, high, last_week, last_year (None: unknown), thin."""
    week = outlook.ahead.head(WEEK)
    expected, low, high = of_week(week, alike)
    counts = actual.set_index("day")["complaints"]
    first, last = week["day"].min(), week["day"].max()

    def total(end: pd.Timestamp) -> float | None:
        days = counts.reindex(pd.date_range(end - pd.Timedelta(days=WEEK - 1), end))
        return None if days.isna().any() else float(days.sum())

    return {
        "first": first.date(),
        "last": last.date(),
        "expected": expected,
        "low": low,
        "high": high,
        "last_week": total(actual["day"].max()),
        "last_year": total(last - pd.Timedelta(days=YEAR)),
        "thin": expected < THIN * len(week),
    }


def usual_on(actual: pd.DataFrame, day: date, weeks: int = 8) -> float:
    """The median of the last same weekdays; nan when none is known."""
    same = actual[actual["day"].dt.day_of_week == pd.Timestamp(day).day_of_week]["complaints"].tail(weeks).dropna()
    return float(same.median()) if len(same) else np.nan


def _record(said: pd.DataFrame, lead: np.ndarray) -> tuple[pd.DataFrame, dict[str, Any]]:
    """The measures for each value of `lead` (one for each row) and all; what `record_of` says of them."""
    judgeable = said["actual"].notna() & said["naive"].notna()
    reconstructed = bool((judgeable & ~said["reconstructed"].astype(bool)).sum() < FEWEST_JUDGED)
    kept = said["reconstructed"].astype(bool).to_numpy() == reconstructed
    rows = said[kept]
    judged = compared(
        rows.assign(region=TOTAL, topic=TOTAL),
        rows["lead"].to_numpy(),
        rows["actual"].to_numpy(dtype=float),
        rows["naive"].to_numpy(dtype=float),
    )
    known = (rows["actual"].notna() & rows["naive"].notna()).to_numpy()
    alike = _alike(judged["transform"].to_numpy(), rows["origin"].to_numpy()[known], rows["lead"].to_numpy()[known])
    judged["lead"] = lead[kept][known]
    return summed(judged, "lead"), {
        "reconstructed": reconstructed,
        "alike": alike,
        "missed": float(judged["miss"].mean()) if len(judged) else np.nan,
    }


def _alike(transform: np.ndarray, origin: np.ndarray, lead: np.ndarray) -> float:
    """The correlation of the first seven days' errors, between 0 and 0.95, from the ledger's past and a belief."""
    scores = scipy.stats.norm.ppf(np.clip(transform, 0.001, 0.999))
    products, pairs = ALIKE_BEFORE * CASES_BEFORE, CASES_BEFORE
    for one in pd.unique(origin):
        week = scores[(origin == one) & (lead <= WEEK)]
        if len(week) == WEEK:
            products += (week.sum() ** 2 - (week**2).sum()) / (WEEK * (WEEK - 1))
            pairs += (week**2).mean()
    return float(np.clip(products / pairs, 0.0, 0.95))


def _counts_at(rows: pd.DataFrame, levels: np.ndarray) -> np.ndarray:
    """Counts at calibrated levels (rows × k) of rows of a forecast."""
    shape: Distribution = rows.attrs["distribution"]
    at = rows.index.to_numpy()
    printed = np.concatenate([[0.0], LEVELS, [1.0]])
    raw = [
        np.interp(wanted, printed, np.concatenate([[0.0], known, [1.0]]))
        for wanted, known in zip(levels, shape.calibration[shape.cell[at]], strict=True)
    ]
    raw_levels = np.clip(np.array(raw), 1e-6, 1 - 1e-6)
    return counts_of.quantiles(raw_levels, shape.mean[at], shape.dispersion[at])
