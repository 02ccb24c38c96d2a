"""Loaders: one for each nested field, each answering all its parents with one statement."""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection
from strawberry.dataloader import DataLoader

from graph.click_questions import ClickQuestions
from models import domains, keys, links
from models.database import Database
from models.domains import DomainRecord
from models.ids import DomainId, KeyId, LinkId, WorkspaceId
from models.keys import KeyRecord
from models.links import LinkRecord

Id = TypeVar("Id")
Record = TypeVar("Record")
Question = Callable[[AsyncConnection, Collection[Id]], Awaitable[dict[Id, Record]]]


@dataclass(frozen=True, slots=True)
class Loaders:
    """One request's loaders; each answers None for what its workspace does not have."""

    link: DataLoader[LinkId, LinkRecord | None]
    domain: DataLoader[DomainId, DomainRecord | None]
    key: DataLoader[KeyId, KeyRecord | None]
    clicks: ClickQuestions


def make_loaders(
    database: Database, *, workspace_id: WorkspaceId | None, analytics_deadline_s: float, most_clicks_read: int
) -> Loaders:
    """Loaders that see one workspace, or nothing without one; the deadline counts from now."""
    mine = workspace_id if workspace_id is not None else WorkspaceId(0)

    async def links_of(conn: AsyncConnection, ids: Collection[LinkId]) -> dict[LinkId, LinkRecord]:
        return await links.by_ids(conn, workspace_id=mine, ids=ids)

    async def domains_of(conn: AsyncConnection, ids: Collection[DomainId]) -> dict[DomainId, DomainRecord]:
        return await domains.by_ids(conn, workspace_id=mine, ids=ids)

    async def keys_of(conn: AsyncConnection, ids: Collection[KeyId]) -> dict[KeyId, KeyRecord]:
        return await keys.by_ids(conn, workspace_id=mine, ids=ids)

    return Loaders(
        link=_loader(database, links_of),
        domain=_loader(database, domains_of),
        key=_loader(database, keys_of),
        clicks=ClickQuestions(
            database,
            workspace_id=mine,
            answer_by=asyncio.get_running_loop().time() + analytics_deadline_s,
            most_clicks_read=most_clicks_read,
        ),
    )


def _loader(database: Database, ask: Question[Id, Record]) -> DataLoader[Id, Record | None]:
    async def load(ids: list[Id]) -> list[Record | None]:
        async with database.read() as conn:
            found = await ask(conn, ids)
        return [found.get(one) for one in ids]

    return DataLoader(load_fn=load)
