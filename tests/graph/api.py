"""An API to ask: the endpoint over a test's own database, keys and members for it, and a clock that tests set."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from sqlalchemy import insert
from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Route

from graph.access_tokens import AccessTokens
from graph.api_config import ApiConfig
from graph.endpoint import Endpoint
from graph.executor import PlannedExecutor
from graph.operations import Operations
from graph.trusted import TrustedDocuments
from models import instance, keys, member_changes, users, workspaces
from models.actors import OPERATOR
from models.database import Database
from models.ids import WorkspaceId, new_id
from models.instance import InstanceRecord
from models.keys import Scope
from models.members import MemberRecord
from models.roles import Role
from models.users import Identity, UserRecord
from tests.graph.both_ways import BothWays
from tests.graph.provider import Provider
from tests.heard import hear

BASE_URL = "https://sho.rt"
BEGINNING = datetime(2026, 3, 29, 8, 0, 0, tzinfo=UTC)
ALL_SCOPES = frozenset(Scope)


@dataclass
class Clock:
    """The API's clock: stands still until a test moves it."""

    now: datetime = BEGINNING

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float = 1) -> None:
        self.now += timedelta(seconds=seconds)


@dataclass(frozen=True)
class NewMember:
    """Somebody who has signed in before; `token` is sent where a key would be, and is valid for a day."""

    token: str
    subject: str
    user: UserRecord
    record: MemberRecord


@dataclass
class Api:
    """What a client does, in one line each. `key` is the secret sent unless a call says otherwise."""

    database: Database
    instance: InstanceRecord
    client: httpx.AsyncClient
    clock: Clock
    created: list[str]
    endpoint: Endpoint
    operations: Operations
    provider: Provider | None = None
    tokens: AccessTokens | None = None
    key: str = ""

    async def new_member(self, role: Role, *, workspace_id: WorkspaceId | None = None, name: str = "") -> NewMember:
        """A person who has signed in before, in this role; `name@example.com`, made up unless given."""
        assert self.provider is not None, "an API that was made with a provider"
        name = name or f"person{new_id()}"
        async with self.database.write() as session:
            record = await member_changes.add(
                session,
                workspace_id=workspace_id or self.instance.workspace_id,
                email=f"{name}@example.com",
                role=role,
                by=OPERATOR,
                as_role=Role.OWNER,
                now=self.clock.now,
            )
            told = Identity(self.provider.issuer, f"sub-{name}", f"{name}@example.com", name)
            user = await users.bind(session, told, now=self.clock.now)
        assert user is not None
        return NewMember(self.token(told.subject), told.subject, user, record)

    def token(self, subject: str, **claims: Any) -> str:
        """A token of the provider for this subject, valid for a day."""
        assert self.provider is not None, "an API that was made with a provider"
        valid = {"sub": subject, "exp": self.clock.now + timedelta(days=1)}
        return self.provider.token(self.clock.now, **{**valid, **claims})

    async def new_key(self, scopes: Iterable[Scope] = ALL_SCOPES, *, workspace_id: WorkspaceId | None = None) -> str:
        """The secret of a new key."""
        return (await self.new_key_record(scopes, workspace_id=workspace_id)).secret

    async def new_key_record(
        self, scopes: Iterable[Scope] = ALL_SCOPES, *, workspace_id: WorkspaceId | None = None
    ) -> keys.NewKey:
        async with self.database.write() as session:
            return await keys.create(
                session,
                workspace_id=workspace_id or self.instance.workspace_id,
                name="a key",
                scopes=scopes,
                now=self.clock.now,
            )

    async def new_workspace(self) -> WorkspaceId:
        """A second workspace, which must not see the first."""
        async with self.database.write() as session:
            row = {"id": new_id(), "name": "Other", "timezone": "UTC", "created_at": self.clock.now}
            await session.execute(insert(workspaces.Workspace).values(**row))
        return WorkspaceId(row["id"])  # type: ignore[arg-type]

    async def post(
        self, document: str, variables: dict[str, Any] | None = None, *, key: str | None = None, **headers: str
    ) -> httpx.Response:
        """The whole HTTP answer; `key=""` sends none."""
        secret = self.key if key is None else key
        if secret:
            headers["authorization"] = f"Bearer {secret}"
        return await self.client.post("/graphql", json={"query": document, "variables": variables}, headers=headers)

    async def ask(self, document: str, variables: dict[str, Any] | None = None, *, key: str | None = None) -> Any:
        """The data of an answer without errors."""
        answer = (await self.post(document, variables, key=key)).json()
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    async def codes(
        self, document: str, variables: dict[str, Any] | None = None, *, key: str | None = None
    ) -> list[str]:
        """The `extensions.code` of each top-level error."""
        return error_codes(await self.post(document, variables, key=key))

    def read_once(self) -> None:
        """From now on reads are not executed a second time for comparison, so that they can be counted."""
        self.operations.schema.execution_context_class = PlannedExecutor

    def statements(self) -> list[str]:
        """What the database is asked from now on, but for whose key it is: that is asked at most once a second."""
        self.read_once()
        heard: list[str] = []

        def note(sql: str, _values: object) -> None:
            if "api_key.public_id =" not in sql:
                heard.append(sql)

        hear(self.database.engine.sync_engine, note)
        return heard

    async def create(self, **given: Any) -> Any:
        """A new link with the fields tests look at; `destinationUrl` is made up unless given."""
        variables = {"input": {"destinationUrl": "https://example.com/", **given}}
        payload = (await self.ask(CREATE, variables))["createLink"]
        assert payload["userErrors"] == [], payload
        return payload["link"]


LINK_FIELDS = """
fragment LinkFields on Link {
  id code shortUrl destinationUrl title notes externalId status createdAt updatedAt
  deactivatedAt deactivationReason version
}
fragment Errors on UserError {
  __typename message code path
  ... on CodeTakenError { suggestions }
  ... on LimitReachedError { limit }
  ... on VersionConflictError { currentVersion }
}
"""


def mutation(name: str, selected: str) -> str:
    """A document of one mutation with its input as variable."""
    kind = name[0].upper() + name[1:] + "Input"
    return f"mutation ($input: {kind}!) {{ {name}(input: $input) {{ {selected} }} }}{LINK_FIELDS}"


CHANGED = "link { ...LinkFields } userErrors { ...Errors }"
CREATE = mutation("createLink", f"created {CHANGED}")
UPDATE = mutation("updateLink", CHANGED)
DEACTIVATE = mutation("deactivateLink", CHANGED)
REACTIVATE = mutation("reactivateLink", CHANGED)


def error_codes(response: httpx.Response) -> list[str]:
    """The `extensions.code` of each top-level error."""
    return [error["extensions"]["code"] for error in response.json().get("errors", [])]


async def make_api(
    database: Database,
    *,
    page: Callable[[], HTMLResponse] | None = None,
    trusted: TrustedDocuments | None = None,
    shows_schema: bool = True,
    body_deadline_s: float = 60,
    compared: bool = True,
    provider: Provider | None = None,
    tokens: AccessTokens | None = None,
    **settings: Any,
) -> Api:
    """An API over a fresh database, with a key that may do everything; `settings` are ApiConfig's.

    With a provider, whose `tokens` it judges, people can sign in too. Unless not `compared`, reads are executed twice.
    """
    clock, created = Clock(), list[str]()
    async with database.write() as session:
        record = await instance.bootstrap(session, hostname="sho.rt", now=clock.now)
    patient = {"deadline_s": 60.0, "analytics_deadline_s": 50.0}  # for a machine under load
    config = ApiConfig(
        base_url=BASE_URL,
        own_hosts=frozenset({"sho.rt"}),
        allow_private_targets=False,
        clock=clock,
        **{**patient, **settings},
    )
    operations = Operations(
        database=database,
        config=config,
        instance=record,
        on_created=created.append,
        trusted=trusted,
        shows_schema=shows_schema,
        tokens=tokens,
    )
    if compared:
        operations.schema.execution_context_class = BothWays
    endpoint = Endpoint(operations, page=page, body_deadline_s=body_deadline_s)
    transport = httpx.ASGITransport(app=Starlette(routes=[Route("/graphql", endpoint)]))
    client = httpx.AsyncClient(transport=transport, base_url=BASE_URL)
    api = Api(database, record, client, clock, created, endpoint, operations, provider, tokens)
    api.key = await api.new_key()
    return api
