"""Mutations of members. Who may give and take which role is judged with the rows: FORBIDDEN names the role it takes."""

from typing import Annotated

import strawberry

from graph import ids
from graph.context import Context, Info
from graph.errors import UserError, user_errors
from graph.members import Member, shown_member
from graph.roles import Role
from models import member_changes, roles
from models.ids import MemberId
from models.refusals import Problem, ProblemCode, Refused


@strawberry.input(description="A person to add.")
class AddMemberInput:
    email: str = strawberry.field(
        description="What the person's identity provider has verified; it opens the workspace at the first sign-in."
    )
    role: Role = strawberry.field(description="What the person may do. OWNER and ADMIN are for owners to give.")


@strawberry.input(description="Changes to a member. Left out: unchanged.")
class UpdateMemberInput:
    id: strawberry.ID = strawberry.field(description="Which member.")
    role: strawberry.Maybe[Role | None] = strawberry.field(description="The new role. Cannot be cleared.")


@strawberry.input(description="A member to remove.")
class RemoveMemberInput:
    id: strawberry.ID = strawberry.field(description="Which member.")


@strawberry.type(description="What `addMember` did.")
class AddMemberPayload:
    member: Member | None = strawberry.field(description="The new member; null when nobody was added.")
    user_errors: list[UserError] = strawberry.field(description="Why nobody was added; empty when somebody was.")


@strawberry.type(description="What `updateMember` did.")
class UpdateMemberPayload:
    member: Member | None = strawberry.field(description="The member as it is now; null when nothing was changed.")
    user_errors: list[UserError] = strawberry.field(description="Why nothing was changed; empty when it was.")


@strawberry.type(description="What `removeMember` did.")
class RemoveMemberPayload:
    removed_member_id: strawberry.ID | None = strawberry.field(description="Who left; null when nobody did.")
    user_errors: list[UserError] = strawberry.field(description="Why nobody left; empty when somebody did.")


@strawberry.type
class MemberMutations:
    @strawberry.mutation(
        description="Add a person by e-mail. Needs WORKSPACE_ADMIN; only owners add owners and admins."
    )
    async def add_member(
        self,
        info: Info,
        input: Annotated[AddMemberInput, strawberry.argument(description="Whom, and as what.")],  # noqa: A002
    ) -> AddMemberPayload | None:
        context = info.context
        try:
            async with context.database.write() as session:
                record = await member_changes.add(
                    session,
                    workspace_id=context.workspace_id,
                    email=input.email,
                    role=roles.Role(input.role.name),
                    by=context.principal.actor,
                    as_role=context.principal.acts_as,
                    now=context.now,
                    within=context.principal.scopes,
                    until=context.principal.gives_until,
                )
        except Refused as refused:
            return AddMemberPayload(member=None, user_errors=user_errors(refused))
        return AddMemberPayload(member=shown_member(record), user_errors=[])

    @strawberry.mutation(
        description=(
            "Change a member's role. CONFLICT for the last owner. Needs WORKSPACE_ADMIN; only owners give and take "
            "OWNER and ADMIN."
        )
    )
    async def update_member(
        self,
        info: Info,
        input: Annotated[UpdateMemberInput, strawberry.argument(description="Whom, and to what.")],  # noqa: A002
    ) -> UpdateMemberPayload | None:
        context = info.context
        try:
            member_id, role = _named(input.id), _role(input)
            async with context.database.write() as session:
                record = await member_changes.change(
                    session,
                    workspace_id=context.workspace_id,
                    member_id=member_id,
                    role=role,
                    by=context.principal.actor,
                    as_role=context.principal.acts_as,
                    now=context.now,
                    within=context.principal.scopes,
                    until=context.principal.gives_until,
                )
        except Refused as refused:
            return UpdateMemberPayload(member=None, user_errors=user_errors(refused))
        return UpdateMemberPayload(member=shown_member(record), user_errors=[])

    @strawberry.mutation(
        description=(
            "Remove a member; what the person made stays. CONFLICT for the last owner. Every person may leave; to "
            "remove others needs WORKSPACE_ADMIN, and only owners remove owners and admins."
        )
    )
    async def remove_member(
        self,
        info: Info,
        input: Annotated[RemoveMemberInput, strawberry.argument(description="Whom.")],  # noqa: A002
    ) -> RemoveMemberPayload | None:
        try:
            removed = await _removed(_named(input.id), info.context)
        except Refused as refused:
            return RemoveMemberPayload(removed_member_id=None, user_errors=user_errors(refused))
        return RemoveMemberPayload(removed_member_id=ids.encode(ids.MEMBER, removed), user_errors=[])


async def _removed(member_id: MemberId, context: Context) -> MemberId:
    async with context.database.write() as session:
        record = await member_changes.remove(
            session,
            workspace_id=context.workspace_id,
            member_id=member_id,
            by=context.principal.actor,
            as_role=context.principal.acts_as,
            now=context.now,
        )
    return record.id


def _named(text: strawberry.ID) -> MemberId:
    number = ids.decode(ids.MEMBER, text)
    if number is None:
        raise Refused(Problem(ProblemCode.NOT_FOUND, "There is no such member.", ("id",)))
    return MemberId(number)


def _role(asked: UpdateMemberInput) -> roles.Role | None:
    """The role to give, or None for the one that is there."""
    if not asked.role:
        return None
    if asked.role.value is None:
        raise Refused(Problem(ProblemCode.INVALID, "A member has a role.", ("role",)))
    return roles.Role(asked.role.value.name)
