"""Erasing links for good, with every click: those that were deleted a month ago, or all of a workspace.

In steps of one short transaction each, after which clicks, sums and ledger agree: whoever is interrupted begins again.
Before its first step a link, or its workspace, has a tombstone, so that no load adds to what goes. Raw asyncpg, as the
loader has it.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TypeAlias

import asyncpg

from models.ids import LinkId
from models.link_deletion import RESTORABLE_FOR
from models.links import LINK_CHANNEL

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

LINKS_AT_ONCE = 100
# Visits that go in one transaction, unless a single link has more on one day. Whoever deletes a link waits that long.
VISITS_AT_ONCE = 50_000
ATTEMPTS = 5
ERASURE_LOCK = 0x6B75727D  # advisory: any number will do, as long as every Kurz takes the same

# One eraser at a time, on whatever host. The ledger is locked in the order of all others, which is first.
_IN_TURN = "select pg_advisory_xact_lock($1)"
_HOLD_LEDGER = "lock table click_batch in row exclusive mode"

# A step takes the links' visits of the days before a date; the last one those of all days, and the links themselves.
_ERASE_VISITS = (
    """with gone as (
              delete from click
               where link_id = any($1::bigint[]) and occurred_at < $2::date::timestamp at time zone 'UTC'
              returning batch_id),
             counted as (select batch_id, count(*) as n from gone group by 1)
        update click_batch b set erased = b.erased + c.n from counted c where b.id = c.batch_id""",
    "delete from visitor where link_id = any($1::bigint[]) and utc_day < $2::date",
    # The workspace's sums are without what is hidden already. Never below zero: a sum that was wrong stops nothing.
    """update click_slot w
           set clicks = greatest(0, w.clicks - l.clicks),
               unique_clicks = greatest(0, w.unique_clicks - l.unique_clicks),
               bot_clicks = greatest(0, w.bot_clicks - l.bot_clicks)
          from (select t.workspace_id, s.slot, sum(s.clicks) as clicks, sum(s.unique_clicks) as unique_clicks,
                       sum(s.bot_clicks) as bot_clicks
                  from click_slot s join link_total t on t.link_id = s.scope_id and t.hidden_at is null
                 where s.scope = 1 and s.scope_id = any($1::bigint[])
                   and s.slot < $2::date::timestamp at time zone 'UTC' group by 1, 2) l
         where w.scope = 2 and w.scope_id = l.workspace_id and w.slot = l.slot""",
    """with gone as (
              delete from click_slot
               where scope = 1 and scope_id = any($1::bigint[]) and slot < $2::date::timestamp at time zone 'UTC'
              returning scope_id, clicks, unique_clicks, bot_clicks),
             summed as (select scope_id, sum(clicks) as clicks, sum(unique_clicks) as unique_clicks,
                               sum(bot_clicks) as bot_clicks from gone group by 1)
        update link_total t
           set clicks = greatest(0, t.clicks - s.clicks), bot_clicks = greatest(0, t.bot_clicks - s.bot_clicks),
               unique_clicks = least(greatest(0, t.clicks - s.clicks), greatest(0, t.unique_clicks - s.unique_clicks))
          from summed s where s.scope_id = t.link_id""",
    "delete from click_day where scope = 1 and scope_id = any($1::bigint[]) and day < $2::date",
)
_ERASE_LINKS = (
    "delete from link_total where link_id = any($1::bigint[])",
    f"""with gone as (delete from link where id = any($1::bigint[]) returning domain_id, code)
        select pg_notify('{LINK_CHANNEL}', domain_id || ' ' || code) from gone""",  # noqa: S608 - our own word only
)
_SIZES = "select link_id, clicks + bot_clicks as visits from link_total where link_id = any($1::bigint[])"
# The day after as many of a link's first days as together have that many visits; at least one.
_FIRST_DAYS = """
with days as (
  select (slot at time zone 'UTC')::date as day, sum(clicks + bot_clicks) as visits
    from click_slot where scope = 1 and scope_id = $1 group by 1),
running as (select day, sum(visits) over (order by day) as visits from days)
select coalesce(max(day) filter (where visits <= $2), min(day)) + 1 from running"""

# In the order of those who delete and restore: the link, then the ledger. Whom somebody holds has the next turn.
_OVERDUE = "select id from link where deleted_at < $1 order by deleted_at limit $2 for update skip locked"
# Every load begins with its row in the ledger: in this mode none is under way, and later ones see what is written now.
STOP_LOADS = "lock table click_batch in share row exclusive mode"
_BURY = "insert into erased_link (id, erased_at) select unnest($1::bigint[]), $2 on conflict do nothing"


async def erase_overdue(conn: Connection, *, now: datetime) -> int | None:
    """One step in erasing the links that nobody can restore any more: how many are gone by it, None when none is left.

    Not inside a transaction.
    """
    async with conn.transaction(isolation="read_committed"):
        rows = await conn.fetch(_OVERDUE, now - RESTORABLE_FOR, LINKS_AT_ONCE)
        ids: list[LinkId] = [row["id"] for row in rows]
        if ids:
            await conn.execute(STOP_LOADS)
            await conn.execute(_BURY, ids, now)
    return await erase_some(conn, ids) if ids else None


@dataclass(frozen=True, slots=True)
class _Step:
    """These links' visits of the days before `until`, and without that date the links as well."""

    ids: Sequence[LinkId]
    until: date | None = None


async def erase_some(conn: Connection, ids: Sequence[LinkId]) -> int:
    """One step in erasing these links, which have tombstones: how many are gone by it, 0 for a part of a large one."""
    step = await _next_step(conn, ids)
    # With somebody who was just changing one of the links.
    await persistently(lambda: _take(conn, step), despite=(asyncpg.DeadlockDetectedError,))
    return len(step.ids) if step.until is None else 0


async def persistently(work: Callable[[], Awaitable[None]], *, despite: tuple[type[Exception], ...]) -> None:
    """Does the work, and again after one of these errors; the fifth of them is raised."""
    for _ in range(ATTEMPTS - 1):
        try:
            return await work()
        except despite:
            continue
    return await work()


async def _next_step(conn: Connection, ids: Sequence[LinkId]) -> _Step:
    sizes = {row["link_id"]: row["visits"] for row in await conn.fetch(_SIZES, ids)}
    if sizes.get(ids[0], 0) > VISITS_AT_ONCE:
        until = await conn.fetchval(_FIRST_DAYS, ids[0], VISITS_AT_ONCE)
        return _Step(ids[:1], until)
    room, count = VISITS_AT_ONCE, 0
    while count < len(ids) and (room := room - sizes.get(ids[count], 0)) >= 0:
        count += 1
    return _Step(ids[:count])


async def _take(conn: Connection, step: _Step) -> None:
    async with conn.transaction(isolation="read_committed"):
        await conn.execute(_IN_TURN, ERASURE_LOCK)
        await conn.execute(_HOLD_LEDGER)
        for statement in _ERASE_VISITS:
            await conn.execute(statement, step.ids, step.until or date.max)  # asyncpg's word for infinity
        for statement in _ERASE_LINKS if step.until is None else ():
            await conn.execute(statement, step.ids)
