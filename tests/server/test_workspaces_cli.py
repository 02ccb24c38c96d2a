"""`kurz workspaces`: made, listed, limited and erased at the terminal, each change told in the audit log."""

import subprocess
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import pytest

from graph import ids
from models import audit_entries, keys, link_creation, members, workspaces
from models.actors import OPERATOR
from models.audit_log import Action
from models.database import Database
from models.ids import WorkspaceId
from models.instance import InstanceRecord
from models.keys import Scope
from models.link_creation import LinkDraft
from models.refusals import Refused
from server.first_start import prepare
from server.settings import Settings
from server.start_error import UsageError
from server.workspaces import (
    create_workspace,
    erase,
    items_named,
    limit_items,
    limit_links,
    limit_named,
    workspace_lines,
)
from tests.models.making import POLICY
from tests.serving import run_kurz


@pytest.fixture
async def instance(settings: Settings, now: datetime) -> InstanceRecord:
    return (await prepare(settings, keeps_first_key=False, now=now)).instance


@pytest.fixture
async def shop(settings: Settings, instance: InstanceRecord, now: datetime) -> str:
    """The id of a second workspace."""
    return await create_workspace(
        settings, name="Shop", owner="Ann@example.com", timezone="Europe/Berlin", links=2, now=now
    )


def number(workspace: str) -> WorkspaceId:
    found = ids.decode(ids.WORKSPACE, workspace)
    assert found
    return WorkspaceId(found)


async def told(database: Database, workspace: str) -> list[Action]:
    async with database.read() as conn:
        entries = await audit_entries.page(conn, workspace_id=number(workspace), after=None, size=100)
    assert {entry.actor for entry in entries} == {OPERATOR}
    return [entry.action for entry in entries]


async def make_link(database: Database, where: InstanceRecord, now: datetime) -> None:
    async with database.write() as session:
        await link_creation.create(
            session,
            workspace_id=where.workspace_id,
            domain_id=where.domain_id,
            draft=LinkDraft("https://example.com/"),
            by=OPERATOR,
            policy=POLICY,
            now=now,
        )


def agree(_name: str) -> bool:
    return True


async def test_a_new_workspace_has_an_owner_and_a_limit(database: Database, shop: str) -> None:
    async with database.read() as conn:
        [owner] = await members.page(conn, workspace_id=number(shop), after=None, size=10)
    assert owner.role == "OWNER"
    assert await told(database, shop) == [Action.WORKSPACE_LIMIT, Action.MEMBER_ADD, Action.WORKSPACE_CREATE]


@pytest.mark.usefixtures("instance")
async def test_what_cannot_be_makes_nothing(settings: Settings, now: datetime) -> None:
    for name, owner, timezone in (
        ("", "a@example.com", "UTC"),
        ("Shop", "nobody", "UTC"),
        ("Shop", "a@example.com", "Mars/Base"),
    ):
        with pytest.raises(UsageError):
            await create_workspace(settings, name=name, owner=owner, timezone=timezone, links=None, now=now)
    assert len(await workspace_lines(settings, now=now)) == 1


async def test_the_list_shows_both_limits(settings: Settings, shop: str, now: datetime) -> None:
    await limit_items(settings, workspace=shop, items=37, now=now)
    default, line = [line.split("  ") for line in await workspace_lines(settings, now=now)]
    assert (line[0], line[2], line[-1]) == (shop, "Europe/Berlin", "Shop")
    assert {"2", "37"} <= set(line[3].split())
    assert "500" in default[3].split()


@pytest.mark.parametrize(("text", "limit"), [("none", None), ("None", None), ("0", 0), ("25", 25)])
def test_a_limit_is_a_number_or_none(text: str, limit: int | None) -> None:
    assert limit_named(text) == limit


@pytest.mark.parametrize("text", ["", "-1", "1.5", "many", "²", "2147483648"])
def test_what_is_no_limit_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        limit_named(text)


@pytest.mark.parametrize("text", ["", "0", "501", "-1", "none", "1.5", "²"])
def test_what_is_no_number_of_items_is_refused(text: str) -> None:
    assert (items_named("1"), items_named("500")) == (1, 500)
    with pytest.raises(UsageError):
        items_named(text)


async def test_how_much_may_be_done_at_once_is_set_and_told(
    settings: Settings, database: Database, shop: str, now: datetime
) -> None:
    async with database.read() as conn:
        made = await workspaces.find(conn, workspace_id=number(shop))
    await limit_items(settings, workspace=shop, items=20, now=now)
    async with database.read() as conn:
        found = await workspaces.find(conn, workspace_id=number(shop))
    assert made and found
    assert (made.batch_limit, found.batch_limit) == (500, 20)
    assert (await told(database, shop))[0] == Action.WORKSPACE_LIMIT


async def test_a_limit_holds_until_it_is_lifted(
    settings: Settings, instance: InstanceRecord, database: Database, shop: str, now: datetime
) -> None:
    there = InstanceRecord(number(shop), instance.domain_id)
    await limit_links(settings, workspace=shop, links=0, now=now)
    with pytest.raises(Refused):
        await make_link(database, there, now)
    await limit_links(settings, workspace=shop, links=None, now=now)
    await make_link(database, there, now)
    assert (await told(database, shop))[:3] == [Action.LINK_CREATE, Action.WORKSPACE_LIMIT, Action.WORKSPACE_LIMIT]


@pytest.mark.usefixtures("instance")
async def test_an_unknown_workspace_is_a_wrong_argument(settings: Settings, now: datetime) -> None:
    for workspace in ("", "Shop", "wsp_00000000001", "lnk_00000000001", "wsp_1", "wsp_zzzzzzzzzzz"):
        with pytest.raises(UsageError):
            await limit_links(settings, workspace=workspace, links=1, now=now)
        with pytest.raises(UsageError):
            await erase(settings, workspace=workspace, confirm=agree, now=now)


async def test_erasing_needs_a_word_and_spares_the_default_workspace(
    settings: Settings, instance: InstanceRecord, database: Database, shop: str, now: datetime
) -> None:
    await make_link(database, InstanceRecord(number(shop), instance.domain_id), now)
    assert await erase(settings, workspace=shop, confirm=lambda name: name != "Shop", now=now) is None
    default = ids.encode(ids.WORKSPACE, instance.workspace_id)
    with pytest.raises(UsageError):
        await erase(settings, workspace=default, confirm=agree, now=now)
    assert len(await workspace_lines(settings, now=now)) == 2
    assert await erase(settings, workspace=shop, confirm=agree, now=now)
    assert [default in line for line in await workspace_lines(settings, now=now)] == [True]


async def test_whose_domain_became_the_installations_own_is_not_erased(
    settings: Settings, instance: InstanceRecord, database: Database, shop: str, now: datetime
) -> None:
    async with database.write() as session:
        connection = await session.connection()
        await connection.exec_driver_sql(f"update domain set workspace_id = {number(shop)}")
    with pytest.raises(UsageError):
        await erase(settings, workspace=shop, confirm=agree, now=now)
    assert len(await workspace_lines(settings, now=now)) == 2


async def test_while_it_is_being_erased_nothing_else_is_done_with_it(
    settings: Settings, database: Database, shop: str, now: datetime
) -> None:
    async with database.write() as session:
        await keys.create(session, workspace_id=number(shop), name="app", scopes=Scope, now=now)
        connection = await session.connection()
        await connection.exec_driver_sql(f"insert into erased_workspace values ({number(shop)}, now())")
    with pytest.raises(UsageError):
        await limit_links(settings, workspace=shop, links=None, now=now)
    assert len(await workspace_lines(settings, now=now)) == 2
    assert await erase(settings, workspace=shop, confirm=agree, now=now)


def run(settings: Mapping[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return run_kurz("workspaces", *arguments, settings=settings)


def test_the_commands_print_what_programs_need_and_end_with_a_status(database_url: str, tmp_path: Path) -> None:
    settings = {"KURZ_DATABASE_URL": database_url, "KURZ_DATA_DIR": str(tmp_path)}
    made = run(settings, "create", "Shop", "--owner", "ann@example.com", "--links", "5")
    (workspace,) = made.stdout.splitlines()
    assert made.returncode == 0
    for limits in (("--links", "x"), ("--items", "0"), ()):
        assert run(settings, "limit", workspace, *limits).returncode == 2
    # Nobody is there to type the name.
    assert run(settings, "erase", workspace).returncode == 1
    assert run(settings, "erase", workspace, "--yes").returncode == 0
    again = run(settings, "erase", workspace, "--yes")
    assert (again.returncode, again.stdout, len(again.stderr.splitlines())) == (2, "", 1)
