"""The loader: the process that brings segments into the database, and keeps house there."""

import asyncio
import logging
import random
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import aclosing, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TypeAlias

import asyncpg

from models import retention
from models.database import asyncpg_dsn, is_unreachable
from recording import housekeeping
from recording.adoption import adopt
from recording.classify import Classifier
from recording.keeping import remove_old, set_foreign_aside, unknown
from recording.load import Connection
from recording.read_ahead import read_ahead
from recording.salts import agree
from recording.segment_loader import SegmentLoader, Tally, Unstored
from recording.segments import Key, SegmentFile, State, listed
from recording.together import together

LOOK_S = 0.1  # for sealed segments
ADOPT_S = 1.0  # for dead writers
REVIEW_S = 60.0  # for kept segments that the ledger does not know, and files that are old
REVIEW_AGAIN_S = 2.0  # when one of them could not be loaded
HOUSE_S = 300.0
PURGE_S = 3600.0
NOTICE_S = 1.0
CONNECT_TIMEOUT_S = 5.0
COMMAND_TIMEOUT_S = 120.0
LONGEST_BACKOFF_S = 5.0
LONGEST_POSTPONED_S = 300.0

Group: TypeAlias = list[SegmentFile]
Reading: TypeAlias = "asyncio.Future[list[Unstored]]"
Readings: TypeAlias = AsyncGenerator[tuple[Group, Reading]]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LoaderConfig:
    """What a loader needs to know."""

    folder: Path
    database_url: str
    instance_id: int
    max_bytes: int = 2 * 1024**3
    click_days: int = 400
    audit_days: int = 400


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
        self._purged_at = float("-inf")
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
            files = listed(self._config.folder, State.SEALED, *([State.ASIDE] if force else []))
            async with aclosing(self._read_ahead(together(files), force=force)) as readings:
                async for _, reading in readings:
                    for failure in await self._segments.store(connection, await reading, now=self._clock()):
                        raise failure.error
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
            with suppress(OSError):  # dead writers give back their room also while the database is away
                adopt(self._config.folder, now=self._clock())
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
        adopted_at = float("-inf")
        while True:
            stopping = self._stop.is_set()
            if time.monotonic() - adopted_at >= ADOPT_S or stopping:
                adopt(self._config.folder, now=self._clock())
                adopted_at = time.monotonic()
            files = [file for file in listed(self._config.folder, State.SEALED) if self._is_due(file)]
            await self._take_all(connection, files)
            if stopping:
                return
            await self._pause(LOOK_S)
            _still_open(connection)

    async def _take_all(self, connection: Connection, files: list[SegmentFile]) -> bool:
        """Loads the segments, the first ones first and those last that failed before; whether none is left."""
        failed = [[file] for file in files if file.key in self._postponed]
        groups = [*together([file for file in files if file.key not in self._postponed]), *failed]
        is_done = True
        async with aclosing(self._read_ahead(groups)) as readings:
            async for group, reading in readings:
                is_done &= await self._take(connection, group, reading)
        return is_done

    def _read_ahead(self, groups: Iterable[Group], *, force: bool = False) -> Readings:
        return read_ahead(groups, lambda files: self._segments.read(files, now=self._clock(), force=force))

    def _is_due(self, file: SegmentFile) -> bool:
        due, _ = self._postponed.get(file.key, (0.0, 0.0))
        return time.monotonic() >= due

    async def _take(self, connection: Connection, files: Group, reading: Reading) -> bool:
        """Loads some segments; what cannot be loaded now (False) is tried again later and stands in nobody's way."""
        failures = await self._segments.store(connection, await reading, now=self._clock())
        delays = {file.key: self._postponed.pop(file.key, (0.0, 1.0))[1] for file in files}
        for failure in failures:
            log.error("%s could not be loaded and will be tried again", failure.file.path.name, exc_info=failure.error)
            delay = delays[failure.file.key]
            self._postponed[failure.file.key] = (time.monotonic() + delay, min(delay * 2, LONGEST_POSTPONED_S))
        return not failures

    # Keeping house, over a connection of its own: fresh visits wait for none of this.

    async def _keep_house(self, connection: Connection) -> None:
        kept_at = float("-inf")
        while not self._stop.is_set():
            is_done = await self._review(connection)  # at first at once: the database may be another
            if time.monotonic() - kept_at >= HOUSE_S:
                await self._make_and_forget(connection)
                kept_at = time.monotonic()
            await self._rest(connection, REVIEW_S if is_done else REVIEW_AGAIN_S)

    async def _review(self, connection: Connection) -> bool:
        """Offers kept segments that the ledger does not know, and tidies up; whether nothing is left to be offered."""
        is_done = True
        for file in await unknown(connection, self._config.folder):
            if self._stop.is_set():
                return False
            is_done &= self._is_due(file) and await self._take_all(connection, [file])
        await asyncio.to_thread(self._tidy)
        return is_done

    def _tidy(self) -> None:
        folder, now = self._config.folder, self._clock()
        for path in set_foreign_aside(folder, now=now):
            self.tally.aside += 1
            log.error("%s is no segment and was set aside", path.name)
        remove_old(folder, now=now, max_bytes=self._config.max_bytes)

    async def _make_and_forget(self, connection: Connection) -> None:
        # The earlier of two clocks: one that is wrong must not have clicks forgotten that are young.
        now = min(self._clock(), await connection.fetchval("select now()"))
        await housekeeping.make_ahead(connection, now=now)
        self._salts = await agree(connection, known=self._salts, today=now.astimezone(UTC).date())
        await retention.forget(connection, now=now, click_days=self._config.click_days)
        await self._sum_up(connection, now)
        await self._purge(connection)

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

    async def _purge(self, connection: Connection) -> None:
        if time.monotonic() - self._purged_at < PURGE_S:
            return
        # The earlier of two clocks: one that is wrong must not erase what could still be restored.
        now = min(self._clock(), await connection.fetchval("select now()"))
        erased = await housekeeping.purge(
            connection, now=now, audit_days=self._config.audit_days, is_stopping=self._stop.is_set
        )
        if erased:
            log.info("%d deleted links were erased", erased)
        self._purged_at = time.monotonic()
