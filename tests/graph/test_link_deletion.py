"""Deleting a link over GraphQL: it, its clicks and its history are gone from every answer at once."""

import json
from typing import Any

import pytest

from graph import ids
from models import link_deletion
from models.actors import OPERATOR
from models.ids import LinkId
from models.keys import Scope
from models.roles import Role
from tests.graph.api import Api
from tests.graph.changing import done, forbidden, refusals
from tests.graph.clicked import Clicked, at, days
from tests.graph.living import RECORDED, Live, marked, marks

pytestmark = pytest.mark.database

EVERYTHING = """query ($id: ID!, $clicks: [ID!]!, $range: TimeRangeInput!) {
  links(orderBy: {field: CLICK_COUNT}) { nodes { code clickCount } totalCount }
  search: links(search: "gone") { nodes { code } totalCount }
  byCode: link(by: {code: "gone"}) { id }
  byUrl: link(by: {shortUrl: "https://sho.rt/gone"}) { id }
  byOwnId: link(by: {externalId: "mine"}) { id }
  byId: link(by: {id: $id}) { id }
  node(id: $id) { id }
  nodes(ids: $clicks) { id }
  workspace {
    clicks(range: $range) { nodes { id } }
    analytics(range: $range) {
      totals { clicks uniqueClicks botClicks }
      top(dimension: LINK) { rows { key label clicks } other { clicks } }
      countries: top(dimension: COUNTRY) { rows { key clicks } }
      timeseries(interval: DAY) { points { clicks } }
    }
    filtered: analytics(range: $range, filter: {link: [$id]}) { totals { clicks } }
  }
}"""


async def everything(api: Api, link: str, clicks: list[str]) -> Any:
    return await api.ask(EVERYTHING, {"id": link, "clicks": clicks, "range": days(1, 30)})


@pytest.fixture
async def gone(api: Api, clicked: Clicked) -> str:
    """A deactivated link with clicks, beside one that stays."""
    number, stays = await clicked.link("gone", externalId="mine", title="gone"), await clicked.link("stays")
    await clicked.store(
        *(clicked.visit(number, at(27), visitor=one, country="DE") for one in range(3)),
        clicked.visit(stays, at(28), visitor=9, country="AT"),
    )
    link = ids.encode(ids.LINK, number)
    await done(api, "deactivateLink", link={"id": link})
    return link


async def clicks_of(api: Api, link: str) -> list[str]:
    asked = (
        "query ($id: ID!, $range: TimeRangeInput!) { link(by: {id: $id}) { clicks(range: $range) { nodes { id } } } }"
    )
    found = await api.ask(asked, {"id": link, "range": days(1, 30)})
    return [one["id"] for one in found["link"]["clicks"]["nodes"]]


async def test_a_deleted_link_is_in_no_answer_and_comes_back_as_it_was(api: Api, gone: str) -> None:
    clicks = await clicks_of(api, gone)
    before = await everything(api, gone, clicks)
    assert before["byOwnId"] == before["node"] == {"id": gone} and len(clicks) == 3

    assert (await done(api, "deleteLink", link={"id": gone}))["deletedLinkId"] == gone

    after = await everything(api, gone, clicks)
    assert [after[name] for name in ("byCode", "byUrl", "byOwnId", "byId", "node")] == [None] * 5
    assert after["nodes"] == [None] * 3
    assert after["links"] == {"nodes": [{"code": "stays", "clickCount": 1}], "totalCount": 1}
    assert after["search"] == {"nodes": [], "totalCount": 0}
    analytics = after["workspace"]["analytics"]
    assert analytics["totals"] == {"clicks": 1, "uniqueClicks": 1, "botClicks": 0}
    assert [row["label"] for row in analytics["top"]["rows"]] == ["sho.rt/stays"]
    assert analytics["countries"]["rows"] == [{"key": "AT", "clicks": 1}]
    assert len(after["workspace"]["clicks"]["nodes"]) == 1
    assert after["workspace"]["filtered"]["totals"]["clicks"] == 0
    assert gone not in json.dumps(after)

    await restore(api, gone)
    back = await everything(api, gone, clicks)
    assert back == before


async def restore(api: Api, link: str) -> None:
    number = ids.decode(ids.LINK, link)
    assert number is not None
    async with api.database.write() as session:
        await link_deletion.restore(
            session,
            workspace_id=api.instance.workspace_id,
            link_id=LinkId(number),
            by=OPERATOR,
            now=api.clock.now,
        )


async def test_a_deleted_links_code_and_external_id_are_given_to_nobody(api: Api, gone: str) -> None:
    await done(api, "deleteLink", link={"code": "gone"})

    assert await refusals(api, "createLink", destinationUrl="https://example.com/", code="gone") == [
        ("TAKEN", ["code"])
    ]
    given = {"destinationUrl": "https://example.com/", "externalId": "mine"}  # it may come back with it
    assert await refusals(api, "createLink", **given) == [("TAKEN", ["externalId"])]
    asked = await api.ask('{ codeAvailability(code: "gone") { available reason } }')
    assert asked["codeAvailability"] == {"available": False, "reason": "TAKEN"}


async def test_only_a_deactivated_link_can_be_deleted(api: Api) -> None:
    link = (await api.create(code="active"))["id"]

    assert await refusals(api, "deleteLink", link={"id": link}) == [("CONFLICT", ["link"])]
    assert (await api.ask('{ link(by: {code: "active"}) { status } }'))["link"] == {"status": "ACTIVE"}


async def test_what_is_gone_unknown_foreign_or_malformed_is_not_found(api: Api, gone: str) -> None:
    foreign = await api.new_key(workspace_id=await api.new_workspace())
    lookups = [{"id": gone}, {"code": "gone"}, {"externalId": "mine"}, {"shortUrl": "https://sho.rt/gone"}]
    for lookup in (*lookups, {"id": "lnk_"}, {"code": "a b"}, {"shortUrl": "nonsense"}, {"externalId": "\0"}):
        assert await refusals(api, "deleteLink", key=foreign, link=lookup) == [("NOT_FOUND", ["link"])], lookup
    await done(api, "deleteLink", link={"id": gone})
    for name in ("deleteLink", "updateLink", "deactivateLink", "reactivateLink"):
        for lookup in lookups:
            assert await refusals(api, name, link=lookup) == [("NOT_FOUND", ["link"])], (name, lookup)


async def test_only_admins_delete(api: Api, gone: str) -> None:
    needs = {"requiredScope": "WORKSPACE_ADMIN"}
    weak = await api.new_key(set(Scope) - {Scope.WORKSPACE_ADMIN})
    for secret in (weak, *[(await api.new_member(role)).token for role in (Role.MEMBER, Role.READER)]):
        assert await forbidden(api, "deleteLink", key=secret, link={"id": gone}) == needs
    admin = await api.new_member(Role.ADMIN)
    assert (await done(api, "deleteLink", key=admin.token, link={"id": gone}))["deletedLinkId"] == gone


async def test_its_clicks_are_not_told_again(live: Live, clicked: Clicked) -> None:
    gone, stays = await clicked.link("gone"), await clicked.link("stays")
    async with live.talk() as watcher:  # keeps the last clicks in memory, as long as it is there
        await watcher.subscribe(RECORDED)
        await live.until_followed()
        await clicked.store(*marked(clicked, stays, "first"))
        cursor = (await watcher.next())["clickRecorded"]["cursor"]
        await clicked.store(*marked(clicked, gone, "gone one", "gone two"))
        await clicked.store(*marked(clicked, stays, "second"))
        assert await marks(watcher, 3) == ["gone one", "gone two", "second"]
        last = (await live.api.ask(LAST, {"range": days(1, 30)}))["workspace"]["clicks"]["nodes"]
        of_gone = next(click["id"] for click in last if click["link"]["code"] == "gone")
        for name in ("deactivateLink", "deleteLink"):
            await done(live.api, name, link={"code": "gone"})

        async with live.talk() as returning:
            await returning.subscribe(RECORDED, {"since": cursor})
            assert await marks(returning, 1) == ["second"]
            await clicked.store(*marked(clicked, stays, "third"))
            assert await marks(returning, 1) == ["third"]
            await returning.subscribe(RECORDED, {"since": of_gone}, id="2")
            assert await returning.error_codes() == ["BAD_REQUEST"]


LAST = "query ($range: TimeRangeInput!) { workspace { clicks(range: $range) { nodes { id link { code } } } } }"
