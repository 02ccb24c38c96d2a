"""Members: which people belong to a workspace, and in which role."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlmodel import col

from models.ids import MemberId, UserId, WorkspaceId
from models.locking import locked
from models.roles import Role
from models.tables import Table, key_column, text_column, time_column

_ROLES = ", ".join(f"'{role}'" for role in Role)


class Member(Table, table=True):
    __tablename__ = "member"
    __table_args__ = (
        UniqueConstraint("workspace_id", "user_id"),
        Index(None, "user_id"),
        CheckConstraint(f"role in ({_ROLES})", name="role_known"),
    )

    id: MemberId = key_column(primary=True)
    workspace_id: WorkspaceId = key_column(references="workspace.id")
    user_id: UserId = key_column(references="user_account.id")
    role: str = text_column()
    joined_at: datetime = time_column()
    # Who was removed stays, so that what they made still tells by whom.
    removed_at: datetime | None = time_column(nullable=True)


@dataclass(frozen=True, slots=True)
class MemberRecord:
    """A membership as read; `removed_at` is None for who belongs to the workspace now."""

    id: MemberId
    workspace_id: WorkspaceId
    user_id: UserId
    role: Role
    joined_at: datetime
    removed_at: datetime | None


async def of_user(conn: AsyncConnection, *, user_id: UserId) -> list[MemberRecord]:
    """The person's memberships of now, oldest workspace first: the one question that spans workspaces."""
    is_here = (col(Member.user_id) == user_id, col(Member.removed_at).is_(None))
    return [_record(row) for row in await conn.execute(select(Member).where(*is_here).order_by("workspace_id"))]


async def by_ids(
    conn: AsyncConnection, *, workspace_id: WorkspaceId, ids: Collection[MemberId]
) -> dict[MemberId, MemberRecord]:
    """Those of the members that the workspace has now."""
    is_here = (col(Member.workspace_id) == workspace_id, col(Member.removed_at).is_(None))
    rows = await conn.execute(select(Member).where(*is_here, col(Member.id).in_(ids)))
    return {record.id: record for record in map(_record, rows)}


async def page(
    conn: AsyncConnection, *, workspace_id: WorkspaceId, after: MemberId | None, size: int
) -> list[MemberRecord]:
    """The members in the order they joined, at most `size`, those after one of them."""
    is_here = (col(Member.workspace_id) == workspace_id, col(Member.removed_at).is_(None))
    question = select(Member).where(*is_here, col(Member.id) > (after or 0)).order_by("id").limit(size)
    return [_record(row) for row in await conn.execute(question)]


async def roles_of(conn: AsyncConnection, *, user_ids: Collection[UserId]) -> dict[tuple[WorkspaceId, UserId], Role]:
    """The roles that these people have now, in whatever workspace."""
    columns = (col(Member.workspace_id), col(Member.user_id), col(Member.role))
    is_here = (col(Member.user_id).in_(user_ids), col(Member.removed_at).is_(None))
    return {(row[0], row[1]): Role(row[2]) for row in await conn.execute(select(*columns).where(*is_here))}


async def held_of(session: AsyncSession, *, user_id: UserId) -> list[MemberRecord]:
    """The person's memberships of now, in whatever workspace, none of which ends before the transaction does."""
    is_here = (col(Member.user_id) == user_id, col(Member.removed_at).is_(None))
    question = select(Member).where(*is_here).order_by("id").with_for_update(read=True, key_share=True)
    return [_record(row) for row in await (await session.connection()).execute(question)]


async def held(session: AsyncSession, *, workspace_id: WorkspaceId, user_id: UserId) -> Member | None:
    """The person's row there, also one that was removed, held until the transaction ends."""
    is_meant = (col(Member.workspace_id) == workspace_id, col(Member.user_id) == user_id)
    return await locked(session, select(Member).where(*is_meant))


def _record(row: Any) -> MemberRecord:
    return MemberRecord(row.id, row.workspace_id, row.user_id, Role(row.role), row.joined_at, row.removed_at)


def record_of(row: Member) -> MemberRecord:
    """The row as everyone but its writer sees it."""
    return _record(row)
