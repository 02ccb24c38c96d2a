"""What long-lived connections share: how many there are, whose they are, and what ends them before their clients do."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Final

from graph.charges import payer
from models import keys
from models.database import Database, is_unreachable
from models.ids import KeyId
from models.keys import KeyRecord

LOOK_S: Final = 1.0  # how often all keys in use are looked at, in one statement
ASK_S: Final = 5.0

log = logging.getLogger("kurz.graph")


class Ending(Enum):
    """Why the server ends a stream."""

    KEY_INVALID = "the key was revoked or has expired"
    STOPPING = "the server stops or starts anew"


class TooManyStreams(Exception):  # noqa: N818 - it names what happened, not a fault
    """As many streams as are allowed are open."""


@dataclass(frozen=True, slots=True)
class _Stream:
    key: KeyRecord | None
    end: Callable[[Ending], None]


class Streams:
    """The streams that are open in this process: at most `most`, and at most `most_each` of one caller.

    A caller is who pays, a key or an address, which is kept in memory only. What ends a stream is told to its `end`:
    that its key is not valid any more within about a second.
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
    def stream(self, *, key: KeyRecord | None, client: str, end: Callable[[Ending], None]) -> Iterator[None]:
        """Counts a stream for its caller and watches its key; TooManyStreams when the caller has enough."""
        caller = payer(key, client)
        if self._callers[caller] >= self._most_each or self._is_stopping:
            raise TooManyStreams
        stream = _Stream(key, end)
        self._callers[caller] += 1
        self._streams.add(stream)
        if key is not None and self._looking is None:
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
        if self._looking is not None and not any(other.key for other in self._streams):
            self._looking.cancel()
            self._looking = None

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            try:
                await self._end_revoked()
            except Exception as error:
                if not is_unreachable(error):  # an outage ends no streams
                    log.exception("keys in use could not be looked at", exc_info=error)

    async def _end_revoked(self) -> None:
        now = self._clock()
        held = {stream.key.id: stream.key for stream in self._streams if stream.key}
        self._end({one for one, key in held.items() if key.expires_at is not None and key.expires_at <= now})
        async with asyncio.timeout(ASK_S), self._database.read() as conn:
            valid = await keys.still_valid(conn, ids=held.keys(), now=now)
        self._end(held.keys() - valid)

    def _end(self, ids: set[KeyId]) -> None:
        for stream in list(self._streams):
            if stream.key is not None and stream.key.id in ids:
                stream.end(Ending.KEY_INVALID)
