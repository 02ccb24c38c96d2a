"""`kurz load`: what waits in the spool goes to the database now."""

from datetime import datetime

import asyncpg

from models import feed
from models.database import is_unreachable
from recording.loader import Loader
from recording.segment_loader import Tally
from server.installation import installation
from server.loader_config import loader_config
from server.settings import Settings
from server.start_error import StartError


async def load_now(settings: Settings, *, force: bool, now: datetime) -> Tally:
    """Loads every sealed segment, with `force` also those that were set aside for their age; raises StartError.

    A server may run meanwhile: whichever takes a segment first stores it, and no other does.
    """
    async with installation(settings, now=now) as (database, _):
        async with database.read() as connection:
            spool_id = await feed.spool_id(connection)
        loader = Loader(loader_config(settings, spool_id=spool_id), clock=lambda: now)
        try:
            return await loader.once(force=force)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            if is_unreachable(error):
                raise StartError(f"the database went away: {error}") from error
            raise


def line_of(tally: Tally) -> str:
    """What was done, as the terminal shows it."""
    return (
        f"{tally.segments} segments with {tally.clicks} clicks were loaded. {tally.known} were known already, "
        f"{tally.aside} were set aside, {tally.rejected} lines were rejected; {tally.dropped} visits had been dropped."
    )
