"""People on WebSockets and event streams: let in by a token, and out when it ends or the membership does."""

from datetime import timedelta
from typing import Any

import pytest

from graph import ids
from graph.access_tokens import CLOCK_SKEW
from models import member_changes
from models.actors import OPERATOR
from models.roles import Role
from tests.graph.api import NewMember
from tests.graph.living import RECORDED, Live

pytestmark = pytest.mark.database

WHO = "{ viewer { role actor { id } } }"


async def change_of(live: Live, member: NewMember, *, role: Role | None) -> None:
    """Another role, or none any more."""
    asked: dict[str, Any] = {
        "workspace_id": live.api.instance.workspace_id,
        "member_id": member.record.id,
        "by": OPERATOR,
        "as_role": Role.OWNER,
        "now": live.api.clock.now,
    }
    async with live.api.database.write() as session:
        if role is None:
            await member_changes.remove(session, **asked)
        else:
            await member_changes.change(session, role=role, **asked)


async def test_a_socket_takes_a_token_and_a_workspace(live: Live) -> None:
    ann = await live.api.new_member(Role.READER)
    async with live.talk(key=ann.token) as talk:
        await talk.subscribe(WHO)
        assert (await talk.next())["viewer"] == {"role": "READER", "actor": {"id": ids.encode(ids.USER, ann.user.id)}}
    own = ids.encode(ids.WORKSPACE, live.api.instance.workspace_id)
    async with live.talk(init=False) as talk:
        payload = {"authorization": f"Bearer {ann.token}", "workspace": own}
        await talk.say(type="connection_init", payload=payload)
        assert await talk.hear() == {"type": "connection_ack"}
    async with live.talk(init=False, additional_headers={"x-kurz-workspace": own}) as talk:
        await talk.say(type="connection_init", payload={"authorization": f"Bearer {ann.token}"})
        assert await talk.hear() == {"type": "connection_ack"}


async def test_a_socket_without_a_valid_token_or_with_another_workspace_is_closed(live: Live) -> None:
    ann = await live.api.new_member(Role.READER)
    elsewhere = await live.api.new_workspace()
    tokens = {
        "expired": live.api.token(ann.subject, exp=live.api.clock.now - timedelta(minutes=2)),
        "stranger": live.api.token("stranger"),
        "junk": "a.b.c",
    }
    for name, token in tokens.items():
        assert await _closed_with(live, {"authorization": f"Bearer {token}"}) == 4403, name
    for workspace in (ids.encode(ids.WORKSPACE, elsewhere), "wsp_00000000000", "junk", 1):
        payload = {"authorization": f"Bearer {ann.token}", "workspace": workspace}
        assert await _closed_with(live, payload) == 4403, workspace


async def test_a_socket_has_to_say_which_of_several_workspaces(live: Live) -> None:
    home = await live.api.new_member(Role.READER, name="ann")
    await live.api.new_member(Role.READER, name="ann", workspace_id=await live.api.new_workspace())

    assert await _closed_with(live, {"authorization": f"Bearer {home.token}"}) == 4400


async def _closed_with(live: Live, payload: dict[str, Any]) -> int:
    async with live.talk(init=False) as talk:
        await talk.say(type="connection_init", payload=payload)
        return await talk.closed()


async def test_a_socket_is_closed_when_its_token_expires(live: Live) -> None:
    ann = await live.api.new_member(Role.READER)
    async with live.talk(key=live.api.token(ann.subject, exp=live.api.clock.now + timedelta(minutes=5))) as talk:
        await talk.subscribe(RECORDED)
        await live.until_followed()
        live.api.clock.advance(300 + CLOCK_SKEW.total_seconds())
        assert await talk.closed() == 4403


@pytest.mark.parametrize("role", [None, Role.ADMIN])
async def test_a_socket_is_closed_when_its_person_is_removed_or_has_another_role(live: Live, role: Role | None) -> None:
    ann, ben = await live.api.new_member(Role.READER), await live.api.new_member(Role.READER)
    async with live.talk(key=ann.token) as talk, live.talk(key=ben.token) as other:
        await change_of(live, ann, role=role)
        assert await talk.closed() == 4403
        await other.subscribe(WHO)
        assert (await other.next())["viewer"]["role"] == "READER"


async def test_an_event_stream_takes_a_token_and_ends_with_it(live: Live) -> None:
    ann = await live.api.new_member(Role.READER)
    for end in ("expiry", "removal"):
        token = live.api.token(ann.subject, exp=live.api.clock.now + timedelta(minutes=5))
        async with live.events(RECORDED, key=token) as events:
            await live.until_followed()
            if end == "expiry":
                live.api.clock.advance(300 + CLOCK_SKEW.total_seconds())
            else:
                await change_of(live, ann, role=None)
            name, body = await events.hear() or ("", {})
            assert (name, [error["extensions"]["code"] for error in body["errors"]]) == ("next", ["UNAUTHENTICATED"])
            assert await events.hear() == ("complete", None)
        await live.until_followed(0)


async def test_an_event_stream_is_refused_as_any_request_is(live: Live) -> None:
    async with live.events(RECORDED, key="a.b.c") as events:
        assert events.response.status_code == 401
    async with live.events(RECORDED, key=live.api.token("stranger")) as events:
        assert events.response.status_code == 403
