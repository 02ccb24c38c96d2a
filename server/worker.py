"""One worker process: the application on the supervisor's socket, until told to stop or the supervisor is gone."""

import asyncio
import gc
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog
import uvicorn
import uvloop

from redirect.lane_needs import why_not
from server.app import Application, create_app
from server.assignment import Assignment
from server.clicks import make_recorder
from server.logs import configure_logs
from server.request_heads import BoundedHeads, connections_with
from server.web_sockets import WebSockets

GRACEFUL_SECONDS = 5
LARGEST_MESSAGE = 65_536  # bytes, of a WebSocket's client
PING_SECONDS = 20.0  # after so long a silence a WebSocket is tried, and after as long again given up
KEEP_ALIVE_SECONDS = 75  # longer than the 60 s after which common proxies let go of an idle connection

log = structlog.get_logger(__name__)


class WorkerServer(uvicorn.Server):
    """uvicorn's server, which says when it accepts requests and leaves signals to us."""

    def __init__(
        self, config: uvicorn.Config, *, on_started: Callable[[], None], on_finish: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self._on_started = on_started
        self._on_finish = on_finish

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
        """Lets requests end, and ends those that would not by themselves; then `serve` returns."""
        self._on_finish()
        self.should_exit = True


async def serve(assignment: Assignment, listening: socket.socket, *, rates: int, ready: int) -> bool:
    """Answers requests until SIGTERM or the end of standard input; whether it could start at all."""

    def report() -> None:
        # All that is loaded now stays for good: the collector need not look at it again, nor copy its pages.
        gc.collect()
        gc.freeze()
        os.write(ready, b"1")

    recorder = make_recorder(assignment.settings, spool_id=assignment.spool_id)
    app = create_app(assignment.settings, assignment.instance, recorder=recorder, rates=rates)

    def finish() -> None:
        app.streams.stop()
        if app.lane:
            app.lane.close()

    server = WorkerServer(config_for(app), on_started=report, on_finish=finish)
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, server.finish)  # set, not inherited: a parent may have ignored it
    loop.add_reader(sys.stdin.fileno(), server.finish)
    await server.serve(sockets=[listening])
    return server.started


def config_for(app: Application) -> uvicorn.Config:
    """How uvicorn serves the application: bounds, times and its lane if it has one, and nothing logged by itself."""
    config = uvicorn.Config(
        app,
        http=BoundedHeads,
        ws=WebSockets,
        ws_max_size=LARGEST_MESSAGE,
        ws_ping_interval=PING_SECONDS,
        ws_ping_timeout=PING_SECONDS,
        ws_per_message_deflate=False,  # memory for each socket, and messages are small
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # the redirect reads them itself, from trusted proxies only
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACEFUL_SECONDS,
    )
    if app.lane:
        reason = why_not(config)
        if reason:
            log.warning("short links are answered without the fast lane", reason=reason)
        else:
            config.http = connections_with(app.lane)
    return config


def main() -> None:
    """`python -m server.worker SOCKET RATES READY`: inherited file descriptors. Started by the supervisor only."""
    descriptor, rates, ready = (int(argument) for argument in sys.argv[1:])
    assignment = Assignment.read_from(sys.stdin.buffer)
    configure_logs(form=assignment.settings.log_format, level=assignment.settings.log_level)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        started = runner.run(serve(assignment, socket.socket(fileno=descriptor), rates=rates, ready=ready))
    sys.exit(0 if started else 3)


if __name__ == "__main__":
    main()
