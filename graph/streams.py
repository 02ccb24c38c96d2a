"""What long-lived connections share: how many there are, whose they are, and what ends them before their clients do."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from graph.charges import payer
from graph.principals import Principal
from models import keys, members
from models.database import Database, is_unreachable

LOOK_S: Final = 1.0  # how often all keys and members in use are looked at, in one statement each
ASK_S: Final = 5.0

log = logging.getLogger("kurz.graph")


class Ending(Enum):
    """Why the server ends a stream."""

    NOT_VALID = "the key was revoked, the member removed or given another role, or either has expired"
    STOPPING = "the server stops or starts anew"


class TooManyStreams(Exception):  # noqa: N818 - it names what happened, not a fault
    """As many streams as are allowed are open."""


@dataclass(frozen=True, slots=True)
class _Stream:
    principal: Principal | None
    end: Callable[[Ending], None]


class Streams:
    """The streams that are open in this process: at most `most`, and at most `most_each` of one caller.

    A caller is who pays, a key, a person or an address, which is kept in memory only. What ends a stream is told to its
    `end`: that its caller may not ask any more within about a second.
    """

    def __init__(self, database: Database, *, clock: Callable[[], datetime], most: int, most_each: int) -> None:
        self._database = database
        self._clock = clock
        self._most = most
        self._most_each = most_each
        self._open = 0
        self._callers = Counter[str]()
        self._streams = set[_Stream]()
        self._looking: asyncio.Task[None] | None = None
        self._is_stopping = False

    def __len__(self) -> int:
        return self._open

    @contextmanager
    def connection(self) -> Iterator[None]:
        """Counts a connection as long as it lasts; TooManyStreams when there is no room in the process."""
        if self._open >= self._most or self._is_stopping:
            raise TooManyStreams
        self._open += 1
        try:
            yield
        finally:
            self._open -= 1

    @contextmanager
    def stream(self, *, principal: Principal | None, client: str, end: Callable[[Ending], None]) -> Iterator[None]:
        """Counts a stream for its caller, whom it watches; TooManyStreams when the caller has enough."""
        caller = payer(principal, client)
        if self._callers[caller] >= self._most_each or self._is_stopping:
            raise TooManyStreams
        stream = _Stream(principal, end)
        self._callers[caller] += 1
        self._streams.add(stream)
        if principal is not None and self._looking is None:
            self._looking = asyncio.create_task(self._look())
        try:
            yield
        finally:
            self._leave(stream, caller)

    def stop(self) -> None:
        """Ends all streams, and lets none begin any more."""
        self._is_stopping = True
        for stream in list(self._streams):
            stream.end(Ending.STOPPING)

    def _leave(self, stream: _Stream, caller: str) -> None:
        self._streams.discard(stream)
        self._callers[caller] -= 1
        if not self._callers[caller]:
            del self._callers[caller]
        if self._looking is not None and not any(other.principal for other in self._streams):
            self._looking.cancel()
            self._looking = None

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            try:
                await self._end_revoked()
            except Exception as error:
                if not is_unreachable(error):  # an outage ends no streams
                    log.exception("who is connected could not be looked at", exc_info=error)

    async def _end_revoked(self) -> None:
        now = self._clock()
        held = {stream.principal for stream in self._streams if stream.principal}
        expired = {one for one in held if one.expires_at is not None and one.expires_at <= now}
        self._end(expired)
        async with asyncio.timeout(ASK_S), self._database.read() as conn:
            self._end(await _gone(conn, held - expired, now=now))

    def _end(self, principals: Collection[Principal]) -> None:
        for stream in list(self._streams):
            if stream.principal in principals:
                stream.end(Ending.NOT_VALID)


async def _gone(conn: AsyncConnection, held: Collection[Principal], *, now: datetime) -> set[Principal]:
    """Those whose key is not valid any more, or who are no member any more in the same role."""
    by_key = {one.key.id for one in held if one.key}
    by_user = {one.user.id for one in held if one.user}
    valid = await keys.still_valid(conn, ids=by_key, now=now) if by_key else set()
    roles = await members.roles_of(conn, user_ids=by_user) if by_user else {}
    return {
        one
        for one in held
        if (one.key and one.key.id not in valid)
        or (one.user and roles.get((one.workspace_id, one.user.id)) is not one.role)
    }
