"""Which requests the lane takes, that others go the ordinary way, and what it leaves as uvicorn has it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from recording.content import read
from recording.recorder import Recorder, RecorderConfig
from recording.segments import State, listed
from recording.spool import Sync
from recording.visit import Visit
from redirect.config import RedirectConfig
from redirect.lane import Lane
from redirect.route import RedirectDoor
from server.request_heads import BoundedHeads
from tests.eventually import eventually
from tests.redirect.house import OLD, Clock, Owner, Visitor
from tests.redirect.in_memory import InMemory, wire_of

pytestmark = pytest.mark.database

REST = b"Host: kurz.test\r\nUser-Agent: one\r\n"
PLAIN = b"GET /abc HTTP/1.1\r\n" + REST + b"\r\n"
HEAD = PLAIN.replace(b"GET", b"HEAD")
POST = b"POST /abc HTTP/1.1\r\n" + REST + b"Content-Length: 5\r\n\r\nhello"
ANSWER = (
    b"HTTP/1.1 302 Found\r\nlocation: "
    + OLD.encode()
    + b"\r\ncache-control: private, no-store\r\ncontent-length: 0\r\n"
)

IN_QUERIES = bytes(letter for letter in range(0x21, 0x7F) if letter != ord("#"))
IN_VALUES = bytes((0x09, *range(0x20, 0x7F), *range(0x80, 0x100)))
TAKEN = {
    "a GET": PLAIN,
    "a HEAD": HEAD,
    "without a host": b"GET /abc HTTP/1.1\r\nUser-Agent: one\r\n\r\n",
    "with a query": PLAIN.replace(b"/abc", b"/abc?x=1&y=%20?"),
    "with an empty query": PLAIN.replace(b"/abc", b"/abc?"),
    "of an old version": PLAIN.replace(b"HTTP/1.1", b"HTTP/1.0"),
    "that closes": PLAIN.replace(REST, REST + b"Connection: close\r\n"),
    "that stays": PLAIN.replace(REST, REST + b"Connection: keep-alive\r\n"),
    "with a header twice": PLAIN.replace(REST, REST + REST),
    "with a long header": PLAIN.replace(REST, REST + b"Cookie: " + b"c" * 5_000 + b"\r\n"),
    "with any letter in a query": PLAIN.replace(b"/abc", b"/abc?x=1&utm_source=" + IN_QUERIES),
    "with any letter in a name": PLAIN.replace(REST, REST + b"X!#$%&'*+.^_`|~0-z: y\r\n"),
    "with any byte in a value": PLAIN.replace(REST, REST + b"Referer: http://a/" + IN_VALUES + b".\r\n"),
}
LAST = ("that closes", "of an old version")  # on their connections
LEFT = {
    "another method": POST,
    "a slash behind": PLAIN.replace(b"/abc", b"/abc/"),
    "an escaped letter": PLAIN.replace(b"/abc", b"/%61bc"),
    "an absolute target": PLAIN.replace(b"/abc", b"http://kurz.test/abc"),
    "a very long query": PLAIN.replace(b"/abc", b"/abc?" + b"x" * 20_000),
    "a fragment": PLAIN.replace(b"/abc", b"/abc#x"),
    "a fragment after a query": PLAIN.replace(b"/abc", b"/abc?x#y"),
    "no code": PLAIN.replace(b"/abc", b"/"),
    "an unknown code": PLAIN.replace(b"/abc", b"/other"),
    "a deactivated link": PLAIN.replace(b"/abc", b"/off"),
    "another version": PLAIN.replace(b"HTTP/1.1", b"HTTP/1.2"),
    "an empty body": PLAIN.replace(REST, REST + b"Content-Length: 0\r\n"),
    "a body": PLAIN.replace(REST, REST + b"Content-Length: 5\r\n") + b"hello",
    "chunks": PLAIN.replace(REST, REST + b"Transfer-Encoding: chunked\r\n") + b"0\r\n\r\n",
    "an expectation": PLAIN.replace(REST, REST + b"Expect: 100-continue\r\n"),
    "an upgrade": PLAIN.replace(REST, REST + b"Connection: Upgrade\r\nUpgrade: h2c\r\n"),
    "an upgrade without a connection": PLAIN.replace(REST, REST + b"Upgrade: h2c\r\n"),
    "a list for the connection": PLAIN.replace(REST, REST + b"Connection: close, x\r\n"),
    "a proxy's connection": PLAIN.replace(REST, REST + b"Proxy-Connection: close\r\n"),
    "no blank after a colon": PLAIN.replace(b"Host: ", b"Host:"),
    "a blank at a line's end": PLAIN.replace(b"one\r\n", b"one \r\n"),
    "an empty value": PLAIN.replace(b"one\r\n", b"\r\n"),
    "a folded line": PLAIN.replace(b"one\r\n", b"one\r\n two\r\n"),
    "a bare line feed": PLAIN.replace(b"one\r\n", b"one\nX: y\r\n"),
    "an empty line before": b"\r\n" + PLAIN,
    "a very long header": PLAIN.replace(REST, REST + b"Cookie: " + b"c" * 20_000 + b"\r\n"),
    "no headers": b"GET /abc HTTP/1.1\r\n\r\n",
    "two requests": PLAIN + PLAIN,
    "a request and a half": PLAIN + PLAIN[:10],
}


@dataclass
class World:
    """A door that has cached `abc` and `off`, its recorder, and connections to it."""

    visitor: Visitor
    lane: Lane
    wires: InMemory
    recorder: Recorder
    spool: Path

    def connect(self) -> BoundedHeads:
        return self.wires.connect()

    async def visits(self) -> list[Visit]:
        """What was recorded; the recorder is stopped for it."""
        await self.recorder.stop()
        contents = [read(file.path) for file in listed(self.spool, State.SEALED)]
        return [visit for content in contents for _, visit in content.visits]


@pytest.fixture
async def world(owner: Owner, config: RedirectConfig, tmp_path: Path) -> AsyncIterator[World]:
    await owner.make("abc")
    await owner.make("off")
    await owner.deactivate("off")
    spool = tmp_path / "spool"
    recorder = Recorder(RecorderConfig(folder=spool, database_url=config.database_url, instance_id=1))
    await recorder.start()
    async with Visitor(config, recorder=recorder) as visitor:
        await visitor.listens()
        for code in ("abc", "off"):
            await visitor.visit(code)
        lane = visitor.door.lane()
        assert lane is not None
        wires = InMemory(visitor.app, lane=lane, client=("203.0.113.7", 50_000))
        yield World(visitor, lane, wires, recorder, spool)
        await wires.aclose()
    await recorder.stop()


async def answered(connection: BoundedHeads, size: int) -> bytes:
    """All that was written, once it is that much."""
    wire = wire_of(connection)

    async def is_so() -> bool:
        return len(wire.written) >= size

    await eventually(is_so)
    return bytes(wire.written)


async def test_a_plain_request_is_answered_at_once(world: World) -> None:
    for taken, (name, raw) in enumerate(TAKEN.items(), 1):
        connection = world.connect()
        connection.data_received(raw)
        is_last = name in LAST
        end = b"connection: close\r\n\r\n" if is_last else b"\r\n"
        assert wire_of(connection).written == ANSWER + end, name
        assert wire_of(connection).is_closing() == is_last, name
        assert (world.lane.taken, world.wires.state.total_requests) == (taken, taken), name


async def test_anything_else_goes_the_ordinary_way(world: World) -> None:
    for name, raw in LEFT.items():
        connection = world.connect()
        connection.data_received(raw)
        assert world.lane.taken == 0, name
        assert (await answered(connection, 1)).startswith(b"HTTP/1.1 "), name


async def test_a_request_in_parts_goes_the_ordinary_way_and_the_next_one_does_not(world: World) -> None:
    for at in range(1, len(PLAIN)):
        connection = world.connect()
        connection.data_received(PLAIN[:at])
        connection.data_received(PLAIN[at:])
        assert await answered(connection, 1) == ANSWER + b"\r\n"
        taken = world.lane.taken
        connection.data_received(PLAIN)
        assert world.lane.taken == taken + 1
        assert wire_of(connection).written == 2 * (ANSWER + b"\r\n")


async def test_answers_come_in_the_order_of_requests(world: World) -> None:
    for before in (PLAIN[:-2] + b"Content-Length: 0\r\n\r\n", POST, PLAIN.replace(b"abc", b"off")):
        connection = world.connect()
        connection.data_received(before)
        connection.data_received(PLAIN)  # its time would be now, but another answer is to come first
        assert world.lane.taken == 0
        assert (await answered(connection, len(ANSWER) + 100)).endswith(ANSWER + b"\r\n")


async def test_the_rest_of_a_body_is_no_request(world: World) -> None:
    connection = world.connect()
    connection.data_received(POST.replace(b"5", b"%d" % (5 + len(PLAIN))))
    await answered(connection, 1)  # it is refused before its body has come
    so_far = bytes(wire_of(connection).written)
    connection.data_received(PLAIN)
    assert (world.lane.taken, bytes(wire_of(connection).written)) == (0, so_far)
    connection.data_received(PLAIN)
    assert (world.lane.taken, bytes(wire_of(connection).written)) == (1, so_far + ANSWER + b"\r\n")


async def test_who_does_not_read_waits_as_for_any_answer(world: World) -> None:
    connection = world.connect()
    connection.pause_writing()
    connection.data_received(PLAIN)
    assert (world.lane.taken, bytes(wire_of(connection).written)) == (0, b"")
    connection.resume_writing()
    assert await answered(connection, 1) == ANSWER + b"\r\n"


async def test_a_worker_that_ends_takes_nothing_more(world: World) -> None:
    connection = world.connect()
    world.lane.close()
    connection.data_received(PLAIN)
    assert await answered(connection, 1) == ANSWER + b"\r\n"
    assert world.lane.taken == 0
    connection.shutdown()
    assert wire_of(connection).is_closing()


async def test_answers_bear_the_date_that_uvicorn_has(world: World) -> None:
    connection = world.connect()
    for date in (b"now", b"later"):
        world.wires.state.default_headers = [(b"date", date), (b"x-more", b"yes")]
        connection.data_received(PLAIN)
        written = bytes(wire_of(connection).written)
        assert written.startswith(b"HTTP/1.1 302 Found\r\ndate: " + date + b"\r\nx-more: yes\r\nlocation: ")
        wire_of(connection).written.clear()


async def test_an_idle_connection_is_closed_when_its_time_is_up_and_not_before(world: World) -> None:
    connection = world.connect()
    connection.data_received(PLAIN)
    connection.timeout_keep_alive_handler()  # the timer of an answer long before
    assert not wire_of(connection).is_closing()
    connection.timeout_keep_alive = 0
    connection.data_received(PLAIN)
    connection.timeout_keep_alive_handler()
    assert wire_of(connection).is_closing()


async def test_a_request_that_has_begun_is_not_idle(world: World) -> None:
    connection = world.connect()
    connection.data_received(PLAIN)
    assert connection.timeout_keep_alive_task is not None
    connection.data_received(PLAIN[:20])
    assert connection.timeout_keep_alive_task is None


async def test_visits_are_recorded_as_by_the_route(world: World) -> None:
    requests = [TAKEN[name] for name in TAKEN if name not in LAST]
    requests.append(PLAIN.replace(b"/abc", b"/abc?utm_source=mail").replace(REST, REST + b"DNT: 1\r\n"))
    ways = world.connect(), world.connect()
    for raw in requests:
        ways[0].data_received(raw)
        length = len(wire_of(ways[1]).written)
        ways[1].data_received(raw[:-1])
        ways[1].data_received(raw[-1:])
        await answered(ways[1], length + 1)
    assert world.lane.taken == len(requests)
    recorded = [without_time(visit) for visit in await world.visits()][1:]
    assert recorded[::2] == recorded[1::2]
    assert len(recorded) == 2 * len(requests)


def without_time(visit: Visit) -> tuple[object, ...]:
    return tuple(getattr(visit, name) for name in visit.__struct_fields__ if name != "at")


async def test_what_needs_a_second_look_gets_it(
    owner: Owner, far: RedirectConfig, direct_proxy: object, clock: Clock
) -> None:
    await owner.make("abc")
    async with Visitor(far) as visitor:
        await visitor.listens()
        assert await visitor.visit("abc") == OLD
        lane = visitor.door.lane()
        assert lane is not None
        wires = InMemory(visitor.app, lane=lane, client=("203.0.113.7", 50_000))
        connection = wires.connect()
        connection.data_received(PLAIN)
        assert lane.taken == 1
        clock.now += far.lost_after + far.fresh_for + 1  # changes are no longer surely heard
        connection.data_received(PLAIN)
        assert lane.taken == 1
        await answered(connection, 2 * len(ANSWER))
        await wires.aclose()


@pytest.mark.parametrize("sync", list(Sync))
def test_there_is_no_lane_where_answers_wait_for_the_disk(config: RedirectConfig, tmp_path: Path, sync: Sync) -> None:
    recorder = Recorder(RecorderConfig(folder=tmp_path, database_url=config.database_url, instance_id=1, sync=sync))
    assert (RedirectDoor(config, recorder=recorder).lane() is None) == (sync is Sync.ALWAYS)
    assert RedirectDoor(replace(config)).lane() is not None
