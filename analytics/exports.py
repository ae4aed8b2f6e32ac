"""An export file -> clean complaints and the rows that were rejected, with reasons."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import pandas as pd

from analytics.errors import BadInput
from analytics.files.documents import Document, Staged
from analytics.masking import masked
from analytics.naming import name_everything
from analytics.presets import MEANINGS, NAMES, NOT_STORED, TIMES, Mapping, date_formats
from analytics.rejects import rejected_rows
from analytics.sql import identifier, literal

FURTHEST_ZONE = timedelta(hours=14)  # somewhere the local clock is as much ahead of UTC
MACROS = """
create or replace temp macro local_time(value, formats, own_zone, zone) as
  coalesce(
    try_strptime(value, formats),
    try_strptime(trim(value), formats),  -- only now: trimming costs as much as reading
    case
      when regexp_matches(value, '\\d[T ]\\d\\d:\\d\\d.*(Z|[+-]\\d\\d(:?\\d\\d)?)\\s*$')
        then timezone(coalesce(own_zone, zone), try_cast(value as timestamptz))
    end
  );
create or replace temp macro degrees_of(value) as try_cast(replace(trim(value), ',', '.') as double);
"""
MASKED = f"create or replace temp macro masked(written, sender) as {masked('written', 'sender')}"
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
  case when $keep_text then masked(raw.text, raw.sender) end as text
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
CONTENT = {  # what an export says of a complaint, and its types; (source, id) is its key
    **dict.fromkeys(TIMES, "timestamp"),
    **dict.fromkeys(("status", "kind", *NAMES), "varchar"),
    **dict.fromkeys(("latitude", "longitude"), "double"),
    **dict.fromkeys(("sender_key", "text"), "varchar"),
}


@dataclass
class Export:
    """What an export holds: `rows` is a Parquet file of id and what is `given`, one row for each id."""

    file: str
    mapping: Mapping
    rows: Path
    read: int
    distinct: int  # rows of `rows`
    rejected: pd.DataFrame  # line, reason, fields
    warnings: int
    notices: list[dict]
    left_out: list[str]
    given: list[str]  # those of CONTENT that the export has
    began: float  # when reading began, by time.monotonic


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
    began = time.monotonic()
    columns = {meaning: column for meaning, column in mapping.columns.items() if meaning != "text" or keep_text}
    staged = document.stage(list(dict.fromkeys(columns.values())), lambda share: report(0.6 * share))
    for statement in (*MACROS.split(";\n"), MASKED):
        if statement.strip():
            connection.execute(statement)
    _view_of(connection, staged, columns)
    notices = name_everything(connection, mapping)
    given = [column for column in CONTENT if ("sender" if column == "sender_key" else column) in columns]
    checked = folder / "checked.parquet"
    zone = mapping.time_zone or time_zone
    kept = ", ".join(["record", "reason", "warned", "id", *given])
    connection.execute(
        f"copy (select {kept} from ({CHECKED})) to {literal(checked)} (row_group_size 200000)",
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
    rejected = rejected_rows(connection, document, staged, checked, columns)
    read = staged.rows + len(staged.broken)
    if len(rejected) == read:
        reasons = Counter(rejected["reason"])
        raise BadInput(
            "nothing_usable",
            "Not one of the {rows} rows of {file} can be used (most often: {reason}); check the mapping.",
            file=document.name,
            rows=read,
            reason=reasons.most_common(1)[0][0].replace("_", " ") if reasons else "no rows",
        )
    rows = _one_row_for_each_id(connection, checked, folder, given, generate="id" not in columns)
    warnings = connection.execute(f"select count(*) from {literal(checked)} where reason is null and warned").fetchone()
    distinct = connection.execute(f"select count(*) from {literal(rows)} where reason is null").fetchone()
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
        given=given,
        began=began,
    )


def _view_of(connection: duckdb.DuckDBPyConnection, staged: Staged, columns: dict[str, str]) -> None:
    """The view `raw`: one text column for each meaning, null where the export has none."""
    chosen = ", ".join(
        f"{identifier(columns[meaning]) if meaning in columns else 'null::varchar'} as {meaning}"
        for meaning in MEANINGS
    )
    connection.execute(
        f"create or replace temp view raw as select file_row_number + 1 as record, {chosen} "
        f"from read_parquet({literal(staged.path)}, file_row_number = true)"
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


def _one_row_for_each_id(
    connection: duckdb.DuckDBPyConnection, checked: Path, folder: Path, given: list[str], *, generate: bool
) -> Path:
    """Rows with one id drawn together: the newest word wins, an empty one never erases a known one.

    Where the export has no ids they are made from the contents, so that the same file again changes nothing.
    """
    source = literal(checked)
    if generate:
        identified = folder / "identified.parquet"
        lasting = [column for column in CONTENT if column not in ("closed_at", "status", "text", "export_changed_at")]
        content = " || '|' || ".join(
            f"coalesce({column}::varchar, '')" if column in given else "''" for column in lasting
        )
        connection.execute(
            f"""
            copy (
              select * exclude (digest)
                replace (digest || '-' || row_number() over (partition by digest order by record) as id)
              from (select *, left(md5({content}), 20) as digest from {source})
            ) to {literal(identified)}
            """
        )
        return identified
    repeated = folder / "repeated.parquet"
    connection.execute(
        f"copy (select id, count(*) as rows from {source} where reason is null group by id having count(*) > 1) "
        f"to {literal(repeated)}"
    )
    found = connection.execute(f"select count(*) from {literal(repeated)}").fetchone()
    if not found or not found[0]:
        return checked
    changed = "export_changed_at nulls first, " if "export_changed_at" in given else ""
    newest = ", ".join(
        f"last({column} order by {changed}record) filter ({column} is not null) as {column}" for column in given
    )
    merged = folder / "merged.parquet"
    connection.execute(
        f"""
        copy (
          select * from {source} where reason is null and id not in (select id from {literal(repeated)})
          union all by name
          select id, null::varchar as reason, max(record) as record, bool_or(warned) as warned, {newest}
          from {source}
          where reason is null and id in (select id from {literal(repeated)})
          group by id
        ) to {literal(merged)}
        """
    )
    return merged
