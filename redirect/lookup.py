"""Asks the database about codes: each code once at a time, and all that wait together in one statement."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from enum import Enum, auto

import asyncpg

from redirect.breaker import Breaker
from redirect.cache import LinkCache
from redirect.entry import Entry, UnsafeDestinationError, make_entry
from redirect.link_reader import LinkReader, SlowError, UnreadableError

MAX_ASKED = 10_000
MAX_PER_STATEMENT = 500

log = logging.getLogger(__name__)


class Unfound(Enum):
    """Why there is no link to answer with."""

    UNKNOWN = auto()
    UNREADABLE = auto()


Outcome = Entry | Unfound


class Lookup:
    """Single flight per code; answers go through the cache, so that a change heard meanwhile is never overwritten."""

    def __init__(
        self,
        *,
        reader: LinkReader,
        cache: LinkCache,
        breaker: Breaker,
        max_flights: int,
        clock: Callable[[], float],
    ) -> None:
        self._reader = reader
        self._cache = cache
        self._breaker = breaker
        self._max_flights = max_flights
        self._clock = clock
        self._asked: dict[str, asyncio.Future[Outcome]] = {}
        self._waiting: list[str] = []
        self._flights: dict[asyncio.Task[None], Sequence[str]] = {}
        self._is_woken = False

    @property
    def is_flying(self) -> bool:
        """Whether a statement is under way."""
        return bool(self._flights)

    def ask(self, code: str) -> "asyncio.Future[Outcome] | None":
        """The answer to come, shared by all who ask meanwhile; None when far too many are waiting."""
        asked = self._asked.get(code)
        if asked is None and len(self._asked) < MAX_ASKED:
            asked = self._asked[code] = asyncio.get_running_loop().create_future()
            self._wait(code)
        return asked

    async def stop(self) -> None:
        """Ends what is under way; whoever waits hears that the database cannot be read."""
        self._max_flights = 0
        self._answer(list(self._asked), Unfound.UNREADABLE)
        for flight in self._flights:
            flight.cancel()
        await asyncio.gather(*self._flights, return_exceptions=True)

    def _wait(self, code: str) -> None:
        self._waiting.append(code)
        if not self._is_woken:
            # At the end of this turn of the loop: what other requests ask in it joins the same statement.
            self._is_woken = True
            asyncio.get_running_loop().call_soon(self._send_off)

    def _send_off(self) -> None:
        self._is_woken = False
        while self._waiting and len(self._flights) < self._max_flights:
            codes, self._waiting = self._waiting[:MAX_PER_STATEMENT], self._waiting[MAX_PER_STATEMENT:]
            flight = asyncio.get_running_loop().create_task(self._fly(codes))
            self._flights[flight] = codes
            flight.add_done_callback(self._land)

    def _land(self, flight: asyncio.Task[None]) -> None:
        codes = self._flights.pop(flight)
        if not flight.cancelled() and (error := flight.exception()) is not None:
            log.error("a look-up failed", exc_info=error)
            self._answer(codes, Unfound.UNREADABLE)
        self._send_off()

    async def _fly(self, codes: Sequence[str]) -> None:
        begun_at = self._clock()
        generation = self._cache.claim(codes)
        try:
            rows = await self._reader.read(codes)
        except UnreadableError as error:
            self._give_up(error)
            self._answer(codes, Unfound.UNREADABLE)
        else:
            self._breaker.answered(took=self._clock() - begun_at)
            self._settle(codes, rows, generation, begun_at)
        finally:
            self._cache.release(codes, generation)

    def _give_up(self, error: UnreadableError) -> None:
        now = self._clock()
        if isinstance(error, SlowError):
            self._breaker.lagged(now)
            return
        if not self._breaker.is_broken:
            log.warning("the database cannot be asked: %s", error)
        self._breaker.refused(now)
        # Whoever still waits would meet the same refusal, one connection attempt after the other.
        waiting, self._waiting = self._waiting, []
        self._answer(waiting, Unfound.UNREADABLE)

    def _settle(self, codes: Sequence[str], rows: Sequence[asyncpg.Record], generation: int, read_at: float) -> None:
        found = {row["code"]: row for row in rows}
        for code in codes:
            row = found.get(code)
            try:
                entry = None if row is None else _entry(row, read_at)
            except UnsafeDestinationError as error:
                log.error("a link cannot be answered: %s", error)
                self._answer([code], Unfound.UNREADABLE)
                continue
            if self._cache.settle(code, generation, entry, read_at=read_at):
                self._answer([code], Unfound.UNKNOWN if entry is None else entry)
            else:
                self._wait(code)  # it changed while it was being read

    def _answer(self, codes: Sequence[str], outcome: Outcome) -> None:
        for code in codes:
            asked = self._asked.pop(code, None)
            if asked is not None and not asked.done():
                asked.set_result(outcome)


def _entry(row: asyncpg.Record, read_at: float) -> Entry:
    return make_entry(
        link_id=row["id"],
        workspace_id=row["workspace_id"],
        version=row["version"],
        destination=row["destination_url"],
        is_deactivated=row["deactivated_at"] is not None,
        read_at=read_at,
    )
