"""The segment that is being written: by copying into its pages, or by writing; the file is the same."""

import os
import re
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from recording.content import read
from recording.open_segment import OpenSegment
from recording.segments import Key, State, listed
from tests.recording.writing import NOW, line

ROOM = 64 * 1024


@pytest.fixture
def segment(folder: Path) -> OpenSegment:
    folder.mkdir()
    return OpenSegment(folder, Key(1, 1), instance_id=1, now=NOW, room=ROOM)


def sealed(segment: OpenSegment) -> list[int | None]:
    """The visitors in it once it is sealed; nothing else is in it."""
    segment.seal(NOW, sync=True)
    [file] = listed(segment.file.folder, State.SEALED)
    content = read(file.path)
    assert not content.unreadable and content.raw.endswith(b"\n")
    return [one.visitor for _, one in content.visits]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere segments are written")
def test_lines_are_copied_as_long_as_there_is_room_and_are_in_the_file(segment: OpenSegment) -> None:
    assert segment.memory is not None
    before = segment.room
    assert segment.append(line(visitor=5))
    assert before - segment.room == len(line(visitor=5))
    assert b'"visitor":5,' in segment.file.path.read_bytes()
    assert os.fstat(segment.fd).st_size == ROOM
    assert sealed(segment) == [5]


@pytest.mark.parametrize("room", [0, 300, 4096, ROOM])
def test_the_file_is_the_same_with_any_room(folder: Path, room: int) -> None:
    folder.mkdir()
    segment = OpenSegment(folder, Key(1, 1), instance_id=1, now=NOW, room=room)
    assert all(segment.append(line(visitor=number)) for number in range(1_000))
    without = OpenSegment(folder, Key(1, 2), instance_id=1, now=NOW)
    assert segment.size - without.size == sum(len(line(visitor=number)) for number in range(1_000))
    without.seal(NOW, sync=False)
    assert sealed(segment) == list(range(1_000))


def test_a_line_longer_than_the_room_left_and_a_short_one_after_it_stay_in_order(segment: OpenSegment) -> None:
    lines = [line(visitor=1, user_agent="x" * (ROOM - 400)), line(visitor=2, user_agent="y" * 500), line(visitor=3)]
    assert all(segment.append(each) for each in lines)
    assert sealed(segment) == [1, 2, 3]


def test_a_segment_without_visits_is_removed_whatever_room_it_had(segment: OpenSegment) -> None:
    segment.seal(NOW, sync=True)
    assert listed(segment.file.folder, *State) == []


def test_where_the_room_is_not_to_be_had_lines_are_written(folder: Path) -> None:
    code = f"""
import resource, sys
from pathlib import Path
from recording.open_segment import OpenSegment
from recording.segments import Key
from tests.recording.writing import NOW, line
resource.setrlimit(resource.RLIMIT_FSIZE, ({ROOM - 1}, {ROOM - 1}))
segment = OpenSegment(Path(sys.argv[1]), Key(1, 1), instance_id=1, now=NOW, room={ROOM})
assert segment.memory is None and segment.room == 0
assert segment.append(line(visitor=7))
segment.seal(NOW, sync=True)
"""
    folder.mkdir()
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[1] == resource.RLIM_INFINITY
    subprocess.run([sys.executable, "-c", code, folder], check=True, cwd=Path(__file__).parents[2], timeout=60)
    [file] = listed(folder, State.SEALED)
    assert [one.visitor for _, one in read(file.path).visits] == [7]


def test_on_a_disk_that_is_nearly_full_no_room_is_taken_ahead(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To try would take all that is left for a moment, in which others that write would find a full disk."""
    disk = os.statvfs(folder.parent)
    nearly_full = os.statvfs_result((*disk[:3], *(ROOM // disk.f_frsize + 1,) * 2, *disk[5:]))
    monkeypatch.setattr(os, "fstatvfs", lambda _fd: nearly_full)
    folder.mkdir()
    segment = OpenSegment(folder, Key(1, 1), instance_id=1, now=NOW, room=ROOM)
    assert segment.memory is None and segment.file.path.stat().st_size == segment.size
    assert segment.append(line(visitor=5))
    assert sealed(segment) == [5]


def test_where_the_disk_only_pretends_to_have_taken_the_room_lines_are_written(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "posix_fallocate", lambda *_: None, raising=False)
    folder.mkdir()
    segment = OpenSegment(folder, Key(1, 1), instance_id=1, now=NOW, room=ROOM)
    assert segment.append(line(visitor=5))
    assert sealed(segment) == [5]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere segments are written")
def test_syncing_leaves_nothing_in_memory_alone(segment: OpenSegment) -> None:
    for _ in range(2):
        assert segment.append(line(user_agent="x" * 5_000))
        if _dirty_kb(segment) == 0:
            pytest.fail("the system says nothing about these pages")
        segment.sync()
        if _is_in_memory(segment.file.path):
            pytest.skip("this folder is on a file system in memory, which has no disk to write to")
        assert _dirty_kb(segment) == 0
    sealed(segment)


def _dirty_kb(segment: OpenSegment) -> int:
    """How much of the file this process has changed and the disk has not got (proc_pid_smaps(5))."""
    areas = re.split(r"^(?=[0-9a-f]+-[0-9a-f]+ )", Path("/proc/self/smaps").read_text(), flags=re.MULTILINE)
    [area] = [area for area in areas if segment.file.path.name.split(".")[0] in area]
    return sum(map(int, re.findall(r"_Dirty:\s+(\d+) kB", area)))


def _is_in_memory(path: Path) -> bool:
    mounts = [mount.split() for mount in Path("/proc/self/mounts").read_text().splitlines()]
    inside = [mount for mount in mounts if path.resolve().is_relative_to(mount[1])]
    return max(inside, key=lambda mount: len(mount[1]))[2] in ("tmpfs", "ramfs")
