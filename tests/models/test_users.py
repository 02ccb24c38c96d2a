"""Signing in: by an identity that was bound once, to an e-mail that a provider has verified."""

import asyncio
from datetime import datetime, timedelta

import pytest

from models import audit_entries, member_changes, users
from models.actors import OPERATOR, Actor
from models.database import Database
from models.ids import WorkspaceId
from models.instance import InstanceRecord
from models.refusals import Refused
from models.roles import Role
from models.users import Identity, UserRecord
from tests.models.making import LATER, NOW

pytestmark = pytest.mark.database

ISSUER = "https://id.example"
ANN = Identity(ISSUER, "ann-1", "Ann@example.com", "Ann Other")


async def add_ann(database: Database, place: InstanceRecord, role: Role) -> None:
    async with database.write() as session:
        await member_changes.add(
            session,
            workspace_id=place.workspace_id,
            email="ann@example.com",
            role=role,
            by=OPERATOR,
            as_role=Role.OWNER,
            now=NOW,
        )


@pytest.fixture
async def invited(database: Database, here: InstanceRecord) -> None:
    """Ann was added, and has not been here yet."""
    await add_ann(database, here, Role.MEMBER)


async def sign_in(database: Database, identity: Identity) -> UserRecord | None:
    async with database.write() as session:
        return await users.bind(session, identity, now=LATER)


@pytest.mark.usefixtures("invited")
async def test_the_first_sign_in_binds_and_later_ones_need_no_email(database: Database) -> None:
    first = await sign_in(database, ANN)
    later = await sign_in(database, Identity(ISSUER, "ann-1", None, None))
    assert first is not None and later is not None
    assert (first.id, first.name, first.subject) == (later.id, "Ann Other", "ann-1")
    async with database.read() as conn:
        assert await users.find_by_identity(conn, issuer=ISSUER, subject="ann-1") == later


@pytest.mark.usefixtures("invited")
async def test_every_workspace_that_added_somebody_is_told_of_the_first_sign_in_once(
    database: Database, here: InstanceRecord, elsewhere: InstanceRecord
) -> None:
    await add_ann(database, elsewhere, Role.READER)
    ann = await sign_in(database, ANN)
    assert ann is not None and await sign_in(database, ANN)

    for place in (here, elsewhere):
        async with database.read() as conn:
            entries = await audit_entries.page(conn, workspace_id=place.workspace_id, after=None, size=10)
        entry, *rest = entries
        assert (entry.action, entry.actor, entry.created_at) == ("member.sign_in", Actor(user=ann.id), LATER)
        assert entry.after == {"email": "ann@example.com", "issuer": ISSUER}
        assert "member.sign_in" not in {one.action for one in rest}


@pytest.mark.usefixtures("invited")
async def test_an_address_that_is_bound_opens_nothing_for_another(database: Database) -> None:
    assert await sign_in(database, ANN)
    assert await sign_in(database, Identity(ISSUER, "ann-2", "ann@example.com", "Ann Next")) is None
    assert await sign_in(database, Identity("https://evil.example", "ann-1", "ann@example.com", "Ann")) is None


@pytest.mark.usefixtures("invited")
async def test_letters_that_only_look_alike_are_another_address(database: Database, here: InstanceRecord) -> None:
    async with database.write() as session:
        known = await users.known_or_new(session, email="kim@example.com", now=NOW)
        with pytest.raises(Refused):
            await users.known_or_new(session, email="\u212aim@example.com", now=NOW)
    assert await sign_in(database, Identity(ISSUER, "eve", "\u212aim@example.com", "Eve")) is None
    kim = await sign_in(database, Identity(ISSUER, "kim", "KIM@example.com", "Kim"))
    assert kim is not None and kim.id == known.id


@pytest.mark.parametrize("email", [None, "ben@example.com", "ann@example.com.evil.example"])
@pytest.mark.usefixtures("invited")
async def test_strangers_are_not_let_in(database: Database, email: str | None) -> None:
    assert await sign_in(database, Identity(ISSUER, "x", email, "Ann")) is None


@pytest.mark.usefixtures("invited")
async def test_many_first_sign_ins_at_once_bind_one_person(database: Database) -> None:
    found = await asyncio.gather(*(sign_in(database, ANN) for _ in range(5)))
    assert len({user.id for user in found if user is not None}) == 1


@pytest.mark.usefixtures("invited")
@pytest.mark.parametrize("name", ["", "  ", "a\x00b", "x" * 201])
async def test_a_name_that_cannot_be_shown_is_passed_over(database: Database, name: str) -> None:
    user = await sign_in(database, Identity(ISSUER, "ann-1", "ann@example.com", name))
    assert user is not None and user.name == "ann@example.com"


@pytest.mark.usefixtures("invited")
async def test_a_workspace_does_not_learn_what_somebody_is_in_another(
    database: Database, here: InstanceRecord, elsewhere: InstanceRecord
) -> None:
    ann = await sign_in(database, ANN)
    assert ann is not None
    added_at = LATER + timedelta(hours=1)
    async with database.write() as session:
        await member_changes.add(
            session,
            workspace_id=elsewhere.workspace_id,
            email="ann@example.com",
            role=Role.READER,
            by=OPERATOR,
            as_role=Role.OWNER,
            now=added_at,
        )

    async def seen_from(workspace_id: WorkspaceId) -> tuple[str, datetime]:
        async with database.read() as conn:
            found = (await users.by_ids(conn, workspace_id=workspace_id, ids=[ann.id]))[ann.id]
        return found.name, found.created_at

    assert await seen_from(here.workspace_id) == ("Ann Other", NOW)
    assert await seen_from(elsewhere.workspace_id) == ("ann@example.com", added_at)
    async with database.write() as session:
        await users.bind(session, ANN, now=added_at)
    assert await seen_from(elsewhere.workspace_id) == ("Ann Other", added_at)
