"""GraphiQL's page and files as a browser is answered, and its prepared tabs against the real API."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from asgi_lifespan import LifespanManager
from graphql import build_schema, parse, validate
from pydantic import SecretStr
from starlette.applications import Starlette

from server.app import create_app
from server.first_start import prepare
from server.graphiql import ASSETS, GraphiQL
from server.settings import Settings

ROOT = Path(__file__).parents[2]
TABS = sorted((ROOT / "ui" / "src" / "tabs").glob("*.graphql"))
LIVE = TABS[-1]
MANIFEST = {
    "key": "key-AAAAAAAA.js",
    "script": "main-BBBBBBBB.js",
    "style": "main-CCCCCCCC.css",
    "licences": "licences-DDDDDDDD.txt",
}


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    (tmp_path / "assets").mkdir()
    for name in MANIFEST.values():
        (tmp_path / "assets" / name).write_text(name)
    (tmp_path / "assets" / "main.js").write_text("not named by its content")
    (tmp_path / "manifest.json").write_text(json.dumps(MANIFEST))
    return tmp_path


@pytest.fixture
async def client(bundle: Path) -> AsyncIterator[httpx.AsyncClient]:
    app = Starlette(routes=GraphiQL(bundle).routes())
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://kurz.test") as asking:
        yield asking


def policy(headers: httpx.Headers | Any) -> dict[str, list[str]]:
    parts = [part.split() for part in headers["content-security-policy"].split(";")]
    return {name: values for name, *values in parts}


def test_the_page_names_every_file_of_the_bundle_and_no_other_host(bundle: Path) -> None:
    page = GraphiQL(bundle).page()

    text = bytes(page.body).decode()
    assert all(f'"{ASSETS}/{name}"' in text for name in MANIFEST.values())
    assert "://" not in text
    assert page.headers["cache-control"] == "no-cache"


def test_the_key_is_taken_out_of_the_address_before_anything_else_is_loaded(bundle: Path) -> None:
    text = bytes(GraphiQL(bundle).page().body).decode()

    first = min(text.index(mark) for mark in ("<script", "<link"))
    assert text.index(f'<script src="{ASSETS}/{MANIFEST["key"]}"></script>') == first


def test_the_page_may_run_and_reach_only_what_is_on_its_own_host(bundle: Path) -> None:
    allowed = policy(GraphiQL(bundle).page().headers)

    assert allowed["default-src"] == ["'none'"]
    assert allowed["script-src"] == allowed["connect-src"] == allowed["worker-src"] == ["'self'"]
    assert allowed["frame-ancestors"] == ["'none'"]
    assert {source for sources in allowed.values() for source in sources} <= {
        "'none'",
        "'self'",
        "'unsafe-inline'",
        "data:",
    }
    assert [name for name, sources in allowed.items() if "'unsafe-inline'" in sources] == ["style-src"]


def test_without_a_bundle_the_page_says_how_to_get_it_and_reaches_nothing(tmp_path: Path) -> None:
    page = GraphiQL(tmp_path).page()

    assert page.status_code == 200
    assert "make ui" in bytes(page.body).decode()
    assert policy(page.headers)["default-src"] == ["'none'"]


def test_a_bundle_that_is_built_later_is_served_from_then_on(bundle: Path) -> None:
    manifest = bundle / "manifest.json"
    manifest.rename(bundle / "away")
    graphiql = GraphiQL(bundle)
    before = graphiql.page()

    (bundle / "away").rename(manifest)

    assert graphiql.page().body != before.body


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        (MANIFEST["script"], "text/javascript; charset=utf-8"),
        (MANIFEST["style"], "text/css; charset=utf-8"),
        (MANIFEST["licences"], "text/plain; charset=utf-8"),
    ],
)
async def test_a_file_named_by_its_content_may_be_kept_for_good(
    client: httpx.AsyncClient, name: str, media_type: str
) -> None:
    answer = await client.get(f"{ASSETS}/{name}")

    assert (answer.status_code, answer.text) == (200, name)
    assert answer.headers["content-type"] == media_type
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "name", ["main.js", "gone-AAAAAAAA.js", "..%2fmanifest.json", "%2e%2e/manifest.json", "main-AAAAAAAA.exe", ""]
)
async def test_nothing_else_is_served(client: httpx.AsyncClient, name: str) -> None:
    assert (await client.get(f"{ASSETS}/{name}")).status_code == 404


@pytest.fixture
async def api(database_url: str, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """The whole application, asked with the first owner's key."""
    settings = Settings(database_url=SecretStr(database_url), data_dir=tmp_path, base_url="https://go.example")
    prepared = await prepare(settings, keeps_first_key=True, now=datetime.now(UTC))
    app = create_app(settings, prepared.instance)
    headers = {"Authorization": f"Bearer {prepared.first_key}"}
    async with LifespanManager(app):
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="https://go.example", headers=headers) as asking:
            yield asking


async def test_every_prepared_tab_runs_as_it_is_and_again(api: httpx.AsyncClient) -> None:
    requests = [tab for tab in TABS if tab != LIVE]
    assert len(requests) == 5
    for tab in [*requests, *requests]:
        answer = (await api.post("/graphql", json={"query": tab.read_text()})).json()

        assert "errors" not in answer, (tab.name, answer)
        *_, last = answer["data"].values()  # an earlier field may only make what the last one needs
        assert last.get("userErrors", []) == [], (tab.name, answer)


def test_the_live_tab_fits_the_schema() -> None:
    """tests/browser runs it where there is a browser."""
    assert validate(build_schema((ROOT / "schema.graphql").read_text()), parse(LIVE.read_text())) == []


async def test_the_deactivating_tab_deactivates(api: httpx.AsyncClient) -> None:
    (tab,) = [tab for tab in TABS if "deactivate" in tab.name]

    answer = (await api.post("/graphql", json={"query": tab.read_text()})).json()

    assert answer["data"]["deactivateLink"]["link"]["status"] == "DEACTIVATED"
