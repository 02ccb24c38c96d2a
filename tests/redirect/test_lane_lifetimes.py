"""What uvicorn does over time it does with the lane as well: dates, idle connections, its own end."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest

from redirect.config import RedirectConfig
from tests.eventually import eventually
from tests.proxy import PostgresProxy
from tests.redirect.house import Owner
from tests.redirect.lane_case import request
from tests.redirect.lane_pair import make_links, pair_of
from tests.redirect.lane_side import LOOPBACK, OF_MANY_ADDRESSES, Side, side
from tests.redirect.lane_talk import Talk
from tests.redirect.lane_wire import without_time

pytestmark = [pytest.mark.database, OF_MANY_ADDRESSES]

TAKEN, ORDINARY, UNFINISHED = request(), request(b"/off"), b"GET /abc HTTP/1.1\r\nHo"
HERE = "127.0.0.1"
IDLE_S = 0.1
TRIES = 100
MORE = 50
FULL_BYTES = 200_000  # what uvicorn lets wait in a connection: 64 KiB, and an answer or two


@pytest.fixture(scope="module")
def anyio_backend() -> tuple[str, dict[str, bool]]:
    """The loop that workers have."""
    return "asyncio", {"use_uvloop": True}


@pytest.fixture
async def told(owner: Owner, config: RedirectConfig) -> RedirectConfig:
    await make_links(owner)
    return replace(config, trusted_proxies=(LOOPBACK,))


async def test_the_date_goes_on(told: RedirectConfig, tmp_path: Path) -> None:
    async with side(told, tmp_path, lane=True) as server:
        dates = list[datetime]()

        async def has_changed() -> bool:
            talk = await Talk.with_side(server, source=HERE)
            await talk.send([ORDINARY, TAKEN])
            dates.extend(date_in(answer) for answer in await talk.answers([b"GET", b"GET"]))
            talk.close()
            return dates[-1] > dates[1]

        await eventually(has_changed)
        assert dates == sorted(dates)
        assert server.app.lane
        assert server.app.lane.taken > 1


def date_in(answer: bytes) -> datetime:
    [date] = [line for line in answer.split(b"\r\n") if line.startswith(b"date: ")]
    return parsedate_to_datetime(date[len(b"date: ") :].decode())


async def test_idle_connections_are_closed(told: RedirectConfig, tmp_path: Path) -> None:
    async with pair_of(told, tmp_path, keep_alive=IDLE_S) as pair:
        for pieces in ([TAKEN], [TAKEN, TAKEN], [TAKEN, ORDINARY], [ORDINARY, TAKEN], [ORDINARY]):
            talk = await Talk.with_side(pair.lane, source=HERE)
            await talk.send(pieces)
            assert (await talk.rest()).startswith(b"HTTP/1.1 ")


@pytest.mark.parametrize("before", [[TAKEN], [TAKEN, ORDINARY], [ORDINARY, TAKEN], [ORDINARY]])
async def test_an_unfinished_request_is_waited_for(told: RedirectConfig, tmp_path: Path, before: list[bytes]) -> None:
    async with pair_of(told, tmp_path, keep_alive=IDLE_S) as pair:
        slow = await begun(pair.lane, [*before, UNFINISHED])
        # One that came later has been closed: the time of the unfinished one would be over, too.
        later = await Talk.with_side(pair.lane, source=HERE)
        await later.send(before)
        await later.rest()
        await slow.send([b"st: kurz.test\r\n\r\n"])
        assert len(await slow.answers([b"GET"] * (len(before) + 1))) == len(before) + 1


async def begun(server: Side, pieces: Sequence[bytes]) -> Talk:
    """A connection whose pieces have all been read: on a busy machine it may idle too long before the last."""
    for _ in range(TRIES):
        talk = await Talk.with_side(server, source=HERE)
        await talk.send(pieces)
        await talk.is_read()
        if not talk.connection.is_left:
            return talk
        talk.close()
    raise AssertionError("every connection was closed too early")


async def test_a_stop_treats_every_connection_alike(told: RedirectConfig, tmp_path: Path, proxy: PostgresProxy) -> None:
    async with pair_of(replace(told, database_url=proxy.url), tmp_path) as pair:
        proxy.hold_replies()
        talks = [await connections(server) for server in (pair.lane, pair.route)]
        for server in (pair.lane, pair.route):
            server.server.finish()
        idle = [await each[0].rest() for each in talks]  # the end, so uvicorn has told every connection
        proxy.release_replies()
        rests = [[without_time(await talk.rest()) for talk in each[1:]] for each in talks]
        assert [without_time(rest) for rest in idle] == [without_time(idle[0])] * 2
        assert rests[0] == rests[1]
        assert rests[0][-1].count(b"HTTP/1.1 404 ") == 1
        assert not pair.lane.server.server_state.connections
        pair.agree_on_clicks()


async def connections(server: Side) -> Sequence[Talk]:
    """One idle after a redirect, one never used, one in the middle of a head, one that waits for the database."""
    talks = []
    for pieces in ([TAKEN], [], [TAKEN, UNFINISHED], [TAKEN, request(b"/new") + TAKEN]):
        talk = await Talk.with_side(server, source=HERE)
        await talk.send(pieces)
        await talk.is_read()
        talks.append(talk)
    return talks


async def test_who_does_not_read_is_not_answered_for_ever(told: RedirectConfig, tmp_path: Path) -> None:
    long = request(b"/long")
    async with pair_of(told, tmp_path) as pair:
        for server in (pair.lane, pair.route):
            talk = await Talk.with_side(server, source=HERE)
            asked = 0
            while not talk.connection.is_full:
                await talk.send([long])
                await talk.is_read()
                asked += 1
            for _ in range(MORE):
                await talk.push(long)
            assert talk.connection.waiting_bytes < FULL_BYTES
            answers = await talk.answers([b"GET"] * (asked + MORE))
            assert len(answers) == asked + MORE
            assert talk.connection.waiting_bytes == 0
            if server.app.lane:
                assert server.app.lane.taken >= asked
