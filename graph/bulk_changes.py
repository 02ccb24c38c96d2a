"""Mutations of many links at once: one transaction, and for each item the payload of the single mutation."""

from functools import partial
from typing import Annotated

import strawberry

from graph.bulk import ERRORS, POLICY, RESULTS, BulkPolicy, policy_of, results_of
from graph.context import Context, Info
from graph.defaults import given
from graph.errors import UserError, user_errors
from graph.link_changes import CreateLinkPayload, DeactivateLinkPayload, UpdateLinkPayload
from graph.link_inputs import (
    CreateLinkInput,
    DeactivateLinkInput,
    UpdateLinkInput,
    changes_of,
    draft_of,
    lookup_of,
)
from graph.links import shown_link
from models import bulk_changes, bulk_creation
from models.bulk import NothingDone
from models.bulk_changes import Deactivation, LinkUpdate
from models.links import LinkRecord

ITEMS = "At least one, at most `limits { maxBulkItems }`."


@strawberry.input(description="Links to make.")
class CreateLinksInput:
    items: list[CreateLinkInput] = strawberry.field(description=ITEMS)
    policy: BulkPolicy | None = strawberry.field(default=BulkPolicy.ALL_OR_NOTHING, description=POLICY)


@strawberry.input(description="Changes to links; a later one sees what the earlier ones did.")
class UpdateLinksInput:
    items: list[UpdateLinkInput] = strawberry.field(description=ITEMS)
    policy: BulkPolicy | None = strawberry.field(default=BulkPolicy.ALL_OR_NOTHING, description=POLICY)


@strawberry.input(description="Links to deactivate.")
class DeactivateLinksInput:
    items: list[DeactivateLinkInput] = strawberry.field(description=ITEMS)
    policy: BulkPolicy | None = strawberry.field(default=BulkPolicy.ALL_OR_NOTHING, description=POLICY)


@strawberry.type(description="What `createLinks` did.")
class CreateLinksPayload:
    results: list[CreateLinkPayload] = strawberry.field(description=RESULTS)
    user_errors: list[UserError] = strawberry.field(description=ERRORS)


@strawberry.type(description="What `updateLinks` did.")
class UpdateLinksPayload:
    results: list[UpdateLinkPayload] = strawberry.field(description=RESULTS)
    user_errors: list[UserError] = strawberry.field(description=ERRORS)


@strawberry.type(description="What `deactivateLinks` did.")
class DeactivateLinksPayload:
    results: list[DeactivateLinkPayload] = strawberry.field(description=RESULTS)
    user_errors: list[UserError] = strawberry.field(description=ERRORS)


@strawberry.type
class BulkMutations:
    @strawberry.mutation(description="Make many links in one transaction; of two with the same code the first has it.")
    async def create_links(
        self,
        info: Info,
        input: Annotated[CreateLinksInput, strawberry.argument(description="What to make.")],  # noqa: A002
    ) -> CreateLinksPayload | None:
        context = info.context
        shown = partial(_created, context)
        try:
            async with context.database.write_batch() as session:
                outcomes = await bulk_creation.create_all(
                    session,
                    workspace_id=context.workspace_id,
                    domain_id=context.instance.domain_id,
                    drafts=[draft_of(item) for item in input.items],
                    bulk=policy_of(input.policy),
                    by=context.principal.actor,
                    policy=context.target_policy,
                    now=context.now,
                )
        except NothingDone as nothing:
            return CreateLinksPayload(results=results_of(nothing.refusals, shown), user_errors=user_errors(nothing))
        for outcome in outcomes:
            if isinstance(outcome, LinkRecord):
                context.on_created(outcome.code)
        return CreateLinksPayload(results=results_of(outcomes, shown), user_errors=[])

    @strawberry.mutation(description="Change many links in one transaction, one after another.")
    async def update_links(
        self,
        info: Info,
        input: Annotated[UpdateLinksInput, strawberry.argument(description="What to change.")],  # noqa: A002
    ) -> UpdateLinksPayload | None:
        context = info.context
        shown = partial(_updated, context)
        try:
            async with context.database.write_batch() as session:
                outcomes = await bulk_changes.update_all(
                    session,
                    workspace_id=context.workspace_id,
                    updates=[_update_of(item, context) for item in input.items],
                    bulk=policy_of(input.policy),
                    policy=context.target_policy,
                    by=context.principal.editor,
                    now=context.now,
                )
        except NothingDone as nothing:
            return UpdateLinksPayload(results=results_of(nothing.refusals, shown), user_errors=user_errors(nothing))
        return UpdateLinksPayload(results=results_of(outcomes, shown), user_errors=[])

    @strawberry.mutation(description="Stop redirecting many links, in one transaction. Reversible; history stays.")
    async def deactivate_links(
        self,
        info: Info,
        input: Annotated[DeactivateLinksInput, strawberry.argument(description="Which links, and why.")],  # noqa: A002
    ) -> DeactivateLinksPayload | None:
        context = info.context
        shown = partial(_deactivated, context)
        try:
            async with context.database.write_batch() as session:
                outcomes = await bulk_changes.deactivate_all(
                    session,
                    workspace_id=context.workspace_id,
                    deactivations=[_deactivation_of(item, context) for item in input.items],
                    bulk=policy_of(input.policy),
                    by=context.principal.editor,
                    now=context.now,
                )
        except NothingDone as nothing:
            return DeactivateLinksPayload(results=results_of(nothing.refusals, shown), user_errors=user_errors(nothing))
        return DeactivateLinksPayload(results=results_of(outcomes, shown), user_errors=[])


def _update_of(item: UpdateLinkInput, context: Context) -> LinkUpdate:
    lookup = lookup_of(item.link, context)
    return LinkUpdate(lookup=lookup, changes=changes_of(item), expected_version=given(item.expected_version))


def _deactivation_of(item: DeactivateLinkInput, context: Context) -> Deactivation:
    return Deactivation(lookup=lookup_of(item.link, context), reason=given(item.reason))


def _created(context: Context, record: LinkRecord | None, errors: list[UserError]) -> CreateLinkPayload:
    link = None if record is None else shown_link(record, context)
    return CreateLinkPayload(link=link, created=link is not None, user_errors=errors)


def _updated(context: Context, record: LinkRecord | None, errors: list[UserError]) -> UpdateLinkPayload:
    return UpdateLinkPayload(link=None if record is None else shown_link(record, context), user_errors=errors)


def _deactivated(context: Context, record: LinkRecord | None, errors: list[UserError]) -> DeactivateLinkPayload:
    return DeactivateLinkPayload(link=None if record is None else shown_link(record, context), user_errors=errors)
