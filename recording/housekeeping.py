"""What is done from time to time: partitions made ahead, busy days summed up, erased and forgotten what is overdue."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

from models import audit_log, click_days, erasure, partitions, retired_codes, tombstones
from models.partitions import CLICKS, SLOTS, VISITORS
from models.ranges import first_of_month
from recording.load import Connection

DAYS_AHEAD = 7
RECENT = timedelta(days=3)


async def make_ahead(connection: Connection, *, now: datetime) -> None:
    """Makes the partitions of this month and the next, and the visitors' of the next days."""
    today = now.astimezone(UTC).date()
    days = [today + timedelta(days=ahead) for ahead in range(DAYS_AHEAD + 1)]
    await partitions.make(connection, VISITORS, days=days)
    for table in (CLICKS, SLOTS):
        await partitions.make(connection, table, days=[today, first_of_month(today, months=1)])


async def sum_up_days(connection: Connection, *, now: datetime, since: date | None = None) -> int:
    """Builds the missing rows of the day cache, of the last days unless `since` says more; answers how many."""
    first = since or (now - RECENT).astimezone(UTC).date()
    return await click_days.build(connection, await click_days.candidates(connection, first=first, now=now))


async def purge(
    connection: Connection, *, now: datetime, audit_days: int, is_stopping: Callable[[], bool] = lambda: False
) -> int:
    """Erases deleted links whose time is over, and forgets old audit entries (`audit_days` 0: none), codes and
    tombstones; answers how many links it erased. Not inside a transaction; between short ones it may be stopped."""
    erased = 0
    while not is_stopping() and (gone := await erasure.erase_overdue(connection, now=now)) is not None:
        erased += gone
    await retired_codes.forget_old(connection, now=now)
    await tombstones.forget_old(connection, now=now)
    too_old = now - timedelta(days=audit_days)
    while audit_days and not is_stopping() and await audit_log.forget(connection, before=too_old):
        pass
    return erased
