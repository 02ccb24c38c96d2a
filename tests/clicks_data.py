"""Visits as tests write them down, and a plain SQL load that stores them as the loader does."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass, fields
from datetime import UTC, datetime, timedelta

import asyncpg
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncConnection

from models.clicks import VisitorKind
from models.partitions import CLICKS, SLOTS, VISITORS, make


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A visit of a link, in the order of the columns of the load below; `visitor` None: no hash."""

    occurred_at: datetime
    link_id: int = 1
    workspace_id: int = 1
    kind: VisitorKind = VisitorKind.PERSON
    visitor: int | None = None
    device: str = "DESKTOP"
    country: str | None = None
    referrer: str | None = None
    browser: str | None = None
    os: str | None = None
    language: str | None = None
    utm_source: str | None = None
    utm_medium: str | None = None
    utm_campaign: str | None = None
    bot: str | None = None

    @property
    def utc_day(self) -> str:
        return self.occurred_at.astimezone(UTC).date().isoformat()


_COLUMNS = [field.name for field in fields(Visit)]

# The load of ANALYTICS.md section 2, step 3, without what only the loader needs.
_LOAD = """
with staged as (
  select s.*, row_number() over (partition by utc_day, link_id, visitor, kind = 0 order by occurred_at, batch_row) as n
    from (select *, (occurred_at at time zone 'UTC')::date as utc_day from staging) s),
seen as (
  insert into visitor (utc_day, link_id, visitor)
  select distinct utc_day, link_id, visitor from staged where kind = 0 and visitor is not null order by 1, 2, 3
  on conflict do nothing returning *),
stored as (
  insert into click (occurred_at, link_id, workspace_id, batch_id, batch_row, link_version, kind, first, device,
                     country, referrer, browser, os, language, utm_source, utm_medium, utm_campaign, bot)
  select occurred_at, link_id, workspace_id, $1::bigint, batch_row, 1, kind,
         kind = 0 and n = 1 and seen.visitor is not null, device, country, referrer, browser, os, language, utm_source,
         utm_medium, utm_campaign, bot
    from staged left join seen using (utc_day, link_id, visitor) returning *),
slots as materialized (
  select link_id, workspace_id, date_bin('15 min', occurred_at, timestamptz '2000-01-01 00:00+00') as slot,
         count(*) filter (where kind = 0) as c, count(*) filter (where first) as u,
         count(*) filter (where kind <> 0) as b, max(occurred_at) filter (where kind = 0) as l
    from stored group by 1, 2, 3),
totals as (
  insert into link_total as t (link_id, workspace_id, clicks, unique_clicks, bot_clicks, last_clicked_at)
  select link_id, workspace_id, sum(c), sum(u), sum(b), max(l) from slots group by 1, 2 order by 1
  on conflict (link_id) do update set clicks = t.clicks + excluded.clicks,
     unique_clicks = t.unique_clicks + excluded.unique_clicks, bot_clicks = t.bot_clicks + excluded.bot_clicks,
     last_clicked_at = greatest(t.last_clicked_at, excluded.last_clicked_at)),
sums as (
  insert into click_slot as s (scope, scope_id, slot, clicks, unique_clicks, bot_clicks)
  select 1, link_id, slot, sum(c), sum(u), sum(b) from slots group by 2, 3
  union all
  select 2, workspace_id, slot, sum(c), sum(u), sum(b) from slots group by 2, 3
  order by 1, 2, 3
  on conflict (scope, scope_id, slot) do update set clicks = s.clicks + excluded.clicks,
     unique_clicks = s.unique_clicks + excluded.unique_clicks, bot_clicks = s.bot_clicks + excluded.bot_clicks),
stale as (
  delete from click_day d
   using (select distinct link_id, workspace_id, (slot at time zone 'UTC')::date as day from slots) s
   where d.day = s.day and (d.scope, d.scope_id) in ((1, s.link_id), (2, s.workspace_id)))
select count(*) from stored"""

_LEDGER = """
insert into click_batch (producer, segment, rows, sha256, classifier, occurred_from, occurred_until, loaded_at)
values ($1, $2, $3, $4, 'test', $5, $6, now()) on conflict do nothing returning id"""


async def load(conn: asyncpg.Connection, visits: Sequence[Visit], *, segment: int, producer: int = 1) -> bool:
    """Stores the visits once as this segment; False if it was there already."""
    days = {visit.occurred_at.astimezone(UTC).date() for visit in visits}
    for table in (CLICKS, SLOTS, VISITORS):
        await make(conn, table, days=days)
    async with conn.transaction(isolation="read_committed"):
        times = [visit.occurred_at for visit in visits]
        digest = hashlib.sha256(repr(visits).encode()).digest()
        bounds = (min(times), max(times)) if times else (None, None)
        batch = await conn.fetchval(_LEDGER, producer, segment, len(visits), digest, *bounds)
        if batch is None:
            return False
        await _stage(conn, visits)
        await conn.fetchval(_LOAD, batch)
        await conn.execute(
            "with p as (update feed_position set n = n + 1 returning n) "
            "update click_batch set position = p.n from p where id = $1",
            batch,
        )
        return True


async def _stage(conn: asyncpg.Connection, visits: Iterable[Visit]) -> None:
    await conn.execute(
        "create temporary table if not exists staging (batch_row int, occurred_at timestamptz, link_id bigint, "
        "workspace_id bigint, kind smallint, visitor bigint, device text, country text, referrer text, browser text, "
        "os text, language text, utm_source text, utm_medium text, utm_campaign text, bot text) on commit delete rows"
    )
    rows = [(number, *astuple(visit)) for number, visit in enumerate(visits)]
    await conn.copy_records_to_table("staging", records=rows, columns=["batch_row", *_COLUMNS])


async def give_links(conn: asyncpg.Connection, *links: int, workspace_id: int = 1) -> None:
    """The total rows that creating these links makes."""
    await conn.executemany(
        "insert into link_total (link_id, workspace_id, clicks, unique_clicks, bot_clicks) values ($1, $2, 0, 0, 0) "
        "on conflict do nothing",
        [(link, workspace_id) for link in links],
    )


def spread(start: datetime, count: int, *, every: timedelta, link_id: int = 1) -> list[Visit]:
    """Visits by people, each of another visitor, one after the other."""
    return [Visit(occurred_at=start + number * every, link_id=link_id, visitor=number) for number in range(count)]


@contextmanager
def statements_with_values(conn: AsyncConnection) -> Iterator[list[tuple[str, tuple[object, ...]]]]:
    """The SQL that the connection executes meanwhile, and the values it is given."""
    seen: list[tuple[str, tuple[object, ...]]] = []

    def note(_conn: object, _cursor: object, statement: str, values: tuple[object, ...], *_rest: object) -> None:
        seen.append((statement, values))

    event.listen(conn.sync_connection, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(conn.sync_connection, "before_cursor_execute", note)
