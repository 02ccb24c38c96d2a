"""What every test may ask for: a throw-away PostgreSQL, and a fresh migrated database on it."""

import asyncio
import contextlib
import gc
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from sqlalchemy.engine import Engine

from models.database import Database, make_engine
from models.upgrade import migrate
from server.postgres import Postgres
from tests import row_security
from tests.databases import Databases

TEMPLATE = "kurz_template"
GUARDED_TEMPLATE = "kurz_guarded_template"
TESTS = Path(__file__).parent
MEMORY = Path("/dev/shm")
ROOM_IN_MEMORY = 2_000_000_000
START_SERVERS = {"server", "clients", "browser"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The files that start servers come first: few tests that take long, which must not be left for the end."""
    items.sort(key=lambda item: not _starts_servers(item.path.relative_to(TESTS)))


def pytest_collection_finish() -> None:
    """What is loaded now stays until the end: a tenth of the time would go into looking through it for garbage."""
    gc.collect()
    gc.freeze()


def _starts_servers(file: Path) -> bool:
    return len(file.parts) == 1 or file.parts[0] in START_SERVERS


@pytest.fixture(scope="session", autouse=True)
def _interruptible() -> None:
    """Processes that tests start must not inherit an ignored SIGINT, as a shell's background job has it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="module", autouse=True)
def _workspaces_apart(request: pytest.FixtureRequest) -> Iterator[None]:
    """Under `KURZ_TEST_RLS` every statement of the data layer is held to one workspace."""
    with row_security.guarding(Engine) if row_security.is_on_for(request.path) else contextlib.nullcontext():
        yield


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def cluster() -> Iterator[Postgres]:
    """One PostgreSQL for this test process; its folder lies where another system user may enter."""
    home = Path(tempfile.mkdtemp(prefix="kurz-test-", dir=_memory()))
    home.chmod(0o755)
    try:
        with Postgres(home, durable=False) as postgres:
            yield postgres
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _memory() -> Path | None:
    """A folder in memory where there is room for it: each test's database is made there ten times as fast."""
    return MEMORY if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ROOM_IN_MEMORY else None


@pytest.fixture(scope="session")
def databases(cluster: Postgres) -> Iterator[Databases]:
    """What makes databases there."""
    with contextlib.closing(Databases(cluster)) as made:
        yield made


@pytest.fixture(scope="session")
def plain_template(databases: Databases) -> str:
    """The name of a database built by the migrations, which nobody is connected to."""
    asyncio.run(migrate(databases.make(TEMPLATE)))
    return TEMPLATE


@pytest.fixture(scope="session")
def guarded_template(databases: Databases, plain_template: str) -> str:
    """The same with row-level security."""
    asyncio.run(row_security.enable(databases.make(GUARDED_TEMPLATE, template=plain_template)))
    return GUARDED_TEMPLATE


@pytest.fixture(scope="module")
def template(request: pytest.FixtureRequest) -> str:
    """The name of the database whose copies the tests of this file work with."""
    is_guarded = row_security.is_on_for(request.path)
    return str(request.getfixturevalue("guarded_template" if is_guarded else "plain_template"))


@pytest.fixture
def database_url(databases: Databases, template: str) -> Iterator[str]:
    """A database of this test's own, with the whole schema and no row."""
    with databases.throw_away(template) as url:
        yield url


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    store = Database(make_engine(database_url))
    yield store
    await store.close()
