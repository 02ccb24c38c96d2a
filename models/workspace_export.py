"""Everything of a workspace, read row by row at one moment: for its export."""

from collections.abc import AsyncGenerator

import asyncpg

from models.ids import WorkspaceId

ROWS_AT_ONCE = 1_000

# In the order of an export: whoever is named comes before what names them.
_PARTS = {
    "workspace": "select id, name, timezone, created_at, link_limit, batch_limit from workspace where id = $1",
    "domain": """
        select id, hostname, created_at, verified_at from domain
         where workspace_id = $1 or id in (select domain_id from link where workspace_id = $1) order by id""",
    "member": """
        select m.id, m.user_id, u.email, u.name, m.role, m.joined_at, m.removed_at
          from member m join user_account u on u.id = m.user_id where m.workspace_id = $1 order by m.id""",
    # Without the hash of its secret.
    "key": """
        select id, public_id, name, scopes, created_at, expires_at, last_used_at, revoked_at
          from api_key where workspace_id = $1 order by id""",
    "link": """
        select l.id, l.domain_id, l.code, l.destination_url, l.title, l.notes, l.external_id, l.created_by_key,
               l.created_by_user, l.created_at, l.updated_at, l.deactivated_at, l.deactivation_reason, l.deleted_at,
               l.version, t.clicks, t.unique_clicks, t.bot_clicks, t.last_clicked_at
          from link l left join link_total t on t.link_id = l.id where l.workspace_id = $1 order by l.id""",
    "auditEntry": """
        select id, created_at, actor_key, actor_user, action, target_kind, target_id, before, after
          from audit_entry where workspace_id = $1 order by id""",
    # Of the time whose single clicks are gone.
    "quarterHour": """
        select s.scope_id as link_id, s.slot as begins_at, s.clicks, s.unique_clicks, s.bot_clicks
          from link_total t join click_slot s on s.scope = 1 and s.scope_id = t.link_id
         where t.workspace_id = $1 and s.slot < (select clicks_kept_since from feed_position)""",
    "click": """
        select occurred_at, batch_id, batch_row, link_id, link_version, kind, first as "unique", time_replaced, device,
               country, referrer, browser, os, language, utm_source, utm_medium, utm_campaign, bot
          from click where workspace_id = $1 order by occurred_at""",
}


async def rows(
    conn: "asyncpg.Connection[asyncpg.Record]", workspace_id: WorkspaceId
) -> AsyncGenerator[tuple[str, asyncpg.Record], None]:
    """Each row with the name of its kind, all as of one moment, however many there are. Not inside a transaction."""
    async with conn.transaction(isolation="repeatable_read", readonly=True):
        for kind, question in _PARTS.items():
            async for row in conn.cursor(question, workspace_id, prefetch=ROWS_AT_ONCE):
                yield kind, row
