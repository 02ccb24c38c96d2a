"""The schema: up, down, up; the same as the tables; named by the convention."""

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

from models.database import asyncpg_dsn, make_engine
from models.upgrade import alembic_config, migrate
from server.postgres import Postgres

ROOT = Path(__file__).parent.parent.parent
pytestmark = pytest.mark.database


@pytest.fixture
def empty_url(cluster: Postgres) -> Iterator[str]:
    """A database without any table."""
    name = f"empty_{os.getpid()}"
    asyncio.run(ask(cluster.url("postgres"), f"create database {name}"))
    yield cluster.url(name)
    asyncio.run(ask(cluster.url("postgres"), f"drop database {name} with (force)"))


async def ask(url: str, statement: str) -> list[tuple[object, ...]]:
    connection = await asyncpg.connect(asyncpg_dsn(url))
    try:
        return [tuple(row.values()) for row in await connection.fetch(statement)]
    finally:
        await connection.close()


async def run(url: str, step: str, revision: str) -> None:
    engine = make_engine(url)
    async with engine.begin() as connection:
        await connection.run_sync(_step, step, revision)
    await engine.dispose()


def _step(connection: Connection, step: str, revision: str) -> None:
    config: Config = alembic_config()
    config.attributes["connection"] = connection
    {"upgrade": command.upgrade, "downgrade": command.downgrade}[step](config, revision)


async def shape(url: str) -> list[tuple[object, ...]]:
    """Every column, constraint and index."""
    columns = await ask(
        url,
        "select table_name, column_name, data_type, is_nullable, column_default from information_schema.columns "
        "where table_schema = 'public' and table_name <> 'alembic_version' order by 1, 2",
    )
    constraints = await ask(
        url,
        "select conrelid::regclass::text, conname, pg_get_constraintdef(oid) from pg_constraint "
        "where connamespace = 'public'::regnamespace and conrelid::regclass::text <> 'alembic_version' order by 1, 2",
    )
    indexes = await ask(
        url,
        "select tablename, indexname, indexdef from pg_indexes "
        "where schemaname = 'public' and tablename <> 'alembic_version' order by 1, 2",
    )
    return columns + constraints + indexes


async def test_up_down_and_up_again_gives_the_same_schema(empty_url: str) -> None:
    await migrate(empty_url)
    first = await shape(empty_url)
    await run(empty_url, "downgrade", "base")
    nothing = await shape(empty_url)
    await run(empty_url, "upgrade", "head")
    assert first
    assert nothing == []
    assert await shape(empty_url) == first


async def test_each_migration_can_be_taken_back_alone(empty_url: str) -> None:
    await migrate(empty_url)
    before = await shape(empty_url)
    await run(empty_url, "downgrade", "-1")
    await run(empty_url, "upgrade", "+1")
    assert await shape(empty_url) == before


async def test_several_starters_at_once_migrate_once(empty_url: str) -> None:
    await asyncio.gather(*(migrate(empty_url) for _ in range(4)))
    assert len(await ask(empty_url, "select version_num from alembic_version")) == 1


async def test_migrating_again_changes_nothing(database_url: str) -> None:
    before = await shape(database_url)
    await migrate(database_url)
    assert await shape(database_url) == before


def alembic(url: str | None, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "KURZ_DATABASE_URL"}
    if url is not None:
        environment["KURZ_DATABASE_URL"] = url
    line = [sys.executable, "-m", "alembic", *arguments]
    return subprocess.run(
        line, env=environment, cwd=ROOT, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False
    )


def test_the_plain_command_upgrades_checks_and_downgrades(empty_url: str) -> None:
    for step in (("upgrade", "head"), ("check",), ("downgrade", "base")):
        done = alembic(empty_url, *step)
        assert done.returncode == 0, done.stderr


def test_the_plain_command_without_a_database_says_what_is_missing() -> None:
    done = alembic(None, "upgrade", "head")
    assert done.returncode != 0
    assert "KURZ_DATABASE_URL" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_statements_can_be_printed_for_review() -> None:
    done = alembic(None, "upgrade", "head", "--sql")
    assert done.returncode == 0, done.stderr
    assert "CREATE TABLE link " in done.stdout


async def test_every_constraint_follows_the_naming_convention(database_url: str) -> None:
    rows = await ask(
        database_url,
        "select conrelid::regclass::text, conname, contype::text from pg_constraint where contype in ('p','u','c','f') "
        "and connamespace = 'public'::regnamespace and conrelid::regclass::text <> 'alembic_version' and conislocal",
    )
    kinds = {"p": "pk", "u": "uq", "c": "ck", "f": "fk"}
    odd = [row for row in rows if not re.match(rf"{kinds[str(row[2])]}_{row[0]}(_|$)", str(row[1]))]
    assert rows
    assert odd == []


async def test_no_extension_is_needed(database_url: str) -> None:
    assert await ask(database_url, "select extname from pg_extension where extname <> 'plpgsql'") == []
