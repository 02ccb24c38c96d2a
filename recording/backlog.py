"""What waits in a spool to be loaded: how much it is, and since when it waits."""

import os
from bisect import bisect_left
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from recording.segments import State, listed


@dataclass(frozen=True, slots=True)
class Backlog:
    """The waiting segments of all the processes that write to a folder.

    `since` is when the oldest of the sealed ones was sealed, in seconds since 1970; None when there is none.
    """

    bytes: int = 0
    since: float | None = None

    def waiting_s(self, now: datetime) -> float:
        """For how many seconds the oldest has waited; 0 when there is none, or the clock was set back."""
        return 0.0 if self.since is None else max(0.0, now.timestamp() - self.since)


def backlog(folder: Path) -> Backlog:
    """What waits now; those that are still written count in bytes only."""
    total, since = 0, None
    for file in listed(folder, State.OPEN, State.SEALED):
        try:
            status = file.path.stat()
            total += status.st_size if file.state is State.SEALED else _used(file.path, status.st_size)
        except FileNotFoundError:  # sealed or loaded in this moment
            continue
        if file.state is State.SEALED:
            since = status.st_mtime if since is None else min(since, status.st_mtime)
    return Backlog(total, since)


def _used(path: Path, size: int) -> int:
    """How many bytes of an open segment are lines, which hold no zero; behind them is room that was taken ahead."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return bisect_left(range(size), True, key=lambda at: os.pread(fd, 1, at) in (b"", b"\0"))
    finally:
        os.close(fd)
