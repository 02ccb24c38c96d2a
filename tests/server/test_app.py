"""The application as a whole: its routes, its middleware, and that it lives without a database."""

from datetime import datetime
from pathlib import Path

import asyncpg
import pytest
from starlette.routing import Route

from models.codes import is_reserved
from models.ids import DomainId, WorkspaceId
from models.instance import InstanceRecord
from server.app import create_app
from server.first_start import prepare
from server.settings import Settings, read_settings
from tests.eventually import eventually
from tests.server.conftest import Client

pytestmark = pytest.mark.database

NOBODYS = InstanceRecord(workspace_id=WorkspaceId(1), domain_id=DomainId(2))
AWAY = "postgresql://kurz@127.0.0.1:1/kurz"


@pytest.fixture
async def instance(settings: Settings, now: datetime) -> InstanceRecord:
    return (await prepare(settings, keeps_first_key=False, now=now)).instance


async def test_no_fixed_route_is_taken_for_a_short_link(
    settings: Settings, instance: InstanceRecord, client_of: Client
) -> None:
    async with client_of(settings, instance) as client:
        for path, status in (
            ("/", 200),
            ("/graphql", 422),  # no query in it
            ("/healthz", 200),
            ("/readyz", 200),
            ("/readyz/api", 200),
            ("/readyz/redirect", 200),
            ("/robots.txt", 200),
            ("/favicon.ico", 200),
        ):
            assert (path, (await client.get(path)).status_code) == (path, status)
        for path, status in (("/graphql/", 422), ("/healthz/", 200), ("/readyz/", 200)):
            assert (path, (await client.get(path)).status_code) == (path, status)
        for path in ("/unknown", "/unknown/", "/robots.txt/", "/readyz/nothing", "/graphql/assets/nothing", "/a/b"):
            assert (path, (await client.get(path)).status_code) == (path, 404)


def test_the_first_segment_of_every_route_is_reserved(bare: Path) -> None:
    routes = create_app(read_settings(database_url=AWAY), NOBODYS).routes
    segments = {route.path.split("/")[1] for route in routes if isinstance(route, Route)} - {""}
    fixed = {segment for segment in segments if not segment.startswith("{")}
    assert {segment for segment in fixed if not is_reserved(segment)} == set()
    assert len(segments) == len(fixed) + 1


def test_the_fast_lane_is_there_unless_it_is_switched_off(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert create_app(read_settings(database_url=AWAY), NOBODYS).lane is not None
    monkeypatch.setenv("KURZ_FAST_LANE", "off")
    assert create_app(read_settings(database_url=AWAY), NOBODYS).lane is None


async def test_a_start_without_a_database_answers_that_it_does_not_know(bare: Path, client_of: Client) -> None:
    async with client_of(read_settings(database_url=AWAY), NOBODYS) as client:
        link = await client.get("/abc")
        assert link.status_code == 503
        assert "retry-after" in link.headers
        assert (await client.get("/healthz")).status_code == 200
        ready = await client.get("/readyz")
        assert ready.status_code == 503
        assert {name: part["ready"] for name, part in ready.json().items()} == {"redirect": False, "api": False}


async def test_redirects_stay_ready_when_the_database_goes_away(
    settings: Settings, instance: InstanceRecord, client_of: Client
) -> None:
    async with client_of(settings, instance) as client:
        assert (await client.get("/readyz")).status_code == 200
        await _close_database(settings)

        async def api_is_away() -> bool:
            return (await client.get("/readyz/api")).status_code == 503

        await eventually(api_is_away)
        assert (await client.get("/readyz/redirect")).status_code == 200
        assert (await client.get("/readyz")).status_code == 200


async def _close_database(settings: Settings) -> None:
    name = settings.database_address.partition("?")[0].rpartition("/")[2]
    connection = await asyncpg.connect(settings.database_address.replace(f"/{name}?", "/postgres?"))
    try:
        await connection.execute(f"alter database {name} allow_connections false")
        await connection.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = $1", name)
    finally:
        await connection.close()


async def test_every_api_answer_is_named(settings: Settings, instance: InstanceRecord, client_of: Client) -> None:
    async with client_of(settings, instance) as client:
        for given, is_kept in (
            ("from-a-proxy.1", True),
            ("short", False),
            ("x" * 65, False),
            ("with a space", False),
            ('{"json": 1}', False),
        ):
            named = await client.post("/graphql", json={"query": "{ a }"}, headers={"X-Request-ID": given})
            other = await client.post("/graphql", content=b"no JSON")
            assert (named.headers["x-request-id"] == given) == is_kept
            assert other.headers["x-request-id"] not in ("", named.headers["x-request-id"])
        assert "x-request-id" not in (await client.get("/abc")).headers


async def test_the_api_refuses_other_methods_itself(
    settings: Settings, instance: InstanceRecord, client_of: Client
) -> None:
    async with client_of(settings, instance) as client:
        refused = await client.put("/graphql", json={"query": "{ __typename }"})
        assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD, POST, OPTIONS")
        assert refused.headers["x-request-id"] and refused.json()["errors"]
        assert (await client.options("/graphql")).status_code == 204


async def test_pages_of_allowed_origins_may_call_the_api_alone(
    bare: Path, settings: Settings, instance: InstanceRecord, client_of: Client
) -> None:
    ours, theirs = "https://app.example.com", "https://other.example.com"
    allowing = settings.model_copy(update={"allowed_origins": (ours,)})
    wanted = "authorization,content-type,graphql-require-preflight"
    ask = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": wanted}
    async with client_of(allowing, instance) as client:
        allowed = await client.options("/graphql", headers={"Origin": ours, **ask})
        assert (allowed.status_code, allowed.headers["access-control-allow-origin"]) == (200, ours)
        assert (
            "access-control-allow-origin"
            not in (await client.options("/graphql", headers={"Origin": theirs, **ask})).headers
        )
        assert "access-control-allow-origin" not in (await client.get("/abc", headers={"Origin": ours})).headers
        posted = await client.post("/graphql", json={"query": "{ __typename }"}, headers={"Origin": ours})
        assert posted.headers["access-control-allow-origin"] == ours
    async with client_of(settings, instance) as client:
        refused = await client.options("/graphql", headers={"Origin": ours, **ask})
        assert "access-control-allow-origin" not in refused.headers


async def test_graphiql_is_shown_only_where_it_is_on(
    settings: Settings, instance: InstanceRecord, client_of: Client
) -> None:
    for is_on in (True, False):
        async with client_of(settings.model_copy(update={"graphiql": is_on}), instance) as client:
            page = await client.get("/graphql", headers={"Accept": "text/html"})
            assert (page.headers["content-type"].startswith("text/html")) == is_on
            assert ("/graphql" in (await client.get("/")).text) == is_on
