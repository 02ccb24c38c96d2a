"""The budget of each credential: token buckets in memory that all workers of one supervisor share.

A bucket is one number, the instant at which it is full again: what is missing then is the time until that instant. The
table has a fixed size. Each credential hashes to a few slots; where none is its own, it takes the one that is fullest,
whose owner loses next to nothing by it. The operating system gives up a process's locks when it ends, however it ends.
"""

import errno
import fcntl
import mmap
import os
import struct
import tempfile
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

SETS: Final = 8_192
SLOTS_PER_SET: Final = 8
SLOT: Final = struct.Struct("<QQ")  # who (0: nobody), and when the bucket is full (monotonic nanoseconds)
SET_BYTES: Final = SLOT.size * SLOTS_PER_SET
SECRET_BYTES: Final = 32
TABLE_BYTES: Final = SETS * SET_BYTES + SECRET_BYTES
SECOND: Final = 1_000_000_000
LOCK_TRIES: Final = 100  # then a millisecond's pause between them
LOCK_PAUSES: Final = 20

NanosecondClock = Callable[[], int]


@dataclass(frozen=True, slots=True)
class RateLimit:
    """A bucket holds `capacity` points, and `per_second` of them come back."""

    capacity: int
    per_second: int

    def nanoseconds(self, points: int) -> int:
        """How long so many points take to come back."""
        return points * SECOND // self.per_second

    def remaining(self, missing: int) -> int:
        """The whole points in a bucket that is full after so many nanoseconds."""
        return max(0, self.capacity - -(-missing * self.per_second // SECOND))


@dataclass(frozen=True, slots=True)
class Budget:
    """A bucket after it was asked. `retry_after` is None when the points were had, else whole seconds, at least 1."""

    limit: int
    remaining: int
    restore_rate: int
    retry_after: int | None = None


def make_table() -> int:
    """The descriptor of a new table, for processes to inherit; it is gone with the last of them.

    In memory where the system can do that (Linux): written to a disk, it could kill its readers when the disk is full.
    """
    secret = os.urandom(SECRET_BYTES)
    content = secret + bytes(TABLE_BYTES - SECRET_BYTES)  # written out: a hole might later find no room
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("kurz-rates")
    else:
        with tempfile.TemporaryFile() as file:
            descriptor = os.dup(file.fileno())
    os.write(descriptor, content)
    return descriptor


class RateLimiter:
    """The buckets of all credentials. One for a process and thread: the locks keep out other processes only."""

    def __init__(
        self, rate: RateLimit, *, table: int | None = None, clock: NanosecondClock = time.monotonic_ns
    ) -> None:
        self.rate = rate
        self._clock = clock
        self._descriptor = make_table() if table is None else os.dup(table)
        self._closing = weakref.finalize(self, os.close, self._descriptor)
        self._memory = mmap.mmap(self._descriptor, TABLE_BYTES)
        self._secret = self._memory[:SECRET_BYTES]
        self._window = rate.nanoseconds(rate.capacity)

    def close(self) -> None:
        """Let go of the table now, rather than with the last reference."""
        self._memory.close()
        self._closing()

    def take(self, credential: str, points: int) -> Budget:
        """Take the points if the bucket has them; otherwise take none, and say after how long it will.

        More than the bucket holds are never had: see that they are refused before.
        """
        return self._change(credential, self.rate.nanoseconds(points))

    def give_back(self, credential: str, points: int) -> Budget:
        """Put points back that were taken and not needed."""
        return self._change(credential, -self.rate.nanoseconds(points))

    def _change(self, credential: str, more: int) -> Budget:
        number = blake2b(credential.encode(), digest_size=12, key=self._secret).digest()
        who = int.from_bytes(number[:8]) or 1
        start = SECRET_BYTES + int.from_bytes(number[8:]) % SETS * SET_BYTES
        with self._locked(start):
            now = self._clock()
            at, full_at = self._slot(start, who)
            missing = min(max(0, full_at - now), self._window)
            wanted = max(0, missing + more)
            is_had = wanted <= self._window
            if is_had:
                missing = wanted
                SLOT.pack_into(self._memory, at, who, now + missing)
        late = None if is_had else max(1, -(-(wanted - self._window) // SECOND))
        return Budget(self.rate.capacity, self.rate.remaining(missing), self.rate.per_second, late)

    def _slot(self, start: int, who: int) -> tuple[int, int]:
        """Where the credential's bucket is, or may be, and when it is full."""
        fullest, fullest_at = start, 1 << 64
        for at in range(start, start + SET_BYTES, SLOT.size):
            owner, full_at = SLOT.unpack_from(self._memory, at)
            if owner == who:
                return at, full_at
            if full_at < fullest_at:
                fullest, fullest_at = at, full_at
        return fullest, 0

    @contextmanager
    def _locked(self, start: int) -> Iterator[None]:
        """The set to ourselves.

        Never for long: a worker that was stopped while it held the lock must not stop the others. They go on without
        it, and the bucket may then be charged once instead of twice.
        """
        has_lock = self._lock(start)
        try:
            yield
        finally:
            if has_lock:
                fcntl.lockf(self._descriptor, fcntl.LOCK_UN, SET_BYTES, start)

    def _lock(self, start: int) -> bool:
        for attempt in range(LOCK_TRIES + LOCK_PAUSES):
            try:
                fcntl.lockf(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, SET_BYTES, start)
            except OSError as error:
                if error.errno not in (errno.EACCES, errno.EAGAIN):
                    raise
                time.sleep(0 if attempt < LOCK_TRIES else 0.001)
            else:
                return True
        return False
