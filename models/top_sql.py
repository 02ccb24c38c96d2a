"""The one statement behind `top`: cached days where there are, clicks for the rest, all dimensions in one scan."""

from collections.abc import Sequence

from models.click_dimensions import ClickDimension, columns, grouped
from models.click_reads import ADMITTED, Reading, asked_sql, clicks_sql

# Whole UTC days of the range that are cached with every dimension asked for.
_CACHED = """
cached as materialized (
  select a.n, a.owner, a.lo, d.dimensions, d.day::timestamp at time zone 'UTC' as starts,
         (d.day + 1)::timestamp at time zone 'UTC' as ends
    from asked a cross join lateral (
      select day, dimensions from click_day
       where scope = :scope and scope_id = a.owner and day >= (a.lo at time zone 'UTC')::date
         and day < (a.hi at time zone 'UTC')::date offset 0) d
   where d.day::timestamp at time zone 'UTC' >= a.lo and d.dimensions ?& cast(:dimensions as text[])
)"""

# What lies between the cached days, and after the last one.
_PIECES_BESIDE_CACHE = """
piece as materialized (
  select n, owner, lo, hi from (
    select n, owner, coalesce(lag(ends) over (partition by n, owner order by starts), lo), starts from cached
    union all
    select a.n, a.owner, coalesce(max(c.ends), a.lo), a.hi
      from asked a left join cached c using (n, owner) group by a.n, a.owner, a.lo, a.hi
  ) gap (n, owner, lo, hi) where lo < hi
)"""

_FROM_CACHE = """
  union all
  select c.n, x.dimension, v ->> 0, (v ->> 1)::bigint, (v ->> 2)::bigint, (v ->> 3)::bigint
    from cached c join admitted a using (n) cross join unnest(cast(:dimensions as text[])) x (dimension)
   cross join jsonb_array_elements(c.dimensions -> x.dimension) v
   where a.ok"""

_RANKED = """
found as (
  select n, dimension, key, sum(clicks)::bigint as clicks, sum(unique_clicks)::bigint as unique_clicks,
         sum(bot_clicks)::bigint as bot_clicks
    from counted group by 1, 2, 3
),
whole as (
  select n, dimension, sum(clicks)::bigint as all_clicks, sum(unique_clicks)::bigint as all_unique_clicks,
         sum(bot_clicks)::bigint as all_bot_clicks
    from found group by 1, 2
),
wanted as (
  select * from unnest(cast(:wishes as int[]), cast(:wished as text[]), cast(:metrics as text[]),
                       cast(:firsts as int[])) w (wish, dimension, metric, first)
),
ranked as (
  select f.*, w.wish, w.first, v.value,
         row_number() over (partition by f.n, w.wish order by v.value desc, f.key collate "C" nulls last) as rank
    from found f join wanted w using (dimension) cross join lateral (
      select case w.metric when 'CLICKS' then f.clicks when 'UNIQUE_CLICKS' then f.unique_clicks
                           else f.bot_clicks end as value) v
   where v.value > 0
)
select a.n, a.weight, a.gone, a.ok, w.wish, t.all_clicks, t.all_unique_clicks, t.all_bot_clicks,
       r.rank, r.key, r.clicks, r.unique_clicks, r.bot_clicks
  from admitted a cross join wanted w
  left join whole t on t.n = a.n and t.dimension = w.dimension
  left join ranked r on r.n = a.n and r.wish = w.wish and r.rank <= w.first
 order by a.n, w.wish, r.rank"""


def top_sql(asked: Reading, dimensions: Sequence[ClickDimension], *, cached: bool) -> str:
    """The statement; parameters: those of the reading, wishes, wished, metrics, firsts and, if `cached`, dimensions.

    `cached` only without a filter: the cache holds whole days.
    """
    clicks = clicks_sql(asked, columns(dimensions))
    source = f"admitted a join piece p using (n) cross join {clicks} c where a.ok"
    parts = (
        asked_sql(asked.scope),
        f"{_CACHED},{_PIECES_BESIDE_CACHE}" if cached else "piece as (select * from asked)",
        ADMITTED,
        f"counted as ({grouped(dimensions, by='p.n', source=source)}{_FROM_CACHE if cached else ''}\n)",
        _RANKED,
    )
    return "with " + ",\n".join(parts)
