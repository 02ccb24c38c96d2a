"""Loaders: one for each nested field, each answering all its parents with one statement."""

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from graph.click_questions import ClickQuestions
from graph.database_share import DatabaseShare
from graph.shared_loader import SharedLoader
from models import domains, keys, links
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

    link: SharedLoader[LinkId, LinkRecord | None]
    domain: SharedLoader[DomainId, DomainRecord | None]
    key: SharedLoader[KeyId, KeyRecord | None]
    clicks: ClickQuestions


def make_loaders(database: DatabaseShare, *, workspace_id: WorkspaceId | None, most_clicks_read: int) -> Loaders:
    """Loaders that see one workspace, or nothing without one."""
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
        clicks=ClickQuestions(database, workspace_id=mine, most_clicks_read=most_clicks_read),
    )


def _loader(database: DatabaseShare, ask: Question[Id, Record]) -> SharedLoader[Id, Record | None]:
    async def load(ids: list[Id]) -> list[Record | None]:
        async with database.read() as conn:
            found = await ask(conn, ids)
        return [found.get(one) for one in ids]

    return SharedLoader(load_fn=load)
