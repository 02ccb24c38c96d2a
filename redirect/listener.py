"""Hears of changed links over LISTEN, and makes sure with heartbeats that it still hears."""

import asyncio
import logging
import secrets
from collections.abc import Callable
from typing import TypeAlias

import asyncpg

from models.database import asyncpg_dsn
from models.links import EVERY_CODE, LINK_CHANNEL
from redirect.breaker import Breaker
from redirect.config import RedirectConfig
from redirect.hearing import Hearing

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
_FAILURES = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)

log = logging.getLogger(__name__)


class Listener:
    """One connection of its own, never through a pooler: LISTEN belongs to a session."""

    def __init__(
        self, config: RedirectConfig, *, hearing: Hearing, breaker: Breaker, on_change: Callable[[str], None]
    ) -> None:
        self._dsn = asyncpg_dsn(config.direct_database_url)
        self._every = config.heartbeat_every
        self._lost_after = config.lost_after
        self._reconnect_every = config.reconnect_every
        self._clock = config.clock
        self._hearing = hearing
        self._breaker = breaker
        self._on_change = on_change
        # A channel of its own: other processes' heartbeats would wake this one for nothing.
        self._heartbeat = f"kurz_beat_{secrets.token_hex(8)}"
        self._is_known_lost = False
        self.has_begun = asyncio.Event()

    async def run(self) -> None:
        """Listens until cancelled; whatever happens to the connection, it makes a new one."""
        while True:
            try:
                await self._listen()
            except _FAILURES as error:
                if not self._is_known_lost:
                    log.warning("LISTEN is lost: cached links are asked for again when older (%s)", error)
                self._is_known_lost = True
            self._hearing.end()
            await asyncio.sleep(self._reconnect_every)

    async def _listen(self) -> None:
        connection = await asyncpg.connect(self._dsn, timeout=self._lost_after)
        closed = asyncio.Event()
        connection.add_termination_listener(lambda _: closed.set())
        try:
            await self._begin(connection)
            while not closed.is_set():
                await self._beat(connection)
                await _wait(closed, self._every)
        finally:
            connection.terminate()
        raise ConnectionResetError("the connection was closed")

    async def _begin(self, connection: Connection) -> None:
        watchdog = asyncio.get_running_loop().call_later(self._lost_after, connection.terminate)
        try:
            await connection.add_listener(LINK_CHANNEL, self._hear_change)
            await connection.add_listener(self._heartbeat, self._hear_beat)
        finally:
            watchdog.cancel()
        self._hearing.begin(self._clock())
        self._breaker.heard()

    async def _beat(self, connection: Connection) -> None:
        watchdog = asyncio.get_running_loop().call_later(self._lost_after, connection.terminate)
        try:
            await connection.execute("select pg_notify($1, $2)", self._heartbeat, repr(self._clock()))
        finally:
            watchdog.cancel()
        # PostgreSQL sends the notification before the reply, so it has been heard by now. Through a pooler that
        # gives each statement another session it never is.
        if not self._hearing.is_listening(self._clock()):
            raise ConnectionError("heartbeats do not come back")

    def _hear_beat(self, _connection: object, _pid: int, _channel: str, payload: object) -> None:
        self._hearing.beat(sent_at=float(str(payload)), now=self._clock())
        self._breaker.heard()
        if self._is_known_lost:
            log.info("LISTEN is back")
        self._is_known_lost = False
        self.has_begun.set()

    def _hear_change(self, _connection: object, _pid: int, _channel: str, payload: object) -> None:
        self._breaker.heard()
        _domain_id, separator, code = str(payload).partition(" ")
        if separator and code != EVERY_CODE:
            # Whatever its domain: at worst a link of the same code is read once more.
            self._on_change(code)
        else:
            # A whole domain's, or not one of ours and so of any meaning: everything is asked for again.
            self._hearing.begin(self._clock())


async def _wait(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return
