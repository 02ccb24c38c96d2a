"""What the redirect's tests share: an owner with an empty domain, and a door with a patience for slow machines."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from models.database import Database
from models.instance import bootstrap
from redirect.config import RedirectConfig
from tests.proxy import PostgresProxy
from tests.redirect.house import PATIENT, Clock, Owner, Visitor


@pytest.fixture
async def owner(database: Database) -> Owner:
    async with database.write() as session:
        instance = await bootstrap(session, hostname="kurz.test", now=datetime.now(UTC))
    return Owner(database, instance)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Everything about the redirect holds with the lane and without; the lane's own tests say which they mean."""
    is_about_lane = metafunc.module.__name__.rpartition(".")[2].startswith("test_lane")
    if "way" in metafunc.fixturenames and not is_about_lane:
        metafunc.parametrize("way", ["route", "lane"], indirect=True)


@pytest.fixture
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Which way visitors come in this test."""
    chosen: str = getattr(request, "param", "route")
    monkeypatch.setattr(Visitor, "uses_lane", chosen == "lane")
    return chosen


@pytest.fixture
def config(database_url: str, way: str) -> RedirectConfig:  # so that visitors come both ways
    """Answers as in production; only the waits for the database are long enough for any machine."""
    return RedirectConfig(
        database_url=database_url,
        direct_database_url=database_url,
        start_within=PATIENT,
        heartbeat_every=0.05,
        lost_after=PATIENT,
        reconnect_every=0.05,
        revalidate_within=PATIENT,
        miss_within=PATIENT,
        probe_every=0.05,
    )


@pytest.fixture
async def visitor(owner: Owner, config: RedirectConfig) -> AsyncIterator[Visitor]:
    async with Visitor(config) as visitor:
        yield visitor


@pytest.fixture
async def proxy(database_url: str) -> AsyncIterator[PostgresProxy]:
    """The way of look-ups to PostgreSQL."""
    async with PostgresProxy(database_url) as proxy:
        yield proxy


@pytest.fixture
async def direct_proxy(database_url: str) -> AsyncIterator[PostgresProxy]:
    """The way of LISTEN to PostgreSQL."""
    async with PostgresProxy(database_url) as proxy:
        yield proxy


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def far(config: RedirectConfig, proxy: PostgresProxy, direct_proxy: PostgresProxy, clock: Clock) -> RedirectConfig:
    """A door with both its ways to PostgreSQL through a proxy, on the test's own clock."""
    return replace(
        config,
        database_url=proxy.url,
        direct_database_url=direct_proxy.url,
        clock=clock,
        lost_after=2.0,
        probe_every=1.0,
    )
