"""API keys over GraphQL: made, listed and revoked, and never more than their maker has."""

import json
from datetime import timedelta
from typing import Any

import pytest

from graph import ids
from models import keys
from models.keys import Scope
from models.roles import Role
from tests.graph.api import Api
from tests.graph.changing import change, document, done, forbidden, refusals

pytestmark = pytest.mark.database

KEYS = """query ($first: Int, $after: String) { workspace { apiKeys(first: $first, after: $after) {
  nodes { id name prefix scopes revokedAt } edges { cursor } pageInfo { hasNextPage endCursor } } } }"""
EVERYTHING = [scope.name for scope in Scope]


async def listed(api: Api, *, key: str | None = None, **variables: Any) -> Any:
    return (await api.ask(KEYS, variables, key=key))["workspace"]["apiKeys"]


async def test_a_new_key_opens_what_it_was_made_for_and_its_secret_is_shown_once(api: Api) -> None:
    made = await done(api, "createApiKey", name=" Forms ", scopes=["LINKS_CREATE", "LINKS_READ", "LINKS_READ"])

    key, secret = made["apiKey"], made["secret"]
    assert (key["name"], key["scopes"]) == ("Forms", ["LINKS_CREATE", "LINKS_READ"])
    assert secret.startswith(key["prefix"] + "_")
    assert (key["expiresAt"], key["lastUsedAt"], key["revokedAt"]) == (None, None, None)
    viewer = (await api.ask("{ viewer { scopes actor { id } } }", key=secret))["viewer"]
    assert viewer == {"scopes": ["LINKS_CREATE", "LINKS_READ"], "actor": {"id": key["id"]}}
    assert secret[-20:] not in json.dumps(await listed(api))


async def test_keys_are_listed_newest_first_a_page_at_a_time(api: Api) -> None:
    for number in range(4):
        await done(api, "createApiKey", name=f"key {number}", scopes=["LINKS_READ"])

    first = await listed(api, first=3)
    rest = await listed(api, first=3, after=first["pageInfo"]["endCursor"])

    names = [key["name"] for page in (first, rest) for key in page["nodes"]]
    assert names == ["key 3", "key 2", "key 1", "key 0", "a key"]
    assert (first["pageInfo"]["hasNextPage"], rest["pageInfo"]["hasNextPage"]) == (True, False)


async def test_the_list_is_for_admins_alone(api: Api) -> None:
    weak = await api.new_key(set(Scope) - {Scope.WORKSPACE_ADMIN})
    member = await api.new_member(Role.MEMBER)
    for secret in (weak, member.token):
        answer = (await api.post("{ workspace { name apiKeys { nodes { id } } } }", key=secret)).json()
        assert answer["data"] == {"workspace": {"name": "Default", "apiKeys": None}}
        (error,) = answer["errors"]
        assert error["extensions"] == {"code": "FORBIDDEN", "requiredScope": "WORKSPACE_ADMIN"}
    assert (await listed(api, key=(await api.new_member(Role.ADMIN)).token))["nodes"]


async def test_a_key_of_another_workspace_is_not_listed_nor_revoked(api: Api) -> None:
    foreign = await api.new_key(workspace_id=await api.new_workspace())
    (theirs,) = (await listed(api, key=foreign))["nodes"]
    mine = (await listed(api))["nodes"][0]["id"]

    assert theirs["id"] not in json.dumps(await listed(api))
    for given in (mine, "key_00000000000", "key_!", "mem_00000000001", ""):
        assert await refusals(api, "revokeApiKey", key=foreign, id=given) == [("NOT_FOUND", ["id"])], given
    assert (await listed(api, key=foreign, after=mine))["nodes"] in ([], [theirs])  # only a place in the own list
    assert (await listed(api))["nodes"][0]["revokedAt"] is None


NOT_MADE: dict[str, tuple[dict[str, Any], list[tuple[str, list[str]]]]] = {
    "no name": ({"name": "  "}, [("INVALID", ["name"])]),
    "a name of two lines": ({"name": "a\nb"}, [("INVALID", ["name"])]),
    "a long name": ({"name": "a" * 101}, [("LIMIT_REACHED", ["name"])]),
    "no scope": ({"scopes": []}, [("INVALID", ["scopes"])]),
    "expired already": ({"expiresAt": "2026-03-29T08:00:00Z"}, [("INVALID", ["expiresAt"])]),
    "not an instant": ({"expiresAt": "tomorrow"}, [("INVALID", ["expiresAt"])]),
    "a local time": ({"expiresAt": "2026-03-29T10:00:00"}, [("INVALID", ["expiresAt"])]),
    "all wrong": (
        {"name": "", "scopes": [], "expiresAt": "2020-01-01T00:00:00Z"},
        [("INVALID", ["expiresAt"]), ("INVALID", ["name"]), ("INVALID", ["scopes"])],
    ),
}


async def test_what_is_wrong_with_a_key_is_said_where(api: Api) -> None:
    for case, (given, expected) in NOT_MADE.items():
        whole = {"name": "a key", "scopes": ["LINKS_READ"], **given}
        assert sorted(await refusals(api, "createApiKey", **whole)) == expected, case
    assert len((await listed(api))["nodes"]) == 1


async def test_an_unknown_scope_is_no_request(api: Api) -> None:
    given = {"name": "a key", "scopes": ["EVERYTHING"]}
    assert (await api.post(document("createApiKey"), {"input": given})).status_code == 422


async def test_a_key_makes_none_that_may_do_more(api: Api) -> None:
    admin = await api.new_key({Scope.WORKSPACE_ADMIN, Scope.LINKS_READ})
    for scopes in (EVERYTHING, ["LINKS_WRITE"], ["LINKS_READ", "ANALYTICS_READ"]):
        assert await refusals(api, "createApiKey", key=admin, name="more", scopes=scopes) == [("INVALID", ["scopes"])]
    await done(api, "createApiKey", key=admin, name="as much", scopes=["WORKSPACE_ADMIN", "LINKS_READ"])
    for scope in set(Scope) - {Scope.WORKSPACE_ADMIN}:
        needs = await forbidden(api, "createApiKey", key=await api.new_key({scope}), name="x", scopes=[scope.name])
        assert needs == {"requiredScope": "WORKSPACE_ADMIN"}


async def test_a_key_makes_none_that_lasts_longer(api: Api) -> None:
    until = api.clock.now + timedelta(days=7)
    async with api.database.write() as session:
        brief = await keys.create(
            session,
            workspace_id=api.instance.workspace_id,
            name="brief",
            scopes=Scope,
            expires_at=until,
            now=api.clock.now,
        )
    later = (until + timedelta(seconds=1)).isoformat()
    for given in ({}, {"expiresAt": None}, {"expiresAt": later}):
        assert await refusals(api, "createApiKey", key=brief.secret, name="x", scopes=["LINKS_READ"], **given) == [
            ("INVALID", ["expiresAt"])
        ]
    await done(api, "createApiKey", key=brief.secret, name="x", scopes=["LINKS_READ"], expiresAt=until.isoformat())


async def test_admins_make_keys_for_everything_and_members_none(api: Api) -> None:
    for role in (Role.OWNER, Role.ADMIN):
        await done(api, "createApiKey", key=(await api.new_member(role)).token, name="k", scopes=EVERYTHING)
    for role in (Role.MEMBER, Role.READER):
        token = (await api.new_member(role)).token
        assert await forbidden(api, "createApiKey", key=token, name="k", scopes=["LINKS_READ"]) == {
            "requiredScope": "WORKSPACE_ADMIN"
        }


async def test_a_key_expires_when_it_was_said_to(api: Api) -> None:
    made = await done(api, "createApiKey", name="k", scopes=["LINKS_READ"], expiresAt="2026-03-29T10:00:01+02:00")

    assert made["apiKey"]["expiresAt"] == "2026-03-29T08:00:01.000Z"
    await api.ask("{ viewer { scopes } }", key=made["secret"])
    api.clock.advance(1)
    assert await api.codes("{ viewer { scopes } }", key=made["secret"]) == ["UNAUTHENTICATED"]


async def test_a_revoked_key_is_refused_and_stays_in_the_list(api: Api) -> None:
    made = await done(api, "createApiKey", name="k", scopes=["LINKS_READ"])
    number = made["apiKey"]["id"]
    api.clock.advance(5)

    first = await done(api, "revokeApiKey", id=number)
    api.clock.advance(5)
    again = await done(api, "revokeApiKey", id=number)

    assert first == again and first["apiKey"]["revokedAt"] == "2026-03-29T08:00:05.000Z"
    assert await api.codes("{ viewer { scopes } }", key=made["secret"]) == ["UNAUTHENTICATED"]
    assert (await listed(api))["nodes"][0]["revokedAt"] == "2026-03-29T08:00:05.000Z"


async def test_a_key_that_may_manage_keys_may_end_itself_and_no_other_may(api: Api) -> None:
    weak = await api.new_key_record({Scope.LINKS_CREATE})
    own = ids.encode(ids.API_KEY, weak.record.id)
    assert await forbidden(api, "revokeApiKey", key=weak.secret, id=own) == {"requiredScope": "WORKSPACE_ADMIN"}

    admin = await api.new_key_record({Scope.WORKSPACE_ADMIN})
    payload = await change(api, "revokeApiKey", key=admin.secret, id=ids.encode(ids.API_KEY, admin.record.id))
    assert payload["apiKey"]["revokedAt"] == "2026-03-29T08:00:00.000Z"
