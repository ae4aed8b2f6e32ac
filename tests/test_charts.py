"""Charts by their traces, and the small marks by their HTML."""

from __future__ import annotations

import math
import re
from datetime import date
from html.parser import HTMLParser
from itertools import combinations
from pathlib import Path
from urllib.parse import unquote

import pandas as pd
import plotly.io as pio
import pytest

from pages.shared import charts, fragments, part_charts, spike_charts, trend_charts, twins
from pages.shared.look import PALETTE, round_marks, shortened
from pages.shared.text import Text

ROOT = Path(__file__).resolve().parent.parent
RUSSIAN, ENGLISH = Text("ru"), Text("en")
BACKGROUNDS = ("#ffffff", "#10161d")  # of the light and the dark theme


def daily(days: int) -> pd.DataFrame:
    calendar = pd.date_range(end="2026-11-22", periods=days)
    counts = {"received": range(1, days + 1), "closed": [3] * days}
    averages = {
        "received_average": [n - 3.0 for n in range(1, days + 1)],
        "closed_average": [math.nan] + [3.0] * (days - 1),
    }
    return pd.DataFrame({"day": calendar, **counts, **averages})


def completeness_of(states: dict[tuple[str, str], str]) -> pd.DataFrame:
    """(region, day) -> state."""
    return pd.DataFrame(
        [("incident", region, pd.Timestamp(day), 5, 10.0, state) for (region, day), state in states.items()],
        columns=["source", "region", "day", "complaints", "usual", "state"],
    )


def mover(**changes: object) -> dict[str, object]:
    usual = {"topic_group": "ЖКХ", "topic": "Горячая вода", "now": 30, "usual": 20.0, "ratio": 1.5, "low": 1.2}
    return {**usual, "high": 1.9, "probability": 0.97, "direction": "rising", **changes}


class Items(HTMLParser):
    """The text of each list item, and every tag with its attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.items: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "li":
            self.items.append("")

    def handle_data(self, data: str) -> None:
        if self.items:
            self.items[-1] += data + " "


def luminance(color: str) -> float:
    channels = (int(color[place : place + 2], 16) / 255 for place in (1, 3, 5))
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(first: str, second: str) -> float:
    """WCAG 2.2 contrast ratio, from 1 to 21."""
    dark, light = sorted((luminance(first), luminance(second)))
    return (light + 0.05) / (dark + 0.05)


def seen_by_the_colour_blind(color: str) -> tuple[float, float, float]:
    """Deuteranopia after Viénot, Brettel and Mollon (1999), in linear RGB."""
    red, green, blue = ((int(color[place : place + 2], 16) / 255) ** 2.2 for place in (1, 3, 5))
    both = 0.29275 * red + 0.70725 * green
    return both, both, -0.02234 * red + 0.02234 * green + blue


@pytest.mark.parametrize("background", BACKGROUNDS)
@pytest.mark.parametrize("name", PALETTE)
def test_every_colour_can_be_seen_on_light_and_on_dark(name: str, background: str) -> None:
    assert contrast(PALETTE[name], background) >= 3.0


def test_the_themes_have_the_backgrounds_that_the_palette_is_tested_on() -> None:
    config = (ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8")
    assert re.findall(r"^\[theme.(?:light|dark)\]\n.*\nbackgroundColor = \"(.*)\"", config, re.MULTILINE) == list(
        BACKGROUNDS
    )


@pytest.mark.parametrize("pair", [("received", "closed"), ("rising", "falling"), ("loaded", "looks_unloaded")])
def test_colours_that_mean_opposites_differ_for_the_colour_blind(pair: tuple[str, str]) -> None:
    first, second = (seen_by_the_colour_blind(PALETTE[name]) for name in pair)
    assert math.dist(first, second) > 0.2


def test_bars_start_at_zero_and_the_readers_period_stands_out() -> None:
    figure = charts.received_and_closed(daily(91), ENGLISH, first_day=date(2026, 11, 16), last_day=date(2026, 11, 22))
    bars, received, closed = figure.data
    assert list(bars.y) == list(range(1, 92))
    opacities = list(bars.marker.opacity)
    assert len(set(opacities[:-7])) == len(set(opacities[-7:])) == 1
    assert opacities[-1] > opacities[0]
    assert figure.layout.yaxis.rangemode == "tozero"
    assert (received.name, closed.name) == ("Received, average of 7 days", "Closed, average of 7 days")
    assert list(received.y) == [n - 3.0 for n in range(1, 92)]  # from the first day on
    assert [math.isnan(value) for value in closed.y[:2]] == [True, False]  # what is unknown is not drawn
    assert closed.line.dash != received.line.dash


def test_axis_and_hover_speak_the_readers_language() -> None:
    figure = charts.received_and_closed(daily(91), RUSSIAN, first_day=date(2026, 11, 16), last_day=date(2026, 11, 22))
    assert figure.layout.yaxis.title.text == "обращений в день"
    assert figure.layout.xaxis.ticktext[-1] == "22 нояб."
    assert figure.data[0].hovertext[-1] == "вс, 22 нояб. 2026<br>Поступило: <b>91</b><br>Закрыто: <b>3</b>"
    assert figure.layout.separators == ",\N{NO-BREAK SPACE}"


def test_many_days_are_drawn_as_whole_weeks_that_end_with_the_last_day() -> None:
    figure = charts.received_and_closed(daily(366), ENGLISH, first_day=date(2026, 1, 1), last_day=date(2026, 11, 22))
    bars, closed = figure.data
    assert len(bars.x) == 52
    assert bars.x[-1] == "2026-11-16"
    assert bars.y[-1] == sum(range(360, 367))
    assert set(closed.y) == {21}
    assert figure.layout.yaxis.title.text == "complaints a week"


def test_one_day_can_be_drawn() -> None:
    figure = charts.received_and_closed(daily(1), ENGLISH, first_day=date(2026, 11, 22), last_day=date(2026, 11, 22))
    assert list(figure.data[0].y) == [1]


def test_a_day_on_which_only_some_regions_look_unloaded_is_partly_loaded() -> None:
    table = completeness_of(
        {
            ("Калужская область", "2026-11-20"): "loaded",
            ("Тульская область", "2026-11-20"): "loaded",
            ("Калужская область", "2026-11-21"): "looks_unloaded",
            ("Тульская область", "2026-11-21"): "loaded",
            ("Калужская область", "2026-11-22"): "not_loaded",
            ("Тульская область", "2026-11-22"): "not_loaded",
        }
    )
    heat, marks = charts.completeness(table, ENGLISH, by="source").data
    assert [[charts.STATES[z] for z in line] for line in heat.z] == [["loaded", "partly", "not_loaded"]]
    assert list(zip(marks.x, marks.y, marks.text, strict=True)) == [
        ("2026-11-21", 0, "<b>!</b>"),
        ("2026-11-22", 0, "<b>–</b>"),
    ]
    assert "1 of 2 not whole" in heat.hovertext[0][1]
    assert "10, usually 20" in heat.hovertext[0][0]


def test_regions_with_missing_days_come_first() -> None:
    table = completeness_of(
        {
            ("Калужская область", "2026-11-20"): "loaded",
            ("Тульская область", "2026-11-20"): "not_loaded",
            ("Амурская область", "2026-11-20"): "loaded",
        }
    )
    figure = charts.completeness(table, ENGLISH, by="region")
    assert list(figure.layout.yaxis.ticktext) == ["Tula Oblast", "Amur Oblast", "Kaluga Oblast"]


def test_unknown_usual_counts_are_not_shown_as_numbers() -> None:
    table = completeness_of({("Калужская область", "2026-11-20"): "loaded"}).assign(usual=math.nan)
    hover = charts.completeness(table, ENGLISH, by="source").data[0].hovertext[0][0]
    assert hover.endswith("loaded<br>5")


def test_movers_say_name_change_counts_and_certainty() -> None:
    fell = mover(topic="Лифты", now=10, ratio=0.5, low=0.3, high=0.7, probability=0.85, direction="falling")
    found = Items(fragments.movers(pd.DataFrame([mover(), fell]), ENGLISH, by="topic")).items
    assert [" ".join(item.split()) for item in found] == [
        "Hot water Housing and utilities 30, usually 20 · very likely ▲ ▲ +50%",
        "Lifts Housing and utilities 10, usually 20 · likely ▽ ▽ −50%",
    ]


def test_a_mover_that_is_new_has_no_ratio() -> None:
    new = mover(usual=0.0, ratio=math.inf, low=math.nan, high=math.nan, probability=0.999)
    html = fragments.movers(pd.DataFrame([new]), RUSSIAN, by="topic")
    assert "новое" in html
    assert "почти наверняка" in html
    assert "nan" not in html
    assert "inf%" not in html


def test_names_of_the_data_cannot_become_html() -> None:
    html = fragments.movers(pd.DataFrame([mover(topic='<img src=x onerror="alert(1)">')]), ENGLISH, by="topic")
    assert "img" not in {tag for tag, _ in Items(html).tags}


def test_the_region_of_a_municipality_is_said_only_where_there_are_several() -> None:
    rows = [
        {**mover(), "region": region, "municipality": "Боровский район"}
        for region in ("Калужская область", "Тульская область")
    ]
    assert "Kaluga Oblast" not in fragments.movers(pd.DataFrame(rows[:1]), ENGLISH, by="municipality")
    assert "Kaluga Oblast" in fragments.movers(pd.DataFrame(rows), ENGLISH, by="municipality")


def test_a_sparkline_draws_the_weeks_that_are_known_over_the_expected_band() -> None:
    html = fragments.sparkline([math.nan, 1.0, 3.0, 2.0], ENGLISH, band=(1.5, 2.5), color="#3b7fd0")
    (tag, attributes), *_ = Items(html).tags
    assert (tag, attributes["alt"]) == ("img", "3 weeks")
    picture = unquote(str(attributes["src"]))
    line = re.search(r'polyline points="([^"]*)"', picture)
    assert line
    assert len(line[1].split()) == 3
    assert "<rect" in picture


def test_a_sparkline_of_nothing_is_empty() -> None:
    assert "img" not in fragments.sparkline([math.nan] * 13, ENGLISH, band=None, color="#3b7fd0")


@pytest.mark.parametrize(
    ("probability", "words"), [(0.995, "almost_certain"), (0.96, "very_likely"), (0.8, "likely"), (0.6, "unsure")]
)
def test_probabilities_become_words(probability: float, words: str) -> None:
    assert fragments.certainty(probability) == words


def test_long_names_are_cut_with_an_ellipsis() -> None:
    assert shortened("Кабардино-Балкарская Республика", 30) == "Кабардино-Балкарская Республи…"
    assert shortened("Москва", 30) == "Москва"


def test_all_colours_of_one_strip_differ() -> None:
    colors = [PALETTE[state] for state in charts.STATES]
    assert all(first != second for first, second in combinations(colors, 2))


def test_per_cents_on_axes_and_legends_are_written_as_the_language_does() -> None:
    """Plotly's own formats write them in English only."""
    leads = {"lead": [1, 2], "coverage_80": 0.8, "chance_low": 0.7, "chance_high": 0.9, "skill": [-0.4, 0.3]}
    record = part_charts.track(pd.DataFrame({**leads, "forecasts": 20}), RUSSIAN).layout
    weeks = pd.DataFrame({"week": pd.date_range("2026-11-02", periods=2, freq="7D"), "complaints": 30.0})
    change = trend_charts.two_years(weeks.assign(before=20.0, ratio=[1.5, 0.5]), RUSSIAN).layout.yaxis2
    days = pd.DataFrame({"day": pd.date_range(end="2026-11-22", periods=2), "complaints": [8, 5], "share": [0.8, 0.5]})
    known = trend_charts.arrived(days, RUSSIAN).layout.yaxis
    matrix = pd.DataFrame([[0.5]], index=["*"], columns=[pd.Timestamp("2026-11-23")])
    legend = spike_charts.by_day(matrix, RUSSIAN).data[0].colorbar
    came = spike_charts.reliability(pd.DataFrame({"said": [0.5], "came": [0.4], "signals": [9]}), RUSSIAN)
    assert list(record.yaxis.ticktext) == ["0\N{NO-BREAK SPACE}%"] + [f"{n}\N{NO-BREAK SPACE}%" for n in (50, 80, 100)]
    assert list(change.ticktext) == [
        f"{n}\N{NO-BREAK SPACE}%".replace("-", "\N{MINUS SIGN}") for n in (-50, -25, 0, 25, 50)
    ]
    for axis in (record.yaxis2, known, legend, came.layout.xaxis, came.layout.yaxis):
        assert len(axis.tickvals) > 2
        assert "%" not in (axis.tickformat or "")
        assert all(word.endswith("\N{NO-BREAK SPACE}%") for word in axis.ticktext)
    assert came.data[1].hovertext[0].startswith("50\N{NO-BREAK SPACE}% → 40\N{NO-BREAK SPACE}%")


@pytest.mark.parametrize(
    ("least", "most", "marks"),
    [(0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]), (-0.3, 0.1, [-0.3, -0.2, -0.1, 0, 0.1]), (0.4, 30, [5, 10, 15, 20, 25, 30])],
)
def test_an_axis_is_marked_at_few_round_numbers(least: float, most: float, marks: list[float]) -> None:
    assert round_marks(least, most) == pytest.approx(marks)


def test_a_table_is_read_with_numbers_as_the_browser_writes_them_and_days_as_the_language_does() -> None:
    days = [date(2026, 11, 22), None]
    table = pd.DataFrame({"n": [1348, 2], "day": days, "stamp": pd.to_datetime(days), "word": ["a", "b"]})
    formats = {name: column["type_config"]["format"] for name, column in twins.columns(table, RUSSIAN).items()}
    assert formats == {"n": "localized", "day": "DD.MM.YYYY", "stamp": "DD.MM.YYYY"}
    assert twins.columns(table, ENGLISH)["day"]["type_config"]["format"] == "D MMM YYYY"


def test_charts_go_to_the_browser_as_utf_8() -> None:
    sent = pio.to_json(
        charts.completeness(completeness_of({("Тульская область", "2026-11-20"): "loaded"}), RUSSIAN, by="region")
    )
    assert "Тульская область" in sent  # else each letter would take six bytes
