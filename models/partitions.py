"""Partitions: months of clicks and slots, days of visitors, made before they are needed and dropped when they are old.

There is no default partition: one click in it would block the making of that click's month for ever. Making and
dropping take locks that a long query can hold up; they wait briefly and try again, so that nobody queues behind them.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, timedelta

import asyncpg

from models.ranges import first_of_month

PARTITION_LOCK = 0x6B75727B  # advisory; any number will do, as long as every Kurz takes the same
ATTEMPTS = 20
LOCK_TIMEOUT_MS = 500
PAUSE_S = 0.2


@dataclass(frozen=True, slots=True)
class PartitionedTable:
    """A table cut into UTC months or days; `storage` are the parameters of its partitions."""

    name: str
    by_day: bool = False
    storage: str = ""


CLICKS = PartitionedTable("click")
# Sums are rewritten in place: room on the page keeps most of that off the index.
SLOTS = PartitionedTable("click_slot", storage="with (fillfactor = 80)")
VISITORS = PartitionedTable("visitor", by_day=True)


@dataclass(frozen=True, slots=True)
class Partition:
    """A partition and the half-open range of UTC days in it."""

    table: PartitionedTable
    first: date

    @property
    def end(self) -> date:
        return self.first + timedelta(days=1) if self.table.by_day else first_of_month(self.first, months=1)

    @property
    def name(self) -> str:
        return (
            f"{self.table.name}_{self.first:%Y_%m_%d}" if self.table.by_day else f"{self.table.name}_{self.first:%Y_%m}"
        )


def partition_of(table: PartitionedTable, day: date) -> Partition:
    """The partition that holds this UTC day, whether it exists or not."""
    return Partition(table, day if table.by_day else first_of_month(day))


async def existing(conn: asyncpg.Connection, table: PartitionedTable) -> list[Partition]:
    """The partitions there are, oldest first."""
    names = await conn.fetch(
        "select inhrelid::regclass::text as name from pg_inherits where inhparent = $1::text::regclass", table.name
    )
    return sorted((_named(table, row["name"]) for row in names), key=lambda partition: partition.first)


async def make(conn: asyncpg.Connection, table: PartitionedTable, *, days: Iterable[date]) -> None:
    """Makes the partitions of these UTC days that are missing; not inside a transaction."""
    needed = {partition_of(table, day) for day in days} - set(await existing(conn, table))
    for partition in sorted(needed, key=lambda one: one.first):
        await _patiently(_attach, conn, partition)


async def drop(conn: asyncpg.Connection, table: PartitionedTable, *, before: date) -> list[Partition]:
    """Drops the partitions without any day from `before` on, and answers them; not inside a transaction."""
    old = [partition for partition in await existing(conn, table) if partition.end <= before]
    for partition in old:
        await _patiently(_remove, conn, partition)
    return old


def _named(table: PartitionedTable, name: str) -> Partition:
    year, month, *day = (int(part) for part in name.removeprefix(f"{table.name}_").split("_"))
    return Partition(table, date(year, month, *day or [1]))


Step = Callable[[asyncpg.Connection, Partition], Awaitable[None]]


async def _patiently(step: Step, conn: asyncpg.Connection, partition: Partition) -> None:
    for attempt in range(1, ATTEMPTS + 1):
        try:
            async with _alone(conn):
                return await step(conn, partition)
        except (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError):
            if attempt == ATTEMPTS:
                raise
            await asyncio.sleep(PAUSE_S)
    return None


@asynccontextmanager
async def _alone(conn: asyncpg.Connection) -> AsyncIterator[None]:
    """One process at a time. A session's lock, because DETACH CONCURRENTLY allows no transaction around it."""
    await conn.execute(f"set lock_timeout = {LOCK_TIMEOUT_MS}")
    try:
        await conn.execute("select pg_advisory_lock($1)", PARTITION_LOCK)
        try:
            yield
        finally:
            await conn.execute("select pg_advisory_unlock($1)", PARTITION_LOCK)
    finally:
        await conn.execute("reset lock_timeout")


async def _attach(conn: asyncpg.Connection, partition: Partition) -> None:
    # ATTACH, since CREATE TABLE ... PARTITION OF would lock out every reader and writer of the table.
    if await _state(conn, partition) is not None:
        return
    name, parent = partition.name, partition.table.name
    async with conn.transaction():
        await conn.execute(f"drop table if exists {name}")  # what an interrupted removal left behind
        await conn.execute(f"create table {name} (like {parent} including all) {partition.table.storage}")
        await conn.execute(
            f"alter table {parent} attach partition {name} "
            f"for values from ('{_bound(partition, partition.first)}') to ('{_bound(partition, partition.end)}')"
        )


async def _remove(conn: asyncpg.Connection, partition: Partition) -> None:
    state = await _state(conn, partition)
    if state is not None:
        how = "finalize" if state == "half detached" else "concurrently"
        await conn.execute(f"alter table {partition.table.name} detach partition {partition.name} {how}")
    await conn.execute(f"drop table if exists {partition.name}")


async def _state(conn: asyncpg.Connection, partition: Partition) -> str | None:
    state: str | None = await conn.fetchval(
        "select case when inhdetachpending then 'half detached' else 'attached' end from pg_inherits "
        "where inhparent = $1::text::regclass and inhrelid = to_regclass($2)",
        partition.table.name,
        partition.name,
    )
    return state


def _bound(partition: Partition, day: date) -> str:
    return day.isoformat() if partition.table.by_day else f"{day.isoformat()} 00:00+00"
