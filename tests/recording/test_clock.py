"""A wall clock that is set back and forth: visits keep their times, and no click goes."""

import asyncio
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from recording.load import Connection
from recording.loader import Loader, LoaderConfig
from recording.segments import State
from recording.spool import Spool, Sync
from tests.eventually import eventually
from tests.recording.agreement import difference
from tests.recording.test_faults import stores
from tests.recording.writing import Writer, line, soon, states, stored, visit

pytestmark = pytest.mark.database

HOUR, DAY, SECOND = timedelta(hours=1), timedelta(days=1), timedelta(seconds=1)
STEPS = [timedelta(), -HOUR, 2 * HOUR, -HOUR, DAY, -2 * DAY, DAY, *[-SECOND] * 5]


class SteppedClock:
    """The wall clock, as long as nobody sets it."""

    def __init__(self) -> None:
        self._ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self._ahead

    def step(self, by: timedelta) -> None:
        self._ahead += by


async def test_visits_keep_their_times_when_the_clock_is_stepped(
    folder: Path, database_url: str, instance_id: int, connection: Connection
) -> None:
    clock = SteppedClock()
    spool = Spool(
        folder, producer=7, instance_id=instance_id, sync=Sync.NEVER, max_bytes=2**30, clock=clock, segment_s=0.0
    )
    spool.start()
    times = []
    for number, step in enumerate(STEPS, start=1):
        clock.step(step)
        times.append(clock())
        assert spool.append(line(at=times[-1], visitor=number))
        await soon(partial(has_sealed, spool, folder, number))
        assert (spool.backlog.waiting_s(clock()) >= 0, spool.reason()) == (True, None)
    await spool.stop()
    await Loader(config(folder, database_url, instance_id), clock=clock).once()
    rows = await stored(connection, "occurred_at, time_replaced")
    assert sorted(row["occurred_at"] for row in rows) == sorted(times)
    assert not any(row["time_replaced"] for row in rows)
    days, months = ({at.strftime(form) for at in times} for form in ("%j", "%m"))
    assert await partitions(connection, "visitor") == len(days)
    assert await partitions(connection, "click") == await partitions(connection, "click_slot") == len(months)
    assert not await difference(connection)


def has_sealed(spool: Spool, folder: Path, segments: int) -> bool:
    spool.tick()
    return states(folder).get(State.SEALED) == segments


async def partitions(connection: Connection, table: str) -> int:
    found: int = await connection.fetchval(
        "select count(*) from pg_inherits where inhparent = $1::text::regclass", table
    )
    return found


def config(folder: Path, database_url: str, instance_id: int) -> LoaderConfig:
    return LoaderConfig(folder=folder, database_url=database_url, instance_id=instance_id)


async def test_a_clock_that_is_years_ahead_forgets_nothing(
    worker: Writer, database_url: str, instance_id: int, connection: Connection
) -> None:
    now = datetime.now(UTC)
    worker.write(visit(at=now), opened_at=now, sealed_at=now)
    settings = config(worker.folder, database_url, instance_id)
    await Loader(settings).once()
    ahead = SteppedClock()
    ahead.step(1_000 * DAY)
    loader = Loader(settings, clock=ahead)
    running = asyncio.create_task(loader.run())
    await eventually(lambda: has_kept_house(connection))
    loader.stop()
    await running
    assert await stores(connection, 1)
    assert len(await stored(connection)) == 1
    assert not await difference(connection)


async def has_kept_house(connection: Connection) -> bool:
    """Whether it has come to the salts, after which it forgets before it ends."""
    return bool(await connection.fetchval("select count(*) from visitor_salt"))
