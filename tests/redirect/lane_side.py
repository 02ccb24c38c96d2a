"""One of the two servers that the lane's proof compares: a door behind uvicorn as a worker configures it."""

import asyncio
import contextlib
import socket
import sys
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from recording.recorder import Recorder, RecorderConfig
from redirect.config import RedirectConfig
from redirect.route import RedirectDoor
from server.app import Application
from server.worker import WorkerServer, config_for
from tests.eventually import eventually

LOOPBACK = "127.0.0.0/8"
PATIENCE_S = 60  # of whoever waits for a busy machine
OF_MANY_ADDRESSES = pytest.mark.skipif(sys.platform != "linux", reason="the loopback network has one address there")
Address = tuple[str, int]


class CountedApplication(Application):
    """Counts what reaches it, by the client's address: the rest was answered before."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.asked = Counter[str]()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            self.asked[scope["client"][0]] += 1
        await super().__call__(scope, receive, send)


class Connection:
    """What the server has made of one connection so far."""

    def __init__(self, protocol: HttpToolsProtocol) -> None:
        self._protocol = protocol
        self.received = 0
        self.is_lost = False
        self.changed = asyncio.Event()

    def note(self, size: int) -> None:
        self.received += size
        self.changed.set()

    def lose(self) -> None:
        self.is_lost = True
        self.changed.set()

    @property
    def is_quiet(self) -> bool:
        """Whether nothing is being answered; what was sent and not yet answered never will be."""
        cycle: RequestResponseCycle | None = self._protocol.cycle
        return (cycle is None or cycle.response_complete) and not self._protocol.pipeline

    @property
    def is_left(self) -> bool:
        """Whether the protocol has gone, or has handed the connection to another one."""
        return self.is_lost or self._protocol.transport.get_protocol() is not self._protocol

    @property
    def is_full(self) -> bool:
        """Whether the client reads too slowly for further answers."""
        return self._protocol.flow.write_paused

    @property
    def waiting_bytes(self) -> int:
        """How much of the answers waits for the client."""
        return self._protocol.transport.get_write_buffer_size()

    async def has_read(self, size: int) -> None:
        """Returns once so many bytes were read, or no more will be."""
        while self.received < size and not self.is_left:
            self.changed.clear()
            await self.changed.wait()


class Connections:
    """Those of one server by the client's end; for whoever wants to know that bytes arrive apart."""

    def __init__(self) -> None:
        self._made: dict[Address, asyncio.Future[Connection]] = {}

    async def of(self, client: Address) -> Connection:
        """The server's end, as soon as it is there."""
        return await self._expected(client)

    def forget(self, client: Address) -> None:
        self._made.pop(client, None)

    def watching(self, protocol: type[HttpToolsProtocol]) -> type[HttpToolsProtocol]:
        """The protocol, telling what it has read."""
        connections = self

        class Watched(protocol):  # type: ignore[valid-type, misc]
            def connection_made(self, transport: asyncio.Transport) -> None:
                super().connection_made(transport)
                self.watched = Connection(self)
                if self.client is not None:  # gone again before it was accepted
                    connections._settle(self.client, self.watched)

            def data_received(self, data: bytes) -> None:
                super().data_received(data)
                self.watched.note(len(data))

            def connection_lost(self, exc: Exception | None) -> None:
                super().connection_lost(exc)
                self.watched.lose()

        return Watched

    def _expected(self, client: Address) -> "asyncio.Future[Connection]":
        return self._made.setdefault(client, asyncio.get_running_loop().create_future())

    def _settle(self, client: Address, connection: Connection) -> None:
        if self._expected(client).done():  # an earlier one from the same port
            self.forget(client)
        self._expected(client).set_result(connection)


@dataclass
class Side:
    """A running server, and everything that a test may look at."""

    door: RedirectDoor
    recorder: Recorder
    app: CountedApplication
    server: WorkerServer
    connections: Connections
    spool: Path
    port: int
    clients: list[socket.socket] = field(default_factory=list)  # closed with the server, if not before

    async def listens(self) -> None:
        """Waits until the door hears of changes."""

        async def is_so() -> bool:
            return self.door.is_listening()

        await eventually(is_so)


@contextlib.asynccontextmanager
async def side(
    config: RedirectConfig, spool: Path, *, lane: bool, keep_alive: float | None = None
) -> AsyncIterator[Side]:
    """A server that answers until the block ends, with the lane or without; idle connections last `keep_alive` s."""
    recorder = Recorder(
        RecorderConfig(folder=spool, database_url=config.database_url, instance_id=1, trusted_proxies=(LOOPBACK,))
    )
    door = RedirectDoor(config, recorder=recorder)
    app = CountedApplication(
        [
            *door.routes(),
            Route("/graphql", _read, methods=["POST"]),
            Route("/healthz", _alive),
            WebSocketRoute("/live", _echo),
            WebSocketRoute("/{path:path}", _no_socket),
        ],
        redirect_slashes=False,
        default=door.not_found,
        lifespan=lambda _app: _living(door, recorder),
    )
    app.lane = door.lane() if lane else None
    connections = Connections()
    uvicorn_config = config_for(app)
    uvicorn_config.timeout_graceful_shutdown = PATIENCE_S
    if keep_alive is not None:
        uvicorn_config.timeout_keep_alive = keep_alive  # type: ignore[assignment]
    assert isinstance(uvicorn_config.http, type)
    assert issubclass(uvicorn_config.http, HttpToolsProtocol)
    uvicorn_config.http = connections.watching(uvicorn_config.http)
    started = asyncio.Event()
    server = WorkerServer(
        uvicorn_config, on_started=started.set, on_finish=app.lane.close if app.lane else lambda: None
    )
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        await started.wait()
        made = Side(door, recorder, app, server, connections, spool, listening.getsockname()[1])
        try:
            yield made
        finally:
            for client in made.clients:
                client.close()
            server.finish()
            await serving


@contextlib.asynccontextmanager
async def _living(door: RedirectDoor, recorder: Recorder) -> AsyncIterator[None]:
    await recorder.start()
    await door.start()
    try:
        yield
    finally:
        await door.stop()
        await recorder.stop()


async def _read(request: Request) -> Response:
    """Stands for the API: it wants the whole body."""
    return PlainTextResponse(str(len(await request.body())))


async def _alive(_request: Request) -> Response:
    return PlainTextResponse("ok\n")


async def _echo(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.close()


async def _no_socket(websocket: WebSocket) -> None:
    await websocket.close()
