"""Links with visits to ask about: stored by the real load, in the API's own workspace."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import asyncpg

from graph import ids
from models.clicks import VisitorKind
from models.database import asyncpg_dsn
from tests.clicks_data import Visit, load
from tests.graph.api import Api

PERSON, CRAWLER, HEAD = VisitorKind.PERSON, VisitorKind.CRAWLER, VisitorKind.HEAD


@dataclass
class Clicked:
    """Stores visits, each call as a segment of its own."""

    api: Api
    url: str
    segments: list[list[Visit]] = field(default_factory=list)

    async def link(self, code: str, **given: Any) -> int:
        """The number of a new link."""
        number = ids.decode(ids.LINK, (await self.api.create(code=code, **given))["id"])
        assert number is not None
        return number

    def visit(self, link_id: int, at: datetime, **given: Any) -> Visit:
        """A visit in the API's workspace."""
        return Visit(occurred_at=at, link_id=link_id, workspace_id=self.api.instance.workspace_id, **given)

    async def store(self, *visits: Visit) -> None:
        """Store the visits, as their redirects would have them stored."""
        connection = await asyncpg.connect(asyncpg_dsn(self.url))
        try:
            assert await load(connection, visits, segment=len(self.segments))
        finally:
            await connection.close()
        self.segments.append(list(visits))


def at(day: int, hour: int = 12, minute: int = 0, second: int = 0) -> datetime:
    """An instant (UTC) of March 2026, in which Europe's clocks change on the 29th."""
    return datetime(2026, 3, day, hour, minute, second, tzinfo=UTC)


def days(first: int, last: int) -> dict[str, Any]:
    """The range of these days of March 2026."""
    return {"days": {"from": f"2026-03-{first:02}", "to": f"2026-03-{last:02}"}}


def between(start: datetime, end: datetime) -> dict[str, Any]:
    """The range of these instants."""
    return {"between": {"start": start.isoformat(), "end": end.isoformat()}}
