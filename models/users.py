"""People: known by e-mail until they first sign in, then by what their identity provider calls them."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from unicodedata import is_normalized

from sqlalchemy import CheckConstraint, UniqueConstraint, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlmodel import col

from models import audit_log, members
from models.actors import Actor
from models.audit_log import Action, Change, Target
from models.ids import UserId, WorkspaceId, new_id
from models.locking import locked
from models.members import Member
from models.refusals import Problem, ProblemCode, Refused
from models.tables import Table, key_column, text_column, text_rule, time_column
from models.texts import clean

SEEN_NOTED_EVERY = timedelta(minutes=1)  # more often would make each request a write
EMAIL_LIMIT = 254  # RFC 5321, 4.5.3.1.3: a path of 256 octets with its brackets
NAME_LIMIT = 200
IDENTITY_LIMIT = 255  # OpenID Connect Core 1.0, section 2: `sub` has at most 255 characters


class User(Table, table=True):
    __tablename__ = "user_account"
    __table_args__ = (
        UniqueConstraint("issuer", "subject"),
        text_rule("email", limit=EMAIL_LIMIT),
        text_rule("name", limit=NAME_LIMIT),
        CheckConstraint("email = lower(email) and email ~ '^[^@\\s]+@[^@\\s]+$'", name="email_address"),
        CheckConstraint("(issuer is null) = (subject is null)", name="identity_whole"),
        CheckConstraint(
            f"char_length(issuer) <= {IDENTITY_LIMIT} and char_length(subject) <= {IDENTITY_LIMIT}",
            name="identity_length",
        ),
    )

    id: UserId = key_column(primary=True)
    email: str = text_column(unique=True)
    name: str = text_column()
    issuer: str | None = text_column(nullable=True)
    subject: str | None = text_column(nullable=True)
    created_at: datetime = time_column()
    last_seen_at: datetime | None = time_column(nullable=True)


@dataclass(frozen=True, slots=True)
class UserRecord:
    """A person as read; `issuer` and `subject` are None until the first sign-in."""

    id: UserId
    email: str
    name: str
    issuer: str | None
    subject: str | None
    created_at: datetime
    last_seen_at: datetime | None


@dataclass(frozen=True, slots=True)
class Identity:
    """What a verified token says about its holder; `email` only if the provider has verified it."""

    issuer: str
    subject: str
    email: str | None
    name: str | None


async def find_by_identity(conn: AsyncConnection, *, issuer: str, subject: str) -> UserRecord | None:
    """The person that signed in before under this identity."""
    is_meant = (col(User.issuer) == issuer, col(User.subject) == subject)
    row = (await conn.execute(select(User).where(*is_meant))).one_or_none()
    return None if row is None else UserRecord(**row._mapping)


async def by_ids(
    conn: AsyncConnection, *, workspace_id: WorkspaceId, ids: Collection[UserId]
) -> dict[UserId, UserRecord]:
    """Those of the people who are or were members of the workspace, as it knows them.

    What they are elsewhere is not told: they begin when they were added here, and until they were here since, their
    name is their e-mail.
    """
    added_at, is_known = col(Member.joined_at), col(User.last_seen_at) >= col(Member.joined_at)
    here = (col(Member.workspace_id) == workspace_id, col(Member.user_id) == col(User.id))
    question = select(User, added_at, is_known.label("is_known")).where(*here, col(User.id).in_(ids))
    records = (_record_here(row) for row in await conn.execute(question))
    return {record.id: record for record in records}


def _record_here(row: Any) -> UserRecord:
    name = row.name if row.is_known else row.email
    return UserRecord(row.id, row.email, name, row.issuer, row.subject, row.joined_at, row.last_seen_at)


async def bind(session: AsyncSession, identity: Identity, *, now: datetime) -> UserRecord | None:
    """The person of this identity, who is bound to it by a verified e-mail at the first sign-in; None for a stranger.

    Nobody is bound twice: an e-mail that was given to somebody else later opens nothing.
    """
    is_known = (col(User.issuer) == identity.issuer, col(User.subject) == identity.subject)
    known = await locked(session, select(User).where(*is_known))
    if known is None and identity.email is not None and not _is_lookalike(identity.email):
        unbound = (col(User.email) == normalised(identity.email), col(User.issuer).is_(None))
        known = await locked(session, select(User).where(*unbound))
        if known is not None:
            known.issuer, known.subject = identity.issuer, identity.subject
            await _note_binding(session, known, now=now)
    if known is None:
        return None
    problems: list[Problem] = []  # a name that cannot be shown is passed over
    label = clean(identity.name, limit=NAME_LIMIT, path=("name",), problems=problems)
    if label is not None and not problems:
        known.name = label
    known.last_seen_at = now
    await session.flush()
    return _record(known)


async def _note_binding(session: AsyncSession, user: User, *, now: datetime) -> None:
    """An entry in each workspace that has added the person; without the subject, which is the provider's own name."""
    told = {"email": user.email, "issuer": user.issuer}
    for member in await members.held_of(session, user_id=user.id):
        change = Change(Action.MEMBER_SIGN_IN, Target.member(member.id), after=told)
        await audit_log.note(session, change, workspace_id=member.workspace_id, by=Actor(user=user.id), now=now)


def is_sight_due(record: UserRecord, *, now: datetime) -> bool:
    """Whether it is to be noted that the person is here at `now`: it is once a minute."""
    return record.last_seen_at is None or record.last_seen_at <= now - SEEN_NOTED_EVERY


async def known_or_new(session: AsyncSession, *, email: str, now: datetime) -> UserRecord:
    """The person with this e-mail, made when new; Refused when it is no address."""
    address = judged_email(email)
    values = {"id": new_id(), "email": address, "name": address, "created_at": now}
    conn = await session.connection()
    await conn.execute(insert(User).values(**values).on_conflict_do_nothing())
    known = await locked(session, select(User).where(col(User.email) == address))
    assert known is not None, "it was there before, or is now"
    return _record(known)


def judged_email(raw: str) -> str:
    """The address as it is stored; Refused for what cannot be one. Only a sign-in shows that it is somebody's."""
    problems: list[Problem] = []
    address = clean(raw, limit=EMAIL_LIMIT, path=("email",), problems=problems)
    local, _, host = (address or "").rpartition("@")
    if not problems and _is_lookalike(local + host):
        problems.append(
            Problem(ProblemCode.INVALID, "Its letters are not in the usual form (Unicode NFC).", ("email",))
        )
    elif not problems and (not local or "." not in host or any(sign.isspace() or sign == "@" for sign in local + host)):
        problems.append(Problem(ProblemCode.INVALID, "That is not an e-mail address.", ("email",)))
    if problems:
        raise Refused(*problems)
    return normalised(local + "@" + host)


def _is_lookalike(email: str) -> bool:
    """Whether it has signs such as U+212A, the Kelvin sign, whose small letter is the k of somebody else's address."""
    return not is_normalized("NFC", email)


def normalised(email: str) -> str:
    """Compared without case, also before the @, as every large provider does."""
    return email.strip().lower()


def _record(row: User) -> UserRecord:
    return UserRecord(row.id, row.email, row.name, row.issuer, row.subject, row.created_at, row.last_seen_at)
