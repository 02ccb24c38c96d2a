"""Event streams: one POST, one operation, its messages as they come."""

import asyncio
from typing import Any

import pytest

from models import keys
from models.keys import Scope
from tests.eventually import eventually
from tests.graph.api import CREATE, Api
from tests.graph.clicked import Clicked
from tests.graph.living import RECORDED, Live, marked, serving_live

pytestmark = pytest.mark.database

SCOPES = "{ viewer { scopes } }"


async def heard(live: Live, document: str, **variables: object) -> list[tuple[str, Any]]:
    """All events of a stream that ends by itself."""
    async with live.events(document, variables) as events:
        assert events.response.status_code == 200
        assert events.response.headers["content-type"].startswith("text/event-stream")
        assert events.response.headers["cache-control"] == "no-store"
        told = []
        while (event := await events.hear()) is not None:
            told.append(event)
        return told


async def test_clicks_are_told_as_they_are_stored(live: Live, clicked: Clicked) -> None:
    link = await clicked.link("a")
    async with live.events(RECORDED) as events:
        await live.until_followed()
        await clicked.store(*marked(clicked, link, "1", "2"))
        told = [(await events.next())["clickRecorded"] for _ in range(2)]
    assert [edge["node"]["utmSource"] for edge in told] == ["1", "2"]
    async with live.events(RECORDED, {"since": told[0]["cursor"]}) as events:
        assert (await events.next())["clickRecorded"] == told[1]


async def test_a_query_and_a_mutation_are_one_event_and_its_end(live: Live) -> None:
    assert [name for name, _ in await heard(live, SCOPES)] == ["next", "complete"]
    first, last = await heard(live, CREATE, input={"destinationUrl": "https://example.com/", "code": "fresh"})
    assert first[1]["data"]["createLink"]["link"]["code"] == "fresh"
    assert last == ("complete", None)


async def test_what_cannot_be_run_is_one_event_and_its_end(live: Live) -> None:
    cases = [
        "{",
        "{ nonsense }",
        "subscription { nonsense }",
        "subscription { linksClicked(ids: [], every: 0) { id } }",
    ]
    for document in cases:
        (name, body), last = await heard(live, document)
        assert (name, last) == ("next", ("complete", None))
        assert [error["extensions"]["code"] for error in body["errors"]] == ["BAD_REQUEST"], document


async def test_requests_that_are_none_are_answered_by_http(live: Live) -> None:
    accept = {"accept": "text/event-stream"}
    good = {**accept, "authorization": f"Bearer {live.api.key}"}
    query = {"query": SCOPES}
    cases = [
        (await live.client.get("/graphql", params={"query": "{ __typename }"}, headers=good), 405),
        (await live.client.post("/graphql", content=b"{", headers={**good, "content-type": "application/json"}), 400),
        (await live.client.post("/graphql", content=b"{}", headers={**good, "content-type": "text/plain"}), 415),
        (await live.client.post("/graphql", json={}, headers=good), 422),
        (
            await live.client.post("/graphql", json=query, headers={**good, "authorization": "Bearer x"}),
            401,
        ),
    ]
    for response, status in cases:
        assert response.status_code == status
        assert response.headers["content-type"] == "application/graphql-response+json"
        assert "data" not in response.json()


async def test_who_reads_json_too_gets_json(live: Live) -> None:
    """urql and Apollo name all they can read with every operation."""
    accepts = {
        "application/graphql-response+json, application/json, text/event-stream, multipart/mixed": False,
        "application/json;q=0.5, text/event-stream": True,
        "text/event-stream;q=0.5, application/json": False,
        "text/event-stream": True,
        "*/*": False,
        "text/*": False,
        "text/event-stream;q=0": False,
    }
    for accept, wants_events in accepts.items():
        headers = {"accept": accept, "authorization": f"Bearer {live.api.key}"}
        response = await live.client.post("/graphql", json={"query": "{ __typename }"}, headers=headers)
        assert response.headers["content-type"].startswith("text/event-stream") == wants_events, accept


async def test_a_revoked_key_ends_its_stream(live: Live) -> None:
    record = await live.api.new_key_record({Scope.ANALYTICS_READ})
    async with live.events(RECORDED, key=record.secret) as events:
        await live.until_followed()
        async with live.api.database.write() as session:
            await keys.revoke(
                session, workspace_id=live.api.instance.workspace_id, key_id=record.record.id, now=live.api.clock.now
            )
        assert await events.error_codes() == ["UNAUTHENTICATED"]
        assert await events.hear() == ("complete", None)
        assert await events.hear() is None


async def test_stopping_the_server_ends_streams_without_completing_them(api: Api, database_url: str) -> None:
    async with serving_live(api, database_url) as live, live.events(RECORDED) as events:
        await live.until_followed()
        live.server.finish()
        assert await events.hear() is None


async def test_a_client_that_leaves_leaves_nothing_behind(live: Live) -> None:
    before = len(asyncio.all_tasks())
    for _ in range(20):
        async with live.events(RECORDED):
            await live.until_followed()
        await live.until_followed(0)

    async def is_clean() -> bool:
        return len(live.streams) == 0 and len(asyncio.all_tasks()) <= before

    await eventually(is_clean)


async def test_a_client_that_reads_nothing_holds_no_place(api: Api, clicked: Clicked, database_url: str) -> None:
    link = await clicked.link("a", destinationUrl=f"https://example.com/{'x' * 8_000}")
    long = "link { a: destinationUrl b: destinationUrl c: destinationUrl d: destinationUrl }"
    document = RECORDED.replace("utmSource", f"utmSource {long}")
    async with serving_live(api, database_url, patience_s=0.5) as live, live.events(document):
        await live.until_followed()
        await clicked.store(*marked(clicked, link, *map(str, range(500))))  # more than all buffers on the way

        async def is_gone() -> bool:
            return len(live.streams) == 0

        await eventually(is_gone)


async def test_streams_of_one_key_are_bounded(api: Api, database_url: str) -> None:
    async with serving_live(api, database_url, most_each=1) as live, live.events(RECORDED):
        await live.until_followed()
        headers = {"accept": "text/event-stream", "authorization": f"Bearer {api.key}"}
        response = await live.client.post("/graphql", json={"query": RECORDED}, headers=headers)
        assert response.status_code == 429
        assert response.headers["retry-after"]
        assert response.json()["errors"][0]["extensions"]["code"] == "RATE_LIMITED"


async def test_a_quiet_stream_is_kept_open(api: Api, database_url: str) -> None:
    headers = {"accept": "text/event-stream", "authorization": f"Bearer {api.key}"}
    async with (
        serving_live(api, database_url, quiet_s=0.02) as live,
        live.client.stream("POST", "/graphql", json={"query": RECORDED}, headers=headers) as response,
        asyncio.timeout(60),
    ):
        comments = response.aiter_lines()
        assert [await anext(comments) for _ in range(6)] == [":", ""] * 3
