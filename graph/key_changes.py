"""Mutations of API keys."""

from datetime import datetime
from typing import Annotated

import strawberry
from strawberry import UNSET

from graph import ids
from graph.context import Context, Info
from graph.defaults import given
from graph.errors import UserError, user_errors
from graph.keys import ApiKey, Scope, shown_key
from graph.scalars import NOT_AN_INSTANT, WrittenInstant, read_instant
from models import keys
from models.ids import KeyId
from models.refusals import Problem, ProblemCode, Refused


@strawberry.input(description="A key to make.")
class CreateApiKeyInput:
    name: str = strawberry.field(description="For people, at most 100 characters.")
    scopes: list[Scope] = strawberry.field(description="What it may do: at least one, and none that you have not.")
    expires_at: WrittenInstant | None = strawberry.field(
        default=UNSET,
        description="From when on it is refused. Left out: never, which a key that expires itself cannot give.",
    )


@strawberry.input(description="A key to revoke.")
class RevokeApiKeyInput:
    id: strawberry.ID = strawberry.field(description="Its id.")


@strawberry.type(description="What `createApiKey` did.")
class CreateApiKeyPayload:
    api_key: ApiKey | None = strawberry.field(description="The new key; null when none was made.")
    secret: str | None = strawberry.field(description="What the key's holder sends. It is shown this once.")
    user_errors: list[UserError] = strawberry.field(description="Why none was made; empty when one was.")


@strawberry.type(description="What `revokeApiKey` did.")
class RevokeApiKeyPayload:
    api_key: ApiKey | None = strawberry.field(description="The key as it is now; null when nothing was changed.")
    user_errors: list[UserError] = strawberry.field(description="Why nothing was changed; empty when it was.")


@strawberry.type
class KeyMutations:
    @strawberry.mutation(description="Make a key that may do no more than you. Needs WORKSPACE_ADMIN.")
    async def create_api_key(
        self,
        info: Info,
        input: Annotated[CreateApiKeyInput, strawberry.argument(description="What to make.")],  # noqa: A002
    ) -> CreateApiKeyPayload | None:
        context = info.context
        try:
            made = await _made(input, context)
        except Refused as refused:
            return CreateApiKeyPayload(api_key=None, secret=None, user_errors=user_errors(refused))
        return CreateApiKeyPayload(api_key=shown_key(made.record), secret=made.secret, user_errors=[])

    @strawberry.mutation(
        description=(
            "Refuse a key from now on; within two seconds everywhere. Twice changes nothing. Needs WORKSPACE_ADMIN."
        )
    )
    async def revoke_api_key(
        self,
        info: Info,
        input: Annotated[RevokeApiKeyInput, strawberry.argument(description="Which key.")],  # noqa: A002
    ) -> RevokeApiKeyPayload | None:
        context = info.context
        try:
            record = await _revoked(ids.decode(ids.API_KEY, input.id), context)
        except Refused as refused:
            return RevokeApiKeyPayload(api_key=None, user_errors=user_errors(refused))
        return RevokeApiKeyPayload(api_key=shown_key(record), user_errors=[])


async def _made(asked: CreateApiKeyInput, context: Context) -> keys.NewKey:
    maker, expires_at = context.principal, _instant(given(asked.expires_at))
    async with context.database.write() as session:
        return await keys.create(
            session,
            workspace_id=context.workspace_id,
            name=asked.name,
            scopes=[keys.Scope(scope.name) for scope in asked.scopes],
            expires_at=expires_at,
            by=maker.actor,
            within=maker.scopes,
            until=maker.gives_until,
            now=context.now,
        )


def _instant(text: WrittenInstant | None) -> datetime | None:
    moment = None if text is None else read_instant(text)
    if text is not None and moment is None:
        raise Refused(Problem(ProblemCode.INVALID, NOT_AN_INSTANT, ("expiresAt",)))
    return moment


async def _revoked(number: int | None, context: Context) -> keys.KeyRecord:
    record = None
    if number is not None:
        async with context.database.write() as session:
            record = await keys.revoke(
                session,
                workspace_id=context.workspace_id,
                key_id=KeyId(number),
                by=context.principal.actor,
                now=context.now,
            )
    if record is None:
        raise Refused(Problem(ProblemCode.NOT_FOUND, "There is no such key.", ("id",)))
    return record
