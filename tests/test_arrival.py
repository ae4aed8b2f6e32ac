"""How late complaints arrive: learned from several imports, and cut-off days do not look faster than they are."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from analytics import arrival
from analytics.arrival import how_late_complaints_arrive, known_after
from analytics.filters import Filters
from analytics.store import Store

FIRST = date(2026, 9, 1)
DELAYS = {0: 0.5, 1: 0.3, 4: 0.2}  # share of a day's complaints by delay


def put(store: Store, rows: pd.DataFrame, imports: list[date], source: str = "инцидент") -> None:
    """Complaints as they were first shown by imports on these days, the first of which covers the day before it."""

    def work(cursor: object) -> None:
        execute = cursor.execute  # type: ignore[attr-defined]
        cursor.register("rows_to_fill", rows.assign(source=source, kind="complaint", last_import=1))  # type: ignore[attr-defined]
        execute(
            """
            insert into complaints by name
            select *, first_seen_at as changed_at, row_number() over ()::varchar as id from rows_to_fill
            """
        )
        for number, day in enumerate(imports, start=1):
            values = {"number": number, "source": source, "day": day}
            execute(
                """
                insert into imports values
                ($number, $source, 'a.csv', null, $day, $day, 0, 0, 0, 0, 0, 0, '[]', '[]', 0, null)
                """,
                values,
            )
            execute(
                "insert into coverage values ($number, $source, 'Тульская область', $day - 30, $day - 1, $day - 2)",
                values,
            )

    store.write(work)


def day_by_day(days: int, a_day: int = 10) -> pd.DataFrame:
    """Complaints of `days` days after the first import, each shown by the import of its day and delay."""
    rows = [
        (FIRST + timedelta(days=day), FIRST + timedelta(days=day + delay))
        for day in range(days)
        for delay, share in DELAYS.items()
        for _ in range(round(a_day * share))
        if day + delay < days
    ]
    table = pd.DataFrame(rows, columns=["opened_at", "first_seen_at"]).apply(pd.to_datetime)
    return table.assign(region="Тульская область")


def test_the_share_known_after_some_days_is_learned_from_the_imports(store: Store) -> None:
    put(store, day_by_day(40), [FIRST + timedelta(days=day) for day in range(40)])
    found = how_late_complaints_arrive(store, Filters())
    share = found.shares.set_index("after")["share"]
    assert found.imports == 40
    assert [share[after] for after in (0, 1, 3, 4, 60)] == pytest.approx([0.5, 0.8, 0.8, 1.0, 1.0])
    last = found.days.set_index("day")
    assert list(last["share"].iloc[-2:]) == pytest.approx([0.8, 0.5])
    assert list(last["complaints"].iloc[-2:]) == [8, 5]
    assert list(last["expected"].iloc[-2:]) == pytest.approx([10, 10])


def test_what_the_first_import_loaded_says_nothing_about_delays(store: Store) -> None:
    old = pd.DataFrame({"opened_at": pd.to_datetime([FIRST - timedelta(days=20)] * 500)})
    old = old.assign(first_seen_at=pd.Timestamp(FIRST), region="Тульская область")
    put(store, pd.concat([old, day_by_day(40)]), [FIRST + timedelta(days=day) for day in range(40)])
    assert how_late_complaints_arrive(store, Filters()).shares["share"].iloc[0] == pytest.approx(0.5)


def test_other_regions_are_left_out(store: Store) -> None:
    put(store, day_by_day(40), [FIRST + timedelta(days=day) for day in range(40)])
    found = how_late_complaints_arrive(store, Filters(regions=("Калужская область",)))
    assert (found.learned_from, found.shares.empty) == (0, True)


def test_with_too_few_imports_it_says_how_many_it_takes(store: Store) -> None:
    put(store, day_by_day(4), [FIRST + timedelta(days=day) for day in range(4)])
    found = how_late_complaints_arrive(store, Filters())
    assert (found.imports, found.needed) == (4, arrival.FEWEST_IMPORTS)
    assert found.shares.empty
    assert how_late_complaints_arrive(store, Filters(kinds=())).days.empty


def test_shares_of_simulated_delays_are_found_again_though_the_last_days_are_cut_off() -> None:
    chance = np.random.default_rng(1)
    age = np.repeat(np.arange(90), 200)
    delay = chance.geometric(0.25, len(age)) - 1
    seen = pd.DataFrame({"age": age, "delay": delay})[delay <= age].value_counts().rename("complaints").reset_index()
    found = known_after(seen)["share"]
    expected = 1 - 0.75 ** (np.arange(61) + 1)
    assert found.to_numpy() == pytest.approx(expected, abs=0.02)
    assert found.is_monotonic_increasing
