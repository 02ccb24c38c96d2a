"""The way to PostgreSQL: URLs, transactions, and outages told from mistakes."""

import asyncio
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection

from models.database import Database, asyncpg_dsn, is_unreachable, make_engine, was_stopped

SLEEPERS = (
    "select count(*) from pg_stat_activity "
    "where datname = current_database() and wait_event = 'PgSleep'"  # before, a cancellation can be lost
)


@pytest.mark.parametrize(
    ("url", "dsn"),
    [
        ("postgres://a@h/d", "postgresql://a@h/d"),
        ("postgresql://a:p%40ss@h:6432/d", "postgresql://a:p%40ss@h:6432/d"),
        ("postgresql+asyncpg://a@/d?host=/s/dir", "postgresql://a@/d?host=/s/dir"),
        ("postgresql://h1:1,h2:2/d?sslmode=require", "postgresql://h1:1,h2:2/d?sslmode=require"),
    ],
)
def test_urls_are_read_in_every_usual_spelling(url: str, dsn: str) -> None:
    assert asyncpg_dsn(url) == dsn


@pytest.mark.parametrize("url", ["", "mysql://u:secret@h/d", "sqlite:///x", "secret", "localhost:5432/d", "http://h/"])
def test_other_urls_are_refused_without_repeating_them(url: str) -> None:
    with pytest.raises(ValueError, match="postgresql://") as refusal:
        asyncpg_dsn(url)
    assert "secret@" not in str(refusal.value)


@pytest.mark.database
@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+asyncpg"])
async def test_an_engine_connects_over_the_socket(database_url: str, scheme: str) -> None:
    database = Database(make_engine(f"{scheme}://{database_url.partition('://')[2]}"))
    async with database.read() as conn:
        assert (await conn.execute(text("select 1"))).scalar_one() == 1
    await database.close()


@pytest.mark.database
async def test_server_settings_reach_every_connection(database_url: str) -> None:
    database = Database(make_engine(database_url, server_settings={"statement_timeout": "12345"}))
    async with database.read() as conn:
        assert (await conn.execute(text("show statement_timeout"))).scalar_one() == "12345ms"
    await database.close()


@pytest.mark.database
async def test_a_change_is_seen_by_others_once_it_ended(database: Database) -> None:
    async with database.write() as session:
        await session.execute(text("create table thing (id int)"))
    async with database.write() as session:
        await session.execute(text("insert into thing values (1)"))
        async with database.read() as conn:
            assert (await conn.execute(text("select count(*) from thing"))).scalar_one() == 0
    async with database.read() as conn:
        assert (await conn.execute(text("select count(*) from thing"))).scalar_one() == 1


@pytest.mark.database
async def test_an_exception_takes_the_change_back(database: Database) -> None:
    with pytest.raises(KeyError):
        async with database.write() as session:
            await session.execute(text("create table thing (id int)"))
            raise KeyError
    async with database.read() as conn:
        assert (await conn.execute(text("select to_regclass('thing')"))).scalar_one() is None


@pytest.mark.database
async def test_a_reading_connection_sees_each_commit_between_its_statements(database: Database) -> None:
    async with database.write() as session:
        await session.execute(text("create table thing (id int)"))
    async with database.read() as conn:
        before = (await conn.execute(text("select count(*) from thing"))).scalar_one()
        async with database.write() as session:
            await session.execute(text("insert into thing values (1)"))
        after = (await conn.execute(text("select count(*) from thing"))).scalar_one()
    assert (before, after) == (0, 1)


@pytest.mark.database
async def test_parameters_stay_out_of_error_messages(database: Database) -> None:
    with pytest.raises(DBAPIError) as failure:
        async with database.read() as conn:
            await conn.execute(text("select cast(:secret as text) from missing"), {"secret": "hunter2"})
    assert "hunter2" not in str(failure.value)
    assert not is_unreachable(failure.value)


async def test_no_server_is_an_outage(tmp_path: Path) -> None:
    url = f"postgresql://kurz@/kurz?host={tmp_path}"
    database = Database(make_engine(url))
    with pytest.raises(OSError) as failure:
        async with database.read():
            pass
    assert is_unreachable(failure.value)
    await database.close()


@pytest.mark.database
async def test_a_connection_cut_by_the_server_is_an_outage_and_the_next_is_fine(database: Database) -> None:
    with pytest.raises(DBAPIError) as failure:
        async with database.read() as conn:
            await conn.execute(text("select pg_terminate_backend(pg_backend_pid())"))
    assert is_unreachable(failure.value)
    async with database.read() as conn:
        assert (await conn.execute(text("select 1"))).scalar_one() == 1


@pytest.mark.database
async def test_connections_cut_while_idle_are_replaced_unnoticed(database: Database, database_url: str) -> None:
    async def ask() -> int:
        async with database.read() as conn:
            await conn.execute(text("select pg_sleep(0.01)"))
            return int((await conn.execute(text("select pg_backend_pid()"))).scalar_one())

    pids = set(await asyncio.gather(*(ask() for _ in range(5))))
    killer = await asyncpg.connect(asyncpg_dsn(database_url))
    await killer.execute("select pg_terminate_backend(pid, 60000) from unnest($1::int[]) as pid", sorted(pids))
    await killer.close()
    assert not pids & set(await asyncio.gather(*(ask() for _ in range(5))))


@pytest.mark.database
async def test_a_full_pool_is_an_outage(database_url: str) -> None:
    database = Database(make_engine(database_url, pool_size=1))
    async with database.read():
        with pytest.raises(PoolTimeout) as failure:
            async with database.read():
                pass
    assert is_unreachable(failure.value)
    await database.close()


@pytest.mark.parametrize(
    "error",
    [
        ConnectionRefusedError(),
        TimeoutError(),
        asyncpg.CannotConnectNowError(),
        asyncpg.AdminShutdownError(),
        asyncpg.CrashShutdownError(),
        asyncpg.ConnectionDoesNotExistError(),
        asyncpg.TooManyConnectionsError(),
        asyncpg.InterfaceError("connection is closed"),
    ],
)
def test_outages(error: Exception) -> None:
    assert is_unreachable(error)


@pytest.mark.parametrize(
    "error",
    [asyncpg.UniqueViolationError(), asyncpg.UndefinedTableError(), asyncpg.QueryCanceledError(), ValueError()],
)
def test_mistakes_are_no_outages(error: Exception) -> None:
    assert not is_unreachable(error)


@pytest.mark.database
async def test_a_cancelled_question_gives_its_connection_back(database_url: str) -> None:
    database = Database(make_engine(database_url, pool_size=1))
    observer = await asyncpg.connect(asyncpg_dsn(database_url))

    async def ask_for_long() -> None:
        async with database.read() as conn:
            await conn.execute(text("select pg_sleep(600)"))

    for _ in range(5):
        task = asyncio.create_task(ask_for_long())
        async with asyncio.timeout(60):
            while not await observer.fetchval(SLEEPERS):  # noqa: ASYNC110 - PostgreSQL tells nobody
                await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        async with database.read() as conn:
            assert (await conn.execute(text("select 1"))).scalar_one() == 1
        async with asyncio.timeout(60):
            while await observer.fetchval(SLEEPERS):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
    await observer.close()
    await database.close()


@pytest.mark.database
async def test_postgresql_stops_at_the_end_and_the_connection_stays(database_url: str) -> None:
    database, now = Database(make_engine(database_url, pool_size=1)), asyncio.get_running_loop().time

    async def process(conn: AsyncConnection) -> int:
        return int((await conn.execute(text("select pg_backend_pid()"))).scalar_one())

    async with database.read() as conn:
        before = await process(conn)
    with pytest.raises(DBAPIError) as stopped:
        async with database.read_until(now() + 0.1) as conn:
            await conn.execute(text("select pg_sleep(600)"))
    with pytest.raises(TimeoutError):
        async with database.read_until(now()):
            pass
    async with database.read_until(now() + 600) as conn:
        assert await process(conn) == before
    async with database.read() as conn:
        # Neither the limit nor its transaction is left behind.
        assert (await conn.execute(text("select current_setting('statement_timeout')"))).scalar_one() == "0"
        driver = (await conn.get_raw_connection()).driver_connection
        assert isinstance(driver, asyncpg.Connection) and not driver.is_in_transaction()

    assert was_stopped(stopped.value) and not is_unreachable(stopped.value)
    await database.close()


@pytest.mark.database
async def test_a_cancelled_limited_question_leaves_no_transaction(database_url: str) -> None:
    database = Database(make_engine(database_url, pool_size=1))

    async def ask(begun: asyncio.Event) -> None:
        async with database.read_until(asyncio.get_running_loop().time() + 600) as conn:
            await conn.execute(text("select 1"))
            begun.set()
            await asyncio.sleep(600)

    for _ in range(5):
        begun = asyncio.Event()
        task = asyncio.create_task(ask(begun))
        await begun.wait()
        task.cancel()
        await asyncio.sleep(0)
        task.cancel()  # twice, as a deadline and a disconnect may
        with pytest.raises(asyncio.CancelledError):
            await task
        async with database.read() as conn:
            assert (await conn.execute(text("select current_setting('statement_timeout')"))).scalar_one() == "0"
    await database.close()
