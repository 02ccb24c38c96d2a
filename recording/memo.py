"""What was found out once and is remembered, in no more memory than it may take."""

from collections.abc import Callable
from sys import getsizeof
from typing import TypeVar

K = TypeVar("K")
V = TypeVar("V")

READINGS_BYTES = 4 * 1024 * 1024
LONGEST_REMEMBERED = 1024  # bytes of headers; they repeat seldom, and should not push out what does
OVERHEAD_BYTES = 560  # of an entry: objects and their places in the dictionary, rounded up


class Memo(dict[K, V]):
    """A dictionary to look things up in, which `remember` keeps below `max_bytes`."""

    def __init__(self, max_bytes: int) -> None:
        super().__init__()
        self._max_bytes = max_bytes
        self.bytes = 0  # about what is remembered takes

    def remember(self, key: K, value: V, *, size: int) -> None:
        """Adds an entry with `size` bytes of texts."""
        self.bytes += OVERHEAD_BYTES + size
        if self.bytes > self._max_bytes:
            self.clear()  # cheaper than keeping order, and as good: whoever returns is remembered again
            self.bytes = OVERHEAD_BYTES + size
        self[key] = value

    def clear(self) -> None:
        """Forgets everything."""
        super().clear()
        self.bytes = 0


class Readings(Memo[bytes, bytes]):
    """What a function reads out of the values of one header: `readings[value]`, at most once for a common value."""

    def __init__(self, read: Callable[[bytes], bytes]) -> None:
        super().__init__(READINGS_BYTES)
        self._read = read

    def __missing__(self, value: bytes) -> bytes:
        found = self._read(value)
        if len(value) <= LONGEST_REMEMBERED:
            self.remember(value, found, size=getsizeof(value) + getsizeof(found))
        return found
