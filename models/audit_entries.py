"""The entries of the audit log, as they are read."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col

from models.actors import Actor
from models.audit_log import Action, AuditEntry, Target, TargetKind
from models.ids import EntryId, WorkspaceId


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
