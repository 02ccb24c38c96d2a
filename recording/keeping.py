"""The files of loaded segments: kept for a day, offered again if the database lost them, and removed in time."""

import os
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path

from recording.load import Connection
from recording.segments import FOLDER_MODE, SegmentFile, State, foreign, listed
from recording.spool import waiting_bytes

LOADED_KEPT = timedelta(hours=24)
BAD_KEPT = timedelta(days=7)
FOREIGN_AFTER = timedelta(minutes=1)  # whoever puts a file there may first write it under another name
AT_ONCE = 1_000

UNKNOWN = """
select o.producer, o.segment from unnest($1::bigint[], $2::bigint[]) o (producer, segment)
 where not exists (select from click_batch b where b.producer = o.producer and b.segment = o.segment)"""


async def unknown(connection: Connection, folder: Path) -> list[SegmentFile]:
    """The kept segments that the ledger does not know: a database was restored, or fell over to an older copy."""
    lost = []
    for files in _batches(listed(folder, State.LOADED)):
        keys = [file.key for file in files]
        rows = await connection.fetch(UNKNOWN, [key.producer for key in keys], [key.segment for key in keys])
        missing = {(row["producer"], row["segment"]) for row in rows}
        lost += [file for file in files if (file.key.producer, file.key.segment) in missing]
    return lost


def remove_old(folder: Path, *, now: datetime, max_bytes: int) -> None:
    """Removes loaded segments after a day, or sooner when the spool exceeds `max_bytes`; bad lines after a week."""
    bad = [(file, status) for file, status in _with_status(listed(folder, State.BAD))]
    _remove(file for file, status in bad if status.st_mtime < (now - BAD_KEPT).timestamp())
    # st_ctime: when it was renamed, which is when it was loaded.
    kept = sorted(_with_status(listed(folder, State.LOADED)), key=lambda entry: entry[1].st_ctime)
    room = max_bytes - waiting_bytes(folder) - sum(status.st_size for _, status in kept)
    oldest = (now - LOADED_KEPT).timestamp()
    for file, status in kept:
        if status.st_ctime >= oldest and room >= 0:
            break
        _remove([file])
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


def _with_status(files: Iterable[SegmentFile]) -> Iterator[tuple[SegmentFile, os.stat_result]]:
    for file in files:
        try:
            yield file, file.path.stat()
        except FileNotFoundError:
            continue


def _remove(files: Iterable[SegmentFile]) -> None:
    for file in files:
        file.path.unlink(missing_ok=True)
