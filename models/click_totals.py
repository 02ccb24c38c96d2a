"""Totals: what clicks add up to, and what every link's have added up to so far."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from sqlalchemy.ext.asyncio import AsyncConnection

from models.analytics_refusals import timed
from models.ids import LinkId, WorkspaceId
from models.statements import fetch, statement


@dataclass(frozen=True, slots=True)
class ClickTotals:
    """Visits by people, those that were the first of their visitor (link and UTC day), and visits by bots."""

    clicks: int = 0
    unique_clicks: int = 0
    bot_clicks: int = 0

    def __add__(self, other: Self) -> "ClickTotals":
        return ClickTotals(
            self.clicks + other.clicks, self.unique_clicks + other.unique_clicks, self.bot_clicks + other.bot_clicks
        )

    def __sub__(self, other: Self) -> "ClickTotals":
        return ClickTotals(
            self.clicks - other.clicks, self.unique_clicks - other.unique_clicks, self.bot_clicks - other.bot_clicks
        )


@dataclass(frozen=True, slots=True)
class LinkClicks:
    """A link's clicks of all time, and when a person clicked last."""

    totals: ClickTotals
    last_clicked_at: datetime | None


NEVER_CLICKED = LinkClicks(ClickTotals(), None)

_OF_LINKS = (
    "select link_id, clicks, unique_clicks, bot_clicks, last_clicked_at from link_total "
    "where link_id = any(cast(:ids as bigint[])) and workspace_id = :workspace_id and hidden_at is null"
)


async def of_links(
    conn: AsyncConnection, *, workspace_id: WorkspaceId, ids: Collection[LinkId]
) -> dict[LinkId, LinkClicks]:
    """The clicks of those of the links that the workspace has."""
    with timed():
        rows = await fetch(conn, statement(_OF_LINKS), {"ids": list(ids), "workspace_id": workspace_id})
    return {LinkId(link): LinkClicks(ClickTotals(*sums), last_at) for link, *sums, last_at in rows}
