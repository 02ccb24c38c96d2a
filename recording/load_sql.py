"""The statements of a load. In the transaction of one segment or several, in this order."""

# What is known does not come back; a load of it that is under way is waited for, and so that nobody waits in a circle
# all book in the same order.
BOOK = """
insert into click_batch (producer, segment, rows, sha256, classifier, loaded_at)
select producer, segment, rows, sha256, $5, clock_timestamp()
  from unnest($1::bigint[], $2::bigint[], $3::int[], $4::bytea[]) as s (producer, segment, rows, sha256)
 order by segment, producer
on conflict (producer, segment) do nothing returning producer, segment, id"""

KNOWN = "select sha256 from click_batch where producer = $1 and segment = $2"

# In the order of copying.COLUMNS. The sorts are of some megabytes, and nothing runs long enough to be compiled.
MAKE_STAGING = """
set local work_mem = '64MB';
set local jit = off;
create temporary table if not exists incoming (
  batch_id bigint not null, batch_row int not null, occurred_at timestamptz not null, utc_day date not null,
  link_id bigint not null, workspace_id bigint not null, link_version int not null, kind smallint not null,
  visitor bigint, time_replaced bool not null, device text not null, country text, referrer text, browser text, os text,
  language text, utm_source text, utm_medium text, utm_campaign text, bot text
) on commit delete rows"""

EMPTY_STAGING = "delete from incoming"

# What was under way to a link or workspace that was erased meanwhile; how many lines of each batch it was.
DROP_ERASED = """
with dropped as (
  delete from incoming s
   where exists (select from erased_workspace e where e.id = s.workspace_id)
      or exists (select from erased_link e where e.id = s.link_id)
  returning batch_id)
select batch_id, count(*) as n from dropped group by 1"""

# `kind = 0` for the candidates: a bot with the same hash must not take the person's flag. Every insert that may have to
# wait is in the order of its key, so that two loads never wait for each other in a circle. What is sorted has few
# columns; the wide rows are read once, in the order of their lines. `in` and not joins: it always looks up in a hash
# table, while the planner, which knows nothing of temporary tables and keeps the plan of the first load, may join row
# by row. (A row without visitor is no candidate, so that the second `in` is not asked for it.)
STORE = """
with candidate as materialized (
       select distinct on (utc_day, link_id, visitor) utc_day, link_id, visitor, batch_id, batch_row
         from incoming where kind = 0 and visitor is not null
        order by utc_day, link_id, visitor, batch_id, occurred_at, batch_row),
     seen as (
       insert into visitor (utc_day, link_id, visitor)
       select utc_day, link_id, visitor from candidate order by 1, 2, 3
       on conflict do nothing returning utc_day, link_id, visitor),
     stored as (
       insert into click (
              occurred_at, link_id, workspace_id, batch_id, batch_row, link_version, kind, first, time_replaced, device,
              country, referrer, browser, os, language, utm_source, utm_medium, utm_campaign, bot)
       select occurred_at, link_id, workspace_id, batch_id, batch_row, link_version, kind,
              (batch_id, batch_row) in (select batch_id, batch_row from candidate)
                and (utc_day, link_id, visitor) in (select utc_day, link_id, visitor from seen),
              time_replaced, device, country, referrer, browser, os, language, utm_source, utm_medium, utm_campaign, bot
         from incoming
       returning occurred_at, link_id, workspace_id, batch_id, kind, first),
     slots as materialized (
       select link_id, workspace_id, date_bin('15 min', occurred_at, timestamptz '2000-01-01 00:00+00') as slot,
              (count(*) filter (where kind = 0))::int as clicks, (count(*) filter (where first))::int as unique_clicks,
              (count(*) filter (where kind <> 0))::int as bot_clicks,
              max(occurred_at) filter (where kind = 0) as last_at
         from stored group by 1, 2, 3 order by 1, 3),
     totals as (
       insert into link_total as t (link_id, workspace_id, clicks, unique_clicks, bot_clicks, last_clicked_at)
       select link_id, min(workspace_id), sum(clicks), sum(unique_clicks), sum(bot_clicks), max(last_at)
         from slots group by 1 order by 1
       on conflict (link_id) do update
          set clicks = t.clicks + excluded.clicks, unique_clicks = t.unique_clicks + excluded.unique_clicks,
              bot_clicks = t.bot_clicks + excluded.bot_clicks,
              last_clicked_at = greatest(t.last_clicked_at, excluded.last_clicked_at)
       returning t.link_id, t.hidden_at),
     by_link as (
       insert into click_slot as s (scope, scope_id, slot, clicks, unique_clicks, bot_clicks)
       select 1, link_id, slot, sum(clicks), sum(unique_clicks), sum(bot_clicks)
         from slots group by 2, 3 order by 2, 3
       on conflict (scope, scope_id, slot) do update
          set clicks = s.clicks + excluded.clicks, unique_clicks = s.unique_clicks + excluded.unique_clicks,
              bot_clicks = s.bot_clicks + excluded.bot_clicks),
     by_workspace as (
       insert into click_slot as s (scope, scope_id, slot, clicks, unique_clicks, bot_clicks)
       select 2, workspace_id, slot, sum(clicks), sum(unique_clicks), sum(bot_clicks)
         from slots where link_id not in (select link_id from totals where hidden_at is not null)
        group by 2, 3 order by 2, 3
       on conflict (scope, scope_id, slot) do update
          set clicks = s.clicks + excluded.clicks, unique_clicks = s.unique_clicks + excluded.unique_clicks,
              bot_clicks = s.bot_clicks + excluded.bot_clicks),
     stale as (
       delete from click_day d
        using (select distinct 1 as scope, link_id as scope_id, (slot at time zone 'UTC')::date as day from slots
               union select 2, workspace_id, (slot at time zone 'UTC')::date from slots) touched
        where d.scope = touched.scope and d.scope_id = touched.scope_id and d.day = touched.day)
select batch_id, count(*) as clicks, min(occurred_at) as first_at, max(occurred_at) as last_at from stored group by 1"""
