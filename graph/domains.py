"""Domains, as the API shows them."""

from datetime import datetime

import strawberry

from graph import ids
from graph.ids import Node
from models.domains import DomainRecord


@strawberry.type(description="A host that short links live on.")
class Domain(Node):
    hostname: str = strawberry.field(description="Host name, without a port.")
    verified_at: datetime | None = strawberry.field(
        description="When the workspace proved that it owns the host; null: not yet."
    )
    created_at: datetime = strawberry.field(description="When it was added.")


def shown_domain(record: DomainRecord) -> Domain:
    """The record as the API shows it."""
    return Domain(
        id=ids.encode(ids.DOMAIN, record.id),
        hostname=record.hostname,
        verified_at=record.verified_at,
        created_at=record.created_at,
    )
