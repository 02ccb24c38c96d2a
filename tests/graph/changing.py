"""Mutations of workspaces, people, keys and links as tests send them."""

from typing import Any

from tests.graph.api import Api

ERRORS = "userErrors { __typename code path ... on LimitReachedError { limit } }"
SELECTED = {
    "createLink": "link { id }",
    "updateLink": "link { id }",
    "deactivateLink": "link { id }",
    "reactivateLink": "link { id }",
    "deleteLink": "deletedLinkId",
    "createLinks": "results { link { id } }",
    "updateLinks": "results { link { id } }",
    "deactivateLinks": "results { link { id } }",
    "createApiKey": "apiKey { id name prefix scopes createdAt expiresAt lastUsedAt revokedAt } secret",
    "revokeApiKey": "apiKey { id revokedAt }",
    "addMember": "member { id role joinedAt user { id name email createdAt } }",
    "updateMember": "member { id role }",
    "removeMember": "removedMemberId",
    "updateWorkspace": "workspace { id name timezone }",
}


def document(name: str) -> str:
    """The mutation with its input as variable."""
    kind = name[0].upper() + name[1:] + "Input"
    return f"mutation ($input: {kind}!) {{ {name}(input: $input) {{ {SELECTED[name]} {ERRORS} }} }}"


def after_another(first: str, name: str) -> str:
    """A document of two mutations, the later one under the name `then`; both inputs are variables."""
    kinds = [one[0].upper() + one[1:] + "Input" for one in (first, name)]
    return f"""mutation ($first: {kinds[0]}!, $input: {kinds[1]}!) {{
      first: {first}(input: $first) {{ {ERRORS} }} then: {name}(input: $input) {{ {SELECTED[name]} {ERRORS} }} }}"""


async def change(api: Api, name: str, /, *, key: str | None = None, **given: Any) -> Any:
    """The payload of a mutation without top-level errors."""
    return (await api.ask(document(name), {"input": given}, key=key))[name]


async def done(api: Api, name: str, /, *, key: str | None = None, **given: Any) -> Any:
    """The payload of a mutation that was done."""
    payload = await change(api, name, key=key, **given)
    assert payload["userErrors"] == [], (name, given, payload)
    return payload


async def refusals(api: Api, name: str, /, *, key: str | None = None, **given: Any) -> list[tuple[str, list[str]]]:
    """The codes and paths of a mutation that did nothing."""
    payload = await change(api, name, key=key, **given)
    assert [value for field, value in payload.items() if field not in {"userErrors", "created"} and value] == []
    return [(error["code"], error["path"]) for error in payload["userErrors"]]


async def forbidden(api: Api, name: str, /, *, key: str, **given: Any) -> dict[str, str]:
    """The extensions of the FORBIDDEN that a mutation meets, but its code."""
    answer = (await api.post(document(name), {"input": given}, key=key)).json()
    assert answer["data"] == {name: None}, answer
    (error,) = answer["errors"]
    extensions: dict[str, str] = error["extensions"]
    assert extensions.pop("code") == "FORBIDDEN", answer
    return extensions
