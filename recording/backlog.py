"""What waits in a spool to be loaded: how much it is, and since when it waits."""

from dataclasses import dataclass
from pathlib import Path

from recording.segments import State, listed


@dataclass(frozen=True, slots=True)
class Backlog:
    """The waiting segments of all the processes that write to a folder.

    `since` is when the oldest of the sealed ones was sealed, in seconds since 1970; None when there is none.
    """

    bytes: int = 0
    since: float | None = None


def backlog(folder: Path) -> Backlog:
    """What waits now; those that are still written count in bytes only."""
    total, since = 0, None
    for file in listed(folder, State.OPEN, State.SEALED):
        try:
            status = file.path.stat()
        except FileNotFoundError:  # loaded in this moment
            continue
        total += status.st_size
        if file.state is State.SEALED:
            since = status.st_mtime if since is None else min(since, status.st_mtime)
    return Backlog(total, since)
