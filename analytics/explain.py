"""Why, in words: which sentences the numbers allow; the catalogue turns keys and values into a language."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from analytics.loaded import LastFullDay

FEWEST = 20  # complaints of the period: with fewer, a change says little
SURE = 0.95  # the probability from which a mover is worth a sentence
MOVERS_NAMED = 2  # of each direction
MOVED = {  # by what the reader compares with: keys of what rose and of what fell
    "usual": ("mover_rose", "mover_fell"),
    "previous": ("mover_rose_previous", "mover_fell_previous"),
    "last_year": ("mover_rose_last_year", "mover_fell_last_year"),
}
MOVER_COLUMNS = {"now", "usual", "ratio", "low", "high", "probability", "direction", "score"}


@dataclass(frozen=True)
class Sentence:
    """A sentence of the catalogue (`headline.<key>`) and the raw values to put into it: numbers, dates, names."""

    key: str
    values: dict[str, Any] = field(default_factory=dict)


def headline(
    tiles: pd.DataFrame, movers: pd.DataFrame, last_full_day: LastFullDay, compare: str = "usual"
) -> list[Sentence]:
    """The Overview's first lines, the most important first. `movers`: one table of movers, or several in one.

    `compare`: what the movers were compared with. Of another thing than the usual, the keys of what was received and
    of movers end in `_previous` or `_last_year`; received_same then tells that hardly anything has changed.

    Keys and their values (shares are 0 to 1, days are dates):
    - nothing_loaded (then nothing else); nothing_received (no complaint in the period)
    - thin: value (complaints; so few that changes say little, none are told)
    - received_rose, received_fell: value, usual, share (of the usual, above 0); told when outside the expected band
    - received_as_usual: value, usual; received: value (no usual or no band is known)
    - mover_rose, mover_fell: names (column -> name, such as {"region": …, "municipality": …}), now, usual, share (of
      the usual, above 0), probability; mover_new (there were none): names, now, probability
    - overdue: value (share); overdue_rose, overdue_fell: value, usual (shares); only when deadlines are known
    - still_open_rose, still_open_fell: value, usual, share; told when outside the expected band
    - behind: places (how many sources and regions lag), day (last full day of the latest)
    - ended: places (how many no longer deliver)
    - loaded_until: day
    """
    if last_full_day.day is None:
        return [Sentence("nothing_loaded")]
    measures = tiles.set_index("measure")
    received = measures.loc["received"]
    sentences = []
    if not received["known"] or received["value"] == 0:
        sentences.append(Sentence("nothing_received"))
    elif received["value"] < FEWEST:
        sentences.append(Sentence("thin", {"value": int(received["value"])}))
    else:
        sentences += [_received(received, compare), *_movers(_parts(movers, received, compare), compare)]
        sentences += _overdue(measures.loc["overdue_share"])
        sentences += _still_open(measures.loc["still_open"])
    return [*sentences, *_arrival(last_full_day)]


def _received(tile: pd.Series, compare: str) -> Sentence:
    if compare != "usual":
        before = float(tile[compare])
        if pd.isna(before) or before == 0:
            return Sentence("received", {"value": int(tile["value"])})
        change = float(tile["value"]) / before - 1.0
        sign = "same" if round(change, 2) == 0 else "rose" if change > 0 else "fell"
        values = {"value": int(tile["value"]), "usual": before, "share": abs(change)}
        return Sentence(f"received_{sign}_{compare}", values)
    direction = _direction(tile)
    if pd.isna(tile["usual"]) or pd.isna(tile["usual_high"]):
        return Sentence("received", {"value": int(tile["value"])})
    values = {"value": int(tile["value"]), "usual": float(tile["usual"])}
    if direction is None:
        return Sentence("received_as_usual", values)
    return Sentence(f"received_{direction}", values | {"share": _share(tile)})


def _parts(movers: pd.DataFrame, received: pd.Series, compare: str) -> pd.DataFrame:
    """The movers that are no more than a part of what was received: the whole has been told already."""
    if movers.empty:
        return movers
    return movers[(movers["now"] != received["value"]) | ~np.isclose(movers["usual"], received[compare])]


def _movers(movers: pd.DataFrame, compare: str) -> Iterator[Sentence]:
    """The surest of each direction, as they are ranked."""
    sure = movers[movers["probability"] >= SURE] if len(movers) else movers
    for direction, key in zip(("rising", "falling"), MOVED[compare], strict=True):
        for _, mover in sure[sure["direction"] == direction].head(MOVERS_NAMED).iterrows():
            names = {
                name: mover[name] for name in movers.columns if name not in MOVER_COLUMNS and pd.notna(mover[name])
            }
            values = {"names": names, "now": int(mover["now"]), "probability": float(mover["probability"])}
            if mover["usual"] == 0:
                yield Sentence("mover_new", values)
            else:
                change = abs(float(mover["ratio"]) - 1.0)
                yield Sentence(key, values | {"usual": float(mover["usual"]), "share": change})


def _overdue(tile: pd.Series) -> Iterator[Sentence]:
    if not tile["known"]:
        return
    direction = _direction(tile)
    if direction is None:
        yield Sentence("overdue", {"value": float(tile["value"])})
    else:
        yield Sentence(f"overdue_{direction}", {"value": float(tile["value"]), "usual": float(tile["usual"])})


def _still_open(tile: pd.Series) -> Iterator[Sentence]:
    direction = _direction(tile)
    if direction and tile["usual"] > 0:
        values = {"value": int(tile["value"]), "usual": float(tile["usual"]), "share": _share(tile)}
        yield Sentence(f"still_open_{direction}", values)


def _arrival(last_full_day: LastFullDay) -> Iterator[Sentence]:
    behind, ended = last_full_day.behind, last_full_day.ended
    if len(behind):
        yield Sentence("behind", {"places": len(behind), "day": behind["last_full_day"].min().date()})
    if len(ended):
        yield Sentence("ended", {"places": len(ended)})
    yield Sentence("loaded_until", {"day": last_full_day.day})


def _direction(tile: pd.Series) -> str | None:
    """'rose' or 'fell' when the value lies outside the expected band; None inside it or when there is no band."""
    if tile["value"] > tile["usual_high"]:
        return "rose"
    return "fell" if tile["value"] < tile["usual_low"] else None


def _share(tile: pd.Series) -> float:
    return abs(float(tile["value"]) / float(tile["usual"]) - 1.0)
