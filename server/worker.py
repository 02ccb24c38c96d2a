"""One worker process: the application on the supervisor's socket, until told to stop or the supervisor is gone."""

import asyncio
import gc
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn
import uvloop

from server.app import create_app
from server.assignment import Assignment
from server.clicks import make_recorder
from server.logs import configure_logs

GRACEFUL_SECONDS = 5
KEEP_ALIVE_SECONDS = 75  # longer than the 60 s after which common proxies let go of an idle connection


class WorkerServer(uvicorn.Server):
    """uvicorn's server, which says when it accepts requests and leaves signals to us."""

    def __init__(self, config: uvicorn.Config, on_started: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_started = on_started

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Nothing: uvicorn would raise the signal again after its orderly end and so make it a failure."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Starts the application and the protocol, then reports."""
        await super().startup(sockets=sockets)
        if self.started:
            self._on_started()

    def finish(self) -> None:
        """Lets requests end, then `serve` returns."""
        self.should_exit = True


async def serve(assignment: Assignment, listening: socket.socket, ready: int) -> bool:
    """Answers requests until SIGTERM or the end of standard input; whether it could start at all."""

    def report() -> None:
        # All that is loaded now stays for good: the collector need not look at it again, nor copy its pages.
        gc.collect()
        gc.freeze()
        os.write(ready, b"1")

    server = WorkerServer(_config(assignment), report)
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, server.finish)  # set, not inherited: a parent may have ignored it
    loop.add_reader(sys.stdin.fileno(), server.finish)
    await server.serve(sockets=[listening])
    return server.started


def _config(assignment: Assignment) -> uvicorn.Config:
    recorder = make_recorder(assignment.settings, spool_id=assignment.spool_id)
    return uvicorn.Config(
        create_app(assignment.settings, assignment.instance, recorder=recorder),
        http="httptools",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # the redirect reads them itself, from trusted proxies only
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACEFUL_SECONDS,
    )


def main() -> None:
    """`python -m server.worker SOCKET READY`: two inherited file descriptors. Started by the supervisor only."""
    descriptor, ready = (int(argument) for argument in sys.argv[1:])
    assignment = Assignment.read_from(sys.stdin.buffer)
    configure_logs(form=assignment.settings.log_format, level=assignment.settings.log_level)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        started = runner.run(serve(assignment, socket.socket(fileno=descriptor), ready))
    sys.exit(0 if started else 3)


if __name__ == "__main__":
    main()
