"""Ids: 63 bits, made by the application, in order of time."""

import os
import secrets
import time
from collections.abc import Callable
from functools import cache
from typing import NewType

WorkspaceId = NewType("WorkspaceId", int)
DomainId = NewType("DomainId", int)
LinkId = NewType("LinkId", int)
KeyId = NewType("KeyId", int)
UserId = NewType("UserId", int)
MemberId = NewType("MemberId", int)
EntryId = NewType("EntryId", int)

EPOCH_MS = 1_767_225_600_000  # 2026-01-01T00:00:00Z
COUNTER_BITS = 22


def clock_ms() -> int:
    """Milliseconds since 1970."""
    return time.time_ns() // 1_000_000


class IdSource:
    """Gives ids that never repeat within the process: milliseconds since 2026, then a counter from a random start.

    The random start keeps two processes apart, and keeps ids from telling how many rows there are.
    """

    def __init__(self, *, clock: Callable[[], int] = clock_ms, start: int | None = None) -> None:
        self._clock = clock
        self._counter = secrets.randbits(COUNTER_BITS) if start is None else start
        self._latest = 0

    def next(self) -> int:
        """A new id, greater than zero and below 2^63."""
        self._counter = (self._counter + 1) % (1 << COUNTER_BITS)
        self._latest = max(self._latest, self._clock() - EPOCH_MS, 1)  # a clock set back gives no older ids
        return (self._latest << COUNTER_BITS) | self._counter


@cache
def _source_of(_process: int) -> IdSource:
    return IdSource()


def new_id() -> int:
    """A new id from this process's source (a forked process gets its own)."""
    return _source_of(os.getpid()).next()
