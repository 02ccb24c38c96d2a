"""`node` and `nodes`: anything by its id. A foreign, unknown or malformed id is null, all alike."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Final

import strawberry

from graph import access, ids
from graph.audit_log import shown_entry
from graph.clicks import key_of, shown_click
from graph.connections import bad_argument
from graph.context import Context, Info
from graph.domains import shown_domain
from graph.failures import ApiFailure
from graph.ids import Node
from graph.keys import shown_key
from graph.links import shown_link
from graph.members import shown_member
from graph.users import shown_user
from graph.workspaces import shown_workspace
from models.ids import DomainId, EntryId, KeyId, LinkId, MemberId, UserId

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
    """What the id stands for, or None; FORBIDDEN for a type that the caller may not see."""
    for prefix, find in FINDERS.items():
        if text.startswith(prefix):
            access.require(context, access.NODES[prefix], about=text)
            return await find(text, context)
    return None


async def _link(text: str, context: Context) -> Node | None:
    number = ids.decode(ids.LINK, text)
    record = await context.loaders.link.load(LinkId(number)) if number is not None else None
    return shown_link(record, context) if record else None


async def _key(text: str, context: Context) -> Node | None:
    number = ids.decode(ids.API_KEY, text)
    own = context.principal.key
    if own is not None and number == own.id:
        return shown_key(own)
    record = await context.loaders.key.load(KeyId(number)) if number is not None else None
    return shown_key(record) if record else None


async def _user(text: str, context: Context) -> Node | None:
    number = ids.decode(ids.USER, text)
    record = await context.loaders.user.load(UserId(number)) if number is not None else None
    return shown_user(record) if record else None


async def _domain(text: str, context: Context) -> Node | None:
    number = ids.decode(ids.DOMAIN, text)
    record = await context.loaders.domain.load(DomainId(number)) if number is not None else None
    return shown_domain(record) if record else None


async def _workspace(text: str, context: Context) -> Node | None:
    number = ids.decode(ids.WORKSPACE, text)
    if number != context.workspace_id:
        return None
    record = await context.loaders.workspace.load(context.workspace_id)
    return shown_workspace(record) if record else None


async def _member(text: str, context: Context) -> Node | None:
    number = ids.decode(ids.MEMBER, text)
    record = await context.loaders.member.load(MemberId(number)) if number is not None else None
    return shown_member(record) if record else None


async def _audit_entry(text: str, context: Context) -> Node | None:
    number = ids.decode(ids.AUDIT_ENTRY, text)
    record = await context.loaders.entry.load(EntryId(number)) if number is not None else None
    return shown_entry(record) if record else None


async def _click(text: str, context: Context) -> Node | None:
    key = key_of(text)
    record = await context.loaders.clicks.click.load(key) if key is not None else None
    return shown_click(record) if record else None


FINDERS: Final[dict[str, Callable[[str, Context], Awaitable[Node | None]]]] = {
    ids.LINK: _link,
    ids.API_KEY: _key,
    ids.USER: _user,
    ids.MEMBER: _member,
    ids.AUDIT_ENTRY: _audit_entry,
    ids.DOMAIN: _domain,
    ids.WORKSPACE: _workspace,
    ids.CLICK: _click,
}

# The type of what each finds.
TYPES: Final[Mapping[str, str]] = {
    ids.LINK: "Link",
    ids.CLICK: "Click",
    ids.API_KEY: "ApiKey",
    ids.USER: "User",
    ids.MEMBER: "Member",
    ids.AUDIT_ENTRY: "AuditEntry",
    ids.DOMAIN: "Domain",
    ids.WORKSPACE: "Workspace",
}
