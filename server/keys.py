"""The `kurz keys` commands: keys made, listed and revoked at the terminal."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from models import keys
from models.keys import KeyRecord, Scope
from server.explanations import explained
from server.installation import installation
from server.kept_key import KeptKey
from server.settings import Settings
from server.start_error import UsageError
from server.workspaces import workspace_named


def scopes_named(names: Iterable[str] | None) -> frozenset[Scope]:
    """The scopes with these names in any case, all when there are none; raises UsageError."""
    try:
        return frozenset(Scope(name.upper()) for name in names or Scope)
    except ValueError:
        raise UsageError(f"--scope: expected one of {', '.join(Scope)}") from None


async def create_key(
    settings: Settings,
    *,
    name: str,
    scopes: Iterable[Scope],
    now: datetime,
    workspace: str | None = None,
    days: int | None = None,
) -> str:
    """The secret of a new key, valid for so many days; raises StartError, also for a name that cannot be."""
    expires_at = None if days is None else now + timedelta(days=days)
    async with installation(settings, now=now) as (database, instance), database.write() as session:
        found = await workspace_named(await session.connection(), instance, workspace)
        with explained():
            new = await keys.create(
                session, workspace_id=found.id, name=name, scopes=scopes, now=now, expires_at=expires_at
            )
    return new.secret


async def key_lines(settings: Settings, *, now: datetime, workspace: str | None = None) -> list[str]:
    """All keys of the workspace, oldest first, each as one line; raises StartError."""
    async with installation(settings, now=now) as (database, instance), database.read() as conn:
        found = await workspace_named(conn, instance, workspace)
        known = await keys.list_all(conn, workspace_id=found.id)
    return [_line_of(key, now=now) for key in known]


async def revoke_key(settings: Settings, *, public_id: str, now: datetime, workspace: str | None = None) -> None:
    """Revokes the key with that public id, and deletes the kept first key if it is that one; raises StartError."""
    async with installation(settings, now=now) as (database, instance), database.write() as session:
        conn = await session.connection()
        found = await workspace_named(conn, instance, workspace)
        known = await keys.list_all(conn, workspace_id=found.id)
        meant = next((key for key in known if key.public_id == public_id), None)
        if meant is None:
            raise UsageError(f"there is no key {public_id}: `kurz keys list` shows them")
        await keys.revoke(session, workspace_id=found.id, key_id=meant.id, now=now)
    KeptKey.of(settings.data_dir).forget(public_id=public_id)


def _line_of(key: KeyRecord, *, now: datetime) -> str:
    is_expired = key.expires_at is not None and key.expires_at <= now
    state = "revoked" if key.revoked_at else "expired" if is_expired else "valid"
    until = f"until {key.expires_at:%Y-%m-%d}  " if key.expires_at else ""
    scopes = ", ".join(sorted(key.scopes))
    return f"{key.public_id}  {state:<7}  {key.created_at:%Y-%m-%d}  {until}{key.name}  ({scopes})"
