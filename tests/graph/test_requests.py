"""Requests that are none: bodies, types and sizes, each refused with a status and never with a fault."""

import asyncio
import gzip
import logging
from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.types import Message

from graph.accept import GRAPHQL_JSON, JSON
from models.database import Database
from tests.graph.api import Api, error_codes, make_api

pytestmark = pytest.mark.database

TYPENAME = b'{"query": "{ __typename }"}'


async def send(api: Api, body: bytes, media: str | None = JSON, **headers: str) -> httpx.Response:
    if media is not None:
        headers["content-type"] = media
    return await api.client.post("/graphql", content=body, headers=headers)


LIMITED = b'{"query": "query ($n: Int) { links(first: $n) { nodes { id } } }", '
BAD_BODIES: dict[str, tuple[bytes, int]] = {
    "empty": (b"", 400),
    "no JSON": (b"{", 400),
    "GraphQL itself": (b"{ __typename }", 400),
    "not UTF-8": (b'{"query": "\xff"}', 400),
    "UTF-16": ('{"query": "{ __typename }"}'.encode("utf-16"), 400),
    "too deep": (b"[" * 20_000 + b"]" * 20_000, 400),
    "deep variables": (b'{"query": "{__typename}", "variables": ' + b'{"a":' * 5_000 + b"1" + b"}" * 5_001, 400),
    "huge number": (b"9" * 5_000, 400),
    "infinite": (b'{"query": "{ __typename }", "variables": {"a": 1e999}}', 400),
    "NaN": (b'{"query": "{ __typename }", "variables": {"a": NaN}}', 400),
    "half a surrogate": (b'{"query": "\\ud800"}', 400),
    "half a surrogate in a document's string": (b'{"query": "{ link(by: {code: \\"\\\\ud800\\"}) { id } }"}', 400),
    "byte order mark": (b"\xef\xbb\xbf" + TYPENAME, 400),
    "two documents": (TYPENAME + TYPENAME, 400),
    "comment": (b"// a\n" + TYPENAME, 400),
    "number": (b"1", 422),
    "string": (b'"abc"', 422),
    "null": (b"null", 422),
    "array": (b"[1]", 422),
    "batch": (b"[" + TYPENAME + b"]", 422),
    "no query": (b"{}", 422),
    "null query": (b'{"query": null}', 422),
    "empty query": (b'{"query": ""}', 422),
    "query is a number": (b'{"query": 1}', 422),
    "query is an object": (b'{"query": {}}', 422),
    "variables are an array": (b'{"query": "{ __typename }", "variables": []}', 422),
    "variables are a string": (b'{"query": "{ __typename }", "variables": "{}"}', 422),
    "name is a number": (b'{"query": "{ __typename }", "operationName": 1}', 422),
    "extensions are an array": (b'{"query": "{ __typename }", "extensions": []}', 422),
    "document's id is a number": (b'{"documentId": 1}', 422),
    "persisted query is a string": (b'{"extensions": {"persistedQuery": "abc"}}', 422),
    "persisted query of another version": (
        b'{"extensions": {"persistedQuery": {"version": 2, "sha256Hash": ""}}}',
        422,
    ),
    "persisted query without hash": (b'{"extensions": {"persistedQuery": {"version": 1}}}', 422),
    "another document than its id says": (b'{"query": "{ __typename }", "documentId": "sha256:00"}', 422),
    "too large": (b'{"query": "{ __typename }", "x": "' + b"a" * 1_000_000 + b'"}', 413),
    "blank query": (b'{"query": "  "}', 400),
    "syntax error": (b'{"query": "{"}', 400),
    "NUL in query": (b'{"query": "{ \\u0000 }"}', 400),
    "unknown field": (b'{"query": "{ nothing }"}', 422),
    "unknown operation": (b'{"query": "query A { __typename }", "operationName": "B"}', 422),
    "only a fragment": (b'{"query": "fragment A on Query { __typename }"}', 422),
    "subscription": (b'{"query": "subscription { __typename }"}', 422),
    "missing variable": (b'{"query": "query ($id: ID!) { node(id: $id) { id } }"}', 422),
    "variable of another type": (LIMITED + b'"variables": {"n": "x"}}', 422),
    "5,000 digits for Int": (LIMITED + b'"variables": {"n": ' + b"9" * 5_000 + b"}}", 400),
    "number too large for Int": (LIMITED + b'"variables": {"n": 99999999999}}', 422),
}


async def test_bad_bodies_are_the_clients_mistake(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    for name, (body, status) in BAD_BODIES.items():
        response = await send(api, body)
        assert response.status_code == status, (name, response.text)
        assert response.headers["content-type"] == GRAPHQL_JSON, name
        assert "data" not in response.json(), name
        assert set(error_codes(response)) == {"BAD_REQUEST"}, name
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_a_body_without_length_is_cut_off_too(api: Api) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 50_000_000:
            sent += 100_000
            yield b" " * 100_000

    response = await api.client.post("/graphql", content=endless(), headers={"content-type": JSON})

    assert response.status_code == 413 and sent < 2_000_000


async def test_a_body_of_just_under_a_megabyte_is_read(api: Api) -> None:
    padding = b" " * (1_000_000 - len(TYPENAME))

    assert (await send(api, TYPENAME + padding)).status_code == 200
    assert (await send(api, TYPENAME + padding + b" ")).status_code == 413


async def test_only_json_in_utf8_is_taken(api: Api) -> None:
    expected = {
        JSON: 200,
        "application/json; charset=utf-8": 200,
        'Application/JSON;charset="UTF-8"': 200,
        "application/json; profile=x; charset=utf-8": 200,
        "application/json; charset=latin-1": 415,
        "application/json; charset=utf-16; charset=utf-8": 415,
        "text/plain": 415,
        "application/x-www-form-urlencoded": 415,
        "multipart/form-data; boundary=x": 415,
        "application/graphql": 415,
        "text/json": 415,
        "": 415,
    }
    for media, status in expected.items():
        assert (await send(api, TYPENAME, media)).status_code == status, media
    assert (await send(api, TYPENAME, None)).status_code == 415


async def test_packed_bodies_are_refused_unread(api: Api) -> None:
    expected = {"gzip": 415, "br": 415, "deflate, gzip": 415, "junk": 415, "identity": 200, "": 200}
    for encoding, status in expected.items():
        body = TYPENAME if status == 200 else gzip.compress(b"a" * 10_000_000)
        response = await send(api, body, **{"content-encoding": encoding})
        assert response.status_code == status, encoding
        assert status == 200 or response.headers["accept-encoding"] == "identity"


async def test_the_last_of_two_equal_names_counts_and_unknown_ones_do_not(api: Api) -> None:
    twice = b'{"query": "{ a }", "doc": 1, "query": "{ __typename }", "variables": null, "operationName": ""}'

    assert (await send(api, twice)).json()["data"] == {"__typename": "Query"}


async def raw(api: Api, *messages: Message, **headers: str) -> list[Message]:
    """What the endpoint sends to a client whose messages are these, and then no more."""
    waiting, sent = list(messages), list[Message]()

    async def receive() -> Message:
        return waiting.pop(0) if waiting else await asyncio.Event().wait()  # type: ignore[return-value]

    async def collect(message: Message) -> None:
        sent.append(message)

    given = {"content-type": JSON, **headers}
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/graphql",
        "headers": [(name.encode(), value.encode()) for name, value in given.items()],
        "query_string": b"",
    }
    await api.endpoint(scope, receive, collect)
    return sent


async def test_a_length_that_is_too_large_is_refused_before_the_body_comes(api: Api) -> None:
    for length in ("1000001", "9" * 5_000):
        sent = await raw(api, **{"content-length": length})
        assert sent[0]["status"] == 413


async def test_a_body_that_does_not_come_is_given_up(database: Database) -> None:
    api = await make_api(database, body_deadline_s=0.01)
    async with api.client:
        sent = await raw(api, {"type": "http.request", "body": b'{"query": ', "more_body": True})

    assert sent[0]["status"] == 408


async def test_a_client_that_leaves_while_sending_is_no_error(api: Api) -> None:
    assert await raw(api, {"type": "http.disconnect"}) == []
