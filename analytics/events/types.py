"""Types of events: a small tree in TOML; a user's own file adds to it."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any

from analytics.errors import BadInput
from analytics.presets import fold
from analytics.settings import ROOT, Settings

BUILT_IN = ROOT / "data" / "reference" / "event_types.toml"
MOST_DAYS = 400  # of a window, and of known_before


@dataclass(frozen=True)
class EventType:
    """What is assumed of the events of one type; days are whole days."""

    id: str  # dotted: the part before the last dot is the parent
    title_ru: str = ""
    title_en: str = ""
    spellings: tuple[str, ...] = ()
    before: int = 3  # days before the first day in which complaints may differ
    after: int = 14  # days after the last day
    known_before: int = 28  # days between the announcement and the first day
    topics: tuple[str, ...] = ()  # topic groups that are usually touched; none: all
    sign: int = 0  # 1: complaints grow, -1: they shrink, 0: not known
    unit: str = ""
    almanac: bool = False  # the almanac of a country marks these days already
    evidence: str = ""
    known: bool = True  # False: in no file of types

    @property
    def parent(self) -> str | None:
        """The id of the parent; None: the root."""
        return self.id.rpartition(".")[0] or None

    def title(self, language: str) -> str:
        """The title in a language, else in the other one, else the id."""
        chosen = (self.title_ru, self.title_en) if language == "ru" else (self.title_en, self.title_ru)
        return next((title for title in chosen if title), self.id)


@dataclass(frozen=True)
class EventTypes:
    """The tree of types by id, and what a type without a known ancestor is taken for."""

    types: Mapping[str, EventType]
    default: EventType
    _spellings: Mapping[str, str] = field(default_factory=dict, repr=False)

    def __iter__(self) -> Iterator[EventType]:
        return iter(self.types.values())

    def __contains__(self, type_id: object) -> bool:
        return type_id in self.types

    def of(self, type_id: str) -> EventType:
        """The type; one that is in no file has the window of its nearest known ancestor, or of the root, and is called
        after it and by the words of its own id."""
        if type_id in self.types:
            return self.types[type_id]
        above = next((self.types[name] for name in ancestors(type_id) if name in self.types), self.default)
        own = type_id.removeprefix(f"{above.id}.").replace("_", " ").replace(".", ", ")
        russian, english = (f"{title}: {own}" if title else own for title in (above.title_ru, above.title_en))
        named = replace(above, id=type_id, title_ru=russian, title_en=english)
        return replace(named, spellings=(), evidence="", known=False)

    def named(self, words: str) -> str:
        """The id that a file means: an id as it is, else a title or a spelling of a type, else the words themselves."""
        bare = " ".join(words.split())
        return bare if bare in self.types else self._spellings.get(fold(bare), bare)

    def known(self, words: str) -> str:
        """As `named`, of a type that there is. Raises BadInput, which names those most like it, of any other."""
        type_id = self.named(words)
        if type_id in self.types:
            return type_id
        raise BadInput(
            "unknown_event_type",
            "No type of event is called «{type}»; it may be: {like} (your own: in the file of FORERUNNER_EVENT_TYPES).",
            type=type_id,
            like=", ".join(self.like(words)) or ", ".join(one for one in self.types if "." not in one),
        )

    def like(self, words: str) -> list[str]:
        """Ids of the types whose id, title or spelling is most like the words, the likest first; at most three."""
        said = {**self._spellings, **{fold(one.rpartition(".")[2]): one for one in self.types if "." in one}}
        alike = get_close_matches(fold(words), said, n=9, cutoff=0.6)
        alike += get_close_matches(fold(words.rpartition(".")[2]), said, n=9, cutoff=0.6)
        return list(dict.fromkeys(said[one] for one in alike))[:3]

    def family(self, type_id: str) -> list[str]:
        """Known ids of the type and all below it."""
        return [name for name in self.types if name == type_id or name.startswith(f"{type_id}.")]


def ancestors(type_id: str) -> Iterator[str]:
    """The ids above a type, the nearest first: a.b.c -> a.b, a."""
    while type_id := type_id.rpartition(".")[0]:
        yield type_id


def event_types(settings: Settings | None = None) -> EventTypes:
    """The built-in tree, with the types of the setting `event_types` added to it or put in the place of its own.

    Raises BadInput when that file cannot be read or says something that cannot be.
    """
    return read_event_types(Path(settings.event_types) if settings and settings.event_types else None)


def read_event_types(own: Path | None = None) -> EventTypes:
    """The built-in tree and a user's file; fields that a type of the user's does not give stay as they were."""
    tree = _content(BUILT_IN)
    if own is not None:
        tree = _merged(tree, _content(own))
    return _built(tree, str(own or BUILT_IN.name))


@cache
def built_in_types() -> EventTypes:
    """The built-in tree alone."""
    return read_event_types()


def _content(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadInput(
            "event_types_unreadable",
            "The event types in {file} cannot be read ({reason}).",
            file=str(file),
            reason=str(getattr(error, "strerror", None) or error).splitlines()[0].rstrip("."),
        ) from None


def _merged(ours: dict[str, Any], theirs: dict[str, Any]) -> dict[str, Any]:
    whole = dict(ours)
    for name, value in theirs.items():
        both = isinstance(value, dict) and isinstance(whole.get(name), dict)
        whole[name] = _merged(whole[name], value) if both else value
    return whole


def _built(tree: dict[str, Any], file: str) -> EventTypes:
    tree = dict(tree)
    default = EventType("", **_checked("default", tree.pop("default", {}), file))
    found: dict[str, EventType] = {}

    def grow(branch: dict[str, Any], above: EventType) -> None:
        for name, node in branch.items():
            path = f"{above.id}.{name}".lstrip(".")
            if not isinstance(node, dict):
                raise _wrong(file, path, name)
            own = _checked(path, {key: value for key, value in node.items() if not isinstance(value, dict)}, file)
            bare = replace(above, id=path, title_ru="", title_en="", spellings=(), evidence="")
            found[path] = replace(bare, **own)
            grow({key: value for key, value in node.items() if isinstance(value, dict)}, found[path])

    grow(tree, default)
    spellings: dict[str, str] = {}
    for kind in found.values():
        for words in (kind.id, kind.title_ru, kind.title_en, *kind.spellings):
            if words:
                spellings.setdefault(fold(words), kind.id)
    return EventTypes(found, default, spellings)


def _checked(path: str, given: dict[str, Any], file: str) -> dict[str, Any]:
    wanted = {item.name: type(item.default) for item in fields(EventType) if item.name not in ("id", "known")}
    own: dict[str, Any] = {}
    for name, value in given.items():
        typed = tuple(value) if isinstance(value, list) else value
        right = name in wanted and type(typed) is wanted[name]
        if right and isinstance(typed, tuple):
            right = all(isinstance(item, str) for item in typed)
        if right and isinstance(typed, int):
            right = -1 <= typed <= 1 if name in ("sign", "almanac") else 0 <= typed <= MOST_DAYS
        if not right:
            raise _wrong(file, path, name)
        own[name] = typed
    return own


def _wrong(file: str, path: str, name: str) -> BadInput:
    return BadInput(
        "event_types_field",
        "{file}: the type {type} cannot have {name} as it is given; see data/reference/event_types.toml.",
        file=file,
        type=path,
        name=name,
    )
