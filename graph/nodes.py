"""`node` and `nodes`: anything by its id. A foreign, unknown or malformed id is null, all alike."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, Final

import strawberry

from graph import access, ids
from graph.clicks import key_of, shown_click
from graph.connections import bad_argument
from graph.context import Context, Info
from graph.domains import shown_domain
from graph.failures import ApiFailure
from graph.ids import Node
from graph.keys import shown_key
from graph.links import shown_link
from graph.workspaces import shown_workspace
from models import workspaces
from models.ids import DomainId, KeyId, LinkId
from models.keys import Scope

LARGEST_REQUEST: Final = 100


@strawberry.type
class NodeQueries:
    @strawberry.field(description="Anything by its id; null when it is absent or not visible.")
    async def node(
        self,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="Its id.")],  # noqa: A002
    ) -> Node | None:
        return await find(id, info.context)

    @strawberry.field(
        description="At most 100 ids; same order as asked, null where absent or not visible.",
        graphql_type=list[Node | None],
    )
    async def nodes(
        self, info: Info, ids: Annotated[list[strawberry.ID], strawberry.argument(description="Their ids.")]
    ) -> list[Node | ApiFailure | None]:
        if len(ids) > LARGEST_REQUEST:
            raise bad_argument("ids", f"{len(ids)} are more than {LARGEST_REQUEST}")
        return await asyncio.gather(*(_find_or_refusal(one, info.context) for one in ids))


async def _find_or_refusal(text: str, context: Context) -> Node | ApiFailure | None:
    """One of many: what it may not see must not hide the others, so the refusal takes its place in the list."""
    try:
        return await find(text, context)
    except ApiFailure as refusal:
        return refusal


async def find(text: str, context: Context) -> Node | None:
    """What the id stands for, or None; FORBIDDEN for a type that the caller's key may not see."""
    for prefix, find in FINDERS.items():
        if text.startswith(prefix):
            return await find(text, context)
    return None


async def _link(text: str, context: Context) -> Node | None:
    number = ids.decode(ids.LINK, text)
    access.require(context, (Scope.LINKS_READ,))
    record = await context.loaders.link.load(LinkId(number)) if number is not None else None
    return shown_link(record, context) if record else None


async def _key(text: str, context: Context) -> Node | None:
    number = ids.decode(ids.API_KEY, text)
    if number == context.key.id:
        return shown_key(context.key)
    access.require(context, (Scope.WORKSPACE_ADMIN,))
    record = await context.loaders.key.load(KeyId(number)) if number is not None else None
    return shown_key(record) if record else None


async def _domain(text: str, context: Context) -> Node | None:
    number = ids.decode(ids.DOMAIN, text)
    record = await context.loaders.domain.load(DomainId(number)) if number is not None else None
    return shown_domain(record) if record else None


async def _workspace(text: str, context: Context) -> Node | None:
    number = ids.decode(ids.WORKSPACE, text)
    if number != context.workspace_id:
        return None
    async with context.database.read() as conn:
        record = await workspaces.find(conn, workspace_id=context.workspace_id)
    return shown_workspace(record) if record else None


async def _click(text: str, context: Context) -> Node | None:
    access.require(context, (Scope.ANALYTICS_READ,))
    key = key_of(text)
    record = await context.loaders.clicks.click.load(key) if key is not None else None
    return shown_click(record) if record else None


FINDERS: Final[dict[str, Callable[[str, Context], Awaitable[Node | None]]]] = {
    ids.LINK: _link,
    ids.API_KEY: _key,
    ids.DOMAIN: _domain,
    ids.WORKSPACE: _workspace,
    ids.CLICK: _click,
}
