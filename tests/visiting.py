"""Visits of a real server, each with a mark of its own, and what became of them in the database."""

import asyncio
import itertools
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import asyncpg
import httpx

from models import instance
from models.clicks_audit import Difference, audit
from models.database import Database, asyncpg_dsn, make_engine
from tests.redirect.house import Owner
from tests.serving import DEADLINE_S, Kurz, until

PERSON = "Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0"
CLIENTS = 4


class Visits:
    """Sends visits; `answered` holds the marks of those that were redirected, in no order.

    `refused` holds the statuses of others, and a 0 for each connection that broke.
    """

    def __init__(self, url: str, *, prefix: str = "m") -> None:
        self.url = url
        self._prefix = prefix
        self.answered: list[str] = []
        self.refused: list[int] = []
        self._numbers = itertools.count(1)

    def one(self, code: str, *, method: str = "GET", headers: Mapping[str, str] | None = None) -> str:
        """A visit, which must be answered; its mark."""
        with _client() as client:
            mark = self._visit(client, code, method, headers)
        assert mark is not None
        return mark

    def some(self, code: str, count: int, *, headers: Mapping[str, str] | None = None) -> None:
        """That many visits over one connection, which must all be answered."""
        with _client() as client:
            assert all(self._visit(client, code, "GET", headers) for _ in range(count))

    @contextmanager
    def going_on(self, *codes: str) -> Iterator[None]:
        """Visits of several clients at once; what is not answered is not counted."""
        ended = threading.Event()
        with ThreadPoolExecutor(CLIENTS) as pool:
            clients = [pool.submit(self._keep_visiting, codes, ended) for _ in range(CLIENTS)]
            try:
                yield
            finally:
                ended.set()
            for client in clients:
                client.result()

    def wait_for(self, more: int) -> None:
        """Returns once so many more were answered."""
        enough = len(self.answered) + more
        until(lambda: len(self.answered) >= enough)

    def _keep_visiting(self, codes: tuple[str, ...], ended: threading.Event) -> None:
        for code in itertools.cycle(codes):
            if ended.wait(0.005):  # modest: the machine has other things to do
                return
            try:
                with _client() as client:
                    for _ in range(5):
                        self._visit(client, code, "GET", None)
            except httpx.TransportError:
                self.refused.append(0)

    def _visit(self, client: httpx.Client, code: str, method: str, headers: Mapping[str, str] | None) -> str | None:
        mark = f"{self._prefix}{next(self._numbers)}"
        answer = client.request(
            method, f"{self.url}/{code}", params={"utm_source": mark}, headers={"user-agent": PERSON, **(headers or {})}
        )
        if answer.status_code != 302:
            self.refused.append(answer.status_code)
            return None
        self.answered.append(mark)
        return mark


def _client() -> httpx.Client:
    return httpx.Client(timeout=DEADLINE_S, verify=False)  # there is no TLS, and reading certificates takes long


def make_links(database_url: str, **destinations: str) -> None:
    """Links by their codes, in the installation that a start has made."""
    asyncio.run(_make_links(database_url, destinations))


async def _make_links(database_url: str, destinations: Mapping[str, str]) -> None:
    database = Database(make_engine(database_url, pool_size=1))
    try:
        async with database.read() as connection:
            found = await instance.find(connection)
        assert found
        for code, destination in destinations.items():
            await Owner(database, found).make(code, destination)
    finally:
        await database.close()


def ask(database_url: str, statement: str) -> list[asyncpg.Record]:
    """The rows of one statement."""
    return asyncio.run(_ask(database_url, statement))


async def _ask(database_url: str, statement: str) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(asyncpg_dsn(database_url))
    try:
        return await connection.fetch(statement)
    finally:
        await connection.close()


def stored_marks(database_url: str) -> Counter[str]:
    """How often each mark is among the clicks."""
    return Counter(row["utm_source"] for row in ask(database_url, "select utm_source from click"))


def all_stored_once(database_url: str, visits: Visits) -> None:
    """Waits until every answered visit is stored; fails when any visit is stored twice."""

    def are_stored() -> bool:
        stored = stored_marks(database_url)
        assert max(stored.values(), default=1) == 1
        return set(visits.answered) <= set(stored)

    until(are_stored)


def recording_of(kurz: Kurz) -> dict[str, Any]:
    """What the worker that answers says of its recording."""
    found: dict[str, Any] = httpx.get(f"{kurz.url}/readyz", timeout=DEADLINE_S).json()["recording"]
    return found


def differences(database_url: str) -> list[Difference]:
    """What the audit finds."""
    return asyncio.run(_audit(database_url))


async def _audit(database_url: str) -> list[Difference]:
    connection = await asyncpg.connect(asyncpg_dsn(database_url))
    try:
        return await audit(connection)
    finally:
        await connection.close()
