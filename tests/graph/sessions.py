"""What PostgreSQL is doing for a test's database, and locks that make it wait."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from models.database import asyncpg_dsn

BUSY = """select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()
  and backend_type = 'client backend' and state <> 'idle'"""


class Sessions:
    """A look at the other sessions of the database, by a connection of its own."""

    def __init__(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        self.connection = connection

    async def busy(self) -> int:
        """How many run a statement or stand in a transaction."""
        return int(await self.connection.fetchval(BUSY))

    async def waiting(self) -> int:
        """How many wait for a lock."""
        return int(await self.connection.fetchval(f"{BUSY} and wait_event_type = 'Lock'"))

    async def are_idle(self) -> bool:
        return await self.busy() == 0


@asynccontextmanager
async def watching(database_url: str) -> AsyncIterator[Sessions]:
    """The sessions of the database."""
    connection = await asyncpg.connect(asyncpg_dsn(database_url))
    try:
        yield Sessions(connection)
    finally:
        await connection.close()


@asynccontextmanager
async def locked(database_url: str, table: str) -> AsyncIterator[None]:
    """Whoever asks for this table waits."""
    connection = await asyncpg.connect(asyncpg_dsn(database_url))
    try:
        async with connection.transaction():
            await connection.execute(f"lock table {table} in access exclusive mode")
            yield
    finally:
        await connection.close()
