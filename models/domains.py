"""Domains: the hosts that short links live on."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import CheckConstraint, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col

from models.ids import DomainId, WorkspaceId
from models.tables import Table, key_column, text_column, time_column


class Domain(Table, table=True):
    __tablename__ = "domain"
    __table_args__ = (
        # Lower case and without blanks, so that `unique` means what people mean by it.
        CheckConstraint("hostname = lower(hostname) and hostname !~ '\\s'", name="hostname_form"),
        CheckConstraint("char_length(hostname) between 1 and 253", name="hostname_length"),
    )

    id: DomainId = key_column(primary=True)
    # None: the installation's own, for every workspace.
    workspace_id: WorkspaceId | None = key_column(references="workspace.id", nullable=True)
    hostname: str = text_column(unique=True)
    created_at: datetime = time_column()
    verified_at: datetime | None = time_column(nullable=True)


@dataclass(frozen=True, slots=True)
class DomainRecord:
    """A domain as it was read."""

    id: DomainId
    workspace_id: WorkspaceId | None
    hostname: str
    created_at: datetime
    verified_at: datetime | None


async def by_ids(
    conn: AsyncConnection, *, workspace_id: WorkspaceId, ids: Collection[DomainId]
) -> dict[DomainId, DomainRecord]:
    """Those of the domains that the workspace can use: its own, and the installation's."""
    is_ours = or_(col(Domain.workspace_id) == workspace_id, col(Domain.workspace_id).is_(None))
    rows = await conn.execute(select(Domain).where(is_ours, col(Domain.id).in_(ids)))
    records = (DomainRecord(**row._mapping) for row in rows)
    return {record.id: record for record in records}
