"""Loaders: one for each nested field, each answering all its parents with one statement."""

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from typing import Protocol, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from graph.click_questions import ClickQuestions
from graph.connections import Stretch
from graph.database_share import DatabaseShare
from graph.shared_loader import SharedLoader
from models import audit_entries, domains, keys, links, members, users, workspaces
from models.audit_entries import EntryRecord
from models.domains import DomainRecord
from models.ids import DomainId, EntryId, KeyId, LinkId, MemberId, UserId, WorkspaceId
from models.keys import KeyRecord
from models.links import LinkRecord
from models.members import MemberRecord
from models.users import UserRecord
from models.workspaces import WorkspaceRecord

Id = TypeVar("Id")
Record = TypeVar("Record")


class ByIds(Protocol[Id, Record]):
    """The question each subject answers: those of these that the workspace has."""

    async def __call__(
        self, conn: AsyncConnection, *, workspace_id: WorkspaceId, ids: Collection[Id]
    ) -> dict[Id, Record]: ...


@dataclass(frozen=True, slots=True)
class Pages:
    """Pages of the workspace's lists, each read once for a request; with one record more if there are more."""

    members: SharedLoader[Stretch, list[MemberRecord]]
    keys: SharedLoader[Stretch, list[KeyRecord]]
    audit_log: SharedLoader[Stretch, list[EntryRecord]]


@dataclass(frozen=True, slots=True)
class Loaders:
    """One request's loaders; each answers None for what its workspace does not have."""

    link: SharedLoader[LinkId, LinkRecord | None]
    domain: SharedLoader[DomainId, DomainRecord | None]
    key: SharedLoader[KeyId, KeyRecord | None]
    user: SharedLoader[UserId, UserRecord | None]
    member: SharedLoader[MemberId, MemberRecord | None]
    entry: SharedLoader[EntryId, EntryRecord | None]
    workspace: SharedLoader[WorkspaceId, WorkspaceRecord | None]
    pages: Pages
    clicks: ClickQuestions


def make_loaders(database: DatabaseShare, *, workspace_id: WorkspaceId | None, most_clicks_read: int) -> Loaders:
    """Loaders that see one workspace, or nothing without one."""
    mine = workspace_id if workspace_id is not None else WorkspaceId(0)

    def by_id(ask: ByIds[Id, Record]) -> SharedLoader[Id, Record | None]:
        async def load(ids: list[Id]) -> list[Record | None]:
            async with database.read() as conn:
                found = await ask(conn, workspace_id=mine, ids=ids)
            return [found.get(one) for one in ids]

        return SharedLoader(load_fn=load)

    return Loaders(
        link=by_id(links.by_ids),
        domain=by_id(domains.by_ids),
        key=by_id(keys.by_ids),
        user=by_id(users.by_ids),
        member=by_id(members.by_ids),
        entry=by_id(audit_entries.by_ids),
        workspace=by_id(workspaces.by_ids),
        pages=_pages(database, mine),
        clicks=ClickQuestions(database, workspace_id=mine, most_clicks_read=most_clicks_read),
    )


def _pages(database: DatabaseShare, mine: WorkspaceId) -> Pages:
    async def members_in(conn: AsyncConnection, asked: Stretch) -> list[MemberRecord]:
        after = None if asked.after is None else MemberId(asked.after)
        return await members.page(conn, workspace_id=mine, after=after, size=asked.first + 1)

    async def keys_in(conn: AsyncConnection, asked: Stretch) -> list[KeyRecord]:
        after = None if asked.after is None else KeyId(asked.after)
        return await keys.page(conn, workspace_id=mine, after=after, size=asked.first + 1)

    async def entries_in(conn: AsyncConnection, asked: Stretch) -> list[EntryRecord]:
        after = None if asked.after is None else EntryId(asked.after)
        return await audit_entries.page(conn, workspace_id=mine, after=after, size=asked.first + 1)

    return Pages(
        members=_page_loader(database, members_in),
        keys=_page_loader(database, keys_in),
        audit_log=_page_loader(database, entries_in),
    )


def _page_loader(
    database: DatabaseShare, ask: Callable[[AsyncConnection, Stretch], Awaitable[list[Record]]]
) -> SharedLoader[Stretch, list[Record]]:
    async def load(asked: list[Stretch]) -> list[list[Record]]:
        async with database.read() as conn:
            return [await ask(conn, one) for one in asked]

    return SharedLoader(load_fn=load)
