"""What every test may ask for: a throw-away PostgreSQL, and a fresh migrated database on it."""

import asyncio
import contextlib
import secrets
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest

from models.database import Database, asyncpg_dsn, make_engine, migrate
from server.postgres import Postgres

TEMPLATE = "kurz_template"


@pytest.fixture(scope="session", autouse=True)
def _interruptible() -> None:
    """Processes that tests start must not inherit an ignored SIGINT, as a shell's background job has it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def cluster() -> Iterator[Postgres]:
    """One PostgreSQL for this test process; its folder lies where another system user may enter."""
    home = Path(tempfile.mkdtemp(prefix="kurz-test-"))
    home.chmod(0o755)
    try:
        with Postgres(home, durable=False) as postgres:
            yield postgres
    finally:
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def template(cluster: Postgres) -> str:
    """The name of a database built by the migrations, which nobody is connected to."""
    asyncio.run(_make_template(cluster))
    return TEMPLATE


async def _make_template(cluster: Postgres) -> None:
    await _maintain(cluster, f"create database {TEMPLATE}")
    await migrate(cluster.url(TEMPLATE))


async def _maintain(cluster: Postgres, statement: str) -> None:
    connection = await asyncpg.connect(asyncpg_dsn(cluster.url("postgres")))
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


@pytest.fixture
def database_url(cluster: Postgres, template: str) -> Iterator[str]:
    """A database of this test's own, with the whole schema and no row."""
    name = f"test_{secrets.token_hex(6)}"
    asyncio.run(_maintain(cluster, f"create database {name} template {template} strategy file_copy"))
    yield cluster.url(name)
    with contextlib.suppress(OSError, asyncpg.PostgresError):  # a test may have stopped its server
        asyncio.run(_maintain(cluster, f"drop database if exists {name} with (force)"))


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    store = Database(make_engine(database_url))
    yield store
    await store.close()
