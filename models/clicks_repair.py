"""The repair: slots and totals made anew from the clicks, for the months whose clicks are still there."""

from collections.abc import Collection
from datetime import UTC, datetime, time

import asyncpg

from models.audit_log import Action, note_for_all
from models.clicks_audit import SCOPES, Check, Difference
from models.partitions import CLICKS, Partition, existing

_EMPTY = "delete from click_slot where slot >= $1 and slot < $2"
_FILL = """
insert into click_slot (scope, scope_id, slot, clicks, unique_clicks, bot_clicks)
select {scope}, {own}, date_bin('15 min', occurred_at, timestamptz '2000-01-01 00:00+00'),
       count(*) filter (where kind = 0), count(*) filter (where first), count(*) filter (where kind <> 0)
  from click c where occurred_at >= $1 and occurred_at < $2 and {seen} group by 2, 3"""
_FORGET_DAYS = "delete from click_day where day >= $1 and day < $2"

# A link without a total row is one that is gone, unless its clicks say whose it was.
_TOTALS = """
with summed as (
  select scope_id as link_id, sum(clicks)::bigint as clicks, sum(unique_clicks)::bigint as unique_clicks,
         sum(bot_clicks)::bigint as bot_clicks
    from click_slot where scope = 1 group by 1),
owned as (
  select link_id, max(workspace_id) as workspace_id, max(occurred_at) filter (where kind = 0) as last_clicked_at
    from click group by 1)
insert into link_total as t (link_id, workspace_id, clicks, unique_clicks, bot_clicks, last_clicked_at)
select link_id, coalesce(k.workspace_id, o.workspace_id), coalesce(s.clicks, 0), coalesce(s.unique_clicks, 0),
       coalesce(s.bot_clicks, 0), greatest(k.last_clicked_at, o.last_clicked_at)
  from summed s full join link_total k using (link_id) left join owned o using (link_id)
 where coalesce(k.workspace_id, o.workspace_id) is not null
   and (k.link_id is null or (k.clicks, k.unique_clicks, k.bot_clicks)
        <> (coalesce(s.clicks, 0), coalesce(s.unique_clicks, 0), coalesce(s.bot_clicks, 0)))
on conflict (link_id) do update set clicks = excluded.clicks, unique_clicks = excluded.unique_clicks,
   bot_clicks = excluded.bot_clicks, last_clicked_at = excluded.last_clicked_at"""


async def repair(conn: asyncpg.Connection, differences: Collection[Difference], *, now: datetime) -> None:
    """Makes what is derived anew where it differs, and tells in the audit log; the ledger and the clicks are never
    touched.

    Not inside a transaction. Loads wait until it is done.
    """
    wrong = {difference.where for difference in differences if difference.check in _OF_SLOTS}
    months = [month for month in await existing(conn, CLICKS) if month.name in wrong]
    async with conn.transaction(isolation="read_committed"):
        # Every load begins with its row in the ledger: in this mode none is under way, and none begins.
        await conn.execute("lock table click_batch in share mode")
        for month in months:
            await _rebuild(conn, month)
        await conn.execute(_TOTALS)
        found = {f"{one.where}: {one.check}": one.count for one in differences}
        await note_for_all(conn, Action.CLICKS_REPAIR, before=found, now=now)


_OF_SLOTS = frozenset({Check.LINK_SLOTS, Check.WORKSPACE_SLOTS})


async def _rebuild(conn: asyncpg.Connection, month: Partition) -> None:
    begin, end = (datetime.combine(day, time(), UTC) for day in (month.first, month.end))
    await conn.execute(_EMPTY, begin, end)
    for scope, own, seen, _ in SCOPES:
        await conn.execute(_FILL.format(scope=scope, own=own, seen=seen), begin, end)
    await conn.execute(_FORGET_DAYS, month.first, month.end)
