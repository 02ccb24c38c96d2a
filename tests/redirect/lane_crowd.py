"""Many clients that keep their connections and check every answer they get."""

import asyncio
import random
from collections import deque
from dataclasses import dataclass
from typing import Final, cast

from tests.redirect.lane_case import request

ADDRESSES: Final = 50  # that clients share
# Of the requests 20 % go the ordinary way: these, and those of several that are sent without waiting.
ORDINARY_SHARE: Final = 0.15
PIPELINED_SHARE: Final = 0.02
AFTER_LOCATION: Final = b"\r\ncache-control: private, no-store\r\ncontent-length: 0"


@dataclass(frozen=True)
class Wish:
    """Bytes to send, and how the head of the answer ends."""

    raw: bytes
    answer: bytes


def destination(code: str) -> str:
    """Where the code leads."""
    return f"https://example.com/{code}"


def wishes(code: str) -> tuple[list[Wish], list[Wish]]:
    """Requests for the code that the lane takes, and such as it must not take, with the same answer."""
    answer = b"\r\nlocation: " + destination(code).encode() + AFTER_LOCATION
    path = f"/{code}".encode()
    taken = [
        request(path, b"User-Agent: a"),
        request(path, b"User-Agent: b", b"Accept-Language: de", method=b"HEAD"),
        request(path + b"?utm_source=x", b"Connection: keep-alive"),
    ]
    ordinary = [
        request(b"http://kurz.test" + path),
        request(b"/%%%02x" % path[1] + path[2:]),
        request(path, b"Content-Length: 2", body=b"hi"),
        request(path, b"Transfer-Encoding: chunked", body=b"2\r\nhi\r\n0\r\n\r\n"),
        request(path, b"Expect: 100-continue"),
    ]
    return [Wish(raw, answer) for raw in taken], [Wish(raw, answer) for raw in ordinary]


class Client(asyncio.Protocol):
    """Sends so many requests, one to four at a time, and counts the answers that are not the next one expected."""

    def __init__(self, codes: list[str], *, seed: int) -> None:
        self._dice = random.Random(seed)
        self._wishes = [wishes(code) for code in codes]
        self._expected: deque[bytes] = deque()
        self._buffer = b""
        self._left = 0
        self._transport: asyncio.Transport | None = None
        self._finished: asyncio.Future[None] | None = None
        self.answered = 0
        self.wrong: list[tuple[bytes, bytes]] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by class

    async def ask(self, times: int) -> None:
        """Returns when so many more answers have come; ConnectionError when the connection ends before."""
        self._left = times
        self._finished = asyncio.get_running_loop().create_future()
        self._send()
        await self._finished

    def close(self) -> None:
        assert self._transport
        self._transport.close()

    def data_received(self, data: bytes) -> None:
        *heads, self._buffer = (self._buffer + data).split(b"\r\n\r\n")
        for head in heads:
            expected = self._expected.popleft()
            if not head.endswith(expected) or not head.startswith(b"HTTP/1.1 302 Found\r\ndate: "):
                self.wrong.append((expected, head))
        self.answered += len(heads)
        if not self._expected:
            self._send()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # asyncio's
        if self._finished and not self._finished.done():
            self._finished.set_exception(ConnectionResetError("the connection ended"))

    def _send(self) -> None:
        assert self._finished
        assert self._transport
        if not self._left:
            self._finished.set_result(None)
            return
        count = min(self._left, self._dice.randint(2, 4) if self._dice.random() < PIPELINED_SHARE else 1)
        self._left -= count
        chosen = [self._choose() for _ in range(count)]
        self._expected.extend(wish.answer for wish in chosen)
        self._transport.write(b"".join(wish.raw for wish in chosen))

    def _choose(self) -> Wish:
        taken, ordinary = self._dice.choice(self._wishes)
        return self._dice.choice(ordinary if self._dice.random() < ORDINARY_SHARE else taken)
