"""Every word the reader sees, in their language: gettext catalogues for sentences, Babel for numbers and dates."""

from __future__ import annotations

import csv
import gettext
import io
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path

from babel.dates import format_date, format_datetime
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal, format_percent

from analytics.errors import BadInput

ROOT = Path(__file__).resolve().parents[2]
LOCALES = {"ru": "ru_RU", "en": "en_GB"}  # British: a day before its month, as in Russian
LANGUAGE_NAMES = {"ru": "Русский", "en": "English"}
REFERENCE = {  # meaning -> file of data/reference, its Russian and its English column
    "region": ("ru_regions.csv", "name_ru", "name_en"),
    "topic_group": ("topic_groups_ru.csv", "topic_group_ru", "topic_group_en"),
    "topic": ("topics_ru.csv", "topic_ru", "topic_en"),
    "channel": ("channels_ru.csv", "channel_ru", "channel_en"),
}
CODED = ("kind", "status")  # meanings whose values are codes; their names are in the catalogue
GENERIC = re.compile(
    r"(городской округ|муниципальный округ|муниципальный район|городское поселение|район|город)\b", re.I
)
PERCENT = {"ru": "\N{NO-BREAK SPACE}%", "en": "%"}
MINUS = "\N{MINUS SIGN}"


def language_of(locale: str | None) -> str:
    """The catalogue for a browser's locale: Russian for ru and its relatives in the browser's list, else English."""
    return "ru" if (locale or "").lower().split("-")[0] == "ru" else "en"


@dataclass(frozen=True)
class Text:
    """The words of one language. `text("overview.title")` is the sentence of that key."""

    language: str

    @property
    def locale(self) -> str:
        """The Babel locale: decides the look of numbers and dates."""
        return LOCALES[self.language]

    def __call__(self, key: str, /, n: int | None = None, **values: object) -> str:
        """The sentence of `key` with its `{values}` filled in; `n` chooses the plural form and fills `{n}`.

        Numbers and dates are written as the language does. An unknown key is returned as it is.
        """
        catalogue = _catalogue(self.language)
        if n is None:
            sentence = catalogue.gettext(key)
        else:
            sentence = catalogue.ngettext(key, key, n)
            values["n"] = n
        return sentence.format_map({name: self.written(value) for name, value in values.items()})

    def all_keys(self) -> list[str]:
        """The keys of all sentences, in the order of the catalogue."""
        return list(_keys(self.language))

    def has(self, key: str) -> bool:
        """Is there a sentence of this key?"""
        return _catalogue(self.language).gettext(key) != key

    def of(self, family: str, value: object, /, n: int | None = None, **values: object) -> str:
        """The sentence of a coded value: `of("state", "loaded")` is that of the key `state.loaded`."""
        return self(f"{family}.{value}", n=n, **values)

    def written(self, value: object) -> str:
        """A number or a date as the language writes it; anything else as it is."""
        if isinstance(value, bool) or value is None:
            return str(value)
        if isinstance(value, datetime):
            return self.time(value)
        if isinstance(value, date):
            return self.day(value)
        return self.number(value) if isinstance(value, (int, float)) else str(value)

    def number(self, value: float, digits: int = 0) -> str:
        """A count or a measure, thousands set apart, at most `digits` decimals."""
        return _decimal(round(value, digits), digits, self.locale)

    def quoted(self, words: str) -> str:
        """In the language's quotation marks."""
        return f"«{words}»" if self.language == "ru" else f"“{words}”"

    @property
    def separators(self) -> str:
        """The decimal mark and the thousands mark, as Plotly wants them."""
        sample = format_decimal(1234.5, locale=self.locale)
        return sample[-2] + sample[1]

    def percent(self, share: float, digits: int = 0) -> str:
        """A share of 1 as per cent, with at most `digits` decimals."""
        pattern = "#,##0." + "#" * digits + PERCENT[self.language]
        share = round(share, digits + 2)
        return (MINUS if share < 0 else "") + format_percent(abs(share), format=pattern, locale=self.locale)

    def chance(self, probability: float) -> str:
        """A probability as per cent; nothing that can happen is told as 0 %, nothing that can fail as 100 %."""
        if probability < 0.005:
            return "<" + self.percent(0.01)
        return ">" + self.percent(0.99) if probability > 0.995 else self.percent(probability)

    def change(self, ratio: float) -> str:
        """A ratio as a signed change: 1.18 is "+18 %"; from fourfold on "×4.2"."""
        if ratio >= 4:
            return "×" + self.number(ratio, 1 if ratio < 10 else 0)
        share = round(ratio - 1, 2)
        sign = "+" if share > 0 else MINUS if share < 0 else ""
        return sign + self.percent(abs(share))

    def signed(self, value: float, digits: int = 0) -> str:
        """A difference with its sign; none where it rounds to nothing."""
        value = round(value, digits)
        return ("+" if value > 0 else MINUS if value < 0 else "") + self.number(abs(value), digits)

    def day(self, day: date, form: str = "long") -> str:
        """A day: long "23 November 2026", short "23 Nov", weekday "Mon, 23 Nov", numeric "23.11.2026"."""
        patterns = {"long": "d MMMM y", "short": "d MMM", "weekday": "EEE, d MMM y", "month": "LLL y"}
        return format_date(day, patterns.get(form, form), locale=self.locale)

    def period(self, first: date, last: date) -> str:
        """A stretch of days, without saying the year or the month twice."""
        if first == last:
            return self.day(last)
        if (first.year, first.month) == (last.year, last.month):
            return f"{first.day}–{self.day(last)}"
        return f"{self.day(first, 'd MMMM' if first.year == last.year else 'long')} – {self.day(last)}"

    def time(self, moment: datetime) -> str:
        """A moment to the minute."""
        return format_datetime(moment, "d MMM y, HH:mm", locale=self.locale)

    def name(self, meaning: str, value: object) -> str:
        """The name of a region, topic group, topic, channel, kind … in the reader's language, else as it is stored."""
        if value is None or value == "" or (isinstance(value, float) and math.isnan(value)):
            return self("name.unknown")
        if meaning in CODED:
            key = f"{meaning}.{value}"
            return self(key) if self.has(key) else str(value)
        return str(value) if self.language == "ru" else english_names(meaning).get(str(value), str(value))

    def listed(self, names: Sequence[str], most: int, *, apart: str = ", ") -> str:
        """The names, at most so many of them, and how many more there are."""
        told = apart.join(names[:most])
        return self("name.more", n=len(names) - most, names=told) if len(names) > most else told

    def abbreviation(self, region: str) -> str:
        """A region in three or four letters, for a tile; of an unknown one the beginning of its name."""
        short = abbreviations(self.language).get(region)
        return short or (region if len(region) <= 9 else region[:8].rstrip(" ,.–-") + "…")

    def short_place(self, municipality: str) -> str:
        """A municipality without the words that many have in their names, for a tile."""
        name = self.name("municipality", municipality)
        short = GENERIC.sub("", name).strip(" «»\"'")
        return re.sub(r"\s+", " ", short.replace("« ", "«")) or name

    def error(self, error: BadInput) -> str:
        """What is wrong with the input, in one sentence; English where the catalogue does not know its code."""
        key = f"error.{error.code}"
        if not self.has(key):
            return str(error)
        try:
            return self(key, n=None, **error.values)
        except (KeyError, IndexError, ValueError):
            return str(error)


def plain(value: object) -> str:
    """Text of the data as Markdown that shows it unchanged."""
    return re.sub(r"([\\`*_{}\[\]()<>#+\-.!|~$:])", r"\\\1", str(value))


@lru_cache
def english_names(meaning: str) -> dict[str, str]:
    """Russian name -> English name of a meaning, from data/reference; empty when there is no such list."""
    file, russian, english = REFERENCE.get(meaning, ("", "", ""))
    path = ROOT / "data" / "reference" / file
    if not path.is_file():
        return {}
    with path.open(encoding="utf-8", newline="") as lines:
        return {row[russian]: row[english] for row in csv.DictReader(lines) if row[english]}


@lru_cache(maxsize=10_000)  # Babel takes a third of a millisecond for each, and a page says hundreds
def _decimal(value: float, digits: int, locale: str) -> str:
    return format_decimal(value, format="#,##0." + "#" * digits, locale=locale)


@lru_cache
def abbreviations(language: str) -> dict[str, str]:
    """Russian name of a region -> its abbreviation: Russian letters, or those of ISO 3166-2."""
    path = ROOT / "data" / "reference" / REFERENCE["region"][0]
    with path.open(encoding="utf-8", newline="") as lines:
        rows = csv.DictReader(lines)
        return {row["name_ru"]: row["abbr_ru"] if language == "ru" else row["iso"][3:] for row in rows}


@lru_cache
def _keys(language: str) -> tuple[str, ...]:
    with _file(language).open("rb") as file:
        ids = [message.id for message in read_po(file, locale=language) if message.id]
    return tuple(str(one[0] if isinstance(one, (tuple, list)) else one) for one in ids)


def _file(language: str) -> Path:
    return ROOT / "locales" / language / "LC_MESSAGES" / "forerunner.po"


@lru_cache
def _catalogue(language: str) -> gettext.GNUTranslations:
    """The .po file of a language, made ready in memory, so that no compiled file can be stale."""
    with _file(language).open("rb") as file:
        catalogue = read_po(file, locale=language, abort_invalid=True)
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)
