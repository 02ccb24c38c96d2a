"""The worker processes and the loader: started together, kept alive, and stopped in order."""

import socket
import time
from collections.abc import Callable

from server.assignment import Assignment
from server.member import Member
from server.start_error import StartError

READY_SECONDS = 120.0
FIRST_TRIES = 3
STOP_SECONDS = 6.5  # a worker lets requests go on for 5
LAST_LOAD_SECONDS = 1.5  # at least; what is not loaded then waits in the spool for the next start


class Crew:
    """All workers of one supervisor, on one listening socket, and the loader of what they record.

    `rates` is the descriptor of the table of rate limits that the workers share.
    """

    def __init__(self, assignment: Assignment, listening: socket.socket, *, rates: int) -> None:
        self._listening = listening
        self._workers = [
            Member("worker", assignment, listening.fileno(), rates) for _ in range(assignment.settings.workers)
        ]
        self._loader = Member("loader", assignment)

    def start(self, pause: Callable[[], None]) -> None:
        """Returns once all workers accept requests; `pause` is called between looks. Raises StartError."""
        deadline = time.monotonic() + READY_SECONDS
        while not all(worker.is_ready for worker in self._workers):
            self.tend()
            if any(worker.deaths >= FIRST_TRIES for worker in self._workers):
                raise StartError("the workers end before they can answer: see the log lines above")
            if time.monotonic() > deadline:
                raise StartError(f"the workers were not ready in {READY_SECONDS:.0f} s")
            pause()

    def tend(self) -> None:
        """One look at every process; never waits."""
        for member in (*self._workers, self._loader):
            member.tend()

    def stop(self) -> None:
        """Refuses new connections, lets requests under way end and their visits be loaded; all are gone then."""
        self._listening.close()
        deadline = time.monotonic() + STOP_SECONDS
        for worker in self._workers:
            worker.ask_to_stop()
        for worker in self._workers:
            worker.wait(deadline)
        # After the workers, which seal what they have written.
        self._loader.ask_to_stop()
        self._loader.wait(max(deadline, time.monotonic() + LAST_LOAD_SECONDS))
