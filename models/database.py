"""The way to PostgreSQL: engines, connections, sessions, and telling an outage from a mistake."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import asyncpg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.pool import QueuePool

from models.idle_connections import try_idle_connections
from models.turns import Turns

# A cancellation that reaches PostgreSQL between two statements is lost; a closed connection is noticed all the same.
NOTICE_A_LOST_CLIENT = "set local client_connection_check_interval = 1000"
CONNECT_TIMEOUT_S = 5
POOL_TIMEOUT_S = 2
# Connections of a pool that long questions about clicks leave to everything else.
KEPT_FREE = 2
SCHEMES = ("postgresql", "postgres", "postgresql+asyncpg")

# SQLSTATE class 08: lost connections; 57P01 to 57P03: a server that stops or starts; 53300: one that is full.
_UNREACHABLE = (
    OSError,
    PoolTimeout,
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
)


def asyncpg_dsn(url: str) -> str:
    """The URL as asyncpg reads it; ValueError for one that is not PostgreSQL's."""
    scheme, separator, rest = url.partition("://")
    if not separator or scheme not in SCHEMES:
        raise ValueError(f"a database URL begins with postgresql://, not with {scheme.partition(':')[0]!r}")
    return f"postgresql://{rest}"


def make_engine(url: str, *, pool_size: int = 5, server_settings: Mapping[str, str] | None = None) -> AsyncEngine:
    """An engine of at most `pool_size` connections, opened when first needed."""
    engine = create_async_engine(
        "postgresql+asyncpg://",
        async_creator=_opener(url, server_settings),
        pool_size=pool_size,
        max_overflow=0,  # overflow connections are opened and thrown away each time (measured: ten times slower)
        pool_timeout=POOL_TIMEOUT_S,
        hide_parameters=True,
    )
    try_idle_connections(engine)  # else the first questions after a restart of PostgreSQL fail, one for each old one
    return engine


def _opener(url: str, server_settings: Mapping[str, str] | None) -> "_Opener":
    return _Opener(asyncpg_dsn(url), dict(server_settings or {}))


class _Opener:
    """Opens connections from the URL as asyncpg reads it, so that both of our ways in understand the same URLs."""

    def __init__(self, dsn: str, server_settings: dict[str, str]) -> None:
        self._dsn = dsn
        self._server_settings = server_settings

    async def __call__(self) -> "asyncpg.Connection[asyncpg.Record]":
        return await asyncpg.connect(self._dsn, timeout=CONNECT_TIMEOUT_S, server_settings=self._server_settings)


class Database:
    """Hands out connections for questions and sessions for changes: at most `size` at once."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        self._reading = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._sessions = async_sessionmaker(engine, expire_on_commit=False)
        self.size = _size(engine)
        self._analyses = asyncio.Semaphore(max(1, self.size - KEPT_FREE))
        # To be waited for before `write`, so that those who wait for each other do so without a connection: changes of
        # one workspace, which want the same rows, and changes of many rows, which take long, whosever they are.
        self.changes_of = Turns(max(1, self.size // 2)).of
        self.batches = asyncio.Semaphore(max(1, self.size // 2))

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A connection for one question; every statement sees what is committed by then."""
        async with self._reading.connect() as connection:
            yield connection

    @asynccontextmanager
    async def read_until(self, end: float) -> AsyncIterator[AsyncConnection]:
        """A connection whose statements PostgreSQL itself stops at `end` (the event loop's time; see `was_stopped`).

        Raises TimeoutError when that is past.
        """
        async with self.read() as connection:
            driver = driver_of(connection)
            left = _milliseconds_to(end)
            is_clean = False
            try:
                # Local to a transaction, since behind a pooler the session is not ours. In one message with its
                # beginning, and past SQLAlchemy, which would make three of it.
                await driver.execute(f"begin read only; set local statement_timeout = {left}; {NOTICE_A_LOST_CLIENT}")
                try:
                    yield connection
                finally:
                    if not connection.invalidated:
                        await driver.execute("rollback")
                        is_clean = True
            finally:
                if not (is_clean or connection.invalidated):
                    await connection.invalidate()  # cancelled: nobody must get a connection in a transaction

    @asynccontextmanager
    async def analyse_until(self, end: float) -> AsyncIterator[AsyncConnection]:
        """As `read_until`, for long questions: however many are asked, connections are left for everything else."""
        async with self._analyses, self.read_until(end) as connection:
            yield connection

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncSession]:
        """A session in a transaction: committed at the end, rolled back by an exception.

        Cancelled while it commits, it may have done so or not, as after a lost connection.
        """
        async with self._sessions() as session:
            yield session
            # Not by `begin()`: that waits for the end of a commit even when cancelled, however long it takes.
            await session.commit()

    async def close(self) -> None:
        """Closes the pool's connections."""
        await self.engine.dispose()


def driver_of(connection: AsyncConnection) -> "asyncpg.Connection[asyncpg.Record]":
    """asyncpg's connection below SQLAlchemy's, which must be open."""
    assert connection.sync_connection is not None
    driver = connection.sync_connection.connection.driver_connection
    assert isinstance(driver, asyncpg.Connection)
    return driver


def _size(engine: AsyncEngine) -> int:
    pool = engine.pool
    return pool.size() if isinstance(pool, QueuePool) else 1


def _milliseconds_to(end: float) -> int:
    left = end - asyncio.get_running_loop().time()
    if left <= 0:
        raise TimeoutError("no time is left")
    return max(1, int(left * 1000))


def is_unreachable(error: BaseException) -> bool:
    """Whether a database call failed because the database could not be asked, not because of what was asked."""
    if isinstance(error, DBAPIError):
        return error.connection_invalidated or _is_outage(error.orig)
    return _is_outage(error)


def was_stopped(error: BaseException) -> bool:
    """Whether PostgreSQL stopped a statement, because of its timeout or because it was told to."""
    if isinstance(error, DBAPIError):
        # SQLAlchemy's own error stands between the two.
        return isinstance(getattr(error.orig, "__cause__", None), asyncpg.QueryCanceledError)
    return isinstance(error, asyncpg.QueryCanceledError)


def _is_outage(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, _UNREACHABLE) or _is_closed_connection(error):
            return True
        error = error.__cause__
    return False


def _is_closed_connection(error: BaseException) -> bool:
    # asyncpg has no type of its own for a call on a connection that broke earlier.
    return isinstance(error, asyncpg.InterfaceError) and "closed" in str(error)
