"""What "now" and "days" mean to a workspace: the database's clock and the workspace's time zone, in one statement."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from models.ids import WorkspaceId
from models.statements import fetch, statement


@dataclass(frozen=True, slots=True)
class Moment:
    """An instant of the database's clock (UTC), and the IANA name of the zone where the workspace's days begin.

    What was stored before `now` is counted by every question that is asked later.
    """

    now: datetime
    timezone: str


_MOMENT = "select statement_timestamp() as now, timezone from workspace where id = :workspace_id"


async def moment(conn: AsyncConnection, *, workspace_id: WorkspaceId) -> Moment:
    """The present of a workspace that exists."""
    (row,) = await fetch(conn, statement(_MOMENT), {"workspace_id": workspace_id})
    return Moment(row["now"], row["timezone"])
