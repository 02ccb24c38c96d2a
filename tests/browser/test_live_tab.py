"""GraphiQL's live tab, against a whole Kurz: a visit comes in while the page is open."""

import re
from collections.abc import Iterator

import pytest
from playwright.async_api import expect

from tests.browser.conftest import Visit
from tests.browser.test_graphiql_page import RESPONSE, RUN, Kurz, change_tab, open_with_key
from tests.eventually import eventually
from tests.serving import open_folder, serving
from tests.visiting import Visits


@pytest.fixture
def whole() -> Iterator[Kurz]:
    """One with its loader, which the others do without."""
    with open_folder() as folder, serving(folder / "data") as running:
        yield Kurz(running.url, (folder / "data" / "first-key").read_text().strip())


async def test_a_click_comes_in_while_the_page_is_open(visit: Visit, whole: Kurz) -> None:
    page = await open_with_key(visit, whole)
    async with page.expect_response(lambda answer: "CreateLink" in (answer.request.post_data or "")) as answered:
        await page.click(RUN)
    link = (await (await answered.value).json())["data"]["createLink"]["link"]

    await change_tab(page, "Live")  # GraphiQL goes on naming the last tab's operation for a moment
    await page.click(RUN)
    visits = Visits(whole.base_url)

    async def is_shown() -> bool:
        visits.one(link["code"])  # again and again, since nothing says when the subscription has begun
        return "Firefox" in await page.locator(RESPONSE).inner_text()

    await eventually(is_shown)
    await expect(page.locator(RESPONSE)).to_contain_text(re.compile("clickRecorded"))
    assert visit.elsewhere == visit.complaints == []
