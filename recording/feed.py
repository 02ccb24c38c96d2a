"""The feed: every stored batch gets a position, gapless and in the order of commit, and is announced."""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial

import asyncpg
from sqlalchemy.exc import SQLAlchemyError

from models import click_feed
from models.analytics_refusals import AnalyticsRefused
from models.click_feed import Place, Stretch
from models.click_filters import EVERY_CLICK, ClickFilter
from models.click_lists import ClickKey
from models.database import Database, asyncpg_dsn, is_unreachable
from models.ids import WorkspaceId
from recording.following import AT_ONCE, RING_CLICKS, Following, Ring

CHANNEL = "kurz_click"
CONNECT_TIMEOUT_S = 5.0
HEARTBEAT_S = 30.0  # how long silence may last before the connection is tried
LOOK_S = 1.0  # how often is looked without having heard, and how soon again after a failure
READ_S = 10.0  # for one question to the database
READERS_AT_ONCE = 2  # of those that begin or read back: the other connections of the pool are for everybody else
_OUTAGES = (
    *(OSError, SQLAlchemyError, AnalyticsRefused),
    *(asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError),
)

log = logging.getLogger(__name__)

# Last in the transaction of a load: the row stays locked until the commit, so positions become visible in order.
ANNOUNCE = """
with told as (
       select * from unnest($1::bigint[], $2::int[], $3::int[], $4::int[], $5::timestamptz[], $6::timestamptz[])
         with ordinality as t (id, rejected, late, erased, occurred_from, occurred_until, place)),
     next as (update feed_position set n = n + cardinality($1) where id = 1 returning n - cardinality($1) as before),
     booked as (
       update click_batch b
          set position = before + place, rejected = told.rejected, late = told.late, erased = told.erased,
              occurred_from = told.occurred_from, occurred_until = told.occurred_until
         from next, told where b.id = told.id returning b.id, b.position)
select id, position, pg_notify('kurz_click', position::text) from (select * from booked order by position) told"""
POSITION = "select n from feed_position"


async def listen(dsn: str) -> AsyncGenerator[int, None]:
    """The position now, then each later one soon after its batch is stored; several at once come as the last.

    Needs a connection without a pooler in between. Ends with what asyncpg or the system raises when the connection is
    lost: whoever begins again gets the position of then.
    """
    connection = await asyncpg.connect(dsn, timeout=CONNECT_TIMEOUT_S)
    news = asyncio.Event()
    try:
        await connection.add_listener(CHANNEL, lambda *_: news.set())
        connection.add_termination_listener(lambda _: news.set())
        latest = -1
        while True:
            news.clear()
            position = await connection.fetchval(POSITION, timeout=CONNECT_TIMEOUT_S)
            if position != latest:
                latest = position
                yield position
            await _wait(news)
    finally:
        connection.terminate()


async def _wait(news: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(HEARTBEAT_S):
            await news.wait()
    except TimeoutError:
        return


class UnknownClick(Exception):  # noqa: N818 - it names what happened, not a fault
    """There is no such click to begin after: unknown, another workspace's, or stored too long ago."""


class ClickFeed:
    """The clicks as they are stored, for any number of followers; one for the process.

    It listens over `direct_url` (no pooler in between) and looks each second besides, as long as anybody follows; it
    reads through the pool, and holds no connection of it while it waits.
    """

    def __init__(self, database: Database, *, direct_url: str | None, ring_clicks: int = RING_CLICKS) -> None:
        self._database = database
        self._dsn = None if direct_url is None else asyncpg_dsn(direct_url)
        self._ring_clicks = ring_clicks
        self._rings: dict[WorkspaceId, Ring] = {}
        self._followings: dict[WorkspaceId, set[Following]] = {}
        self._news = asyncio.Event()
        self._turns = asyncio.Semaphore(READERS_AT_ONCE)
        self._work: list[asyncio.Task[None]] = []
        self._is_known_lost = False

    @asynccontextmanager
    async def follow(
        self, *, workspace_id: WorkspaceId, click_filter: ClickFilter, since: ClickKey | None = None
    ) -> AsyncIterator[Following]:
        """What is stored from now on, or after a click; raises UnknownClick for a click that there is not.

        "Now" is when it is entered: what is stored later is told.
        """
        place, head = await self._start(workspace_id, since)
        ring = self._rings.setdefault(workspace_id, Ring(head, size=self._ring_clicks))
        following = Following(ring, place, click_filter, partial(self._read_back, workspace_id), told_from=head)
        self._followings.setdefault(workspace_id, set()).add(following)
        if not self._work:
            self._work = [asyncio.create_task(self._listen()), asyncio.create_task(self._read())]
        self._news.set()  # the ring may be behind the start
        try:
            yield following
        finally:
            self._leave(workspace_id, following)

    @property
    def followers(self) -> int:
        """How many follow."""
        return sum(map(len, self._followings.values()))

    @property
    def is_idle(self) -> bool:
        """Whether nobody follows: nothing listens then, and nothing is kept."""
        return not self._work and not self._rings

    def _leave(self, workspace_id: WorkspaceId, following: Following) -> None:
        self._followings[workspace_id].discard(following)
        if not self._followings[workspace_id]:
            del self._followings[workspace_id], self._rings[workspace_id]
        if not self._rings:
            for task in self._work:
                task.cancel()
            self._work = []

    async def _start(self, workspace_id: WorkspaceId, since: ClickKey | None) -> tuple[Place, Place]:
        async with self._turns, asyncio.timeout(READ_S), self._database.read() as conn:
            head = Place(await click_feed.position(conn))
            if since is None:
                return head, head
            place = await click_feed.place_of(conn, workspace_id=workspace_id, key=since)
        if place is None:
            raise UnknownClick
        return place, head

    async def _listen(self) -> None:
        while self._dsn is not None:
            with suppress(*_OUTAGES):  # the look each second stands in meanwhile
                async for _ in listen(self._dsn):
                    self._news.set()
            await asyncio.sleep(LOOK_S)

    async def _read(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    await self._news.wait()
            self._news.clear()
            try:
                await self._catch_up()
            except Exception as error:  # noqa: BLE001 - whatever happens, it is tried again: all followers wait for it
                self._tell(error)
                await asyncio.sleep(LOOK_S)
            else:
                self._is_known_lost = False

    def _tell(self, error: Exception) -> None:
        if not is_unreachable(error):
            log.error("clicks could not be read for subscriptions", exc_info=error)
        elif not self._is_known_lost:
            log.warning("the database cannot be asked: subscriptions wait (%r)", error)
        self._is_known_lost = True

    async def _catch_up(self) -> None:
        """Bring every ring up to the position of now, one stretch of each in turn."""
        behind = dict(self._rings)  # before the position is read, so that no ring is ahead of it
        async with asyncio.timeout(READ_S), self._database.read() as conn:
            until = await click_feed.position(conn)
        while behind:
            for workspace_id, ring in list(behind.items()):
                if ring.head < Place(until):
                    ring.extend(await self._stretch(workspace_id, after=ring.head, until=until))
                    continue
                if ring.head > Place(until):  # as after restoring an older database
                    self._set_back(workspace_id, ring, Place(until))
                del behind[workspace_id]

    def _set_back(self, workspace_id: WorkspaceId, ring: Ring, place: Place) -> None:
        ring.restart(place)
        for following in self._followings.get(workspace_id, ()):
            following.place = min(following.place, place)

    async def _read_back(self, workspace_id: WorkspaceId, following: Following, until: int) -> Stretch:
        """What somebody missed who was slow or away."""
        while True:
            try:
                async with self._turns:
                    return await self._stretch(
                        workspace_id, after=following.place, until=until, click_filter=following.click_filter
                    )
            except _OUTAGES as error:
                self._tell(error)
                await asyncio.sleep(LOOK_S)

    async def _stretch(
        self, workspace_id: WorkspaceId, *, after: Place, until: int, click_filter: ClickFilter = EVERY_CLICK
    ) -> Stretch:
        async with asyncio.timeout(READ_S), self._database.read() as conn:
            return await click_feed.stretch(
                conn, workspace_id=workspace_id, after=after, until=until, size=AT_ONCE, click_filter=click_filter
            )
