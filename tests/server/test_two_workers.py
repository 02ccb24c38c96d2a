"""Two workers: what one of them ends, a key, a membership or a link, the other one refuses too, within two seconds."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import count
from typing import Any

import httpx
import pytest

from tests.databases import Databases
from tests.graph.provider import AUDIENCE, Provider, running_provider
from tests.serving import DEADLINE_S, Kurz, open_folder, run_kurz, serving, until

pytestmark = pytest.mark.database

BOUND_S = 2.0
ROUNDS = 15
WHO = "{ viewer { scopes } }"
CREATE_KEY = 'mutation { createApiKey(input: {name: "app", scopes: [LINKS_READ]}) { secret apiKey { id } } }'
REVOKE_KEY = "mutation ($id: ID!) { revokeApiKey(input: {id: $id}) { userErrors { code } } }"
ADD = "mutation ($email: String!) { addMember(input: {email: $email, role: READER}) { member { id } } }"
REMOVE = "mutation ($id: ID!) { removeMember(input: {id: $id}) { userErrors { code } } }"
CREATE_LINK = 'mutation { createLink(input: {destinationUrl: "https://example.com/"}) { link { id code } } }'
DELETE = """mutation ($id: ID!) { deactivateLink(input: {link: {id: $id}}) { userErrors { code } }
  deleteLink(input: {link: {id: $id}}) { userErrors { code } } }"""


@dataclass(frozen=True)
class TwoWorkers:
    """A connection to each worker, which stays with it, and the secret of an admin."""

    connections: tuple[httpx.Client, ...]
    admin: str
    provider: Provider
    numbers: Iterator[int]

    def change(self, document: str, **variables: str) -> Any:
        """Done by the first worker."""
        return _ask(self.connections[0], document, self.admin, **variables).json()["data"]

    def seconds_until_all(self, is_refused: Callable[[httpx.Client], bool]) -> float:
        """How long both workers take from now, with requests to them without a pause."""
        begun_at = time.monotonic()
        for connection in self.connections:
            until(partial(is_refused, connection))
        return time.monotonic() - begun_at


def _ask(connection: httpx.Client, document: str, secret: str, **variables: str) -> httpx.Response:
    headers = {"authorization": f"Bearer {secret}"}
    return connection.post("/graphql", json={"query": document, "variables": variables}, headers=headers)


@contextmanager
def _only(kurz: Kurz, worker: int) -> Iterator[None]:
    """The other workers stand still: who connects is accepted by this one."""
    others = [pid for pid in kurz.worker_pids() if pid != worker]
    for pid in others:
        os.kill(pid, signal.SIGSTOP)
    try:
        until(lambda: all(_is_stopped(pid) for pid in others))
        yield
    finally:
        for pid in others:
            os.kill(pid, signal.SIGCONT)


def _is_stopped(pid: int) -> bool:
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=True).stdout
    return state.startswith("T")


def _connected(kurz: Kurz, worker: int, running: ExitStack) -> httpx.Client:
    """One connection, kept open and used for every request."""
    limits = httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=None)
    client = httpx.Client(base_url=kurz.url, limits=limits, timeout=DEADLINE_S, trust_env=False, verify=False)
    running.enter_context(client)
    with _only(kurz, worker):
        _own_address(client)
    return client


def _own_address(connection: httpx.Client) -> object:
    """Our end of the connection: another one would mean another connection, perhaps to another worker."""
    answer = connection.get("/healthz")
    assert answer.status_code == 200
    return answer.extensions["network_stream"].get_extra_info("client_addr")


@pytest.fixture(scope="module")
def two(databases: Databases, template: str) -> Iterator[TwoWorkers]:
    with ExitStack() as running:
        database_url = running.enter_context(databases.throw_away(template))
        provider = running.enter_context(running_provider())
        folder = running.enter_context(open_folder())
        settings = {
            "KURZ_OIDC_ISSUER": provider.issuer,
            "KURZ_OIDC_AUDIENCE": AUDIENCE,
            "KURZ_RATE_LIMIT": "off",
        }
        kurz = running.enter_context(serving(folder, database_url=database_url, workers=2, settings=settings))
        made = run_kurz("keys", "create", "tests", settings={"KURZ_DATABASE_URL": database_url})
        connections = tuple(_connected(kurz, worker, running) for worker in kurz.worker_pids())
        assert len(connections) == 2
        addresses = [_own_address(connection) for connection in connections]
        yield TwoWorkers(connections, made.stdout.strip(), provider, count())
        assert [_own_address(connection) for connection in connections] == addresses, "the same ones all the time"


def a_revoked_key(two: TwoWorkers) -> float:
    made = two.change(CREATE_KEY)["createApiKey"]
    for connection in two.connections:
        assert _ask(connection, WHO, made["secret"]).status_code == 200
    two.change(REVOKE_KEY, id=made["apiKey"]["id"])
    return two.seconds_until_all(lambda connection: _ask(connection, WHO, made["secret"]).status_code == 401)


def a_removed_member(two: TwoWorkers) -> float:
    name = f"person{next(two.numbers)}"
    member = two.change(ADD, email=f"{name}@example.com")["addMember"]["member"]
    told: dict[str, Any] = {"sub": name, "email": f"{name}@example.com", "email_verified": True}
    token = two.provider.token(datetime.now(UTC), **told)
    for connection in two.connections:
        assert _ask(connection, WHO, token).status_code == 200
    two.change(REMOVE, id=member["id"])
    return two.seconds_until_all(lambda connection: _ask(connection, WHO, token).status_code == 403)


def _follows(connection: httpx.Client, code: str) -> bool:
    return connection.get(f"/{code}").status_code == 302  # a starved machine may first say 503


def a_deleted_link(two: TwoWorkers) -> float:
    link = two.change(CREATE_LINK)["createLink"]["link"]
    for connection in two.connections:
        assert until(partial(_follows, connection, link["code"]))
    assert two.change(DELETE, id=link["id"])["deleteLink"] == {"userErrors": []}
    return two.seconds_until_all(lambda connection: connection.get(f"/{link['code']}").status_code == 410)


ENDINGS = [a_revoked_key, a_removed_member, a_deleted_link]


@pytest.mark.parametrize("ending", ENDINGS)
def test_what_one_worker_ends_both_refuse(two: TwoWorkers, ending: Callable[[TwoWorkers], float]) -> None:
    assert ending(two) > 0


@pytest.mark.nightly
@pytest.mark.parametrize("ending", ENDINGS)
def test_what_one_worker_ends_both_refuse_within_two_seconds(
    two: TwoWorkers, ending: Callable[[TwoWorkers], float]
) -> None:
    took = [ending(two) for _ in range(ROUNDS)]
    assert max(took) <= BOUND_S, took
