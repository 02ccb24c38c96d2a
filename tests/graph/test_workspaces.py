"""Who asks, and where: viewer and workspace, what may be changed of it, and how many links it may have."""

import re
from typing import Any

import pytest

from models import workspaces
from models.actors import OPERATOR
from models.keys import Scope
from models.roles import Role
from tests.graph.api import Api
from tests.graph.changing import change, done, forbidden, refusals

pytestmark = pytest.mark.database


async def test_the_viewer_is_the_key(api: Api) -> None:
    key = await api.new_key({Scope.LINKS_READ, Scope.LINKS_CREATE})

    viewer = (
        await api.ask(
            """{ viewer { scopes actor { __typename name
                 ... on ApiKey { prefix scopes createdAt expiresAt lastUsedAt revokedAt } } } }""",
            key=key,
        )
    )["viewer"]

    actor = viewer["actor"]
    assert viewer["scopes"] == actor["scopes"] == ["LINKS_CREATE", "LINKS_READ"]
    assert (actor["__typename"], actor["name"]) == ("ApiKey", "a key")
    assert key.startswith(actor["prefix"] + "_") and len(actor["prefix"]) < len(key) / 2
    assert re.fullmatch(r"2026-03-29T08:00:00\.000Z", actor["createdAt"])
    assert (actor["expiresAt"], actor["revokedAt"]) == (None, None)


async def test_the_workspace_is_the_keys(api: Api) -> None:
    asked = "{ workspace { name timezone createdAt defaultDomain { hostname verifiedAt createdAt } } }"

    workspace = (await api.ask(asked, key=await api.new_key({Scope.ANALYTICS_READ})))["workspace"]

    assert workspace["timezone"] == "UTC" and workspace["createdAt"] == "2026-03-29T08:00:00.000Z"
    assert workspace["defaultDomain"]["hostname"] == "sho.rt"


async def test_a_workspace_is_renamed_and_moved_to_another_time_zone(api: Api) -> None:
    moved = await done(api, "updateWorkspace", timezone="Europe/Berlin")
    renamed = await done(api, "updateWorkspace", name=" Marketing ")

    assert (moved["workspace"]["name"], moved["workspace"]["timezone"]) == ("Default", "Europe/Berlin")
    assert (renamed["workspace"]["name"], renamed["workspace"]["timezone"]) == ("Marketing", "Europe/Berlin")
    zone = "{ workspace { name analytics(range: {period: TODAY}) { range { timezone } } } }"
    assert (await api.ask(zone))["workspace"] == {
        "name": "Marketing",
        "analytics": {"range": {"timezone": "Europe/Berlin"}},
    }


REFUSED: list[tuple[dict[str, Any], list[tuple[str, list[str]]]]] = [
    ({"name": None}, [("INVALID", ["name"])]),
    ({"name": " "}, [("INVALID", ["name"])]),
    ({"name": "a\nb"}, [("INVALID", ["name"])]),
    ({"name": "a" * 201}, [("LIMIT_REACHED", ["name"])]),
    ({"timezone": None}, [("INVALID", ["timezone"])]),
    ({"timezone": "Mars/Olympus"}, [("INVALID", ["timezone"])]),
    ({"timezone": "../etc/passwd"}, [("INVALID", ["timezone"])]),
    ({"timezone": "\0"}, [("INVALID", ["timezone"])]),
    ({"name": "", "timezone": "CEST?"}, [("INVALID", ["name"]), ("INVALID", ["timezone"])]),
]


async def test_a_name_and_a_time_zone_cannot_be_just_anything(api: Api) -> None:
    for given, expected in REFUSED:
        assert await refusals(api, "updateWorkspace", **given) == expected, given
    assert (await api.ask("{ workspace { name timezone } }"))["workspace"] == {"name": "Default", "timezone": "UTC"}


async def test_only_admins_change_the_workspace(api: Api) -> None:
    weak = await api.new_key(set(Scope) - {Scope.WORKSPACE_ADMIN})
    for secret in (weak, *[(await api.new_member(role)).token for role in (Role.MEMBER, Role.READER)]):
        assert await forbidden(api, "updateWorkspace", key=secret, name="x") == {"requiredScope": "WORKSPACE_ADMIN"}
    await done(api, "updateWorkspace", key=(await api.new_member(Role.ADMIN)).token, name="x")


async def limit_links(api: Api, limit: int | None) -> None:
    async with api.database.write() as session:
        await workspaces.set_link_limit(
            session, workspace_id=api.instance.workspace_id, limit=limit, by=OPERATOR, now=api.clock.now
        )


async def test_a_workspace_has_as_many_links_as_it_may(api: Api) -> None:
    limits = "{ workspace { limits { maxLinks } } }"
    assert (await api.ask(limits))["workspace"]["limits"] == {"maxLinks": None}
    await api.create(code="one")
    await limit_links(api, 2)
    await api.create(code="two")
    assert (await api.ask(limits))["workspace"]["limits"] == {"maxLinks": 2}

    refused = await change(api, "createLink", destinationUrl="https://example.com/")

    assert refused["link"] is None and api.created == ["one", "two"]
    assert refused["userErrors"] == [
        {"__typename": "LimitReachedError", "code": "LIMIT_REACHED", "path": [], "limit": 2}
    ]
    for name in ("deactivateLink", "deleteLink"):
        await done(api, name, link={"code": "one"})
    await api.create(code="three")  # what is deleted is not counted
    assert await refusals(api, "createLink", destinationUrl="https://example.com/") == [("LIMIT_REACHED", [])]
    other = await api.new_key(workspace_id=await api.new_workspace())
    await done(api, "createLink", key=other, destinationUrl="https://example.com/")
    await limit_links(api, None)
    await api.create()
