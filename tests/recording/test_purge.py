"""What is overdue goes: deleted links after a month, audit entries when nobody wants them any longer."""

import asyncio
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from models import erasure, link_deletion
from models.actors import OPERATOR
from models.database import Database, asyncpg_dsn
from models.instance import InstanceRecord, bootstrap
from models.links import ById, LinkRecord
from recording.housekeeping import purge
from recording.load import Connection
from recording.loader import Loader, LoaderConfig
from tests.eventually import eventually
from tests.models.making import OWN_HOST, deactivate, make_link
from tests.recording.writing import Writer

pytestmark = pytest.mark.database
DAY = timedelta(days=1)
NOW = datetime.now(UTC)
ENTRIES = "select count(*) from audit_entry where action like 'link.%'"
ALL = 6  # of two links that are made, deactivated and deleted


@pytest.fixture
async def here(database: Database) -> InstanceRecord:
    async with database.write() as session:
        return await bootstrap(session, hostname=OWN_HOST, now=NOW)


@pytest.fixture
async def deleted(database: Database, here: InstanceRecord) -> list[LinkRecord]:
    """A link that was deleted 40 days ago, and one 20 days ago."""
    return [await _deleted(database, here, now=NOW - days * DAY) for days in (40, 20)]


async def _deleted(database: Database, here: InstanceRecord, *, now: datetime) -> LinkRecord:
    link = await make_link(database, here, now=now)
    await deactivate(database, here, ById(link.id), now=now)
    async with database.write() as session:
        return await link_deletion.delete(
            session, workspace_id=here.workspace_id, lookup=ById(link.id), by=OPERATOR, now=now
        )


@pytest.mark.parametrize(("audit_days", "entries"), [(0, 6), (50, 6), (30, 3), (10, 0)])
async def test_what_is_overdue_goes_and_nothing_else(
    connection: Connection, deleted: list[LinkRecord], audit_days: int, entries: int
) -> None:
    assert await purge(connection, now=NOW, audit_days=audit_days) == 1
    assert await connection.fetchval("select array_agg(id) from link") == [deleted[1].id]
    assert await connection.fetchval(ENTRIES) == entries
    assert await purge(connection, now=NOW, audit_days=audit_days) == 0


async def test_it_stops_between_two_steps_and_goes_on_later(
    connection: Connection, deleted: list[LinkRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasure, "LINKS_AT_ONCE", 1)
    later = NOW + 20 * DAY
    answers = iter([False, True, True])
    assert await purge(connection, now=later, audit_days=1, is_stopping=lambda: next(answers)) == 1
    assert await connection.fetchval(ENTRIES) == ALL
    assert await purge(connection, now=later, audit_days=1) == 1


async def test_two_hosts_that_purge_at_once_do_it_once(
    database_url: str, connection: Connection, deleted: list[LinkRecord]
) -> None:
    other = await asyncpg.connect(asyncpg_dsn(database_url))
    later = NOW + 20 * DAY
    await asyncio.gather(*(purge(one, now=later, audit_days=1) for one in (connection, other)))
    await other.close()
    assert await connection.fetchval("select count(*) from link") == 0
    assert await connection.fetchval("select count(*) from erased_link") == 2


@pytest.mark.parametrize("years", [0, 1])
async def test_the_loader_purges_by_the_earlier_of_two_clocks(
    database_url: str, worker: Writer, connection: Connection, deleted: list[LinkRecord], years: int
) -> None:
    config = LoaderConfig(
        folder=worker.folder, database_url=database_url, instance_id=worker.instance_id, audit_days=30
    )
    loader = Loader(config, clock=lambda: datetime.now(UTC) + years * 365 * DAY)
    running = asyncio.create_task(loader.run())

    async def is_done() -> bool:
        return bool(await connection.fetchval(ENTRIES) == 3)

    await eventually(is_done)
    loader.stop()
    await running
    assert await connection.fetchval("select array_agg(id) from link") == [deleted[1].id]
