"""Every word in every language: the catalogues against the code, numbers, dates and plurals."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from itertools import product
from pathlib import Path
from string import Formatter

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po

from analytics import presets
from analytics.errors import BadInput
from analytics.filters import COMPARISONS
from analytics.overview import IS_RISING_BAD
from analytics.own_tables import SHAPES
from analytics.selected_forecast import QUALITIES
from pages.shared import definitions
from pages.shared.charts import STATES
from pages.shared.choosing import KINDS, LISTS, PERIODS
from pages.shared.coming import ICONS
from pages.shared.frame import PAGES
from pages.shared.own_settings import KINDS as OWN_KINDS
from pages.shared.signal_cards import SAID
from pages.shared.text import LANGUAGE_NAMES, LOCALES, Text, language_of, plain

ROOT = Path(__file__).resolve().parent.parent
SOURCES = [ROOT / "app.py", *sorted((ROOT / "pages").rglob("*.py"))]
OWN_REASONS = ("no_number", "not_whole", "no_day", "no_name", "no_region", "unknown_kind", "repeated")
FAMILIES: dict[str, Iterable[str]] = {  # the values that a key made at run time can end with
    "page": (*PAGES, "definitions"),
    "period": PERIODS,
    "kind": KINDS,
    "quality": QUALITIES,
    "measure": IS_RISING_BAD,
    "definition": definitions.MEASURES,
    "term": definitions.TERMS,
    "meant": definitions.TERMS,
    "unknown": ("no_deadlines", "not_known", "too_early", "no_complaints", "after_last_full_day"),
    "certainty": ("almost_certain", "very_likely", "likely", "unsure"),
    "state": STATES,
    "meaning": presets.MEANINGS,
    "import_status": ("in_force", "undone"),
    "notice": ("region", "municipality", "topic_group", "status", "kind", "unreadable_characters"),
    "setting": ("home_region", "budget", "language"),
    "setting_default": ("home_region", "budget", "language"),
    "setting_help": ("home_region", "budget", "language"),
    "own_about": OWN_KINDS,
    "own_done": OWN_KINDS,
    "own_file": SHAPES,
    "own_reason": (*OWN_REASONS, "wrong_number_of_columns", "broken_quote", "line_too_long", "unreadable_json"),
    "heat_table": OWN_KINDS,
    "likely": ("very", "likely", "maybe"),
    "feedback": SAID,
    "thing": ICONS,
    "filters": [*LISTS, *(f"any_{name}" for name in LISTS), *(f"many_{name}" for name in LISTS)],
}


def catalogue(language: str) -> Catalog:
    with (ROOT / "locales" / language / "LC_MESSAGES" / "forerunner.po").open("rb") as file:
        return read_po(file, locale=language, abort_invalid=True)


def messages(language: str) -> dict[str, Message]:
    found = {}
    for message in catalogue(language):
        if message.id:
            found[message.id if isinstance(message.id, str) else message.id[0]] = message
    return found


def forms(message: Message) -> tuple[str, ...]:
    return (message.string,) if isinstance(message.string, str) else tuple(message.string or ())


def placeholders(*sentences: str) -> set[str]:
    return {name for sentence in sentences for _, name, _, _ in Formatter().parse(sentence) if name}


def pattern(node: ast.expr) -> str | None:
    """A key in the code as a regular expression: what is filled in at run time may be any word."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return re.escape(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(
            re.escape(str(part.value)) if isinstance(part, ast.Constant) else r"[a-z_0-9]+" for part in node.values
        )
    return None


def keys_in_code() -> Iterator[tuple[str, bool]]:
    """Patterns of the keys that the pages ask for, and whether each is one whole key."""
    for source in SOURCES:
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and KEY.fullmatch(node.value):
                yield re.escape(node.value), True
            if not isinstance(node, ast.Call) or not node.args:
                continue
            named = ast.unparse(node.func).split(".")
            if named[-1] == "of" and (family := pattern(node.args[0])):
                value = pattern(node.args[1])
                yield family + r"\." + (value or r"[a-z_0-9]+"), isinstance(node.args[1], ast.Constant)
            elif named[-1] in ("text", "self") and (key := pattern(node.args[0])):
                yield key, isinstance(node.args[0], ast.Constant)
            elif named[-1] in ("chart", "note") and (key := pattern(node.args[0])):
                yield key + r"\.(title|help|alt|none)", False


# Text in the code that looks like a key (and is neither a file nor the constant part of a longer key).
KEY = re.compile(
    "(" + "|".join(sorted({key.split(".")[0] for key in messages("en")})) + r")\.(?!py$|svg$|css$)[a-z_0-9]*[a-z0-9]"
)


def errors_in_code() -> dict[str, set[str]]:
    """Each code of BadInput -> the values that come with it."""
    found: dict[str, set[str]] = {}
    for source in (ROOT / "analytics").rglob("*.py"):
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("BadInput") and len(node.args) >= 2:
                code = str(ast.literal_eval(node.args[0]))
                found.setdefault(code, set()).update(str(keyword.arg) for keyword in node.keywords)
    return found


def sentences_of_headline() -> set[str]:
    """The keys of the sentences that analytics.explain makes."""
    found = set()
    for node in ast.walk(ast.parse((ROOT / "analytics" / "explain.py").read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith("mover_"):
            found.add(node.value)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "Sentence":
            key = node.args[0]
            if isinstance(key, ast.Constant):
                found.add(str(key.value))
            elif isinstance(key, ast.JoinedStr):
                told = sum(isinstance(part, ast.FormattedValue) for part in key.values) > 1  # what it is compared with
                ways = product(("rose", "fell", "same"), COMPARISONS[1:]) if told else (("rose",), ("fell",))
                found |= {"".join(_parts(key, way)) for way in ways}
    return found


def _parts(key: ast.JoinedStr, ways: tuple[str, ...]) -> Iterator[str]:
    left = iter(ways)
    for part in key.values:
        yield str(part.value) if isinstance(part, ast.Constant) else next(left)


@pytest.mark.parametrize("language", LOCALES)
def test_the_catalogue_has_every_entry_that_the_pages_ask_for(language: str) -> None:
    whole = {re.sub(r"\\(.)", r"\1", key) for key, is_whole in keys_in_code() if is_whole}
    assert len(whole) > 60
    made = {f"{family}.{value}" for family, values in FAMILIES.items() for value in values}
    made |= {f"headline.{key}" for key in sentences_of_headline()}
    assert (whole | made) - set(messages(language)) == set()


@pytest.mark.parametrize("language", LOCALES)
def test_the_catalogue_has_no_entry_that_nobody_asks_for(language: str) -> None:
    patterns = [re.compile(key) for key, _ in keys_in_code()]
    unused = {key for key in messages(language) if not any(known.fullmatch(key) for known in patterns)}
    unused -= {f"error.{code}" for code in errors_in_code()}
    assert unused == set()
    allowed = {family: set(values) for family, values in FAMILIES.items() if family != "filters"}
    allowed["headline"] = sentences_of_headline()
    strangers = {
        key
        for key in messages(language)
        for family, _, value in [key.partition(".")]
        if value not in allowed.get(family, {value})
    }
    assert strangers == set()


def test_both_languages_have_the_same_entries_with_the_same_placeholders() -> None:
    russian, english = messages("ru"), messages("en")
    coded = {f"error.{code}" for code in errors_in_code()}
    assert set(russian) - coded == set(english)
    different = {key for key in english if placeholders(*forms(russian[key])) != placeholders(*forms(english[key]))}
    assert different == set()


def test_every_bad_input_is_said_in_russian_with_the_same_values() -> None:
    russian = messages("ru")
    said = {code: values for code, values in errors_in_code().items() if f"error.{code}" in russian}
    assert set(errors_in_code()) - set(said) == set()
    assert {code for code, values in said.items() if placeholders(*forms(russian[f"error.{code}"])) != values} == set()


def test_every_bad_input_says_its_values_in_english_beside_the_code() -> None:
    """The English sentence is the one in the code: the English catalogue needs none, and the Russian one must."""
    for source in (ROOT / "analytics").rglob("*.py"):
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("BadInput") and len(node.args) >= 2:
                sentence = str(ast.literal_eval(node.args[1]))
                assert placeholders(sentence) == {keyword.arg for keyword in node.keywords}, sentence
                assert sentence.endswith(".") and ". " not in sentence, sentence


@pytest.mark.parametrize("language", LOCALES)
def test_every_plural_has_all_forms_of_its_language(language: str) -> None:
    found = catalogue(language)
    plurals = [message for message in found if message.pluralizable]
    assert len(plurals) > 10
    for message in plurals:
        assert len(forms(message)) == found.num_plurals == {"ru": 3, "en": 2}[language]
        assert all(forms(message)), message.id


@pytest.mark.parametrize(("n", "russian"), [(1, "1 день"), (3, "3 дня"), (11, "11 дней"), (21, "21 день")])
def test_russian_counts_in_three_forms(n: int, russian: str) -> None:
    assert Text("ru")("unit.days", n=n) == russian


def test_numbers_and_dates_are_written_as_the_language_does() -> None:
    russian, english = Text("ru"), Text("en")
    assert russian.number(1234567.25, 1) == "1\N{NO-BREAK SPACE}234\N{NO-BREAK SPACE}567,2"
    assert english.number(1234567.25, 1) == "1,234,567.2"
    assert russian.percent(0.1234, 1) == "12,3\N{NO-BREAK SPACE}%"
    assert english.percent(0.1234) == "12%"
    assert russian.day(date(2026, 11, 23)) == "23 ноября 2026"
    assert english.day(date(2026, 11, 23)) == "23 November 2026"
    assert english.time(datetime(2026, 11, 23, 9, 5)) == "23 Nov 2026, 09:05"
    assert (russian.separators, english.separators) == (",\N{NO-BREAK SPACE}", ".,")


def test_a_long_list_ends_with_how_many_more_there_are() -> None:
    russian, english = Text("ru"), Text("en")
    assert russian.listed(["Калуга", "Тула", "Рязань"], 2) == "Калуга, Тула и ещё 1"
    assert english.listed(["1 Jan", "7 Jan", "8 Jan"], 1, apart="; ") == "1 Jan and 2 more"
    assert english.listed(["1 Jan", "7 Jan"], 2, apart="; ") == "1 Jan; 7 Jan"


def test_a_period_says_month_and_year_once() -> None:
    english = Text("en")
    assert english.period(date(2026, 11, 17), date(2026, 11, 23)) == "17–23 November 2026"
    assert english.period(date(2026, 10, 28), date(2026, 11, 23)) == "28 October – 23 November 2026"
    assert english.period(date(2025, 12, 30), date(2026, 1, 5)) == "30 December 2025 – 5 January 2026"
    assert english.period(date(2026, 11, 23), date(2026, 11, 23)) == "23 November 2026"


@pytest.mark.parametrize(
    ("ratio", "change"), [(1.18, "+18%"), (0.6, "−40%"), (1.001, "0%"), (4.2, "×4.2"), (12.4, "×12")]
)
def test_a_ratio_is_a_signed_change(ratio: float, change: str) -> None:
    assert Text("en").change(ratio) == change


def test_known_places_and_topics_have_names_in_both_languages() -> None:
    assert Text("en").name("region", "Калужская область") == "Kaluga Oblast"
    assert Text("ru").name("region", "Калужская область") == "Калужская область"
    assert Text("en").name("topic_group", "Дороги") == "Roads"
    assert Text("en").name("topic", "Горячая вода") == "Hot water"
    assert Text("en").name("channel", "ВКонтакте") == "VK"
    assert Text("en").name("municipality", "Боровский район") == "Боровский район"
    assert Text("en").name("kind", "thanks") == "Thanks"
    assert Text("en").name("region", "") == "not stated"


@pytest.mark.parametrize(
    ("locale", "language"), [("ru-RU", "ru"), ("ru", "ru"), ("en-US", "en"), ("de", "en"), (None, "en"), ("run", "en")]
)
def test_the_browser_decides_the_language_at_first(locale: str | None, language: str) -> None:
    assert language_of(locale) == language


def test_every_language_has_a_name_of_its_own() -> None:
    assert set(LANGUAGE_NAMES) == set(LOCALES)


def test_bad_input_is_said_in_the_readers_language_or_else_in_english() -> None:
    known = BadInput("empty_file", "{file} is empty: export it again.", file="a.csv")
    unknown = BadInput("never_heard_of", "{file} is strange.", file="a.csv")
    assert Text("ru").error(known) == "Файл a.csv пуст: выгрузите его ещё раз."
    assert Text("en").error(known) == "a.csv is empty: export it again."
    assert Text("ru").error(unknown) == "a.csv is strange."


def test_bad_input_with_missing_values_falls_back_to_english() -> None:
    assert Text("ru").error(BadInput("empty_file", "It is empty.")) == "It is empty."


def test_names_of_the_data_are_shown_unchanged_by_markdown() -> None:
    assert plain("a*b_[c](d) <e> :red[f]") == r"a\*b\_\[c\]\(d\) \<e\> \:red\[f\]"
