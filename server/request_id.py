"""A name for every API request and socket: in its answer's `X-Request-ID` and in each log line written meanwhile."""

import re
import secrets

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADER = "X-Request-ID"
# One from a proxy in front is kept when it is harmless in a log, so that one name leads through both.
ACCEPTABLE = re.compile(r"[A-Za-z0-9_.-]{8,64}")

# What is named, and the message that tells its client.
NAMED_BY = {"http": "http.response.start", "websocket": "websocket.accept"}


class RequestId:
    """ASGI middleware that names a request or socket; the name is in `scope["state"]["request_id"]` too."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in NAMED_BY:
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get(HEADER, "")
        request_id = given if ACCEPTABLE.fullmatch(given) else secrets.token_hex(8)
        scope.setdefault("state", {})["request_id"] = request_id

        async def send_named(message: Message) -> None:
            if message["type"] in NAMED_BY.values():
                message.setdefault("headers", [])
                MutableHeaders(scope=message)[HEADER] = request_id
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            await self._app(scope, receive, send_named)
