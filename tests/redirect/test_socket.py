"""The very bytes on the wire, from a real server."""

import asyncio
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import uvicorn

from server.request_heads import BoundedHeads, connections_with
from tests.redirect.house import Owner, Visitor

pytestmark = pytest.mark.database

TARGET = "https://example.com/a|b?c={d}&%0d%0ax=1#%"


@dataclass(frozen=True)
class Wire:
    """A listening server, asked in raw bytes."""

    port: int

    async def ask(self, request: bytes) -> bytes:
        """Everything the server says until it closes."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(request)
            async with asyncio.timeout(60):
                return await reader.read()
        finally:
            writer.close()

    async def get(self, target: str, *, method: str = "GET", headers: str = "") -> bytes:
        request = f"{method} {target} HTTP/1.1\r\nHost: kurz.test\r\nConnection: close\r\n{headers}\r\n"
        return await self.ask(request.encode("latin-1"))


@pytest.fixture
async def wire(owner: Owner, visitor: Visitor) -> AsyncIterator[Wire]:
    await owner.make("abc", TARGET)
    server = uvicorn.Server(
        uvicorn.Config(
            visitor.app,
            http=connections_with(visitor.lane) if visitor.lane else BoundedHeads,
            lifespan="off",
            log_config=None,
            server_header=False,
            date_header=False,
        )
    )
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        serving = asyncio.create_task(server._serve([listening]))  # `serve` would take over the signals of the tests
        while not server.started:  # noqa: ASYNC110  # uvicorn has no event for it
            await asyncio.sleep(0.01)
        yield Wire(listening.getsockname()[1])
        server.should_exit = True
        await serving


EXPECTED = (
    b"HTTP/1.1 302 Found\r\n"
    b"location: " + TARGET.encode() + b"\r\n"
    b"cache-control: private, no-store\r\n"
    b"content-length: 0\r\n"
    b"connection: close\r\n\r\n"
)


async def test_redirects_are_these_bytes(wire: Wire) -> None:
    for method in ("GET", "HEAD"):
        for target in ("/abc", "/abc/", "/%61bc?x=1", "http://evil.test/abc"):
            assert await wire.get(target, method=method) == EXPECTED, (method, target)


async def test_headers_change_nothing(wire: Wire) -> None:
    for line in (
        "X-Forwarded-Host: evil.test",
        "X-Forwarded-Proto: evil",
        "X-Original-URL: /other",
        "X-Rewrite-URL: /other",
        "X-HTTP-Method-Override: POST",
        "Range: bytes=0-1",
        "If-Modified-Since: Sat, 01 Jan 2050 00:00:00 GMT",
        "If-None-Match: *",
        "Cookie: a=b",
        "Referer: " + "\xff" * 1_000,
        "User-Agent: <script>",
    ):
        assert await wire.get("/abc", headers=f"{line}\r\n") == EXPECTED, line


async def test_strange_targets_are_not_found_and_lead_nowhere(wire: Wire) -> None:
    for target in ("/abc%0A", "/abc%0D%0Ax:y", "//evil.test", "//abc", "/%2F%2Fevil.test", "/..%2fabc", "/abc%00", "/"):
        answer = await wire.get(target)
        assert answer.startswith(b"HTTP/1.1 404 "), target
        assert b"location" not in answer.lower(), target


async def test_a_page_to_head_has_its_length_and_no_body(wire: Wire) -> None:
    get, head = await wire.get("/unknown"), await wire.get("/unknown", method="HEAD")
    headers, _, body = get.partition(b"\r\n\r\n")
    assert head == headers + b"\r\n\r\n"
    assert f"content-length: {len(body)}".encode() in headers


async def test_a_connection_is_used_again_after_any_answer(wire: Wire) -> None:
    post = b"POST /abc HTTP/1.1\r\nHost: kurz.test\r\nContent-Length: 5\r\n\r\nhello"
    unknown = b"GET /unknown HTTP/1.1\r\nHost: kurz.test\r\n\r\n"
    last = b"GET /abc HTTP/1.1\r\nHost: kurz.test\r\nConnection: close\r\n\r\n"
    answers = await wire.ask(post + unknown + last)
    assert answers.count(b"HTTP/1.1 ") == 3
    assert answers.endswith(EXPECTED)
