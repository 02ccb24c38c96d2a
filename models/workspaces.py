"""Workspaces: everything belongs to one."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from datetime import datetime

from sqlalchemy import CheckConstraint, Integer, select, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlmodel import Field, col

from models import audit_log
from models.actors import Actor
from models.audit_log import Action, Change, Target
from models.ids import WorkspaceId, new_id
from models.refusals import NoLongerAllowed, Problem, ProblemCode, Refused
from models.tables import Table, key_column, text_column, time_column
from models.texts import clean
from models.zones import UnknownZone, zone

NAME_LIMIT = 200
LARGEST_BATCH = 500
ERASED = "The workspace is not there any more."


class Workspace(Table, table=True):
    __tablename__ = "workspace"
    __table_args__ = (
        CheckConstraint("char_length(name) between 1 and 200", name="name_length"),
        CheckConstraint("char_length(timezone) between 1 and 100", name="timezone_length"),
        CheckConstraint("link_limit >= 0", name="link_limit_not_negative"),
        CheckConstraint(f"batch_limit between 1 and {LARGEST_BATCH}", name="batch_limit_possible"),
    )

    id: WorkspaceId = key_column(primary=True)
    name: str = text_column()
    timezone: str = text_column()
    created_at: datetime = time_column()
    # None: as many as there is room for.
    link_limit: int | None = Field(default=None, sa_type=Integer, nullable=True)
    # How many items a bulk mutation takes.
    batch_limit: int = Field(
        default=LARGEST_BATCH, sa_type=Integer, sa_column_kwargs={"server_default": text(str(LARGEST_BATCH))}
    )


@dataclass(frozen=True, slots=True)
class WorkspaceRecord:
    """A workspace as it was read; `timezone` is an IANA name, `link_limit` None for no limit."""

    id: WorkspaceId
    name: str
    timezone: str
    created_at: datetime
    link_limit: int | None
    batch_limit: int


async def find(conn: AsyncConnection, *, workspace_id: WorkspaceId) -> WorkspaceRecord | None:
    """The workspace, if there is one."""
    return (await by_ids(conn, workspace_id=workspace_id, ids=[workspace_id])).get(workspace_id)


async def by_ids(
    conn: AsyncConnection, *, workspace_id: WorkspaceId, ids: Collection[WorkspaceId]
) -> dict[WorkspaceId, WorkspaceRecord]:
    """Of the ids only the workspace's own: no other is seen from it."""
    rows = await conn.execute(select(Workspace).where(col(Workspace.id) == workspace_id, col(Workspace.id).in_(ids)))
    return {row.id: WorkspaceRecord(**row._mapping) for row in rows}


async def list_all(conn: AsyncConnection) -> list[WorkspaceRecord]:
    """Every workspace, oldest first: the operator's question."""
    rows = await conn.execute(select(Workspace).order_by(col(Workspace.id)))
    return [WorkspaceRecord(**row._mapping) for row in rows]


async def create(session: AsyncSession, *, name: str, timezone: str, by: Actor, now: datetime) -> WorkspaceRecord:
    """A new workspace without members; Refused for a name or time zone that cannot be."""
    values = _judged(name, timezone)
    row = Workspace(id=WorkspaceId(new_id()), name=values["name"], timezone=values["timezone"], created_at=now)
    session.add(row)
    await session.flush()
    change = Change(Action.WORKSPACE_CREATE, Target.workspace(row.id), after=values)
    await audit_log.note(session, change, workspace_id=row.id, by=by, now=now)
    return _record(row)


async def change(
    session: AsyncSession,
    *,
    workspace_id: WorkspaceId,
    name: str | None,
    timezone: str | None,
    by: Actor,
    now: datetime,
) -> WorkspaceRecord:
    """The workspace that exists, with what is not None written; Refused for a name or time zone that cannot be."""
    row = await hold(session, workspace_id=workspace_id)
    values = _judged(row.name if name is None else name, row.timezone if timezone is None else timezone)
    changed = {field: value for field, value in values.items() if getattr(row, field) != value}
    before = {field: getattr(row, field) for field in changed}
    if changed:
        for field, value in changed.items():
            setattr(row, field, value)
        await session.flush()
        change = Change(Action.WORKSPACE_UPDATE, Target.workspace(workspace_id), before, changed)
        await audit_log.note(session, change, workspace_id=workspace_id, by=by, now=now)
    return _record(row)


async def set_link_limit(
    session: AsyncSession, *, workspace_id: WorkspaceId, limit: int | None, by: Actor, now: datetime
) -> WorkspaceRecord:
    """The workspace with that limit; it may have more links already, and then just gets no new ones."""
    return await _set_limit(session, {"link_limit": limit}, workspace_id=workspace_id, by=by, now=now)


async def set_batch_limit(
    session: AsyncSession, *, workspace_id: WorkspaceId, limit: int, by: Actor, now: datetime
) -> WorkspaceRecord:
    """The workspace, whose bulk mutations now take that many items, 1 to 500."""
    return await _set_limit(session, {"batch_limit": limit}, workspace_id=workspace_id, by=by, now=now)


async def _set_limit(
    session: AsyncSession, limit: Mapping[str, int | None], *, workspace_id: WorkspaceId, by: Actor, now: datetime
) -> WorkspaceRecord:
    row = await hold(session, workspace_id=workspace_id)
    before = {column: getattr(row, column) for column in limit}
    for column, value in limit.items():
        setattr(row, column, value)
    await session.flush()
    change = Change(Action.WORKSPACE_LIMIT, Target.workspace(workspace_id), before, limit)
    await audit_log.note(session, change, workspace_id=workspace_id, by=by, now=now)
    return _record(row)


async def keep(session: AsyncSession, *, workspace_id: WorkspaceId) -> int | None:
    """How many links the workspace may have, which stays until the transaction ends; None for any number.

    NoLongerAllowed when it was erased meanwhile. Waits for no change: so do foreign keys keep it.
    """
    question = select(col(Workspace.link_limit)).where(col(Workspace.id) == workspace_id)
    kept = question.with_for_update(read=True, key_share=True)
    found = (await (await session.connection()).execute(kept)).one_or_none()
    if found is None:
        raise NoLongerAllowed(ERASED)
    limit: int | None = found.link_limit
    return limit


async def hold(session: AsyncSession, *, workspace_id: WorkspaceId) -> Workspace:
    """The workspace's row, kept from other holders until the transaction ends; its links go on.

    NoLongerAllowed when it was erased meanwhile.
    """
    question = select(Workspace).where(col(Workspace.id) == workspace_id).with_for_update(key_share=True)
    row = (await session.execute(question.execution_options(populate_existing=True))).scalar_one_or_none()
    if row is None:
        raise NoLongerAllowed(ERASED)
    return row


def _judged(name: str, timezone: str) -> dict[str, str]:
    problems: list[Problem] = []
    label = clean(name, limit=NAME_LIMIT, path=("name",), problems=problems)
    if label is None:
        problems.append(Problem(ProblemCode.INVALID, "A workspace needs a name.", ("name",)))
    try:
        zone(timezone)
    except UnknownZone:
        problems.append(Problem(ProblemCode.INVALID, "That is no IANA time zone.", ("timezone",)))
    if label is None or problems:
        raise Refused(*problems)
    return {"name": label, "timezone": timezone}


def _record(row: Workspace) -> WorkspaceRecord:
    return WorkspaceRecord(**{field.name: getattr(row, field.name) for field in fields(WorkspaceRecord)})


async def date_back(
    session: AsyncSession, *, workspace_id: WorkspaceId, created_at: datetime, by: Actor, now: datetime
) -> None:
    """Makes the workspace at least as old as that: all time begins with it, and so must not begin after its links."""
    row = await hold(session, workspace_id=workspace_id)
    if row.created_at > created_at:
        before, after = {"created_at": row.created_at}, {"created_at": created_at}
        row.created_at = created_at
        await session.flush()
        change = Change(Action.WORKSPACE_UPDATE, Target.workspace(workspace_id), before, after)
        await audit_log.note(session, change, workspace_id=workspace_id, by=by, now=now)
