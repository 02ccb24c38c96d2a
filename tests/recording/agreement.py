"""Whether what was stored agrees with itself; written apart from the product's own audit."""

import asyncpg

from recording.load import Connection


async def difference(connection: Connection) -> list[asyncpg.Record]:
    """Where clicks, slots of both scopes, and totals do not say the same."""
    return await connection.fetch(
        """
        with told as (
          select link_id, count(*) filter (where kind = 0) c, count(*) filter (where first) u,
                 count(*) filter (where kind <> 0) b, max(occurred_at) filter (where kind = 0) l from click group by 1),
        slots as (
          select scope, scope_id, sum(clicks) c, sum(unique_clicks) u, sum(bot_clicks) b from click_slot group by 1, 2),
        all_of_it as (select sum(c) c, sum(u) u, sum(b) b from told)
        select 'total' as what, link_id from told full join link_total t using (link_id)
         where (c, u, b, l) is distinct from (t.clicks, t.unique_clicks, t.bot_clicks, t.last_clicked_at)
        union all
        select 'slots', link_id from told full join (select * from slots where scope = 1) s on s.scope_id = link_id
         where (told.c, told.u, told.b) is distinct from (s.c, s.u, s.b)
        union all
        select 'workspace', 0 from all_of_it a, (select sum(c) c, sum(u) u, sum(b) b from slots where scope = 2) s
         where (a.c, a.u, a.b) is distinct from (s.c, s.u, s.b)
        union all
        select 'ledger', 0
          from (select sum(rows - rejected - erased) n from click_batch) l, (select count(*) n from click) c
         where coalesce(l.n, 0) <> c.n
        union all
        select 'visitors', 0 from (select count(*) n from visitor) v, (select count(*) n from click where first) c
         where v.n <> c.n
        """
    )


async def ledger(connection: Connection) -> list[asyncpg.Record]:
    """The loaded segments in the order of loading."""
    return await connection.fetch("select * from click_batch order by id")
