"""The table of events: its columns, the check at the door, and what an origin may know of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date

import pandas as pd

from analytics.errors import BadInput
from analytics.events.types import EventTypes, built_in_types
from analytics.small_tables import check_columns, dates_of, numbers_of, several, text_of

COLUMNS = (
    *("id", "type", "title", "starts_on", "ends_on", "region", "municipality", "topic", "strength", "unit"),
    *("known_since", "source", "cancelled"),
)
NEEDED = ("id", "type", "starts_on")
PLACES = ("region", "municipality", "topic")  # several by |, empty: all
SAME_EVENT_DAYS = 21
LONGEST = 400  # days of one event: more is a slip of the pen in a year
TRUE, FALSE = ("true", "1", "yes", "да", "истина", "t", "y"), ("false", "0", "no", "нет", "ложь", "f", "n", "")


@dataclass(frozen=True)
class Checked:
    """Rows of events in their types, why each cannot be taken (None: it can), and what was not understood."""

    rows: pd.DataFrame  # COLUMNS and `derived`: known_since was not given
    reasons: pd.Series
    notices: list[dict]  # kind, value, rows


def check_events(table: pd.DataFrame, types: EventTypes | None = None) -> pd.DataFrame:
    """The events as every function wants them: COLUMNS, days as timestamps at midnight, ordered by start and id.

    `id, type, starts_on` are needed; `ends_on` is starts_on where it is missing, `known_since` starts_on less the
    type's `known_before`, places and topics all, `cancelled` false. Raises BadInput for a missing column, a row that
    cannot be (unreadable day, end before the start, no id or type) and an id given twice.
    """
    check_columns(table.columns, NEEDED, "The table of events")
    checked = checked_rows(table, types or built_in_types())
    wrong = checked.reasons.notna()
    if wrong.any():
        place = int(wrong.to_numpy().argmax())
        raise BadInput(
            "events_row",
            "The event {id} cannot be used: {reason}.",
            id=checked.rows["id"].iloc[place] or f"in row {place + 1}",
            reason=str(checked.reasons.iloc[place]).replace("_", " "),
        )
    twice = checked.rows["id"].duplicated()
    if twice.any():
        raise BadInput("events_twice", "The event {id} is given twice.", id=checked.rows["id"][twice].iloc[0])
    return in_order(checked.rows[list(COLUMNS)])


def known_events(events: pd.DataFrame, origin: date) -> pd.DataFrame:
    """The events that a forecast from this origin may use: known by then and not cancelled."""
    return events[(events["known_since"] <= pd.Timestamp(origin)) & ~events["cancelled"].astype(bool)]


def joined_events(own: pd.DataFrame, rules: pd.DataFrame) -> pd.DataFrame:
    """One's own events and those of rules, none twice: both as of `check_events`.

    An event of a rule is left out where an own one of its type (a cancelled one too) starts within three weeks of it in
    one of its regions, or has its id.
    """
    kept = []
    ids = set(own["id"])
    of_type = dict(list(own[own["type"].isin(rules["type"].unique())].groupby("type")))
    for rule in rules.itertuples():
        alike = of_type.get(rule.type, own.head(0))
        near = alike[(alike["starts_on"] - rule.starts_on).dt.days.abs() <= SAME_EVENT_DAYS]
        regions = set(several(rule.region))
        met = any(not regions or not cell or regions & set(several(cell)) for cell in near["region"])
        kept.append(not met and rule.id not in ids)
    return in_order(pd.concat([own, rules[kept]], ignore_index=True)) if any(kept) else in_order(own)


def no_events() -> pd.DataFrame:
    """The table without a row, in its types."""
    return checked_rows(pd.DataFrame({name: pd.Series(dtype="object") for name in NEEDED}), built_in_types()).rows[
        list(COLUMNS)
    ]


def in_order(events: pd.DataFrame) -> pd.DataFrame:
    """By the first day and the id, numbered anew."""
    return events.sort_values(["starts_on", "id"], kind="stable", ignore_index=True)


def checked_rows(table: pd.DataFrame, types: EventTypes) -> Checked:
    """Every row in its types, with the reason of each that cannot be taken; nothing is left out or put in order."""
    table = table.reset_index(drop=True)
    nothing = pd.Series("", index=table.index, dtype="object")
    texts = ("id", "type", "title", "unit", "source", *PLACES)
    rows = pd.DataFrame({name: text_of(table[name]) if name in table else nothing for name in texts})
    rows["type"] = rows["type"].map({words: types.named(words) for words in rows["type"].unique()})
    kinds = {name: types.of(name) for name in rows["type"].unique()}
    titles = rows["type"].map({name: kind.title("ru") for name, kind in kinds.items()})
    rows["title"] = rows["title"].where(rows["title"] != "", titles)
    for name in PLACES:
        rows[name] = rows[name].map({cell: "|".join(several(cell)) for cell in rows[name].unique()})
    notices = _notices("type", rows["type"][rows["type"].map(lambda name: name != "" and name not in types)])
    reasons = pd.Series(None, index=table.index, dtype="object")
    _days(rows, table, reasons, {name: kind.known_before for name, kind in kinds.items()})
    given = table["strength"] if "strength" in table else pd.Series(float("nan"), index=table.index)
    rows["strength"], unreadable = numbers_of(given)
    notices += _notices("strength", text_of(given)[unreadable])
    units = rows["type"].map({name: kind.unit for name, kind in kinds.items()})
    rows["unit"] = rows["unit"].where((rows["unit"] != "") | rows["strength"].isna(), units)
    _cancelled(rows, table, reasons)
    reasons[rows["type"] == ""] = "no_type"
    reasons[rows["id"] == ""] = "no_id"
    return Checked(rows[[*COLUMNS, "derived"]].astype(dict.fromkeys(texts, "str")), reasons, notices)


def _days(rows: pd.DataFrame, table: pd.DataFrame, reasons: pd.Series, known_before: Mapping[str, int]) -> None:
    """Fill the three days of each row; the reason where one of them cannot be."""
    unknown = pd.Series(None, index=table.index, dtype="object")
    for name in ("known_since", "ends_on", "starts_on"):
        rows[name], unreadable = dates_of(table.get(name, unknown))
        reasons[unreadable] = f"unreadable_{name}"
    reasons[reasons.isna() & rows["starts_on"].isna()] = "no_starts_on"
    rows["ends_on"] = rows["ends_on"].fillna(rows["starts_on"])
    reasons[reasons.isna() & (rows["ends_on"] < rows["starts_on"])] = "ends_before_it_starts"
    reasons[reasons.isna() & ((rows["ends_on"] - rows["starts_on"]).dt.days > LONGEST)] = "lasts_too_long"
    rows["derived"] = rows["known_since"].isna()
    announced = rows["starts_on"] - pd.to_timedelta(rows["type"].map(known_before).astype(float), unit="D")
    rows["known_since"] = rows["known_since"].fillna(announced.astype("datetime64[us]"))


def _cancelled(rows: pd.DataFrame, table: pd.DataFrame, reasons: pd.Series) -> None:
    if "cancelled" not in table:
        rows["cancelled"] = False
        return
    words = text_of(table["cancelled"]).str.lower().str.removesuffix(".0")
    rows["cancelled"] = words.isin(TRUE)
    reasons[reasons.isna() & ~words.isin(TRUE) & ~words.isin(FALSE)] = "unreadable_cancelled"


def _notices(kind: str, values: pd.Series | Collection[str]) -> list[dict]:
    counted = pd.Series(list(values), dtype="object").value_counts()
    return [{"kind": kind, "value": str(value), "rows": int(rows)} for value, rows in counted.items()]
