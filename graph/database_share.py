"""One operation's share of the database: a few statements at once, in time, and none after its end."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from graph.failures import ApiFailure, FailureCode
from models.analytics_refusals import TimedOut
from models.database import Database, was_stopped
from models.ids import WorkspaceId

# The other connections of the pool are for everybody else. Measured on two cores, a page of 20 links with eight
# questions about each: 302 ms with 3 at once, 326 with 2, 491 with 1, and no less than 280 with more.
MOST_AT_ONCE: Final = 3
# Parts of the operation's time: when a statement is to have ended, and how much longer we wait for PostgreSQL to say
# so. What is left then is for the rest of the answer, so that one field's failure is not the operation's.
STATEMENTS_END: Final = 0.9
GRACE: Final = 0.05


class DatabaseShare:
    """The way to the database for the resolvers of one operation, whose time counts from now.

    Statements that are not answered in time fail with TIMEOUT, and PostgreSQL is told to stop them. Changes of one
    workspace have at most half of the connections, and wait for their turn without one. `on_written` hears of each
    change that was committed.
    """

    def __init__(
        self,
        database: Database,
        *,
        workspace_id: WorkspaceId | None,
        deadline_s: float,
        analytics_deadline_s: float,
        on_written: Callable[[], None] = lambda: None,
    ) -> None:
        now = asyncio.get_running_loop().time()
        self._database = database
        self._workspace_id = workspace_id
        self._end = now + deadline_s * STATEMENTS_END
        self._analytics_end = min(now + analytics_deadline_s, self._end)
        self._grace = deadline_s * GRACE
        self._on_written = on_written
        self._turns = asyncio.Semaphore(min(MOST_AT_ONCE, database.size))
        self._limits = set[asyncio.Timeout]()
        self._is_over = False
        self.has_changed = False

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A connection for one question; ApiFailure (TIMEOUT) when time is up."""
        async with self._until(self._end, _too_slow), self._turns, self._database.read() as conn:
            yield conn

    @asynccontextmanager
    async def analyse(self) -> AsyncIterator[AsyncConnection]:
        """A connection for one question about clicks; TimedOut when the time for those is up.

        PostgreSQL itself stops the statement then, even if this process should be gone.
        """
        end = self._analytics_end
        async with self._until(end, _clicks_too_slow), self._turns, self._database.analyse_until(end) as conn:
            yield conn

    def write(self) -> AbstractAsyncContextManager[AsyncSession]:
        """A session in a transaction: committed at the end, rolled back by an exception, which TIMEOUT is one of."""
        return self._changing(self._database.changes_of(self._workspace_id))

    def write_batch(self) -> AbstractAsyncContextManager[AsyncSession]:
        """As `write`, for many rows."""
        return self._changing(self._database.changes_of(self._workspace_id), self._database.batches)

    @asynccontextmanager
    async def _changing(self, *turns: asyncio.Semaphore) -> AsyncIterator[AsyncSession]:
        async with AsyncExitStack() as taken:
            async with self._until(self._end, _too_slow):
                for turn in turns:
                    await taken.enter_async_context(turn)
            self.has_changed = True  # not before: who leaves while waiting has changed nothing
            # The commit is outside of the time limit: giving it up would leave open whether it happened.
            async with self._database.write() as session, self._until(self._end, _too_slow):
                yield session
        self._on_written()

    def end(self) -> None:
        """Stop all that runs, whoever has started it, as if its time were up; nothing can be asked any more.

        Not by cancelling: a loader's batch is a task of its own, and whoever waits for one that was cancelled waits
        for ever; and the library warns of each coroutine that is cancelled before it began.
        """
        self._is_over = True
        now = asyncio.get_running_loop().time()
        for limit in self._limits:
            if not limit.expired():
                limit.reschedule(now)

    @asynccontextmanager
    async def _until(self, end: float, refusal: Callable[[], Exception]) -> AsyncIterator[None]:
        if self._is_past(end):
            raise refusal()
        limit = asyncio.timeout_at(end + self._grace)
        try:
            async with limit:
                self._limits.add(limit)
                yield
        except Exception as error:
            if was_stopped(error) or (isinstance(error, TimeoutError) and self._is_past(end)):
                raise refusal() from error
            raise  # such as a database that could not be reached
        finally:
            self._limits.discard(limit)

    def _is_past(self, end: float) -> bool:
        return self._is_over or asyncio.get_running_loop().time() >= end


def _too_slow() -> ApiFailure:
    return ApiFailure(FailureCode.TIMEOUT, "The database took too long; ask for less at once.")


def _clicks_too_slow() -> TimedOut:
    return TimedOut("the question took too long; ask for a shorter range")
