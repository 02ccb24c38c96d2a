"""The `kurz workspaces` commands: made, listed, limited, erased and exported at the terminal."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

import asyncpg
from rich.console import Console
from rich.progress import Progress
from sqlalchemy.ext.asyncio import AsyncConnection

from graph import ids
from models import member_changes, tombstones, workspaces
from models.actors import OPERATOR
from models.database import asyncpg_dsn
from models.ids import WorkspaceId
from models.instance import InstanceRecord
from models.roles import Role
from models.workspace_erasure import NoSuchWorkspace, erase_workspace, link_count
from models.workspaces import LARGEST_BATCH, WorkspaceRecord
from server.explanations import explained
from server.installation import installation
from server.settings import Settings
from server.start_error import StartError, UsageError
from server.workspace_export import write_export

LARGEST_LIMIT = 2**31 - 1


async def workspace_named(conn: AsyncConnection, instance: InstanceRecord, text: str | None) -> WorkspaceRecord:
    """The workspace with this id, the default one for None; raises UsageError, also while it is being erased."""
    workspace_id = instance.workspace_id if text is None else ids.decode(ids.WORKSPACE, text)
    found = None if workspace_id is None else await workspaces.find(conn, workspace_id=WorkspaceId(workspace_id))
    if found is None:
        raise UsageError(f"there is no workspace {text}: `kurz workspaces list` shows them")
    if found.id in await tombstones.erased(conn, workspaces=[found.id]):
        raise UsageError(f"{text} is being erased: `kurz workspaces erase {text}` goes on with that")
    return found


def limit_named(text: str) -> int | None:
    """A number of links, None for "none"; raises UsageError."""
    if text.lower() == "none":
        return None
    if not (text.isascii() and text.isdigit() and int(text) <= LARGEST_LIMIT):
        raise UsageError(f"--links: expected a whole number up to {LARGEST_LIMIT}, or none")
    return int(text)


def items_named(text: str) -> int:
    """A number of items of a bulk mutation; raises UsageError."""
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= LARGEST_BATCH):
        raise UsageError(f"--items: expected a whole number from 1 to {LARGEST_BATCH}")
    return int(text)


async def create_workspace(
    settings: Settings, *, name: str, owner: str, timezone: str, links: int | None, now: datetime
) -> str:
    """The id of a new workspace with that owner and limit; raises StartError, also for what cannot be."""
    async with installation(settings, now=now) as (database, _), database.write() as session:
        with explained():
            made = await workspaces.create(session, name=name, timezone=timezone, by=OPERATOR, now=now)
            await member_changes.add(
                session,
                workspace_id=made.id,
                email=owner,
                role=Role.OWNER,
                by=OPERATOR,
                as_role=Role.OWNER,
                now=now,
            )
        if links is not None:
            await workspaces.set_link_limit(session, workspace_id=made.id, limit=links, by=OPERATOR, now=now)
    return ids.encode(ids.WORKSPACE, made.id)


async def workspace_lines(settings: Settings, *, now: datetime) -> list[str]:
    """All workspaces, oldest first, each as one line."""
    async with installation(settings, now=now) as (database, instance), database.read() as conn:
        found = await workspaces.list_all(conn)
        erased = await tombstones.erased(conn, workspaces=[one.id for one in found])
    return [_line_of(one, is_default=one.id == instance.workspace_id, is_erased=one.id in erased) for one in found]


def _line_of(record: WorkspaceRecord, *, is_default: bool, is_erased: bool) -> str:
    limit = "no limit" if record.link_limit is None else f"up to {record.link_limit} links"
    state = "being erased" if is_erased else f"{limit}, {record.batch_limit} at once"
    default = "  (default)" if is_default else ""
    identity = ids.encode(ids.WORKSPACE, record.id)
    return f"{identity}  {record.created_at:%Y-%m-%d}  {record.timezone}  {state}  {record.name}{default}"


async def limit_links(settings: Settings, *, workspace: str, links: int | None, now: datetime) -> None:
    """Sets how many links the workspace may have, None for no limit; raises StartError."""
    async with installation(settings, now=now) as (database, instance), database.write() as session:
        found = await workspace_named(await session.connection(), instance, workspace)
        await workspaces.set_link_limit(session, workspace_id=found.id, limit=links, by=OPERATOR, now=now)


async def limit_items(settings: Settings, *, workspace: str, items: int, now: datetime) -> None:
    """Sets how many links the workspace may make or change at once; raises StartError."""
    async with installation(settings, now=now) as (database, instance), database.write() as session:
        found = await workspace_named(await session.connection(), instance, workspace)
        await workspaces.set_batch_limit(session, workspace_id=found.id, limit=items, by=OPERATOR, now=now)


async def erase(settings: Settings, *, workspace: str, confirm: Callable[[str], bool], now: datetime) -> str | None:
    """Erases the workspace if `confirm` agrees to its name, and says what went; None if not. Raises StartError."""
    async with installation(settings, now=now) as (database, instance):
        workspace_id = WorkspaceId(ids.decode(ids.WORKSPACE, workspace) or 0)
        async with database.read() as conn:
            found = await workspaces.find(conn, workspace_id=workspace_id)
            links = await link_count(conn, workspace_id=workspace_id)
        if found is None:
            raise UsageError(f"there is no workspace {workspace}: `kurz workspaces list` shows them")
        if found.id == instance.workspace_id:
            raise UsageError(f"{workspace} is the default workspace, which stays")
        if not confirm(found.name):
            return None
        await _erase(settings, found.id, links=links, now=now)
    return f"{found.name} is erased, with {links} links and all their visits."


async def _erase(settings: Settings, workspace_id: WorkspaceId, *, links: int, now: datetime) -> None:
    connection = await asyncpg.connect(asyncpg_dsn(settings.direct_database_address))
    try:
        with Progress(console=Console(stderr=True), transient=True) as progress:
            bar = progress.add_task("Links", total=links)
            await erase_workspace(
                connection,
                workspace_id,
                now=now,
                called=ids.encode(ids.WORKSPACE, workspace_id),
                on_links=lambda gone: progress.advance(bar, gone),
            )
    except NoSuchWorkspace as error:  # though it was there just now
        raise UsageError("the workspace has the installation's own domain and stays, or is erased already") from error
    finally:
        await connection.close()


@contextmanager
def _unless_closed() -> Iterator[None]:
    try:
        yield
    except StartError:
        # What is still in the buffer would be tried again at the exit, and fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise


@contextmanager
def opened(path: Path | None) -> Iterator[BinaryIO]:
    """A new file that only its owner may read, deleted again if the writing fails; standard output for None. Raises
    StartError when there is such a file, or it cannot be made."""
    if path is None:
        with _unless_closed():
            yield sys.stdout.buffer
        return
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise UsageError(f"--to {path}: {error.strerror}") from error
    try:
        with os.fdopen(descriptor, "wb") as stream:
            yield stream
    except BaseException:
        path.unlink(missing_ok=True)
        raise


async def export(settings: Settings, *, workspace: str, to: BinaryIO, now: datetime) -> int:
    """Writes everything of the workspace as lines of JSON, and answers how many; raises StartError."""
    async with installation(settings, now=now) as (database, instance), database.read() as conn:
        found = await workspace_named(conn, instance, workspace)
        connection = await asyncpg.connect(asyncpg_dsn(settings.direct_database_address))
        try:
            return await write_export(connection, found.id, to=to, now=now)
        finally:
            await connection.close()
