"""Personal data in free text: what is taken for a name, a phone, an e-mail or an address, and masked.

Rules, not a model: they take too much rather than too little, and a rare name written alone gets through. DuckDB's
regular expressions know neither look-around nor where a Russian word ends, so each rule keeps its neighbours in groups.
"""

from __future__ import annotations

from analytics.sql import literal

MASK = "…"
BEFORE, AFTER = r"(^|[^\p{L}\d])", r"([^\p{L}]|$)"
# First names, by how they are declined. They decide that capitals beside them are a name too.
MALE = (
    "александр антон артём артем артур богдан борис вадим валентин виктор владимир владислав всеволод вячеслав "
    "герман глеб даниил денис егор иван ильдар ильнур камиль кирилл константин леонид максим марат мирон "
    "михаил олег рамиль ренат ринат роман руслан рустам святослав семён семен станислав степан тимур фёдор федор "
    "давид филипп эдуард эльдар эмиль ярослав пётр"
)
MALE_SOFT = (
    "алексе анатоли андре аркади арсени валери васили виталии витали геннади георги григори дмитри евгени матве "
    "никола савели серге тимофе юри"
)
FEMALE = (
    "алевтин алин алис алл анжелик ангелин анн антонин арин валентин варвар вер вероник галин гульнар дарин диан "
    "динар екатерин елен елизавет жанн зинаид злат инн ирин камилл карин кир кристин ларис людмил маргарит марин "
    "милан надежд нин оксан ольг полин раис римм светлан снежан тамар таисий татьян ульян эльвир элин юлиан ян ален "
    "алён"
)
FEMALE_SOFT = (
    "анастаси виктори дарь евгени евдоки зо зульфи клавди ксени лиди лили мари май натали наталь олес пелаге софи софь "
    "таиси эмили юли иль"
)
ENGLISH = (
    "James John Robert Michael William David Richard Joseph Thomas Charles Christopher Daniel Matthew Anthony Steven "
    "Andrew Joshua Kevin Brian George Edward Ronald Timothy Jason Jeffrey Ryan Jacob Gary Nicholas Eric Jonathan "
    "Stephen Larry Justin Scott Brandon Benjamin Samuel Gregory Frank Alexander Raymond Patrick Jack Dennis Jerry Jose "
    "Carlos Juan Luis Mary Patricia Jennifer Linda Elizabeth Barbara Susan Jessica Sarah Karen Lisa Nancy Betty Sandra "
    "Margaret Ashley Kimberly Emily Donna Michelle Carol Amanda Melissa Deborah Stephanie Rebecca Sharon Laura Cynthia "
    "Kathleen Amy Angela Anna Emma Nicole Helen Samantha Katherine Christine Debra Rachel Carolyn Janet Catherine "
    "Maria Heather"
)


def _any(words: str) -> str:
    return "(?:" + "|".join(words.split()) + ")"


FIRST = (
    rf"(?i:{_any(MALE)}(?:а|у|ом|е)?|петр(?:а|у|ом|е)?|{_any(MALE_SOFT)}(?:й|я|ю|ем|е|и)|игор(?:ь|я|ю|ем|е)|"
    rf"{_any(FEMALE)}(?:а|ы|и|у|е|ой|ою)|{_any(FEMALE_SOFT)}(?:я|и|ю|е|ей|ёй)|никит(?:а|ы|у|е|ой)|любовь(?:ю)?|айгуль)"
)
WORD = r"(?:\p{Lu}[\p{Ll}]+(?:-\p{Lu}\p{Ll}+)?|\p{Lu}{2,})"
SURNAME = r"(?i:[а-яё]{2,}(?:ов|ев|ёв|ин|ын|ск|цк|енко|ук|юк|ян|швили|дзе|ко)(?:а|у|ым|ой|е|ий|ая|ого|ому|им|ую)?)"
PATRONYMIC = (
    r"(?:[А-ЯЁ][а-яё]+(?:ович|евич|ьич)(?:а|у|ем|е)?|[А-ЯЁ]{2,}(?:ОВИЧ|ЕВИЧ|ЬИЧ)(?:А|У|ЕМ|Е)?|"
    r"[А-ЯЁ][а-яё]+(?:овн|евн|иничн|китичн)(?:а|ы|у|е|ой|ою)|[А-ЯЁ]{2,}(?:ОВН|ЕВН|ИНИЧН|КИТИЧН)(?:А|Ы|У|Е|ОЙ|ОЮ)|"
    r"(?:оглы|кызы))"
)
INITIALS = r"[А-ЯЁA-Z]\.\s?(?:[А-ЯЁA-Z]\.)?"
NEAR = rf"(?:{WORD}|{SURNAME}|(?i:[а-яё]+(?:вич|вн)(?:а|у|ы|е|ем|ой)?))"
NAMES = (
    rf"{BEFORE}(?:{NEAR}\s+)?{FIRST}(?:\s+{NEAR}){{0,2}}{AFTER}",
    rf"{BEFORE}(?:{WORD}\s+){{0,3}}{PATRONYMIC}(?:\s+{WORD})?{AFTER}",
    rf"{BEFORE}{WORD}\s+{INITIALS}()",
    rf"{BEFORE}{INITIALS}\s?{WORD}{AFTER}",
    rf"{BEFORE}(?i:гр\.|гражданин(?:а|у|ом|е)?|гражданк(?:а|и|у|е|ой)|господин(?:а|у|ом)?|госпож(?:а|и|у|е|ой)|зовут|"
    rf"фамилия|ф\.\s?и\.\s?о\.?|фио|mr|mrs|ms|miss|name is)[\s.:]+{WORD}(?:\s+{WORD}){{0,2}}{AFTER}",
    rf"{BEFORE}{_any(ENGLISH)}(?:\s+(?:[A-Z]\.\s+)?[A-Z][a-z]+){{0,2}}{AFTER}",
)
STREET = (
    r"(?i:улиц(?:а|ы|е|у|ей)|ул|проспект(?:а|у|е)?|просп|пр-?к?т|проезд(?:а|у|е)?|пр-?зд|переул(?:ок|ка|ку|ке)|пер|шоссе|"
    r"ш|бульвар(?:а|у|е)?|б-р|набережн(?:ая|ой|ую)|наб|площад(?:ь|и)|пл|микрорайон(?:а|е)?|мкр-н|мкр|тупик(?:а|е)?|"
    r"алле(?:я|и|е))"
)
PART = (
    r"(?i:д\.|дом(?:а|у|е)?|корп\.?|корпус(?:а|е)?|стр\.|строени(?:е|я|и)|кв\.?|квартир(?:а|ы|е|у)|оф\.|офис(?:а|е)?|"
    r"под\.|подъезд(?:а|е)?)"
)
NUMBER = r"№?\s*\d+(?:[а-яА-Я]|[a-zA-Z])?(?:[/-]\d+[а-яА-Я]?)?"
HOUSE = rf"(?:[\s,]*(?:{PART}\s*)?{NUMBER})"
NAME = r"(?:\d+(?:\s+|-\p{Ll}+\s+)?(?:лет\s+|летия\s+)?)?\p{Lu}[\p{L}.-]*(?:\s+\p{Lu}[\p{L}.-]*){0,2}"
WAY = (
    r"(?i:street|st|avenue|ave|road|rd|boulevard|blvd|drive|dr|lane|ln|court|ct|place|pl|way|parkway|pkwy|terrace|ter|"
    r"highway|hwy)"
)
FLAT = r"(?i:apt|apartment|unit|suite|ste)"
ADDRESSES = (
    rf"{BEFORE}{STREET}(?:\.\s*|\s+)(?:{NAME}{HOUSE}{{0,4}}|[\p{{L}}-]+(?:\s+[\p{{L}}-]+)?{HOUSE}{{1,4}}){AFTER}",
    rf"{BEFORE}[\p{{L}}-]+\s+{STREET}\.?{HOUSE}{{1,4}}{AFTER}",
    rf"{BEFORE}{PART}\s*{NUMBER}{AFTER}",
    rf"{BEFORE}(?:\p{{Lu}}\p{{Ll}}+(?:ова|ева|ёва|ина|ына|ого|ой|ая|ых|их|ей|ы)|Мира|Октября|Космонавтов){HOUSE}{{1,4}}{AFTER}",
    rf"{BEFORE}\d{{1,5}}\s+(?:[NSEW]\.?\s+)?(?:(?:[A-Z][A-Za-z]+|\d+(?:st|nd|rd|th))\s+){{1,3}}{WAY}\.?"
    rf"(?:,?\s*(?:{FLAT}\.?|#)\s*#?\w+)?{AFTER}",
    rf"{BEFORE}{FLAT}\.?\s*#?\s*\d+\w*{AFTER}",
)
CONTACTS = (
    r"()[^\s@]+@[^\s@]+\.[\p{L}\d-]+()",
    r"()(?:(?:https?://|www\.|(?:vk\.com|t\.me|ok\.ru)/)\S*[\p{L}\d/]|@\w+|\[(?:club|id|public)\d+\|[^\]]*\])()",
    r"()\+?\d[\d\s()-]{6,}\d()",  # also passports, cards, accounts
    r"()\+?[78]?[\s.(]*\d{3}[\s.)]+\d{3}[\s.-]\d{2}[\s.-]?\d{2}()",
    r"(^|[^\d-])\d{1,3}-\d{2}-\d{2}([^\d-]|$)",
)


def masked(text: str, sender: str) -> str:
    """The SQL of a text without personal data: `text` and `sender` (who wrote it) are SQL expressions.

    The words of the sender go first: they are names even where no rule knows them.
    """
    words = f"list_filter(string_split({sender}, ' '), lambda word: length(word) > 2)"
    found = f"coalesce(list_reduce({words}, lambda rest, word: replace(rest, word, '{MASK}'), {text}), {text})"
    for pattern in (*CONTACTS, *(2 * ADDRESSES), *(2 * NAMES)):  # twice: neighbours share the sign between them
        found = f"regexp_replace({found}, {literal(pattern)}, '\\1{MASK}\\2', 'g')"
    return f"regexp_replace({found}, '{MASK}(?:[\\s,.]*{MASK})+', '{MASK}', 'g')"
