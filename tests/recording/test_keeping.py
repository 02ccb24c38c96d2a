"""Files of loaded segments and bad lines: how long they stay."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from recording.keeping import remove_old
from recording.segments import State, listed
from tests.recording.writing import states, visit, writer

PLENTY = 1024**3


def loaded(folder: Path, count: int) -> None:
    worker = writer(folder, 1)
    for _ in range(count):
        worker.write(visit(), state=State.LOADED)


def test_loaded_segments_stay_for_a_day(folder: Path) -> None:
    loaded(folder, 3)
    remove_old(folder, now=datetime.now(UTC) + timedelta(hours=23), max_bytes=PLENTY)
    assert states(folder) == {State.LOADED: 3}
    remove_old(folder, now=datetime.now(UTC) + timedelta(hours=25), max_bytes=PLENTY)
    assert states(folder) == {}


def test_they_make_room_before_what_waits_does(folder: Path) -> None:
    loaded(folder, 4)
    size = listed(folder, State.LOADED)[0].path.stat().st_size
    writer(folder, 1).write(visit())
    remove_old(folder, now=datetime.now(UTC), max_bytes=size * 3)
    assert states(folder)[State.SEALED] == 1
    assert states(folder)[State.LOADED] in (1, 2)  # sizes differ by a digit or two
    remove_old(folder, now=datetime.now(UTC), max_bytes=1)
    assert states(folder) == {State.SEALED: 1}


def test_they_make_room_on_a_disk_that_is_nearly_full(folder: Path) -> None:
    loaded(folder, 4)
    remove_old(folder, now=datetime.now(UTC), max_bytes=PLENTY, free_bytes=2**62)
    assert states(folder) == {}


def test_bad_lines_stay_for_a_week(folder: Path) -> None:
    file = writer(folder, 1).write(visit(), state=State.BAD)
    now = datetime.now(UTC)
    for days, is_there in ((6, True), (8, False)):
        written = (now - timedelta(days=days)).timestamp()
        os.utime(file.path, (written, written))
        remove_old(folder, now=now, max_bytes=PLENTY)
        assert file.path.exists() is is_there
