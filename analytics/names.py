"""Names as exports spell them -> names as we keep them: places, topics, channels."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import cache

from analytics.presets import fold

ABBREVIATIONS = {  # whole words, after folding
    "г о": "городской округ",
    "го": "городской округ",
    "м о": "муниципальный округ",
    "мо": "муниципальный округ",
    "м р": "муниципальный район",
    "мр": "муниципальный район",
    "р н": "район",
    "рн": "район",
    "обл": "область",
    "респ": "республика",
    "г": "город",
    "гор": "город",
    "ао": "автономный округ",
    "пос": "поселение",
    "с п": "сельское поселение",
    "г п": "городское поселение",
    "st": "saint",
    "obl": "oblast",
    "rep": "republic",
}
DISTRICTS = ("муниципальный район", "район")
CITIES: tuple[str, ...] = ("городской округ", "муниципальный округ", "городское поселение", "сельское поселение")
CITIES += ("муниципальное образование", "закрытое административно территориальное образование", "город")
KINDS_OF_REGION: tuple[str, ...] = ("область", "край", "республика", "автономный округ", "автономная область", "город")
KINDS_OF_REGION += (
    "oblast",
    "krai",
    "kray",
    "republic",
    "of",
    "the",
    "autonomous",
    "okrug",
    "city",
    "region",
    "federal",
)
REGION_SPELLINGS = {  # everyday spellings that share no word with the reference list
    "хмао": "RU-KHM",
    "хмао югра": "RU-KHM",
    "югра": "RU-KHM",
    "янао": "RU-YAN",
    "еао": "RU-YEV",
    "кбр": "RU-KB",
    "кчр": "RU-KC",
    "рсо алания": "RU-SE",
    "осетия": "RU-SE",
    "чечня": "RU-CE",
    "удмуртия": "RU-UD",
    "кабардино балкария": "RU-KB",
    "карачаево черкесия": "RU-KC",
    "якутия": "RU-SA",
    "тува": "RU-TY",
    "тыва": "RU-TY",
    "питер": "RU-SPE",
    "спб": "RU-SPE",
    "кузбасс": "RU-KEM",
    "чувашия": "RU-CU",
    "yakutia": "RU-SA",
    "sakha": "RU-SA",
    "tuva": "RU-TY",
    "moskva": "RU-MOW",
    "petersburg": "RU-SPE",
    "sankt peterburg": "RU-SPE",
}


def tidy(name: str) -> str:
    """A name without stars, doubled spaces and stray quotes at its ends."""
    return " ".join(name.replace("★", " ").replace("\u00a0", " ").split()).strip(" ;,")


@cache
def spelled_out(name: str) -> str:
    """A folded name with its abbreviations written in full."""
    text = f" {fold(name)} "
    for short, full in ABBREVIATIONS.items():
        text = text.replace(f" {short} ", f" {full} ")
    return " ".join(text.split())


@cache
def core(name: str, kinds: tuple[str, ...]) -> str:
    """A name without the words for what kind of place it is: «городской округ "Город Калуга"» -> калуга."""
    text = f" {spelled_out(name)} "
    for kind in kinds:
        text = text.replace(f" {kind} ", " ")
    return " ".join(text.split()) or spelled_out(name)


def match_regions(
    names: Iterable[str], reference: Iterable[tuple[str, str, str]], aliases: Mapping[str, str]
) -> dict[str, str | None]:
    """Each name -> the reference's name, or None where nothing matches it.

    `reference` holds (code, Russian name, English name), `aliases` the user's folded spelling -> name.
    """
    exact: dict[str, str] = {}
    cores: dict[str, set[str]] = defaultdict(set)
    codes = {}
    for code, russian, english in reference:
        codes[code] = russian
        for spelling in (russian, english, code):
            exact[spelled_out(spelling)] = russian
            cores[core(spelling, KINDS_OF_REGION)].add(russian)
        for part in re.split(r"[—()–/]", f"{russian}/{english}"):
            if part.strip():
                cores[core(part, KINDS_OF_REGION)].add(russian)
    exact |= {spelling: codes[code] for spelling, code in REGION_SPELLINGS.items() if code in codes}

    def one(name: str) -> str | None:
        folded = spelled_out(name)
        if fold(name) in aliases:
            return aliases[fold(name)]
        if folded in exact:
            return exact[folded]
        candidates = cores.get(core(name, KINDS_OF_REGION), set())
        return next(iter(candidates)) if len(candidates) == 1 else None

    return {name: one(name) for name in names}


def match_municipalities(
    counted: Mapping[tuple[str | None, str], int],
    known: Iterable[tuple[str | None, str]],
    aliases: Mapping[tuple[str | None, str], str],
) -> dict[tuple[str | None, str], tuple[str, bool]]:
    """Each (region, name) -> (the name we keep, was it known).

    Known names win; spellings of one place within the file are drawn together to the commonest. A bare name
    goes with the one place that has its core; a district and a city that share a core («Кировский район»,
    «городской округ Кировский») stay apart.
    """
    kept: dict[tuple[str | None, str, str], str] = {}
    known_places = set()
    for region, name in known:
        place = (region, *_kind_and_core(name))
        kept.setdefault(place, name)
        known_places.add(place)
    for region, name in sorted(counted, key=lambda key: _preference(key[1], counted[key])):
        kept.setdefault((region, *_kind_and_core(name)), tidy(name))

    def one(region: str | None, name: str) -> tuple[str, bool]:
        for place in ((region, fold(name)), (None, fold(name))):
            if place in aliases:
                return aliases[place], True
        kind, bare = _kind_and_core(name)
        family = [other for other in ("", "city", "district") if (region, other, bare) in kept]
        if kind == "" or family == ["", kind]:  # a bare name and one full name: the same place
            full = [other for other in family if other]
            known_first = [other for other in family if (region, other, bare) in known_places]
            if len(full) == 1:
                kind = (known_first or full)[0]
        return kept[region, kind, bare], (region, kind, bare) in known_places

    return {(region, name): one(region, name) for region, name in counted}


@cache
def _kind_and_core(name: str) -> tuple[str, str]:
    """('district' | 'city' | '' where the name does not say, the name without those words)."""
    words = f" {spelled_out(name)} "
    kind = next(
        (kind for kind, names in (("district", DISTRICTS), ("city", CITIES)) for word in names if f" {word} " in words),
        "",
    )
    return kind, core(name, CITIES + DISTRICTS)


def match_words(
    counted: Mapping[str, int], known: Iterable[str], aliases: Mapping[str, str]
) -> dict[str, tuple[str, bool]]:
    """Each name -> (the name we keep, was it known): twins in case, ё, stars or spaces become one.

    Known names win, then the commonest spelling of the file.
    """
    kept: dict[str, str] = {}
    known_folds = set()
    for name in known:
        kept.setdefault(fold(name), name)
        known_folds.add(fold(name))
    for name in sorted(counted, key=lambda name: _preference(name, counted[name])):
        kept.setdefault(fold(name), tidy(name))
    return {
        name: (aliases.get(fold(name), kept[fold(name)]), fold(name) in known_folds or fold(name) in aliases)
        for name in counted
    }


def _preference(name: str, rows: int) -> tuple[int, bool, bool, str]:
    """Of the spellings of one name: the commonest, then one written in full and not in capitals."""
    return -rows, spelled_out(name) != fold(name), name.isupper() or name.islower(), name
