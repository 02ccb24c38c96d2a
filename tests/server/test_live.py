"""Live clicks of a real `kurz serve`: from a followed link to a subscriber, through restarts, and at the end."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from tests.databases import Databases
from tests.graph.living import PATIENCE_S, PROTOCOL, RECORDED, Events, Talk
from tests.serving import DEADLINE_S, Kurz, open_folder, run_kurz, serving, until
from tests.visiting import Visits, ask, make_links

SOCKETS = 300
ALL_IDS = "select utm_source from click"


@pytest.fixture
def folder() -> Iterator[Path]:
    with open_folder() as path:
        yield path


@dataclass(frozen=True)
class Served:
    """A server that several tests may ask, since none stops it."""

    kurz: Kurz
    folder: Path
    database_url: str
    key: str


@pytest.fixture(scope="module")
def served(databases: Databases, template: str) -> Iterator[Served]:
    url = databases.make("live_clicks", template=template)
    settings = {"KURZ_LIVE_CONNECTIONS_PER_KEY": str(SOCKETS)}
    with open_folder() as home, serving(home, database_url=url, settings=settings) as kurz:
        make_links(url, a="https://example.com/")
        yield Served(kurz, home, url, new_key(url))


@pytest.fixture
def key(database_url: str) -> str:
    return new_key(database_url)


def new_key(database_url: str) -> str:
    return run_kurz("keys", "create", "tests", settings={"KURZ_DATABASE_URL": database_url}).stdout.strip()


@asynccontextmanager
async def talking(kurz: Kurz, key: str) -> AsyncIterator[Talk]:
    """An acknowledged socket."""
    address = kurz.url.removeprefix("http://")
    async with connect(
        f"ws://{address}/graphql", subprotocols=[Subprotocol(PROTOCOL)], proxy=None, compression=None, open_timeout=60
    ) as raw:
        talk = Talk(raw)
        await talk.say(type="connection_init", payload={"Authorization": f"Bearer {key}"})
        assert await talk.hear() == {"type": "connection_ack"}
        yield talk


@asynccontextmanager
async def events(kurz: Kurz, key: str, **variables: Any) -> AsyncIterator[Events]:
    """An event stream of clicks."""
    headers = {"accept": "text/event-stream", "authorization": f"Bearer {key}"}
    body = {"query": RECORDED, "variables": variables}
    async with (
        httpx.AsyncClient(timeout=DEADLINE_S, trust_env=False) as client,
        client.stream("POST", f"{kurz.url}/graphql", json=body, headers=headers) as response,
    ):
        yield Events(response)


async def first_cursor(kurz: Kurz, key: str, visits: Visits) -> str:
    """The cursor of a first click, once it is stored."""
    visits.one("a")
    document = "{ workspace { clicks { edges { cursor } } } }"
    headers = {"authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(timeout=DEADLINE_S, trust_env=False) as client:
        async with asyncio.timeout(PATIENCE_S):
            while True:
                answer = await client.post(f"{kurz.url}/graphql", json={"query": document}, headers=headers)
                if edges := answer.json()["data"]["workspace"]["clicks"]["edges"]:
                    cursor: str = edges[0]["cursor"]
                    return cursor
                await asyncio.sleep(0.05)


async def test_a_followed_link_is_told_over_a_socket_and_as_an_event(served: Served) -> None:
    kurz, key = served.kurz, served.key
    visits = Visits(kurz.url)
    since = await first_cursor(kurz, key, visits)
    async with talking(kurz, key) as talk, events(kurz, key, since=since) as stream:
        await talk.subscribe(RECORDED, {"since": since})
        for _ in range(3):
            mark = visits.one("a")
            told = await talk.next()
            assert told["clickRecorded"]["node"]["utmSource"] == mark
            assert await stream.next() == told


async def test_nothing_is_missed_through_reconnections_a_killed_loader_and_a_restart(
    folder: Path, database_url: str, key: str
) -> None:
    heard: list[str] = []

    async def hear(talk: Talk, count: int) -> str:
        edge = {"cursor": ""}
        for _ in range(count):
            edge = (await talk.next())["clickRecorded"]
            heard.append(edge["node"]["utmSource"])
        return edge["cursor"]

    with serving(folder, database_url=database_url, workers=2) as kurz:
        await asyncio.to_thread(make_links, database_url, a="https://example.com/")
        visits = Visits(kurz.url)
        since = await first_cursor(kurz, key, visits)
        with visits.going_on("a"):
            for number in range(4):
                async with talking(kurz, key) as talk:
                    await talk.subscribe(RECORDED, {"since": since})
                    since = await hear(talk, 10 + 10 * number)
                    if number == 1:
                        os.kill(kurz.loader_pids()[0], signal.SIGKILL)
                    talk.raw.transport.abort()
        async with talking(kurz, key) as talk:
            await talk.subscribe(RECORDED, {"since": since})
            since = await hear(talk, 1)
            assert await asyncio.to_thread(kurz.stop) == 0
    with serving(folder, database_url=database_url) as kurz:
        visits.url = kurz.url
        visits.some("a", 20)
        async with talking(kurz, key) as talk:
            await talk.subscribe(RECORDED, {"since": since})
            await hear(talk, len(visits.answered) - 1 - len(heard))
    stored = [row["utm_source"] for row in await asyncio.to_thread(ask, database_url, ALL_IDS)]
    assert sorted([*heard, visits.answered[0]]) == sorted(stored) == sorted(visits.answered)


async def test_a_revoked_key_closes_its_socket_and_its_stream(served: Served) -> None:
    brief = await asyncio.to_thread(new_key, served.database_url)
    async with (
        talking(served.kurz, brief) as talk,
        talking(served.kurz, served.key) as other,
        events(served.kurz, brief) as stream,
    ):
        settings = {"KURZ_DATABASE_URL": served.database_url, "KURZ_DATA_DIR": str(served.folder)}
        revoked = await asyncio.to_thread(run_kurz, "keys", "revoke", brief.split("_")[1], settings=settings)
        assert revoked.returncode == 0, revoked.stderr
        assert await talk.closed() == 4403
        assert await stream.error_codes() == ["UNAUTHENTICATED"]
        await other.say(type="ping")
        assert await other.hear() == {"type": "pong"}


async def test_sigterm_closes_sockets_and_streams_and_ends_in_order(folder: Path, database_url: str, key: str) -> None:
    with serving(folder, database_url=database_url) as kurz:
        async with talking(kurz, key) as busy, talking(kurz, key) as idle, events(kurz, key) as stream:
            await busy.subscribe(RECORDED)
            kurz.process.send_signal(signal.SIGTERM)
            assert {await busy.closed(), await idle.closed()} <= {1001, 1012}
            assert await stream.hear() is None
        assert await asyncio.to_thread(kurz.process.wait, DEADLINE_S) == 0
        levels = [json.loads(line)["level"] for line in kurz.output().splitlines() if line.startswith("{")]
        assert "error" not in levels, kurz.output()


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="open files are counted where Linux shows them")
async def test_sockets_that_were_closed_leave_nothing_open(served: Served) -> None:
    (worker,) = served.kurz.worker_pids()
    async with talking(served.kurz, served.key):
        before = open_files(worker)
        async with AsyncExitStack() as opened:
            for _ in range(SOCKETS - 1):
                await opened.enter_async_context(talking(served.kurz, served.key))
            assert open_files(worker) >= before + SOCKETS - 1
        # Connections to the database may stay.
        await asyncio.to_thread(until, lambda: open_files(worker) < before + 10)


def open_files(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))
