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
  rows.sign,
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
left join deadlines as own on rows.source = own.source and rows.topic_group = own.topic_group
left join deadlines as general on rows.source = general.source and coalesce(general.topic_group, '') = ''
"""
CELL = "opened_on, closed_on, due_on, region, municipality, topic_group, topic, channel, kind"
CELLS = f"""
create or replace temp table moved_cells as
select {CELL},
  sum(sign)::bigint as complaints,
  sum(case when undated then sign else 0 end)::bigint as closed_undated,
  sum(case when in_time then sign else 0 end)::bigint as closed_in_time,
  sum(case when repeat_key is not null then sign else 0 end)::bigint as repeat_known,
  0::bigint as repeats
from dated_moved
group by all
"""
# A repeat: same region, municipality, topic group and key as a complaint of the 30 days before. A row that moves can
# make or unmake repeats of rows that do not, so its neighbours are flagged as they were and as they are.
REPEATS = f"""
insert into moved_cells
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
select {CELL}, 0, 0, 0, 0, sum(side)
from flagged
where is_repeat
group by all
having sum(side) <> 0
"""
COUNTED = "complaints, closed_undated, closed_in_time, repeat_known, repeats"
# Each measure of the small tables is counted on its own day.
MEASURES = "received, closed, closed_undated, due, due_kept, repeat_known, repeats"
SUMS = ", ".join(f"sum({measure})::bigint as {measure}" for measure in MEASURES.split(", "))
ANY = " or ".join(f"sum({measure}) <> 0" for measure in MEASURES.split(", "))
TOTALS = f"""
create or replace temp table moved_totals as
with placed as (
  select opened_on as day, region, topic_group, kind, complaints as received, 0 as closed, closed_undated,
    0 as due, 0 as due_kept, repeat_known, repeats
  from moved_cells
  union all
  select closed_on, region, topic_group, kind, 0, complaints, 0, 0, 0, 0, 0
  from moved_cells where closed_on is not null
  union all
  select due_on, region, topic_group, kind, 0, 0, 0, complaints, closed_in_time, 0, 0
  from moved_cells where due_on is not null
)
select day, region, topic_group, kind, {SUMS}
from placed
group by all
having {ANY}
"""
CHOICES = """
insert into choices
select
  case
    when grouping(municipality) = 0 then 'municipality' when grouping(region) = 0 then 'region'
    when grouping(topic) = 0 then 'topic' when grouping(topic_group) = 0 then 'topic_group'
    when grouping(channel) = 0 then 'channel' else 'kind'
  end as meaning,
  case
    when grouping(municipality) = 0 then coalesce(region, '') when grouping(topic) = 0 then coalesce(topic_group, '')
    else ''
  end as parent,
  coalesce(
    case
      when grouping(municipality) = 0 then municipality when grouping(region) = 0 then region
      when grouping(topic) = 0 then topic when grouping(topic_group) = 0 then topic_group
      when grouping(channel) = 0 then channel else kind
    end, ''
  ) as value,
  sum(complaints)
from moved_cells
group by grouping sets ((region), (region, municipality), (topic_group), (topic_group, topic), (channel), (kind))
having sum(complaints) <> 0
"""
TABLES = ("daily_counts", "daily_totals", "region_totals", "choices", "source_days")


def refresh(cursor: duckdb.DuckDBPyConnection) -> None:
    """Add to the cube what the relation `moved` changes; `complaints` is already as it will be.

    `moved` holds complaints with a `sign`: -1 for what a row was, +1 for what it is. The cost is that of what moves,
    not of what is stored; repeats look at 30 days around it.
    """
    cursor.execute(DATED.format(view="dated_moved", rows="moved"))
    cursor.execute(CELLS)
    _add_repeats(cursor)
    some = " or ".join(f"{measure} <> 0" for measure in COUNTED.split(", "))
    cursor.execute(f"insert into daily_counts select * from moved_cells where {some} order by opened_on")
    cursor.execute(TOTALS)
    cursor.execute("insert into daily_totals select * from moved_totals order by day")
    cursor.execute(
        f"insert into region_totals select day, region, kind, {SUMS} from moved_totals group by all having {ANY} order by day"
    )
    cursor.execute(CHOICES)
    cursor.execute(
        """
        insert into source_days
        select source, region, opened_at::date, sum(sign) from moved group by all having sum(sign) <> 0
        """
    )
    cursor.execute("drop table moved_cells")
    cursor.execute("drop table moved_totals")


def rebuild(cursor: duckdb.DuckDBPyConnection) -> None:
    """Make the cube anew from all complaints: after a change of deadlines, or to tidy up after many imports."""
    for table in TABLES:
        cursor.execute(f"delete from {table}")
    cursor.execute("create or replace temp view moved as select 1 as sign, * from complaints")
    refresh(cursor)


def _add_repeats(cursor: duckdb.DuckDBPyConnection) -> None:
    moved = cursor.execute(
        """
        select min(opened_at) - interval 30 days, max(opened_at) + interval 30 days, count(*)
        from dated_moved where repeat_key is not null
        """
    ).fetchone()
    if not moved or not moved[2]:
        return
    held = cursor.execute("select count(*) from complaints").fetchone()
    everything = bool(held and moved[2] > 0.2 * held[0])  # then picking out neighbours costs more than it saves
    cursor.execute("create or replace temp view complaints_now as select 1 as sign, * from complaints")
    cursor.execute(DATED.format(view="dated_now", rows="complaints_now"))
    cursor.execute(REPEATS, {"first": moved[0], "last": moved[1], "everything": everything})
