"""Following the feed: each new batch is read once for a workspace and told to everybody who follows its clicks.

Memory is bounded: a workspace with followers has a ring of its last clicks, and who falls behind it goes back to
reading from the database by its own place. Nobody's slowness holds up anybody else.
"""

import asyncio
from bisect import bisect_right
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from models.click_feed import Place, StoredClick, Stretch, takes
from models.click_filters import ClickFilter

RING_CLICKS: Final = 2_000
AT_ONCE: Final = 200  # clicks handed over in one go: what a follower holds besides the ring


class Ring:
    """The last clicks of a workspace: all there are between the places `floor` and `head`."""

    def __init__(self, start: Place, *, size: int = RING_CLICKS) -> None:
        self._size = size
        self._clicks: list[StoredClick] = []
        self.floor = self.head = start
        self.grown = asyncio.Event()

    def extend(self, more: Stretch) -> None:
        """Take up what comes after `head`; the oldest make room."""
        self._clicks.extend(more.clicks)
        self.head = more.until
        if len(self._clicks) >= 2 * self._size:  # rarely, since it moves the whole list
            gone = len(self._clicks) - self._size
            self.floor = self._clicks[gone - 1].place
            del self._clicks[:gone]
        grown, self.grown = self.grown, asyncio.Event()
        grown.set()

    def after(self, place: Place, *, most: int) -> tuple[Sequence[StoredClick], Place]:
        """The next clicks after a place that is not below `floor`, and where they end."""
        first = bisect_right(self._clicks, place, key=_place)
        clicks = self._clicks[first : first + most]
        return clicks, clicks[-1].place if first + most < len(self._clicks) else max(place, self.head)

    def restart(self, at: Place) -> None:
        """Forget everything: the positions were set back, as by restoring an old database."""
        self._clicks.clear()
        self.floor = self.head = at


def _place(click: StoredClick) -> Place:
    return click.place


class Following:
    """One follower: its own place, which moves only when it asks for more."""

    def __init__(
        self,
        ring: Ring,
        place: Place,
        click_filter: ClickFilter,
        read_back: Callable[["Following", int], Awaitable[Stretch]],
        *,
        told_from: Place,
    ) -> None:
        self._ring = ring
        self._read_back = read_back
        self.place = place
        self.click_filter = click_filter
        self._takes = takes(click_filter)
        # What was stored before is read from the database: the ring may still have clicks of links deleted since.
        self._told_from = told_from

    async def take(self, *, within_s: float | None = None) -> Sequence[StoredClick]:
        """The next clicks that the filter takes, in the order of storing; waits until there are any.

        With a time limit there may be none. An outage of the database is waited out.
        """
        limit = None if within_s is None else asyncio.get_running_loop().time() + within_s
        try:
            async with asyncio.timeout_at(limit):
                return await self._some()
        except TimeoutError:
            return ()

    async def _some(self) -> Sequence[StoredClick]:
        while True:
            ring = self._ring
            if self.place >= ring.head:
                await ring.grown.wait()
                continue
            if self.place >= max(ring.floor, self._told_from):
                clicks, self.place = ring.after(self.place, most=AT_ONCE)
                taken: Sequence[StoredClick] = [one for one in clicks if self._takes(one.record)]
            else:
                stretch = await self._read_back(self, ring.head.position)
                taken, self.place = stretch.clicks, stretch.until
            if taken:
                return taken
