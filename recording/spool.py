"""The spool: visits are appended to segment files one by one; a thread keeps them safe and passes them on.

Two threads share a spool without a lock. The event loop's thread appends, and alone decides which segment is the
current one. The spool's own thread does what may wait for a disk: it makes segments ahead, syncs, seals and measures.
"""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from recording.backlog import Backlog, backlog
from recording.open_segment import OpenSegment
from recording.segments import FOLDER_MODE, Key, sync_folder
from recording.visit import Dropped, encode

SEGMENT_BYTES = 1024 * 1024
SEGMENT_S = 0.6  # from the first tick that sees a visit: visible within two seconds, loading and all
TICK_S = 0.1
MEASURE_S = 1.0
LONGEST_LINE = 16 * 1024  # bytes; cleaned texts, escaped, stay far below


class Sync(StrEnum):
    """When written visits are forced to the disk: every 100 ms, before each answer, or when the system likes."""

    INTERVAL = "interval"
    ALWAYS = "always"
    NEVER = "never"


class Spool:
    """One process's way to put visits down; `append` never waits for a disk, nor mostly for the system."""

    def __init__(
        self,
        folder: Path,
        *,
        producer: int,
        instance_id: int,
        sync: Sync,
        max_bytes: int,
        clock: Callable[[], datetime],
        segment_bytes: int = SEGMENT_BYTES,
        segment_s: float = SEGMENT_S,
    ) -> None:
        self._folder, self._producer, self._instance_id = folder, producer, instance_id
        self._sync, self._max_bytes = sync, max_bytes
        self._clock = clock
        self._segment_bytes, self._segment_s = segment_bytes, segment_s
        self._made = 0
        self._current: OpenSegment | None = None
        self._spare: OpenSegment | None = None
        self._retired: deque[OpenSegment] = deque()
        self._begun_at: float | None = None  # when a tick first saw a visit in the current segment
        self._written = 0  # bytes since the start; only the event loop's thread sets it
        self._easy_until = 0  # as long as `_written` is no more, there is nothing to do but `_put` the line down
        self._put: Callable[[bytes], object] = len  # into the current segment's memory
        self._limit = max_bytes  # how far `_written` may go; only the spool's own thread sets it
        self._dropped_unsaid = 0
        self._usual = 0  # bytes in the last segment that was sealed
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._wake = threading.Event()
        self._stopping = False
        self._measured_at = 0.0
        self._sync_failed = False
        self._thread = threading.Thread(target=self._work, name="kurz-spool", daemon=True)
        self.dropped = 0  # visits that were not written since the start
        self.backlog = Backlog()  # of the folder, as of a second ago

    # In the event loop's thread.

    def start(self) -> None:
        """Makes the folder and the first segments; never fails: without a spool visits are dropped and counted."""
        self._work_once()
        self._take_spare()
        self._thread.start()

    def append(self, line: bytes) -> bool:
        """Puts the encoded line into the file before it returns; False when it has no room for it, which is counted."""
        size = len(line)
        written = self._written + size
        if written > self._easy_until or size > LONGEST_LINE:
            return self._append_with_care(line)
        self._put(line)
        self._written = written
        return True

    def _append_with_care(self, line: bytes) -> bool:
        segment = self._current
        size = len(line)
        if segment is None or segment.torn or size > LONGEST_LINE or self._written + size > self._limit:
            return self._drop()
        if not segment.append(line):
            return self._drop()
        self._written += size
        if self._dropped_unsaid:
            self._say_dropped(segment)
        if segment.size >= self._segment_bytes:
            self._take_spare()
        self._look_ahead()
        return True

    def _look_ahead(self) -> None:
        segment = self._current
        if segment is None or segment.memory is None or self._dropped_unsaid:
            self._easy_until = 0
        else:
            self._put = segment.memory.write
            self._easy_until = min(self._written - segment.size + self._segment_bytes, self._limit)

    def _drop(self) -> bool:
        self.dropped += 1
        self._dropped_unsaid += 1
        self._easy_until = 0
        return False

    def _say_dropped(self, segment: OpenSegment) -> None:
        line = encode(Dropped(self._dropped_unsaid))
        if segment.append(line):
            self._written += len(line)
            self._dropped_unsaid = 0

    def tick(self) -> None:
        """Passes the current segment on when it is old enough; to be called every `TICK_S`."""
        segment = self._current
        if segment is None or segment.torn or self._is_due(segment):
            self._take_spare()
        elif self._dropped_unsaid and self._limit - self._written > LONGEST_LINE:
            self._say_dropped(segment)  # and so `reason` is gone though no visit may come as long as it is there
        self._look_ahead()  # `_limit` may be another

    def _is_due(self, segment: OpenSegment) -> bool:
        if segment.is_empty:
            return False
        now = time.monotonic()
        if self._begun_at is None:
            self._begun_at = now
        return segment.size >= self._segment_bytes or now - self._begun_at >= self._segment_s

    def _take_spare(self) -> None:
        spare = self._spare
        if spare is None:  # the disk is slow or full: the current segment grows meanwhile
            return
        if self._current is not None:
            self._retired.append(self._current)  # before `_current` changes: see _sync_all
        self._current = spare
        self._begun_at = None
        self._spare = None
        self._wake.set()

    async def durable(self) -> None:
        """Returns once everything appended before is on the disk, or when syncing fails (`reason` says so)."""
        if self._stopping or not self._thread.is_alive():
            return
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        self._wake.set()
        await waiter

    def reason(self) -> str | None:
        """Why visits are not kept safely at the moment; None when they are."""
        if self._current is None or not self._thread.is_alive():
            return "spool_unusable"
        if self._dropped_unsaid:
            return "spool_full"
        return "spool_sync_failed" if self._sync_failed else None

    async def stop(self) -> None:
        """Seals what was written and ends the thread; what is appended from now on is dropped and counted."""
        self._easy_until = 0
        self._retired.extend([self._current] if self._current else [])  # here: nobody appends to what is sealed
        self._current = None
        self._stopping = True
        self._wake.set()
        if self._thread.is_alive():
            await asyncio.to_thread(self._thread.join)

    # In the spool's own thread.

    def _work(self) -> None:
        while not self._stopping:
            self._wake.wait(MEASURE_S if self._sync is Sync.NEVER else TICK_S)
            self._wake.clear()
            self._work_once()
        self._retired.extend(() if self._spare is None else (self._spare,))
        self._answer()

    def _work_once(self) -> None:
        self._answer()
        if time.monotonic() - self._measured_at >= MEASURE_S:
            self._measure()
        if self._spare is None:
            self._spare = self._make()

    def _answer(self) -> None:
        asked = len(self._waiting)  # who asks later may have appended later
        try:
            self._sync_all()
            self._sync_failed = False
        except OSError:
            self._sync_failed = True
        for _ in range(asked):
            waiter = self._waiting.popleft()
            waiter.get_loop().call_soon_threadsafe(_release, waiter)

    def _measure(self) -> None:
        self._measured_at = time.monotonic()
        written = self._written  # before the files are looked at, so that nothing is missed
        try:
            self.backlog = backlog(self._folder)
            self._limit = written + self._max_bytes - self.backlog.bytes
        except OSError:
            self._limit = written

    def _sync_all(self) -> None:
        # First the current segment, then the retired: one that retires in between is met among those.
        current = self._current
        if current is not None and self._sync is not Sync.NEVER:
            current.sync()
        while self._retired:
            segment = self._retired.popleft()
            self._usual = segment.size
            segment.seal(self._clock(), sync=self._sync is not Sync.NEVER)

    def _make(self) -> OpenSegment | None:
        key, room = Key(self._producer, self._made + 1), self._segment_bytes + LONGEST_LINE
        room = room if self._limit - self._written >= 2 * room else 0
        try:
            self._folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
            segment = OpenSegment(
                self._folder, key, instance_id=self._instance_id, now=self._clock(), room=room, likely=self._usual
            )
            if self._sync is not Sync.NEVER:
                segment.sync()  # the header: without it nothing that follows can be read
                sync_folder(self._folder)
        except OSError:
            return None
        self._made += 1
        self._limit -= segment.size
        return segment


def _release(waiter: "asyncio.Future[None]") -> None:
    if not waiter.done():
        waiter.set_result(None)
