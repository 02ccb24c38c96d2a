"""Millions of clicks of twelve months, made inside PostgreSQL: fifty thousand links, visited as Zipf's law has it.

They lie in the order of their time, as loaded ones do, and `kurz audit` finds nothing to say about them.
"""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import asyncpg

from benchmarks.links import make_links
from models.database import asyncpg_dsn
from models.partitions import CLICKS, SLOTS, make
from recording.housekeeping import make_ahead, sum_up_days

LINKS = 50_000
LETTER = "d"
DAYS = 365
SEGMENT = 4_000
PARTS = 2  # made side by side

# Ranks are spread over the codes, so that a page of links by code is a fair sample; the busiest link stays the first.
# The inverse of Zipf's distribution function (exponent 1.1), taken as continuous: rank 1 gets about a tenth.
_CLICKS = """
insert into click (occurred_at, link_id, workspace_id, batch_id, batch_row, link_version, kind, first, device, country,
                   referrer, browser, os, language, bot)
select $1::timestamptz - interval '1 day' * $2::int * (1 - (n - random()) / $3::int),
       $4::bigint + least($5::int - 1, floor(power((power($5, -0.1) - 1) * random() + 1, -10))::bigint - 1) * 7919 % $5,
       i.workspace_id, (n - 1) / $6::int + 1, (n - 1) % $6 + 1, 1, k.kind, k.kind = 0 and random() < 0.7,
       (array['DESKTOP', 'MOBILE', 'TABLET'])[1 + floor(random() * 3)],
       (array['DE', 'FR', 'US', 'GB', 'IN', 'BR', 'JP', 'ES', 'IT', null])[1 + floor(power(random(), 2) * 10)],
       case when random() < 0.6 then 'site' || floor(power(random(), 3) * 300) || '.example' end,
       (array['Chrome', 'Firefox', 'Safari', 'Edge'])[1 + floor(random() * 4)],
       (array['Windows', 'macOS', 'Android', 'iOS'])[1 + floor(random() * 4)],
       (array['en', 'de', 'fr'])[1 + floor(random() * 3)],
       case when k.kind = 1 then 'Googlebot' end
  from generate_series($7::int, $8::int) n, instance i,
       lateral (select case when random() < 0.12 and n > 0 then 1 else 0 end as kind) k"""

_SLOTS = """
insert into click_slot (scope, scope_id, slot, clicks, unique_clicks, bot_clicks)
select {scope}, {owner}, date_bin('15 min', occurred_at, timestamptz '2000-01-01 00:00+00'),
       count(*) filter (where kind = 0), count(*) filter (where first), count(*) filter (where kind <> 0)
  from click where occurred_at >= $1 and occurred_at < $2 group by 2, 3"""

_TOTALS = """
update link_total t set clicks = s.clicks, unique_clicks = s.unique_clicks, bot_clicks = s.bot_clicks,
       last_clicked_at = s.last_at
  from (select link_id, count(*) filter (where kind = 0) as clicks, count(*) filter (where first) as unique_clicks,
               count(*) filter (where kind <> 0) as bot_clicks, max(occurred_at) filter (where kind = 0) as last_at
          from click group by 1) s
 where t.link_id = s.link_id"""

_LEDGER = """
insert into click_batch (id, producer, segment, rows, sha256, classifier, occurred_from, occurred_until, loaded_at,
                         position)
overriding system value
select batch_id, 1, batch_id, count(*), sha256(batch_id::text::bytea), 'made', min(occurred_at), max(occurred_at),
       max(occurred_at), batch_id
  from click group by batch_id order by batch_id"""

_VISITORS = """
insert into visitor (utc_day, link_id, visitor)
select $1::date, link_id, row_number() over () from click where first and occurred_at >= $1::date::timestamptz"""

_AFTERWARDS = (
    "update feed_position set n = (select max(position) from click_batch)",
    "select setval(pg_get_serial_sequence('click_batch', 'id'), (select max(id) from click_batch))",
    "update link set created_at = now() - interval '366 days', updated_at = now()",
    "update workspace set created_at = now() - interval '366 days'",
)

# Built once all rows are there, which is many times faster than with every row.
_WITHOUT_INDEXES = (
    "drop index ix_click_link_id_occurred_at, ix_click_workspace_id_occurred_at",
    "alter table click_slot drop constraint pk_click_slot",
)
_INDEXES_OF_CLICKS = (
    "create index ix_click_link_id_occurred_at on click (link_id, occurred_at)",
    "create index ix_click_workspace_id_occurred_at on click (workspace_id, occurred_at)",
)
_INDEX_OF_SLOTS = "alter table click_slot add constraint pk_click_slot primary key (scope, scope_id, slot)"


async def make_clicks(database_url: str, *, count: int) -> None:
    """Makes the links of LETTER, a year old, their clicks until now, all sums and the day cache.

    The database must be empty but for an installation, and its clocks in UTC.
    """
    now = datetime.now(UTC)
    await make_links(database_url, letter=LETTER, count=LINKS)
    months = [(now - timedelta(days=days)).date() for days in range(DAYS + 1)]
    connections = [await _connected(database_url) for _ in range(PARTS)]
    first = connections[0]
    try:
        for table in (CLICKS, SLOTS):
            await make(first, table, days=months)
        await make_ahead(first, now=now)
        await _run(first, _WITHOUT_INDEXES)
        await asyncio.gather(
            *(_insert(connection, part, now=now, count=count) for part, connection in enumerate(connections))
        )
        await _sum(connections, now=now)
        await _run(first, [*_AFTERWARDS, "vacuum (freeze, analyze)"])
        await sum_up_days(first, now=now, since=months[-1])
        await first.execute("vacuum (freeze, analyze) click_day")
    finally:
        for connection in connections:
            await connection.close()


async def _connected(database_url: str) -> asyncpg.Connection:
    settings = {"work_mem": "512MB", "maintenance_work_mem": "1GB", "jit": "off"}
    return await asyncpg.connect(asyncpg_dsn(database_url), server_settings=settings)


async def _insert(connection: asyncpg.Connection, part: int, *, now: datetime, count: int) -> None:
    await connection.execute("select setseed($1)", part / PARTS)  # the same clicks every time
    begin, end = count * part // PARTS + 1, count * (part + 1) // PARTS
    await connection.execute(_CLICKS, now, DAYS, count, ord(LETTER) * 10_000_000, LINKS, SEGMENT, begin, end)


async def _sum(connections: Sequence[asyncpg.Connection], *, now: datetime) -> None:
    """Slots, totals, ledger and today's visitors, each by one statement over all clicks."""
    first, other = connections
    half, begin, end = now - timedelta(days=DAYS / 2), now - timedelta(days=DAYS + 1), now + timedelta(days=1)
    half = half.replace(minute=0, second=0, microsecond=0)  # no slot in two parts
    by_link, by_workspace = _SLOTS.format(scope=1, owner="link_id"), _SLOTS.format(scope=2, owner="workspace_id")
    await asyncio.gather(first.execute(by_link, begin, half), other.execute(by_link, half, end))
    await asyncio.gather(first.execute(by_workspace, begin, end), other.execute(_TOTALS))
    await asyncio.gather(
        _run(first, _INDEXES_OF_CLICKS), _run(other, (_INDEX_OF_SLOTS,)),
    )  # fmt: skip
    await first.execute(_LEDGER)
    await first.execute(_VISITORS, now.date())


async def _run(connection: asyncpg.Connection, statements: Sequence[str]) -> None:
    for statement in statements:
        await connection.execute(statement)
