"""The `kurz keys` commands: keys made, listed and revoked at the terminal."""

from collections.abc import Iterable
from datetime import datetime

from models import keys
from models.keys import KeyRecord, Scope
from models.refusals import Refused
from server.installation import installation
from server.kept_key import KeptKey
from server.settings import Settings
from server.start_error import UsageError


def scopes_named(names: Iterable[str] | None) -> frozenset[Scope]:
    """The scopes with these names in any case, all when there are none; raises UsageError."""
    try:
        return frozenset(Scope(name.upper()) for name in names or Scope)
    except ValueError:
        raise UsageError(f"--scope: expected one of {', '.join(Scope)}") from None


async def create_key(settings: Settings, *, name: str, scopes: Iterable[Scope], now: datetime) -> str:
    """The secret of a new key in the default workspace; raises StartError, also for a name that cannot be."""
    async with installation(settings, now=now) as (database, record), database.write() as session:
        try:
            new = await keys.create(session, workspace_id=record.workspace_id, name=name, scopes=scopes, now=now)
        except Refused as refused:
            raise UsageError(" ".join(problem.message for problem in refused.problems)) from None
    return new.secret


async def key_lines(settings: Settings, *, now: datetime) -> list[str]:
    """All keys of the default workspace, oldest first, each as one line."""
    async with installation(settings, now=now) as (database, record), database.read() as connection:
        found = await keys.list_all(connection, workspace_id=record.workspace_id)
    return [_line_of(key, now=now) for key in found]


async def revoke_key(settings: Settings, *, public_id: str, now: datetime) -> None:
    """Revokes the key with that public id, and deletes the kept first key if it is that one; raises StartError."""
    async with installation(settings, now=now) as (database, record), database.write() as session:
        known = await keys.list_all(await session.connection(), workspace_id=record.workspace_id)
        found = next((key for key in known if key.public_id == public_id), None)
        if found is None:
            raise UsageError(f"there is no key {public_id}: `kurz keys list` shows them")
        await keys.revoke(session, workspace_id=record.workspace_id, key_id=found.id, now=now)
    KeptKey.of(settings.data_dir).forget(public_id=public_id)


def _line_of(key: KeyRecord, *, now: datetime) -> str:
    is_expired = key.expires_at is not None and key.expires_at <= now
    state = "revoked" if key.revoked_at else "expired" if is_expired else "valid"
    return f"{key.public_id}  {state:<7}  {key.created_at:%Y-%m-%d}  {key.name}  ({', '.join(sorted(key.scopes))})"
