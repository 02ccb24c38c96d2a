"""The audit log: who changed what and when, written in the transaction of the change itself."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Self

import asyncpg
from sqlalchemy import CheckConstraint, Index, insert, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlmodel import Field, col

from models.actors import Actor
from models.ids import EntryId, KeyId, LinkId, MemberId, UserId, WorkspaceId, new_id
from models.tables import Table, key_column, text_column, time_column

FORGOTTEN_AT_ONCE = 10_000

_JSON: Any = JSONB(none_as_null=True)
_FORGET = """
with gone as (
  delete from audit_entry
   where id in (select id from audit_entry where created_at < $1 order by created_at limit $2) returning 1)
select count(*) from gone"""


class Action(StrEnum):
    """What was done."""

    LINK_CREATE = "link.create"
    LINK_UPDATE = "link.update"
    LINK_DEACTIVATE = "link.deactivate"
    LINK_REACTIVATE = "link.reactivate"
    LINK_DELETE = "link.delete"
    LINK_RESTORE = "link.restore"
    KEY_CREATE = "key.create"
    KEY_REVOKE = "key.revoke"
    MEMBER_ADD = "member.add"
    MEMBER_UPDATE = "member.update"
    MEMBER_REMOVE = "member.remove"
    WORKSPACE_CREATE = "workspace.create"
    WORKSPACE_UPDATE = "workspace.update"
    WORKSPACE_LIMIT = "workspace.limit"


class TargetKind(StrEnum):
    """What kind of thing it was done to."""

    LINK = "link"
    KEY = "key"
    MEMBER = "member"
    WORKSPACE = "workspace"


@dataclass(frozen=True, slots=True)
class Target:
    """The thing that was changed."""

    kind: TargetKind
    id: int

    @classmethod
    def link(cls, link_id: LinkId) -> Self:
        return cls(TargetKind.LINK, link_id)

    @classmethod
    def key(cls, key_id: KeyId) -> Self:
        return cls(TargetKind.KEY, key_id)

    @classmethod
    def member(cls, member_id: MemberId) -> Self:
        return cls(TargetKind.MEMBER, member_id)

    @classmethod
    def workspace(cls, workspace_id: WorkspaceId) -> Self:
        return cls(TargetKind.WORKSPACE, workspace_id)


@dataclass(frozen=True, slots=True)
class Change:
    """What was done: the fields it is about as they were and as they are, without anything secret."""

    action: Action
    target: Target
    before: Mapping[str, object] | None = None
    after: Mapping[str, object] | None = None


class AuditEntry(Table, table=True):
    __tablename__ = "audit_entry"
    __table_args__ = (
        Index(None, "workspace_id", "id"),
        Index(None, "created_at"),
        CheckConstraint("actor_key is null or actor_user is null", name="one_actor"),
    )

    id: EntryId = key_column(primary=True)
    workspace_id: WorkspaceId = key_column(references="workspace.id")
    created_at: datetime = time_column()
    # No foreign keys: an entry outlives what it tells of.
    actor_key: KeyId | None = key_column(nullable=True)
    actor_user: UserId | None = key_column(nullable=True)
    action: str = text_column()
    target_kind: str = text_column()
    target_id: int = key_column()
    before: dict[str, Any] | None = Field(default=None, sa_type=_JSON, nullable=True)
    after: dict[str, Any] | None = Field(default=None, sa_type=_JSON, nullable=True)


@dataclass(frozen=True, slots=True)
class EntryRecord:
    """An entry as read; `before` and `after` hold the fields that changed, never a secret."""

    id: EntryId
    workspace_id: WorkspaceId
    created_at: datetime
    actor: Actor
    action: Action
    target: Target
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None

    @property
    def summary(self) -> str:
        """The change in one line, for people: `title: 'Old' -> 'New'`."""
        earlier, later = self.before or {}, self.after or {}
        names = dict.fromkeys([*earlier, *later])
        return "; ".join(f"{name}: {_shown(earlier, name)} -> {_shown(later, name)}" for name in names)


def _shown(values: Mapping[str, Any], name: str) -> str:
    return repr(values[name]) if values.get(name) is not None else "-"


async def note(
    session: AsyncSession,
    change: Change,
    *,
    workspace_id: WorkspaceId,
    by: Actor,
    now: datetime,
) -> None:
    """Writes one entry; the caller's commit makes it and the change true together."""
    values = {
        "id": new_id(),
        "workspace_id": workspace_id,
        "created_at": now,
        "actor_key": by.key,
        "actor_user": by.user,
        "action": change.action,
        "target_kind": change.target.kind,
        "target_id": change.target.id,
        "before": _plain(change.before),
        "after": _plain(change.after),
    }
    conn = await session.connection()
    await conn.execute(insert(AuditEntry).values(**values))


def _plain(values: Mapping[str, object] | None) -> dict[str, object] | None:
    if values is None:
        return None
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in values.items()}


async def page(
    conn: AsyncConnection, *, workspace_id: WorkspaceId, after: EntryId | None, size: int
) -> list[EntryRecord]:
    """The entries, newest first, at most `size`, those older than one of them."""
    question = select(AuditEntry).where(col(AuditEntry.workspace_id) == workspace_id)
    if after is not None:
        question = question.where(col(AuditEntry.id) < after)
    rows = await conn.execute(question.order_by(col(AuditEntry.id).desc()).limit(size))
    return [_record(row) for row in rows]


async def by_ids(
    conn: AsyncConnection, *, workspace_id: WorkspaceId, ids: Collection[EntryId]
) -> dict[EntryId, EntryRecord]:
    """Those of the entries that the workspace has."""
    is_meant = (col(AuditEntry.workspace_id) == workspace_id, col(AuditEntry.id).in_(ids))
    rows = await conn.execute(select(AuditEntry).where(*is_meant))
    return {record.id: record for record in map(_record, rows)}


async def forget(conn: "asyncpg.Connection[asyncpg.Record]", *, before: datetime) -> int:
    """Deletes up to 10,000 entries of before that instant, in whatever workspace; how many it was."""
    count: int = await conn.fetchval(_FORGET, before, FORGOTTEN_AT_ONCE)
    return count


def _record(row: Any) -> EntryRecord:
    return EntryRecord(
        id=row.id,
        workspace_id=row.workspace_id,
        created_at=row.created_at,
        actor=Actor(key=row.actor_key, user=row.actor_user),
        action=Action(row.action),
        target=Target(TargetKind(row.target_kind), row.target_id),
        before=row.before,
        after=row.after,
    )
