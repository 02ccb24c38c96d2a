"""What is said on a WebSocket: the messages of graphql-transport-ws.

https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md

Written out rather than taken from the library: its handler keeps one context for all operations of a socket, closes it
for a syntax error, and knows neither our answers' codes nor keys that end.
"""

import asyncio
import secrets
from collections.abc import Coroutine, Mapping
from contextlib import ExitStack, aclosing, suppress
from dataclasses import replace
from typing import Any, Final

import orjson
from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send

from graph.asked import Asked, RequestRefused, asked_of
from graph.failures import ApiFailure, FailureCode
from graph.operations import Caller, Operations, failed
from graph.requests import secret_in
from graph.sign_in import WORKSPACE_HEADER
from graph.streams import Ending, Streams, TooManyStreams
from graph.subscriptions import Subscriptions

PROTOCOL: Final = "graphql-transport-ws"
INIT_S: Final = 5.0
MOST_OPERATIONS: Final = 10
LONGEST_ID: Final = 128
TOO_LATE: Final = (4408, "Connection initialisation timeout")
FORBIDDEN: Final = (4403, "Forbidden")
# What the door refuses; all else is forbidden.
CLOSED_FOR_STATUS: Final = {
    400: (4400, "Name the workspace in the payload of connection_init"),
    503: (1013, "Try again later"),
}
CLOSED_BY_SERVER: Final = {Ending.NOT_VALID: FORBIDDEN, Ending.STOPPING: (1012, "Service restart")}


class _Closed(Exception):  # noqa: N818 - it names what happened, not a fault
    """The socket is to be closed with this code."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class Conversation:
    """What is said on one accepted socket."""

    def __init__(
        self,
        subscriptions: Subscriptions,
        operations: Operations,
        streams: Streams,
        *,
        scope: Scope,
        receive: Receive,
        send: Send,
    ) -> None:
        self._subscriptions = subscriptions
        self._operations = operations
        self._streams = streams
        self._headers = Headers(scope=scope)
        self._client = operations.client_of(scope)
        self._receive = receive
        self._raw_send = send
        self._id = scope.get("state", {}).get("request_id") or secrets.token_hex(8)
        self._count = 0
        self._caller: Caller | None = None
        self._running: dict[str, asyncio.Task[None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._held = ExitStack()
        self._is_closed = False

    async def serve(self, *, init_s: float = INIT_S) -> None:
        """Answers messages until the client leaves or the socket is closed; leaves nothing running."""
        timer = asyncio.get_running_loop().call_later(init_s, self._close_soon, *TOO_LATE)
        try:
            while (message := await self._next()) is not None:
                await self._handle(message, timer)
        except _Closed as closed:
            await self._close(closed.code, closed.reason)
        except OSError:  # the client has gone
            pass
        finally:
            timer.cancel()
            self._held.close()
            self._is_closed = True
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _next(self) -> dict[str, Any] | None:
        """The next message, None when the client has left."""
        event = await self._receive()
        if event["type"] == "websocket.disconnect" or self._is_closed:
            return None
        try:
            message = orjson.loads(event.get("text") or b"")
        except orjson.JSONDecodeError as error:
            raise _Closed(4400, "Messages are JSON text") from error
        if not isinstance(message, dict):
            raise _Closed(4400, "Messages are JSON objects")
        return message

    async def _handle(self, message: dict[str, Any], timer: asyncio.TimerHandle) -> None:
        match message.get("type"):
            case "connection_init":
                timer.cancel()
                await self._init(message.get("payload"))
            case "ping":
                await self._send({"type": "pong"})
            case "pong":
                pass
            case "subscribe":
                await self._subscribe(message)
            case "complete":
                if (task := self._running.pop(_id_of(message), None)) is not None:
                    task.cancel()
            case _:
                raise _Closed(4400, "Unknown message type")

    async def _init(self, payload: object) -> None:
        if self._caller is not None:
            raise _Closed(4429, "Too many initialisation requests")
        if not isinstance(payload, dict | None):
            raise _Closed(4400, "The payload of connection_init is an object")
        try:
            principal = await self._operations.sign_in.principal(
                _secret(payload or {}, self._headers), workspace=_workspace(payload or {}, self._headers)
            )
            self._held.enter_context(self._streams.stream(principal=principal, client=self._client, end=self._end))
        except RequestRefused as refused:
            raise _Closed(*CLOSED_FOR_STATUS.get(refused.status, FORBIDDEN)) from refused
        except TooManyStreams as error:
            raise _Closed(1013, "Too many connections") from error
        except Exception as error:  # logged as it would be in a field
            failed(error, request_id=self._id)
            raise _Closed(1013, "Try again later") from error
        self._caller = Caller(principal=principal, request_id=self._id, client=self._client)
        await self._send({"type": "connection_ack"})
        if principal is not None:
            self._start(self._operations.sign_in.note_use(principal))

    async def _subscribe(self, message: dict[str, Any]) -> None:
        if self._caller is None:
            raise _Closed(4401, "Unauthorized")
        name, payload = _id_of(message), message.get("payload")
        if not isinstance(payload, dict):
            raise _Closed(4400, "The payload of subscribe is an object")
        if name in self._running:
            raise _Closed(4409, "Subscriber for this id already exists")  # an id may be longer than a reason
        if len(self._running) >= MOST_OPERATIONS:
            error = ApiFailure(
                FailureCode.RATE_LIMITED, f"At most {MOST_OPERATIONS} operations run at once on one connection."
            )
            await self._send({"id": name, "type": "error", "payload": [error.formatted]})
            return
        try:
            asked = asked_of(payload)
        except RequestRefused as refused:
            raise _Closed(4400, refused.message) from refused
        self._count += 1
        caller = replace(self._caller, request_id=f"{self._id}-{self._count}")
        self._running[name] = self._start(self._run(name, asked, caller))

    async def _run(self, name: str, asked: Asked, caller: Caller) -> None:
        with suppress(OSError):  # the client has gone
            async with aclosing(self._subscriptions.answers(asked, caller=caller)) as messages:
                async for message in messages:
                    if message.is_refusal:
                        self._running.pop(name, None)  # the name may be taken again
                        await self._send({"id": name, "type": "error", "payload": orjson.loads(message.body)["errors"]})
                        return
                    await self._send({"id": name, "type": "next", "payload": orjson.Fragment(message.body)})
            self._running.pop(name, None)
            await self._send({"id": name, "type": "complete"})

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _send(self, message: Mapping[str, object]) -> None:
        if not self._is_closed:
            await self._raw_send({"type": "websocket.send", "text": orjson.dumps(message).decode()})

    def _end(self, why: Ending) -> None:
        self._close_soon(*CLOSED_BY_SERVER[why])

    def _close_soon(self, code: int, reason: str) -> None:
        self._start(self._close(code, reason))

    async def _close(self, code: int, reason: str) -> None:
        if not self._is_closed:
            self._is_closed = True
            with suppress(OSError):
                await self._raw_send({"type": "websocket.close", "code": code, "reason": reason})


def _id_of(message: Mapping[str, object]) -> str:
    name = message.get("id")
    if not isinstance(name, str) or not 0 < len(name) <= LONGEST_ID:
        raise _Closed(4400, f"An id is a string of 1 to {LONGEST_ID} characters")
    return name


def _secret(payload: Mapping[str, object], headers: Headers) -> str | None:
    """What the payload presents, else the handshake: browsers cannot set headers there."""
    for name in ("Authorization", "authorization"):
        if (given := payload.get(name)) is not None:
            return secret_in([str(given)])
    return secret_in(headers.getlist("authorization"))


def _workspace(payload: Mapping[str, object], headers: Headers) -> list[str]:
    """The workspaces that the payload names, else the handshake."""
    given = payload.get("workspace")
    return headers.getlist(WORKSPACE_HEADER) if given is None else [str(given)]
