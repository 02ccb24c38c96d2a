"""Who may ask for what: every field, mutation, subscription and type with an id, for everybody who may come.

What is expected follows from the one table (graph/access.py); what is not in here fails a test.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from graphql import GraphQLObjectType, is_input_object_type, is_object_type
from graphql.type import get_named_type

from graph import access, ids
from graph.access import FIELDS, NODES, Rule
from graph.asked import Asked, RequestRefused
from graph.nodes import TYPES
from graph.operations import Caller as Asker
from graph.permissions import permissions, roles_that_may
from graph.schema import build_schema
from graph.subscriptions import Subscriptions
from models.keys import Scope
from models.roles import SCOPES_OF, Role
from tests.graph.api import error_codes
from tests.graph.two_workspaces import Caller, Things, TwoWorkspaces

pytestmark = pytest.mark.database

UNKNOWN = '{link: {code: "unknown"}}'
ITEM_ERRORS = "results { userErrors { code } } userErrors { code }"
OF_KEY = "query ($code: String!) {{ link(by: {{code: $code}}) {{ createdBy {{ ... on ApiKey {{ {} }} }} }} }}"


@dataclass(frozen=True)
class Case:
    """How a field is asked for, and by way of which guarded fields; `admitted` is the code that those get who may."""

    document: str
    through: tuple[str, ...] = ()
    admitted: tuple[str, ...] = ()


def of_link(selected: str) -> Case:
    return Case(f"query ($code: String!) {{ link(by: {{code: $code}}) {{ {selected} }} }}", ("Query.link",))


def of_workspace(selected: str, *through: str) -> Case:
    return Case(f"{{ workspace {{ {selected} }} }}", ("Query.workspace", *through))


# What is changed is not there, or wrong, so that the order of the calls makes no difference.
CASES = {
    "Query.node": Case('{ node(id: "dom_00000000000") { id } }'),
    "Query.nodes": Case('{ nodes(ids: ["dom_00000000000"]) { id } }'),
    "Query.viewer": Case("{ viewer { actor { id name } scopes role } }"),
    "Query.workspace": Case("{ workspace { id name timezone createdAt limits { maxLinks } defaultDomain { id } } }"),
    "Query.link": Case('{ link(by: {code: "unknown"}) { id } }'),
    "Query.links": Case("{ links(first: 2) { totalCount nodes { id clickCount lastClickedAt } } }"),
    "Query.codeAvailability": Case('{ codeAvailability(code: "free") { available } }'),
    "Mutation.createLink": Case('mutation { createLink(input: {destinationUrl: "https://a.example/"}) { created } }'),
    "Mutation.createLinks": Case(
        'mutation { createLinks(input: {items: [{destinationUrl: "?"}]}) { results { userErrors { code } } } }'
    ),
    "Mutation.updateLinks": Case(f"mutation {{ updateLinks(input: {{items: [{UNKNOWN}]}}) {{ {ITEM_ERRORS} }} }}"),
    "Mutation.deactivateLinks": Case(
        f"mutation {{ deactivateLinks(input: {{items: [{UNKNOWN}]}}) {{ {ITEM_ERRORS} }} }}"
    ),
    "Mutation.updateLink": Case(f"mutation {{ updateLink(input: {UNKNOWN}) {{ userErrors {{ code }} }} }}"),
    "Mutation.deactivateLink": Case(f"mutation {{ deactivateLink(input: {UNKNOWN}) {{ userErrors {{ code }} }} }}"),
    "Mutation.reactivateLink": Case(f"mutation {{ reactivateLink(input: {UNKNOWN}) {{ userErrors {{ code }} }} }}"),
    "Mutation.deleteLink": Case(f"mutation {{ deleteLink(input: {UNKNOWN}) {{ userErrors {{ code }} }} }}"),
    "Mutation.createApiKey": Case('mutation { createApiKey(input: {name: "", scopes: []}) { userErrors { code } } }'),
    "Mutation.revokeApiKey": Case('mutation { revokeApiKey(input: {id: "key_none"}) { userErrors { code } } }'),
    "Mutation.updateWorkspace": Case('mutation { updateWorkspace(input: {name: ""}) { userErrors { code } } }'),
    "Mutation.addMember": Case('mutation { addMember(input: {email: "?", role: READER}) { userErrors { code } } }'),
    "Mutation.updateMember": Case('mutation { updateMember(input: {id: "mem_none"}) { userErrors { code } } }'),
    "Mutation.removeMember": Case('mutation { removeMember(input: {id: "mem_none"}) { userErrors { code } } }'),
    "Subscription.clickRecorded": Case(
        'subscription { clickRecorded(since: "none") { cursor } }', admitted=("BAD_REQUEST",)
    ),
    "Subscription.linksClicked": Case(
        "subscription { linksClicked(ids: [], every: 0) { id } }", admitted=("BAD_REQUEST",)
    ),
    "Link.analytics": of_link("analytics { totals { clicks } }"),
    "Link.clicks": of_link("clicks { nodes { id } }"),
    "Workspace.analytics": of_workspace("analytics { totals { clicks } }"),
    "Workspace.clicks": of_workspace("clicks { nodes { id } }"),
    "Workspace.members": of_workspace("members { nodes { id user { name } } }"),
    "Workspace.apiKeys": of_workspace("apiKeys { nodes { id prefix scopes } }"),
    "Workspace.auditLog": of_workspace("auditLog(first: 1) { nodes { id action summary actor { id } } }"),
    "Click.link": of_workspace("clicks(range: {period: ALL_TIME}) { nodes { link { code } } }", "Workspace.clicks"),
    **{
        name: Case(OF_KEY.format(name.partition(".")[2]), ("Query.link",))
        for name in FIELDS
        if name.startswith("ApiKey.")
    },
}
# What needs no more than the thing it is a field of. A new field of a type with an id goes here, or into the table.
OPEN = {
    "Link": {
        *("id", "code", "shortUrl", "destinationUrl", "title", "notes", "externalId", "status", "createdAt"),
        *("updatedAt", "deactivatedAt", "deactivationReason", "version", "domain", "createdBy"),
        *("clickCount", "lastClickedAt"),  # all-time sums: LINKS_READ, as the schema says
    },
    "Click": {
        *("id", "occurredAt", "kind", "unique", "country", "referrer", "browser", "os", "device", "language"),
        *("utmSource", "utmMedium", "utmCampaign"),
    },
    "ApiKey": {"id", "name"},
    "User": {"id", "name", "createdAt", "email"},  # email is null for those who may not see it
    "Member": {"id", "role", "joinedAt", "user"},
    "AuditEntry": {"id", "createdAt", "action", "summary", "actor", "target"},
    "Domain": {"id", "hostname", "verifiedAt", "createdAt"},
    "Workspace": {"id", "name", "timezone", "createdAt", "defaultDomain", "limits"},
}


def admits(rule: Rule, caller: Caller) -> bool:
    """What the table says, in other words than the code that is tested."""
    if not rule.scopes:
        return True
    return any(scope in caller.scopes for scope in rule.scopes) or (rule.every_person and caller.role is not None)


def expected(name: str, case: Case, caller: Caller) -> list[tuple[str, str | None]]:
    """The codes and required scopes of the errors: at most one, that of the first field that is not open."""
    for rule in (FIELDS[step] for step in (*case.through, name)):
        if not admits(rule, caller):
            return [("FORBIDDEN", rule.scopes[0].name)]
    return [(code, None) for code in case.admitted]


def told(errors: list[dict[str, Any]]) -> list[tuple[str, str | None]]:
    return [(error["extensions"]["code"], error["extensions"].get("requiredScope")) for error in errors]


async def ask(world: TwoWorkspaces, case: Case, caller: Caller, things: Things) -> list[tuple[str, str | None]]:
    """The errors of the answer."""
    if case.document.startswith("subscription"):
        return told(await _subscribe(world, case.document, caller))
    variables = {"code": things.code} if "$code" in case.document else {}
    return told((await world.post(case.document, variables, by=caller)).json().get("errors", []))


async def _subscribe(world: TwoWorkspaces, document: str, caller: Caller) -> list[dict[str, Any]]:
    operations = world.api.operations
    try:
        principal = await operations.sign_in.principal(caller.secret or None)
    except RequestRefused as refused:
        return [refused.error]
    asker = Asker(principal=principal, request_id="1", client="")
    messages = [
        httpx.Response(200, content=message.body).json()
        async for message in Subscriptions(operations).answers(Asked(document), caller=asker)
    ]
    return [error for message in messages for error in message.get("errors", [])]


@pytest.mark.parametrize("name", FIELDS)
async def test_everybody_is_answered_as_the_table_says(world: TwoWorkspaces, name: str) -> None:
    case = CASES[name]
    for who, caller in world.colleagues.items():
        assert await ask(world, case, caller, world.mine) == expected(name, case, caller), who
    assert await ask(world, case, world.stranger, world.theirs) == [(code, None) for code in case.admitted]
    for who, caller in world.refused.items():
        assert await ask(world, case, caller, world.mine) == [("UNAUTHENTICATED", None)], who


async def test_a_key_that_is_not_valid_opens_nothing_and_says_so_by_its_status(world: TwoWorkspaces) -> None:
    for who in ("revoked", "expired"):
        response = await world.post("{ __typename }", by=world.refused[who])
        assert (response.status_code, error_codes(response)) == (401, ["UNAUTHENTICATED"]), who
        assert 'error="invalid_token"' in response.headers["www-authenticate"]


NODE = "query ($id: ID!) { node(id: $id) { __typename id } }"


def missing(prefix: str, like: str) -> str:
    """The id of nothing, which differs from the given one in its number only."""
    if prefix == ids.CLICK:
        return like[:-1] + ("1" if like[-1] != "1" else "2")
    number = ids.decode(prefix, like)
    assert number is not None
    return ids.encode(prefix, number ^ (1 << 21))


@pytest.mark.parametrize("prefix", NODES)
async def test_everything_is_found_by_its_id_as_the_table_says_and_nothing_foreign(
    world: TwoWorkspaces, prefix: str
) -> None:
    kind, rule = TYPES[prefix], NODES[prefix]
    if kind == "Domain":  # the installation's own, which is everybody's
        return
    own, foreign = world.mine.ids[kind], world.theirs.ids[kind]
    for who, caller in world.colleagues.items():
        answer = (await world.post(NODE, {"id": own}, by=caller)).json()
        if not admits(rule, caller):
            assert told(answer["errors"]) == [("FORBIDDEN", rule.scopes[0].name)], who
        else:
            assert answer["data"]["node"] == {"__typename": kind, "id": own}, who
        await answers_alike(world, NODE, caller, {"id": foreign}, {"id": missing(prefix, foreign)})
    for who, caller in world.refused.items():
        assert error_codes(await world.post(NODE, {"id": own}, by=caller)) == ["UNAUTHENTICATED"], who
    await answers_alike(world, NODE, world.stranger, {"id": own}, {"id": missing(prefix, own)})


async def answers_alike(
    world: TwoWorkspaces, document: str, caller: Caller, foreign: dict[str, Any], absent: dict[str, Any]
) -> None:
    """Foreign and missing: the same status, the same bytes but for the id, and the same statements."""
    seen = []
    for variables in (foreign, absent):
        with world.statements() as statements:
            response = await world.post(document, variables, by=caller)
        content = response.text
        for name in _texts(variables):
            content = content.replace(name, "*")
        seen.append((response.status_code, content, sorted(statements)))  # some are sent at once
    assert seen[0] == seen[1], caller


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _texts(one)


LINK = "query ($by: LinkLookup!) { link(by: $by) { id } }"
CLICKS = "query ($id: ID!) { workspace { clicks(range: {period: ALL_TIME}, filter: {link: [$id]}) { nodes { id } } } }"
SUMS = """query ($id: ID!) { workspace { analytics(range: {period: ALL_TIME}, filter: {link: [$id]}) {
  totals { clicks } top(dimension: LINK) { rows { key } } } } }"""


def changing(name: str) -> str:
    kind = name[0].upper() + name[1:] + "Input"
    return f"mutation ($input: {kind}!) {{ {name}(input: $input) {{ userErrors {{ code path }} }} }}"


def changing_many(name: str) -> str:
    kind = name[0].upper() + name[1:] + "Input"
    errors = "userErrors { code path }"
    return f"mutation ($input: {kind}!) {{ {name}(input: $input) {{ results {{ {errors} }} {errors} }} }}"


BULK_CHANGES = ("updateLinks", "deactivateLinks")
LINK_CHANGES = ("updateLink", "deactivateLink", "reactivateLink", "deleteLink")
# Everywhere that an id can be written: documents, and their variables with "ID" for the id of a link, key or member.
NAMING: dict[str, list[tuple[str, Any]]] = {
    "Query.node(id)": [(NODE, {"id": "ID"})],
    "Query.nodes(ids)": [("query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", {"ids": ["ID"]})],
    "LinkLookup.id": [
        (LINK, {"by": {"id": "ID"}}),
        *((changing(name), {"input": {"link": {"id": "ID"}}}) for name in LINK_CHANGES),
        *(
            (changing_many(name), {"input": {"items": [{"link": {"id": "ID"}}], "policy": policy}})
            for name in BULK_CHANGES
            for policy in ("ALL_OR_NOTHING", "SKIP_FAILED")
        ),
    ],
    "ClickFilter.link": [(CLICKS, {"id": "ID"}), (SUMS, {"id": "ID"})],
    "RevokeApiKeyInput.id": [(changing("revokeApiKey"), {"input": {"id": "ID"}})],
    "UpdateMemberInput.id": [(changing("updateMember"), {"input": {"id": "ID", "role": "READER"}})],
    "RemoveMemberInput.id": [(changing("removeMember"), {"input": {"id": "ID"}})],
}
NAMED = {"RevokeApiKeyInput.id": "ApiKey", "UpdateMemberInput.id": "Member", "RemoveMemberInput.id": "Member"}
# What subscriptions name is never clicked, theirs or missing (tests/graph/test_live.py).
ELSEWHERE = {"Subscription.linksClicked(ids)"}


@pytest.mark.parametrize("place", NAMING)
async def test_a_foreign_id_is_answered_as_a_missing_one_wherever_it_is_written(
    world: TwoWorkspaces, place: str
) -> None:
    kind = NAMED.get(place, "Link")
    foreign = world.theirs.ids[kind]
    absent = missing(next(prefix for prefix, name in TYPES.items() if name == kind), foreign)
    for caller in world.colleagues.values():
        for document, variables in NAMING[place]:
            theirs, none = (_with(variables, one) for one in (foreign, absent))
            await answers_alike(world, document, caller, theirs, none)


def _with(variables: Any, given: str) -> Any:
    return orjson.loads(orjson.dumps(variables).replace(b'"ID"', orjson.dumps(given)))


async def test_a_foreign_link_is_as_missing_by_its_other_names_too(world: TwoWorkspaces) -> None:
    pairs = [
        ({"code": world.theirs.code}, {"code": "theirx"}),
        ({"shortUrl": f"https://sho.rt/{world.theirs.code}"}, {"shortUrl": "https://sho.rt/theirx"}),
        ({"externalId": world.theirs.external_id}, {"externalId": "ext-theirx"}),
    ]
    for caller in world.colleagues.values():
        for foreign, absent in pairs:
            await answers_alike(world, LINK, caller, {"by": foreign}, {"by": absent})
            for name in LINK_CHANGES:
                theirs, none = {"input": {"link": foreign}}, {"input": {"link": absent}}
                await answers_alike(world, changing(name), caller, theirs, none)
            for name in BULK_CHANGES:
                many: list[dict[str, Any]] = [{"input": {"items": [{"link": one}]}} for one in (foreign, absent)]
                await answers_alike(world, changing_many(name), caller, *many)


async def test_what_was_tried_on_foreign_things_has_changed_nothing(world: TwoWorkspaces) -> None:
    found = await world.api.ask(
        "query ($ids: [ID!]!) { nodes(ids: $ids) { id ... on Link { version status } ... on ApiKey { revokedAt } } }",
        {"ids": list(world.theirs.ids.values())},
        key=world.stranger.secret,
    )
    assert [node["id"] for node in found["nodes"]] == list(world.theirs.ids.values())
    assert {"id": world.theirs.ids["Link"], "version": 1, "status": "ACTIVE"} in found["nodes"]
    assert {"id": world.theirs.ids["ApiKey"], "revokedAt": None} in found["nodes"]


def test_the_matrix_has_every_field_mutation_subscription_and_type_with_an_id() -> None:
    core = build_schema()._schema
    roots = [core.query_type, core.mutation_type, core.subscription_type]
    asked = {f"{root.name}.{name}" for root in roots if root for name in root.fields}
    nodes = [core.type_map[name] for name in sorted(TYPES.values())]
    assert set(CASES) == set(FIELDS) >= asked
    assert {named.name for named in core.get_implementations(core.type_map["Node"]).objects} == set(TYPES.values())  # type: ignore[arg-type]
    assert set(NODES) == set(TYPES)
    for named in nodes:
        assert is_object_type(named)
        guarded = {name for name in named.fields if f"{named.name}.{name}" in FIELDS}
        assert guarded | OPEN[named.name] == set(named.fields) and not guarded & OPEN[named.name], named.name


def test_every_place_where_an_id_can_be_written_is_tried() -> None:
    places = set()
    for named in build_schema()._schema.type_map.values():
        if isinstance(named, GraphQLObjectType) and not named.name.startswith("__"):
            for name, asked in named.fields.items():
                of_id = [argument for argument, given in asked.args.items() if get_named_type(given.type).name == "ID"]
                places |= {f"{named.name}.{name}({argument})" for argument in of_id}
        elif is_input_object_type(named):
            places |= {
                f"{named.name}.{name}" for name, given in named.fields.items() if str(given.type).strip("[]!") == "ID"
            }
    assert places == {*NAMING, *ELSEWHERE}


def test_roles_and_the_table_agree_in_the_documentation() -> None:
    page = Path(__file__).parents[2] / "docs" / "permissions.md"
    assert page.read_text(encoding="utf-8") == permissions(), "run `make schema`"
    for rule in (*FIELDS.values(), *NODES.values()):
        people = {role: Caller("", SCOPES_OF[role], role) for role in Role}
        assert roles_that_may(rule) == {role for role, person in people.items() if admits(rule, person)}
    assert access.FIELDS["Mutation.deleteLink"].scopes == (Scope.WORKSPACE_ADMIN,)
