"""GraphQL over WebSocket: the protocol graphql-transport-ws, and no other.

https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md

What is said on an accepted socket is in socket_messages.py.
"""

from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send

from graph.operations import Operations
from graph.socket_messages import INIT_S, PROTOCOL, Conversation
from graph.streams import Streams, TooManyStreams
from graph.subscriptions import Subscriptions


class LiveSocket:
    """The ASGI application for WebSockets at /graphql; browsers only from our own pages and `allowed_origins`."""

    def __init__(
        self,
        subscriptions: Subscriptions,
        operations: Operations,
        streams: Streams,
        *,
        allowed_origins: frozenset[str] = frozenset(),
        init_s: float = INIT_S,
    ) -> None:
        self._subscriptions = subscriptions
        self._operations = operations
        self._streams = streams
        self._init_s = init_s
        self._origins = allowed_origins | {operations.config.base_url}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one WebSocket, from its handshake to its end."""
        await receive()  # websocket.connect
        if not self._is_welcome(Headers(scope=scope)):
            await send({"type": "websocket.close", "code": 4403})  # before it is accepted: HTTP 403
            return
        try:
            with self._streams.connection():
                await self._serve(scope, receive, send)
        except TooManyStreams:
            await send({"type": "websocket.accept", "subprotocol": PROTOCOL})
            await send({"type": "websocket.close", "code": 1013, "reason": "Too many connections"})

    def _is_welcome(self, headers: Headers) -> bool:
        """A browser says where its page is from, so that no other site's page can connect in a visitor's name."""
        origin = headers.get("origin")
        return (
            origin is None
            or "*" in self._origins
            or origin in self._origins
            or origin.partition("://")[2] == headers.get("host")
        )

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        if PROTOCOL not in scope["subprotocols"]:
            await send({"type": "websocket.accept"})
            await send({"type": "websocket.close", "code": 4406, "reason": "Subprotocol not acceptable"})
            return
        await send({"type": "websocket.accept", "subprotocol": PROTOCOL})
        talk = Conversation(
            self._subscriptions, self._operations, self._streams, scope=scope, receive=receive, send=send
        )
        await talk.serve(init_s=self._init_s)
