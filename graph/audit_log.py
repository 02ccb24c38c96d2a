"""The audit log: who changed what, and when."""

from datetime import datetime
from typing import Annotated, Final

import strawberry
from strawberry import UNSET

from graph import ids
from graph.actors import Actor
from graph.connections import USUAL_PAGE, PageInfo, cut, stretch
from graph.context import Info
from graph.defaults import given
from graph.ids import Node
from graph.viewer import actor_of
from models.audit_entries import EntryRecord
from models.audit_log import TargetKind

PREFIXES: Final = {
    TargetKind.LINK: ids.LINK,
    TargetKind.KEY: ids.API_KEY,
    TargetKind.MEMBER: ids.MEMBER,
    TargetKind.DOMAIN: ids.DOMAIN,
    TargetKind.WORKSPACE: ids.WORKSPACE,
}


@strawberry.type(description="A change that was made: by a mutation, by the operator, or by a first sign-in.")
class AuditEntry(Node):
    created_at: datetime = strawberry.field(description="When it was made.")
    action: str = strawberry.field(
        description="What was done, such as `link.update`: the kind of its target and a verb. More may be added."
    )
    summary: str = strawberry.field(
        description="For people: each field that changed, as it was and as it became. Never anything secret."
    )
    record: strawberry.Private[EntryRecord]

    @strawberry.field(
        description="Who did it; null: the operator, by a command or a setting, or somebody of whom nothing is known."
    )
    async def actor(self, info: Info) -> Actor | None:
        return await actor_of(self.record.actor, info.context)

    @strawberry.field(
        description="What was changed; null once it is gone, and with FORBIDDEN where the caller may not see it."
    )
    async def target(self, info: Info) -> Node | None:
        target = self.record.target
        return await info.context.find_node(ids.encode(PREFIXES[target.kind], target.id), info.context)


@strawberry.type(description="An entry and its place in the list.")
class AuditEntryEdge:
    cursor: str = strawberry.field(description="Opaque; for `after`.")
    node: AuditEntry = strawberry.field(description="The entry.")


@strawberry.type(description="A page of the audit log.")
class AuditEntryConnection:
    edges: list[AuditEntryEdge] = strawberry.field(description="The entries with their cursors.")
    nodes: list[AuditEntry] = strawberry.field(description="The entries alone.")
    page_info: PageInfo = strawberry.field(description="Where the page lies.")


@strawberry.type
class WorkspaceAuditLog:
    """The field `auditLog` of a workspace."""

    @strawberry.field(description="What was changed, newest first. Needs WORKSPACE_ADMIN.")
    async def audit_log(
        self,
        info: Info,
        first: Annotated[int | None, strawberry.argument(description="So many, 0 to 100.")] = USUAL_PAGE,
        after: Annotated[str | None, strawberry.argument(description="Only what is older than this cursor.")] = UNSET,
    ) -> AuditEntryConnection | None:
        assert first is not None
        asked = stretch(first=first, after=given(after), prefix=ids.AUDIT_ENTRY)
        records = await info.context.loaders.pages.audit_log.load(asked)
        nodes, page_info = cut([shown_entry(record) for record in records], asked)
        edges = [AuditEntryEdge(cursor=node.id, node=node) for node in nodes]
        return AuditEntryConnection(edges=edges, nodes=nodes, page_info=page_info)


def shown_entry(record: EntryRecord) -> AuditEntry:
    """The record as the API shows it."""
    return AuditEntry(
        id=ids.encode(ids.AUDIT_ENTRY, record.id),
        created_at=record.created_at,
        action=record.action.value,
        summary=record.summary,
        record=record,
    )
