"""Statements that are asked often: put into the words of the driver once, and run without SQLAlchemy's way around it.

SQLAlchemy takes a quarter of a millisecond of CPU for each statement it runs, more than many a question takes itself;
asyncpg, which runs them in any case, a tenth of that.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import asyncpg
from sqlalchemy import ClauseElement, text
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.compiler import SQLCompiler

from models.database import driver_of


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL as the driver takes it, and the names of its values in their order."""

    sql: str
    names: tuple[str, ...]


def compiled(clause: ClauseElement) -> Statement:
    """What SQLAlchemy makes of the clause; all its values must be parameters with names, none of them a list for IN."""
    found = clause.compile(dialect=PGDialect_asyncpg())  # type: ignore[no-untyped-call]  # SQLAlchemy has no type for it
    assert isinstance(found, SQLCompiler)
    return Statement(found.string, tuple(found.positiontup or ()))


@lru_cache(maxsize=512)
def statement(sql: str) -> Statement:
    """The statement with its parameters as `:name`; for texts that are put together from a few parts."""
    return compiled(text(sql))


async def fetch(conn: AsyncConnection, asked: Statement, values: Mapping[str, object]) -> "list[asyncpg.Record]":
    """The rows, by a connection that is only read from; raises what asyncpg does.

    As after SQLAlchemy's own statements, a connection that was lost or given up while it was busy is not used again.
    """
    driver = driver_of(conn)
    try:
        return await driver.fetch(asked.sql, *[values[name] for name in asked.names])
    except BaseException as error:
        if driver.is_closed() or not isinstance(error, Exception):
            await conn.invalidate()
        raise
