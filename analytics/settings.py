"""Where configuration lives: `FORERUNNER_*` variables, else `forerunner.toml`, else the defaults here."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from analytics.errors import BadInput

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Settings:
    """Every setting with its default; the README's table lists the same names in capitals."""

    store: str = str(ROOT / "data" / "store")  # a folder, or a postgresql:// URL
    data: str = ""  # where the Parquet files lie; empty: inside the store's folder
    memory: str = "2GB"  # the most that DuckDB takes before it spills to disk
    threads: int = 0  # 0: every core
    time_zone: str = "Europe/Moscow"  # for times given with an offset, where the region's zone is unknown
    keep_days: int = 30  # `compact` drops snapshots older than this; undo reaches no further back
    retry_seconds: float = 120.0  # how long a writer waits for its turn

    @property
    def remote(self) -> bool:
        """Is the catalogue a PostgreSQL database rather than a folder?"""
        return self.store.startswith(("postgresql://", "postgres://"))


def read_settings(environment: Mapping[str, str] | None = None, *, file: Path | None = None) -> Settings:
    """The settings in force. `file` is `forerunner.toml` of the working folder unless given.

    Raises BadInput for an unknown name or a value of the wrong type.
    """
    environment = os.environ if environment is None else environment
    file = Path("forerunner.toml") if file is None else file
    given: dict[str, Any] = {}
    if file.exists():
        try:
            given = tomllib.loads(file.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise BadInput("bad_settings", "{file} is not valid TOML ({reason}); mend it.", file=file, reason=error)
    types = {field.name: type(field.default) for field in fields(Settings)}
    unknown = sorted(set(given) - set(types))
    if unknown:
        raise BadInput(
            "unknown_setting",
            "{file} has an unknown setting {name}; known are {known}.",
            file=file,
            name=unknown[0],
            known=", ".join(types),
        )
    for name in types:
        variable = f"FORERUNNER_{name.upper()}"
        if environment.get(variable):
            given[name] = environment[variable]
    return Settings(**{name: _typed(name, value, types[name]) for name, value in given.items()})


def _typed(name: str, value: Any, wanted: type) -> Any:
    try:
        return wanted(value)
    except (TypeError, ValueError):
        raise BadInput(
            "bad_setting",
            "The setting {name} must be a {wanted}, not {value!r}.",
            name=name,
            wanted={"int": "whole number", "float": "number"}.get(wanted.__name__, "text"),
            value=value,
        ) from None
