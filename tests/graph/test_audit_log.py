"""The audit log over GraphQL: every mutation leaves its one entry, and a refused one none."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import text

from graph import ids
from graph.schema import build_schema
from models import audit_entries, member_changes
from models.actors import OPERATOR, Actor
from models.audit_entries import EntryRecord
from models.audit_log import Action
from models.keys import Scope
from models.roles import Role
from tests.graph.api import Api
from tests.graph.changing import change, done, forbidden
from tests.heard import hear

pytestmark = pytest.mark.database

LOG = """query ($first: Int, $after: String) { workspace { auditLog(first: $first, after: $after) {
  nodes { id createdAt action summary actor { __typename id name } target { __typename id } }
  pageInfo { hasNextPage endCursor } } } }"""

Input = dict[str, Any]
Prepare = Callable[[Api], Awaitable[Input]]


async def nothing(_api: Api) -> Input:
    return {}


async def a_link(api: Api) -> Input:
    return {"link": {"id": (await api.create())["id"]}}


async def a_deactivated_link(api: Api) -> Input:
    given = await a_link(api)
    await done(api, "deactivateLink", **given)
    return given


async def a_key(api: Api) -> Input:
    return {"id": ids.encode(ids.API_KEY, (await api.new_key_record()).record.id)}


async def a_member(api: Api) -> Input:
    return {"id": ids.encode(ids.MEMBER, (await api.new_member(Role.READER)).record.id)}


@dataclass(frozen=True)
class Case:
    """How a mutation is done, how it is refused, and what it is called in the log."""

    action: Action
    prepare: Prepare
    given: Input
    refused: Input


async def a_link_to_title(api: Api) -> Input:
    return {"items": [{**await a_link(api), "title": "New"}]}


async def a_link_to_deactivate(api: Api) -> Input:
    return {"items": [await a_link(api)]}


NO_ITEMS: Input = {"items": []}
NO_LINK = {"link": {"code": "nothing"}}
CASES = {
    "createLink": Case(
        Action.LINK_CREATE, nothing, {"destinationUrl": "https://example.com/new"}, {"destinationUrl": "nonsense"}
    ),
    "updateLink": Case(Action.LINK_UPDATE, a_link, {"title": "New"}, NO_LINK),
    "deactivateLink": Case(Action.LINK_DEACTIVATE, a_link, {"reason": "spam"}, NO_LINK),
    "reactivateLink": Case(Action.LINK_REACTIVATE, a_deactivated_link, {}, NO_LINK),
    "deleteLink": Case(Action.LINK_DELETE, a_deactivated_link, {}, NO_LINK),
    "createLinks": Case(Action.LINK_CREATE, nothing, {"items": [{"destinationUrl": "https://example.com/"}]}, NO_ITEMS),
    "updateLinks": Case(Action.LINK_UPDATE, a_link_to_title, {}, NO_ITEMS),
    "deactivateLinks": Case(Action.LINK_DEACTIVATE, a_link_to_deactivate, {}, NO_ITEMS),
    "createApiKey": Case(
        Action.KEY_CREATE, nothing, {"name": "k", "scopes": ["LINKS_READ"]}, {"name": "k", "scopes": []}
    ),
    "revokeApiKey": Case(Action.KEY_REVOKE, a_key, {}, {"id": "key_00000000000"}),
    "addMember": Case(
        Action.MEMBER_ADD, nothing, {"email": "new@example.com", "role": "READER"}, {"email": "x", "role": "READER"}
    ),
    "updateMember": Case(Action.MEMBER_UPDATE, a_member, {"role": "MEMBER"}, {"id": "mem_00000000000"}),
    "removeMember": Case(Action.MEMBER_REMOVE, a_member, {}, {"id": "mem_00000000000"}),
    "updateWorkspace": Case(Action.WORKSPACE_UPDATE, nothing, {"name": "Renamed"}, {"name": None}),
}


async def entries(api: Api) -> list[EntryRecord]:
    async with api.database.read() as conn:
        return await audit_entries.page(conn, workspace_id=api.instance.workspace_id, after=None, size=100)


async def listed(api: Api, *, key: str | None = None, **variables: Any) -> Any:
    return (await api.ask(LOG, variables, key=key))["workspace"]["auditLog"]


def test_every_mutation_is_tried() -> None:
    mutations = build_schema()._schema.mutation_type
    assert mutations is not None
    assert set(CASES) == set(mutations.fields)


@pytest.mark.parametrize("name", CASES)
async def test_a_mutation_leaves_one_entry_and_a_refused_one_none(api: Api, name: str) -> None:
    case = CASES[name]
    admin, owner = await api.new_key_record(), await api.new_member(Role.OWNER)
    weak = await api.new_key({Scope.ANALYTICS_READ})
    callers = {admin.secret: Actor(key=admin.record.id), owner.token: Actor(user=owner.user.id)}
    for number, (secret, actor) in enumerate(callers.items()):
        given = {**await case.prepare(api), **case.given}
        if "email" in given:
            given["email"] = f"{number}{given['email']}"
        if "name" in given:
            given["name"] += str(number)
        before = await entries(api)

        payload = await done(api, name, key=secret, **given)

        entry, *rest = await entries(api)
        assert rest == before
        assert (entry.action, entry.actor, entry.created_at) == (case.action, actor, api.clock.now)
        assert _secrets_of(payload, secret, admin.secret) & set(_words(entry)) == set()
        assert (await change(api, name, key=secret, **{**given, **case.refused}))["userErrors"] != []
        await forbidden(api, name, key=weak, **given)
        assert await entries(api) == [entry, *rest]


def _secrets_of(payload: Any, *known: str) -> set[str]:
    made = {payload["secret"]} if payload.get("secret") else set()
    return {part for secret in {*made, *known} for part in (secret, secret.rpartition("_")[2])}


def _words(entry: EntryRecord) -> list[str]:
    return "".join(sign if sign.isalnum() or sign in "_-." else " " for sign in repr(entry)).split()


async def test_a_change_that_changes_nothing_leaves_no_entry(api: Api) -> None:
    link, key, member = await a_link(api), await a_key(api), await a_member(api)
    for name, given in (("revokeApiKey", key), ("deactivateLink", link)):
        await done(api, name, **given)
    before = await entries(api)
    again: list[tuple[str, Input]] = [
        ("revokeApiKey", key),
        ("deactivateLink", link),
        ("updateLink", {**link, "title": None}),
        ("updateMember", {**member, "role": "READER"}),
        ("updateMember", member),
        ("updateWorkspace", {"name": "Default", "timezone": "UTC"}),
        ("updateWorkspace", {}),
    ]
    for name, given in again:
        await done(api, name, **given)
        assert await entries(api) == before, name


async def test_the_log_tells_who_did_what_to_what(api: Api) -> None:
    owner = await api.new_member(Role.OWNER, name="ann")
    link = (await done(api, "createLink", key=owner.token, destinationUrl="https://example.com/"))["link"]
    given: Input = {"link": {"id": link["id"]}}
    await done(api, "updateLink", **given, title="New")
    made = (await done(api, "createApiKey", key=owner.token, name="app", scopes=["LINKS_READ"]))["apiKey"]
    await done(api, "deactivateLink", key=owner.token, **given)
    await done(api, "deleteLink", key=owner.token, **given)
    await done(api, "updateWorkspace", key=owner.token, timezone="Europe/Berlin")

    found = (await listed(api))["nodes"]

    ann = {"__typename": "User", "id": ids.encode(ids.USER, owner.user.id), "name": "ann"}
    own = (await api.ask("{ workspace { id } }"))["workspace"]["id"]
    told = [(entry["action"], entry["actor"] and entry["actor"]["name"], entry["target"]) for entry in found[:11]]
    member = {"__typename": "Member", "id": ids.encode(ids.MEMBER, owner.record.id)}
    assert told == [
        ("workspace.update", "ann", {"__typename": "Workspace", "id": own}),
        ("link.delete", "ann", None),
        ("link.deactivate", "ann", None),
        ("key.create", "ann", {"__typename": "ApiKey", "id": made["id"]}),
        ("link.update", "a key", None),
        ("link.create", "ann", None),
        ("member.sign_in", "ann", member),
        ("member.add", None, member),
        ("key.create", None, {"__typename": "ApiKey", "id": found[8]["target"]["id"]}),
        ("domain.create", None, {"__typename": "Domain", "id": found[9]["target"]["id"]}),
        ("workspace.create", None, {"__typename": "Workspace", "id": own}),
    ]
    assert found[0]["actor"] == ann and found[0]["summary"] == "timezone: 'UTC' -> 'Europe/Berlin'"
    assert found[0]["createdAt"] == "2026-03-29T08:00:00.000Z"


async def test_a_target_that_the_key_may_not_see_is_forbidden_alone(api: Api) -> None:
    await api.create()
    admin = await api.new_key({Scope.WORKSPACE_ADMIN})

    answer = (await api.post(LOG, key=admin)).json()

    nodes = answer["data"]["workspace"]["auditLog"]["nodes"]
    assert [node["action"] for node in nodes[:3]] == ["key.create", "link.create", "key.create"]
    (error,) = answer["errors"]
    assert error["path"] == ["workspace", "auditLog", "nodes", 1, "target"]
    assert error["extensions"] == {"code": "FORBIDDEN", "requiredScope": "LINKS_READ"}


async def test_the_log_is_for_admins_alone(api: Api) -> None:
    weak = await api.new_key(set(Scope) - {Scope.WORKSPACE_ADMIN})
    (entry, *_) = (await listed(api))["nodes"]
    node = "query ($id: ID!) { node(id: $id) { id } }"
    for secret in (weak, (await api.new_member(Role.MEMBER)).token):
        answer = (await api.post("{ workspace { name auditLog { nodes { id } } } }", key=secret)).json()
        assert answer["data"] == {"workspace": {"name": "Default", "auditLog": None}}
        assert answer["errors"][0]["extensions"] == {"code": "FORBIDDEN", "requiredScope": "WORKSPACE_ADMIN"}
        for given in (entry["id"], "aud_00000000000", "aud_"):
            assert await api.codes(node, {"id": given}, key=secret) == ["FORBIDDEN"]
    assert await api.ask(node, {"id": entry["id"]}) == {"node": {"id": entry["id"]}}


async def test_entries_of_another_workspace_are_not_there(api: Api) -> None:
    await api.create()
    foreign = await api.new_key(workspace_id=await api.new_workspace())
    mine = (await listed(api))["nodes"]

    theirs = (await listed(api, key=foreign))["nodes"]
    assert [entry["action"] for entry in theirs] == ["key.create"]
    after = (await listed(api, key=foreign, after=mine[0]["id"]))["nodes"]  # only a place in the own list
    assert [entry["id"] for entry in after if entry["id"] in {one["id"] for one in mine}] == []
    for entry in mine:
        assert await api.ask("query ($id: ID!) { node(id: $id) { id } }", {"id": entry["id"]}, key=foreign) == {
            "node": None
        }


async def test_the_log_is_walked_page_by_page(api: Api) -> None:
    for _ in range(4):
        await api.create()
    first = await listed(api, first=3)
    rest = await listed(api, first=3, after=first["pageInfo"]["endCursor"])

    told = [entry["action"] for entry in (*first["nodes"], *rest["nodes"])]
    assert told == ["link.create"] * 4 + ["key.create", "domain.create"]
    assert len({entry["id"] for entry in (*first["nodes"], *rest["nodes"])}) == 6
    last = await listed(api, first=3, after=rest["pageInfo"]["endCursor"])
    assert [entry["action"] for entry in last["nodes"]] == ["workspace.create"]
    assert [page["pageInfo"]["hasNextPage"] for page in (first, rest, last)] == [True, True, False]


async def test_the_log_takes_the_same_statements_however_long_it_is(api: Api) -> None:
    owner = await api.new_member(Role.OWNER)
    for number in range(5):
        for secret in (owner.token, api.key):
            link = (await done(api, "createLink", key=secret, destinationUrl="https://example.com/"))["link"]
            await done(api, "updateLink", key=secret, link={"id": link["id"]}, title=f"title {number}")
            await done(api, "updateWorkspace", key=secret, name=f"name {number} {secret[:5]}")
            await done(api, "addMember", key=secret, email=f"p{number}{secret[:4]}@example.com", role="READER")
    statements: list[str] = []
    api.read_once()
    hear(api.database.engine.sync_engine, lambda sql, _: statements.append(sql))
    counts = {}
    for size in (8, 40):
        statements.clear()
        assert len((await listed(api, first=size))["nodes"]) == size
        counts[size] = len(statements)
    # The workspace, the page; then keys, people, links and members; perhaps the caller's key before.
    assert all(6 <= count <= 7 for count in counts.values()), counts


async def test_who_is_not_known_any_more_is_null(api: Api) -> None:
    async with api.database.write() as session:
        await member_changes.add(
            session,
            workspace_id=api.instance.workspace_id,
            email="x@example.com",
            role=Role.READER,
            by=OPERATOR,
            as_role=Role.OWNER,
            now=api.clock.now,
        )
        await session.execute(text("update audit_entry set actor_user = 1 where action = 'member.add'"))

    entry = (await listed(api, first=1))["nodes"][0]
    assert entry["actor"] is None and "x@example.com" in json.dumps(entry)
