"""Loaders side by side that are offered the same segments again and again: run as a program by test_load.py.

Each loader is a process with a folder of its own, as on a host of its own; it offers every segment of every host five
times, in an order of its own and three in one transaction.
"""

import asyncio
import os
import random
import sys
from pathlib import Path

import asyncpg

from recording.classify import Classifier
from recording.segments import SegmentFile, State, listed
from tests.recording.writing import Offers

LOADERS = 4
TIMES = 5
TOGETHER = 3


def main(dsn: str, folder: str, instance_id: str) -> None:
    """Ends with status 1 when one of the loaders fails."""
    files = [(file, file.path.read_bytes()) for host in Path(folder).iterdir() for file in listed(host, State.SEALED)]
    classifier = Classifier()
    pids = []
    for number in range(LOADERS):
        pid = os.fork()
        if pid == 0:
            own = Path(folder) / f"loader{number}"
            own.mkdir()
            order = random.Random(number).sample(files * TIMES, len(files) * TIMES)
            groups = [order[start : start + TOGETHER] for start in range(0, len(order), TOGETHER)]
            asyncio.run(offer(dsn, int(instance_id), classifier, own, groups))
            os._exit(0)
        pids.append(pid)
    statuses = [os.waitpid(pid, 0)[1] for pid in pids]
    sys.exit(any(statuses))


async def offer(
    dsn: str, instance_id: int, classifier: Classifier, own: Path, groups: list[list[tuple[SegmentFile, bytes]]]
) -> None:
    connection = await asyncpg.connect(dsn)
    offers = Offers(connection, instance_id, classifier)
    for group in groups:
        copies = {SegmentFile(own, file.key, State.SEALED): content for file, content in group}
        for copy, content in copies.items():
            copy.path.write_bytes(content)
        await offers.take_together(*copies)
    await connection.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
