"""The API that the tests of this room ask."""

from collections.abc import AsyncIterator, Iterator

import pytest
from starlette.responses import HTMLResponse

from models.database import Database
from tests.databases import Databases
from tests.graph.api import Api, make_api
from tests.graph.both_ways import BothWays
from tests.graph.clicked import Clicked
from tests.graph.living import Live, serving_live
from tests.graph.provider import Provider, running_provider, tokens_of
from tests.graph.two_workspaces import TwoWorkspaces, two_workspaces


@pytest.fixture(autouse=True)
def _same_both_ways() -> Iterator[None]:
    """What is read in the test is the same by Strawberry's own executor."""
    BothWays.differences.clear()
    yield
    assert not BothWays.differences


@pytest.fixture(scope="session")
def steady_provider() -> Iterator[Provider]:
    """An identity provider that tests share, and so leave as it is."""
    with running_provider() as provider:
        yield provider


@pytest.fixture
async def api(database: Database, steady_provider: Provider) -> AsyncIterator[Api]:
    def page() -> HTMLResponse:
        return HTMLResponse("<title>the page</title>")

    async with tokens_of(steady_provider) as tokens:
        made = await make_api(database, page=page, provider=steady_provider, tokens=tokens)
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


@pytest.fixture(scope="module")
def address(databases: Databases, template: str) -> Iterator[str]:
    """One database for all tests of a file, where none depends on what another has made."""
    with databases.throw_away(template) as url:
        yield url


@pytest.fixture(scope="module")
async def world(address: str, steady_provider: Provider) -> AsyncIterator[TwoWorkspaces]:
    """Two workspaces and everybody who may ask, for all tests of a file."""
    async with two_workspaces(address, steady_provider) as made:
        yield made
