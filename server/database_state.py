"""Whether the database can be used: it answers, it is new enough, and its schema is one this code knows."""

from enum import Enum, auto
from urllib.parse import urlsplit

import asyncpg
from alembic.script import ScriptDirectory

from models.database import CONNECT_TIMEOUT_S, asyncpg_dsn
from models.upgrade import alembic_config
from server.postgres_programs import OLDEST_MAJOR
from server.start_error import StartError


class DatabaseUnusable(StartError):  # noqa: N818 - it names a state
    """The database cannot be asked, or is not one that this version can work with."""


class Schema(Enum):
    """How far the migrations have gone."""

    MISSING = auto()
    OLDER = auto()
    CURRENT = auto()


async def examine(url: str) -> Schema:
    """The state of the schema; raises DatabaseUnusable when the server is away or too old, or the schema is newer."""
    try:
        connection = await asyncpg.connect(asyncpg_dsn(url), timeout=CONNECT_TIMEOUT_S)
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, ValueError) as error:
        raise DatabaseUnusable(f"{_name_of(url)} cannot be reached: {_reason(error)}") from error
    try:
        major = connection.get_server_version().major
        if major < OLDEST_MAJOR:
            raise DatabaseUnusable(f"{_name_of(url)} runs PostgreSQL {major}: expected {OLDEST_MAJOR} or newer")
        if await connection.fetchval("select to_regclass('alembic_version')") is None:
            return Schema.MISSING
        return _judge(url, await connection.fetchval("select version_num from alembic_version"))
    finally:
        await connection.close()


def _judge(url: str, revision: str | None) -> Schema:
    scripts = ScriptDirectory.from_config(alembic_config())
    if revision is None:
        return Schema.MISSING
    if revision == scripts.get_current_head():
        return Schema.CURRENT
    if revision not in {script.revision for script in scripts.walk_revisions()}:
        raise DatabaseUnusable(f"{_name_of(url)} has a schema ({revision}) newer than this Kurz: install a newer Kurz")
    return Schema.OLDER


def _name_of(url: str) -> str:
    # Host and name only: the address may hold a password.
    parts = urlsplit(url)
    return f"the database {parts.path.lstrip('/')} on {parts.hostname or 'this machine'}"


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer in {CONNECT_TIMEOUT_S} s"
    if isinstance(error, OSError | asyncpg.PostgresError):
        return str(error)
    return "KURZ_DATABASE_URL is not an address that asyncpg understands"  # its own words may repeat the address
