"""The clicks of deleted links: taken out of every answer at once, and put back when the link comes back.

The rows of `click` stay where they are, and so do the link's own sums. What changes is the mark in `link_total`, which
every question heeds, and the workspace's sums, which are without what is hidden.
"""

from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from models.ids import LinkId, WorkspaceId

# Every load begins with its row in the ledger, and the builder of days reads it: in this mode neither is under way.
_STOP_LOADS = text("lock table click_batch in share row exclusive mode")
_MARK = text("update link_total set hidden_at = :now where link_id = :link and workspace_id = :workspace")
_TAKE_OUT = text("""
update click_slot w
   set clicks = w.clicks - l.clicks, unique_clicks = w.unique_clicks - l.unique_clicks,
       bot_clicks = w.bot_clicks - l.bot_clicks
  from click_slot l
 where l.scope = 1 and l.scope_id = :link and w.scope = 2 and w.scope_id = :workspace and w.slot = l.slot""")
_PUT_BACK = text("""
insert into click_slot as w (scope, scope_id, slot, clicks, unique_clicks, bot_clicks)
select 2, :workspace, slot, clicks, unique_clicks, bot_clicks from click_slot
 where scope = 1 and scope_id = :link order by slot
on conflict (scope, scope_id, slot) do update
   set clicks = w.clicks + excluded.clicks, unique_clicks = w.unique_clicks + excluded.unique_clicks,
       bot_clicks = w.bot_clicks + excluded.bot_clicks""")
_FORGET_DAYS = text("""
delete from click_day d
 using (select distinct (slot at time zone 'UTC')::date as day from click_slot where scope = 1 and scope_id = :link) l
 where d.scope = 2 and d.scope_id = :workspace and d.day = l.day""")


async def hide(session: AsyncSession, *, workspace_id: WorkspaceId, link_id: LinkId, now: datetime) -> None:
    """Takes the clicks of a link that is not hidden out of every answer. Loads wait for the end of the transaction."""
    await _change(session, workspace_id, link_id, marked=now)


async def show(session: AsyncSession, *, workspace_id: WorkspaceId, link_id: LinkId) -> None:
    """Puts the clicks of a hidden link back, those that were loaded meanwhile too."""
    await _change(session, workspace_id, link_id, marked=None)


async def _change(
    session: AsyncSession, workspace_id: WorkspaceId, link_id: LinkId, *, marked: datetime | None
) -> None:
    whose = {"workspace": workspace_id, "link": link_id}
    conn = await session.connection()
    await conn.execute(_STOP_LOADS)
    await conn.execute(_MARK, {**whose, "now": marked})
    await conn.execute(_PUT_BACK if marked is None else _TAKE_OUT, whose)
    await conn.execute(_FORGET_DAYS, whose)
