"""From a sealed file to a loaded one: the way of segments, including the ways out of it."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path

import asyncpg

from models import partitions
from models.database import is_unreachable
from models.partitions import CLICKS, SLOTS, VISITORS
from models.retention import VISITOR_DAYS
from recording.classify import Classifier
from recording.content import Content, UnreadableSegmentError, read
from recording.load import Connection, Loaded, Offered, Outcome, load
from recording.rows import RowMaker
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
    """What was read of a segment's file: what to store of it, or the problem why it is to be set aside.

    `error` instead when it could not be read now.
    """

    file: SegmentFile
    offered: Offered | None = None
    problem: str = ""
    error: Exception | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """A segment that could not be stored now, or not moved; it will be offered again."""

    file: SegmentFile
    error: Exception


class SegmentLoader:
    """Loads segments through one connection."""

    def __init__(self, *, instance_id: int, classifier: Classifier) -> None:
        self._instance_id = instance_id
        self._version = classifier.version
        self._rows = RowMaker(classifier)
        self._days: set[date] = set()  # whose partitions are known to exist
        self.tally = Tally()

    async def take(self, connection: Connection, *files: SegmentFile, now: datetime, force: bool = False) -> None:
        """Reads and stores the segments, see there; raises the first failure."""
        for failure in await self.store(connection, self.read(files, now=now, force=force), now=now):
            raise failure.error

    def read(self, files: Sequence[SegmentFile], *, now: datetime, force: bool = False) -> list[Unstored]:
        """What those of the files hold that are still there, worked out as far as that goes without a database.

        Changes nothing, so it may be done in a thread, ahead, and in vain; `force` takes them however old they are.
        """
        read = [self._read(file, now, force=force) for file in files]
        return [one for one in read if one is not None]

    async def store(self, connection: Connection, unstored: Sequence[Unstored], *, now: datetime) -> list[Failure]:
        """Stores what was read, together where that works, and moves the files on; answers what that failed for.

        Raises what asyncpg raises for an outage; the files stay where they are then. Another process may load the same
        segments at the same time: the ledger lets one of them.
        """
        found = [one.offered for one in unstored if one.offered is not None]
        loaded = iter(await self._load_together(connection, found, _day_of(now)))
        failures = []
        for one in unstored:
            try:
                self._settle(one, one.error if one.offered is None else next(loaded))
            except Exception as error:  # noqa: BLE001 - of this file only
                failures.append(Failure(one.file, error))
        return failures

    def _read(self, file: SegmentFile, now: datetime, *, force: bool) -> Unstored | None:
        try:
            content = read(file.path)
            problem = self._problem(file, content, now, force=force)
            if problem is not None:
                return Unstored(file, problem=problem)
            rows = self._rows.rows_of(content, today=_day_of(now))
        except FileNotFoundError:  # another loader was quicker
            return None
        except UnreadableSegmentError:
            return Unstored(file, problem="unreadable")
        except OSError as error:
            return Unstored(file, error=SegmentFileError(f"{file.path.name} cannot be read: {error}"))
        except Exception as error:  # noqa: BLE001 - told where it is to be stored, and stands in no other file's way
            return Unstored(file, error=error)
        content = replace(content, visits=[])  # they are in the rows, and are many
        return Unstored(file, Offered(content, rows, partial(_put_aside, file, content)))

    def _problem(self, file: SegmentFile, content: Content, now: datetime, *, force: bool) -> str | None:
        if content.header.instance_id != self._instance_id:
            return "of another instance"
        if (content.header.producer, content.header.segment) != (file.key.producer, file.key.segment):
            return "under another segment's name"
        if not force and content.sealed_at < now - OLDEST:
            return "too old"
        return None

    async def _load_together(
        self, connection: Connection, found: Sequence[Offered], today: date
    ) -> list[Loaded | Exception]:
        """What became of each; if something is wrong with one of them, they are loaded one by one."""
        if not found:
            return []
        try:
            return [*await self._load(connection, found, today)]
        except Exception as error:
            if is_outage(error):
                raise
            if len(found) == 1:
                return [error]
            log.warning("%d segments are loaded one by one, for together they could not be: %r", len(found), error)
        return [outcome for one in found for outcome in await self._load_together(connection, [one], today)]

    async def _load(self, connection: Connection, found: Sequence[Offered], today: date) -> list[Loaded]:
        for attempt in range(1, ATTEMPTS + 1):
            await self._make_partitions(connection, {day for one in found for day in one.rows.days}, today)
            try:
                return await load(connection, found, classifier_version=self._version)
            except _AGAIN:  # nothing of it was stored
                self._days.clear()
                if attempt == ATTEMPTS:
                    raise
        raise AssertionError("the last attempt returns or raises")

    async def _make_partitions(self, connection: Connection, of_rows: set[date], today: date) -> None:
        days = of_rows - self._days
        if not days:
            return
        await partitions.make(connection, CLICKS, days=days)
        await partitions.make(connection, SLOTS, days=days)
        forgotten = today - timedelta(days=VISITOR_DAYS)
        await partitions.make(connection, VISITORS, days=[day for day in days if day >= forgotten])
        self._days |= days

    def _settle(self, unstored: Unstored, outcome: Loaded | Exception | None) -> None:
        """Counts what became of a segment and moves its file on; raises the failure that it is."""
        if isinstance(outcome, Exception):
            raise outcome
        if unstored.offered is None or outcome is None:
            self._aside(unstored.file, unstored.problem)
        elif outcome.outcome is Outcome.CONFLICT:
            self._aside(unstored.file, "not what was loaded under its name")
        else:
            self._count(unstored.file, unstored.offered.content, outcome)
            _move(unstored.file, State.LOADED)

    def _count(self, file: SegmentFile, content: Content, loaded: Loaded) -> None:
        if loaded.outcome is Outcome.KNOWN:
            self.tally.known += 1
            return
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


def is_outage(error: Exception) -> bool:
    """Whether the database is to blame and not the segment: then nothing can be loaded now."""
    return not isinstance(error, SegmentFileError) and is_unreachable(error)


def _put_aside(file: SegmentFile, content: Content, numbers: list[int]) -> None:
    lines = content.lines()
    write_bad(file, [lines[number] for number in numbers])


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
