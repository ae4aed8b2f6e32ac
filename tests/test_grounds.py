"""A rehearsal on grounds that were laid before says what one that learns anew says; and the store keeps grounds."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pandas as pd
import pytest
from test_drivers import NEXT, ORIGIN, PANEL, PAST, WINDOWS, event

from analytics.almanac import Almanac
from analytics.data_state import data_state, note_renaming
from analytics.drivers import Drivers
from analytics.errors import BadInput
from analytics.grounds import Grounds, lay_grounds
from analytics.kept_grounds import keep_grounds, read_grounds
from analytics.panel import Panel, dense_panel
from analytics.quick_rehearsal import Played, play
from analytics.rehearsal import rehearse
from analytics.store import Store

KNOWN = Drivers(pd.DataFrame(PAST), windows=WINDOWS)
SOON = event(ORIGIN + pd.Timedelta(days=5), id="soon")  # no day of its window is in the panel
STRONG = event(ORIGIN + pd.Timedelta(days=40), id="strong", region="North")
NOW = datetime(2026, 11, 20, 9, 0)


@pytest.fixture(scope="module")
def panel() -> Panel:
    return dense_panel(PANEL, ORIGIN.date())


@pytest.fixture(scope="module")
def grounds(panel: Panel) -> Grounds:
    """Of nine outages that multiply the heat's complaints by four."""
    return lay_grounds(panel, KNOWN, Almanac())


def table(*events: dict) -> pd.DataFrame:
    return pd.DataFrame(events).assign(unit="", title="")


def played(grounds: Grounds, *events: dict, ids: tuple[str, ...] | None = None) -> Played:
    return play(grounds, table(*events), ids or tuple(one["id"] for one in events), WINDOWS)


@pytest.mark.parametrize("events", [[SOON], [SOON, STRONG]], ids=["one", "several, one far and of one region"])
def test_it_says_what_a_rehearsal_that_learns_anew_says(grounds: Grounds, panel: Panel, events: list[dict]) -> None:
    slow = rehearse(pd.DataFrame(events), panel, drivers=KNOWN, horizon=365).days
    quick = played(grounds, *events)
    for region, topic in (("North", "heat"), ("South", "roads"), ("*", "heat"), ("North", "*"), ("*", "*")):
        theirs = slow[(slow["region"] == region) & (slow["topic"] == topic)].set_index("day")
        ours = quick.by_day(region, topic).set_index("day")
        theirs = theirs.loc[ours.index]
        for name in ("with_event", "without_event", "extra", "extra_low", "extra_high"):
            np.testing.assert_allclose(ours[name], theirs[name], rtol=2e-3, atol=2e-2)
        for name in ("probability_with", "probability_without"):
            np.testing.assert_allclose(ours[name], theirs[name], atol=0.02)


def test_places_and_topics_that_the_event_does_not_name_are_left_as_they_are(grounds: Grounds) -> None:
    found = played(grounds, STRONG)
    assert np.abs(found.by_day("South", "heat")["extra"]).max() == 0
    assert np.abs(found.by_day("North", "roads")["extra"]).max() == 0
    assert found.by_day("North", "heat")["extra"].max() > 10
    sums = found.in_all(least=0.5)
    assert set(sums["region"]) == {"*", "North"}
    assert sums["extra"].is_monotonic_decreasing


@pytest.mark.parametrize("event", [SOON, STRONG], ids=["one that changes something", "one of another region"])
def test_the_busiest_day_is_one_on_which_the_event_can_be_felt(grounds: Grounds, event: dict) -> None:
    found = played(grounds, event)
    sums = found.in_all().set_index(["region", "topic"])
    assert not found.acting.all()
    assert sums["busiest"].isin(found.days[found.acting]).all()
    still = found.by_day("South", "roads").loc[found.acting]
    if still["extra"].abs().max() == 0:  # nothing changes there: the day of most complaints
        assert sums.loc[("South", "roads"), "busiest"] == still.loc[still["with_event"].idxmax(), "day"]


def test_what_is_played_counts_on_one_side_only_and_what_is_known_besides_on_both(grounds: Grounds) -> None:
    alone = played(grounds, NEXT).by_day("*", "heat").set_index("day")
    beside = played(grounds, NEXT, STRONG, ids=(NEXT["id"],)).by_day("*", "heat").set_index("day")
    pd.testing.assert_series_equal(alone["extra"], beside["extra"].loc[alone.index])
    both = played(grounds, NEXT, STRONG).by_day("North", "heat").set_index("day")
    other = played(grounds, NEXT, STRONG, ids=(STRONG["id"],)).by_day("North", "heat").set_index("day")
    day = STRONG["starts_on"]
    assert both.loc[day, "with_event"] == pytest.approx(other.loc[day, "with_event"])


def test_a_later_or_longer_event_moves_what_it_brings(grounds: Grounds) -> None:
    later = {**NEXT, "starts_on": NEXT["starts_on"] + pd.Timedelta(days=20)}
    later["ends_on"] = later["starts_on"] + pd.Timedelta(days=9)
    first, second = played(grounds, NEXT).by_day("*", "heat"), played(grounds, later).by_day("*", "heat")
    assert later["starts_on"] <= second.loc[second["extra"].idxmax(), "day"] <= later["ends_on"]
    assert second["extra"].sum() > 2 * first["extra"].sum()


def test_a_type_that_was_never_seen_has_no_effect_and_much_doubt(grounds: Grounds) -> None:
    found = played(grounds, {**NEXT, "type": "festival"}).by_day("North", "heat").set_index("day")
    inside = found.loc[NEXT["starts_on"]]
    assert inside["extra"] == 0
    assert inside["extra_low"] < -3
    assert inside["extra_high"] > 10


def test_ranges_of_a_day_hold_its_mean_and_are_higher_with_the_event(grounds: Grounds) -> None:
    found = played(grounds, NEXT).by_day("*", "*")
    assert (found["without_low"] < found["without_event"]).all()
    assert (found["without_event"] < found["without_high"]).all()
    inside = found["extra"] > 20
    assert inside.sum() == 3
    assert (found.loc[inside, "with_high"] > found.loc[inside, "without_high"]).all()


def test_the_answers_a_day_keep_the_deadline(grounds: Grounds) -> None:
    quick = played(grounds, NEXT)
    extra = quick.by_day("*", "*")["extra"].clip(lower=0).rolling(8).sum().max() / 8
    assert quick.answers_a_day("*", "*", 8) == pytest.approx(extra)


@pytest.mark.parametrize("start", [ORIGIN, ORIGIN + pd.Timedelta(days=366)], ids=["past", "too far"])
def test_days_out_of_reach_are_refused(grounds: Grounds, start: pd.Timestamp) -> None:
    with pytest.raises(BadInput, match="begins after"):
        played(grounds, event(start, id="x"))


def test_the_store_keeps_grounds_once_and_lays_them_anew_when_a_past_event_changes(
    store: Store, panel: Panel, grounds: Grounds
) -> None:
    assert read_grounds(store) is None
    same = {"state": data_state(store.query)}
    assert keep_grounds(store, panel, KNOWN, Almanac(), **same, now=NOW)
    found = read_grounds(store)
    assert found is not None
    assert found.origin == ORIGIN.date()
    assert found.kinds == grounds.kinds
    ours, theirs = played(found, NEXT).by_day("North", "heat"), played(grounds, NEXT).by_day("North", "heat")
    np.testing.assert_allclose(ours["with_event"], theirs["with_event"], rtol=5e-3)
    pd.testing.assert_frame_equal(found.cases, grounds.cases, check_dtype=False)
    assert not keep_grounds(store, panel, KNOWN, Almanac(), **same, now=NOW)
    store.write(
        lambda cursor: cursor.execute(
            "insert into events values ('x', 'weather.storm', 'Шторм', $day, $day, '', '', '', null, null, $day, "
            "'by hand', false, $now)",
            {"day": ORIGIN.date(), "now": datetime(2026, 11, 21)},
        )
    )
    assert keep_grounds(store, panel, KNOWN, Almanac(), **same, now=datetime(2026, 11, 22))
    store.write(note_renaming)
    same = {"state": data_state(store.query)}
    assert keep_grounds(store, panel, KNOWN, Almanac(), **same, now=datetime(2026, 11, 22))
    assert not keep_grounds(store, panel, KNOWN, Almanac(), **same, now=datetime(2026, 11, 22))
    russian = Almanac("RU", days=pd.DataFrame({"day": [ORIGIN], "name": "Own day"}))
    assert keep_grounds(store, panel, KNOWN, russian, **same, now=datetime(2026, 11, 22))
    assert read_grounds(store) is not None
    assert not keep_grounds(store, panel, KNOWN, russian, **same, now=datetime(2026, 11, 22))
