"""GraphQL over HTTP: bodies, types, methods, statuses, and errors that nobody expected."""

import logging
import os
import signal
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from starlette.types import Message, Receive, Scope, Send

from graph.context import ApiConfig
from graph.endpoint import Endpoint
from graph.requests import GRAPHQL_JSON, JSON
from models.database import Database, make_engine
from models.ids import DomainId, WorkspaceId
from models.instance import InstanceRecord
from tests.graph.api import CREATE, Api, Clock, error_codes

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


async def test_an_answer_tells_of_at_most_ten_mistakes(api: Api) -> None:
    response = await api.post("{ " + " ".join(f"a{number}" for number in range(15)) + " }")

    assert error_codes(response) == ["BAD_REQUEST"] * 10


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
        "application/json; charset=latin-1": 415,
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


async def test_the_answers_type_is_the_one_accepted(api: Api) -> None:
    expected: dict[str, tuple[int, str]] = {
        GRAPHQL_JSON: (200, GRAPHQL_JSON),
        JSON: (200, JSON),
        "*/*": (200, GRAPHQL_JSON),
        "": (200, GRAPHQL_JSON),
        "application/*": (200, GRAPHQL_JSON),
        f"{GRAPHQL_JSON}, {JSON};q=0.9": (200, GRAPHQL_JSON),
        f"{GRAPHQL_JSON};q=0.5, {JSON}": (200, JSON),
        f"{JSON}, text/plain, */*": (200, JSON),
        f"{JSON}; charset=utf-8": (200, JSON),
        f"{GRAPHQL_JSON};q=0, */*": (200, JSON),
        "text/html": (406, GRAPHQL_JSON),
        f"{JSON};q=0": (406, GRAPHQL_JSON),
        "application/json;q=junk": (406, GRAPHQL_JSON),
    }
    for accept, (status, media) in expected.items():
        response = await send(api, TYPENAME, accept=accept)
        assert (response.status_code, response.headers["content-type"]) == (status, media), accept


async def test_queries_may_come_by_get_and_mutations_never(api: Api) -> None:
    key = {"authorization": f"Bearer {api.key}"}
    mutation = 'mutation { createLink(input: {destinationUrl: "https://example.com/"}) { created } }'
    asked = {"query": "query A ($id: ID!) { node(id: $id) { id } }", "variables": '{"id": "x"}', "operationName": "A"}

    assert (await api.client.get("/graphql", params=asked, headers=key)).json() == {"data": {"node": None}}
    refused = await api.client.get("/graphql", params={"query": mutation}, headers=key)

    assert (refused.status_code, refused.headers["allow"]) == (405, "POST")
    assert api.created == []
    bad = {"no query": {}, "bad variables": {"query": "{ __typename }", "variables": "{"}}
    bad["variables are a list"] = {"query": "{ __typename }", "variables": "[]"}
    for name, parameters in bad.items():
        response = await api.client.get("/graphql", params=parameters)
        assert response.status_code in (400, 422) and error_codes(response) == ["BAD_REQUEST"], name


async def test_a_browser_without_a_query_gets_the_page(api: Api) -> None:
    browser = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}

    page = await api.client.get("/graphql", headers=browser)
    answer = await api.client.get("/graphql", params={"query": "{ __typename }"}, headers=browser)

    assert "the page" in page.text
    assert answer.json() == {"data": {"__typename": "Query"}}


async def test_other_methods_are_refused(api: Api) -> None:
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"):
        response = await api.client.request(method, "/graphql")
        assert (response.status_code, response.headers["allow"]) == (405, "GET, POST"), method


async def test_answers_are_not_kept(api: Api) -> None:
    assert (await api.post("{ __typename }")).headers["cache-control"] == "no-store"


async def test_a_client_that_leaves_while_sending_is_no_error(api: Api) -> None:
    sent: list[Message] = []

    async def leave() -> Message:
        return {"type": "http.disconnect"}

    async def collect(message: Message) -> None:
        sent.append(message)

    headers = [(b"content-type", b"application/json")]
    scope = {"type": "http", "method": "POST", "path": "/graphql", "headers": headers, "query_string": b""}
    await api.endpoint(scope, leave, collect)

    assert sent == []


def named(endpoint: Endpoint, request_id: str) -> Any:
    """The endpoint behind a middleware that names requests."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        scope["state"] = {"request_id": request_id}
        await endpoint(scope, receive, send)

    return app


async def test_an_unexpected_error_is_masked_and_logged_once(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    async with api.database.write() as session:
        await session.execute(text("drop table link cascade"))
    transport = httpx.ASGITransport(app=named(api.endpoint, "req-1"))
    async with httpx.AsyncClient(transport=transport, base_url="https://sho.rt") as client:
        response = await client.post(
            "/graphql",
            json={"query": '{ workspace { name } link(by: {code: "sale"}) { id } }'},
            headers={"authorization": f"Bearer {api.key}"},
        )

    answer = response.json()
    assert response.status_code == 200
    assert answer["data"] == {"workspace": {"name": "Default"}, "link": None}
    (error,) = answer["errors"]
    assert error["path"] == ["link"] and error["extensions"] == {"code": "INTERNAL", "requestId": "req-1"}
    assert not any(word in response.text for word in ("select", "relation", "asyncpg", "sqlalchemy"))
    (record,) = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert record.exc_info and record.__dict__["request_id"] == "req-1"


async def test_an_unexpected_error_of_a_mutation_leaves_the_others_answers(api: Api) -> None:
    async with api.database.write() as session:
        await session.execute(text("drop table link_total"))
    document = """mutation {
      refused: createLink(input: {destinationUrl: "nonsense"}) { created }
      broken: createLink(input: {destinationUrl: "https://example.com/"}) { created }
    }"""

    answer = (await api.post(document)).json()

    assert answer["data"] == {"refused": {"created": False}, "broken": None}
    assert error_codes(await api.post(document)) == ["INTERNAL"]
    assert api.created == []


async def test_an_unexpected_error_before_any_field_is_masked_too(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    async with api.database.write() as session:
        await session.execute(text("drop table api_key cascade"))

    response = await api.post("{ viewer { scopes } }")

    assert (response.status_code, error_codes(response)) == (500, ["INTERNAL"])
    assert "api_key" not in response.text
    assert len([record for record in caplog.records if record.levelno >= logging.ERROR]) == 1


def client_of(api: Api, database: Database, *, deadline_s: float = 60) -> httpx.AsyncClient:
    """A client of an endpoint over another database."""
    config = ApiConfig(
        base_url="https://sho.rt",
        own_hosts=frozenset(),
        allow_private_targets=False,
        clock=Clock(),
        deadline_s=deadline_s,
    )
    instance = InstanceRecord(workspace_id=WorkspaceId(1), domain_id=DomainId(1))
    endpoint = Endpoint(database=database, config=config, instance=instance, on_created=api.created.append)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=endpoint), base_url="https://sho.rt")


async def test_a_database_that_refuses_is_503_and_the_schema_is_still_told(api: Api) -> None:
    nowhere = Database(make_engine("postgresql://kurz@127.0.0.1:1/kurz"))
    async with client_of(api, nowhere) as client:
        key = {"authorization": f"Bearer {api.key}"}
        refused = await client.post("/graphql", json={"query": "{ viewer { scopes } }"}, headers=key)
        told = await client.post("/graphql", json={"query": "{ __typename }"})

    assert (refused.status_code, error_codes(refused)) == (503, ["UNAVAILABLE"])
    assert int(refused.headers["retry-after"]) > 0
    assert told.json() == {"data": {"__typename": "Query"}}
    await nowhere.close()


async def test_junk_for_a_key_is_401_without_asking_the_database(api: Api) -> None:
    nowhere = Database(make_engine("postgresql://kurz@127.0.0.1:1/kurz"))
    async with client_of(api, nowhere) as client:
        for junk in ("", "nonsense", api.key[:-1], f"{api.key}0", api.key.swapcase()):
            key = {"authorization": f"Bearer {junk}"}
            refused = await client.post("/graphql", json={"query": "{ viewer { scopes } }"}, headers=key)
            assert (refused.status_code, error_codes(refused)) == (401, ["UNAUTHENTICATED"]), junk
    await nowhere.close()


async def test_a_busy_pool_is_503_after_a_short_wait(api: Api, database_url: str) -> None:
    small = Database(make_engine(database_url, pool_size=1))
    async with client_of(api, small) as client, small.read():
        key = {"authorization": f"Bearer {api.key}"}
        refused = await client.post("/graphql", json={"query": "{ viewer { scopes } }"}, headers=key)

    assert (refused.status_code, error_codes(refused)) == (503, ["UNAVAILABLE"])
    await small.close()


async def test_a_database_that_does_not_answer_is_503(api: Api, database_url: str) -> None:
    slow = Database(make_engine(database_url, pool_size=1))
    async with slow.read() as conn:
        process = (await conn.execute(text("select pg_backend_pid()"))).scalar_one()
    os.kill(process, signal.SIGSTOP)
    try:
        async with client_of(api, slow, deadline_s=0.2) as client:
            key = {"authorization": f"Bearer {api.key}"}
            refused = await client.post("/graphql", json={"query": "{ viewer { scopes } }"}, headers=key)
    finally:
        os.kill(process, signal.SIGCONT)

    assert (refused.status_code, error_codes(refused)) == (503, ["UNAVAILABLE"])
    await slow.close()


async def test_a_server_that_stops_in_between_is_503_by_field(api: Api) -> None:
    await api.ask("{ viewer { scopes } }")
    async with api.database.write() as session:
        await session.execute(text("create function bye() returns trigger language plpgsql as $$ begin "
                                   "perform pg_terminate_backend(pg_backend_pid()); return new; end $$"))  # fmt: skip
        await session.execute(text("create trigger bye before insert on link for each row execute function bye()"))

    response = await api.post(CREATE, {"input": {"destinationUrl": "https://example.com/"}})
    document = """mutation {
      refused: createLink(input: {destinationUrl: "nonsense"}) { created }
      lost: createLink(input: {destinationUrl: "https://example.com/"}) { created }
    }"""
    partly = await api.post(document)

    assert (response.status_code, error_codes(response)) == (503, ["UNAVAILABLE"])
    assert response.json()["data"] == {"createLink": None}
    assert (partly.status_code, error_codes(partly)) == (200, ["UNAVAILABLE"])
