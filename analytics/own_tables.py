"""The reader's own tables (thresholds, deadlines, spellings, populations, days off): file in, checked rows out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from analytics.errors import BadInput
from analytics.given_names import named_places
from analytics.presets import fold
from analytics.small_tables import dates_of, numbers_of, read_small_table, text_of
from analytics.store import Store

ALIAS_KINDS = ("region", "municipality", "topic_group", "topic", "channel")
TOTAL = "*"


@dataclass(frozen=True)
class Shape:
    """A kind of table: its columns (the needed ones first), and which of them tell a row from another."""

    columns: tuple[str, ...]
    needed: tuple[str, ...]
    key: tuple[str, ...]
    numbers: tuple[str, ...] = ()  # whole numbers above 0


SHAPES = {
    "thresholds": Shape(
        ("region", "municipality", "topic_group", "complaints"),
        ("complaints",),
        ("region", "municipality", "topic_group"),
        ("complaints",),
    ),
    "deadlines": Shape(("topic_group", "days", "source"), ("days",), ("source", "topic_group"), ("days",)),
    "aliases": Shape(
        ("kind", "spelling", "name", "region"), ("kind", "spelling", "name"), ("kind", "spelling", "region")
    ),
    "population": Shape(
        ("region", "municipality", "population"),
        ("region", "population"),
        ("region", "municipality"),
        ("population",),
    ),
    "days": Shape(("day", "name", "region"), ("day", "name"), ("day", "region")),
}


@dataclass(frozen=True)
class OwnTable:
    """What a file says: read = rows + rejected.

    `rows`: as the store keeps them; `rejected`: line, reason; `notices`: kind, value, rows, of names that the store
    does not know (they are kept).
    """

    kind: str
    rows: pd.DataFrame
    rejected: pd.DataFrame
    notices: list[dict]

    @property
    def read(self) -> int:
        """The rows of the file."""
        return len(self.rows) + len(self.rejected)


def read_own_table(store: Store, kind: str, path: Path) -> OwnTable:
    """The rows of a file of this kind (a key of SHAPES), under the names that the store keeps.

    Any file that exports may be. Empty region or topic group: all of them; empty municipality: the region as
    a whole. Reasons of rejection: no_number, not_whole, no_day, no_name, no_region, unknown_kind, repeated, or as of a
    broken line. Raises BadInput when the file cannot be
    read as a table, a needed column is missing, or no row of it can be used.
    """
    shape = SHAPES[kind]
    raw = read_small_table(path, shape.columns, shape.needed)
    rows = raw.rows.reindex(columns=["line", *shape.columns])
    for name in shape.columns:
        if name not in (*shape.numbers, "day"):
            rows[name] = text_of(rows[name])
    rows, reasons = CHECKS[kind](rows, shape)
    rows, notices = _named(store, rows[reasons == ""], kind)
    told = rows.assign(spelling=rows["spelling"].map(fold)) if kind == "aliases" else rows  # as they are compared
    reasons = reasons.mask(reasons.index.isin(told.index[told.duplicated(list(shape.key), keep="last")]), "repeated")
    rejected = raw.rows[["line"]].assign(reason=reasons)[reasons != ""]
    rejected = pd.concat([rejected, raw.broken], ignore_index=True).sort_values("line", kind="stable")
    kept = rows[reasons.loc[rows.index] == ""].drop(columns="line").reset_index(drop=True)
    if kept.empty:
        raise BadInput(
            "own_table_empty",
            "{file} has no row that can be used, see its line {line}; it needs {needed}.",
            file=path.name,
            line=int(rejected["line"].iloc[0]) if len(rejected) else 1,
            needed=", ".join(shape.needed),
        )
    return OwnTable(kind, kept, rejected.reset_index(drop=True), notices)


def _named(store: Store, rows: pd.DataFrame, kind: str) -> tuple[pd.DataFrame, list[dict]]:
    """Places and topic groups under the store's names; of spellings the region that they are for."""
    if rows.empty:
        return rows, []
    told = rows.reindex(columns=["region", "municipality", "topic_group"], fill_value="").replace(TOTAL, "")
    told = told.rename(columns={"topic_group": "topic"})
    found, notices = named_places(store, told)
    named = {"region": found["region"], "municipality": found["municipality"], "topic_group": found["topic"]}
    rows = rows.assign(**{name: column for name, column in named.items() if name in rows})
    if kind == "thresholds":
        rows = rows.assign(**{name: rows[name].replace("", TOTAL) for name in ("region", "topic_group")})
    return rows, notices


def _with_numbers(rows: pd.DataFrame, shape: Shape) -> tuple[pd.DataFrame, pd.Series]:
    """Whole numbers above 0 in their column."""
    (name,) = shape.numbers
    values, wrong = numbers_of(rows[name])
    reasons = pd.Series("", index=rows.index, dtype="object")
    reasons[wrong | values.isna()] = "no_number"
    reasons[(reasons == "") & ((values < 1) | (values != np.floor(values)))] = "not_whole"
    return rows.assign(**{name: values.where(reasons == "", 0).astype("int64")}), reasons


def _with_limits(rows: pd.DataFrame, shape: Shape) -> tuple[pd.DataFrame, pd.Series]:
    """Numbers, and a region for each municipality: several regions have one of the same name."""
    rows, reasons = _with_numbers(rows, shape)
    nowhere = (rows["municipality"] != "") & rows["region"].isin(["", TOTAL])
    reasons[(reasons == "") & nowhere] = "no_region"
    return rows, reasons


def _with_places(rows: pd.DataFrame, shape: Shape) -> tuple[pd.DataFrame, pd.Series]:
    rows, reasons = _with_numbers(rows, shape)
    reasons[(reasons == "") & (rows["region"] == "")] = "no_name"
    return rows, reasons


def _with_spellings(rows: pd.DataFrame, shape: Shape) -> tuple[pd.DataFrame, pd.Series]:
    kinds = rows["kind"].str.lower().str.replace(" ", "_", regex=False)
    reasons = pd.Series("", index=rows.index, dtype="object")
    reasons[~kinds.isin(ALIAS_KINDS)] = "unknown_kind"
    reasons[(reasons == "") & ((rows["spelling"] == "") | (rows["name"] == ""))] = "no_name"
    return rows.assign(kind=kinds), reasons


def _with_days(rows: pd.DataFrame, shape: Shape) -> tuple[pd.DataFrame, pd.Series]:
    days, _ = dates_of(rows["day"])
    reasons = pd.Series("", index=rows.index, dtype="object")
    reasons[days.isna()] = "no_day"
    reasons[(reasons == "") & (rows["name"] == "")] = "no_name"
    return rows.assign(day=days), reasons


CHECKS: dict[str, Callable[[pd.DataFrame, Shape], tuple[pd.DataFrame, pd.Series]]] = {
    "thresholds": _with_limits,
    "deadlines": _with_numbers,
    "aliases": _with_spellings,
    "population": _with_places,
    "days": _with_days,
}
