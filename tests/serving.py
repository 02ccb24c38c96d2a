"""A real `kurz serve` for tests: a process of its own on a free port, stopped by its process id."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

DEADLINE_S = 60.0
PROJECT = Path(__file__).parents[1]
COMMAND = ("-P", "-c", "from server.cli import app; app(prog_name='kurz')")
KURZ = (sys.executable, *COMMAND)
Answer = TypeVar("Answer")


class Kurz:
    """A running `kurz serve`; `url` is its address, without a slash at the end."""

    def __init__(self, process: subprocess.Popen[bytes], output: Path) -> None:
        self.process = process
        self._output = output
        self.url = ""

    def output(self) -> str:
        """What it has written so far: the banner and its log lines."""
        return self._output.read_text(errors="replace")

    def wait_until_ready(self) -> None:
        """Returns once the banner is there, which is printed when all workers answer."""
        self.url = until(self._address)

    def worker_pids(self) -> list[int]:
        """The process ids of the workers that live now."""
        return [pid for pid, command in _children_of(self.process.pid).items() if "server.worker" in command]

    def loader_pids(self) -> list[int]:
        """The process id of the loader, if one lives now."""
        return [pid for pid, command in _children_of(self.process.pid).items() if "server.loader" in command]

    def child_pids(self) -> list[int]:
        """The process ids of the workers, of the loader and of the PostgreSQL it owns."""
        return list(_children_of(self.process.pid))

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Asks it to end, and answers its exit code."""
        self.process.send_signal(number)
        return self.process.wait(DEADLINE_S)

    def kill(self) -> None:
        """What a crash of the whole process group leaves behind."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(DEADLINE_S)

    def _address(self) -> str | None:
        assert self.process.poll() is None, f"kurz serve ended: {self.output()}"
        found = re.search(r"API +http://localhost:(\d+)/graphql\n(?:.+\n)+\n", self.output())
        return f"http://127.0.0.1:{found[1]}" if found else None


@contextlib.contextmanager
def serving(
    folder: Path,
    *,
    database_url: str | None = None,
    workers: int = 1,
    user: int | None = None,
    python: str = sys.executable,
    settings: Mapping[str, str] | None = None,
    wait: bool = True,
    within: Sequence[str] = (),
) -> Iterator[Kurz]:
    """Kurz with its data in `folder`, and its database there or at `database_url`.

    `user` is another system user's id, `python` an interpreter that this user can reach.

    `settings` are further variables, such as `{"KURZ_MAX_STALE": "5"}`. With `wait=False` it may still be starting.
    `within` is a command that runs the one it is given in the same process, such as `unshare`.
    """
    descriptor, name = tempfile.mkstemp(prefix="kurz-output-")
    output = Path(name)
    more = {"KURZ_DATA_DIR": str(folder), **({"KURZ_DATABASE_URL": database_url} if database_url else {})}
    with os.fdopen(descriptor, "wb") as stream:
        process = subprocess.Popen(
            [*within, python, *COMMAND, "serve", "--port", "0", "--workers", str(workers)],
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            env=environment({**more, **({} if python == sys.executable else _same_packages()), **(settings or {})}),
            cwd="/",  # no .env there
            start_new_session=True,
            user=user,
            group=user,
            extra_groups=None if user is None else [],
        )
    kurz = Kurz(process, output)
    try:
        if wait:
            kurz.wait_until_ready()
        yield kurz
    finally:
        _end(kurz)
        output.unlink(missing_ok=True)


def _end(kurz: Kurz) -> None:
    if kurz.process.poll() is None:
        try:
            kurz.stop()
        except subprocess.TimeoutExpired:
            kurz.kill()
            raise


def _same_packages() -> dict[str, str]:
    """Lets another interpreter of the same version find what this one has installed."""
    return {"PYTHONPATH": os.pathsep.join([str(PROJECT), sysconfig.get_path("purelib")])}


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """This process's environment with these KURZ_ variables and no others but the one that chooses a PostgreSQL."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("KURZ_")}
    chosen = {name: value for name, value in os.environ.items() if name == "KURZ_POSTGRES_BIN"}
    return {**kept, **chosen, **settings}


def run_kurz(*arguments: str, settings: Mapping[str, str], cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """A `kurz` command that ends by itself."""
    return subprocess.run(
        [*KURZ, *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env=environment(settings),
        cwd=cwd or "/",
        timeout=DEADLINE_S,
        check=False,
    )


@contextlib.contextmanager
def open_folder() -> Iterator[Path]:
    """A temporary folder that other system users may enter, as PostgreSQL's must when the tests run as root."""
    folder = Path(tempfile.mkdtemp(prefix="kurz-test-")).resolve()
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def until(question: Callable[[], Answer | None], *, deadline_s: float = DEADLINE_S) -> Answer:
    """The first true answer; fails the test when there is none until the deadline."""
    end = time.monotonic() + deadline_s
    while not (answer := question()):
        assert time.monotonic() < end, f"{question} did not come true in {deadline_s:.0f} s"
        time.sleep(0.02)
    return answer


def is_alive(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    return bool(state.strip()) and not state.startswith("Z")


def _children_of(parent: int) -> dict[int, str]:
    listing = subprocess.run(["ps", "-A", "-o", "pid=,ppid=,args="], capture_output=True, text=True, check=True).stdout
    rows = [line.split(None, 2) for line in listing.splitlines()]
    return {int(row[0]): row[2] for row in rows if len(row) == 3 and int(row[1]) == parent}
