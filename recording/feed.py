"""The feed: every stored batch gets a position, gapless and in the order of commit, and is announced."""

import asyncio
from collections.abc import AsyncGenerator

import asyncpg

CHANNEL = "kurz_click"
CONNECT_TIMEOUT_S = 5.0
HEARTBEAT_S = 30.0  # how long silence may last before the connection is tried

# Last in the transaction of a load: the row stays locked until the commit, so positions become visible in order.
ANNOUNCE = """
with next as (update feed_position set n = n + 1 where id = 1 returning n),
     booked as (
       update click_batch b
          set position = next.n, rejected = $2, late = $3, occurred_from = $4, occurred_until = $5
         from next where b.id = $1 returning b.position)
select position, pg_notify('kurz_click', position::text) from booked"""
POSITION = "select n from feed_position"


async def listen(dsn: str) -> AsyncGenerator[int, None]:
    """The position now, then each later one soon after its batch is stored; several at once come as the last.

    Needs a connection without a pooler in between. Ends with what asyncpg or the system raises when the connection is
    lost: whoever begins again gets the position of then.
    """
    connection = await asyncpg.connect(dsn, timeout=CONNECT_TIMEOUT_S)
    news = asyncio.Event()
    try:
        await connection.add_listener(CHANNEL, lambda *_: news.set())
        connection.add_termination_listener(lambda _: news.set())
        latest = -1
        while True:
            news.clear()
            position = await connection.fetchval(POSITION, timeout=CONNECT_TIMEOUT_S)
            if position != latest:
                latest = position
                yield position
            await _wait(news)
    finally:
        connection.terminate()


async def _wait(news: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(HEARTBEAT_S):
            await news.wait()
    except TimeoutError:
        return
