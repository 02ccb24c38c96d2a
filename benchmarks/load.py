"""How fast one loader brings visits into PostgreSQL (fsync on): spread over 50,000 links, and all of one link.

Writes results/load.json. CLICKS sets how many visits each case has. With MINUTES it instead loads round after round for
as long, and writes results/load_memory.json: what the loader's process takes at the start and after each minute.
"""

import asyncio
import json
import os
import random
import secrets
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg

from benchmarks.machine import machine
from benchmarks.processes import resident_mb
from benchmarks.report import write_figures
from models.database import asyncpg_dsn
from models.upgrade import migrate
from recording.housekeeping import make_ahead
from recording.loader import Loader, LoaderConfig
from recording.open_segment import OpenSegment
from recording.segments import Key, State
from recording.visit import Visit, encode
from server.loader import SWITCH_S
from server.postgres import Postgres

RESULTS = Path(__file__).parent / "results" / "load.json"
MEMORY = Path(__file__).parent / "results" / "load_memory.json"
MINUTES = float(os.environ.get("MINUTES", "0"))
CLICKS = int(os.environ.get("CLICKS", "600000"))
SEGMENT = 4_000  # about the 1 MiB at which a busy worker seals
LINKS = 50_000
WORKSPACE = 7
BROWSERS = [
    f"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{major}.0.{build}.0 Safari/537.36"
    for major in range(100, 140)
    for build in range(50)
]
REFERRERS = (None, None, "news.example.org", "www.example.com", "social.example.net")


def main() -> None:
    """Measures both cases and writes the figures, or the memory over MINUTES."""
    sys.setswitchinterval(SWITCH_S)  # as the loader's process does
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        home.chmod(0o755)
        with Postgres(home / "data") as postgres:
            config = asyncio.run(_prepare(postgres.url(), home / "spool"))
            if MINUTES:
                _write_memory(asyncio.run(_soak(config)))
            else:
                _write_rates(asyncio.run(_both(config)))


def _write_rates(results: dict[str, dict[str, float]]) -> None:
    RESULTS.write_text(json.dumps({"machine": machine(), "clicks": CLICKS, "cases": results}, indent=1) + "\n")
    rows = [
        f"| {name} | {case['rate']:,.0f} | {case['mb_before']:.0f} | {case['mb_after']:.0f} |"
        for name, case in results.items()
    ]
    write_figures("load", [f"| {CLICKS:,} clicks | clicks/s | MB before | MB after |", "|---|---|---|---|", *rows])


def _write_memory(megabytes: list[float]) -> None:
    taken = {"machine": machine(), "minutes": MINUTES, "mb_each_minute": megabytes}
    MEMORY.write_text(json.dumps(taken, indent=1) + "\n")
    each = ", ".join(f"{one:.0f}" for one in megabytes)
    write_figures("loader's memory", [f"Resident megabytes of the loader, at the start and after each minute: {each}."])


async def _prepare(database_url: str, spool: Path) -> LoaderConfig:
    await migrate(database_url)
    connection = await asyncpg.connect(asyncpg_dsn(database_url))
    await make_ahead(connection, now=datetime.now(UTC))
    spool_id: int = await connection.fetchval("select spool_id from feed_position")
    await connection.close()
    return LoaderConfig(folder=spool, database_url=database_url, instance_id=spool_id)


async def _both(config: LoaderConfig) -> dict[str, dict[str, float]]:
    return {
        "spread over 50,000 links": await _case(config, lambda: random.randrange(LINKS)),
        "all of one link": await _case(config, lambda: 1),
    }


async def _case(config: LoaderConfig, link: Callable[[], int]) -> dict[str, float]:
    await asyncio.to_thread(_write, config, link)
    loader = Loader(config)
    before = resident_mb(os.getpid())
    begin = time.monotonic()
    tally = await loader.once()
    seconds = time.monotonic() - begin
    if tally.clicks != CLICKS:
        raise RuntimeError(f"{tally.clicks} of {CLICKS} clicks were stored")
    return {"rate": CLICKS / seconds, "mb_before": before, "mb_after": resident_mb(os.getpid())}


async def _soak(config: LoaderConfig) -> list[float]:
    """One loader over many rounds; the files are removed between them, as the loader does after a day."""
    loader, begin, megabytes = Loader(config), time.monotonic(), [resident_mb(os.getpid())]
    while len(megabytes) <= MINUTES:
        await asyncio.to_thread(_write, config, lambda: random.randrange(LINKS))
        await loader.once()
        shutil.rmtree(config.folder / State.LOADED)
        if time.monotonic() - begin >= 60 * len(megabytes):
            megabytes.append(resident_mb(os.getpid()))
    return megabytes


def _write(config: LoaderConfig, link: Callable[[], int]) -> None:
    config.folder.mkdir(exist_ok=True)
    producer = secrets.randbits(63)
    for number in range(1, CLICKS // SEGMENT + 1):
        opened = datetime.now(UTC)
        segment = OpenSegment(config.folder, Key(producer, number), instance_id=config.instance_id, now=opened)
        for line in range(SEGMENT):
            segment.append(encode(_visit(link(), opened + timedelta(microseconds=line))))
        segment.seal(opened + timedelta(seconds=1), sync=False)


def _visit(link_id: int, at: datetime) -> Visit:
    return Visit(
        at=at,
        link_id=link_id + 1,
        workspace_id=WORKSPACE,
        version=1,
        visitor=random.getrandbits(62),
        country=random.choice(("DE", "FR", "US", "GB", "IN", None)),
        user_agent=random.choice(BROWSERS),
        referrer=random.choice(REFERRERS),
        language=random.choice(("en", "de", "fr")),
    )


if __name__ == "__main__":
    main()
