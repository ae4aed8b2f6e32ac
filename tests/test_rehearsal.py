"""What an event would do, and what that rests on."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from test_drivers import DAYS, NEXT, ORIGIN, PANEL, PAST, WINDOWS, event

from analytics.__main__ import app
from analytics.drivers import Drivers
from analytics.errors import BadInput
from analytics.forecast import Engine, probability
from analytics.rehearsal import Rehearsal, rehearse
from analytics.signals import spikes
from analytics.spike_days import day_chances, day_thresholds, settled_chances

KNOWN = Drivers(pd.DataFrame(PAST), windows=WINDOWS)


@pytest.fixture(scope="module")
def rehearsal() -> Rehearsal:
    """Of the event that the panel knows nothing of yet."""
    return rehearse(pd.DataFrame([NEXT]), PANEL, drivers=KNOWN, end=ORIGIN.date(), deadline=8)


def test_extra_complaints_are_those_of_the_past_events_and_lie_in_their_interval(rehearsal: Rehearsal) -> None:
    days = rehearsal.days[(rehearsal.days["region"] == "North") & (rehearsal.days["topic"] == "heat")].set_index("day")
    inside = days.loc[DAYS[-6] : DAYS[-4]]
    ratio = inside["with_event"] / inside["without_event"]
    assert ratio.between(3.0, 5.0).all()  # the truth is 4
    np.testing.assert_allclose(inside["extra"], inside["with_event"] - inside["without_event"])
    assert (inside["extra_low"] < inside["extra"]).all()
    assert (inside["extra"] < inside["extra_high"]).all()
    truth = 3 * inside["without_event"]
    assert ((inside["extra_low"] < truth) & (truth < inside["extra_high"])).all()
    assert (inside["probability_with"] > 0.6).all()
    assert (inside["probability_without"] < 0.2).all()
    before = days.loc[DAYS[-7]]
    assert abs(before["extra"]) < 0.3 * before["without_event"]


def test_totals_add_up_with_and_without(rehearsal: Rehearsal) -> None:
    days = rehearsal.days
    bottom = (
        days[(days["region"] != "*") & (days["topic"] != "*")].groupby("day")[["with_event", "without_event"]].sum()
    )
    grand = days[(days["region"] == "*") & (days["topic"] == "*")].set_index("day")[["with_event", "without_event"]]
    pd.testing.assert_frame_equal(bottom, grand)


def test_the_past_cases_say_what_happened(rehearsal: Rehearsal) -> None:
    cases = rehearsal.cases
    assert len(cases) == len(PAST)
    assert cases["ratio"].between(3.2, 4.8).all()
    one = PAST[3]
    inside = (PANEL["topic"] == "heat") & PANEL["day"].between(one["starts_on"], one["ends_on"])
    found = cases.loc[cases["day"] == one["starts_on"], "actual"].iloc[0]
    assert found == PANEL.loc[inside, "complaints"].sum()
    assert "9 past cases" in rehearsal.events["rests_on"].iloc[0]


def test_the_answers_a_day_are_the_extra_complaints_over_the_deadline(rehearsal: Rehearsal) -> None:
    grand = rehearsal.days[(rehearsal.days["region"] == "*") & (rehearsal.days["topic"] == "*")]
    extra = grand["extra"].clip(lower=0).to_numpy()
    slow = max(extra[start : start + 8].sum() for start in range(max(len(extra) - 7, 1))) / 8
    assert rehearsal.answers_a_day == pytest.approx(slow)


def test_chances_of_spikes_without_the_event_are_those_of_signals() -> None:
    clear = Drivers(pd.DataFrame(PAST), windows=WINDOWS)
    found = rehearse(pd.DataFrame([NEXT]), PANEL, drivers=clear, end=ORIGIN.date(), horizon=28).days
    engine = Engine(PANEL, 28, drivers=clear, end=ORIGIN.date())
    least = day_thresholds(engine)
    said = day_chances(engine.means(), least, settled_chances(engine, least))
    alike = found["threshold"].to_numpy() == least.ravel()  # a total's may be one count apart where its mean is
    assert alike.mean() > 0.98
    np.testing.assert_allclose(found["probability_without"][alike], said.ravel()[alike], atol=0.01)
    own = spikes(PANEL, 28, drivers=clear, end=ORIGIN.date())
    bottom = found[(found["region"] != "*") & (found["topic"] != "*")]
    np.testing.assert_allclose(bottom["probability_without"], own["probability"], atol=0.01)
    raw = probability(engine.forecast(), least.ravel())["probability"].to_numpy()
    assert np.abs(raw - said.ravel()).max() > 0.02


def test_without_a_past_case_this_is_said_and_the_interval_is_wide() -> None:
    new = rehearse(pd.DataFrame([{**NEXT, "type": "festival"}]), PANEL, drivers=KNOWN, end=ORIGIN.date())
    assert new.events["rests_on"].tolist() == ["no past case"]
    assert new.cases.empty
    inside = new.days[(new.days["topic"] == "heat") & (new.days["region"] == "North") & (new.days["day"] == DAYS[-5])]
    assert inside["extra_low"].iloc[0] < 0 < inside["extra_high"].iloc[0]


def test_several_events_at_once_and_far_ahead() -> None:
    far = ORIGIN + pd.Timedelta(days=200)
    found = rehearse(
        pd.DataFrame([NEXT, event(far, id="far")]), PANEL, drivers=KNOWN, end=ORIGIN.date()
    ).days.set_index(["region", "topic", "day"])["extra"]
    assert found.loc[("North", "heat", DAYS[-5])] > 10
    assert found.loc[("North", "heat", far + pd.Timedelta(days=1))] > 10


@pytest.mark.parametrize("start", [ORIGIN, ORIGIN + pd.Timedelta(days=366)], ids=["past", "too far"])
def test_an_event_out_of_reach_is_refused(start: pd.Timestamp) -> None:
    with pytest.raises(BadInput, match="within 365 days"):
        rehearse(pd.DataFrame([event(start)]), PANEL, drivers=KNOWN, end=ORIGIN.date())


def test_the_commands_take_events_from_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    panel, events = tmp_path / "panel.csv", tmp_path / "events.csv"
    PANEL[PANEL["day"] <= ORIGIN].to_csv(panel, index=False)
    pd.DataFrame([*PAST, NEXT]).to_csv(events, index=False, date_format="%Y-%m-%d")
    options = ["--panel", str(panel), "--events", str(events)]
    app(["rehearse", *options, "--json", "--out", str(tmp_path / "days.csv")], standalone_mode=False)
    told = json.loads(capsys.readouterr().out)
    assert told["events"][0]["own_cases"] == len(PAST)
    assert len(pd.read_csv(tmp_path / "days.csv")) == len(told["days"])
    app(["rehearse", *options], standalone_mode=False)
    assert "more answers a day" in capsys.readouterr().out
    app(["spikes", *options, "--out", str(tmp_path / "spikes.csv")], standalone_mode=False)
    found = pd.read_csv(tmp_path / "spikes.csv")
    assert list(found) == ["day", "region", "topic", "threshold", "expected", "probability"]
    assert len(found) == 7 * 6
    heat = found[(found["topic"] == "heat") & (found["day"] == str(DAYS[-5].date()))]
    assert (heat["probability"] > 0.5).all()
    with pytest.raises(BadInput, match="No event of the file begins after"):
        pd.DataFrame(PAST).to_csv(events, index=False, date_format="%Y-%m-%d")
        app(["rehearse", *options], standalone_mode=False)
