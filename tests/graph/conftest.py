"""The API that the tests of this room ask."""

from collections.abc import AsyncIterator

import pytest
from starlette.responses import HTMLResponse

from models.database import Database
from tests.graph.api import Api, make_api
from tests.graph.clicked import Clicked
from tests.graph.living import Live, serving_live


@pytest.fixture
async def api(database: Database) -> AsyncIterator[Api]:
    made = await make_api(database, page=lambda: HTMLResponse("<title>the page</title>"))
    async with made.client:
        yield made


@pytest.fixture
def clicked(api: Api, database_url: str) -> Clicked:
    """Links of the API with visits."""
    return Clicked(api, database_url)


@pytest.fixture
async def live(api: Api, database_url: str) -> AsyncIterator[Live]:
    """The API on a real port, with its sockets and event streams."""
    async with serving_live(api, database_url) as served:
        yield served
