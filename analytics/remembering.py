"""Answers of one snapshot of the store, remembered: several questions of a page ask the same of it."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import pandas as pd

MOST_ANSWERS = 200
MOST_ROWS = 20_000  # of an answer; larger ones are asked again


class Memory:
    """What was asked of the newest snapshot seen; threads may share it. A snapshot never changes."""

    def __init__(self) -> None:
        self._snapshot = -1
        self._answers: OrderedDict[tuple[object, ...], pd.DataFrame] = OrderedDict()
        self._lock = threading.Lock()

    def answer(
        self, snapshot: int, sql: str, parameters: dict[str, Any], ask: Callable[[], pd.DataFrame]
    ) -> pd.DataFrame:
        """The table that `ask` gives, or gave before to the same question of this snapshot; the caller's own."""
        key = (sql, *((name, _fixed(value)) for name, value in sorted(parameters.items())))
        with self._lock:
            if snapshot > self._snapshot:
                self._snapshot = snapshot
                self._answers.clear()
            known = self._answers.get(key) if snapshot == self._snapshot else None
            if known is not None:
                self._answers.move_to_end(key)
                return known.copy(deep=False)  # pandas copies what is then written to
        table = ask()
        if len(table) <= MOST_ROWS:
            with self._lock:
                if snapshot == self._snapshot:
                    self._answers[key] = table.copy(deep=False)
                    while len(self._answers) > MOST_ANSWERS:
                        self._answers.popitem(last=False)
        return table

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._answers.clear()


def _fixed(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value
