"""Daily counts ahead, as a full distribution, for every series of a panel and all totals. Table in, table out.

mean = level × weekday × season × holidays × events × weather × correction. The rhythm of weekdays and days off, and
what events and weather do, is a pooled penalised regression (`rhythm`); levels and what they will do are learned from
past origins over all series (`movements`); the distribution is negative binomial, its dispersion by series and horizon
from the errors at past origins (`negative_binomial`) and wider where an event or unseen weather leaves more open; its
levels are then recalibrated so that what was said to happen in one case of ten did (Kuleshov, Fenner and Ermon 2018).
The mean of a total is the sum of its series; its distribution comes from its own past errors, so the correlation
between the series is in it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from analytics import negative_binomial as counts_of
from analytics.almanac import Almanac
from analytics.calendars import Calendars
from analytics.distribution import (
    BUCKETS,
    LEVELS,
    QUANTILES,
    Distribution,
    buckets_of,
    calibrated,
    cells,
    judged,
    means_of,
    recalibrate,
    spread_out,
)
from analytics.drivers import Drivers, EventTraces
from analytics.errors import BadInput
from analytics.event_learning import EventEffects, learn_events
from analytics.hindsight import MOVED, SHAPED, SPREAD, coefficients, dispersions, past_origins, priors
from analytics.local_events import event_doubts
from analytics.movements import Movements, features, look_back, without_spikes
from analytics.panel import Level, Panel, dense_panel, total_counts, totals
from analytics.rhythm import fit_effects

VERSION = "2"  # of the method, written into the ledger
PARTS = ("level", "weekday", "season", "holiday", "events", "weather", "correction")
OWN_PARTS = ("weekday", "event", "weather")  # groups of regressors that are parts of their own
FARTHEST = 365
SAMPLE, CHUNK = 400, 512
LOOKING_BACK = 0.8  # of the time, judging past origins
BUSY = 300  # series, the largest, that learn of their own what events and weather do
PARENT_SCALE = 0.7  # a series lies closer to its group than a group to the whole
MOST_DOUBT = 2.0
Report = Callable[[float, str], None]


def _one_thread() -> threadpool_limits:
    """Linear algebra in one thread: series are shared among threads already, and those would wait for each other."""
    return threadpool_limits(1, user_api="blas")


def forecast(
    panel: pd.DataFrame | Panel,
    horizon: int = 28,
    *,
    almanac: Almanac | None = None,
    drivers: Drivers | None = None,
    end: date | None = None,
    levels: str = "all",
    report: Report | None = None,
) -> pd.DataFrame:
    """day, region, [municipality], topic, mean, 0.025 … 0.975 for each day after the origin and each series.

    `panel`: `day, region, [municipality], topic, complaints` (see `panel.dense_panel`), known up to `end`, the origin;
    `drivers`: events and weather, of which only what was known at the origin is used;
    `levels`: "bottom" for the panel's own series, "all" adds totals with '*'. Complaints a day; quantiles are whole
    counts. `attrs["method"]` says in words what each number of series rests on, `attrs["notices"]` what had to be
    supposed. Raises BadInput on a bad panel, a
    horizon outside 1 … 365, or unknown levels.
    """
    engine = Engine(panel, horizon, almanac=almanac, drivers=drivers, end=end, report=report)
    return engine.forecast(levels)


def parts(
    panel: pd.DataFrame | Panel,
    horizon: int = 28,
    *,
    almanac: Almanac | None = None,
    drivers: Drivers | None = None,
    end: date | None = None,
) -> pd.DataFrame:
    """The mean of `forecast` as a product: day, series, level, weekday, season, holiday, events, weather, correction.

    The parts of a total are those of its series, each weighed by the product of the parts before it.
    """
    return Engine(panel, horizon, almanac=almanac, drivers=drivers, end=end).parts()


def probability(forecast: pd.DataFrame, at_least: float | np.ndarray | pd.Series) -> pd.DataFrame:
    """P(complaints ≥ at_least) of each row of a forecast, from its full distribution: day, series, probability.

    `at_least`: one count for all rows or one for each. Rows of `forecast` may have been chosen or sorted.
    """
    shape: Distribution = forecast.attrs["distribution"]
    rows = forecast.index.to_numpy()
    below = np.ceil(np.broadcast_to(np.asarray(at_least, dtype=float), len(rows))) - 1.0
    raw = counts_of.at_most(below, shape.mean[rows], shape.dispersion[rows])
    found = forecast[[name for name in ("day", "region", "municipality", "topic") if name in forecast]].copy()
    found["probability"] = 1.0 - calibrated(raw, shape.calibration[shape.cell[rows]])
    return found


def quantile(forecast: pd.DataFrame, level: float) -> np.ndarray:
    """The quantile of one of LEVELS of each row of a forecast, also of one without printed quantiles (`means`)."""
    shape: Distribution = forecast.attrs["distribution"]
    rows = forecast.index.to_numpy()
    at = np.clip(shape.calibration[shape.cell[rows], LEVELS.index(level)], 1e-6, 1 - 1e-6)
    return counts_of.quantiles(at[:, None], shape.mean[rows], shape.dispersion[rows])[:, 0]


class Engine:
    """One panel's forecast from one origin, step by step; see `forecast` for the arguments."""

    def __init__(
        self,
        panel: pd.DataFrame | Panel,
        horizon: int = 28,
        *,
        almanac: Almanac | None = None,
        drivers: Drivers | None = None,
        end: date | None = None,
        report: Report | None = None,
    ) -> None:
        if not 1 <= horizon <= FARTHEST:
            raise BadInput(
                "horizon", "The horizon is from 1 to {most} days, not {horizon}.", most=FARTHEST, horizon=horizon
            )
        self.panel = panel if isinstance(panel, Panel) else dense_panel(panel, end)
        self.report = report or (lambda share, name: None)
        known = len(self.panel.days)
        ahead = pd.date_range(self.panel.days[-1] + pd.Timedelta(days=1), periods=horizon)
        self.days = self.panel.days.append(ahead)
        self.time = past_origins(known, horizon)
        self.calendars = Calendars(self.days, almanac or Almanac(), drivers or Drivers(), self.panel)
        self.above = totals(self.panel)
        self.upper = [total_counts(level, self.panel.counts) for level in self.above]
        self.judgements: dict[str, tuple[np.ndarray, np.ndarray]] = {}
        self.undriven: np.ndarray | None = None  # series × days ahead: logarithms of the means without events
        self.report(0.0, f"0 / {len(self.panel.series):,} series looked back on")
        with _one_thread():
            self._learn()

    def forecast(self, levels: str = "all", *, without: Collection[str] = ()) -> pd.DataFrame:
        """See the function of that name; `without`: ids of events that are taken not to come."""
        with _one_thread():
            return self._forecast(levels, without)

    def _forecast(self, levels: str, without: Collection[str], *, printed: bool = True) -> pd.DataFrame:
        if levels not in ("all", "bottom"):
            raise BadInput("levels", "Levels are all or bottom, not {levels}.", levels=levels)
        above = self.above if levels == "all" else []
        self._spreads(levels)
        return self._spread_out(levels, *self._means_and_doubts(above, without), printed=printed)

    def _spread_out(self, levels: str, mean: np.ndarray, doubt: np.ndarray, *, printed: bool) -> pd.DataFrame:
        """Means (series × days ahead) with their distributions, wider by their doubts."""
        spreads, calibration = self._spreads(levels)
        above = self.above if levels == "all" else []
        own = means_of(self._undriven())
        calm = np.vstack([own, *(level.total(own) for level in above)])
        spread = spread_out(spreads[:, buckets_of(self.time.ahead)], mean, calm, doubt)
        series = pd.concat([self.panel.series, *(level.series for level in above)], ignore_index=True)
        return self._table(series, mean, spread, calibration, printed=printed)

    def means(self, levels: str = "all", *, without: Collection[str] = ()) -> pd.DataFrame:
        """As `forecast`, without quantiles: day, series, mean; `probability` and `quantile` answer from it."""
        with _one_thread():
            return self._forecast(levels, without, printed=False)

    def rows(self) -> tuple[pd.DataFrame, np.ndarray]:
        """The series of a forecast of all levels, in its order, and their counts (nan: unknown)."""
        series = pd.concat([self.panel.series, *(level.series for level in self.above)], ignore_index=True)
        return series, np.vstack([self.panel.counts, *self.upper])

    def means_and_doubts(self, *, without: Collection[str] = ()) -> tuple[pd.DataFrame, np.ndarray]:
        """The `means` of all levels; and the variance of their logarithms that events and unseen weather add, series ×
        days ahead."""
        with _one_thread():
            self._spreads("all")
            found, doubt = self._means_and_doubts(self.above, without)
            return self._spread_out("all", found, doubt, printed=False), doubt

    def past_said(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """What past origins would have said of the sample: means (series × origins × days judged), dispersions, levels.

        Dispersions are series × buckets, levels those of the calibration's cells.
        """
        spreads, calibration = next(iter(self.judgements.values())) if self.judgements else self._spreads("bottom")
        return self.sample_expected, spreads[self.sample], calibration

    def _means_and_doubts(self, above: list[Level], without: Collection[str]) -> tuple[np.ndarray, np.ndarray]:
        """Series and totals × days ahead; causes are common to the series of a total: they do not average out."""
        calendars = self.calendars.without(without) if without else self.calendars
        mean, doubt = self._ahead(calendars), self._doubt(calendars)
        means, doubts = [mean], [doubt]
        for level in above:
            means.append(level.total(mean))
            doubts.append((level.total(mean * np.sqrt(doubt)) / np.maximum(means[-1], 1e-9)) ** 2)
        return np.vstack(means), np.vstack(doubts)

    def _spreads(self, levels: str) -> tuple[np.ndarray, np.ndarray]:
        """Dispersions (series × buckets) and calibration, from past origins; once for all events to come."""
        if levels in self.judgements:
            return self.judgements[levels]
        buckets, recent, older = self.time.buckets, self.time.say(SPREAD), self.time.say(SHAPED)
        dispersion, past = self._bottom()
        actual, known = self.time.actual(self.panel.counts[self.sample])
        spreads, cases = [dispersion], [judged(actual, past.sample, known * older, dispersion[self.sample], buckets)]
        for counts, expected in zip(self.upper, past.totals, strict=True) if levels == "all" else ():
            actual, known = self.time.actual(counts)
            usual = priors(actual, expected, known * recent, buckets)
            spreads.append(dispersions(actual, expected, known * recent, buckets, usual))
            cases.append(judged(actual, expected, known * older, spreads[-1], buckets))
        self.judgements[levels] = np.vstack(spreads), recalibrate(cases)
        return self.judgements[levels]

    def _ahead(self, calendars: Calendars) -> np.ndarray:
        """Means of the panel's own series on the days ahead, series × days."""
        logs, ahead = self._undriven().copy(), slice(-len(self.time.ahead), None)
        if calendars.traces:
            for known, at in calendars.of(self.panel.series):
                driven, effects = known.values[ahead, calendars.of_events], self.own_effects[at, calendars.of_events]
                if driven.any():
                    logs[at] += effects @ driven.T
                if known.parts:
                    logs[at] += known.parts.effect(effects)[:, ahead]
        return means_of(logs)

    def _undriven(self) -> np.ndarray:
        """Logarithms of the means were there no events, series × days ahead: reckoned once, on every core."""
        if self.undriven is not None:
            return self.undriven
        rows, points = np.arange(len(self.panel.series)), np.array([self.time.origin])

        def work(part: np.ndarray) -> np.ndarray:
            logs = self._log_parts(part, self.time.ahead, points)
            return np.asarray(sum(one[:, 0] for name, one in logs.items() if name != "events"))

        found: list[np.ndarray] = []
        done = 0
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for part in pool.map(work, _chunks(rows)):
                found.append(part)
                done += len(part)
                share = LOOKING_BACK + (1 - LOOKING_BACK) * done / len(rows)
                self.report(share, f"{done:,} / {len(rows):,} series forecast")
        self.undriven = np.concatenate(found)
        return self.undriven

    def _doubt(self, calendars: Calendars, *, events: bool = True) -> np.ndarray:
        """Variance of the logarithm of each mean (series × days ahead) that events and unseen weather add.

        An event may do more or less than those before it, and what these did is not known for certain.
        """
        found = np.zeros((len(self.panel.series), len(self.time.ahead)))
        if not calendars.drivers.any:
            return found
        ahead = slice(-len(self.time.ahead), None)
        for known, rows in calendars.of(self.panel.series):
            groups = np.array(known.groups)
            effects = self.own_effects[rows]
            if self.event_effects and events:
                topic = self.above[self.topic].member[rows]
                found[rows] += event_doubts(
                    self.event_effects,
                    known.values[:, calendars.of_events],
                    known.parts,
                    effects[:, calendars.of_events],
                    rows,
                    topic,
                    ahead,
                )
            if known.covariance is not None and known.unseen is not None and known.covariance.size:
                weather = effects[:, groups == "weather"]
                open_variance = np.einsum("sk,kl,sl->s", weather, known.covariance, weather)
                found[rows] += open_variance[:, None] * known.unseen[ahead]
        return np.clip(found, 0.0, MOST_DOUBT)

    def quiet(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """What rehearsals start from: of the panel's own series, were there no events, the logarithms of their means.

        series × days ahead; effects of events on them, series × event regressors; and the variance that unseen weather
        adds, series × days ahead.
        """
        with _one_thread():
            means, doubt = self._undriven(), self._doubt(self.calendars, events=False)
        return means, self.own_effects[:, self.calendars.of_events], doubt

    def spreads(self) -> tuple[np.ndarray, np.ndarray]:
        """Dispersions (series and totals × horizon buckets) and calibration (cells × LEVELS), from past origins."""
        with _one_thread():
            return self._spreads("all")

    def parts(self) -> pd.DataFrame:
        """See the function of that name."""
        logs = self._log_parts(np.arange(len(self.panel.series)), self.time.ahead, np.array([self.time.origin]))
        running = np.exp(np.cumsum(np.stack([logs[name][:, 0] for name in PARTS]), axis=0))
        stacked = [running] + [np.stack([level.total(product) for product in running]) for level in self.above]
        table = self._index(pd.concat([self.panel.series, *(level.series for level in self.above)], ignore_index=True))
        products = np.concatenate(stacked, axis=1).reshape(len(PARTS), -1)
        before = np.ones(products.shape[1])
        for name, product in zip(PARTS, products, strict=True):
            table[name] = product / before
            before = product
        return table.assign(mean=before)

    # What is learned once

    def _learn(self) -> None:
        """Effects of the calendar from wide to narrow, the movements of the totals, coefficients by bucket."""
        kinds = {tuple(level.series.columns[(level.series != "*").any()]): at for at, level in enumerate(self.above)}
        wide = "municipality" in self.panel.keys
        grand = kinds[()] if () in kinds else len(self.above) - 1
        topic = kinds.get(("topic",), len(self.above) - 2)
        group = kinds.get(("region", "topic"), topic) if wide else topic
        place = kinds.get(("region", "municipality"), 0) if wide else 0
        self.relatives, self.topic = (group, place, grand), topic
        freedom = self.calendars.freedom
        effects: dict[int, np.ndarray] = {}
        none = np.zeros((1, len(freedom)))
        effects[grand] = self._fit(self.above[grand].series, self.upper[grand], none, scale=2.0)
        for at in {topic, place} - {grand}:
            prior = np.repeat(effects[grand], len(self.above[at].series), axis=0)
            effects[at] = self._fit(self.above[at].series, self.upper[at], prior)
        if group not in effects:
            effects[group] = self._fit(
                self.above[group].series,
                self.upper[group],
                effects[topic][self._parents(group, topic)],
                scale=PARENT_SCALE,
            )
        self.effects = effects
        self.kin_past = [self._moves(*self._upper(at), self.time.past, self.time.judged) for at in self.relatives]
        self.kin_ahead = [
            self._moves(*self._upper(at), np.array([self.time.origin]), self.time.ahead) for at in self.relatives
        ]
        self.sample = _sample(self.panel.counts)
        self.own_effects = np.empty((len(self.panel.series), len(freedom)))
        self.fitted = np.zeros(len(self.panel.series), bool)
        volume = np.nan_to_num(self.panel.counts).sum(axis=1)
        self.busy = volume >= np.sort(volume)[-min(BUSY, len(volume))]
        self.event_effects: EventEffects | None = None
        self.event_effects = self._learn_events(self.calendars.traces) if self.calendars.traces else None
        self._fit_bottom(self.sample)
        self._learn_coefficients()

    def _learn_events(self, traces: EventTraces) -> EventEffects:
        """What events do, from the series of the sample and the busy ones, held against their rhythm without events."""
        rows = np.union1d(self.sample, np.flatnonzero(self.busy))
        self._fit_bottom(rows)
        self.fitted[rows] = False  # the calendar's effects are learned once more, given those of events
        series, topic = self.panel.series.iloc[rows], self.above[self.topic].member
        log_rhythm = self._log_rhythm(series, self.own_effects[rows])
        log_rhythm -= self._log_rhythm(series, self.own_effects[rows], ("event",))
        counts = self.panel.counts[rows]
        past = self.calendars.happened(traces, series, topic[rows], counts, log_rhythm[:, : counts.shape[1]])
        own = np.flatnonzero(self.busy[rows])
        found = learn_events(traces.event_kinds, past, len(self.above[self.topic].series), own)
        return found.of_rows(rows)

    def _parents(self, narrow: int, wide: int) -> np.ndarray:
        """For each series of the level `narrow` its row in the level `wide`."""
        found = np.empty(len(self.above[narrow].series), dtype=int)
        found[self.above[narrow].member] = self.above[wide].member
        return found

    def _fit(self, series: pd.DataFrame, counts: np.ndarray, prior: np.ndarray, scale: float = 1.0) -> np.ndarray:
        """Calendar effects, each region with its own days off; of events the core alone, see `_learn_events`."""
        found = np.array(prior)
        for calendar, rows in self.calendars.of(series):
            kept = np.ones(len(calendar.names), dtype=bool)
            if self.calendars.traces:
                kept[self.calendars.of_events] = self.calendars.traces.core
            found[np.ix_(rows, kept)] = fit_effects(
                counts[rows],
                calendar.values[: counts.shape[1], kept],
                calendar.freedom[kept],
                prior[np.ix_(rows, kept)],
                scale=scale,
            )
        return found

    def _fit_bottom(self, rows: np.ndarray) -> None:
        rows = rows[~self.fitted[rows]]
        group = self.relatives[0]
        self.own_effects[rows] = self.effects[group][self.above[group].member[rows]]
        if self.event_effects:
            topic = self.above[self.topic].member[rows]
            self.own_effects[rows, self.calendars.of_events] = self.event_effects.of(rows, topic)
        busy = rows[self.busy[rows]] if self.calendars.weather else rows[:0]
        self._fit_given(busy, ("event",))
        self._fit_given(np.setdiff1d(rows, busy), ("event", "weather"))
        self.fitted[rows] = True

    def _fit_given(self, rows: np.ndarray, given: tuple[str, ...]) -> None:
        """Effects of single series, those of the groups `given` being known; few series learn what weather does."""
        if not len(rows):
            return
        series, counts = self.panel.series.iloc[rows], self.panel.counts[rows]
        offset = None
        if self.calendars.drivers.any:
            offset = self._log_rhythm(series, self.own_effects[rows], given)[:, : counts.shape[1]]
        of = self.calendars.of_days if "weather" in given else self.calendars.of
        for calendar, at in of(series):
            kept = np.flatnonzero([group not in given for group in calendar.groups])
            self.own_effects[np.ix_(rows[at], kept)] = fit_effects(
                counts[at],
                calendar.values[: counts.shape[1], kept],
                calendar.freedom[kept],
                self.own_effects[np.ix_(rows[at], kept)],
                scale=PARENT_SCALE,
                offset=None if offset is None else offset[at],
            )

    def _log_rhythm(self, series: pd.DataFrame, effects: np.ndarray, groups: tuple[str, ...] = ()) -> np.ndarray:
        """Logarithm of the rhythm (series × days, the days ahead too), of the regressors of these groups only."""
        return self._log_rhythms(series, effects, groups)[0]

    def _log_rhythms(self, series: pd.DataFrame, effects: np.ndarray, *wanted: tuple[str, ...]) -> list[np.ndarray]:
        """The same of several choices of groups, () being all: finding and copying calendars is most of the work."""
        found = [np.empty((len(series), len(self.days))) for _ in wanted]
        for calendar, rows in self.calendars.of(series):
            values, own = calendar.values.T.astype(float), effects[rows]
            for one, groups in zip(found, wanted, strict=True):
                kept = np.array([group in groups for group in calendar.groups], dtype=bool)
                one[rows] = own[:, kept] @ values[kept] if groups else own @ values
                if calendar.parts and (not groups or "event" in groups):
                    one[rows] += calendar.parts.effect(own[:, self.calendars.of_events])
        return found

    def _upper(self, at: int) -> tuple[np.ndarray, np.ndarray]:
        return self.upper[at], self._log_rhythm(self.above[at].series, self.effects[at])

    def _moves(self, counts: np.ndarray, log_rhythm: np.ndarray, points: np.ndarray, ahead: np.ndarray) -> Movements:
        values, exposure = self._cut(counts, log_rhythm)
        return look_back(values, exposure, points, ahead)

    def _cut(self, counts: np.ndarray, log_rhythm: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Counts without spikes and their rhythm; both 0 on unknown days."""
        known = ~np.isnan(counts)
        exposure = np.where(known, np.exp(log_rhythm[:, : counts.shape[1]]), 0.0)
        return without_spikes(np.where(known, counts, 0.0).astype(float), exposure), exposure

    def _learn_coefficients(self) -> None:
        """How movements last, for each horizon bucket, from the sample's past origins."""
        time, rows = self.time, self.sample
        log_rhythm = self._log_rhythm(self.panel.series.iloc[rows], self.own_effects[rows])
        own = self._moves(self.panel.counts[rows], log_rhythm, time.past, time.judged)
        kin = [moves.of(self.above[at].member[rows]) for at, moves in zip(self.relatives, self.kin_past, strict=True)]
        actual, known = time.actual(self.panel.counts[rows])
        rhythm = log_rhythm[:, time.days.clip(max=len(self.days) - 1)]
        stacked = features(own, kin, time.judged)
        self.coefficients = coefficients(stacked, actual, known * time.say(MOVED), own.base, rhythm, time.buckets)

    # What is done for every series

    def _log_parts(self, rows: np.ndarray, ahead: np.ndarray, points: np.ndarray) -> dict[str, np.ndarray]:
        """Logarithms of the parts: rows × points × days ahead, each."""
        series = self.panel.series.iloc[rows]
        self._fit_bottom(rows)
        effects = self.own_effects[rows]
        log_rhythm, *by_groups = self._log_rhythms(series, effects, (), *((group,) for group in OWN_PARTS))
        past = len(points) != 1 or points[0] != self.time.origin
        own = self._moves(self.panel.counts[rows], log_rhythm, points, ahead)
        members = [self.above[at].member[rows] for at in self.relatives]
        kin = [moves.of(at) for moves, at in zip(self.kin_past if past else self.kin_ahead, members, strict=True)]
        coefficients = self.coefficients[buckets_of(ahead)]
        days = (points[:, None] + ahead).clip(max=len(self.days) - 1)
        by_group = {group: rhythm[:, days] for group, rhythm in zip(OWN_PARTS, by_groups, strict=True)}
        weekdays = by_group["weekday"]
        steps = own.steps.shape[-1]
        level = np.repeat(own.base[..., None], len(ahead), axis=2)
        for number, kin_moves in enumerate((own, *kin)):
            level = level + kin_moves.steps @ coefficients[:, number * steps : (number + 1) * steps].T
        at = 4 * steps
        weekday = (ahead - 1) % 7
        weekdays = weekdays + own.weekday[..., weekday] * coefficients[:, at]
        weekdays = weekdays + kin[0].weekday[..., weekday] * coefficients[:, at + 1]
        season = sum(
            kin_moves.season * coefficients[:, at + 2 + number] for number, kin_moves in enumerate((own, *kin))
        )
        driven = [by_group["event"], by_group["weather"]]
        holiday = log_rhythm[:, days] - sum(by_group.values())
        correction = np.broadcast_to(coefficients[:, -1], level.shape)
        return dict(zip(PARTS, (level, weekdays, np.asarray(season), holiday, *driven, correction), strict=True))

    def _expected(self, rows: np.ndarray, ahead: np.ndarray, points: np.ndarray) -> np.ndarray:
        return means_of(np.asarray(sum(self._log_parts(rows, ahead, points).values())))

    def _bottom(self) -> tuple[np.ndarray, _Past]:
        """Dispersions of the panel's own series, and what past origins would have said."""
        size, time = len(self.panel.series), self.time
        dispersion = np.empty((size, len(BUCKETS)))
        sums = [np.zeros((len(level.series), len(time.past), len(time.judged))) for level in self.above]
        sampled = self._expected(self.sample, time.judged, time.past)
        say = time.say(SPREAD)
        actual, known = time.actual(self.panel.counts[self.sample])
        usual = priors(actual, sampled, known * say, time.buckets)
        self.sample_expected = sampled

        def work(rows: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
            expected = self._expected(rows, time.judged, time.past)
            actual, known = time.actual(self.panel.counts[rows])
            dispersion[rows] = dispersions(actual, expected, known * say, time.buckets, usual)
            return rows, [level.matrix[:, rows] @ expected.reshape(len(rows), -1) for level in self.above]

        done = 0
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for rows, added in pool.map(work, _chunks(np.arange(size))):
                for at, part in enumerate(added):
                    sums[at] += part.reshape(sums[at].shape)
                done += len(rows)
                self.report(LOOKING_BACK * done / size, f"{done:,} / {size:,} series looked back on")
        return dispersion, _Past(sampled, sums)

    # What is handed out

    def _table(
        self, series: pd.DataFrame, mean: np.ndarray, dispersion: np.ndarray, calibration: np.ndarray, *, printed: bool
    ) -> pd.DataFrame:
        cell = cells(mean.mean(axis=1), buckets_of(self.time.ahead))
        shape = Distribution(counts_of.rounded(mean.ravel()), dispersion.ravel(), cell.ravel(), calibration)
        table = self._index(series).assign(mean=mean.ravel())
        if printed:
            table[QUANTILES] = shape.quantiles()
        table.attrs = {
            "distribution": shape,
            "method": self.method(),
            "notices": self.calendars.notices(),
            "version": VERSION,
        }
        return table

    def _index(self, series: pd.DataFrame) -> pd.DataFrame:
        ahead = self.days[-len(self.time.ahead) :]
        table = series.loc[series.index.repeat(len(ahead))].reset_index(drop=True)
        table.insert(0, "day", np.tile(ahead.to_numpy(), len(series)))
        return table

    def method(self) -> dict[str, int]:
        """In words, what the series' forecasts rest on, and how many rest on each."""
        known = (~np.isnan(self.panel.counts)).sum(axis=1)
        rungs = {
            "less than 2 weeks: the profile of its topic, scaled to the series": known < 14,
            "less than a year: its weekdays, and the yearly curve of its topic and place": (known >= 14)
            & (known < 364),
            "a year or more: its own weekdays, yearly curve and level": known >= 364,
        }
        return {words: int(rows.sum()) for words, rows in rungs.items() if rows.any()}


@dataclass(frozen=True)
class _Past:
    """Means that past origins would have given: of the sample, and of each kind of total."""

    sample: np.ndarray
    totals: list[np.ndarray]


def _chunks(rows: np.ndarray) -> list[np.ndarray]:
    return np.array_split(rows, max(1, -(-len(rows) // CHUNK)))


def _sample(counts: np.ndarray) -> np.ndarray:
    """Up to 400 series, evenly over the volumes: what is common is learned from these."""
    volume = np.nan_to_num(counts).sum(axis=1)
    order = np.argsort(volume, kind="stable")
    order = order[volume[order] > 0] if (volume > 0).any() else order
    return np.sort(order[np.unique(np.linspace(0, len(order) - 1, min(SAMPLE, len(order))).round().astype(int))])
