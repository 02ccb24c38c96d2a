"""graphql-transport-ws: its messages, its close codes, and whom the server lets go."""

import asyncio
import gc
import json
from collections.abc import Sequence
from datetime import timedelta

import pytest
from websockets.exceptions import InvalidStatus

from models import keys
from models.keys import Scope
from tests.eventually import eventually
from tests.graph.api import BASE_URL, CREATE, Api
from tests.graph.clicked import Clicked, at
from tests.graph.living import RECORDED, Live, Talk, marked, marks, serving_live

pytestmark = pytest.mark.database

SCOPES = "{ viewer { scopes } }"
LIVE = "subscription { clickRecorded { cursor } }"


async def until_alone(live: Live) -> None:
    """Returns once the server holds no connection."""

    async def is_so() -> bool:
        return len(live.streams) == 0

    await eventually(is_so)


async def test_a_query_and_a_mutation_are_answered_by_one_message_and_its_end(live: Live) -> None:
    async with live.talk() as talk:
        await talk.subscribe(SCOPES, id="q")
        assert set((await talk.next())["viewer"]["scopes"]) == {scope.name for scope in Scope}
        assert await talk.hear() == {"id": "q", "type": "complete"}
        await talk.subscribe(CREATE, {"input": {"destinationUrl": "https://example.com/", "code": "fresh"}}, id="m")
        assert (await talk.next())["createLink"]["link"]["code"] == "fresh"
        assert await talk.hear() == {"id": "m", "type": "complete"}
        await talk.subscribe(SCOPES, id="q")  # the id is free again
        await talk.next()
    assert live.api.created == ["fresh"]


async def test_a_request_that_cannot_be_run_is_an_error_and_the_socket_goes_on(live: Live) -> None:
    documents = ["{", "{ nonsense }", "subscription { nonsense }", "subscription { a: __typename }", "query a { viewer"]
    async with live.talk() as talk:
        for document in documents:
            await talk.subscribe(document)
            assert await talk.error_codes() == ["BAD_REQUEST"], document
        await talk.subscribe("subscription ($since: Int!) { clickRecorded { cursor } }", {})
        assert await talk.error_codes()
        await talk.subscribe(SCOPES)
        await talk.next()


async def test_a_part_that_fails_comes_with_the_rest(live: Live) -> None:
    async with live.talk(key=await live.api.new_key({Scope.LINKS_CREATE})) as talk:
        await talk.subscribe('{ viewer { scopes } link(by: {code: "a"}) { id } }')
        message = await talk.hear()
        assert message["type"] == "next"
        assert message["payload"]["data"]["link"] is None
        assert message["payload"]["errors"][0]["extensions"]["code"] == "FORBIDDEN"


async def test_a_socket_without_a_key_may_ask_what_needs_none(live: Live) -> None:
    async with live.talk(key="") as talk:
        await talk.subscribe("{ __typename }")
        assert await talk.next() == {"__typename": "Query"}


async def test_pings_are_answered_before_and_after_the_beginning(live: Live) -> None:
    async with live.talk(init=False) as talk:
        await talk.say(type="ping", payload={"any": "thing"})
        assert await talk.hear() == {"type": "pong"}
        await talk.say(type="connection_init")
        assert await talk.hear() == {"type": "connection_ack"}
        await talk.say(type="pong")
        await talk.say(type="ping")
        assert await talk.hear() == {"type": "pong"}


async def test_complete_ends_a_subscription_and_frees_its_id(live: Live, clicked: Clicked) -> None:
    link = await clicked.link("a")
    async with live.talk() as talk:
        await talk.subscribe(RECORDED)
        await live.until_followed()
        await talk.say(id="1", type="complete")
        await talk.say(id="never", type="complete")
        await live.until_followed(0)
        await talk.subscribe(RECORDED)
        await live.until_followed()
        await clicked.store(clicked.visit(link, at(20), utm_source="x"))
        assert (await talk.next())["clickRecorded"]["node"]["utmSource"] == "x"


async def test_the_header_of_the_handshake_may_hold_the_key(live: Live) -> None:
    headers = {"authorization": f"Bearer {live.api.key}"}
    async with live.talk(init=False, additional_headers=headers) as talk:
        await talk.say(type="connection_init", payload=None)
        assert await talk.hear() == {"type": "connection_ack"}
        await talk.subscribe(SCOPES)
        await talk.next()


CLOSED: dict[str, tuple[Sequence[str | bytes], int]] = {
    "not JSON": (["{"], 4400),
    "an array": (["[]"], 4400),
    "nothing": ([""], 4400),
    "bytes": ([b"{}"], 4400),
    "nested without end": (["[" * 30_000], 4400),
    "an unknown type": (['{"type": "start"}'], 4400),
    "no type": (["{}"], 4400),
    "a payload that is no object": (['{"type": "connection_init", "payload": 1}'], 4400),
    "an invalid key": (['{"type": "connection_init", "payload": {"authorization": "Bearer kurz_no"}}'], 4403),
    "a key that is no text": (['{"type": "connection_init", "payload": {"Authorization": 1}}'], 4403),
    "subscribe at first": (['{"type": "subscribe", "id": "1", "payload": {"query": "{ __typename }"}}'], 4401),
    "a second beginning": (['{"type": "connection_init"}', '{"type": "connection_init"}'], 4429),
    "an id taken twice": (
        ['{"type": "connection_init", "payload": {"authorization": "Bearer KEY"}}']
        + [f'{{"type": "subscribe", "id": "1", "payload": {{"query": "{LIVE}"}}}}'] * 2,
        4409,
    ),
    "a long id taken twice": (
        ['{"type": "connection_init", "payload": {"authorization": "Bearer KEY"}}']
        + [f'{{"type": "subscribe", "id": "{"é" * 128}", "payload": {{"query": "{LIVE}"}}}}'] * 2,
        4409,
    ),
    "no id": (['{"type": "connection_init"}', '{"type": "subscribe", "payload": {"query": "{ __typename }"}}'], 4400),
    "a number as id": (['{"type": "connection_init"}', '{"type": "subscribe", "id": 1, "payload": {}}'], 4400),
    "no query": (['{"type": "connection_init"}', '{"type": "subscribe", "id": "1", "payload": {}}'], 4400),
    "variables of another type": (
        [
            '{"type": "connection_init"}',
            '{"type": "subscribe", "id": "1", "payload": {"query": "{a}", "variables": 1}}',
        ],
        4400,
    ),
    "complete without id": (['{"type": "complete"}'], 4400),
    "a message that is too large": ([json.dumps({"type": "ping", "payload": {"a": "x" * 70_000}})], 1009),
}


async def test_a_socket_is_closed_for_what_the_protocol_does_not_know(live: Live) -> None:
    for name, (messages, code) in CLOSED.items():
        async with live.talk(init=False) as talk:
            for message in messages:
                await talk.raw.send(message.replace("KEY", live.api.key) if isinstance(message, str) else message)
            assert await talk.closed() == code, name
        await until_alone(live)


async def test_another_subprotocol_is_not_spoken(live: Live) -> None:
    for subprotocol in (None, "graphql-ws", "mqtt"):
        async with live.talk(init=False, subprotocol=subprotocol) as talk:
            assert await talk.closed() == 4406, subprotocol


async def test_who_says_nothing_is_let_go(api: Api, database_url: str) -> None:
    async with serving_live(api, database_url, init_s=0.05) as live, live.talk(init=False) as talk:
        await talk.say(type="ping")  # which is not it
        assert await talk.closed() == 4408


async def test_pages_of_other_sites_cannot_connect(api: Api, database_url: str) -> None:
    async with serving_live(api, database_url, allowed_origins=frozenset({"https://app.example"})) as live:
        for origin in (BASE_URL, "https://app.example", f"http://{live.address}"):
            async with live.talk(origin=origin):
                pass
        for origin in ("https://evil.example", "null", "https://app.example.evil.example", "http://sho.rt"):
            with pytest.raises(InvalidStatus) as refused:
                async with live.talk(origin=origin):
                    pass
            assert refused.value.response.status_code == 403, origin


async def test_operations_of_one_socket_are_bounded(live: Live) -> None:
    async with live.talk() as talk:
        for number in range(100):
            await talk.subscribe(RECORDED, id=str(number))
        for _ in range(90):
            assert await talk.error_codes() == ["RATE_LIMITED"]
        await live.until_followed(10)
        await talk.say(id="0", type="complete")
        await live.until_followed(9)
        await talk.subscribe(RECORDED, id="0")
        await live.until_followed(10)


async def test_sockets_of_one_key_are_bounded(api: Api, database_url: str) -> None:
    async with serving_live(api, database_url, most_each=2) as live, live.talk(), live.talk():
        async with live.talk(init=False) as third:
            await third.say(type="connection_init", payload={"authorization": f"Bearer {api.key}"})
            assert await third.closed() == 1013
        async with live.talk(key=await api.new_key()):
            pass


async def test_sockets_of_one_process_are_bounded(api: Api, database_url: str) -> None:
    async with serving_live(api, database_url, most=2) as live:
        async with live.talk(), live.talk(), live.talk(init=False) as third:
            assert await third.closed() == 1013
        await until_alone(live)
        async with live.talk():
            pass


async def test_a_revoked_key_ends_its_sockets_and_no_others(live: Live) -> None:
    record = await live.api.new_key_record()
    async with live.talk(key=record.secret) as one, live.talk(key=record.secret) as two, live.talk() as other:
        await one.subscribe(RECORDED)
        await live.until_followed()
        async with live.api.database.write() as session:
            await keys.revoke(
                session,
                workspace_id=live.api.instance.workspace_id,
                key_id=record.record.id,
                now=live.api.clock.now,
            )
        assert [await one.closed(), await two.closed()] == [4403, 4403]
        await live.until_followed(0)
        await other.subscribe(SCOPES)
        await other.next()


async def test_an_expired_key_ends_its_sockets(live: Live) -> None:
    async with live.api.database.write() as session:
        brief = await keys.create(
            session,
            workspace_id=live.api.instance.workspace_id,
            name="brief",
            scopes=[Scope.ANALYTICS_READ],
            now=live.api.clock.now,
            expires_at=live.api.clock.now + timedelta(hours=1),
        )
    async with live.talk(key=brief.secret) as talk:
        live.api.clock.advance(3600)
        assert await talk.closed() == 4403


async def test_stopping_the_server_closes_every_socket(api: Api, database_url: str) -> None:
    async with (
        serving_live(api, database_url) as live,
        live.talk() as busy,
        live.talk() as idle,
        live.talk(init=False) as silent,
    ):
        await busy.subscribe(RECORDED)
        await live.until_followed()
        live.server.finish()
        assert {await talk.closed() for talk in (busy, idle, silent)} == {1012}


async def test_many_sockets_that_are_dropped_leave_nothing(live: Live, clicked: Clicked) -> None:
    link = await clicked.link("a")
    before = len(asyncio.all_tasks())
    for _ in range(3):
        talks = [live.talk(key="") for _ in range(30)] + [live.talk() for _ in range(30)]
        opened: list[Talk] = [await talk.__aenter__() for talk in talks]
        for talk in opened[30:]:
            await talk.subscribe(RECORDED)
        await live.until_followed(30)
        await clicked.store(clicked.visit(link, at(20)))
        for talk in opened:
            talk.raw.transport.abort()
        await until_alone(live)
        for context in talks:
            await context.__aexit__(None, None, None)
    assert live.feed.is_idle

    async def are_gone() -> bool:
        gc.collect()
        return len(asyncio.all_tasks()) <= before

    await eventually(are_gone)


async def test_a_slow_reader_holds_up_nobody_and_misses_nothing(api: Api, clicked: Clicked, database_url: str) -> None:
    """Its messages fill all buffers on the way, and meanwhile the ring forgets what it has not taken."""
    link = await clicked.link("a", destinationUrl=f"https://example.com/{'x' * 8_000}")
    document = RECORDED.replace("utmSource", "utmSource link { a: destinationUrl b: destinationUrl c: destinationUrl }")
    total, batch = 500, 100
    async with (
        serving_live(api, database_url, ring_clicks=20) as live,
        live.talk(max_queue=1) as slow,
        live.talk() as quick,
    ):
        for talk in (slow, quick):
            await talk.subscribe(document)
        await live.until_followed(2)
        for start in range(0, total, batch):
            numbers = range(start, start + batch)
            await clicked.store(*marked(clicked, link, *map(str, numbers)))
            assert await marks(quick, batch) == [*map(str, numbers)]
        assert await marks(slow, total) == [*map(str, range(total))]
