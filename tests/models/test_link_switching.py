"""Switching links off and on, and who is told about changes."""

import asyncio
from datetime import timedelta

import asyncpg
import pytest

from models import link_changes
from models.actors import BY_OPERATOR
from models.database import Database, asyncpg_dsn
from models.ids import LinkId
from models.instance import InstanceRecord
from models.link_changes import LinkChanges
from models.links import LINK_CHANNEL, ByCode, ByExternalId, ById, LinkStatus
from models.refusals import LimitReached, Problem, Refused
from tests.models.making import LATER, deactivate, kinds, make_link, reactivate, reread, update

pytestmark = pytest.mark.database


async def test_foreign_and_unknown_links_are_refused_alike(
    database: Database, here: InstanceRecord, elsewhere: InstanceRecord
) -> None:
    theirs = await make_link(database, elsewhere, code="b", external_id="x")
    for lookup in (ById(theirs.id), ById(LinkId(1)), ByCode(elsewhere.domain_id, "b"), ByExternalId("x")):
        for change in (
            update(database, here, lookup, LinkChanges(title="mine")),
            deactivate(database, here, lookup),
            reactivate(database, here, lookup),
        ):
            with pytest.raises(Refused) as refusal:
                await change
            assert kinds(refusal.value) == {(Problem, "NOT_FOUND", ("link",))}
    assert await reread(database, elsewhere, theirs) == theirs


async def test_a_link_is_deactivated_once_and_keeps_its_first_reason(database: Database, here: InstanceRecord) -> None:
    link = await make_link(database, here)
    first = await deactivate(database, here, ById(link.id), reason=" spam ")
    again = await deactivate(database, here, ById(link.id), reason="other", now=LATER + timedelta(days=1))
    assert (first.status, first.deactivated_at, first.deactivation_reason) == (LinkStatus.DEACTIVATED, LATER, "spam")
    assert first.version == 2
    assert again == first


async def test_a_reason_has_limits_too(database: Database, here: InstanceRecord) -> None:
    link = await make_link(database, here)
    with pytest.raises(Refused) as refusal:
        await deactivate(database, here, ById(link.id), reason="\x1b" + "r" * 500)
    assert kinds(refusal.value) == {(Problem, "INVALID", ("reason",)), (LimitReached, "LIMIT_REACHED", ("reason",))}


async def test_a_link_is_reactivated_without_a_trace_and_again_changes_nothing(
    database: Database, here: InstanceRecord
) -> None:
    link = await make_link(database, here)
    await deactivate(database, here, ById(link.id), reason="spam")
    active = await reactivate(database, here, ById(link.id))
    assert (active.status, active.deactivated_at, active.deactivation_reason, active.version) == (
        LinkStatus.ACTIVE,
        None,
        None,
        3,
    )
    assert await reactivate(database, here, ById(link.id)) == active


async def test_changes_are_announced_and_creations_are_not(
    database: Database, database_url: str, here: InstanceRecord
) -> None:
    heard: asyncio.Queue[object] = asyncio.Queue()
    listener = await asyncpg.connect(asyncpg_dsn(database_url))
    await listener.add_listener(LINK_CHANNEL, lambda *call: heard.put_nowait(call[3]))
    link = await make_link(database, here, code="Spring")
    lookup = ById(link.id)
    await update(database, here, lookup, LinkChanges(title="t"))
    await update(database, here, lookup, LinkChanges(title="t"))  # changes nothing
    await deactivate(database, here, lookup)
    await deactivate(database, here, lookup)  # changes nothing
    await reactivate(database, here, lookup)
    await database_says_goodbye(database)
    async with asyncio.timeout(60):
        messages = [await heard.get() for _ in range(4)]
    assert messages == [f"{here.domain_id} Spring"] * 3 + ["goodbye"]
    await listener.close()


async def database_says_goodbye(database: Database) -> None:
    """A last message, so that the listener need not wait for more."""
    async with database.read() as conn:
        await conn.exec_driver_sql(f"select pg_notify('{LINK_CHANNEL}', 'goodbye')")


async def test_a_change_taken_back_is_not_announced(
    database: Database, database_url: str, here: InstanceRecord
) -> None:
    heard: asyncio.Queue[object] = asyncio.Queue()
    listener = await asyncpg.connect(asyncpg_dsn(database_url))
    await listener.add_listener(LINK_CHANNEL, lambda *call: heard.put_nowait(call[3]))
    link = await make_link(database, here)
    with pytest.raises(KeyError):
        async with database.write() as session:
            await link_changes.deactivate(
                session,
                workspace_id=here.workspace_id,
                lookup=ById(link.id),
                reason=None,
                by=BY_OPERATOR,
                now=LATER,
            )
            raise KeyError
    await database_says_goodbye(database)
    async with asyncio.timeout(60):
        assert await heard.get() == "goodbye"
    await listener.close()
