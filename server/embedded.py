"""The database for a command: the server that the settings name, or our own, running already or for this long."""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any, TypeVar

from server.postgres import Postgres
from server.settings import Settings, read_settings

Answer = TypeVar("Answer")
Question = Callable[[Settings, datetime], Coroutine[Any, Any, Answer]]


def ask(question: Question[Answer]) -> Answer:
    """The answer of a command's work, which is given settings that name a running database; raises StartError."""
    settings = read_settings()
    if not settings.has_own_postgres:
        return asyncio.run(question(settings, datetime.now(UTC)))
    with Postgres(settings.data_dir, programs=settings.postgres_bin) as postgres:
        return asyncio.run(question(settings.using(postgres.url()), datetime.now(UTC)))
