"""Deleting a link: gone at once for everyone; the operator can bring it back for 30 days, and then it is gone."""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlmodel import col

from models import audit_log, hidden_clicks, retired_codes
from models.actors import Actor
from models.audit_log import Action, Change, Target
from models.ids import LinkId, WorkspaceId
from models.links import Link, LinkLookup, LinkRecord, announce, is_meant, record_of
from models.locking import locked
from models.refusals import Problem, ProblemCode, Refused
from models.tombstones import is_erased

RESTORABLE_FOR = timedelta(days=30)


async def delete(
    session: AsyncSession, *, workspace_id: WorkspaceId, lookup: LinkLookup, by: Actor, now: datetime
) -> LinkRecord:
    """The link as it was. Refused: NOT_FOUND, or CONFLICT while it is active."""
    link = await locked(session, select(Link).where(is_meant(workspace_id, lookup)))
    if link is None:
        raise Refused(Problem(ProblemCode.NOT_FOUND, "There is no such link.", ("link",)))
    if link.deactivated_at is None:
        raise Refused(Problem(ProblemCode.CONFLICT, "Only a deactivated link can be deleted.", ("link",)))
    await _mark(session, link, now, now=now)
    await retired_codes.retire(session, domain_id=link.domain_id, code=link.code, now=now)
    await _note(session, link, Action.LINK_DELETE, by, now=now)
    await hidden_clicks.hide(session, workspace_id=workspace_id, link_id=link.id, now=now)
    return record_of(link)


async def restore(
    session: AsyncSession, *, workspace_id: WorkspaceId, link_id: LinkId, by: Actor, now: datetime
) -> LinkRecord:
    """The link, deactivated as it was before. Refused (NOT_FOUND) when it is not there to be restored, or too old."""
    link = await locked(session, select(Link).where(_is_deleted(workspace_id, now=now), col(Link.id) == link_id))
    # Clocks of hosts differ: by that of the eraser it may be a month already.
    if link is None or await is_erased(session, workspace_id=workspace_id, link_id=link_id):
        raise Refused(Problem(ProblemCode.NOT_FOUND, "There is no such deleted link.", ("link",)))
    await _mark(session, link, None, now=now)
    await retired_codes.give_back(session, domain_id=link.domain_id, code=link.code)
    await _note(session, link, Action.LINK_RESTORE, by, now=now)
    await hidden_clicks.show(session, workspace_id=workspace_id, link_id=link.id)
    return record_of(link)


async def deleted_links(conn: AsyncConnection, *, workspace_id: WorkspaceId, now: datetime) -> list[LinkRecord]:
    """What can be restored, the latest deletion first."""
    question = select(Link).where(_is_deleted(workspace_id, now=now)).order_by(col(Link.deleted_at).desc())
    return [LinkRecord(**row._mapping) for row in await conn.execute(question)]


def _is_deleted(workspace_id: WorkspaceId, *, now: datetime) -> ColumnElement[bool]:
    return (col(Link.workspace_id) == workspace_id) & (col(Link.deleted_at) >= now - RESTORABLE_FOR)


async def _mark(session: AsyncSession, link: Link, deleted_at: datetime | None, *, now: datetime) -> None:
    link.deleted_at, link.version = deleted_at, link.version + 1
    link.updated_at = max(now, link.updated_at)  # clocks of hosts differ
    await session.flush()
    await announce(session, link)


async def _note(session: AsyncSession, link: Link, action: Action, by: Actor, *, now: datetime) -> None:
    shown = {"code": link.code, "destination_url": link.destination_url}
    before, after = (shown, None) if action is Action.LINK_DELETE else (None, shown)
    change = Change(action, Target.link(link.id), before, after)
    await audit_log.note(session, change, workspace_id=link.workspace_id, by=by, now=now)
