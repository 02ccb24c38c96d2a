"""Keys at the door: which are let in, and how the others are told. What each opens: test_permission_matrix.py."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from graph.sign_in import STRANGERS_AT_ONCE
from models import keys
from models.key_secrets import SECRET_LENGTH, secret_text
from models.keys import Scope
from tests.eventually import eventually
from tests.graph.api import Api, error_codes

pytestmark = pytest.mark.database

NAMED = '{link: {code: "unknown"}}'

CREATION = """mutation { createLink(input: {destinationUrl: "https://example.com/"}) {
  link { id createdBy { id } } } }"""


async def test_a_creator_is_told_its_link_without_links_read(api: Api) -> None:
    data = await api.ask(CREATION, key=await api.new_key({Scope.LINKS_CREATE}))

    assert data["createLink"]["link"]["createdBy"]["id"].startswith("key_")


async def test_without_a_key_only_introspection_works(api: Api) -> None:
    for document in ("{ viewer { scopes } }", "{ links { nodes { id } } }", CREATION):
        response = await api.post(document, key="")
        assert (response.status_code, error_codes(response)) == (200, ["UNAUTHENTICATED"]), document
    assert await api.ask("{ __typename }", key="") == {"__typename": "Query"}
    assert await api.ask("mutation { __typename }", key="") == {"__typename": "Mutation"}
    assert (await api.ask('{ __type(name: "Link") { name } __schema { types { name } } }', key=""))["__type"]
    assert (await api.ask("{ links { nodes { id } } }"))["links"] == {"nodes": []}


async def test_one_refused_field_does_not_hide_another(api: Api) -> None:
    key = await api.new_key({Scope.LINKS_CREATE})
    document = 'mutation { made: createLink(input: {destinationUrl: "https://example.com/"}) { created } '
    document += f"changed: updateLink(input: {NAMED}) {{ link {{ id }} }} }}"

    answer = (await api.post(document, key=key)).json()

    assert answer["data"] == {"made": {"created": True}, "changed": None}
    assert [error["path"] for error in answer["errors"]] == [["changed"]]


async def ask_as(api: Api, *headers: tuple[str, str | bytes]) -> httpx.Response:
    sent: list[tuple[str, Any]] = [("content-type", "application/json"), *headers]
    return await api.client.post("/graphql", content=b'{"query": "{ viewer { scopes } }"}', headers=sent)


async def test_a_presented_key_that_is_not_valid_is_refused_as_a_whole(api: Api) -> None:
    revoked, expired = await api.new_key_record(), await api.new_key_record()
    async with api.database.write() as session:
        await keys.revoke(session, workspace_id=api.instance.workspace_id, key_id=revoked.record.id, now=api.clock.now)
        expired = await keys.create(
            session,
            workspace_id=api.instance.workspace_id,
            name="short-lived",
            scopes=[Scope.LINKS_READ],
            now=api.clock.now,
            expires_at=api.clock.now + timedelta(seconds=1),
        )
    api.clock.advance()
    other = await api.new_key()
    swapped = api.key[:20] + other[20:]
    bad: dict[str, str | bytes] = {
        "typing error": f"Bearer {api.key[:-1]}{'0' if api.key[-1] != '0' else '1'}",
        "another key's secret": f"Bearer {swapped}",
        "revoked": f"Bearer {revoked.secret}",
        "expired": f"Bearer {expired.secret}",
        "no key": "Bearer",
        "an empty header": "",
        "another scheme": f"Basic {api.key}",
        "the key alone": api.key,
        "junk": "Bearer nonsense",
        "not ASCII": "Bearer kurz_ü_ß".encode(),
        "NUL": "Bearer kurz_a\0_b",
    }
    for name, header in bad.items():
        response = await ask_as(api, ("authorization", header))
        assert (response.status_code, error_codes(response)) == (401, ["UNAUTHENTICATED"]), name
        assert response.headers["www-authenticate"].startswith("Bearer"), name
        assert "data" not in response.json(), name
    twice = await ask_as(api, *[("authorization", f"Bearer {api.key}")] * 2)
    assert twice.status_code == 401


async def test_a_valid_key_is_taken_however_the_scheme_is_written(api: Api) -> None:
    for scheme in ("Bearer", "bearer", "BEARER"):
        assert error_codes(await ask_as(api, ("authorization", f"{scheme} {api.key}"))) == []


async def test_keys_that_nobody_knows_leave_connections_to_everybody_else(api: Api) -> None:
    waiting = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
    made_up = [secret_text(f"{number:012}", "0" * SECRET_LENGTH) for number in range(2 * api.database.size)]

    async with api.database.write() as session:
        await session.execute(text("lock table api_key in access exclusive mode"))
        asking = [asyncio.create_task(ask_as(api, ("authorization", f"Bearer {one}"))) for one in made_up]

        async def as_many_as_may() -> bool:
            async with api.database.read() as conn:  # one that is left
                return bool((await conn.execute(text(waiting))).scalar_one() == STRANGERS_AT_ONCE)

        await eventually(as_many_as_may)
        assert api.database.size > STRANGERS_AT_ONCE + 1

    assert {(await one).status_code for one in asking} == {401}


async def test_a_keys_use_is_noted_once_a_minute(api: Api) -> None:
    async def noted(after_s: float) -> Any:
        api.clock.advance(after_s)
        return (await api.ask("{ viewer { actor { ... on ApiKey { lastUsedAt } } } }"))["viewer"]["actor"]["lastUsedAt"]

    # Each answer shows what the requests before it noted.
    first, second = "2026-03-29T08:00:00.000Z", "2026-03-29T08:01:00.000Z"
    assert [await noted(after_s) for after_s in (0, 30, 30, 59, 1)] == [None, first, first, second, second]


async def test_a_use_that_cannot_be_noted_is_logged_and_answered_all_the_same(
    api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    async with api.database.write() as session:
        await session.execute(text("create rule frozen as on update to api_key do instead select 1 / 0"))

    assert await api.ask("{ viewer { __typename } }") == {"viewer": {"__typename": "Viewer"}}

    assert [record.levelname for record in caplog.records if record.name == "kurz.graph"] == ["WARNING"]
