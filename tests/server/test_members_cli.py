"""`kurz members`, `kurz keys` and `kurz links` in a workspace of one's choice."""

from datetime import datetime, timedelta

import pytest

from graph import ids
from models import audit_entries, keys, link_changes, link_creation, link_deletion
from models.actors import BY_OPERATOR, OPERATOR
from models.audit_log import Action
from models.database import Database
from models.ids import WorkspaceId
from models.instance import InstanceRecord
from models.keys import Scope
from models.link_creation import LinkDraft
from models.links import ById, LinkRecord
from models.roles import Role
from server.first_start import prepare
from server.keys import create_key, key_lines, revoke_key
from server.links import deleted_lines, restore_link
from server.members import add_member, change_member, member_lines, remove_member, role_named
from server.settings import Settings
from server.start_error import UsageError
from server.workspaces import create_workspace
from tests.models.making import POLICY

ANN, BEN = "ann@example.com", "ben@example.com"


@pytest.fixture
async def instance(settings: Settings, now: datetime) -> InstanceRecord:
    return (await prepare(settings, keeps_first_key=False, now=now)).instance


@pytest.fixture
async def shop(settings: Settings, instance: InstanceRecord, now: datetime) -> str:
    """The id of a second workspace, which Ann owns."""
    return await create_workspace(settings, name="Shop", owner=ANN, timezone="UTC", links=None, now=now)


def number(workspace: str) -> WorkspaceId:
    found = ids.decode(ids.WORKSPACE, workspace)
    assert found
    return WorkspaceId(found)


async def last_told(database: Database, workspace_id: WorkspaceId, count: int) -> list[Action]:
    async with database.read() as conn:
        entries = await audit_entries.page(conn, workspace_id=workspace_id, after=None, size=count)
    assert {entry.actor for entry in entries} == {OPERATOR}
    return [entry.action for entry in entries]


async def test_members_come_change_and_go(settings: Settings, database: Database, shop: str, now: datetime) -> None:
    await add_member(settings, workspace=shop, email=" Ben@Example.com ", role=Role.READER, now=now)
    await change_member(settings, workspace=shop, email="BEN@example.com", role=Role.OWNER, now=now)
    lines = await member_lines(settings, workspace=shop, now=now)
    assert [line.split()[:2] for line in lines] == [[ANN, "OWNER"], [BEN, "OWNER"]]
    await remove_member(settings, workspace=shop, email=ANN, now=now)
    assert len(await member_lines(settings, workspace=shop, now=now)) == 1
    expected = [Action.MEMBER_REMOVE, Action.MEMBER_UPDATE, Action.MEMBER_ADD]
    assert await last_told(database, number(shop), 3) == expected
    assert await member_lines(settings, workspace=None, now=now) == []


async def test_what_cannot_be_done_to_members_is_a_wrong_argument(settings: Settings, shop: str, now: datetime) -> None:
    for attempt in (
        add_member(settings, workspace=shop, email=ANN, role=Role.ADMIN, now=now),
        add_member(settings, workspace=shop, email="nobody", role=Role.ADMIN, now=now),
        add_member(settings, workspace="wsp_00000000001", email=BEN, role=Role.ADMIN, now=now),
        change_member(settings, workspace=shop, email=ANN, role=Role.READER, now=now),  # the last owner
        change_member(settings, workspace=shop, email=BEN, role=Role.READER, now=now),
        remove_member(settings, workspace=shop, email=ANN, now=now),
        remove_member(settings, workspace=None, email=ANN, now=now),
    ):
        with pytest.raises(UsageError):
            await attempt


@pytest.mark.parametrize(("name", "role"), [("admin", Role.ADMIN), ("OWNER", Role.OWNER)])
def test_a_role_is_named_in_any_case(name: str, role: Role) -> None:
    assert role_named(name) is role
    with pytest.raises(UsageError):
        role_named(name + "s")


async def test_keys_belong_to_the_workspace_that_was_named(
    settings: Settings, instance: InstanceRecord, database: Database, shop: str, now: datetime
) -> None:
    secret = await create_key(settings, workspace=shop, name="app", scopes=[Scope.LINKS_READ], days=3, now=now)
    public_id = secret.split("_")[1]
    async with database.read() as conn:
        for days, is_valid in ((2, True), (3, False)):
            record = await keys.authenticate(conn, secret, now=now + timedelta(days=days))
            assert (record is not None and record.workspace_id == number(shop)) is is_valid
    assert await key_lines(settings, now=now) == []
    assert [line.split()[:2] for line in await key_lines(settings, workspace=shop, now=now)] == [[public_id, "valid"]]
    with pytest.raises(UsageError):
        await revoke_key(settings, public_id=public_id, now=now)
    await revoke_key(settings, workspace=shop, public_id=public_id, now=now)
    assert await last_told(database, number(shop), 2) == [Action.KEY_REVOKE, Action.KEY_CREATE]


async def delete(database: Database, instance: InstanceRecord, code: str, now: datetime) -> LinkRecord:
    async with database.write() as session:
        link = await link_creation.create(
            session,
            workspace_id=instance.workspace_id,
            domain_id=instance.domain_id,
            draft=LinkDraft("https://example.com/", code=code),
            by=OPERATOR,
            policy=POLICY,
            now=now,
        )
        lookup = ById(link.id)
        await link_changes.deactivate(
            session, workspace_id=instance.workspace_id, lookup=lookup, reason=None, by=BY_OPERATOR, now=now
        )
        return await link_deletion.delete(
            session, workspace_id=instance.workspace_id, lookup=lookup, by=OPERATOR, now=now
        )


async def test_deleted_links_come_back_by_code_or_id_for_a_month(
    settings: Settings, instance: InstanceRecord, database: Database, shop: str, now: datetime
) -> None:
    by_code, by_id = [await delete(database, instance, code, now) for code in ("one", "two")]
    await delete(database, instance, "late", now - timedelta(days=31))
    lines = await deleted_lines(settings, workspace=None, now=now)
    assert {line.split()[2] for line in lines} == {"one", "two"}
    assert await deleted_lines(settings, workspace=shop, now=now) == []
    for workspace, link in ((None, "late"), (None, "none"), (shop, "one"), (None, "lnk_00000000001")):
        with pytest.raises(UsageError):
            await restore_link(settings, workspace=workspace, link=link, now=now)
    back = [
        await restore_link(settings, workspace=None, link=link, now=now)
        for link in (by_code.code, ids.encode(ids.LINK, by_id.id))
    ]
    assert [link.id for link in back] == [by_code.id, by_id.id]
    assert await last_told(database, instance.workspace_id, 2) == [Action.LINK_RESTORE] * 2
