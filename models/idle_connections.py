"""Pooled connections that were idle are tried before use, so that a restart of PostgreSQL fails no question.

SQLAlchemy's own way (pool_pre_ping) tries them before every use: three messages, longer than many a question takes.
"""

import time
from typing import Any, Final

from sqlalchemy import event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine

TRUSTED_S: Final = 1.0
_RETURNED_AT: Final = "returned_at"


def try_idle_connections(engine: AsyncEngine) -> None:
    """Have the engine's pool replace connections that turn out dead; one used within a second is only looked at."""
    event.listen(engine.sync_engine, "checkin", _note_return)
    event.listen(engine.sync_engine, "checkout", _try)


def _note_return(_connection: object, record: Any) -> None:
    record.info[_RETURNED_AT] = time.monotonic()  # the pool empties `info` with each new connection


def _try(connection: Any, record: Any, _proxy: object) -> None:
    returned_at = record.info.get(_RETURNED_AT)
    if connection.driver_connection.is_closed():  # asyncpg hears it when the server goes
        raise DisconnectionError
    if returned_at is not None and time.monotonic() - returned_at > TRUSTED_S:
        try:
            connection.ping()
        except Exception as error:
            raise DisconnectionError from error
