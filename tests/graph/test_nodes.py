"""`node` and `nodes`: anything by its id, and nothing that is somebody else's."""

from typing import Any

import pytest
from graphql import GraphQLInterfaceType

from graph import ids
from graph.schema import build_schema
from models.ids import new_id
from models.keys import Scope
from tests.graph.api import Api

pytestmark = pytest.mark.database

NODE = "query ($id: ID!) { node(id: $id) { __typename id } }"
NODES = "query ($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }"
MINE = """mutation ($email: String!) {
  addMember(input: {email: $email, role: READER}) { member { id user { id } } }
  createApiKey(input: {name: "a key", scopes: [LINKS_READ]}) { apiKey { id } }
  updateWorkspace(input: {}) {
    workspace { id defaultDomain { id } auditLog(first: 1) { nodes { id } } }
  }
}"""


async def all_ids(api: Api, *, key: str | None = None) -> dict[str, str]:
    """An id of each type, by the type's name, as this key is told them."""
    mine = await api.ask(MINE, {"email": f"person{new_id()}@example.com"}, key=key)
    member, workspace = mine["addMember"]["member"], mine["updateWorkspace"]["workspace"]
    return {
        "ApiKey": mine["createApiKey"]["apiKey"]["id"],
        "Member": member["id"],
        "User": member["user"]["id"],
        "Workspace": workspace["id"],
        "AuditEntry": workspace["auditLog"]["nodes"][0]["id"],
        "Domain": workspace["defaultDomain"]["id"],
        "Link": (await api.create())["id"],
    }


async def test_every_type_with_an_id_is_found_by_it(api: Api) -> None:
    known = await all_ids(api)

    interface = build_schema()._schema.type_map["Node"]
    assert isinstance(interface, GraphQLInterfaceType)
    types = {named.name for named in build_schema()._schema.get_possible_types(interface)}
    assert types == {*known, "Click"}  # tests/graph/test_clicks.py has these
    for kind, given in known.items():
        assert await api.ask(NODE, {"id": given}) == {"node": {"__typename": kind, "id": given}}


async def test_nodes_come_in_the_order_asked_with_null_for_what_is_not_there(api: Api) -> None:
    known = list((await all_ids(api)).items())
    wanted = [given for _, given in reversed(known)]

    found = (await api.ask(NODES, {"ids": ["nonsense", *wanted, "lnk_00000000000", wanted[0]]}))["nodes"]

    kinds = [kind for kind, _ in reversed(known)]
    assert [node and node["__typename"] for node in found] == [None, *kinds, None, "Link"]


async def test_nodes_takes_at_most_100_ids(api: Api) -> None:
    assert (await api.ask(NODES, {"ids": ["lnk_00000000000"] * 100}))["nodes"] == [None] * 100
    assert await api.codes(NODES, {"ids": ["x"] * 101}) == ["BAD_REQUEST"]
    assert (await api.ask(NODES, {"ids": []}))["nodes"] == []


MALFORMED = [
    "",
    "lnk_",
    "lnk_1",
    "lnk_zzzzzzzzzzz",
    "lnk_0000000000ü",
    "lnk_000000000001",
    "LNK_00000000001",
    "lnk_0000000000\0",
    "xyz_00000000001",
    "key_!",
    "usr_00000000000",
    "mem_0000000000!",
    "aud_zzzzzzzzzzz",
    "dom_00000000000",
    "wsp_00000000000",
    "key_00000000000",
    "TGluazox",
    "1",
]


async def test_unknown_malformed_and_foreign_ids_answer_alike(api: Api) -> None:
    foreign = await api.new_key(workspace_id=await api.new_workspace())
    theirs = await all_ids(api)
    del theirs["Domain"]  # the installation's own, which every workspace may use

    for given in (*MALFORMED, *theirs.values()):
        assert await api.ask(NODE, {"id": given}, key=foreign) == {"node": None}, given


async def test_a_link_needs_links_read_whether_it_is_there_or_not(api: Api) -> None:
    made = await api.create()
    creator = await api.new_key({Scope.LINKS_CREATE})

    for given in (made["id"], "lnk_00000000000", "lnk_nonsense"):
        assert await api.codes(NODE, {"id": given}, key=creator) == ["FORBIDDEN"]


async def test_another_key_needs_workspace_admin_and_ones_own_does_not(api: Api) -> None:
    reader, admin = await api.new_key_record({Scope.LINKS_READ}), await api.new_key_record({Scope.WORKSPACE_ADMIN})
    own, other = (ids.encode(ids.API_KEY, key.record.id) for key in (reader, admin))

    assert (await api.ask(NODE, {"id": own}, key=reader.secret))["node"]["id"] == own
    assert await api.codes(NODE, {"id": other}, key=reader.secret) == ["FORBIDDEN"]
    assert await api.codes(NODE, {"id": "key_00000000000"}, key=reader.secret) == ["FORBIDDEN"]
    assert (await api.ask(NODE, {"id": own}, key=admin.secret))["node"]["id"] == own


async def test_a_refused_node_does_not_hide_the_others(api: Api) -> None:
    known = await all_ids(api)
    creator = await api.new_key({Scope.LINKS_CREATE})

    answer: dict[str, Any] = (await api.post(NODES, {"ids": [known["Link"], known["Workspace"]]}, key=creator)).json()

    assert answer["data"]["nodes"] == [None, {"__typename": "Workspace", "id": known["Workspace"]}]
    (error,) = answer["errors"]
    assert error["path"] == ["nodes", 0]
    assert error["extensions"] == {"code": "FORBIDDEN", "requiredScope": "LINKS_READ"}
