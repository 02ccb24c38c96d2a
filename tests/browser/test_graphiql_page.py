"""GraphiQL in a real browser, cut off from every other host."""

import json
import os
import shutil
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.async_api import Error, Page, Request, expect
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.routing import Route

from server.app import create_app
from server.first_start import prepare
from server.graphiql import FILES, GraphiQL
from server.settings import Settings
from tests.browser.conftest import Visit, served
from tests.eventually import eventually

SCREENSHOT = Path(__file__).parents[2] / "docs" / "graphiql.png"
QUERY = ".graphiql-query-editor"
HEADERS = ".graphiql-editor-tool"
RESPONSE = ".graphiql-response"
RUN = "[aria-label^='Execute query']"


@dataclass(frozen=True)
class Kurz:
    """A running Kurz, and the secret of its first key."""

    base_url: str
    key: str


@pytest.fixture
async def kurz(database_url: str, port: socket.socket, tmp_path: Path) -> AsyncIterator[Kurz]:
    base_url = f"http://127.0.0.1:{port.getsockname()[1]}"
    settings = Settings(database_url=SecretStr(database_url), data_dir=tmp_path, base_url=base_url)
    prepared = await prepare(settings, keeps_first_key=True, now=datetime.now(UTC))
    assert prepared.first_key
    async with served(create_app(settings, prepared.instance), port):
        yield Kurz(base_url, prepared.first_key)


async def open_with_key(visit: Visit, kurz: Kurz) -> Page:
    page = await visit.context.new_page()
    await page.goto(f"{kurz.base_url}/graphql#key={kurz.key}")
    await expect(page.locator(QUERY)).to_contain_text("createLink")
    return page


async def stored(page: Page) -> str:
    """All that the browser keeps for this host."""
    kept: str = await page.evaluate("JSON.stringify([localStorage, sessionStorage, document.cookie])")
    return kept


async def change_tab(page: Page, name: str) -> None:
    """Changes the tab, and waits until the browser has stored which one is shown: all that was before is stored too."""
    await page.get_by_role("tab", name=name).click()

    async def is_stored() -> bool:
        state = json.loads(await page.evaluate("localStorage.getItem('graphiql:tabState')") or "null")
        return bool(state and state["tabs"][state["activeTabIndex"]]["title"] == name)

    await eventually(is_stored)


async def test_the_prepared_link_is_made_with_the_key_of_the_address_and_redirects(visit: Visit, kurz: Kurz) -> None:
    page = await open_with_key(visit, kurz)

    async with page.expect_response(lambda answer: "CreateLink" in (answer.request.post_data or "")) as answered:
        await page.click(RUN)
    answer = await answered.value
    payload = (await answer.json())["data"]["createLink"]
    assert payload["userErrors"] == []
    short_url, destination = payload["link"]["shortUrl"], payload["link"]["destinationUrl"]
    await expect(page.locator(RESPONSE)).to_contain_text(short_url)
    assert visit.elsewhere == visit.complaints == []
    if os.environ.get("KURZ_SCREENSHOT") == "1":
        await take_screenshot(page)

    followed = await follow(visit, short_url)

    assert [request.url for request in followed] == [short_url, destination]
    assert followed[1].redirected_from == followed[0]


async def follow(visit: Visit, url: str) -> list[Request]:
    """What the browser asks for when the address is opened; the destination itself is out of its reach."""
    page = await visit.context.new_page()
    asked: list[Request] = []
    page.on("request", lambda request: asked.append(request))  # noqa: PLW0108 - it cannot hold a built-in
    with pytest.raises(Error):
        await page.goto(url)
    return asked


async def take_screenshot(page: Page) -> None:
    await page.set_viewport_size({"width": 1440, "height": 760})
    await page.get_by_label("Show Documentation Explorer").click()
    await page.get_by_label("Hide editor tools").click()  # the key is no sight for a README
    await expect(page.locator(".graphiql-doc-explorer")).to_contain_text("mutation")
    await page.mouse.move(0, 0)
    await page.screenshot(path=SCREENSHOT)


async def test_the_key_leaves_the_address_and_is_kept_nowhere(visit: Visit, kurz: Kurz) -> None:
    page = await open_with_key(visit, kurz)

    assert page.url == f"{kurz.base_url}/graphql"
    assert await page.evaluate("globalThis.kurzKey") is None
    await expect(page.locator(HEADERS)).to_contain_text(kurz.key)

    await page.click(RUN)
    await expect(page.locator(RESPONSE)).to_contain_text("shortUrl")
    await change_tab(page, "Links")
    await expect(page.locator(HEADERS)).to_contain_text(kurz.key)
    assert kurz.key not in await stored(page)

    await page.reload()
    await expect(page.locator(QUERY)).to_contain_text("endCursor")
    await expect(page.locator(HEADERS)).not_to_contain_text(kurz.key)


async def test_the_key_is_kept_when_the_person_says_so(visit: Visit, kurz: Kurz) -> None:
    page = await open_with_key(visit, kurz)

    await page.get_by_label("Open settings dialog").click()
    await page.get_by_role("dialog").get_by_role("button", name="On", exact=True).click()
    await page.keyboard.press("Escape")
    await change_tab(page, "Links")
    assert kurz.key in await stored(page)

    await page.reload()
    await expect(page.locator(HEADERS)).to_contain_text(kurz.key)


async def test_a_newer_key_in_the_address_replaces_the_kept_one(visit: Visit, kurz: Kurz) -> None:
    page = await visit.context.new_page()
    await page.goto(f"{kurz.base_url}/graphql#key=kurz_older_one")
    await expect(page.locator(HEADERS)).to_contain_text("kurz_older_one")
    await page.get_by_label("Open settings dialog").click()
    await page.get_by_role("dialog").get_by_role("button", name="On", exact=True).click()
    await page.keyboard.press("Escape")
    await change_tab(page, "Links")
    await page.close()

    page = await visit.context.new_page()
    await page.goto(f"{kurz.base_url}/graphql#key={kurz.key}")

    for name in ("CreateLink", "Links", "DeactivateLink"):
        await page.get_by_role("tab", name=name).click()
        await expect(page.locator(HEADERS)).to_contain_text(kurz.key)


async def test_documentation_and_explorer_open_without_a_key(visit: Visit, kurz: Kurz) -> None:
    page = await visit.context.new_page()
    await page.goto(f"{kurz.base_url}/graphql")

    await page.get_by_label("Show Documentation Explorer").click()
    documentation = page.locator(".graphiql-plugin")
    await documentation.get_by_text("Mutation", exact=True).click()
    await expect(documentation).to_contain_text("createLink")

    await page.get_by_label("Show GraphiQL Explorer").click()
    await expect(page.locator(".graphiql-explorer-root")).to_contain_text("createLink")
    assert visit.elsewhere == visit.complaints == []


async def test_the_page_comes_by_itself_and_with_the_key_once_the_bundle_is_built(
    visit: Visit, port: socket.socket, tmp_path: Path
) -> None:
    graphiql = GraphiQL(tmp_path / "files")
    app = Starlette(routes=[Route("/graphql", lambda _: graphiql.page()), *graphiql.routes()])
    async with served(app, port):
        page = await visit.context.new_page()
        await page.goto(f"http://127.0.0.1:{port.getsockname()[1]}/graphql#key=kurz_made_up")
        await expect(page.locator("body")).to_contain_text("make ui")

        shutil.copytree(FILES, tmp_path / "files")

        await expect(page.locator(HEADERS)).to_contain_text("kurz_made_up")
        assert "kurz_made_up" not in page.url
