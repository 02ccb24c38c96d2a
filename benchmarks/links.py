"""Many links at once, for measuring; made by one statement, not over the API."""

import asyncpg

from models.database import asyncpg_dsn

# Ids need not be time-ordered to be looked up: the numbers serve.
MAKE = """
with made as (
  insert into link (id, workspace_id, domain_id, code, destination_url, created_at, updated_at, version)
  select n + $2::bigint, i.workspace_id, i.domain_id, $1 || to_char(n, 'FM000000'),
         'https://example.com/a/page?of=some&length=' || n, now(), now(), 1
    from generate_series(0, $3::int - 1) n, instance i
  returning id, workspace_id)
insert into link_total (link_id, workspace_id, clicks, unique_clicks, bot_clicks)
select id, workspace_id, 0, 0, 0 from made
"""


async def make_links(database_url: str, *, letter: str, count: int) -> None:
    """Makes the links `<letter>000000` and on, each with a destination of its own."""
    connection = await asyncpg.connect(asyncpg_dsn(database_url))
    try:
        await connection.execute(MAKE, letter, ord(letter) * 10_000_000, count)
        await connection.execute("vacuum analyze link")
    finally:
        await connection.close()
