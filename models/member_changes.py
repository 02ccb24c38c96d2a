"""Adding, changing and removing members; under one lock for each workspace, so that an owner always remains."""

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from models import audit_log, members, users
from models.actors import Actor
from models.audit_log import Action, Change, Target
from models.ids import MemberId, UserId, WorkspaceId, new_id
from models.keys import Scope
from models.locking import locked
from models.members import Member, MemberRecord, record_of
from models.refusals import NotAllowed, Problem, ProblemCode, Refused
from models.roles import SCOPES_OF, Role, may_manage
from models.workspaces import hold

Fields = Mapping[str, object] | None


async def add(
    session: AsyncSession,
    *,
    workspace_id: WorkspaceId,
    email: str,
    role: Role,
    by: Actor,
    as_role: Role,
    now: datetime,
    within: Collection[Scope] = frozenset(Scope),
    until: datetime | None = None,
) -> MemberRecord:
    """The new member, known by e-mail until the first sign-in. Refused for no address or a role that may do what the
    adder may not (`within`; both INVALID), or who is a member already (TAKEN); NotAllowed when `as_role` may not give
    that role, or when the adder's own rights end (`until`), which a membership would outlast."""
    _check(as_role, of=role)
    _check_scopes(role, within)
    _check_lasting(until)
    await hold(session, workspace_id=workspace_id)
    user = await users.known_or_new(session, email=email, now=now)
    member = await members.held(session, workspace_id=workspace_id, user_id=user.id)
    if member is not None and member.removed_at is None:
        raise Refused(Problem(ProblemCode.TAKEN, f"{user.email} is a member already.", ("email",)))
    if member is None:
        member = _new(workspace_id, user.id, role, now=now)
        session.add(member)
    else:
        member.role, member.removed_at, member.joined_at = role, None, now
    await session.flush()
    await _note(session, member, Action.MEMBER_ADD, (None, {"email": user.email, "role": role}), by=by, now=now)
    return record_of(member)


def _new(workspace_id: WorkspaceId, user_id: UserId, role: Role, *, now: datetime) -> Member:
    return Member(id=MemberId(new_id()), workspace_id=workspace_id, user_id=user_id, role=role, joined_at=now)


async def change(
    session: AsyncSession,
    *,
    workspace_id: WorkspaceId,
    member_id: MemberId,
    role: Role | None,
    by: Actor,
    as_role: Role,
    now: datetime,
    within: Collection[Scope] = frozenset(Scope),
    until: datetime | None = None,
) -> MemberRecord:
    """The member, in that role (None: as before). Refused: NOT_FOUND, CONFLICT for the last owner, or INVALID for a
    role that may do what the changer may not (`within`). NotAllowed when `as_role` may not give or take the role, or
    for a role that allows more when the changer's own rights end (`until`)."""
    member = await _held(session, workspace_id, member_id)
    before = Role(member.role)
    if role is None or role is before:
        return record_of(member)
    _check(as_role, of=before)
    _check(as_role, of=role)
    _check_scopes(role, within)
    if not SCOPES_OF[role] <= SCOPES_OF[before]:
        _check_lasting(until)
    # Before it is done: who gives up a role of their own still has it.
    await _note(session, member, Action.MEMBER_UPDATE, ({"role": before}, {"role": role}), by=by, now=now)
    if before is Role.OWNER:
        await _refuse_the_last_owner(session, workspace_id)
    member.role = role
    await session.flush()
    return record_of(member)


async def remove(
    session: AsyncSession, *, workspace_id: WorkspaceId, member_id: MemberId, by: Actor, as_role: Role, now: datetime
) -> MemberRecord:
    """Who no longer belongs to the workspace. Refused: NOT_FOUND, or CONFLICT for the last owner."""
    member = await _held(session, workspace_id, member_id)
    role = Role(member.role)
    if member.user_id != by.user:  # whoever it is may leave
        _check(as_role, of=role)
    await _note(session, member, Action.MEMBER_REMOVE, ({"role": role}, None), by=by, now=now)  # before, as above
    if role is Role.OWNER:
        await _refuse_the_last_owner(session, workspace_id)
    member.removed_at = now
    await session.flush()
    return record_of(member)


def _check(role: Role, *, of: Role) -> None:
    if not may_manage(role, of=of):
        required = Role.ADMIN if may_manage(Role.ADMIN, of=of) else Role.OWNER
        raise NotAllowed(f"Giving or taking the role {of} takes the role {required}.", required=required)


def _check_lasting(until: datetime | None) -> None:
    if until is not None:
        raise NotAllowed("A key that expires gives nobody what would outlast it.", required=None)


def _check_scopes(role: Role, within: Collection[Scope]) -> None:
    if beyond := sorted(SCOPES_OF[role].difference(within)):
        message = f"Nobody gives what they have not: {', '.join(beyond)}."
        raise Refused(Problem(ProblemCode.INVALID, message, ("role",)))


async def _held(session: AsyncSession, workspace_id: WorkspaceId, member_id: MemberId) -> Member:
    await hold(session, workspace_id=workspace_id)
    is_meant = (col(Member.workspace_id) == workspace_id, col(Member.id) == member_id, col(Member.removed_at).is_(None))
    member = await locked(session, select(Member).where(*is_meant))
    if member is None:
        raise Refused(Problem(ProblemCode.NOT_FOUND, "There is no such member.", ("id",)))
    return member


async def _refuse_the_last_owner(session: AsyncSession, workspace_id: WorkspaceId) -> None:
    owners = select(func.count()).where(
        col(Member.workspace_id) == workspace_id,
        col(Member.role) == Role.OWNER,
        col(Member.removed_at).is_(None),
    )
    if (await session.execute(owners)).scalar_one() == 1:
        raise Refused(Problem(ProblemCode.CONFLICT, "A workspace keeps at least one owner.", ("id",)))


async def _note(
    session: AsyncSession, member: Member, action: Action, change: tuple[Fields, Fields], *, by: Actor, now: datetime
) -> None:
    before, after = change
    noted = Change(action, Target.member(member.id), before, after)
    await audit_log.note(session, noted, workspace_id=member.workspace_id, by=by, now=now)
