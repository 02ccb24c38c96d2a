"""Who must wait for whom: so many at a time of each, the others in memory and in the order they came."""

import asyncio
from collections.abc import Hashable
from weakref import WeakValueDictionary


class Turns:
    """A semaphore for each key, which is there as long as somebody holds it or waits for it."""

    def __init__(self, most: int) -> None:
        """`most` is how many of one key may go at once."""
        self._most = most
        self._of: WeakValueDictionary[Hashable, asyncio.Semaphore] = WeakValueDictionary()

    def __len__(self) -> int:
        return len(self._of)

    def of(self, key: Hashable) -> asyncio.Semaphore:
        """The turn of this key, the same for all who keep it; nothing is remembered of a key that nobody keeps."""
        turn = self._of.get(key)
        if turn is None:
            turn = self._of[key] = asyncio.Semaphore(self._most)
        return turn
