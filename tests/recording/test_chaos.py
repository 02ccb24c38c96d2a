"""Writers and loaders killed again and again while visits come in: lost = stored twice = 0."""

import asyncio
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from models.database import asyncpg_dsn
from recording.loader import Loader, LoaderConfig
from tests.recording.agreement import difference

pytestmark = [pytest.mark.database, pytest.mark.nightly]

ROUNDS = 10
ROUND_S = 3.0
TOP = Path(__file__).parents[2]

WRITER = """
import asyncio, itertools, secrets, sys
from datetime import UTC, datetime
from pathlib import Path
from recording.spool import Spool, Sync
from tests.recording.writing import line

async def main():
    now = lambda: datetime.now(UTC)
    name = secrets.token_hex(6)
    written = Spool(Path(sys.argv[1]), producer=secrets.randbits(63), instance_id=int(sys.argv[2]),
                    sync=Sync.INTERVAL, max_bytes=10**9, clock=now)
    written.start()
    for number in itertools.count():
        nonce = f"{name}-{number}"
        if written.append(line(at=now(), visitor=number % 500, link_id=number % 50, utm_campaign=nonce)):
            print(nonce, flush=True)  # acknowledged
        written.tick()
        await asyncio.sleep(0.0005)

asyncio.run(main())
"""

LOADER = """
import asyncio, sys
from pathlib import Path
from recording.loader import Loader, LoaderConfig

config = LoaderConfig(folder=Path(sys.argv[1]), instance_id=int(sys.argv[2]), database_url=sys.argv[3])
asyncio.run(Loader(config).run())
"""


def killed_at_random(code: str, *arguments: str) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-c", code, *arguments]
    # Without a buffer: `communicate` would not see what the first `readline` had put there.
    return subprocess.Popen(command, bufsize=0, cwd=TOP, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)


def rounds(folder: Path, instance_id: int, database_url: str) -> Iterator[list[str]]:
    """The nonces that were acknowledged in each round, at the end of which everybody is killed."""
    chance = random.Random(7)
    for _ in range(ROUNDS):
        writers = [killed_at_random(WRITER, str(folder), str(instance_id)) for _ in range(2)]
        loaders = [killed_at_random(LOADER, str(folder), str(instance_id), database_url) for _ in range(2)]
        acknowledged = [first_of(writer) for writer in writers]
        time.sleep(chance.uniform(0.5, 1.0) * ROUND_S)
        everybody = [*writers, *loaders]
        chance.shuffle(everybody)
        for process in everybody:
            process.kill()
            acknowledged += process.communicate(timeout=60)[0].decode().split("\n")[:-1]
        yield acknowledged


def first_of(writer: "subprocess.Popen[bytes]") -> str:
    """The first nonce, for which a round waits: on a busy machine a writer takes long to begin."""
    assert writer.stdout is not None
    return writer.stdout.readline().decode().rstrip("\n")


def test_nothing_is_lost_and_nothing_is_stored_twice(folder: Path, database_url: str) -> None:
    instance_id = asyncio.run(query(database_url, "select spool_id from feed_position"))[0][0]
    acknowledged = {nonce for one in rounds(folder, instance_id, database_url) for nonce in one}
    asyncio.run(Loader(LoaderConfig(folder=folder, database_url=database_url, instance_id=instance_id)).once())
    found = [row["utm_campaign"] for row in asyncio.run(query(database_url, "select utm_campaign from click"))]
    assert len(acknowledged) > ROUNDS * 10
    assert len(found) == len(set(found))
    assert acknowledged <= set(found)
    assert len(found) <= len(acknowledged) + 2 * ROUNDS  # a writer may die between writing and saying so
    assert asyncio.run(query(database_url, None)) == []


async def query(database_url: str, question: str | None) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(asyncpg_dsn(database_url))
    answer = await (difference(connection) if question is None else connection.fetch(question))
    connection.terminate()
    return answer
