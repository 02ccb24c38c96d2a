"""The audit: whether clicks, slots, totals, visitors and the ledger still say the same."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from enum import StrEnum

import asyncpg

from models.partitions import CLICKS, VISITORS, Partition, existing


class Check(StrEnum):
    """What is compared with what."""

    LINK_SLOTS = "clicks of a month = slots of its links"
    WORKSPACE_SLOTS = "clicks of a month = slots of its workspaces"
    TOTALS = "totals of links = all slots of links"
    LEDGER = "rows of a segment = stored + rejected + erased"
    VISITORS = "unique clicks of a day = visitors seen"


@dataclass(frozen=True, slots=True)
class Difference:
    """Where a check failed: how many of `where`'s slots, links, segments or links of a day differ."""

    check: Check
    where: str
    count: int


# One row per slot that is not what its clicks say. `own` is the click's column that the scope is about.
_SLOTS_THAT_DIFFER = """
with told as (
  select {own} as scope_id, date_bin('15 min', occurred_at, timestamptz '2000-01-01 00:00+00') as slot,
         count(*) filter (where kind = 0) as clicks, count(*) filter (where first) as unique_clicks,
         count(*) filter (where kind <> 0) as bot_clicks
    from click c where occurred_at >= $1 and occurred_at < $2 and {seen} group by 1, 2),
kept as (
  select scope_id, slot, clicks, unique_clicks, bot_clicks from click_slot
   where scope = $3 and slot >= $1 and slot < $2 and (clicks, unique_clicks, bot_clicks) <> (0, 0, 0))
select count(*) from told full join kept using (scope_id, slot)
 where (told.clicks, told.unique_clicks, told.bot_clicks)
       is distinct from (kept.clicks::bigint, kept.unique_clicks::bigint, kept.bot_clicks::bigint)"""

_TOTALS_THAT_DIFFER = """
with summed as (
  select scope_id as link_id, sum(clicks)::bigint as clicks, sum(unique_clicks)::bigint as unique_clicks,
         sum(bot_clicks)::bigint as bot_clicks
    from click_slot where scope = 1 group by 1)
select count(*) from link_total t full join summed s using (link_id)
 where (coalesce(t.clicks, 0), coalesce(t.unique_clicks, 0), coalesce(t.bot_clicks, 0))
    <> (coalesce(s.clicks, 0), coalesce(s.unique_clicks, 0), coalesce(s.bot_clicks, 0))"""

# Only batches whose months are all there: the clicks of others are gone by retention.
_BATCHES_THAT_DIFFER = """
select count(*) from click_batch b
  left join (select batch_id, count(*) as stored from click where occurred_at >= $1 group by 1) c on c.batch_id = b.id
 where (b.occurred_from is null or b.occurred_from >= $1)
   and b.rows - b.rejected - b.erased <> coalesce(c.stored, 0)"""

_VISITORS_THAT_DIFFER = """
with told as (
  select link_id, count(*) as n from click where first and occurred_at >= $1 and occurred_at < $2 group by 1),
seen as (select link_id, count(*) as n from visitor where utc_day = $3 group by 1)
select count(*) from told full join seen using (link_id) where told.n is distinct from seen.n"""

# The workspace's sums are without the clicks of deleted links, which are few.
SEEN = "not exists (select from link_total h where h.link_id = c.link_id and h.hidden_at is not null)"
SCOPES = ((1, "link_id", "true", Check.LINK_SLOTS), (2, "workspace_id", SEEN, Check.WORKSPACE_SLOTS))


async def audit(conn: asyncpg.Connection) -> list[Difference]:
    """Every difference, as of one moment; nothing is changed. Not inside a transaction."""
    async with conn.transaction(isolation="repeatable_read", readonly=True):
        months = await existing(conn, CLICKS)
        found = [
            *[difference for month in months for difference in await _slots(conn, month)],
            await _difference(conn, Check.TOTALS, "all links", _TOTALS_THAT_DIFFER),
            *([await _ledger(conn, months)] if months else []),
            *[await _visitors(conn, day) for day in await existing(conn, VISITORS) if _is_kept(day, months)],
        ]
    return [difference for difference in found if difference.count]


async def _slots(conn: asyncpg.Connection, month: Partition) -> list[Difference]:
    begin, end = _begin(month.first), _begin(month.end)
    return [
        await _difference(conn, check, month.name, _SLOTS_THAT_DIFFER.format(own=own, seen=seen), begin, end, scope)
        for scope, own, seen, check in SCOPES
    ]


async def _ledger(conn: asyncpg.Connection, months: Sequence[Partition]) -> Difference:
    return await _difference(conn, Check.LEDGER, "all segments", _BATCHES_THAT_DIFFER, _begin(months[0].first))


async def _visitors(conn: asyncpg.Connection, day: Partition) -> Difference:
    values = (_begin(day.first), _begin(day.end), day.first)
    return await _difference(conn, Check.VISITORS, day.name, _VISITORS_THAT_DIFFER, *values)


async def _difference(
    conn: asyncpg.Connection, check: Check, where: str, statement: str, *values: object
) -> Difference:
    return Difference(check, where, await conn.fetchval(statement, *values))


def _is_kept(day: Partition, months: Sequence[Partition]) -> bool:
    return any(month.first <= day.first < month.end for month in months)


def _begin(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
