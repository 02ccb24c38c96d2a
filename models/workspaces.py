"""Workspaces: everything belongs to one."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import CheckConstraint, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlmodel import col

from models.ids import WorkspaceId
from models.tables import Table, key_column, text_column, time_column


class Workspace(Table, table=True):
    __tablename__ = "workspace"
    __table_args__ = (
        CheckConstraint("char_length(name) between 1 and 200", name="name_length"),
        CheckConstraint("char_length(timezone) between 1 and 100", name="timezone_length"),
    )

    id: WorkspaceId = key_column(primary=True)
    name: str = text_column()
    timezone: str = text_column()
    created_at: datetime = time_column()


@dataclass(frozen=True, slots=True)
class WorkspaceRecord:
    """A workspace as it was read; `timezone` is an IANA name."""

    id: WorkspaceId
    name: str
    timezone: str
    created_at: datetime


async def find(conn: AsyncConnection, *, workspace_id: WorkspaceId) -> WorkspaceRecord | None:
    """The workspace, if there is one."""
    row = (await conn.execute(select(Workspace).where(col(Workspace.id) == workspace_id))).one_or_none()
    return None if row is None else WorkspaceRecord(**row._mapping)


async def date_back(session: AsyncSession, *, workspace_id: WorkspaceId, created_at: datetime) -> None:
    """Makes the workspace at least as old as that: all time begins with it, and so must not begin after its links."""
    is_younger = col(Workspace.created_at) > created_at
    await session.execute(
        update(Workspace).where(col(Workspace.id) == workspace_id, is_younger).values(created_at=created_at)
    )
