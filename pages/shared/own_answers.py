"""The reader's own tables and outlines, between the Data page and the store."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from analytics import own_geometry, own_keeping, own_tables
from analytics.own_geometry import OwnShapes
from analytics.own_tables import OwnTable
from pages.shared.answers import Answers


def kept_rows(answers: Answers, kind: str) -> pd.DataFrame:
    """What the store holds of a kind of table."""
    found: pd.DataFrame = answers.know("own_table", kind)
    return found


def has_own_rows(answers: Answers, kind: str) -> bool:
    """Is there anything of the reader's own to remove?"""
    return bool(answers.know("has_own_rows", kind))


def read_table(answers: Answers, kind: str, path: Path) -> OwnTable:
    """The rows of an uploaded file. Raises BadInput."""
    return own_tables.read_own_table(answers.store, kind, path)


def keep_table(answers: Answers, kind: str, rows: pd.DataFrame) -> int:
    """Keep these rows instead; how many complaints changed their names."""
    return own_keeping.keep_own_table(answers.store, kind, rows)


def kept_outlines(answers: Answers) -> dict[str, int]:
    """How many outlines of regions and of municipalities the reader has given."""
    found: dict[str, int] = answers.know("kept_outlines")
    return found


def read_outlines(answers: Answers, path: Path) -> OwnShapes:
    """The outlines of an uploaded file. Raises BadInput."""
    return own_geometry.read_own_geometry(answers.store, path)


def keep_outlines(answers: Answers, found: OwnShapes) -> None:
    """Keep these outlines instead of those of their level."""
    own_geometry.keep_own_geometry(answers.store, found)


def forget_outlines(answers: Answers, level: str) -> None:
    """Those of the reference, or none, are drawn again."""
    own_geometry.forget_own_geometry(answers.store, level)
