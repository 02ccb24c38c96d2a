"""Idle connections: one that has died fails no question, and one just used is not asked for its health."""

from collections.abc import AsyncIterator

import asyncpg
import pytest
from sqlalchemy import text

from models import idle_connections
from models.database import Database, make_engine
from tests.eventually import eventually

pytestmark = pytest.mark.database


@pytest.fixture
async def one(database_url: str) -> AsyncIterator[Database]:
    database = Database(make_engine(database_url, pool_size=1))
    yield database
    await database.close()


async def used(database: Database) -> asyncpg.Connection:
    """The driver's connection that was used for a question, and given back."""
    async with database.read() as conn:
        await conn.execute(text("select 1"))
        driver = (await conn.get_raw_connection()).driver_connection
    assert isinstance(driver, asyncpg.Connection)
    return driver


async def cut(driver: asyncpg.Connection, raw: asyncpg.Connection) -> None:
    await raw.execute("select pg_terminate_backend($1, 30000)", driver.get_server_pid())


@pytest.mark.parametrize("trusted_s", [0.0, 3600.0])
async def test_a_connection_that_died_is_replaced(
    one: Database, raw: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch, trusted_s: float
) -> None:
    monkeypatch.setattr(idle_connections, "TRUSTED_S", trusted_s)
    driver = await used(one)
    await cut(driver, raw)

    async def heard() -> bool:
        return driver.is_closed()

    if trusted_s:
        await eventually(heard)

    assert await used(one) is not driver


@pytest.mark.parametrize("trusted_s", [0.0, 3600.0])
async def test_only_idle_connections_are_tried(
    one: Database, raw: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch, trusted_s: float
) -> None:
    monkeypatch.setattr(idle_connections, "TRUSTED_S", trusted_s)
    driver = await used(one)

    async with one.read():
        pass
    asked_last = await raw.fetchval("select query from pg_stat_activity where pid = $1", driver.get_server_pid())

    assert (asked_last == "select 1") is bool(trusted_s)
