"""Many changes of one workspace at once: they wait for each other, and nobody else waits for them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import httpx
import pytest

from models.database import Database, asyncpg_dsn
from tests.eventually import eventually
from tests.graph.api import CREATE, UPDATE, Api, error_codes, make_api
from tests.graph.sessions import Sessions, watching
from tests.graph.test_departures import Visitor, all_is_given_back

pytestmark = pytest.mark.database

MANY = 20
READ = "{ workspace { name } links { nodes { code } } }"
NEW = {"input": {"destinationUrl": "https://example.com/", "code": "another"}}
VERSION = '{ link(by: {code: "busy"}) { version } }'


def retitled(link_id: str, number: int = MANY) -> dict[str, Any]:
    return {"input": {"link": {"id": link_id}, "title": f"Title {number}"}}


@asynccontextmanager
async def held(database_url: str, code: str) -> AsyncIterator[None]:
    """Whoever changes this link waits."""
    connection = await asyncpg.connect(asyncpg_dsn(database_url))
    try:
        async with connection.transaction():
            await connection.execute("select from link where code = $1 for update", code)
            yield
    finally:
        await connection.close()


async def are_waiting(sessions: Sessions, number: int) -> bool:
    return await sessions.waiting() == number


async def flood(api: Api, link_id: str) -> list[httpx.Response]:
    return list(await asyncio.gather(*(api.post(UPDATE, retitled(link_id, number)) for number in range(MANY))))


async def test_others_are_answered_during_a_workspaces_flood_of_changes(database: Database, database_url: str) -> None:
    # given a link that somebody holds, and many changes of it
    api = await make_api(database)
    async with api.client, watching(database_url) as sessions:
        theirs = await api.new_key(workspace_id=await api.new_workspace())
        link_id = (await api.create(code="busy"))["id"]
        async with held(database_url, "busy"):
            changes = asyncio.create_task(flood(api, link_id))
            await eventually(lambda: are_waiting(sessions, database.size // 2))

            # then others read and write, and so does who reads in the same workspace
            assert (await api.ask(READ, key=theirs))["links"] == {"nodes": []}
            assert (await api.ask(CREATE, NEW, key=theirs))["createLink"]["created"]
            assert (await api.ask(READ))["links"] == {"nodes": [{"code": "busy"}]}
            assert await are_waiting(sessions, database.size // 2)

        # and all changes are made once they can be
        assert {answer.status_code for answer in await changes} == {200}
        assert (await api.ask(VERSION))["link"] == {"version": 1 + MANY}
        assert not any("errors" in answer.json() for answer in changes.result())


async def test_changes_whose_turn_does_not_come_in_time_are_not_made(database: Database, database_url: str) -> None:
    api = await make_api(database, deadline_s=4)
    async with api.client, watching(database_url) as sessions:
        link_id = (await api.create(code="busy"))["id"]
        async with held(database_url, "busy"):
            answers = await flood(api, link_id)

        assert [error_codes(answer) for answer in answers] == [["TIMEOUT"]] * MANY
        await all_is_given_back(database, sessions.busy)
        assert (await api.ask(VERSION))["link"] == {"version": 1}
        assert (await api.ask(UPDATE, retitled(link_id)))["updateLink"]["link"]["version"] == 2


async def test_who_leaves_while_waiting_has_changed_nothing(database: Database, database_url: str) -> None:
    api = await make_api(database, deadline_s=600)
    async with api.client, watching(database_url) as sessions:
        link_id = (await api.create(code="busy"))["id"]
        async with held(database_url, "busy"):
            first = [Visitor(api, UPDATE, retitled(link_id, number)) for number in range(database.size // 2)]
            await eventually(lambda: are_waiting(sessions, len(first)))
            await Visitor(api, CREATE, NEW).leave()
        for visitor in first:
            await visitor.leave()

        assert (await api.ask(READ))["links"] == {"nodes": [{"code": "busy"}]}
