"""An export file -> clean complaints and the rows that were rejected, with reasons."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import pandas as pd

from analytics import names
from analytics.documents import BrokenRow, Document, Staged
from analytics.errors import BadInput
from analytics.presets import MEANINGS, NAMES, NOT_STORED, Mapping, date_formats, fold

FURTHEST_ZONE = timedelta(hours=14)  # somewhere the local clock is as much ahead of UTC
NOTICES_OF_A_KIND = 50
E_MAIL = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+")
PHONE = re.compile(r"\+?\d[\s()-]*(?:\d[\s()-]*){9,}")
IDENTIFIER = re.compile(r"(?=.*\d)[\w./-]{1,40}")
MACROS = """
create or replace temp macro local_time(value, formats, own_zone, zone) as
  case
    when value is null then null
    when regexp_matches(value, '\\d[T ]\\d\\d:\\d\\d.*(Z|[+-]\\d\\d(:?\\d\\d)?)\\s*$')
      then timezone(coalesce(own_zone, zone), try_cast(value as timestamptz))
    else try_strptime(trim(value), formats)
  end;
create or replace temp macro degrees_of(value) as try_cast(replace(trim(value), ',', '.') as double);
create or replace temp macro masked(value) as
  regexp_replace(regexp_replace(regexp_replace(value,
    '[^\\s@]+@[^\\s@]+\\.[^\\s@]+', '…', 'g'),
    '(https?://\\S+|@\\w+|\\[(club|id|public)\\d+\\|[^\\]]*\\])', '…', 'g'),
    '\\+?\\d[\\d\\s()-]{6,}\\d', '…', 'g');
"""
READ = """
select
  record,
  trim(raw.id) as id,
  raw.opened_at as opened_text,
  raw.closed_at as closed_text,
  raw.due_at as due_text,
  local_time(raw.opened_at, $opened_formats, named_region.time_zone, $zone) as opened_at,
  local_time(raw.closed_at, $closed_formats, named_region.time_zone, $zone) as closed_at,
  local_time(raw.due_at, $due_formats, named_region.time_zone, $zone) as due_at,
  local_time(raw.first_answer_at, $formats, named_region.time_zone, $zone) as first_answer_at,
  local_time(raw.export_changed_at, $formats, named_region.time_zone, $zone) as export_changed_at,
  named_status.name as status,
  named_kind.name as kind,
  named_region.name as region,
  named_municipality.name as municipality,
  named_topic_group.name as topic_group,
  named_topic.name as topic,
  named_channel.name as channel,
  named_official_page.name as official_page,
  named_agency.name as agency,
  degrees_of(raw.latitude) as latitude,
  degrees_of(raw.longitude) as longitude,
  left(md5($salt || lower(trim(raw.sender))), 16) as sender_key,
  case when $keep_text then masked(raw.text) end as text
from raw
left join named_region on raw.region = named_region.spelling
left join named_municipality
  on raw.municipality = named_municipality.spelling
  and raw.region is not distinct from named_municipality.region_spelling
left join named_topic_group on raw.topic_group = named_topic_group.spelling
left join named_topic on raw.topic = named_topic.spelling
left join named_channel on raw.channel = named_channel.spelling
left join named_official_page on raw.official_page = named_official_page.spelling
left join named_agency on raw.agency = named_agency.spelling
left join named_status on raw.status = named_status.spelling
left join named_kind on raw.kind = named_kind.spelling
"""
# A closing date without a time of day is midnight: on the opening day it is no contradiction.
CHECKED = f"""
with read as ({READ}),
checked as (
  select
    *,
    closed_at between opened_at and $latest
      or (closed_at = closed_at::date and closed_at::date = opened_at::date) as closed_possible,
    due_at >= opened_at or (due_at = due_at::date and due_at::date = opened_at::date) as due_possible,
    latitude between -90 and 90 and longitude between -180 and 180 and (latitude <> 0 or longitude <> 0) as on_earth
  from read
)
select
  record,
  case
    when id is null and not $without_id then 'no_id'
    when opened_text is null then 'no_opening_date'
    when opened_at is null or opened_at < timestamp '1990-01-01' then 'unreadable_opening_date'
    when opened_at > $latest then 'future_opening_date'
  end as reason,
  (closed_text is not null and closed_possible is not true)
    or (due_text is not null and due_possible is not true) as warned,
  id,
  opened_at,
  case when closed_possible then greatest(closed_at, opened_at) end as closed_at,
  case when due_possible then due_at end as due_at,
  first_answer_at,
  export_changed_at,
  status,
  kind,
  region,
  municipality,
  topic_group,
  topic,
  channel,
  official_page,
  agency,
  -- about 200 m: a place can be told from the next street, a flat cannot be found
  case when on_earth then round(round(latitude / 0.002) * 0.002, 3) end as latitude,
  case when on_earth then round(round(longitude / 0.003) * 0.003, 3) end as longitude,
  sender_key,
  text
from checked
"""
CONTENT = (  # what an export says of a complaint; (source, id) is its key
    *("opened_at", "closed_at", "due_at", "first_answer_at", "export_changed_at", "status", "kind"),
    *("region", "municipality", "topic_group", "topic", "channel", "official_page", "agency"),
    *("latitude", "longitude", "sender_key", "text"),
)


@dataclass
class Export:
    """What an export holds: `rows` is a Parquet file of id and CONTENT, one row for each id (kind may be null)."""

    file: str
    mapping: Mapping
    rows: Path
    read: int
    distinct: int  # rows of `rows`
    rejected: pd.DataFrame  # line, reason, fields
    warnings: int
    notices: list[dict]
    left_out: list[str]
    given: frozenset[str]  # those of CONTENT that the export has


def read_export(
    connection: duckdb.DuckDBPyConnection,
    document: Document,
    mapping: Mapping,
    *,
    folder: Path,
    now: datetime,
    salt: str,
    time_zone: str,
    keep_text: bool = False,
    report: Callable[[float], None] = lambda share: None,
) -> Export:
    """Read `document` with this mapping; every row of it is in the result or among the rejected.

    `connection` sees the store's tables (names already known there are kept); `now` is UTC; `folder` takes
    temporary files. Raises BadInput when the file cannot be read or not one row of it can be used.
    """
    columns = {meaning: column for meaning, column in mapping.columns.items() if meaning != "text" or keep_text}
    staged = document.stage(list(dict.fromkeys(columns.values())), lambda share: report(0.6 * share))
    for statement in MACROS.split(";\n"):
        if statement.strip():
            connection.execute(statement)
    _view_of(connection, staged, columns)
    notices = _name_everything(connection, mapping)
    checked = folder / "checked.parquet"
    zone = mapping.time_zone or time_zone
    connection.execute(
        f"copy ({CHECKED}) to '{_escaped(checked)}' (row_group_size 200000)",
        {
            "latest": now + FURTHEST_ZONE,
            "zone": zone,
            "salt": salt,
            "keep_text": keep_text,
            "without_id": "id" not in columns,
            "formats": list(mapping.dates),
            **{f"{time}_formats": _formats(document, mapping, f"{time}_at") for time in ("opened", "closed", "due")},
        },
    )
    report(0.85)
    rejected = _rejected(connection, document, staged, checked, columns)
    read = staged.rows + len(staged.broken)
    if len(rejected) == read:
        reasons = Counter(rejected["reason"])
        raise BadInput(
            "nothing_usable",
            "Not one of the {rows} rows of {file} can be used (most often: {reason}); check the mapping of its columns.",
            file=document.name,
            rows=read,
            reason=reasons.most_common(1)[0][0].replace("_", " ") if reasons else "no rows",
        )
    rows = _one_row_for_each_id(connection, checked, folder, generate="id" not in columns)
    warnings = connection.execute(
        f"select count(*) from '{_escaped(checked)}' where reason is null and warned"
    ).fetchone()
    distinct = connection.execute(f"select count(*) from '{_escaped(rows)}' where reason is null").fetchone()
    if staged.replaced_characters:
        notices.append({"kind": "unreadable_characters", "value": None, "rows": staged.replaced_characters})
    report(1.0)
    stored = {column for meaning, column in columns.items() if meaning not in NOT_STORED}
    return Export(
        file="/".join(filter(None, (document.file.name, document.layout.member))),
        mapping=mapping,
        rows=rows,
        read=read,
        distinct=distinct[0] if distinct else 0,
        rejected=rejected,
        warnings=warnings[0] if warnings else 0,
        notices=notices,
        left_out=[column for column in document.header if column not in stored],
        given=frozenset({"sender_key" if meaning == "sender" else meaning for meaning in columns}) - {"id"},
    )


def _view_of(connection: duckdb.DuckDBPyConnection, staged: Staged, columns: dict[str, str]) -> None:
    """The view `raw`: one text column for each meaning, null where the export has none."""
    chosen = ", ".join(
        f"{_identifier(columns[meaning]) if meaning in columns else 'null::varchar'} as {meaning}" for meaning in MEANINGS
    )
    connection.execute(
        f"create or replace temp view raw as select file_row_number + 1 as record, {chosen} "
        f"from read_parquet('{_escaped(staged.path)}', file_row_number = true)"
    )


def _formats(document: Document, mapping: Mapping, meaning: str) -> list[str]:
    """The mapping's formats, the one that fits this column first: a wrong guess costs time for each row."""
    column = mapping.columns.get(meaning)
    if column is None:
        return list(mapping.dates)
    place = document.header.index(column)
    values = [row[place] or "" for row in document.sample if place < len(row)]
    best = [form for form in date_formats([value for value in values if value])[0] if form in mapping.dates]
    return list(dict.fromkeys([*best, *mapping.dates]))


def _name_everything(connection: duckdb.DuckDBPyConnection, mapping: Mapping) -> list[dict]:
    """Fill the tables `named_…`: each spelling of the file -> the name we keep. Returns what was not matched."""
    notices = _name_places(connection, mapping)
    for meaning in NAMES[2:]:
        counted = dict(_counted(connection, meaning))
        known = _known(connection, meaning)
        kept = names.match_words(_unblanked(counted, mapping), known, _aliases(connection, meaning))
        words = mapping.values.get(meaning, {})
        kept = {spelling: (words.get(fold(spelling), name), was) for spelling, (name, was) in kept.items()}
        _fill(connection, meaning, [(spelling, name) for spelling, (name, _) in kept.items()])
        if mapping.reference and meaning == "topic_group":
            reference = {fold(name) for name in _reference_groups()}
            notices += _notices(meaning, {s: n for s, n in counted.items() if s in kept and fold(s) not in reference})
    for meaning in ("status", "kind"):
        counted = _unblanked(dict(_counted(connection, meaning)), mapping)
        words = mapping.values.get(meaning, {})
        unknown = {spelling: rows for spelling, rows in counted.items() if fold(spelling) not in words}
        fallback = names.tidy if meaning == "status" else (lambda spelling: None)
        _fill(connection, meaning, [(spelling, words.get(fold(spelling)) or fallback(spelling)) for spelling in counted])
        notices += _notices(meaning, unknown)
    return notices


def _name_places(connection: duckdb.DuckDBPyConnection, mapping: Mapping) -> list[dict]:
    counted = _unblanked(dict(_counted(connection, "region")), mapping)
    reference = connection.execute("select code, name_ru, name_en from regions where code is not null").fetchall()
    matched = names.match_regions(counted, reference, _aliases(connection, "region"))
    unknown = {spelling: rows for spelling, rows in counted.items() if matched[spelling] is None}
    own = names.match_words(unknown, _known(connection, "region"), {})
    regions = {spelling: matched[spelling] or own[spelling][0] for spelling in counted}
    zones = dict(connection.execute("select region, time_zone from regions").fetchall())
    connection.execute("create or replace temp table named_region (spelling varchar, name varchar, time_zone varchar)")
    if regions:
        connection.executemany(
            "insert into named_region values (?, ?, ?)", [(s, name, zones.get(name)) for s, name in regions.items()]
        )
    places = connection.execute(
        "select region, municipality, count(*) from raw where municipality is not null group by all"
    ).fetchall()
    places = [place for place in places if fold(place[1]) not in mapping.blank]
    by_region: Counter[tuple[str | None, str]] = Counter()
    for spelling, municipality, rows in places:
        by_region[regions.get(spelling), municipality] += rows
    known = connection.execute("select distinct region, municipality from municipalities").fetchall()
    stored = connection.execute(
        "select distinct region, municipality from daily_counts where municipality is not null"
    ).fetchall()
    aliases = {
        (region or None, fold(spelling)): name
        for region, spelling, name in connection.execute(
            "select region, spelling, name from aliases where kind = 'municipality'"
        ).fetchall()
    }
    kept = names.match_municipalities(by_region, [*known, *stored], aliases)
    connection.execute(
        "create or replace temp table named_municipality (region_spelling varchar, spelling varchar, name varchar)"
    )
    if places:
        connection.executemany(
            "insert into named_municipality values (?, ?, ?)",
            [(spelling, name, kept[regions.get(spelling), name][0]) for spelling, name, _ in places],
        )
    listed = {region for region, _ in known}
    strangers = Counter(
        {
            municipality: rows
            for (region, municipality), rows in by_region.items()
            if region in listed and not kept[region, municipality][1]
        }
    )
    notices = _notices("region", unknown) if mapping.reference else []
    return notices + _notices("municipality", strangers)


def _counted(connection: duckdb.DuckDBPyConnection, meaning: str) -> list[tuple[str, int]]:
    column = _identifier(meaning)
    return connection.execute(
        f"select {column}, count(*) from raw where {column} is not null group by all"
    ).fetchall()


def _known(connection: duckdb.DuckDBPyConnection, meaning: str) -> list[str]:
    """Names that the store has already, and those of the reference list."""
    reference = _reference_groups() if meaning == "topic_group" else []
    table = "complaints" if meaning in ("official_page", "agency") else "daily_counts"
    column = _identifier(meaning)
    stored = connection.execute(f"select distinct {column} from {table} where {column} is not null").fetchall()
    return [*reference, *(name for (name,) in stored)]


def _reference_groups() -> list[str]:
    from analytics.settings import ROOT

    return list(pd.read_csv(ROOT / "data" / "reference" / "topic_groups_ru.csv")["topic_group_ru"])


def _aliases(connection: duckdb.DuckDBPyConnection, kind: str) -> dict[str, str]:
    found = connection.execute("select spelling, name from aliases where kind = $kind", {"kind": kind}).fetchall()
    return {fold(spelling): name for spelling, name in found}


def _unblanked(counted: dict[str, int], mapping: Mapping) -> dict[str, int]:
    return {spelling: rows for spelling, rows in counted.items() if fold(spelling) not in mapping.blank}


def _fill(connection: duckdb.DuckDBPyConnection, meaning: str, pairs: list[tuple[str, str | None]]) -> None:
    table = _identifier(f"named_{meaning}")
    connection.execute(f"create or replace temp table {table} (spelling varchar, name varchar)")
    if pairs:
        connection.executemany(f"insert into {table} values (?, ?)", pairs)


def _notices(kind: str, unmatched: dict[str, int]) -> list[dict]:
    commonest = Counter(unmatched).most_common(NOTICES_OF_A_KIND)
    return [{"kind": kind, "value": value, "rows": rows} for value, rows in commonest]


def _one_row_for_each_id(
    connection: duckdb.DuckDBPyConnection, checked: Path, folder: Path, *, generate: bool
) -> Path:
    """Rows with one id drawn together: the newest word wins, an empty one never erases a known one.

    Where the export has no ids they are made from the contents, so that the same file again changes nothing.
    """
    source = f"'{_escaped(checked)}'"
    if generate:
        identified = folder / "identified.parquet"
        content = ", ".join(f"{column}::varchar" for column in CONTENT if column not in ("closed_at", "status", "text"))
        connection.execute(
            f"copy (select * replace (digest || '-' || row_number() over (partition by digest order by record) as id) "
            f"exclude (digest) from (select *, left(md5(concat_ws('|', {content})), 20) as digest from {source})) "
            f"to '{_escaped(identified)}'"
        )
        return identified
    repeated = folder / "repeated.parquet"
    connection.execute(
        f"copy (select id, count(*) as rows from {source} where reason is null group by id having count(*) > 1) "
        f"to '{_escaped(repeated)}'"
    )
    found = connection.execute(f"select count(*) from '{_escaped(repeated)}'").fetchone()
    if not found or not found[0]:
        return checked
    newest = ", ".join(
        f"last({column} order by export_changed_at nulls first, record) filter ({column} is not null) as {column}"
        for column in CONTENT
    )
    merged = folder / "merged.parquet"
    connection.execute(
        f"""
        copy (
          select * from {source} where reason is null and id not in (select id from '{_escaped(repeated)}')
          union all by name
          select id, null::varchar as reason, max(record) as record, bool_or(warned) as warned, {newest}
          from {source}
          where reason is null and id in (select id from '{_escaped(repeated)}')
          group by id
        ) to '{_escaped(merged)}'
        """
    )
    return merged


def _rejected(
    connection: duckdb.DuckDBPyConnection, document: Document, staged: Staged, checked: Path, columns: dict[str, str]
) -> pd.DataFrame:
    """The rejected rows with their line, reason and fields as JSON, personal data blanked."""
    keep = [column for meaning, column in columns.items() if meaning not in NOT_STORED]
    chosen = ", ".join(f"staged.{_identifier(column)}" for column in keep)
    found = connection.execute(
        f"""
        select record, reason, {chosen}
        from (select file_row_number + 1 as record, * from
          read_parquet('{_escaped(staged.path)}', file_row_number = true)) as staged
        join (select record, reason from '{_escaped(checked)}' where reason is not null) as refused using (record)
        order by record
        """
    ).fetchall()
    lines = staged.lines([record for record, *_ in found])
    whole = [
        (line, reason, json.dumps({c: _blanked(v) for c, v in zip(keep, cells, strict=True)}, ensure_ascii=False))
        for line, (_, reason, *cells) in zip(lines, found, strict=True)
    ]
    safe = _safe_values(connection)
    broken = [(row.line, row.reason, _safe_fields(row, document, safe, columns)) for row in staged.broken]
    return pd.DataFrame(sorted(whole + broken), columns=["line", "reason", "fields"])


def _blanked(value: str | None) -> str | None:
    """A value of a kept column, unless a phone or an e-mail stands in it."""
    return "" if value and (E_MAIL.search(value) or PHONE.fullmatch(value.strip())) else value


def _safe_values(connection: duckdb.DuckDBPyConnection) -> set[str]:
    tables = [f"named_{meaning}" for meaning in (*NAMES, "status", "kind")]
    union = " union ".join(f"select spelling from {_identifier(table)}" for table in tables)
    return {spelling for (spelling,) in connection.execute(union).fetchall()}


def _safe_fields(row: BrokenRow, document: Document, safe: set[str], columns: dict[str, str]) -> str:
    """The cells of a row whose cells cannot be told apart: kept are only ids, dates and names known from good rows."""
    id_place = document.header.index(columns["id"]) if "id" in columns else -1
    titles = [*document.header, *(f"column {i + 1}" for i in range(len(document.header), len(row.fields)))]

    def harmless(place: int, value: str) -> bool:
        if value in safe:
            return True
        if any(date_formats([value])[0][:1]) and re.fullmatch(r"[\d.:/\- T]{6,19}", value) and not PHONE.fullmatch(value):
            return True
        return place == id_place and bool(IDENTIFIER.fullmatch(value)) and not PHONE.fullmatch(value)

    cells = {
        title: value if harmless(place, value.strip()) else ""
        for place, (title, value) in enumerate(zip(titles, row.fields, strict=False))
    }
    return json.dumps(cells, ensure_ascii=False)


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _escaped(path: Path) -> str:
    return str(path).replace("'", "''")
