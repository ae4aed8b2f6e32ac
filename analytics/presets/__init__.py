"""What the columns of an export mean: presets of known systems, and a proposal for unknown ones."""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache
from pathlib import Path

from analytics.errors import BadInput

FOLDER = Path(__file__).parent
TIMES = ("opened_at", "closed_at", "due_at", "first_answer_at", "export_changed_at")
NAMES = ("region", "municipality", "topic_group", "topic", "channel", "official_page", "agency")
MEANINGS = ("id", *TIMES, "status", "kind", *NAMES, "latitude", "longitude", "sender", "text")
NOT_STORED = ("sender", "text")  # a sender becomes a salted key, a text is masked or dropped
ISO_DATES = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S.%f")
DATES = (  # tried, in this order, on exports without a preset
    *ISO_DATES,
    *("%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M", "%d.%m.%Y", "%d.%m.%y"),
    *("%m/%d/%Y %I:%M:%S %p", "%m/%d/%Y %H:%M:%S", "%m/%d/%Y %H:%M", "%m/%d/%Y"),
    *("%d/%m/%Y %H:%M:%S", "%d/%m/%Y %H:%M", "%d/%m/%Y", "%Y/%m/%d %H:%M:%S", "%Y/%m/%d", "%Y%m%d"),
)


@dataclass(frozen=True)
class Mapping:
    """Which column has which meaning, and how its values are to be read."""

    columns: dict[str, str]  # meaning -> column of the export
    dates: tuple[str, ...] = ISO_DATES  # strptime formats, the likeliest first
    values: dict[str, dict[str, str]] = field(default_factory=dict)  # meaning -> folded value -> our word
    blank: tuple[str, ...] = ()  # folded values that mean "not known"
    time_zone: str | None = None  # of times given with an offset
    reference: bool = False  # regions and topic groups are those of the reference lists
    preset: str | None = None
    source: str = "export"
    unsure: tuple[str, ...] = ()  # meanings that a person should look at


@dataclass(frozen=True)
class Preset:
    """A known system: the names its columns go by."""

    name: str
    title: dict[str, str]
    run_on_real_file: bool
    signature: tuple[tuple[str, ...], ...]  # one of each must be in the header
    columns: dict[str, tuple[str, ...]]
    base: Mapping

    def recognises(self, header: Sequence[str]) -> bool:
        """Has the header a column of each part of the signature?"""
        folded = {fold(name) for name in header}
        return bool(self.signature) and all({fold(name) for name in part} & folded for part in self.signature)

    def mapping(self, header: Sequence[str]) -> Mapping:
        """The mapping of this header. Raises BadInput when two columns stand for one meaning."""
        columns: dict[str, str] = {}
        for meaning, spellings in self.columns.items():
            wanted = [fold(spelling) for spelling in spellings]
            found = [name for name in header if fold(name) in wanted]
            if len(found) > 1 and meaning not in NOT_STORED:
                raise two_columns(meaning, found)
            if found:
                columns[meaning] = found[0]
        _refuse_repeated_names(columns, header)
        return replace(self.base, columns=columns)


def fold(name: str) -> str:
    """A name as it is compared: lower case, ё as е, only letters and digits, single spaces."""
    return " ".join(re.sub(r"[\W_]+", " ", name.casefold().replace("ё", "е")).split())


def two_columns(meaning: str, columns: Sequence[str]) -> BadInput:
    """The refusal of a header in which two columns have one meaning."""
    return BadInput(
        "two_columns",
        "The columns {columns} both mean {meaning}; say with --mapping FILE which one to take.",
        columns=" and ".join(f"«{column}»" for column in columns),
        meaning=meaning,
    )


@cache
def presets() -> dict[str, Preset]:
    """Every preset by name; `any` holds the words for proposals."""
    return {file.stem: _read(file) for file in sorted(FOLDER.glob("*.toml"))}


@cache
def known_columns() -> frozenset[str]:
    """Column names of all presets in lower case: they help to find the header of a file."""
    return frozenset(
        spelling.lower()
        for preset in presets().values()
        for spellings in preset.columns.values()
        for spelling in spellings
    )


def named(name: str) -> Preset:
    """The preset of this name. Raises BadInput for an unknown one."""
    known = {key: preset for key, preset in presets().items() if preset.signature}
    if name not in known:
        raise BadInput(
            "unknown_preset", "There is no preset {name}; known are {known}.", name=name, known=", ".join(known)
        )
    return known[name]


def recognise(header: Sequence[str]) -> Preset | None:
    """The preset whose signature the header has, the one that knows most of its columns."""
    fitting = [preset for preset in presets().values() if preset.recognises(header)]
    known = {
        name: {fold(word) for words in preset.columns.values() for word in words} for name, preset in presets().items()
    }
    folded = {fold(name) for name in header}
    return max(fitting, key=lambda preset: len(known[preset.name] & folded), default=None)


def find_mapping(
    header: Sequence[str], sample: Sequence[Sequence[str | None]], *, preset: str | None = None
) -> Mapping:
    """The mapping of a header: by the preset named, else the one recognised, else a proposal.

    Raises BadInput when the preset named does not fit, two columns mean the same, or nothing can be a date.
    """
    chosen = named(preset) if preset else recognise(header)
    mapping = chosen.mapping(header) if chosen else _propose(header, sample)
    if "opened_at" not in mapping.columns:
        if preset:
            raise BadInput(
                "preset_does_not_fit",
                "The preset {preset} finds no creation date among the columns; try without --preset.",
                preset=preset,
            )
        raise no_date()
    return mapping


def read_mapping(file: Path, header: Sequence[str]) -> Mapping:
    """A mapping given by hand: TOML with a table `columns` and, if wished, what a preset may have beside it.

    Raises BadInput for a file that cannot be read, an unknown meaning or a column that the header lacks.
    """
    try:
        given = tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInput(
            "bad_mapping", "The mapping {file} cannot be read ({reason}).", file=file.name, reason=error
        ) from error
    return chosen_mapping(given.get("columns", {}), header, given=given, name=file.stem)


def chosen_mapping(
    columns: dict[str, str | list[str]], header: Sequence[str], *, given: dict | None = None, name: str = "export"
) -> Mapping:
    """A mapping made of a person's choice, checked against the header."""
    given = given or {}
    chosen: dict[str, str] = {}
    for meaning, column in columns.items():
        if meaning not in MEANINGS:
            raise BadInput(
                "unknown_meaning",
                "The mapping has an unknown meaning {meaning}; known are {known}.",
                meaning=meaning,
                known=", ".join(MEANINGS),
            )
        wanted = [column] if isinstance(column, str) else list(column)
        found = [name for name in header if fold(name) in {fold(word) for word in wanted}]
        if len(found) > 1:
            raise two_columns(meaning, found)
        if not found:
            raise BadInput(
                "no_such_column",
                "The mapping takes {meaning} from «{column}», which the file does not have.",
                meaning=meaning,
                column=wanted[0] if wanted else "",
            )
        chosen[meaning] = found[0]
    if "opened_at" not in chosen:
        raise no_date()
    base = _base(name, given) if given else presets()["any"].base
    dates = base.dates if given.get("dates") else DATES
    return replace(base, columns=chosen, dates=dates, source=given.get("source") or _signature(chosen), preset=None)


def no_date() -> BadInput:
    """The refusal of a header without any column that could be a creation date."""
    return BadInput(
        "no_date_column",
        "No column could be the date on which a complaint was opened; name it with --mapping FILE.",
    )


def _read(file: Path) -> Preset:
    given = tomllib.loads(file.read_text(encoding="utf-8"))
    return Preset(
        name=file.stem,
        title=given["title"],
        run_on_real_file=given["run_on_real_file"],
        signature=tuple(tuple(part) for part in given["signature"]),
        columns={meaning: tuple(words) for meaning, words in given["columns"].items()},
        base=replace(_base(file.stem, given), preset=file.stem),
    )


def _base(name: str, given: dict) -> Mapping:
    return Mapping(
        columns={},
        dates=tuple(dict.fromkeys([*given.get("dates", []), *ISO_DATES])),
        values={
            meaning: {fold(word): ours for word, ours in words.items()}
            for meaning, words in given.get("values", {}).items()
        },
        blank=tuple(fold(word) for word in given.get("blank", [])),
        time_zone=given.get("time_zone"),
        reference=given.get("reference", False),
        source=given.get("source", name),
    )


def _refuse_repeated_names(columns: dict[str, str], header: Sequence[str]) -> None:
    """The reader calls a second column of the same name "name 2": then it is not known which one is meant."""
    for meaning, column in columns.items():
        if meaning not in NOT_STORED and f"{column} 2" in header:
            raise two_columns(meaning, [column, f"{column} 2"])


def _propose(header: Sequence[str], sample: Sequence[Sequence[str | None]]) -> Mapping:
    """A mapping by the header's words first, then by the values; `unsure` names what rests on values or on a guess."""
    generic = presets()["any"]
    values = {name: [value for row in sample if i < len(row) and (value := row[i])] for i, name in enumerate(header)}
    columns: dict[str, str] = {}
    for meaning, words in generic.columns.items():
        ranks = {fold(word): rank for rank, word in enumerate(words)}
        fitting = sorted((ranks[fold(name)], i, name) for i, name in enumerate(header) if fold(name) in ranks)
        free = [name for _, _, name in fitting if name not in columns.values() and _plausible(meaning, values[name])]
        if free:
            columns[meaning] = free[0]
    unsure = []
    if "opened_at" not in columns:
        dates = [name for name in header if name not in columns.values() and _share_of_dates(values[name]) > 0.8]
        if not dates:
            raise no_date()
        columns["opened_at"] = dates[0]
        unsure.append("opened_at")
    if "id" not in columns:
        unsure.append("id")
    if "topic_group" not in columns and "topic" in columns:
        columns["topic_group"] = columns.pop("topic")
        unsure.append("topic_group")
    formats, ambiguous = date_formats(
        [value for meaning in TIMES for value in values.get(columns.get(meaning, ""), [])]
    )
    if ambiguous:
        unsure.append("opened_at")
    _refuse_repeated_names(columns, header)
    base = generic.base
    return replace(
        base,
        columns=columns,
        dates=formats,
        preset=None,
        source=_signature(columns),
        unsure=tuple(dict.fromkeys(unsure)),
    )


def _signature(columns: dict[str, str]) -> str:
    """A source name for a layout without a preset: equal layouts are one source, others never share ids."""
    text = "\n".join(f"{meaning}={fold(column)}" for meaning, column in sorted(columns.items()))
    return f"export-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def _plausible(meaning: str, values: Sequence[str]) -> bool:
    if not values:
        return meaning not in ("id", "opened_at")
    if meaning in TIMES:
        return _share_of_dates(values) > 0.5
    if meaning in ("latitude", "longitude"):
        return sum(bool(re.fullmatch(r"-?\d+([.,]\d+)?", value.strip())) for value in values) > 0.5 * len(values)
    if meaning == "id":
        return len(set(values)) > 0.5 * len(values)
    return True


def _share_of_dates(values: Sequence[str]) -> float:
    part = values[:200]
    return sum(any(_parses(value, form) for form in DATES) or _has_offset(value) for value in part) / max(len(part), 1)


def _has_offset(value: str) -> bool:
    return bool(re.fullmatch(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?\s*(Z|[+-]\d\d:?(\d\d)?)", value.strip()))


def date_formats(values: Sequence[str]) -> tuple[tuple[str, ...], bool]:
    """The formats in which these values can be read, the commonest first; and whether day and month may be swapped."""
    part = list(dict.fromkeys(values))[:2000]
    hits = {form: sum(_parses(value, form) for value in part) for form in DATES}
    day_first = sum(hits[form] for form in DATES if form.startswith("%d/"))
    month_first = sum(hits[form] for form in DATES if form.startswith("%m/"))
    unwanted = "%m/" if day_first > month_first else "%d/"
    formats = [form for form in DATES if not form.startswith(unwanted)]
    ambiguous = day_first > 0 and day_first == month_first
    return tuple(sorted(formats, key=lambda form: -hits[form])), ambiguous


@cache
def _parses(value: str, form: str) -> bool:
    try:
        datetime.strptime(value.strip(), form)
    except ValueError:
        return False
    return True
