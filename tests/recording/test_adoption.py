"""What a dead writer left behind."""

import asyncio
import os
from datetime import timedelta
from pathlib import Path

import pytest

from recording.adoption import adopt
from recording.backlog import backlog
from recording.content import read
from recording.loader import Loader, LoaderConfig
from recording.open_segment import OpenSegment
from recording.segments import Key, SegmentFile, State, listed
from recording.visit import encode
from tests.recording.writing import NOW, Writer, soon, states, visit, writer

AWAY = "postgresql://kurz@127.0.0.1:1/kurz"


@pytest.fixture
def dead(folder: Path) -> Writer:
    return writer(folder, 1)


def leave(dead: Writer, *lines: object, tail: bytes = b"") -> SegmentFile:
    file = dead.write(*lines, sealed_at=None, state=State.OPEN, tail=tail)  # type: ignore[arg-type]
    os.utime(file.path, (NOW.timestamp(), NOW.timestamp()))
    return file


@pytest.mark.parametrize("tail", [b"", b"{", encode(visit())[:-1], b"\xff" * 200_000, bytes(200_000)])
def test_whole_lines_are_kept_and_a_torn_one_is_cut(dead: Writer, tail: bytes) -> None:
    file = leave(dead, visit(visitor=1), visit(visitor=2), tail=tail)
    [adopted] = adopt(dead.folder, now=NOW)
    assert adopted.key == file.key
    content = read(adopted.path)
    assert [one.visitor for _, one in content.visits] == [1, 2]
    assert not content.unreadable
    assert content.sealed_at == NOW  # when it was last written to, not when it was found


@pytest.mark.parametrize("lines", [(), (b'{"half": "a hea',)])
def test_a_segment_without_visits_is_removed(dead: Writer, lines: tuple[bytes, ...]) -> None:
    file = leave(dead, *lines)
    if not lines:
        file.path.write_bytes(file.path.read_bytes()[:-1])  # even its header is torn
    assert adopt(dead.folder, now=NOW) == []
    assert states(dead.folder) == {}


@pytest.mark.parametrize("room", [0, 100_000])
def test_a_living_writer_keeps_its_segment(folder: Path, room: int) -> None:
    folder.mkdir()
    mine = OpenSegment(folder, Key(1, 1), instance_id=1, now=NOW, room=room)
    mine.append(encode(visit()))
    assert adopt(folder, now=NOW + timedelta(days=1)) == []
    assert mine.append(encode(visit()))
    mine.close()  # it dies
    [adopted] = adopt(folder, now=NOW)
    assert len(read(adopted.path).visits) == 2


def test_what_a_writer_never_finished_making_is_removed_after_a_while(dead: Writer) -> None:
    file = dead.write(state=State.NEW)
    adopt(dead.folder, now=NOW)
    assert listed(dead.folder, State.NEW) == [file]
    written_at = file.path.stat().st_mtime - NOW.timestamp()
    adopt(dead.folder, now=NOW + timedelta(seconds=written_at, minutes=2))
    assert states(dead.folder) == {}


def test_adopting_twice_adopts_once(dead: Writer) -> None:
    leave(dead, visit())
    assert len(adopt(dead.folder, now=NOW)) == 1
    assert adopt(dead.folder, now=NOW) == []
    assert states(dead.folder) == {State.SEALED: 1}


@pytest.fixture
def dead_with_room(folder: Path) -> None:
    """A segment with a visit and one without, as a worker leaves them that is killed."""
    folder.mkdir()
    for number in (1, 2):
        segment = OpenSegment(folder, Key(number, 1), instance_id=1, now=NOW, room=1_000_000)
        assert number == 1 or segment.append(encode(visit()))
        segment.close()


@pytest.mark.usefixtures("dead_with_room")
async def test_what_a_dead_writer_left_gives_its_room_back_while_the_database_is_away(folder: Path) -> None:
    loader = Loader(LoaderConfig(folder=folder, database_url=AWAY, instance_id=1))
    running = asyncio.create_task(loader.run())
    await soon(lambda: states(folder) == {State.SEALED: 1})
    loader.stop()
    await running
    assert backlog(folder).bytes < 1_000
