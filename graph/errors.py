"""Expected failures of a mutation, as data: `userErrors`."""

from enum import Enum

import strawberry

from models.refusals import CodeTaken, LimitReached, Problem, Refused, VersionConflict


@strawberry.enum(description="What kind of failure a user error is. More may be added: keep a default branch.")
class UserErrorCode(Enum):
    INVALID = strawberry.enum_value("INVALID", description="Malformed or against a rule.")
    NOT_FOUND = strawberry.enum_value("NOT_FOUND", description="There is no such thing, or this key may not see it.")
    TAKEN = strawberry.enum_value(
        "TAKEN", description="Something else already has this code or externalId, or the person is a member already."
    )
    RESERVED = strawberry.enum_value("RESERVED", description="Kurz keeps this code for its own pages.")
    BLOCKED = strawberry.enum_value("BLOCKED", description="The operator of this server does not allow it.")
    FORBIDDEN = strawberry.enum_value(
        "FORBIDDEN", description="One item of many that this role may not change; alone, it is an error of the field."
    )
    LIMIT_REACHED = strawberry.enum_value("LIMIT_REACHED", description="Longer or more than allowed.")
    CONFLICT = strawberry.enum_value("CONFLICT", description="Not possible in the present state.")
    VERSION_CONFLICT = strawberry.enum_value("VERSION_CONFLICT", description="Somebody else wrote first.")


@strawberry.interface(
    description="Why a mutation did not do what was asked. Match on `code`; read extra fields by an inline fragment."
)
class UserError:
    message: str = strawberry.field(description="For people, in English.")
    code: UserErrorCode = strawberry.field(description="For programs.")
    path: list[str] = strawberry.field(
        description='Where in the input, e.g. `["destinationUrl"]`; empty: the input as a whole.'
    )


@strawberry.type(description="Every failure that `code` says enough about.")
class InputError(UserError):
    pass


@strawberry.type(description="Another link has this code.")
class CodeTakenError(UserError):
    suggestions: list[str] = strawberry.field(description="Similar codes that were free a moment ago.")


@strawberry.type(description="Longer or more than allowed.")
class LimitReachedError(UserError):
    limit: int = strawberry.field(description="How much is allowed.")


@strawberry.type(description="The link is not at the `expectedVersion` any more.")
class VersionConflictError(UserError):
    current_version: int = strawberry.field(description="The version the link is at now.")


USER_ERRORS = (InputError, CodeTakenError, LimitReachedError, VersionConflictError)


def user_errors(refused: Refused) -> list[UserError]:
    """Everything a rule refused, in the words and with the paths of the API's input."""
    return [_user_error(problem) for problem in refused.problems]


def _user_error(problem: Problem) -> UserError:
    code = UserErrorCode[problem.code.name]
    path = list(problem.path)
    if isinstance(problem, CodeTaken):
        return CodeTakenError(message=problem.message, code=code, path=path, suggestions=list(problem.suggestions))
    if isinstance(problem, LimitReached):
        return LimitReachedError(message=problem.message, code=code, path=path, limit=problem.limit)
    if isinstance(problem, VersionConflict):
        return VersionConflictError(
            message=problem.message, code=code, path=path, current_version=problem.current_version
        )
    return InputError(message=problem.message, code=code, path=path)
