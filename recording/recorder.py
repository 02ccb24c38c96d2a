"""What a worker does with a visit: read it, write it down, nothing else."""

import asyncio
import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import asyncpg

from models.database import asyncpg_dsn
from recording.browser import Browsers, PassedOn
from recording.client import ClientRule, Headers, Peer
from recording.failure_log import FailureLog
from recording.geo import countries_from
from recording.salts import Salts
from recording.spool import TICK_S, Spool, Sync
from recording.visit_line import LinkParts
from recording.visitor import Known, Visitors

PRODUCER_BITS = 63
FIRST_SALTS_S = 2.0  # how long a start waits for them; visits before count, but never as unique
BEHIND_S = 60.0  # a segment is loaded about a second after it was sealed
COUNTRIES_S = 10.0  # how often a replaced file is looked for

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RecorderConfig:
    """What a recorder needs to know."""

    folder: Path
    database_url: str  # for the salts only
    instance_id: int
    sync: Sync = Sync.INTERVAL
    max_bytes: int = 2 * 1024**3
    trusted_proxies: tuple[str, ...] = ()
    geoip_database: Path | None = None
    heed_privacy_signals: bool = True


def _now() -> datetime:
    return datetime.now(UTC)


class Recorder:
    """Records the visits of one process."""

    def __init__(self, config: RecorderConfig, *, clock: Callable[[], datetime] = _now) -> None:
        """OSError or ValueError for a table of countries or a list of proxies that cannot be used."""
        self._clock = clock
        self._countries = countries_from(config.geoip_database)
        self._salts = Salts(asyncpg_dsn(config.database_url), clock=clock)
        self._visitors = Visitors(
            client_rule=ClientRule(config.trusted_proxies),
            countries=self._countries,
            salt_of=self._salts.of,
            heed_privacy_signals=config.heed_privacy_signals,
        )
        self._spool = Spool(
            config.folder,
            producer=secrets.randbits(PRODUCER_BITS),
            instance_id=config.instance_id,
            sync=config.sync,
            max_bytes=config.max_bytes,
            clock=clock,
        )
        self._tasks: list[asyncio.Task[None]] = []
        self.waits_for_disk = config.sync is Sync.ALWAYS
        self._failures = FailureLog(log, "visits that should have been recorded")
        self._is_failing = False

    async def start(self) -> None:
        """Opens the spool; works without a database, and without a disk drops and counts."""
        self._spool.start()
        try:
            async with asyncio.timeout(FIRST_SALTS_S):
                await self._salts.refresh()
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            log.warning("no salts yet: visits count, but not as unique")
        self._tasks = [asyncio.create_task(work) for work in (self._tick(), self._salts.keep_fresh(), self._follow())]

    async def stop(self) -> None:
        """Passes on what was written; to be called after the last `record`."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._spool.stop()

    @property
    def browsers(self) -> Browsers:
        """Reads browsers out of headers, and remembers them."""
        return self._visitors.browsers

    def record(  # noqa: PLR0917 - by position
        self, headers: Headers, client: Peer | None, query: bytes, link: LinkParts, now: int, head: bool
    ) -> None:
        """Puts the visit down before it returns, unless there is no room; never raises.

        `headers`, `client` and `query` are the request's, as in an ASGI scope (names in lower case, the query without
        its question mark); `link` is made by recording/visit_line.py: link_parts; `now` is what time.time_ns said.
        To be called by position: with keywords Python takes longer, and this is done for each redirect.
        """
        try:
            self._spool.append(self._visitors.line(headers, client, query, link, now, head))
            self._is_failing = False
        except Exception:  # noqa: BLE001 - a redirect is worth more than its click
            self._fail()

    def meet(  # noqa: PLR0917 - by position
        self,
        headers: Headers,
        client: Peer | None,
        query: bytes,
        link: LinkParts,
        now: int,
        head: bool,
        passed_on: PassedOn | None,
    ) -> Known | None:
        """The same, and tells who it was, for `record_known`; None when that could not be read.

        `passed_on` is what the headers say, where that is known already; nobody looks at them then.
        """
        try:
            line, known = self._visitors.meet(headers, client, query, link, now, head, passed_on)
            self._spool.append(line)
            self._is_failing = False
        except Exception:  # noqa: BLE001 - as above
            self._fail()
            return None
        return known

    def record_known(self, known: Known, query: bytes, link: LinkParts, now: int, head: bool) -> bool:
        """The same for another request with those headers on that connection; False, and nothing is put down, if \
        they have to be met once more.
        """
        try:
            line = self._visitors.line_of(known, query, link, now, head)
            if line is None:
                return False
            self._spool.append(line)
            self._is_failing = False
        except Exception:  # noqa: BLE001 - as above
            self._fail()
        return True

    def _fail(self) -> None:
        self._is_failing = True
        self._failures.note()

    async def durable(self) -> None:
        """With KURZ_SPOOL_SYNC=always: returns once the visits recorded so far would survive a power loss."""
        if self.waits_for_disk:
            await self._spool.durable()

    def reason(self) -> str | None:
        """Why visits are lost, not kept safely, or not loaded, as one word; None when all is well."""
        lost = self._spool.reason() or ("visits_unreadable" if self._is_failing else None)
        return lost or ("loader_behind" if self.waiting_s > BEHIND_S else None)

    @property
    def failed(self) -> int:
        """How many visits could not even be read since the start, a mistake of ours."""
        return self._failures.count

    @property
    def dropped(self) -> int:
        """How many visits were not written since the start."""
        return self._spool.dropped + self.failed

    @property
    def waiting_s(self) -> float:
        """For how many seconds the oldest visits of this host's workers have waited to be loaded."""
        return self._spool.backlog.waiting_s(self._clock())

    @property
    def unsalted(self) -> int:
        """How many visits of days without a salt came since the start: they count, but never as unique."""
        return self._visitors.unsalted

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            self._spool.tick()
            self._failures.tell()

    async def _follow(self) -> None:
        while True:
            await asyncio.sleep(COUNTRIES_S)
            if await asyncio.to_thread(self._countries.reload):
                self._visitors.forget()
