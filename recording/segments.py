"""Segments: the files of a spool. A name tells the writer, the number and the state; a lock tells a living writer."""

import contextlib
import fcntl
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from recording.visit import Line, Sealed, encode

FOLDER_MODE = 0o700
FILE_MODE = 0o600


class State(StrEnum):
    """The end of a segment's name."""

    NEW = "new"  # being made, without a line yet
    OPEN = "open"  # its writer holds a lock on it
    SEALED = "sealed"  # complete; waits to be loaded
    LOADED = "loaded"  # in the database; kept for a day in case the database loses it
    BAD = "bad"  # the lines of a segment that could not be loaded
    ASIDE = "aside"  # not to be loaded: another instance's, too old, or not what the ledger knows


# Folders of their own: a day's segments are many, and the spool itself is listed ten times a second.
_OUT_OF_THE_WAY = (State.LOADED, State.BAD, State.ASIDE)
_NAME = re.compile(r"([0-9a-f]{16})-([0-9]{10,19})\.(" + "|".join(State) + ")")


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """Which segment: unique for ever, and what the ledger knows it by."""

    producer: int
    segment: int


@dataclass(frozen=True, slots=True)
class SegmentFile:
    """A segment's file in its present state, in the spool `folder`."""

    folder: Path
    key: Key
    state: State

    @property
    def path(self) -> Path:
        """Where it lies."""
        return path_of(self.folder, self.key, self.state)

    def become(self, state: State) -> "SegmentFile":
        """Renames the file; FileNotFoundError when another process has done so before."""
        renamed = SegmentFile(self.folder, self.key, state)
        if state in _OUT_OF_THE_WAY:
            renamed.path.parent.mkdir(mode=FOLDER_MODE, exist_ok=True)
        self.path.rename(renamed.path)
        return renamed


def path_of(folder: Path, key: Key, state: State) -> Path:
    """Where the segment lies in that state."""
    place = folder / state if state in _OUT_OF_THE_WAY else folder
    return place / f"{key.producer:016x}-{key.segment:010d}.{state}"


def listed(folder: Path, *states: State) -> list[SegmentFile]:
    """The segments in these states, the oldest of each producer first; foreign files are left out."""
    places = {folder / state if state in _OUT_OF_THE_WAY else folder for state in states}
    read = (_read_name(folder, name) for place in places for name in _names(place))
    found = [file for file in read if file is not None and file.state in states]
    return sorted(found, key=lambda file: (file.key.segment, file.key.producer))


def foreign(folder: Path) -> list[Path]:
    """The files in the folder that are no segments."""
    strange = [folder / name for name in _names(folder) if _read_name(folder, name) is None]
    return [path for path in strange if path.is_file()]


def _names(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)  # noqa: PTH208 - a third of iterdir's time, ten times a second
    except FileNotFoundError:
        return []


def _read_name(folder: Path, name: str) -> SegmentFile | None:
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    return SegmentFile(folder, Key(producer=int(match[1], 16), segment=int(match[2])), State(match[3]))


def seal(fd: int, file: SegmentFile, *, at: datetime, torn: bool, sync: bool) -> SegmentFile:
    """Adds the last line, where there is room for it, and renames the file; its time is `at` in any case."""
    if not torn:
        _write_last(fd, Sealed(at))
    os.utime(fd, (at.timestamp(), at.timestamp()))
    if sync:
        datasync(fd)
    sealed = file.become(State.SEALED)
    if sync:
        sync_folder(file.folder)
    return sealed


def _write_last(fd: int, line: Line) -> None:
    size = os.fstat(fd).st_size
    raw = encode(line)
    try:
        if os.pwrite(fd, raw, size) != len(raw):
            os.ftruncate(fd, size)
    except OSError:
        return  # the file's time says the same


def datasync(fd: int) -> None:
    """fdatasync, where there is one (macOS has only fsync)."""
    getattr(os, "fdatasync", os.fsync)(fd)


def sync_folder(folder: Path) -> None:
    """Makes names and renames in the folder survive a power loss."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


@contextlib.contextmanager
def locked(file: SegmentFile) -> Iterator[int | None]:
    """The descriptor of an open segment whose writer is dead, locked; None while it lives or once it is sealed."""
    try:
        fd = os.open(file.path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
    except FileNotFoundError:
        yield None
        return
    try:
        yield fd if _lock(fd) and _is_still(file.path, fd) else None
    finally:
        os.close(fd)


def _lock(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_still(path: Path, fd: int) -> bool:
    # Between opening and locking the writer may have sealed it: then the lock is on a file of another name.
    try:
        named = path.stat()
    except FileNotFoundError:
        return False
    mine = os.fstat(fd)
    return (named.st_ino, named.st_dev) == (mine.st_ino, mine.st_dev)
