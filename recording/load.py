"""Segments into the database, in one transaction: exactly once, whatever is interrupted or repeated."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, TypeAlias

import asyncpg

from recording.content import Content
from recording.copying import COLUMNS, copied, number_of
from recording.feed import ANNOUNCE
from recording.load_sql import BOOK, DROP_ERASED, EMPTY_STAGING, KNOWN, MAKE_STAGING, STORE
from recording.rows import Rows

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

# What one row's values can be guilty of. A check that fails is not among them: it is a missing partition, or a sum
# that was wrong before.
_DATA_ERRORS = (asyncpg.DataError, asyncpg.NotNullViolationError)


class Outcome(StrEnum):
    """What became of an offered segment."""

    LOADED = "loaded"
    KNOWN = "known"  # loaded before, with the same content
    CONFLICT = "conflict"  # something else was loaded under this key: an alarm


@dataclass(frozen=True, slots=True)
class Offered:
    """A segment to be stored; `put_aside` is given the numbers of the lines that cannot be, before the commit."""

    content: Content
    rows: Rows
    put_aside: Callable[[list[int]], None]

    @property
    def key(self) -> tuple[int, int]:
        """What the ledger knows it by."""
        return self.content.header.producer, self.content.header.segment


@dataclass(frozen=True, slots=True)
class Loaded:
    """What was stored; `rejected` counts lines that could not be read, or not be stored."""

    outcome: Outcome
    clicks: int = 0
    late: int = 0
    rejected: int = 0


class _Part(NamedTuple):
    """Rows of one batch that are stored at once."""

    batch_id: int
    rows: list[bytes]


@dataclass(slots=True)
class _Sum:
    """What the parts of a batch add up to."""

    clicks: int = 0
    erased: int = 0
    unfit: list[int] = field(default_factory=list)
    first_at: datetime | None = None
    last_at: datetime | None = None

    def add(self, row: asyncpg.Record) -> None:
        self.clicks += row["clicks"]
        self.first_at = min(self.first_at or row["first_at"], row["first_at"])
        self.last_at = max(self.last_at or row["last_at"], row["last_at"])


async def load(connection: Connection, offered: Sequence[Offered], *, classifier_version: str) -> list[Loaded]:
    """Stores those of the segments that the ledger does not know; what became of each, in their order.

    All of them or none are stored, with one position after the other. Their partitions must exist; not inside a
    transaction. Raises what `put_aside` raises, and what asyncpg raises for a lost connection, a deadlock or a missing
    partition; trying again is always safe.
    """
    async with connection.transaction(isolation="read_committed"):
        ids = await _book(connection, offered, classifier_version)
        taken = [ids.pop(one.key, None) for one in offered]  # of the same segment twice, the second is known
        fresh = {batch_id: one for batch_id, one in zip(taken, offered, strict=True) if batch_id is not None}
        stored = await _store_all(connection, fresh) if fresh else {}
        return [
            await _compared(connection, one) if batch_id is None else stored[batch_id]
            for batch_id, one in zip(taken, offered, strict=True)
        ]


async def _book(connection: Connection, offered: Sequence[Offered], version: str) -> dict[tuple[int, int], int]:
    """The ids, by key, of those that the ledger did not know."""
    producers, segments = [one.key[0] for one in offered], [one.key[1] for one in offered]
    totals = [one.rows.count + len(one.content.unreadable) for one in offered]
    hashes = [one.content.sha256 for one in offered]
    rows = await connection.fetch(BOOK, producers, segments, totals, hashes, version)
    return {(row["producer"], row["segment"]): row["id"] for row in rows}


async def _compared(connection: Connection, one: Offered) -> Loaded:
    known = await connection.fetchval(KNOWN, *one.key)
    return Loaded(Outcome.KNOWN if known == one.content.sha256 else Outcome.CONFLICT)


async def _store_all(connection: Connection, fresh: Mapping[int, Offered]) -> dict[int, Loaded]:
    await connection.execute(MAKE_STAGING)
    sums = {batch_id: _Sum() for batch_id in fresh}
    await _store(connection, [_Part(id_, one.rows.encoded) for id_, one in fresh.items() if one.rows.encoded], sums)
    loaded = {batch_id: _put_aside(one, sums[batch_id]) for batch_id, one in fresh.items()}
    numbers = [
        (one.rejected, one.late, total.erased, total.first_at, total.last_at)
        for one, total in zip(loaded.values(), sums.values(), strict=True)
    ]
    await connection.fetch(ANNOUNCE, list(loaded), *map(list, zip(*numbers, strict=True)))
    return loaded


def _put_aside(one: Offered, stored: _Sum) -> Loaded:
    """Puts the lines aside that were not stored."""
    late = len(one.rows.late.difference(stored.unfit))
    bad = sorted([*one.content.unreadable, *one.rows.unfit, *stored.unfit])
    if bad:
        one.put_aside(bad)
    return Loaded(Outcome.LOADED, stored.clicks, late, len(bad))


async def _store(connection: Connection, parts: Sequence[_Part], sums: Mapping[int, _Sum]) -> None:
    """Stores the rows, halving them around those that do not fit."""
    if not parts:
        return
    try:
        async with connection.transaction():
            await connection.execute(EMPTY_STAGING)
            await connection.copy_to_table("incoming", source=copied(parts), columns=COLUMNS, format="binary")
            erased = await connection.fetch(DROP_ERASED)
            stored = await connection.fetch(STORE)
    except _DATA_ERRORS:
        if len(parts) == len(parts[0].rows) == 1:
            sums[parts[0].batch_id].unfit.append(number_of(parts[0].rows[0]))
            return
        for half in _halves(parts):
            await _store(connection, half, sums)
        return
    for row in erased:
        sums[row["batch_id"]].erased += row["n"]
    for row in stored:
        sums[row["batch_id"]].add(row)


def _halves(parts: Sequence[_Part]) -> tuple[Sequence[_Part], Sequence[_Part]]:
    if len(parts) > 1:
        half = len(parts) // 2
        return parts[:half], parts[half:]
    [(batch_id, rows)] = parts
    half = len(rows) // 2
    return [_Part(batch_id, rows[:half])], [_Part(batch_id, rows[half:])]
