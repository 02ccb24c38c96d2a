"""Clients that leave: what they wanted is stopped, what they changed is whole, and no connection is lost."""

import asyncio
import contextlib
import random
import socket
import struct
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from starlette.types import Message, Scope

from models.database import Database
from tests.eventually import eventually
from tests.graph.api import CREATE, Api, make_api
from tests.graph.sessions import locked, watching
from tests.serving import Kurz, serving

pytestmark = pytest.mark.database

WIDE = """{ workspace { name analytics(range: {period: LAST_7_DAYS}) {
    totals { clicks } timeseries(interval: HOUR) { points { clicks } } top(dimension: OS) { rows { key } } } }
  links { totalCount nodes { code domain { hostname } createdBy { id } analytics { totals { clicks }
    top(dimension: COUNTRY) { rows { key } } } } } viewer { scopes } codeAvailability(code: "free") { available } }"""
ABORTS = 200
MANY_ABORTS = 10_000


class Visitor:
    """A client in this process that sends a document and leaves when told to."""

    def __init__(self, api: Api, document: str, variables: dict[str, Any] | None = None) -> None:
        self.left = asyncio.Event()
        body = orjson.dumps({"query": document, "variables": variables})
        self._messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]
        headers = [(b"content-type", b"application/json"), (b"authorization", f"Bearer {api.key}".encode())]
        scope: Scope = {"type": "http", "method": "POST", "path": "/graphql", "query_string": b"", "headers": headers}
        self.task = asyncio.create_task(self._ask(api, scope))

    async def leave(self) -> None:
        """Returns once the server is done with it."""
        self.left.set()
        await self.task

    async def _ask(self, api: Api, scope: Scope) -> None:
        await api.endpoint(scope, self._receive, self._send)

    async def _receive(self) -> Message:
        if self._messages:
            return self._messages.pop()
        await self.left.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        """An answer to nobody."""


async def all_is_given_back(database: Database, busy: Callable[[], Awaitable[int]], *, but: int = 0) -> None:
    """Passes once no connection is in use here, and PostgreSQL works for nobody."""

    async def is_so() -> bool:
        return database.engine.pool.checkedout() == 0 and await busy() == but  # type: ignore[attr-defined]

    await eventually(is_so)


async def test_a_client_that_leaves_frees_its_connections(database: Database, database_url: str) -> None:
    api = await make_api(database, deadline_s=600, analytics_deadline_s=600)
    async with api.client, watching(database_url) as sessions:
        await api.create(code="a")
        for table in ("click_slot", "link", "link_total", "domain", "workspace"):
            async with locked(database_url, table):
                visitor = Visitor(api, WIDE)
                await eventually(lambda: is_waiting(sessions.waiting))
                await visitor.leave()
                await all_is_given_back(database, sessions.busy, but=1)
        assert (await api.post(WIDE)).status_code == 200


async def is_waiting(waiting: Callable[[], Awaitable[int]]) -> bool:
    return await waiting() > 0


async def test_a_change_is_made_though_its_client_leaves(database: Database, database_url: str) -> None:
    api = await make_api(database, deadline_s=600)
    async with api.client, watching(database_url) as sessions:
        async with locked(database_url, "link"):
            visitor = Visitor(api, CREATE, {"input": {"destinationUrl": "https://example.com/", "code": "kept"}})
            await eventually(lambda: is_waiting(sessions.waiting))
            visitor.left.set()
        await visitor.task
        await all_is_given_back(database, sessions.busy)

        assert (await api.ask('{ link(by: {code: "kept"}) { code } }'))["link"] == {"code": "kept"}
        assert api.created == ["kept"]


async def test_clients_that_leave_at_any_moment_leak_nothing(database: Database, database_url: str) -> None:
    # What Strawberry's own executor has begun, and not yet waited for, warns when its task is ended.
    api, dice = await make_api(database, compared=False), random.Random(5)
    async with api.client, watching(database_url) as sessions:
        await api.create(code="a")

        async def come_and_go(number: int) -> None:
            creates = number % 4 == 0
            given = {"input": {"destinationUrl": "https://example.com/", "code": f"made-{number}"}}
            visitor = Visitor(api, CREATE, given) if creates else Visitor(api, WIDE)
            for _ in range(dice.randrange(150)):  # turns of the loop, since no time is the same everywhere
                await asyncio.sleep(0)
            await visitor.leave()

        for first in range(0, ABORTS, 4):
            await asyncio.gather(*(come_and_go(number) for number in range(first, first + 4)))
        await all_is_given_back(database, sessions.busy)

        assert (await api.post(WIDE)).status_code == 200
        whole = "select count(*) = (select count(*) from link_total) from link"
        assert await sessions.connection.fetchval(whole)  # each link is there with all that belongs to it


@pytest.mark.nightly
async def test_ten_thousand_aborted_sockets_leak_nothing(database: Database, database_url: str, tmp_path: Path) -> None:
    given = {"KURZ_POOL_SIZE": "3", "KURZ_API_DEADLINE": "60", "KURZ_RATE_LIMIT": "off"}
    with serving(tmp_path, database_url=database_url, settings=given) as kurz:
        await abort_sockets(kurz, (await make_api(database)).key, database_url)
        assert not any(word in kurz.output() for word in ("Traceback", "error", "never")), kurz.output()


async def abort_sockets(kurz: Kurz, key: str, database_url: str) -> None:
    port = int(kurz.url.rpartition(":")[2])
    dice = random.Random(7)

    async def come_and_go(count: int) -> None:
        for _ in range(count):
            await aborted(port, key, after_s=dice.random() ** 3 * 0.2, with_reset=dice.random() < 0.5)

    async with watching(database_url) as sessions:
        await asyncio.gather(*(come_and_go(MANY_ABORTS // 20) for _ in range(20)))
        async with httpx.AsyncClient(base_url=kurz.url, timeout=60) as client:
            headers = {"authorization": f"Bearer {key}"}
            posts = [client.post("/graphql", json={"query": WIDE}, headers=headers) for _ in range(12)]
            assert {answer.status_code for answer in await asyncio.gather(*posts)} == {200}
        await eventually(sessions.are_idle)


async def aborted(port: int, key: str, *, after_s: float, with_reset: bool) -> None:
    """A request whose socket is closed while it is answered, orderly or by a reset."""
    body = orjson.dumps({"query": WIDE})
    head = f"POST /graphql HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\nauthorization: Bearer {key}\r\n"
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
    await asyncio.sleep(after_s)
    if with_reset:
        linger = struct.pack("ii", 1, 0)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
