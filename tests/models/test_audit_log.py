"""The audit log: every change has its entry, in the change's own transaction, without secrets."""

from datetime import timedelta

import asyncpg
import pytest
from sqlalchemy import text

from models import audit_entries, audit_log, keys, link_changes, workspaces
from models.actors import OPERATOR, Actor, Editor
from models.audit_entries import EntryRecord
from models.audit_log import Action, TargetKind
from models.database import Database
from models.ids import UserId
from models.instance import InstanceRecord
from models.keys import Scope
from models.link_changes import LinkChanges
from models.links import ById
from models.refusals import NotAllowed
from tests.models.making import LATER, NOW, POLICY, deactivate, make_link, reactivate, update

pytestmark = pytest.mark.database


async def entries(database: Database, here: InstanceRecord) -> list[EntryRecord]:
    """What was done since the start."""
    async with database.read() as conn:
        told = await audit_entries.page(conn, workspace_id=here.workspace_id, after=None, size=100)
    return [entry for entry in told if entry.action not in (Action.WORKSPACE_CREATE, Action.DOMAIN_CREATE)]


async def test_a_links_life_is_told_newest_first(database: Database, here: InstanceRecord) -> None:
    link = await make_link(database, here, title="Old")
    await update(database, here, ById(link.id), LinkChanges(title="New"))
    await update(database, here, ById(link.id), LinkChanges(title="New"))  # changes nothing
    await deactivate(database, here, ById(link.id), reason="spam")
    await reactivate(database, here, ById(link.id))
    told = await entries(database, here)
    assert [entry.action for entry in told] == [
        Action.LINK_REACTIVATE,
        Action.LINK_DEACTIVATE,
        Action.LINK_UPDATE,
        Action.LINK_CREATE,
    ]
    assert {(entry.target.kind, entry.target.id) for entry in told} == {(TargetKind.LINK, link.id)}
    assert (told[2].before, told[2].after) == ({"title": "Old"}, {"title": "New"})
    assert told[2].summary == "title: 'Old' -> 'New'"


async def test_what_was_rolled_back_was_never_noted(database: Database, here: InstanceRecord) -> None:
    link = await make_link(database, here)
    with pytest.raises(KeyError):
        async with database.write() as session:
            await workspaces.change(
                session, workspace_id=here.workspace_id, name="New", timezone=None, by=OPERATOR, now=NOW
            )
            raise KeyError
    assert [entry.target.id for entry in await entries(database, here)] == [link.id]


async def test_no_secret_of_a_key_is_noted(database: Database, here: InstanceRecord) -> None:
    async with database.write() as session:
        new = await keys.create(session, workspace_id=here.workspace_id, name="app", scopes=Scope, now=NOW)
        await keys.revoke(session, workspace_id=here.workspace_id, key_id=new.record.id, now=LATER)
        await keys.revoke(session, workspace_id=here.workspace_id, key_id=new.record.id, now=LATER)
        noted = str((await session.execute(text("select array_agg(e::text) from audit_entry e"))).scalar_one())
    assert new.secret[-20:] not in noted
    assert [entry.action for entry in await entries(database, here)] == [Action.KEY_REVOKE, Action.KEY_CREATE]


async def test_who_changes_only_their_own_is_kept_from_others(database: Database, here: InstanceRecord) -> None:
    link = await make_link(database, here)
    stranger = Editor(Actor(user=UserId(7)), own_only=True)
    async with database.write() as session:
        with pytest.raises(NotAllowed):
            await link_changes.update(
                session,
                workspace_id=here.workspace_id,
                lookup=ById(link.id),
                changes=LinkChanges(title="mine"),
                expected_version=None,
                policy=POLICY,
                by=stranger,
                now=LATER,
            )
    assert len(await entries(database, here)) == 1


async def test_pages_do_not_overlap_and_entries_of_others_are_not_there(
    database: Database, here: InstanceRecord, elsewhere: InstanceRecord
) -> None:
    for _ in range(3):
        await make_link(database, here)
    async with database.read() as conn:
        first = await audit_entries.page(conn, workspace_id=here.workspace_id, after=None, size=2)
        rest = await audit_entries.page(conn, workspace_id=here.workspace_id, after=first[-1].id, size=2)
        foreign = await audit_entries.by_ids(conn, workspace_id=elsewhere.workspace_id, ids=[rest[0].id])
    assert len({entry.id for entry in (*first, *rest)}) == 4
    assert foreign == {} and await entries(database, elsewhere) == []


async def test_old_entries_are_forgotten(database: Database, here: InstanceRecord, raw: asyncpg.Connection) -> None:
    await make_link(database, here, now=NOW - timedelta(days=30))
    kept = await make_link(database, here, now=NOW)
    assert await audit_log.forget(raw, before=NOW - timedelta(days=1)) == 1
    assert [entry.target.id for entry in await entries(database, here)] == [kept.id]
