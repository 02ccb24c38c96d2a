"""Heads of requests without end are cut off; what clients and proxies really send is not."""

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator

import pytest
import uvloop
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from server.app import Application
from server.request_heads import LARGEST_HEAD
from server.worker import WorkerServer, config_for

PATIENCE_S = 60
BEGINNING = b"POST / HTTP/1.1\r\nHost: x\r\n"
CHUNKED = BEGINNING + b"Transfer-Encoding: chunked\r\n\r\n"
HALF = b"x" * (LARGEST_HEAD // 2)
LARGE = b"x" * 2 * LARGEST_HEAD
ENDLESS = {
    "a path": b"GET /" + LARGE,
    "one header": BEGINNING + b"X-A: " + LARGE,
    "many headers": BEGINNING + b"X-A: b\r\n" * LARGEST_HEAD,
    "what describes a chunk": CHUNKED + b"1;" + LARGE,
    "what follows the chunks": CHUNKED + b"1\r\na\r\n0\r\n" + b"X-A: b\r\n" * LARGEST_HEAD,
}
WELL_SIZED = {
    "a long header": BEGINNING + b"X-A: " + HALF + b"\r\nContent-Length: 1\r\n\r\na",
    "a large body": BEGINNING + b"Content-Length: %d\r\n\r\n%b" % (len(LARGE), LARGE),
    "many chunks": CHUNKED + b"1;x=y\r\na\r\n" * LARGEST_HEAD + b"0\r\n\r\n",
    "headers of several requests": 3 * (BEGINNING + b"X-A: " + HALF + b"\r\nContent-Length: 1\r\n\r\na"),
}


async def _length(request: Request) -> Response:
    return PlainTextResponse(str(len(await request.body())))


@contextlib.asynccontextmanager
async def listening(route: Route) -> AsyncIterator[int]:
    """The port of a server that has one route; at its end all requests are over."""
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    started = asyncio.Event()
    server = WorkerServer(config_for(Application([route])), on_started=started.set, on_finish=lambda: None)
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    await started.wait()
    yield listening.getsockname()[1]
    server.finish()
    await serving


@pytest.fixture
async def port() -> AsyncIterator[int]:
    """Where a server answers with the length of a body."""
    async with listening(Route("/", _length, methods=["POST"])) as number:
        yield number


async def answer(port: int, request: bytes) -> bytes:
    """What comes until the server closes the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)

    async def send() -> None:
        try:
            for start in range(0, len(request), 10_000):
                writer.write(request[start : start + 10_000])
                await writer.drain()
        except OSError:  # closed meanwhile
            pass

    sending = asyncio.create_task(send())
    async with asyncio.timeout(PATIENCE_S):
        try:
            return await reader.read()
        except ConnectionResetError:  # before the answer was read, since we went on sending
            return b""
        finally:
            await sending
            writer.close()


@pytest.mark.parametrize("name", ENDLESS)
async def test_a_head_without_end_is_cut_off(port: int, name: str) -> None:
    assert (await answer(port, ENDLESS[name] + b"\r\n\r\n"))[:13] in (b"", b"HTTP/1.1 400 ")


@pytest.mark.parametrize("name", WELL_SIZED)
async def test_what_is_large_but_ends_is_answered(port: int, name: str) -> None:
    request = WELL_SIZED[name] + BEGINNING + b"Connection: close\r\nContent-Length: 0\r\n\r\n"
    assert (await answer(port, request)).count(b"HTTP/1.1 200 ") == request.count(b"POST / ")


WAITING = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
GARBAGE = b"\0\r\n\r\n"


@pytest.mark.parametrize("earlier", [1, 2, 3])
@pytest.mark.parametrize("tail", [GARBAGE, b""])
def test_requests_whose_connection_is_closed_leave_no_stack(
    caplog: pytest.LogCaptureFixture, earlier: int, tail: bytes
) -> None:
    # on the loop of a worker, whose closed connections raise when they are written to
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        started = runner.run(_answers_late(WAITING * earlier + tail))

    assert [one.getMessage() for one in caplog.records if one.levelno >= logging.ERROR or one.exc_info] == []
    assert started == 1


async def _answers_late(request: bytes) -> int:
    """Sends requests and closes the connection, or lets it be closed, before the first is answered; how many began."""
    count, started, closed = 0, asyncio.Event(), asyncio.Event()

    async def wait(_request: Request) -> Response:
        nonlocal count
        count += 1
        started.set()
        await closed.wait()
        return PlainTextResponse("late")

    async with listening(Route("/", wait)) as number:
        reader, writer = await asyncio.open_connection("127.0.0.1", number)
        writer.write(request)
        async with asyncio.timeout(PATIENCE_S):
            await started.wait()
            if request.endswith(GARBAGE):
                assert (await reader.read()).count(b"HTTP/1.1 400 ") == 1
            writer.close()
            await writer.wait_closed()
        await asyncio.sleep(0.1)  # the server has heard of it, or hears of it later: both must be quiet
        closed.set()
    return count
