"""The yardstick: an ASGI application that does nothing but answer 302, on the same uvicorn as Kurz."""

import socket
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import uvicorn

START = {
    "type": "http.response.start",
    "status": 302,
    "headers": [
        (b"location", b"https://example.com/a/page?of=some&length=1"),
        (b"cache-control", b"private, no-store"),
        (b"content-length", b"0"),
    ],
}
BODY = {"type": "http.response.body", "body": b""}


async def answer(
    scope: dict[str, Any],  # noqa: ARG001 - the ASGI signature
    receive: Callable[[], Awaitable[dict[str, Any]]],  # noqa: ARG001
    send: Callable[[dict[str, Any]], Awaitable[None]],
) -> None:
    await send(START)
    await send(BODY)


def main() -> None:
    """Serves on the port given as the first argument, with the options that a worker of Kurz has."""
    listening = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=2048)
    config = uvicorn.Config(
        answer,
        loop="uvloop",
        http="httptools",
        lifespan="off",
        access_log=False,
        log_level="warning",
        server_header=False,
        proxy_headers=False,
    )
    uvicorn.Server(config).run(sockets=[listening])


if __name__ == "__main__":
    main()
