"""The answers of the analytics, remembered between reruns: by store, snapshot and filters."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from analytics import explain, selected_forecast, signal_ledger
from analytics.explain import Sentence
from analytics.filters import Filters, period
from analytics.forecast import probability
from analytics.layout import reference_geometry
from analytics.loaded import LastFullDay
from analytics.selected_forecast import Outlook
from analytics.settings import Settings, read_settings
from analytics.store import Store, open_store
from pages.shared import derived, maps, questions

LOOKED_BACK = 400  # days, for last year's week and the record
COMPARED = ("movers", "changed", "whole")  # whose answer depends on what the reader compares with
CONTEXT_DAYS = 91  # a chart over time shows at least these, however short the reader's period


@dataclass(frozen=True)
class Answers:
    """The answers of one store as it is in one snapshot, so that all numbers of a page agree."""

    store: Store
    snapshot: int
    seen: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)  # in this run of a page

    def kind(self) -> str:
        """'demo' or 'real'."""
        return str(self.know("facts_and_settings")[0]["kind"])

    def is_empty(self) -> bool:
        """Is there no complaint in the store?"""
        return bool(self.know("all_choices").empty)

    def setting(self, name: str) -> str | None:
        """What was set on the Data page: home_region, language; None if nothing."""
        return self.know("facts_and_settings")[1].get(name)

    def choices(self, meaning: str, parents: tuple[str, ...] = ()) -> list[str]:
        """What can be chosen for a meaning, the most frequent first; of some parents only (regions, topic groups)."""
        return list(self._kept("choices", (meaning, parents), lambda: _choices(self, meaning, parents)))

    def home_region(self) -> str | None:
        """The reader's region: as set, or the only one of the store; None when there are several."""
        regions = [region for region in self.choices("region") if region]
        home = self.setting("home_region")
        return home if home in regions else regions[0] if len(regions) == 1 else None

    def places(self, filters: Filters) -> str:
        """The places to compare: regions, or the municipalities where one region (or none) is known."""
        regions = filters.regions or tuple(region for region in self.choices("region") if region)
        return "region" if len(regions) > 1 else "municipality"

    def span(self) -> tuple[date | None, date | None]:
        """The first and the last opening day of the store."""
        return self.know("span")

    def last_full_day(self, filters: Filters) -> LastFullDay:
        """Up to which day the data of the chosen places are whole."""
        return self.know("last_full_day", Filters(regions=filters.regions))

    def as_of(self, filters: Filters) -> date:
        """The last full day; the last opening day where no import says more."""
        return self.last_full_day(filters).day or self.span()[1] or date.min

    def tiles(self, filters: Filters) -> pd.DataFrame:
        """The six measures of the Overview; see analytics.overview.tiles."""
        return self.know("tiles", filters, self.as_of(filters))

    def movers(self, filters: Filters, by: str) -> pd.DataFrame:
        """What rose and what fell; see analytics.overview.movers."""
        return self.know("movers", filters, self.as_of(filters), by)

    def received_and_closed(self, filters: Filters) -> pd.DataFrame:
        """Each day's received and closed, of the period or of 13 weeks if that is longer and there are as many."""
        as_of = self.as_of(filters)
        first, last = period(filters, as_of)
        context = max(last - timedelta(days=CONTEXT_DAYS - 1), self.span()[0] or first)
        wide = replace(filters, first_day=min(first, context), last_day=last)
        return self.know("received_and_closed", wide, as_of)

    def signals(self, filters: Filters) -> pd.DataFrame:
        """The newest signals of the selection; see analytics.signal_ledger.issued_signals."""
        return self.know("signals", filters.regions, filters.topic_groups, filters.municipalities)

    def signal_record(self) -> tuple[pd.DataFrame, dict[str, float], bool]:
        """How often signals came true, of those issued, else of the reconstructed (True).

        Remembered until data or forecasts change: what people say of signals does not.
        """
        state = self.know("issue_state")
        return self._kept("signal_record", (), lambda: questions.QUESTIONS["signal_record"](self.store), state)

    def give_feedback(self, series: tuple[str, str, str], peak_day: date, **said: str | None) -> None:
        """Keep what the reader says of a signal (region, municipality, topic group): said, word, owner."""
        region, town, topic = series
        said, now = {"said": None, **said}, datetime.now(UTC).replace(tzinfo=None)
        signal_ledger.give_feedback(self.store, region, topic, peak_day, municipality=town, now=now, **said)

    def compared(self, filters: Filters, by: tuple[str, ...]) -> pd.DataFrame:
        """Places, or places and topics, with their usual, last year, people; see analytics.where.compared."""
        return self.know("compared", filters, self.as_of(filters), by)

    def layout(self, filters: Filters) -> pd.DataFrame:
        """The tile of each place to compare; see analytics.layout. Without outlines they lie in order of their size."""
        if self.places(filters) == "region":
            regions = filters.regions or tuple(region for region in self.choices("region") if region)
            return self.know("layout", tuple(sorted(regions)) if filters.regions else regions)
        asked = (filters.regions, filters.municipalities)
        return self._kept("municipal_layout", asked, lambda: _municipal_layout(self, *asked))

    def drawn(self, filters: Filters, places: str) -> maps.Drawn:
        """The outlines of places (region, municipality, or all_municipalities): the reader's, else the reference's."""
        return self.know("own_drawn", filters.regions, places) or maps.drawn(reference_geometry())

    def can_draw_all(self, filters: Filters) -> bool:
        """Are regions compared, and the outlines of their municipalities known?"""
        return self.places(filters) == "region" and bool(self.know("kept_outlines")["municipality"])

    def without_place(self, filters: Filters, places: str) -> int:
        """How many complaints of the period name no region, or no municipality (`places`)."""
        table = self.compared(filters, ("region",) if places == "region" else ("region", places))
        return int(table.loc[table[places] == "", "complaints"].sum())

    def calendar(self, filters: Filters) -> pd.DataFrame:
        """Each day of up to three years; see analytics.where.calendar. The period is not looked at."""
        return self.know("calendar", _timeless(filters), self.as_of(filters))

    def hours(self, filters: Filters) -> pd.DataFrame:
        """Complaints by weekday and hour; see analytics.where.hours."""
        return self.know("hours", filters, self.as_of(filters))

    def points(self, filters: Filters) -> pd.DataFrame:
        """Where complaints lie, by a coarse grid; see analytics.where.points."""
        return self.know("points", filters, self.as_of(filters))

    def has_points(self) -> bool:
        """Has any complaint coordinates?"""
        return bool(self.know("has_points"))

    def ahead(self, filters: Filters, by: str) -> pd.DataFrame:
        """Places, or regions and topics, on days past and to come; see analytics.where.ahead."""
        chosen = Filters(None, None, filters.regions, filters.municipalities, filters.topic_groups)
        return self.know("ahead", chosen, by)

    def completeness(self, filters: Filters, days: int = 28) -> pd.DataFrame:
        """Which of the last days are loaded; see analytics.queries.completeness."""
        return self.know("completeness", Filters(regions=filters.regions), self.as_of(filters), days)

    def outlook(self, filters: Filters) -> Outlook:
        """The forecast of the selection; see analytics.selected_forecast.outlook."""
        return self.know("outlook", _timeless(filters), self.as_of(filters))

    def past_counts(self, filters: Filters) -> pd.DataFrame:
        """Each day's complaints of the selection, as many as the headline and the record look back."""
        as_of = self.as_of(filters)
        return self.know("past_counts", _timeless(filters), as_of - timedelta(days=LOOKED_BACK), as_of)

    def said_before(self, filters: Filters) -> pd.DataFrame:
        """What was said before of the ledger's series nearest to the selection."""
        series = self.outlook(filters).series

        def make() -> pd.DataFrame:
            return selected_forecast.said_before(self.store, series, self.past_counts(series.filters))

        return self._kept("said_before", (series,), make)

    def record(self, filters: Filters) -> pd.DataFrame:
        """How good that was; see analytics.selected_forecast.record_of."""
        return self._once("record", filters, lambda: selected_forecast.record_of(self.said_before(filters)))

    def record_by_day(self, filters: Filters) -> pd.DataFrame:
        """The same for each lead day; see analytics.selected_forecast.record_by_day."""
        return self._once("record_by_day", filters, lambda: selected_forecast.record_by_day(self.said_before(filters)))

    def week_ahead(self, filters: Filters) -> dict[str, Any]:
        """The next seven days in numbers; see analytics.selected_forecast.week_ahead."""
        outlook, past, alike = self.outlook(filters), self.past_counts(filters), self.record(filters).attrs["alike"]
        return self._once("week_ahead", filters, lambda: selected_forecast.week_ahead(outlook, past, alike))

    def dots(self, filters: Filters, day: date) -> list[float]:
        """Twenty equally likely counts of a day."""
        ahead = self.outlook(filters).ahead
        return self._once("dots", filters, lambda: selected_forecast.dots(ahead, day).astype(float).tolist(), day)

    def usual_on(self, filters: Filters, day: date) -> float:
        """What such weekdays usually bring."""
        return selected_forecast.usual_on(self.past_counts(filters), day)

    def probability(self, filters: Filters, day: date, at_least: int) -> float:
        """P(complaints of the day >= at_least)."""
        ahead = self.outlook(filters).ahead
        row = ahead[ahead["day"] == pd.Timestamp(day)]
        return float(probability(row, at_least)["probability"].iloc[0])

    def municipal_outlook(self, filters: Filters) -> pd.DataFrame:
        """The next seven days of a region's municipalities; see analytics.municipal_week.municipalities."""
        return self.know("municipal_outlook", _timeless(filters), self.as_of(filters))

    def history(self) -> pd.DataFrame:
        """All imports, the newest first."""
        return self.know("history")

    def can_start_real(self) -> bool:
        """Can a real store be made beside this demo store?"""
        return not self.store.settings.remote

    def start_real(self) -> None:
        """Make a real store beside the demo store; from now on the dashboard shows that one."""
        demo = Path(self.store.settings.store)
        settings = replace(self.store.settings, store=str(demo.with_name(f"{demo.name}-real")), data="")
        open_store(settings)
        self.store.set_setting("real_store", settings.store)

    def ask(self, question: str, filters: Filters, *more: object) -> Any:
        """A question of `questions.QUESTIONS` to the selection up to its last full day."""
        return self.know(question, filters, self.as_of(filters), *more)

    def know(self, question: str, *arguments: object) -> Any:
        """The answer to one of `questions.QUESTIONS`, remembered."""
        told = question not in COMPARED
        plain = tuple(replace(one, compare="usual") if told and isinstance(one, Filters) else one for one in arguments)
        return self._kept(question, plain, lambda: questions.QUESTIONS[question](self.store, *plain))

    def _once(self, name: str, filters: Filters, make: Callable[[], Any], *more: object) -> Any:
        """What is made of other answers to the selection whatever its period, remembered as they are."""
        return self._kept(name, (_timeless(filters), self.as_of(filters), *more), make)

    def _kept(self, name: str, about: tuple[object, ...], make: Callable[[], Any], state: str = "") -> Any:
        """What `make` makes, remembered as long as the snapshot, or the `state` of the store, is the same.

        `about` must tell by its words all that it is made of.
        """
        what = f"{self.store.path} {state or self.snapshot} {name} {about!r}"
        if what not in self.seen:
            self.seen[what] = derived.made(what, make)
        found = self.seen[what]
        return found.copy(deep=False) if isinstance(found, pd.DataFrame) else found

    def headline(self, filters: Filters) -> list[Sentence]:
        """The Overview's first sentences, from its own numbers."""
        movers = [self.movers(filters, by) for by in ("topic_group", self.places(filters))]
        return explain.headline(self.tiles(filters), pd.concat(movers), self.last_full_day(filters), filters.compare)


@contextmanager
def open_answers() -> Iterator[Answers]:
    """The answers of the store in the settings, as it is now. Raises BadInput when it cannot be opened."""
    with ExitStack() as held:
        answers = _answers_of(read_settings(), held)
        real = answers.setting("real_store") if answers.kind() == "demo" else None
        if real:
            answers = _answers_of(replace(answers.store.settings, store=real, data=""), held)
        yield answers


def _answers_of(settings: Settings, held: ExitStack) -> Answers:
    store = _store(settings)
    held.enter_context(store.holding())
    return Answers(store, store.snapshot())


@st.cache_resource(max_entries=16, show_spinner=False)
def _store(settings: Settings) -> Store:
    return open_store(settings)


def _choices(answers: Answers, meaning: str, parents: tuple[str, ...]) -> list[str]:
    table: pd.DataFrame = answers.know("all_choices")
    table = table[table["meaning"] == meaning]
    if parents:
        table = table[table["parent"].isin(parents)]
    return list(dict.fromkeys(table["value"]))


def _municipal_layout(answers: Answers, regions: tuple[str, ...], chosen: tuple[str, ...]) -> pd.DataFrame:
    table: pd.DataFrame = answers.know("all_choices")
    table = table[(table["meaning"] == "municipality") & (table["value"] != "")]
    table = table[(table["parent"].isin(regions) | (not regions)) & (table["value"].isin(chosen) | (not chosen))]
    return questions.municipal_layout(answers.store, regions, table)


def _timeless(filters: Filters) -> Filters:
    """The selection without its period: the future has none."""
    return replace(filters, first_day=None, last_day=None, compare="usual")
