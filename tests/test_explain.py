"""The headline says what the numbers say, and no more."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from analytics import overview, queries
from analytics.explain import Sentence, headline
from analytics.filters import Filters
from analytics.loaded import LastFullDay
from analytics.overview import IS_RISING_BAD
from analytics.store import Store
from tests.cases import LAST_DAY, days_before, fill, steady

NO_PLACES = pd.DataFrame(columns=["source", "region", "last_full_day"])
WHOLE = LastFullDay(LAST_DAY, NO_PLACES, NO_PLACES)
NO_MOVERS = pd.DataFrame(columns=["topic", "now", "usual", "ratio", "low", "high", "probability", "direction"])
Numbers = tuple[float, float, float, float]  # value, usual, usual_low, usual_high
UNKNOWN: Numbers = (np.nan, np.nan, np.nan, np.nan)


def tiles(**known: Numbers) -> pd.DataFrame:
    """Tiles of which only these are known."""
    rows = [(measure, *known.get(measure, UNKNOWN)) for measure in IS_RISING_BAD]
    table = pd.DataFrame(rows, columns=["measure", "value", "usual", "usual_low", "usual_high"])
    return table.assign(known=table["value"].notna())


def mover(topic: str, now: int, usual: float, probability: float) -> dict[str, object]:
    direction = "rising" if now > usual else "falling"
    ratio = now / usual if usual else np.inf
    return {
        "topic": topic,
        "now": now,
        "usual": usual,
        "ratio": ratio,
        "probability": probability,
        "direction": direction,
    }


def said(sentences: list[Sentence]) -> dict[str, dict[str, object]]:
    return {sentence.key: sentence.values for sentence in sentences}


@pytest.mark.parametrize(
    ("received", "key", "values"),
    [
        ((1180, 1000, 900, 1100), "received_rose", {"value": 1180, "usual": 1000.0, "share": pytest.approx(0.18)}),
        ((820, 1000, 900, 1100), "received_fell", {"value": 820, "usual": 1000.0, "share": pytest.approx(0.18)}),
        ((1050, 1000, 900, 1100), "received_as_usual", {"value": 1050, "usual": 1000.0}),
        ((1950, 1000, np.nan, np.nan), "received", {"value": 1950}),
        ((1050, np.nan, np.nan, np.nan), "received", {"value": 1050}),
    ],
)
def test_the_first_sentence_compares_what_was_received_with_the_band(
    received: Numbers, key: str, values: dict[str, object]
) -> None:
    first = headline(tiles(received=received), NO_MOVERS, WHOLE)[0]
    assert (first.key, first.values) == (key, values)


@pytest.mark.parametrize(
    ("value", "key"), [(1500, "received_rose"), (500, "received_fell"), (1002, "received_same"), (None, "received")]
)
@pytest.mark.parametrize("compare", ["previous", "last_year"])
def test_the_headline_says_what_the_reader_compares_with(value: int | None, key: str, compare: str) -> None:
    table = tiles(received=(value or 1000, 900, 800, 1100)).assign(**{compare: 1000.0 if value else np.nan})
    said = headline(table, pd.DataFrame([mover("Ямы", 120, 2.0, 0.99)]), WHOLE, compare)
    assert said[0].key == (f"{key}_{compare}" if value else key)
    assert said[1].key == f"mover_rose_{compare}"
    if value:
        assert said[0].values == {"value": value, "usual": 1000.0, "share": abs(value / 1000.0 - 1)}


def test_the_last_sentence_says_up_to_when_data_are_loaded() -> None:
    assert headline(tiles(received=(500, 500, 400, 600)), NO_MOVERS, WHOLE)[-1] == Sentence(
        "loaded_until", {"day": LAST_DAY}
    )


def test_nothing_loaded_is_all_there_is_to_say() -> None:
    nothing = LastFullDay(None, NO_PLACES, NO_PLACES)
    assert headline(tiles(), NO_MOVERS, nothing) == [Sentence("nothing_loaded")]


def test_thin_data_tell_no_changes() -> None:
    movers = pd.DataFrame([mover("Ямы", 12, 2.0, 0.99)])
    thin = headline(tiles(received=(12, 2, 0, 5), overdue_share=(1.0, 0.1, 0.0, 0.2)), movers, WHOLE)
    assert [sentence.key for sentence in thin] == ["thin", "loaded_until"]
    assert thin[0].values == {"value": 12}
    none = headline(tiles(received=(0, 100, 80, 120)), movers, WHOLE)
    assert [sentence.key for sentence in none] == ["nothing_received", "loaded_until"]


def test_what_is_the_whole_selection_is_not_told_a_second_time_as_a_mover() -> None:
    """As when one topic group is chosen: it moved exactly as everything did."""
    whole = tiles(received=(67, 41.0, 30, 50))
    told = headline(whole, pd.DataFrame([mover("ЖКХ", 67, 41.0, 0.999), mover("Лифты", 30, 10.0, 0.999)]), WHOLE)
    assert [sentence.values["names"] for sentence in told if sentence.key == "mover_rose"] == [{"topic": "Лифты"}]


def test_only_sure_movers_are_named_the_surest_two_of_each_direction() -> None:
    movers = pd.DataFrame(
        [
            mover("Снег", 90, 30.0, 0.999),
            mover("Ямы", 60, 30.0, 0.98),
            mover("Шум", 50, 30.0, 0.95),
            mover("Двор", 40, 30.0, 0.6),
            mover("Вода", 10, 40.0, 0.97),
        ]
    )
    sentences = headline(tiles(received=(500, 500, 400, 600)), movers, WHOLE)
    told = [(s.key, s.values["names"]["topic"]) for s in sentences if s.key.startswith("mover")]
    assert told == [("mover_rose", "Снег"), ("mover_rose", "Ямы"), ("mover_fell", "Вода")]
    snow = sentences[1].values
    assert (snow["now"], snow["usual"], snow["share"]) == (90, 30.0, pytest.approx(2.0))
    assert said(sentences)["mover_fell"]["share"] == pytest.approx(0.75)


def test_a_mover_that_is_new_has_no_share_of_the_usual() -> None:
    movers = pd.DataFrame([mover("Паводок", 50, 0.0, 0.99)])
    found = said(headline(tiles(received=(500, 500, 400, 600)), movers, WHOLE))["mover_new"]
    assert found == {"names": {"topic": "Паводок"}, "now": 50, "probability": 0.99}


def test_topics_and_places_may_come_in_one_table() -> None:
    topics = pd.DataFrame([mover("Снег", 90, 30.0, 0.99)])
    places = topics.rename(columns={"topic": "municipality"}).assign(region="Калужская область", municipality="Боровск")
    sentences = headline(tiles(received=(500, 500, 400, 600)), pd.concat([topics, places]), WHOLE)
    names = [sentence.values["names"] for sentence in sentences if sentence.key == "mover_rose"]
    assert names == [{"topic": "Снег"}, {"municipality": "Боровск", "region": "Калужская область"}]


def test_overdue_and_open_complaints_are_told_when_known_and_unusual() -> None:
    calm = tiles(received=(500, 500, 400, 600), still_open=(900, 880, 800, 1000), overdue_share=(0.1, 0.1, 0.05, 0.2))
    assert said(headline(calm, NO_MOVERS, WHOLE))["overdue"] == {"value": 0.1}
    assert not [s for s in headline(calm, NO_MOVERS, WHOLE) if s.key.startswith("still_open")]
    bad = tiles(received=(500, 500, 400, 600), still_open=(1760, 880, 800, 1000), overdue_share=(0.3, 0.1, 0.05, 0.2))
    found = said(headline(bad, NO_MOVERS, WHOLE))
    assert found["overdue_rose"] == {"value": 0.3, "usual": 0.1}
    assert found["still_open_rose"] == {"value": 1760, "usual": 880.0, "share": pytest.approx(1.0)}
    no_deadlines = tiles(received=(500, 500, 400, 600))
    assert not [s for s in headline(no_deadlines, NO_MOVERS, WHOLE) if s.key.startswith("overdue")]


def test_places_that_lag_or_ended_are_reported() -> None:
    days = pd.to_datetime([LAST_DAY, LAST_DAY + timedelta(days=1)])
    behind = pd.DataFrame({"source": "ПОС", "region": ["а", "б"], "last_full_day": days})
    found = said(headline(tiles(received=(500, 500, 400, 600)), NO_MOVERS, LastFullDay(LAST_DAY, behind, behind[:1])))
    assert found["behind"] == {"places": 2, "day": LAST_DAY}
    assert found["ended"] == {"places": 1}


def test_a_real_store_with_a_flood_of_complaints_says_so(store: Store) -> None:
    chance = np.random.default_rng(2)
    days = {day: int(chance.poisson(20)) for day in days_before(LAST_DAY, 200)}
    flood = dict.fromkeys(days_before(LAST_DAY, 5), 60)
    rows = [
        steady(days, region="Калужская область", topic_group="ЖКХ"),
        steady(days, region="Калужская область", topic_group="Дороги"),
        steady(flood, region="Калужская область", topic_group="Паводок"),
    ]
    fill(store, pd.concat(rows))
    filters = Filters(first_day=date(2026, 11, 9))
    found = headline(
        overview.tiles(store, filters, LAST_DAY),
        overview.movers(store, filters, LAST_DAY, "topic_group"),
        queries.last_full_day(store, filters),
    )
    assert [sentence.key for sentence in found] == ["received_rose", "mover_new", "loaded_until"]
    assert found[1].values["names"] == {"topic_group": "Паводок"}
    assert found[1].values["now"] == 300
