"""The files of loaded segments: kept for a day, offered again if the database lost them, and removed in time."""

import asyncio
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path

from recording.backlog import backlog
from recording.load import Connection
from recording.segments import FOLDER_MODE, SegmentFile, State, foreign, listed

LOADED_KEPT = timedelta(hours=24)
BAD_KEPT = timedelta(days=7)
FOREIGN_AFTER = timedelta(minutes=1)  # whoever puts a file there may first write it under another name
FREE_BYTES = 16 * 1024**2  # that a disk keeps free: some segments for every worker
AT_ONCE = 1_000

UNKNOWN = """
select o.producer, o.segment from unnest($1::bigint[], $2::bigint[]) o (producer, segment)
 where not exists (select from click_batch b where b.producer = o.producer and b.segment = o.segment)"""


async def unknown(connection: Connection, folder: Path) -> list[SegmentFile]:
    """The kept segments that the ledger does not know: a database was restored, or fell over to an older copy."""
    lost = []
    for files in _batches(await asyncio.to_thread(listed, folder, State.LOADED)):
        keys = [file.key for file in files]
        rows = await connection.fetch(UNKNOWN, [key.producer for key in keys], [key.segment for key in keys])
        missing = {(row["producer"], row["segment"]) for row in rows}
        lost += [file for file in files if (file.key.producer, file.key.segment) in missing]
    return lost


def remove_old(folder: Path, *, now: datetime, max_bytes: int, free_bytes: int = FREE_BYTES) -> None:
    """Removes loaded segments after a day, and bad lines after a week.

    Loaded ones go sooner when the spool exceeds `max_bytes`, or when the disk has less than `free_bytes` left: better
    than a visit that finds no room. A busy day leaves 100,000 files, so that this takes seconds.
    """
    week_ago = (now - BAD_KEPT).timestamp()
    _remove(path for path, status in _with_status(folder, State.BAD) if status.st_mtime < week_ago)
    # st_ctime: when it was renamed, which is when it was loaded.
    kept = sorted(_with_status(folder, State.LOADED), key=lambda pair: pair[1].st_ctime)
    if not kept:
        return
    room = max_bytes - backlog(folder).bytes - sum(status.st_size for _, status in kept)
    room = min(room, shutil.disk_usage(folder).free - free_bytes)
    oldest = (now - LOADED_KEPT).timestamp()
    for path, status in kept:
        if status.st_ctime >= oldest and room >= 0:
            break
        _remove([path])
        room += status.st_size


def set_foreign_aside(folder: Path, *, now: datetime) -> list[Path]:
    """Moves files that are no segments out of the way; returns where they are now."""
    moved = []
    for path in foreign(folder):
        try:
            if path.name.startswith(".") or path.stat().st_mtime >= (now - FOREIGN_AFTER).timestamp():
                continue
            place = folder / State.ASIDE / path.name
            place.parent.mkdir(mode=FOLDER_MODE, exist_ok=True)
            moved.append(path.rename(place))
        except FileNotFoundError:
            continue
    return moved


def _batches(files: Sequence[SegmentFile]) -> Iterator[list[SegmentFile]]:
    rest = iter(files)
    while batch := list(islice(rest, AT_ONCE)):
        yield batch


def _with_status(folder: Path, state: State) -> Iterator[tuple[Path, os.stat_result]]:
    for file in listed(folder, state):
        path = file.path
        try:
            yield path, path.stat()
        except FileNotFoundError:
            continue


def _remove(paths: Iterable[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)
