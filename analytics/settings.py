"""Where configuration lives: `FORERUNNER_*` variables, else `forerunner.toml`, else the defaults here."""

from __future__ import annotations

import math
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import pytz

from analytics.errors import BadInput

ROOT = Path(__file__).resolve().parent.parent
PREFIX = "FORERUNNER_"
NOT_SETTINGS = ("DEBUG", "EXPORTS", "REQUIRE_EXPORTS")  # the first shows tracebacks, the others are for tests
WANTED = {int: "whole number", float: "number", str: "text"}


@dataclass(frozen=True)
class Settings:
    """Every setting with its default; the README's table lists the same names in capitals."""

    store: str = str(ROOT / "data" / "store")  # a folder, or a postgresql:// URL
    data: str = ""  # where the Parquet files lie, a folder or an s3:// URL; empty: inside the store's folder
    memory: str = "2GB"  # the most that DuckDB takes before it spills to disk
    threads: int = 0  # 0: every core
    time_zone: str = "Europe/Moscow"  # for times given with an offset, where the region's zone is unknown
    keep_days: int = 30  # `compact` drops snapshots replaced longer ago; imports of before cannot be undone then
    retry_seconds: float = 120.0  # how long a writer waits for its turn
    country: str = ""  # whose public holidays forecasts know (RU, US …); empty: Russia's where regions are Russian
    subdivision: str = ""  # and of which part of it, such as NY
    event_types: str = ""  # a TOML file with types of events of one's own; empty: the built-in ones alone
    s3_endpoint: str = ""  # host:port or URL of an S3-compatible server; empty: Amazon's
    s3_key: str = ""
    s3_secret: str = ""
    s3_region: str = "us-east-1"

    def __post_init__(self) -> None:
        """Paths are made absolute: a store must not move with the folder that a command is given in."""
        for name in ("store", "data", "event_types"):
            path = getattr(self, name)
            if path and not is_url(path):
                object.__setattr__(self, name, str(Path(path).expanduser().absolute()))

    @property
    def remote(self) -> bool:
        """Is the catalogue a PostgreSQL database rather than a folder?"""
        return self.store.startswith(("postgresql://", "postgres://"))


def read_settings(environment: Mapping[str, str] | None = None, *, file: Path | None = None) -> Settings:
    """The settings in force. `file` is `forerunner.toml` of the working folder unless given.

    Raises BadInput for an unknown name or a value that cannot be.
    """
    environment = os.environ if environment is None else environment
    file = Path("forerunner.toml") if file is None else file
    given = _of_file(file)
    for variable, value in environment.items():
        if variable.startswith(PREFIX) and value and variable.removeprefix(PREFIX) not in NOT_SETTINGS:
            name = variable.removeprefix(PREFIX).lower()
            _check_known(name, shown=variable, where="the environment")
            given[name] = value
    return Settings(**{name: _checked(name, value) for name, value in given.items()})


def is_url(path: str) -> bool:
    """Is it a URL (postgresql://, s3://) rather than a folder?"""
    return "://" in path


def _of_file(file: Path) -> dict[str, Any]:
    if not file.exists():
        return {}
    try:
        given = tomllib.loads(file.read_text(encoding="utf-8-sig"))  # Notepad saves with a BOM
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise BadInput(
            "bad_settings", "{file} is not valid TOML ({reason}); mend it.", file=file, reason=error
        ) from error
    for name in given:
        _check_known(name, shown=name, where=str(file))
    return given


def _check_known(name: str, *, shown: str, where: str) -> None:
    known = [field.name for field in fields(Settings)]
    if name not in known:
        raise BadInput(
            "unknown_setting",
            "{file} has an unknown setting {name}; known are {known}.",
            file=where,
            name=shown,
            known=", ".join(known),
        )


def _checked(name: str, value: Any) -> Any:
    """The value in the setting's type. Raises BadInput when it is of another, or cannot be."""
    wanted: type = {field.name: type(field.default) for field in fields(Settings)}[name]
    try:
        if isinstance(value, bool) or (wanted is not float and not isinstance(value, (str, wanted))):
            raise TypeError
        typed = wanted(value)
        if wanted in (int, float) and not (math.isfinite(typed) and typed >= 0):
            raise ValueError
        if name == "time_zone" and typed not in pytz.all_timezones_set:
            raise ValueError
    except (TypeError, ValueError, OverflowError):
        raise BadInput(
            "bad_setting",
            "The setting {name} must be a {wanted}, not {value!r}.",
            name=name,
            wanted="time zone such as Europe/Moscow" if name == "time_zone" else WANTED[wanted],
            value=value,
        ) from None
    return typed
