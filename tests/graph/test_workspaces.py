"""Who asks, and where: viewer and workspace."""

import re

import pytest

from models.keys import Scope
from tests.graph.api import Api

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
