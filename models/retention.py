"""Retention: what is forgotten, and when. Sums are kept for ever, single clicks and who was seen are not."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import asyncpg

from models.partitions import CLICKS, VISITORS, drop

CLICK_DAYS = 400
VISITOR_DAYS = 8
LEDGER_DAYS = 30


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What one call dropped: months of clicks, days of visitors, rows of the ledger."""

    click_months: int
    visitor_days: int
    batches: int


async def forget(conn: asyncpg.Connection, *, now: datetime, click_days: int = CLICK_DAYS) -> Forgotten:
    """Drops clicks older than `click_days` by whole months, visitors and the ledger; not inside a transaction."""
    today = now.astimezone(UTC).date()
    months = await _forget_clicks(conn, before=today - timedelta(days=click_days))
    days = await drop(conn, VISITORS, before=today - timedelta(days=VISITOR_DAYS))
    batches = await conn.fetchval(
        "with gone as (delete from click_batch where loaded_at < $1 returning 1) select count(*) from gone",
        now - timedelta(days=LEDGER_DAYS),
    )
    return Forgotten(click_months=months, visitor_days=len(days), batches=batches)


async def _forget_clicks(conn: asyncpg.Connection, *, before: date) -> int:
    # First it is known that they are gone, then they go: no question may count what is left of them.
    await conn.execute(
        "update feed_position set clicks_kept_since = greatest(clicks_kept_since, $1) where clicks_kept_since "
        "is distinct from greatest(clicks_kept_since, $1)",
        datetime.combine(before.replace(day=1), time(), UTC),
    )
    return len(await drop(conn, CLICKS, before=before))
