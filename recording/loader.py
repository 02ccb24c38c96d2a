"""The loader: the process that brings segments into the database, and keeps house there."""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import asyncpg

from models import retention
from models.database import asyncpg_dsn, is_unreachable
from recording import housekeeping
from recording.adoption import adopt
from recording.classify import Classifier
from recording.keeping import remove_old, set_foreign_aside, unknown
from recording.load import Connection
from recording.salts import agree
from recording.segment_loader import SegmentFileError, SegmentLoader, Tally
from recording.segments import Key, SegmentFile, State, listed

LOOK_S = 0.1  # for sealed segments
ADOPT_S = 1.0  # for dead writers
REVIEW_S = 60.0  # for kept segments that the ledger does not know, and files that are old
HOUSE_S = 300.0
NOTICE_S = 1.0
CONNECT_TIMEOUT_S = 5.0
COMMAND_TIMEOUT_S = 120.0
LONGEST_BACKOFF_S = 5.0
LONGEST_POSTPONED_S = 300.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LoaderConfig:
    """What a loader needs to know."""

    folder: Path
    database_url: str
    instance_id: int
    max_bytes: int = 2 * 1024**3
    click_days: int = 400


def _still_open(connection: Connection) -> None:
    """Notices a lost connection without asking: behind it may be another database than before."""
    if connection.is_closed():
        raise ConnectionResetError("the database has closed the connection")


def _now() -> datetime:
    return datetime.now(UTC)


class Loader:
    """Loads whatever workers on this host write, alive or dead, until told to stop."""

    def __init__(self, config: LoaderConfig, *, clock: Callable[[], datetime] = _now) -> None:
        """Compiles the classifier's tables, which takes some tenths of a second."""
        self._config = config
        self._clock = clock
        self._segments = SegmentLoader(instance_id=config.instance_id, classifier=Classifier())
        self._postponed: dict[Key, tuple[float, float]] = {}
        self._salts: dict[date, bytes] = {}
        self._summed_up: date | None = None
        self._stop = asyncio.Event()

    @property
    def tally(self) -> Tally:
        """What was done since the start."""
        return self._segments.tally

    def stop(self) -> None:
        """Lets `run` load what is sealed, if the database answers, and return."""
        self._stop.set()

    async def run(self) -> None:
        """Works until `stop`; an outage of the database is waited out."""
        await asyncio.gather(self._connected(self._load_all_along), self._connected(self._keep_house))

    async def once(self, *, force: bool = False) -> Tally:
        """Loads everything that is there now; with `force` also what was set aside for its age. Raises in an outage."""
        connection = await self._connect()
        try:
            adopt(self._config.folder, now=self._clock())
            for file in listed(self._config.folder, State.SEALED, *([State.ASIDE] if force else [])):
                await self._segments.take(connection, file, now=self._clock(), force=force)
        finally:
            await connection.close()
        return self.tally

    async def _connect(self) -> Connection:
        return await asyncpg.connect(
            asyncpg_dsn(self._config.database_url), timeout=CONNECT_TIMEOUT_S, command_timeout=COMMAND_TIMEOUT_S
        )

    async def _connected(self, work: Callable[[Connection], Awaitable[None]]) -> None:
        """Does the work with a connection, and again with a new one after an outage."""
        failures = 0
        while True:
            try:
                connection = await self._connect()
                try:
                    failures = 0
                    await work(connection)
                finally:
                    connection.terminate()
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                if not is_unreachable(error):
                    log.exception("the loader had to begin again")
                elif failures == 0:
                    log.warning("the database cannot be reached: visits wait in the spool")
            if self._stop.is_set():
                return
            failures += 1
            # With some chance in it, so that several hosts do not come back in step.
            await self._pause(min(0.1 * 2**failures, LONGEST_BACKOFF_S) * random.uniform(0.5, 1.0))  # noqa: S311

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stop.wait()
        except TimeoutError:
            return

    # Loading.

    async def _load_all_along(self, connection: Connection) -> None:
        adopted_at = reviewed_at = float("-inf")
        while True:
            stopping = self._stop.is_set()
            if time.monotonic() - adopted_at >= ADOPT_S or stopping:
                adopt(self._config.folder, now=self._clock())
                adopted_at = time.monotonic()
            if time.monotonic() - reviewed_at >= REVIEW_S:  # at first at once: the database may be another
                await self._review(connection)
                reviewed_at = time.monotonic()
            for file in listed(self._config.folder, State.SEALED):
                await self._take(connection, file)
            if stopping:
                return
            await self._pause(LOOK_S)
            _still_open(connection)

    async def _review(self, connection: Connection) -> None:
        for file in await unknown(connection, self._config.folder):
            await self._take(connection, file)
        for path in set_foreign_aside(self._config.folder, now=self._clock()):
            self.tally.aside += 1
            log.error("%s is no segment and was set aside", path.name)
        remove_old(self._config.folder, now=self._clock(), max_bytes=self._config.max_bytes)

    async def _take(self, connection: Connection, file: SegmentFile) -> None:
        """Loads one segment; what cannot be loaded now is tried again later and stands in nobody's way."""
        due, delay = self._postponed.get(file.key, (0.0, 1.0))
        if time.monotonic() < due:
            return
        try:
            await self._segments.take(connection, file, now=self._clock())
        except Exception as error:
            if not isinstance(error, SegmentFileError) and is_unreachable(error):
                raise
            log.exception("%s could not be loaded and will be tried again", file.path.name)
            self._postponed[file.key] = (time.monotonic() + delay, min(delay * 2, LONGEST_POSTPONED_S))
        else:
            self._postponed.pop(file.key, None)

    # Keeping house.

    async def _keep_house(self, connection: Connection) -> None:
        while not self._stop.is_set():
            now = self._clock()
            await housekeeping.make_ahead(connection, now=now)
            self._salts = await agree(connection, known=self._salts, today=now.astimezone(UTC).date())
            await retention.forget(connection, now=now, click_days=self._config.click_days)
            await self._sum_up(connection, now)
            await self._rest(connection, HOUSE_S)

    async def _rest(self, connection: Connection, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until and not self._stop.is_set():
            await self._pause(NOTICE_S)
            _still_open(connection)

    async def _sum_up(self, connection: Connection, now: datetime) -> None:
        """Once a day all days that have their clicks: late clicks may have undone old ones."""
        today = now.astimezone(UTC).date()
        everything = today - timedelta(days=self._config.click_days)
        await housekeeping.sum_up_days(connection, now=now, since=None if self._summed_up == today else everything)
        self._summed_up = today
