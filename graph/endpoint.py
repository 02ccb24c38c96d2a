"""GraphQL over HTTP: one request in, one JSON answer out, with the statuses the specification gives.

https://graphql.github.io/graphql-over-http/draft/
"""

import math
import uuid
from collections.abc import Callable
from typing import Any, Final

import orjson
from graphql import GraphQLSyntaxError
from starlette.background import BackgroundTask
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from strawberry.types import ExecutionResult
from strawberry.types.graphql import OperationType

from graph import requests
from graph.accept import GRAPHQL_JSON
from graph.asked import RequestRefused
from graph.failures import FailureCode, code_of, root_cause, was_run
from graph.operations import QUERIES, QUERIES_AND_MUTATIONS, Caller, KindRefused, Operations, body_of, failed

RETRY_AFTER_S: Final = 2
METHODS: Final = "GET, HEAD, POST, OPTIONS"
# For answers without `data`; the first that fits. A syntax error is 400, and all else the client's 422.
STATUS: Final = {
    FailureCode.RATE_LIMITED: 429,
    FailureCode.UNAVAILABLE: 503,
    FailureCode.TIMEOUT: 503,
    FailureCode.INTERNAL: 500,
}
Page = Callable[[], Response]


class Endpoint:
    """The ASGI application at /graphql; `page` answers a browser that comes without a query."""

    def __init__(
        self,
        operations: Operations,
        *,
        page: Page | None = None,
        body_deadline_s: float = requests.BODY_DEADLINE_S,
    ) -> None:
        self._operations = operations
        self._page = page
        self._body_deadline_s = body_deadline_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        request = Request(scope, receive)
        try:
            response = await self._respond(request)
        except ClientDisconnect:
            return
        await response(scope, receive, send)

    async def _respond(self, request: Request) -> Response:
        if self._page is not None and requests.wants_page(request):
            return self._page()
        request_id = request.scope.get("state", {}).get("request_id") or uuid.uuid4().hex
        try:
            return await self._answer(request, request_id)
        except RequestRefused as refused:
            return refusal(refused)
        except ClientDisconnect:
            raise
        except Exception as error:  # noqa: BLE001 - logged and masked, as it would be in a field
            return shaped(failed(error, request_id=request_id), GRAPHQL_JSON)

    async def _answer(self, request: Request, request_id: str) -> Response:
        if request.method == "OPTIONS":
            return Response(status_code=204, headers={"allow": METHODS})
        if request.method not in ("GET", "HEAD", "POST"):
            raise RequestRefused(405, "Use POST, or GET for queries.", headers={"allow": METHODS})
        media = requests.media_of(request)
        principal = await self._operations.sign_in.principal(
            requests.presented_secret(request), workspace=requests.named_workspace(request)
        )
        asked = await requests.read(request, deadline_s=self._body_deadline_s)
        caller = Caller(principal=principal, request_id=request_id, client=self._operations.client_of(request.scope))
        kinds = QUERIES_AND_MUTATIONS if request.method == "POST" else QUERIES
        try:
            result = await self._operations.run(asked, caller=caller, kinds=kinds, receive=request.receive)
            response = shaped(result, media)
        except KindRefused as refused:
            raise _not_here(refused.kind) from refused
        if principal is not None:
            response.background = BackgroundTask(self._operations.sign_in.note_use, principal)  # once the answer is out
        return response


def _not_here(kind: OperationType) -> RequestRefused:
    if kind is OperationType.MUTATION:
        return RequestRefused(405, "Mutations are sent by POST.", headers={"allow": "POST"})
    return RequestRefused(422, "Subscriptions are streamed: over a WebSocket, or as text/event-stream.")


def shaped(result: ExecutionResult, media: str) -> Response:
    """The HTTP answer with this result, in this media type."""
    status = 200 if was_run(result) else _failure_status(result)
    headers = {"retry-after": _retry_after(result)} if status in (429, 503) else {}
    return _response(body_of(result), status, media, headers)


def _failure_status(result: ExecutionResult) -> int:
    errors = result.errors or []
    codes = {code_of(error) for error in errors}
    for code, status in STATUS.items():
        if code in codes:
            return status
    return 400 if isinstance(root_cause(errors[0]), GraphQLSyntaxError) else 422


def _retry_after(result: ExecutionResult) -> str:
    """Whole seconds: what an error says by `extensions.retryAfter`, else a moment."""
    given = [(error.extensions or {}).get("retryAfter") for error in result.errors or []]
    return str(max((math.ceil(seconds) for seconds in given if seconds is not None), default=RETRY_AFTER_S))


def refusal(refused: RequestRefused) -> Response:
    """The HTTP answer to a request that cannot be run."""
    return _response(refused.body, refused.status, GRAPHQL_JSON, refused.headers)


def _response(body: dict[str, Any], status: int, media: str, headers: dict[str, str]) -> Response:
    # The draft labels only successes application/json, for clients that know nothing else.
    return Response(
        orjson.dumps(body),
        status_code=status,
        media_type=media if status < 300 else GRAPHQL_JSON,
        headers={"cache-control": "no-store", "vary": "accept, authorization", **headers},
    )
