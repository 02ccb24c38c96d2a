"""What a running loader does beside loading: old clicks go as the setting says, and busy days are summed up."""

import asyncio
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest

from models.click_days import MIN_CLICKS
from recording.load import Connection
from recording.loader import Loader, LoaderConfig
from tests.clicks_data import Visit, load, spread
from tests.eventually import eventually

pytestmark = pytest.mark.database

CLICK_DAYS = 60
KEPT = "select array_agg(distinct to_char(occurred_at at time zone 'UTC', 'YYYY-MM-DD')) from click"


def noon(days_ago: int) -> datetime:
    return datetime.combine(datetime.now(UTC).date() - timedelta(days=days_ago), time(12), UTC)


async def keep_house(folder: Path, database_url: str, instance_id: int, connection: Connection, *, until: str) -> None:
    """Runs a loader until the answer is true; then it has begun what comes after, and ends."""
    config = LoaderConfig(folder=folder, database_url=database_url, instance_id=instance_id, click_days=CLICK_DAYS)
    loader = Loader(config)
    running = asyncio.create_task(loader.run())

    async def is_so() -> bool:
        return bool(await connection.fetchval(until))

    await eventually(is_so)
    loader.stop()
    await running


async def test_clicks_older_than_the_setting_go_and_their_sums_stay(
    folder: Path, database_url: str, instance_id: int, connection: Connection
) -> None:
    # given a click of today and one of a month that ended more than 60 days ago
    old, young = noon(CLICK_DAYS + 32), noon(0)
    await load(connection, [Visit(occurred_at=old), Visit(occurred_at=young)], segment=1)
    gone = f"select to_regclass('click_{old:%Y_%m}') is null"

    # when
    await keep_house(folder, database_url, instance_id, connection, until=gone)

    # then
    assert await connection.fetchval(KEPT) == [f"{young:%Y-%m-%d}"]
    assert await connection.fetchval("select sum(clicks)::int from click_slot where scope = 1") == 2
    assert await connection.fetchval("select clicks from link_total") == 2
    assert await connection.fetchval("select clicks_kept_since > $1 from feed_position", old)


async def test_busy_days_that_are_over_are_summed_up(
    folder: Path, database_url: str, instance_id: int, connection: Connection
) -> None:
    # given two days before, one of them busy, both too long ago to be looked at each time
    busy, quiet = noon(20), noon(21)
    await load(connection, spread(busy, MIN_CLICKS, every=timedelta(seconds=1)), segment=1)
    await load(connection, spread(quiet, MIN_CLICKS - 1, every=timedelta(seconds=1)), segment=2)

    # when
    await keep_house(folder, database_url, instance_id, connection, until="select count(*) = 2 from click_day")

    # then it is, for the link and for the workspace
    days = await connection.fetch("select scope, day, rows from click_day order by scope")
    assert [tuple(row) for row in days] == [(1, busy.date(), MIN_CLICKS), (2, busy.date(), MIN_CLICKS)]
