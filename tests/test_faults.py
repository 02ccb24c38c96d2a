"""What many clients, a stopped PostgreSQL and a killed worker do to a whole Kurz: real processes, real requests."""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from server.postgres import Postgres
from tests.serving import DEADLINE_S, Kurz, open_folder, run_kurz, serving, until
from tests.visiting import differences

pytestmark = pytest.mark.database

CONNECTIONS = 16
# Nobody waits for a connection, and nothing is given up, however busy the machine is.
PATIENT = {"KURZ_RATE_LIMIT": "off", "KURZ_API_DEADLINE": "60", "KURZ_POOL_SIZE": str(CONNECTIONS)}
CREATE = """mutation ($input: CreateLinkInput!) {
  createLink(input: $input) { created userErrors { __typename ... on CodeTakenError { suggestions } } }
}"""
KNOWN = "https://example.com/known"


@pytest.fixture
def folder() -> Iterator[Path]:
    with open_folder() as path:
        yield path


@pytest.fixture
def own_postgres() -> Iterator[Postgres]:
    """A server that the test alone may stop."""
    with open_folder() as path, Postgres(path, durable=False) as postgres:
        yield postgres


def new_key(database_url: str) -> str:
    return run_kurz("keys", "create", "tests", settings={"KURZ_DATABASE_URL": database_url}).stdout.strip()


def creating(code: str) -> dict[str, object]:
    return {"query": CREATE, "variables": {"input": {"destinationUrl": KNOWN, "code": code}}}


@pytest.mark.parametrize("clients", [200, pytest.param(2_000, marks=pytest.mark.nightly)])
def test_of_all_who_want_one_code_of_two_workers_one_gets_it(folder: Path, database_url: str, clients: int) -> None:
    with serving(folder, database_url=database_url, workers=2, settings=PATIENT) as kurz:
        answers = asyncio.run(all_at_once(kurz.url, new_key(database_url), "launch", clients))

    assert Counter(answer.status_code for answer in answers) == {200: clients}
    payloads = [answer.json()["data"]["createLink"] for answer in answers]
    (winner,) = [payload for payload in payloads if payload["created"]]
    assert winner["userErrors"] == []
    for payload in payloads:
        if payload is not winner:
            (error,) = payload["userErrors"]
            assert error["__typename"] == "CodeTakenError"
            assert len(set(error["suggestions"]) - {"launch"}) == 3


async def all_at_once(url: str, key: str, code: str, clients: int) -> list[httpx.Response]:
    """As many at a time as there are connections: a machine has only so many."""
    numbers = iter(range(clients))
    headers = {"Authorization": f"Bearer {key}"}

    async def post_in_turn() -> list[httpx.Response]:
        async with httpx.AsyncClient(base_url=url, headers=headers, timeout=DEADLINE_S) as client:
            return [await client.post("/graphql", json=creating(code)) for _ in numbers]

    answers = await asyncio.gather(*(post_in_turn() for _ in range(CONNECTIONS)))
    return [answer for some in answers for answer in some]


def test_postgres_stopped_and_a_worker_replaced_meanwhile(folder: Path, own_postgres: Postgres) -> None:
    with serving(folder, database_url=own_postgres.url()) as kurz:
        key = new_key(own_postgres.url())
        assert ask(kurz, key).status_code == 200
        until(lambda: follow(kurz, "known") == (302, KNOWN))  # 503 first, where a starved machine takes too long
        # when PostgreSQL is stopped: what the worker knows redirects, what it does not know is not called missing
        own_postgres.stop()
        assert [follow(kurz, "known") for _ in range(100)] == [(302, KNOWN)] * 100
        assert [follow(kurz, f"cold{number}")[0] for number in range(20)] == [503] * 20
        assert ask(kurz, key).status_code == 503
        # and when the worker is replaced: the new one knows nothing, says so, and does not die of it
        (worker,) = kurz.worker_pids()
        os.kill(worker, signal.SIGKILL)
        until(lambda: set(kurz.worker_pids()) - {worker})
        (replacement,) = set(kurz.worker_pids()) - {worker}
        assert get(kurz, "/healthz").status_code == 200
        assert get(kurz, "/readyz").status_code == 503
        assert follow(kurz, "known")[0] == 503
        assert ask(kurz, key).status_code == 503
        assert ask(kurz, key[:-1]).status_code == 401
        # then PostgreSQL is back, and the same worker answers everything
        own_postgres.start()
        until(lambda: get(kurz, "/readyz").status_code == 200)
        until(lambda: follow(kurz, "known") == (302, KNOWN))
        until(lambda: follow(kurz, "cold0")[0] == 404)
        until(lambda: ask(kurz, key, "later").status_code == 200)
        until(lambda: follow(kurz, "later") == (302, KNOWN))
        assert kurz.worker_pids() == [replacement]
    assert differences(own_postgres.url()) == []


def get(kurz: Kurz, path: str) -> httpx.Response:
    # A request to a worker that is not there yet waits in the socket's queue.
    return httpx.get(f"{kurz.url}{path}", timeout=DEADLINE_S)


def follow(kurz: Kurz, code: str) -> tuple[int, str | None]:
    answer = get(kurz, f"/{code}")
    return answer.status_code, answer.headers.get("location")


def ask(kurz: Kurz, key: str, code: str = "known") -> httpx.Response:
    headers = {"Authorization": f"Bearer {key}"}
    return httpx.post(f"{kurz.url}/graphql", json=creating(code), headers=headers, timeout=DEADLINE_S)
