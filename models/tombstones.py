"""Tombstones: what was erased, and so is dropped when it still arrives. They say nothing but numbers."""

from collections.abc import Collection
from datetime import datetime, timedelta

import asyncpg
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlmodel import col

from models.ids import LinkId, WorkspaceId
from models.tables import Table, key_column, time_column

# Longer than a segment can wait for its load, also when that is forced.
KEPT_FOR = timedelta(days=365)


class ErasedWorkspace(Table, table=True):
    """A workspace that is being erased, or was."""

    __tablename__ = "erased_workspace"

    id: WorkspaceId = key_column(primary=True)
    erased_at: datetime = time_column()


class ErasedLink(Table, table=True):
    """A deleted link that is being erased, or was; those of an erased workspace are not listed one by one."""

    __tablename__ = "erased_link"

    id: LinkId = key_column(primary=True)
    erased_at: datetime = time_column()


async def is_erased(session: AsyncSession, *, workspace_id: WorkspaceId, link_id: LinkId | None = None) -> bool:
    """Whether the workspace, or that link of it, is being erased."""
    workspace = select(col(ErasedWorkspace.id)).where(col(ErasedWorkspace.id) == workspace_id)
    link = select(col(ErasedLink.id)).where(col(ErasedLink.id) == link_id)
    return (await session.execute(workspace.union_all(link))).first() is not None


async def erased(conn: AsyncConnection, *, workspaces: Collection[WorkspaceId]) -> set[WorkspaceId]:
    """Those of the workspaces that are being erased."""
    question = select(col(ErasedWorkspace.id)).where(col(ErasedWorkspace.id).in_(workspaces))
    return set((await conn.execute(question)).scalars())


async def forget_old(conn: "asyncpg.Connection[asyncpg.Record]", *, now: datetime) -> None:
    """Deletes the tombstones that nothing can arrive for any more."""
    for table in ("erased_workspace", "erased_link"):
        await conn.execute(f"delete from {table} where erased_at < $1", now - KEPT_FOR)  # noqa: S608 - our own words
