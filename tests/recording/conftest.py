"""A spool, a connection as the loader has one, and the classifier, which is slow to make."""

from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from models.database import asyncpg_dsn
from recording.classify import Classifier
from recording.load import Connection
from tests.recording.writing import Offers, Writer, writer


@pytest.fixture(scope="session")
def classifier() -> Classifier:
    return Classifier()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the spool is; made by whoever writes first."""
    return tmp_path / "spool"


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[Connection]:
    connected = await asyncpg.connect(asyncpg_dsn(database_url))
    yield connected
    connected.terminate()


@pytest.fixture
async def instance_id(connection: Connection) -> int:
    """What the migration called this database."""
    found: int = await connection.fetchval("select spool_id from feed_position")
    return found


@pytest.fixture
def worker(folder: Path, instance_id: int) -> Writer:
    """Writes segments like a worker of this installation."""
    return writer(folder, instance_id)


@pytest.fixture
def offers(connection: Connection, instance_id: int, classifier: Classifier) -> Offers:
    return Offers(connection, instance_id, classifier)
