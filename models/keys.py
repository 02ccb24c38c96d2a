"""API keys: made once, kept as a hash, looked up by their public part."""

import hmac
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, LargeBinary, Select, Text, or_, select, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlmodel import Field, col

from models import audit_log
from models.actors import OPERATOR, Actor
from models.audit_log import Action, Change, Target
from models.ids import KeyId, WorkspaceId, new_id
from models.key_secrets import PUBLIC_ID_LENGTH, SECRET_LENGTH, hash_of, random_digits, secret_parts, secret_text
from models.locking import locked
from models.refusals import Problem, ProblemCode, Refused
from models.tables import Table, key_column, text_column, text_rule, time_column
from models.texts import clean
from models.workspaces import hold, keep

NAME_LIMIT = 100
USE_NOTED_EVERY = timedelta(minutes=1)  # more often would make each request a write


class Scope(StrEnum):
    """What a key may do."""

    LINKS_CREATE = "LINKS_CREATE"
    LINKS_READ = "LINKS_READ"
    LINKS_WRITE = "LINKS_WRITE"
    ANALYTICS_READ = "ANALYTICS_READ"
    WORKSPACE_ADMIN = "WORKSPACE_ADMIN"


_SCOPES: Any = ARRAY(Text)
_SCOPE_LIST = ", ".join(f"'{scope}'" for scope in Scope)


class ApiKey(Table, table=True):
    __tablename__ = "api_key"
    __table_args__ = (
        text_rule("name", limit=NAME_LIMIT),
        CheckConstraint(f"public_id ~ '^[0-9A-Za-z]{{{PUBLIC_ID_LENGTH}}}$'", name="public_id_form"),
        CheckConstraint("octet_length(secret_hash) = 32", name="secret_hash_length"),
        CheckConstraint(f"cardinality(scopes) > 0 and scopes <@ array[{_SCOPE_LIST}]::text[]", name="scopes_known"),
    )

    id: KeyId = key_column(primary=True)
    workspace_id: WorkspaceId = key_column(references="workspace.id")
    name: str = text_column()
    public_id: str = text_column(unique=True, collation="C")
    secret_hash: bytes = Field(sa_type=LargeBinary)
    scopes: list[str] = Field(sa_type=_SCOPES)
    created_at: datetime = time_column()
    expires_at: datetime | None = time_column(nullable=True)
    last_used_at: datetime | None = time_column(nullable=True)
    revoked_at: datetime | None = time_column(nullable=True)


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """A key as it was read, without anything secret."""

    id: KeyId
    workspace_id: WorkspaceId
    name: str
    public_id: str
    scopes: frozenset[Scope]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key just made; `secret` is never to be had again."""

    record: KeyRecord
    secret: str


async def create(
    session: AsyncSession,
    *,
    workspace_id: WorkspaceId,
    name: str,
    scopes: Iterable[Scope],
    now: datetime,
    expires_at: datetime | None = None,
    by: Actor = OPERATOR,
    within: Collection[Scope] = frozenset(Scope),
    until: datetime | None = None,
) -> NewKey:
    """Makes a key; Refused when it has no name, no scope or one that its maker has not (`within`), has expired, or
    would outlast its maker (`until`, None for ever); NoLongerAllowed as the audit log says, and without a workspace."""
    chosen = frozenset(scopes)
    problems: list[Problem] = []
    label = clean(name, limit=NAME_LIMIT, path=("name",), problems=problems)
    problems += [*_problems_of_scopes(chosen, within), *_problems_of_expiry(expires_at, now=now, until=until)]
    if label is None:
        problems.append(Problem(ProblemCode.INVALID, "A key needs a name.", ("name",)))
    if label is None or problems:
        raise Refused(*problems)
    await keep(session, workspace_id=workspace_id)
    public_id, secret = random_digits(PUBLIC_ID_LENGTH), random_digits(SECRET_LENGTH)
    row = ApiKey(
        id=KeyId(new_id()),
        workspace_id=workspace_id,
        name=label,
        public_id=public_id,
        secret_hash=hash_of(secret),
        scopes=sorted(chosen),
        created_at=now,
        expires_at=expires_at,
    )
    session.add(row)
    await session.flush()
    shown = {"name": label, "public_id": public_id, "scopes": row.scopes, "expires_at": expires_at}
    change = Change(Action.KEY_CREATE, Target.key(row.id), after=shown)
    await audit_log.note(session, change, workspace_id=workspace_id, by=by, now=now)
    return NewKey(_record(row), secret_text(public_id, secret))


def _problems_of_scopes(scopes: Collection[Scope], within: Collection[Scope]) -> list[Problem]:
    if not scopes:
        return [Problem(ProblemCode.INVALID, "A key needs at least one scope.", ("scopes",))]
    if beyond := sorted(set(scopes).difference(within)):
        message = f"Nobody gives what they have not: {', '.join(beyond)}."
        return [Problem(ProblemCode.INVALID, message, ("scopes",))]
    return []


def _problems_of_expiry(expires_at: datetime | None, *, now: datetime, until: datetime | None) -> list[Problem]:
    if expires_at is not None and expires_at <= now:
        return [Problem(ProblemCode.INVALID, "A key must expire in the future.", ("expiresAt",))]
    if until is not None and (expires_at is None or expires_at > until):
        message = f"A key that expires makes none that lasts longer: {until.isoformat()} is the latest."
        return [Problem(ProblemCode.INVALID, message, ("expiresAt",))]
    return []


async def authenticate(conn: AsyncConnection, secret: str, *, now: datetime) -> KeyRecord | None:
    """The key this secret belongs to, unless it is unknown, revoked or expired; which of these is not told apart."""
    parts = secret_parts(secret)
    if parts is None:
        return None
    public_id, core = parts
    row = (await conn.execute(select(ApiKey).where(col(ApiKey.public_id) == public_id))).one_or_none()
    # The comparison is made for an unknown id too, so that time does not tell it from a wrong secret.
    matches = hmac.compare_digest(hash_of(core), bytes(32) if row is None else row.secret_hash)
    if row is None or not matches:
        return None
    record = _record(row)
    is_expired = record.expires_at is not None and record.expires_at <= now
    return None if is_expired or record.revoked_at is not None else record


async def still_valid(conn: AsyncConnection, *, ids: Collection[KeyId], now: datetime) -> set[KeyId]:
    """Those of the keys, of whatever workspace, that are neither revoked nor expired."""
    holds = (col(ApiKey.revoked_at).is_(None), or_(col(ApiKey.expires_at).is_(None), col(ApiKey.expires_at) > now))
    return set((await conn.execute(select(col(ApiKey.id)).where(col(ApiKey.id).in_(ids), *holds))).scalars())


def is_use_due(record: KeyRecord, *, now: datetime) -> bool:
    """Whether a use of the key at `now` is to be noted: it is once a minute."""
    return record.last_used_at is None or record.last_used_at <= now - USE_NOTED_EVERY


async def note_use(session: AsyncSession, *, workspace_id: WorkspaceId, key_id: KeyId, now: datetime) -> None:
    """Notes that the key was used, unless that was done less than a minute ago."""
    noted_at = col(ApiKey.last_used_at)
    is_due = or_(noted_at.is_(None), noted_at <= now - USE_NOTED_EVERY)
    mine = (col(ApiKey.workspace_id) == workspace_id, col(ApiKey.id) == key_id)
    await session.execute(update(ApiKey).where(*mine, is_due).values(last_used_at=now))


async def revoke(
    session: AsyncSession, *, workspace_id: WorkspaceId, key_id: KeyId, now: datetime, by: Actor = OPERATOR
) -> KeyRecord | None:
    """The key, revoked now or before; None where the workspace has no such key."""
    mine = (col(ApiKey.workspace_id) == workspace_id, col(ApiKey.id) == key_id)
    await hold(session, workspace_id=workspace_id)  # two keys that revoke each other would wait for each other
    row = await locked(session, select(ApiKey).where(*mine))
    if row is not None and row.revoked_at is None:
        change = Change(Action.KEY_REVOKE, Target.key(row.id), after={"revoked_at": now})
        await audit_log.note(session, change, workspace_id=workspace_id, by=by, now=now)  # first: a key may end itself
        row.revoked_at = now
        await session.flush()
    return None if row is None else _record(row)


async def list_all(conn: AsyncConnection, *, workspace_id: WorkspaceId) -> list[KeyRecord]:
    """Every key of the workspace, the revoked ones too, oldest first."""
    return await _records(conn, _of(workspace_id).order_by(col(ApiKey.id)))


async def page(conn: AsyncConnection, *, workspace_id: WorkspaceId, after: KeyId | None, size: int) -> list[KeyRecord]:
    """The keys, newest first, the revoked ones too: at most `size`, those older than one of them."""
    question = _of(workspace_id)
    if after is not None:
        question = question.where(col(ApiKey.id) < after)
    return await _records(conn, question.order_by(col(ApiKey.id).desc()).limit(size))


async def by_ids(conn: AsyncConnection, *, workspace_id: WorkspaceId, ids: Collection[KeyId]) -> dict[KeyId, KeyRecord]:
    """Those of the keys that exist in the workspace."""
    return {record.id: record for record in await _records(conn, _of(workspace_id).where(col(ApiKey.id).in_(ids)))}


def _of(workspace_id: WorkspaceId) -> Select[ApiKey]:
    return select(ApiKey).where(col(ApiKey.workspace_id) == workspace_id)


async def _records(conn: AsyncConnection, question: Select[ApiKey]) -> list[KeyRecord]:
    return [_record(row) for row in await conn.execute(question)]


def _record(row: Any) -> KeyRecord:
    return KeyRecord(
        id=row.id,
        workspace_id=row.workspace_id,
        name=row.name,
        public_id=row.public_id,
        scopes=frozenset(Scope(scope) for scope in row.scopes),
        created_at=row.created_at,
        expires_at=row.expires_at,
        last_used_at=row.last_used_at,
        revoked_at=row.revoked_at,
    )
