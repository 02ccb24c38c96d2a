"""PostgreSQL's pid file, and whether the process it names is a living server."""

import contextlib
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class PidFile:
    """What `postmaster.pid` says: lines 1, 5 and 8 of PostgreSQL's src/include/utils/pidfile.h."""

    pid: int
    socket_folder: str
    is_ready: bool


def read_pid_file(cluster: Path) -> PidFile | None:
    """The pid file of a cluster, or None when there is none or it is only half written."""
    try:
        lines = (cluster / "postmaster.pid").read_text().splitlines()
        pid = int(lines[0])
    except (OSError, ValueError, IndexError):
        return None
    return PidFile(
        pid=pid,
        socket_folder=lines[4].strip() if len(lines) > 4 else "",
        is_ready=len(lines) > 7 and lines[7].strip() == "ready",
    )


def serves(pid: int, cluster: Path) -> bool:
    """Whether that process is a living postmaster of this cluster, not a zombie and not a number used again."""
    return f" -D {cluster} " in f"{_command_of(pid)} "


def live_server(cluster: Path) -> PidFile | None:
    """The pid file, if the postmaster it names lives."""
    found = read_pid_file(cluster)
    return found if found and serves(found.pid, cluster) else None


def disown_stale(cluster: Path) -> None:
    """Lets a new postmaster start although the number in the pid file is in use by something else (or a zombie).

    PostgreSQL ignores its own parent's number there, so ours is written; the rest of the file stays, because from it
    PostgreSQL sees whether orphaned backends still use the shared memory. Call it only as the lock's owner.
    """
    path = cluster / "postmaster.pid"
    with contextlib.suppress(FileNotFoundError):
        lines = path.read_text().splitlines(keepends=True)
        with path.open("r+") as file:  # in place: the file keeps its owner
            file.write("".join([f"{os.getpid()}\n", *lines[1:]]))
            file.truncate()


def _command_of(pid: int) -> str:
    """The process's command line; empty for a zombie and when there is no such process."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        return ""
    command = ["/bin/ps", "-o", "command=", "-p", str(pid)]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()  # noqa: S603
