"""Links: the table, what a link looks like when read, and how one is found."""

from collections.abc import Collection
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ColumnElement,
    Index,
    Integer,
    Text,
    UniqueConstraint,
    false,
    func,
    literal,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlmodel import Field, col

from models.actors import Actor
from models.codes import is_well_formed
from models.ids import DomainId, KeyId, LinkId, UserId, WorkspaceId
from models.tables import (
    SQL_CONTROL_CHARACTERS,
    SQL_CONTROL_CHARACTERS_BUT_TAB_AND_NEWLINE,
    Table,
    key_column,
    text_column,
    text_rule,
    time_column,
)
from models.texts import unprintable

TITLE_LIMIT = 200
NOTES_LIMIT = 4_000
EXTERNAL_ID_LIMIT = 200
REASON_LIMIT = 500

# Where a change is announced, as "<domain id> <code>"; creations are not.
LINK_CHANNEL = "kurz_link"
# In place of the code: any of the domain's may have changed.
EVERY_CODE = "*"

EXTERNAL_ID_INDEX = "uq_link_workspace_id_external_id"

# What links are ordered by; times of clicks begin later. The same words as in its index, or the index is not used.
LAST_CLICKED_OR_NEVER = "COALESCE(last_clicked_at, '1970-01-01 00:00:00+00'::timestamp with time zone)"

# The redirect's question, for raw asyncpg: a domain and the codes asked for together. While a workspace is being erased
# its links lead nowhere.
REDIRECT_SQL = """
select code, id, destination_url, deactivated_at, workspace_id, version from link
 where domain_id = $1 and code = any($2::text[])
   and not exists (select from erased_workspace e where e.id = link.workspace_id)"""


class Link(Table, table=True):
    __tablename__ = "link"
    __table_args__ = (
        UniqueConstraint("domain_id", "code"),
        Index(
            EXTERNAL_ID_INDEX,
            "workspace_id",
            "external_id",
            unique=True,
            postgresql_where=text("external_id is not null"),
        ),
        # One index per order of the list of links; both directions read the same one.
        Index(None, "workspace_id", "created_at", "id"),
        Index(None, "workspace_id", "updated_at", "id"),
        Index(None, "workspace_id", "code", "id"),
        CheckConstraint("code ~ '^[A-Za-z0-9_-]{1,64}$'", name="code_form"),
        CheckConstraint(
            f"destination_url ~ '^https?://' and destination_url !~ '{SQL_CONTROL_CHARACTERS}'",
            name="destination_url_form",
        ),
        CheckConstraint("octet_length(destination_url) <= 8192", name="destination_url_length"),
        text_rule("title", limit=TITLE_LIMIT),
        text_rule("notes", limit=NOTES_LIMIT, forbidden=SQL_CONTROL_CHARACTERS_BUT_TAB_AND_NEWLINE),
        text_rule("external_id", limit=EXTERNAL_ID_LIMIT),
        text_rule("deactivation_reason", limit=REASON_LIMIT),
        CheckConstraint("deactivation_reason is null or deactivated_at is not null", name="reason_only_if_deactivated"),
        CheckConstraint("deleted_at is null or deactivated_at is not null", name="deleted_only_if_deactivated"),
        CheckConstraint("created_by_key is null or created_by_user is null", name="one_creator"),
        Index("ix_link_deleted_at", "deleted_at", postgresql_where=text("deleted_at is not null")),
        CheckConstraint("version >= 1", name="version_positive"),
        CheckConstraint("updated_at >= created_at", name="updated_after_created"),
    )

    id: LinkId = key_column(primary=True)
    workspace_id: WorkspaceId = key_column(references="workspace.id")
    domain_id: DomainId = key_column(references="domain.id")
    # Collation "C": codes are equal only byte for byte, and sort the same on every machine.
    code: str = text_column(collation="C")
    destination_url: str = text_column()
    title: str | None = text_column(nullable=True)
    notes: str | None = text_column(nullable=True)
    external_id: str | None = text_column(nullable=True)
    created_by_key: KeyId | None = key_column(references="api_key.id", nullable=True)
    created_by_user: UserId | None = key_column(references="user_account.id", nullable=True)
    created_at: datetime = time_column()
    updated_at: datetime = time_column()
    deactivated_at: datetime | None = time_column(nullable=True)
    deactivation_reason: str | None = text_column(nullable=True)
    # Hidden from everyone but the operator, who can bring it back for 30 days.
    deleted_at: datetime | None = time_column(nullable=True)
    version: int = Field(default=1, sa_type=Integer)


class LinkTotal(Table, table=True):
    """A link's clicks so far. Made with the link and without foreign key: it may outlive it."""

    __tablename__ = "link_total"
    __table_args__ = (
        # The orders of a list of links by its clicks.
        Index(None, "workspace_id", "clicks", "link_id"),
        Index("ix_link_total_last_clicked", "workspace_id", text(LAST_CLICKED_OR_NEVER), "link_id"),
        Index("ix_link_total_hidden", "workspace_id", postgresql_where=text("hidden_at is not null")),
        CheckConstraint("clicks >= 0 and unique_clicks >= 0 and bot_clicks >= 0", name="not_negative"),
        CheckConstraint("unique_clicks <= clicks", name="unique_among_clicks"),
    )

    link_id: LinkId = key_column(primary=True)
    workspace_id: WorkspaceId = key_column()
    clicks: int = Field(default=0, sa_type=BigInteger)
    unique_clicks: int = Field(default=0, sa_type=BigInteger)
    bot_clicks: int = Field(default=0, sa_type=BigInteger)
    last_clicked_at: datetime | None = time_column(nullable=True)
    # Its link is deleted: no question finds its clicks, and the workspace's sums are without them.
    hidden_at: datetime | None = time_column(nullable=True)


class LinkStatus(StrEnum):
    """Whether a link redirects now."""

    ACTIVE = "ACTIVE"
    DEACTIVATED = "DEACTIVATED"


@dataclass(frozen=True, slots=True)
class LinkRecord:
    """A link as it was read."""

    id: LinkId
    workspace_id: WorkspaceId
    domain_id: DomainId
    code: str
    destination_url: str
    title: str | None
    notes: str | None
    external_id: str | None
    created_by_key: KeyId | None
    created_by_user: UserId | None
    created_at: datetime
    updated_at: datetime
    deactivated_at: datetime | None
    deactivation_reason: str | None
    deleted_at: datetime | None
    version: int

    @property
    def creator(self) -> Actor:
        """Who made it."""
        return Actor(key=self.created_by_key, user=self.created_by_user)

    @property
    def status(self) -> LinkStatus:
        """Computed, so that it cannot disagree with the times it comes from."""
        return LinkStatus.ACTIVE if self.deactivated_at is None else LinkStatus.DEACTIVATED


@dataclass(frozen=True, slots=True)
class ById:
    id: LinkId


@dataclass(frozen=True, slots=True)
class ByCode:
    domain_id: DomainId
    code: str


@dataclass(frozen=True, slots=True)
class ByExternalId:
    external_id: str


LinkLookup = ById | ByCode | ByExternalId


def is_meant(workspace_id: WorkspaceId, lookup: LinkLookup) -> ColumnElement[bool]:
    """The condition that picks the link, and only within the workspace, and unless it is deleted."""
    return is_there(workspace_id) & _is_named(lookup)


def is_there(workspace_id: WorkspaceId | ColumnElement[int]) -> ColumnElement[bool]:
    """The condition for the links that the workspace can see."""
    return (col(Link.workspace_id) == workspace_id) & col(Link.deleted_at).is_(None)


def _is_named(lookup: LinkLookup) -> ColumnElement[bool]:
    match lookup:
        case ById(id=link_id):
            return col(Link.id) == link_id
        case ByCode(domain_id=domain_id, code=code):
            # What no link can have is not asked for: PostgreSQL refuses text with NUL as an error.
            return (col(Link.domain_id) == domain_id) & (col(Link.code) == code) if is_well_formed(code) else false()
        case ByExternalId(external_id=external_id):
            return col(Link.external_id) == external_id if unprintable(external_id) is None else false()


async def announce(session: AsyncSession, *links: Link | LinkRecord) -> None:
    """Tells the redirects that the links are others now, once the transaction is committed."""
    keys = [f"{link.domain_id} {link.code}" for link in links]
    await session.execute(select(func.pg_notify(LINK_CHANNEL, func.unnest(literal(keys, ARRAY(Text))))))


def record_of(row: Link) -> LinkRecord:
    """The row as everyone but its writer sees it."""
    return LinkRecord(**{field.name: getattr(row, field.name) for field in fields(LinkRecord)})


async def find(conn: AsyncConnection, *, workspace_id: WorkspaceId, lookup: LinkLookup) -> LinkRecord | None:
    """The link, if the workspace has it."""
    row = (await conn.execute(select(Link).where(is_meant(workspace_id, lookup)))).one_or_none()
    return None if row is None else LinkRecord(**row._mapping)


async def by_ids(
    conn: AsyncConnection, *, workspace_id: WorkspaceId, ids: Collection[LinkId]
) -> dict[LinkId, LinkRecord]:
    """Those of the links that the workspace has."""
    rows = await conn.execute(select(Link).where(is_there(workspace_id), col(Link.id).in_(ids)))
    records = (LinkRecord(**row._mapping) for row in rows)
    return {record.id: record for record in records}
