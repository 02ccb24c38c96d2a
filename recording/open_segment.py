"""The segment that a process writes: its lines are copied into memory that is the file, or written.

A file's pages belong to the system, so what is in them survives the process, as after a write(); and no call into the
system is made, which would take longer than all the rest of a visit. The room is taken on the disk before, since a
store into a page that then finds no room would end the process.
"""

import contextlib
import fcntl
import mmap
import os
import sys
from datetime import datetime
from pathlib import Path

from recording.segments import FILE_MODE, Key, SegmentFile, State, datasync, seal
from recording.visit import FORMAT, Header, encode

FREE_ROOMS = 4  # that a disk must have left before one is taken: other workers may be taking theirs


class OpenSegment:
    """Appended to by one thread, synced, sealed and closed by another."""

    def __init__(
        self, folder: Path, key: Key, *, instance_id: int, now: datetime, room: int = 0, likely: int = 0
    ) -> None:
        """Makes the file and takes its lock; OSError when there is no room for it.

        `room` is how many bytes to take on the disk ahead; where the system cannot, `memory` is None. Of these `likely`
        many get their pages now, so that the thread that appends need not wait for each of them to be made.
        """
        self.file = SegmentFile(folder, key, State.NEW)
        new = self.file.path
        self.fd = os.open(new, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE)
        try:
            fcntl.flock(self.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._end = self._empty_size = self._write_header(
                Header(FORMAT, key.producer, key.segment, now, instance_id)
            )
            self.memory = _memory(self.fd, room, likely=min(likely, room)) if room else None
            self.file = self.file.become(State.OPEN)
        except OSError:
            os.close(self.fd)
            with contextlib.suppress(FileNotFoundError):
                new.unlink()
            raise
        if self.memory is not None:
            self.memory.seek(self._end)
            self._end = 0
        self.torn = False
        self.synced = -1  # the size that is known to be on the disk

    def _write_header(self, header: Header) -> int:
        raw = encode(header)
        if os.pwrite(self.fd, raw, 0) != len(raw):
            raise OSError("no room for the first line of a segment")
        return len(raw)

    @property
    def size(self) -> int:
        """How many bytes of lines it holds; the file is longer as long as there is room that was taken ahead."""
        return self._end or self._memory_used()

    @property
    def room(self) -> int:
        """For how many bytes a place is taken that have not come yet."""
        return 0 if self.memory is None else max(0, len(self.memory) - self.size)

    @property
    def is_empty(self) -> bool:
        """Whether nothing was appended yet."""
        return self.size == self._empty_size

    def append(self, raw: bytes) -> bool:
        """Adds a line; False when there is no room for all of it, and then none of it stays."""
        if self.memory is not None and not self._end:
            if len(raw) <= self.room:
                self.memory.write(raw)
                return True
            self._end = self._memory_used()  # from now on lines are written behind one another
        return self._write(raw)

    def _memory_used(self) -> int:
        return 0 if self.memory is None else self.memory.tell()

    def _write(self, raw: bytes) -> bool:
        try:
            written = os.pwrite(self.fd, raw, self._end)
        except OSError:
            return False
        if written != len(raw):
            self._take_back()
            return False
        self._end += written
        return True

    def _take_back(self) -> None:
        try:
            os.ftruncate(self.fd, self._end)
        except OSError:
            self.torn = True  # nothing may follow half a line, or two visits would be lost

    def sync(self) -> None:
        """Waits until what is written so far is on the disk."""
        size = self.size
        if size != self.synced:
            datasync(self.fd)
            self.synced = size

    def seal(self, now: datetime, *, sync: bool) -> None:
        """Closes the segment for good: whoever loads may take it. Without a visit in it, it is removed."""
        try:
            if self.is_empty:
                self.file.path.unlink(missing_ok=True)
            else:
                self._give_back_room()
                seal(self.fd, self.file, at=now, torn=self.torn, sync=sync)
        finally:
            self.close()

    def _give_back_room(self) -> None:
        if self.room:
            os.ftruncate(self.fd, self.size)

    def close(self) -> None:
        """Gives the lock back: what could not be sealed is adopted like a dead writer's."""
        if self.memory is not None:
            self.memory.close()  # it holds the file, too
        os.close(self.fd)


def _memory(fd: int, room: int, *, likely: int) -> mmap.mmap | None:
    """The beginning of the file as memory, with its place on the disk; None where there is no such thing."""
    if sys.platform != "linux":  # elsewhere syncing such a file takes more than fsync()
        return None
    before, disk = os.fstat(fd).st_size, os.fstatvfs(fd)
    if disk.f_bavail * disk.f_frsize < FREE_ROOMS * room:
        return None  # to try for more than there is takes all there is, for a moment in which others write
    try:
        os.posix_fallocate(fd, 0, room)
        if likely > before:
            os.pwrite(fd, bytes(likely - before), before)
        return mmap.mmap(fd, room)
    except (OSError, ValueError):  # a full disk, a file system without, or one that did not do what it said
        os.ftruncate(fd, before)
        return None
