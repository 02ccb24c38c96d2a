"""Members: the people of the workspace and their roles, as the API shows them."""

from datetime import datetime
from typing import Annotated

import strawberry
from strawberry import UNSET

from graph import ids
from graph.connections import USUAL_PAGE, PageInfo, cut, stretch
from graph.context import Info
from graph.defaults import given
from graph.ids import Node
from graph.roles import Role
from graph.users import User, shown_user
from models.members import MemberRecord


@strawberry.type(description="A person's belonging to the workspace.")
class Member(Node):
    role: Role = strawberry.field(description="What the person may do here.")
    joined_at: datetime = strawberry.field(description="When the person was added, the last time.")
    record: strawberry.Private[MemberRecord]

    @strawberry.field(description="Who it is.")
    async def user(self, info: Info) -> User:
        user = await info.context.loaders.user.load(self.record.user_id)
        assert user is not None, "a member is a person"
        return shown_user(user)


@strawberry.type(description="A member and its place in the list.")
class MemberEdge:
    cursor: str = strawberry.field(description="Opaque; for `after`.")
    node: Member = strawberry.field(description="The member.")


@strawberry.type(description="A page of members.")
class MemberConnection:
    edges: list[MemberEdge] = strawberry.field(description="The members with their cursors.")
    nodes: list[Member] = strawberry.field(description="The members alone.")
    page_info: PageInfo = strawberry.field(description="Where the page lies.")


@strawberry.type
class WorkspaceMembers:
    """The field `members` of a workspace."""

    @strawberry.field(
        description=(
            "Who belongs to it, in the order in which they were first added. Every person of the workspace may ask; "
            "a key needs WORKSPACE_ADMIN."
        )
    )
    async def members(
        self,
        info: Info,
        first: Annotated[int | None, strawberry.argument(description="So many, 0 to 100.")] = USUAL_PAGE,
        after: Annotated[str | None, strawberry.argument(description="Only what comes after this cursor.")] = UNSET,
    ) -> MemberConnection | None:
        assert first is not None
        asked = stretch(first=first, after=given(after), prefix=ids.MEMBER)
        records = await info.context.loaders.pages.members.load(asked)
        nodes, page_info = cut([shown_member(record) for record in records], asked)
        edges = [MemberEdge(cursor=node.id, node=node) for node in nodes]
        return MemberConnection(edges=edges, nodes=nodes, page_info=page_info)


def shown_member(record: MemberRecord) -> Member:
    """The record as the API shows it."""
    return Member(
        id=ids.encode(ids.MEMBER, record.id), role=Role[record.role.name], joined_at=record.joined_at, record=record
    )
