"""API keys: made once, kept as a hash, looked up by their public part."""

import hashlib
import hmac
import secrets
import zlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, LargeBinary, Select, Text, or_, select, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlmodel import Field, col

from models.ids import KeyId, WorkspaceId, new_id
from models.refusals import Problem, ProblemCode, Refused
from models.tables import Table, key_column, text_column, text_rule, time_column
from models.texts import clean

PREFIX = "kurz"
DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
PUBLIC_ID_LENGTH = 12
SECRET_LENGTH = 43  # 256 bits in base 62
CHECKSUM_LENGTH = 6  # 32 bits in base 62
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
) -> NewKey:
    """Makes a key; Refused when it has no name, no scope, or has expired already."""
    chosen = frozenset(scopes)
    label = _judged_name(name, chosen, has_expired=expires_at is not None and expires_at <= now)
    public_id, secret = _random_digits(PUBLIC_ID_LENGTH), _random_digits(SECRET_LENGTH)
    row = ApiKey(
        id=KeyId(new_id()),
        workspace_id=workspace_id,
        name=label,
        public_id=public_id,
        secret_hash=_hash(secret),
        scopes=sorted(chosen),
        created_at=now,
        expires_at=expires_at,
    )
    session.add(row)
    await session.flush()
    return NewKey(_record(row), secret_text(public_id, secret))


def _judged_name(name: str, scopes: Collection[Scope], *, has_expired: bool) -> str:
    problems: list[Problem] = []
    label = clean(name, limit=NAME_LIMIT, path=("name",), problems=problems)
    if label is None:
        problems.append(Problem(ProblemCode.INVALID, "A key needs a name.", ("name",)))
    if not scopes:
        problems.append(Problem(ProblemCode.INVALID, "A key needs at least one scope.", ("scopes",)))
    if has_expired:
        problems.append(Problem(ProblemCode.INVALID, "A key must expire in the future.", ("expiresAt",)))
    if label is None or problems:
        raise Refused(*problems)
    return label


async def authenticate(conn: AsyncConnection, secret: str, *, now: datetime) -> KeyRecord | None:
    """The key this secret belongs to, unless it is unknown, revoked or expired; which of these is not told apart."""
    parts = secret_parts(secret)
    if parts is None:
        return None
    public_id, core = parts
    row = (await conn.execute(select(ApiKey).where(col(ApiKey.public_id) == public_id))).one_or_none()
    # The comparison is made for an unknown id too, so that time does not tell it from a wrong secret.
    matches = hmac.compare_digest(_hash(core), bytes(32) if row is None else row.secret_hash)
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


async def revoke(session: AsyncSession, *, workspace_id: WorkspaceId, key_id: KeyId, now: datetime) -> KeyRecord | None:
    """The key, revoked now or before; None where the workspace has no such key."""
    mine = (col(ApiKey.workspace_id) == workspace_id, col(ApiKey.id) == key_id)
    await session.execute(update(ApiKey).where(*mine, col(ApiKey.revoked_at).is_(None)).values(revoked_at=now))
    question = select(ApiKey).where(*mine).execution_options(populate_existing=True)
    row = (await session.execute(question)).scalar_one_or_none()
    return None if row is None else _record(row)


async def list_all(conn: AsyncConnection, *, workspace_id: WorkspaceId) -> list[KeyRecord]:
    """Every key of the workspace, the revoked ones too, oldest first."""
    return await _records(conn, _of(workspace_id).order_by(col(ApiKey.id)))


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


def _random_digits(length: int) -> str:
    return "".join(secrets.choice(DIGITS) for _ in range(length))


def _hash(secret: str) -> bytes:
    # A plain hash is enough: the secret has 256 random bits, so there is nothing to guess slowly.
    return hashlib.sha256(secret.encode()).digest()


def secret_text(public_id: str, secret: str) -> str:
    """What the holder is given: prefix, public id, then secret and checksum."""
    return f"{PREFIX}_{public_id}_{secret}{_checksum(public_id, secret)}"


def _checksum(public_id: str, secret: str) -> str:
    number = zlib.crc32(f"{public_id}_{secret}".encode())
    digits = ""
    for _ in range(CHECKSUM_LENGTH):
        number, digit = divmod(number, len(DIGITS))
        digits = DIGITS[digit] + digits
    return digits


def secret_parts(secret: str) -> tuple[str, str] | None:
    """The public id and the secret without its checksum; None for a typing error, found without asking the database."""
    pieces = secret.split("_")
    if len(pieces) != 3 or pieces[0] != PREFIX or not (secret.isascii() and "".join(pieces).isalnum()):
        return None
    _, public_id, tail = pieces
    core, checksum = tail[:-CHECKSUM_LENGTH], tail[-CHECKSUM_LENGTH:]
    if len(public_id) != PUBLIC_ID_LENGTH or len(core) != SECRET_LENGTH or checksum != _checksum(public_id, core):
        return None
    return public_id, core
