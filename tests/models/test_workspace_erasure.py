"""Erasing a workspace: all access ends at once, nothing is left in any table, and nobody else notices."""

import asyncio
import contextlib
from dataclasses import replace
from datetime import timedelta

import asyncpg
import pytest
from sqlalchemy.exc import DBAPIError, NoResultFound

from models import erasure, keys, link_deletion, members, workspaces
from models.actors import OPERATOR
from models.clicks_audit import audit
from models.database import Database
from models.ids import WorkspaceId
from models.instance import InstanceRecord
from models.keys import Scope
from models.links import ById
from models.refusals import CodeTaken, Refused
from models.workspace_erasure import NoSuchWorkspace, erase_workspace
from tests.clicks_data import Visit, load
from tests.erased import BEGIN, MARK, TELLS_OF_IT, Furnished, every_row, furnish, traces, visits
from tests.eventually import eventually
from tests.models.making import LATER, NOW, deactivate, make_link

pytestmark = pytest.mark.database
Connection = asyncpg.Connection
# What loading and erasing write for all workspaces together.
OF_ALL = {"click_batch", "feed_position", "erased_workspace", "retired_code"}


class Interrupted(Exception):  # noqa: N818 - it names what happens
    """Somebody pressed Ctrl-C."""


def interrupt(_gone: int) -> None:
    raise Interrupted


@pytest.fixture
async def kept(database: Database, here: InstanceRecord, raw: Connection) -> Furnished:
    """What is in the installation's own workspace, which stays."""
    return await furnish(database, raw, here, mark="lion", segment=1)


@pytest.fixture
async def doomed(
    database: Database, here: InstanceRecord, elsewhere: InstanceRecord, raw: Connection, kept: Furnished
) -> Furnished:
    """What is in another workspace, on its own domain; one link more is on the installation's, and deleted."""
    furnished = await furnish(database, raw, elsewhere, mark=MARK, segment=11)
    shared = InstanceRecord(elsewhere.workspace_id, here.domain_id)
    link = await make_link(database, shared, code="shared", title=MARK)
    await deactivate(database, shared, ById(link.id))
    await load(raw, visits(link, mark=MARK), segment=13)
    async with database.write() as session:
        await link_deletion.delete(
            session, workspace_id=elsewhere.workspace_id, lookup=ById(link.id), by=OPERATOR, now=LATER
        )
    furnished.links.append(link)
    return furnished


async def left(raw: Connection, elsewhere: InstanceRecord, doomed: Furnished) -> dict[str, list[str]]:
    ids = {*doomed.ids, elsewhere.workspace_id, elsewhere.domain_id}
    return traces(await every_row(raw), ids=ids, mark=MARK)


async def erasures_told(raw: Connection) -> list[tuple[int, int]]:
    """In which workspace's log, and of which."""
    asked = "select workspace_id, target_id from audit_entry where action = 'workspace.erase'"
    return [tuple(row) for row in await raw.fetch(asked)]


async def test_nothing_is_left_in_any_table(
    here: InstanceRecord, elsewhere: InstanceRecord, raw: Connection, doomed: Furnished
) -> None:
    assert len(await left(raw, elsewhere, doomed)) > 8
    assert await erase_workspace(raw, elsewhere.workspace_id, now=LATER) == 4
    assert await left(raw, elsewhere, doomed) == {}
    assert await audit(raw) == []
    assert await raw.fetchval("select array_agg(id) from erased_workspace") == [elsewhere.workspace_id]
    assert await erasures_told(raw) == [(here.workspace_id, elsewhere.workspace_id)]
    assert await raw.fetchval("select array_agg(code) from retired_code") == ["shared"]


async def test_nobody_else_notices(database: Database, here: InstanceRecord, raw: Connection, kept: Furnished) -> None:
    async def rest() -> dict[str, list[str]]:
        rows = {name: rows for name, rows in (await every_row(raw)).items() if name not in OF_ALL}
        return {name: [row for row in own if TELLS_OF_IT not in row] for name, own in rows.items()}

    before = await rest()
    async with database.write() as session:
        made = await workspaces.create(session, name=MARK, timezone="UTC", by=OPERATOR, now=NOW)
    await furnish(database, raw, InstanceRecord(made.id, here.domain_id), mark=MARK, segment=11)
    assert await rest() != before
    await erase_workspace(raw, made.id, now=LATER)
    assert await rest() == before
    assert await audit(raw) == []


async def test_it_can_be_interrupted_and_repeated_at_every_step(
    elsewhere: InstanceRecord, raw: Connection, doomed: Furnished, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasure, "VISITS_AT_ONCE", 5)
    interruptions = 0
    while await raw.fetchval("select exists (select from link_total where workspace_id = $1)", elsewhere.workspace_id):
        with pytest.raises(Interrupted):
            await erase_workspace(raw, elsewhere.workspace_id, now=LATER, on_links=interrupt)
        interruptions += 1
        assert await audit(raw) == []
    assert interruptions > 4
    assert await erase_workspace(raw, elsewhere.workspace_id, now=LATER) == 0
    assert await left(raw, elsewhere, doomed) == {}
    assert len(await erasures_told(raw)) == 1, "however often it was begun"


async def test_all_access_ends_before_the_first_row_goes(
    database: Database, elsewhere: InstanceRecord, raw: Connection, doomed: Furnished
) -> None:
    with pytest.raises(Interrupted):
        await erase_workspace(raw, elsewhere.workspace_id, now=LATER, on_links=interrupt)
    async with database.read() as conn:
        assert await keys.authenticate(conn, doomed.key.secret, now=LATER) is None
        assert await members.page(conn, workspace_id=elsewhere.workspace_id, after=None, size=10) == []
    with pytest.raises(Refused):
        await make_link(database, elsewhere)


async def test_a_deleted_link_does_not_come_back_meanwhile(
    database: Database, elsewhere: InstanceRecord, raw: Connection, doomed: Furnished, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasure, "VISITS_AT_ONCE", 1)
    with pytest.raises(Interrupted):
        await erase_workspace(raw, elsewhere.workspace_id, now=LATER, on_links=interrupt)
    async with database.write() as session:
        with pytest.raises(Refused):
            await link_deletion.restore(
                session,
                workspace_id=elsewhere.workspace_id,
                link_id=doomed.links[-1].id,
                by=OPERATOR,
                now=LATER,
            )


async def test_visits_that_are_loaded_meanwhile_or_later_are_dropped_and_counted(
    elsewhere: InstanceRecord, raw: Connection, other: Connection, kept: Furnished, doomed: Furnished
) -> None:
    late = [*visits(doomed.links[0], mark=MARK, first=90), *visits(kept.links[0], mark="lion", first=90)]

    async def loads(segments: range) -> None:
        for number in segments:
            again = [replace(one, visitor=1000 * number + at) for at, one in enumerate(late)]
            await load(other, again, segment=number)

    await asyncio.gather(loads(range(20, 26)), erase_workspace(raw, elsewhere.workspace_id, now=LATER))
    await loads(range(30, 31))
    assert await audit(raw) == []
    assert await left(raw, elsewhere, doomed) == {}
    # Half of each segment is the other's, whether it was stored first or never.
    rows = await raw.fetch("select rows, erased from click_batch where segment >= 20")
    assert [row["erased"] * 2 for row in rows] == [row["rows"] for row in rows]


async def test_codes_on_the_installations_domain_stay_retired(
    database: Database, here: InstanceRecord, elsewhere: InstanceRecord, raw: Connection, doomed: Furnished
) -> None:
    await make_link(database, InstanceRecord(elsewhere.workspace_id, here.domain_id), code="active")
    await erase_workspace(raw, elsewhere.workspace_id, now=LATER)
    for code in ("shared", "active"):
        with pytest.raises(Refused) as refused:
            await make_link(database, here, code=code)
        assert {type(problem) for problem in refused.value.problems} == {CodeTaken}


async def test_people_stay_where_else_they_belong(
    elsewhere: InstanceRecord, raw: Connection, kept: Furnished, doomed: Furnished
) -> None:
    await erase_workspace(raw, elsewhere.workspace_id, now=LATER)
    emails = await raw.fetch("select email from user_account order by 1")
    assert [row["email"] for row in emails] == ["both@example.com", "lion@example.com"]


async def test_what_a_request_under_way_made_goes_too(
    database: Database, elsewhere: InstanceRecord, raw: Connection, other: Connection, doomed: Furnished
) -> None:
    """A request that was let in before still makes a key, and a link by it."""
    async with database.write() as session:
        key = await keys.create(session, workspace_id=elsewhere.workspace_id, name=MARK, scopes=Scope, now=NOW)
        await session.flush()
        erasing = asyncio.create_task(erase_workspace(raw, elsewhere.workspace_id, now=LATER))
        await eventually(lambda: _is_waiting(other))
    await erasing
    async with database.read() as conn:
        assert await keys.authenticate(conn, key.secret, now=LATER) is None
    assert await left(raw, elsewhere, doomed) == {}


async def _is_waiting(conn: Connection) -> bool:
    found: bool = await conn.fetchval(
        "select exists (select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database())"
    )
    return found


async def test_changes_that_are_under_way_do_not_stop_it(
    database: Database, elsewhere: InstanceRecord, raw: Connection, doomed: Furnished
) -> None:
    async def change(turn: int) -> None:
        link = doomed.links[turn % 3]
        with contextlib.suppress(Refused, DBAPIError, NoResultFound):
            await deactivate(database, elsewhere, ById(link.id))
            async with database.write() as session:
                await link_deletion.delete(
                    session, workspace_id=elsewhere.workspace_id, lookup=ById(link.id), by=OPERATOR, now=LATER
                )
        with contextlib.suppress(Refused, DBAPIError, NoResultFound):
            await make_link(database, elsewhere)
            async with database.write() as session:
                key_id = doomed.key.record.id
                await keys.create(session, workspace_id=elsewhere.workspace_id, name="x", scopes=Scope, now=NOW)
                await keys.revoke(session, workspace_id=elsewhere.workspace_id, key_id=key_id, now=NOW)

    erasing = asyncio.create_task(erase_workspace(raw, elsewhere.workspace_id, now=LATER))
    await asyncio.gather(*(change(turn) for turn in range(6)))
    await erasing
    assert await left(raw, elsewhere, doomed) == {}
    assert await audit(raw) == []


async def test_sums_without_a_link_go_too(elsewhere: InstanceRecord, raw: Connection, doomed: Furnished) -> None:
    await load(raw, [Visit(occurred_at=BEGIN, link_id=77, workspace_id=elsewhere.workspace_id)], segment=40)
    await erase_workspace(raw, elsewhere.workspace_id, now=LATER)
    assert await left(raw, elsewhere, doomed) == {}


async def test_what_does_not_exist_or_is_the_installations_own_is_refused(
    here: InstanceRecord, elsewhere: InstanceRecord, raw: Connection, doomed: Furnished
) -> None:
    before = await every_row(raw)
    for workspace_id in (here.workspace_id, WorkspaceId(1)):
        with pytest.raises(NoSuchWorkspace):
            await erase_workspace(raw, workspace_id, now=LATER)
    await raw.execute("update instance set domain_id = $1", elsewhere.domain_id)
    with pytest.raises(NoSuchWorkspace):
        await erase_workspace(raw, elsewhere.workspace_id, now=LATER)
    await raw.execute("update instance set domain_id = $1", here.domain_id)
    assert await every_row(raw) == before


async def test_a_second_time_there_is_nothing_to_erase(
    elsewhere: InstanceRecord, raw: Connection, doomed: Furnished
) -> None:
    await erase_workspace(raw, elsewhere.workspace_id, now=LATER)
    with pytest.raises(NoSuchWorkspace):
        await erase_workspace(raw, elsewhere.workspace_id, now=LATER + timedelta(days=1))
