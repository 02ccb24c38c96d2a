"""No way round what one may not: by nested fields, by cursors of another workspace, by what colleagues have made."""

from datetime import datetime
from typing import Any

import pytest

from graph import ids
from graph.connections import Order, cursor, read_cursor
from models.keys import Scope
from models.pages import Position
from models.roles import Role
from tests.graph.api import CREATE, DEACTIVATE, REACTIVATE, UPDATE, Api
from tests.graph.test_permission_matrix import answers_alike, missing, told
from tests.graph.two_workspaces import Caller, TwoWorkspaces

pytestmark = pytest.mark.database

SOMETHING = {"input": {"destinationUrl": "https://example.com/"}}
EVERYTHING = "range: {period: ALL_TIME}"


async def refusals(
    world: TwoWorkspaces, document: str, *, by: Caller, **variables: Any
) -> list[tuple[str, str | None]]:
    return told((await world.post(document, variables, by=by)).json().get("errors", []))


async def test_a_click_leads_nobody_to_a_link_that_they_may_not_see(world: TwoWorkspaces) -> None:
    counter = world.keys[Scope.ANALYTICS_READ]
    to_link = f"{{ workspace {{ clicks({EVERYTHING}) {{ nodes {{ link {{ code createdBy {{ id }} }} }} }} }} }}"
    ranked = f"{{ workspace {{ analytics({EVERYTHING}) {{ top(dimension: LINK) {{ rows {{ %s }} }} }} }} }}"

    assert await refusals(world, to_link, by=counter) == [("FORBIDDEN", "LINKS_READ")]
    assert await refusals(world, ranked % "node { id }", by=counter) == [("FORBIDDEN", "LINKS_READ")]
    rows = (await world.api.ask(ranked % "key label", key=counter.secret))["workspace"]["analytics"]["top"]["rows"]
    assert rows == [{"key": world.mine.ids["Link"], "label": world.mine.ids["Link"]}], "not its code"


async def test_who_made_a_link_tells_no_more_than_a_name(world: TwoWorkspaces) -> None:
    by = "query ($code: String!) { link(by: {code: $code}) { createdBy { id name ... on ApiKey { scopes } } } }"
    reader = world.people[Role.READER]

    answer = (await world.post(by, {"code": world.mine.code}, by=reader)).json()

    assert told(answer["errors"]) == [("FORBIDDEN", "WORKSPACE_ADMIN")]
    assert answer["data"]["link"] == {"createdBy": None}
    named = await world.api.ask(
        by.replace("... on ApiKey { scopes }", ""), {"code": world.mine.code}, key=reader.secret
    )
    assert named["link"]["createdBy"] == {"id": world.mine.ids["ApiKey"], "name": "a key"}


async def test_the_audit_log_opens_nothing_else(world: TwoWorkspaces) -> None:
    log = "{ workspace { auditLog { nodes { target { __typename ... on Link { destinationUrl } } } } } }"
    answer = (await world.post(log, by=world.keys[Scope.WORKSPACE_ADMIN])).json()
    assert set(told(answer["errors"])) == {("FORBIDDEN", "LINKS_READ")}
    kinds = {(node["target"] or {}).get("__typename") for node in answer["data"]["workspace"]["auditLog"]["nodes"]}
    assert "Link" not in kinds and "ApiKey" in kinds


async def test_a_creator_sees_nothing_but_the_answer(world: TwoWorkspaces) -> None:
    creator = world.keys[Scope.LINKS_CREATE]
    made = "mutation ($input: CreateLinkInput!) { createLink(input: $input) { link { id %s } } }"
    made %= "analytics { totals { clicks } }"
    answer = (await world.post(made, SOMETHING, by=creator)).json()

    assert told(answer["errors"]) == [("FORBIDDEN", "ANALYTICS_READ")]
    again = f'{{ node(id: "{answer["data"]["createLink"]["link"]["id"]}") {{ id }} }}'
    assert await refusals(world, again, by=creator) == [("FORBIDDEN", "LINKS_READ")]


LISTS = {
    "Member": "query ($after: String) { workspace { members(after: $after) { nodes { id } } } }",
    "ApiKey": "query ($after: String) { workspace { apiKeys(after: $after) { nodes { id } } } }",
    "AuditEntry": "query ($after: String) { workspace { auditLog(after: $after) { nodes { id } } } }",
    "Click": f"query ($after: String) {{ workspace {{ clicks({EVERYTHING}, after: $after) {{ nodes {{ id }} }} }} }}",
}
PREFIXES = {"Member": ids.MEMBER, "ApiKey": ids.API_KEY, "AuditEntry": ids.AUDIT_ENTRY, "Click": ids.CLICK}


@pytest.mark.parametrize("kind", LISTS)
async def test_a_cursor_of_another_workspace_is_only_a_place_in_ones_own_list(world: TwoWorkspaces, kind: str) -> None:
    foreign, owner = world.theirs.ids[kind], world.people[Role.OWNER]

    found = await world.api.ask(LISTS[kind], {"after": foreign}, key=owner.secret)

    ((_, page),) = found["workspace"].items()
    theirs = {node["id"] for node in page["nodes"]} & set(world.theirs.ids.values())
    assert theirs == set()
    await answers_alike(world, LISTS[kind], owner, {"after": foreign}, {"after": missing(PREFIXES[kind], foreign)})


async def test_a_cursor_of_another_workspaces_links_is_only_a_place_too(world: TwoWorkspaces) -> None:
    listed = """query ($after: String, $before: String) {
      links(after: $after, before: $before) { edges { cursor node { id } } } }"""
    (edge,) = (await world.api.ask(listed, key=world.stranger.secret))["links"]["edges"]
    order = Order("CREATED_AT", "DESC", datetime)
    place = read_cursor(edge["cursor"], name="after", order=order)
    absent = cursor(Position(place.value, place.id ^ (1 << 21)), order=order)

    for name in ("after", "before"):
        found = await world.api.ask(listed, {name: edge["cursor"]}, key=world.people[Role.OWNER].secret)
        assert world.theirs.ids["Link"] not in {one["node"]["id"] for one in found["links"]["edges"]}
        await answers_alike(world, listed, world.people[Role.OWNER], {name: edge["cursor"]}, {name: absent})


async def test_members_change_what_they_made_and_nothing_else(api: Api) -> None:
    ann, ben = await api.new_member(Role.MEMBER), await api.new_member(Role.MEMBER)
    link = (await api.ask(CREATE, SOMETHING, key=ann.token))["createLink"]["link"]
    changed = {"input": {"link": {"id": link["id"]}, "title": "Ann's"}}
    named = {"input": {"link": {"id": link["id"]}}}

    for document, variables in ((UPDATE, changed), (DEACTIVATE, named), (REACTIVATE, named)):
        answer = (await api.post(document, variables, key=ben.token)).json()
        (error,) = answer["errors"]
        assert error["extensions"] == {"code": "FORBIDDEN", "requiredRole": "ADMIN"}
    assert (await api.ask(UPDATE, changed, key=ann.token))["updateLink"]["link"]["title"] == "Ann's"
    for role in (Role.ADMIN, Role.OWNER):
        person = await api.new_member(role)
        title = {"input": {**changed["input"], "title": role.value}}
        assert (await api.ask(UPDATE, title, key=person.token))["updateLink"]["link"]["title"] == role.value
    elsewhere = await api.new_member(Role.OWNER, workspace_id=await api.new_workspace())
    answer = await api.ask(UPDATE, changed, key=elsewhere.token)
    assert [error["code"] for error in answer["updateLink"]["userErrors"]] == ["NOT_FOUND"]


async def test_who_made_a_link_is_shown_key_or_person(api: Api) -> None:
    ann = await api.new_member(Role.MEMBER, name="ann")
    made = "mutation ($input: CreateLinkInput!) { createLink(input: $input) { link { %s } } }"
    made %= "code createdBy { __typename name }"
    link = (await api.ask(made, SOMETHING, key=ann.token))["createLink"]["link"]

    assert link["createdBy"] == {"__typename": "User", "name": "ann"}
    seen = "query ($code: String!) { link(by: {code: $code}) { createdBy { __typename name } } }"
    reader = await api.new_key({Scope.LINKS_READ})
    assert (await api.ask(seen, {"code": link["code"]}, key=reader))["link"]["createdBy"]["name"] == "ann"
