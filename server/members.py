"""The `kurz members` commands: who belongs to a workspace, changed at the terminal with all that an owner may."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from models import member_changes, members, users
from models.actors import OPERATOR
from models.ids import WorkspaceId
from models.members import MemberRecord
from models.roles import Role
from models.users import UserRecord
from server.explanations import explained
from server.installation import installation
from server.settings import Settings
from server.start_error import UsageError
from server.workspaces import workspace_named

PAGE = 500


def role_named(name: str) -> Role:
    """The role with this name in any case; raises UsageError."""
    try:
        return Role(name.upper())
    except ValueError:
        raise UsageError(f"--role: expected one of {', '.join(Role)}") from None


async def add_member(settings: Settings, *, workspace: str | None, email: str, role: Role, now: datetime) -> None:
    """Adds the person with this e-mail; raises StartError, also when there is one already."""
    async with installation(settings, now=now) as (database, instance), database.write() as session:
        found = await workspace_named(await session.connection(), instance, workspace)
        with explained():
            await member_changes.add(
                session, workspace_id=found.id, email=email, role=role, by=OPERATOR, as_role=Role.OWNER, now=now
            )


async def change_member(settings: Settings, *, workspace: str | None, email: str, role: Role, now: datetime) -> None:
    """Gives the member with this e-mail another role; raises StartError, also for the last owner."""
    async with installation(settings, now=now) as (database, instance), database.write() as session:
        conn = await session.connection()
        found = await workspace_named(conn, instance, workspace)
        member = await _member(conn, found.id, email)
        with explained():
            await member_changes.change(
                session,
                workspace_id=found.id,
                member_id=member.id,
                role=role,
                by=OPERATOR,
                as_role=Role.OWNER,
                now=now,
            )


async def remove_member(settings: Settings, *, workspace: str | None, email: str, now: datetime) -> None:
    """Removes the member with this e-mail; raises StartError, also for the last owner."""
    async with installation(settings, now=now) as (database, instance), database.write() as session:
        conn = await session.connection()
        found = await workspace_named(conn, instance, workspace)
        member = await _member(conn, found.id, email)
        with explained():
            await member_changes.remove(
                session, workspace_id=found.id, member_id=member.id, by=OPERATOR, as_role=Role.OWNER, now=now
            )


async def member_lines(settings: Settings, *, workspace: str | None, now: datetime) -> list[str]:
    """All members in the order they joined, each as one line."""
    async with installation(settings, now=now) as (database, instance), database.read() as conn:
        found = await workspace_named(conn, instance, workspace)
        people = await _people(conn, found.id)
    return [_line_of(member, user) for member, user in people]


def _line_of(member: MemberRecord, user: UserRecord) -> str:
    seen = f"last seen {user.last_seen_at:%Y-%m-%d}" if user.last_seen_at else "never signed in"
    return f"{user.email}  {member.role:<6}  {member.joined_at:%Y-%m-%d}  {seen}  {user.name}"


async def _member(conn: AsyncConnection, workspace_id: WorkspaceId, email: str) -> MemberRecord:
    wanted = users.normalised(email)
    for member, user in await _people(conn, workspace_id):
        if user.email == wanted:
            return member
    raise UsageError(f"{email} is no member of the workspace: `kurz members list` shows them")


async def _people(conn: AsyncConnection, workspace_id: WorkspaceId) -> list[tuple[MemberRecord, UserRecord]]:
    found: list[MemberRecord] = []
    while page := await members.page(conn, workspace_id=workspace_id, after=found[-1].id if found else None, size=PAGE):
        found += page
    known = await users.by_ids(conn, workspace_id=workspace_id, ids=[member.user_id for member in found])
    return [(member, known[member.user_id]) for member in found]
