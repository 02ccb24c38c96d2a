"""The feed: who listens hears of every position, or of a later one."""

import asyncio
from contextlib import aclosing

import asyncpg
import pytest

from models.database import asyncpg_dsn
from recording.feed import listen
from tests.proxy import PostgresProxy
from tests.recording.writing import Offers, Writer, visit

pytestmark = pytest.mark.database

PATIENCE_S = 60


async def test_a_listener_hears_the_position_now_and_then_of_each_batch(
    worker: Writer, offers: Offers, database_url: str
) -> None:
    async with asyncio.timeout(PATIENCE_S), aclosing(listen(asyncpg_dsn(database_url))) as positions:
        heard = [await anext(positions)]
        for _ in range(3):
            await offers.take(worker.write(visit()))
            heard.append(await anext(positions))
    assert heard == [0, 1, 2, 3]


async def test_who_comes_later_begins_with_the_position_of_then(
    worker: Writer, offers: Offers, database_url: str
) -> None:
    await offers.take(worker.write(visit()), worker.write(visit()))
    async with asyncio.timeout(PATIENCE_S), aclosing(listen(asyncpg_dsn(database_url))) as positions:
        assert await anext(positions) == 2


async def test_a_lost_connection_is_told(database_url: str) -> None:
    async with (
        asyncio.timeout(PATIENCE_S),
        PostgresProxy(database_url) as proxy,
        aclosing(listen(asyncpg_dsn(proxy.url))) as positions,
    ):
        await anext(positions)
        proxy.refuse()
        with pytest.raises((OSError, asyncpg.PostgresError, asyncpg.InterfaceError)):
            await anext(positions)
