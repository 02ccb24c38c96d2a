"""Partitions: made once whoever else makes them, dropped for good, and never waited for behind a long query."""

import asyncio
from datetime import date

import asyncpg
import pytest

from models import partitions
from models.database import asyncpg_dsn
from models.partitions import CLICKS, SLOTS, VISITORS, PartitionedTable, drop, existing, make
from models.retention import Forgotten, forget
from tests.clicks_data import Visit, load
from tests.clicks_worlds import utc

pytestmark = pytest.mark.database
Connection = asyncpg.Connection


async def names(conn: Connection, table: PartitionedTable) -> list[str]:
    return [partition.name for partition in await existing(conn, table)]


@pytest.mark.parametrize(
    ("table", "made"),
    [
        (CLICKS, ["click_2026_02", "click_2026_12", "click_2027_01"]),
        (SLOTS, ["click_slot_2026_02", "click_slot_2026_12", "click_slot_2027_01"]),
        (VISITORS, ["visitor_2026_02_28", "visitor_2026_12_31", "visitor_2027_01_01"]),
    ],
)
async def test_each_day_gets_its_partition_once(raw: Connection, table: PartitionedTable, made: list[str]) -> None:
    for _ in range(2):
        await make(raw, table, days=[date(2027, 1, 1), date(2026, 12, 31), date(2026, 2, 28), date(2027, 1, 1)])

    assert await names(raw, table) == made


@pytest.mark.parametrize("edge", [utc(2026, 11, 1), utc(2026, 11, 30, 23, 59, 59)])
async def test_a_month_is_the_utc_one_whatever_the_session_says(raw: Connection, edge: object) -> None:
    # given a session far from UTC
    await raw.execute("set timezone = 'Pacific/Kiritimati'")
    await make(raw, CLICKS, days=[date(2026, 11, 4)])

    # then
    assert await raw.fetchval("select count(*) from click where occurred_at = $1", edge) == 0
    await raw.execute(
        "insert into click (occurred_at, link_id, workspace_id, batch_id, batch_row, link_version, kind, first, "
        "device) values ($1, 1, 1, 1, 0, 1, 0, false, 'OTHER')",
        edge,
    )


async def test_partitions_have_the_indexes_of_their_table(raw: Connection) -> None:
    await make(raw, CLICKS, days=[date(2026, 11, 4)])

    found = await raw.fetchval(
        "select count(*) from pg_inherits i join pg_class c on c.oid = i.inhrelid "
        "where c.relkind = 'i' and c.relname like 'click\\_2026\\_11%'"
    )
    assert found == 2


async def test_many_makers_at_once_make_one(database_url: str, raw: Connection) -> None:
    # given
    makers = [await asyncpg.connect(asyncpg_dsn(database_url)) for _ in range(5)]

    # when
    await asyncio.gather(*(make(maker, VISITORS, days=[date(2026, 11, 4)]) for maker in makers))

    # then
    assert await names(raw, VISITORS) == ["visitor_2026_11_04"]
    for maker in makers:
        await maker.close()


async def test_partitions_before_a_day_are_dropped(raw: Connection) -> None:
    # given
    await make(raw, CLICKS, days=[date(2026, 9, 1), date(2026, 10, 1), date(2026, 11, 1)])

    # when
    gone = await drop(raw, CLICKS, before=date(2026, 11, 30))

    # then
    assert [one.name for one in gone] == ["click_2026_09", "click_2026_10"]
    assert await names(raw, CLICKS) == ["click_2026_11"]
    assert await raw.fetchval("select to_regclass('click_2026_10')") is None


async def test_a_long_query_holds_up_the_dropping_and_the_dropping_nobody(
    monkeypatch: pytest.MonkeyPatch, raw: Connection, other: Connection
) -> None:
    # given a transaction that has read the table
    monkeypatch.setattr(partitions, "ATTEMPTS", 2)
    monkeypatch.setattr(partitions, "LOCK_TIMEOUT_MS", 50)
    await make(raw, CLICKS, days=[date(2026, 9, 1), date(2026, 11, 1)])
    reading = other.transaction(isolation="repeatable_read")
    await reading.start()
    await other.fetchval("select count(*) from click")

    # when it goes on
    with pytest.raises(asyncpg.LockNotAvailableError):
        await drop(raw, CLICKS, before=date(2026, 11, 1))
    assert await other.fetchval("select count(*) from click") == 0
    assert await raw.fetchval("show lock_timeout") == "0"

    # then it is finished the next time
    await reading.rollback()
    await drop(raw, CLICKS, before=date(2026, 11, 1))
    assert await names(raw, CLICKS) == ["click_2026_11"]


async def test_what_an_interrupted_removal_left_does_not_come_back(raw: Connection) -> None:
    # given a month that was detached and not dropped
    await load(raw, [Visit(occurred_at=utc(2026, 9, 4))], segment=1)
    await raw.execute("alter table click detach partition click_2026_09")

    # when
    await make(raw, CLICKS, days=[date(2026, 9, 1)])

    # then
    assert await raw.fetchval("select count(*) from click") == 0


async def test_forgetting_keeps_sums_and_what_is_young(raw: Connection) -> None:
    # given
    now = utc(2026, 11, 21, 12)
    for number, day in enumerate((utc(2026, 8, 4), utc(2026, 9, 4), utc(2026, 11, 20)), start=1):
        await load(raw, [Visit(occurred_at=day, visitor=1)], segment=number)
    await raw.execute("update click_batch set loaded_at = $1 where segment = 1", utc(2026, 10, 1))
    await raw.execute("update click_batch set loaded_at = $1 where segment > 1", now)

    # when
    forgotten = await forget(raw, now=now, click_days=60)

    # then
    assert forgotten == Forgotten(click_months=1, visitor_days=2, batches=1)
    assert await names(raw, CLICKS) == ["click_2026_09", "click_2026_11"]
    assert await names(raw, VISITORS) == ["visitor_2026_11_20"]
    assert await raw.fetchval("select sum(clicks) from click_slot where scope = 1") == 3
    assert await raw.fetchval("select clicks_kept_since from feed_position") == utc(2026, 9, 1)


async def test_what_was_forgotten_stays_known_when_more_is_kept_later(raw: Connection) -> None:
    await forget(raw, now=utc(2026, 11, 21), click_days=60)
    await forget(raw, now=utc(2026, 11, 21), click_days=400)

    assert await raw.fetchval("select clicks_kept_since from feed_position") == utc(2026, 9, 1)
