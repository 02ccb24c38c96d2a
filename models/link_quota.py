"""How many links a workspace may have."""

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from models.ids import WorkspaceId
from models.links import Link, is_there
from models.refusals import LimitReached, ProblemCode, Refused
from models.workspaces import hold, keep


@dataclass(frozen=True, slots=True)
class Quota:
    """How many links a workspace may have, None for any number, and how many are there."""

    limit: int | None
    present: int

    def refusal(self, links: int) -> LimitReached | None:
        """What there is to say to so many more of them, if anything is."""
        if self.limit is None or self.present + links <= self.limit:
            return None
        message = f"The workspace may have {self.limit} links, and has {self.present}."
        return LimitReached(ProblemCode.LIMIT_REACHED, message, (), limit=self.limit)


async def take_room(session: AsyncSession, *, workspace_id: WorkspaceId, links: int = 1) -> None:
    """Makes sure that so many more links may be made in this transaction; Refused (LIMIT_REACHED) otherwise, and
    NoLongerAllowed when the workspace was erased meanwhile.

    A workspace without a limit costs one look; with one, its creations wait for each other, so that the limit is exact.
    """
    if await keep(session, workspace_id=workspace_id) is None:
        return
    limit = (await hold(session, workspace_id=workspace_id)).link_limit
    refusal = (await quota(session, workspace_id=workspace_id, limit=limit)).refusal(links)
    if refusal is not None:
        raise Refused(refusal)


async def quota(session: AsyncSession, *, workspace_id: WorkspaceId, limit: int | None) -> Quota:
    """What the limit leaves, for whoever holds the workspace."""
    if limit is None:
        return Quota(None, 0)
    conn = await session.connection()
    some = select(col(Link.id)).where(is_there(workspace_id)).limit(limit + 1).subquery()
    return Quota(limit, (await conn.execute(select(func.count()).select_from(some))).scalar_one())
