"""Keys that were just authenticated: requests in quick succession ask the database once a second, not each time."""

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from models.ids import KeyId
from models.keys import KeyRecord

# Half of the two seconds within which a revoked key is refused everywhere.
KEPT_S: Final = 1.0
MOST_KEYS: Final = 10_000


@dataclass(frozen=True, slots=True)
class _Entry:
    key: KeyRecord
    until: float


class KeyMemory:
    """Valid keys by a hash of their secret, each for a second from when it was read; expiry is the asker's to judge."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._entries: OrderedDict[bytes, _Entry] = OrderedDict()  # oldest first: all are kept equally long

    def find(self, secret: str) -> KeyRecord | None:
        """The key of this secret, if it was read within the last second."""
        entry = self._entries.get(_hash(secret))
        return entry.key if entry and self._clock() < entry.until else None

    def keep(self, secret: str, key: KeyRecord, *, read_at: float) -> None:
        """Remember a key as it was at `read_at`, by the clock: before the database was asked."""
        self._entries[_hash(secret)] = _Entry(key, read_at + KEPT_S)
        self._entries.move_to_end(_hash(secret))
        while len(self._entries) > MOST_KEYS or next(iter(self._entries.values())).until <= self._clock():
            self._entries.popitem(last=False)
            if not self._entries:
                return

    def forget(self, key_id: KeyId) -> None:
        """Read this key anew next time."""
        for digest in [digest for digest, entry in self._entries.items() if entry.key.id == key_id]:
            del self._entries[digest]

    def now(self) -> float:
        """The clock of `read_at`."""
        return self._clock()


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
