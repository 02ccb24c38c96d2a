"""The two servers of the lane's proof side by side, and what it means that they agree."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from recording.visit import Visit
from redirect.config import RedirectConfig
from tests.redirect.house import Owner
from tests.redirect.lane_case import LINKS, OFF, UNKNOWN, Case, Ending, request
from tests.redirect.lane_clicks import SpoolReader, are_salted
from tests.redirect.lane_side import Side, side
from tests.redirect.lane_wire import LAST, Outcome, play

AT_ONCE = 40  # connections to each side
MOST_TOLD = 20


@dataclass(repr=False)
class Pair:
    """Cases are played to both sides from the same addresses."""

    lane: Side
    route: Side
    numbers: "count[int]" = field(default_factory=lambda: count(1))

    def __post_init__(self) -> None:
        self._clicks = SpoolReader(self.lane.spool), SpoolReader(self.route.spool)

    async def agree(self, cases: Sequence[Case]) -> None:
        """AssertionError where the sides differ in bytes, in the connection's end or in clicks."""
        free = asyncio.Semaphore(AT_ONCE)

        async def both(case: Case) -> tuple[Outcome, Outcome]:
            async with free:
                # An address for each case, since a visitor's hash depends on it.
                source = address_of(next(self.numbers))
                return await asyncio.gather(play(case, self.lane, source=source), play(case, self.route, source=source))

        outcomes = await asyncio.gather(*(both(case) for case in cases))
        different = [(case, *pair) for case, pair in zip(cases, outcomes, strict=True) if pair[0] != pair[1]]
        assert not different, told(different)
        self.agree_on_clicks()

    async def are_salted(self) -> None:
        """Waits until both sides can tell visitors."""
        for side_, clicks in zip((self.lane, self.route), self._clicks, strict=True):
            await are_salted(side_, clicks, code="last")

    def agree_on_clicks(self) -> list[Visit]:
        """The clicks since the last time, which are the same on both sides."""
        lane, route = (clicks.new() for clicks in self._clicks)
        assert not Counter(lane) - Counter(route), "clicks that the route does not know"
        assert not Counter(route) - Counter(lane), "clicks that the lane has lost"
        return lane

    def share_taken(self) -> float:
        """How many of the requests that get through to the route's application the lane took, of 1."""
        asked = self.route.app.asked.total()
        taken = asked - self.lane.app.asked.total()
        assert self.lane.app.lane
        assert taken == self.lane.app.lane.taken
        return taken / asked


@contextlib.asynccontextmanager
async def pair_of(config: RedirectConfig, folder: Path, *, keep_alive: float | None = None) -> AsyncIterator[Pair]:
    """Two servers that know the links of `make_links`."""
    async with (
        side(config, folder / "route", lane=False, keep_alive=keep_alive) as route,
        side(config, folder / "lane", lane=True, keep_alive=keep_alive) as lane,
    ):
        pair = Pair(lane, route)
        await pair.are_salted()
        warming = b"".join(request(f"/{code}".encode()) for code in (*LINKS, OFF, UNKNOWN))
        await pair.agree([Case("warming", (warming + LAST,), Ending.LISTENS)])
        yield pair


async def make_links(owner: Owner) -> None:
    """The links that cases ask for."""
    for code, destination in LINKS.items():
        await owner.make(code, destination)
    await owner.make(OFF)
    await owner.deactivate(OFF)


def address_of(number: int) -> str:
    """One of the loopback network's sixteen million addresses."""
    return f"127.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


def told(different: Iterable[tuple[Case, Outcome, Outcome]]) -> str:
    """What differs, for whoever has to find out why."""
    lines = [
        f"{case.name}\n  sent  {case.pieces!r}\n  lane  {lane}\n  route {route}" for case, lane, route in different
    ]
    return f"{len(lines)} differ\n" + "\n".join(line[:4_000] for line in lines[:MOST_TOLD])
