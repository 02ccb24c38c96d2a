"""The name of a request: in the answer, in log lines, and on sockets too."""

from typing import Any

import pytest
import structlog
from starlette.types import Message, Receive, Scope, Send

from server.request_id import RequestId

GIVEN = "from-a-proxy-1"


async def never() -> Message:
    raise AssertionError("nothing is read")


@pytest.mark.parametrize(
    ("kind", "begin"),
    [("http", {"type": "http.response.start", "status": 200}), ("websocket", {"type": "websocket.accept"})],
)
@pytest.mark.parametrize("given", [GIVEN, "", "short", "two\nlines"])
async def test_a_request_or_socket_has_one_name_everywhere(kind: str, begin: dict[str, Any], given: str) -> None:
    bound: list[Any] = []
    sent: list[Message] = []

    async def app(scope: Scope, _receive: Receive, send: Send) -> None:
        bound.append((scope["state"]["request_id"], structlog.contextvars.get_contextvars().get("request_id")))
        await send(dict(begin))

    async def send(message: Message) -> None:
        sent.append(message)

    await RequestId(app)({"type": kind, "headers": [(b"x-request-id", given.encode())]}, never, send)

    ((name, in_lines),) = bound
    assert name == in_lines and (name == given) is (given == GIVEN)
    assert dict(sent[0]["headers"])[b"x-request-id"] == name.encode()
    assert "request_id" not in structlog.contextvars.get_contextvars()


async def test_what_is_neither_has_no_name() -> None:
    async def app(scope: Scope, _receive: Receive, _send: Send) -> None:
        assert "state" not in scope

    async def send(_message: Message) -> None:
        raise AssertionError("nothing is sent")

    await RequestId(app)({"type": "lifespan"}, never, send)
