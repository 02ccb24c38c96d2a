"""Two workspaces with everything in them, and everybody who may ask: what the matrix of permissions is tried on."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import httpx

from graph import ids
from models import keys
from models.database import Database, make_engine
from models.ids import WorkspaceId
from models.keys import Scope
from models.roles import SCOPES_OF, Role
from tests.graph.api import ALL_SCOPES, CREATE, Api, make_api
from tests.graph.clicked import Clicked
from tests.graph.provider import Provider, tokens_of
from tests.heard import hear

ABOUT_WHO_ASKS = (
    *("user_account.issuer = ", "member.user_id = ", "api_key.public_id = "),
    *("SET last_used_at", "SET last_seen_at", "SET name"),
)


@dataclass(frozen=True)
class Caller:
    """Somebody with a credential; `scopes` is what it is good for."""

    secret: str
    scopes: frozenset[Scope] = frozenset()
    role: Role | None = None


@dataclass(frozen=True)
class Things:
    """One thing of each type that a workspace has: its id by the type's name, and the link by its other names."""

    ids: dict[str, str]
    code: str
    external_id: str
    secret: str


@dataclass
class TwoWorkspaces:
    """`mine` is the API's own workspace; of `theirs` nobody may see anything but `stranger`, its key."""

    api: Api
    mine: Things
    theirs: Things
    people: dict[Role, Caller]
    keys: dict[Scope, Caller]
    stranger: Caller
    refused: dict[str, Caller] = field(default_factory=dict)

    @property
    def colleagues(self) -> dict[str, Caller]:
        """Who belongs to `mine`, by role or scope."""
        people = {role.value: caller for role, caller in self.people.items()}
        return people | {scope.value: caller for scope, caller in self.keys.items()}

    async def post(self, document: str, variables: dict[str, Any] | None = None, *, by: Caller) -> httpx.Response:
        return await self.api.post(document, variables, key=by.secret)

    @contextmanager
    def statements(self) -> Iterator[list[str]]:
        """The SQL that is sent meanwhile, but for what finds out who asks: that is known for a second."""
        seen: list[str] = []

        def note(statement: str, _values: object) -> None:
            if not any(mark in statement for mark in ABOUT_WHO_ASKS):
                seen.append(statement)

        end = hear(self.api.database.engine.sync_engine, note)
        try:
            yield seen
        finally:
            end()


@asynccontextmanager
async def two_workspaces(database_url: str, provider: Provider) -> AsyncIterator[TwoWorkspaces]:
    """The two, in this database."""
    database = Database(make_engine(database_url))
    try:
        async with tokens_of(provider) as tokens:
            api = await make_api(database, provider=provider, tokens=tokens)
            async with api.client:
                yield await _settled(api, database_url)
    finally:
        await database.close()


async def _settled(api: Api, database_url: str) -> TwoWorkspaces:
    people = {}
    for role in Role:
        member = await api.new_member(role)
        people[role] = Caller(member.token, SCOPES_OF[role], role)
    made = TwoWorkspaces(
        api=api,
        mine=await _things(api, database_url, workspace_id=api.instance.workspace_id, code="mine00", segment=1),
        theirs=await _things(api, database_url, workspace_id=await api.new_workspace(), code="theirs", segment=2),
        people=people,
        keys={scope: Caller(await api.new_key({scope}), frozenset({scope})) for scope in Scope},
        stranger=Caller(""),
    )
    made.stranger = Caller(made.theirs.secret, ALL_SCOPES)
    made.refused = {"revoked": await _revoked(api), "expired": await _expired(api), "none": Caller("")}
    return made


async def _things(api: Api, url: str, *, workspace_id: WorkspaceId, code: str, segment: int) -> Things:
    secret = await api.new_key(workspace_id=workspace_id)
    member = await api.new_member(Role.READER, workspace_id=workspace_id)
    wanted = {"destinationUrl": "https://example.com/", "code": code, "externalId": f"ext-{code}"}
    link = (await api.ask(CREATE, {"input": wanted}, key=secret))["createLink"]["link"]
    number = ids.decode(ids.LINK, link["id"])
    assert number is not None
    visits = Clicked(api, url, [[]] * segment)
    visit = visits.visit(number, api.clock.now, visitor=1)
    await visits.store(replace(visit, workspace_id=workspace_id))
    api.clock.advance(1_800)
    found = await api.ask(
        """{ viewer { actor { id } } workspace { id clicks(range: {period: ALL_TIME}) { nodes { id } }
             auditLog(first: 1) { nodes { id } } } }""",
        key=secret,
    )
    home = found["workspace"]
    return Things(
        ids={
            "Link": link["id"],
            "Click": home["clicks"]["nodes"][0]["id"],
            "ApiKey": found["viewer"]["actor"]["id"],
            "User": ids.encode(ids.USER, member.user.id),
            "Member": ids.encode(ids.MEMBER, member.record.id),
            "AuditEntry": home["auditLog"]["nodes"][0]["id"],
            "Workspace": home["id"],
        },
        code=code,
        external_id=wanted["externalId"],
        secret=secret,
    )


async def _revoked(api: Api) -> Caller:
    key = await api.new_key_record()
    async with api.database.write() as session:
        await keys.revoke(session, workspace_id=key.record.workspace_id, key_id=key.record.id, now=api.clock.now)
    return Caller(key.secret)


async def _expired(api: Api) -> Caller:
    async with api.database.write() as session:
        key = await keys.create(
            session,
            workspace_id=api.instance.workspace_id,
            name="short-lived",
            scopes=ALL_SCOPES,
            now=api.clock.now - timedelta(hours=1),
            expires_at=api.clock.now,
        )
    return Caller(key.secret)
