"""The bounds in time that the redirect promises, with its real settings."""

import asyncio
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from models.database import Database, make_engine
from models.instance import bootstrap
from models.upgrade import migrate
from redirect.config import RedirectConfig
from server.postgres import Postgres
from tests.eventually import eventually
from tests.proxy import PostgresProxy
from tests.redirect.house import NEW, OLD, Owner, Visitor

pytestmark = [pytest.mark.database, pytest.mark.nightly, pytest.mark.usefixtures("way")]

OUTAGE_S = 20.0
CURRENT_AFTER_RECOVERY_S = 2.0
DEAF_S = 7.0
CHANGE_S = 2.0
KNOWN = [f"known{number}" for number in range(200)]


@dataclass
class Traffic:
    """Visits without pause to known links, and one in ten to a code nobody has asked for."""

    visitor: Visitor
    known: Counter[str | int] = field(default_factory=Counter)
    others: Counter[str | int] = field(default_factory=Counter)

    async def run(self) -> None:
        number = 0
        while True:
            number += 1
            if number % 10:
                self.known[await self.visitor.visit(KNOWN[number % len(KNOWN)])] += 1
            else:
                self.others[await self.visitor.visit(f"other{number}")] += 1
            await asyncio.sleep(0.001)


@pytest.fixture
def own_postgres() -> Iterator[Postgres]:
    """A server that this test alone may stop."""
    home = Path(tempfile.mkdtemp(prefix="kurz-test-"))
    home.chmod(0o755)
    try:
        with Postgres(home, durable=False) as postgres:
            yield postgres
    finally:
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
async def own_owner(own_postgres: Postgres) -> AsyncIterator[Owner]:
    await migrate(own_postgres.url())
    database = Database(make_engine(own_postgres.url()))
    async with database.write() as session:
        instance = await bootstrap(session, hostname="kurz.test", now=datetime.now(UTC))
    yield Owner(database, instance)
    await database.close()


async def warm(visitor: Visitor, *codes: str) -> None:
    for code in codes:
        assert await visitor.visit(code) == OLD


async def seconds_until(visitor: Visitor, code: str, expected: str | int) -> float:
    begun_at = time.monotonic()

    async def is_so() -> bool:
        return await visitor.visit(code) == expected

    await eventually(is_so, every=0.005)
    return time.monotonic() - begun_at


async def test_an_outage_of_twenty_seconds_under_load(own_postgres: Postgres, own_owner: Owner) -> None:
    for code in (*KNOWN, "edited", "off", "cold"):
        await own_owner.make(code)
    url = own_postgres.url()
    config = RedirectConfig(database_url=url, direct_database_url=url, unknown_per_minute=1_000_000)
    async with Visitor(config) as visitor:
        await warm(visitor, *KNOWN, "edited", "off")
        before, during, after = Traffic(visitor), Traffic(visitor), Traffic(visitor)
        await for_a_while(before, 2.0)
        await asyncio.to_thread(own_postgres.stop)
        await for_a_while(during, OUTAGE_S)
        await asyncio.to_thread(own_postgres.start)
        recovered_at = time.monotonic()
        await own_owner.retarget("edited")
        await own_owner.deactivate("off")
        traffic = asyncio.create_task(after.run())
        await seconds_until(visitor, "edited", NEW)
        await seconds_until(visitor, "off", 410)
        await seconds_until(visitor, "cold", OLD)
        current_after = time.monotonic() - recovered_at
        traffic.cancel()
    assert set(before.known) == set(during.known) == set(after.known) == {OLD}
    assert set(before.others) == {404}
    assert set(during.others) == {503}
    assert set(after.others) <= {404, 503}
    assert during.known.total() > 1_000
    assert current_after <= CURRENT_AFTER_RECOVERY_S


async def for_a_while(traffic: Traffic, seconds: float) -> None:
    running = asyncio.create_task(traffic.run())
    await asyncio.wait((running,), timeout=seconds)
    running.cancel()


async def test_no_deactivated_link_is_served_seven_seconds_after_listen_was_cut(
    owner: Owner, database_url: str, direct_proxy: PostgresProxy
) -> None:
    await owner.make("off")
    config = RedirectConfig(database_url=database_url, direct_database_url=direct_proxy.url)
    async with Visitor(config) as visitor:
        await warm(visitor, "off")
        direct_proxy.go_deaf()
        await owner.deactivate("off")
        deactivated_at = time.monotonic()
        served_at = deactivated_at
        while time.monotonic() < deactivated_at + 2 * DEAF_S:
            if await visitor.visit("off") == OLD:
                served_at = time.monotonic()
            await asyncio.sleep(0.01)
    assert served_at - deactivated_at <= DEAF_S


async def test_changes_are_followed_within_two_seconds(owner: Owner, database_url: str) -> None:
    await owner.make("edited")
    async with Visitor(RedirectConfig(database_url=database_url, direct_database_url=database_url)) as visitor:
        for round_ in range(20):
            destination = f"https://new.example/{round_}"
            await visitor.visit("edited")
            await owner.retarget("edited", destination)
            assert await seconds_until(visitor, "edited", destination) <= CHANGE_S


async def test_changes_missed_by_a_broken_listen_are_followed_within_two_seconds(
    owner: Owner, database_url: str, direct_proxy: PostgresProxy
) -> None:
    await owner.make("off")
    config = RedirectConfig(database_url=database_url, direct_database_url=direct_proxy.url)
    async with Visitor(config) as visitor:
        await warm(visitor, "off")
        direct_proxy.refuse()
        await owner.deactivate("off")
        direct_proxy.restore()
        assert await seconds_until(visitor, "off", 410) <= CHANGE_S


async def test_a_deaf_database_keeps_no_cached_visitor_waiting(
    owner: Owner, proxy: PostgresProxy, direct_proxy: PostgresProxy
) -> None:
    for code in KNOWN:
        await owner.make(code)
    config = replace(
        RedirectConfig(database_url=proxy.url, direct_database_url=direct_proxy.url), unknown_per_minute=1_000_000
    )
    async with Visitor(config) as visitor:
        await warm(visitor, *KNOWN)
        proxy.go_deaf()
        direct_proxy.go_deaf()
        slowest, end = 0.0, time.monotonic() + 15.0
        while time.monotonic() < end:
            for code in KNOWN:
                begun_at = time.monotonic()
                assert await visitor.visit(code) == OLD
                slowest = max(slowest, time.monotonic() - begun_at)
            await asyncio.sleep(0.01)
    assert slowest < 0.5  # 100 ms, and what a loaded machine adds
