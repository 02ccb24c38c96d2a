"""What a client asks for, in the shape that HTTP, WebSocket and event stream share."""

from dataclasses import dataclass
from typing import Any, Final

from graph.failures import FailureCode

APOLLO_VERSION: Final = 1


class RequestRefused(Exception):  # noqa: N818 - it names what happened, not a fault
    """The request cannot be run: an HTTP status, a message for the client, and headers."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: FailureCode = FailureCode.BAD_REQUEST,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.headers = headers or {}

    @property
    def error(self) -> dict[str, Any]:
        """The refusal as a GraphQL error."""
        return {"message": self.message, "extensions": {"code": self.code}}

    @property
    def body(self) -> dict[str, Any]:
        """The refusal as the JSON object of an answer."""
        return {"errors": [self.error]}


@dataclass(frozen=True, slots=True)
class Asked:
    """A well-formed GraphQL request: a document, or the name of one that the server knows, or both."""

    query: str | None
    variables: dict[str, Any] | None = None
    operation_name: str | None = None
    document_id: str | None = None  # "sha256:" and 64 hexadecimal digits, if it is one of ours


def asked_of(body: Any) -> Asked:
    """The request in a decoded JSON value; RequestRefused (422) where its parameters are missing or of another type."""
    if isinstance(body, list):
        raise RequestRefused(422, "Several requests in one are not taken: send them one by one.")
    if not isinstance(body, dict):
        raise RequestRefused(422, "The request must be one JSON object.")
    for name, kind in (("query", str), ("documentId", str), ("operationName", str), ("variables", dict)):
        _check(body, name, kind)
    _check(body, "extensions", dict)
    query, document_id = body.get("query") or None, body.get("documentId") or _apollo_id(body.get("extensions"))
    if query is None and document_id is None:
        raise RequestRefused(422, "`query` must be a string with a GraphQL document.")
    return Asked(query, body.get("variables"), body.get("operationName") or None, document_id)


def _check(body: dict[str, Any], name: str, kind: type) -> None:
    if not isinstance(body.get(name), kind | None):
        called = "an object" if kind is dict else "a string"
        raise RequestRefused(422, f"`{name}` must be {called}, null, or left out.")


def _apollo_id(extensions: dict[str, Any] | None) -> str | None:
    """The document's name as Apollo, urql and others send it.

    https://www.apollographql.com/docs/apollo-server/performance/apq
    """
    persisted = (extensions or {}).get("persistedQuery")
    if persisted is None:
        return None
    known = isinstance(persisted, dict) and persisted.get("version") == APOLLO_VERSION
    digits = persisted.get("sha256Hash") if known else None
    if not isinstance(digits, str):
        raise RequestRefused(422, "`extensions.persistedQuery` must have `version: 1` and a string `sha256Hash`.")
    return f"sha256:{digits}"
