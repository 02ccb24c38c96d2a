"""Following the feed: everything is told once and in order, whoever is slow, away, or cut off."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import event, text

from models.click_filters import EVERY_CLICK, ClickFilter
from models.click_lists import ClickKey
from models.clicks import VisitorKind
from models.database import Database, make_engine
from models.ids import WorkspaceId
from recording.feed import POSITION, ClickFeed, UnknownClick
from recording.following import Following
from tests.eventually import eventually
from tests.proxy import PostgresProxy
from tests.recording.writing import NOW, WORKSPACE, Offers, Writer, soon, visit

pytestmark = pytest.mark.database

MINE = WorkspaceId(WORKSPACE)
PATIENCE_S = 60


@pytest.fixture
def feed(database: Database, database_url: str) -> ClickFeed:
    return ClickFeed(database, direct_url=database_url, ring_clicks=10)


@asynccontextmanager
async def following(
    feed: ClickFeed, *, since: ClickKey | None = None, mine: ClickFilter = EVERY_CLICK
) -> AsyncIterator[Following]:
    async with feed.follow(workspace_id=MINE, click_filter=mine, since=since) as one:
        yield one


class Marks:
    """Writes visits that can be told apart, and reads which a follower was told."""

    def __init__(self, worker: Writer, offers: Offers) -> None:
        self._worker = worker
        self._offers = offers
        self._next = 0

    async def store(self, count: int, **fields: object) -> list[str]:
        """A batch of so many."""
        marks = [str(self._next + number) for number in range(count)]
        self._next += count
        visits = [visit(utm_source=mark, **fields) for mark in marks]
        await self._offers.take(self._worker.write(*visits))
        return marks


@pytest.fixture
def marks(worker: Writer, offers: Offers) -> Marks:
    return Marks(worker, offers)


async def told(one: Following, count: int) -> list[str | None]:
    """The marks of the next clicks."""
    heard: list[str | None] = []
    async with asyncio.timeout(PATIENCE_S):
        while len(heard) < count:
            heard += [click.record.utm_source for click in await one.take()]
    return heard


async def test_a_follower_is_told_what_is_stored_from_then_on(feed: ClickFeed, marks: Marks) -> None:
    await marks.store(2)
    async with following(feed) as one:
        first = await marks.store(3)
        second = await marks.store(1)
        assert await told(one, 4) == first + second


async def test_all_followers_are_told_by_one_reading(feed: ClickFeed, marks: Marks, database: Database) -> None:
    async with following(feed) as one, following(feed) as two, following(feed) as three:
        await marks.store(1)
        assert [await told(each, 1) for each in (one, two, three)] == [["0"]] * 3
        read: list[str] = []

        def note(_c: object, _u: object, statement: str, *_rest: object) -> None:
            read.append(statement)

        event.listen(database.engine.sync_engine, "before_cursor_execute", note)
        await marks.store(5)
        assert [len(await told(each, 5)) for each in (one, two, three)] == [5] * 3
        event.remove(database.engine.sync_engine, "before_cursor_execute", note)
    assert len([statement for statement in read if "from click c" in statement]) == 1


async def test_who_falls_behind_the_ring_reads_back_and_misses_nothing(feed: ClickFeed, marks: Marks) -> None:
    async with following(feed) as slow, following(feed) as quick:
        stored = []
        for size in (7, 30, 1, 15, 40):
            stored += await marks.store(size)
            assert (await told(quick, size))[-1] == stored[-1]
        assert slow.place < quick.place
        assert await told(slow, len(stored)) == stored
        assert slow.place == quick.place
        stored = await marks.store(3)
        assert await told(slow, 3) == await told(quick, 3) == stored


async def test_since_begins_in_the_middle_of_a_batch_and_goes_on_live(feed: ClickFeed, marks: Marks) -> None:
    async with following(feed) as one:
        stored = await marks.store(30)
        async with asyncio.timeout(PATIENCE_S):
            key = (await one.take())[4].record.key
    async with following(feed, since=key) as one:
        assert await told(one, 25) == stored[5:]
        stored = await marks.store(2)
        assert await told(one, 2) == stored
    with pytest.raises(UnknownClick):
        async with following(feed, since=ClickKey(NOW, 99, 0)):
            pass
    assert feed.is_idle


async def test_a_filter_applies_in_memory_and_to_what_is_read_back(feed: ClickFeed, marks: Marks) -> None:
    mine = ClickFilter(country=("DE",), kind=(VisitorKind.PERSON,))
    async with following(feed, mine=mine) as one:
        await marks.store(3, country="FR")
        wanted = await marks.store(2, country="DE")
        assert await told(one, 2) == wanted
        wanted = []
        for _ in range(4):
            await marks.store(9, country="FR")
            wanted += await marks.store(9, country="DE")
        assert await told(one, len(wanted)) == wanted


async def test_a_wait_ends_with_nothing_after_its_time(feed: ClickFeed, marks: Marks) -> None:
    async with following(feed) as one:
        assert await one.take(within_s=0) == ()
        stored = await marks.store(1)
        assert await told(one, 1) == stored


async def test_without_listen_the_look_each_second_finds_everything(database: Database, marks: Marks) -> None:
    feed = ClickFeed(database, direct_url=None)
    async with following(feed) as one:
        stored = await marks.store(3)
        assert await told(one, 3) == stored


async def test_an_outage_is_waited_out(database_url: str, marks: Marks) -> None:
    async with PostgresProxy(database_url) as proxy:
        database = Database(make_engine(proxy.url))
        feed = ClickFeed(database, direct_url=proxy.url, ring_clicks=5)
        async with following(feed) as one, following(feed) as slow:
            stored = await marks.store(2)
            assert await told(one, 2) == stored
            proxy.refuse()
            later = await marks.store(20)
            waiting = asyncio.create_task(told(one, 20))
            behind = asyncio.create_task(told(slow, 22))
            proxy.restore()
            assert await waiting == later
            assert await behind == stored + later
        await database.close()


async def test_a_database_that_was_set_back_is_followed_from_there(
    feed: ClickFeed, marks: Marks, database: Database
) -> None:
    async with following(feed) as one:
        await marks.store(1)
        await marks.store(1)
        await told(one, 2)
        async with database.write() as session:  # as restoring a backup would
            await session.execute(text("delete from click_batch where position = 2"))
            await session.execute(text("delete from click where utm_source = '1'"))
            await session.execute(text("update feed_position set n = 1"))
        await soon(lambda: one.place.position == 1)
        stored = await marks.store(1)
        assert await told(one, 1) == stored


async def test_nothing_listens_and_nothing_is_kept_when_nobody_follows(
    feed: ClickFeed, marks: Marks, database: Database
) -> None:
    for _ in range(3):
        async with following(feed) as one:
            stored = await marks.store(2)
            assert await told(one, 2) == stored
            await eventually(lambda: _listeners(database, 1))
        assert feed.is_idle
        await eventually(lambda: _listeners(database, 0))


async def test_no_connection_is_held_while_waiting(database_url: str, marks: Marks) -> None:
    database = Database(make_engine(database_url, pool_size=1))
    feed = ClickFeed(database, direct_url=database_url)
    async with following(feed) as one, following(feed) as two:
        waits = [asyncio.create_task(told(each, 1)) for each in (one, two)]
        for _ in range(20):
            async with database.read() as connection:
                await connection.execute(text("select 1"))
        stored = await marks.store(1)
        assert [await wait for wait in waits] == [stored, stored]
    await database.close()


async def test_whoever_comes_and_goes_misses_nothing(feed: ClickFeed, marks: Marks) -> None:
    """Batches of all sizes, followers that stop in the middle of them and begin again after what they had."""
    choice = random.Random(3)
    async with following(feed) as one:
        stored = await marks.store(1)
        async with asyncio.timeout(PATIENCE_S):
            (start,) = await one.take()

    async def store_all() -> None:
        for _ in range(60):
            stored.extend(await marks.store(choice.randint(1, 25)))

    async def follow_all(walk: random.Random) -> list[str | None]:
        heard, since = list[str | None](["0"]), start.record.key
        while not storing.done() or len(heard) < len(stored):
            async with following(feed, since=since) as one:
                for _ in range(walk.randint(1, 5)):
                    clicks = await one.take(within_s=0.2)
                    for click in clicks[: walk.randint(0, 2 * len(clicks))]:
                        heard.append(click.record.utm_source)
                        since = click.record.key
                    if len(clicks) and heard[-1] != clicks[-1].record.utm_source:
                        break  # gone in the middle of what it was told
                    await asyncio.sleep(walk.choice((0, 0.01)))
        return heard

    storing = asyncio.create_task(store_all())
    async with asyncio.timeout(PATIENCE_S):
        heard = await asyncio.gather(*(follow_all(random.Random(number)) for number in range(4)))
        await storing
    assert heard == [stored] * 4


async def _listeners(database: Database, count: int) -> bool:
    """Whether so many connections listen: what they asked last is in words of their own."""
    async with database.read() as connection:
        found = await connection.execute(
            text("select count(*) from pg_stat_activity where datname = current_database() and query = :asked"),
            {"asked": POSITION},
        )
        return bool(found.scalar_one() == count)
