"""One client's connection to one side, for sequences: requests go out, whole answers come back."""

import asyncio
import contextlib
import re
import socket
from collections.abc import Sequence
from dataclasses import dataclass

from tests.redirect.lane_side import PATIENCE_S, Connection, Side

TURNS = 10
_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)\r\n")


@dataclass
class Talk:
    """Where answers arrive in the order of requests, or the connection ends."""

    side: Side
    client: socket.socket
    connection: Connection
    sent: int = 0
    ended: bool = False
    buffered: bytes = b""

    @classmethod
    async def with_side(cls, side: Side, *, source: str) -> "Talk":
        loop = asyncio.get_running_loop()
        client = socket.socket()
        side.clients.append(client)
        client.setblocking(False)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.bind((source, 0))
        await loop.sock_connect(client, ("127.0.0.1", side.port))
        return cls(side, client, await side.connections.of(client.getsockname()))

    def close(self) -> None:
        """Ends it as an impatient client does."""
        self.side.clients.remove(self.client)
        self.side.connections.forget(self.client.getsockname())
        self.client.close()

    async def send(self, pieces: Sequence[bytes]) -> None:
        """Sends the pieces, each once the one before was read."""
        loop = asyncio.get_running_loop()
        for piece in pieces:
            await self.connection.has_read(self.sent)
            with contextlib.suppress(OSError):  # the server has closed
                await loop.sock_sendall(self.client, piece)
            self.sent += len(piece)

    async def push(self, piece: bytes) -> None:
        """Sends the piece, and gives the server some turns of the loop to read it, which it need not."""
        await asyncio.get_running_loop().sock_sendall(self.client, piece)
        self.sent += len(piece)
        for _ in range(TURNS):
            await asyncio.sleep(0)

    async def is_read(self) -> None:
        """Returns once the server has read all."""
        await self.connection.has_read(self.sent)

    async def answers(self, methods: Sequence[bytes]) -> list[bytes]:
        """The answers to requests of these methods, fewer when the connection ends before."""
        async with asyncio.timeout(PATIENCE_S):
            found = [await self._answer(has_body=method != b"HEAD") for method in methods]
        return [answer for answer in found if answer]

    async def rest(self) -> bytes:
        """What comes until the server closes."""
        async with asyncio.timeout(PATIENCE_S):
            while not self.ended:
                await self._more()
        return self.buffered

    async def _answer(self, *, has_body: bool) -> bytes:
        while (end := self._end(has_body=has_body)) is None and not self.ended:
            await self._more()
        answer, self.buffered = self.buffered[:end], self.buffered[end or len(self.buffered) :]
        if b"\r\nconnection: close\r\n" in answer:
            await self._more()  # the end
        return answer

    def _end(self, *, has_body: bool) -> int | None:
        head = self.buffered.find(b"\r\n\r\n")
        if head < 0:
            return None
        length = _LENGTH.search(self.buffered[: head + 2])
        assert length
        end = head + 4 + (int(length[1]) if has_body else 0)
        return end if len(self.buffered) >= end else None

    async def _more(self) -> None:
        try:
            data = await asyncio.get_running_loop().sock_recv(self.client, 65_536)
        except ConnectionError:
            data = b""
        self.buffered += data
        self.ended = not data
