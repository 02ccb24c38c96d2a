"""Ten million clicks of twelve months, made inside PostgreSQL: fifty thousand links, visited as Zipf's law has it."""

from datetime import UTC, datetime, timedelta

import asyncpg

from models.database import asyncpg_dsn
from models.partitions import CLICKS, SLOTS, make
from recording.housekeeping import sum_up_days

LINKS = 50_000
LETTER = "d"
DAYS = 365
CHUNK = 500_000

# The inverse of Zipf's distribution function (exponent 1.1), taken as continuous: rank 1 gets about a seventh.
_INSERT = """
insert into click (occurred_at, link_id, workspace_id, batch_id, batch_row, link_version, kind, first, device, country,
                   referrer, browser, os, language, bot)
select $1::timestamptz - random() * interval '364 days',
       $2::bigint + least($3::int - 1, floor(power((power($3, -0.1) - 1) * random() + 1, -10))::bigint - 1),
       i.workspace_id, $4, n, 1, k.kind, k.kind = 0 and random() < 0.7,
       (array['DESKTOP', 'MOBILE', 'TABLET'])[1 + floor(random() * 3)],
       (array['DE', 'FR', 'US', 'GB', 'IN', 'BR', 'JP', 'ES', 'IT', null])[1 + floor(power(random(), 2) * 10)],
       case when random() < 0.6 then 'site' || floor(power(random(), 3) * 300) || '.example' end,
       (array['Chrome', 'Firefox', 'Safari', 'Edge'])[1 + floor(random() * 4)],
       (array['Windows', 'macOS', 'Android', 'iOS'])[1 + floor(random() * 4)],
       (array['en', 'de', 'fr'])[1 + floor(random() * 3)],
       case when k.kind = 1 then 'Googlebot' end
  from generate_series(1, $5::int) n, instance i,
       lateral (select case when random() < 0.12 and n > 0 then 1 else 0 end as kind) k"""

_SLOTS = """
insert into click_slot (scope, scope_id, slot, clicks, unique_clicks, bot_clicks)
select {scope}, {owner}, date_bin('15 min', occurred_at, timestamptz '2000-01-01 00:00+00'),
       count(*) filter (where kind = 0), count(*) filter (where first), count(*) filter (where kind <> 0)
  from click group by 2, 3"""

_TOTALS = """
update link_total t set clicks = s.clicks, unique_clicks = s.unique_clicks, bot_clicks = s.bot_clicks,
       last_clicked_at = s.last_at
  from (select link_id, count(*) filter (where kind = 0) as clicks, count(*) filter (where first) as unique_clicks,
               count(*) filter (where kind <> 0) as bot_clicks, max(occurred_at) filter (where kind = 0) as last_at
          from click group by 1) s
 where t.link_id = s.link_id"""


async def make_clicks(database_url: str, *, count: int) -> None:
    """Makes the clicks, their sums and the day cache; the links of LETTER must exist, a year old."""
    now = datetime.now(UTC)
    connection = await asyncpg.connect(asyncpg_dsn(database_url))
    try:
        days = [(now - timedelta(days=days)).date() for days in range(DAYS + 1)]
        for table in (CLICKS, SLOTS):
            await make(connection, table, days=days)
        await connection.execute("set work_mem = '256MB'")
        for batch in range(count // CHUNK):
            await connection.execute(_INSERT, now, ord(LETTER) * 10_000_000, LINKS, batch + 1, CHUNK)
        for scope, owner in ((1, "link_id"), (2, "workspace_id")):
            await connection.execute(_SLOTS.format(scope=scope, owner=owner))
        await connection.execute(_TOTALS)
        await connection.execute("vacuum analyze")
        await sum_up_days(connection, now=now, since=days[-1])
        await connection.execute("vacuum analyze click_day")
    finally:
        await connection.close()
