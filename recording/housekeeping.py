"""What the click store needs from time to time: partitions made ahead, busy days summed up."""

from datetime import UTC, date, datetime, timedelta

from models import click_days, partitions
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
