"""How many links a workspace may have."""

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from models.ids import WorkspaceId
from models.links import Link, is_there
from models.refusals import LimitReached, ProblemCode, Refused
from models.workspaces import Workspace, hold


async def take_room(session: AsyncSession, *, workspace_id: WorkspaceId, links: int = 1) -> None:
    """Makes sure that so many more links may be made in this transaction; Refused (LIMIT_REACHED) otherwise.

    A workspace without a limit costs one look; with one, its creations wait for each other, so that the limit is exact.
    """
    conn = await session.connection()
    question = select(col(Workspace.link_limit)).where(col(Workspace.id) == workspace_id)
    if (await conn.execute(question)).scalar_one() is None:
        return
    limit = (await hold(session, workspace_id=workspace_id)).link_limit
    if limit is None:
        return
    some = select(col(Link.id)).where(is_there(workspace_id)).limit(limit + 1).subquery()
    present = (await conn.execute(select(func.count()).select_from(some))).scalar_one()
    if present + links > limit:
        message = f"The workspace may have {limit} links, and has {present}."
        raise Refused(LimitReached(ProblemCode.LIMIT_REACHED, message, (), limit=limit))
