"""Answers remembered by the store: of one snapshot only, and never spoilt by who asked."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from analytics.remembering import MOST_ANSWERS, Memory
from analytics.store import Store, open_store

CHOICES = "select value, sum(complaints)::bigint as complaints from choices where meaning = $meaning group by all"


def test_what_was_asked_of_a_snapshot_is_answered_from_memory_until_the_next_write(tmp_path: Path) -> None:
    store = open_store(tmp_path / "store")

    def asked() -> pd.DataFrame:
        with store.reading() as query:
            return query(CHOICES, meaning="kind")

    def add(complaints: int) -> None:
        store.write(
            lambda cursor: cursor.execute(f"insert into choices values ('kind', '', 'complaint', {complaints})")
        )

    assert asked().empty
    add(3)
    first = asked()
    assert first["complaints"].tolist() == [3]
    first["complaints"] = 99  # the caller's own copy
    assert asked()["complaints"].tolist() == [3]
    add(4)
    assert asked()["complaints"].tolist() == [7]
    store.close()


def test_memory_asks_once_tells_parameters_apart_and_never_answers_an_older_snapshot_with_a_newer() -> None:
    memory, asked = Memory(), []

    def ask(snapshot: int, names: list[str]) -> int:
        def really() -> pd.DataFrame:
            asked.append((snapshot, *names))
            return pd.DataFrame({"snapshot": [snapshot]})

        return int(memory.answer(snapshot, "select 1", {"names": names}, really)["snapshot"][0])

    assert [ask(1, ["a"]), ask(1, ["a"]), ask(1, ["a", "b"])] == [1, 1, 1]
    assert ask(2, ["a"]) == 2
    assert [ask(1, ["a"]), ask(2, ["a"])] == [1, 2]
    assert asked == [(1, "a"), (1, "a", "b"), (2, "a"), (1, "a")]
    memory.clear()
    assert ask(2, ["a"]) == 2
    assert asked[-1] == (2, "a")


def test_memory_is_bounded() -> None:
    memory, asked = Memory(), []
    for number in [*range(MOST_ANSWERS + 1), 0]:
        memory.answer(1, "select $n", {"n": number}, lambda number=number: asked.append(number) or pd.DataFrame())
    assert asked == [*range(MOST_ANSWERS + 1), 0]


def test_facts_and_settings_come_with_one_question(store: Store) -> None:
    store.set_setting("home_region", "Калужская область")
    store.set_setting("language", None)
    facts, chosen = store.facts_and_settings()
    assert facts["kind"] == store.kind == "real"
    assert chosen == {"home_region": "Калужская область"}
