-- The only `where` on filters: one macro for each table that filters choose from. A null argument means all;
-- '' in a list means "not stated". Days are inclusive.

create or replace macro selected(
  first_day, last_day, regions, municipalities, topic_groups, topics, channels, kinds
) as table
select * from daily_counts
where (first_day is null or opened_on >= first_day)
  and (last_day is null or opened_on <= last_day)
  and (regions is null or list_contains(regions, coalesce(region, '')))
  and (municipalities is null or list_contains(municipalities, coalesce(municipality, '')))
  and (topic_groups is null or list_contains(topic_groups, coalesce(topic_group, '')))
  and (topics is null or list_contains(topics, coalesce(topic, '')))
  and (channels is null or list_contains(channels, coalesce(channel, '')))
  and (kinds is null or list_contains(kinds, kind));

create or replace macro selected_totals(first_day, last_day, regions, topic_groups, kinds) as table
select * from daily_totals
where (first_day is null or day >= first_day)
  and (last_day is null or day <= last_day)
  and (regions is null or list_contains(regions, coalesce(region, '')))
  and (topic_groups is null or list_contains(topic_groups, coalesce(topic_group, '')))
  and (kinds is null or list_contains(kinds, kind));

create or replace macro selected_complaints(
  first_day, last_day, regions, municipalities, topic_groups, topics, channels, kinds
) as table
select * from complaints
where (first_day is null or opened_at >= first_day)
  and (last_day is null or opened_at < last_day + 1)
  and (regions is null or list_contains(regions, coalesce(region, '')))
  and (municipalities is null or list_contains(municipalities, coalesce(municipality, '')))
  and (topic_groups is null or list_contains(topic_groups, coalesce(topic_group, '')))
  and (topics is null or list_contains(topics, coalesce(topic, '')))
  and (channels is null or list_contains(channels, coalesce(channel, '')))
  and (kinds is null or list_contains(kinds, kind));

create or replace macro selected_coverage(regions) as table    -- what imports in force cover
select coverage.* from coverage join imports using (import_id)
where imports.undone_at is null
  and (regions is null or list_contains(regions, coalesce(coverage.region, '')));
