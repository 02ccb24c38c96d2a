"""Bulk mutations as tests send them, each beside the single mutation that it stands for."""

from collections.abc import Iterable, Iterator
from typing import Any

from models import workspaces
from models.actors import OPERATOR
from tests.graph.api import CREATE, DEACTIVATE, UPDATE, Api, mutation

ITEM = "link { ...LinkFields } userErrors { ...Errors }"
SINGLE = {"createLinks": CREATE, "updateLinks": UPDATE, "deactivateLinks": DEACTIVATE}
MANY = {
    name: mutation(name, f"results {{ {more} {ITEM} }} userErrors {{ ...Errors }}")
    for name, more in (("createLinks", "created"), ("updateLinks", ""), ("deactivateLinks", ""))
}


async def many(
    api: Api, name: str, items: Iterable[dict[str, Any]], policy: str | None = None, *, key: str | None = None
) -> Any:
    """The payload of a bulk mutation."""
    given = {"items": list(items), **({} if policy is None else {"policy": policy})}
    return (await api.ask(MANY[name], {"input": given}, key=key))[name]


async def one_by_one(
    api: Api, name: str, items: Iterable[dict[str, Any]], *, key: str | None = None
) -> list[dict[str, Any]]:
    """What the single mutation answers to each; a link of somebody else as a bulk mutation tells it."""
    return [await _single(api, name, item, key=key) for item in items]


async def _single(api: Api, name: str, item: dict[str, Any], *, key: str | None) -> dict[str, Any]:
    single = name.removesuffix("s")
    answer = (await api.post(SINGLE[name], {"input": item}, key=key)).json()
    payload: dict[str, Any] | None = answer["data"][single]
    if payload is not None:
        return payload
    (error,) = answer["errors"]
    assert error["extensions"] == {"code": "FORBIDDEN", "requiredRole": "ADMIN"}
    told = {"__typename": "InputError", "code": "FORBIDDEN", "path": ["link"], "message": error["message"]}
    return {"link": None, "userErrors": [told]}


def codes(results: Iterable[dict[str, Any]]) -> list[list[tuple[str, list[str]]]]:
    """The codes and paths of each item's errors."""
    return [[(error["code"], error["path"]) for error in result["userErrors"]] for result in results]


def links(results: Iterable[dict[str, Any]]) -> Iterator[str | None]:
    """The code of each item's link."""
    return (result["link"] and result["link"]["code"] for result in results)


async def limit(api: Api, *, links: int | None = None, items: int = 500) -> None:
    """Sets what the API's workspace may have and send."""
    home, now = api.instance.workspace_id, api.clock.now
    async with api.database.write() as session:
        await workspaces.set_link_limit(session, workspace_id=home, limit=links, by=OPERATOR, now=now)
        await workspaces.set_batch_limit(session, workspace_id=home, limit=items, by=OPERATOR, now=now)
