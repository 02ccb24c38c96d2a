"""Alembic's environment: run from code with a connection, or by the `alembic` command with KURZ_DATABASE_URL."""

import asyncio
import os
import re

from alembic import context
from sqlalchemy import Connection

from models import (
    audit_log,
    clicks,
    domains,
    instance,
    keys,
    links,
    members,
    retired_codes,
    tombstones,
    users,
    workspaces,
)
from models.database import make_engine
from models.tables import Table

# Importing a subject registers its tables; the tuple keeps every one of them in sight.
SUBJECTS = (workspaces, domains, instance, keys, users, members, links, retired_codes, tombstones, clicks, audit_log)

# Made as time goes on (models/partitions.py), never by a migration.
PARTITION = re.compile(r"(click|click_slot|visitor)_\d{4}_\d{2}(_\d{2})?")


def is_ours(name: str | None, kind: str, _parents: object) -> bool:
    """Whether Alembic compares this object of the database with the tables."""
    return kind != "table" or name is None or PARTITION.fullmatch(name) is None


def run(connection: Connection) -> None:
    """Runs what the command asks for on this connection."""
    context.configure(connection=connection, target_metadata=Table.metadata, compare_type=True, include_name=is_ours)
    with context.begin_transaction():
        context.run_migrations()


async def run_with_own_connection() -> None:
    """For the plain command: connects to the database of the environment."""
    url = os.environ.get("KURZ_DATABASE_URL")
    if not url:
        raise SystemExit("alembic: set KURZ_DATABASE_URL to the database, such as postgresql://user@host/kurz")
    engine = make_engine(url)
    try:
        async with engine.begin() as connection:
            await connection.run_sync(run)
    finally:
        await engine.dispose()


if context.is_offline_mode():
    context.configure(dialect_name="postgresql", target_metadata=Table.metadata, literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()
elif "connection" in context.config.attributes:
    run(context.config.attributes["connection"])
else:
    asyncio.run(run_with_own_connection())
