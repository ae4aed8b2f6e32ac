"""Regions, municipalities and topic groups of small tables under the names that the store keeps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping

import pandas as pd

from analytics import names
from analytics.naming import Known, read_known
from analytics.small_tables import several
from analytics.store import Store


def named_places(store: Store, events: pd.DataFrame) -> tuple[pd.DataFrame, list[dict]]:
    """The events with the store's names of places and topic groups; notices of the names that it does not know.

    Names are matched as those of an import; an unknown one is kept as it was given.
    """
    if events.empty:
        return events, []
    reader = store.cursor()
    try:
        known = read_known(reader)
    finally:
        reader.close()
    return name_events(known, events)


def name_events(known: Known, events: pd.DataFrame) -> tuple[pd.DataFrame, list[dict]]:
    """As named_places, by what is known."""
    events = events.copy()
    regions, notices = named_regions(known, _counted(events["region"]))
    events["region"] = _replaced(events["region"], regions)
    topics = names.match_words(_counted(events["topic"]), known.words["topic_group"], known.spellings("topic_group"))
    events["topic"] = _replaced(events["topic"], {spelling: name for spelling, (name, _) in topics.items()})
    strangers = {spelling for spelling, (_, found) in topics.items() if not found}
    notices += _notices("topic_group", _counted(events["topic"]), strangers)
    return _named_municipalities(known, events, notices)


def named_regions(known: Known, counted: Mapping[str, int]) -> tuple[dict[str, str], list[dict]]:
    """Each spelling -> the region's name; notices of those that are neither in the reference nor in the store."""
    reference = [(code, russian, english) for code, russian, english, _ in known.regions]
    matched = names.match_regions(counted, reference, known.spellings("region"))
    unknown = {spelling: rows for spelling, rows in counted.items() if matched[spelling] is None}
    own = names.match_words(unknown, known.words.get("region", []), {})
    strangers = {spelling for spelling, (_, found) in own.items() if not found}
    named = {spelling: matched[spelling] or own[spelling][0] for spelling in counted}
    return named, _notices("region", counted, strangers)


def _named_municipalities(known: Known, events: pd.DataFrame, notices: list[dict]) -> tuple[pd.DataFrame, list[dict]]:
    def region_of(cell: str) -> str | None:
        return cell if cell and "|" not in cell else None

    pairs = Counter(
        (region_of(region), name)
        for region, cell in zip(events["region"], events["municipality"], strict=True)
        for name in several(cell)
    )
    kept = names.match_municipalities(pairs, known.municipalities, known.aliases.get("municipality", {}))
    told = {region for region, _ in known.municipalities}  # regions some of whose municipalities are known
    strangers: Counter[str] = Counter()
    for (region, name), rows in pairs.items():
        if region in told and not kept[region, name][1]:
            strangers[name] += rows
    events["municipality"] = [
        "|".join(kept[region_of(region), name][0] for name in several(cell))
        for region, cell in zip(events["region"], events["municipality"], strict=True)
    ]
    return events, notices + _notices("municipality", strangers, set(strangers))


def _counted(cells: pd.Series) -> dict[str, int]:
    return dict(Counter(name for cell in cells for name in several(cell)))


def _replaced(cells: pd.Series, kept: Mapping[str, str]) -> pd.Series:
    one: Callable[[str], str] = lambda cell: "|".join(dict.fromkeys(kept[name] for name in several(cell)))  # noqa: E731
    return cells.map({cell: one(cell) for cell in cells.unique()})


def _notices(kind: str, counted: Mapping[str, int], strangers: set[str]) -> list[dict]:
    commonest = Counter({name: rows for name, rows in counted.items() if name in strangers}).most_common(50)
    return [{"kind": kind, "value": name, "rows": rows} for name, rows in commonest]
