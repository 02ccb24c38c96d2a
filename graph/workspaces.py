"""The workspace, as the API shows it."""

from datetime import datetime

import strawberry

from graph import ids
from graph.analytics import HasAnalytics
from graph.click_questions import ClickOwner
from graph.clicks import WorkspaceClicks
from graph.context import Info
from graph.domains import Domain, shown_domain
from graph.scalars import TimeZone
from models import workspaces
from models.clicks import SlotScope
from models.workspaces import WorkspaceRecord


@strawberry.type(description="Everything belongs to one workspace; a key sees only its own.")
class Workspace(WorkspaceClicks, HasAnalytics):
    name: str = strawberry.field(description="For people.")
    timezone: TimeZone = strawberry.field(description="Where days begin in analytics unless asked otherwise.")
    created_at: datetime = strawberry.field(description="When it was made.")

    @strawberry.field(description="Where a link lives unless another domain is named.")
    async def default_domain(self, info: Info) -> Domain:
        record = await info.context.loaders.domain.load(info.context.instance.domain_id)
        assert record is not None, "a workspace has its default domain"
        return shown_domain(record)


def shown_workspace(record: WorkspaceRecord) -> Workspace:
    """The record as the API shows it."""
    return Workspace(
        id=ids.encode(ids.WORKSPACE, record.id),
        name=record.name,
        timezone=TimeZone(record.timezone),
        created_at=record.created_at,
        click_owner=ClickOwner(SlotScope.WORKSPACE, record.id, record.created_at),
    )


@strawberry.type
class WorkspaceQueries:
    @strawberry.field(description="The workspace this credential acts in.")
    async def workspace(self, info: Info) -> Workspace:
        async with info.context.database.read() as conn:
            record = await workspaces.find(conn, workspace_id=info.context.workspace_id)
        assert record is not None, "a key's workspace exists"
        return shown_workspace(record)
