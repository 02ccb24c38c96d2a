"""What PostgreSQL is asked meanwhile: by SQLAlchemy, and past it by its driver (`models.statements`)."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from asyncpg.connection import LoggedQuery
from sqlalchemy import Engine, event
from sqlalchemy.ext.asyncio import AsyncConnection

from models.database import driver_of

Note = Callable[[str, tuple[object, ...]], None]
# What asyncpg asks about types it meets, once for each connection; and what tests.row_security says before a statement.
NOT_OURS = ("current_setting('jit')", "set_config('jit'", "typeinfo_tree", "set_config('role'")
AROUND = ("begin", "BEGIN", "rollback", "ROLLBACK", "COMMIT")  # which SQLAlchemy does not tell of either


def hear(engine: Engine, note: Note) -> Callable[[], None]:
    """From now on `note` is told each statement of the engine's connections, and its values; answers what ends it."""
    by_sqlalchemy, by_driver = _by_sqlalchemy(note), _by_driver(note)
    drivers = set[Any]()

    def attend(connection: Any, *_rest: object) -> None:
        drivers.add(connection.driver_connection)
        connection.driver_connection.add_query_logger(by_driver)  # once more makes no difference

    def end() -> None:
        event.remove(engine, "before_cursor_execute", by_sqlalchemy)
        event.remove(engine, "checkout", attend)
        for driver in drivers:
            driver.remove_query_logger(by_driver)

    event.listen(engine, "before_cursor_execute", by_sqlalchemy)
    event.listen(engine, "checkout", attend)
    return end


@asynccontextmanager
async def hearing(conn: AsyncConnection, note: Note) -> AsyncIterator[None]:
    """As `hear`, for one connection and as long as this is entered."""
    by_sqlalchemy = _by_sqlalchemy(note)
    event.listen(conn.sync_connection, "before_cursor_execute", by_sqlalchemy)
    try:
        with driver_of(conn).query_logger(_by_driver(note)):
            yield
            await asyncio.sleep(0)  # the driver tells of a statement a moment later
    finally:
        event.remove(conn.sync_connection, "before_cursor_execute", by_sqlalchemy)


def _by_sqlalchemy(note: Note) -> Callable[..., None]:
    def told(_conn: object, _cursor: object, sql: str, values: tuple[object, ...], *_rest: object) -> None:
        note(sql, values)

    return told


def _by_driver(note: Note) -> Callable[[Any], None]:
    def told(one: LoggedQuery) -> None:
        if not one.query.startswith(AROUND) and not any(mark in one.query for mark in NOT_OURS):
            note(one.query, tuple(one.args))

    return told
