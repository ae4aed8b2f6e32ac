"""The cube that the pages read: additive counts, kept up by what each import moves."""

from __future__ import annotations

from collections.abc import Callable

import duckdb
import pandas as pd

# A complaint as the cube counts it. A deadline without a time of day lasts until the end of its day. Two complaints
# with one repeat_key are of one region, municipality and topic group, and of one place where it is known, else of one
# sender. It is a hash, as `who` is one of the complaint's own key: making texts of numbers took most of a refresh.
DATED = """
create or replace temp view {view} as
select
  hash(rows.source, rows.id) as who,
  rows.sign::tinyint as sign,
  rows.closed_at is null and coalesce(rows.status in ('closed', 'declined'), false) as undated,
  coalesce(rows.due_at, {deadline}) as due_by,
  coalesce(
    rows.closed_at <= due_by or (due_by = due_by::date and rows.closed_at::date <= due_by::date), false
  ) as in_time,
  rows.opened_at,
  rows.opened_at::date as opened_on,
  rows.closed_at::date as closed_on,
  case when not undated then due_by::date end as due_on,
  rows.region, rows.municipality, rows.topic_group, rows.topic, rows.channel, rows.kind,
  case
    when rows.latitude is not null
      then hash(rows.region, rows.municipality, rows.topic_group, rows.latitude, rows.longitude)
    when rows.sender_key is not null then hash(rows.region, rows.municipality, rows.topic_group, rows.sender_key)
  end as repeat_key
from {rows} as rows {deadlines}
"""
OF_THE_TABLE = {
    "deadline": "rows.opened_at + to_days(coalesce(own.days, general.days)::integer)",
    "deadlines": """
left join deadlines_now as own on rows.source = own.source and rows.topic_group = own.topic_group
left join deadlines_now as general on rows.source = general.source and coalesce(general.topic_group, '') = ''
""",
}
NO_DEADLINES = {"deadline": "null::timestamp", "deadlines": ""}
DEADLINES = """
create or replace temp table deadlines_now as
with sources as (select distinct source from moved union select distinct source from source_days)
select sources.source, deadlines.topic_group, deadlines.days
from sources join deadlines on deadlines.source in (sources.source, '')
qualify row_number() over (
  partition by sources.source, coalesce(deadlines.topic_group, '') order by deadlines.source = '') = 1
"""
CELL = "opened_on, closed_on, due_on, region, municipality, topic_group, topic, channel, kind"
# Cells are not summed here: nearly each complaint has one of its own, and `compact` sums up what can be.
CELLS = f"""
insert into daily_counts
select {CELL},
  sign as complaints,
  case when undated then sign else 0 end as closed_undated,
  case when in_time then sign else 0 end as closed_in_time,
  case when repeat_key is not null then sign else 0 end as repeat_known,
  0 as repeats
from dated_moved
"""
# A repeat: one with the key of a complaint of the 30 days before. A row that moves can make or unmake repeats of rows
# that do not, so all with its key are looked at as they were (side -1) and as they are (side 1).
ALIKE = """
create or replace temp table alike as
select {columns}, who in (select who from dated_moved where sign = 1) as arrived
from dated_now
where opened_at between $first and $last and {met}
"""
# Of few the cells are kept at hand; when most of the store moves, they would not fit into memory.
FEW = {
    "columns": f"who, repeat_key, opened_at, {CELL}",
    "met": "repeat_key in (select repeat_key from dated_moved)",
    "neighbours": "alike",
}
MOST = {"columns": "who, repeat_key, opened_at", "met": "repeat_key is not null", "neighbours": "dated_now"}
FLAGGED = """
create or replace temp table flagged as
with sides as (
  select who, repeat_key, opened_at, arrived as moved, 1::tinyint as side from alike
  union all select who, repeat_key, opened_at, false, -1 from alike where not arrived
  union all select who, repeat_key, opened_at, true, -1 from dated_moved where sign = -1 and repeat_key is not null
),
after as (
  select who, moved, side,
    opened_at - lag(opened_at) over (partition by side, repeat_key order by opened_at, who) <= interval 30 days
      as is_repeat
  from sides
)
select who, moved, sum(side)::tinyint as side
from after where is_repeat
group by who, moved, case when moved then side end
having sum(side) <> 0
"""
OF_NEIGHBOURS = """
  union all
  select {cell}, flagged.side
  from {neighbours} as neighbours join flagged on neighbours.who = flagged.who
  where not flagged.moved
"""
MOVED_REPEATS = f"""
create or replace temp table moved_repeats as
with cells as (
  select {CELL}, flagged.side
  from dated_moved join flagged on dated_moved.who = flagged.who and dated_moved.sign = flagged.side
  where flagged.moved
  {{of_neighbours}}
)
select {CELL}, sum(side)::bigint as repeats
from cells
group by all
having sum(side) <> 0
"""
MEASURES = ("received", "closed", "closed_undated", "due", "due_kept", "repeat_known", "repeats")
# Each measure of the small tables is counted on its own day: (relation, day, measure -> sum).
ON_THEIR_DAY = (
    (
        "dated_moved",
        "opened_on",
        {
            "received": "sum(sign)",
            "closed_undated": "sum(case when undated then sign else 0 end)",
            "repeat_known": "sum(case when repeat_key is not null then sign else 0 end)",
        },
    ),
    ("dated_moved", "closed_on", {"closed": "sum(sign)"}),
    ("dated_moved", "due_on", {"due": "sum(sign)", "due_kept": "sum(case when in_time then sign else 0 end)"}),
    ("moved_repeats", "opened_on", {"repeats": "sum(repeats)"}),
)
NAMES_THAT_MOVE = """
create or replace temp type name_that_moves as enum (
  select unnest([region, topic_group, kind]) from (
    select distinct region, topic_group, kind from dated_moved
    union select distinct region, topic_group, kind from moved_repeats
  )
)
"""
SUMS = " union all ".join(  # what moves, each measure on its own day
    f"select {day} as day, region::name_that_moves as region, topic_group::name_that_moves as topic_group, "
    f"kind::name_that_moves as kind, {', '.join(f'{measures.get(name, 0)}::integer as {name}' for name in MEASURES)} "
    f"from {relation} where {day} is not null group by all"
    for relation, day, measures in ON_THEIR_DAY
)
CHOICES = """
insert into choices
with places as (
  select coalesce(region, '') as region, coalesce(municipality, '') as municipality, sum(sign) as complaints
  from dated_moved group by all
),
matters as (
  select coalesce(topic_group, '') as topic_group, coalesce(topic, '') as topic, sum(sign) as complaints
  from dated_moved group by all
),
labels as (
  select 'region' as meaning, '' as parent, region as value, complaints from places
  union all select 'municipality', region, municipality, complaints from places
  union all select 'topic_group', '', topic_group, complaints from matters
  union all select 'topic', topic_group, topic, complaints from matters
  union all select 'channel', '', coalesce(channel, ''), sum(sign) from dated_moved group by channel
  union all select 'kind', '', kind, sum(sign) from dated_moved group by kind
)
select meaning, parent, value, sum(complaints) from labels group by all having sum(complaints) <> 0
"""
TOPICS = """
insert into topic_totals
select opened_on as day, topic_group, topic, kind, sum(sign) as received
from dated_moved group by all having sum(sign) <> 0 order by day
"""
KEYS = {
    "daily_counts": CELL,
    "daily_totals": "day, region, topic_group, kind",
    "region_totals": "day, region, kind",
    "topic_totals": "day, topic_group, topic, kind",
    "choices": "meaning, parent, value",
    "source_days": "day, source, region",
}

# A page asks mostly of one region or of the newest days: rows that lie so are passed over in whole groups.
ORDER = {
    "daily_counts": "date_trunc('quarter', opened_on), region",
    "daily_totals": "date_trunc('quarter', day), region",
}
ORDERED = "ordered_rows"  # the setting: how many rows daily_counts had when it was put in order
GROWN = 1.25  # times as many rows, from which it is done again
MANY = 500_000  # rows: fewer are gone through at once


def refresh(cursor: duckdb.DuckDBPyConnection) -> None:
    """Add to the cube what the relation `moved` changes; `complaints` is already as it will be.

    `moved` holds complaints with a `sign`: -1 for what a row was, +1 for what it is. The cost is that of what moves,
    not of what is stored, but for repeats: all complaints of the time around are asked whether they are alike.
    """
    cursor.execute(DEADLINES)
    deadlines = OF_THE_TABLE if _one(cursor, "select count(*) from deadlines_now") else NO_DEADLINES
    cursor.execute(DATED.format(view="dated_moved", rows="moved", **deadlines))
    cursor.execute(CELLS)
    _find_repeats(cursor, deadlines)
    cursor.execute(f"insert into daily_counts select {CELL}, 0, 0, 0, 0, repeats from moved_repeats")
    _add_totals(cursor)
    cursor.execute(TOPICS)
    cursor.execute(CHOICES)
    cursor.execute(
        """
        insert into source_days
        select source, region, opened_at::date, sum(sign) from moved group by all having sum(sign) <> 0
        """
    )
    cursor.execute("drop table moved_repeats")


def sum_up(cursor: duckdb.DuckDBPyConnection) -> None:
    """Make one row of the many that changes have left for one cell; the sums stay what they are."""
    for table, keys in KEYS.items():
        columns = cursor.execute(f"select * from {table} limit 0").description or []
        measures = [column[0] for column in columns if column[0] not in keys.split(", ")]
        sums = ", ".join(f"sum({measure})::bigint as {measure}" for measure in measures)
        some = " or ".join(f"sum({measure}) <> 0" for measure in measures)
        cursor.execute(
            f"create or replace temp table summed as select {keys}, {sums} from {table} group by all having {some}"
        )
        cursor.execute(f"delete from {table}")
        order = ORDER.get(table, keys.split(", ")[0])
        cursor.execute(f"insert into {table} by name select * from summed order by {order}")
        cursor.execute("drop table summed")


def is_in_order(query: Callable[..., pd.DataFrame]) -> bool:
    """Were the large tables put in order since most of their rows came, or are they small?"""
    found = query(
        """
        select (select count(*) from daily_counts) as rows,
          coalesce((select max(value::bigint) from settings where setting = $ordered), 0) as ordered
        """,
        ordered=ORDERED,
    ).iloc[0]
    return bool(found["rows"] < max(MANY, GROWN * found["ordered"]))


def put_in_order(cursor: duckdb.DuckDBPyConnection) -> None:
    """Write the large tables anew by quarter and region, the rows of daily_totals summed up. The sums stay the same."""
    sums = ", ".join(f"sum({measure})::bigint as {measure}" for measure in MEASURES)
    for table, rows in (
        ("daily_counts", "select * from daily_counts"),
        ("daily_totals", f"select {KEYS['daily_totals']}, {sums} from daily_totals group by all"),
    ):
        cursor.execute(f"create or replace temp table in_order as select * from ({rows}) order by {ORDER[table]}")
        cursor.execute(f"delete from {table}")
        cursor.execute(f"insert into {table} by name select * from in_order")
        cursor.execute("drop table in_order")
    cursor.execute("delete from settings where setting = $ordered", {"ordered": ORDERED})
    cursor.execute("insert into settings select $ordered, count(*)::varchar from daily_counts", {"ordered": ORDERED})


def rebuild(cursor: duckdb.DuckDBPyConnection) -> None:
    """Make the cube anew from all complaints: after a change of deadlines, or to tidy up after many imports."""
    for table in KEYS:
        cursor.execute(f"delete from {table}")
    cursor.execute("create or replace temp view moved as select 1 as sign, * from complaints")
    refresh(cursor)


def _add_totals(cursor: duckdb.DuckDBPyConnection) -> None:
    """The sums of each day by topic group and without it; while they are summed and sorted, names are numbers."""
    cursor.execute(NAMES_THAT_MOVE)
    cursor.execute(f"create or replace temp table sums as {SUMS}")
    cursor.execute("insert into daily_totals select * from sums order by day")
    whole = ", ".join(f"sum({name})::bigint" for name in MEASURES)
    cursor.execute(f"insert into region_totals select day, region, kind, {whole} from sums group by all order by day")
    cursor.execute("drop table sums")


def _find_repeats(cursor: duckdb.DuckDBPyConnection, deadlines: dict[str, str]) -> None:
    """Fill `moved_repeats`: by how much the repeats of each cell change."""
    first, last, keyed = cursor.execute(
        """
        select min(opened_at) - interval 30 days, max(opened_at) + interval 30 days, count(*)
        from dated_moved where repeat_key is not null
        """
    ).fetchall()[0]
    if not keyed:
        cursor.execute(
            f"create or replace temp table moved_repeats as select {CELL}, 0 as repeats from dated_moved limit 0"
        )
        return
    share = MOST if keyed > 0.2 * _one(cursor, "select count(*) from complaints") else FEW
    cursor.execute("create or replace temp view complaints_now as select 1 as sign, * from complaints")
    cursor.execute(DATED.format(view="dated_now", rows="complaints_now", **deadlines))
    cursor.execute(ALIKE.format(**share), {"first": first, "last": last})
    cursor.execute(FLAGGED)
    others = _one(cursor, "select count(*) from flagged where not moved")
    cursor.execute(MOVED_REPEATS.format(of_neighbours=OF_NEIGHBOURS.format(cell=CELL, **share) if others else ""))
    for table in ("alike", "flagged"):
        cursor.execute(f"drop table {table}")


def _one(cursor: duckdb.DuckDBPyConnection, sql: str) -> int:
    return int(cursor.execute(sql).fetchall()[0][0])
