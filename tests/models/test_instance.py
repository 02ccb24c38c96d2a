"""The first start, and every later one."""

import asyncio

import pytest
from sqlalchemy import text

from models import audit_entries, domains, instance, workspaces
from models.actors import OPERATOR
from models.database import Database
from models.domains import DomainRecord
from models.instance import InstanceRecord
from tests.models.making import LATER, NOW, OWN_HOST, make_link

pytestmark = pytest.mark.database


async def bootstrap(database: Database, hostname: str = OWN_HOST) -> InstanceRecord:
    async with database.write() as session:
        return await instance.bootstrap(session, hostname=hostname, now=LATER)


async def default_domain(database: Database, record: InstanceRecord) -> DomainRecord:
    async with database.read() as conn:
        found = await domains.by_ids(conn, workspace_id=record.workspace_id, ids=[record.domain_id])
    return found[record.domain_id]


async def test_a_fresh_database_has_no_instance(database: Database) -> None:
    async with database.read() as conn:
        assert await instance.find(conn) is None


async def test_the_first_start_makes_workspace_and_domain(database: Database, here: InstanceRecord) -> None:
    async with database.read() as conn:
        assert await instance.find(conn) == here
        workspace = await workspaces.find(conn, workspace_id=here.workspace_id)
    assert workspace is not None
    assert (workspace.timezone, workspace.created_at) == ("UTC", NOW)
    domain = await default_domain(database, here)
    assert (domain.hostname, domain.workspace_id) == (OWN_HOST, None)  # everyone's


async def test_later_starts_change_nothing(database: Database, here: InstanceRecord) -> None:
    assert await bootstrap(database) == here
    assert (await default_domain(database, here)).created_at == NOW


async def test_many_first_starts_at_once_make_one(database: Database) -> None:
    made = await asyncio.gather(*(bootstrap(database) for _ in range(5)))
    assert len(set(made)) == 1
    async with database.read() as conn:
        assert (await conn.execute(text("select count(*) from workspace"))).scalar_one() == 1


async def test_the_default_domain_follows_the_address_and_keeps_its_links(
    database: Database, here: InstanceRecord
) -> None:
    link = await make_link(database, here)
    assert await bootstrap(database, "New.Example") == here
    assert (await default_domain(database, here)).hostname == "new.example"
    assert link.domain_id == here.domain_id


async def test_an_address_that_another_domain_has_makes_that_one_the_default(
    database: Database, here: InstanceRecord
) -> None:
    async with database.write() as session:
        await session.execute(
            text("insert into domain values (5, :workspace, 'b.example', now(), null)"),
            {"workspace": here.workspace_id},
        )
    moved = await bootstrap(database, "b.example")
    assert moved.domain_id == 5
    assert await bootstrap(database, "b.example") == moved


async def told(database: Database, record: InstanceRecord) -> list[tuple[str, object, object]]:
    """What the default workspace's log says, oldest first, and that it was all the operator's doing."""
    async with database.read() as conn:
        entries = await audit_entries.page(conn, workspace_id=record.workspace_id, after=None, size=10)
    assert {entry.actor for entry in entries} <= {OPERATOR}
    return [(entry.action.value, entry.before, entry.after) for entry in reversed(entries)]


async def test_what_starts_change_is_told_in_the_audit_log(database: Database, here: InstanceRecord) -> None:
    made = [
        ("workspace.create", None, {"name": "Default", "timezone": "UTC"}),
        ("domain.create", None, {"hostname": OWN_HOST}),
    ]
    assert await told(database, here) == made
    await bootstrap(database)
    assert await told(database, here) == made, "a start that changes nothing"

    await bootstrap(database, "new.example")
    async with database.write() as session:
        await session.execute(text("insert into domain values (5, null, 'b.example', now(), null)"))
    await bootstrap(database, "b.example")

    assert (await told(database, here))[2:] == [
        ("domain.update", {"hostname": OWN_HOST}, {"hostname": "new.example"}),
        ("workspace.domain", {"hostname": "new.example"}, {"hostname": "b.example"}),
    ]


async def test_domains_of_another_workspace_are_not_found(
    database: Database, here: InstanceRecord, elsewhere: InstanceRecord
) -> None:
    async with database.read() as conn:
        ids = [here.domain_id, elsewhere.domain_id]
        found = await domains.by_ids(conn, workspace_id=here.workspace_id, ids=ids)
    assert set(found) == {here.domain_id}
