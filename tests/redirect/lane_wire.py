"""Plays a case to a server, in raw bytes, and tells what became of it."""

import asyncio
import contextlib
import re
import socket
from dataclasses import dataclass
from enum import Enum
from typing import Final

from tests.eventually import eventually
from tests.redirect.lane_case import Case, Ending, request
from tests.redirect.lane_side import PATIENCE_S, Connection, Side

# Beyond that the server may close before it has read all, and whether that resets the connection is a matter of time.
SURELY_READ: Final = 16_384
LAST: Final = request(b"/last", b"Connection: close")
LAST_ELSE: Final = request(b"/robots.txt", b"Connection: close")
_DATE = re.compile(rb"(?i)(\r\ndate: )[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT\r\n")


class Fate(Enum):
    """How a connection ended."""

    CLOSED = "closed"
    RESET = "reset"


@dataclass(frozen=True, slots=True)
class Outcome:
    """All bytes that came, but for the time in them, and how the connection ended."""

    answers: bytes
    fate: Fate


async def play(case: Case, side: Side, *, source: str) -> Outcome:
    """Sends the case from that address of the loopback network, piece by piece; AssertionError when nothing ends."""
    loop = asyncio.get_running_loop()
    with socket.socket() as client:
        client.setblocking(False)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.bind((source, 0))
        await loop.sock_connect(client, ("127.0.0.1", side.port))
        address = client.getsockname()
        answers = bytearray()
        reading = asyncio.create_task(_read(client, answers))
        try:
            async with asyncio.timeout(PATIENCE_S):
                await _send(case, client, await side.connections.of(address), reading)
                fate = await reading
        except TimeoutError:
            raise AssertionError(f"{case.name}: the connection never ends; so far {bytes(answers)!r}") from None
        finally:
            reading.cancel()
            side.connections.forget(address)
    is_exact = case.ending in (Ending.HALF_CLOSES, Ending.LISTENS) and case.size <= SURELY_READ
    return Outcome(without_time(bytes(answers)), fate if is_exact else Fate.CLOSED)


def without_time(answers: bytes) -> bytes:
    """The same bytes, but for the value of `Date`."""
    return _DATE.sub(rb"\1now\r\n", answers)


async def _send(case: Case, client: socket.socket, connection: Connection, reading: "asyncio.Task[Fate]") -> None:
    loop = asyncio.get_running_loop()
    pieces = list(case.pieces)
    if case.ending in (Ending.ASKS, Ending.ASKS_ELSE):
        pieces.append(LAST if case.ending is Ending.ASKS else LAST_ELSE)
    sent = 0
    with contextlib.suppress(OSError):  # closed before all was sent
        for number, piece in enumerate(pieces, 1):
            await loop.sock_sendall(client, piece)
            sent += len(piece)
            if number < len(pieces):
                await connection.has_read(sent)
        if case.ending is Ending.HALF_CLOSES:
            client.shutdown(socket.SHUT_WR)
    if case.ending in (Ending.ASKS, Ending.ASKS_ELSE):
        await connection.has_read(sent)
        await _end_when_quiet(client, connection, reading)


async def _end_when_quiet(client: socket.socket, connection: Connection, reading: "asyncio.Task[Fate]") -> None:
    """Says that nothing follows, once all is answered that ever will be."""

    async def is_quiet() -> bool:
        return reading.done() or connection.is_left or connection.is_quiet

    await eventually(is_quiet, every=0.001)
    with contextlib.suppress(OSError):
        client.shutdown(socket.SHUT_WR)


async def _read(client: socket.socket, answers: bytearray) -> Fate:
    loop = asyncio.get_running_loop()
    try:
        while data := await loop.sock_recv(client, 65_536):
            answers += data
    except ConnectionError:
        return Fate.RESET
    return Fate.CLOSED
