"""Starting what is measured, and reading its CPU time and memory from /proc (Linux)."""

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
SERVER_CORE = "0"
LOAD_CORE = "1"


def free_port() -> int:
    """A port of the loopback interface that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def running(command: list[str], *, port: int, env: dict[str, str] | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """The command on the server's core, once its port takes connections; SIGTERM at the end."""
    process = subprocess.Popen(["taskset", "-c", SERVER_CORE, *command], env=env, stdin=subprocess.DEVNULL)
    try:
        wait_until(lambda: _accepts(port))
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def wait_until(holds: Callable[[], bool], seconds: float = 60) -> None:
    """Returns once the condition holds; TimeoutError when it does not in time."""
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            raise TimeoutError
        time.sleep(0.05)


def _accepts(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def family(pid: int) -> list[int]:
    """The process and all its descendants."""
    children = [int(child) for task in Path(f"/proc/{pid}/task").glob("*/children") for child in _words(task)]
    return [pid, *(member for child in children for member in family(child))]


def _words(path: Path) -> list[str]:
    with contextlib.suppress(OSError):
        return path.read_text().split()
    return []


def named(pids: list[int], word: str) -> list[int]:
    """Those of the processes whose command line holds the word."""
    return [pid for pid in pids if word in " ".join(_command(pid))]


def _command(pid: int) -> list[str]:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
    return []


def cpu_seconds(pids: list[int]) -> float:
    """User and system time that the processes have used so far."""
    fields = [Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split() for pid in pids]
    return sum(int(field[11]) + int(field[12]) for field in fields) / TICKS


def cpu_seconds_of_family(pid: int) -> float:
    """The same of a process, its descendants, and those of its children that have ended."""
    ended = _ticks(pid, 13, 15)
    return (ended + sum(_ticks(member, 11, 13) for member in family(pid))) / TICKS


def _ticks(pid: int, first: int, end: int) -> int:
    """Some of the fields after the name in proc_pid_stat(5), added up; 0 for a process that has ended."""
    with contextlib.suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        return sum(int(field) for field in fields[first:end])
    return 0


def resident_mb(pid: int) -> float:
    """The process's resident memory in megabytes."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
