"""Small exports for tests, written as a person's system would write them."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from analytics.store import Store

HEADER = (
    "ID",
    "Дата создания",
    "Дата закрытия",
    "Группа тем",
    "Тема",
    "Регион",
    "Муниципалитет",
    "Источник",
    "Итог",
    "Текст инцидента",
)
USUAL = {
    "Дата создания": "01.03.2026 10:00",
    "Дата закрытия": "",
    "Группа тем": "ЖКХ",
    "Тема": "Отопление",
    "Регион": "Калужская область",
    "Муниципалитет": "Боровский район",
    "Источник": "ПОС",
    "Итог": "В работе",
    "Текст инцидента": "звоните +7 900 123-45-67",
}


def incidents(
    file: Path, rows: Sequence[Mapping[str, str]], *, encoding: str = "utf-8", extra: Sequence[str] = ()
) -> Path:
    """A Russian incident export: what a row does not say is usual; ids are given by place unless said."""
    header = [*HEADER, *extra]
    with file.open("w", encoding=encoding, newline="") as target:
        writer = csv.writer(target, delimiter=";")
        writer.writerow(header)
        for place, row in enumerate(rows, start=1):
            whole = {"ID": f"ИНЦ-{place}", **USUAL, **row}
            writer.writerow([whole.get(name, "") for name in header])
    return file


def assert_cube_agrees(store: Store) -> None:
    """Every table of the cube must say what a plain count over the complaints says."""
    rows = store.query("select * from complaints")
    cube = store.query("select * from daily_counts")
    assert cube["complaints"].sum() == len(rows)
    keys = ["region", "municipality", "topic_group", "topic", "channel", "kind"]
    expected = _counted(rows.assign(on=rows["opened_at"].dt.normalize(), complaints=1), ["on", *keys], "complaints")
    found = _counted(cube.assign(on=pd.to_datetime(cube["opened_on"])), ["on", *keys], "complaints")
    pd.testing.assert_series_equal(found, expected, check_dtype=False)
    closed = rows[rows["closed_at"].notna()]
    expected = _counted(closed.assign(on=closed["closed_at"].dt.normalize(), complaints=1), ["on", *keys], "complaints")
    shut = cube[cube["closed_on"].notna()]
    found = _counted(shut.assign(on=pd.to_datetime(shut["closed_on"])), ["on", *keys], "complaints")
    pd.testing.assert_series_equal(found, expected, check_dtype=False)
    totals = store.query(
        "select sum(received) r, sum(closed) c, sum(repeats) t, sum(due) d, sum(due_kept) k from daily_totals"
    )
    small = store.query(
        "select sum(received) r, sum(closed) c, sum(repeats) t, sum(due) d, sum(due_kept) k from region_totals"
    )
    pd.testing.assert_frame_equal(totals, small)
    if len(rows):
        assert totals.loc[0, "r"] == len(rows)
        assert totals.loc[0, "c"] == len(closed)
        assert totals.loc[0, "t"] == cube["repeats"].sum() == slow_repeats(rows)
    topics = store.query("select * from topic_totals").rename(columns={"day": "on", "received": "complaints"})
    keys = ["on", "topic_group", "topic", "kind"]
    expected = _counted(rows.assign(on=rows["opened_at"].dt.normalize(), complaints=1), keys, "complaints")
    pd.testing.assert_series_equal(_counted(topics, keys, "complaints"), expected, check_dtype=False)
    choices = store.query(
        "select value, sum(complaints) n from choices where meaning = 'kind' group by 1 having n <> 0"
    )
    assert dict(zip(choices["value"], choices["n"], strict=True)) == rows["kind"].value_counts().to_dict()


def slow_repeats(rows: pd.DataFrame) -> int:
    """How many complaints repeat one of the 30 days before: each looked at by itself."""
    repeats = 0
    rows = rows.sort_values(["opened_at", "source", "id"]).reset_index(drop=True)
    for place, row in rows.iterrows():
        key = (row["latitude"], row["longitude"]) if pd.notna(row["latitude"]) else row["sender_key"]
        if key is None or (not isinstance(key, tuple) and pd.isna(key)):
            continue
        for _, other in rows.iloc[:place].iterrows():  # type: ignore[misc]
            theirs = (other["latitude"], other["longitude"]) if pd.notna(other["latitude"]) else other["sender_key"]
            same = all(
                (pd.isna(row[c]) and pd.isna(other[c])) or row[c] == other[c]
                for c in ("region", "municipality", "topic_group")
            )
            if same and theirs == key and row["opened_at"] - other["opened_at"] <= pd.Timedelta(days=30):
                repeats += 1
                break
    return repeats


def _counted(table: pd.DataFrame, keys: list[str], measure: str) -> pd.Series:
    filled = table.assign(**{key: table[key].fillna("") for key in keys if key != "on"})
    summed = filled.groupby(keys)[measure].sum().sort_index()
    return summed[summed != 0].astype("int64")
