"""GraphQL over server-sent events: one POST, one operation, its messages as events ("distinct connections").

https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md
"""

import asyncio
import uuid
from collections.abc import AsyncGenerator
from contextlib import ExitStack, aclosing, suppress
from typing import Any, Final

import orjson
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.types import Message as AsgiMessage

from graph import requests
from graph.accept import GRAPHQL_JSON, JSON, NOT_ACCEPTED, quality
from graph.asked import Asked, RequestRefused
from graph.endpoint import refusal, shaped
from graph.failures import FailureCode
from graph.operations import Caller, Operations, failed
from graph.sign_in import not_valid
from graph.streams import Ending, Streams, TooManyStreams
from graph.subscriptions import Message, Subscriptions

EVENT_STREAM: Final = "text/event-stream"
QUIET_S: Final = 12.0  # after as long a comment is sent, so that proxies keep the connection
PATIENCE_S: Final = 40.0  # how long a client may read nothing; else it would hold its place for ever
HEADERS: Final = {
    "content-type": f"{EVENT_STREAM}; charset=utf-8",
    "cache-control": "no-store",
    "vary": "accept, authorization",
    "x-accel-buffering": "no",  # nginx would collect what is meant to arrive at once
}
COMPLETE: Final = b"event: complete\ndata:\n\n"
COMMENT: Final = b":\n\n"


def wants_events(request: Request) -> bool:
    """Whether events are accepted, and rather than JSON: clients that can read both name both for every operation."""
    accept = ", ".join(request.headers.getlist("accept"))
    events = quality(accept, EVENT_STREAM)
    return EVENT_STREAM in accept.lower() and events > max(
        (quality(accept, media) for media in (JSON, GRAPHQL_JSON)), default=NOT_ACCEPTED
    )


class EventStreams:
    """The ASGI application at /graphql for those who want events; all others go to `otherwise`."""

    def __init__(
        self,
        subscriptions: Subscriptions,
        operations: Operations,
        streams: Streams,
        *,
        otherwise: ASGIApp,
        quiet_s: float = QUIET_S,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._subscriptions = subscriptions
        self._quiet_s = quiet_s
        self._patience_s = patience_s
        self._operations = operations
        self._streams = streams
        self._otherwise = otherwise

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        request = Request(scope, receive)
        if not wants_events(request) or request.method not in ("GET", "POST"):
            await self._otherwise(scope, receive, send)
            return
        request_id = request.scope.get("state", {}).get("request_id") or uuid.uuid4().hex
        with ExitStack() as held:
            try:
                asked, caller, stream = await self._admitted(request, request_id, held)
            except ClientDisconnect:
                return
            except RequestRefused as refused:
                await refusal(refused)(scope, receive, send)
                return
            except Exception as error:  # noqa: BLE001 - logged and masked, as it would be in a field
                await shaped(failed(error, request_id=request_id), GRAPHQL_JSON)(scope, receive, send)
                return
            async with aclosing(self._subscriptions.answers(asked, caller=caller)) as messages:
                await stream.send(messages, receive, _impatient(send, self._patience_s))

    async def _admitted(self, request: Request, request_id: str, held: ExitStack) -> tuple[Asked, Caller, "_Stream"]:
        if request.method == "GET":
            # EventSource sends no headers of ours, so a page of another site could open it.
            raise RequestRefused(405, "Ask for events by POST.", headers={"allow": "POST"})
        stream = _Stream(self._quiet_s)
        try:
            principal = await self._operations.sign_in.principal(
                requests.presented_secret(request), workspace=requests.named_workspace(request)
            )
            client = self._operations.client_of(request.scope)
            asked = await requests.read(request)
            held.enter_context(self._streams.connection())  # not earlier: bodies may come slowly
            held.enter_context(self._streams.stream(principal=principal, client=client, end=stream.end))
        except TooManyStreams as error:
            message = "Too many streams are open; close one, or try again."
            raise RequestRefused(429, message, code=FailureCode.RATE_LIMITED, headers={"retry-after": "5"}) from error
        if principal is not None:
            await self._operations.sign_in.note_use(principal)
        return asked, Caller(principal=principal, request_id=request_id, client=client), stream


class _Stream:
    """One answer, which goes on until its messages, its client or the server end it."""

    def __init__(self, quiet_s: float) -> None:
        self._quiet_s = quiet_s
        self._ending: asyncio.Future[Ending | None] = asyncio.get_running_loop().create_future()

    def end(self, why: Ending | None) -> None:
        """Lets the answer end; None: nobody reads it."""
        if not self._ending.done():
            self._ending.set_result(why)

    async def send(self, messages: AsyncGenerator[Message, None], receive: Receive, send: Send) -> None:
        """Sends the messages as events."""
        watch = asyncio.create_task(self._watch(receive))
        headers = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
        try:
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await _send(send, COMMENT)  # the client knows now that it is heard
            while (message := await self._next(messages, send)) is not None:
                await _send(send, b"event: next\ndata: %b\n\n" % message.body)
            await self._finish(send)
        except OSError:  # the client has gone, or reads nothing (TimeoutError)
            return
        finally:
            watch.cancel()

    async def _next(self, messages: AsyncGenerator[Message, None], send: Send) -> Message | None:
        pull = asyncio.create_task(_next_or_none(messages))
        either: set[asyncio.Future[Any]] = {pull, self._ending}
        try:
            while True:
                await asyncio.wait(either, timeout=self._quiet_s, return_when=asyncio.FIRST_COMPLETED)
                if self._ending.done():
                    return None
                if pull.done():
                    return pull.result()
                await _send(send, COMMENT)
        finally:
            if not pull.done():
                pull.cancel()
                with suppress(asyncio.CancelledError):
                    await pull

    async def _finish(self, send: Send) -> None:
        why = self._ending.result() if self._ending.done() else None
        if why is Ending.NOT_VALID:
            await _send(send, b"event: next\ndata: %b\n\n" % orjson.dumps(not_valid().body))
        if why is not Ending.STOPPING:  # without it clients know that there is more, and come again
            await _send(send, COMPLETE)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _watch(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self.end(None)


def _impatient(send: Send, patience_s: float) -> Send:
    async def send_in_time(event: AsgiMessage) -> None:
        async with asyncio.timeout(patience_s):
            await send(event)

    return send_in_time


async def _next_or_none(messages: AsyncGenerator[Message, None]) -> Message | None:
    return await anext(messages, None)


async def _send(send: Send, chunk: bytes) -> None:
    await send({"type": "http.response.body", "body": chunk, "more_body": True})
