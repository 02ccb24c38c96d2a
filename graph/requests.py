"""What an HTTP request asks for: its body or query string read, its key presented, its accepted types weighed.

https://graphql.github.io/graphql-over-http/draft/
"""

from dataclasses import dataclass
from typing import Any, Final

import orjson
from starlette.requests import Request

from graph.failures import FailureCode

LARGEST_BODY: Final = 1_000_000
GRAPHQL_JSON: Final = "application/graphql-response+json"
JSON: Final = "application/json"


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


@dataclass(frozen=True, slots=True)
class Asked:
    """A well-formed GraphQL request."""

    query: str
    variables: dict[str, Any] | None
    operation_name: str | None


def answer_type(accept: str) -> str:
    """The media type to answer in, by the Accept header; RequestRefused (406) when neither of ours is accepted."""
    quality = {GRAPHQL_JSON: _quality(accept, GRAPHQL_JSON), JSON: _quality(accept, JSON)}
    best = max(quality, key=lambda media: quality[media])  # the first of equals
    if quality[best] == (0.0, 0):
        raise RequestRefused(406, f"Answers are {GRAPHQL_JSON} or {JSON}; the Accept header allows neither.")
    return best


def wants_page(request: Request) -> bool:
    """Whether a browser is at the door, and has no query."""
    return (
        request.method == "GET"
        and "query" not in request.query_params
        and "text/html" in request.headers.get("accept", "")
    )


def presented_secret(request: Request) -> str | None:
    """The secret of the Authorization header, None without one, and the empty string for anything but one Bearer."""
    headers = request.headers.getlist("authorization")
    if not headers:
        return None
    scheme, _, secret = headers[0].partition(" ")
    return secret.strip() if len(headers) == 1 and scheme.lower() == "bearer" else ""


async def read(request: Request) -> Asked:
    """The GraphQL request in a GET or POST; RequestRefused for anything that is none."""
    if request.method == "GET":
        return _from_query_string(request)
    media, _, parameters = request.headers.get("content-type", "").partition(";")
    charset = parameters.strip().lower().removeprefix("charset=").strip('"')
    if media.strip().lower() != JSON or charset not in ("", "utf-8"):
        raise RequestRefused(415, f"Send the request as {JSON}, in UTF-8.")
    return _asked(_decoded(await _body(request), what="body"))


def _quality(accept: str, media: str) -> tuple[float, int]:
    """How much the type is wanted (0 to 1), by its most specific range, and how specific that is (RFC 9110, 12.5.1)."""
    ranges = {media: 3, f"{media.partition('/')[0]}/*": 2, "*/*": 1}
    best = (0.0, 0)
    for part in (accept or "*/*").split(","):
        name, *parameters = (piece.strip().lower() for piece in part.split(";"))
        specific = ranges.get(name, 0)
        if specific > best[1]:
            best = (_weight(parameters), specific)
    return best if best[0] > 0 else (0.0, 0)


def _weight(parameters: list[str]) -> float:
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                return float(parameter[2:])
            except ValueError:
                return 0.0
    return 1.0


async def _body(request: Request) -> bytes:
    """The whole body, given up as soon as it is known to be too large."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_BODY:
            raise RequestRefused(
                413, f"The body is larger than {LARGEST_BODY:,} bytes.", headers={"connection": "close"}
            )
    return bytes(body)


def _decoded(text: bytes | str, *, what: str) -> Any:
    try:
        return orjson.loads(text)  # refuses what is not UTF-8, nested too deeply, or a number beyond all numbers
    except orjson.JSONDecodeError as error:
        raise RequestRefused(400, f"The {what} cannot be read as JSON: {error}.") from error


def _from_query_string(request: Request) -> Asked:
    parameters: dict[str, Any] = dict(request.query_params)
    for name in ("variables", "extensions"):
        if parameters.get(name):
            parameters[name] = _decoded(parameters[name], what=name)
        else:
            parameters.pop(name, None)
    return _asked(parameters)


def _asked(body: Any) -> Asked:
    if not isinstance(body, dict):
        raise RequestRefused(422, "The body must be one JSON object with `query`.")
    if not isinstance(body.get("query"), str) or not body["query"]:
        raise RequestRefused(422, "`query` must be a string with a GraphQL document.")
    for name, kind in (("variables", dict), ("operationName", str), ("extensions", dict)):
        if not isinstance(body.get(name), kind | None):
            called = "an object" if kind is dict else "a string"
            raise RequestRefused(422, f"`{name}` must be {called}, null, or left out.")
    return Asked(body["query"], body.get("variables"), body.get("operationName") or None)
