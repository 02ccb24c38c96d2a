"""Failures outside the payloads: the codes a client can match on, and what it never gets to see."""

import logging
from collections.abc import Iterable
from enum import StrEnum

from graphql import ExecutionResult as CoreResult
from graphql import GraphQLError
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.types import ExecutionResult

from models.analytics_refusals import AnalyticsRefused
from models.database import is_unreachable
from models.refusals import NoLongerAllowed, NotAllowed, Refused

log = logging.getLogger("kurz.graph")


class FailureCode(StrEnum):
    """`extensions.code` of a top-level error."""

    UNAUTHENTICATED = "UNAUTHENTICATED"
    FORBIDDEN = "FORBIDDEN"
    BAD_REQUEST = "BAD_REQUEST"
    QUERY_TOO_COMPLEX = "QUERY_TOO_COMPLEX"
    RATE_LIMITED = "RATE_LIMITED"
    PERSISTED_QUERY_NOT_FOUND = "PERSISTED_QUERY_NOT_FOUND"
    INVALID_RANGE = "INVALID_RANGE"
    TOO_MANY_POINTS = "TOO_MANY_POINTS"
    TOO_MANY_CLICKS = "TOO_MANY_CLICKS"
    TIMEOUT = "TIMEOUT"
    UNAVAILABLE = "UNAVAILABLE"
    INTERNAL = "INTERNAL"


class ApiFailure(GraphQLError):  # noqa: N818 - it names what happened, as FailureCode does
    """A failure whose message and code are meant for the client."""

    def __init__(self, code: FailureCode, message: str, **extensions: str | int) -> None:
        super().__init__(message, extensions={"code": code, **extensions})


def presentable(error: GraphQLError, *, request_id: str, is_logged: bool = False) -> GraphQLError:
    """The error as the client may see it, with a code; what nobody expected is masked, and logged unless it was."""
    cause = root_cause(error)
    if isinstance(cause, ApiFailure):
        return error
    if isinstance(cause, Refused | NotAllowed | NoLongerAllowed | AnalyticsRefused):
        return _refusal(error, cause)
    if _is_about_the_request(error, cause):
        return _retold(error, FailureCode.BAD_REQUEST, error.message)
    if is_unreachable(cause):
        if not is_logged:
            log.warning("the database cannot be asked: %r", cause, extra={"request_id": request_id})
        message = "The database cannot be asked just now; try again shortly."
        return _retold(error, FailureCode.UNAVAILABLE, message, requestId=request_id)
    if not is_logged:
        more = {"request_id": request_id, "path": error.path}
        log.error("unexpected error at %s", error.path, exc_info=cause, extra=more)
    message = f"Unexpected error; the server's log has it as {request_id}."
    return _retold(error, FailureCode.INTERNAL, message, requestId=request_id)


def _refusal(error: GraphQLError, cause: Refused | NotAllowed | NoLongerAllowed | AnalyticsRefused) -> GraphQLError:
    if isinstance(cause, Refused):
        return _retold(error, FailureCode.BAD_REQUEST, cause.problems[0].message)
    if isinstance(cause, NotAllowed):
        needs = {"requiredRole": cause.required} if cause.required else {}
        return _retold(error, FailureCode.FORBIDDEN, str(cause), **needs)
    if isinstance(cause, NoLongerAllowed):
        return _retold(error, FailureCode.UNAUTHENTICATED if cause.is_key else FailureCode.FORBIDDEN, str(cause))
    return _retold(error, FailureCode(cause.code), str(cause))


def all_presentable(errors: Iterable[GraphQLError], *, request_id: str) -> list[GraphQLError]:
    """The errors as the client may see them; one exception that many fields met is logged once."""
    seen = set[int]()
    shown = []
    for error in errors:
        cause = id(root_cause(error))
        shown.append(presentable(error, request_id=request_id, is_logged=cause in seen))
        seen.add(cause)
    return shown


def without_suggestion(error: GraphQLError) -> GraphQLError:
    """The error without the library's guess at what was meant, which would tell the schema name by name."""
    error.message = error.message.partition(" Did you mean ")[0]
    return error


def was_run(result: ExecutionResult | CoreResult) -> bool:
    """Whether the operation was begun; otherwise the errors are about the request."""
    return not result.errors or result.data is not None or any(error.path for error in result.errors)


def code_of(error: GraphQLError) -> str | None:
    """The error's `extensions.code`."""
    code = (error.extensions or {}).get("code")
    return str(code) if code else None


def root_cause(error: BaseException) -> BaseException:
    """The exception that the library's located errors are wrapped round."""
    while isinstance(error, GraphQLError) and error.original_error is not None:
        error = error.original_error
    return error


def _is_about_the_request(error: GraphQLError, cause: BaseException) -> bool:
    """Whether the library blames the document or its variables: it points into the document, or never got to a field.

    What a field answered wrongly (an enum that has no such value) is a library error too, but points nowhere.
    """
    if isinstance(cause, RecursionError | InvalidOperationTypeError | CannotGetOperationTypeError):
        return error.path is None
    return isinstance(cause, GraphQLError) and (error.path is None or bool(cause.nodes))


def _retold(error: GraphQLError, code: FailureCode, message: str, **extensions: str) -> GraphQLError:
    return GraphQLError(
        message,
        nodes=error.nodes,
        source=error.source,
        positions=error.positions,
        path=error.path,
        original_error=error,
        extensions={"code": code, **extensions},
    )
