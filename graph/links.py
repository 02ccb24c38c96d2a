"""Links: the type, and the question for one of them."""

from datetime import datetime
from enum import Enum
from typing import Annotated

import strawberry

from graph import ids
from graph.actors import Actor
from graph.analytics import HasAnalytics
from graph.clicks import LinkClicks
from graph.clicks_asked import ClickOwner
from graph.context import Context, Info
from graph.domains import Domain, shown_domain
from graph.link_inputs import LinkLookup, lookup_of
from graph.scalars import URL, Count
from graph.viewer import actor_of
from models import links
from models.click_totals import NEVER_CLICKED
from models.clicks import SlotScope
from models.links import LinkRecord


@strawberry.enum(description="Whether visitors are redirected. More may be added: keep a default branch.")
class LinkStatus(Enum):
    ACTIVE = strawberry.enum_value("ACTIVE", description="Visitors are redirected.")
    DEACTIVATED = strawberry.enum_value("DEACTIVATED", description="Visitors get a page that says it is gone (410).")


@strawberry.type(description="A short URL and where it leads.")
class Link(LinkClicks, HasAnalytics):
    code: str = strawberry.field(description="The last part of the short URL. Never changes.")
    short_url: URL = strawberry.field(description="What visitors follow.")
    destination_url: URL = strawberry.field(description="Where visitors are sent.")
    title: str | None = strawberry.field(description="For people, at most 200 characters.")
    notes: str | None = strawberry.field(description="For people, at most 4,000 characters.")
    external_id: str | None = strawberry.field(description="Your own key for this link, unique in the workspace.")
    status: LinkStatus = strawberry.field(
        description="Computed now; a deactivated link keeps its history and can be reactivated."
    )
    created_at: datetime = strawberry.field(description="When it was made.")
    updated_at: datetime = strawberry.field(description="When it was last written; at first, when it was made.")
    deactivated_at: datetime | None = strawberry.field(description="When it was deactivated; null: it is not.")
    deactivation_reason: str | None = strawberry.field(description="What was given as reason, if anything.")
    version: int = strawberry.field(
        description="Grows by one on every write; send it back as expectedVersion to detect lost updates."
    )
    record: strawberry.Private[LinkRecord]

    @strawberry.field(description="The host it lives on.")
    async def domain(self, info: Info) -> Domain:
        record = await info.context.loaders.domain.load(self.record.domain_id)
        assert record is not None, "a link's domain exists"
        return shown_domain(record)

    @strawberry.field(description="Who made it; null when that is not known any more.")
    async def created_by(self, info: Info) -> Actor | None:
        return await actor_of(self.record.creator, info.context)

    @strawberry.field(description="All-time clicks by people: one number, no range. Readable with LINKS_READ alone.")
    async def click_count(self, info: Info) -> Count:
        clicks = await info.context.loaders.clicks.of_link.load(self.record.id) or NEVER_CLICKED
        return Count(clicks.totals.clicks)

    @strawberry.field(description="When a person clicked last; null: never. Readable with LINKS_READ alone.")
    async def last_clicked_at(self, info: Info) -> datetime | None:
        clicks = await info.context.loaders.clicks.of_link.load(self.record.id) or NEVER_CLICKED
        return clicks.last_clicked_at


def shown_link(record: LinkRecord, context: Context) -> Link:
    """The record as the API shows it; all but the nested fields are ready values, which resolve fastest."""
    return Link(
        id=ids.encode(ids.LINK, record.id),
        code=record.code,
        short_url=URL(f"{context.config.base_url}/{record.code}"),
        destination_url=URL(record.destination_url),
        title=record.title,
        notes=record.notes,
        external_id=record.external_id,
        status=LinkStatus[record.status.name],
        created_at=record.created_at,
        updated_at=record.updated_at,
        deactivated_at=record.deactivated_at,
        deactivation_reason=record.deactivation_reason,
        version=record.version,
        record=record,
        click_owner=ClickOwner(SlotScope.LINK, record.id, record.created_at),
    )


@strawberry.type
class LinkQueries:
    @strawberry.field(description="One link; null when there is none, or none this credential may see.")
    async def link(
        self,
        info: Info,
        by: Annotated[LinkLookup, strawberry.argument(description="Which link.")],
    ) -> Link | None:
        context = info.context
        lookup = lookup_of(by, context)
        if lookup is None:
            return None
        async with context.database.read() as conn:
            record = await links.find(conn, workspace_id=context.workspace_id, lookup=lookup)
        return None if record is None else shown_link(record, context)
