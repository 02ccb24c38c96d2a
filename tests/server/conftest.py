"""Settings and an application for the tests of this room."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from asgi_lifespan import LifespanManager

from models.instance import InstanceRecord
from server.app import create_app
from server.settings import Settings, read_settings

Client = Callable[[Settings, InstanceRecord], AbstractAsyncContextManager[httpx.AsyncClient]]


@pytest.fixture
def now() -> datetime:
    return datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An environment without settings, and an empty current folder."""
    for name in Settings.model_fields:
        monkeypatch.delenv(f"KURZ_{name.upper()}", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def settings(bare: Path, database_url: str) -> Settings:
    """The defaults, on this test's own database."""
    return read_settings(database_url=database_url, data_dir=bare)


@pytest.fixture
def client_of() -> Client:
    """Asks the application of these settings without a network, between its start and its end."""
    return _client


@asynccontextmanager
async def _client(settings: Settings, instance: InstanceRecord) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(settings, instance)
    async with LifespanManager(app, startup_timeout=60, shutdown_timeout=60):
        transport = httpx.ASGITransport(app, client=("192.0.2.1", 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost:8000") as client:
            yield client
