"""Reads links from PostgreSQL over connections that stay open."""

import asyncio
from collections.abc import Sequence
from typing import TypeAlias

import asyncpg

from models.database import asyncpg_dsn
from models.links import REDIRECT_SQL

INSTANCE_SQL = "select domain_id from instance where id = 1"

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
_FAILURES = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)


class UnreadableError(Exception):
    """The database could not be asked."""


class SlowError(UnreadableError):
    """The database did not answer in time."""


class LinkReader:
    """Held connections instead of asyncpg's pool, whose reset after each use is one more round trip."""

    def __init__(self, url: str, *, domain_id: int | None, size: int, within: float) -> None:
        self._dsn = asyncpg_dsn(url)
        self._size = size
        self._within = within
        self._idle: list[Connection] = []
        self._busy: set[Connection] = set()
        self.domain_id = domain_id
        self.has_connected = False

    async def read(self, codes: Sequence[str]) -> list[asyncpg.Record]:
        """The links of these codes; UnreadableError when the database cannot be asked, SlowError when it is late."""
        while self._idle:
            # A connection that broke while idle says nothing about the database: try another one.
            connection = self._idle.pop()
            if not connection.is_closed():
                try:
                    return await self._fetch(connection, codes)
                except SlowError:
                    raise
                except UnreadableError:
                    continue
        return await self._fetch(await self._open(), codes)

    async def warm(self) -> None:
        """Opens a connection for the first question."""
        self._keep(await self._open())

    def close(self) -> None:
        """Closes every connection at once."""
        for connection in (*self._idle, *self._busy):
            connection.terminate()
        self._idle.clear()
        self._busy.clear()

    async def _open(self) -> Connection:
        try:
            connection = await asyncpg.connect(self._dsn, timeout=self._within)
        except TimeoutError as error:
            raise SlowError("no connection in time") from error
        except _FAILURES as error:
            raise UnreadableError(str(error)) from error
        self._busy.add(connection)
        if self.domain_id is None:
            self.domain_id = await self._find_domain(connection)
        self.has_connected = True
        return connection

    async def _find_domain(self, connection: Connection) -> int:
        rows = await self._ask(connection, INSTANCE_SQL)
        if not rows:
            self._discard(connection)
            raise UnreadableError("the database has no instance row: it was not set up")
        domain_id: int = rows[0]["domain_id"]
        return domain_id

    async def _fetch(self, connection: Connection, codes: Sequence[str]) -> list[asyncpg.Record]:
        rows = await self._ask(connection, REDIRECT_SQL, self.domain_id, codes)
        self._keep(connection)
        return rows

    def _keep(self, connection: Connection) -> None:
        self._busy.discard(connection)
        if len(self._idle) < self._size:
            self._idle.append(connection)
        else:
            connection.terminate()

    async def _ask(self, connection: Connection, statement: str, *values: object) -> list[asyncpg.Record]:
        loop = asyncio.get_running_loop()
        self._busy.add(connection)
        # Not asyncpg's timeout: that sends a cancel request on a new connection, which a dead network swallows too.
        begun_at = loop.time()
        watchdog = loop.call_later(self._within, connection.terminate)
        try:
            return await connection.fetch(statement, *values)
        except _FAILURES as error:
            self._discard(connection)
            raise self._judge(error, late=loop.time() - begun_at >= self._within) from error
        finally:
            watchdog.cancel()

    def _discard(self, connection: Connection) -> None:
        self._busy.discard(connection)
        connection.terminate()

    def _judge(self, error: BaseException, *, late: bool) -> UnreadableError:
        if not late:
            return UnreadableError(str(error))
        # What swallowed this one's answer may have swallowed the others' connections too.
        while self._idle:
            self._idle.pop().terminate()
        return SlowError("no answer in time")
