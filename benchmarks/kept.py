"""A PostgreSQL with many clicks, made once and kept in the user's cache folder for the next runs."""

import asyncio
import contextlib
import hashlib
import os
import shutil
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg

from benchmarks import links, many_clicks
from benchmarks.contestants import kurz
from models.database import asyncpg_dsn
from recording.housekeeping import sum_up_days
from server.postgres import Postgres

# Afterwards the last thirty days would be too empty.
KEPT_FOR = timedelta(days=5)
MADE = "made"


@contextlib.contextmanager
def kept_clicks(count: int) -> Iterator[Postgres]:
    """The running server, as a user has it (fsync on), with so many clicks in it; made anew when they are too old."""
    folder = Postgres(_folder(count)).home.folder  # as root it may lie elsewhere, where PostgreSQL's user can enter
    if not _is_fresh(folder):
        shutil.rmtree(folder)
        _make(folder, count)
    with Postgres(folder) as postgres:
        asyncio.run(_complete(postgres.url()))
        yield postgres


def _folder(count: int) -> Path:
    """One for everything that the clicks depend on: how many, and the code that makes them."""
    code = b"".join(Path(str(module.__file__)).read_bytes() for module in (many_clicks, links))
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "kurz-benchmarks" / f"clicks-{count}-{hashlib.sha256(code).hexdigest()[:12]}"


def _is_fresh(folder: Path) -> bool:
    with contextlib.suppress(OSError):
        return datetime.fromtimestamp((folder / MADE).stat().st_mtime, UTC) > datetime.now(UTC) - KEPT_FOR
    return False


def _make(folder: Path, count: int) -> None:
    begin = time.monotonic()
    with Postgres(folder, durable=False) as postgres:
        with kurz(postgres.url()):
            pass  # makes the schema and the workspace
        asyncio.run(many_clicks.make_clicks(postgres.url(), count=count))
    (folder / MADE).touch()
    print(f"{count:,} clicks made in {time.monotonic() - begin:.0f} s: {folder}", file=sys.stderr)


async def _complete(database_url: str) -> None:
    """Sums up the days that have passed meanwhile, or whose sums a migration threw away."""
    connection = await asyncpg.connect(asyncpg_dsn(database_url))
    now = datetime.now(UTC)
    if await sum_up_days(connection, now=now, since=(now - timedelta(days=many_clicks.DAYS)).date()):
        await connection.execute("vacuum (freeze, analyze) click_day")
    await connection.close()


if __name__ == "__main__":
    with kept_clicks(int(os.environ.get("CLICKS", "10000000"))):
        pass
