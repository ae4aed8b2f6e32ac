-- The only `where` on filters. A null argument means all; '' in a list of names means "not stated"; days are inclusive.
-- These are conditions, not tables, so that they can be made before the tables of a new or older store are there:
-- they take their columns from the table after `from`.

create or replace macro within(day, first_day, last_day) as
  (first_day is null or day >= first_day) and (last_day is null or day <= last_day);

create or replace macro chosen(name, names) as  -- a single name is compared plainly: DuckDB then skips what lacks it
  names is null
  or case when len(names) = 1 and names[1] <> '' then name = names[1] else list_contains(names, coalesce(name, '')) end;

-- from daily_counts, or complaints with its opening day as opened_on
create or replace macro selected(
  first_day, last_day, regions, municipalities, topic_groups, topics, channels, kinds
) as
  within(opened_on, first_day, last_day)
  and chosen(region, regions) and chosen(municipality, municipalities)
  and chosen(topic_group, topic_groups) and chosen(topic, topics)
  and chosen(channel, channels) and chosen(kind, kinds);

-- from daily_totals
create or replace macro selected_totals(first_day, last_day, regions, topic_groups, kinds) as
  within(day, first_day, last_day)
  and chosen(region, regions) and chosen(topic_group, topic_groups) and chosen(kind, kinds);

-- from region_totals
create or replace macro selected_regions(first_day, last_day, regions, kinds) as
  within(day, first_day, last_day) and chosen(region, regions) and chosen(kind, kinds);

-- from topic_totals
create or replace macro selected_topics(first_day, last_day, topic_groups, topics, kinds) as
  within(day, first_day, last_day)
  and chosen(topic_group, topic_groups) and chosen(topic, topics) and chosen(kind, kinds);
