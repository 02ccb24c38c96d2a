"""Mutations of the workspace."""

from typing import Annotated

import strawberry

from graph.context import Info
from graph.errors import UserError, user_errors
from graph.scalars import TimeZone
from graph.workspaces import Workspace, shown_workspace
from models import workspaces
from models.refusals import Refused


@strawberry.input(description="Changes to the workspace. Left out: unchanged. Neither can be cleared.")
class UpdateWorkspaceInput:
    name: strawberry.Maybe[str | None] = strawberry.field(description="For people, at most 200 characters.")
    timezone: strawberry.Maybe[TimeZone | None] = strawberry.field(
        description="Where days begin in analytics unless asked otherwise."
    )


@strawberry.type(description="What `updateWorkspace` did.")
class UpdateWorkspacePayload:
    workspace: Workspace | None = strawberry.field(description="As it is now; null when nothing was changed.")
    user_errors: list[UserError] = strawberry.field(description="Why nothing was changed; empty when it was.")


@strawberry.type
class WorkspaceMutations:
    @strawberry.mutation(description="Change the workspace. Needs WORKSPACE_ADMIN.")
    async def update_workspace(
        self,
        info: Info,
        input: Annotated[UpdateWorkspaceInput, strawberry.argument(description="What to change.")],  # noqa: A002
    ) -> UpdateWorkspacePayload | None:
        context = info.context
        try:
            async with context.database.write() as session:
                record = await workspaces.change(
                    session,
                    workspace_id=context.workspace_id,
                    # An empty text is refused, as null is.
                    name=input.name.value or "" if input.name else None,
                    timezone=input.timezone.value or "" if input.timezone else None,
                    by=context.principal.actor,
                    now=context.now,
                )
        except Refused as refused:
            return UpdateWorkspacePayload(workspace=None, user_errors=user_errors(refused))
        return UpdateWorkspacePayload(workspace=shown_workspace(record), user_errors=[])
