"""The salts: agreed on by all processes, made ahead, and gone when their time is over."""

from datetime import UTC, date, datetime, timedelta

import asyncpg
import pytest

from models.database import asyncpg_dsn
from recording.load import Connection
from recording.salts import Salts, agree

pytestmark = pytest.mark.database

TODAY = date(2026, 11, 21)


def days(*ahead: int) -> list[date]:
    return [TODAY + timedelta(days=one) for one in ahead]


def salts(database_url: str, *, on: date = TODAY) -> Salts:
    return Salts(asyncpg_dsn(database_url), clock=lambda: datetime(on.year, on.month, on.day, 23, 59, tzinfo=UTC))


async def test_processes_agree_on_random_salts_made_two_days_ahead(database_url: str) -> None:
    one, other = salts(database_url), salts(database_url)
    await one.refresh()
    await other.refresh()
    agreed = [one.of(day) for day in days(0, 1, 2)]
    assert agreed == [other.of(day) for day in days(0, 1, 2)]
    assert len(set(agreed)) == 3
    assert all(salt is not None and len(salt) == 32 for salt in agreed)
    assert one.of(TODAY + timedelta(days=3)) is None


async def test_over_midnight_without_a_database_the_next_days_salt_is_there() -> None:
    nowhere = Salts("postgresql://kurz@127.0.0.1:1/none", clock=lambda: datetime(2026, 11, 21, tzinfo=UTC))
    with pytest.raises(OSError):
        await nowhere.refresh()
    assert nowhere.of(TODAY) is None


async def test_a_salt_is_deleted_48_hours_after_its_day_began(database_url: str, connection: Connection) -> None:
    first = salts(database_url)
    await first.refresh()
    later = salts(database_url, on=TODAY + timedelta(days=2))
    await later.refresh()
    kept = [row["day"] for row in await connection.fetch("select day from visitor_salt order by 1")]
    assert kept == days(1, 2, 3, 4)
    assert later.of(TODAY) is None


async def test_after_a_crash_emptied_the_table_the_known_salts_are_offered_again(
    database_url: str, connection: Connection
) -> None:
    one = salts(database_url)
    await one.refresh()
    before = one.of(TODAY)
    await connection.execute("truncate visitor_salt")
    await one.refresh()
    assert one.of(TODAY) == before
    other = salts(database_url)
    await other.refresh()
    assert other.of(TODAY) == before


async def test_what_the_table_has_wins(connection: Connection) -> None:
    theirs = await agree(connection, known={}, today=TODAY)
    mine = await agree(connection, known={TODAY: b"m" * 32}, today=TODAY)
    assert mine == theirs


async def test_an_old_salt_is_never_offered_again(connection: Connection) -> None:
    agreed = await agree(connection, known=dict.fromkeys(days(-3, -2, -1), b"o" * 32), today=TODAY)
    assert sorted(agreed) == days(-1, 0, 1, 2)
    assert await connection.fetchval("select min(day) from visitor_salt") == days(-1)[0]


async def test_the_table_is_in_no_write_ahead_log(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    assert await connection.fetchval("select relpersistence from pg_class where relname = 'visitor_salt'") == b"u"
