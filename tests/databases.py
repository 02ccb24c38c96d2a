"""Databases of tests: made from a template, and dropped again."""

import asyncio
import contextlib
import secrets
from collections.abc import Iterator

import asyncpg

from models.database import asyncpg_dsn
from server.postgres import Postgres


class Databases:
    """Those of one PostgreSQL, made and dropped over one connection: each other would be a process to start."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres
        self._runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)
        self._connection: asyncpg.Connection[asyncpg.Record] | None = None

    def make(self, name: str, *, template: str = "template1") -> str:
        """The address of a new database like `template`, which nobody may be connected to."""
        self._runner.run(self._run(f"create database {name} template {template} strategy file_copy"))
        return self._postgres.url(name)

    @contextlib.contextmanager
    def throw_away(self, template: str) -> Iterator[str]:
        """The address of a database of one's own, until the block ends."""
        name = f"test_{secrets.token_hex(6)}"
        yield self.make(name, template=template)
        with contextlib.suppress(OSError, asyncpg.PostgresError):  # a test may have stopped its server
            self._runner.run(self._run(f"drop database if exists {name} with (force)"))

    def close(self) -> None:
        """Ends the connection; the databases stay."""
        if self._connection:
            self._connection.terminate()
        self._runner.close()

    async def _run(self, statement: str) -> None:
        if self._connection is None or self._connection.is_closed():
            self._connection = await asyncpg.connect(asyncpg_dsn(self._postgres.url("postgres")))
        await self._connection.execute(statement)
