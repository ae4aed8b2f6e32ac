"""Rehearsals remembered between reruns: what they rest on is large and never changed, so it is shared, not copied."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from analytics.events.types import EventTypes
from analytics.grounds import Grounds, Report
from analytics.kept_grounds import read_grounds
from analytics.quick_rehearsal import Played
from analytics.refresh import prepare_rehearsals
from analytics.store import Store
from analytics.store_almanac import almanac_of
from analytics.store_rehearsal import WhatIf, coming_events, rehearsable, rehearse_in_store
from pages.shared.answers import Answers
from pages.shared.text import Text

EVERYWHERE = "*"


def grounds(answers: Answers) -> Grounds | None:
    """What rehearsals rest on; None while none are laid."""
    return _grounds(answers.store.path, answers.snapshot, answers.store)


def prepare(answers: Answers, report: Report) -> None:
    """Lay the grounds now, which `refresh` does otherwise. Raises BadInput for a store that is too short."""
    prepare_rehearsals(answers.store, now=datetime.now(UTC).replace(tzinfo=None), report=report)


def types(answers: Answers) -> EventTypes:
    """The tree of types of events."""
    return answers.know("event_types")


def calendar(answers: Answers) -> pd.DataFrame:
    """Every event that is known of; see analytics.store_rehearsal.calendar_events."""
    found = grounds(answers)
    last = answers.span()[1]
    origin = found.origin if found else last or datetime.now(UTC).date()
    return answers.know("calendar_events", origin)


def coming(answers: Answers, regions: tuple[str, ...]) -> pd.DataFrame:
    """Events to come that can be rehearsed, of these regions (none: all)."""
    found = grounds(answers)
    if found is None:
        return calendar(answers).head(0)
    ahead = coming_events(calendar(answers), answers.know("almanac"), types(answers), found.origin, len(found.days))
    return in_regions(ahead, regions)


def in_regions(events: pd.DataFrame, regions: tuple[str, ...]) -> pd.DataFrame:
    """The events that count in one of these regions (none: all)."""
    wanted = set(regions)
    kept = [not wanted or not cell or not wanted.isdisjoint(cell.split("|")) for cell in events["region"]]
    return events[np.array(kept, dtype=bool)].reset_index(drop=True)


def kinds(answers: Answers, text: Text) -> dict[str, str]:
    """Types that can be rehearsed and their titles: those seen before first, then the others."""
    tree, almanac, found = types(answers), answers.know("almanac"), grounds(answers)
    seen = set(found.events["type"]) if found else set()
    every = {kind.id for kind in tree} | seen
    parents = {kind.parent for kind in tree}
    usable = [k for k in every if rehearsable(k, almanac, tree) and (k in seen or k not in parents)]
    named = {kind: tree.of(kind).title(text.language) for kind in usable}
    return dict(sorted(named.items(), key=lambda item: (item[0] not in seen, item[1])))


def play(answers: Answers, ids: tuple[str, ...], what_if: WhatIf | None) -> Played:
    """These events to come with and without; see analytics.store_rehearsal. The grounds must be laid."""
    return _played(answers.store.path, answers.snapshot, ids, what_if, answers.store)


@st.cache_resource(max_entries=3, show_spinner=False)
def _grounds(path: str, snapshot: int, _store: Store) -> Grounds | None:
    return read_grounds(_store)


@st.cache_resource(max_entries=24, show_spinner=False)
def _played(path: str, snapshot: int, ids: tuple[str, ...], what_if: WhatIf | None, _store: Store) -> Any:
    found = _grounds(path, snapshot, _store)
    assert found is not None  # whoever asks has looked
    return rehearse_in_store(_store, found, almanac_of(_store), ids, what_if)
