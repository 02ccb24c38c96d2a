"""`kurz demo`: links and some weeks of believable visits, which go through a spool and a loader as real ones do."""

import random
import secrets
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from itertools import count
from pathlib import Path

import asyncpg
from rich.console import Console
from rich.progress import Progress

from models import feed, workspaces
from models.actors import OPERATOR
from models.database import asyncpg_dsn
from recording.housekeeping import sum_up_days
from recording.loader import Loader, LoaderConfig
from recording.open_segment import OpenSegment
from recording.segments import Key, State
from recording.visit import Visit, encode
from server.demo_links import make_links
from server.demo_visits import Crowd
from server.installation import installation
from server.loader_config import loader_config
from server.settings import Settings
from server.start_error import StartError

DAYS = 27  # before today
VISITS_PER_SEGMENT = 5_000


async def make_demo(settings: Settings, *, visits: int, now: datetime) -> list[str]:
    """Makes the links that are missing, and so many visits of them; shows how far it is. Raises StartError.

    The lines say what was made, and where to look at it.
    """
    today = datetime.combine(now.astimezone(UTC).date(), time(), UTC)
    begin = today - timedelta(days=min(DAYS, settings.click_retention_days))
    async with installation(settings, now=now) as (database, instance):
        links = await make_links(database, instance, settings, created_at=begin)
        async with database.write() as session:
            await workspaces.date_back(
                session, workspace_id=instance.workspace_id, created_at=begin, by=OPERATOR, now=now
            )
        async with database.read() as connection:
            spool_id = await feed.spool_id(connection)
    crowd = Crowd(links, visits=visits, chance=random.Random())  # noqa: S311  # nothing is to be kept secret by it
    with (
        tempfile.TemporaryDirectory(prefix="kurz-demo-") as folder,
        Progress(console=Console(stderr=True), transient=True) as progress,
    ):
        bar = progress.add_task("Visits", total=visits)
        past = _Past(replace(loader_config(settings, spool_id=spool_id), folder=Path(folder)))
        for day in crowd.days(begin=begin, end=now):
            for start in range(0, len(day), VISITS_PER_SEGMENT):
                part = day[start : start + VISITS_PER_SEGMENT]
                await past.load(part)
                progress.advance(bar, len(part))
    await _sum_up(settings, begin=begin, now=now)
    return [
        f"{visits} visits of {len(links)} links since {begin:%Y-%m-%d}, about a tenth of them by robots.",
        f'Start `kurz serve`, open {settings.base_url}/graphql and choose the tab "Dashboard".',
    ]


class _Past:
    """Loads visits when they happened: for those of last week nobody would know any more whose first they were."""

    def __init__(self, config: LoaderConfig) -> None:
        self._config = config
        self._producer = secrets.randbits(63)
        self._numbers = count(1)
        self._now = datetime.now(UTC)
        self._loader = Loader(config, clock=lambda: self._now)

    async def load(self, visits: Sequence[Visit]) -> None:
        """Writes a segment of the visits, which are in order of time, and loads it."""
        self._write(visits)
        self._now = visits[-1].at
        await self._loader.once()
        shutil.rmtree(self._config.folder / State.LOADED, ignore_errors=True)

    def _write(self, visits: Sequence[Visit]) -> None:
        key = Key(self._producer, next(self._numbers))
        segment = OpenSegment(self._config.folder, key, instance_id=self._config.instance_id, now=visits[0].at)
        for visit in visits:
            if not segment.append(encode(visit)):
                raise StartError(f"there is no room in {self._config.folder}")
        segment.seal(visits[-1].at, sync=False)


async def _sum_up(settings: Settings, *, begin: datetime, now: datetime) -> None:
    connection = await asyncpg.connect(asyncpg_dsn(settings.direct_database_address))
    try:
        await sum_up_days(connection, now=now, since=begin.date())
    finally:
        await connection.close()
