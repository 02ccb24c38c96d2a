"""The workspace, as the API shows it."""

from datetime import datetime

import strawberry

from graph import ids
from graph.analytics import HasAnalytics
from graph.audit_log import WorkspaceAuditLog
from graph.clicks import WorkspaceClicks
from graph.clicks_asked import ClickOwner
from graph.connections import LARGEST_PAGE
from graph.context import Info
from graph.domains import Domain, shown_domain
from graph.key_lists import WorkspaceKeys
from graph.members import WorkspaceMembers
from graph.scalars import TimeZone
from models.clicks import SlotScope
from models.intervals import MAX_POINTS
from models.workspaces import WorkspaceRecord


@strawberry.type(description="What requests are bound by, as this server is set.")
class WorkspaceLimits:
    max_page_size: int = strawberry.field(description="The most that `first` and `last` of a connection may ask for.")
    max_links: int | None = strawberry.field(
        description="The most links that this workspace may have; null: as many as there is room for."
    )
    max_bulk_items: int = strawberry.field(description="The most `items` that a mutation of many links takes.")
    max_query_cost: int = strawberry.field(
        description="The most that one operation may cost; every answer says by `extensions.cost` what it did."
    )
    max_timeseries_points: int = strawberry.field(description="The most points that a time series may have.")
    click_retention_days: int | None = strawberry.field(
        description="For how many days single clicks are kept; sums stay. Null: it is not known here."
    )


@strawberry.type(description="Everything belongs to one workspace; a key sees only its own.")
class Workspace(WorkspaceMembers, WorkspaceKeys, WorkspaceAuditLog, WorkspaceClicks, HasAnalytics):
    name: str = strawberry.field(description="For people.")
    timezone: TimeZone = strawberry.field(description="Where days begin in analytics unless asked otherwise.")
    created_at: datetime = strawberry.field(description="When it was made.")
    link_limit: strawberry.Private[int | None]
    batch_limit: strawberry.Private[int]

    @strawberry.field(description="Where a link lives unless another domain is named.")
    async def default_domain(self, info: Info) -> Domain:
        record = await info.context.loaders.domain.load(info.context.instance.domain_id)
        assert record is not None, "a workspace has its default domain"
        return shown_domain(record)

    @strawberry.field(description="What requests are bound by.")
    def limits(self, info: Info) -> WorkspaceLimits:
        config = info.context.config
        return WorkspaceLimits(
            max_page_size=LARGEST_PAGE,
            max_links=self.link_limit,
            max_bulk_items=self.batch_limit,
            max_query_cost=config.most_points,
            max_timeseries_points=MAX_POINTS,
            click_retention_days=config.click_retention_days,
        )


def shown_workspace(record: WorkspaceRecord) -> Workspace:
    """The record as the API shows it."""
    return Workspace(
        id=ids.encode(ids.WORKSPACE, record.id),
        name=record.name,
        timezone=TimeZone(record.timezone),
        created_at=record.created_at,
        link_limit=record.link_limit,
        batch_limit=record.batch_limit,
        click_owner=ClickOwner(SlotScope.WORKSPACE, record.id, record.created_at),
    )


@strawberry.type
class WorkspaceQueries:
    @strawberry.field(description="The workspace this credential acts in.")
    async def workspace(self, info: Info) -> Workspace:
        record = await info.context.loaders.workspace.load(info.context.workspace_id)
        assert record is not None, "who asks has a workspace"
        return shown_workspace(record)
