"""What a dead writer left behind: its open segments are cut after the last whole line and sealed."""

import contextlib
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from recording.segments import SegmentFile, State, listed, locked, seal

ABANDONED_AFTER = timedelta(minutes=1)  # a file that is being made is gone or renamed within milliseconds
_BLOCK = 64 * 1024


def adopt(folder: Path, *, now: datetime) -> list[SegmentFile]:
    """Seals the open segments whose writers are dead; returns those that hold visits. Living writers are left alone."""
    for file in listed(folder, State.NEW):
        _discard_if_abandoned(file, now)
    adopted = (_adopt(file) for file in listed(folder, State.OPEN))
    return [file for file in adopted if file is not None]


def _discard_if_abandoned(file: SegmentFile, now: datetime) -> None:
    with contextlib.suppress(FileNotFoundError):
        if _written_at(file.path.stat()) < now - ABANDONED_AFTER:
            file.path.unlink()


def _adopt(file: SegmentFile) -> SegmentFile | None:
    with locked(file) as fd:
        if fd is None:
            return None
        written_at = _written_at(os.fstat(fd))
        lines = _cut_torn_line(fd)
        if lines > 1:  # more than its header
            return seal(fd, file, at=written_at, torn=False, sync=True)
        file.path.unlink(missing_ok=True)
        return None


def _written_at(status: os.stat_result) -> datetime:
    return datetime.fromtimestamp(status.st_mtime, UTC)


def _cut_torn_line(fd: int) -> int:
    """Cuts what follows the last line end; returns how many lines there are, counted up to 2."""
    size = os.fstat(fd).st_size
    end, lines = 0, 0
    while size and lines < 2:  # from the end: the last line end, and whether another stands before it
        start = max(0, size - _BLOCK)
        block = os.pread(fd, size - start, start)
        if lines == 0 and b"\n" in block:
            end = start + block.rindex(b"\n") + 1
        lines += block.count(b"\n")
        size = start
    if end < os.fstat(fd).st_size:
        os.ftruncate(fd, end)
    return lines
