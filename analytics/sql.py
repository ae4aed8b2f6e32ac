"""Names and paths as SQL needs them; values are never written into a statement but bound."""

from __future__ import annotations

from pathlib import Path


def identifier(name: str) -> str:
    """The name of a column or table, quoted: headers of exports hold anything."""
    return '"' + name.replace('"', '""') + '"'


def literal(path: Path | str) -> str:
    """A path or a setting as a string literal, for the places where DuckDB takes no parameter."""
    return "'" + str(path).replace("'", "''") + "'"
