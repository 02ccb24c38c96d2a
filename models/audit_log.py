"""The audit log: who changed what and when, written in the transaction of the change itself; read in audit_entries.py.

Writing the entry is also where a change is allowed for the last time: it needs the row of the key or member who makes
it, as it is then. Who revokes a key or removes a member holds that row, so that every change is committed either before
the revocation or not at all.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Self

import asyncpg
from sqlalchemy import CheckConstraint, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import Field

from models.actors import Actor
from models.ids import DomainId, EntryId, KeyId, LinkId, MemberId, UserId, WorkspaceId, new_id
from models.refusals import NoLongerAllowed
from models.tables import Table, key_column, text_column, time_column

FORGOTTEN_AT_ONCE = 10_000

_JSON: Any = JSONB(none_as_null=True)
# The weakest lock does: it waits for who revokes or removes, and not for who notes that a key was used.
_WRITE = """
{changer}insert into audit_entry
  (id, workspace_id, created_at, actor_key, actor_user, action, target_kind, target_id, before, after)
select e.id, :workspace_id, :now, cast(:key as bigint), cast(:user as bigint),
       e.action, e.kind, e.target, cast(e.before as jsonb), cast(e.after as jsonb)
  from unnest(cast(:ids as bigint[]), cast(:actions as text[]), cast(:kinds as text[]), cast(:targets as bigint[]),
              cast(:befores as text[]), cast(:afters as text[])) e (id, action, kind, target, before, after)
{condition}"""
_IF_ALLOWED = "where exists (select from changer)"
_BY_OPERATOR = text(_WRITE.format(changer="", condition=""))
_BY_KEY = text(
    _WRITE.format(
        changer="""with changer as (
  select from api_key where id = :key and workspace_id = :workspace_id and revoked_at is null
     and (expires_at is null or expires_at > :now) for key share)
""",
        condition=_IF_ALLOWED,
    )
)
_BY_USER = text(
    _WRITE.format(
        changer="""with changer as (
  select from member where user_id = :user and workspace_id = :workspace_id and removed_at is null
     and (role = any(cast(:roles as text[])) or cardinality(cast(:roles as text[])) = 0) for key share)
""",
        condition=_IF_ALLOWED,
    )
)
_FOR_ALL = """
insert into audit_entry (id, workspace_id, created_at, action, target_kind, target_id, before, after)
select $1, workspace_id, $2, $3, $4, coalesce($5, workspace_id), $6::text::jsonb, $7::text::jsonb from instance"""
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
    MEMBER_SIGN_IN = "member.sign_in"
    DOMAIN_CREATE = "domain.create"
    DOMAIN_UPDATE = "domain.update"
    WORKSPACE_CREATE = "workspace.create"
    WORKSPACE_UPDATE = "workspace.update"
    WORKSPACE_LIMIT = "workspace.limit"
    WORKSPACE_DOMAIN = "workspace.domain"
    WORKSPACE_ERASE = "workspace.erase"
    CLICKS_REPAIR = "clicks.repair"


class TargetKind(StrEnum):
    """What kind of thing it was done to."""

    LINK = "link"
    KEY = "key"
    MEMBER = "member"
    DOMAIN = "domain"
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
    def domain(cls, domain_id: DomainId) -> Self:
        return cls(TargetKind.DOMAIN, domain_id)

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


async def note(
    session: AsyncSession,
    change: Change,
    *,
    workspace_id: WorkspaceId,
    by: Actor,
    now: datetime,
) -> None:
    """Writes one entry; the caller's commit makes it and the change true together.

    NoLongerAllowed when the key or member may not change anything any more. Who ends their own rights notes it first.
    """
    await note_all(session, [change], workspace_id=workspace_id, by=by, now=now)


async def note_all(
    session: AsyncSession, changes: Sequence[Change], *, workspace_id: WorkspaceId, by: Actor, now: datetime
) -> None:
    """Writes an entry for each change, in one statement; otherwise as `note`."""
    if not changes:
        return
    conn = await session.connection()
    statement = _BY_KEY if by.key is not None else _BY_OPERATOR if by.user is None else _BY_USER
    values: dict[str, object] = {
        "workspace_id": workspace_id,
        "now": now,
        "key": by.key,
        "user": by.user,
        **_columns(changes),
    }
    if by.key is None and by.user is not None:
        values["roles"] = sorted(by.roles)
    if (await conn.execute(statement, values)).rowcount != len(changes):
        what = "The key is not valid" if by.key is not None else "The person is no member of the workspace in that role"
        raise NoLongerAllowed(f"{what} any more.", is_key=by.key is not None)


async def note_for_all(
    conn: "asyncpg.Connection[asyncpg.Record]",
    action: Action,
    *,
    now: datetime,
    workspace_id: WorkspaceId | None = None,
    before: Mapping[str, object] | None = None,
    after: Mapping[str, object] | None = None,
) -> None:
    """Tells in the default workspace what the operator did to all of them, or to another one, which is gone by it."""
    target = (TargetKind.WORKSPACE.value, workspace_id)
    await conn.execute(_FOR_ALL, new_id(), now, action.value, *target, _plain(before), _plain(after))


def _columns(changes: Sequence[Change]) -> dict[str, list[object]]:
    return {
        "ids": [new_id() for _ in changes],
        "actions": [change.action.value for change in changes],
        "kinds": [change.target.kind.value for change in changes],
        "targets": [change.target.id for change in changes],
        "befores": [_plain(change.before) for change in changes],
        "afters": [_plain(change.after) for change in changes],
    }


def _plain(values: Mapping[str, object] | None) -> str | None:
    return None if values is None else json.dumps(values, default=_written)


def _written(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{value!r} is nothing that an entry tells")


async def forget(conn: "asyncpg.Connection[asyncpg.Record]", *, before: datetime) -> int:
    """Deletes up to 10,000 entries of before that instant, in whatever workspace; how many it was."""
    count: int = await conn.fetchval(_FORGET, before, FORGOTTEN_AT_ONCE)
    return count
