"""The loader process: clicks go from the spool to the database, until told to stop or the supervisor is gone."""

import asyncio
import os
import signal
import sys

import uvloop

from recording.loader import Loader
from server.assignment import Assignment
from server.loader_config import loader_config
from server.logs import configure_logs

NICENESS = 5  # visits can wait a moment in the spool; who follows a link cannot
# How long the thread that reads ahead may hold up the one that talks to PostgreSQL. With Python's 5 ms PostgreSQL would
# wait for its next rows and statements for a tenth of the time (measured).
SWITCH_S = 0.0005


async def work(assignment: Assignment, ready: int) -> None:
    """Loads until SIGTERM or the end of standard input, then once more what is sealed."""
    loader = Loader(loader_config(assignment.settings, spool_id=assignment.spool_id))
    loop = asyncio.get_running_loop()

    def finish() -> None:
        loop.remove_reader(sys.stdin.fileno())  # its end would be news again in every turn of the loop
        loader.stop()

    loop.add_signal_handler(signal.SIGTERM, finish)  # set, not inherited: a parent may have ignored it
    loop.add_reader(sys.stdin.fileno(), finish)
    os.write(ready, b"1")
    await loader.run()


def main() -> None:
    """`python -m server.loader READY`: an inherited file descriptor. Started by the supervisor only."""
    ready = int(sys.argv[1])
    assignment = Assignment.read_from(sys.stdin.buffer)
    configure_logs(form=assignment.settings.log_format, level=assignment.settings.log_level)
    os.nice(NICENESS)
    sys.setswitchinterval(SWITCH_S)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(work(assignment, ready))


if __name__ == "__main__":
    main()
