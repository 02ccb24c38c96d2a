"""Visits as tests write them down, stored by the real load."""

import hashlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import asyncpg
from sqlalchemy.ext.asyncio import AsyncConnection

from models.clicks import VisitorKind
from models.partitions import CLICKS, SLOTS, VISITORS, make
from recording import load as loading
from recording.content import Content
from recording.copying import Row, RowEncoder
from recording.load import Offered, Outcome
from recording.rows import Rows
from recording.visit import FORMAT, Header
from tests.heard import hearing

SEALED = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A visit of a link; `visitor` None: no hash."""

    occurred_at: datetime
    link_id: int = 1
    workspace_id: int = 1
    kind: VisitorKind = VisitorKind.PERSON
    visitor: int | None = None
    device: str = "DESKTOP"
    country: str | None = None
    referrer: str | None = None
    browser: str | None = None
    os: str | None = None
    language: str | None = None
    utm_source: str | None = None
    utm_medium: str | None = None
    utm_campaign: str | None = None
    bot: str | None = None

    @property
    def utc_day(self) -> str:
        return self.occurred_at.astimezone(UTC).date().isoformat()


async def load(conn: asyncpg.Connection, visits: Sequence[Visit], *, segment: int, producer: int = 1) -> bool:
    """Stores the visits once as this segment, with the partitions they need; False if it was there already."""
    rows = [_row(number, visit) for number, visit in enumerate(visits)]
    days = frozenset(row.utc_day for row in rows)
    for table in (CLICKS, SLOTS, VISITORS):
        await make(conn, table, days=days)
    content = Content(
        header=Header(FORMAT, producer, segment, SEALED, 0),
        sealed_at=SEALED,
        sha256=hashlib.sha256(repr(visits).encode()).digest(),
        raw=b"",
        visits=[],
        unreadable=[],
        dropped=0,
    )
    encoder = RowEncoder()
    offered = Offered(content, Rows([encoder.encode(row) for row in rows], days), put_aside=_unexpected)
    [loaded] = await loading.load(conn, [offered], classifier_version="test")
    return loaded.outcome is Outcome.LOADED


def _unexpected(numbers: list[int]) -> None:
    raise AssertionError(f"rows that do not fit: {numbers}")


def _row(number: int, visit: Visit) -> Row:
    return Row(
        batch_row=number,
        occurred_at=visit.occurred_at,
        utc_day=visit.occurred_at.astimezone(UTC).date(),
        link_id=visit.link_id,
        workspace_id=visit.workspace_id,
        link_version=1,
        kind=visit.kind,
        visitor=visit.visitor,
        time_replaced=False,
        device=visit.device,
        country=visit.country,
        referrer=visit.referrer,
        browser=visit.browser,
        os=visit.os,
        language=visit.language,
        utm_source=visit.utm_source,
        utm_medium=visit.utm_medium,
        utm_campaign=visit.utm_campaign,
        bot=visit.bot,
    )


async def give_links(conn: asyncpg.Connection, *links: int, workspace_id: int = 1) -> None:
    """The total rows that creating these links makes."""
    await conn.executemany(
        "insert into link_total (link_id, workspace_id, clicks, unique_clicks, bot_clicks) values ($1, $2, 0, 0, 0) "
        "on conflict do nothing",
        [(link, workspace_id) for link in links],
    )


def spread(start: datetime, count: int, *, every: timedelta, link_id: int = 1) -> list[Visit]:
    """Visits by people, each of another visitor, one after the other."""
    return [Visit(occurred_at=start + number * every, link_id=link_id, visitor=number) for number in range(count)]


@asynccontextmanager
async def statements_with_values(conn: AsyncConnection) -> AsyncIterator[list[tuple[str, tuple[object, ...]]]]:
    """The SQL that the connection executes meanwhile, and the values it is given."""
    seen: list[tuple[str, tuple[object, ...]]] = []
    async with hearing(conn, lambda sql, values: seen.append((sql, values))):
        yield seen
