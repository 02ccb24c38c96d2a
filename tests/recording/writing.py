"""Test data of this room: visits, segments as a worker would leave them, and ways to look at what was stored."""

import itertools
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg

from recording.classify import Classifier
from recording.load import Connection
from recording.segment_loader import SegmentLoader
from recording.segments import Key, SegmentFile, State, listed
from recording.visit import FORMAT, Header, Line, Sealed, Visit, encode
from tests.eventually import eventually

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
WORKSPACE, LINK, OTHER_LINK = 11, 101, 102
PERSON = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
ROBOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
_numbers = itertools.count(1)


def visit(**fields: Any) -> Visit:
    """A person's visit now, but for what is said."""
    usual: dict[str, Any] = {"at": NOW, "link_id": LINK, "workspace_id": WORKSPACE, "visitor": 1, "user_agent": PERSON}
    return Visit(**usual | fields)


def line(**fields: Any) -> bytes:
    """Such a visit as a line."""
    return encode(visit(**fields))


@dataclass(frozen=True)
class Writer:
    """Writes whole segments as a worker does that was stopped well."""

    folder: Path
    instance_id: int
    producer: int

    def write(
        self,
        *lines: Line | bytes,
        opened_at: datetime = NOW - timedelta(seconds=1),
        sealed_at: datetime | None = NOW,
        state: State = State.SEALED,
        key: Key | None = None,
        tail: bytes = b"",
    ) -> SegmentFile:
        """A segment of these lines; raw bytes are taken as they are."""
        key = key or Key(self.producer, next(_numbers))
        file = SegmentFile(self.folder, key, state)
        header = Header(FORMAT, key.producer, key.segment, opened_at, self.instance_id)
        all_lines = [header, *lines, *([] if sealed_at is None else [Sealed(sealed_at)])]
        raw = b"".join(line if isinstance(line, bytes) else encode(line) for line in all_lines)
        file.path.parent.mkdir(parents=True, exist_ok=True)
        file.path.write_bytes(raw + tail)
        return file

    def of_another_instance(self) -> "Writer":
        return replace(self, instance_id=self.instance_id ^ 1)


def writer(folder: Path, instance_id: int) -> Writer:
    return Writer(folder, instance_id, secrets.randbits(63))


class Offers:
    """Offers segments to a loader of its own, as the process does."""

    def __init__(self, connection: Connection, instance_id: int, classifier: Classifier) -> None:
        self.connection = connection
        self.loader = SegmentLoader(instance_id=instance_id, classifier=classifier)

    async def take(self, *files: SegmentFile, now: datetime = NOW, force: bool = False) -> None:
        """One after the other."""
        for file in files:
            await self.loader.take(self.connection, file, now=now, force=force)

    async def take_together(self, *files: SegmentFile) -> None:
        """In one transaction, if that works."""
        await self.loader.take(self.connection, *files, now=NOW)


async def stored(connection: Connection, columns: str = "*", where: str = "true") -> list[asyncpg.Record]:
    """The clicks in the order of their lines."""
    return await connection.fetch(f"select {columns} from click where {where} order by batch_id, batch_row")


async def sums(connection: Connection, link_id: int = LINK) -> tuple[int, int, int]:
    """A link's clicks, unique clicks and bot clicks of all time."""
    row = await connection.fetchrow(
        "select clicks, unique_clicks, bot_clicks from link_total where link_id = $1", link_id
    )
    return (0, 0, 0) if row is None else (row["clicks"], row["unique_clicks"], row["bot_clicks"])


def states(folder: Path) -> dict[State, int]:
    """How many segments are in which state."""
    return {state: len(files) for state in State if (files := listed(folder, state))}


async def soon(is_so: Callable[[], object]) -> None:
    """Returns once the answer is true; for questions that need not be awaited."""

    async def ask() -> bool:
        return bool(is_so())

    await eventually(ask)
