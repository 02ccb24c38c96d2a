"""Sockets that do what no client would: their memory is bounded, their log lines are few, and they hold no place."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from server.web_sockets import MOST_FRAGMENTS, WebSockets
from tests.eventually import eventually
from tests.graph.living import PROTOCOL, Live

pytestmark = pytest.mark.database

PING = b"\x89\xfd" + bytes(4) + b"p" * 125  # masked with zeros
PINGS = 80_000  # ten megabytes
MOST_KEPT = 1_000_000
HANDSHAKE = (
    "GET /graphql HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
    f"Sec-WebSocket-Protocol: {PROTOCOL}\r\n\r\n"
)


@asynccontextmanager
async def never_reading(live: Live) -> AsyncIterator[WebSockets]:
    """What the server has of a socket whose client sends pings and reads no pong."""
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    raw.setblocking(False)
    loop = asyncio.get_running_loop()
    host, _, port = live.address.partition(":")
    with raw:
        await loop.sock_connect(raw, (host, int(port)))
        await loop.sock_sendall(raw, HANDSHAKE.format(address=live.address).encode())
        assert (await loop.sock_recv(raw, 4_096)).startswith(b"HTTP/1.1 101 ")
        await loop.sock_sendall(raw, b'\x81\x9b\0\0\0\0{"type": "connection_init"}')
        await loop.sock_sendall(raw, PING * PINGS)
        (served,) = live.server.server_state.connections
        assert isinstance(served, WebSockets)
        yield served


async def test_pings_of_a_client_that_does_not_read_are_not_kept(live: Live) -> None:
    async with never_reading(live) as served:
        assert served.transport.get_write_buffer_size() < MOST_KEPT


async def test_a_client_that_neither_reads_nor_answers_holds_no_place(live: Live) -> None:
    async with never_reading(live) as served:
        assert len(live.streams) == 1

        served.keepalive_timeout()  # as after 20 seconds

        async def is_gone() -> bool:
            return len(live.streams) == 0 and not live.server.server_state.connections

        await eventually(is_gone)


async def test_a_message_of_fragments_without_end_is_given_up(live: Live) -> None:
    async with live.talk() as talk:
        await talk.raw.send([""] * 2 * MOST_FRAGMENTS)
        assert await talk.closed() == 1009


async def test_a_message_of_some_fragments_is_one(live: Live) -> None:
    async with live.talk() as talk:
        await talk.raw.send(['{"type"', ":", '"ping"', "}"])
        assert await talk.hear() == {"type": "pong"}


async def test_what_is_no_text_closes_the_socket_and_is_not_logged(
    live: Live, caplog: pytest.LogCaptureFixture
) -> None:
    for junk in (b"\xff", os.urandom(1_000), '"é"'.encode()[:2]):
        async with live.talk(init=False) as talk:
            await talk.raw.send(junk, text=True)
            assert await talk.closed() == 1007
    assert [record for record in caplog.records if record.levelname in {"WARNING", "ERROR"}] == []
