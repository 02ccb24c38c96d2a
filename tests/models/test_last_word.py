"""A change is committed before its key is revoked or its person removed, or never: whatever is under way meanwhile."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from models import keys, link_creation, link_deletion, member_changes, workspaces
from models.actors import OPERATOR, Actor
from models.database import Database
from models.instance import InstanceRecord
from models.keys import KeyRecord, Scope
from models.link_creation import LinkDraft
from models.links import ById, LinkRecord
from models.members import MemberRecord
from models.refusals import NoLongerAllowed
from models.roles import Role, at_least
from models.workspace_erasure import erase_workspace
from tests.eventually import eventually
from tests.models.making import LATER, NOW, POLICY, deactivate, make_link

pytestmark = pytest.mark.database

WAITING = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"


@dataclass(frozen=True)
class Place:
    """A workspace, and what is done there."""

    database: Database
    where: InstanceRecord

    async def add_key(self, **given: object) -> KeyRecord:
        async with self.database.write() as session:
            made = await keys.create(
                session,
                workspace_id=self.where.workspace_id,
                name="app",
                scopes=Scope,
                now=NOW,
                **given,  # type: ignore[arg-type]
            )
        return made.record

    async def add_member(self, name: str, role: Role) -> MemberRecord:
        async with self.database.write() as session:
            return await member_changes.add(
                session,
                workspace_id=self.where.workspace_id,
                email=f"{name}@example.com",
                role=role,
                by=OPERATOR,
                as_role=Role.OWNER,
                now=NOW,
            )

    async def revoke(self, session: AsyncSession, key: KeyRecord, *, by: Actor = OPERATOR) -> None:
        await keys.revoke(session, workspace_id=self.where.workspace_id, key_id=key.id, now=LATER, by=by)

    async def remove(self, session: AsyncSession, member: MemberRecord, *, by: Actor = OPERATOR) -> None:
        await member_changes.remove(
            session,
            workspace_id=self.where.workspace_id,
            member_id=member.id,
            by=by,
            as_role=Role.OWNER,
            now=LATER,
        )

    async def lower(self, session: AsyncSession, member: MemberRecord) -> None:
        await member_changes.change(
            session,
            workspace_id=self.where.workspace_id,
            member_id=member.id,
            role=Role.MEMBER,
            by=OPERATOR,
            as_role=Role.OWNER,
            now=LATER,
        )

    async def rename(self, session: AsyncSession, by: Actor) -> None:
        await workspaces.change(
            session, workspace_id=self.where.workspace_id, name="Renamed", timezone=None, by=by, now=LATER
        )

    async def make_link(self, session: AsyncSession, by: Actor) -> None:
        await link_creation.create(
            session,
            workspace_id=self.where.workspace_id,
            domain_id=self.where.domain_id,
            draft=LinkDraft("https://example.com/"),
            by=by,
            policy=POLICY,
            now=LATER,
        )

    async def delete(self, session: AsyncSession, link: LinkRecord, by: Actor) -> None:
        await link_deletion.delete(
            session, workspace_id=self.where.workspace_id, lookup=ById(link.id), by=by, now=LATER
        )

    async def make_key(self, session: AsyncSession, by: Actor) -> None:
        await keys.create(
            session, workspace_id=self.where.workspace_id, name="more", scopes=[Scope.LINKS_READ], now=LATER, by=by
        )

    async def told(self) -> int:
        async with self.database.read() as conn:
            return int((await conn.execute(text("select count(*) from audit_entry"))).scalar_one())


@pytest.fixture
def place(database: Database, here: InstanceRecord) -> Place:
    return Place(database, here)


Shut = Callable[[AsyncSession], Awaitable[None]]


async def a_revoked_key(place: Place) -> tuple[Actor, Shut]:
    key = await place.add_key()
    return Actor(key=key.id), lambda session: place.revoke(session, key)


async def a_removed_person(place: Place) -> tuple[Actor, Shut]:
    member = await place.add_member("ann", Role.ADMIN)
    return Actor(user=member.user_id, roles=at_least(Role.ADMIN)), lambda session: place.remove(session, member)


async def a_lowered_person(place: Place) -> tuple[Actor, Shut]:
    member = await place.add_member("ann", Role.ADMIN)
    return Actor(user=member.user_id, roles=at_least(Role.ADMIN)), lambda session: place.lower(session, member)


WHO = [a_revoked_key, a_removed_person, a_lowered_person]
CHANGES = [Place.make_link, Place.make_key, Place.rename]


@asynccontextmanager
async def half_done(database: Database, work: Callable[[AsyncSession], Awaitable[None]]) -> AsyncIterator[None]:
    """Work that is done and not committed yet, until the block ends."""
    async with database.write() as session:
        await work(session)
        yield


async def alone(database: Database, work: Callable[[AsyncSession], Awaitable[None]]) -> None:
    async with database.write() as session:
        await work(session)


async def one_waits(raw: asyncpg.Connection) -> bool:
    return await many_wait(raw, 1)


async def many_wait(raw: asyncpg.Connection, number: int) -> bool:
    return bool(await raw.fetchval(WAITING) == number)


@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize("change", CHANGES)
async def test_a_change_waits_for_a_revocation_and_is_not_made(
    place: Place,
    raw: asyncpg.Connection,
    who: Callable[[Place], Awaitable[tuple[Actor, Shut]]],
    change: Callable[[Place, AsyncSession, Actor], Awaitable[None]],
) -> None:
    actor, shut = await who(place)
    before = await place.told()

    async with half_done(place.database, shut):
        changing = asyncio.create_task(alone(place.database, lambda session: change(place, session, actor)))
        await eventually(lambda: one_waits(raw))

    with pytest.raises(NoLongerAllowed) as refused:
        await changing
    assert refused.value.is_key is (actor.key is not None)
    assert await place.told() == before + 1


@pytest.mark.parametrize("who", WHO)
async def test_a_revocation_waits_for_a_change_that_is_made_already(
    place: Place, raw: asyncpg.Connection, who: Callable[[Place], Awaitable[tuple[Actor, Shut]]]
) -> None:
    actor, shut = await who(place)
    before = await place.told()

    async with half_done(place.database, lambda session: place.make_link(session, actor)):
        shutting = asyncio.create_task(alone(place.database, shut))
        await eventually(lambda: one_waits(raw))

    await shutting
    assert await place.told() == before + 2
    with pytest.raises(NoLongerAllowed):
        await alone(place.database, lambda session: place.make_link(session, actor))


async def test_of_two_keys_that_revoke_each_other_one_stays(place: Place) -> None:
    for _ in range(5):
        one, two = await place.add_key(), await place.add_key()
        outcomes = await asyncio.gather(
            alone(place.database, partial(place.revoke, key=two, by=Actor(key=one.id))),
            alone(place.database, partial(place.revoke, key=one, by=Actor(key=two.id))),
            return_exceptions=True,
        )
        assert sorted(type(outcome).__name__ for outcome in outcomes) == ["NoLongerAllowed", "NoneType"]


async def test_who_may_end_their_own_rights_can(place: Place) -> None:
    key, member = await place.add_key(), await place.add_member("ann", Role.READER)
    await alone(place.database, lambda session: place.revoke(session, key, by=Actor(key=key.id)))
    own = Actor(user=member.user_id, roles=at_least(Role.READER))
    await alone(place.database, lambda session: place.remove(session, member, by=own))


async def test_a_key_that_has_expired_changes_nothing(place: Place) -> None:
    key = await place.add_key(expires_at=LATER)
    with pytest.raises(NoLongerAllowed):
        await alone(place.database, lambda session: place.make_link(session, Actor(key=key.id)))


async def test_who_was_raised_meanwhile_may_still_do_it(place: Place) -> None:
    member = await place.add_member("ann", Role.OWNER)
    raised = Actor(user=member.user_id, roles=at_least(Role.ADMIN))
    await alone(place.database, lambda session: place.rename(session, raised))


async def test_a_key_of_another_workspace_changes_nothing(place: Place, elsewhere: InstanceRecord) -> None:
    foreign = await Place(place.database, elsewhere).add_key()
    for change in (place.make_link, place.make_key, place.rename):
        with pytest.raises(NoLongerAllowed):
            await alone(place.database, partial(change, by=Actor(key=foreign.id)))


async def test_noting_that_a_key_was_used_waits_for_no_change(place: Place) -> None:
    key = await place.add_key()
    making = half_done(place.database, lambda session: place.make_link(session, Actor(key=key.id)))
    async with making, place.database.write() as session:
        await keys.note_use(session, workspace_id=place.where.workspace_id, key_id=key.id, now=LATER)


async def test_an_erasure_waits_for_changes_and_ends_them_all(
    place: Place, elsewhere: InstanceRecord, raw: asyncpg.Connection, other: asyncpg.Connection
) -> None:
    there = Place(place.database, elsewhere)
    key = await there.add_key()
    async with half_done(place.database, lambda session: there.make_key(session, Actor(key=key.id))):
        erasing = asyncio.create_task(erase_workspace(other, elsewhere.workspace_id, now=LATER + timedelta(seconds=1)))
        await eventually(lambda: one_waits(raw))
    await erasing
    for change in (there.make_link, there.make_key, there.rename):
        with pytest.raises(NoLongerAllowed):
            await alone(place.database, partial(change, by=Actor(key=key.id)))
    with pytest.raises(NoLongerAllowed):
        await alone(place.database, lambda session: there.make_link(session, OPERATOR))


async def test_an_erasure_and_a_deletion_that_wait_for_the_same_load_do_not_wait_for_each_other(
    place: Place, elsewhere: InstanceRecord, raw: asyncpg.Connection, other: asyncpg.Connection
) -> None:
    there = Place(place.database, elsewhere)
    key = await there.add_key()
    link = await make_link(place.database, elsewhere)
    await deactivate(place.database, elsewhere, ById(link.id))
    async with raw.transaction():
        await raw.execute("lock table click_batch in row exclusive mode")  # as a load does
        erasing = asyncio.create_task(erase_workspace(other, elsewhere.workspace_id, now=LATER + timedelta(seconds=1)))
        await eventually(lambda: many_wait(raw, 1))
        deleting = asyncio.create_task(
            alone(place.database, lambda session: there.delete(session, link, Actor(key=key.id)))
        )
        await eventually(lambda: many_wait(raw, 2))
    with pytest.raises(NoLongerAllowed):
        await deleting
    assert await erasing == 1
