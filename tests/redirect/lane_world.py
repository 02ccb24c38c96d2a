"""What sequences of requests and changes happen to: two sides, their database, the ways to it, and the time."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count

from models.ids import LinkId
from recording.visit import Visit
from tests.eventually import eventually
from tests.proxy import PostgresProxy
from tests.redirect.house import Clock, Owner
from tests.redirect.lane_case import request
from tests.redirect.lane_clicks import SpoolReader, are_salted
from tests.redirect.lane_side import Side
from tests.redirect.lane_talk import Talk
from tests.redirect.lane_wire import without_time

CODES = ("abc", "Ab-_9")
POLL = "poll"  # the campaign of visits that only wait for something
OFTEN = 20


@dataclass
class Link:
    """What the database has for a code."""

    destination: str
    is_off: bool = False
    deleted: LinkId | None = None

    @property
    def answer(self) -> bytes:
        """How an answer begins or what it contains, once this is known."""
        return b"HTTP/1.1 410 " if self.is_off else f"\r\nlocation: {self.destination}\r\n".encode()


@dataclass(repr=False)
class World:
    """Whatever is done here is done to both sides; what they answer has to be equal."""

    sides: tuple[Side, Side]
    owner: Owner
    clock: Clock
    proxies: tuple[PostgresProxy, PostgresProxy]
    links: dict[str, Link] = field(default_factory=dict)
    talks: tuple[Talk, Talk] | None = None
    is_away: bool = False
    unheard: set[str] = field(default_factory=set)
    numbers: "count[int]" = field(default_factory=count)
    source: str = "127.1.0.1"

    def __post_init__(self) -> None:
        self.spools = [SpoolReader(side.spool) for side in self.sides]

    async def make_links(self) -> None:
        for code in CODES:
            self.links[code] = Link(f"https://example.com/{next(self.numbers)}")
            await self.owner.make(code, self.links[code].destination)
        for side, spool in zip(self.sides, self.spools, strict=True):
            await are_salted(side, spool, code=CODES[0])

    async def begin(self) -> None:
        """The same beginning for every sequence: both links there, known to both sides, and a client of its own."""
        number = next(self.numbers)
        self.source = f"127.{1 + (number >> 16 & 127)}.{number >> 8 & 255}.{number & 255}"
        await self.restore()
        for code in CODES:
            if self.links[code].is_off:
                await self.switch(code)
            await self.is_seen(code)
        self.clicks()

    async def both(self) -> tuple[Talk, Talk]:
        """The connections, new ones if those before have ended."""
        if self.talks is not None and self.talks[0].ended:
            self.hang_up()
        if self.talks is None:
            one, other = [await Talk.with_side(side, source=self.source) for side in self.sides]
            self.talks = one, other
        return self.talks

    def hang_up(self) -> None:
        for talk in self.talks or ():
            talk.close()
        self.talks = None

    async def ask(self, pieces: Sequence[bytes], methods: Sequence[bytes]) -> None:
        """Sends the pieces, in which there are requests of these methods; the answers are equal."""
        one, other = await self.both()
        for talk in (one, other):
            await talk.send(pieces)
        answers = [[without_time(answer) for answer in await talk.answers(methods)] for talk in (one, other)]
        assert answers[0] == answers[1]
        assert one.ended == other.ended

    async def edit(self, code: str) -> None:
        link = self.links[code]
        if link.deleted is None:
            link.destination = f"https://example.com/{next(self.numbers)}"
            await self.owner.retarget(code, link.destination)
            await self._changed(code)

    async def switch(self, code: str) -> None:
        """Deactivates an active link, and makes one of which that cannot be said active again."""
        link = self.links[code]
        if link.deleted is not None:
            await self.owner.restore(link.deleted)
            link.deleted = None
        if link.is_off:
            await self.owner.reactivate(code)
        else:
            await self.owner.deactivate(code)
        link.is_off = not link.is_off
        await self._changed(code)

    async def delete(self, code: str) -> None:
        link = self.links[code]
        if link.deleted is None:
            if not link.is_off:
                await self.owner.deactivate(code)
                link.is_off = True
            link.deleted = await self.owner.delete(code)
            await self._changed(code)

    def wait(self, seconds: float) -> None:
        """Time passes: entries age, LISTEN counts as lost until the next heartbeat."""
        self.clock.now += seconds

    async def take_away(self, *, wholly: bool) -> None:
        """The database does not tell of changes any more; `wholly`: nor can it be asked."""
        if not self.is_away:
            await self._are_sure()
            self.is_away = True
            for proxy in self.proxies if wholly else self.proxies[1:]:
                proxy.refuse()
            await self._hear(expected=False)

    async def restore(self) -> None:
        """The database is back; what has changed meanwhile is found out."""
        if self.is_away:
            self.is_away = False
            self.clock.now += 0.01  # what was read before LISTEN begins is older
            for proxy in self.proxies:
                proxy.restore()
            await self._hear(expected=True)
            for code in sorted(self.unheard):
                await self.ask([request(f"/{code}".encode())], [b"GET"])
                await self.is_seen(code)
            self.unheard.clear()

    async def shut_down(self, beginning: bytes) -> None:
        """Ends all connections as uvicorn does when it stops; this one has sent the beginning of a request."""
        one, other = await self.both()
        for talk in (one, other):
            await talk.send([beginning] if beginning else [])
            await talk.is_read()
            for protocol in list(talk.side.server.server_state.connections):
                protocol.shutdown()
        assert without_time(await one.rest()) == without_time(await other.rest())

    async def shut_down_busy(self) -> None:
        """The same while an answer waits for the database, and further requests wait behind it."""
        if self.is_away:
            return
        self.proxies[0].hold_replies()
        one, other = await self.both()
        new = request(b"/new-%d" % next(self.numbers)) + request(f"/{CODES[0]}".encode()) * 2
        for talk in (one, other):
            await talk.send([new])
            await talk.is_read()
            for protocol in list(talk.side.server.server_state.connections):
                protocol.shutdown()
        self.proxies[0].release_replies()
        assert without_time(await one.rest()) == without_time(await other.rest())

    async def is_seen(self, code: str) -> None:
        """Waits until both ways of both sides answer what the database has; the lane never later than the route."""
        for side in self.sides:
            talk = await Talk.with_side(side, source="127.0.0.1")
            expected = self.links[code].answer

            async def is_so(talk: Talk = talk, expected: bytes = expected) -> bool:
                ordinary = await self._poll(talk, code, b"Content-Length: 1")
                fast = await self._poll(talk, code)
                assert expected in fast or expected not in ordinary, "an answer older than one given before"
                return expected in ordinary and expected in fast

            await eventually(is_so, every=0.001)
            talk.close()

    async def _poll(self, talk: Talk, code: str, *headers: bytes) -> bytes:
        target = f"/{code}?utm_campaign={POLL}".encode()
        await talk.send([request(target, *headers, body=b"x" if headers else b"")])
        [answer] = await talk.answers([b"GET"])
        return answer

    async def _changed(self, code: str) -> None:
        self.clock.now += 0.001  # what is read from now on is younger than what was read before
        if self.is_away:
            self.unheard.add(code)
        else:
            await self.is_seen(code)

    async def _are_sure(self) -> None:
        """Waits until both sides know of the same moment that they had heard of every change before it."""
        self.clock.now += 1.0
        now = self.clock.now

        async def is_so() -> bool:
            return all(side.door._hearing.current_as_of(now - 0.5) >= now for side in self.sides)

        await eventually(is_so, every=0.005)

    async def _hear(self, *, expected: bool) -> None:
        async def is_so() -> bool:
            return all(side.door.is_listening() is expected for side in self.sides)

        await eventually(is_so, every=0.005)

    def clicks(self) -> list[Visit]:
        """The clicks of the sequence so far, which are the same on both sides and in the same order."""
        one, other = [[visit for visit in spool.new() if visit.utm_campaign != POLL] for spool in self.spools]
        assert one == other, _difference(one, other)
        return one


def _difference(one: list[Visit], other: list[Visit]) -> str:
    only = [[visit for visit in mine if visit not in theirs] for mine, theirs in ((one, other), (other, one))]
    return f"{len(one)} and {len(other)} clicks; of the lane's side alone {only[0]}, of the other's {only[1]}"
