"""The live part of the API on a real port, and clients of sockets and event streams that say just what a test wants."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
from starlette.routing import Route, WebSocketRoute
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from graph.endpoint import Endpoint
from graph.operations import Operations
from graph.socket import LiveSocket
from graph.sse import EventStreams
from graph.streams import Streams
from graph.subscriptions import Subscriptions
from recording.feed import ClickFeed
from server.app import Application
from server.worker import WorkerServer, config_for
from tests.clicks_data import Visit
from tests.eventually import eventually
from tests.graph.api import Api
from tests.graph.clicked import Clicked, at

PATIENCE_S = 60
PROTOCOL = "graphql-transport-ws"
RECORDED = "subscription ($filter: ClickFilter, $since: String) { clickRecorded(filter: $filter, since: $since) "
RECORDED += "{ cursor node { id utmSource } } }"


@dataclass
class Live:
    """A running server; `feed` and `streams` are what it has inside."""

    api: Api
    server: WorkerServer
    address: str
    feed: ClickFeed
    streams: Streams
    client: httpx.AsyncClient

    @asynccontextmanager
    async def talk(
        self, *, key: str | None = None, init: bool = True, subprotocol: str | None = PROTOCOL, **options: Any
    ) -> AsyncIterator["Talk"]:
        """A socket; with `init` already acknowledged, for the API's own key unless another or "" is given."""
        protocols = [Subprotocol(subprotocol)] if subprotocol else None
        async with connect(
            f"ws://{self.address}/graphql", subprotocols=protocols, proxy=None, compression=None, **options
        ) as raw:
            talk = Talk(raw)
            if init:
                secret = self.api.key if key is None else key
                payload = {"authorization": f"Bearer {secret}"} if secret else {}
                await talk.say(type="connection_init", payload=payload)
                assert await talk.hear() == {"type": "connection_ack"}
            yield talk

    @asynccontextmanager
    async def events(
        self, document: str, variables: dict[str, Any] | None = None, *, key: str | None = None
    ) -> AsyncIterator["Events"]:
        """An event stream."""
        headers = {
            "accept": "text/event-stream",
            "authorization": f"Bearer {self.api.key if key is None else key}",
        }
        body = {"query": document, "variables": variables}
        async with self.client.stream("POST", "/graphql", json=body, headers=headers) as response:
            yield Events(response)

    async def until_followed(self, times: int = 1) -> None:
        """Returns once so many follow the feed."""

        async def is_so() -> bool:
            return self.feed.followers == times

        await eventually(is_so)


@dataclass
class Talk:
    """One WebSocket."""

    raw: ClientConnection

    async def say(self, **message: Any) -> None:
        await self.raw.send(json.dumps(message))

    async def hear(self) -> Any:
        """The next message."""
        async with asyncio.timeout(PATIENCE_S):
            return json.loads(await self.raw.recv())

    async def subscribe(self, document: str, variables: dict[str, Any] | None = None, *, id: str = "1") -> None:  # noqa: A002
        await self.say(id=id, type="subscribe", payload={"query": document, "variables": variables})

    async def next(self) -> Any:
        """The data of the next message, which has no errors."""
        message = await self.hear()
        assert message["type"] == "next" and "errors" not in message["payload"], message
        return message["payload"]["data"]

    async def error_codes(self) -> list[str]:
        """The codes of the next message, which ends its operation with errors."""
        message = await self.hear()
        assert message["type"] == "error", message
        return [error["extensions"]["code"] for error in message["payload"]]

    async def closed(self) -> int:
        """The code with which the server closes; messages that come before are passed over."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                while True:
                    await self.raw.recv()
        except ConnectionClosed as closed:
            assert closed.rcvd is not None
            return closed.rcvd.code


class Events:
    """One event stream."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self._lines = response.aiter_lines()

    async def hear(self) -> tuple[str, Any] | None:
        """The next event and its data; None at the end of the stream."""
        name, data = "", None
        async with asyncio.timeout(PATIENCE_S):
            async for line in self._lines:
                if line.startswith("event:"):
                    name = line.removeprefix("event:").strip()
                elif line.startswith("data:"):
                    text = line.removeprefix("data:").strip()
                    data = json.loads(text) if text else None
                elif not line and name:
                    return name, data
        return None

    async def error_codes(self) -> list[str]:
        """The codes of the next event, which has no data."""
        event = await self.hear()
        assert event is not None and event[0] == "next" and "data" not in event[1], event
        return [error["extensions"]["code"] for error in event[1]["errors"]]

    async def next(self) -> Any:
        """The data of the next event, which has no errors."""
        event = await self.hear()
        assert event is not None and event[0] == "next" and "errors" not in event[1], event
        return event[1]["data"]


async def marks(talk: Talk, count: int) -> list[str]:
    """What the next clicks are marked with."""
    return [(await talk.next())["clickRecorded"]["node"]["utmSource"] for _ in range(count)]


def marked(clicked: Clicked, link: int, *names: str) -> list[Visit]:
    """Visits of a link that can be told apart, one second after the other."""
    return [
        clicked.visit(link, at(20) + timedelta(seconds=number), utm_source=name, visitor=number)
        for number, name in enumerate(names)
    ]


@asynccontextmanager
async def serving_live(
    api: Api,
    database_url: str,
    *,
    most: int = 1_000,
    most_each: int = 100,
    ring_clicks: int = 1_000,
    quiet_s: float = 60,
    patience_s: float = 60,
    **options: Any,
) -> AsyncIterator[Live]:
    """A server of the API's database, listening over `database_url`; `options` are LiveSocket's."""
    clock = api.operations.config.clock
    feed = ClickFeed(api.database, direct_url=database_url, ring_clicks=ring_clicks)
    operations = Operations(
        database=api.database,
        config=api.operations.config,
        instance=api.instance,
        on_created=api.created.append,
        feed=feed,
        tokens=api.tokens,
    )
    streams = Streams(api.database, clock=clock, most=most, most_each=most_each)
    subscriptions = Subscriptions(operations)
    events = EventStreams(
        subscriptions, operations, streams, otherwise=Endpoint(operations), quiet_s=quiet_s, patience_s=patience_s
    )
    live_socket = LiveSocket(subscriptions, operations, streams, **options)
    app = Application([Route("/graphql", events), WebSocketRoute("/graphql", live_socket)])
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    address = f"127.0.0.1:{listening.getsockname()[1]}"
    started = asyncio.Event()
    config = config_for(app)
    config.lifespan = "off"
    server = WorkerServer(config, on_started=started.set, on_finish=streams.stop)
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        await started.wait()
        async with httpx.AsyncClient(base_url=f"http://{address}", timeout=PATIENCE_S, trust_env=False) as client:
            yield Live(api, server, address, feed, streams, client)
    finally:
        server.finish()
        await serving
    assert feed.is_idle and len(streams) == 0
