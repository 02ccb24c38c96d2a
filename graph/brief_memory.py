"""What was just read about who asks: requests in quick succession ask the database once a second, not each time."""

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

# Half of the two seconds within which a revoked key or a removed member is refused everywhere.
KEPT_S: Final = 1.0
MOST_ENTRIES: Final = 10_000

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class _Entry(Generic[Value]):
    value: Value
    until: float


class BriefMemory(Generic[Value]):
    """Values by a hash of a secret or name, each for a second, or `kept_s`, from when it was read."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic, kept_s: float = KEPT_S) -> None:
        self._clock = clock
        self._kept_s = kept_s
        self._entries: OrderedDict[bytes, _Entry[Value]] = OrderedDict()  # oldest first: all are kept equally long

    def find(self, name: str) -> Value | None:
        """The value of this name, if it was read so lately."""
        entry = self._entries.get(_hash(name))
        return entry.value if entry and self._clock() < entry.until else None

    def keep(self, name: str, value: Value, *, read_at: float) -> None:
        """Remember a value as it was at `read_at`, by the clock: before the database was asked."""
        self._entries[_hash(name)] = _Entry(value, read_at + self._kept_s)
        self._entries.move_to_end(_hash(name))
        while len(self._entries) > MOST_ENTRIES or next(iter(self._entries.values())).until <= self._clock():
            self._entries.popitem(last=False)
            if not self._entries:
                return

    def forget(self, is_meant: Callable[[Value], bool]) -> None:
        """Read these values anew next time."""
        for digest in [digest for digest, entry in self._entries.items() if is_meant(entry.value)]:
            del self._entries[digest]

    def now(self) -> float:
        """The clock of `read_at`."""
        return self._clock()


def _hash(name: str) -> bytes:
    return hashlib.sha256(name.encode(errors="surrogatepass")).digest()
