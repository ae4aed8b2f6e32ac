"""Why, in words: which sentences the numbers allow; the catalogue turns keys and values into a language."""

from __future__ import annotations

from dataclasses import dataclass, field

import pandas as pd

from analytics.queries import LastFullDay


@dataclass(frozen=True)
class Sentence:
    """A sentence of the catalogue (`headline.<key>`) and the raw values to put into it: numbers, dates, names."""

    key: str
    values: dict[str, object] = field(default_factory=dict)


def headline(tiles: pd.DataFrame, movers: pd.DataFrame, last_full_day: LastFullDay) -> list[Sentence]:
    """The Overview's first lines, the most important first.

    Keys and their values:
    - nothing_loaded
    - loaded_until: day
    - received_rose, received_fell: value, usual, share (0.18 = by 18 %)
    - received_as_usual: value, usual
    - received: value (no usual is known)
    - mover_rose, mover_fell: name, now, usual, ratio, probability; mover_new: name, now, probability
    - overdue: share; overdue_rose, overdue_fell: share, usual
    - still_open_rose, still_open_fell: value, usual
    - thin: value (too few complaints to say more)
    - no_usual: weeks (whole weeks of history that a comparison needs)
    - behind: sources_and_regions (how many lag), day (the newest full day of any of them is later)
    - ended: sources_and_regions
    """
    raise NotImplementedError
