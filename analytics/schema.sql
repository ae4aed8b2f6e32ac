-- The shape and the meaning of the data: tables of the lake, made once for each store.

create table store_facts (      -- one row for each fact: schema_version, kind (demo | real), salt, past_origins (of
                                -- forecasts that the first refresh chose to reconstruct, divided by |)
  fact varchar not null,
  value varchar not null
);

create table turnstile (        -- every writer updates its one row: two writers at once always conflict, one retries
  passed bigint not null
);

create table settings (         -- what the reader set in the dashboard: home_region, language …
  setting varchar not null,
  value varchar
);

create table imports (          -- one row for each file; demo data are one import too
  import_id bigint not null,
  source varchar not null,      -- the system that the export came from; ids are unique within it
  file varchar not null,
  preset varchar,               -- null: the mapping was proposed or given by hand
  started_at timestamp not null,    -- UTC
  finished_at timestamp not null,   -- UTC
  rows_read bigint not null,        -- = rows_new + rows_updated + rows_unchanged + rows_rejected
  rows_new bigint not null,
  rows_updated bigint not null,
  rows_unchanged bigint not null,
  rows_rejected bigint not null,
  warnings bigint not null,     -- rows kept with a value ignored
  notices varchar not null,     -- JSON: [{"kind": "region", "value": …, "rows": …}, …]
  left_out varchar not null,    -- JSON: names of the columns that were not stored
  snapshot_before bigint not null,  -- the lake as it was: what undo goes back to
  undone_at timestamp           -- UTC; null: in force
);

create table coverage (         -- which days an import covers, for each region of it
  import_id bigint not null,
  source varchar not null,
  region varchar,
  first_day date not null,      -- of the region within the file
  last_day date not null,       -- of the region within the file
  full_until date not null      -- newest day of the whole file that is not its last, partial one
);

create table rejects (          -- rows that were not stored, with personal data blanked
  import_id bigint not null,
  file varchar not null,
  line bigint not null,         -- line of the file (sheets: row) on which the record begins, the header being 1
  reason varchar not null,      -- no_id | no_opening_date | unreadable_opening_date | future_opening_date | wrong_number_of_columns | broken_quote …
  fields varchar not null       -- JSON object: column of the export -> value
);

create table complaints (
  source varchar not null,
  id varchar not null,          -- (source, id) is the key
  opened_at timestamp not null, -- all four times are local to the region
  closed_at timestamp,
  due_at timestamp,
  first_answer_at timestamp,
  status varchar,               -- new | in_progress | postponed | closed | declined, or as in the export
  kind varchar not null,        -- complaint | suggestion | question | thanks
  region varchar,               -- Russian name of the reference list, or as in the export
  municipality varchar,
  topic_group varchar,
  topic varchar,
  channel varchar,
  official_page varchar,
  agency varchar,
  latitude double,              -- rounded to about 200 m
  longitude double,
  sender_key varchar,           -- salted hash of the sender; the sender is never stored
  text varchar,                 -- only when the operator asked for it, personal data masked
  export_changed_at timestamp,  -- the export's own time of last change: the newest decides
  first_seen_at timestamp not null,   -- UTC: when an import first showed the row
  changed_at timestamp not null,      -- UTC: when an import last changed it
  closed_seen_at timestamp,           -- UTC: when an import first showed it closed
  last_import bigint not null         -- the import that wrote this version of the row
);

-- The cube: additive counts. A change of a complaint adds a row of -1 for what it was and one of +1 for what it is,
-- so refreshing costs what the import costs, not what the store holds; always sum.
create table daily_counts (     -- answers every filter
  opened_on date not null,
  closed_on date,               -- null: open, or closed on an unknown day (closed_undated)
  due_on date,                  -- by due_at, else by the table of deadlines; null: no deadline known
  region varchar,
  municipality varchar,
  topic_group varchar,
  topic varchar,
  channel varchar,
  kind varchar not null,
  complaints bigint not null,
  closed_undated bigint not null,   -- closed by status, without a closing date
  closed_in_time bigint not null,   -- closed by the deadline
  repeat_known bigint not null,     -- the place or the sender is known, so a repeat would be seen
  repeats bigint not null           -- same topic group, municipality and place or sender within the 30 days before
);

create table daily_totals (     -- the same, small: each measure is counted on its own day
  day date not null,
  region varchar,
  topic_group varchar,
  kind varchar not null,
  received bigint not null,
  closed bigint not null,
  closed_undated bigint not null,   -- on the opening day
  due bigint not null,              -- deadline is this day
  due_kept bigint not null,         -- of these: closed by the deadline
  repeat_known bigint not null,     -- on the opening day
  repeats bigint not null           -- on the opening day
);

create table region_totals (     -- daily_totals summed over the topic groups: most questions need no more
  day date not null,
  region varchar,
  kind varchar not null,
  received bigint not null,
  closed bigint not null,
  closed_undated bigint not null,
  due bigint not null,
  due_kept bigint not null,
  repeat_known bigint not null,
  repeats bigint not null
);

create table topic_totals (      -- what was received by topic, of all regions: what is asked of the whole country
  day date not null,
  topic_group varchar,
  topic varchar,
  kind varchar not null,
  received bigint not null
);

create table choices (          -- what the filters can choose from; additive, so always sum
  meaning varchar not null,     -- region | municipality | topic_group | topic | channel | kind
  parent varchar not null,      -- of a municipality its region, of a topic its topic group; empty: none
  value varchar not null,       -- empty: not stated
  complaints bigint not null    -- of every kind
);

create table source_days (      -- what arrived from where, for completeness
  source varchar not null,
  region varchar,
  day date not null,
  complaints bigint not null
);

create table deadlines (        -- days to answer, where the export gives no due date; empty topic_group = all
  source varchar not null,      -- '' = every source that has none of its own
  topic_group varchar,
  days bigint not null
);

create table aliases (          -- the user's own spellings: kind is region | municipality | topic_group | topic | channel
  kind varchar not null,
  spelling varchar not null,
  name varchar not null,
  region varchar                -- for municipalities; empty = any
);

create table own_thresholds (   -- complaints a day that the reader can handle; '*' = all
  region varchar not null,
  topic_group varchar not null,
  complaints bigint not null,
  municipality varchar          -- null: the region as a whole
);

create table own_days (         -- days off that no public calendar knows
  day date not null,
  name varchar not null,
  region varchar                -- null: everywhere
);

create table shapes (           -- outlines from the reader's GeoJSON, as they are drawn
  region varchar not null,
  municipality varchar not null,    -- '' = the region itself
  shape varchar not null        -- GeoJSON geometry: degrees, unwrapped at 180°, exterior rings against the clock
);

create table regions (          -- reference: names, time zone, population
  region varchar not null,      -- as in complaints.region
  code varchar,                 -- ISO 3166-2
  name_ru varchar,
  name_en varchar,
  district_ru varchar,
  district_en varchar,
  time_zone varchar,
  population bigint
);

create table municipalities (   -- reference, where one is known
  region varchar not null,
  municipality varchar not null,
  population bigint
);

-- The ledger: every forecast that was issued, never rewritten. Region and topic_group are '*' where they were summed.
-- A row's whole distribution is its mean, dispersion and cell, read with the calibration of its run; the quantiles are
-- its print.
create table forecast_runs (
  run_id bigint not null,
  origin date not null,         -- the last day that was known
  issued_at timestamp not null, -- UTC
  snapshot bigint not null,     -- of the lake, that the counts were read from
  version varchar not null,     -- of the method, of the calendar and, where it was issued, of the data
  horizon bigint not null,      -- days ahead
  reconstructed boolean not null,   -- made later, as it would have been made then; never counted as issued
  method varchar not null,      -- JSON: {what the forecasts rest on, in words: series}
  unloaded varchar not null,    -- JSON: [{"source": …, "region": …, "first_day": …, "last_day": …}, …]
  calibration varchar not null, -- JSON: cells × 13 levels
  municipal_calibration varchar -- the same of municipal_forecasts; null: none were issued
);

create table forecasts (         -- regions and totals: kept for ever
  run_id bigint not null,
  day date not null,
  region varchar not null,      -- '' = not stated, '*' = all
  topic_group varchar not null,
  mean double not null,
  dispersion double not null,
  cell bigint not null,
  "0.025" bigint not null,
  "0.05" bigint not null,
  "0.1" bigint not null,
  "0.2" bigint not null,
  "0.3" bigint not null,
  "0.4" bigint not null,
  "0.5" bigint not null,
  "0.6" bigint not null,
  "0.7" bigint not null,
  "0.8" bigint not null,
  "0.9" bigint not null,
  "0.95" bigint not null,
  "0.975" bigint not null
);

create table municipal_forecasts (   -- kept for 35 days: there are too many
  run_id bigint not null,
  day date not null,
  region varchar not null,
  municipality varchar not null,
  topic_group varchar not null,
  mean double not null,
  dispersion double not null,
  cell bigint not null,
  "0.1" bigint not null,
  "0.5" bigint not null,
  "0.9" bigint not null
);

create table forecast_parts (    -- the factors of an issued mean; kept for 35 days
  run_id bigint not null,
  day date not null,
  region varchar not null,      -- '' = not stated, '*' = all
  topic_group varchar not null,
  level double not null,        -- complaints a day, with what past errors taught
  weekday double not null,
  season double not null,
  holiday double not null,
  events double not null,
  weather double not null
);

create table signals (          -- issued with a run of forecasts, never rewritten; '*' where regions or topics were summed
  run_id bigint not null,
  region varchar not null,
  topic_group varchar not null,
  first_day date not null,      -- days on which a spike is probable
  last_day date not null,
  peak_day date not null,       -- the likeliest
  threshold bigint not null,    -- complaints on the peak day that would be a spike, frozen at the origin
  expected double not null,     -- complaints on the peak day
  usual double not null,        -- median of the last 364 days
  excess double not null,       -- complaints above the usual over all its days
  probability double not null,  -- of a spike on one of its days
  severe double not null,       -- the same of 1.5 times the threshold
  score double not null,        -- what the order goes by
  also varchar not null,        -- topics told by this signal, divided by |
  within_budget boolean not null,
  why varchar not null          -- JSON: {part of the forecast: factor on the peak day, events_named: [title]} or {}
);

create table outbreak_runs (    -- runs of forecasts with which the last days were judged too
  run_id bigint not null,
  series bigint not null,       -- that were judged, totals included
  false_alarms double not null  -- share of a series' quiet days on which one is wrongly said
);

create table outbreaks (        -- what went on at the origin of a run, never rewritten; '*' as above
  run_id bigint not null,
  region varchar not null,
  topic_group varchar not null,
  first_day date not null,      -- the first unusual day
  last_day date not null,       -- the last of them
  complaints bigint not null,   -- from the first day to the origin, as far as arrived
  expected double not null,     -- of these days, as far as arrived
  score double not null         -- the greatest: standard deviations above what was expected
);

create table feedback (         -- what people said of signals; it shifts their order, never their probability
  region varchar not null,
  topic_group varchar not null,
  peak_day date not null,
  said varchar,                 -- useful | false | known
  word varchar,
  owner varchar,
  given_at timestamp not null,  -- UTC
  municipality varchar          -- null: of the region
);

create table rehearsal_grounds (    -- what rehearsals of events rest on; of the newest origin only, learned by refresh
  origin date not null,         -- the last day that was known
  made_at timestamp not null,   -- UTC
  version varchar not null,     -- of the method, the calendar and the data
  part varchar not null,        -- arrays (NumPy, zipped) | series, events, profiles, cases (Parquet)
  content blob not null
);

create table kept_answers (     -- what pages ask and is dear; computed by refresh, of the newest state of the data only
  question varchar not null,
  about varchar not null,       -- JSON: what it was asked of
  state varchar not null,       -- of data, forecasts and method: with any other the answer is not used
  kept_at timestamp not null,   -- UTC
  content blob not null         -- a zip: told.json, and a Parquet file for each table in it
);

create table events (           -- known, dated happenings: what, when, where and since when we know
  id varchar not null,
  type varchar not null,        -- of the tree of types, such as weather.snowfall
  title varchar not null,
  starts_on date not null,
  ends_on date not null,
  region varchar not null,      -- '' = all; several by |
  municipality varchar not null,    -- '' = all; several by |
  topic varchar not null,       -- topic group; '' = all; several by |
  strength double,              -- in `unit`; null: unknown
  unit varchar,
  known_since date not null,    -- no forecast from an origin before it may use the event
  source varchar not null,
  cancelled boolean not null,
  changed_at timestamp not null -- UTC
);

create table weather (
  day date not null,
  place varchar not null,       -- region; '' = everywhere
  issued_on date,               -- null: observed; else forecast on that day
  temperature_c double,
  rain_mm double,
  snow_cm double,
  wind_ms double
);
