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
from analytics.drivers import Drivers, EventTraces
from analytics.errors import BadInput
from analytics.event_learning import EventEffects, learn_events
from analytics.movements import Movements, features, learn, look_back, without_spikes
from analytics.panel import Level, Panel, dense_panel, total_counts, totals
from analytics.rhythm import fit_effects

VERSION = "1"  # of the method, written into the ledger
LEVELS = (0.025, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.975)
QUANTILES = [f"{level:g}" for level in LEVELS]
PARTS = ("level", "weekday", "season", "holiday", "events", "weather", "correction")
FARTHEST = 365
BUCKETS = (1, 7, 14, 28, 91, 182, 365)  # the last day of each horizon bucket
JUDGED = (1, 2, 4, 6, 8, 10, 12, 14, 15, 18, 21, 24, 27, 35, 49, 63, 77, 91, 112, 140, 168, 182, 224, 273, 322, 364)
ORIGINS, ORIGIN_STEP = 40, 9  # past origins, rotating over the weekdays
FEWEST_DAYS = 14  # known at a past origin
VOLUMES = (0.3, 1.0, 5.0, 20.0)  # a day; between them the volume classes
SAMPLE, CHUNK = 400, 512
BUSY = 300  # series, the largest, that learn of their own what events and weather do
PARENT_SCALE = 0.7  # a series lies closer to its group than a group to the whole
BELIEF = 400.0  # past cases' worth of belief in the uncalibrated levels
ALIKE = 0.25  # errors of days in a row are alike: what one of them is worth
MOST_DOUBT = 2.0
HALF_LIFE = 360.0  # days in which an error's say in dispersion and calibration halves
Report = Callable[[float, str], None]


def _one_thread() -> threadpool_limits:
    """Linear algebra in one thread: series are shared among threads already, and those would wait for each other."""
    return threadpool_limits(1, user_api="blas")


@dataclass(frozen=True, eq=False)
class Distribution:
    """What quantiles are printed from, row by row of a forecast; `calibration` maps cells to levels."""

    mean: np.ndarray
    dispersion: np.ndarray
    cell: np.ndarray
    calibration: np.ndarray

    def quantiles(self) -> np.ndarray:
        """Rows × LEVELS, whole counts."""
        levels = np.clip(self.calibration[self.cell], 1e-6, 1 - 1e-6)
        return counts_of.quantiles(levels, self.mean, self.dispersion)

    def __deepcopy__(self, memo: dict) -> Distribution:
        """Never changed, so never copied: pandas copies what hangs on a table at every step."""
        return self


@dataclass(frozen=True)
class _Rows:
    """Series of one kind: counts (nan unknown), the rows' groups above, and their calendar effects."""

    series: pd.DataFrame
    counts: np.ndarray
    effects: np.ndarray


@dataclass(frozen=True)
class _Time:
    """Positions of the origin and of past origins; days ahead that are judged at these, and that are forecast."""

    origin: int
    past: np.ndarray
    judged: np.ndarray
    ahead: np.ndarray

    @property
    def days(self) -> np.ndarray:
        """Past origins × days judged, as positions."""
        return self.past[:, None] + self.judged


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
    counts. `attrs["method"]` says in words what each number of series rests on. Raises BadInput on a bad panel, a
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
        self.time = _time(known, horizon)
        self.calendars = Calendars(self.days, almanac or Almanac(), drivers or Drivers(), self.panel)
        self.above = totals(self.panel)
        self.upper = [total_counts(level, self.panel.counts) for level in self.above]
        self.judgements: dict[str, tuple[np.ndarray, np.ndarray]] = {}
        self.undriven: np.ndarray | None = None  # series × days ahead: logarithms of the means without events
        with _one_thread():
            self._learn()

    def forecast(self, levels: str = "all", *, without: Collection[str] = ()) -> pd.DataFrame:
        """See the function of that name; `without`: ids of events that are taken not to come."""
        with _one_thread():
            return self._forecast(levels, without)

    def _forecast(self, levels: str, without: Collection[str], *, printed: bool = True) -> pd.DataFrame:
        if levels not in ("all", "bottom"):
            raise BadInput("levels", "Levels are all or bottom, not {levels}.", levels=levels)
        spreads, calibration = self._spreads(levels)
        above = self.above if levels == "all" else []
        mean, doubt = self._means_and_doubts(above, without)
        buckets = np.searchsorted(BUCKETS, self.time.ahead)
        spread = (1 + spreads[:, buckets]) * np.exp(doubt) - 1
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

    def doubt(self, levels: str = "all", *, without: Collection[str] = ()) -> np.ndarray:
        """For each row of `forecast`: the variance of the mean's logarithm that events and unseen weather add."""
        return self._means_and_doubts(self.above if levels == "all" else [], without)[1].ravel()

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
        dispersion, past = self._bottom()
        spreads = [dispersion]
        judged = [self._judged(self.sample, *self._sample_errors(past, dispersion))]
        if levels == "all":
            for counts, expected in zip(self.upper, past.totals, strict=True):
                actual, weight = self._actual(counts)
                spread = self._dispersions(actual, expected, weight, prior=None)
                spreads.append(spread)
                judged.append(self._judged(np.arange(len(counts)), actual, expected, weight, spread))
        self.judgements[levels] = np.vstack(spreads), _recalibrate(judged)
        return self.judgements[levels]

    def _ahead(self, calendars: Calendars) -> np.ndarray:
        """Means of the panel's own series on the days ahead, series × days; what is no event is reckoned once."""
        rows = np.arange(len(self.panel.series))
        points = np.array([self.time.origin])

        def work(part: np.ndarray) -> np.ndarray:
            logs = self._log_parts(part, self.time.ahead, points)
            return np.asarray(sum(one[:, 0] for name, one in logs.items() if name != "events"), dtype=np.float32)

        if self.undriven is None:
            with ThreadPoolExecutor(os.cpu_count()) as pool:
                self.undriven = np.concatenate(list(pool.map(work, _chunks(rows))))
        logs = self.undriven.astype(float)
        if calendars.traces:
            for known, at in calendars.of(self.panel.series):
                driven = known.values[-len(self.time.ahead) :, calendars.of_events]
                if driven.any():
                    logs[at] += self.own_effects[at, calendars.of_events] @ driven.T
        return np.exp(np.clip(logs, -12.0, 13.0))

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
                found[rows] += self.event_effects.doubts(known.values[ahead, calendars.of_events], rows, topic)
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
        rows, points = np.arange(len(self.panel.series)), np.array([self.time.origin])
        with _one_thread():
            logs = [self._log_parts(part, self.time.ahead, points) for part in _chunks(rows)]
            doubt = self._doubt(self.calendars, events=False)
        means = np.concatenate([sum(one[name][:, 0] for name in PARTS if name != "events") for one in logs])
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

    def _log_rhythm(
        self,
        series: pd.DataFrame,
        effects: np.ndarray,
        groups: tuple[str, ...] = (),
        calendars: Calendars | None = None,
    ) -> np.ndarray:
        """Logarithm of the rhythm (series × days, the days ahead too), of the regressors of these groups only."""
        found = np.empty((len(series), len(self.days)))
        for calendar, rows in (calendars or self.calendars).of(series):
            kept = np.array([not groups or group in groups for group in calendar.groups], dtype=bool)
            found[rows] = effects[rows][:, kept] @ calendar.values[:, kept].T
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
        buckets = np.searchsorted(BUCKETS, time.judged)
        log_rhythm = self._log_rhythm(self.panel.series.iloc[rows], self.own_effects[rows])
        counts = self.panel.counts[rows]
        values, exposure = self._cut(counts, log_rhythm)
        own = look_back(values, exposure, time.past, time.judged)
        kin = [moves.of(self.above[at].member[rows]) for at, moves in zip(self.relatives, self.kin_past, strict=True)]
        stacked = features(own, kin, time.judged)
        days = np.minimum(time.days, time.origin)
        known = (time.days <= time.origin) & ~np.isnan(counts[:, days])
        actual = np.nan_to_num(counts[:, days]).astype(float)  # spikes and all: only levels are learned without them
        offset = own.base[..., None] + log_rhythm[:, time.days.clip(max=len(self.days) - 1)]
        expected = np.exp(offset)
        squares = np.where(known, (actual - expected) ** 2, 0).sum(axis=(1, 2))
        spread = np.clip(squares / np.maximum(np.where(known, expected, 0).sum(axis=(1, 2)), 1e-3), 1.0, 50.0)
        alive = np.exp(own.base) > 0.01
        weight = known * (alive / spread[:, None])[..., None]
        shape = weight.shape
        self.coefficients = np.zeros((len(BUCKETS), len(stacked)))
        learned = np.zeros(len(BUCKETS), bool)
        for bucket in range(len(BUCKETS)):
            chosen = np.flatnonzero(buckets == bucket)
            if not len(chosen) or not weight[..., chosen].any():
                continue
            inside = weight[..., chosen] > 0
            matrix = np.stack(
                [
                    np.broadcast_to(f if f.shape[-1] == 1 else f[..., chosen], (*shape[:2], len(chosen)))[inside]
                    for f in stacked
                ],
                axis=-1,
            )
            days_in_bucket = BUCKETS[bucket] - (BUCKETS[bucket - 1] if bucket else 0)
            say = weight[..., chosen][inside] * np.sqrt(days_in_bucket) / len(chosen)
            self.coefficients[bucket] = learn(matrix, actual[..., chosen][inside], offset[..., chosen][inside], say)
            learned[bucket] = True
        for bucket in range(1, len(BUCKETS)):  # farther than any past origin reaches: as the nearest that is known
            if not learned[bucket]:
                self.coefficients[bucket] = self.coefficients[bucket - 1]

    # What is done for every series

    def _log_parts(
        self, rows: np.ndarray, ahead: np.ndarray, points: np.ndarray, calendars: Calendars | None = None
    ) -> dict[str, np.ndarray]:
        """Logarithms of the parts: rows × points × days ahead, each; what is to come may be of other `calendars`."""
        series = self.panel.series.iloc[rows]
        self._fit_bottom(rows)
        effects = self.own_effects[rows]
        log_rhythm = self._log_rhythm(series, effects)
        past = len(points) != 1 or points[0] != self.time.origin
        own = self._moves(self.panel.counts[rows], log_rhythm, points, ahead)
        members = [self.above[at].member[rows] for at in self.relatives]
        kin = [moves.of(at) for moves, at in zip(self.kin_past if past else self.kin_ahead, members, strict=True)]
        coefficients = self.coefficients[np.searchsorted(BUCKETS, ahead)]
        days = (points[:, None] + ahead).clip(max=len(self.days) - 1)
        by_group = {
            group: self._log_rhythm(series, effects, (group,), calendars)[:, days]
            for group in ("weekday", "event", "weather")
        }
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
        whole = log_rhythm if calendars is None else self._log_rhythm(series, effects, calendars=calendars)
        holiday = whole[:, days] - sum(by_group.values())
        correction = np.broadcast_to(coefficients[:, -1], level.shape)
        return dict(zip(PARTS, (level, weekdays, np.asarray(season), holiday, *driven, correction), strict=True))

    def _expected(
        self, rows: np.ndarray, ahead: np.ndarray, points: np.ndarray, calendars: Calendars | None = None
    ) -> np.ndarray:
        return np.exp(np.clip(sum(self._log_parts(rows, ahead, points, calendars).values()), -12.0, 13.0))

    def _bottom(self) -> tuple[np.ndarray, _Past]:
        """Dispersions of the panel's own series, and what past origins would have said."""
        size, time = len(self.panel.series), self.time
        dispersion = np.empty((size, len(BUCKETS)))
        sums = [np.zeros((len(level.series), len(time.past), len(time.judged))) for level in self.above]
        sampled = self._expected(self.sample, time.judged, time.past)
        actual, weight = self._actual(self.panel.counts[self.sample])
        self.priors = self._priors(actual, sampled, weight)
        self.sample_expected = sampled

        def work(rows: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
            expected = self._expected(rows, time.judged, time.past)
            actual, weight = self._actual(self.panel.counts[rows])
            dispersion[rows] = self._dispersions(actual, expected, weight, self.priors)
            return rows, [level.matrix[:, rows] @ expected.reshape(len(rows), -1) for level in self.above]

        done = 0
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for rows, added in pool.map(work, _chunks(np.arange(size))):
                for at, part in enumerate(added):
                    sums[at] += part.reshape(sums[at].shape)
                done += len(rows)
                self.report(done / size, f"{done:,} / {size:,}")
        return dispersion, _Past(sampled, sums)

    def _actual(self, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Counts on the days judged at past origins (series × origins × days), and what each says: 0 if unknown."""
        days = self.time.days
        actual = counts[:, np.minimum(days, self.time.origin)].astype(float)
        say = 0.5 ** ((self.time.origin - self.time.past) / HALF_LIFE)[:, None] * (days <= self.time.origin)
        weight = np.where(np.isnan(actual), 0.0, say)
        return np.nan_to_num(actual), weight

    def _priors(self, actual: np.ndarray, expected: np.ndarray, weight: np.ndarray) -> list[np.ndarray]:
        buckets = np.searchsorted(BUCKETS, self.time.judged)
        return [
            counts_of.common_prior(_evidence(actual, expected, weight, buckets == bucket))
            for bucket in range(len(BUCKETS))
        ]

    def _dispersions(
        self, actual: np.ndarray, expected: np.ndarray, weight: np.ndarray, prior: list[np.ndarray] | None
    ) -> np.ndarray:
        """Series × buckets; farther than any past origin reaches, as the nearest bucket that is known."""
        buckets = np.searchsorted(BUCKETS, self.time.judged)
        found = np.empty((len(actual), len(BUCKETS)))
        prior = prior or self._priors(actual, expected, weight)
        for bucket in range(len(BUCKETS)):
            inside = buckets == bucket
            if not inside.any() and bucket:
                found[:, bucket] = found[:, bucket - 1]
                continue
            found[:, bucket] = counts_of.dispersions(_evidence(actual, expected, weight, inside), prior[bucket])
        return found

    def _sample_errors(
        self, past: _Past, dispersion: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        actual, weight = self._actual(self.panel.counts[self.sample])
        return actual, past.sample, weight, dispersion[self.sample]

    def _judged(
        self, rows: np.ndarray, actual: np.ndarray, expected: np.ndarray, weight: np.ndarray, dispersion: np.ndarray
    ) -> _Judged:
        """Randomised probability integral transforms (Czado, Gneiting and Held 2009) with their cells and weights."""
        buckets = np.searchsorted(BUCKETS, self.time.judged)
        spread = dispersion[:, buckets][:, None, :]
        below, at_most = counts_of.at_most(actual - 1, expected, spread), counts_of.at_most(actual, expected, spread)
        chance = np.random.default_rng(len(rows)).random(actual.shape)
        volume = np.searchsorted(VOLUMES, expected.mean(axis=(1, 2)))
        cell = np.broadcast_to(volume[:, None, None] * len(BUCKETS) + buckets, actual.shape)
        inside = weight > 0
        return _Judged(cell[inside], (below + (at_most - below) * chance)[inside], weight[inside])

    # What is handed out

    def _table(
        self, series: pd.DataFrame, mean: np.ndarray, dispersion: np.ndarray, calibration: np.ndarray, *, printed: bool
    ) -> pd.DataFrame:
        buckets = np.searchsorted(BUCKETS, self.time.ahead)
        volume = np.searchsorted(VOLUMES, mean.mean(axis=1))
        shape = Distribution(
            counts_of.rounded(mean.ravel()),
            dispersion.ravel(),
            (volume[:, None] * len(BUCKETS) + buckets).ravel(),
            calibration,
        )
        table = self._index(series).assign(mean=mean.ravel())
        if printed:
            table[QUANTILES] = shape.quantiles()
        table.attrs = {"distribution": shape, "method": self.method(), "version": VERSION}
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


@dataclass(frozen=True)
class _Judged:
    cell: np.ndarray
    transform: np.ndarray
    weight: np.ndarray


def _time(known: int, horizon: int) -> _Time:
    origin = known - 1
    farther = max(horizon - 28, 0)
    number = ORIGINS + farther // ORIGIN_STEP
    past = origin - 1 - ORIGIN_STEP * np.arange(number)[::-1]
    judged = np.array([day for day in JUDGED if day <= max(28, horizon)])
    return _Time(origin, past[past >= FEWEST_DAYS - 1], judged, np.arange(1, horizon + 1))


def _chunks(rows: np.ndarray) -> list[np.ndarray]:
    return np.array_split(rows, max(1, -(-len(rows) // CHUNK)))


def _sample(counts: np.ndarray) -> np.ndarray:
    """Up to 400 series, evenly over the volumes: what is common is learned from these."""
    volume = np.nan_to_num(counts).sum(axis=1)
    order = np.argsort(volume, kind="stable")
    order = order[volume[order] > 0] if (volume > 0).any() else order
    return np.sort(order[np.unique(np.linspace(0, len(order) - 1, min(SAMPLE, len(order))).round().astype(int))])


def _evidence(actual: np.ndarray, expected: np.ndarray, weight: np.ndarray, inside: np.ndarray) -> np.ndarray:
    size = len(actual)
    return counts_of.evidence(
        actual[..., inside].reshape(size, -1),
        expected[..., inside].reshape(size, -1),
        weight[..., inside].reshape(size, -1),
    )


def _recalibrate(judged: list[_Judged]) -> np.ndarray:
    """Cells (volume class × bucket) × levels: the level of the uncalibrated distribution to print for each level."""
    cell, transform, weight = (
        np.concatenate([getattr(one, name) for one in judged]) for name in ("cell", "transform", "weight")
    )
    levels = np.array(LEVELS)
    found = np.tile(levels, ((len(VOLUMES) + 1) * len(BUCKETS), 1))
    for number in np.unique(cell):
        inside = cell == number
        order = np.argsort(transform[inside], kind="stable")
        say = weight[inside][order]
        reached = (np.cumsum(say) - say / 2) / say.sum()
        seen = np.interp(levels, reached, transform[inside][order])
        cases = say.sum() * ALIKE
        found[number] = (cases * seen + BELIEF * levels) / (cases + BELIEF)
    return found


def calibrated(raw: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """P(Y ≤ y) after calibration: `raw` (n) before it, `levels` (n × 13) printed for LEVELS."""
    known = np.column_stack([np.zeros(len(raw)), levels, np.ones(len(raw))])
    target = np.concatenate([[0.0], LEVELS, [1.0]])
    at = np.clip((raw[:, None] >= known[:, 1:]).sum(axis=1), 0, len(target) - 2)
    row = np.arange(len(raw))
    share = (raw - known[row, at]) / np.maximum(known[row, at + 1] - known[row, at], 1e-12)
    return np.clip(target[at] + share * (target[at + 1] - target[at]), 0.0, 1.0)
