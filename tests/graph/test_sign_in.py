"""People sign in with access tokens of a real provider: who gets in, where, and for how long."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
import pytest

from graph import ids
from graph.access_tokens import LONGEST_TOKEN
from models import member_changes, users
from models.actors import OPERATOR
from models.database import Database
from models.ids import WorkspaceId
from models.keys import Scope
from models.roles import SCOPES_OF, Role
from models.users import UserRecord
from tests.eventually import eventually
from tests.graph.api import Api, error_codes, make_api
from tests.graph.provider import Provider, running_provider, tokens_of

pytestmark = pytest.mark.database

WHO = "{ viewer { role scopes actor { __typename id name } } workspace { id } }"
EMAIL = {"email": "ann@example.com", "email_verified": True}


@dataclass
class Door:
    """An API with a provider of its own, whose clock tests set; Ann is invited as MEMBER."""

    api: Api
    provider: Provider
    seconds: list[float]

    async def invite(self, email: str = "ann@example.com", *, workspace_id: WorkspaceId | None = None) -> Any:
        async with self.api.database.write() as session:
            return await member_changes.add(
                session,
                workspace_id=workspace_id or self.api.instance.workspace_id,
                email=email,
                role=Role.MEMBER,
                by=OPERATOR,
                as_role=Role.OWNER,
                now=self.api.clock.now,
            )

    def token(self, **claims: Any) -> str:
        return self.provider.token(self.api.clock.now, **{**EMAIL, **claims})

    async def enter(self, token: str, *workspaces: str) -> httpx.Response:
        """The answer to who is asking."""
        headers = [("authorization", f"Bearer {token}"), *(("x-kurz-workspace", one) for one in workspaces)]
        return await self.api.client.post("/graphql", json={"query": WHO}, headers=headers)

    async def outcome(self, token: str, *workspaces: str) -> tuple[int, list[str]]:
        response = await self.enter(token, *workspaces)
        return response.status_code, error_codes(response)

    async def user(self, subject: str = "ann-1") -> UserRecord | None:
        async with self.api.database.read() as conn:
            return await users.find_by_identity(conn, issuer=self.provider.issuer, subject=subject)


LET_IN = (200, list[str]())
NOT_VALID = (401, ["UNAUTHENTICATED"])
NO_MEMBER = (403, ["FORBIDDEN"])


@pytest.fixture
async def door(database: Database) -> AsyncIterator[Door]:
    seconds = [0.0]
    with running_provider() as provider:
        async with tokens_of(provider, clock=lambda: seconds[0]) as tokens:
            api = await make_api(database, provider=provider, tokens=tokens)
            made = Door(api, provider, seconds)
            await made.invite()
            async with api.client:
                yield made


async def test_who_was_invited_is_let_in_with_a_verified_address_and_known_from_then_on(door: Door) -> None:
    first = (await door.enter(door.token(name="Ann Other"))).json()["data"]
    door.api.clock.advance(60)
    later = (await door.enter(door.token(email=None, name=None))).json()["data"]

    ann = await door.user()
    assert ann is not None
    actor = {"__typename": "User", "id": ids.encode(ids.USER, ann.id), "name": "Ann Other"}
    scopes = [scope.value for scope in Scope if scope in SCOPES_OF[Role.MEMBER]]
    assert first["viewer"] == later["viewer"] == {"role": "MEMBER", "scopes": scopes, "actor": actor}


async def test_an_address_that_nobody_verified_opens_nothing(door: Door) -> None:
    for verified in (False, None, "true"):
        assert await door.outcome(door.token(email_verified=verified, sub=f"x{verified}")) == NO_MEMBER
    assert await door.user() is None


async def test_the_providers_word_is_asked_for_where_the_token_has_no_address(door: Door) -> None:
    door.provider.people["ann-1"] = {"email": "Ann@Example.com", "email_verified": False}
    assert await door.outcome(door.token(email=None)) == NO_MEMBER
    door.provider.people["ann-1"] = {"email": "Ann@Example.com", "email_verified": True}

    async def is_let_in() -> bool:  # strangers are remembered for a second
        return await door.outcome(door.token(email=None)) == LET_IN

    await eventually(is_let_in)


async def test_first_sign_ins_at_once_bind_one_person(door: Door) -> None:
    # As many as there are connections: who waits for one is refused after two seconds, which pass on a busy machine.
    outcomes = await asyncio.gather(*(door.outcome(door.token()) for _ in range(5)))

    assert outcomes == [LET_IN] * 5
    assert await door.outcome(door.token(sub="ann-2")) == NO_MEMBER, "the address is Ann's now"


async def test_strangers_the_removed_and_other_workspaces_members_are_answered_alike(door: Door) -> None:
    theirs = await door.api.new_workspace()
    elsewhere = await door.api.new_member(Role.OWNER, workspace_id=theirs)
    home = ids.encode(ids.WORKSPACE, door.api.instance.workspace_id)
    answers = [
        await door.enter(door.token(sub="stranger", email="eve@example.com")),
        await door.enter(elsewhere.token, home),
        await door.enter(elsewhere.token, "wsp_00000000000"),
        await door.enter(elsewhere.token, "junk"),
        await door.enter(elsewhere.token, ""),
        await door.enter(elsewhere.token, home, ids.encode(ids.WORKSPACE, theirs)),
        await door.enter(door.api.key, ids.encode(ids.WORKSPACE, theirs)),
        await door.enter(door.api.key, "wsp_00000000000"),
    ]
    assert {(answer.status_code, answer.text) for answer in answers} == {(403, answers[0].text)}
    assert error_codes(answers[0]) == ["FORBIDDEN"]


async def test_who_belongs_to_several_workspaces_says_which_one(door: Door) -> None:
    second = await door.api.new_workspace()
    await door.invite(workspace_id=second)
    both = [ids.encode(ids.WORKSPACE, one) for one in (door.api.instance.workspace_id, second)]

    assert await door.outcome(door.token()) == (400, ["BAD_REQUEST"])
    for one in both:
        assert (await door.enter(door.token(), one)).json()["data"]["workspace"] == {"id": one}
    own = (await door.enter(door.api.key, both[0])).json()["data"]["workspace"]
    assert own == {"id": both[0]}, "a key may name its own"


async def test_a_change_of_role_and_a_removal_are_noticed_in_two_seconds(door: Door) -> None:
    member = await door.invite("ben@example.com")
    token = door.token(sub="ben-1", email="ben@example.com")
    assert await door.outcome(token) == LET_IN
    asked = {"workspace_id": door.api.instance.workspace_id, "member_id": member.id, "by": OPERATOR}
    asked |= {"as_role": Role.OWNER, "now": door.api.clock.now}

    async with door.api.database.write() as session:
        await member_changes.change(session, role=Role.READER, **asked)
    await eventually(lambda: _is(door, token, lambda answer: answer.json()["data"]["viewer"]["role"] == "READER"))
    async with door.api.database.write() as session:
        await member_changes.remove(session, **asked)
    await eventually(lambda: _is(door, token, lambda answer: answer.status_code == 403))


async def _is(door: Door, token: str, holds: Any) -> bool:
    return bool(holds(await door.enter(token)))


async def test_new_keys_of_the_provider_are_taken_and_old_ones_are_not(door: Door) -> None:
    old = door.token()
    assert await door.outcome(old) == LET_IN
    door.provider.rotate()
    door.seconds[0] += 11

    assert await door.outcome(door.token()) == LET_IN
    assert await door.outcome(old) == NOT_VALID


async def test_while_the_provider_is_away_keys_work_and_known_tokens_too(door: Door) -> None:
    door.provider.is_away = True
    refused = await door.enter(door.token())
    assert (refused.status_code, error_codes(refused)) == (503, ["UNAVAILABLE"])
    assert int(refused.headers["retry-after"]) > 0
    assert await door.outcome(door.api.key) == LET_IN

    door.provider.is_away = False
    door.seconds[0] += 11
    assert await door.outcome(door.token()) == LET_IN
    door.provider.is_away = True
    door.seconds[0] += 3_600
    assert await door.outcome(door.token()) == LET_IN


async def test_a_first_sign_in_waits_for_the_providers_word(door: Door) -> None:
    assert await door.outcome(door.token(sub="nobody", email="nobody@example.com")) == NO_MEMBER  # its keys are known
    door.provider.is_away = True
    assert (await door.outcome(door.token(email=None)))[0] == 503
    assert await door.outcome(door.token()) == LET_IN, "the token itself has the address"


BAD = {
    "too long": "x" * LONGEST_TOKEN + ".y.z",
    "no parts": "..",
    "junk": "a.b.c",
    "two parts": "a.b",
    "four parts": "a.b.c.d",
    "not base64": "!.!.!",
    "NUL": "a\0.b.c",
}


@pytest.mark.parametrize("case", BAD)
async def test_what_is_no_token_is_refused_without_a_trace(door: Door, case: str) -> None:
    header = f"Bearer {BAD[case]}".encode()
    response = await door.api.client.post("/graphql", json={"query": WHO}, headers={b"authorization": header})
    assert (response.status_code, error_codes(response)) == NOT_VALID
    assert response.headers["www-authenticate"] == 'Bearer realm="kurz", error="invalid_token"'
    assert door.provider.key_reads == 0


async def test_a_token_that_is_not_for_us_or_not_for_now_is_refused(door: Door) -> None:
    now = door.api.clock.now
    for claims in (
        {"aud": "https://other.example"},
        {"iss": "https://evil.example"},
        {"exp": now - timedelta(minutes=2)},
    ):
        response = await door.enter(door.token(**claims))
        assert (response.status_code, error_codes(response)) == NOT_VALID, claims
        assert 'error="invalid_token"' in response.headers["www-authenticate"]


async def test_without_a_provider_a_token_is_no_key(database: Database, steady_provider: Provider) -> None:
    api = await make_api(database)
    async with api.client:
        response = await api.post(WHO, key=steady_provider.token(api.clock.now))
    assert (response.status_code, error_codes(response)) == NOT_VALID


async def test_what_the_provider_calls_somebody_is_noted_within_a_minute(door: Door) -> None:
    await door.enter(door.token(name="Ann Other"))
    door.api.clock.advance(61)

    async def is_renamed() -> bool:  # a person is remembered for a second
        answer = await door.enter(door.token(name="Ann Married"))
        return bool(answer.json()["data"]["viewer"]["actor"]["name"] == "Ann Married")

    await eventually(is_renamed)
    ann = await door.user()
    assert ann is not None and ann.last_seen_at == door.api.clock.now
