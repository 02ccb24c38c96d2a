"""Mutations of links: one input, one payload, one transaction."""

from typing import Annotated

import strawberry

from graph.context import Info
from graph.defaults import given
from graph.errors import UserError, user_errors
from graph.link_inputs import (
    CreateLinkInput,
    DeactivateLinkInput,
    ReactivateLinkInput,
    UpdateLinkInput,
    changes_of,
    draft_of,
    named,
)
from graph.links import Link, shown_link
from models import link_changes, link_creation
from models.refusals import Refused


@strawberry.type(description="What `createLink` did.")
class CreateLinkPayload:
    link: Link | None = strawberry.field(description="The new link; null when nothing was made.")
    created: bool = strawberry.field(description="Whether this request made the link.")
    user_errors: list[UserError] = strawberry.field(description="Why nothing was made; empty when it was.")


@strawberry.type(description="What `updateLink` did.")
class UpdateLinkPayload:
    link: Link | None = strawberry.field(description="The link as it is now; null when nothing was changed.")
    user_errors: list[UserError] = strawberry.field(description="Why nothing was changed; empty when it was.")


@strawberry.type(description="What `deactivateLink` did.")
class DeactivateLinkPayload:
    link: Link | None = strawberry.field(description="The link as it is now; null when nothing was changed.")
    user_errors: list[UserError] = strawberry.field(description="Why nothing was changed; empty when it was.")


@strawberry.type(description="What `reactivateLink` did.")
class ReactivateLinkPayload:
    link: Link | None = strawberry.field(description="The link as it is now; null when nothing was changed.")
    user_errors: list[UserError] = strawberry.field(description="Why nothing was changed; empty when it was.")


@strawberry.type
class LinkMutations:
    @strawberry.mutation(description="Make a short link.")
    async def create_link(
        self,
        info: Info,
        input: Annotated[CreateLinkInput, strawberry.argument(description="What to make.")],  # noqa: A002
    ) -> CreateLinkPayload | None:
        context = info.context
        try:
            async with context.database.write() as session:
                record = await link_creation.create(
                    session,
                    workspace_id=context.workspace_id,
                    domain_id=context.instance.domain_id,
                    draft=draft_of(input),
                    by=context.principal.actor,
                    policy=context.target_policy,
                    now=context.now,
                )
        except Refused as refused:
            return CreateLinkPayload(link=None, created=False, user_errors=user_errors(refused))
        context.on_created(record.code)
        return CreateLinkPayload(link=shown_link(record, context), created=True, user_errors=[])

    @strawberry.mutation(description="Change a link. What is left out stays as it is; null clears.")
    async def update_link(
        self,
        info: Info,
        input: Annotated[UpdateLinkInput, strawberry.argument(description="What to change.")],  # noqa: A002
    ) -> UpdateLinkPayload | None:
        context = info.context
        try:
            lookup, changes = named(input.link, context), changes_of(input)
            async with context.database.write() as session:
                record = await link_changes.update(
                    session,
                    workspace_id=context.workspace_id,
                    lookup=lookup,
                    changes=changes,
                    expected_version=given(input.expected_version),
                    policy=context.target_policy,
                    by=context.principal.editor,
                    now=context.now,
                )
        except Refused as refused:
            return UpdateLinkPayload(link=None, user_errors=user_errors(refused))
        return UpdateLinkPayload(link=shown_link(record, context), user_errors=[])

    @strawberry.mutation(description="Stop redirecting. Reversible; history stays. Twice changes nothing.")
    async def deactivate_link(
        self,
        info: Info,
        input: Annotated[DeactivateLinkInput, strawberry.argument(description="Which link, and why.")],  # noqa: A002
    ) -> DeactivateLinkPayload | None:
        context = info.context
        try:
            lookup = named(input.link, context)
            async with context.database.write() as session:
                record = await link_changes.deactivate(
                    session,
                    workspace_id=context.workspace_id,
                    lookup=lookup,
                    reason=given(input.reason),
                    by=context.principal.editor,
                    now=context.now,
                )
        except Refused as refused:
            return DeactivateLinkPayload(link=None, user_errors=user_errors(refused))
        return DeactivateLinkPayload(link=shown_link(record, context), user_errors=[])

    @strawberry.mutation(description="Redirect again. An active link stays as it is.")
    async def reactivate_link(
        self,
        info: Info,
        input: Annotated[ReactivateLinkInput, strawberry.argument(description="Which link.")],  # noqa: A002
    ) -> ReactivateLinkPayload | None:
        context = info.context
        try:
            lookup = named(input.link, context)
            async with context.database.write() as session:
                record = await link_changes.reactivate(
                    session,
                    workspace_id=context.workspace_id,
                    lookup=lookup,
                    by=context.principal.editor,
                    now=context.now,
                )
        except Refused as refused:
            return ReactivateLinkPayload(link=None, user_errors=user_errors(refused))
        return ReactivateLinkPayload(link=shown_link(record, context), user_errors=[])
