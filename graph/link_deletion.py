"""Deleting links."""

from typing import Annotated

import strawberry

from graph import ids
from graph.context import Info
from graph.errors import UserError, user_errors
from graph.link_inputs import LinkLookup, named
from models import link_deletion
from models.refusals import Refused


@strawberry.input(description="A link to delete.")
class DeleteLinkInput:
    link: LinkLookup = strawberry.field(description="Which link; a deactivated one.")


@strawberry.type(description="What `deleteLink` did.")
class DeleteLinkPayload:
    deleted_link_id: strawberry.ID | None = strawberry.field(
        description="The id it had, for caches; null when nothing was deleted."
    )
    user_errors: list[UserError] = strawberry.field(description="Why nothing was deleted; empty when it was.")


@strawberry.type
class LinkDeletionMutations:
    @strawberry.mutation(
        description=(
            "Gone at once, with its clicks; CONFLICT unless the link was deactivated before. An operator can bring it "
            "back for 30 days; its code is not given to anyone else for a year. Needs WORKSPACE_ADMIN."
        )
    )
    async def delete_link(
        self,
        info: Info,
        input: Annotated[DeleteLinkInput, strawberry.argument(description="Which link.")],  # noqa: A002
    ) -> DeleteLinkPayload | None:
        context = info.context
        try:
            lookup = named(input.link, context)
            async with context.database.write() as session:
                record = await link_deletion.delete(
                    session,
                    workspace_id=context.workspace_id,
                    lookup=lookup,
                    by=context.principal.actor,
                    now=context.now,
                )
        except Refused as refused:
            return DeleteLinkPayload(deleted_link_id=None, user_errors=user_errors(refused))
        return DeleteLinkPayload(deleted_link_id=ids.encode(ids.LINK, record.id), user_errors=[])
