"""An HTTP client that talks to uvicorn's protocol without a network: every byte of a request passes the lane."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import uvicorn
from starlette.types import ASGIApp
from uvicorn.server import ServerState

from redirect.lane import Lane
from server.request_heads import BoundedHeads, connections_with

PATIENT = 60.0
Address = tuple[str, int]


class Wire(asyncio.Transport):
    """The server's end of one connection; what it writes is kept until the client reads it."""

    def __init__(self, client: Address) -> None:
        super().__init__({"peername": client, "sockname": ("127.0.0.1", 80)})
        self.written = bytearray()
        self.changed = asyncio.Event()
        self._is_closing = False

    def write(self, data: "bytes | bytearray | memoryview[Any]") -> None:
        self.written += data
        self.changed.set()

    def is_closing(self) -> bool:
        return self._is_closing

    def close(self) -> None:
        self._is_closing = True
        self.changed.set()

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass

    async def take(self, *, to_head: bool) -> tuple[bytes, bytes]:
        """Head and body of the next answer, whose length is told in it."""
        head = await self._take_through(b"\r\n\r\n")
        told = [line for line in head.split(b"\r\n") if line.startswith(b"content-length: ")]
        return head, await self._take(0 if to_head else int(told[0].partition(b": ")[2]))

    async def _take_through(self, end: bytes) -> bytes:
        async with asyncio.timeout(PATIENT):
            while end not in self.written:
                await self._more()
        return await self._take(self.written.index(end) + len(end))

    async def _take(self, size: int) -> bytes:
        async with asyncio.timeout(PATIENT):
            while len(self.written) < size:
                await self._more()
        taken = bytes(self.written[:size])
        del self.written[:size]
        return taken

    async def _more(self) -> None:
        assert not self._is_closing, f"closed after {bytes(self.written)!r}"
        self.changed.clear()
        await self.changed.wait()


class InMemory(httpx.AsyncBaseTransport):
    """Kept-alive connections from one address to an application, with that lane before it."""

    def __init__(self, app: ASGIApp, *, lane: Lane, client: Address) -> None:
        self._config = uvicorn.Config(app, lifespan="off", log_config=None, access_log=False)
        self._protocol: Callable[..., BoundedHeads] = connections_with(lane)
        self._client = client
        self.state = ServerState()
        self._free: list[BoundedHeads] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        connection = self._free.pop() if self._free else self.connect()
        wire = wire_of(connection)
        first = f"{request.method} {request.url.raw_path.decode('ascii')} HTTP/1.1".encode("ascii")
        lines = [first, *(b"%b: %b" % header for header in request.headers.raw)]
        connection.data_received(b"\r\n".join(lines) + b"\r\n\r\n" + await request.aread())
        head, body = await wire.take(to_head=request.method == "HEAD")
        if not wire.is_closing():
            self._free.append(connection)
        status, *answered = head[:-4].split(b"\r\n")
        headers = [(name, value) for name, _, value in (line.partition(b": ") for line in answered)]
        return httpx.Response(int(status.split()[1]), headers=headers, content=body)

    async def aclose(self) -> None:
        for connection in self._free:  # who still waits for an answer gets it
            connection.transport.close()
            connection.connection_lost(None)

    def connect(self) -> BoundedHeads:
        """A new connection, to be fed by hand."""
        connection = self._protocol(config=self._config, server_state=self.state, app_state={})
        connection.connection_made(Wire(self._client))
        return connection


def wire_of(connection: BoundedHeads) -> Wire:
    """What that connection writes to."""
    assert isinstance(connection.transport, Wire)
    return connection.transport
