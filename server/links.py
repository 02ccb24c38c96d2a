"""The `kurz links` commands: what was deleted, and bringing it back."""

from datetime import datetime

from graph import ids
from models import link_deletion
from models.actors import OPERATOR
from models.links import LinkRecord
from server.explanations import explained
from server.installation import installation
from server.settings import Settings
from server.start_error import UsageError
from server.workspaces import workspace_named


async def deleted_lines(settings: Settings, *, workspace: str | None, now: datetime) -> list[str]:
    """What can be restored, the latest deletion first, each as one line; raises StartError."""
    async with installation(settings, now=now) as (database, instance), database.read() as conn:
        found = await workspace_named(conn, instance, workspace)
        deleted = await link_deletion.deleted_links(conn, workspace_id=found.id, now=now)
    return [f"{_id_of(link)}  {link.deleted_at:%Y-%m-%d}  {link.code}  {link.destination_url}" for link in deleted]


async def restore_link(settings: Settings, *, workspace: str | None, link: str, now: datetime) -> LinkRecord:
    """The link with this code or id, deactivated as it was before its deletion; raises StartError."""
    async with installation(settings, now=now) as (database, instance), database.write() as session:
        conn = await session.connection()
        found = await workspace_named(conn, instance, workspace)
        deleted = await link_deletion.deleted_links(conn, workspace_id=found.id, now=now)
        chosen = [one for one in deleted if link in (one.code, _id_of(one))]
        if not chosen:
            raise UsageError(f"there is no deleted link {link} to restore: `kurz links deleted` shows them")
        if len(chosen) > 1:
            raise UsageError(f"several domains have a deleted link {link}: {', '.join(map(_id_of, chosen))}")
        with explained():
            return await link_deletion.restore(
                session, workspace_id=found.id, link_id=chosen[0].id, by=OPERATOR, now=now
            )


def _id_of(link: LinkRecord) -> str:
    return ids.encode(ids.LINK, link.id)
