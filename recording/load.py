"""A segment into the database, in one transaction: exactly once, whatever is interrupted or repeated."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

import asyncpg

from recording.content import Content
from recording.feed import ANNOUNCE
from recording.load_sql import BOOK, DROP_ERASED, EMPTY_STAGING, KNOWN, MAKE_STAGING, STORE
from recording.rows import Row, Rows

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
PutAside: TypeAlias = Callable[[list[int]], None]

# What one row's values can be guilty of. A check that fails is not among them: it is a missing partition, or a sum
# that was wrong before.
_DATA_ERRORS = (asyncpg.DataError, asyncpg.NotNullViolationError, OverflowError, ValueError, TypeError)


class Outcome(StrEnum):
    """What became of an offered segment."""

    LOADED = "loaded"
    KNOWN = "known"  # loaded before, with the same content
    CONFLICT = "conflict"  # something else was loaded under this key: an alarm


@dataclass(frozen=True, slots=True)
class Loaded:
    """What was stored; `rejected` counts lines that could not be read, or not be stored."""

    outcome: Outcome
    clicks: int = 0
    late: int = 0
    rejected: int = 0
    position: int | None = None


@dataclass(slots=True)
class _Stored:
    """What the parts of a batch add up to."""

    clicks: int = 0
    erased: int = 0
    first_at: datetime | None = None
    last_at: datetime | None = None

    def add(self, row: asyncpg.Record, *, erased: int) -> None:
        self.erased += erased
        if row["clicks"]:
            self.clicks += row["clicks"]
            self.first_at = min(self.first_at or row["first_at"], row["first_at"])
            self.last_at = max(self.last_at or row["last_at"], row["last_at"])


async def load(
    connection: Connection, content: Content, rows: Rows, *, classifier_version: str, put_aside: PutAside
) -> Loaded:
    """Stores the segment unless the ledger knows it. Its partitions must exist; not inside a transaction.

    Lines that cannot be stored are given to `put_aside` (their numbers) before the commit. Raises what asyncpg raises
    for a lost connection, a deadlock or a missing partition; trying again is always safe.
    """
    key = (content.header.producer, content.header.segment)
    async with connection.transaction(isolation="read_committed"):
        total = len(rows.rows) + len(content.unreadable)
        batch_id = await connection.fetchval(BOOK, *key, total, content.sha256, classifier_version)
        if batch_id is None:
            known = await connection.fetchval(KNOWN, *key)
            return Loaded(Outcome.KNOWN if known == content.sha256 else Outcome.CONFLICT)
        await connection.execute(MAKE_STAGING)
        stored = _Stored()
        unfit = await _store(connection, batch_id, rows.rows, stored)
        late = len(rows.late.difference(unfit))
        bad = sorted([*content.unreadable, *unfit])
        if bad:
            put_aside(bad)
        counts = (len(bad), late, stored.erased)
        position = await connection.fetchval(ANNOUNCE, batch_id, *counts, stored.first_at, stored.last_at)
    return Loaded(Outcome.LOADED, stored.clicks, late, len(bad), position)


async def _store(connection: Connection, batch_id: int, rows: list[Row], stored: _Stored) -> list[int]:
    """Stores the rows, halving them around those that do not fit; answers the numbers of these."""
    if not rows:
        return []
    try:
        async with connection.transaction():
            await connection.execute(EMPTY_STAGING)
            await connection.copy_records_to_table("staging", records=rows, columns=Row._fields)
            erased = await connection.fetchval(DROP_ERASED)
            [result] = await connection.fetch(STORE, batch_id)
    except _DATA_ERRORS:
        if len(rows) == 1:
            return [rows[0].batch_row]
        half = len(rows) // 2
        rejected = await _store(connection, batch_id, rows[:half], stored)
        return rejected + await _store(connection, batch_id, rows[half:], stored)
    stored.add(result, erased=erased)
    return []
