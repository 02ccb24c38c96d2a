"""One process of the crew: started, watched, replaced with a growing pause, stopped."""

import contextlib
import os
import signal
import subprocess
import sys
import time

import structlog

from server.assignment import Assignment

SHORT_LIFE_SECONDS = 10.0
FIRST_DELAY = 0.1
LONGEST_DELAY = 10.0

log = structlog.get_logger(__name__)


class Member:
    """One place in the crew: the process that fills it now, and when the next may.

    `role` is the module in `server`, which is given the descriptors it inherits and one to say on that it is ready.
    """

    def __init__(self, role: str, assignment: Assignment, *inherited: int) -> None:
        self._role = role
        self._assignment = assignment
        self._inherited = inherited
        self._process: subprocess.Popen[bytes] | None = None
        self._ready: int | None = None
        self._started_at = 0.0
        self._next_start = 0.0
        self._delay = FIRST_DELAY
        self.is_ready = False
        self.deaths = 0

    def tend(self) -> None:
        """Notices that the process became ready or died, and starts the next one when it is time."""
        now = time.monotonic()
        if self._process is None:
            if now >= self._next_start:
                self._start(now)
        elif (code := self._process.poll()) is not None:
            self._bury(code, now)
        elif not self.is_ready and self._ready is not None:
            with contextlib.suppress(BlockingIOError):
                self.is_ready = os.read(self._ready, 1) != b""

    def ask_to_stop(self) -> None:
        """Sends SIGTERM: what is under way is finished."""
        if self._process and self._process.poll() is None:
            self._process.terminate()

    def wait(self, deadline: float) -> None:
        """Waits for the end, and forces it at the deadline (monotonic seconds)."""
        if self._process is None:
            return
        try:
            self._process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            log.warning(f"{self._role} killed", pid=self._process.pid, reason="it did not stop in time")
            self._process.kill()
            self._process.wait()
        self._let_go()

    def _start(self, now: float) -> None:
        self._ready, child_end = os.pipe()
        os.set_blocking(self._ready, False)
        descriptors = (*self._inherited, child_end)
        # -P: no folder that happens to be called "server" where Kurz is started.
        command = [sys.executable, "-P", "-m", f"server.{self._role}", *map(str, descriptors)]
        # Ctrl-C is for the supervisor: its processes begin, and stay, with SIGINT blocked.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            self._process = subprocess.Popen(command, stdin=subprocess.PIPE, pass_fds=descriptors)  # noqa: S603
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
            os.close(child_end)
        self._started_at = now
        assert self._process.stdin
        with contextlib.suppress(BrokenPipeError):  # it died at once: the next look finds out
            self._assignment.write_to(self._process.stdin)

    def _bury(self, code: int, now: float) -> None:
        lived = now - self._started_at
        self._delay = min(self._delay * 2, LONGEST_DELAY) if lived < SHORT_LIFE_SECONDS else FIRST_DELAY
        self._next_start = now + self._delay
        self.deaths += 1
        log.error(f"{self._role} died", code=code, lived_s=round(lived, 1), next_in_s=self._delay)
        self._let_go()

    def _let_go(self) -> None:
        self.is_ready = False
        if self._process and self._process.stdin:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.close()
        self._process = None
        if self._ready is not None:
            os.close(self._ready)
            self._ready = None
