"""From a sealed file to a loaded one: the way of one segment, including the ways out of it."""

import logging
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import asyncpg

from models import partitions
from models.partitions import CLICKS, SLOTS, VISITORS
from models.retention import VISITOR_DAYS
from recording.classify import Classifier
from recording.content import Content, UnreadableSegmentError, read
from recording.load import Connection, Loaded, Outcome, load
from recording.rows import Rows, rows_of
from recording.segments import FILE_MODE, FOLDER_MODE, SegmentFile, State, path_of

OLDEST = timedelta(days=30)  # the ledger forgets after as long: what is older might be in already
ATTEMPTS = 5
# The last is a partition that was dropped in this moment.
_AGAIN = (asyncpg.DeadlockDetectedError, asyncpg.SerializationError, asyncpg.CheckViolationError)

log = logging.getLogger(__name__)


class SegmentFileError(Exception):
    """Something is wrong with a file of the spool, and not with the database."""


@dataclass(slots=True)
class Tally:
    """What a loader did since its start."""

    segments: int = 0  # stored by this loader
    known: int = 0  # offered again, and rightly not stored
    aside: int = 0
    clicks: int = 0
    late: int = 0
    rejected: int = 0  # lines that went to a .bad file
    dropped: int = 0  # visits that workers could not write, as they said themselves


@dataclass(frozen=True, slots=True)
class Unstored:
    """What was read of a segment's file: its content, or the problem why it is to be set aside."""

    file: SegmentFile
    problem: str = ""
    content: Content | None = None
    rows: Rows | None = None


class SegmentLoader:
    """Loads segments through one connection."""

    def __init__(self, *, instance_id: int, classifier: Classifier) -> None:
        self._instance_id = instance_id
        self._classifier = classifier
        self._days: set[date] = set()  # whose partitions are known to exist
        self.tally = Tally()

    async def take(self, connection: Connection, file: SegmentFile, *, now: datetime, force: bool = False) -> None:
        """Reads and stores the segment; see there."""
        await self.store(connection, self.read(file, now=now, force=force), now=now)

    def read(self, file: SegmentFile, *, now: datetime, force: bool = False) -> Unstored | None:
        """What the file holds, worked out as far as that goes without a database; None when the file is gone.

        Changes nothing, so it may be done in a thread, ahead, and in vain; `force` takes it however old it is.
        """
        try:
            content = read(file.path)
        except FileNotFoundError:  # another loader was quicker
            return None
        except UnreadableSegmentError:
            return Unstored(file, "unreadable")
        except OSError as error:
            raise SegmentFileError(f"{file.path.name} cannot be read: {error}") from error
        problem = self._problem(file, content, now, force=force)
        if problem is not None:
            return Unstored(file, problem)
        return Unstored(file, content=content, rows=rows_of(content, classifier=self._classifier, today=_day_of(now)))

    async def store(self, connection: Connection, unstored: Unstored | None, *, now: datetime) -> None:
        """Stores what was read and moves the file on.

        Raises what asyncpg raises for an outage; the file stays where it is then. Another process may load the same
        segment at the same time: the ledger lets one of them.
        """
        if unstored is None:
            return
        file, content, rows = unstored.file, unstored.content, unstored.rows
        if content is None or rows is None:
            self._aside(file, unstored.problem)
        else:
            self._settle(file, content, await self._load(connection, file, content, rows, now))

    def _problem(self, file: SegmentFile, content: Content, now: datetime, *, force: bool) -> str | None:
        if content.header.instance_id != self._instance_id:
            return "of another instance"
        if (content.header.producer, content.header.segment) != (file.key.producer, file.key.segment):
            return "under another segment's name"
        if not force and content.sealed_at < now - OLDEST:
            return "too old"
        return None

    async def _load(
        self, connection: Connection, file: SegmentFile, content: Content, rows: Rows, now: datetime
    ) -> Loaded:
        def put_aside(numbers: list[int]) -> None:
            write_bad(file, [content.lines[number] for number in numbers])

        for attempt in range(1, ATTEMPTS + 1):
            await self._make_partitions(connection, rows, _day_of(now))
            try:
                version = self._classifier.version
                return await load(connection, content, rows, classifier_version=version, put_aside=put_aside)
            except _AGAIN:  # nothing of it was stored
                self._days.clear()
                if attempt == ATTEMPTS:
                    raise
        raise AssertionError("the last attempt returns or raises")

    async def _make_partitions(self, connection: Connection, rows: Rows, today: date) -> None:
        days = rows.days() - self._days
        if not days:
            return
        await partitions.make(connection, CLICKS, days=days)
        await partitions.make(connection, SLOTS, days=days)
        forgotten = today - timedelta(days=VISITOR_DAYS)
        await partitions.make(connection, VISITORS, days=[day for day in days if day >= forgotten])
        self._days |= days

    def _settle(self, file: SegmentFile, content: Content, loaded: Loaded) -> None:
        if loaded.outcome is Outcome.CONFLICT:
            self._aside(file, "not what was loaded under its name")
            return
        if loaded.outcome is Outcome.KNOWN:
            self.tally.known += 1
        else:
            self._count(file, content, loaded)
        _move(file, State.LOADED)

    def _count(self, file: SegmentFile, content: Content, loaded: Loaded) -> None:
        self.tally.segments += 1
        self.tally.clicks += loaded.clicks
        self.tally.late += loaded.late
        self.tally.rejected += loaded.rejected
        self.tally.dropped += content.dropped
        if loaded.rejected:
            log.error("%s: %d lines could not be stored", file.path.name, loaded.rejected)
        if content.dropped:
            log.error("%s: its writer had to drop %d visits", file.path.name, content.dropped)

    def _aside(self, file: SegmentFile, why: str) -> None:
        self.tally.aside += 1
        log.error("segment %s set aside: %s", file.path.name, why)
        _move(file, State.ASIDE)


def _day_of(now: datetime) -> date:
    return now.astimezone(UTC).date()


def write_bad(file: SegmentFile, lines: list[bytes]) -> Path:
    """Puts lines that could not be stored beside the segment, in a file that a person may look at."""
    path = path_of(file.folder, file.key, State.BAD)
    try:
        path.parent.mkdir(mode=FOLDER_MODE, exist_ok=True)
        path.touch(mode=FILE_MODE)
        path.write_bytes(b"\n".join([*lines, b""]))
    except OSError as error:
        raise SegmentFileError(f"{path.name} cannot be written: {error}") from error
    return path


def _move(file: SegmentFile, state: State) -> None:
    try:
        file.become(state)
    except FileNotFoundError:  # another loader has moved it
        return
    except OSError as error:
        raise SegmentFileError(f"{file.path.name} cannot be renamed: {error}") from error
