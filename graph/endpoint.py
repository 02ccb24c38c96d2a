"""GraphQL over HTTP: one request in, one JSON answer out, with the statuses the specification gives.

https://graphql.github.io/graphql-over-http/draft/
"""

import asyncio
import logging
import uuid
from collections.abc import Callable
from typing import Any, Final

import orjson
from graphql import GraphQLError, GraphQLSyntaxError
from sqlalchemy.exc import SQLAlchemyError
from starlette.background import BackgroundTask
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.types import ExecutionResult
from strawberry.types.graphql import OperationType

from graph import nodes, requests
from graph.context import ApiConfig, Context
from graph.failures import FailureCode, code_of, presentable, root_cause
from graph.loaders import make_loaders
from graph.requests import Asked, RequestRefused
from graph.schema import build_schema
from models import keys
from models.database import Database
from models.instance import InstanceRecord
from models.keys import KeyRecord

log = logging.getLogger("kurz.graph")

RETRY_AFTER_S: Final = 2
Page = Callable[[], Response]


class Endpoint:
    """The ASGI application at /graphql.

    `on_created` hears each new code; `page` answers a browser that comes without a query.
    """

    def __init__(
        self,
        *,
        database: Database,
        config: ApiConfig,
        instance: InstanceRecord,
        on_created: Callable[[str], None],
        page: Page | None = None,
    ) -> None:
        self._database = database
        self._config = config
        self._instance = instance
        self._on_created = on_created
        self._page = page
        self._schema = build_schema()

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
            return _refusal(refused.status, refused.code, refused.message, refused.headers)
        except ClientDisconnect:
            raise
        except Exception as error:  # noqa: BLE001 - logged and masked, as it would be in a field
            shown = presentable(GraphQLError(str(error), original_error=error), request_id=request_id)
            return _shaped(ExecutionResult(data=None, errors=[shown]), requests.GRAPHQL_JSON)

    async def _answer(self, request: Request, request_id: str) -> Response:
        if request.method not in ("GET", "POST"):
            raise RequestRefused(405, "Use POST, or GET for queries.", headers={"allow": "GET, POST"})
        media = requests.answer_type(request.headers.get("accept", ""))
        # A database that neither answers nor refuses must not hold requests for ever. What runs out of time is an
        # OSError, and so an outage; reading a slow client's body is not timed here.
        async with asyncio.timeout(self._config.deadline_s):
            key = await self._authenticated(request)
        asked = await requests.read(request)
        async with asyncio.timeout(self._config.deadline_s):
            result = await self._run(asked, request.method, self._context(key, request_id))
        response = _shaped(result, media)
        if key is not None and keys.is_use_due(key, now=self._config.clock()):
            response.background = BackgroundTask(self._note_use, key)  # once the answer is out
        return response

    async def _authenticated(self, request: Request) -> KeyRecord | None:
        """The key presented, None when there is none; RequestRefused (401) for one that is not valid."""
        secret = requests.presented_secret(request)
        if secret is None:
            return None
        key = await self._key_of(secret) if keys.secret_parts(secret) else None  # junk costs no connection
        if key is None:
            raise RequestRefused(
                401,
                "The API key is not valid.",
                code=FailureCode.UNAUTHENTICATED,
                headers={"www-authenticate": 'Bearer realm="kurz", error="invalid_token"'},
            )
        return key

    async def _key_of(self, secret: str) -> KeyRecord | None:
        async with self._database.read() as conn:
            return await keys.authenticate(conn, secret, now=self._config.clock())

    async def _note_use(self, key: KeyRecord) -> None:
        try:
            async with asyncio.timeout(self._config.deadline_s), self._database.write() as session:
                await keys.note_use(session, workspace_id=key.workspace_id, key_id=key.id, now=self._config.clock())
        except (OSError, SQLAlchemyError) as error:  # the request was answered; a later one notes it
            log.warning("the use of the key %s was not noted: %r", key.public_id, error)

    def _context(self, key: KeyRecord | None, request_id: str) -> Context:
        return Context(
            database=self._database,
            config=self._config,
            instance=self._instance,
            on_created=self._on_created,
            request_id=request_id,
            presented_key=key,
            loaders=make_loaders(
                self._database,
                workspace_id=key.workspace_id if key else None,
                analytics_deadline_s=self._config.analytics_deadline_s,
                most_clicks_read=self._config.most_clicks_read,
            ),
            find_node=nodes.find,
        )

    async def _run(self, asked: Asked, method: str, context: Context) -> ExecutionResult:
        try:
            return await self._schema.execute(
                asked.query,
                variable_values=asked.variables,
                operation_name=asked.operation_name,
                allowed_operation_types=OperationType.from_http("GET" if method == "GET" else "POST"),
                context_value=context,
            )
        except InvalidOperationTypeError as error:
            raise RequestRefused(405, "Mutations are sent by POST.", headers={"allow": "POST"}) from error
        except CannotGetOperationTypeError as error:
            raise RequestRefused(422, "The document has no operation of that name.") from error


def _shaped(result: ExecutionResult, media: str) -> Response:
    errors = result.errors or []
    body: dict[str, Any] = {"errors": [error.formatted for error in errors]} if errors else {}
    if result.data is not None or any(error.path for error in errors):
        body["data"] = result.data
    status = _status(result)
    headers = {"retry-after": str(RETRY_AFTER_S)} if status == 503 else {}
    return _response(body, status, media, headers)


def _status(result: ExecutionResult) -> int:
    errors = result.errors or []
    codes = {code_of(error) for error in errors}
    if FailureCode.UNAVAILABLE in codes and not any((result.data or {}).values()):
        return 503  # with nothing done that a retry would do twice
    if not errors or result.data is not None or any(error.path for error in errors):
        return 200
    if FailureCode.INTERNAL in codes:
        return 500
    return 400 if isinstance(root_cause(errors[0]), GraphQLSyntaxError) else 422


def _refusal(status: int, code: FailureCode, message: str, headers: dict[str, str]) -> Response:
    body = {"errors": [{"message": message, "extensions": {"code": code}}]}
    return _response(body, status, requests.GRAPHQL_JSON, headers)


def _response(body: dict[str, Any], status: int, media: str, headers: dict[str, str]) -> Response:
    # The draft labels only successes application/json, for clients that know nothing else.
    return Response(
        orjson.dumps(body),
        status_code=status,
        media_type=media if status < 300 else requests.GRAPHQL_JSON,
        headers={"cache-control": "no-store", "vary": "accept, authorization", **headers},
    )
