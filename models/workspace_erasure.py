"""Erasing a workspace: a tombstone first, with which all access ends; then its links; at last what it was itself."""

from collections.abc import Callable
from datetime import datetime

import asyncpg
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col

from models.audit_log import Action, note_for_all
from models.erasure import LINKS_AT_ONCE, STOP_LOADS, Connection, erase_some, persistently
from models.ids import LinkId, WorkspaceId
from models.links import EVERY_CODE, LINK_CHANNEL, Link
from models.retired_codes import KEPT_FOR

ENTRIES_AT_ONCE = 10_000

# The installation's own stays, and so does whose domain became the installation's.
_IS_ERASABLE = """
select true from workspace w
 where id = $1 and not exists (
   select from instance i left join domain d on d.id = i.domain_id where w.id in (i.workspace_id, d.workspace_id))
   for no key update of w"""
_BURY = "insert into erased_workspace (id, erased_at) values ($1, $2) on conflict do nothing returning id"
# Done again with every step, since the operator may have made a key or added somebody meanwhile. Each row is held: what
# its key or member began to change is committed before access ends, or never.
_SHUT_OUT = (
    "update workspace set link_limit = 0 where id = $1 and link_limit is distinct from 0",
    """with held as (select id from api_key where workspace_id = $1 and revoked_at is null order by id for update)
       update api_key k set revoked_at = $2 from held where k.id = held.id""",
    """with held as (select id from member where workspace_id = $1 and removed_at is null order by id for update)
       update member m set removed_at = $2 from held where m.id = held.id""",
)
# The redirect finds no link of a workspace with a tombstone: it has but to ask again.
_ANNOUNCE = f"""
select pg_notify('{LINK_CHANNEL}', domain_id || ' {EVERY_CODE}')
  from (select distinct domain_id from link where workspace_id = $1) d"""  # noqa: S608 - our own words only

# Also what has sums and no link, as after the restoring of an old backup.
_SOME_LINKS = """
select id from link where workspace_id = $1
union all select link_id from link_total t where workspace_id = $1
             and not exists (select from link l where l.id = t.link_id)
 limit $2"""
# Its own domains go, and their codes with them.
_RETIRE = """
insert into retired_code (domain_id, code, free_at)
select l.domain_id, l.code, $2 from link l join domain d on d.id = l.domain_id
 where l.id = any($1::bigint[]) and d.workspace_id is null
on conflict do nothing"""
_SOME_ENTRIES = """
with gone as (
  delete from audit_entry where id in (select id from audit_entry where workspace_id = $1 limit $2) returning 1)
select count(*) from gone"""

_PEOPLE = "select user_id from member where workspace_id = $1"
_CLOSE_DOWN = (
    # As everyone who writes sums: days are summed up, and visits loaded, before or after this.
    "lock table click_batch in row exclusive mode",
    "delete from click_slot where scope = 2 and scope_id = $1",
    "delete from click_day where scope = 2 and scope_id = $1",
    "delete from api_key where workspace_id = $1",
    "delete from audit_entry where workspace_id = $1",
    "delete from member where workspace_id = $1",
    "delete from retired_code where domain_id in (select id from domain where workspace_id = $1)",
    "delete from domain where workspace_id = $1",
    "delete from workspace where id = $1",
)
_FORGET_PEOPLE = """
delete from user_account u
 where id = any($1::bigint[]) and not exists (select from member m where m.user_id = u.id)
   and not exists (select from link l where l.created_by_user = u.id)"""

# Somebody was just changing what was to go.
_AGAIN = (asyncpg.DeadlockDetectedError, asyncpg.IntegrityConstraintViolationError)


class NoSuchWorkspace(Exception):  # noqa: N818 - it names what happened, not a fault
    """There is no such workspace, or it is the installation's own, which stays."""

    def __init__(self, workspace_id: WorkspaceId) -> None:
        super().__init__(workspace_id)
        self.workspace_id = workspace_id


async def link_count(conn: AsyncConnection, *, workspace_id: WorkspaceId) -> int:
    """How many links are left to erase, the deleted ones too."""
    question = select(func.count()).select_from(Link).where(col(Link.workspace_id) == workspace_id)
    count: int = (await conn.execute(question)).scalar_one()
    return count


async def erase_workspace(
    conn: Connection,
    workspace_id: WorkspaceId,
    *,
    now: datetime,
    called: str = "",
    on_links: Callable[[int], None] = lambda _: None,
) -> int:
    """Erases the workspace and answers how many links went; `on_links` hears of each step's. Not inside a transaction.

    The default workspace's audit log tells, and calls it by its number and `called`. Can be repeated when interrupted:
    access ended at the first attempt. Raises NoSuchWorkspace.
    """
    erased = 0

    async def erase_all() -> None:
        nonlocal erased
        while ids := await _condemned(conn, workspace_id, now=now):
            gone = await erase_some(conn, ids)
            on_links(gone)
            erased += gone
        while await conn.fetchval(_SOME_ENTRIES, workspace_id, ENTRIES_AT_ONCE) == ENTRIES_AT_ONCE:
            pass
        await _close_down(conn, workspace_id)

    await persistently(lambda: _close(conn, workspace_id, called=called, now=now), despite=_AGAIN)
    await persistently(erase_all, despite=_AGAIN)
    return erased


async def _close(conn: Connection, workspace_id: WorkspaceId, *, called: str, now: datetime) -> None:
    async with conn.transaction(isolation="read_committed"):
        if not await conn.fetchval(_IS_ERASABLE, workspace_id):
            raise NoSuchWorkspace(workspace_id)
        await _shut_out(conn, workspace_id, now=now)  # keys before clicks, as whoever deletes a link holds them
        await conn.execute(STOP_LOADS)
        if await conn.fetchval(_BURY, workspace_id, now):
            before = {"id": called}
            await note_for_all(conn, Action.WORKSPACE_ERASE, workspace_id=workspace_id, before=before, now=now)
        await conn.execute(_ANNOUNCE, workspace_id)


async def _shut_out(conn: Connection, workspace_id: WorkspaceId, *, now: datetime) -> None:
    for statement in _SHUT_OUT:
        await conn.execute(statement, workspace_id, *([now] if "$2" in statement else []))


async def _condemned(conn: Connection, workspace_id: WorkspaceId, *, now: datetime) -> list[LinkId]:
    """Some links whose codes nobody else gets. In a transaction before they go, since codes are asked for first."""
    async with conn.transaction(isolation="read_committed"):
        await _shut_out(conn, workspace_id, now=now)
        rows = await conn.fetch(_SOME_LINKS, workspace_id, LINKS_AT_ONCE)
        ids: list[LinkId] = [row["id"] for row in rows]
        await conn.execute(_RETIRE, ids, now + KEPT_FOR)
    return ids


async def _close_down(conn: Connection, workspace_id: WorkspaceId) -> None:
    async with conn.transaction(isolation="read_committed"):
        people = [row["user_id"] for row in await conn.fetch(_PEOPLE, workspace_id)]
        for statement in _CLOSE_DOWN:
            await conn.execute(statement, *([workspace_id] if "$1" in statement else []))
        await conn.execute(_FORGET_PEOPLE, people)
