"""Members over GraphQL: who they are, who sees them, and who adds, changes and removes them."""

from datetime import timedelta
from typing import Any

import pytest

from graph import ids
from models import keys
from models.keys import Scope
from models.roles import Role
from tests.graph.api import Api, NewMember
from tests.graph.changing import change, document, done, forbidden, refusals
from tests.heard import hear

pytestmark = pytest.mark.database

MEMBERS = """query ($first: Int, $after: String) { workspace { members(first: $first, after: $after) {
  nodes { id role joinedAt user { id name email } } edges { cursor node { id } }
  pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } } }"""
NODE = "query ($id: ID!) { node(id: $id) { __typename id } }"


async def listed(api: Api, *, key: str | None = None, **variables: Any) -> Any:
    return (await api.ask(MEMBERS, variables, key=key))["workspace"]["members"]


def id_of(member: NewMember) -> str:
    return ids.encode(ids.MEMBER, member.record.id)


@pytest.fixture
async def team(api: Api) -> dict[Role, NewMember]:
    """One person in each role."""
    return {role: await api.new_member(role, name=role.lower()) for role in Role}


async def test_members_come_in_the_order_in_which_they_were_added(api: Api, team: dict[Role, NewMember]) -> None:
    found = await listed(api)

    assert [member["role"] for member in found["nodes"]] == ["OWNER", "ADMIN", "MEMBER", "READER"]
    owner = found["nodes"][0]
    assert owner["id"] == id_of(team[Role.OWNER]) and owner["joinedAt"] == "2026-03-29T08:00:00.000Z"
    assert (owner["user"]["name"], owner["user"]["email"]) == ("owner", "owner@example.com")
    assert [edge["node"]["id"] for edge in found["edges"]] == [member["id"] for member in found["nodes"]]


async def test_a_list_is_walked_page_by_page(api: Api, team: dict[Role, NewMember]) -> None:
    seen: list[str] = []
    info: dict[str, Any] = {"endCursor": None, "hasNextPage": True}
    while info["hasNextPage"]:
        page = await listed(api, first=3, after=info["endCursor"])
        info = page["pageInfo"]
        assert info["hasPreviousPage"] is bool(seen)
        assert (info["startCursor"], info["endCursor"]) == (page["edges"][0]["cursor"], page["edges"][-1]["cursor"])
        seen += [member["id"] for member in page["nodes"]]
    assert seen == [id_of(member) for member in team.values()]

    nothing = await listed(api, first=0)
    assert nothing["nodes"] == [] and nothing["pageInfo"]["hasNextPage"] and nothing["pageInfo"]["endCursor"] is None


NO_PAGES: list[dict[str, Any]] = [
    {"first": -1},
    {"first": 101},
    {"after": "nonsense"},
    {"after": "key_00000000001"},
    {"after": ""},
]


async def test_what_is_no_page_is_refused_alone(api: Api) -> None:
    asked = MEMBERS.replace("workspace {", "workspace { name", 1)
    for given in NO_PAGES:
        answer = (await api.post(asked, given)).json()

        assert answer["data"]["workspace"] == {"name": "Default", "members": None}, given
        (error,) = answer["errors"]
        assert (error["extensions"]["code"], error["path"]) == ("BAD_REQUEST", ["workspace", "members"]), given


async def test_every_person_sees_the_members_and_a_key_needs_a_scope(api: Api, team: dict[Role, NewMember]) -> None:
    for member in team.values():
        assert len((await listed(api, key=member.token))["nodes"]) == 4
        assert await api.ask(NODE, {"id": id_of(member)}, key=team[Role.READER].token) == {
            "node": {"__typename": "Member", "id": id_of(member)}
        }
    weak = await api.new_key(set(Scope) - {Scope.WORKSPACE_ADMIN})

    answer = (await api.post("{ workspace { name members { nodes { id } } } }", key=weak)).json()

    assert answer["data"] == {"workspace": {"name": "Default", "members": None}}
    (error,) = answer["errors"]
    assert error["extensions"] == {"code": "FORBIDDEN", "requiredScope": "WORKSPACE_ADMIN"}
    for one in (id_of(team[Role.OWNER]), "mem_00000000000", ids.encode(ids.USER, team[Role.OWNER].user.id)):
        assert await api.codes(NODE, {"id": one}, key=weak) == ["FORBIDDEN"]


async def test_an_address_is_for_its_owner_and_for_admins(api: Api, team: dict[Role, NewMember]) -> None:
    addresses = {f"{role.lower()}@example.com" for role in Role}
    for role, member in team.items():
        shown = {one["user"]["email"] for one in (await listed(api, key=member.token))["nodes"]}
        expected = addresses if role in {Role.OWNER, Role.ADMIN} else {f"{role.lower()}@example.com", None}
        assert shown == expected, role


async def test_a_list_takes_the_same_statements_however_long_it_is(api: Api, team: dict[Role, NewMember]) -> None:
    await api.ask("{ viewer { __typename } }")  # notes the key's use
    statements: list[str] = []
    api.read_once()
    hear(api.database.engine.sync_engine, lambda sql, _: statements.append(sql))

    counts = {}
    for size in (1, 4):
        statements.clear()
        assert len((await listed(api, first=size))["nodes"]) == size
        counts[size] = [statement.split()[0] for statement in statements]

    # The key, the workspace, the page, and its people.
    assert counts[1][-3:] == counts[4][-3:] and len(counts[4]) <= 4, counts


async def test_who_is_added_is_known_by_address_until_the_first_sign_in(api: Api) -> None:
    member = (await done(api, "addMember", email=" Ann.Lee@Example.com ", role="READER"))["member"]

    assert (member["role"], member["joinedAt"]) == ("READER", "2026-03-29T08:00:00.000Z")
    user = member["user"]
    assert (user["name"], user["email"]) == ("ann.lee", "ann.lee@example.com")
    assert user["createdAt"] == member["joinedAt"]


async def test_whom_another_workspace_knows_is_added_like_anybody(api: Api, team: dict[Role, NewMember]) -> None:
    api.clock.advance(3600)
    elsewhere = await api.new_key(workspace_id=await api.new_workspace())

    known = (await done(api, "addMember", key=elsewhere, email="owner@example.com", role="MEMBER"))["member"]
    unknown = (await done(api, "addMember", key=elsewhere, email="other@example.com", role="MEMBER"))["member"]

    for member in (known, unknown):
        member.pop("id"), member["user"].pop("id")
    assert str(known).replace("owner", "other") == str(unknown)


BAD_ADDRESSES = [
    "",
    "ann",
    "@example.com",
    "ann@",
    "ann@example",
    "a b@example.com",
    "a@b@example.com",
    "a\0@b.example",
]


async def test_what_is_no_address_is_refused(api: Api) -> None:
    for email in BAD_ADDRESSES:
        assert await refusals(api, "addMember", email=email, role="MEMBER") == [("INVALID", ["email"])], email
    long = "a" * 250 + "@example.com"
    assert await refusals(api, "addMember", email=long, role="MEMBER") == [("LIMIT_REACHED", ["email"])]
    assert (await listed(api))["nodes"] == []


async def test_a_member_is_added_once(api: Api, team: dict[Role, NewMember]) -> None:
    assert await refusals(api, "addMember", email="READER@example.com", role="ADMIN", key=team[Role.OWNER].token) == [
        ("TAKEN", ["email"])
    ]


# Who may give and take which role: the role it takes, where it is not theirs.
GIVING: dict[str, dict[str, str | None]] = {
    "owner": {"OWNER": None, "ADMIN": None, "MEMBER": None, "READER": None},
    "admin": {"OWNER": "OWNER", "ADMIN": "OWNER", "MEMBER": None, "READER": None},
    "key": {"OWNER": "OWNER", "ADMIN": "OWNER", "MEMBER": None, "READER": None},
}


@pytest.mark.parametrize("who", GIVING)
async def test_only_owners_give_and_take_the_high_roles(api: Api, team: dict[Role, NewMember], who: str) -> None:
    tokens = {"owner": team[Role.OWNER].token, "admin": team[Role.ADMIN].token, "key": api.key}
    token = tokens[who]
    for role, required in GIVING[who].items():
        target = id_of(await api.new_member(Role[role]))
        low = id_of(await api.new_member(Role.READER))
        attempts: list[tuple[str, dict[str, Any]]] = [
            ("addMember", {"email": f"new-{who}-{role}@example.com", "role": role}),
            ("updateMember", {"id": low, "role": role if role != "READER" else "MEMBER"}),
            ("updateMember", {"id": target, "role": "READER" if role != "READER" else "MEMBER"}),
            ("removeMember", {"id": target}),
        ]
        for name, given in attempts:
            if required is None:
                await done(api, name, key=token, **given)
            else:
                assert await forbidden(api, name, key=token, **given) == {"requiredRole": required}, (name, role)


async def test_a_key_gives_no_role_that_may_do_more_than_the_key(api: Api) -> None:
    weak = await api.new_key({Scope.WORKSPACE_ADMIN, Scope.LINKS_READ, Scope.ANALYTICS_READ})
    low = id_of(await api.new_member(Role.READER))
    beyond = [("INVALID", ["role"])]
    assert await refusals(api, "addMember", key=weak, email="x@example.com", role="MEMBER") == beyond
    assert await refusals(api, "updateMember", key=weak, id=low, role="MEMBER") == beyond
    await done(api, "addMember", key=weak, email="x@example.com", role="READER")


async def test_a_key_that_expires_gives_nobody_what_would_outlast_it(api: Api, team: dict[Role, NewMember]) -> None:
    async with api.database.write() as session:
        brief = await keys.create(
            session,
            workspace_id=api.instance.workspace_id,
            name="brief",
            scopes=Scope,
            expires_at=api.clock.now + timedelta(days=7),
            now=api.clock.now,
        )
    reader, member = id_of(team[Role.READER]), id_of(team[Role.MEMBER])

    assert await forbidden(api, "addMember", key=brief.secret, email="x@example.com", role="READER") == {}
    assert await forbidden(api, "updateMember", key=brief.secret, id=reader, role="MEMBER") == {}

    assert len((await listed(api))["nodes"]) == len(team)
    await done(api, "updateMember", key=brief.secret, id=member, role="READER")  # takes
    await done(api, "removeMember", key=brief.secret, id=member)


async def test_members_and_readers_manage_nobody(api: Api, team: dict[Role, NewMember]) -> None:
    target = id_of(team[Role.READER])
    for role in (Role.MEMBER, Role.READER):
        token = team[role].token
        needs = {"requiredScope": "WORKSPACE_ADMIN"}
        assert await forbidden(api, "addMember", key=token, email="x@example.com", role="READER") == needs
        assert await forbidden(api, "updateMember", key=token, id=target, role="OWNER") == needs
    another = id_of(await api.new_member(Role.READER))
    assert await forbidden(api, "removeMember", key=team[Role.MEMBER].token, id=another) == {"requiredRole": "ADMIN"}
    weak = await api.new_key(set(Scope) - {Scope.WORKSPACE_ADMIN})
    assert await forbidden(api, "removeMember", key=weak, id=another) == {"requiredScope": "WORKSPACE_ADMIN"}


async def test_everybody_may_leave_but_the_last_owner(api: Api, team: dict[Role, NewMember]) -> None:
    for role in (Role.READER, Role.MEMBER, Role.ADMIN):
        gone = await done(api, "removeMember", key=team[role].token, id=id_of(team[role]))
        assert gone["removedMemberId"] == id_of(team[role])
    owner = team[Role.OWNER]
    stays = [("CONFLICT", ["id"])]
    assert await refusals(api, "removeMember", key=owner.token, id=id_of(owner)) == stays
    assert await refusals(api, "updateMember", key=owner.token, id=id_of(owner), role="ADMIN") == stays

    assert [member["id"] for member in (await listed(api))["nodes"]] == [id_of(owner)]
    assert (await api.ask(NODE, {"id": id_of(team[Role.READER])}))["node"] is None


async def test_a_role_is_changed_left_alone_or_refused_to_be_cleared(api: Api, team: dict[Role, NewMember]) -> None:
    target = id_of(team[Role.READER])
    assert (await done(api, "updateMember", id=target, role="MEMBER"))["member"]["role"] == "MEMBER"
    assert (await done(api, "updateMember", id=target))["member"]["role"] == "MEMBER"
    assert await refusals(api, "updateMember", id=target, role=None) == [("INVALID", ["role"])]


async def test_unknown_malformed_and_foreign_members_answer_alike(api: Api, team: dict[Role, NewMember]) -> None:
    foreign = await api.new_key(workspace_id=await api.new_workspace())
    for given in (
        "",
        "mem_",
        "mem_00000000000",
        "usr_00000000000",
        "x\0",
        *(id_of(member) for member in team.values()),
    ):
        for name, more in (("updateMember", {"role": "READER"}), ("removeMember", {})):
            assert await refusals(api, name, key=foreign, id=given, **more) == [("NOT_FOUND", ["id"])], (name, given)
        assert await api.ask(NODE, {"id": given}, key=foreign) == {"node": None}
    assert len((await listed(api))["nodes"]) == 4


async def test_an_unknown_role_is_no_request(api: Api) -> None:
    response = await api.post(document("addMember"), {"input": {"email": "x@example.com", "role": "KING"}})
    assert response.status_code == 422
    assert (await listed(api))["nodes"] == []


async def test_a_later_mutation_shows_what_an_earlier_one_did(api: Api, team: dict[Role, NewMember]) -> None:
    both = """mutation ($add: AddMemberInput!) {
      before: updateWorkspace(input: {}) { workspace { members { nodes { id } } } }
      addMember(input: $add) { member { id } }
      after: updateWorkspace(input: {}) { workspace { members { nodes { id } } } } }"""
    data = await api.ask(both, {"add": {"email": "new@example.com", "role": "READER"}})

    counts = [len(data[name]["workspace"]["members"]["nodes"]) for name in ("before", "after")]
    assert counts == [4, 5]


async def test_who_was_removed_can_be_added_again(api: Api, team: dict[Role, NewMember]) -> None:
    target = id_of(team[Role.READER])
    await done(api, "removeMember", id=target)
    api.clock.advance(60)
    again = (await change(api, "addMember", email="reader@example.com", role="MEMBER"))["member"]
    assert (again["id"], again["joinedAt"]) == (target, "2026-03-29T08:01:00.000Z")
