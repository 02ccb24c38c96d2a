"""Errors that nobody expected, and a database that is away: masked, logged once, told by codes."""

import logging
import os
import signal
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from starlette.types import Receive, Scope, Send

from graph.api_config import ApiConfig
from graph.endpoint import Endpoint
from graph.operations import Operations
from models.database import Database, make_engine
from models.ids import DomainId, WorkspaceId
from models.instance import InstanceRecord
from tests.graph.api import CREATE, Api, Clock, error_codes

pytestmark = pytest.mark.database


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
        await session.execute(text("drop table link_total cascade"))
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
    operations = Operations(database=database, config=config, instance=instance, on_created=api.created.append)
    endpoint = Endpoint(operations)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=endpoint), base_url="https://sho.rt")


async def test_a_database_that_refuses_is_503_and_the_schema_is_still_told(api: Api) -> None:
    nowhere = Database(make_engine("postgresql://kurz@127.0.0.1:1/kurz"))
    async with client_of(api, nowhere) as client:
        key = {"authorization": f"Bearer {api.key}"}
        refused = await client.post("/graphql", json={"query": "{ viewer { scopes } }"}, headers=key)
        told = await client.post("/graphql", json={"query": "{ __typename }"})

    assert (refused.status_code, error_codes(refused)) == (503, ["UNAVAILABLE"])
    assert int(refused.headers["retry-after"]) > 0
    assert told.json()["data"] == {"__typename": "Query"}
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


async def test_a_server_that_stops_in_between_is_told_by_field(api: Api) -> None:
    await api.ask("{ viewer { scopes } }")
    async with api.database.write() as session:
        # By its owner's right: whoever runs the statement may have none.
        await session.execute(
            text(
                "create function bye() returns trigger security definer language plpgsql as $$ "
                "begin perform pg_terminate_backend(pg_backend_pid()); return new; end $$"
            )
        )
        await session.execute(text("create trigger bye before insert on link for each row execute function bye()"))

    response = await api.post(CREATE, {"input": {"destinationUrl": "https://example.com/"}})
    document = """mutation {
      refused: createLink(input: {destinationUrl: "nonsense"}) { created }
      lost: createLink(input: {destinationUrl: "https://example.com/"}) { created }
    }"""
    partly = await api.post(document)

    # The draft forbids a 503 here: there are `data`, and a mutation may have been done.
    assert (response.status_code, error_codes(response)) == (200, ["UNAVAILABLE"])
    assert response.json()["data"] == {"createLink": None}
    assert (partly.status_code, error_codes(partly)) == (200, ["UNAVAILABLE"])
