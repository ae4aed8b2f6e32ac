"""The parts of the Forecast page: headline, fan, what it is made of, dots of a day, the record, municipalities."""

from __future__ import annotations

import math
from datetime import date
from typing import Any

import pandas as pd
import streamlit as st

from analytics.filters import Filters
from analytics.record import ALL
from analytics.selected_forecast import Outlook
from pages.shared import bound, components, forecast_charts, mark_links, part_charts, twins, waiting
from pages.shared.answers import Answers
from pages.shared.text import Text, plain

SHOWN_DAYS = 56  # of the past, in the fan chart
WEEK = 7
NAMED = 5  # days off to come that are told in words
FINE = 10.0  # complaints: fewer are told with a decimal
FELT = 0.01  # a factor's effect on a week that is worth a word
ICONS = {"good": ":material/check_circle:", "fair": ":material/info:", "poor": ":material/warning:"}
COLORS = {"good": "blue", "fair": "gray", "poor": "orange"}


def is_there(answers: Answers, filters: Filters, text: Text) -> bool:
    """Is there a forecast of days to come? If not, say what to do, or what is missing for one."""
    ahead = answers.outlook(filters)
    if len(ahead.ahead):
        return True
    waiting.for_forecasts(answers, filters, text, otherwise="outlook.none" if ahead.origin is None else "outlook.over")
    return False


def headline(answers: Answers, filters: Filters, text: Text) -> None:
    """The coming week in one sentence, how far it can be trusted, and what went before."""
    week, ahead, judged = answers.week_ahead(filters), answers.outlook(filters), answers.record(filters)
    poor = judged.attrs["quality"] == "poor"
    expected = text.number(week["expected"], 0 if week["expected"] >= FINE else 1)
    values = {**week, "expected": expected, "period": text.period(week["first"], week["last"])}
    lines = [text("outlook.week_poor" if poor else "outlook.week", **values)]
    lines.append(_trust(judged, ahead, text))
    for name in ("last_week", "last_year"):
        before = week[name]
        if before:
            change = text.change(week["expected"] / before)
            lines.append(text.of("outlook", name, before=before, change=change))
    if week["thin"]:
        lines.append(text("outlook.thin"))
    if ahead.late:
        lines.append(text("outlook.late", n=ahead.late))
    if not ahead.issued:
        lines.append(text("outlook.computed"))
    st.markdown("\n".join(f"- {line}" for line in lines))


def fan(answers: Answers, filters: Filters, text: Text) -> None:
    """The last eight weeks and the days to come, and what stands in the calendar."""
    ahead, actual = answers.outlook(filters), answers.past_counts(filters).tail(SHOWN_DAYS)
    said = answers.said_before(filters) if ahead.series.own else answers.said_before(filters).head(0)
    said = said[said["day"] >= actual["day"].min()]
    first, last = actual["day"].min().date(), ahead.ahead["day"].max().date()
    marks = answers.ask("marks", filters, first, last)
    bands = not _poor(answers, filters)
    drawn = forecast_charts.fan(actual, ahead.ahead, said, marks, text, bands=bands)
    off = marks[(marks["kind"] == "holiday") & (marks["last_day"] > actual["day"].max().date())].to_dict("records")
    told = [f"{text.day(mark['first_day'], 'short')} — {plain(forecast_charts.mark_words(mark, text))}" for mark in off]
    note = text("fan.coming", marks=text.listed(told, NAMED, apart="; ")) if told else ""
    box = components.chart("fan", drawn, text, lambda: _days(actual, ahead, text, bands=bands), note=note)
    with box:
        mark_links.to_events(marks, actual["day"].max().date(), filters, text)


def made_of(answers: Answers, filters: Filters, text: Text) -> None:
    """The forecast as a product of its parts, day by day, and what moves the coming week."""
    ahead = answers.outlook(filters)
    if ahead.parts.empty:
        components.note("made", text)
        return
    table = ahead.parts.merge(ahead.ahead[["day", "mean"]], on="day")
    shown = table.round({"level": 2, "mean": 2} | dict.fromkeys(part_charts.FACTORS, 3))
    names = {"day": text("ahead.day")} | {name: text.of("made", name) for name in list(table)[1:]}
    days = shown.assign(day=shown["day"].dt.date).rename(columns=names)
    components.chart("made", part_charts.parts(table, text), text, days, note=_moves(table.head(WEEK), text))


def will_it_exceed(answers: Answers, filters: Filters, text: Text) -> None:
    """Twenty equally likely outcomes of one day against a threshold that the reader moves."""
    ahead = answers.outlook(filters).ahead
    with st.container(border=True, height="stretch"):
        st.subheader(text("dots.title"), anchor=False, help=text("dots.help"))
        days = [f"{day:%Y-%m-%d}" for day in ahead["day"]]
        chosen = bound.one_of("day", days, text("dots.day"), _weekday, text)
        day = date.fromisoformat(chosen or days[0])
        counts = answers.dots(filters, day)
        own: int | None = answers.ask("own_threshold", filters)
        usual = answers.usual_on(filters, day) if own is None else float(own)
        low = max(int(ahead["0.025"].min()), 1)  # that none at all comes is no question
        low = min(low, own or low)  # of all days: a slider with other ends is another one, whose address is lost
        high = max(int(ahead["0.975"].max()) + 1, low + 2, own or 0)
        start = high if math.isnan(usual) else round(usual)
        least = bound.slider("least", text("dots.threshold"), start, low, high, of=(day, ahead["mean"].sum()))
        reached = sum(count >= least for count in counts)
        chance = text.percent(answers.probability(filters, day, least))
        st.markdown(text("dots.said", reached=reached, least=least, day=text.day(day, "weekday"), chance=chance))
        if own is not None:
            st.caption(text("dots.own", own=own))
        if _poor(answers, filters):
            st.caption(text("dots.poor"))
        figure = forecast_charts.dots(counts, least, text)
        table = pd.DataFrame({text("dots.outcome"): range(1, len(counts) + 1), text("parts.complaints"): counts})
        components.picture("dots", figure, text, table, title=text("dots.title"), alt=text("dots.alt"))


def record(answers: Answers, filters: Filters, text: Text) -> None:
    """How good such forecasts were, by weeks and by days ahead, and a badge with its rule."""
    table = answers.record(filters)
    grade = table.attrs["quality"]
    with st.container(border=True, height="stretch"):
        st.subheader(text("track.title"), anchor=False, help=text("track.help"))
        if grade == "unknown":
            st.caption(text("track.none"))
            return
        st.badge(text.of("quality", grade), icon=ICONS[grade], color=COLORS[grade])  # type: ignore[arg-type]
        notes = [text("track.reconstructed")] if table.attrs["reconstructed"] else []
        notes += [] if answers.outlook(filters).series.own else [text("track.nearest")]
        if notes:
            st.caption(" ".join(notes))
        shown = {
            text("track.ahead"): [
                text("track.all") if lead == ALL else text("track.until", n=lead) for lead in table["lead"]
            ],
            text("track.coverage"): [text.percent(share) for share in table["coverage_80"]],
            text("track.skill"): [_skill(row, text) for row in table.to_dict("records")],
            text("track.judged"): [text.number(number) for number in table["forecasts"]],
        }
        twins.show(pd.DataFrame(shown), text)
        by_day = answers.record_by_day(filters)
        numbers = {"lead": "track.lead", "coverage_50": "track.half", "coverage_80": "track.coverage"}
        numbers |= {"coverage_95": "track.nearly_all", "skill": "track.skill", "bias": "track.bias"}
        numbers |= {"forecasts": "track.judged"}
        days = by_day[list(numbers)].round(3).rename(columns={name: text(key) for name, key in numbers.items()})
        title, alt = text("track.by_day"), text("track.alt")
        components.picture("track", part_charts.track(by_day, text), text, days, title=title, alt=alt)


def municipalities(answers: Answers, filters: Filters, text: Text) -> None:
    """The municipalities of the region, the most first; without ranges where the record of their region is poor."""
    table = answers.municipal_outlook(filters)
    if table.empty:
        return
    table = table.drop(columns=["low", "high"]) if _poor(answers, filters) else table
    with st.container(border=True):
        st.subheader(text("towns.title"), anchor=False, help=text("towns.help"))
        names = {"municipality": "filters.municipality", "mean": "fan.expected", "low": "ahead.low"}
        names |= {"high": "ahead.high", "last_week": "towns.last_week"}
        names |= {"threshold": "towns.own", "probability": "towns.own_chance"}
        own: pd.DataFrame = answers.ask("own_of_municipalities", filters)
        if len(own):
            table = table.merge(own, on="municipality", how="left")
            table["probability"] = [text.percent(one) if pd.notna(one) else "" for one in table["probability"]]
            table["threshold"] = [text.number(one) if pd.notna(one) else "" for one in table["threshold"]]
        shown = table.assign(municipality=[text.name("municipality", name) for name in table["municipality"]])
        shown = shown.round({"mean": 1}).rename(columns={name: text(key) for name, key in names.items()})
        twins.show(shown, text)
        components.twin("towns", shown, text("towns.title"), text)


def _weekday(text: Text, day: str) -> str:
    return text.day(date.fromisoformat(day), "weekday")


def _trust(judged: pd.DataFrame, ahead: Outlook, text: Text) -> str:
    """How far the numbers can be trusted: the badge's word, and what it rests on."""
    grade = judged.attrs["quality"]
    if grade == "unknown":
        return text("trust.unknown")
    whole = judged[judged["lead"] == ALL].iloc[0]
    kind = "reconstructed" if judged.attrs["reconstructed"] else "issued"
    said = text(
        "trust.said",
        grade=text.of("quality", grade),
        inside=text.percent(whole["coverage_80"]),
        missed=text.number(judged.attrs["missed"], 0 if judged.attrs["missed"] >= FINE else 1),
        kind=text.of("trust", kind),
        days=int(whole["forecasts"]),
    )
    skill = round(whole["skill"], 2) if whole["naive_error"] > 0 else math.nan
    key = "trust.better" if skill > 0 else "trust.worse" if skill < 0 else "trust.same"
    better = "" if math.isnan(skill) else text(key, change=text.percent(abs(skill)))
    nearest = "" if ahead.series.own else " " + text("track.nearest")
    return f"{said} {better}{nearest}"


def _skill(row: dict[str, Any], text: Text) -> str:
    """How much less the error was than that of the last same weekday; nothing where that one made none."""
    return text.change(1 + row["skill"]) if row["naive_error"] > 0 else "—"


def _moves(week: pd.DataFrame, text: Text) -> str:
    """What moves the coming week, beyond its level: each factor's effect on the week's sum."""
    level, running, told = float(week["level"].mean()), week["level"], []
    for name in part_charts.FACTORS:
        after = running * week[name]
        ratio = float(after.sum() / max(running.sum(), 1e-9))
        running = after
        if name != "weekday" and abs(ratio - 1) >= FELT:
            told.append(f"{text.of('made', name).lower()} {text.change(ratio)}")
    value = text.number(level, 0 if level >= FINE else 1)
    return text("made.week" if told else "made.week_level", level=value, parts=", ".join(told))


def _poor(answers: Answers, filters: Filters) -> bool:
    """Is the record so poor that no range is promised?"""
    return bool(answers.record(filters).attrs["quality"] == "poor")


def _days(actual: pd.DataFrame, ahead: Outlook, text: Text, *, bands: bool) -> pd.DataFrame:
    """The fan chart as a table: what was, what is expected and, where they are promised, within what bounds."""
    names = {"complaints": text("parts.complaints"), "mean": text("fan.expected")}
    ends = {"0.1": text("ahead.low"), "0.9": text("ahead.high")} if bands else {}
    names |= ends
    found = pd.concat([actual[["day", "complaints"]], ahead.ahead[["day", "mean", *ends]].round(1)])
    return found.assign(day=found["day"].dt.date).rename(columns={"day": text("ahead.day"), **names})
