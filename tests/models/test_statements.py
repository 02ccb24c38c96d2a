"""Statements past SQLAlchemy: their words, and connections that break, are given up or stopped under them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager

import asyncpg
import pytest
from sqlalchemy import bindparam, select, text
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col

from models.database import Database, is_unreachable, make_engine, was_stopped
from models.links import Link
from models.statements import Statement, compiled, fetch, statement

SLEEP = statement("select pg_sleep(600)")
PROCESS = statement("select pg_backend_pid() as pid")
SLEEPERS = "select count(*) from pg_stat_activity where datname = current_database() and wait_event = 'PgSleep'"
Reading = Callable[[], AbstractAsyncContextManager[AsyncConnection]]


@pytest.fixture
async def narrow(database_url: str) -> AsyncIterator[Database]:
    """A database with one connection: what breaks it breaks the next question."""
    database = Database(make_engine(database_url, pool_size=1))
    yield database
    await database.close()


@pytest.fixture(params=["read", "read_until"])
def reading(narrow: Database, request: pytest.FixtureRequest) -> Reading:
    if request.param == "read":
        return narrow.read
    return lambda: narrow.read_until(asyncio.get_running_loop().time() + 600)


def test_values_have_the_places_that_the_driver_takes_them_in() -> None:
    told = statement("select cast(:b as int), cast(:a as text), :b")
    assert told == Statement("select cast($1 as int), cast($2 as text), $1", ("b", "a"))
    mine = select(col(Link.id)).where(col(Link.workspace_id) == bindparam("mine")).limit(bindparam("size"))
    assert compiled(mine).names == ("mine", "size")


@pytest.mark.database
async def test_values_are_given_by_their_names(reading: Reading) -> None:
    asked = statement("select cast(:a as int) - cast(:b as int) as difference, cast(:a as int) as a")
    async with reading() as conn:
        (row,) = await fetch(conn, asked, {"b": 2, "a": 7, "other": None})
    assert dict(row) == {"difference": 5, "a": 7}


@pytest.mark.database
async def test_a_connection_cut_meanwhile_is_an_outage_and_the_next_is_fine(reading: Reading) -> None:
    for _ in range(2):
        with pytest.raises(asyncpg.PostgresError) as failure:
            async with reading() as conn:
                await fetch(conn, statement("select pg_terminate_backend(pg_backend_pid())"), {})
        assert is_unreachable(failure.value) and not was_stopped(failure.value)
        async with reading() as conn:
            assert len(await fetch(conn, PROCESS, {})) == 1


@pytest.mark.database
async def test_a_mistake_costs_no_connection(reading: Reading) -> None:
    async with reading() as conn:
        (before,) = await fetch(conn, PROCESS, {})
    with pytest.raises(asyncpg.UndefinedTableError) as failure:
        async with reading() as conn:
            await fetch(conn, statement("select * from missing"), {})
    async with reading() as conn:
        (after,) = await fetch(conn, PROCESS, {})
    assert before == after and not is_unreachable(failure.value)


@pytest.mark.database
async def test_a_cancelled_question_is_stopped_and_gives_its_place_back(
    reading: Reading, raw: asyncpg.Connection
) -> None:
    async def ask_for_long() -> None:
        async with reading() as conn:
            await fetch(conn, SLEEP, {})

    for _ in range(3):
        task = asyncio.create_task(ask_for_long())
        await _until(raw, sleepers=1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        async with reading() as conn:
            assert len(await fetch(conn, PROCESS, {})) == 1
        await _until(raw, sleepers=0)


@pytest.mark.database
async def test_postgresql_stops_at_the_end_and_the_connection_stays(narrow: Database) -> None:
    async with narrow.read() as conn:
        (before,) = await fetch(conn, PROCESS, {})
    with pytest.raises(asyncpg.QueryCanceledError) as stopped:
        async with narrow.read_until(asyncio.get_running_loop().time() + 0.1) as conn:
            await fetch(conn, SLEEP, {})
    async with narrow.read() as conn:
        (after,) = await fetch(conn, PROCESS, {})
        assert (await conn.execute(text("show statement_timeout"))).scalar_one() == "0"
    assert before == after and was_stopped(stopped.value) and not is_unreachable(stopped.value)


@pytest.mark.database
async def test_a_table_that_was_changed_meanwhile_is_read_as_it_is(database: Database) -> None:
    asked = statement("select * from thing")
    async with database.write() as session:
        await session.execute(text("create table thing as select 1 as id"))
    async with database.read() as conn:
        await fetch(conn, asked, {})
        async with database.write() as session:
            await session.execute(text("alter table thing alter id type text, add more int"))
        assert [dict(row) for row in await fetch(conn, asked, {})] == [{"id": "1", "more": None}]


async def _until(observer: asyncpg.Connection, *, sleepers: int) -> None:
    async with asyncio.timeout(60):
        while await observer.fetchval(SLEEPERS) != sleepers:  # noqa: ASYNC110 - PostgreSQL tells nobody
            await asyncio.sleep(0.01)
