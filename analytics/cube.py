"""The cube that the pages read: additive counts, kept up by what each import moves."""

from __future__ import annotations

import duckdb

# A complaint as the cube counts it. A deadline without a time of day lasts until the end of its day. The key of a
# repeat is the place where it is known, else the sender.
DATED = """
create or replace temp view {view} as
select
  rows.source,
  rows.id,
  rows.sign::tinyint as sign,
  rows.closed_at is null and coalesce(rows.status in ('closed', 'declined'), false) as undated,
  coalesce(rows.due_at, rows.opened_at + to_days(coalesce(own.days, general.days)::integer)) as due_by,
  coalesce(
    rows.closed_at <= due_by or (due_by = due_by::date and rows.closed_at::date <= due_by::date), false
  ) as in_time,
  rows.opened_at,
  rows.opened_at::date as opened_on,
  rows.closed_at::date as closed_on,
  case when not undated then due_by::date end as due_on,
  rows.region, rows.municipality, rows.topic_group, rows.topic, rows.channel, rows.kind,
  case when rows.latitude is not null then rows.latitude || ' ' || rows.longitude else rows.sender_key end as repeat_key
from {rows} as rows
left join deadlines_now as own on rows.source = own.source and rows.topic_group = own.topic_group
left join deadlines_now as general on rows.source = general.source and coalesce(general.topic_group, '') = ''
"""
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
# A repeat: same region, municipality, topic group and key as a complaint of the 30 days before. A row that moves can
# make or unmake repeats of rows that do not, so its neighbours are flagged as they were and as they are.
REPEATS = f"""
create or replace temp table moved_repeats as
with now as (
  select *, 1 as side from dated_now
  where opened_at between $first and $last and repeat_key is not null
    and ($everything or (topic_group, repeat_key) in (select (topic_group, repeat_key) from dated_moved))
),
before as (
  select * replace (-1 as side) from now
  where (source, id) not in (select (source, id) from dated_moved where sign = 1)
  union all
  select *, -1 as side from dated_moved where sign = -1 and repeat_key is not null
),
flagged as (
  select *,
    opened_at - lag(opened_at) over (
      partition by side, region, municipality, topic_group, repeat_key order by opened_at, source, id
    ) <= interval 30 days as is_repeat
  from (select * from now union all select * from before)
)
select {CELL}, sum(side)::bigint as repeats
from flagged
where is_repeat
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
TOTALS = {"daily_totals": ("region", "topic_group", "kind"), "region_totals": ("region", "kind")}
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
KEYS = {
    "daily_counts": CELL,
    "daily_totals": "day, region, topic_group, kind",
    "region_totals": "day, region, kind",
    "choices": "meaning, parent, value",
    "source_days": "day, source, region",
}


def refresh(cursor: duckdb.DuckDBPyConnection) -> None:
    """Add to the cube what the relation `moved` changes; `complaints` is already as it will be.

    `moved` holds complaints with a `sign`: -1 for what a row was, +1 for what it is. The cost is that of what moves,
    not of what is stored; repeats look at 30 days around it.
    """
    cursor.execute(DEADLINES)
    cursor.execute(DATED.format(view="dated_moved", rows="moved"))
    cursor.execute(CELLS)
    _count_repeats(cursor)
    cursor.execute(f"insert into daily_counts select {CELL}, 0, 0, 0, 0, repeats from moved_repeats")
    for table, keys in TOTALS.items():
        for relation, day, sums in ON_THEIR_DAY:
            measures = ", ".join(f"{sums.get(measure, '0')} as {measure}" for measure in MEASURES)
            cursor.execute(
                f"insert into {table} select {day} as day, {', '.join(keys)}, {measures} from {relation} "
                f"where {day} is not null group by all order by day"
            )
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
        cursor.execute(f"insert into {table} by name select * from summed order by {keys.split(', ')[0]}")
        cursor.execute("drop table summed")


def rebuild(cursor: duckdb.DuckDBPyConnection) -> None:
    """Make the cube anew from all complaints: after a change of deadlines, or to tidy up after many imports."""
    for table in KEYS:
        cursor.execute(f"delete from {table}")
    cursor.execute("create or replace temp view moved as select 1 as sign, * from complaints")
    refresh(cursor)


def _count_repeats(cursor: duckdb.DuckDBPyConnection) -> None:
    moved = cursor.execute(
        """
        select min(opened_at) - interval 30 days, max(opened_at) + interval 30 days, count(*)
        from dated_moved where repeat_key is not null
        """
    ).fetchone()
    if not moved or not moved[2]:
        cursor.execute(
            f"create or replace temp table moved_repeats as select {CELL}, 0 as repeats from dated_moved limit 0"
        )
        return
    held = cursor.execute("select count(*) from complaints").fetchone()
    everything = bool(held and moved[2] > 0.2 * held[0])  # then picking out neighbours costs more than it saves
    cursor.execute("create or replace temp view complaints_now as select 1 as sign, * from complaints")
    cursor.execute(DATED.format(view="dated_now", rows="complaints_now"))
    cursor.execute(REPEATS, {"first": moved[0], "last": moved[1], "everything": everything})
