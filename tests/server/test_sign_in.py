"""The application with an identity provider: it starts without it, and lets people in once it is there."""

from collections.abc import Iterator
from datetime import UTC, datetime

import httpx
import pytest

from models import keys, member_changes
from models.actors import OPERATOR
from models.database import Database, make_engine
from models.keys import Scope
from models.roles import Role
from server.first_start import prepare
from server.settings import Settings
from tests.graph.provider import AUDIENCE, Provider, running_provider
from tests.server.conftest import Client


@pytest.fixture
def provider() -> Iterator[Provider]:
    with running_provider() as running:
        yield running


async def who(client: httpx.AsyncClient, secret: str, **headers: str) -> httpx.Response:
    sent = {"authorization": f"Bearer {secret}", **headers}
    return await client.post("/graphql", json={"query": "{ viewer { role } }"}, headers=sent)


@pytest.mark.parametrize("is_away", [True, False])
async def test_a_provider_that_is_away_at_the_start_does_not_stop_it(
    settings: Settings, now: datetime, client_of: Client, provider: Provider, is_away: bool
) -> None:
    instance = (await prepare(settings, keeps_first_key=False, now=now)).instance
    key = await _ann_and_a_key(settings)
    provider.is_away = is_away
    with_people = settings.model_copy(update={"oidc_issuer": provider.issuer, "oidc_audience": AUDIENCE})
    token = provider.token(datetime.now(UTC), email="ann@example.com", email_verified=True)

    async with client_of(with_people, instance) as client:
        assert (await who(client, key)).json()["data"]["viewer"] == {"role": None}
        response = await who(client, token)

    if is_away:
        assert response.status_code == 503
        assert [error["extensions"]["code"] for error in response.json()["errors"]] == ["UNAVAILABLE"]
        assert int(response.headers["retry-after"]) > 0
    else:
        assert response.json()["data"]["viewer"] == {"role": "READER"}


async def _ann_and_a_key(settings: Settings) -> str:
    database = Database(make_engine(settings.database_address))
    now = datetime.now(UTC)
    async with database.write() as session:
        ((workspace_id,),) = await (await session.connection()).exec_driver_sql("select id from workspace")
        await member_changes.add(
            session,
            workspace_id=workspace_id,
            email="ann@example.com",
            role=Role.READER,
            by=OPERATOR,
            as_role=Role.OWNER,
            now=now,
        )
        made = await keys.create(session, workspace_id=workspace_id, name="a key", scopes=[Scope.LINKS_READ], now=now)
    await database.close()
    return made.secret


async def test_a_page_of_an_allowed_origin_may_name_a_workspace(
    settings: Settings, now: datetime, client_of: Client
) -> None:
    instance = (await prepare(settings, keeps_first_key=False, now=now)).instance
    app = "https://app.example.com"
    asked = {
        "origin": app,
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization,content-type,x-kurz-workspace",
    }
    async with client_of(settings.model_copy(update={"allowed_origins": (app,)}), instance) as client:
        response = await client.options("/graphql", headers=asked)
    assert response.status_code == 200
    assert "x-kurz-workspace" in response.headers["access-control-allow-headers"].lower()
