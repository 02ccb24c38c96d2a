"""What an HTTP request asks for: its body or query string read within bounds, its key presented, its origin proved.

https://graphql.github.io/graphql-over-http/draft/
"""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

import orjson
from starlette.datastructures import Headers
from starlette.requests import Request

from graph.accept import GRAPHQL_JSON, JSON, answer_type
from graph.asked import Asked, RequestRefused, asked_of
from graph.sign_in import WORKSPACE_HEADER

LARGEST_BODY: Final = 1_000_000  # bytes
LONGEST_QUERY_STRING: Final = 16_000  # bytes
BODY_DEADLINE_S: Final = 60.0
# A page of another site cannot send any of these without asking first (CORS), so a request that has one was meant.
# Authorization is one too: only Bearer gets this far, and a browser adds that to nothing by itself.
DELIBERATE_HEADERS: Final = (
    "Authorization",
    "GraphQL-Require-Preflight",
    "Apollo-Require-Preflight",
    "X-Apollo-Operation-Name",
    "X-Requested-With",
)


def media_of(request: Request) -> str:
    """The media type to answer in; RequestRefused (406) when neither of ours is accepted."""
    # Several Accept headers are one list (RFC 9110, 5.3).
    media = answer_type(", ".join(request.headers.getlist("accept")))
    if media is None:
        raise RequestRefused(406, f"Answers are {GRAPHQL_JSON} or {JSON}; the Accept header allows neither.")
    return media


def wants_page(request: Request) -> bool:
    """Whether a browser opens the address, rather than a script its fetch."""
    return (
        request.method in ("GET", "HEAD")
        and "text/html" in request.headers.get("accept", "")
        and not _is_deliberate(request.headers)
    )


def presented_secret(request: Request) -> str | None:
    """The secret of the Authorization header, None without one, and the empty string for anything but one Bearer."""
    return secret_in(request.headers.getlist("authorization"))


def named_workspace(request: Request) -> list[str]:
    """The workspaces that the request names; more than one is none of anybody's."""
    return request.headers.getlist(WORKSPACE_HEADER)


def secret_in(headers: Sequence[str]) -> str | None:
    """The secret in the values of Authorization headers."""
    if not headers:
        return None
    scheme, _, secret = headers[0].partition(" ")
    return secret.strip() if len(headers) == 1 and scheme.lower() == "bearer" else ""


async def read(request: Request, *, deadline_s: float = BODY_DEADLINE_S) -> Asked:
    """The GraphQL request in a GET, HEAD or POST; RequestRefused for anything that is none.

    408 for a body that has not come after `deadline_s`.
    """
    if request.method != "POST":
        return _from_query_string(request)
    _refuse_other_encodings(request.headers)
    try:
        async with asyncio.timeout(deadline_s):
            body = await _body(request)
    except TimeoutError as error:
        raise RequestRefused(408, "The body took too long to arrive.", headers={"connection": "close"}) from error
    return asked_of(_decoded(body, what="body"))


def _from_query_string(request: Request) -> Asked:
    if len(request.scope["query_string"]) > LONGEST_QUERY_STRING:
        raise RequestRefused(414, f"The query string is longer than {LONGEST_QUERY_STRING:,} bytes: use POST.")
    parameters: dict[str, Any] = dict(request.query_params)
    for name in ("variables", "extensions"):
        parameters[name] = _decoded(parameters[name], what=name) if parameters.get(name) else None
    asked = asked_of(parameters)
    if not _is_deliberate(request.headers):
        named = ", ".join(DELIBERATE_HEADERS)
        raise RequestRefused(400, f"A GET needs a header that other sites' pages cannot send, one of {named}.")
    return asked


def _is_deliberate(headers: Headers) -> bool:
    return any(name in headers for name in DELIBERATE_HEADERS)


def _refuse_other_encodings(headers: Headers) -> None:
    media, _, parameters = headers.get("content-type", "").partition(";")
    if media.strip().lower() != JSON or _charset(parameters) not in ("", "utf-8"):
        raise RequestRefused(415, f"Send the request as {JSON}, in UTF-8.", headers={"accept": JSON})
    if headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
        # A small body may grow without end when it is unpacked.
        raise RequestRefused(415, "Send the body uncompressed.", headers={"accept-encoding": "identity"})


def _charset(parameters: str) -> str:
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            return value.strip().strip('"').lower()
    return ""


async def _body(request: Request) -> bytes:
    """The whole body, given up as soon as it is known to be too large."""
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and (len(announced) > 20 or int(announced) > LARGEST_BODY):
        raise _too_large()
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_BODY:
            raise _too_large()
    return bytes(body)


def _too_large() -> RequestRefused:
    return RequestRefused(413, f"The body is larger than {LARGEST_BODY:,} bytes.", headers={"connection": "close"})


def _decoded(text: bytes | str, *, what: str) -> Any:
    try:
        return orjson.loads(text)  # refuses what is not UTF-8, nested too deeply, or a number beyond all numbers
    except orjson.JSONDecodeError as error:
        raise RequestRefused(400, f"The {what} cannot be read as JSON: {error}.") from error
