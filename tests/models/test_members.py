"""Members: added, changed and removed by who may, and never without an owner."""

import asyncio
from dataclasses import dataclass

import pytest

from models import member_changes, members, users
from models.actors import OPERATOR, Actor
from models.database import Database
from models.ids import MemberId, WorkspaceId
from models.instance import InstanceRecord
from models.members import MemberRecord
from models.refusals import NoLongerAllowed, NotAllowed, Problem, Refused
from models.roles import Role, at_least
from tests.models.making import LATER, NOW, kinds

pytestmark = pytest.mark.database


@dataclass(frozen=True)
class Team:
    """A workspace's members, changed in a transaction each."""

    database: Database
    workspace_id: WorkspaceId

    async def add(
        self, email: str, role: Role = Role.MEMBER, *, as_role: Role = Role.OWNER, by: Actor = OPERATOR
    ) -> MemberRecord:
        async with self.database.write() as session:
            return await member_changes.add(
                session, workspace_id=self.workspace_id, email=email, role=role, by=by, as_role=as_role, now=NOW
            )

    async def change(
        self, member: MemberId, role: Role | None, *, as_role: Role = Role.OWNER, by: Actor = OPERATOR
    ) -> MemberRecord:
        async with self.database.write() as session:
            return await member_changes.change(
                session,
                workspace_id=self.workspace_id,
                member_id=member,
                role=role,
                by=by,
                as_role=as_role,
                now=LATER,
            )

    async def remove(self, member: MemberId, *, as_role: Role = Role.OWNER, by: Actor = OPERATOR) -> MemberRecord:
        async with self.database.write() as session:
            return await member_changes.remove(
                session, workspace_id=self.workspace_id, member_id=member, by=by, as_role=as_role, now=LATER
            )

    async def roles(self) -> list[Role]:
        async with self.database.read() as conn:
            found = await members.page(conn, workspace_id=self.workspace_id, after=None, size=100)
        return [member.role for member in found]


@pytest.fixture
def team(database: Database, here: InstanceRecord) -> Team:
    return Team(database, here.workspace_id)


async def test_a_person_is_added_once_whatever_the_case(team: Team) -> None:
    first = await team.add(" Ann@Example.com ")
    with pytest.raises(Refused) as refused:
        await team.add("ann@EXAMPLE.com", Role.READER)
    assert kinds(refused.value) == {(Problem, "TAKEN", ("email",))}
    assert (first.role, first.joined_at) == (Role.MEMBER, NOW)


@pytest.mark.parametrize("email", ["", "ann", "@example.com", "ann@", "a b@example.com", "a@b@c.de", "a@b", "a@x.\x00"])
async def test_what_is_no_address_is_refused(team: Team, email: str) -> None:
    with pytest.raises(Refused) as refused:
        await team.add(email)
    assert {path for _, _, path in kinds(refused.value)} == {("email",)}


@pytest.mark.parametrize(
    ("as_role", "role", "allowed"),
    [
        (Role.OWNER, Role.OWNER, True),
        (Role.OWNER, Role.READER, True),
        (Role.ADMIN, Role.MEMBER, True),
        (Role.ADMIN, Role.READER, True),
        (Role.ADMIN, Role.ADMIN, False),
        (Role.ADMIN, Role.OWNER, False),
        (Role.MEMBER, Role.READER, False),
        (Role.READER, Role.READER, False),
    ],
)
async def test_owners_manage_admins_and_admins_the_rest(team: Team, as_role: Role, role: Role, allowed: bool) -> None:
    await team.add("owner@example.com", Role.OWNER)
    if allowed:
        member = await team.add("ann@example.com", role, as_role=as_role)
        await team.change(member.id, Role.READER, as_role=as_role)
    else:
        member = await team.add("ann@example.com", role)
        for attempt in (
            team.add("ben@example.com", role, as_role=as_role),
            team.change(member.id, Role.MEMBER, as_role=as_role),
            team.remove(member.id, as_role=as_role),
        ):
            with pytest.raises(NotAllowed):
                await attempt


async def test_nobody_raises_themselves(team: Team) -> None:
    admin = await team.add("ann@example.com", Role.ADMIN)
    with pytest.raises(NotAllowed):
        await team.change(admin.id, Role.OWNER, as_role=Role.ADMIN)


@pytest.mark.parametrize("role", [Role.ADMIN, Role.READER, None])
async def test_who_was_an_owner_when_the_request_began_and_is_none_any_more_manages_no_owner(
    team: Team, role: Role | None
) -> None:
    first, second = await team.add("a@example.com", Role.OWNER), await team.add("b@example.com", Role.OWNER)
    await (team.remove(second.id) if role is None else team.change(second.id, role))
    late = Actor(user=second.user_id, roles=at_least(Role.OWNER))

    for attempt in (
        team.add("c@example.com", Role.OWNER, by=late),
        team.change(first.id, Role.READER, by=late),
        team.remove(first.id, by=late),
    ):
        with pytest.raises(NoLongerAllowed):
            await attempt
    assert (await team.roles()).count(Role.OWNER) == 1


async def test_the_last_owner_stays(team: Team) -> None:
    owner = await team.add("ann@example.com", Role.OWNER)
    for attempt in (team.change(owner.id, Role.ADMIN), team.remove(owner.id), team.remove(owner.id)):
        with pytest.raises(Refused) as refused:
            await attempt
        assert kinds(refused.value) == {(Problem, "CONFLICT", ("id",))}


async def test_of_two_owners_who_leave_at_once_one_stays(team: Team) -> None:
    first, second = await team.add("a@example.com", Role.OWNER), await team.add("b@example.com", Role.OWNER)
    left = await asyncio.gather(team.remove(first.id), team.remove(second.id), return_exceptions=True)
    assert sorted(type(one).__name__ for one in left) == ["MemberRecord", "Refused"]
    assert await team.roles() == [Role.OWNER]


async def test_whoever_it_is_may_leave(team: Team) -> None:
    await team.add("owner@example.com", Role.OWNER)
    admin = await team.add("ann@example.com", Role.ADMIN)
    await team.remove(admin.id, as_role=Role.ADMIN, by=Actor(user=admin.user_id))
    assert await team.roles() == [Role.OWNER]


async def test_who_was_removed_is_known_by_name_and_can_come_back(team: Team) -> None:
    member = await team.add("ann@example.com")
    await team.remove(member.id)
    async with team.database.read() as conn:
        assert await members.of_user(conn, user_id=member.user_id) == []
        assert member.user_id in await users.by_ids(conn, workspace_id=team.workspace_id, ids=[member.user_id])
    back = await team.add("ann@example.com", Role.READER)
    assert (back.id, back.role, back.removed_at) == (member.id, Role.READER, None)


async def test_members_of_another_workspace_are_not_there(team: Team, elsewhere: InstanceRecord) -> None:
    member = await team.add("ann@example.com")
    other = Team(team.database, elsewhere.workspace_id)
    for attempt in (other.change(member.id, Role.READER), other.remove(member.id)):
        with pytest.raises(Refused) as refused:
            await attempt
        assert kinds(refused.value) == {(Problem, "NOT_FOUND", ("id",))}
    async with team.database.read() as conn:
        assert await members.by_ids(conn, workspace_id=elsewhere.workspace_id, ids=[member.id]) == {}
        assert await users.by_ids(conn, workspace_id=elsewhere.workspace_id, ids=[member.user_id]) == {}


async def test_a_person_whom_two_workspaces_add_at_once_is_one_person(team: Team, elsewhere: InstanceRecord) -> None:
    other = Team(team.database, elsewhere.workspace_id)
    for number in range(10):
        one, two = await asyncio.gather(team.add(f"p{number}@example.com"), other.add(f"p{number}@example.com"))
        assert one.user_id == two.user_id and one.id != two.id
