"""The embedded PostgreSQL: started, joined, taken over and stopped."""

import contextlib
import ctypes
import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Self
from urllib.parse import quote

from server.postgres_cluster import ROLE, PostgresError, environment, last_reason, make_cluster
from server.postgres_home import PostgresHome, find_home
from server.postgres_process import disown_stale, live_server, read_pid_file
from server.postgres_programs import Programs, find_programs

START_SECONDS = 120.0  # recovery after a crash can take a while
STOP_SECONDS = 3.0
LARGEST_LOG_BYTES = 10_000_000
PR_SET_PDEATHSIG = 1  # linux/prctl.h
SETTINGS = ("listen_addresses=", "unix_socket_permissions=0700", "port=5432", "timezone=UTC", "log_timezone=UTC")
THROW_AWAY_SETTINGS = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")
# The server's own words under LC_ALL=C, when the one before it is not quite gone.
PASSING_TROUBLES = ("lock file", "pre-existing shared memory block")


class Postgres:
    """One PostgreSQL below a folder, owned by the first to lock it and joined by all others.

    `start` and `tend` must be called from a thread that lives as long as the server shall (Linux ties the signal at a
    parent's death to the thread). `durable=False` trades safety against power loss for speed, for tests.
    """

    def __init__(self, home: Path, *, durable: bool = True, programs: Path | None = None) -> None:
        self._wanted = home
        self._durable = durable
        self._chosen_programs = programs
        self._home: PostgresHome | None = None
        self._lock: IO[bytes] | None = None
        self._server: subprocess.Popen[bytes] | None = None
        self._log_begin = 0
        self._socket_folder = ""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def home(self) -> PostgresHome:
        """Where the server lies; known, and its folder made, from the first question on. Raises StartError."""
        if self._home is None:
            self._home = find_home(self._wanted)
        return self._home

    @property
    def is_owner(self) -> bool:
        """Whether this object started the server, and so will stop it."""
        return self._lock is not None

    @property
    def pid(self) -> int | None:
        """The postmaster's process id, if it is our own."""
        return self._server.pid if self._server else None

    def url(self, database: str = ROLE) -> str:
        """The address of a database of the running server, for any client on this machine that may enter its socket."""
        return f"postgresql://{ROLE}@/{database}?host={quote(self._socket_folder, safe='/')}"

    def start(self) -> None:
        """Starts the server, or joins the one that another process owns; returns once it takes connections.

        Raises StartError, with nothing left running.
        """
        deadline = time.monotonic() + START_SECONDS
        try:
            while not self.tend():
                if time.monotonic() > deadline:
                    whose = "our own" if self.is_owner else "the one of another Kurz that holds the lock"
                    raise PostgresError(f"PostgreSQL, {whose}, does not become ready: see {self.home.log}")
                time.sleep(0.01)
        except BaseException:
            self.stop()
            raise

    def tend(self) -> bool:
        """One step towards a running server, without waiting: True when it takes connections.

        Starts it when nobody owns it (any more) and when our own has died; raises PostgresError when it cannot start.
        """
        if not self.is_owner and not self._try_lock():
            return self._join()
        if self._server is None:
            return self._launch()
        if self._server.poll() is not None:
            return self._examine_end()
        found = read_pid_file(self.home.cluster)
        return found is not None and found.pid == self._server.pid and found.is_ready

    def stop(self) -> None:
        """Stops the server if we own it, cutting connections off; joined servers are left alone."""
        if self._server and self._server.poll() is None:
            self._server.send_signal(signal.SIGINT)  # PostgreSQL's "fast" shutdown
            try:
                self._server.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._server.send_signal(signal.SIGQUIT)  # "immediate": the next start recovers
                self._server.wait()
        self._server = None
        if self._lock:
            self._lock.close()
            self._lock = None

    def _try_lock(self) -> bool:
        path = self.home.lock
        try:
            file = os.fdopen(self.home.open_file(path, os.O_RDWR), "r+b")
        except OSError as error:
            raise PostgresError(f"{path} cannot be opened ({error.strerror}): does another user own it?") from error
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return False
        self._lock = file
        return True

    def _join(self) -> bool:
        found = live_server(self.home.cluster)
        if found is None or not found.is_ready:
            return False
        self._socket_folder = found.socket_folder
        return True

    def _launch(self) -> bool:
        """Starts the process, unless a server whose owner is gone still lives (we hold its lock): that is ended."""
        programs = self._usable_programs()
        if not self.home.cluster.exists():
            make_cluster(self.home, programs, durable=self._durable)
        self._check_version(programs)
        if leftover := live_server(self.home.cluster):
            with contextlib.suppress(ProcessLookupError):
                os.kill(leftover.pid, signal.SIGINT)
            return False
        if read_pid_file(self.home.cluster):
            disown_stale(self.home.cluster)
        self._socket_folder = str(self.home.socket_folder())
        with self._open_log() as log:
            self._log_begin = log.seek(0, os.SEEK_END)
            self._server = self._spawn(programs, log)
        return False

    def _examine_end(self) -> bool:
        """Lets the next step start the server again; raises PostgresError when it refused to start at all."""
        last_words = self.home.log.read_bytes()[self._log_begin :].decode(errors="replace")
        self._server = None
        served = "ready to accept connections" in last_words
        if served or any(trouble in last_words for trouble in PASSING_TROUBLES):
            return False
        raise PostgresError(f"PostgreSQL did not start: {last_reason(last_words)} (see {self.home.log})")

    def _usable_programs(self) -> Programs:
        programs = find_programs(self._chosen_programs)
        user = self.home.user
        if user is None or user.reaches(programs.postgres):
            return programs
        return programs.copy_to(self.home.folder / f"programs-{programs.version}")

    def _check_version(self, programs: Programs) -> None:
        made_by = (self.home.cluster / "PG_VERSION").read_text().strip()
        if made_by != str(programs.major):
            raise PostgresError(
                f"the data in {self.home.cluster} were made by PostgreSQL {made_by}, but {programs.folder} holds "
                f"{programs.version}: name the folder of {made_by} in KURZ_POSTGRES_BIN"
            )

    def _open_log(self) -> IO[bytes]:
        log = self.home.log
        if log.exists() and log.stat().st_size > LARGEST_LOG_BYTES:
            log.replace(log.with_suffix(".log.1"))
        return os.fdopen(self.home.open_file(log, os.O_WRONLY | os.O_APPEND), "ab")

    def _spawn(self, programs: Programs, log: IO[bytes]) -> subprocess.Popen[bytes]:
        settings = [*SETTINGS, f"unix_socket_directories={self._socket_folder}"]
        if not self._durable:
            settings += THROW_AWAY_SETTINGS
        options = [part for setting in settings for part in ("-c", setting)]
        return subprocess.Popen(  # noqa: S603
            [str(programs.postgres), "-D", str(self.home.cluster), *options],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=environment(),
            cwd="/",
            user=self.home.uid,
            group=self.home.gid,
            extra_groups=self.home.groups,
            start_new_session=True,  # Ctrl-C at the terminal is for us alone
            preexec_fn=_stop_with_parent(),  # noqa: PLW1509  # runs after the user changed, which clears the signal
        )


def _stop_with_parent() -> Callable[[], None] | None:
    """What makes the kernel tell the server to stop when we are killed; other systems stop it at the next start."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl  # looked up here: nothing may be loaded between fork and exec

    def ask_kernel() -> None:
        prctl(PR_SET_PDEATHSIG, int(signal.SIGINT), 0, 0, 0)

    return ask_kernel
