"""A million requests over two hundred connections: no error, nothing out of order, nothing that stays behind."""

import asyncio
import contextlib
import gc
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pytest

from redirect.config import RedirectConfig
from tests.eventually import eventually
from tests.redirect.house import Owner
from tests.redirect.lane_clicks import count_visits
from tests.redirect.lane_crowd import ADDRESSES, Client, destination
from tests.redirect.lane_side import LOOPBACK, OF_MANY_ADDRESSES, Side, side

pytestmark = [pytest.mark.database, OF_MANY_ADDRESSES]

CONNECTIONS = 200
CODES = [f"c{number}" for number in range(50)]
WARM, FEW, MANY = 50, 20, 5_000  # requests of each connection
FEW_FILES = 10  # segments of the spool come and go
MORE_OBJECTS = 2_000
MORE_BYTES = 24 * 2**20
SHARE_TAKEN = 0.75  # at least; it is to be 0.8


@pytest.fixture(scope="module")
def anyio_backend() -> tuple[str, dict[str, bool]]:
    """The loop that workers have."""
    return "asyncio", {"use_uvloop": True}


@dataclass(frozen=True)
class Holdings:
    """What this process holds."""

    tasks: int
    descriptors: int
    objects: int
    resident: int  # bytes

    @staticmethod
    def now() -> "Holdings":
        gc.collect()
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        descriptors = len(list(Path("/proc/self/fd").iterdir()))
        return Holdings(len(asyncio.all_tasks()), descriptors, len(gc.get_objects()), pages * 4_096)


@pytest.mark.parametrize("times", [FEW, pytest.param(MANY, marks=pytest.mark.nightly)])
async def test_requests_of_many_connections_are_all_answered_in_order(
    owner: Owner, config: RedirectConfig, tmp_path: Path, times: int
) -> None:
    for code in CODES:
        await owner.make(code, destination(code))
    async with side(replace(config, trusted_proxies=(LOOPBACK,)), tmp_path, lane=True) as server:
        async with connected(server) as clients:
            await ask(clients, WARM)
            before = Holdings.now()
            await ask(clients, times)
            after = Holdings.now()
        assert [client.wrong for client in clients] == [[]] * CONNECTIONS
        assert {client.answered for client in clients} == {WARM + times}
        assert count_visits(tmp_path) == CONNECTIONS * (WARM + times)
        assert server.app.lane
        assert server.app.lane.taken + server.app.asked.total() == CONNECTIONS * (WARM + times)
        assert server.app.lane.taken > CONNECTIONS * (WARM + times) * SHARE_TAKEN
        assert server.recorder.dropped == 0
    assert after.descriptors - before.descriptors <= FEW_FILES
    if times == MANY:
        assert after.tasks <= before.tasks
        assert after.objects - before.objects < MORE_OBJECTS
        assert after.resident - before.resident < MORE_BYTES


@contextlib.asynccontextmanager
async def connected(server: Side) -> AsyncIterator[list[Client]]:
    """All clients with their connections, which are gone on both ends afterwards."""
    loop = asyncio.get_running_loop()
    clients = list[Client]()
    try:
        for number in range(CONNECTIONS):
            source = f"127.2.0.{1 + number % ADDRESSES}"
            make = partial(Client, CODES, seed=number)
            clients.append((await loop.create_connection(make, "127.0.0.1", server.port, local_addr=(source, 0)))[1])
        yield clients
    finally:
        for client in clients:
            client.close()
        await are_gone(server)


async def ask(clients: list[Client], times: int) -> None:
    await asyncio.gather(*(client.ask(times) for client in clients))


async def are_gone(server: Side) -> None:
    state = server.server.server_state

    async def is_so() -> bool:
        return not state.connections and not state.tasks

    await eventually(is_so)
