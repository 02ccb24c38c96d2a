"""What a start finds or makes in the database: the schema, the default workspace and domain, the first owner key."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from models import feed, keys
from models.database import Database, make_engine
from models.instance import InstanceRecord, bootstrap
from models.keys import Scope
from models.upgrade import migrate
from server.database_state import examine
from server.kept_key import KeptKey
from server.settings import Settings

KEY_NAME = "First owner"


@dataclass(frozen=True)
class Prepared:
    """A database that is ready for workers; `first_key` is the secret of the owner's first key, while it is valid."""

    instance: InstanceRecord
    first_key: str | None
    spool_id: int


async def prepare(settings: Settings, *, keeps_first_key: bool, now: datetime) -> Prepared:
    """Migrates and bootstraps the database; with `keeps_first_key` a new one gets an owner's key, kept in the data
    folder. Raises StartError."""
    await examine(settings.database_address)
    await migrate(settings.direct_database_address)
    database = Database(make_engine(settings.database_address, pool_size=1))
    try:
        async with database.write() as session:
            instance = await bootstrap(session, hostname=settings.hostname, now=now)
            spool_id = await feed.spool_id(await session.connection())
            # In the same transaction: bootstrap's lock lets only one of two starts make the key.
            kept = KeptKey.of(settings.data_dir)
            first_key = await _first_key(session, instance, kept, now) if keeps_first_key else None
    finally:
        await database.close()
    return Prepared(instance, first_key, spool_id)


async def _first_key(session: AsyncSession, instance: InstanceRecord, kept: KeptKey, now: datetime) -> str | None:
    connection = await session.connection()
    secret = kept.read()
    if secret and await keys.authenticate(connection, secret, now=now):
        return secret
    kept.forget()
    if await keys.list_all(connection, workspace_id=instance.workspace_id):
        return None
    new = await keys.create(session, workspace_id=instance.workspace_id, name=KEY_NAME, scopes=Scope, now=now)
    kept.keep(new.secret)  # before the commit: a crash between leaves a file that the next start replaces, no lost key
    return new.secret
