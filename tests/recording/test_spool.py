"""The spool: what was appended is in a segment, whatever the disk or the process does."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from recording.adoption import adopt
from recording.backlog import backlog
from recording.content import Content, read
from recording.open_segment import OpenSegment
from recording.segments import Key, State, listed
from recording.spool import LONGEST_LINE, Spool, Sync
from tests.recording.writing import NOW, line, soon, states

PLENTY = 1024**3


@asynccontextmanager
async def spool(
    folder: Path,
    *,
    sync: Sync = Sync.INTERVAL,
    max_bytes: int = PLENTY,
    segment_bytes: int = 1024**2,
    segment_s: float = 3600.0,
) -> AsyncIterator[Spool]:
    made = Spool(
        folder,
        producer=7,
        instance_id=1,
        sync=sync,
        max_bytes=max_bytes,
        clock=lambda: datetime.now(UTC),
        segment_bytes=segment_bytes,
        segment_s=segment_s,
    )
    made.start()
    try:
        yield made
    finally:
        await made.stop()


def sealed(folder: Path) -> list[Content]:
    return [read(file.path) for file in listed(folder, State.SEALED)]


def visitors(folder: Path) -> list[int | None]:
    """Of all sealed segments, in order."""
    return [one.visitor for content in sealed(folder) for _, one in content.visits]


def ticked(written: Spool) -> bool:
    written.tick()
    return True


async def test_what_was_appended_is_sealed_at_the_end(folder: Path) -> None:
    async with spool(folder) as written:
        assert all(written.append(line(visitor=number)) for number in range(100))
        assert written.reason() is None
    assert visitors(folder) == list(range(100))
    [content] = sealed(folder)
    assert (content.header.producer, content.header.segment, content.header.instance_id) == (7, 1, 1)
    assert content.header.opened_at <= content.sealed_at
    assert not content.unreadable


async def test_a_visit_is_in_the_file_when_append_returns(folder: Path) -> None:
    async with spool(folder) as written:
        written.append(line(visitor=5))
        assert any(b'"visitor":5' in file.path.read_bytes() for file in listed(folder, State.OPEN))


async def test_a_line_that_no_visit_makes_is_dropped_and_the_next_is_not(folder: Path) -> None:
    async with spool(folder) as written:
        assert written.append(line(visitor=1))
        assert not written.append(b"x" * (LONGEST_LINE + 1))
        assert written.append(line(visitor=2))
    assert visitors(folder) == [1, 2]
    assert [content.dropped for content in sealed(folder)] == [1]


async def test_a_spool_without_visits_leaves_nothing(folder: Path) -> None:
    async with spool(folder):
        pass
    assert states(folder) == {}


async def test_only_the_owner_may_look(folder: Path) -> None:
    async with spool(folder) as written:
        written.append(line())
    assert_private(folder)


def assert_private(folder: Path) -> None:
    assert folder.stat().st_mode & 0o077 == 0
    assert all(file.path.stat().st_mode & 0o077 == 0 for file in listed(folder, State.SEALED))


async def test_a_full_segment_is_passed_on_and_the_next_begun(folder: Path) -> None:
    async with spool(folder, segment_bytes=2_000) as written:
        for number in range(60):
            written.append(line(visitor=number))
            await asyncio.sleep(0)  # the spool's thread makes the next segment when it comes to it
        await soon(lambda: ticked(written) and states(folder).get(State.SEALED))
    assert visitors(folder) == list(range(60))


async def test_an_old_segment_is_passed_on_by_the_tick(folder: Path) -> None:
    async with spool(folder, segment_s=0.0) as written:
        written.append(line())
        await soon(lambda: ticked(written) and states(folder).get(State.SEALED) == 1)
        await soon(lambda: ticked(written) and states(folder).get(State.OPEN) == 2)
        assert states(folder)[State.SEALED] == 1  # one without visits is not passed on


@pytest.mark.parametrize("sync", list(Sync))
async def test_durable_returns_and_all_is_there(folder: Path, sync: Sync) -> None:
    async with spool(folder, sync=sync, segment_bytes=5_000) as written:
        for number in range(50):
            written.append(line(visitor=number))
            if number % 10 == 0:
                await asyncio.gather(*(written.durable() for _ in range(5)))
    assert visitors(folder) == list(range(50))


async def test_durable_has_the_bytes_synced(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a power loss would leave: what was in each file when it was last synced."""
    safe: dict[int, bytes] = {}
    real = os.fdatasync

    def remember(fd: int) -> None:
        status = os.fstat(fd)
        held = os.pread(fd, status.st_size, 0)
        real(fd)
        safe[status.st_ino] = held

    monkeypatch.setattr(os, "fdatasync", remember)
    async with spool(folder, sync=Sync.ALWAYS, segment_bytes=3_000) as written:
        for number in range(40):
            written.append(line(visitor=number))
            await written.durable()
            files = [file.path for file in listed(folder, State.OPEN, State.SEALED)]
            kept = b"".join(safe.get(path.stat().st_ino, b"") for path in files)
            assert b'"visitor":%d,' % number in kept


async def test_beyond_its_bound_visits_are_dropped_and_counted(folder: Path) -> None:
    async with spool(folder, max_bytes=6_000) as written:
        results = [written.append(line(visitor=number)) for number in range(100)]
        assert written.reason() == "spool_full"
        dropped = results.count(False)
        assert written.dropped == dropped > 0
        assert backlog(folder).bytes <= 6_000 + 200  # the spare's header comes on top
        written._max_bytes = PLENTY  # as if the loader had caught up
        await soon(lambda: written.append(line(visitor=777)))
        dropped = written.dropped
        assert written.reason() is None
    contents = sealed(folder)
    assert sum(content.dropped for content in contents) == dropped
    assert visitors(folder)[-1] == 777
    assert not any(content.unreadable for content in contents)


async def test_without_a_folder_visits_are_dropped_until_there_is_one(tmp_path: Path) -> None:
    place = tmp_path / "blocked"
    place.write_text("a file where the folder should be")
    async with spool(place / "spool") as written:
        assert not written.append(line())
        assert written.reason() == "spool_unusable"
        place.unlink()
        await soon(lambda: ticked(written) and written.append(line(visitor=5)))
        dropped = written.dropped
    assert visitors(place / "spool") == [5]
    assert [content.dropped for content in sealed(place / "spool")] == [dropped]


async def test_once_there_is_room_the_reason_goes_without_a_visit(folder: Path) -> None:
    async with spool(folder, max_bytes=1) as written:
        assert not written.append(line())
        written.tick()
        assert written.reason() == "spool_full"
        written._max_bytes = PLENTY
        await soon(lambda: ticked(written) and written.reason() is None)
    assert [content.dropped for content in sealed(folder)] == [1]


async def test_room_that_is_taken_ahead_does_not_count(folder: Path) -> None:
    limit = 2_000_000
    async with spool(folder, max_bytes=limit, segment_bytes=100_000) as written:
        written.append(line())
        written._measure()
        assert limit - 10_000 < written._limit - written._written < limit
        assert sum(file.path.stat().st_size for file in listed(folder, State.OPEN)) > 100_000


@pytest.fixture
def others(folder: Path) -> Iterator[list[OpenSegment]]:
    """Segments that other workers write, each with more in it than the one before."""
    folder.mkdir()
    segments = [OpenSegment(folder, Key(number, 1), instance_id=1, now=NOW, room=100_000) for number in range(4)]
    for number, segment in enumerate(segments):
        assert all(segment.append(line()) for _ in range(number * 200))
    yield segments
    for segment in segments:
        segment.close()


async def test_room_that_others_have_taken_ahead_does_not_count_either(folder: Path, others: list[OpenSegment]) -> None:
    assert backlog(folder).bytes == sum(other.size for other in others)
    async with spool(folder, max_bytes=backlog(folder).bytes + 10_000) as written:
        assert written.append(line())


async def test_a_visit_after_the_stop_is_dropped_and_counted_and_one_during_it_too_or_kept(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_syncing, may_sync = threading.Event(), threading.Event()

    def slowly(_fd: int) -> None:
        is_syncing.set()
        may_sync.wait(60)

    monkeypatch.setattr(os, "fdatasync", slowly)
    async with spool(folder) as written:
        kept = [written.append(line(visitor=1))]
        await soon(is_syncing.is_set)
        stopping = asyncio.create_task(written.stop())
        await asyncio.sleep(0)
        kept.append(written.append(line(visitor=2)))
        may_sync.set()
        await stopping
        assert not written.append(line(visitor=3))
    assert visitors(folder) == [1, 2][: kept.count(True)]
    assert written.dropped == 3 - kept.count(True)


async def test_while_no_next_segment_can_be_made_lines_go_behind_the_room(folder: Path) -> None:
    async with spool(folder, segment_bytes=20_000) as written:
        written._spare, made = None, written._make
        written._make = lambda: None  # type: ignore[method-assign]  # a slow disk
        count = 5 * (20_000 + LONGEST_LINE) // len(line())
        assert all(written.append(line(visitor=number)) for number in range(count))
        written._make = made  # type: ignore[method-assign]
        await soon(lambda: ticked(written) and states(folder).get(State.SEALED))
        assert written.append(line(visitor=count))
    assert visitors(folder) == list(range(count + 1))
    assert not any(content.unreadable or content.dropped for content in sealed(folder))


def run_child(code: str, *arguments: object) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        cwd=Path(__file__).parents[2],
    )


FULL_DISK = """
import asyncio, resource, sys
from pathlib import Path
from tests.recording.test_spool import spool
from tests.recording.writing import line

async def main():
    resource.setrlimit(resource.RLIMIT_FSIZE, (5_000, resource.RLIM_INFINITY))  # a full disk: writes come out short
    async with spool(Path(sys.argv[1])) as written:
        kept = sum(written.append(line(visitor=number)) for number in range(200))
        assert written.reason() == "spool_full"
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        kept += written.append(line(visitor=777))
        assert written.reason() is None
    print(kept, written.dropped)

asyncio.run(main())
"""


def test_on_a_full_disk_the_dropped_are_counted_exactly_and_it_recovers(folder: Path) -> None:
    with run_child(FULL_DISK, folder) as child:
        output, _ = child.communicate(timeout=60)
    kept, dropped = map(int, output.split())
    assert kept + dropped == 201 and dropped > 100
    contents = sealed(folder)
    assert visitors(folder) == [*range(kept - 1), 777]
    assert sum(content.dropped for content in contents) == dropped
    assert not any(content.unreadable for content in contents)


WRITE_FOR_EVER = """
import asyncio, itertools, sys
from pathlib import Path
from tests.recording.test_spool import spool
from tests.recording.writing import line

async def main():
    async with spool(Path(sys.argv[1]), segment_bytes=4_000) as written:
        for number in itertools.count():
            assert written.append(line(visitor=number))
            print(number, flush=True)  # acknowledged
            await asyncio.sleep(0)

asyncio.run(main())
"""


def test_a_killed_writer_loses_nothing_it_acknowledged(folder: Path) -> None:
    with run_child(WRITE_FOR_EVER, folder) as child:
        assert child.stdout is not None
        acknowledged = [int(child.stdout.readline()) for _ in range(500)]
        assert adopt(folder, now=datetime.now(UTC)) == []  # it lives
        child.send_signal(signal.SIGKILL)
        acknowledged += [int(line) for line in child.stdout.read().split(b"\n")[:-1]]
    adopt(folder, now=datetime.now(UTC))
    found = visitors(folder)
    assert found == list(range(len(found)))
    assert len(acknowledged) <= len(found) <= len(acknowledged) + 1  # it may have died between the two
    assert set(states(folder)) <= {State.SEALED, State.NEW}
