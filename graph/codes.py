"""Whether a code can be had, for forms that check while one types."""

from enum import Enum
from typing import Annotated

import strawberry

from graph.context import Info
from models.code_availability import availability


@strawberry.enum(description="Why a code cannot be had. More may be added: keep a default branch.")
class CodeUnavailableReason(Enum):
    TAKEN = strawberry.enum_value("TAKEN", description="Another link has it.")
    RESERVED = strawberry.enum_value("RESERVED", description="Kurz keeps it for its own pages.")
    INVALID = strawberry.enum_value("INVALID", description="It is not 1 to 64 of A-Z, a-z, 0-9, - and _.")


@strawberry.type(description="Whether a code could be had a moment ago.")
class CodeAvailability:
    code: str = strawberry.field(description="The code that was asked for.")
    available: bool = strawberry.field(description="Whether `createLink` would take it.")
    reason: CodeUnavailableReason | None = strawberry.field(description="Why not; null when it is available.")
    suggestions: list[str] = strawberry.field(description="Similar codes that are free; empty when it is available.")


@strawberry.type
class CodeQueries:
    @strawberry.field(description="Whether a code can be had on the default domain.")
    async def code_availability(
        self, info: Info, code: Annotated[str, strawberry.argument(description="The code, in its exact spelling.")]
    ) -> CodeAvailability:
        context = info.context
        async with context.database.read() as conn:
            answer = await availability(conn, domain_id=context.instance.domain_id, code=code)
        return CodeAvailability(
            code=answer.code,
            available=answer.available,
            reason=CodeUnavailableReason[answer.reason.name] if answer.reason else None,
            suggestions=list(answer.suggestions),
        )
