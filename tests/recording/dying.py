"""A loader that dies at every one of its steps in turn: run as a program by test_faults.py.

A step is a call of the database or a renaming of a file. For each step there are two segments, loaded together by a
process that is killed before (or after) this step, and then by one that is not: the first with two visits, the second
with one of a third visitor and a line that nobody can read.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import asyncpg

from recording.classify import Classifier
from recording.segments import Key, SegmentFile, State, listed
from tests.recording.writing import Offers, visit, writer

CALLS = ("execute", "fetch", "fetchval", "copy_to_table")
MOST_STEPS = 200


def main(dsn: str, folder: str, instance_id: str, when: str) -> None:
    """Prints how many steps there were."""
    classifier = Classifier()
    spool = writer(Path(folder), int(instance_id))
    for step in range(1, MOST_STEPS):
        first = spool.write(visit(visitor=0), visit(visitor=1), key=Key(spool.producer, 2 * step - 1))
        second = spool.write(visit(visitor=2), b"junk\n", key=Key(spool.producer, 2 * step))
        take = partial(load, dsn, int(instance_id), classifier)
        is_over = in_child(partial(die_at, step, when, partial(take, first, second)))
        if left := listed(Path(folder), State.SEALED):
            in_child(partial(take, *left))
        if is_over:
            sys.stdout.write(str(step))
            return


def in_child(work: Callable[[], None]) -> bool:
    """Whether the work came to its end in a process of its own."""
    pid = os.fork()
    if pid == 0:
        work()
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def die_at(step: int, when: str, work: Callable[[], None]) -> None:
    steps = iter(range(1, MOST_STEPS))

    def killing(real: Callable[..., Any]) -> Callable[..., Any]:
        async def call(*arguments: Any, **named: Any) -> Any:
            is_last = next(steps) == step
            if is_last and when == "before":
                os.kill(os.getpid(), signal.SIGKILL)
            result = await real(*arguments, **named)
            if is_last:
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        return call

    for name in CALLS:
        setattr(asyncpg.Connection, name, killing(getattr(asyncpg.Connection, name)))
    sys.addaudithook(
        lambda event, _: os.kill(os.getpid(), signal.SIGKILL) if event == "os.rename" and next(steps) == step else None
    )
    work()


def load(dsn: str, instance_id: int, classifier: Classifier, *files: SegmentFile) -> None:
    async def work() -> None:
        connection = await asyncpg.connect(dsn)
        await Offers(connection, instance_id, classifier).take_together(*files)
        connection.terminate()

    asyncio.run(work())


if __name__ == "__main__":
    main(*sys.argv[1:])
