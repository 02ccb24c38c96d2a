"""Loaders that die, answers that are lost, databases that come back older: every visit is stored once all the same."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest

from models.database import asyncpg_dsn
from models.ranges import first_of_month
from recording.classify import Classifier
from recording.load import Connection
from recording.loader import REVIEW_S, Loader, LoaderConfig
from recording.segment_loader import SegmentFileError
from recording.segments import State
from tests.eventually import eventually
from tests.proxy import PostgresProxy
from tests.recording.agreement import difference
from tests.recording.writing import LINK, Offers, Writer, soon, states, sums, visit

pytestmark = pytest.mark.database


def now() -> datetime:
    return datetime.now(UTC)


def fresh(worker: Writer, *visitors: int, state: State = State.SEALED) -> None:
    """A segment as a worker writes it in this moment."""
    worker.write(*(visit(at=now(), visitor=one) for one in visitors), opened_at=now(), sealed_at=now(), state=state)


@asynccontextmanager
async def loading(folder: Path, url: str, instance_id: int) -> AsyncIterator[Loader]:
    loader = Loader(LoaderConfig(folder=folder, database_url=url, instance_id=instance_id))
    running = asyncio.create_task(loader.run())
    try:
        yield loader
    finally:
        loader.stop()
        await running


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_loader_killed_at_any_step_stores_everything_once(folder: Path, database_url: str, when: str) -> None:
    dsn = asyncpg_dsn(database_url)
    instance_id = asyncio.run(ask(dsn, "select spool_id from feed_position"))
    command = [sys.executable, "-m", "tests.recording.dying", dsn, str(folder), str(instance_id), when]
    run = subprocess.run(
        command, cwd=Path(__file__).parents[2], capture_output=True, stdin=subprocess.DEVNULL, timeout=300, check=True
    )
    steps = int(run.stdout)
    assert steps > 10
    assert asyncio.run(ask(dsn, "select count(*) from click")) == 3 * steps
    assert asyncio.run(ask(dsn, "select sum(unique_clicks) from link_total")) == 3
    assert asyncio.run(ask(dsn, "select n from feed_position")) == 2 * steps
    assert asyncio.run(ask(dsn, "select sum(rejected) from click_batch")) == steps
    assert not asyncio.run(differences(dsn))
    assert states(folder) == {State.LOADED: 2 * steps, State.BAD: steps}


async def ask(dsn: str, question: str) -> int:
    connection = await asyncpg.connect(dsn)
    answer: int = await connection.fetchval(question)
    connection.terminate()
    return answer


async def differences(dsn: str) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(dsn)
    found = await difference(connection)
    connection.terminate()
    return found


class ForgetfulProxy(PostgresProxy):
    """Loses the answer to the first COMMIT that stored something, and the connection with it."""

    def __init__(self, database_url: str, witness: Connection) -> None:
        super().__init__(database_url)
        self._witness = witness
        self.is_done = False

    async def pass_on(self) -> None:
        if not self.is_done and await self._witness.fetchval("select count(*) from click_batch"):
            self.is_done = True
            self._abort_all()
            raise ConnectionAbortedError
        await super().pass_on()


async def test_a_lost_answer_to_commit_stores_nothing_twice(
    worker: Writer, instance_id: int, classifier: Classifier, database_url: str, connection: Connection
) -> None:
    file = worker.write(visit(), visit(visitor=2))
    proxy = ForgetfulProxy(database_url, connection)
    async with proxy:
        for _ in range(2):
            through = await asyncpg.connect(asyncpg_dsn(proxy.url))
            try:
                await Offers(through, instance_id, classifier).take(file)
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                assert proxy.is_done
            through.terminate()
    assert proxy.is_done  # an answer was lost
    assert states(worker.folder) == {State.LOADED: 1}
    assert await sums(connection) == (2, 2, 0)
    assert not await difference(connection)


async def test_a_running_loader_takes_what_living_and_dead_writers_leave(
    worker: Writer, instance_id: int, database_url: str, connection: Connection
) -> None:
    fresh(worker, 1, 2)
    async with loading(worker.folder, database_url, instance_id) as loader:
        await eventually(lambda: stores(connection, 2))
        fresh(worker, 3, state=State.OPEN)  # nobody holds its lock
        await eventually(lambda: stores(connection, 3))
        fresh(worker, 4)
    assert await sums(connection) == (4, 4, 0)
    assert loader.tally.segments == 3
    assert not await difference(connection)


async def stores(connection: Connection, clicks: int) -> bool:
    return (await sums(connection))[0] == clicks


async def test_through_an_outage_segments_wait(
    worker: Writer, instance_id: int, database_url: str, connection: Connection
) -> None:
    async with PostgresProxy(database_url) as proxy, loading(worker.folder, proxy.url, instance_id):
        fresh(worker, 1)
        await eventually(lambda: stores(connection, 1))
        for visitor in range(2, 7):
            proxy.refuse()
            fresh(worker, visitor)
            await soon(lambda: proxy.connections == 0)
            proxy.restore()
        await eventually(lambda: stores(connection, 6))
    assert not await difference(connection)


async def test_a_restored_database_gets_its_lost_segments_again(
    worker: Writer, instance_id: int, database_url: str, connection: Connection
) -> None:
    async with PostgresProxy(database_url) as proxy, loading(worker.folder, proxy.url, instance_id):
        fresh(worker, 1)
        await eventually(lambda: stores(connection, 1))
        backup = await connection.fetch("select producer, segment from click_batch")
        fresh(worker, 2)
        await eventually(lambda: stores(connection, 2))
        await soon(lambda: states(worker.folder) == {State.LOADED: 2})
        proxy.refuse()
        await lose_all_but(connection, backup)
        proxy.restore()
        # On reconnecting: a review that only comes each minute would be too late.
        await eventually(lambda: stores(connection, 2), within=0.75 * REVIEW_S)
    assert not await difference(connection)


async def lose_all_but(connection: Connection, backup: list[asyncpg.Record]) -> None:
    """What a database that was restored to an older time has forgotten; here: the second of two visits."""
    await connection.execute("delete from click_batch where (producer, segment) <> ($1, $2)", *backup[0])
    await connection.execute("delete from click where batch_id not in (select id from click_batch)")
    await connection.execute("delete from visitor where visitor = 2")
    await connection.execute(
        "update link_total set clicks = 1, unique_clicks = 1, last_clicked_at = (select max(occurred_at) from click)"
    )
    await connection.execute("delete from click_slot")
    await connection.execute(
        """insert into click_slot
           select scope, case scope when 1 then link_id else workspace_id end,
                  date_bin('15 min', occurred_at, '2000-01-01 00:00+00'), 1, 1, 0
             from click, (values (1), (2)) s (scope)"""
    )


async def test_a_segment_that_cannot_be_loaded_stands_in_nobodys_way(
    worker: Writer, instance_id: int, database_url: str, connection: Connection
) -> None:
    worker.folder.mkdir(parents=True)
    (worker.folder / f"{1:016x}-{1:010d}.sealed").mkdir()  # nobody can read this
    fresh(worker, 1)
    async with loading(worker.folder, database_url, instance_id):
        await eventually(lambda: stores(connection, 1))
    assert states(worker.folder) == {State.LOADED: 1, State.SEALED: 1}


async def test_bad_lines_that_cannot_be_put_aside_are_not_given_up(
    worker: Writer, instance_id: int, database_url: str, connection: Connection
) -> None:
    worker.folder.mkdir(parents=True)
    blocking = worker.folder / State.BAD
    blocking.write_text("a file where the folder should be")
    worker.write(visit(visitor=1), b"junk\n")
    worker.write(visit(visitor=2))
    loader = Loader(LoaderConfig(folder=worker.folder, database_url=database_url, instance_id=instance_id))
    with pytest.raises(SegmentFileError):
        await loader.once()
    assert await sums(connection) == (1, 1, 0)  # the other segment's
    blocking.unlink()
    assert (await loader.once()).rejected == 1
    assert await sums(connection) == (2, 2, 0)


async def test_a_foreign_file_is_moved_out_of_the_way(
    worker: Writer, instance_id: int, database_url: str, connection: Connection
) -> None:
    worker.folder.mkdir(parents=True)
    strange, brand_new = worker.folder / "notes.txt", worker.folder / "copy.part"
    strange.write_text("no segment")
    brand_new.write_text("still being copied")
    long_ago = now() - timedelta(hours=1)
    os.utime(strange, (long_ago.timestamp(), long_ago.timestamp()))
    async with loading(worker.folder, database_url, instance_id):
        await soon((worker.folder / State.ASIDE / "notes.txt").exists)
    assert brand_new.exists()
    assert not strange.exists()


async def test_house_is_kept_ahead_of_time(
    folder: Path, instance_id: int, database_url: str, connection: Connection
) -> None:
    today = now().date()
    async with loading(folder, database_url, instance_id):
        await eventually(lambda: has_salts(connection, [today, today + timedelta(days=1), today + timedelta(days=2)]))
        await eventually(lambda: has_table(connection, f"visitor_{today + timedelta(days=7):%Y_%m_%d}"))
        await eventually(lambda: has_table(connection, f"click_{first_of_month(today, months=1):%Y_%m}"))
        await eventually(lambda: has_table(connection, f"click_slot_{today:%Y_%m}"))


async def has_salts(connection: Connection, days: list[date]) -> bool:
    return [row["day"] for row in await connection.fetch("select day from visitor_salt order by 1")] == days


async def has_table(connection: Connection, name: str) -> bool:
    return await connection.fetchval("select to_regclass($1)", name) is not None


async def test_a_loader_without_a_database_can_be_stopped(folder: Path) -> None:
    async with loading(folder, "postgresql://kurz@127.0.0.1:1/none", 1) as loader:
        assert loader.tally.segments == 0


async def test_by_force_what_was_too_old_is_taken_from_aside(
    worker: Writer, instance_id: int, database_url: str, connection: Connection
) -> None:
    then = now() - timedelta(days=40)
    worker.write(visit(at=then), opened_at=then, sealed_at=then)
    loader = Loader(LoaderConfig(folder=worker.folder, database_url=database_url, instance_id=instance_id))
    assert (await loader.once()).aside == 1
    assert (await loader.once(force=True)).clicks == 1
    assert states(worker.folder) == {State.LOADED: 1}
    assert await sums(connection, LINK) == (1, 0, 0)
