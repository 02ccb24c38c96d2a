"""The installation in the database, for commands that work without a server."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

from models import instance
from models.database import Database, make_engine
from models.instance import InstanceRecord
from server.database_state import Schema, examine
from server.first_start import prepare
from server.settings import Settings
from server.start_error import StartError


@asynccontextmanager
async def installation(settings: Settings, *, now: datetime) -> AsyncIterator[tuple[Database, InstanceRecord]]:
    """The database, prepared if it is new; an older schema is left to `kurz migrate`. Raises StartError."""
    schema = await examine(settings.database_address)
    if schema is Schema.OLDER:
        raise StartError("the database's schema is older than this Kurz: run `kurz migrate`")
    database = Database(make_engine(settings.database_address, pool_size=1))
    try:
        record = await _find(database) if schema is Schema.CURRENT else None
        if record is None:
            record = (await prepare(settings, keeps_first_key=False, now=now)).instance
        yield database, record
    finally:
        await database.close()


async def _find(database: Database) -> InstanceRecord | None:
    async with database.read() as connection:
        return await instance.find(connection)
