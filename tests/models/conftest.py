"""A bootstrapped installation, and a second workspace to keep out."""

from collections.abc import AsyncIterator

import asyncpg
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from models import instance
from models.database import Database, asyncpg_dsn
from models.domains import Domain
from models.ids import DomainId, WorkspaceId, new_id
from models.instance import InstanceRecord
from models.workspaces import Workspace
from tests.models.making import NOW, OWN_HOST


@pytest.fixture
async def here(database: Database) -> InstanceRecord:
    """The default workspace and domain."""
    async with database.write() as session:
        return await instance.bootstrap(session, hostname=OWN_HOST, now=NOW)


@pytest.fixture
async def elsewhere(database: Database, here: InstanceRecord) -> InstanceRecord:
    """Another workspace with a domain of its own."""
    async with database.write() as session:
        return await _make_workspace(session, hostname="other.example")


@pytest.fixture
async def raw(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """A plain connection, as the loader has one."""
    connection = await asyncpg.connect(asyncpg_dsn(database_url))
    yield connection
    await connection.close()


@pytest.fixture
async def other(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """A second plain connection."""
    connection = await asyncpg.connect(asyncpg_dsn(database_url))
    yield connection
    await connection.close()


async def _make_workspace(session: AsyncSession, *, hostname: str) -> InstanceRecord:
    workspace_id, domain_id = WorkspaceId(new_id()), DomainId(new_id())
    session.add(Workspace(id=workspace_id, name="Other", timezone="UTC", created_at=NOW))
    await session.flush()
    session.add(Domain(id=domain_id, workspace_id=workspace_id, hostname=hostname, created_at=NOW))
    await session.flush()
    return InstanceRecord(workspace_id=workspace_id, domain_id=domain_id)
