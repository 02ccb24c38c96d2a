"""The list of a workspace's keys."""

from typing import Annotated

import strawberry
from strawberry import UNSET

from graph import ids
from graph.connections import USUAL_PAGE, PageInfo, cut, stretch
from graph.context import Info
from graph.defaults import given
from graph.keys import ApiKey, shown_key


@strawberry.type(description="A key and its place in the list.")
class ApiKeyEdge:
    cursor: str = strawberry.field(description="Opaque; for `after`.")
    node: ApiKey = strawberry.field(description="The key.")


@strawberry.type(description="A page of keys.")
class ApiKeyConnection:
    edges: list[ApiKeyEdge] = strawberry.field(description="The keys with their cursors.")
    nodes: list[ApiKey] = strawberry.field(description="The keys alone.")
    page_info: PageInfo = strawberry.field(description="Where the page lies.")


@strawberry.type
class WorkspaceKeys:
    """The field `apiKeys` of a workspace."""

    @strawberry.field(description="Its keys, newest first, revoked and expired ones too. Needs WORKSPACE_ADMIN.")
    async def api_keys(
        self,
        info: Info,
        first: Annotated[int | None, strawberry.argument(description="So many, 0 to 100.")] = USUAL_PAGE,
        after: Annotated[str | None, strawberry.argument(description="Only what is older than this cursor.")] = UNSET,
    ) -> ApiKeyConnection | None:
        assert first is not None
        asked = stretch(first=first, after=given(after), prefix=ids.API_KEY)
        records = await info.context.loaders.pages.keys.load(asked)
        nodes, page_info = cut([shown_key(record) for record in records], asked)
        edges = [ApiKeyEdge(cursor=node.id, node=node) for node in nodes]
        return ApiKeyConnection(edges=edges, nodes=nodes, page_info=page_info)
